//! How a job is kept that was given: as a new one, or over the one there is.

use std::sync::Arc;

use serde_json::json;
use syncline_store::{Edit, JobBody};
use syncline_types::Result;

use super::jobs::JobView;
use crate::caller::Caller;
use crate::drafts;
use crate::etag::Versioned;
use crate::resolving::{Place, outline};
use crate::state::AppState;
use crate::step_keys;

/// Where a job is kept.
pub(crate) struct At {
    /// Its name.
    pub(crate) name: String,
    /// The project it is in from then on.
    pub(crate) project: String,
}

/// Where a job is to be written: over the one of a version (any, when none is given).
pub(crate) struct Over(pub(crate) Option<u64>);

/// Looks a job through, and keeps it: as a new one, or over the one there is.
pub(crate) async fn save(
    state: &AppState,
    caller: &Caller,
    at: At,
    draft: drafts::Draft,
    mut body: JobBody,
    over: Option<Over>,
    note: String,
) -> Result<Versioned<JobView>> {
    let (vault, registry) = (Arc::clone(&state.vault), Arc::clone(&state.registry));
    let places = Arc::clone(&state.places);
    let At { name, project } = at;
    let (by, of) = (caller.name.clone(), name.clone());
    let action = if over.is_some() { "job.update" } else { "job.create" };
    let (kept, last) = state
        .blocking(move |store| {
            let place = Place { name: &of, project: &project };
            let job = drafts::look_through(&draft, store, &vault, &registry, place)?;
            let outline = outline(&draft.file, &job)?;
            step_keys::seal(store, &vault, &mut body)?;
            let edit = Edit { author: &by, note: &note, project: Some(&project) };
            let kept = match over {
                None => store.create_job(&of, &body, &outline, edit)?,
                Some(Over(version)) => store.change_job(&of, version, &body, &outline, edit)?,
            };
            places.put(&of, &kept.project);
            Ok((kept, store.last_run_of(&of)?))
        })
        .await?;
    state.hub.moved(&name, &kept.project);
    let version = kept.version;
    let detail = json!({ "version": version, "project": kept.project });
    state.audit(caller, action, &name, detail).await?;
    Ok(Versioned(version, JobView::of(kept, last, state)?))
}
