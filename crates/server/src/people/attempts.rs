//! Failed attempts to sign in, limited by name and by address.
//!
//! Only failures count. Few are allowed for one name from one address, so that nobody outside can
//! shut a user out of the place they work at; more for a name from everywhere, and for an address
//! with all names.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use syncline_types::{Code, Error, Result};

/// Keys beyond which those that were not used lately are forgotten.
const MANY: usize = 10_000;

/// Counts failed attempts.
pub(crate) struct Attempts {
    name_and_address: Limit<(String, Option<IpAddr>)>,
    name: Limit<String>,
    address: Limit<Option<IpAddr>>,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            name_and_address: Limit::new(10, Duration::from_secs(30)),
            name: Limit::new(100, Duration::from_secs(10)),
            address: Limit::new(100, Duration::from_secs(5)),
        }
    }
}

impl Attempts {
    /// Refuses an attempt after too many that failed.
    ///
    /// # Errors
    /// [`Code::TooManyRequests`].
    pub(crate) fn check(&self, name: &str, address: Option<IpAddr>) -> Result<()> {
        let waits = [
            self.name_and_address.wait(&(name.to_owned(), address)),
            self.name.wait(&name.to_owned()),
            self.address.wait(&address),
        ];
        match waits.into_iter().flatten().max() {
            None => Ok(()),
            Some(wait) => {
                let seconds = wait.as_secs() + 1;
                Err(Error::new(Code::TooManyRequests, "too many sign-ins have failed")
                    .hint(format!("try again in {seconds} s"))
                    .retry_in(wait))
            }
        }
    }

    /// Counts an attempt that failed.
    pub(crate) fn failed(&self, name: &str, address: Option<IpAddr>) {
        self.name_and_address.failed((name.to_owned(), address));
        self.name.failed(name.to_owned());
        self.address.failed(address);
    }
}

/// A limit by some key.
struct Limit<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    clock: DefaultClock,
    /// Until when those who have reached it are shut out.
    shut: Mutex<HashMap<K, Instant>>,
}

impl<K: Hash + Eq + Clone> Limit<K> {
    /// So many at once, and one more after each `pause`.
    fn new(burst: u32, pause: Duration) -> Self {
        let quota = Quota::with_period(pause).unwrap_or(Quota::per_minute(NonZeroU32::MIN));
        let quota = quota.allow_burst(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN));
        let shut = Mutex::default();
        Self { limiter: RateLimiter::keyed(quota), clock: DefaultClock::default(), shut }
    }

    fn failed(&self, key: K) {
        let shut = match self.limiter.check_key(&key) {
            Ok(()) => return,
            Err(until) => until.wait_time_from(self.clock.now()),
        };
        let mut all = self.shut.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() + self.limiter.len() > MANY {
            let now = Instant::now();
            all.retain(|_, until| *until > now);
            self.limiter.retain_recent();
        }
        all.insert(key, Instant::now() + shut);
    }

    fn wait(&self, key: &K) -> Option<Duration> {
        let mut all = self.shut.lock().unwrap_or_else(PoisonError::into_inner);
        let until = *all.get(key)?;
        let wait = until.checked_duration_since(Instant::now());
        if wait.is_none() {
            all.remove(key);
        }
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_count_and_an_address_does_not_shut_another_out() {
        let attempts = Attempts::default();
        let (here, there) = (Some([127, 0, 0, 1].into()), Some([10, 0, 0, 1].into()));
        for _ in 0..1000 {
            attempts.check("anna", here).unwrap();
        }
        for _ in 0..11 {
            attempts.failed("anna", here);
        }
        let refused = attempts.check("anna", here).unwrap_err();
        assert_eq!(refused.code(), Code::TooManyRequests);
        attempts.check("anna", there).unwrap();
        attempts.check("bert", here).unwrap();
        for n in 0..200 {
            attempts.failed(&format!("user{n}"), there);
        }
        assert!(attempts.check("bert", there).is_err());
        attempts.check("bert", here).unwrap();
    }
}
