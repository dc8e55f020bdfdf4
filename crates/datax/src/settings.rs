//! `job.setting` and `core`: how fast, how many bad rows; and the job file that all of it makes.

use serde_json::{Map, Value, json};
use syncline_connector::Secret;
use syncline_engine::JobFile;
use syncline_types::{Error, Result};

use crate::keys::{Keys, Node};
use crate::{Input, OldFiles, Output, Part, SINK_PASSWORD, SOURCE_PASSWORD};

/// What a job says about all of its content.
pub(crate) struct Settings {
    /// Splits at work at the same time; as many slices a stream is made of.
    pub(crate) channels: Option<u64>,
    rows: Option<u64>,
    bytes: Option<u64>,
    error_rows: Option<u64>,
    error_ratio: Option<f64>,
    /// No limit of bad rows is given, which DataX takes for none at all.
    pub(crate) unlimited: bool,
}

/// A limit that is given and more than nothing.
fn limit(keys: &Keys<'_>, key: &str) -> Result<Option<u64>> {
    Ok(keys.get(key).map(|n| n.count()).transpose()?.flatten().filter(|n| *n > 0))
}

/// Of two limits the lower one.
fn lower(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

impl Settings {
    pub(crate) fn parse(
        job: &Keys<'_>,
        core: Option<&Node<'_>>,
        notes: &mut Vec<String>,
    ) -> Result<Self> {
        let mut this = Self {
            channels: None,
            rows: None,
            bytes: None,
            error_rows: None,
            error_ratio: None,
            unlimited: true,
        };
        if let Some(setting) = job.get("setting") {
            this.setting(&setting.keys()?)?;
        }
        if let Some(core) = core {
            let (bytes, rows) = per_channel(core, notes)?;
            this.with_channels(bytes, rows);
        }
        Ok(this)
    }

    fn setting(&mut self, keys: &Keys<'_>) -> Result<()> {
        if let Some(speed) = keys.get("speed") {
            let speed = speed.keys()?;
            self.channels = limit(&speed, "channel")?;
            (self.rows, self.bytes) = (limit(&speed, "record")?, limit(&speed, "byte")?);
            speed.finish()?;
        }
        if let Some(limit) = keys.get("errorLimit") {
            let keys = limit.keys()?;
            self.error_rows = keys.get("record").map(|n| n.count()).transpose()?.flatten();
            if let Some(share) = keys.get("percentage") {
                let number = share.number()?;
                if !(0.0..=1.0).contains(&number) {
                    return Err(share.wrong("a share from 0 to 1"));
                }
                self.error_ratio = Some(number);
            }
            self.unlimited = self.error_rows.is_none() && self.error_ratio.is_none();
            keys.finish()?;
        }
        keys.finish()
    }

    /// Limits of one channel: they say how many channels a total is cut into, or what all channels
    /// are limited to together.
    fn with_channels(&mut self, bytes: Option<u64>, rows: Option<u64>) {
        let cut = |total: Option<u64>, one: Option<u64>| Some((total? / one?).max(1));
        match lower(cut(self.bytes, bytes), cut(self.rows, rows)) {
            Some(channels) => self.channels = Some(channels),
            None => {
                let all = self.channels.unwrap_or(1);
                let together = |one: Option<u64>| one.map(|one| one.saturating_mul(all));
                self.bytes = lower(self.bytes, together(bytes));
                self.rows = lower(self.rows, together(rows));
            }
        }
    }

    /// The job of one pair of what is read and where it goes.
    pub(crate) fn part(
        &self,
        name: &str,
        (input, output): (Input, Output),
        steps: &[Value],
    ) -> Result<Part> {
        let side = |url: &str, password: &Option<Secret>, variable: &str| {
            let mut connection = Map::from_iter([("url".to_owned(), json!(url))]);
            if password.is_some() {
                connection.insert("password".into(), json!({ "env": variable }));
            }
            Value::Object(connection)
        };
        let mut source = Map::from_iter([("connection".to_owned(), json!("reader"))]);
        let mut columns = Map::new();
        if let Some(chosen) = &input.columns {
            let table = input.tables.first().cloned().unwrap_or_else(|| "rows".into());
            let list: Vec<Value> = chosen.iter().map(|name| json!({ "from": name })).collect();
            columns.insert(table, list.into());
        }
        if !input.tables.is_empty() {
            source.insert("tables".into(), json!(input.tables));
        }
        source.extend(input.query.map(|q| ("query".to_owned(), q.into())));
        source.extend(input.filter.map(|f| ("where".to_owned(), f.into())));
        let mut sink = Map::from_iter([("connection".to_owned(), json!("writer"))]);
        sink.extend(output.table.map(|t| ("table".to_owned(), t.into())));
        if !output.columns.is_empty() {
            sink.insert("columns".into(), json!(output.columns));
        }
        sink.extend(output.write.map(|w| ("write".to_owned(), w.into())));
        if !output.makes_target {
            sink.insert("create".into(), "never".into());
        }
        for (key, statements) in [("before", &output.before), ("after", &output.after)] {
            if !statements.is_empty() {
                sink.insert(key.into(), json!(statements));
            }
        }
        let mut speed = Map::new();
        speed.extend(self.channels.map(|n| ("parallel".to_owned(), n.into())));
        for (key, most) in [("rows_per_second", self.rows), ("bytes_per_second", self.bytes)] {
            // As much as the setting takes, which is more than a run moves.
            speed.extend(most.map(|n| (key.to_owned(), n.min(u64::from(u32::MAX)).into())));
        }
        let mut errors = Map::new();
        errors.extend(self.error_rows.map(|n| ("rows".to_owned(), n.into())));
        errors.extend(self.error_ratio.map(|n| ("ratio".to_owned(), json!(n))));
        errors.insert("allow_lossy".into(), true.into());
        if input.zero_dates_are_null {
            errors.insert("values".into(), json!({ "zero_date": "null" }));
        }
        let chain = [input.steps.as_slice(), steps].concat();
        let job = json!({
            "version": 1,
            "name": name,
            "connections": {
                "reader": side(&input.url, &input.password, SOURCE_PASSWORD),
                "writer": side(&output.url, &output.password, SINK_PASSWORD),
            },
            "source": source,
            "sink": sink,
            "columns": columns,
            "processors": { "source": chain, "sink": output.steps },
            "speed": speed,
            "errors": errors,
        });
        let job = JobFile::parse(&job.to_string(), name)
            .map_err(|e| Error::new(e.code(), format!("as a job: {}", e.chain())))?;
        Ok(Part {
            job,
            source_password: input.password,
            sink_password: output.password,
            clear: output.clear.map(|(folder, prefix, clear)| OldFiles {
                folder: folder.into(),
                prefix,
                refuse: clear.refuse,
            }),
        })
    }
}

/// `core.transport.channel.speed`: bytes and records of one channel. All else of `core` tunes
/// DataX itself.
fn per_channel(core: &Node<'_>, notes: &mut Vec<String>) -> Result<(Option<u64>, Option<u64>)> {
    let mut node = core.clone();
    let mut others = false;
    for key in ["transport", "channel", "speed"] {
        let keys = node.keys()?;
        let next = keys.get(key);
        others |= keys.finish().is_err();
        let Some(next) = next else {
            if others {
                notes.push("core is about DataX itself and has no effect".into());
            }
            return Ok((None, None));
        };
        node = next;
    }
    let speed = node.keys()?;
    let found = (limit(&speed, "byte")?, limit(&speed, "record")?);
    if others || speed.finish().is_err() {
        notes.push(format!(
            "core: byte and record of {} limit the speed; all else is about DataX itself and has \
             no effect",
            node.place
        ));
    }
    Ok(found)
}
