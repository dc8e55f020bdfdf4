//! The commands that speak to a server, against the real program.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use syncline_testkit::api::{ADMIN_TOKEN, Process};

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_syncline"))
}

/// A server with a folder that its jobs may use, and somebody at a shell.
struct Stage {
    node: Process,
    folder: tempfile::TempDir,
}

/// How a command ended.
struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Stage {
    async fn new() -> Self {
        Self::with(|node| node).await
    }

    async fn with(set: impl FnOnce(Process) -> Process) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut node = set(Process::new(program(), &[]));
        node.start();
        let stage = Self { node, folder };
        let data = stage.data();
        std::fs::create_dir_all(&data).unwrap();
        let client = stage.node.client();
        let mut settings = client.get("/settings").await.json();
        settings["file_roots"] = json!([data.to_str().unwrap()]);
        client.put("/settings", 0, settings).await.good();
        stage
    }

    fn data(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("data")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(args)
            .env_remove("SYNCLINE_SERVER")
            .env_remove("SYNCLINE_TOKEN")
            .env("XDG_CONFIG_HOME", self.folder.path().join("config"))
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .current_dir(self.folder.path());
        command
    }

    /// With server and token from the environment.
    fn run(&self, args: &[&str]) -> Ended {
        let mut command = self.command(args);
        command.env("SYNCLINE_SERVER", self.node.url()).env("SYNCLINE_TOKEN", ADMIN_TOKEN);
        Ended::of(&command.output().unwrap())
    }

    fn good(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!(ended.code, 0, "{args:?}: {}{}", ended.out, ended.err);
        ended.out
    }

    fn typing(&self, args: &[&str], typed: &str) -> Ended {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        Ended::of(&child.wait_with_output().unwrap())
    }

    /// A job file that copies `rows` into an SQLite file of the stored connection `to`.
    fn job(&self, name: &str, rows: &str) -> String {
        let csv = self.data().join(format!("{name}.csv"));
        std::fs::write(&csv, format!("id\n{rows}")).unwrap();
        let file = self.folder.path().join(format!("{name}.yaml"));
        let job = format!(
            "version: 1\nconnections:\n  from: {{ url: \"{}\" }}\nsource: {{ connection: from }}\n\
             sink: {{ connection: to, write: replace }}\ncolumns:\n  {name}: [ {{ from: id, type: int64 }} ]\n",
            csv.display()
        );
        std::fs::write(&file, job).unwrap();
        file.to_str().unwrap().to_owned()
    }
}

impl Ended {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code().unwrap(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }
}

