//! How each server is initialised, started, awaited and ended.
//!
//! The slow initialisation is made once and kept as a template; an instance is a copy of it.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::binaries::Binaries;
use super::install::cache;
use super::{Inner, Kind, Session, nursery};

/// How long a server may take to answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A folder with a fresh copy of the template in `data`.
pub(super) fn instance(kind: Kind, found: &Binaries) -> PathBuf {
    let folder = nursery::folder();
    refill(kind, found, &folder);
    folder
}

/// Puts a fresh copy of the template into `folder/data`.
pub(super) fn refill(kind: Kind, found: &Binaries, folder: &Path) {
    let template = template(kind, found);
    std::fs::create_dir_all(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    run(Command::new("cp").arg("-a").arg(&template).arg(folder.join("data")));
    // One that is shared would be swept by every server that starts.
    let own = folder.join("tmp");
    std::fs::create_dir_all(&own).unwrap_or_else(|e| panic!("{}: {e}", own.display()));
    if let Some((user, group)) = account(kind) {
        run(Command::new("chown").arg("-R").arg(format!("{user}:{group}")).arg(folder));
    }
}

/// The template's folder, made when it is not there yet. Several processes may do so at once: the
/// first to finish wins.
fn template(kind: Kind, found: &Binaries) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    let age = std::fs::metadata(&found.server).and_then(|m| m.modified()).ok();
    (3, &found.server, age, account(kind).is_some()).hash(&mut hasher);
    let templates = cache().join("templates");
    let path = templates.join(format!("{}-{:016x}", kind.name(), hasher.finish()));
    if path.is_dir() {
        return path;
    }
    let work = nursery::folder();
    if let Some((user, group)) = account(kind) {
        run(Command::new("chown").arg(format!("{user}:{group}")).arg(&work));
    }
    let data = work.join("data");
    initialise(kind, found, &work, &data);
    std::fs::create_dir_all(&templates).unwrap_or_else(|e| panic!("{}: {e}", templates.display()));
    let staged = templates.join(format!("{}.{}", kind.name(), std::process::id()));
    let _ = std::fs::remove_dir_all(&staged);
    run(Command::new("cp").arg("-a").arg(&data).arg(&staged));
    if std::fs::rename(&staged, &path).is_err() {
        let _ = std::fs::remove_dir_all(&staged);
    }
    assert!(path.is_dir(), "{} was not made", path.display());
    path
}

fn initialise(kind: Kind, found: &Binaries, work: &Path, data: &Path) {
    let mut command = nursery::mortal(&found.init, account(kind));
    command.current_dir(work).env("LC_ALL", "C.UTF-8").env("HOME", work);
    match kind {
        Kind::MariaDb => {
            command.arg("--no-defaults").arg(flag("datadir", data)).args([
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
                "--innodb-flush-method=nosync",
                "--innodb-log-file-size=8M",
                "--innodb-doublewrite=OFF",
                "--sync-frm=OFF",
                "--skip-log-bin",
                "--aria-log-file-size=8M",
                "--innodb-buffer-pool-size=16M",
            ]);
            as_root(&mut command);
        }
        Kind::MySql => {
            // One statement a line: the server refuses two on one.
            let users = work.join("users.sql");
            let statements = "CREATE USER 'root'@'127.0.0.1' IDENTIFIED WITH \
                 caching_sha2_password BY 'root';\n\
                 GRANT ALL ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;\n\
                 ALTER USER 'root'@'localhost' IDENTIFIED WITH caching_sha2_password BY 'root';\n";
            std::fs::write(&users, statements).expect("the work folder is writable");
            command.arg("--no-defaults").arg("--initialize-insecure").arg(flag("datadir", data));
            command.args(found.base.iter().map(|base| flag("basedir", base)));
            command.arg(flag("init-file", &users)).args([
                "--innodb-flush-method=nosync",
                "--innodb-doublewrite=OFF",
                "--innodb-redo-log-capacity=16M",
                "--skip-log-bin",
                "--secure-file-priv=",
            ]);
            as_root(&mut command);
        }
        Kind::Postgres | Kind::Postgres17 => {
            command.arg("-D").arg(data).args([
                "-U",
                "postgres",
                "-A",
                "trust",
                "--no-sync",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
            ]);
        }
    }
    let log = work.join("init.log");
    redirect(&mut command, &log);
    let status = nursery::spawn(command).and_then(|mut child| child.wait());
    let fine = status.as_ref().is_ok_and(std::process::ExitStatus::success);
    assert!(fine, "{} cannot be initialised ({status:?}):\n{}", kind.name(), tail(&log));
    if kind == Kind::MySql {
        // It holds the server's UUID, which two copies must not share.
        let _ = std::fs::remove_file(data.join("auto.cnf"));
    }
}

