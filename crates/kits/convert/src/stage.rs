//! The loops over columns: each stage turns one array into another, and lists the rows that do
//! not fit. Which stages a conversion takes is the business of `route`.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, BooleanBufferBuilder,
    FixedSizeBinaryArray, PrimitiveArray, StringArray,
};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use syncline_types::{Code, Error, Result};

use crate::misfit::{Fit, Mapped, Misfit, not_utf8, nulls_with, too_long};

/// One loop over a column. It gets the array of the stage before; rows that were bad there are
/// NULL by now.
pub(crate) type Stage = Box<dyn Fn(&ArrayRef) -> Result<Mapped> + Send + Sync>;

fn wrong_type(array: &dyn Array, wanted: &str) -> Error {
    Error::bug(format!("a column said to be {wanted} is {}", array.data_type()))
}

pub(crate) fn primitive<S: ArrowPrimitiveType>(array: &ArrayRef) -> Result<&PrimitiveArray<S>> {
    array.as_primitive_opt().ok_or_else(|| wrong_type(array, &S::DATA_TYPE.to_string()))
}

fn strings(array: &ArrayRef) -> Result<&StringArray> {
    array.as_string_opt().ok_or_else(|| wrong_type(array, "text"))
}

fn bytes(array: &ArrayRef) -> Result<&BinaryArray> {
    array.as_binary_opt().ok_or_else(|| wrong_type(array, "binary"))
}

fn fixed(array: &ArrayRef) -> Result<&FixedSizeBinaryArray> {
    array.as_fixed_size_binary_opt().ok_or_else(|| wrong_type(array, "fixed-size binary"))
}

/// Runs `f` over the valid rows; collects values and misfits.
fn collect<'a, A, V, T: Default>(
    array: &'a A,
    value: impl Fn(&'a A, usize) -> V,
    f: impl Fn(V) -> Fit<T>,
) -> (Vec<T>, Vec<(usize, Misfit)>)
where
    A: Array,
{
    let mut bad = Vec::new();
    let mut out = Vec::with_capacity(array.len());
    let nulls = array.nulls();
    for row in 0..array.len() {
        if nulls.is_some_and(|n| n.is_null(row)) {
            out.push(T::default());
            continue;
        }
        match f(value(array, row)) {
            Ok(value) => out.push(value),
            Err(misfit) => {
                out.push(T::default());
                bad.push((row, misfit));
            }
        }
    }
    (out, bad)
}

fn finish<T: ArrowPrimitiveType>(
    source: &dyn Array,
    values: Vec<T::Native>,
    bad: Vec<(usize, Misfit)>,
    adjust: &impl Fn(PrimitiveArray<T>) -> PrimitiveArray<T>,
) -> Mapped {
    let nulls = nulls_with(source.nulls(), source.len(), &bad);
    let array = PrimitiveArray::<T>::new(ScalarBuffer::from(values), nulls);
    Mapped { array: Arc::new(adjust(array)), bad }
}

/// A loop from one primitive type to another; `adjust` sets what the native type does not say
/// (precision, scale, zone).
pub(crate) fn map<S: ArrowPrimitiveType, T: ArrowPrimitiveType>(
    f: impl Fn(S::Native) -> Fit<T::Native> + Send + Sync + 'static,
    adjust: impl Fn(PrimitiveArray<T>) -> PrimitiveArray<T> + Send + Sync + 'static,
) -> Stage {
    Box::new(move |array| {
        let array = primitive::<S>(array)?;
        let (values, bad) = collect(array, |a, row| a.value(row), &f);
        Ok(finish(array, values, bad, &adjust))
    })
}

/// A loop from text to a primitive type.
pub(crate) fn parse<T: ArrowPrimitiveType>(
    f: impl Fn(&str) -> Fit<T::Native> + Send + Sync + 'static,
    adjust: impl Fn(PrimitiveArray<T>) -> PrimitiveArray<T> + Send + Sync + 'static,
) -> Stage {
    Box::new(move |array| {
        let array = strings(array)?;
        let (values, bad) = collect(array, |a, row| a.value(row), &f);
        Ok(finish(array, values, bad, &adjust))
    })
}

