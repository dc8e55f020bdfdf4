//! The connector against real servers. Each module guards one side of it; `support` is a small
//! engine: it does what the real one does, with nothing in between.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod applying;
mod connecting;
mod definitions;
mod fidelity;
mod following;
mod generated;
mod hostile;
mod many;
mod packing;
mod reading;
mod relating;
mod replacing;
mod support;
mod types_page;
mod writing;
