//! What is written down of what people do.

use serde_json::Value;
use syncline_store::NewAudit;
use syncline_types::Result;

use crate::caller::Caller;
use crate::state::AppState;

impl AppState {
    /// Writes down that `caller` has done `action` (`job.update`) to `target`. `detail` is a small
    /// JSON object, and never holds a secret.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) async fn audit(
        &self,
        caller: &Caller,
        action: &str,
        target: &str,
        detail: Value,
    ) -> Result<()> {
        let entry = NewAudit {
            actor: caller.name.clone(),
            action: action.to_owned(),
            target: target.to_owned(),
            detail: detail.to_string(),
            address: caller.address.map(|address| address.to_string()),
        };
        tracing::info!(
            actor = entry.actor,
            action = entry.action,
            target = entry.target,
            "done by somebody"
        );
        self.blocking(move |store| store.add_audit(&entry)).await
    }
}
