//! Every command of the API guide is run, as it stands there, against the real program.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;
use std::process::Command;

use syncline_testkit::api::{ADMIN_TOKEN, Process};

fn blocks(page: &str) -> String {
    let mut script = String::from("set -eu\n");
    let mut inside = false;
    for line in page.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside => {
                script.push_str(line);
                script.push('\n');
            }
            _ => {}
        }
    }
    script
}

#[test]
fn the_commands_of_the_api_guide_work() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(here.join("../../docs/api.md")).unwrap();
    let script = blocks(&page);
    assert!(script.lines().count() > 40, "{script}");
    let program = Path::new(env!("CARGO_BIN_EXE_syncline"));
    let mut node = Process::new(program, &[]);
    node.start();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().canonicalize().unwrap();
    std::fs::copy(here.join("../../examples/flights/airports.csv"), data.join("airports.csv"))
        .unwrap();
    let path = std::env::var("PATH").unwrap();
    let out = Command::new("bash")
        .args(["-c", &script])
        .current_dir(&data)
        .env("SYNCLINE_SERVER", node.url())
        .env("SYNCLINE_TOKEN", ADMIN_TOKEN)
        .env("FOLDER", &data)
        .env("XDG_CONFIG_HOME", data.join("config"))
        .env("PATH", format!("{}:{path}", program.parent().unwrap().display()))
        .output()
        .unwrap();
    let (told, wrong) =
        (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{told}\n{wrong}\n{}", node.printed());
    assert!(told.contains("airports"), "{told}");
}
