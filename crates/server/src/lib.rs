//! A node: the entrance to everything from a browser or a program.
//!
//! [`Server::start`] opens the state, listens, and serves REST under `/api/v1`, live events over
//! WebSocket, the console, metrics and health. It runs jobs with the same engine as the command
//! line does.

mod alerts;
mod api;
mod assets;
mod caller;
mod comparing;
mod config;
mod drafts;
mod etag;
mod front;
mod guard;
mod idempotency;
mod input;
mod lease;
mod live;
mod metrics;
mod moment;
mod outgoing;
mod page;
mod people;
mod places;
mod problem;
mod resolving;
mod runner;
mod scheduler;
mod secrets;
mod server;
mod settings;
mod state;
mod step_keys;
mod unique;

pub use api::openapi;
pub use config::{Config, KeySource, Place, Provider, Tls, Web};
pub use outgoing::http_client;
pub use server::Server;
