//! Traces for OpenTelemetry: one span a request, one span a run, sent by OTLP as JSON over HTTP.
//!
//! They are few and simple, so that they need no library: `OTEL_EXPORTER_OTLP_ENDPOINT` says where
//! they go (a collector's port 4318), and without it nothing is gathered. The form follows
//! <https://opentelemetry.io/docs/specs/otlp/#otlphttp>. A collector that is away costs spans,
//! never a request.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::outgoing::http_client;

/// Spans that wait to be sent at most; more are let go.
const WAITING: usize = 4096;
/// Spans sent at once.
const BATCH: usize = 512;
/// How long they may wait.
const DELAY: Duration = Duration::from_secs(2);
/// How long a collector may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes spans; `None` when nobody wants them.
#[derive(Default)]
pub(crate) struct Traces(Option<Sender<Span>>);

/// Something that took its time.
#[derive(Debug)]
pub(crate) struct Span {
    trace: String,
    id: String,
    parent: Option<String>,
    kind: u8,
    name: String,
    began: SystemTime,
    ended: SystemTime,
    attributes: Vec<(&'static str, Value)>,
    failed: bool,
}

impl Span {
    /// A request that was answered; `parent` is its `traceparent`, where it came with one.
    pub(crate) fn of_request(name: String, began: SystemTime, parent: Option<&str>) -> Self {
        Self::new(name, 2, began, parent.and_then(parse_parent))
    }

    /// A run that has come to rest.
    pub(crate) fn of_run(job: &str, began: SystemTime) -> Self {
        Self::new(format!("run {job}"), 1, began, None)
    }

    fn new(name: String, kind: u8, began: SystemTime, parent: Option<(String, String)>) -> Self {
        let id = hex::encode(rand::random::<[u8; 8]>());
        let (trace, parent) = match parent {
            Some((trace, parent)) => (trace, Some(parent)),
            None => (hex::encode(rand::random::<[u8; 16]>()), None),
        };
        let ended = SystemTime::now();
        let attributes = Vec::new();
        Self { trace, id, parent, kind, name, began, ended, attributes, failed: false }
    }

    /// What else is known of it.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }

    /// Whether it failed.
    pub(crate) fn failed(mut self, failed: bool) -> Self {
        self.failed = failed;
        self
    }

    fn json(&self) -> Value {
        let attributes: Vec<Value> =
            self.attributes.iter().map(|(name, value)| attribute(name, value)).collect();
        let mut span = json!({
            "traceId": self.trace,
            "spanId": self.id,
            "name": self.name,
            "kind": self.kind,
            "startTimeUnixNano": nanoseconds(self.began),
            "endTimeUnixNano": nanoseconds(self.ended),
            "attributes": attributes,
            "status": { "code": if self.failed { 2 } else { 0 } },
        });
        if let Some(parent) = &self.parent {
            span["parentSpanId"] = parent.as_str().into();
        }
        span
    }
}

/// Trace and span of a `traceparent` (W3C Trace Context): `00-TRACE-SPAN-FLAGS`.
fn parse_parent(text: &str) -> Option<(String, String)> {
    let parts: Vec<&str> = text.split('-').collect();
    let [_, trace, span, ..] = parts.as_slice() else { return None };
    let good = |part: &str, length: usize| {
        part.len() == length
            && part.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
            && part.chars().any(|c| c != '0')
    };
    (good(trace, 32) && good(span, 16)).then(|| ((*trace).to_owned(), (*span).to_owned()))
}

fn attribute(name: &str, value: &Value) -> Value {
    let value = match value {
        // Whole numbers of 64 bits are texts in JSON of protobuf.
        Value::Number(number) => json!({ "intValue": number.to_string() }),
        Value::Bool(flag) => json!({ "boolValue": flag }),
        Value::String(text) => json!({ "stringValue": text }),
        other => json!({ "stringValue": other.to_string() }),
    };
    json!({ "key": name, "value": value })
}

fn nanoseconds(at: SystemTime) -> String {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos()).to_string()
}

