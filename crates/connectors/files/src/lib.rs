//! Files as source and target: CSV and other delimited text, JSON Lines, Parquet, Arrow IPC and
//! SQL scripts, packed or not, one or many.
//!
//! A path is taken apart in `location`; `catalog` says what tables the files hold, `cut` cuts
//! them; `source` reads them and `sink` writes them, through parts that `parts` keeps
//! durable beside the target. Each format has its module. `TYPES.md` says how each type looks in
//! each format. Conversions between types are the convert kit's, SQL is the SQL kit's.

mod arrow_file;
#[doc(hidden)]
pub mod bench;
mod block;
mod blocking;
mod catalog;
mod changelog;
mod charset;
mod compression;
mod csv;
mod cut;
mod foreign;
mod jsonl;
mod location;
mod options;
mod os_error;
mod parquet_file;
mod parts;
mod piece;
mod script_file;
mod sink;
mod source;
mod table_note;
mod text_types;
mod texts;
mod values;
mod window;
mod writers;
mod zip;

use std::path::Path;

use syncline_connector::{Connector, Endpoint, Mode, Roles, Sink, Source, Spec};
use syncline_types::{Code, Error, Result, TableSchema};

pub use options::{BlankLines, Compression, FilesOptions, Format, LineEnd, SqlDialect};

/// Files.
#[derive(Debug, Clone, Copy, Default)]
pub struct FilesConnector;

static SPEC: Spec = Spec {
    id: "file",
    title: "Files",
    schemes: &["file"],
    example: "data/flights.csv, data/*.csv.gz, out/{table}.parquet, -",
    roles: Roles { source: &[Mode::Full, Mode::Batch], sink: true },
    guarantee: "exactly once: a file appears whole under its name, or not at all",
    versions: "CSV (RFC 4180), JSON Lines, Parquet, Arrow IPC, SQL of MySQL, PostgreSQL and SQLite",
    notes: include_str!("notes.md"),
};

impl Connector for FilesConnector {
    type Options = FilesOptions;

    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn source(&self, endpoint: &Endpoint, options: FilesOptions) -> Result<Box<dyn Source>> {
        let stdin = Box::new(|| Box::new(std::io::stdin()) as Box<dyn std::io::Read + Send>);
        Ok(Box::new(source::FilesSource::new(endpoint.clone(), options, stdin)?))
    }

    fn sink(&self, endpoint: &Endpoint, options: FilesOptions) -> Result<Box<dyn Sink>> {
        Ok(Box::new(sink::FilesSink::new(endpoint, options)?))
    }

    fn read_back(&self, endpoint: &Endpoint, target: &TableSchema) -> Result<Endpoint> {
        if endpoint.path == "-" {
            return Err(Error::new(
                Code::Unsupported,
                "what was written to standard output cannot be read back",
            ));
        }
        let mut back = endpoint.clone();
        back.path = location::Template::parse(&endpoint.path)?.pattern(&target.name)?;
        back.options.insert("table".into(), target.name.name.clone());
        let options: FilesOptions = syncline_connector::parse_options(endpoint)?;
        let format = options.format.or(location::named(Path::new(&endpoint.path)).format);
        let plain = |name: &str| !name.contains(',') && name.trim() == name && !name.is_empty();
        let headless = !options.header && matches!(format, Some(Format::Csv | Format::Tsv));
        if headless && options.names.is_none() && target.columns.iter().all(|c| plain(c.name())) {
            // The file does not say them.
            let names: Vec<&str> = target.columns.iter().map(|c| c.name()).collect();
            back.options.insert("names".into(), names.join(","));
        }
        let typeless = matches!(format, Some(Format::Csv | Format::Tsv | Format::Jsonl));
        if typeless && options.types.is_none() {
            // The types that were written, not those that the texts look like.
            let types: Vec<String> = target.columns.iter().filter_map(text_types::named).collect();
            back.options.insert("types".into(), types.join(","));
        }
        Ok(back)
    }
}
