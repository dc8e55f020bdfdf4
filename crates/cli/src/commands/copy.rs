//! `syncline copy` and `syncline run`: a job in the foreground.

use std::path::Path;
use std::sync::Arc;

use syncline_connector::{Endpoint, Mode, Registry, WriteMode};
use syncline_engine::{
    Engine, ErrorLimit, Job, Outcome, RunHandle, Speed, Summary, TableColumns, ValuePolicies,
    check_mode, parse_until,
};
use syncline_store::Store;
use syncline_types::{Code, Error, Result, TableSelection};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::error::RecvError;

use crate::args::{
    ChosenArgs, CopyArgs, CreateArg, ModeArg, OutputArgs, RunArgs, ValuesArgs, WhatArgs, WriteArg,
};
use crate::closing::closing_table;
use crate::commands::{check, open_store};
use crate::terminal::View;
use crate::{DONE, FAILED, INTERRUPTED, columns, jobs, output};

/// `syncline copy`.
pub(crate) fn run(registry: &Arc<Registry>, args: CopyArgs) -> Result<u8> {
    let job = job_of(&args)?;
    if args.dry_run {
        return check::show(registry, &job, args.output.events.is_some());
    }
    let store = open_store(&args.state)?;
    in_foreground(registry, store, job, &args.output, args.how.dead_letters.as_deref())
}

/// `syncline run`.
pub(crate) fn run_file(registry: &Arc<Registry>, args: &RunArgs) -> Result<u8> {
    let loaded = jobs::load(&args.job, &command_line(&[]))?;
    let store = open_store(&args.state)?;
    let first = jobs::begin_at(&store, &loaded, args.output.fresh)?;
    let several = loaded.len() > 1;
    for part in loaded.into_iter().skip(first) {
        part.clear(&store, args.output.fresh)?;
        let mut job = with_values(part.job, &args.values)?;
        if let Some(until) = &args.until.until {
            job.following.until = parse_until("--until", Some(until))?;
            check_mode(&job)?;
        }
        if several {
            output::note(format!("{} -> {}", job.source.redacted(), job.sink.redacted()));
        }
        let letters = args.dead_letters.as_deref();
        let code = in_foreground(registry, Arc::clone(&store), job, &args.output, letters)?;
        if code != DONE {
            return Ok(code);
        }
    }
    Ok(DONE)
}

/// The job of a file, with what the command line says about values on top.
pub(crate) fn with_values(mut job: Job, args: &ValuesArgs) -> Result<Job> {
    job.values = policies(args, job.values)?;
    job.allow_lossy |= args.allow_lossy;
    Ok(job)
}

/// Policies of the command line, in place of those of the job file by kind.
fn policies(args: &ValuesArgs, of_file: ValuePolicies) -> Result<ValuePolicies> {
    match &args.values {
        None => Ok(of_file),
        Some(text) => {
            ValuePolicies::parse(&format!("{of_file},{text}")).map_err(|e| e.at("--values"))
        }
    }
}

fn in_foreground(
    registry: &Arc<Registry>,
    store: Arc<Store>,
    job: Job,
    output: &OutputArgs,
    dead_letters: Option<&Path>,
) -> Result<u8> {
    let data_on_stdout = job.sink.path == "-" && job.sink.hosts.is_empty();
    if data_on_stdout && output.events.is_some() {
        return Err(Error::new(Code::Usage, "--events and rows cannot both go to standard output"));
    }
    let command = job.command.clone();
    let mut view = View::new(output.events.is_some(), output.quiet || data_on_stdout);
    let runtime = crate::runtime()?;
    let outcome = runtime.block_on(async {
        let engine = Engine::new(Arc::clone(registry), Arc::clone(&store));
        let handle = engine.start(job, output.fresh)?;
        watch(handle, &mut view).await
    });
    // Sockets that still wait for an answer are not waited for.
    runtime.shutdown_background();
    view.close();
    let outcome = outcome?;
    if let Some(path) = dead_letters {
        write_dead_letters(&store, summary_of(&outcome), path)?;
    }
    let say = |text: String| {
        if data_on_stdout { output::note(text) } else { output::line(text) }
    };
    match outcome {
        Outcome::Finished(summary) => {
            if !view.is_json() {
                say(closing_table(&summary));
            }
            Ok(DONE)
        }
        Outcome::Rested(summary) => {
            if !view.is_json() {
                say(closing_table(&summary));
            }
            output::note(format!("{}. Go on with:\n  {command}", safe(&view, &summary)));
            Ok(DONE)
        }
        Outcome::Interrupted(summary) | Outcome::Stopped(summary) => {
            if view.position().is_some() && !view.is_json() {
                say(closing_table(&summary));
            }
            output::note(format!(
                "interrupted; {}. Continue with:\n  {command}",
                safe(&view, &summary)
            ));
            Ok(INTERRUPTED)
        }
        Outcome::Failed(error, summary) => {
            if view.is_json() {
                return Ok(if summary.rows_written == 0 && view.position().is_none() {
                    crate::exit_code(&error)
                } else {
                    FAILED
                });
            }
            if summary.rows_written == 0 && view.position().is_none() {
                return Err(error);
            }
            output::error(&error);
            output::note(format!(
                "  {}; once it is mended, continue with:\n  {command}",
                safe(&view, &summary)
            ));
            Ok(FAILED)
        }
    }
}

