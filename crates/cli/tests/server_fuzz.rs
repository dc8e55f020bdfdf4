//! Thousands of requests, right and wrong, made from the API's own document: none of them is
//! answered by a failure of the server, or in another form than the document says.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;
use std::process::Command;

use syncline_testkit::Tool;
use syncline_testkit::api::{ADMIN_TOKEN, Process};

/// What a server may answer: its own failures are none of it, stores that are away are.
const RULES: &str = r#"
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503]
"#;

#[test]
fn no_request_makes_the_server_fail() {
    let Some(programs) = Tool::Schemathesis.need() else { return };
    let program = Path::new(env!("CARGO_BIN_EXE_syncline"));
    let mut node = Process::new(program, &[]).variable("SYNCLINE_LOG", "error");
    node.start();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("schemathesis.toml"), RULES).unwrap();
    let out = Command::new(programs.join("schemathesis"))
        .current_dir(folder.path())
        .env("NO_COLOR", "1")
        .args(["run", &format!("{}/api/v1/openapi.json", node.url())])
        .args(["--header", &format!("Authorization: Bearer {ADMIN_TOKEN}")])
        .args(["--phases", "coverage,fuzzing", "--max-time", "60", "--workers", "2"])
        .args(["--checks", "not_a_server_error,content_type_conformance,status_code_conformance"])
        .args(["--checks", "response_schema_conformance,ignored_auth"])
        .args(["--seed", "1", "--no-shrink", "--continue-on-failure", "--warnings", "off"])
        // A WebSocket, and the way to a provider that there is not.
        .args(["--exclude-path-regex", "/live$|/session/oidc"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{told}{}", String::from_utf8_lossy(&out.stderr));
    assert!(told.contains("generated"), "{told}");
    // It is still there, and nothing in it has panicked.
    let printed = node.printed();
    assert!(!printed.contains("panicked"), "{printed}");
    assert!(node.stop(), "{}", node.printed());
}
