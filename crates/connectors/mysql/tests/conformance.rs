//! The conformance suite on MariaDB and on MySQL.

use syncline_connector::{AnyConnector, Endpoint, Sink, Source};
use syncline_mysql::MysqlConnector;
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
        AnyConnector::source(&MysqlConnector, &self.endpoint()).expect("a source")
    }

    fn filter_below_ten(&self) -> Option<String> {
        Some("id < 10".to_owned())
    }
}

impl SinkFixture for Fixture {
    fn place(&self) -> &dyn Place {
        &self.place
    }

    fn sink(&self) -> Box<dyn Sink> {
        AnyConnector::sink(&MysqlConnector, &self.endpoint()).expect("a sink")
    }
}

mod mariadb {
    use super::{Fixture, Kind};
    syncline_testkit::source_conformance!(Fixture::on(Kind::MariaDb));
    syncline_testkit::sink_conformance!(Fixture::on(Kind::MariaDb));
}

mod mysql {
    use super::{Fixture, Kind};
    syncline_testkit::source_conformance!(Fixture::on(Kind::MySql));
    syncline_testkit::sink_conformance!(Fixture::on(Kind::MySql));
}
