//! CSV, TSV and other delimited text: RFC 4180, with the marks of the options.
//!
//! NULL is an unquoted empty value (or the unquoted text of `?null=`); the empty text is `""`.

pub(crate) mod reader;
pub(crate) mod tokenizer;
pub(crate) mod writer;

use syncline_types::Result;

use crate::options::{FilesOptions, Format};

/// The marks of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Between values.
    pub(crate) delimiter: u8,
    /// Around values, where there is such a mark.
    pub(crate) quote: Option<u8>,
    /// Makes the next character literal, where there is such a mark.
    pub(crate) escape: Option<u8>,
    /// What stands for NULL when it is not quoted.
    pub(crate) null: Vec<u8>,
}

impl Dialect {
    /// The marks for a format.
    pub(crate) fn of(options: &FilesOptions, format: Format) -> Result<Self> {
        Ok(Self {
            delimiter: options.delimiter(format)?.unwrap_or(b','),
            quote: options.quote()?,
            escape: options.escape()?,
            null: options.null.clone().unwrap_or_default().into_bytes(),
        })
    }
}
