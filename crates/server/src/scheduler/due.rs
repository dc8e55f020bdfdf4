//! What a schedule asks for at a moment: a pure function of the schedule, of up to where it has
//! been carried out, and of the clock.

use chrono::{DateTime, TimeDelta, Utc};
use syncline_engine::{Missed, Schedule, When};

/// A start that is later than this was missed: nobody was there to begin it.
pub(crate) const GRACE: TimeDelta = TimeDelta::seconds(60);
/// A clock that was put back by more than this was wrong before: schedules begin anew. By less, no
/// start comes twice: those that were carried out are not until the clock has passed them again.
const WRONG: TimeDelta = TimeDelta::days(1);
/// Starts counted that fell into a time when nobody was there.
const COUNTED: u32 = 1_000;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing before this moment; nothing ever where there is none.
    Nothing(Option<DateTime<Utc>>),
    /// A start.
    Start {
        /// For when it was meant.
        at: DateTime<Utc>,
        /// Starts before it that nobody was there for.
        missed: u32,
        /// It was itself missed, and is made up for.
        late: bool,
    },
    /// Starts that nobody was there for are let go.
    LetGo {
        /// How many.
        missed: u32,
        /// For when the last of them was meant.
        at: DateTime<Utc>,
    },
    /// The clock was wrong: everything up to now counts as carried out.
    Anew,
}

