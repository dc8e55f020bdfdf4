//! Following a log: its changes applied to the target, in order, transaction by transaction.

mod settings;

pub use settings::{
    Following, RetentionAction, RetentionLimit, SchemaPolicies, SchemaPolicy, Until, WhenLost,
};
