//! What is wrong, and what is no longer.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use syncline_store::{AlertSettings, Incident, NewIncident, RunFilter, RunRecord, Store};
use syncline_types::{Result, RunState};

use super::text;
use crate::state::AppState;

/// Runs looked at of each kind: more than fail at once that people would read about.
const MOST: u32 = 500;
/// How often within [`WHILE`] people are told of one kind of trouble of one job: what comes and goes
/// is told a few times, and not at every turn.
const OFTEN: u64 = 3;
const WHILE: TimeDelta = TimeDelta::hours(1);
/// Trouble that was not told because it came and went is told once it has stayed for so long.
const STAYS: TimeDelta = TimeDelta::minutes(10);
/// Runs that ended so long ago at most are looked at for what they have left.
const JUST_NOW: TimeDelta = TimeDelta::minutes(10);

/// What a run at work is like just now.
struct Now {
    lag_ms: Option<u64>,
    dead_letters: u64,
    /// It has caught up with its log.
    follows: bool,
}

/// A run as alerts see it.
struct Seen {
    run: RunRecord,
    lag_ms: Option<u64>,
    dead_letters: u64,
    /// Since when it waits.
    waits_since: Option<String>,
}

/// Who is looked at, and who was the last time.
#[derive(Default)]
pub(super) struct Watched(HashSet<String>);

impl Watched {
    /// Takes note of what is wrong by now, and of what is no longer.
    pub(super) async fn look(
        &mut self,
        state: &AppState,
        settings: &AlertSettings,
        channels: &[String],
    ) -> Result<()> {
        let live: HashMap<String, Now> = state
            .runner
            .live()
            .iter()
            .map(|live| {
                let (now, id) = (live.now(), live.record.id.clone());
                let now = Now {
                    lag_ms: now.lag_ms,
                    dead_letters: now.dead_letters,
                    follows: now.follows,
                };
                (id, now)
            })
            .collect();
        // What a run has left is known once it has ended: it is looked at once more.
        let gone: Vec<String> =
            self.0.iter().filter(|id| !live.contains_key(*id)).cloned().collect();
        let now_live = live.keys().cloned().collect();
        let (settings, channels) = (settings.clone(), channels.to_vec());
        state.blocking(move |store| note(store, &settings, &channels, &live, &gone)).await?;
        self.0 = now_live;
        Ok(())
    }
}

fn note(
    store: &Store,
    settings: &AlertSettings,
    channels: &[String],
    live: &HashMap<String, Now>,
    gone: &[String],
) -> Result<()> {
    let open = store.open_incidents()?;
    let now = Utc::now();
    let seen = gather(store, settings, live, gone, &open, now)?;
    let wrong = wrong(settings, &seen, &open, now);
    for new in &wrong {
        match open.iter().find(|old| same(old, new)) {
            None => begin(store, new, channels, now)?,
            Some(old) if stays(old, now) => drop(store.tell_incident(old.id, channels)?),
            Some(_) => {}
        }
    }
    for old in &open {
        let still = wrong.iter().any(|new| same(old, new));
        let over = match old.what.cause.as_str() {
            "failed" => !settings.on_failed || (!still && works_again(store, &old.what.job, live)?),
            _ => !still,
        };
        if over {
            store.resolve_incident(old.id)?;
        }
    }
    Ok(())
}

/// Opens an incident. What has come and gone a few times within the hour is kept, but not told.
fn begin(store: &Store, new: &NewIncident, channels: &[String], now: DateTime<Utc>) -> Result<()> {
    let before = store.incidents_since(&new.cause, &new.job, &text(now - WHILE))?;
    let last = before + 1 == OFTEN;
    let mut new = new.clone();
    if last {
        new.message.push_str(" (it comes and goes: the next word about it only once it stays)");
    }
    let told = if before < OFTEN { channels } else { &[] };
    store.open_incident(&new, told).map(drop)
}

