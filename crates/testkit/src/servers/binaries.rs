//! Where the programs of each server are, if they are here at all.

use std::path::{Path, PathBuf};

use super::Kind;
use super::install::cache;

/// The programs of one server.
pub(super) struct Binaries {
    /// Makes an empty data folder.
    pub(super) init: PathBuf,
    /// Serves it.
    pub(super) server: PathBuf,
    /// The folder the server is installed in, where it has to be told.
    pub(super) base: Option<PathBuf>,
}

/// Looks for a server; the error says what is missing and where it was looked for.
pub(super) fn find(kind: Kind) -> Result<Binaries, String> {
    match kind {
        Kind::MariaDb => Ok(Binaries {
            init: in_path("mariadb-install-db", "Debian package mariadb-server-core")?,
            server: in_path("mariadbd", "Debian package mariadb-server-core")?,
            base: None,
        }),
        Kind::MySql => {
            let base = cache().join("mysql-8.0.33");
            let server = existing(base.join("bin/mysqld"))?;
            Ok(Binaries { init: server.clone(), server, base: Some(base) })
        }
        Kind::Postgres => {
            let bin = debian_postgres().ok_or("Debian package postgresql-15 is not installed")?;
            Ok(Binaries {
                init: existing(bin.join("initdb"))?,
                server: existing(bin.join("postgres"))?,
                base: None,
            })
        }
        Kind::Postgres17 => {
            let bin = cache().join("postgres-17/bin");
            Ok(Binaries {
                init: existing(bin.join("initdb"))?,
                server: existing(bin.join("postgres"))?,
                base: None,
            })
        }
    }
}

fn existing(path: PathBuf) -> Result<PathBuf, String> {
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("{} is not there (`cargo xtask servers install`)", path.display()))
    }
}

fn in_path(program: &str, from: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/bin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| format!("{program} is not in PATH ({from})"))
}

/// The newest version that Debian's packages have put here.
fn debian_postgres() -> Option<PathBuf> {
    let versions = std::fs::read_dir(Path::new("/usr/lib/postgresql")).ok()?;
    versions
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())))
        .max()
        .map(|(_, path)| path.join("bin"))
}
