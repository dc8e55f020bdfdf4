//! Why one value does not fit, and arrays with a NULL where one did not.

use std::borrow::Cow;

use arrow::array::{ArrayRef, BooleanBufferBuilder};
use arrow::buffer::NullBuffer;
use syncline_types::Code;

/// Why a value cannot be given the target's type; names neither column nor value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    pub(crate) code: Code,
    pub(crate) why: Cow<'static, str>,
}

/// A value in the target's type, or why there is none.
pub(crate) type Fit<T> = Result<T, Misfit>;

/// It is not of that form, or would change.
pub(crate) fn conversion(why: impl Into<Cow<'static, str>>) -> Misfit {
    Misfit { code: Code::Conversion, why: why.into() }
}

/// It is too long or too large.
pub(crate) fn out_of_range(why: impl Into<Cow<'static, str>>) -> Misfit {
    Misfit { code: Code::OutOfRange, why: why.into() }
}

/// The target's type has nothing like it.
pub(crate) fn no_equivalent(why: impl Into<Cow<'static, str>>) -> Misfit {
    Misfit { code: Code::NoEquivalent, why: why.into() }
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
