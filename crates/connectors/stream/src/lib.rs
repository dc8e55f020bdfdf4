//! Generated rows as a source, and a sink that takes rows and keeps none.
//!
//! - The source makes each row from its number alone, so that a run goes on anywhere, in any
//!   number of splits, and gives the same rows.
//! - The sink is what is left when nothing is written: it shows how fast a source can be read.

mod columns;
mod generate;
mod sink;
mod source;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use syncline_connector::{Connector, Endpoint, Mode, Roles, Sink, Source, Spec};
use syncline_types::{Code, Error, Result, TableSchema};

/// Rows out of nothing, and into nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct StreamConnector;

/// Options of a stream.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StreamOptions {
    /// Source: the columns, as a JSON list of objects with `name`, `type`, and one of `value`,
    /// `sequence` and `random`: `[{"name":"id","type":"int64","sequence":1}]`.
    pub columns: Option<String>,
    /// Source: how many rows.
    pub rows: u64,
    /// Source: another number gives other random values.
    pub seed: u64,
    /// Source: the table's name.
    pub table: String,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self { columns: None, rows: 1_000, seed: 0, table: "stream".into() }
    }
}

static SPEC: Spec = Spec {
    id: "stream",
    title: "Generated rows, and rows that are thrown away",
    schemes: &["stream"],
    example: "stream:?rows=1000000",
    roles: Roles { source: &[Mode::Full, Mode::Batch], sink: true },
    guarantee: "nothing is kept",
    versions: "",
    notes: "\
As a source it makes rows: constants, sequences and random values, the same ones each time. Without \
`columns` there is an `id` from 1, a random number `n` and a random text `t`. As a target it takes \
rows and keeps none, which shows how fast a source can be read:

    syncline copy mysql://me@db1/shop stream:
    syncline copy 'stream:?rows=1000000' sqlite:made.db",
};

impl Connector for StreamConnector {
    type Options = StreamOptions;

    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn source(&self, endpoint: &Endpoint, options: StreamOptions) -> Result<Box<dyn Source>> {
        plain(endpoint)?;
        Ok(Box::new(source::StreamSource::new(&options).map_err(|e| e.at("stream:"))?))
    }

    fn sink(&self, endpoint: &Endpoint, _: StreamOptions) -> Result<Box<dyn Sink>> {
        plain(endpoint)?;
        Ok(Box::new(sink::StreamSink))
    }

    fn read_back(&self, _: &Endpoint, _: &TableSchema) -> Result<Endpoint> {
        let message = "rows that go to stream: are not kept, and cannot be read back";
        Err(Error::new(Code::Unsupported, message))
    }
}

/// A stream is nowhere: there is nothing to name.
fn plain(endpoint: &Endpoint) -> Result<()> {
    if endpoint.path.is_empty() && endpoint.hosts.is_empty() {
        return Ok(());
    }
    let message = format!("{}: a stream has no host and no path", endpoint.redacted());
    Err(Error::new(Code::BadUrl, message).hint("write stream: and its options, stream:?rows=1000"))
}
