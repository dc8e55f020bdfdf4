//! `syncline server` as a process: it starts, is killed, starts again, and stops in order.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use syncline_testkit::Tool;
use syncline_testkit::api::{Client, Method, Process};

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_syncline"))
}

#[tokio::test]
async fn a_node_that_was_killed_starts_again_on_its_port() {
    let mut node = Process::new(program(), &[]);
    node.start();
    let url = node.url();
    node.client().get("/connectors").await.good();
    node.kill();
    node.start();
    assert_eq!(node.url(), url);
    node.client().get("/connectors").await.good();
    Client::new(&url).get("/connectors").await.problem(401, "E0501");
    assert!(node.stop(), "{}", node.printed());
}

#[test]
fn an_address_beyond_this_machine_needs_tls_or_a_word_for_it() {
    let refused = Process::new(program(), &["--listen", "0.0.0.0:0"]).try_start().unwrap_err();
    assert!(refused.contains("E0101") && refused.contains("without TLS"), "{refused}");
    Process::new(program(), &["--listen", "0.0.0.0:0", "--allow-plaintext"]).start();
}

/// Whatever a defect says may hold anything: the log has it, and nobody else.
#[tokio::test]
async fn a_request_that_panics_is_answered_with_a_code_and_tells_nothing() {
    let mut node = Process::new(program(), &[])
        .variable("FAILPOINTS", "request=1*panic(pLaNtEd)->off;session-read=panic(pLaNtEd)");
    node.start();
    let by_session = Client::new(&node.url()).header("cookie", "syncline_session=any");
    for (what, client) in [("the handler", node.client()), ("work with the state", by_session)] {
        let answer = client.get("/runs").await;
        let problem = answer.problem(500, "E0901");
        let whole = format!("{:?} {}", answer.headers, answer.text);
        assert!(!whole.contains("pLaNtEd"), "{what}: {whole}");
        assert!(problem["detail"].as_str().unwrap().contains("log says more"), "{problem}");
    }
    // Who runs the server finds out why, and everybody else is served on.
    assert!(node.printed().contains("pLaNtEd"), "{}", node.printed());
    node.client().get("/runs").await.good();
    assert!(node.stop(), "{}", node.printed());
}

/// A collector that takes what OTLP's own schema allows and nothing else: fields that it does not
/// know, numbers of the wrong kind and ids of the wrong length are refused. What it understood it
/// prints, a span a line.
const COLLECTOR: &str = r#"
import base64, http.server, json
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

def ids(value):
    # OTLP writes ids in hex where JSON of protobuf has base64.
    if isinstance(value, dict):
        named = ("traceId", "spanId", "parentSpanId")
        return {k: base64.b64encode(bytes.fromhex(v)).decode() if k in named else ids(v)
                for k, v in value.items()}
    return [ids(v) for v in value] if isinstance(value, list) else value

def plain(pairs):
    return {p.key: getattr(p.value, p.value.WhichOneof("value")) for p in pairs}

class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            assert self.path == "/v1/traces", self.path
            assert self.headers["content-type"] == "application/json"
            assert self.headers["x-team"] == "a", "no header of OTEL_EXPORTER_OTLP_HEADERS"
            request = ExportTraceServiceRequest()
            json_format.Parse(json.dumps(ids(json.loads(body))), request)
            for resource in request.resource_spans:
                of = plain(resource.resource.attributes)
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        assert len(span.trace_id) == 16 and any(span.trace_id), "trace id"
                        assert len(span.span_id) == 8 and any(span.span_id), "span id"
                        assert len(span.parent_span_id) in (0, 8), "parent"
                        assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano, "times"
                        print(json.dumps({"name": span.name, "kind": span.kind, "of": of,
                            "trace": span.trace_id.hex(), "parent": span.parent_span_id.hex(),
                            "attributes": plain(span.attributes), "failed": span.status.code == 2,
                            "scope": scope.scope.name}), flush=True)
            self.send_response(200)
        except Exception as error:
            print("REFUSED " + repr(error) + " " + body.decode(), flush=True)
            self.send_response(400)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *words):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
print(server.server_address[1], flush=True)
server.serve_forever()
"#;

