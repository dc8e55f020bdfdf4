//! When a job starts by itself: on a clock, once, or after another job.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use syncline_types::{Code, Error, Result, did_you_mean};

/// When a server starts a job by itself. In a job file: a cron expression, or an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// When.
    pub when: When,
    /// What becomes of starts that fell into a time when no server was there.
    pub missed: Missed,
    /// What happens when the run before is still at work.
    pub overlap: Overlap,
}

/// When a job starts by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// Again and again, by the clock of a time zone.
    Cron {
        /// The expression: minute, hour, day, month, weekday; with seconds before them if wanted.
        cron: String,
        /// The zone.
        timezone: Tz,
    },
    /// Once.
    Once(DateTime<Utc>),
    /// Whenever a run of another job ends.
    After {
        /// The other job's name.
        job: String,
        /// Which ends count.
        on: Ending,
    },
}

/// Which ends of another job's run count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It has done everything.
    #[default]
    Finished,
    /// It has failed.
    Failed,
    /// Either.
    Ended,
}

/// What becomes of starts that fell into a time when no server was there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// One start makes up for all of them.
    #[default]
    Once,
    /// They are let go.
    Skip,
}

/// What happens when a start falls due and the run before is still at work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The start is let go.
    #[default]
    Skip,
    /// One start waits until the run has ended.
    Queue,
}

impl Schedule {
    /// By the clock of UTC.
    ///
    /// # Errors
    /// [`Code::BadValue`] for an expression that is none, or that no time ever fits.
    pub fn cron(expression: &str) -> Result<Self> {
        Config { cron: Some(expression.to_owned()), ..Config::default() }.schedule()
    }

    /// Whenever a run of another job has finished.
    pub fn following(job: &str) -> Self {
        Self {
            when: When::After { job: job.to_owned(), on: Ending::Finished },
            missed: Missed::default(),
            overlap: Overlap::Queue,
        }
    }

    /// The first start after a moment, where the clock alone tells it.
    pub fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.when {
            When::Cron { cron, timezone } => {
                let cron = Cron::from_str(cron).ok()?;
                let local = after.with_timezone(timezone);
                cron.find_next_occurrence(&local, false).ok().map(|next| next.with_timezone(&Utc))
            }
            When::Once(at) => Some(*at).filter(|at| *at > after),
            When::After { .. } => None,
        }
    }

    /// The job whose runs it waits for.
    pub fn after(&self) -> Option<&str> {
        match &self.when {
            When::After { job, .. } => Some(job),
            _ => None,
        }
    }
}

/// A schedule as it is written.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Config {
    /// A cron expression: minute, hour, day, month, weekday; with seconds before them if wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    cron: Option<String>,
    /// Time zone of `cron` by its IANA name, such as `Europe/Berlin`: `UTC` when not given. A
    /// local time that is left out in spring is made up for right after; one that comes twice in
    /// autumn counts once, unless the expression means every hour or minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
    /// A moment, instead of `cron`: `2026-12-24T18:00:00+01:00`.
    #[serde(skip_serializing_if = "Option::is_none")]
    once: Option<String>,
    /// Name of a job, instead of `cron`: this one starts whenever a run of that one ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    /// With `after`, which ends count: `finished` when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<Ending>,
    /// What becomes of starts that fell into a time when no server was there: `once` when not
    /// given.
    #[serde(skip_serializing_if = "Option::is_none")]
    missed: Option<Missed>,
    /// What happens when the run before is still at work: `skip` when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    overlap: Option<Overlap>,
}

impl Config {
    fn schedule(self) -> Result<Schedule> {
        let bad = |message: String| Error::new(Code::BadValue, format!("schedule: {message}"));
        if self.timezone.is_some() && self.cron.is_none() {
            return Err(bad("timezone goes with cron".into()));
        }
        if self.on.is_some() && self.after.is_none() {
            return Err(bad("on goes with after".into()));
        }
        let when = match (self.cron, self.once, self.after) {
            (Some(cron), None, None) => {
                let name = self.timezone.as_deref().unwrap_or("UTC");
                let timezone = Tz::from_str(name).map_err(|_| unknown_zone(name))?;
                let parsed = Cron::from_str(&cron)
                    .map_err(|e| bad(format!("{cron:?} is no cron expression: {e}")).hint(HINT))?;
                let now = Utc::now().with_timezone(&timezone);
                parsed
                    .find_next_occurrence(&now, false)
                    .map_err(|_| bad(format!("no time ever fits {cron:?}")))?;
                When::Cron { cron, timezone }
            }
            (None, Some(once), None) => {
                let at = DateTime::parse_from_rfc3339(&once).map_err(|e| {
                    bad(format!("once: {once:?} is no moment: {e}"))
                        .hint("write it with its offset: 2026-12-24T18:00:00+01:00, or …T17:00:00Z")
                })?;
                When::Once(at.with_timezone(&Utc))
            }
            (None, None, Some(job)) if !job.is_empty() => {
                When::After { job, on: self.on.unwrap_or_default() }
            }
            _ => {
                return Err(bad("exactly one of cron, once and after is needed".into()).hint(HINT));
            }
        };
        Ok(Schedule {
            when,
            missed: self.missed.unwrap_or_default(),
            overlap: self.overlap.unwrap_or_default(),
        })
    }

