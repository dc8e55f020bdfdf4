//! What the tests of all crates share: real servers, scripted faults, the conformance suite that
//! every source and every sink must pass, and generators of tables.
//!
//! Nothing here is part of the product. Functions panic when a test's set-up fails: a test has
//! nothing better to do with such an error.

pub mod api;
pub mod conformance;
pub mod faults;
pub mod scenarios;
pub mod servers;
pub mod tables;
pub mod tools;
pub mod workload;

pub use faults::Proxy;
pub use servers::{Database, Kind, Server, Session};
pub use tools::Tool;