#[tokio::test]
async fn a_job_is_made_checked_started_watched_and_removed_from_the_shell() {
    let stage = Stage::new().await;
    let url = format!("sqlite:{}", stage.data().join("to.db").display());
    stage.good(&["connections", "add", "to", &url, "--description", "the target"]);
    assert!(stage.good(&["connections", "list"]).contains("to.db"));
    assert!(stage.good(&["connections", "show", "to"]).contains("the target"));
    let not_yet = stage.run(&["connections", "test", "to"]);
    assert!(not_yet.err.contains("error E0212") && not_yet.code == 2, "{}", not_yet.err);
    let again = stage.run(&["connections", "add", "to", &url]);
    assert!(again.err.contains("error E0504"), "{}", again.err);
    stage.good(&["connections", "add", "to", &url, "--replace"]);

    let file = stage.job("good", "1\n2\n3\n");
    assert_eq!(stage.good(&["jobs", "apply", &file]).trim(), "good is made");
    assert!(stage.good(&["jobs", "apply", &file]).starts_with("good is of version"));
    assert!(stage.good(&["jobs", "list"]).contains("good"));
    assert!(stage.good(&["jobs", "show", "good"]).contains("version: 1"));
    let plan = stage.good(&["jobs", "check", "good"]);
    assert!(plan.contains("makes the table") && plan.contains("int64"), "{plan}");

    let run = stage.good(&["jobs", "start", "good", "--wait"]).trim().to_owned();
    let shown: Value =
        serde_json::from_str(&stage.good(&["runs", "show", &run, "--json"])).unwrap();
    assert_eq!((&shown["state"], &shown["rows_written"]), (&json!("finished"), &json!(3)));
    stage.good(&["connections", "test", "to"]);
    assert!(stage.good(&["runs", "list", "--job", "good"]).contains(&run));
    assert!(stage.good(&["runs", "list", "--state", "failed"]).contains("no runs yet"));
    assert!(stage.good(&["runs", &run]).contains("3 read, 3 written"));
    // Its last line is kept a moment after its end can be read.
    let whole = (0..600).find_map(|_| {
        let told = stage.good(&["runs", "logs", &run, "--all"]);
        let complete = told.contains("finished: 3 rows written");
        if !complete {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        complete.then_some(told)
    });
    let whole = whole.unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    assert!(lines.len() > 3, "{whole}");
    assert_eq!(stage.good(&["runs", "logs", &run]), whole);
    // As many as are wanted, and they are the newest.
    let newest = stage.run(&["runs", "logs", &run, "--last", "2"]);
    assert_eq!(newest.out.lines().collect::<Vec<_>>(), lines[lines.len() - 2..], "{whole}");
    assert!(newest.err.contains("--all"), "{}", newest.err);
    let late = stage.run(&["runs", "pause", &run]);
    assert!(late.err.contains("error E0410"), "{}", late.err);
    assert_eq!(late.code, 2);
    let anew = stage.good(&["runs", "restart", &run]).trim().to_owned();
    assert_ne!(anew, run);
    stage.good(&["runs", "watch", &anew]);
    assert!(stage.good(&["nodes", "list"]).contains("ready"));

    stage.good(&["projects", "add", "geo", "--max-running", "2", "--description", "maps"]);
    stage.good(&["projects", "add", "geo", "--max-running", "3", "--replace"]);
    stage.good(&["jobs", "apply", &file, "--project", "geo"]);
    // A file that says nothing of a project leaves the job where it is.
    stage.good(&["jobs", "apply", &file]);
    assert!(stage.good(&["jobs", "list", "--project", "geo"]).contains("good"));
    assert!(stage.good(&["runs", "list", "--project", "geo"]).contains(&run));
    assert!(stage.good(&["runs", "list", "--project", "default"]).contains("no runs yet"));
    let projects: Value =
        serde_json::from_str(&stage.good(&["projects", "list", "--json"])).unwrap();
    let geo = projects.as_array().unwrap().iter().find(|project| project["name"] == "geo");
    let geo = geo.unwrap();
    assert_eq!((&geo["jobs"], &geo["max_running"]), (&json!(1), &json!(3)));
    let used = stage.run(&["projects", "remove", "geo"]);
    assert!(used.err.contains("error E0510"), "{}", used.err);
    stage.good(&["jobs", "remove", "good"]);
    stage.good(&["projects", "remove", "geo"]);
    let gone = stage.run(&["jobs", "show", "good"]);
    assert!(gone.err.contains("error E0503") && gone.code == 2, "{}", gone.err);
    stage.good(&["connections", "remove", "to"]);
}

/// A run of the server ends the command as it would have ended here: the same code, the same words.
#[tokio::test]
async fn a_run_that_fails_ends_the_command_as_it_would_have_here() {
    let stage = Stage::new().await;
    let url = format!("sqlite:{}", stage.data().join("to.db").display());
    stage.good(&["connections", "add", "to", &url]);
    let file = stage.job("bad", "1\noops\n");
    stage.good(&["jobs", "apply", &file]);
    let there = stage.run(&["jobs", "start", "bad", "--wait"]);
    let csv = stage.data().join("bad.csv");
    let target = format!("sqlite:{}", stage.data().join("here.db").display());
    let copy = ["copy", csv.to_str().unwrap(), &target, "--columns", "id:id:int64", "--quiet"];
    let here = Ended::of(&stage.command(&copy).output().unwrap());
    assert_eq!(there.code, here.code, "{}\n{}", there.err, here.err);
    let code = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("error ")).unwrap().to_owned();
        line.split(':').next().unwrap().to_owned()
    };
    assert_eq!(code(&there.err), code(&here.err), "{}\n{}", there.err, here.err);
    // A job file that cannot be read is refused with its place, as here.
    let broken = stage.folder.path().join("broken.yaml");
    std::fs::write(&broken, "version: 1\nsorce: {}\n").unwrap();
    let refused = stage.run(&["jobs", "apply", broken.to_str().unwrap()]);
    assert!(refused.code == 2 && refused.err.contains("source"), "{}", refused.err);
    // Nobody listens there, or nobody is known there.
    let away = stage.run(&["jobs", "list", "--server", "http://127.0.0.1:1"]);
    assert!(away.err.contains("error E0201"), "{}", away.err);
    let mut unknown = stage.command(&["jobs", "list", "--server", &stage.node.url()]);
    let unknown = Ended::of(&unknown.env("SYNCLINE_TOKEN", "slt_wrong").output().unwrap());
    assert!(unknown.err.contains("error E0501"), "{}", unknown.err);
    let nowhere = Ended::of(&stage.command(&["jobs", "list"]).output().unwrap());
    assert!(nowhere.code == 2 && nowhere.err.contains("syncline login"), "{}", nowhere.err);
    // Without a server, runs are those kept here.
    let local = Ended::of(&stage.command(&["runs", "list"]).output().unwrap());
    assert!(local.code == 0 && local.out.contains("here.db"), "{}{}", local.out, local.err);
    assert!(!stage.good(&["runs", "list"]).contains("here.db"));
}

