//! What `deploy/` holds for a server fits the code beside it: the container file copies what is
//! there, and it and the unit start the program with what it takes.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use syncline_testkit::api::{ADMIN_TOKEN, Client, Process};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn text_of(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_syncline"))
}

/// One instruction of a container file, its lines put together: its name, and its words.
fn instructions() -> Vec<(String, Vec<String>)> {
    let text = text_of("deploy/Containerfile").replace("\\\n", " ");
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let instruction = |line: &str| {
        let (name, rest) = line.split_once(char::is_whitespace).unwrap();
        let words = match rest.trim().starts_with('[') {
            true => serde_json::from_str(rest).unwrap(),
            false => rest.split_whitespace().map(str::to_owned).collect(),
        };
        (name.to_owned(), words)
    };
    lines.map(instruction).collect()
}

fn words<'a>(all: &'a [(String, Vec<String>)], name: &str) -> &'a [String] {
    &all.iter().rev().find(|(n, _)| n == name).unwrap().1
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

#[test]
fn the_container_file_copies_what_is_there_and_what_the_build_leaves() {
    let (mut stages, mut here) = (Vec::new(), PathBuf::new());
    let ignored = text_of(".dockerignore");
    let mut copied: BTreeSet<PathBuf> = BTreeSet::new();
    for (name, words) in instructions() {
        match name.as_str() {
            "FROM" => {
                stages.push(words.get(2).cloned().unwrap_or_default());
                if words[0].contains("/rust:") {
                    let rust = env!("CARGO_PKG_RUST_VERSION");
                    assert!(words[0].contains(&format!(":{rust}-")), "{words:?} is not {rust}");
                }
                // What is built on one is linked with what the other has.
                assert!(words[0].contains("bookworm"), "{words:?}");
            }
            "WORKDIR" => here = PathBuf::from(&words[0]),
            "COPY" if words[0].starts_with("--from=") => {
                let from = words[0].trim_start_matches("--from=");
                assert!(stages.iter().any(|stage| stage == from), "no stage {from}");
            }
            "COPY" => {
                let (to, sources) = words.split_last().unwrap();
                for source in sources {
                    assert!(root().join(source).exists(), "COPY {source}: it is not there");
                    assert!(!ignored.lines().any(|line| line == source), "{source} is ignored");
                    let file = Path::new(source).file_name();
                    let to = plain(&here.join(to));
                    copied.insert(file.map_or(to.clone(), |file| to.join(file)));
                }
            }
            _ => {}
        }
    }
    // What the console's own build reads from beyond its folder is there by then.
    for (path, outside) in beyond_the_console() {
        let wanted = Path::new("/src").join(&outside);
        let known = copied.contains(&wanted);
        assert!(known, "{} reads {}, which is not copied", path.display(), outside.display());
    }
    let all = instructions();
    let build = all.iter().find(|(n, w)| n == "RUN" && w[0] == "cargo").unwrap();
    assert_eq!(build.1.last().map(String::as_str), program().file_name().unwrap().to_str());
    let binary = words(&all, "COPY");
    assert_eq!(binary[1], "/src/target/release/syncline");
    assert_eq!(binary[2], "/usr/local/bin/syncline");
}

