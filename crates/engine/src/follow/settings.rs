//! How a job follows the changes of its source.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use syncline_connector::Start;

/// How changes are followed, in the modes `changes` and `full+changes`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Following {
    /// Where in the log a run of mode `changes` begins.
    #[serde(default)]
    pub from: Start,
    /// When it comes to rest by itself; it keeps its place, and the same job goes on from there.
    #[serde(default)]
    pub until: Until,
    /// What is done when a table's definition changes at the source.
    #[serde(default)]
    pub schema_changes: SchemaPolicies,
    /// How much log the source may keep for this run.
    #[serde(default)]
    pub retention: Option<RetentionLimit>,
    /// What is done when the place in the log is gone.
    #[serde(default)]
    pub when_lost: WhenLost,
}

/// When a run that follows changes comes to rest by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// Never.
    #[default]
    Stopped,
    /// When everything is at the target that was in the log as this process began to read it.
    CaughtUp,
    /// After it has followed for so long.
    For(Duration),
}

/// What is done with one kind of change of a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SchemaPolicy {
    /// The target's table is changed alike.
    Apply,
    /// The target's table stays as it is.
    Ignore,
    /// The run stops before it, so that a person decides; started again, it takes the change as
    /// done at the target.
    Pause,
}

/// What is done with each kind of change of a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SchemaPolicies {
    /// A table was made that fits the job's selection.
    pub create_table: SchemaPolicy,
    /// A table is gone.
    pub drop_table: SchemaPolicy,
    /// A table has another name.
    pub rename_table: SchemaPolicy,
    /// All rows of a table are gone.
    pub truncate: SchemaPolicy,
    /// A column was added.
    pub add_column: SchemaPolicy,
    /// A column is gone.
    pub drop_column: SchemaPolicy,
    /// A column has another type, default or place.
    pub modify_column: SchemaPolicy,
    /// A column has another name.
    pub rename_column: SchemaPolicy,
    /// Keys, indexes or constraints are others.
    pub indexes: SchemaPolicy,
}

/// Everything is applied that takes nothing away; a table or column that goes is a person's
/// decision.
impl Default for SchemaPolicies {
    fn default() -> Self {
        use SchemaPolicy::{Apply, Pause};
        Self {
            create_table: Apply,
            drop_table: Pause,
            rename_table: Apply,
            truncate: Apply,
            add_column: Apply,
            drop_column: Pause,
            modify_column: Apply,
            rename_column: Apply,
            indexes: Apply,
        }
    }
}

/// How much log the source may keep for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionLimit {
    /// Bytes between the run's place and the end of the log.
    pub max_bytes: u64,
    /// What is done beyond that.
    #[serde(default)]
    pub action: RetentionAction,
}

/// What is done when the source keeps too much log for a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetentionAction {
    /// It is said, again and again.
    #[default]
    Warn,
    /// It is said, and copies of the same servers that run from the same state folder wait until
    /// this run has caught up.
    PauseOthers,
    /// The run lets go of the log, and what was kept for it at the source is removed: it fails, or
    /// copies its tables anew, as `when_lost` says.
    Release,
}

/// What is done when the place in the log is gone: purged, or its slot dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenLost {
    /// The run fails, and says which tables have to be copied anew.
    #[default]
    Fail,
    /// The tables are copied anew, and followed from there.
    Resnapshot,
}
