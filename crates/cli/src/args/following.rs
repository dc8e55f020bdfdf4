//! The arguments that are about following changes.

use clap::{Args, ValueEnum};
use syncline_engine::{
    Following, RetentionAction, RetentionLimit, WhenLost, parse_schema_policies, parse_start,
    parse_until,
};
use syncline_types::Result;

pub(super) const EXAMPLES: &str = "Examples:
  syncline changes mysql://me@db1/shop --table 'orders*'
  syncline changes postgres://me@db1/shop --until 30s | jq .op
  syncline changes mysql://me@db1/shop --from binlog.000042:4 --until caught-up";

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "How changes are followed")]
pub(crate) struct FollowArgs {
    /// Where in the log mode changes begins: now, earliest, or a position of the source (a GTID
    /// set, file:offset, an LSN) [default: now]
    #[arg(long, value_name = "POSITION")]
    pub(crate) from: Option<String>,
    #[command(flatten)]
    pub(crate) until: UntilArgs,
    /// What is done when a table's definition changes: 'drop_table=ignore, add_column=pause'
    ///
    /// Kinds: create_table, drop_table, rename_table, truncate, add_column, drop_column,
    /// modify_column, rename_column, indexes. Policies: apply (the target is changed alike), ignore
    /// (the target stays as it is), pause (the run ends before it; started again, it takes the
    /// change as done, or applies it when it says apply by then). A policy alone is that of every
    /// kind. Without a word drop_table and drop_column pause, all else is applied.
    #[arg(long, value_name = "KIND=POLICY,…")]
    pub(crate) on_schema_change: Option<String>,
    /// Bytes of log that the source may keep for this run
    #[arg(long, value_name = "BYTES")]
    pub(crate) retention_bytes: Option<u64>,
    /// What is done when the source keeps more than that
    #[arg(long, value_enum, default_value = "warn", requires = "retention_bytes")]
    pub(crate) retention_action: RetentionArg,
    /// What is done when the place in the log is gone: purged, or its slot dropped
    #[arg(long, value_enum, default_value = "fail")]
    pub(crate) when_lost: WhenLostArg,
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "How changes are followed")]
pub(crate) struct UntilArgs {
    /// When to end: caught-up (what is in the log by now is through), or after a time; the same
    /// command goes on from there [default: never]
    #[arg(long, value_name = "caught-up|TIME")]
    pub(crate) until: Option<String>,
}

impl FollowArgs {
    /// The settings of a job.
    pub(crate) fn following(&self) -> Result<Following> {
        let schema_changes = self.on_schema_change.as_deref().unwrap_or_default();
        Ok(Following {
            from: parse_start(self.from.as_deref().unwrap_or("now")),
            until: parse_until("--until", self.until.until.as_deref())?,
            schema_changes: parse_schema_policies(schema_changes)
                .map_err(|e| e.at("--on-schema-change"))?,
            retention: self.retention_bytes.map(|max_bytes| RetentionLimit {
                max_bytes,
                action: self.retention_action.into(),
            }),
            when_lost: self.when_lost.into(),
        })
    }
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum RetentionArg {
    /// It is said, again and again
    #[default]
    Warn,
    /// It is said, and copies of the same servers (of the same --state) wait until the run has
    /// caught up
    PauseOthers,
    /// The run lets go of the log: it fails, or copies its tables anew with --when-lost resnapshot
    Release,
}

impl From<RetentionArg> for RetentionAction {
    fn from(arg: RetentionArg) -> Self {
        match arg {
            RetentionArg::Warn => Self::Warn,
            RetentionArg::PauseOthers => Self::PauseOthers,
            RetentionArg::Release => Self::Release,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum WhenLostArg {
    /// The run fails and says which tables have to be copied anew
    #[default]
    Fail,
    /// The tables are copied anew, and followed from there
    Resnapshot,
}

impl From<WhenLostArg> for WhenLost {
    fn from(arg: WhenLostArg) -> Self {
        match arg {
            WhenLostArg::Fail => Self::Fail,
            WhenLostArg::Resnapshot => Self::Resnapshot,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ChangesArgs {
    /// Whose changes are printed: a URL
    pub(crate) source: String,
    /// Which tables, as patterns with * and ?; a quoted part is literal; repeatable
    /// [default: all of the URL's database]
    #[arg(long, value_name = "PATTERN")]
    pub(crate) table: Vec<String>,
    /// Tables to leave out; repeatable
    #[arg(long, value_name = "PATTERN")]
    pub(crate) exclude: Vec<String>,
    /// A condition in the portable expression language; other changes are not printed
    #[arg(long, value_name = "EXPR")]
    pub(crate) filter: Option<String>,
    /// Where in the log to begin: now, earliest, or a position of the source (a GTID set,
    /// file:offset, an LSN)
    #[arg(long, value_name = "POSITION", default_value = "now")]
    pub(crate) from: String,
    /// When to end: caught-up (what is in the log by now is printed), or after a time
    /// [default: never]
    #[arg(long, value_name = "caught-up|TIME")]
    pub(crate) until: Option<String>,
}
