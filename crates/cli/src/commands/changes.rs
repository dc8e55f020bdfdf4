//! `syncline changes`: the changes of a store on standard output, as they happen.

use std::sync::Arc;

use syncline_connector::{Endpoint, Mode, Registry};
use syncline_engine::{Engine, Following, Job, Outcome, check_mode, parse_start, parse_until};
use syncline_store::Store;
use syncline_types::{Code, Error, Result, TableSelection};

use crate::args::ChangesArgs;
use crate::commands::copy::watch;
use crate::terminal::View;
use crate::{DONE, output};

/// Changes are printed this soon, whatever the source does.
const EVERY: std::time::Duration = std::time::Duration::from_millis(500);

/// `syncline changes`.
pub(crate) fn run(registry: &Arc<Registry>, args: &ChangesArgs) -> Result<u8> {
    let job = job_of(args)?;
    let source = registry.get(&job.source.scheme)?.source(&job.source)?;
    if source.change_log().is_none() {
        let message = format!("{} has no log of changes", job.source.redacted());
        return Err(Error::new(Code::NoChangeLog, message));
    }
    // Nothing is to be gone on with: its place is kept nowhere.
    let folder = tempfile::tempdir().map_err(|e| {
        Error::new(Code::StateUnusable, "no temporary folder can be made").because(e)
    })?;
    let store = Arc::new(Store::open(folder.path())?);
    let mut view = View::new(false, true);
    let runtime = crate::runtime()?;
    let outcome = runtime.block_on(async {
        let engine = Engine::new(Arc::clone(registry), Arc::clone(&store));
        let handle = engine.start(job, false)?;
        let run = handle.id().to_owned();
        let outcome = watch(handle, &mut view).await;
        if let Some(log) = source.change_log()
            && let Err(error) = log.unfollow(&run).await
        {
            output::note(format!("note: left behind at the source: {}", error.chain()));
        }
        outcome
    });
    runtime.shutdown_background();
    match outcome? {
        Outcome::Failed(error, _) => Err(error),
        _ => Ok(DONE),
    }
}

fn job_of(args: &ChangesArgs) -> Result<Job> {
    let source = Endpoint::parse(&args.source)?;
    let sink = Endpoint::parse("-?format=jsonl")?;
    let filter = args.filter.as_ref().map(|condition| serde_json::json!({ "filter": condition }));
    let job = Job {
        mode: Mode::Changes,
        tables: TableSelection::parse(&args.table, &args.exclude)?,
        source_processors: filter.into_iter().collect(),
        checkpoint_every: EVERY,
        following: Following {
            from: parse_start(&args.from),
            until: parse_until("--until", args.until.as_deref())?,
            ..Following::default()
        },
        ..Job::new(format!("changes of {}", source.redacted()), source, sink)
    };
    check_mode(&job)?;
    Ok(job)
}
