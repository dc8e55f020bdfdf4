//! Moments of the source's clock. They are told to people and never waited for: that clock may go
//! back, stand still or be far ahead, and so may our own. Whatever has to wait goes by a clock that
//! only goes forward.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since a moment of the source's clock, in microseconds since 1970; 0 where that is
/// ahead of ours. `None` where one of the two is before 1970 and says nothing.
pub(super) fn since(commit: i64) -> Option<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_micros();
    behind(now, commit)
}

/// Milliseconds from one moment to the other.
fn behind(now: u128, commit: i64) -> Option<u64> {
    let commit = u128::try_from(commit).ok()?;
    u64::try_from(now.saturating_sub(commit) / 1_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_is_never_negative_whatever_clocks_say() {
        const NOW: u128 = 1_800_000_000_000_000;
        let now = i64::try_from(NOW).unwrap_or_default();
        assert_eq!(behind(NOW, now - 250_999), Some(250));
        assert_eq!(behind(NOW, now), Some(0));
        // Ahead of ours by a moment, by a day, by all there is.
        for ahead in [now + 1, now + 86_400_000_000, i64::MAX] {
            assert_eq!(behind(NOW, ahead), Some(0), "{ahead}");
        }
        assert_eq!(behind(NOW, 0), Some(1_800_000_000_000));
        for before in [-1, i64::MIN] {
            assert_eq!(behind(NOW, before), None, "{before}");
        }
        // Ours stands at its beginning.
        assert_eq!(behind(0, now), Some(0));
        assert!(since(i64::MAX) == Some(0) && since(i64::MIN).is_none());
    }
}
