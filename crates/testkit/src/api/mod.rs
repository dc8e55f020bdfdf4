//! A Syncline node as its clients see it: an HTTP client for tests, and the real program as a
//! child that can be killed and started again.

mod client;
mod process;

pub use client::{Answer, Client};
pub use process::{ADMIN_TOKEN, Process};
pub use reqwest::Method;
