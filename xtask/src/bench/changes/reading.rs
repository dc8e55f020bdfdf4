//! Reading alone: the log from the server into Arrow batches that are thrown away, beside the
//! stores' own programs, which take its bytes.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Begins, Bench, Line, float, turns};
use crate::bench::servers::{FROM, quoted};
use crate::steps::succeed;
use crate::workspace::{Workspace, cargo};

/// Reads a log as a run does, and does nothing with it.
const PROGRAM: &str = "syncline-read-log";

impl Bench<'_> {
    pub(super) fn reading(&self, begins: &Begins) -> Result<(), String> {
        let ours = self.reader()?;
        let mysql = self.reading_mysql(begins, &ours)?;
        let postgres = self.reading_postgres(begins, &ours)?;
        let mut text = format!(
            "\n### Reading alone: {} changes\n\n| who | changes/s | CPU s / M | ratio | with the \
             server | ratio | peak MiB |\n|---|---|---|---|---|---|---|\n",
            self.all()
        );
        for lines in [mysql, postgres] {
            let millions = float(self.all()) / 1e6;
            let own = |line: &Line| line.middle(|u| u.cpu) / millions;
            let all = |line: &Line| line.middle(|u| u.cpu + u.servers) / millions;
            for line in &lines {
                let _ = writeln!(
                    text,
                    "| {} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} | {:.0} |",
                    line.who,
                    float(self.all()) / line.middle(|u| u.seconds),
                    own(line),
                    own(line) / own(&lines[0]),
                    all(line),
                    all(line) / all(&lines[0]),
                    line.middle(|u| u.peak_mib)
                );
            }
        }
        println!("{text}");
        Ok(())
    }

    /// The program that reads, built now.
    fn reader(&self) -> Result<PathBuf, String> {
        if let Some(beside) = self.syncline.parent().map(|folder| folder.join(PROGRAM))
            && std::env::var_os("SYNCLINE_BIN").is_some()
            && beside.is_file()
        {
            return Ok(beside);
        }
        let package = ["--package", "syncline-instructions", "--bin", PROGRAM];
        succeed(cargo().args(["build", "--release", "--quiet"]).args(package))?;
        Ok(Workspace::load()?.target.join("release").join(PROGRAM))
    }

    fn reading_mysql(&self, begins: &Begins, ours: &Path) -> Result<Vec<Line>, String> {
        let raw = self.folder.join("raw");
        let native = format!(
            "mariadb-binlog --no-defaults --read-from-remote-server --raw --result-file={}/ \
             --protocol=tcp -h127.0.0.1 -P{} -uroot --to-last-log --start-position={} {}",
            quoted(&raw.display().to_string()),
            self.servers.mysql_port(),
            begins.offset,
            quoted(&begins.file)
        );
        let ours = self.read(ours, &self.servers.url(true, FROM), &begins.gtid);
        let mut lines = vec![Line::new("mariadb-binlog --raw"), Line::new("syncline, into Arrow")];
        for round in 0..self.changes.rounds {
            for turn in turns(round, 2) {
                let _ = fs::remove_dir_all(&raw);
                fs::create_dir_all(&raw).map_err(|e| format!("{}: {e}", raw.display()))?;
                let usage = self.measure(if turn == 0 { &native } else { &ours })?;
                lines[turn].usages.push(usage);
            }
        }
        let _ = fs::remove_dir_all(&raw);
        Ok(lines)
    }

    fn reading_postgres(&self, begins: &Begins, ours: &Path) -> Result<Vec<Line>, String> {
        let native = format!(
            "{} --slot reading --start --no-loop --endpos {} -f /dev/null -o proto_version=1 \
             -o publication_names=bench",
            self.servers.recvlogical(FROM),
            begins.lsn_end
        );
        let source = format!("{}?slot=reading&publication=bench", self.servers.url(false, FROM));
        let ours = self.read(ours, &source, "earliest");
        let mut lines = vec![Line::new("pg_recvlogical"), Line::new("syncline, into Arrow")];
        for round in 0..self.changes.rounds {
            for turn in turns(round, 2) {
                self.slot("reading")?;
                let usage = self.measure(if turn == 0 { &native } else { &ours });
                self.drop_slot("reading")?;
                lines[turn].usages.push(usage?);
            }
        }
        Ok(lines)
    }

    fn read(&self, program: &Path, source: &str, from: &str) -> String {
        let (source, from) = (quoted(source), quoted(from));
        format!("exec {} {source} ledger {from} {}", program.display(), self.all())
    }
}
