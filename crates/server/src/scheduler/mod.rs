//! Jobs that start by themselves: by the clock of a time zone, once, or after another job.
//!
//! Up to where each schedule has been carried out is recorded in the same transaction as the run
//! that it starts: a node that is killed in between starts nothing twice, and forgets nothing.

mod due;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use syncline_engine::{Ending, Overlap, Schedule, When};
use syncline_store::{Level, Mark, NewEvent, ScheduledJob, Store, Trigger, WhenActive};
use syncline_types::{Code, Error, ErrorKind, Result};

use crate::runner::{self, Start};
use crate::state::AppState;
use due::{Due, due};

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(500);
/// Every so many ticks schedules are read again: jobs may have changed.
const READ: u32 = 4;
/// How often old runs are forgotten.
const FORGET: u32 = 2 * 600;

/// A job's schedule, as far as it has been carried out.
struct Entry {
    schedule: Schedule,
    mark: Mark,
    /// Nothing is due before this moment.
    next: Option<DateTime<Utc>>,
}

/// Carries schedules out, until the node stops.
pub(crate) fn spawn(state: &AppState) {
    tokio::spawn(keep_time(state.clone()));
}

async fn keep_time(state: AppState) {
    let mut entries = HashMap::new();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for count in 0_u32.. {
        tokio::select! {
            () = state.runner.left() => return,
            _ = ticks.tick() => {}
        }
        if count.is_multiple_of(READ)
            && let Err(error) = read(&state, &mut entries).await
        {
            tracing::warn!(error = error.chain(), "schedules cannot be read");
        }
        let names: Vec<String> = entries.keys().cloned().collect();
        for name in names {
            let Some(entry) = entries.get_mut(&name) else { continue };
            if let Err(error) = look(&state, &name, entry, Utc::now()).await {
                tracing::error!(job = name, error = error.chain(), "a start by schedule failed");
            }
        }
        if count.is_multiple_of(FORGET)
            && let Err(error) = forget(&state).await
        {
            tracing::warn!(error = error.chain(), "old runs cannot be forgotten");
        }
    }
}

/// Forgets runs that are older than the settings say.
async fn forget(state: &AppState) -> Result<()> {
    state
        .blocking(|store| {
            let days = i64::from(store.settings()?.settings.history_days);
            let before = Utc::now() - chrono::TimeDelta::days(days);
            let before = text_of(before);
            while store.forget_runs(&before, 500)? == 500 {}
            Ok(())
        })
        .await
}

