//! The change log against real servers: what is followed is what was done, in order, whole, and in
//! the very types and values that a snapshot has.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod clocks;
mod definitions;
mod early;
mod identities;
mod reaching;
mod refusals;
mod rows;
mod slots;
mod snapshots;
mod support;
mod types;
