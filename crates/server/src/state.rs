//! What every request can reach.

use std::sync::Arc;

use axum::extract::FromRef;
use syncline_connector::{Registry, Secret};
use syncline_engine::Engine;
use syncline_store::Store;
use syncline_types::{Error, Result};
use tokio::task::JoinError;

use crate::comparing::Comparing;
use crate::live::Hub;
use crate::metrics::Metrics;
use crate::people::People;
use crate::places::Places;
use crate::runner::Runner;
use crate::secrets::Vault;

/// What every request can reach. Cloning it is cheap.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Shared>);

/// What is behind it.
pub(crate) struct Shared {
    /// The node's name.
    pub(crate) node: String,
    /// The state.
    pub(crate) store: Arc<Store>,
    /// Connectors there are.
    pub(crate) registry: Arc<Registry>,
    /// Seals and opens secrets.
    pub(crate) vault: Arc<Vault>,
    /// What runs jobs.
    pub(crate) engine: Engine,
    /// What signing in needs.
    pub(crate) people: People,
    /// Which project each job is in.
    pub(crate) places: Arc<Places>,
    /// The pool of runs.
    pub(crate) runner: Runner,
    /// Comparisons that are under way.
    pub(crate) comparing: Comparing,
    /// What happens, for all who watch.
    pub(crate) hub: Hub,
    /// What is counted.
    pub(crate) metrics: Metrics,
    /// The first admin's token, for automation.
    pub(crate) admin_token: Option<Secret>,
}

impl std::ops::Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl FromRef<AppState> for Arc<Store> {
    fn from_ref(state: &AppState) -> Self {
        Arc::clone(&state.store)
    }
}

impl AppState {
    /// Wraps it.
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// Works with the state where waiting for a disk or a database holds no request up.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || work(&store))
            .await
            .map_err(|e| ended_early("work with the state", &e))?
    }
}

/// The error of work whose task has panicked: that it has, and nothing of why, for that may hold
/// anything. The log has it already.
pub(crate) fn ended_early(what: &str, cause: &JoinError) -> Error {
    let how = if cause.is_panic() { "has met a defect" } else { "was broken off" };
    Error::bug(format!("{what} {how}; the server's log says more"))
}
