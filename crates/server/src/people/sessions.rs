//! Sessions: how long they last, and the token that goes with them.

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

/// A session that is not used for so long has ended.
const IDLE: TimeDelta = TimeDelta::hours(8);
/// It has ended after so long, however much it is used.
pub(crate) const LONGEST: TimeDelta = TimeDelta::days(7);
/// That something is in use is written down no more often than this.
const NOTE: TimeDelta = TimeDelta::minutes(1);

/// The moment since which a session has to have been used.
pub(crate) fn idle_since() -> String {
    stamp(Utc::now() - IDLE)
}

/// When a session that begins now ends at the latest.
pub(crate) fn ends_at() -> String {
    stamp(Utc::now() + LONGEST)
}

/// A moment as the state keeps it.
pub(crate) fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Whether this moment lies so far back that another is to be noted.
pub(crate) fn is_a_while_ago(noted: Option<&str>) -> bool {
    let noted = noted.and_then(|at| DateTime::parse_from_rfc3339(at).ok());
    noted.is_none_or(|at| Utc::now().signed_duration_since(at) >= NOTE)
}

/// The token that a page has to send beside the cookie: made of the session's secret, which the
/// page cannot read.
pub(crate) fn csrf(secret: &str) -> String {
    hex::encode(Sha256::new().chain_update("csrf:").chain_update(secret).finalize())
}
