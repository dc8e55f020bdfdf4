//! `syncline changes`: the changes of a store on standard output, as they happen.

use std::sync::Arc;

use syncline_connector::{Endpoint, Mode, Registry};
use syncline_engine::{
    Engine, Following, Job, Outcome, RunHandle, check_mode, parse_start, parse_until,
};
use syncline_store::Store;
use syncline_types::{Code, Error, Result, TableSelection};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::ChangesArgs;
use crate::terminal::View;
use crate::{DONE, INTERRUPTED, output};

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
        let outcome = print(handle, &mut view).await;
        if let Some(log) = source.change_log()
            && let Err(error) = log.unfollow(&run).await
        {
            output::note(format!("note: left behind at the source: {}", error.chain()));
        }
        outcome
    });
    runtime.shutdown_background();
    match outcome? {
        // As `| head` does.
        Outcome::Failed(error, _) if has_left(&error) => Ok(DONE),
        Outcome::Failed(error, _) => Err(error),
        _ => Ok(DONE),
    }
}

/// Until the source ends it, or whoever reads: a place at the source that nobody lets go of would
/// hold its log back for ever.
async fn print(mut handle: RunHandle, view: &mut View) -> Result<Outcome> {
    let listen =
        |kind| signal(kind).map_err(|e| Error::bug("signals cannot be listened to").because(e));
    let mut interrupts = listen(SignalKind::interrupt())?;
    let mut terminations = listen(SignalKind::terminate())?;
    // A terminal that is closed; whoever asked to outlive that does.
    let mut hangups = match is_ignored(HANGUP) {
        true => None,
        false => Some(listen(SignalKind::hangup())?),
    };
    let control = handle.control();
    let mut events = handle.events();
    let ended = handle.wait();
    tokio::pin!(ended);
    let mut asked = false;
    loop {
        let hangup = async {
            match &mut hangups {
                Some(hangups) => hangups.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            outcome = &mut ended => return Ok(outcome),
            Ok(event) = events.recv() => {
                view.show(&event);
                continue;
            }
            _ = interrupts.recv() => {}
            _ = terminations.recv() => {}
            _ = hangup => {}
        }
        if asked {
            std::process::exit(i32::from(INTERRUPTED));
        }
        asked = true;
        if let Err(error) = control.interrupt() {
            output::note(format!("note: {}", error.chain()));
        }
    }
}

/// The number of the signal of a terminal that is closed.
const HANGUP: u32 = 1;

/// Whether this process was started with a signal ignored, as `nohup` does.
fn is_ignored(signal: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal - 1)) != 0
}

/// Whether nobody reads what is printed any more.
fn has_left(error: &Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let broken = error.downcast_ref::<std::io::Error>();
        if broken.is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe) {
            return true;
        }
        cause = error.source();
    }
    false
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
