//! What is done with bad values: each kind of them under each policy, by copies to every kind of
//! store and by following changes, on real servers. `docs/fidelity.md` has the table of it, which is
//! made from the one that is tested here.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../place/mod.rs"]
mod place;

mod copies;
mod following;
mod kinds;
mod page;
mod target;
