//! Runs test servers by hand: `cargo xtask servers install | up` call this.
//!
//! `up` prints one line `VARIABLE=URL` for each server, then `READY`, and serves until standard
//! input closes or it is interrupted. `--with NAME:ARGUMENT` hands an argument to that server.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

use std::process::ExitCode;

use syncline_testkit::Tool;
use syncline_testkit::servers::{Kind, Server, install};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((verb, names)) = args.split_first() else {
        eprintln!("usage: syncline-test-servers install | up [NAME…]");
        return ExitCode::from(2);
    };
    let mut kinds = Vec::new();
    let mut tools = Vec::new();
    let mut extra: Vec<(&str, &str)> = Vec::new();
    let mut names = names.iter();
    while let Some(name) = names.next() {
        if name == "--with" {
            let Some(setting) = names.next().and_then(|word| word.split_once(':')) else {
                eprintln!("--with takes NAME:ARGUMENT");
                return ExitCode::from(2);
            };
            extra.push(setting);
            continue;
        }
        match (Kind::parse(name), Tool::parse(name)) {
            (Some(kind), _) => kinds.push(kind),
            (None, Some(tool)) if verb == "install" => tools.push(tool),
            _ => {
                let known = Kind::ALL.map(Kind::name).join(", ");
                eprintln!("no server {name:?}; there are: {known}");
                return ExitCode::from(2);
            }
        }
    }
    if kinds.is_empty() && tools.is_empty() {
        kinds.extend(Kind::ALL);
        tools.extend(Tool::ALL);
    }
    match verb.as_str() {
        "install" => get(&kinds, &tools),
        "up" => up(&kinds, &extra),
        other => {
            eprintln!("unknown verb {other:?}");
            ExitCode::from(2)
        }
    }
}

/// Installs what is missing; a server that cannot be had is named, and is no failure.
fn get(kinds: &[Kind], tools: &[Tool]) -> ExitCode {
    let missing: Vec<Kind> =
        kinds.iter().copied().filter(|kind| install::missing(*kind).is_some()).collect();
    let lacking: Vec<Tool> = tools.iter().copied().filter(|tool| tool.find().is_err()).collect();
    for kind in &missing {
        println!("will install {}", install::plan(*kind));
    }
    for tool in &lacking {
        println!("will install {}", tool.plan());
    }
    for kind in missing {
        match install::install(kind) {
            Ok(()) => println!("installed {}", kind.name()),
            Err(why) => println!("MISSING {}: {why}", kind.name()),
        }
    }
    for tool in lacking {
        match tool.install() {
            Ok(_) => println!("installed {}", tool.name()),
            Err(why) => println!("MISSING {}: {why}", tool.name()),
        }
    }
    ExitCode::SUCCESS
}

fn up(kinds: &[Kind], extra: &[(&str, &str)]) -> ExitCode {
    let mut servers = Vec::new();
    for kind in kinds {
        let of_this = extra.iter().filter(|(name, _)| *name == kind.name());
        let args: Vec<&str> = of_this.map(|(_, argument)| *argument).collect();
        match Server::own(*kind, &args) {
            Some(server) => {
                let socket = match server.socket() {
                    Some(path) if kind.is_mysql() => format!("?socket={}", path.display()),
                    _ => String::new(),
                };
                println!("{}={}{socket}", kind.variable(), server.url(""));
                servers.push(server);
            }
            None => println!("MISSING {}", kind.name()),
        }
    }
    println!("READY");
    // An interrupt ends this process, and the servers with it.
    let mut line = String::new();
    while std::io::stdin().read_line(&mut line).is_ok_and(|read| read > 0) {}
    ExitCode::SUCCESS
}
