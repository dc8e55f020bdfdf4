//! Values put where a loop left NULL: those that stand for no number, and those that a policy
//! wants in place of bad ones.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Date32Array, Decimal128Array, Decimal256Array,
    Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, PrimitiveArray,
    StringArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::compute::interleave;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, DurationMicrosecondType, Field, Time64MicrosecondType,
    TimestampMicrosecondType, i256,
};
use syncline_types::{Error, Result};

use crate::clock::DAY;
use crate::digits::Whole;
use crate::kind::{Kind, Shape};
use crate::limits::limits;
use crate::misfit::Side;

/// Values by row.
#[derive(Default)]
pub(crate) struct Patches {
    values: Vec<ArrayRef>,
    rows: Vec<(usize, usize)>,
}

impl Patches {
    /// Puts the one value of `value` at `row`.
    pub(crate) fn put(&mut self, row: usize, value: &ArrayRef) {
        let at = self.values.iter().rposition(|v| Arc::ptr_eq(v, value)).unwrap_or_else(|| {
            self.values.push(Arc::clone(value));
            self.values.len() - 1
        });
        self.rows.push((row, at));
    }

    /// The column with the values in their places.
    pub(crate) fn apply(self, array: ArrayRef) -> Result<ArrayRef> {
        if self.rows.is_empty() {
            return Ok(array);
        }
        let mut places: Vec<(usize, usize)> = (0..array.len()).map(|row| (0, row)).collect();
        for (row, at) in self.rows {
            places[row] = (at + 1, 0);
        }
        let all: Vec<&dyn Array> =
            std::iter::once(&array).chain(&self.values).map(AsRef::as_ref).collect();
        interleave(&all, &places)
            .map_err(|e| Error::bug("values cannot be put into a column").because(e))
    }
}

/// The first or last value of a type. `None` where there is no such thing.
pub(crate) fn extreme(to: &Field, shape: &Shape, side: Side) -> Option<ArrayRef> {
    let above = side == Side::Above;
    macro_rules! of {
        ($array:ty, $least:expr, $most:expr) => {
            Arc::new(<$array>::from(vec![if above { $most } else { $least }])) as ArrayRef
        };
    }
    macro_rules! int {
        ($array:ty, $native:ty) => {
            of!($array, <$native>::MIN, <$native>::MAX)
        };
    }
    fn micros<T: ArrowPrimitiveType<Native = i64>>(value: i64, to: &DataType) -> ArrayRef {
        Arc::new(PrimitiveArray::<T>::new(vec![value].into(), None).with_data_type(to.clone()))
    }
    let range = limits(to).range;
    let last_fraction = |value: i64| limits(to).whole(value);
    let data_type = to.data_type();
    Some(match (&shape.kind, data_type) {
        (Kind::Year, _) => of!(Int16Array, 1901, 2155),
        (_, DataType::Int8) => int!(Int8Array, i8),
        (_, DataType::Int16) => int!(Int16Array, i16),
        (_, DataType::Int32) => int!(Int32Array, i32),
        (_, DataType::Int64) => int!(Int64Array, i64),
        (_, DataType::UInt8) => int!(UInt8Array, u8),
        (_, DataType::UInt16) => int!(UInt16Array, u16),
        (_, DataType::UInt32) => int!(UInt32Array, u32),
        (_, DataType::UInt64) => int!(UInt64Array, u64),
        (_, DataType::Float32) => int!(Float32Array, f32),
        (_, DataType::Float64) => int!(Float64Array, f64),
        (_, DataType::Decimal128(p, _)) => {
            let most = i128::power(u32::from(*p))?.checked_sub(1)?;
            let array = Decimal128Array::from(vec![if above { most } else { -most }]);
            Arc::new(array.with_data_type(data_type.clone()))
        }
        (_, DataType::Decimal256(p, _)) => {
            let most = i256::power(u32::from(*p))?.checked_sub(i256::ONE)?;
            let value = if above { most } else { most.checked_neg()? };
            Arc::new(Decimal256Array::from(vec![value]).with_data_type(data_type.clone()))
        }
        (_, DataType::Date32) => {
            let (first, last) = range
                .map_or((i64::from(i32::MIN) + 1, i64::from(i32::MAX) - 1), |r| (r.first, r.last));
            of!(Date32Array, i32::try_from(first).ok()?, i32::try_from(last).ok()?)
        }
        (_, DataType::Timestamp(..) | DataType::Duration(_)) => {
            let (first, last) = range.map_or((i64::MIN + 1, i64::MAX - 1), |r| (r.first, r.last));
            let value = if above { last_fraction(last) } else { first };
            if matches!(data_type, DataType::Duration(_)) {
                micros::<DurationMicrosecondType>(value, data_type)
            } else {
                micros::<TimestampMicrosecondType>(value, data_type)
            }
        }
        (_, DataType::Time64(_)) => {
            micros::<Time64MicrosecondType>(if above { DAY } else { 0 }, data_type)
        }
        _ => return None,
    })
}

/// Where a text or bytes end that are too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    Characters(u64),
    Bytes(u64),
}

/// The value at `row`, cut; `None` when the column is neither text nor bytes.
pub(crate) fn cut(array: &ArrayRef, row: usize, cuts: &[Cut]) -> Option<ArrayRef> {
    if let Some(texts) = array.as_string_opt::<i32>() {
        let mut text = texts.value(row);
        for cut in cuts {
            text = match *cut {
                Cut::Characters(n) => {
                    let at = usize::try_from(n).ok()?;
                    text.char_indices().nth(at).map_or(text, |(end, _)| &text[..end])
                }
                Cut::Bytes(n) => {
                    let mut end = usize::try_from(n).ok()?.min(text.len());
                    while !text.is_char_boundary(end) {
                        end -= 1;
                    }
                    &text[..end]
                }
            };
        }
        return Some(Arc::new(StringArray::from(vec![text])));
    }
    let bytes = array.as_binary_opt::<i32>()?;
    let mut value = bytes.value(row);
    for cut in cuts {
        let (Cut::Bytes(n) | Cut::Characters(n)) = *cut;
        value = &value[..usize::try_from(n).ok()?.min(value.len())];
    }
    Some(Arc::new(BinaryArray::from_vec(vec![value])))
}
