//! What is wrong, and what is no longer.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use syncline_store::{AlertSettings, Incident, NewIncident, RunFilter, RunRecord};
use syncline_types::{Result, RunState};

use crate::state::AppState;

/// Runs looked at of each kind: more than fail at once that people would read about.
const MOST: u32 = 500;

/// A run as alerts see it.
struct Seen {
    run: RunRecord,
    lag_ms: Option<u64>,
    dead_letters: u64,
}

/// Takes note of what is wrong by now, and of what is no longer.
pub(super) async fn look(
    state: &AppState,
    settings: &AlertSettings,
    channels: &[String],
) -> Result<()> {
    let live: HashMap<String, (Option<u64>, u64)> = state
        .runner
        .live()
        .iter()
        .map(|live| {
            let now = live.now();
            (live.record.id.clone(), (now.lag_ms, now.dead_letters))
        })
        .collect();
    let (settings, channels) = (settings.clone(), channels.to_vec());
    state
        .blocking(move |store| {
            let of = |states| RunFilter { states, ..RunFilter::default() };
            let failed = store.list_runs(&of(vec![RunState::Failed]), MOST)?;
            // Asked for apart: many failures push nothing out of sight that still goes on.
            let unfinished =
                vec![RunState::Created, RunState::Waiting, RunState::Running, RunState::Pausing];
            let mut runs = store.list_runs(&of(unfinished), MOST)?;
            runs.extend(failed);
            runs.sort_by(|one, other| other.id.cmp(&one.id));
            let seen: Vec<Seen> = runs
                .into_iter()
                // Runs of the command line are of those who sit before it.
                .filter(|run| run.more.job_name.is_some())
                .map(|run| {
                    let now = live.get(&run.id);
                    Seen {
                        lag_ms: now.and_then(|now| now.0),
                        dead_letters: now.map_or(run.totals.dead_letters, |now| now.1),
                        run,
                    }
                })
                .collect();
            let open = store.open_incidents()?;
            let now = Utc::now();
            let wrong = wrong(&settings, &seen, &open, now);
            for new in &wrong {
                if !open.iter().any(|old| same(old, new)) {
                    store.open_incident(new, &channels)?;
                }
            }
            for old in &open {
                let still = wrong.iter().any(|new| same(old, new));
                // A job that has failed is right again once a later run of it does better.
                let over = match old.what.cause.as_str() {
                    "failed" if still => false,
                    "failed" => store.last_run_of(&old.what.job)?.is_none_or(|last| {
                        last.id != old.what.run || last.state != RunState::Failed
                    }),
                    _ => !still,
                };
                if over {
                    store.resolve_incident(old.id)?;
                }
            }
            Ok(())
        })
        .await
}

fn same(old: &Incident, new: &NewIncident) -> bool {
    old.what.cause == new.cause && old.what.subject == new.subject
}

/// What is wrong. `open` says what people know already: a failure that is older than an hour is no
/// news for those who set alerts up today.
fn wrong(
    settings: &AlertSettings,
    seen: &[Seen],
    open: &[Incident],
    now: DateTime<Utc>,
) -> Vec<NewIncident> {
    let mut found: Vec<NewIncident> = Vec::new();
    let mut jobs_seen: Vec<&str> = Vec::new();
    for one in seen {
        let job = one.run.more.job_name.as_deref().unwrap_or(&one.run.name);
        let mut add = |cause: &str, subject: &str, message: String| {
            found.push(NewIncident {
                cause: cause.to_owned(),
                subject: subject.to_owned(),
                job: job.to_owned(),
                run: one.run.id.clone(),
                message,
            });
        };
        // The list is newest first: of a job, only its newest run counts as failed or not.
        let newest = !jobs_seen.contains(&job);
        jobs_seen.push(job);
        if one.run.state == RunState::Failed {
            let known = open.iter().any(|i| i.what.cause == "failed" && i.what.subject == job);
            let fresh = age(&one.run.updated_at, now).is_some_and(|age| age < 3600);
            if settings.on_failed && newest && (known || fresh) {
                let reason = match &one.run.more.error {
                    Some(error) => format!("{} {}", error.code, error.message),
                    None => one.run.reason.clone().unwrap_or_else(|| "it does not say why".into()),
                };
                add("failed", job, reason);
            }
        }
        let waits = matches!(one.run.state, RunState::Waiting | RunState::Created);
        if let Some(limit) = settings.waiting_seconds.filter(|_| waits)
            && age(&one.run.updated_at, now).is_some_and(|age| age >= i64::from(limit))
        {
            let why = one.run.more.waits_for.as_ref().or(one.run.reason.as_ref());
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            let since = &one.run.updated_at;
            add("waiting", &one.run.id, format!("it waits since {since}{why}"));
        }
        if let (Some(limit), Some(lag)) = (settings.lag_seconds, one.lag_ms)
            && lag / 1000 >= u64::from(limit)
        {
            add("lag", &one.run.id, format!("it is {} seconds behind its source", lag / 1000));
        }
        if settings.dead_letters.is_some_and(|limit| one.dead_letters >= limit) {
            let rows = one.dead_letters;
            add("dead_letters", &one.run.id, format!("{rows} rows are kept as dead letters"));
        }
    }
    found
}

/// Seconds since a moment that the state keeps.
fn age(at: &str, now: DateTime<Utc>) -> Option<i64> {
    let at = DateTime::parse_from_rfc3339(at).ok()?;
    Some((now - at.with_timezone(&Utc)).num_seconds())
}