/// What nothing can take away any more.
fn safe(view: &View, summary: &Summary) -> String {
    match view.position() {
        Some(position) => format!("everything up to {position} is safe at the target"),
        None => format!("{} rows are safe at the target", output::count(summary.rows_written)),
    }
}

/// Shows events until the run ends. The first interrupt makes it keep its place and leave, the
/// second ends the process at once.
async fn watch(mut handle: RunHandle, view: &mut View) -> Result<Outcome> {
    let no_signals = |e| Error::bug("signals cannot be listened to").because(e);
    let mut interrupts = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let mut terminations = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut events = handle.events();
    let mut asked = false;
    let mut open = true;
    while open {
        tokio::select! {
            event = events.recv() => match event {
                Ok(event) => {
                    open = !matches!(
                        event,
                        syncline_engine::Event::Finished(_) | syncline_engine::Event::Failed { .. }
                    ) && !is_at_rest(&event, asked);
                    view.show(&event);
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => open = false,
            },
            _ = interrupts.recv() => interrupt(&handle, &mut asked),
            _ = terminations.recv() => interrupt(&handle, &mut asked),
        }
    }
    Ok(handle.wait().await)
}

/// Whether an interrupted run has come to rest.
fn is_at_rest(event: &syncline_engine::Event, asked: bool) -> bool {
    use syncline_types::RunState;
    asked
        && matches!(
            event,
            syncline_engine::Event::State { state: RunState::Paused | RunState::Stopped, .. }
        )
}

fn interrupt(handle: &RunHandle, asked: &mut bool) {
    if *asked {
        std::process::exit(i32::from(INTERRUPTED));
    }
    *asked = true;
    output::note("interrupted: keeping the place (once more ends at once)");
    if let Err(error) = handle.interrupt() {
        output::note(format!("note: {}", error.chain()));
    }
}

fn summary_of(outcome: &Outcome) -> &Summary {
    match outcome {
        Outcome::Finished(s)
        | Outcome::Rested(s)
        | Outcome::Interrupted(s)
        | Outcome::Stopped(s)
        | Outcome::Failed(_, s) => s,
    }
}

fn write_dead_letters(store: &Store, summary: &Summary, path: &Path) -> Result<()> {
    let mut text = String::new();
    for letter in store.dead_letters(Some(&summary.run))? {
        text.push_str(&serde_json::to_string(&letter).unwrap_or_default());
        text.push('\n');
    }
    std::fs::write(path, text).map_err(|e| {
        Error::new(
            Code::StoreFailed,
            format!("dead letters cannot be written to {}", path.display()),
        )
        .because(e)
    })
}

/// A job from the arguments of `copy`.
pub(crate) fn job_of(args: &CopyArgs) -> Result<Job> {
    let source = Endpoint::parse(&args.source)?;
    let sink = Endpoint::parse(&args.target)?;
    let command = command_line(&[(&args.source, &source), (&args.target, &sink)]);
    let chosen = &args.what.chosen;
    let columns = columns_of(chosen)?;
    let mode = mode_of(&args.what, !columns.is_empty())?;
    let job = Job {
        command,
        mode,
        tables: TableSelection::parse(&chosen.table, &chosen.exclude)?,
        query: chosen.query.clone(),
        filter: chosen.filter_at_source.clone(),
        target: chosen.to.clone(),
        columns,
        source_processors: processors_of(chosen)?,
        write: args.what.write.map(|w| match w {
            WriteArg::Append => WriteMode::Append,
            WriteArg::Upsert => WriteMode::Upsert,
            WriteArg::Replace => WriteMode::Replace,
        }),
        create: args.what.create == CreateArg::Auto,
        generated: args.what.generated.into(),
        speed: Speed {
            parallel: args.how.parallel.map(usize::from),
            rows_per_second: args.how.rows_per_second,
            bytes_per_second: args.how.bytes_per_second,
            split_rows: args.how.split_rows,
        },
        errors: error_limit(args.how.max_errors.as_deref())?,
        values: policies(&args.values, ValuePolicies::default())?,
        allow_lossy: args.values.allow_lossy,
        checkpoint_every: args.how.checkpoint_every.into(),
        patience: syncline_engine::parse_patience("--retry-for", Some(&args.how.retry_for))?,
        following: args.follow.following()?,
        ..Job::new(format!("{} to {}", source.redacted(), sink.redacted()), source, sink)
    };
    check_mode(&job)?;
    Ok(job)
}

pub(crate) fn columns_of(what: &ChosenArgs) -> Result<Vec<TableColumns>> {
    match &what.columns {
        None => Ok(Vec::new()),
        Some(text) => Ok(vec![TableColumns { tables: None, columns: columns::parse(text)? }]),
    }
}

fn mode_of(what: &WhatArgs, columns: bool) -> Result<Mode> {
    let some = &what.chosen;
    let chosen = columns || some.filter_at_source.is_some() || some.query.is_some();
    match what.mode {
        None => Ok(if chosen { Mode::Batch } else { Mode::Full }),
        Some(ModeArg::Full) if chosen => Err(Error::new(
            Code::Usage,
            "--mode full takes all columns and rows; --columns, --where and --query choose",
        )),
        Some(ModeArg::Full) => Ok(Mode::Full),
        Some(ModeArg::Batch) => Ok(Mode::Batch),
        Some(ModeArg::Changes) => Ok(Mode::Changes),
        Some(ModeArg::FullChanges) => Ok(Mode::FullChanges),
    }
}

/// Processors as a job file would have them: `--process` in the order given, then `--filter`.
pub(crate) fn processors_of(what: &ChosenArgs) -> Result<Vec<serde_json::Value>> {
    let mut processors = Vec::new();
    for text in &what.process {
        let value: serde_json::Value = serde_json::from_str(text)
            .map_err(|e| Error::new(Code::BadValue, "--process is not JSON").because(e))?;
        match value {
            serde_json::Value::Array(list) => processors.extend(list),
            one => processors.push(one),
        }
    }
    if let Some(condition) = &what.filter {
        processors.push(serde_json::json!({ "filter": condition }));
    }
    Ok(processors)
}

/// `100`, or `0.1%`.
fn error_limit(text: Option<&str>) -> Result<ErrorLimit> {
    let Some(text) = text else { return Ok(ErrorLimit::default()) };
    let bad = || {
        Error::new(Code::BadValue, format!("--max-errors {text}: a number or a share such as 0.1%"))
    };
    match text.strip_suffix('%') {
        Some(share) => {
            let share: f64 = share.trim().parse().map_err(|_| bad())?;
            if !(0.0..=100.0).contains(&share) {
                return Err(bad());
            }
            Ok(ErrorLimit { rows: None, ratio: Some(share / 100.0) })
        }
        None => Ok(ErrorLimit { rows: Some(text.parse().map_err(|_| bad())?), ratio: None }),
    }
}

/// The command as it was typed, quoted for a shell, without passwords.
fn command_line(addresses: &[(&str, &Endpoint)]) -> String {
    // What begins anew is not to begin anew each time it goes on.
    let words = std::env::args().enumerate().filter(|(_, word)| word != "--fresh");
    let words = words.map(|(index, word)| {
        let word = match addresses.iter().find(|(text, _)| *text == word) {
            Some((text, endpoint)) => hide_password(text, endpoint),
            None if index == 0 => "syncline".to_owned(),
            None => word,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            word
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A URL with the password that stands in it taken out. One that comes from the environment stays
/// named.
fn hide_password(text: &str, endpoint: &Endpoint) -> String {
    let userinfo = text.split_once("://").and_then(|(_, rest)| {
        let authority = rest.split(['/', '?']).next().unwrap_or(rest);
        authority.rsplit_once('@').map(|(userinfo, _)| userinfo)
    });
    let literal = userinfo.and_then(|u| u.split_once(':')).map(|(_, password)| password);
    match literal.filter(|p| !p.starts_with('$') && endpoint.password.is_some()) {
        Some(password) => text.replacen(&format!(":{password}@"), ":***@", 1),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_bad_rows() {
        assert_eq!(error_limit(Some("7")).unwrap(), ErrorLimit { rows: Some(7), ratio: None });
        let share = error_limit(Some("0.5%")).unwrap();
        assert!((share.ratio.unwrap() - 0.005).abs() < 1e-12);
        for text in ["x", "-1", "101%", "%"] {
            assert_eq!(error_limit(Some(text)).unwrap_err().code(), Code::BadValue, "{text}");
        }
    }

    #[test]
    fn a_password_never_stands_in_the_command_that_continues() {
        let text = "mysql://me:s3cret@h/db";
        let hidden = hide_password(text, &Endpoint::parse(text).unwrap());
        assert_eq!(hidden, "mysql://me:***@h/db");
        let named = "mysql://me:$PW@h/db";
        let endpoint = Endpoint::parse_with(named, |_| Some("s3cret".into())).unwrap();
        assert_eq!(hide_password(named, &endpoint), named);
    }
}
