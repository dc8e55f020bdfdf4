//! Runs over the API: every button in every state, clients that race, a node that stops in the
//! middle, a queue that says why, schedules, and those who watch.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod bench;
mod buttons;
mod charts;
mod letters;
mod live;
mod logs;
#[path = "../node/mod.rs"]
mod node;
mod projects;
mod queue;
mod schedules;