/// What a schedule asks for at `now`, everything up to `seen` having been carried out.
pub(crate) fn due(schedule: &Schedule, seen: DateTime<Utc>, now: DateTime<Utc>) -> Due {
    if seen - now > WRONG {
        return Due::Anew;
    }
    let Some(first) = schedule.next(seen) else { return Due::Nothing(None) };
    if first > now {
        return Due::Nothing(Some(first));
    }
    let (mut at, mut count) = (first, 1);
    while count < COUNTED
        && let Some(next) = schedule.next(at).filter(|next| *next <= now && *next > at)
    {
        (at, count) = (next, count + 1);
    }
    if count == COUNTED && matches!(schedule.when, When::Cron { .. }) {
        // Too many to go through: the last one is near enough to now to be told from it.
        at = schedule.next(now - GRACE).filter(|next| *next <= now).unwrap_or(at);
    }
    if now - at <= GRACE {
        return Due::Start { at, missed: count - 1, late: false };
    }
    match schedule.missed {
        Missed::Once => Due::Start { at, missed: count - 1, late: true },
        Missed::Skip => Due::LetGo { missed: count, at },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc)
    }

    fn schedule(json: &str) -> Schedule {
        serde_json::from_str(json).unwrap()
    }

    /// Every start of a stretch of time, with somebody there all along, looking once a second.
    fn starts(schedule: &Schedule, from: &str, until: &str) -> Vec<String> {
        let (mut now, until) = (at(from), at(until));
        let mut seen = now;
        let mut found = Vec::new();
        while now <= until {
            match due(schedule, seen, now) {
                Due::Start { at, missed: 0, late: false } => {
                    found.push(at.format("%dT%H:%M").to_string());
                    seen = now;
                }
                Due::Nothing(Some(next)) => now = next,
                Due::Nothing(None) => break,
                other => panic!("{now}: {other:?}"),
            }
        }
        found
    }

    #[test]
    fn a_day_that_is_an_hour_short_or_long_has_its_start() {
        let berlin =
            |cron: &str| schedule(&format!(r#"{{"cron":"{cron}","timezone":"Europe/Berlin"}}"#));
        // 2:30 is left out on 29 March 2026, and comes twice on 25 October.
        let daily = berlin("30 2 * * *");
        let spring = starts(&daily, "2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z");
        assert_eq!(spring.len(), 3, "{spring:?}");
        assert_eq!((&*spring[0], &*spring[2]), ("28T01:30", "30T00:30"));
        let autumn = starts(&daily, "2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z");
        assert_eq!(autumn.len(), 3, "{autumn:?}");
        assert_eq!((&*autumn[0], &*autumn[2]), ("24T00:30", "26T01:30"));
        // Every half hour goes on by the half hour, however long the day is.
        let often = berlin("*/30 * * * *");
        let short = starts(&often, "2026-03-28T23:00:01Z", "2026-03-29T22:00:00Z");
        assert_eq!(short.len(), 2 * 23, "{short:?}");
        let long = starts(&often, "2026-10-24T22:00:01Z", "2026-10-25T23:00:00Z");
        assert_eq!(long.len(), 2 * 25, "{long:?}");
    }

    #[test]
    fn what_nobody_was_there_for_is_made_up_for_once_or_let_go() {
        let once = schedule(r#"{"cron":"0 * * * *"}"#);
        let skip = schedule(r#"{"cron":"0 * * * *","missed":"skip"}"#);
        let (seen, now) = (at("2026-01-01T00:30:00Z"), at("2026-01-01T05:30:00Z"));
        let last = at("2026-01-01T05:00:00Z");
        assert_eq!(due(&once, seen, now), Due::Start { at: last, missed: 4, late: true });
        assert_eq!(due(&skip, seen, now), Due::LetGo { missed: 5, at: last });
        // Somebody is back just in time for one.
        let now = at("2026-01-01T05:00:20Z");
        assert_eq!(due(&skip, seen, now), Due::Start { at: last, missed: 4, late: false });
        // A year of seconds is not counted one by one.
        let seconds = schedule(r#""* * * * * *""#);
        let now = at("2027-01-01T00:00:00Z");
        assert!(matches!(due(&seconds, seen, now), Due::Start { late: false, .. }));
    }

    #[test]
    fn once_is_once() {
        let once = schedule(r#"{"once":"2026-06-01T12:00:00+02:00"}"#);
        let moment = at("2026-06-01T10:00:00Z");
        let before = at("2026-05-01T00:00:00Z");
        assert_eq!(due(&once, before, before), Due::Nothing(Some(moment)));
        let start = Due::Start { at: moment, missed: 0, late: false };
        assert_eq!(due(&once, before, moment), start);
        assert_eq!(due(&once, moment, at("2026-07-01T00:00:00Z")), Due::Nothing(None));
    }

    #[test]
    fn a_clock_that_is_put_back_starts_nothing_twice() {
        let hourly = schedule(r#""0 * * * *""#);
        let seen = at("2026-01-01T05:00:01Z");
        let next = at("2026-01-01T06:00:00Z");
        assert_eq!(due(&hourly, seen, at("2026-01-01T04:59:30Z")), Due::Nothing(Some(next)));
        assert_eq!(due(&hourly, seen, at("2025-12-31T23:00:00Z")), Due::Nothing(Some(next)));
        assert_eq!(due(&hourly, at("2036-01-01T00:00:00Z"), seen), Due::Anew);
    }

    proptest! {
        /// However the clock jumps, nothing starts twice for the same moment, nothing starts early,
        /// and after a start nothing is due until the next one.
        #[test]
        fn no_start_comes_twice(
            jumps in prop::collection::vec(-20_000..40_000i64, 1..60),
            minute in 0..60u32, every in 1..24u32, skip in any::<bool>()
        ) {
            let missed = if skip { "skip" } else { "once" };
            let schedule = schedule(&format!(
                r#"{{"cron":"{minute} */{every} * * *","missed":"{missed}","timezone":"Europe/Berlin"}}"#
            ));
            let mut now = at("2026-03-27T00:00:00Z");
            let mut seen = now;
            let mut last = None;
            for jump in jumps {
                now += TimeDelta::seconds(jump);
                match due(&schedule, seen, now) {
                    Due::Start { at, .. } => {
                        prop_assert!(at <= now, "{at} was started at {now}");
                        prop_assert!(last.is_none_or(|last| at > last), "{at} came twice");
                        last = Some(at);
                        seen = now;
                    }
                    Due::LetGo { at, .. } => {
                        prop_assert!(skip && at <= now);
                        last = Some(at);
                        seen = now;
                    }
                    Due::Anew => (seen, last) = (now, None),
                    Due::Nothing(next) => prop_assert!(next.is_none_or(|next| next > now)),
                }
                if seen <= now {
                    prop_assert!(matches!(due(&schedule, seen, now), Due::Nothing(_)));
                }
            }
        }
    }
}
