//! MySQL and MariaDB as source and sink.

mod catalog;
mod decode;
mod key;
mod midway;
mod native;
mod options;
mod reader;
mod select;
mod session;
mod snapshot;
mod source;
mod split;
mod wire;

mod checkpoint {
    pub(crate) const TABLE: &str = "_syncline_checkpoint";
}
mod side {
    pub(crate) const PREFIX: &str = "_syncline_";
}

pub use options::{MysqlOptions, Tls};