fn text_of(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Reads the schedules there are. One that is new, or new to its job, begins now.
async fn read(state: &AppState, entries: &mut HashMap<String, Entry>) -> Result<()> {
    let known: HashMap<String, String> =
        entries.iter().map(|(name, e)| (name.clone(), e.mark.schedule.clone())).collect();
    let (found, gone) = state
        .blocking(move |store| {
            let scheduled = store.scheduled_jobs()?;
            let changed = |job: &&ScheduledJob| known.get(&job.name) != Some(&job.schedule);
            let names: HashSet<&str> = scheduled.iter().map(|job| job.name.as_str()).collect();
            let mut gone: Vec<String> = known.keys().cloned().collect();
            if known.is_empty() {
                // They may have been taken away before this process began.
                gone.extend(store.marks()?.into_iter().map(|mark| mark.job));
            }
            gone.retain(|name| !names.contains(name.as_str()));
            store.forget_marks(&gone)?;
            let new: Vec<&ScheduledJob> = scheduled.iter().filter(changed).collect();
            if new.is_empty() {
                return Ok((Vec::new(), gone));
            }
            let marks: HashMap<String, Mark> =
                store.marks()?.into_iter().map(|m| (m.job.clone(), m)).collect();
            let entry = |job: &ScheduledJob| entry(store, job, &marks);
            Ok((new.into_iter().map(entry).collect::<Result<Vec<_>>>()?, gone))
        })
        .await?;
    for name in gone {
        entries.remove(&name);
    }
    for (name, entry) in found {
        match entry {
            Some(entry) => drop(entries.insert(name, entry)),
            None => drop(entries.remove(&name)),
        }
    }
    Ok(())
}

fn entry(
    store: &Store,
    job: &ScheduledJob,
    marks: &HashMap<String, Mark>,
) -> Result<(String, Option<Entry>)> {
    let name = job.name.clone();
    let Ok(schedule) = serde_json::from_str::<Schedule>(&job.schedule) else {
        tracing::warn!(job = name, schedule = job.schedule, "a schedule cannot be understood");
        return Ok((name, None));
    };
    let mark = match marks.get(&name).filter(|m| m.schedule == job.schedule) {
        Some(mark) => mark.clone(),
        None => {
            let mark = Mark {
                job: name.clone(),
                schedule: job.schedule.clone(),
                seen_at: job.since.clone(),
                seen_seq: store.event_at(&job.since)?,
            };
            store.set_mark(&mark)?;
            mark
        }
    };
    Ok((name, Some(Entry { schedule, mark, next: None })))
}

/// Starts what is due.
async fn look(state: &AppState, name: &str, entry: &mut Entry, now: DateTime<Utc>) -> Result<()> {
    if let When::After { job, on } = &entry.schedule.when {
        let (job, on) = (job.clone(), *on);
        return look_after(state, name, entry, &job, on).await;
    }
    if entry.next.is_some_and(|next| next > now) {
        return Ok(());
    }
    let seen = DateTime::parse_from_rfc3339(&entry.mark.seen_at)
        .map_or(now, |seen| seen.with_timezone(&Utc));
    let mark = Mark { seen_at: text_of(now), ..entry.mark.clone() };
    match due(&entry.schedule, seen, now) {
        Due::Nothing(next) => {
            // One that is past looks again only when its schedule changes.
            entry.next = next.or(Some(DateTime::<Utc>::MAX_UTC));
            Ok(())
        }
        Due::Anew => {
            tracing::warn!(job = name, "the clock was put back by days; its schedule begins anew");
            pass(state, entry, mark).await
        }
        Due::LetGo { missed, at } => {
            tracing::warn!(job = name, missed, "starts were missed, and are let go");
            let message = format!("{missed} starts by schedule were missed, the last at {at}");
            note(state, name, message).await;
            pass(state, entry, mark).await
        }
        Due::Start { at, missed, late } => {
            let mut by = format!("scheduled for {}", at.format("%Y-%m-%d %H:%M:%S UTC"));
            if late {
                by.push_str(", which was missed");
            }
            if missed > 0 {
                by.push_str(&format!(", and {missed} before it"));
            }
            begin(state, name, entry, Trigger::Schedule, by, mark).await
        }
    }
}

/// Starts a job whose turn has come because another has ended.
async fn look_after(
    state: &AppState,
    name: &str,
    entry: &mut Entry,
    other: &str,
    on: Ending,
) -> Result<()> {
    // Nothing has happened at all since the last look.
    let head = state.hub.seq();
    if head <= entry.mark.seen_seq {
        return Ok(());
    }
    let (job, seen) = (other.to_owned(), entry.mark.seen_seq);
    let ends = state.blocking(move |store| store.ends_after(&job, seen)).await?;
    let counts = |how: &str| match on {
        Ending::Finished => how == "finished",
        Ending::Failed => how == "failed",
        Ending::Ended => how == "finished" || how == "failed",
    };
    let last = ends.last().map(|(seq, _)| *seq);
    let mark = Mark { seen_seq: last.unwrap_or(head).max(seen), ..entry.mark.clone() };
    match ends.iter().rev().find(|(_, how)| counts(how)) {
        Some((_, how)) => {
            let by = format!("a run of {other} has {how}");
            begin(state, name, entry, Trigger::Completion, by, mark).await
        }
        None if last.is_some() => pass(state, entry, mark).await,
        None => {
            // Kept in mind only: nothing of this job's concern has happened.
            entry.mark = mark;
            Ok(())
        }
    }
}

/// Everything up to now is carried out, with nothing started.
async fn pass(state: &AppState, entry: &mut Entry, mark: Mark) -> Result<()> {
    let kept = mark.clone();
    state.blocking(move |store| store.set_mark(&kept)).await?;
    entry.mark = mark;
    entry.next = None;
    Ok(())
}

async fn begin(
    state: &AppState,
    name: &str,
    entry: &mut Entry,
    trigger: Trigger,
    by: String,
    mark: Mark,
) -> Result<()> {
    let when_active = match entry.schedule.overlap {
        Overlap::Skip => WhenActive::Refuse,
        Overlap::Queue => WhenActive::Queue,
    };
    let start = Start {
        trigger,
        by: by.clone(),
        fresh: false,
        priority: None,
        when_active,
        mark: Some(mark.clone()),
    };
    match runner::start(state, name, start).await {
        Ok(_) => {
            entry.mark = mark;
            entry.next = None;
            Ok(())
        }
        // It is tried again at the next tick.
        Err(error) if error.kind() == ErrorKind::Transient || error.code() == Code::DiskFull => {
            Err(error)
        }
        Err(error) => {
            note(state, name, format!("not started, {by}: {}", error.chain())).await;
            pass(state, entry, mark).await?;
            if error.code() == Code::BadTransition { Ok(()) } else { Err(error) }
        }
    }
}

/// Writes what people should know of a job into the log of its newest run.
async fn note(state: &AppState, job: &str, message: String) {
    let job = job.to_owned();
    let kept = state.blocking(move |store| {
        let Some(run) = store.last_run_of(&job)? else { return Ok::<_, Error>(()) };
        store.add_events(&[NewEvent {
            run: run.id,
            kind: "schedule".into(),
            level: Level::Warn,
            message,
            body: json!({}),
        }])
    });
    if let Err(error) = kept.await {
        tracing::warn!(error = error.chain(), "what a schedule came to is not kept");
    }
}