/// A collector, and what it has printed.
struct Collector {
    child: Child,
    printed: Arc<Mutex<Vec<String>>>,
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Collector {
    /// The first span that is looked for.
    async fn span(&self, is: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..600 {
            let printed = self.printed.lock().unwrap().clone();
            let refused = printed.iter().find(|line| line.starts_with("REFUSED"));
            assert_eq!(refused, None);
            let spans = printed.iter().skip(1).map(|line| serde_json::from_str(line).unwrap());
            if let Some(found) = spans.into_iter().find(&is) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no such span in {:#?}", self.printed.lock().unwrap())
    }
}

#[tokio::test]
async fn traces_are_what_otlp_says_they_are() {
    let Some(programs) = Tool::OtlpProto.need() else { return };
    let mut child = Command::new(programs.join("python3"))
        .args(["-c", COLLECTOR])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = child.stdout.take().unwrap();
    let collector = Collector { child, printed: Arc::default() };
    let printed = Arc::clone(&collector.printed);
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            printed.lock().unwrap().push(line);
        }
    });
    let mut port = None;
    for _ in 0..600 {
        port = collector.printed.lock().unwrap().first().cloned();
        if port.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let endpoint = format!("http://127.0.0.1:{}", port.expect("the collector listens"));
    let mut node = Process::new(program(), &[])
        .variable("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)
        .variable("OTEL_EXPORTER_OTLP_HEADERS", "x-team=a")
        .variable("OTEL_SERVICE_NAME", "moves");
    node.start();
    let client = node.client();
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let traced = client.header("traceparent", &format!("00-{trace}-{parent}-01"));
    traced.get("/jobs").await.good();
    client.get("/jobs/none").await.problem(404, "E0503");
    let data = tempfile::tempdir().unwrap();
    let at = |name: &str| data.path().join(name).display().to_string();
    std::fs::write(at("t.csv"), "id\n1\n2\n").unwrap();
    let settings = client.get("/settings").await;
    let mut changed = settings.good().json();
    changed["file_roots"] = json!([data.path().to_str().unwrap()]);
    client.put("/settings", 0, changed).await.good();
    for (name, file) in [("good", "t.csv"), ("bad", "missing.csv")] {
        let spec = json!({"version": 1, "source": { "url": at(file) },
            "sink": { "url": format!("sqlite:{}", at("t.db")) }});
        client.post("/jobs", json!({ "name": name, "spec": spec })).await.good();
        client.post(&format!("/jobs/{name}/runs"), json!({})).await.good();
    }
    let asked = collector.span(|span| span["trace"] == trace).await;
    assert_eq!(asked["parent"], parent, "{asked}");
    assert_eq!(asked["name"], "GET /api/v1/jobs", "{asked}");
    assert_eq!((&asked["kind"], &asked["failed"]), (&json!(2), &json!(false)), "{asked}");
    assert_eq!(asked["of"]["service.name"], "moves", "{asked}");
    assert_eq!(asked["attributes"]["http.response.status_code"], 200, "{asked}");
    let good = collector.span(|span| span["name"] == "run good").await;
    assert_eq!((&good["failed"], &good["parent"]), (&json!(false), &json!("")), "{good}");
    let bad = collector.span(|span| span["name"] == "run bad").await;
    assert_eq!(bad["failed"], true, "{bad}");
    // A collector that is away costs spans, never a request.
    drop(collector);
    client.get("/jobs").await.good();
    client.send(client.request(Method::GET, "/metrics")).await.good();
    assert!(node.stop(), "{}", node.printed());
}

/// Sends a signal to a node.
fn signal(node: &Process, name: &str) {
    let sent = Command::new("kill").args([name, &node.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_on_one_state_the_second_is_refused_until_the_first_is_gone() {
    let Some(server) = syncline_testkit::Server::shared(syncline_testkit::Kind::Postgres) else {
        return;
    };
    let database = server.database();
    let url = database.url();
    let node = |name: &str| Process::new(program(), &["--store", &url, "--name", name]);
    let (mut one, mut two) = (node("one"), node("two"));
    let refused = |node: &mut Process, holder: &str| {
        let refused = node.try_start().unwrap_err();
        assert!(refused.contains("E0405"), "{refused}");
        assert!(refused.contains(&format!("node {holder} works with this state")), "{refused}");
    };
    one.start();
    refused(&mut two, "one");
    // It works on as if nobody had asked.
    one.client().get("/jobs").await.good();
    // Killed, it comes back to its own folder; the other one is refused as before.
    one.kill();
    one.start();
    refused(&mut two, "one");
    // Stopped in order it leaves the state to the next.
    assert!(one.stop(), "{}", one.printed());
    two.start();
    refused(&mut one, "two");
    // Killed, it is waited out by who cannot know what has become of it.
    two.kill();
    one.start();
    one.client().get("/jobs").await.good();
    // One that only seemed to be gone stops at once when it is back.
    signal(&one, "-STOP");
    two.start();
    signal(&one, "-CONT");
    for _ in 0..1_500 {
        if one.printed().contains("E0405") {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(one.printed().contains("another node has taken over"), "{}", one.printed());
    two.client().get("/jobs").await.good();
}