fn booleans(source: &dyn Array, values: Vec<bool>, bad: Vec<(usize, Misfit)>) -> Mapped {
    let nulls = nulls_with(source.nulls(), source.len(), &bad);
    let mut bits = BooleanBufferBuilder::new(values.len());
    bits.append_slice(&values);
    Mapped { array: Arc::new(BooleanArray::new(bits.finish(), nulls)), bad }
}

/// A loop from text to truth values.
pub(crate) fn parse_bool(f: impl Fn(&str) -> Fit<bool> + Send + Sync + 'static) -> Stage {
    Box::new(move |array| {
        let array = strings(array)?;
        let (values, bad) = collect(array, |a, row| a.value(row), &f);
        Ok(booleans(array, values, bad))
    })
}

/// A loop from a primitive type to truth values.
pub(crate) fn to_bool<S: ArrowPrimitiveType>(
    f: impl Fn(S::Native) -> Fit<bool> + Send + Sync + 'static,
) -> Stage {
    Box::new(move |array| {
        let array = primitive::<S>(array)?;
        let (values, bad) = collect(array, |a, row| a.value(row), &f);
        Ok(booleans(array, values, bad))
    })
}

/// A loop from truth values to a primitive type.
pub(crate) fn from_bool<T: ArrowPrimitiveType>(
    f: impl Fn(bool) -> T::Native + Send + Sync + 'static,
) -> Stage {
    Box::new(move |array| {
        let array = array.as_boolean_opt().ok_or_else(|| wrong_type(array, "bool"))?;
        let values: Vec<T::Native> = array.values().iter().map(&f).collect();
        Ok(finish::<T>(array, values, Vec::new(), &|a| a))
    })
}