/// What sources of the console name that lies beyond it, by the file that names it.
fn beyond_the_console() -> Vec<(PathBuf, PathBuf)> {
    let console = root().join("console");
    let mut folders = vec![console.join("src"), console.join("scripts")];
    let mut files = vec![console.join("vite.config.ts"), console.join("tsconfig.json")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let mut found = Vec::new();
    for file in files {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        for part in text.split(['\'', '"', '`']).filter(|part| part.starts_with("../")) {
            let path = plain(&file.parent().unwrap().join(part));
            if !path.starts_with(&console) && path.is_file() {
                found.push((file.clone(), path.strip_prefix(root()).unwrap().to_owned()));
            }
        }
    }
    assert!(!found.is_empty(), "the schema of jobs is read from docs/");
    found
}

/// The arguments after `server`, without the state folder, which is checked.
fn arguments(words: &[String]) -> Vec<String> {
    assert!(words[0].ends_with("syncline") && words[1] == "server", "{words:?}");
    let at = words.iter().position(|word| word == "--state").unwrap();
    assert_eq!(words[at + 1], "/var/lib/syncline");
    [&words[2..at], &words[at + 2..]].concat()
}

#[tokio::test]
async fn the_container_starts_the_server_as_it_is_meant_to() {
    let all = instructions();
    assert_eq!(words(&all, "VOLUME"), ["/var/lib/syncline"]);
    assert_eq!(words(&all, "EXPOSE"), ["7171"]);
    let users: Vec<&String> = all.iter().filter(|(n, _)| n == "USER").map(|(_, w)| &w[0]).collect();
    assert_eq!(users, ["syncline"]);
    // A free port of this machine alone, in the place of the container's own.
    let entry = arguments(words(&all, "ENTRYPOINT"));
    assert!(entry.iter().any(|word| word == "0.0.0.0:7171"), "{entry:?}");
    let here: Vec<String> =
        entry.iter().map(|word| word.replace("0.0.0.0:7171", "127.0.0.1:0")).collect();
    let command = [&here[..], words(&all, "CMD")].concat();
    let starts = |args: &[String]| {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut node = Process::new(program(), &args).variable("SYNCLINE_ADMIN_TOKEN", "");
        node.try_start().map(|()| node)
    };
    let mut node = starts(&command).unwrap();
    let client = Client::new(&node.url());
    let health = client.send(client.request(reqwest::Method::GET, "/readyz")).await;
    assert_eq!(health.status, 200, "{}", health.text);
    let link = format!("{}/setup#", node.url());
    assert!(node.lines().iter().any(|line| line.contains(&link)), "{}", node.printed());
    assert!(node.stop(), "{}", node.printed());
    // Behind something that has a name it is the one that people type.
    let args: Vec<&str> = command.iter().map(String::as_str).collect();
    let mut named = Process::new(program(), &args)
        .variable("SYNCLINE_ADMIN_TOKEN", "")
        .variable("SYNCLINE_PUBLIC_URL", "https://sync.example.org/");
    named.start();
    let printed = named.printed();
    assert!(printed.contains("https://sync.example.org/setup#"), "{printed}");
    // What is given after the image's name takes the place of that: it does not listen without TLS.
    let refused = starts(&entry).err().unwrap();
    assert!(refused.contains("--allow-plaintext"), "{refused}");
}

/// A machine with nothing on it: no home folder, no locale, no certificate authorities.
#[test]
fn where_nothing_is_set_up_a_server_is_reached_all_the_same() {
    let mut node = Process::new(program(), &[]);
    node.start();
    let asked = |url: &str| {
        let mut command = Command::new(program());
        command.env_clear().env("SYNCLINE_TOKEN", ADMIN_TOKEN);
        command.env("SSL_CERT_FILE", "/nowhere.pem").env("SSL_CERT_DIR", "/nowhere");
        command.args(["runs", "list", "--server", url]).output().unwrap()
    };
    let found = asked(&node.url());
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    // Encrypted it can speak, too: it is the other end that cannot.
    let refused = asked(&node.url().replace("http:", "https:"));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("E0201"), "{said}");
    assert!(node.stop(), "{}", node.printed());
}

#[test]
fn the_service_starts_the_server_and_systemd_understands_it() {
    let unit = text_of("deploy/systemd/syncline.service");
    let value = |key: &str| {
        let line = unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {key}")).to_owned()
    };
    let words: Vec<String> = value("ExecStart").split(' ').map(str::to_owned).collect();
    assert_eq!(words[0], "/usr/local/bin/syncline");
    assert_eq!(value("StateDirectory"), "syncline");
    let args = arguments(&words);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut node = Process::new(program(), &args);
    node.start();
    assert!(node.stop(), "{}", node.printed());
    let help = Command::new(program()).args(["server", "--help"]).output().unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for variable in ["SYNCLINE_STORE", "SYNCLINE_KEY_FILE"] {
        assert!(unit.contains(variable) && help.contains(variable), "{variable}");
    }

    // Its own words, with the program where it is here.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("syncline.service");
    std::fs::write(&copy, unit.replace(&words[0], program().to_str().unwrap())).unwrap();
    let Ok(out) = Command::new("systemd-analyze").args(["--man=no", "verify"]).arg(&copy).output()
    else {
        let name = "syncline-cli::the_service_starts_the_server_and_systemd_understands_it";
        let _ = writeln!(std::io::stderr(), "\nSKIPPED {name}: no systemd-analyze");
        return;
    };
    // It is content with lines that it does not understand, and says so.
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && !said.contains("syncline.service"), "{said}");
}
