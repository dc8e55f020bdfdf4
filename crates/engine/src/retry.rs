//! When to try again, as a pure function of errors and progress.

use std::time::Duration;

/// The wait doubles from here …
const FIRST: Duration = Duration::from_millis(200);
/// … up to here.
const LONGEST: Duration = Duration::from_secs(30);

/// What to do about a transient error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Wait so long, then try again.
    Wait(Duration),
    /// It has been tried for long enough without any progress.
    GiveUp,
}

/// Waits of one thing that is tried again: exponential, with jitter, and forgotten on progress.
#[derive(Debug, Clone)]
pub struct Retry {
    patience: Option<Duration>,
    waited: Duration,
    tries: u32,
}

impl Retry {
    /// Gives up after `patience` of waiting without progress; never, when that is `None`.
    pub fn new(patience: Option<Duration>) -> Self {
        Self { patience, waited: Duration::ZERO, tries: 0 }
    }

    /// A transient error has happened. `jitter` in 0..1 spreads workers that fail together.
    pub fn failed(&mut self, jitter: f64) -> Decision {
        if self.patience.is_some_and(|patience| self.waited >= patience) {
            return Decision::GiveUp;
        }
        let full = FIRST.saturating_mul(1 << self.tries.min(16)).min(LONGEST);
        let wait = full.mul_f64(0.75 + 0.25 * jitter.clamp(0.0, 1.0));
        let left = self.patience.map_or(wait, |p| p.saturating_sub(self.waited));
        let wait = wait.min(left);
        self.tries += 1;
        self.waited += wait;
        Decision::Wait(wait)
    }

    /// Something became durable: the trouble, if it comes again, is a new one.
    pub fn progressed(&mut self) {
        self.waited = Duration::ZERO;
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waits_grow_to_a_limit() {
        let mut retry = Retry::new(None);
        let waits: Vec<_> = (0..12).map(|_| retry.failed(1.0)).collect();
        assert_eq!(waits[0], Decision::Wait(FIRST));
        assert_eq!(waits[1], Decision::Wait(FIRST * 2));
        assert_eq!(waits[11], Decision::Wait(LONGEST));
    }

    proptest! {
        #[test]
        fn waits_in_all_are_exactly_the_patience(
            seconds in 0u64..600, jitters in prop::collection::vec(0.0f64..1.0, 200)
        ) {
            let patience = Duration::from_secs(seconds);
            let mut retry = Retry::new(Some(patience));
            let mut waited = Duration::ZERO;
            let mut gave_up = false;
            for jitter in jitters {
                match retry.failed(jitter) {
                    Decision::Wait(wait) => {
                        prop_assert!(!gave_up && wait <= LONGEST);
                        waited += wait;
                    }
                    Decision::GiveUp => gave_up = true,
                }
                prop_assert!(waited <= patience);
            }
            prop_assert!(gave_up);
            prop_assert_eq!(waited, patience);
        }

        #[test]
        fn progress_starts_the_patience_anew(tries in 1usize..50) {
            let mut retry = Retry::new(Some(Duration::from_secs(3)));
            for _ in 0..tries {
                prop_assert_ne!(retry.failed(0.5), Decision::GiveUp);
                retry.progressed();
            }
        }
    }
}