impl Traces {
    /// As the environment says.
    pub(super) fn from_environment() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let whole = set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        let base = set("OTEL_EXPORTER_OTLP_ENDPOINT");
        let with_path = base.map(|url| format!("{}/v1/traces", url.trim_end_matches('/')));
        let Some(url) = whole.or(with_path) else { return Self::default() };
        if let Some(other) = set("OTEL_EXPORTER_OTLP_PROTOCOL").filter(|p| p != "http/json") {
            tracing::warn!(protocol = other, "traces are sent as http/json");
        }
        let headers = headers(&set("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default());
        let service = set("OTEL_SERVICE_NAME").unwrap_or_else(|| "syncline".to_owned());
        let builder =
            || reqwest::Client::builder().timeout(PATIENCE).default_headers(headers.clone());
        let made = http_client(builder);
        match made {
            Ok(client) => {
                let (sender, spans) = channel(WAITING);
                tokio::spawn(send(client, url, service, spans));
                Self(Some(sender))
            }
            Err(error) => {
                tracing::warn!(error = %error, "traces cannot be sent");
                Self::default()
            }
        }
    }

    /// Whether anybody wants spans.
    pub(crate) fn wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Takes a span.
    pub(crate) fn take(&self, span: Span) {
        if let Some(sender) = &self.0 {
            // A full queue lets it go.
            let _ = sender.try_send(span);
        }
    }
}

/// `key=value,key=value`.
fn headers(text: &str) -> HeaderMap {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    let read = |(name, value): (&str, &str)| {
        let mut value = HeaderValue::from_str(value.trim()).ok()?;
        value.set_sensitive(true);
        Some((name.trim().parse::<HeaderName>().ok()?, value))
    };
    pairs.filter_map(read).collect()
}

/// Sends what comes until nobody is left who could take a span.
async fn send(client: reqwest::Client, url: String, service: String, mut spans: Receiver<Span>) {
    let mut batch = Vec::new();
    while spans.recv_many(&mut batch, BATCH).await > 0 {
        let more = tokio::time::timeout(DELAY, async {
            while batch.len() < BATCH {
                match spans.recv().await {
                    Some(span) => batch.push(span),
                    None => return,
                }
            }
        });
        // What came until then is sent.
        let _ = more.await;
        let sent = client.post(&url).json(&request(&service, &batch)).send().await;
        match sent.map(|response| response.status()) {
            Ok(status) if status.is_success() => {}
            Ok(status) => tracing::debug!(%status, "the collector refuses traces"),
            Err(error) => tracing::debug!(error = %error.without_url(), "no collector of traces"),
        }
        batch.clear();
    }
}

fn request(service: &str, spans: &[Span]) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let resource =
        [attribute("service.name", &service.into()), attribute("service.version", &version.into())];
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{
            "scope": { "name": "syncline", "version": version },
            "spans": spans.iter().map(Span::json).collect::<Vec<_>>(),
        }],
    }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_child_of_the_trace_it_came_with() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let span = Span::of_request("GET /jobs".into(), UNIX_EPOCH, Some(parent))
            .with("http.response.status_code", 200)
            .json();
        assert_eq!(span["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(span["parentSpanId"], "00f067aa0ba902b7");
        assert_eq!(span["startTimeUnixNano"], "0");
        assert_eq!(span["attributes"][0]["value"]["intValue"], "200");
        for none in ["", "00-x-y-01", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"] {
            let span = Span::of_request("a".into(), UNIX_EPOCH, Some(none)).json();
            assert!(span.get("parentSpanId").is_none(), "{none}");
            assert_eq!(span["traceId"].as_str().unwrap().len(), 32);
        }
    }

    #[test]
    fn headers_are_read_from_their_list() {
        let read = headers("authorization=Bearer x, x-team = a ,broken");
        assert_eq!(read.len(), 2);
        assert_eq!(read["x-team"], "a");
    }
}
