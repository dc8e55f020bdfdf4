//! The options of files: as typed by users, and checked and filled in for one format.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use syncline_connector::Endpoint;
use syncline_types::{Code, Error, Result};

/// How the bytes of a file are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma-separated values.
    Csv,
    /// Values separated by tabs.
    Tsv,
    /// One JSON object a line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC: the file format, also known as Feather 2; streams are read too.
    Arrow,
    /// SQL statements.
    Sql,
}

impl Format {
    /// Whether it is text that can be cut off at a row and gone on with.
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Format::Csv | Format::Tsv | Format::Jsonl | Format::Sql)
    }

    /// Its name, as in `?format=`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::Jsonl => "jsonl",
            Format::Parquet => "parquet",
            Format::Arrow => "arrow",
            Format::Sql => "sql",
        }
    }
}

/// How the bytes of a file are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not packed.
    None,
    /// Gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// Snappy: the framing format (for Parquet: blocks).
    Snappy,
    /// Bzip2.
    Bzip2,
    /// ZIP archives, read only: the files in one, one after the other.
    Zip,
}

/// What a line without a character is, in delimited text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BlankLines {
    /// Nothing.
    Skip,
    /// A record of one empty value.
    Record,
}

/// What ends a line that is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineEnd {
    /// Line feed.
    #[default]
    Lf,
    /// Carriage return and line feed.
    Crlf,
}

/// Whose SQL is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SqlDialect {
    /// MySQL and MariaDB.
    Mysql,
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
    /// Standard SQL.
    #[default]
    Ansi,
}

/// Options of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FilesOptions {
    /// The format, where the extension does not tell it or tells it wrongly.
    pub format: Option<Format>,
    /// How the file is packed, where the extension (`.gz`, `.zst`, `.snappy`, `.bz2`, `.zip`) does
    /// not tell it.
    /// For Parquet: the codec inside of the file, by default zstd.
    pub compression: Option<Compression>,
    /// How hard to pack: 1 to 9 for gzip and bzip2 (default 6), 1 to 19 for zstd (default 3).
    pub level: Option<u32>,
    /// Reading: the table's name. Several files are then pieces of this one table.
    pub table: Option<String>,
    /// The character between two values, or `tab`. Default: a comma, in `.tsv` and `.txt` a tab.
    pub delimiter: Option<String>,
    /// The character around a value that contains others of these, or `none`. Inside it is
    /// doubled, unless `escape` is set.
    pub quote: String,
    /// A character that makes the next one stand for itself, inside of quotes and outside. By
    /// default there is none. Set to the quote it means that quotes are doubled.
    pub escape: Option<String>,
    /// Whether the first record has the columns' names.
    pub header: bool,
    /// The columns' names, separated by commas, for a file without a header. Default: c1, c2, …
    pub names: Option<String>,
    /// The text that stands for NULL when it is not quoted. Default: nothing at all; an empty text
    /// is then written as two quotes. When it is set, an empty value is an empty text.
    pub null: Option<String>,
    /// Whether blanks and tabs around values that are not quoted are left out.
    pub trim: bool,
    /// CSV: what lines without a character are. By default they are passed over where a row has
    /// more than one column, and are a row of an empty value where it has one.
    pub blank_lines: Option<BlankLines>,
    /// The encoding: utf-8, utf-16le, utf-16be, windows-1252 (also called latin1), gbk, gb18030,
    /// big5, shift_jis, euc-kr and the others of the WHATWG encoding standard. Default: UTF-8, or
    /// UTF-16 when the file begins with its byte order mark.
    pub charset: Option<String>,
    /// Lines to pass over at the beginning of each file.
    pub skip: u32,
    /// Types of columns, where those found in the sample are not wanted: `id:int64,born:date`.
    pub types: Option<String>,
    /// Rows looked at to find the columns' types. They come from the beginning and, in files that
    /// are not packed, from further in.
    pub sample: u32,
    /// Whether types are found by looking at values. Otherwise everything is text.
    pub infer: bool,
    /// CSV and JSON Lines: whether a file NAME.schema.json beside the file says what its columns
    /// are. `true` writes one; one that is there is read, unless `false`.
    pub schema: Option<bool>,
    /// What ends a line that is written.
    pub line_end: LineEnd,
    /// Writing, with `{page}` in the path: rows a page at most.
    pub rows: Option<u64>,
    /// Writing, with `{page}` in the path: bytes a page, before packing; a page ends with the row
    /// that reaches it. Default, when `rows` is not set either: 64 MiB.
    pub bytes: Option<u64>,
    /// Whose SQL it is. Default: writing ansi; reading, the dialect that the script shows.
    pub dialect: Option<SqlDialect>,
    /// Reading SQL: the offset, as in +02:00, of instants that a script writes without one.
    pub time_zone: Option<String>,
}