#[tokio::test]
async fn a_login_keeps_a_token_that_nobody_else_can_read() {
    let stage = Stage::new().await;
    let client = stage.node.client();
    let password = "correct horse battery staple";
    let user = json!({ "name": "ann", "password": password, "role": "operator" });
    client.post("/users", user).await.good();
    let server = stage.node.url();
    let wrong = stage.typing(&["login", &server, "--user", "ann"], "no such password\n");
    assert!(wrong.code == 2 && wrong.err.contains("error E0501"), "{}", wrong.err);
    let login = stage.typing(&["login", &server], &format!("ann\n{password}\n"));
    assert_eq!(login.code, 0, "{}", login.err);
    assert!(login.out.contains("as ann") && login.out.contains("operator"), "{}", login.out);
    assert!(!login.out.contains(password) && !login.err.contains(password));
    let file = stage.folder.path().join("config/syncline/logins.json");
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(kept.contains("slt_") && !kept.contains(password), "{kept}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    // It is used where nothing else is said, and ends with a logout.
    let list = Ended::of(&stage.command(&["jobs", "list"]).output().unwrap());
    assert_eq!((list.code, list.out.trim()), (0, "no jobs yet"), "{}", list.err);
    let token: Value = serde_json::from_str(&kept).unwrap();
    let token = token["servers"].as_object().unwrap().values().next().unwrap()["token"].clone();
    let logout = Ended::of(&stage.command(&["logout"]).output().unwrap());
    assert_eq!(logout.code, 0, "{}", logout.err);
    let list = Ended::of(&stage.command(&["jobs", "list"]).output().unwrap());
    assert!(list.err.contains("no server is named"), "{}", list.err);
    let dead = syncline_testkit::api::Client::new(&server).token(token.as_str().unwrap());
    dead.get("/jobs").await.problem(401, "E0501");
    // A token will do instead of a name.
    let login = stage.typing(&["login", &server, "--token"], &format!("{ADMIN_TOKEN}\n"));
    assert!(login.code == 0 && login.out.contains("admin"), "{}{}", login.out, login.err);
}

/// Spans of requests and runs arrive where OpenTelemetry's own variable says.
#[tokio::test]
async fn requests_and_runs_are_traced_where_a_collector_is_named() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", socket.local_addr().unwrap());
    let (send, requests) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut line in socket.incoming().flatten() {
            let (mut request, mut part) = (String::new(), [0; 65_536]);
            loop {
                let read = std::io::Read::read(&mut line, &mut part).unwrap_or(0);
                request.push_str(&String::from_utf8_lossy(&part[..read]));
                // The last of the body closes the outermost object.
                if read == 0 || request.ends_with("}]}]}]}") {
                    break;
                }
            }
            let _ = line
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
            let _ = send.send(request);
        }
    });
    let stage = Stage::with(|node| node.variable("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)).await;
    let url = format!("sqlite:{}", stage.data().join("to.db").display());
    stage.good(&["connections", "add", "to", &url]);
    let file = stage.job("traced", "1\n2\n");
    stage.good(&["jobs", "apply", &file]);
    stage.good(&["jobs", "start", "traced", "--wait"]);
    let mut spans = Vec::new();
    let seen = |spans: &[Value]| {
        let named = |name: &str| spans.iter().any(|span| span["name"] == name);
        named("run traced") && named("POST /api/v1/jobs/{name}/runs")
    };
    while !seen(&spans) {
        let request = requests.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
        assert!(request.starts_with("POST /v1/traces HTTP/1.1"), "{request}");
        let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        spans
            .extend(body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone());
    }
    let run = spans.iter().find(|span| span["name"] == "run traced").unwrap();
    let rows = json!({ "key": "syncline.rows_written", "value": { "intValue": "2" } });
    assert!(run["attributes"].as_array().unwrap().contains(&rows), "{run}");
}
