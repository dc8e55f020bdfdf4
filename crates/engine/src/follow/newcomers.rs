//! Tables that the source made while it was followed, and that its log does not tell of.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use syncline_connector::Follow;
use syncline_types::{Code, Error, ErrorKind, Result, TableInfo};

use super::settings::SchemaPolicy;
use super::state::Phase;
use super::stream::{Followed, Stream};
use crate::events::Event;

/// How often the source is asked for them.
const EVERY: Duration = Duration::from_secs(3);

impl Stream<'_> {
    /// Tables that are to be copied, and followed from then on, by their names.
    ///
    /// # Errors
    /// [`Code::SchemaChangeHeld`] when a person is to decide.
    pub(super) async fn newcomers(&mut self) -> Result<BTreeSet<String>> {
        let mut joining = BTreeSet::new();
        // One thing after the other: first what the job selects anew.
        let busy = self.log.grows || self.log.kept.get().phase != Phase::Following;
        if busy || self.asked_at.is_some_and(|at| at.elapsed() < EVERY) {
            return Ok(joining);
        }
        let policy = self.log.job.following.schema_changes.create_table;
        // What could not be followed may have been mended since another process looked.
        let looks_again = self.asked_at.is_none() && policy == SchemaPolicy::Apply;
        let follow = Follow { tables: self.tables.sources(), ..self.follow.clone() };
        let found = self.changes.newcomers(&follow).await?;
        self.asked_at = Some(Instant::now());
        for table in found {
            let name = table.schema.name.to_string();
            let known = self.tables.place(&table.schema.name).is_some();
            if known || !looks_again && self.log.kept.get().passed_over.contains(&name) {
                continue;
            }
            match policy {
                SchemaPolicy::Apply => match self.refusal(table).await? {
                    None => {
                        joining.insert(name);
                    }
                    Some(why) => self.pass_over(&name, &format!("cannot be followed: {why}"))?,
                },
                SchemaPolicy::Ignore => self.pass_over(&name, "is not followed")?,
                SchemaPolicy::Pause => {
                    self.flush_if_complete().await?;
                    self.pass_over(&name, "waits for a decision")?;
                    let text = format!("{name}: the source has made it");
                    return Err(Error::new(Code::SchemaChangeHeld, text).hint(
                        "started again, the run leaves it alone; with create_table=apply, tables \
                         that come are copied and followed: --on-schema-change",
                    ));
                }
            }
        }
        Ok(joining)
    }

    /// Why a table that came cannot be followed exactly.
    async fn refusal(&mut self, table: TableInfo) -> Result<Option<String>> {
        if table.schema.columns.is_empty() {
            return Ok(Some("it has no columns".to_owned()));
        }
        let follow = Follow { tables: vec![Arc::new(table.schema)], ..self.follow.clone() };
        match self.changes.check_log(&follow).await {
            Ok(_) => Ok(None),
            Err(error) if error.kind() == ErrorKind::Config => {
                let hint = error.hint_text().map(|hint| format!(" ({hint})")).unwrap_or_default();
                Ok(Some(error.chain() + &hint))
            }
            Err(error) => Err(error),
        }
    }

    fn pass_over(&self, name: &str, why: &str) -> Result<()> {
        self.log.kept.change(|state| {
            state.passed_over.insert(name.to_owned());
        })?;
        // Nobody listening is fine.
        let message = format!("{name}: the source has made it; it {why}");
        let _ = self.log.stretch.events.send(Event::Note { message });
        Ok(())
    }

    /// Everything that was applied is durable, so that tables may come.
    pub(super) async fn rest_for(&mut self, tables: BTreeSet<String>) -> Result<Followed> {
        self.flush_if_complete().await?;
        self.record()?;
        Ok(Followed::Grows(tables))
    }
}