/// The program and all of its arguments.
pub(super) fn arguments(kind: Kind, found: &Binaries, folder: &Path, port: u16) -> Vec<String> {
    let data = folder.join("data");
    let mut args = vec![found.server.display().to_string()];
    match kind {
        Kind::MariaDb | Kind::MySql => {
            args.push("--no-defaults".to_owned());
            args.extend(found.base.iter().map(|base| flag("basedir", base)));
            args.push(flag("datadir", &data));
            args.push(flag("socket", &socket(kind, folder)));
            args.push(flag("pid-file", &folder.join("p")));
            args.push(flag("tmpdir", &folder.join("tmp")));
            args.push(format!("--port={port}"));
            args.push(format!("--server-id={port}"));
            if is_root() {
                args.push("--user=root".to_owned());
            }
            let both = [
                "--bind-address=127.0.0.1",
                "--log-bin=binlog",
                "--binlog-format=ROW",
                "--binlog-row-image=FULL",
                "--binlog-row-metadata=FULL",
                "--sync-binlog=0",
                // What is committed survives the death of the process, if not of the machine.
                "--innodb-flush-log-at-trx-commit=2",
                "--innodb-flush-method=nosync",
                "--innodb-doublewrite=OFF",
                "--innodb-buffer-pool-size=128M",
                "--key-buffer-size=1M",
                "--performance-schema=OFF",
                "--skip-name-resolve",
                "--local-infile=ON",
                "--character-set-server=utf8mb4",
                "--max-allowed-packet=64M",
                "--secure-file-priv=",
            ];
            let own: &[&str] = if kind == Kind::MariaDb {
                &[
                    "--gtid-strict-mode=ON",
                    "--sync-frm=OFF",
                    "--innodb-log-file-size=128M",
                    "--aria-pagecache-buffer-size=8M",
                ]
            } else {
                &[
                    "--mysqlx=OFF",
                    "--gtid-mode=ON",
                    "--enforce-gtid-consistency=ON",
                    "--innodb-redo-log-capacity=128M",
                ]
            };
            args.extend(both.iter().chain(own).map(|a| (*a).to_owned()));
        }
        Kind::Postgres | Kind::Postgres17 => {
            args.extend(["-D".to_owned(), data.display().to_string()]);
            args.extend(["-p".to_owned(), port.to_string()]);
            args.extend(["-k".to_owned(), folder.display().to_string()]);
            // synchronous_commit stays on: logical decoding sends only flushed WAL.
            for setting in [
                "listen_addresses=127.0.0.1",
                "wal_level=logical",
                "max_wal_senders=40",
                "max_replication_slots=40",
                "max_prepared_transactions=10",
                "max_connections=200",
                "fsync=off",
                "full_page_writes=off",
                "shared_buffers=64MB",
            ] {
                args.extend(["-c".to_owned(), setting.to_owned()]);
            }
        }
    }
    args
}

/// The unix socket (MySQL), or its folder (PostgreSQL).
pub(super) fn socket(kind: Kind, folder: &Path) -> PathBuf {
    if kind.is_mysql() { folder.join("s") } else { folder.to_owned() }
}

/// Starts the server in its folder; its output goes to `log` there.
pub(super) fn spawn(kind: Kind, args: &[String], folder: &Path) -> Result<Child, String> {
    let (program, rest) = args.split_first().ok_or("no program")?;
    let mut command = nursery::mortal(Path::new(program), account(kind));
    command.args(rest).current_dir(folder).env("LC_ALL", "C.UTF-8").env("HOME", folder);
    redirect(&mut command, &folder.join("log"));
    nursery::spawn(command).map_err(|e| format!("{program}: {e}"))
}

/// Waits until a login works.
pub(super) fn wait_until_ready(
    inner: &std::sync::Arc<Inner>,
    child: &mut Child,
    folder: &Path,
) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let refused = match Session::open(inner, None) {
            Ok(_) => return Ok(()),
            Err(refused) => refused,
        };
        let log = || tail(&folder.join("log"));
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("it ended with {status}:\n{}", log()));
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("no answer in {PATIENCE:?} ({refused}):\n{}", log()));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Kills a server and the processes it has started, as the loss of the machine would.
pub(super) fn kill_family(child: &mut Child) {
    // The children first by name: once their parent is gone they cannot be told any more, and a
    // backend that lives on keeps PostgreSQL from starting again.
    let family = children_of(child.id());
    let _ = child.kill();
    for pid in &family {
        signal("KILL", *pid);
    }
    let _ = child.wait();
    let began = Instant::now();
    while family.iter().any(|pid| alive(*pid)) && began.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Ends a server in order, without waiting for its clients.
pub(super) fn shut_down(kind: Kind, child: &mut Child) {
    signal(if kind.is_mysql() { "TERM" } else { "INT" }, child.id());
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(30) {
        if matches!(child.try_wait(), Ok(Some(_))) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    kill_family(child);
}

/// A port that nothing listens on.
pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port can be had");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// The account PostgreSQL runs under when this is root, which it refuses.
fn account(kind: Kind) -> Option<(&'static str, &'static str)> {
    (!kind.is_mysql() && is_root()).then_some(("nobody", "nogroup"))
}

fn as_root(command: &mut Command) {
    if is_root() {
        command.arg("--user=root");
    }
}

pub(super) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}

fn flag(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}

fn redirect(command: &mut Command, log: &Path) {
    let file = File::options().create(true).append(true).open(log);
    let file = file.unwrap_or_else(|e| panic!("{}: {e}", log.display()));
    let again = file.try_clone().expect("a file handle can be doubled");
    command.stdin(Stdio::null()).stdout(file).stderr(again);
}

fn tail(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

pub(super) fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {words}");
}

fn signal(name: &str, pid: u32) {
    let _ = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).output();
}

/// State and parent of a process, from `/proc/PID/stat`.
fn stat(pid: u32) -> Option<(char, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn alive(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != 'Z')
}

fn children_of(parent: u32) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| stat(*pid).is_some_and(|(_, ppid)| ppid == parent))
        .collect()
}
