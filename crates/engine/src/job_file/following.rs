//! What a job file and the command line say about following changes.

use syncline_connector::{Mode, Start};
use syncline_types::{Code, Error, Result, did_you_mean};

use super::parse_duration;
use crate::follow::{Following, SchemaPolicies, Until};
use crate::job::Job;

/// Where to begin in a log: `now`, `earliest`, or a position in the source's own words.
pub fn parse_start(text: &str) -> Start {
    match text {
        "now" => Start::Now,
        "earliest" => Start::Earliest,
        position => Start::At(position.to_owned()),
    }
}

/// When a run that follows comes to rest: `caught-up`, or a length of time; never without a word.
///
/// # Errors
/// [`Code::BadValue`], naming `place`.
pub fn parse_until(place: &str, text: Option<&str>) -> Result<Until> {
    match text {
        None => Ok(Until::Stopped),
        Some("caught-up" | "caught_up") => Ok(Until::CaughtUp),
        Some(text) => match parse_duration(place, text) {
            Ok(time) => Ok(Until::For(time)),
            Err(error) => Err(error.hint("caught-up, or a length of time: 30s, 10m, 2h")),
        },
    }
}

/// What is done with changes of definitions, as `drop_table=ignore, add_column=pause`; what is not
/// named is done as it is when nothing is said, or as a policy alone, which comes first, says.
///
/// # Errors
/// [`Code::BadValue`] for a kind or a policy that does not exist.
pub fn parse_schema_policies(text: &str) -> Result<SchemaPolicies> {
    let broken = |e| Error::bug("policies cannot be written").because(e);
    let mut all = serde_json::to_value(SchemaPolicies::default()).map_err(broken)?;
    let bad = |message: String| Error::new(Code::BadValue, message);
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        // A policy alone is that of every kind.
        let (kind, policy) = part.split_once('=').unwrap_or(("", part));
        let (kind, policy) = (kind.trim(), policy.trim());
        if !["apply", "ignore", "pause"].contains(&policy) {
            let near = did_you_mean(policy, ["apply", "ignore", "pause"]);
            return Err(bad(format!("{policy:?} is not a policy: apply, ignore or pause{near}"))
                .hint("KIND=POLICY with a comma between, or a policy alone for every kind"));
        }
        if !part.contains('=') {
            for slot in all.as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
                *slot = policy.into();
            }
            continue;
        }
        match all.get_mut(kind) {
            Some(slot) => *slot = policy.into(),
            None => {
                let kinds: Vec<String> =
                    all.as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default();
                let near = did_you_mean(kind, kinds.iter().map(String::as_str));
                let message = format!("{kind:?} is not a kind of change{near}");
                return Err(bad(message).hint(format!("there are {}", kinds.join(", "))));
            }
        }
    }
    serde_json::from_value(all).map_err(broken)
}

/// Refuses what makes no sense together with the job's mode.
///
/// # Errors
/// [`Code::BadValue`], [`Code::Unsupported`].
pub fn check_mode(job: &Job) -> Result<()> {
    let follows = matches!(job.mode, Mode::Changes | Mode::FullChanges);
    if !follows {
        if job.following == Following::default() {
            return Ok(());
        }
        let message = format!("mode {} follows no changes", job.mode);
        let hint = "from, until, schema changes, retention and when-lost need mode changes or \
                    full+changes";
        return Err(Error::new(Code::BadValue, message).hint(hint));
    }
    if job.mode == Mode::FullChanges && job.following.from != Start::Now {
        let message = "mode full+changes begins with a snapshot, and the log where that stands";
        return Err(Error::new(Code::BadValue, message).hint("from is for mode changes"));
    }
    if job.query.is_some() || job.filter.is_some() {
        let message =
            format!("a condition or query of the source cannot choose in mode {}", job.mode);
        return Err(Error::new(Code::Unsupported, message)
            .hint("a filter in the portable expression language can: --filter, processors"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::follow::SchemaPolicy;

    #[test]
    fn ends_and_beginnings_have_names() {
        assert_eq!(parse_until("until", None).unwrap(), Until::Stopped);
        assert_eq!(parse_until("until", Some("caught-up")).unwrap(), Until::CaughtUp);
        let time = parse_until("until", Some("2m")).unwrap();
        assert_eq!(time, Until::For(Duration::from_secs(120)));
        assert_eq!(parse_until("until", Some("soon")).unwrap_err().code(), Code::BadValue);
        assert_eq!(parse_start("earliest"), Start::Earliest);
        assert_eq!(parse_start("0-1-17"), Start::At("0-1-17".to_owned()));
    }

    #[test]
    fn policies_of_definitions_are_read_over_the_usual_ones() {
        let policies = parse_schema_policies("drop_table=ignore, truncate=pause").unwrap();
        assert_eq!(policies.drop_table, SchemaPolicy::Ignore);
        assert_eq!(policies.truncate, SchemaPolicy::Pause);
        assert_eq!(policies.drop_column, SchemaPolicies::default().drop_column);
        let policies = parse_schema_policies("apply, truncate=pause").unwrap();
        assert_eq!(policies.drop_table, SchemaPolicy::Apply);
        assert_eq!(policies.truncate, SchemaPolicy::Pause);
        for (text, words) in [
            ("drop_tables=ignore", "did you mean \"drop_table\"?"),
            ("drop_table=ignor", "did you mean \"ignore\"?"),
            ("drop_table", "apply, ignore or pause"),
        ] {
            let error = parse_schema_policies(text).unwrap_err();
            assert_eq!(error.code(), Code::BadValue);
            assert!(error.message().contains(words), "{error}");
        }
    }

    #[test]
    fn what_only_a_mode_that_follows_can_do_is_refused_elsewhere() {
        let job = |mode: Mode, change: fn(&mut Job)| {
            let end = syncline_connector::Endpoint::parse("sqlite:x.db").unwrap();
            let mut job = Job::new("j", end.clone(), end);
            job.mode = mode;
            change(&mut job);
            check_mode(&job).map_err(|e| e.code())
        };
        let until = |job: &mut Job| job.following.until = Until::CaughtUp;
        assert_eq!(job(Mode::Full, until), Err(Code::BadValue));
        assert_eq!(job(Mode::Changes, until), Ok(()));
        let from = |job: &mut Job| job.following.from = Start::Earliest;
        assert_eq!(job(Mode::Changes, from), Ok(()));
        assert_eq!(job(Mode::FullChanges, from), Err(Code::BadValue));
        let filter = |job: &mut Job| job.filter = Some("a > 1".to_owned());
        assert_eq!(job(Mode::Batch, filter), Ok(()));
        assert_eq!(job(Mode::Changes, filter), Err(Code::Unsupported));
    }
}
