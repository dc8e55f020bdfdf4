//! One limit on rows and one on bytes for the whole run.

use std::num::NonZeroU32;

use governor::clock::DefaultClock;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use syncline_connector::Budget;

use crate::courtesy::Way;
use crate::job::Speed;

type Limiter = RateLimiter<NotKeyed, InMemoryState, DefaultClock>;

/// Rows in a batch at most.
const BATCH_ROWS: usize = 16_384;
/// Arrow bytes in a batch, roughly, at most.
const BATCH_BYTES: usize = 4 << 20;

/// The run's limits, shared by its workers.
pub(crate) struct Limits {
    rows: Option<Limiter>,
    bytes: Option<Limiter>,
    budget: Budget,
    /// Where others may go first.
    way: Option<Way>,
}

impl Limits {
    pub(crate) fn new(speed: &Speed, way: Option<Way>) -> Self {
        let limiter = |per_second: Option<NonZeroU32>| {
            // A burst of a tenth of a second keeps the flow even.
            per_second.map(|n| {
                let burst = NonZeroU32::new(n.get() / 10).unwrap_or(NonZeroU32::MIN);
                RateLimiter::direct(Quota::per_second(n).allow_burst(burst))
            })
        };
        let tenth = |n: NonZeroU32| (n.get() as usize / 10).max(1);
        Self {
            way,
            rows: limiter(speed.rows_per_second),
            bytes: limiter(speed.bytes_per_second),
            budget: Budget {
                rows: speed.rows_per_second.map_or(BATCH_ROWS, |n| tenth(n).min(BATCH_ROWS)),
                bytes: speed.bytes_per_second.map_or(BATCH_BYTES, |n| tenth(n).min(BATCH_BYTES)),
            },
        }
    }

    /// How much to read at once, so that a limit is not overshot by a whole batch.
    pub(crate) fn budget(&self) -> Budget {
        self.budget
    }

    /// Waits until so much may pass.
    pub(crate) async fn pass(&self, rows: u64, bytes: u64) {
        if let Some(way) = &self.way {
            way.free().await;
        }
        if let Some(limiter) = &self.rows {
            drain(limiter, rows, self.budget.rows).await;
        }
        if let Some(limiter) = &self.bytes {
            drain(limiter, bytes, self.budget.bytes).await;
        }
    }
}

/// Takes `amount` in steps no larger than the limiter's burst.
async fn drain(limiter: &Limiter, mut amount: u64, burst: usize) {
    let burst = u32::try_from(burst).unwrap_or(u32::MAX);
    while amount > 0 {
        let step = u32::try_from(amount).unwrap_or(u32::MAX).min(burst);
        if let Some(step) = NonZeroU32::new(step) {
            // Fails only when the step is larger than the burst, which it never is.
            let _ = limiter.until_n_ready(step).await;
        }
        amount -= u64::from(step);
    }
}
