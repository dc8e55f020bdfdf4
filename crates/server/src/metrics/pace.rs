//! How fast all runs together have been of late: what the overview draws.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use chrono::Utc;
use serde::Serialize;
use utoipa::ToSchema;

/// An hour, a sample every five seconds.
const SAMPLES: usize = 720;

/// How fast all runs together were at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Sample {
    /// When (UTC, ISO 8601).
    pub(crate) at: String,
    /// Rows written in a second.
    pub(crate) rows_per_second: u64,
}

/// How fast all runs together have been of late.
#[derive(Default)]
pub(crate) struct Pace(Mutex<VecDeque<Sample>>);

impl Pace {
    /// Takes what each run does in a second just now.
    pub(crate) fn sample(&self, runs: impl Iterator<Item = u64>) {
        let at = crate::alerts::text(Utc::now());
        let mut samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() == SAMPLES {
            samples.pop_front();
        }
        samples.push_back(Sample { at, rows_per_second: runs.sum() });
    }

    /// The last hour.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