/// Appends each valid value's text to one buffer.
fn write_texts<'a, A: Array, V>(
    array: &'a A,
    value: impl Fn(&'a A, usize) -> V,
    write: impl Fn(V, &mut String) -> Fit<()>,
) -> Result<Mapped> {
    let mut text = String::with_capacity(array.len() * 12);
    let mut offsets: Vec<i32> = Vec::with_capacity(array.len() + 1);
    let mut bad = Vec::new();
    offsets.push(0);
    for row in 0..array.len() {
        if array.is_valid(row) {
            let start = text.len();
            if let Err(misfit) = write(value(array, row), &mut text) {
                text.truncate(start);
                bad.push((row, misfit));
            }
        }
        offsets.push(i32::try_from(text.len()).map_err(|_| too_large())?);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let nulls = nulls_with(array.nulls(), array.len(), &bad);
    let array = StringArray::try_new(offsets, Buffer::from(text.into_bytes()), nulls)
        .map_err(|e| Error::bug("texts do not make a column").because(e))?;
    Ok(Mapped { array: Arc::new(array), bad })
}

fn too_large() -> Error {
    Error::new(Code::OutOfRange, "the texts of one batch are larger than 2 GiB together")
}

/// A loop from a primitive type to text.
pub(crate) fn print<S: ArrowPrimitiveType>(
    f: impl Fn(S::Native, &mut String) + Send + Sync + 'static,
) -> Stage {
    Box::new(move |array| {
        let write = |value, out: &mut String| {
            f(value, out);
            Ok(())
        };
        write_texts(primitive::<S>(array)?, |a, row| a.value(row), write)
    })
}

/// A loop from truth values to text.
pub(crate) fn print_bool(yes: &'static str, no: &'static str) -> Stage {
    Box::new(move |array| {
        let array = array.as_boolean_opt().ok_or_else(|| wrong_type(array, "bool"))?;
        let write = |value, out: &mut String| {
            out.push_str(if value { yes } else { no });
            Ok(())
        };
        write_texts(array, |a, row| a.value(row), write)
    })
}

/// A loop from text to other text.
pub(crate) fn rewrite(f: impl Fn(&str, &mut String) -> Fit<()> + Send + Sync + 'static) -> Stage {
    Box::new(move |array| write_texts(strings(array)?, |a, row| a.value(row), &f))
}

/// A loop from bytes to text.
pub(crate) fn print_bytes(
    f: impl Fn(&[u8], &mut String) -> Fit<()> + Send + Sync + 'static,
) -> Stage {
    Box::new(move |array| match array.as_binary_opt::<i32>() {
        Some(array) => write_texts(array, |a, row| a.value(row), &f),
        None => write_texts(fixed(array)?, |a, row| a.value(row), &f),
    })
}

/// Leaves texts as they are, and takes out those that `f` refuses.
pub(crate) fn check_text(f: impl Fn(&str) -> Fit<()> + Send + Sync + 'static) -> Stage {
    Box::new(move |array| {
        let texts = strings(array)?;
        let (_, bad) = collect(texts, |a, row| a.value(row), &f);
        if bad.is_empty() {
            return Ok(Mapped { array: array.clone(), bad });
        }
        let nulls = nulls_with(texts.nulls(), texts.len(), &bad);
        let (offsets, values, _) = texts.clone().into_parts();
        let array = StringArray::try_new(offsets, values, nulls)
            .map_err(|e| Error::bug("texts do not make a column").because(e))?;
        Ok(Mapped { array: Arc::new(array), bad })
    })
}

/// Leaves bytes as they are, and takes out those that are longer than `limit`.
pub(crate) fn check_bytes(limit: u64) -> Stage {
    Box::new(move |array| {
        let all = bytes(array)?;
        let fits = |value: &[u8]| {
            if value.len() as u64 <= limit {
                Ok(())
            } else {
                Err(too_long(format!("{} bytes, where {limit} fit", value.len())))
            }
        };
        let (_, bad) = collect(all, |a, row| a.value(row), fits);
        if bad.is_empty() {
            return Ok(Mapped { array: array.clone(), bad });
        }
        let nulls = nulls_with(all.nulls(), all.len(), &bad);
        let (offsets, values, _) = all.clone().into_parts();
        Ok(Mapped { array: Arc::new(BinaryArray::new(offsets, values, nulls)), bad })
    })
}

/// Takes out texts longer than `limit` characters.
pub(crate) fn check_length(limit: u64) -> Stage {
    check_text(move |text| {
        // Bytes are never fewer than characters.
        if text.len() as u64 <= limit {
            return Ok(());
        }
        match text.chars().count() as u64 {
            n if n <= limit => Ok(()),
            n => Err(too_long(format!("{n} characters, where {limit} fit"))),
        }
    })
}

/// Takes out texts of more than `limit` bytes.
pub(crate) fn check_text_bytes(limit: u64) -> Stage {
    check_text(move |text| match text.len() as u64 {
        n if n <= limit => Ok(()),
        n => Err(too_long(format!("{n} bytes, where {limit} fit"))),
    })
}

/// Leaves numbers as they are, and takes out those that `f` refuses.
pub(crate) fn check_values<T: ArrowPrimitiveType>(
    f: impl Fn(T::Native) -> Fit<()> + Send + Sync + 'static,
) -> Stage {
    Box::new(move |array| {
        let all = primitive::<T>(array)?;
        let (_, bad) = collect(all, |a, row| a.value(row), &f);
        if bad.is_empty() {
            return Ok(Mapped { array: array.clone(), bad });
        }
        let nulls = nulls_with(all.nulls(), all.len(), &bad);
        let checked = PrimitiveArray::<T>::new(all.values().clone(), nulls)
            .with_data_type(all.data_type().clone());
        Ok(Mapped { array: Arc::new(checked), bad })
    })
}

/// The same bytes, as text where they are UTF-8.
pub(crate) fn utf8() -> Stage {
    let whole = |all: &BinaryArray| {
        let (offsets, values, nulls) = all.clone().into_parts();
        StringArray::try_new(offsets, values, nulls)
    };
    Box::new(move |array| {
        let all = bytes(array)?;
        if let Ok(texts) = whole(all) {
            return Ok(Mapped { array: Arc::new(texts), bad: Vec::new() });
        }
        let write = |value: &[u8], out: &mut String| match std::str::from_utf8(value) {
            Ok(text) => {
                out.push_str(text);
                Ok(())
            }
            Err(e) => Err(not_utf8(e.valid_up_to() + 1)),
        };
        write_texts(all, |a, row| a.value(row), write)
    })
}

/// The bytes of texts.
pub(crate) fn text_bytes() -> Stage {
    Box::new(|array| {
        let (offsets, values, nulls) = strings(array)?.clone().into_parts();
        let array = Arc::new(BinaryArray::new(offsets, values, nulls));
        Ok(Mapped { array, bad: Vec::new() })
    })
}

/// A loop from text to bytes.
pub(crate) fn parse_bytes(f: impl Fn(&str) -> Fit<Vec<u8>> + Send + Sync + 'static) -> Stage {
    Box::new(move |array| {
        let array = strings(array)?;
        let (values, bad) = collect(array, |a, row| a.value(row), &f);
        let lengths = values.iter().map(Vec::len);
        let offsets = OffsetBuffer::from_lengths(lengths);
        let nulls = nulls_with(array.nulls(), array.len(), &bad);
        let array = BinaryArray::new(offsets, Buffer::from(values.concat()), nulls);
        Ok(Mapped { array: Arc::new(array), bad })
    })
}

fn sixteen(source: &dyn Array, values: &[[u8; 16]], bad: Vec<(usize, Misfit)>) -> Result<Mapped> {
    let nulls = nulls_with(source.nulls(), source.len(), &bad);
    let array = FixedSizeBinaryArray::try_new(16, Buffer::from(values.concat()), nulls)
        .map_err(|e| Error::bug("UUIDs do not make a column").because(e))?;
    Ok(Mapped { array: Arc::new(array), bad })
}

/// A loop from text to UUIDs.
pub(crate) fn parse_uuid(f: impl Fn(&str) -> Fit<[u8; 16]> + Send + Sync + 'static) -> Stage {
    Box::new(move |array| {
        let array = strings(array)?;
        let (values, bad) = collect(array, |a, row| a.value(row), &f);
        sixteen(array, &values, bad)
    })
}

/// A loop from bytes to UUIDs.
pub(crate) fn bytes_to_uuid() -> Stage {
    Box::new(|array| {
        let array = bytes(array)?;
        let f = |v: &[u8]| {
            <[u8; 16]>::try_from(v)
                .map_err(|_| crate::misfit::conversion(format!("{} bytes, not 16", v.len())))
        };
        let (values, bad) = collect(array, |a, row| a.value(row), f);
        sixteen(array, &values, bad)
    })
}

/// UUIDs (or other bytes of one width) as plain bytes.
pub(crate) fn fixed_to_bytes() -> Stage {
    Box::new(|array| {
        let array = fixed(array)?;
        let values: Vec<&[u8]> = (0..array.len()).map(|row| array.value(row)).collect();
        let offsets = OffsetBuffer::from_lengths(values.iter().map(|v| v.len()));
        let array =
            BinaryArray::new(offsets, Buffer::from(values.concat()), array.nulls().cloned());
        Ok(Mapped { array: Arc::new(array), bad: Vec::new() })
    })
}

/// Arrow's own cast, for the cases where it is exact.
pub(crate) fn cast(to: arrow::datatypes::DataType) -> Stage {
    Box::new(move |array| {
        let array = arrow::compute::cast(array, &to)
            .map_err(|e| Error::bug(format!("{} into {to}", array.data_type())).because(e))?;
        Ok(Mapped { array, bad: Vec::new() })
    })
}