    fn of(schedule: &Schedule) -> Self {
        let mut config = Self {
            missed: Some(schedule.missed).filter(|m| *m != Missed::default()),
            overlap: Some(schedule.overlap).filter(|o| *o != Overlap::default()),
            ..Self::default()
        };
        match &schedule.when {
            When::Cron { cron, timezone } => {
                config.cron = Some(cron.clone());
                config.timezone =
                    Some(timezone).filter(|t| **t != Tz::UTC).map(|t| t.name().to_owned());
            }
            When::Once(at) => {
                let format = chrono::SecondsFormat::AutoSi;
                config.once = Some(at.to_rfc3339_opts(format, true));
            }
            When::After { job, on } => {
                config.after = Some(job.clone());
                config.on = Some(*on).filter(|on| *on != Ending::default());
            }
        }
        config
    }
}

const HINT: &str = "write minute, hour, day, month and weekday: \"0 3 * * *\" is every day at 3";

fn unknown_zone(name: &str) -> Error {
    let near = did_you_mean(name, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
    Error::new(Code::BadValue, format!("schedule: there is no time zone {name:?}{near}"))
        .hint("time zones have IANA names, such as Europe/Berlin or Asia/Shanghai")
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let config = Config::of(self);
        match &config {
            // Nothing but an expression is written as one.
            Config { cron: Some(cron), timezone: None, missed: None, overlap: None, .. } => {
                serializer.serialize_str(cron)
            }
            _ => config.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Schedule;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a cron expression, or an object with cron, once or after")
            }

            fn visit_str<E: serde::de::Error>(
                self,
                text: &str,
            ) -> std::result::Result<Schedule, E> {
                Schedule::cron(text).map_err(words)
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                map: A,
            ) -> std::result::Result<Schedule, A::Error> {
                let config = Config::deserialize(MapAccessDeserializer::new(map))?;
                config.schedule().map_err(words)
            }
        }

        fn words<E: serde::de::Error>(error: Error) -> E {
            E::custom(error.message())
        }

        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Schedule {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Schedule".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let object = generator.subschema_for::<Config>();
        json_schema!({
            "description": "When a server starts the job by itself: a cron expression, or an object.",
            "oneOf": [
                { "type": "string", "description": "A cron expression, by the clock of UTC." },
                object,
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    fn read(yaml: &str) -> std::result::Result<Schedule, String> {
        serde_saphyr::from_str(yaml).map_err(|e| e.to_string())
    }

    #[test]
    fn a_schedule_is_written_as_it_is_read() {
        for (yaml, json) in [
            ("'0 3 * * *'", r#""0 3 * * *""#),
            ("{ cron: '*/5 * * * *', timezone: UTC }", r#""*/5 * * * *""#),
            (
                "{ cron: '0 3 * * *', timezone: Europe/Berlin, missed: skip, overlap: queue }",
                r#"{"cron":"0 3 * * *","timezone":"Europe/Berlin","missed":"skip","overlap":"queue"}"#,
            ),
            ("{ once: 2030-12-24T18:00:00+01:00 }", r#"{"once":"2030-12-24T17:00:00Z"}"#),
            ("{ after: load }", r#"{"after":"load"}"#),
            ("{ after: load, on: ended }", r#"{"after":"load","on":"ended"}"#),
        ] {
            let schedule = read(yaml).unwrap();
            assert_eq!(serde_json::to_string(&schedule).unwrap(), json);
            assert_eq!(serde_json::from_str::<Schedule>(json).unwrap(), schedule);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (yaml, words) in [
            ("every day", "is no cron expression"),
            ("'61 * * * *'", "is no cron expression"),
            ("'0 0 30 2 *'", "no time ever fits"),
            ("{ cron: '0 3 * * *', timezone: Europe/Berln }", "did you mean \"Europe/Berlin\"?"),
            ("{ once: tomorrow }", "is no moment"),
            ("{ once: 2030-12-24T18:00:00 }", "is no moment"),
            ("{}", "exactly one of"),
            ("{ cron: '0 3 * * *', after: x }", "exactly one of"),
            ("{ after: '' }", "exactly one of"),
            ("{ after: x, timezone: UTC }", "timezone goes with cron"),
            ("{ cron: '0 3 * * *', on: failed }", "on goes with after"),
            ("{ crom: '0 3 * * *' }", "crom"),
            ("{ cron: '0 3 * * *', overlap: sometimes }", "sometimes"),
            ("[1]", "a cron expression"),
            ("5", "a cron expression"),
        ] {
            let error = read(yaml).unwrap_err();
            assert!(error.contains(words), "{yaml}: {error}");
        }
    }

    #[test]
    fn the_clock_of_the_zone_counts_also_when_it_is_put_forward() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc);
        let daily = read("{ cron: '30 2 * * *', timezone: Europe/Berlin }").unwrap();
        let next = |from: &str| daily.next(at(from)).unwrap();
        assert_eq!(next("2026-01-10T00:00:00Z"), at("2026-01-10T01:30:00Z"));
        assert_eq!(next("2026-07-10T00:00:00Z"), at("2026-07-10T00:30:00Z"));
        // 2:30 does not exist on 2026-03-29 in Berlin: one start all the same, and only one.
        let spring = next("2026-03-28T12:00:00Z");
        assert!(spring < at("2026-03-29T02:00:00Z"), "{spring}");
        assert_eq!(daily.next(spring).unwrap(), at("2026-03-30T00:30:00Z"));
        // 2:30 comes twice on 2026-10-25.
        let autumn = next("2026-10-24T12:00:00Z");
        assert_eq!(daily.next(autumn).unwrap(), at("2026-10-26T01:30:00Z"));
        let once = read("{ once: 2030-01-01T00:00:00Z }").unwrap();
        let moment = Utc.with_ymd_and_hms(2030, 1, 1, 0, 0, 0).unwrap();
        assert_eq!(once.next(at("2026-01-01T00:00:00Z")), Some(moment));
        assert_eq!(once.next(moment), None);
        assert_eq!(read("{ after: x }").unwrap().next(moment), None);
    }
}
