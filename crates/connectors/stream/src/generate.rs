//! Values from row numbers.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, BooleanArray, Float64Array, Int64Array, StringBuilder,
    UInt32Array, UInt64Array,
};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimestampMicrosecondType};
use syncline_types::{Error, Result};

use crate::columns::{How, Made};

const MICROS: i64 = 1_000_000;

/// A moment as the number that random ones are drawn from: days, or seconds.
pub(crate) fn units(one: &ArrayRef) -> i64 {
    match one.data_type() {
        DataType::Date32 => i64::from(one.as_primitive::<Date32Type>().value(0)),
        _ => one.as_primitive::<TimestampMicrosecondType>().value(0).div_euclid(MICROS),
    }
}

/// A number that looks random and is always the same for the same three. The finalizer is that of
/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
fn mix(seed: u64, column: u64, row: u64) -> u64 {
    let mut z = seed
        .wrapping_add(column.wrapping_mul(0xA24B_AED4_963E_E407))
        .wrapping_add(row.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// From `low` to `high`, both possible.
fn between(number: u64, low: i64, high: i64) -> i64 {
    let width = high.abs_diff(low);
    let at = match width.checked_add(1) {
        // The upper half of the product: a share of the width. It fits, being below it.
        Some(width) => u64::try_from((u128::from(number) * u128::from(width)) >> 64).unwrap_or(0),
        None => number,
    };
    low.wrapping_add_unsigned(at)
}

/// The values of a column for `count` rows from row `first`.
pub(crate) fn column(
    made: &Made,
    at: usize,
    seed: u64,
    first: u64,
    count: usize,
) -> Result<ArrayRef> {
    let rows = first..first + count as u64;
    let drawn = |row: u64| mix(seed, at as u64, row);
    let target = made.field.data_type();
    let failed = |e| Error::bug("a generated column").because(e);
    let numbers: ArrayRef = match &made.how {
        How::Constant(one) => {
            let same = UInt32Array::from(vec![0_u32; count]);
            return take(one, &same, None).map_err(failed);
        }
        How::Sequence(from) => {
            // A sequence may begin anywhere, and ends where its type does.
            let step = |row: u64| i128::from(*from) + i128::from(row);
            if *target == DataType::UInt64 {
                Arc::new(rows.map(|row| u64::try_from(step(row)).ok()).collect::<UInt64Array>())
            } else {
                Arc::new(rows.map(|row| i64::try_from(step(row)).ok()).collect::<Int64Array>())
            }
        }
        How::Float(low, high) => {
            #[allow(clippy::cast_precision_loss)] // 53 bits fit
            let share = |row| (drawn(row) >> 11) as f64 / (1_u64 << 53) as f64;
            Arc::new(rows.map(|row| low + (high - low) * share(row)).collect::<Float64Array>())
        }
        How::Whole(no, yes) if *target == DataType::Boolean => {
            let draw = |row| between(drawn(row), 1, no + yes) > *no;
            return Ok(Arc::new(rows.map(|row| Some(draw(row))).collect::<BooleanArray>()));
        }
        How::Whole(low, high) if matches!(target, DataType::Utf8 | DataType::Binary) => {
            return Ok(texts(rows, target, |row| (drawn(row), *low, *high)));
        }
        How::Whole(low, high) => {
            let scale = if matches!(target, DataType::Timestamp(..)) { MICROS } else { 1 };
            let one = |row| between(drawn(row), *low, *high).saturating_mul(scale);
            Arc::new(rows.map(one).map(Some).collect::<Int64Array>())
        }
    };
    if *target == DataType::Date32 {
        let days = cast(&numbers, &DataType::Int32).map_err(failed)?;
        return cast(&days, target).map_err(failed);
    }
    let column = cast(&numbers, target).map_err(failed)?;
    if column.null_count() > 0 {
        let last = numbers.as_primitive_opt::<Int64Type>().and_then(|n| n.iter().flatten().last());
        let message = format!(
            "column {:?}: the sequence has left {target}{}",
            made.field.name(),
            last.map(|n| format!(" at {n}")).unwrap_or_default()
        );
        return Err(Error::new(syncline_types::Code::OutOfRange, message)
            .hint("begin the sequence lower, make fewer rows, or give it a wider type"));
    }
    Ok(column)
}

/// Letters and digits.
fn texts(
    rows: std::ops::Range<u64>,
    target: &DataType,
    draw: impl Fn(u64) -> (u64, i64, i64),
) -> ArrayRef {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::new();
    let mut make = |row| {
        let (number, low, high) = draw(row);
        text.clear();
        let length = between(number, low, high);
        for n in 0..length {
            let at = mix(number, 1, n.unsigned_abs()) % LETTERS.len() as u64;
            text.push(char::from(LETTERS[usize::try_from(at).unwrap_or(0)]));
        }
        text.clone()
    };
    if *target == DataType::Binary {
        let mut out = BinaryBuilder::new();
        rows.for_each(|row| out.append_value(make(row)));
        Arc::new(out.finish())
    } else {
        let mut out = StringBuilder::new();
        rows.for_each(|row| out.append_value(make(row)));
        Arc::new(out.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_between_their_ends_and_reach_both() {
        let seen: std::collections::BTreeSet<i64> =
            (0..10_000).map(|row| between(mix(7, 0, row), -2, 2)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [-2, -1, 0, 1, 2]);
        assert_eq!(between(u64::MAX, i64::MIN, i64::MAX), i64::MAX);
        assert_eq!(between(0, i64::MIN, i64::MAX), i64::MIN);
    }

    #[test]
    fn rows_do_not_depend_on_where_a_batch_begins() {
        let made = crate::columns::parse(None).unwrap();
        for (at, column_of) in made.iter().enumerate() {
            let whole = column(column_of, at, 3, 0, 100).unwrap();
            let part = column(column_of, at, 3, 40, 20).unwrap();
            assert_eq!(&whole.slice(40, 20), &part);
        }
    }

    #[test]
    fn a_sequence_that_leaves_its_type_says_so() {
        let text = r#"[{"name":"a","type":"int8","sequence":120}]"#;
        let made = crate::columns::parse(Some(text)).unwrap();
        assert!(column(&made[0], 0, 0, 0, 8).is_ok());
        let error = column(&made[0], 0, 0, 0, 9).unwrap_err();
        assert_eq!(error.code(), syncline_types::Code::OutOfRange);
    }
}
