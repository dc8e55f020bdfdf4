//! Every command of the API guide is run, as it stands there, against the real program.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Write as _;
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

/// A backup that was taken while the server ran is a server again, with the secrets it had.
#[tokio::test]
async fn a_backup_of_a_running_server_becomes_a_server_again() {
    if Command::new("sqlite3").arg("--version").output().is_err() {
        let name = "syncline-cli::a_backup_of_a_running_server_becomes_a_server_again";
        let _ = writeln!(std::io::stderr(), "\nSKIPPED {name}: no sqlite3");
        return;
    }
    let program = Path::new(env!("CARGO_BIN_EXE_syncline"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/backup.sh");
    let backup = |args: &[&Path]| Command::new(&script).args(args).output().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("saved");
    let mut old = Process::new(program, &[]);
    old.start();
    let client = old.client();
    let body = serde_json::json!({
        "name": "shop", "url": "mysql://me@127.0.0.1:1/shop", "password": "h1dden",
    });
    client.post("/connections", body).await.good();
    let out = backup(&[old.folder(), &saved]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(!backup(&[old.folder(), &saved]).status.success(), "it wrote over a backup");
    old.kill();
    let mut new = Process::new(program, &[]);
    let out = backup(&[Path::new("--restore"), &saved, new.folder()]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    new.start();
    let shop = new.client().get("/connections/shop").await.json();
    assert_eq!((&shop["name"], &shop["has_password"]), (&"shop".into(), &true.into()), "{shop}");
    // The secret opens: what fails is the line to a store that is not there, not the key.
    let told = new.client().post("/connections/shop/test", serde_json::json!({})).await.text;
    assert!(told.contains("E0201") && !told.contains("E0511"), "{told}");
    assert!(!backup(&[Path::new("--restore"), &saved, new.folder()]).status.success());
}
