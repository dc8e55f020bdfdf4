//! Following the binary log of MySQL and MariaDB, as a replica does.
//!
//! `open` asks the server for its log from a place on, `reader` takes the events one by one,
//! `state` makes transactions of them. Rows go from an event straight into the column builders that
//! the snapshot uses (`map`, `plan`, `cell`, `set`), so that both give the same types and values.
//! `start` finds places, `check` looks whether a server can be followed, `log` is the face of it all.

mod cell;
mod charset;
mod check;
mod decimal;
mod distributed;
mod event;
mod gtid;
mod inet;
mod inflate;
mod json;
mod log;
mod map;
mod maps;
mod open;
mod place;
mod plan;
mod reader;
mod set;
mod start;
mod state;
mod tables;
mod words;

pub(crate) use open::About;
pub(crate) use place::{Place, number};
pub(crate) use start::in_doubt;

use crate::wire::Conn;

/// The log's present end.
pub(crate) async fn end(conn: &mut Conn, about: &About) -> syncline_types::Result<Place> {
    Ok(start::end(conn, about).await?.place)
}
