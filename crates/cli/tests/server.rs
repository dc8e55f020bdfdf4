//! `syncline server` as a process: it starts, is killed, starts again, and stops in order.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use syncline_testkit::api::{Client, Process};

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
