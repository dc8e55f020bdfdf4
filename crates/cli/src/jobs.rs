//! Job files of either kind: our own, and DataX's.

use std::path::Path;

use syncline_datax::{OldFiles, Part};
use syncline_engine::{Job, JobFile, fingerprint};
use syncline_store::Store;
use syncline_types::{Code, Error, Result, RunState};

use crate::args::JobArgs;
use crate::output;

/// A job, ready to run.
pub(crate) struct Loaded {
    /// The job.
    pub(crate) job: Job,
    /// What is to be done with old files before its first run.
    clear: Option<OldFiles>,
}

impl Loaded {
    /// Does what comes before a run that begins anew.
    pub(crate) fn clear(&self, store: &Store, fresh: bool) -> Result<()> {
        match &self.clear {
            Some(clear) if fresh || store.unfinished(&fingerprint(&self.job))?.is_none() => {
                clear.clear()
            }
            _ => Ok(()),
        }
    }
}

/// The jobs of a file, in the order they run; `command` starts them again.
pub(crate) fn load(args: &JobArgs, command: &str) -> Result<Vec<Loaded>> {
    match parts(args)? {
        None => {
            let file = JobFile::read(&args.job)?;
            if file.schedule.is_some() {
                output::note("note: the schedule is for a server; a run from here starts now");
            }
            let job = file.resolve(&stem(&args.job), command)?;
            Ok(vec![Loaded { job, clear: None }])
        }
        Some(parts) => parts.into_iter().map(|part| loaded(part, command)).collect(),
    }
}

/// The one job of a file, for commands that take no more.
pub(crate) fn load_one(args: &JobArgs, command: &str) -> Result<Job> {
    let mut jobs = load(args, command)?;
    match (jobs.pop(), jobs.len()) {
        (Some(one), 0) => Ok(one.job),
        (_, others) => Err(Error::new(
            Code::Unsupported,
            format!("{} holds {} jobs", args.job.display(), others + 1),
        )
        .hint("`syncline convert` prints them apart")),
    }
}

/// The parts of a DataX job; `None` for a job file of our own.
pub(crate) fn parts(args: &JobArgs) -> Result<Option<Vec<Part>>> {
    let place = args.job.display().to_string();
    let Ok(text) = std::fs::read_to_string(&args.job) else {
        // Our own reader says what is wrong with the file.
        return Ok(None);
    };
    if !syncline_datax::is_datax(&text) {
        if let Some(first) = args.param.first() {
            let message = format!("-p {first:?}: only a DataX job has variables");
            return Err(Error::new(Code::Usage, message));
        }
        return Ok(None);
    }
    let variables = syncline_datax::parse_variables(&args.param)?;
    let converted = syncline_datax::convert(&text, &place, &variables)?;
    for note in &converted.notes {
        output::note(format!("note: {note}"));
    }
    Ok(Some(converted.parts))
}

fn loaded(part: Part, command: &str) -> Result<Loaded> {
    let Part { mut job, source_password, sink_password, clear } = part;
    // They stand in the file itself, not in the environment.
    for connection in job.connections.values_mut() {
        connection.password = None;
    }
    let mut job = job.resolve("datax", command)?;
    job.source.password = source_password;
    job.sink.password = sink_password;
    Ok(Loaded { job, clear })
}

/// Where to begin among jobs that run one after the other: where an earlier process left off, at
/// the first one otherwise.
pub(crate) fn begin_at(store: &Store, jobs: &[Loaded], fresh: bool) -> Result<usize> {
    if fresh {
        return Ok(0);
    }
    let prints: Vec<String> = jobs.iter().map(|loaded| fingerprint(&loaded.job)).collect();
    for (at, print) in prints.iter().enumerate() {
        if store.unfinished(print)?.is_some() {
            return Ok(at);
        }
    }
    // Broken off between two: one has finished, and the next has not run since.
    for (at, pair) in prints.windows(2).enumerate() {
        let (Some(done), next) = (store.last_run(&pair[0])?, store.last_run(&pair[1])?) else {
            continue;
        };
        let later = next.is_some_and(|next| next.created_at >= done.created_at);
        if done.state == RunState::Finished && !later {
            return Ok(at + 1);
        }
    }
    Ok(0)
}

/// The name of a job whose file gives none.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
}
