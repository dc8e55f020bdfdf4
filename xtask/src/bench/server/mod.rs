//! `cargo xtask bench server`: what a server takes for its own work, with a full history in its
//! state. Each number stands beside the one that was promised.

mod client;
mod node;

use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use super::data;
use super::measure::median;
use super::rounds::binary;
use client::Client;
use node::Node;

/// Options of `bench server`.
#[derive(Args)]
pub(crate) struct Server {
    /// Jobs in the state
    #[arg(long, default_value_t = 10_000)]
    jobs: usize,
    /// Runs in the state
    #[arg(long, default_value_t = 100_000)]
    runs: usize,
    /// Runs at work while they are watched
    #[arg(long, default_value_t = 50)]
    live: usize,
    /// Watchers of all of them
    #[arg(long, default_value_t = 200)]
    watchers: usize,
    /// Jobs of ten rows sent through the pool
    #[arg(long, default_value_t = 500)]
    small: usize,
    /// Only this: lists, start, pool, watchers
    #[arg(long)]
    only: Option<String>,
}

/// A number, and what was promised of it.
fn told(what: &str, value: f64, unit: &str, promised: f64, more_is_better: bool) {
    let kept = if more_is_better { value >= promised } else { value <= promised };
    let sign = if more_is_better { "at least" } else { "at most" };
    let verdict = if kept { "kept" } else { "NOT KEPT" };
    println!("{what:<52} {value:>9.1} {unit:<6} {sign} {promised:>6.0}  {verdict}");
}

/// Runs it.
///
/// # Errors
/// When the server does not do what it is asked.
pub(super) fn run(options: &Server) -> Result<(), String> {
    let folder = data::folder().join("server");
    let _ = std::fs::remove_dir_all(&folder);
    let files = folder.join("files");
    std::fs::create_dir_all(&files).map_err(|e| format!("{}: {e}", files.display()))?;
    let mut node = Node::new(binary()?, folder.join("state"));
    node.start()?;
    let mut client = node.client()?;
    settings(&mut client, &folder)?;
    let began = Instant::now();
    jobs(&mut client, &files, options.jobs)?;
    node.stop()?;
    node.fill_runs(options.runs)?;
    println!(
        "{} jobs and {} runs in {:.0} s",
        options.jobs,
        options.runs,
        began.elapsed().as_secs_f64()
    );
    node.start()?;
    let mut client = node.client()?;
    std::thread::sleep(Duration::from_secs(3));
    told("memory of an idle server", node.rss_mib()?, "MiB", 80.0, false);
    let wanted = |name: &str| options.only.as_deref().is_none_or(|only| only == name);
    if wanted("lists") {
        lists(&mut client)?;
        told("memory after the lists", node.rss_mib()?, "MiB", 80.0, false);
    }
    if wanted("start") {
        start(&mut client)?;
    }
    if wanted("pool") {
        pool(&mut client, options.small.min(options.jobs))?;
    }
    if wanted("watchers") {
        watchers(&node, &mut client, &files, options)?;
    }
    node.stop()?;
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}

fn settings(client: &mut Client, folder: &Path) -> Result<(), String> {
    let mut settings = client.get("/settings")?;
    settings["file_roots"] = json!([folder.display().to_string()]);
    settings["slots"] = 64.into();
    settings["per_connection_limit"] = 1024.into();
    client.send("PUT", "/settings", Some(&settings), &["If-Match: *"]).map(drop)
}

/// Jobs that copy ten rows, each from a file of its own.
fn jobs(client: &mut Client, files: &Path, count: usize) -> Result<(), String> {
    let ten: String = (0..10).map(|n| format!("{n},name {n}\n")).collect();
    for n in 0..count {
        let from = files.join(format!("t{n}.csv"));
        std::fs::write(&from, format!("id,name\n{ten}")).map_err(|e| e.to_string())?;
        let to = files.join(format!("o{n}.csv"));
        client.post("/jobs", &job(&format!("job-{n:05}"), &from, &to, None))?;
    }
    Ok(())
}

fn job(name: &str, from: &Path, to: &Path, rows_per_second: Option<u32>) -> Value {
    let mut spec = json!({
        "version": 1,
        "name": name,
        "connections": {
            "from": { "url": from.display().to_string() },
            "to": { "url": to.display().to_string() },
        },
        "source": { "connection": "from" },
        "sink": { "connection": "to", "write": "replace" },
    });
    if let Some(rows) = rows_per_second {
        spec["speed"] = json!({ "rows_per_second": rows, "parallel": 1 });
    }
    json!({ "name": name, "spec": spec })
}

