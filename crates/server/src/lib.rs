//! A node: the entrance to everything from a browser or a program.
//!
//! [`Server::start`] opens the state, listens, and serves REST under `/api/v1`, live events over
//! WebSocket, the console, metrics and health. It runs jobs with the same engine as the command
//! line does.

mod api;
mod caller;
mod config;
mod page;
mod problem;
mod server;
mod state;

pub use api::openapi;
pub use config::{Config, Place, Tls};
pub use server::Server;
