//! Moments as requests bring them.

use chrono::{DateTime, Utc};
use serde::Deserialize;

/// A moment, from its ISO 8601 form with an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Moment(pub(crate) DateTime<Utc>);

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = DateTime::parse_from_rfc3339(&text);
        let read =
            read.map_err(|_| format!("{text:?} is no moment such as 2026-01-31T08:00:00Z"))?;
        Ok(Self(read.to_utc()))
    }
}

impl Moment {
    /// As the state keeps it: such texts compare as the moments do.
    pub(crate) fn stamp(self) -> String {
        crate::people::sessions::stamp(self.0)
    }
}