/// Pages of lists: the first, one in the middle, and those with a filter.
fn lists(client: &mut Client) -> Result<(), String> {
    let middle = |client: &mut Client, path: &str| {
        let mut after = String::new();
        for _ in 0..20 {
            let page = client.get(&format!("{path}?limit=500{after}"))?;
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        Ok::<_, String>(format!("{path}?limit=50{after}"))
    };
    let in_middle = [middle(client, "/runs")?, middle(client, "/jobs")?];
    let paths = ["/runs?limit=50", "/jobs?limit=50", "/runs?limit=50&state=failed"]
        .into_iter()
        .chain([
            "/runs?limit=50&job=job-00007",
            "/runs?limit=50&q=job-00007",
            "/jobs?limit=50&q=job-09999",
            "/jobs?limit=50&state=failed",
            "/overview",
            "/queue",
        ])
        .map(str::to_owned)
        .chain(in_middle);
    for path in paths {
        let mut times = Vec::new();
        for _ in 0..15 {
            let began = Instant::now();
            client.get(&path)?;
            times.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        let name = path.split("&after").next().unwrap_or_default();
        let deep = if path.contains("&after") { ", in the middle" } else { "" };
        told(&format!("GET {name}{deep}"), median(times), "ms", 50.0, false);
    }
    Ok(())
}

fn state(client: &mut Client, run: &str) -> Result<String, String> {
    let run = client.get(&format!("/runs/{run}"))?;
    Ok(run["state"].as_str().unwrap_or_default().to_owned())
}

fn is_over(state: &str) -> Result<bool, String> {
    match state {
        "finished" => Ok(true),
        "failed" | "stopped" => Err(format!("a run is {state}")),
        _ => Ok(false),
    }
}

/// From the request that starts a job until all of its ten rows are at the target, which is later
/// than its first.
fn start(client: &mut Client) -> Result<(), String> {
    let mut times = Vec::new();
    for n in 0..15 {
        let began = Instant::now();
        let run = client.post(&format!("/jobs/job-{n:05}/runs"), &json!({}))?;
        let id = run["id"].as_str().unwrap_or_default().to_owned();
        while !is_over(&state(client, &id)?)? {
            std::thread::sleep(Duration::from_millis(2));
        }
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    told("start of a job until its ten rows are there", median(times), "ms", 150.0, false);
    Ok(())
}

fn pool(client: &mut Client, count: usize) -> Result<(), String> {
    let began = Instant::now();
    let mut runs = Vec::new();
    for n in 0..count {
        let run = client.post(&format!("/jobs/job-{n:05}/runs"), &json!({}))?;
        runs.push(run["id"].as_str().unwrap_or_default().to_owned());
    }
    while let Some(run) = runs.last() {
        if is_over(&state(client, run)?)? {
            runs.pop();
        } else {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    #[allow(clippy::cast_precision_loss, reason = "hundreds")]
    let a_minute = count as f64 * 60.0 / began.elapsed().as_secs_f64();
    told("jobs of ten rows through the pool, a minute", a_minute, "", 500.0, true);
    Ok(())
}

/// What watchers cost: the CPU of the server while they watch, less what it takes without them.
fn watchers(
    node: &Node,
    client: &mut Client,
    files: &Path,
    options: &Server,
) -> Result<(), String> {
    let many: String = (0..50_000).map(|n| format!("{n},name {n}\n")).collect();
    std::fs::write(files.join("many.csv"), format!("id,name\n{many}"))
        .map_err(|e| e.to_string())?;
    let mut runs = Vec::new();
    for n in 0..options.live {
        let name = format!("slow-{n:03}");
        let to = files.join(format!("{name}.csv"));
        client.post("/jobs", &job(&name, &files.join("many.csv"), &to, Some(200)))?;
        let run = client.post(&format!("/jobs/{name}/runs"), &json!({}))?;
        runs.push(run["id"].as_str().unwrap_or_default().to_owned());
    }
    for run in &runs {
        while state(client, run)? != "running" {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    std::thread::sleep(Duration::from_secs(3));
    let span = Duration::from_secs(20);
    let cpu = || {
        let (began, before) = (Instant::now(), node.cpu_seconds()?);
        std::thread::sleep(span);
        Ok::<_, String>((node.cpu_seconds()? - before) / began.elapsed().as_secs_f64() * 100.0)
    };
    let alone = cpu()?;
    let watching = node.watch(options.watchers)?;
    std::thread::sleep(Duration::from_secs(3));
    let seen = watching.frames();
    let watched = cpu()?;
    let frames = watching.frames() - seen;
    println!(
        "{} live runs take {alone:.1} % of a core, with {} watchers {watched:.1} %; {frames} frames",
        options.live, options.watchers
    );
    if frames == 0 {
        return Err("the watchers were told nothing".to_owned());
    }
    told("CPU of the watchers, of a core", watched - alone, "%", 10.0, false);
    told("memory with runs and watchers", node.rss_mib()?, "MiB", 500.0, false);
    // The line of before has been silent for longer than a server keeps one open.
    let mut client = node.client()?;
    for run in runs {
        client.post(&format!("/runs/{run}/stop"), &json!({}))?;
    }
    Ok(())
}