fn stays(old: &Incident, now: DateTime<Utc>) -> bool {
    let since = DateTime::parse_from_rfc3339(&old.opened_at).map(|at| now - at.to_utc());
    // What is much older was there before anybody wanted to be told.
    since.is_ok_and(|since| (STAYS..WHILE + STAYS).contains(&since))
}

/// Whether a job that has failed is right again: a run of it has ended well since, or has caught up
/// with what it follows. One that has only begun anew may fail as the last did.
fn works_again(store: &Store, job: &str, live: &HashMap<String, Now>) -> Result<bool> {
    let Some(last) = store.last_run_of(job)? else { return Ok(true) };
    Ok(match last.state {
        RunState::Finished | RunState::Stopped => true,
        RunState::Running => live.get(&last.id).is_some_and(|now| now.follows),
        _ => false,
    })
}

/// The runs that may be in trouble, newest first.
fn gather(
    store: &Store,
    settings: &AlertSettings,
    live: &HashMap<String, Now>,
    gone: &[String],
    open: &[Incident],
    now: DateTime<Utc>,
) -> Result<Vec<Seen>> {
    let of = |states| RunFilter { states, ..RunFilter::default() };
    let unfinished =
        vec![RunState::Created, RunState::Waiting, RunState::Running, RunState::Pausing];
    // Asked for apart: many failures push nothing out of sight that still goes on.
    let mut runs = store.list_runs(&of(unfinished), MOST)?;
    runs.extend(store.list_runs(&of(vec![RunState::Failed]), MOST)?);
    if settings.dead_letters.is_some() {
        let ended = RunFilter {
            states: vec![RunState::Finished, RunState::Paused],
            since: Some(text(now - JUST_NOW)),
            ..RunFilter::default()
        };
        runs.extend(store.list_runs(&ended, MOST)?);
        let known = open.iter().filter(|i| i.what.cause == "dead_letters").map(|i| &i.what.run);
        let mut others: Vec<&str> = gone.iter().chain(known).map(String::as_str).collect();
        others.retain(|id| !runs.iter().any(|run| run.id == *id));
        runs.extend(store.runs_of(&others)?);
    }
    runs.sort_by(|one, other| other.id.cmp(&one.id));
    runs.dedup_by(|one, other| one.id == other.id);
    let mut seen = Vec::with_capacity(runs.len());
    // Runs of the command line are of those who sit before it.
    for run in runs.into_iter().filter(|run| run.more.job_name.is_some()) {
        let now_live = live.get(&run.id);
        let counted = now_live.map_or(run.totals.dead_letters, |now| now.dead_letters);
        let dead_letters = match settings.dead_letters {
            // What was replayed or dropped waits for nobody.
            Some(limit) if counted >= limit => store.letters_left(&run.id)?,
            _ => 0,
        };
        let waits = matches!(run.state, RunState::Waiting | RunState::Created);
        let long = settings.waiting_seconds.filter(|_| waits).is_some_and(|limit| {
            age(&run.created_at, now).is_some_and(|age| age >= i64::from(limit))
        });
        let waits_since = if long { waiting_since(store, &run.id)? } else { None };
        let lag_ms = now_live.and_then(|now| now.lag_ms);
        seen.push(Seen { run, lag_ms, dead_letters, waits_since });
    }
    Ok(seen)
}

/// When a run began to wait: each try of it is recorded as well.
fn waiting_since(store: &Store, run: &str) -> Result<Option<String>> {
    let waits = |state| matches!(state, RunState::Waiting | RunState::Created);
    let history = store.history(run)?;
    Ok(history.into_iter().rev().take_while(|e| waits(e.state)).last().map(|entry| entry.at))
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
    let mut jobs_seen: HashSet<&str> = HashSet::new();
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
        let newest = jobs_seen.insert(job);
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
        if let (Some(limit), Some(since)) = (settings.waiting_seconds, &one.waits_since)
            && age(since, now).is_some_and(|age| age >= i64::from(limit))
        {
            let why = one.run.more.waits_for.as_ref().or(one.run.reason.as_ref());
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
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
