//! One module a command.

pub(crate) mod changes;
pub(crate) mod check;
pub(crate) mod client;
pub(crate) mod connectors;
pub(crate) mod convert;
pub(crate) mod copy;
pub(crate) mod dead_letters;
pub(crate) mod reference;
pub(crate) mod runs;
pub(crate) mod schema;
pub(crate) mod server;
pub(crate) mod verify;

use std::path::PathBuf;
use std::sync::Arc;

use syncline_store::Store;
use syncline_types::{Code, Error, Result};

use crate::args::StateArgs;

/// The state in its folder.
fn open_store(args: &StateArgs) -> Result<Arc<Store>> {
    Store::open(&state_folder(args)?).map(Arc::new)
}

/// The state folder: the one given, else the user's.
fn state_folder(args: &StateArgs) -> Result<PathBuf> {
    match &args.state {
        Some(folder) => Ok(folder.clone()),
        None => default_folder().ok_or_else(|| {
            Error::new(Code::StateUnusable, "there is no home folder to keep the state in")
                .hint("give a folder with --state DIR")
        }),
    }
}

fn default_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let base = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|h| h.join(".local/state")))?;
    Some(base.join("syncline"))
}
