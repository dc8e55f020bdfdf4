//! The conformance suite, on the oldest and the newest server there is for tests.

use syncline_connector::{AnyConnector, Endpoint, Sink, Source};
use syncline_postgres::PostgresConnector;
use syncline_testkit::Kind;
use syncline_testkit::conformance::{Place, SinkFixture, SourceFixture, SqlPlace};

struct Fixture {
    place: SqlPlace,
}

impl Fixture {
    fn on(kind: Kind) -> Option<Self> {
        Some(Self { place: SqlPlace::on(kind)? })
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
        AnyConnector::source(&PostgresConnector, &self.endpoint()).expect("a source")
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
        AnyConnector::sink(&PostgresConnector, &self.endpoint()).expect("a sink")
    }
}

mod postgres_15 {
    use super::*;
    syncline_testkit::source_conformance!(Fixture::on(Kind::Postgres));
    syncline_testkit::sink_conformance!(Fixture::on(Kind::Postgres));
}

mod postgres_17 {
    use super::*;
    syncline_testkit::source_conformance!(Fixture::on(Kind::Postgres17));
    syncline_testkit::sink_conformance!(Fixture::on(Kind::Postgres17));
}
