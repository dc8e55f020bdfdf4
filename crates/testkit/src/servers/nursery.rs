//! Child processes that never outlive this one, and their folder, which is removed after it.
//!
//! Two things see to it, because a test may be killed at any moment: the kernel kills the children
//! (`setpriv --pdeathsig`, which watches the *thread* that started them, hence one thread for all),
//! and a waiting shell removes the folder once this process is gone.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, OnceLock, PoisonError};

type Order = (Command, Sender<io::Result<Child>>);

/// Starts a process from the one thread that lives as long as this process.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    static ORDERS: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    let orders = ORDERS.get_or_init(|| {
        let (send, receive) = mpsc::channel::<Order>();
        std::thread::Builder::new()
            .name("nursery".to_owned())
            .spawn(move || {
                for (mut command, reply) in receive {
                    let _ = reply.send(command.spawn());
                }
            })
            .expect("a thread can be started");
        Mutex::new(send)
    });
    let (reply, answer) = mpsc::channel();
    let gone = || io::Error::other("the nursery thread is gone");
    let send = orders.lock().unwrap_or_else(PoisonError::into_inner);
    send.send((command, reply)).map_err(|_| gone())?;
    drop(send);
    answer.recv().map_err(|_| gone())?
}

/// A command that dies with this process, run as another account when one is given.
pub(crate) fn mortal(program: &Path, account: Option<(&str, &str)>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if let Some((user, group)) = account {
        command.args(["--reuid", user, "--regid", group, "--clear-groups"]);
    }
    command.arg("--").arg(program).stdin(Stdio::null());
    command
}

/// A new, empty folder that is removed after this process at the latest.
pub(crate) fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let path = root().join(NEXT.fetch_add(1, Ordering::Relaxed).to_string());
    std::fs::create_dir_all(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    path
}

fn root() -> &'static Path {
    static ROOT: OnceLock<(PathBuf, Child)> = OnceLock::new();
    // The child's standard input is held open here.
    let (path, _undertaker) = ROOT.get_or_init(|| {
        let path = std::env::temp_dir().join(format!("syncline-test-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        // `read` returns when the other end of the pipe closes: when this process is gone.
        let script = "trap '' INT TERM HUP; read -r _; sleep 0.3; rm -rf -- \"$1\"";
        let undertaker = Command::new("sh")
            .args(["-c", script, "undertaker"])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh can be started");
        (path, undertaker)
    });
    path
}
