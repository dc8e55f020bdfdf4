//! What people set up over the API: connections and jobs, on either kind of state, with real
//! databases behind them.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod bad_input;
mod bounds;
mod cancelled;
mod connections;
mod importing;
mod jobs;
mod once;
mod trying;

#[path = "../node/mod.rs"]
mod node;

use serde_json::{Value, json};
use syncline_testkit::{Database, Kind, Server};

/// A database of MariaDB with two tables; `None` where there is no such server.
fn shop() -> Option<Database> {
    let shop = Server::shared(Kind::MariaDb)?.database();
    shop.execute(
        "CREATE TABLE orders (id BIGINT UNSIGNED PRIMARY KEY, price DECIMAL(12,2) NOT NULL, \
         note VARCHAR(50) NULL, secret VARCHAR(20) NOT NULL)",
    );
    shop.execute(
        "INSERT INTO orders VALUES (18446744073709551615, -0.10, NULL, 'card-1'), \
         (2, 1234567890.12, 'día ☃', 'card-2'), (3, 0.00, '', 'card-3')",
    );
    shop.execute("CREATE TABLE `odd.name` (`a b` INT)");
    Some(shop)
}

/// An empty database of PostgreSQL; `None` where there is no such server.
fn warehouse() -> Option<Database> {
    Some(Server::shared(Kind::Postgres)?.database())
}

/// What makes a connection to a database.
fn connection(name: &str, database: &Database) -> Value {
    json!({ "name": name, "url": database.url() })
}

/// A job from one stored connection to another.
fn spec(source: &str, sink: &str) -> Value {
    json!({
        "version": 1,
        "source": { "connection": source, "tables": ["orders"] },
        "sink": { "connection": sink },
    })
}
