//! What can be wrong with a single value: the kinds that a job can have a policy for.

use std::fmt;

/// What is wrong with a value that does not fit its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// A date with year, month or day zero: MySQL's `0000-00-00`, `2024-00-10`.
    ZeroDate,
    /// A day that no calendar has: `2023-02-30`.
    InvalidDate,
    /// The character U+0000 in a text, where the target's texts have none.
    NulInText,
    /// Bytes that are not valid in the encoding they are said to have.
    InvalidUtf8,
    /// Not a number, where the target has only numbers.
    Nan,
    /// Infinity, where the target has only finite values.
    Infinity,
    /// −0, where the target has one zero.
    NegativeZero,
    /// A number, date or time beyond the target's range.
    OutOfRange,
    /// A text or bytes longer than the target's column.
    TooLong,
    /// Anything else: digits that would be lost, a text that is no such value.
    Other,
}

impl Flaw {
    /// Every kind, in the order documentation shows them.
    pub const ALL: &'static [Flaw] = &[
        Flaw::ZeroDate,
        Flaw::InvalidDate,
        Flaw::NulInText,
        Flaw::InvalidUtf8,
        Flaw::Nan,
        Flaw::Infinity,
        Flaw::NegativeZero,
        Flaw::OutOfRange,
        Flaw::TooLong,
        Flaw::Other,
    ];

    /// Whether there is a value at the target that is nearest to such a one.
    pub fn has_nearest(self) -> bool {
        matches!(self, Flaw::Infinity | Flaw::NegativeZero | Flaw::OutOfRange | Flaw::TooLong)
    }

    /// Its name in a job file: `zero_date`.
    pub fn name(self) -> &'static str {
        match self {
            Flaw::ZeroDate => "zero_date",
            Flaw::InvalidDate => "invalid_date",
            Flaw::NulInText => "nul_in_text",
            Flaw::InvalidUtf8 => "invalid_utf8",
            Flaw::Nan => "nan",
            Flaw::Infinity => "infinity",
            Flaw::NegativeZero => "negative_zero",
            Flaw::OutOfRange => "out_of_range",
            Flaw::TooLong => "too_long",
            Flaw::Other => "other",
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
