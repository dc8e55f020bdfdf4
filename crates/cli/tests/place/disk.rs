//! Disks of a test's own: they can be full, and read-only.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A small disk in memory, taken down with the value.
pub(crate) struct Disk {
    folder: TempDir,
}

impl Disk {
    /// A disk of that size (`256k`); `None`, after a line that says so, where mounting is not
    /// allowed.
    #[allow(clippy::print_stderr, reason = "a skipped test is named")]
    pub(crate) fn of(size: &str) -> Option<Disk> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = format!("size={size}");
        if mount(&["-t", "tmpfs", "-o", &options, "none"], folder.path()) {
            return Some(Disk { folder });
        }
        eprintln!("SKIPPED a disk of {size}: no right to mount");
        None
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes it larger.
    pub(crate) fn grow(&self, size: &str) {
        assert!(mount(&["-o", &format!("remount,size={size}"), "none"], self.path()), "no growing");
    }

    /// Makes it read-only, or writable again.
    pub(crate) fn read_only(&self, yes: bool) {
        let options = if yes { "remount,ro" } else { "remount,rw" };
        assert!(mount(&["-o", options, "none"], self.path()), "{options} is refused");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

fn mount(args: &[&str], at: &Path) -> bool {
    let mut command = Command::new("mount");
    command.args(args).arg(at).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
