//! The server that is measured, from outside: its process, its state, and those who watch it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::client::Client;

const TOKEN: &str = "slt_of-the-bench-and-of-nobody-else";

/// A server.
pub(super) struct Node {
    program: PathBuf,
    state: PathBuf,
    child: Option<Child>,
    address: String,
}

impl Node {
    pub(super) fn new(program: PathBuf, state: PathBuf) -> Self {
        Self { program, state, child: None, address: String::new() }
    }

    pub(super) fn start(&mut self) -> Result<(), String> {
        let mut child = Command::new(&self.program)
            .args(["server", "--listen", "127.0.0.1:0", "--state"])
            .arg(&self.state)
            .env("SYNCLINE_ADMIN_TOKEN", TOKEN)
            .env_remove("SYNCLINE_STORE")
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("{}: {e}", self.program.display()))?;
        let out = child.stdout.take().ok_or("no output")?;
        self.child = Some(child);
        let mut lines = BufReader::new(out);
        let mut line = String::new();
        while lines.read_line(&mut line).map_err(|e| e.to_string())? > 0 {
            if let Some((_, address)) = line.trim().split_once("listening on http://") {
                self.address = address.to_owned();
                // Whatever else it says must not fill the pipe.
                std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
                return Ok(());
            }
            line.clear();
        }
        Err("the server does not listen".to_owned())
    }

    /// Stops it in order.
    pub(super) fn stop(&mut self) -> Result<(), String> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let id = child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        child.wait().map(drop).map_err(|e| e.to_string())
    }

    pub(super) fn client(&self) -> Result<Client, String> {
        Client::new(&self.address, TOKEN)
    }

    fn pid(&self) -> Result<u32, String> {
        self.child.as_ref().map(Child::id).ok_or_else(|| "the server does not run".to_owned())
    }

    /// Memory in RAM.
    pub(super) fn rss_mib(&self) -> Result<f64, String> {
        let path = format!("/proc/{}/status", self.pid()?);
        let status = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kib.map(|kib| kib / 1024.0).ok_or_else(|| "no VmRSS".to_owned())
    }

    /// Seconds of CPU it has used.
    pub(super) fn cpu_seconds(&self) -> Result<f64, String> {
        let path = format!("/proc/{}/stat", self.pid()?);
        let stat = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
        let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let fields: Vec<f64> = rest.split(' ').filter_map(|f| f.parse().ok()).collect();
        // The state, which is no number, is left out: utime and stime are fields 14 and 15.
        match (fields.get(10), fields.get(11)) {
            (Some(user), Some(system)) => Ok((user + system) / 100.0),
            _ => Err("no times".to_owned()),
        }
    }

    /// Writes a history of runs that have ended, while the server does not run.
    pub(super) fn fill_runs(&self, runs: usize) -> Result<(), String> {
        let file = self.state.join("server/syncline.db");
        // Ids in the order of time, spread over 90 days; one in ten has failed.
        let sql = format!(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {runs}),
             t(i, at) AS (SELECT i, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-90 days',
                 printf('+%d seconds', i * 7776000 / {runs})) FROM n)
             INSERT INTO runs (id, job, name, command, spec, source, sink, state, epoch, totals,
                 created_at, updated_at, job_name, job_version, started_by, mode, started_at, ended_at)
             SELECT printf('01900000-%04x-7000-8000-%012x', i / 65536, i), 'print' || (i % 10000),
                 printf('job-%05d', i % 10000), '', '{{}}', 'file:t.csv', 'file:o.csv',
                 CASE WHEN i % 10 = 0 THEN 'failed' ELSE 'finished' END, 1,
                 '{{\"tables\":1,\"rows_read\":10,\"rows_written\":10,\"dead_letters\":0}}',
                 at, at, printf('job-%05d', i % 10000), 1, 'schedule', 'full', at, at FROM t;"
        );
        let mut sqlite = Command::new("sqlite3")
            .arg(&file)
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|e| format!("sqlite3 (Debian package sqlite3): {e}"))?;
        let mut input = sqlite.stdin.take().ok_or("no input")?;
        input.write_all(sql.as_bytes()).map_err(|e| e.to_string())?;
        drop(input);
        match sqlite.wait().map_err(|e| e.to_string())?.success() {
            true => Ok(()),
            false => Err("the history could not be written".to_owned()),
        }
    }

    /// Opens so many WebSockets that watch everything, and reads what they are sent.
    pub(super) fn watch(&self, count: usize) -> Result<Watching, String> {
        let frames = Arc::new(AtomicU64::new(0));
        let mut lines = Vec::new();
        for _ in 0..count {
            let mut line = TcpStream::connect(&self.address).map_err(|e| e.to_string())?;
            let request = format!(
                "GET /api/v1/live HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\n\
                 Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                self.address
            );
            line.write_all(request.as_bytes()).map_err(|e| e.to_string())?;
            let mut reader = BufReader::new(line.try_clone().map_err(|e| e.to_string())?);
            let mut status = String::new();
            reader.read_line(&mut status).map_err(|e| e.to_string())?;
            if !status.contains(" 101 ") {
                return Err(format!("no WebSocket: {}", status.trim()));
            }
            // A text frame of fewer than 126 bytes, masked with zeros.
            let text = br#"{"subscribe":{"all":true}}"#;
            let length = u8::try_from(text.len()).unwrap_or(0) | 0x80;
            let mut frame = vec![0x81, length, 0, 0, 0, 0];
            frame.extend_from_slice(text);
            line.write_all(&frame).map_err(|e| e.to_string())?;
            let counted = Arc::clone(&frames);
            std::thread::spawn(move || {
                let mut part = [0; 65_536];
                while reader.read(&mut part).is_ok_and(|read| read > 0) {
                    counted.fetch_add(1, Relaxed);
                }
            });
            lines.push(line);
        }
        Ok(Watching { frames, lines })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Those who watch.
pub(super) struct Watching {
    frames: Arc<AtomicU64>,
    lines: Vec<TcpStream>,
}

impl Watching {
    /// How often something has come to any of them.
    pub(super) fn frames(&self) -> u64 {
        self.frames.load(Relaxed)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        for line in &self.lines {
            let _ = line.shutdown(std::net::Shutdown::Both);
        }
    }
}
