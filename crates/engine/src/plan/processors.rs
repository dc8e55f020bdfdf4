//! The processors of a job, and their steps for one table.

use syncline_connector::Processor;
use syncline_types::{Result, TableSchema};

use crate::chain::Chain;
use crate::job::{ColumnMapping, Job};

/// The processors of a job, parsed.
pub(crate) struct Processors {
    source: Vec<Box<dyn Processor>>,
    sink: Vec<Box<dyn Processor>>,
}

impl Processors {
    pub(crate) fn parse(job: &Job) -> Result<Self> {
        let side = |name: &str, configured: &[serde_json::Value]| {
            let opened = configured.iter().cloned().map(|mut step| {
                if let Some(key) = step.pointer_mut("/mask/key")
                    && let Some(name) = key.get("secret").and_then(serde_json::Value::as_str)
                    && let Some(kept) = job.keys.get(name)
                {
                    *key = kept.expose().into();
                }
                step
            });
            let configured = serde_json::Value::Array(opened.collect());
            syncline_processors::build_at(&configured, &format!("processors.{name}"))
        };
        Ok(Self {
            source: side("source", &job.source_processors)?,
            sink: side("sink", &job.sink_processors)?,
        })
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.source.is_empty() && self.sink.is_empty()
    }

    /// Whether a step of that verb is among them.
    pub(crate) fn has(&self, verb: &str) -> bool {
        self.source.iter().chain(&self.sink).any(|p| p.name() == verb)
    }

    /// The steps for rows of `table`. `all`: without those that only leave rows out.
    pub(crate) fn bind(
        &self,
        table: &TableSchema,
        columns: Option<&[ColumnMapping]>,
        job: &Job,
        all: bool,
    ) -> Result<Chain> {
        fn wanted(steps: &[Box<dyn Processor>], all: bool) -> Vec<&dyn Processor> {
            let leaves_out = |p: &dyn Processor| matches!(p.name(), "filter" | "dx_filter");
            steps.iter().map(AsRef::as_ref).filter(|p| !(all && leaves_out(*p))).collect()
        }
        Chain::bind(
            table,
            columns,
            &wanted(&self.source, all),
            &wanted(&self.sink, all),
            &job.values,
        )
    }

    /// Whether rows may leave the chain with other values than they came with.
    pub(super) fn alter_values(&self) -> bool {
        self.source.iter().chain(&self.sink).any(|p| p.name() != "filter")
    }
}