impl Default for FilesOptions {
    fn default() -> Self {
        Self {
            format: None,
            compression: None,
            level: None,
            table: None,
            delimiter: None,
            quote: "\"".into(),
            escape: None,
            header: true,
            names: None,
            null: None,
            trim: false,
            blank_lines: None,
            charset: None,
            skip: 0,
            types: None,
            sample: 100_000,
            infer: true,
            schema: None,
            line_end: LineEnd::Lf,
            rows: None,
            bytes: None,
            dialect: None,
            time_zone: None,
        }
    }
}

impl FilesOptions {
    /// Checks what can be checked without a file.
    ///
    /// # Errors
    /// [`Code::BadValue`].
    pub(crate) fn validate(&self, endpoint: &Endpoint) -> Result<()> {
        let place = endpoint.redacted();
        let bad = |what: String| Err(Error::new(Code::BadValue, format!("{place}: {what}")));
        let marks = [
            ("delimiter", self.delimiter(Format::Csv)?),
            ("quote", self.quote()?),
            ("escape", self.escape()?),
        ];
        for (i, (name, a)) in marks.iter().enumerate() {
            for (other, b) in &marks[i + 1..] {
                if a.is_some() && a == b {
                    return bad(format!("{name} and {other} are the same character"));
                }
            }
        }
        if let Some(null) = &self.null
            && null.contains(['\n', '\r'])
        {
            return bad("the text for NULL contains a line break".into());
        }
        if self.rows == Some(0) || self.bytes == Some(0) {
            return bad("a page of no rows or bytes".into());
        }
        if let Some(level) = self.level {
            let most = match self.compression {
                Some(Compression::Gzip | Compression::Bzip2) => 9,
                _ => 19,
            };
            if level == 0 || level > most {
                return bad(format!("level={level} is not between 1 and {most}"));
            }
        }
        if self.sample == 0 && self.infer {
            return bad("sample=0: nothing to find the types by".into());
        }
        crate::charset::label(self.charset.as_deref())?;
        crate::text_types::TypeOverrides::parse(self.types.as_deref())?;
        Ok(())
    }

    /// The delimiter for a format.
    pub(crate) fn delimiter(&self, format: Format) -> Result<Option<u8>> {
        match &self.delimiter {
            Some(text) => mark("delimiter", text),
            None if format == Format::Tsv => Ok(Some(b'\t')),
            None => Ok(Some(b',')),
        }
    }

    /// The quote, when there is one.
    pub(crate) fn quote(&self) -> Result<Option<u8>> {
        match self.quote.as_str() {
            "" | "none" => Ok(None),
            text => mark("quote", text),
        }
    }

    /// The escape character, when there is one. Doubled quotes need none.
    pub(crate) fn escape(&self) -> Result<Option<u8>> {
        match self.escape.as_deref() {
            None | Some("" | "none") => Ok(None),
            Some(text) if text == self.quote => Ok(None),
            Some(text) => mark("escape", text),
        }
    }
}

/// One ASCII character that may separate or quote.
fn mark(option: &str, text: &str) -> Result<Option<u8>> {
    let byte = match text {
        "tab" | "\\t" => b'\t',
        _ => match text.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => *byte,
            _ => {
                return Err(Error::new(
                    Code::BadValue,
                    format!("{option}={text} is not one ASCII character"),
                )
                .hint("a tab is written tab, a percent sign %25, an ampersand %26"));
            }
        },
    };
    Ok(Some(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use syncline_connector::parse_options;

    fn options(query: &str) -> Result<FilesOptions> {
        let endpoint = Endpoint::parse(&format!("a.csv{query}"))?;
        let options: FilesOptions = parse_options(&endpoint)?;
        options.validate(&endpoint)?;
        Ok(options)
    }

    #[test]
    fn marks_are_single_ascii_characters_and_differ() {
        let o = options("?delimiter=tab&quote='&escape=\\").unwrap();
        assert_eq!(o.delimiter(Format::Csv).unwrap(), Some(b'\t'));
        assert_eq!((o.quote().unwrap(), o.escape().unwrap()), (Some(b'\''), Some(b'\\')));
        assert_eq!(options("?quote=none").unwrap().quote().unwrap(), None);
        assert_eq!(options("?escape=\"").unwrap().escape().unwrap(), None);
        for bad in [
            "?delimiter=||",
            "?delimiter=é",
            "?delimiter=\"",
            "?quote=%0A",
            "?null=a%0Ab",
            "?level=20",
            "?charset=klingon",
            "?types=id",
            "?types=id:int65",
            "?rows=0",
        ] {
            assert_eq!(options(bad).unwrap_err().code(), Code::BadValue, "{bad}");
        }
    }

    #[test]
    fn wrong_options_offer_the_right_ones() {
        let error = options("?delimeter=;").unwrap_err();
        assert!(error.message().contains("did you mean \"delimiter\""), "{error}");
        assert!(options("?format=cvs").unwrap_err().message().contains("csv | tsv"));
    }
}
