//! The binary log on real servers: what it tells, in which order, and from where on.

#![allow(clippy::unwrap_used, reason = "a test has nothing better to do with an error")]

mod definitions;
mod places;
#[path = "../rig/mod.rs"]
mod rig;
mod transactions;
mod types;
