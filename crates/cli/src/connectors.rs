//! All connectors of this build. A new one is one more line here.

use syncline_connector::Registry;
use syncline_files::FilesConnector;
use syncline_mysql::MysqlConnector;
use syncline_postgres::PostgresConnector;
use syncline_sqlite::SqliteConnector;
use syncline_stream::StreamConnector;

/// The registry of this build.
pub(crate) fn registry() -> Registry {
    Registry::new(vec![
        Box::new(MysqlConnector),
        Box::new(PostgresConnector),
        Box::new(SqliteConnector),
        Box::new(FilesConnector),
        Box::new(StreamConnector),
    ])
}
