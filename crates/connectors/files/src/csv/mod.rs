//! CSV, TSV and other delimited text: RFC 4180, with the marks of the options.
//!
//! NULL is an unquoted empty value (or the unquoted text of `?null=`); the empty text is `""`.

pub(crate) mod reader;
pub(crate) mod tokenizer;
pub(crate) mod writer;

use syncline_types::Result;

use crate::options::{BlankLines, FilesOptions, Format};
use tokenizer::Span;

/// The marks of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Between values.
    pub(crate) delimiter: u8,
    /// Around values, where there is such a mark.
    pub(crate) quote: Option<u8>,
    /// Makes the next character literal, where there is such a mark.
    pub(crate) escape: Option<u8>,
    /// What stands for NULL when it is not quoted.
    pub(crate) null: Vec<u8>,
    /// Blanks around values that are not quoted are no part of them.
    pub(crate) trim: bool,
    /// What lines without a character are, where that is said.
    pub(crate) blank_lines: Option<BlankLines>,
}

impl Dialect {
    /// The marks for a format.
    pub(crate) fn of(options: &FilesOptions, format: Format) -> Result<Self> {
        Ok(Self {
            delimiter: options.delimiter(format)?.unwrap_or(b','),
            quote: options.quote()?,
            escape: options.escape()?,
            null: options.null.clone().unwrap_or_default().into_bytes(),
            trim: options.trim,
            blank_lines: options.blank_lines,
        })
    }

    /// Whether a record of these fields, of a table of `width` columns, is a line that is passed
    /// over.
    fn passes_over(&self, fields: &[Span], width: usize) -> bool {
        let blank = matches!(fields, [one] if !one.quoted && one.start == one.end);
        blank
            && match self.blank_lines {
                None => width > 1,
                Some(BlankLines::Skip) => true,
                Some(BlankLines::Record) => false,
            }
    }

    /// Takes the blanks around values that are not quoted off them. Gives the place of a quote that
    /// stands behind blanks: it opens nothing, and was hardly meant as text.
    fn trim(&self, bytes: &[u8], fields: &mut [Span]) -> Option<usize> {
        let blank = |at: usize| matches!(bytes[at], b' ' | b'\t');
        let mut flaw = None;
        for field in fields.iter_mut().filter(|field| !field.quoted) {
            let first = field.start;
            while field.start < field.end && blank(field.start) {
                field.start += 1;
            }
            // A blank may be escaped.
            while !field.marked && field.start < field.end && blank(field.end - 1) {
                field.end -= 1;
            }
            let behind = first < field.start && field.start < field.end;
            if behind && Some(bytes[field.start]) == self.quote {
                flaw.get_or_insert(field.start);
            }
        }
        flaw
    }
}
