//! The conformance suite, on files in a temporary folder.

use syncline_connector::{AnyConnector, Endpoint, Sink, Source};
use syncline_sqlite::SqliteConnector;
use syncline_testkit::conformance::{Place, SinkFixture, SourceFixture, SqlPlace};

struct Fixture {
    place: SqlPlace,
    _folder: tempfile::TempDir,
}

impl Fixture {
    #[allow(clippy::unnecessary_wraps)] // the suite asks for an option
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let place = SqlPlace::sqlite(&folder.path().join("store.db"));
        Some(Self { place, _folder: folder })
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::parse(&self.place.url()).expect("a URL")
    }
}

impl SourceFixture for Fixture {
    fn place(&self) -> &dyn Place {
        &self.place
    }

    fn source(&self) -> Box<dyn Source> {
        AnyConnector::source(&SqliteConnector, &self.endpoint()).expect("a source")
    }

    fn filter_below_ten(&self) -> Option<String> {
        Some("id < 10".into())
    }
}

impl SinkFixture for Fixture {
    fn place(&self) -> &dyn Place {
        &self.place
    }

    fn sink(&self) -> Box<dyn Sink> {
        AnyConnector::sink(&SqliteConnector, &self.endpoint()).expect("a sink")
    }
}

syncline_testkit::source_conformance!(Fixture::new());
syncline_testkit::sink_conformance!(Fixture::new());
