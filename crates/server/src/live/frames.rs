//! What watchers are sent, as texts that are written once for all of them.

use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use serde_json::json;
use syncline_store::RunEventRecord;
use syncline_types::RunState;

use super::text_of;
use crate::runner::{Live, Now, RunView};

/// Tables of a run that are told of at once; the others come with the next change of theirs.
const TABLES: usize = 50;

/// Something to be sent.
pub(super) enum Frame {
    /// An event that is kept.
    Event {
        /// Its number.
        seq: i64,
        run: String,
        job: String,
        text: Utf8Bytes,
    },
    /// How far runs are.
    Progress {
        /// The text for those who watch all.
        all: Utf8Bytes,
        /// What the text begins with.
        head: String,
        items: Vec<Item>,
    },
}

/// How far one run is.
pub(super) struct Item {
    run: String,
    job: String,
    text: String,
}

impl Frame {
    pub(super) fn event(event: &RunEventRecord) -> Self {
        Self::Event {
            seq: event.seq,
            run: event.run.clone(),
            job: event.job.clone().unwrap_or_default(),
            text: text_of(event).into(),
        }
    }

    pub(super) fn progress(seq: i64, items: Vec<Item>) -> Self {
        let at = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.3fZ");
        let head = format!(r#"{{"type":"progress","seq":{seq},"at":"{at}","runs":["#);
        let texts: Vec<&str> = items.iter().map(|i| i.text.as_str()).collect();
        let all = format!("{head}{}]}}", texts.join(",")).into();
        Self::Progress { all, head, items }
    }

    /// The text for a watcher of some runs; `None` when it is about none of them.
    pub(super) fn for_some(&self, fits: impl Fn(&str, &str) -> bool) -> Option<Utf8Bytes> {
        match self {
            Self::Event { run, job, text, .. } => fits(run, job).then(|| text.clone()),
            Self::Progress { head, items, .. } => {
                let some = items.iter().filter(|i| fits(&i.run, &i.job));
                let texts: Vec<&str> = some.map(|i| i.text.as_str()).collect();
                (!texts.is_empty()).then(|| format!("{head}{}]}}", texts.join(",")).into())
            }
        }
    }

    /// The text for a watcher of all.
    pub(super) fn for_all(&self) -> Utf8Bytes {
        match self {
            Self::Event { text, .. } => text.clone(),
            Self::Progress { all, .. } => all.clone(),
        }
    }
}

impl Item {
    pub(super) fn of(live: &Arc<Live>, now: &Now, state: Option<RunState>) -> Self {
        let text = json!({
            "run": live.record.id,
            "job": live.job(),
            "state": state.unwrap_or(live.record.state),
            "rows_read": now.rows_read,
            "rows_written": now.rows_written,
            "rows_estimated": now.rows_estimated,
            "rows_per_second": now.rows_per_second,
            "dead_letters": now.dead_letters,
            "following": now.follows,
            "lag_ms": now.lag_ms,
            "position": now.place,
            "tables": &now.tables[..now.tables.len().min(TABLES)],
        });
        Self { run: live.record.id.clone(), job: live.job().to_owned(), text: text.to_string() }
    }
}

/// What there is at this moment.
pub(super) fn snapshot(seq: i64, runs: &[RunView]) -> Utf8Bytes {
    let at = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    json!({ "type": "snapshot", "seq": seq, "at": at, "runs": runs }).to_string().into()
}
