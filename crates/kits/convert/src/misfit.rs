//! Why one value does not fit, and arrays with a NULL where one did not.

use std::borrow::Cow;

use arrow::array::{ArrayRef, BooleanBufferBuilder};
use arrow::buffer::NullBuffer;
use syncline_types::{Code, Flaw};

/// On which side of the target's range a value lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Below,
    Above,
}

/// Why a value cannot be given the target's type; names neither column nor value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    pub(crate) code: Code,
    pub(crate) flaw: Flaw,
    pub(crate) why: Cow<'static, str>,
    /// Where the value's own sign does not tell.
    pub(crate) side: Option<Side>,
}

impl Misfit {
    fn new(code: Code, flaw: Flaw, why: impl Into<Cow<'static, str>>) -> Self {
        Self { code, flaw, why: why.into(), side: None }
    }

    /// It lies on that side of the target's range.
    pub(crate) fn on(mut self, side: Side) -> Self {
        self.side = Some(side);
        self
    }
}

/// A value in the target's type, or why there is none.
pub(crate) type Fit<T> = Result<T, Misfit>;

/// It is not of that form, or would change.
pub(crate) fn conversion(why: impl Into<Cow<'static, str>>) -> Misfit {
    Misfit::new(Code::Conversion, Flaw::Other, why)
}

/// It is too large.
pub(crate) fn out_of_range(why: impl Into<Cow<'static, str>>) -> Misfit {
    Misfit::new(Code::OutOfRange, Flaw::OutOfRange, why)
}

/// It is too long.
pub(crate) fn too_long(why: impl Into<Cow<'static, str>>) -> Misfit {
    Misfit::new(Code::OutOfRange, Flaw::TooLong, why)
}

/// The target's type has nothing like it.
pub(crate) fn no_equivalent(why: impl Into<Cow<'static, str>>) -> Misfit {
    Misfit::new(Code::NoEquivalent, Flaw::Other, why)
}

/// A date with month or day zero.
pub(crate) fn zero_date() -> Misfit {
    Misfit::new(Code::NoEquivalent, Flaw::ZeroDate, "a date with month or day zero")
}

/// A day that is in no calendar.
pub(crate) fn invalid_date() -> Misfit {
    Misfit::new(Code::Conversion, Flaw::InvalidDate, "no such day in the calendar")
}

/// Not a number, where the target has only numbers.
pub(crate) fn nan() -> Misfit {
    Misfit::new(Code::NoEquivalent, Flaw::Nan, "the target has no NaN")
}

/// Infinity, where the target has only finite values.
pub(crate) fn infinity(side: Side) -> Misfit {
    Misfit::new(Code::NoEquivalent, Flaw::Infinity, "the target has no infinity").on(side)
}

/// −0, where the target has one zero.
pub(crate) fn negative_zero() -> Misfit {
    Misfit::new(Code::NoEquivalent, Flaw::NegativeZero, "the target has no −0")
}

/// U+0000 in a text, where the target's texts have none.
pub(crate) fn nul() -> Misfit {
    Misfit::new(Code::NoEquivalent, Flaw::NulInText, "the target's texts hold no U+0000")
}

/// Bytes that are no text.
pub(crate) fn not_utf8(from: usize) -> Misfit {
    let why = format!("not UTF-8 from byte {from} on");
    Misfit::new(Code::BadEncoding, Flaw::InvalidUtf8, why)
}

/// A converted column, with the rows that did not fit in ascending order.
pub(crate) struct Mapped {
    pub(crate) array: ArrayRef,
    pub(crate) bad: Vec<(usize, Misfit)>,
}

/// The nulls of a column, and one more for each bad row.
pub(crate) fn nulls_with(
    nulls: Option<&NullBuffer>,
    len: usize,
    bad: &[(usize, Misfit)],
) -> Option<NullBuffer> {
    if bad.is_empty() {
        return nulls.cloned();
    }
    let mut bits = BooleanBufferBuilder::new(len);
    match nulls {
        Some(nulls) => bits.append_buffer(nulls.inner()),
        None => bits.append_n(len, true),
    }
    for (row, _) in bad {
        bits.set_bit(*row, false);
    }
    Some(NullBuffer::new(bits.finish()))
}
