//! Moments that a log tells of its commits: they are for people, and change nothing.

use std::sync::Arc;
use std::time::Duration;

use syncline_engine::{Event, Outcome};
use syncline_types::LogElement;

use crate::script::Told;
use crate::{Run, history, plenty, table};

/// A source whose clock is far ahead, back, at the beginning, before it, and not there.
const MOMENTS: [Option<i64>; 6] =
    [Some(i64::MAX), Some(1_000_000), Some(0), Some(-1), Some(i64::MIN), None];

#[tokio::test(flavor = "multi_thread")]
async fn a_source_whose_clock_jumps_is_followed_as_any() {
    // Each of them comes last once: the lag that is told is that of the last commit.
    for last in 0..MOMENTS.len() {
        let (told, expected) = history(&plenty(12), &table());
        let jumps: Told = Arc::new(move |at| {
            let mut element = told(at)?;
            if let LogElement::Changes(set) = &mut element {
                set.commits[0].at = MOMENTS[(at + 1 + last) % MOMENTS.len()];
            }
            Ok(element)
        });
        let mut run = Run::start(jumps, 12, true, || Duration::ZERO);
        let outcome = tokio::time::timeout(Duration::from_secs(60), &mut run.outcome);
        let outcome = outcome.await.expect("it waits for no clock").unwrap();
        assert!(matches!(outcome, Outcome::Rested(_)), "{outcome:?}");
        assert_eq!(run.rows(), expected);
        let mut lags = Vec::new();
        while let Ok(event) = run.events.try_recv() {
            if let Event::Streaming { lag_ms, .. } = event {
                lags.push(lag_ms);
            }
        }
        let lag = lags.pop().expect("it says that it has caught up");
        match MOMENTS[last] {
            // Ahead of us: no time has passed.
            Some(i64::MAX) => assert_eq!(lag, Some(0)),
            Some(at) if at >= 0 => {
                assert!(lag.is_some_and(|lag| lag > 1_600_000_000_000), "{lag:?}")
            }
            _ => assert_eq!(lag, None),
        }
    }
}
