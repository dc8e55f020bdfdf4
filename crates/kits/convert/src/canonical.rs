//! Arrow types outside of the canonical table, as Parquet and Arrow files have them, brought into it.

use arrow::datatypes::{
    DataType, Date64Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, Field, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use syncline_types::field;

use crate::kind::{Shape, is_utc};
use crate::misfit::{Fit, conversion, out_of_range};
use crate::route::{Grade, Route, every, some};
use crate::stage::{self, Stage};

/// The canonical field for any Arrow field, keeping name, nullability and metadata. `None` where
/// there is none: lists, structures, maps, unions, intervals.
pub fn canonical(field: &Field) -> Option<Field> {
    into_canonical(field).map(|(field, _)| field)
}

/// The canonical field, and the way there unless it is canonical already.
pub(crate) fn into_canonical(field: &Field) -> Option<(Field, Option<Route>)> {
    use TimeUnit::Microsecond;
    let is_uuid = field::logical(field) == Some("uuid")
        || field::get(field, "ARROW:extension:name") == Some("arrow.uuid");
    let plain_bytes = field.data_type() == &DataType::FixedSizeBinary(16) && !is_uuid;
    if Shape::of(field).is_some() && !plain_bytes {
        return Some((field.clone(), None));
    }
    let (to, route) = match field.data_type() {
        DataType::LargeUtf8 | DataType::Utf8View => cast(DataType::Utf8)?,
        DataType::LargeBinary | DataType::BinaryView => cast(DataType::Binary)?,
        DataType::FixedSizeBinary(_) => (DataType::Binary, every(vec![stage::fixed_to_bytes()])?),
        DataType::Float16 => cast(DataType::Float32)?,
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) => {
            cast(DataType::Decimal128(*p, *s))?
        }
        DataType::Dictionary(_, values) => {
            let inner = field.clone().with_data_type(values.as_ref().clone());
            let unpack = stage::cast(values.as_ref().clone());
            let (to, rest) = into_canonical(&inner)?;
            let mut route = every(vec![unpack])?;
            if let Some(rest) = rest {
                route.stages.extend(rest.stages);
                route.grade = rest.grade;
            }
            (to.data_type().clone(), route)
        }
        DataType::Date64 => {
            let to = DataType::Timestamp(Microsecond, None);
            (to, times_1000::<Date64Type, TimestampMicrosecondType>(1_000)?)
        }
        DataType::Timestamp(unit, zone) => {
            let zone = zone.as_ref().map(|z| if is_utc(z) { z.clone() } else { "UTC".into() });
            (
                DataType::Timestamp(Microsecond, zone.clone()),
                timestamp(field, *unit, zone.is_some())?,
            )
        }
        DataType::Time32(TimeUnit::Second) => {
            let to = DataType::Time64(Microsecond);
            (to, times_i32::<Time32SecondType>(1_000_000)?)
        }
        DataType::Time32(_) => {
            (DataType::Time64(Microsecond), times_i32::<Time32MillisecondType>(1_000)?)
        }
        DataType::Time64(_) => (
            DataType::Time64(Microsecond),
            nanoseconds::<Time64NanosecondType, Time64MicrosecondType>()?,
        ),
        DataType::Duration(unit) => {
            type To = DurationMicrosecondType;
            let route = match unit {
                TimeUnit::Second => times_1000::<DurationSecondType, To>(1_000_000)?,
                TimeUnit::Millisecond => times_1000::<DurationMillisecondType, To>(1_000)?,
                TimeUnit::Microsecond => every(vec![])?,
                TimeUnit::Nanosecond => nanoseconds::<DurationNanosecondType, To>()?,
            };
            (DataType::Duration(Microsecond), route)
        }
        _ => return None,
    };
    Some((field.clone().with_data_type(to), Some(route)))
}

fn cast(to: DataType) -> Option<(DataType, Route)> {
    Some((to.clone(), every(vec![stage::cast(to)])?))
}

fn timestamp(field: &Field, unit: TimeUnit, zoned: bool) -> Option<Route> {
    type To = TimestampMicrosecondType;
    let mut route = match unit {
        TimeUnit::Second => times_1000::<TimestampSecondType, To>(1_000_000)?,
        TimeUnit::Millisecond => times_1000::<TimestampMillisecondType, To>(1_000)?,
        TimeUnit::Microsecond => every(vec![])?,
        TimeUnit::Nanosecond => nanoseconds::<TimestampNanosecondType, To>()?,
    };
    if zoned {
        // The loops leave the zone out.
        route
            .stages
            .push(crate::relabel(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))));
        let foreign = matches!(field.data_type(), DataType::Timestamp(_, Some(z)) if !is_utc(z));
        if foreign && matches!(route.grade, Grade::Every(_)) {
            route.grade = Grade::Every("the same instant, without the zone's name");
        }
    }
    Some(route)
}

fn scaled(factor: i64) -> impl Fn(i64) -> Fit<i64> + Send + Sync + 'static {
    move |v| v.checked_mul(factor).ok_or_else(|| out_of_range("beyond the years ±290,000"))
}

/// From a coarser unit.
fn times_1000<S, T>(factor: i64) -> Option<Route>
where
    S: arrow::datatypes::ArrowPrimitiveType<Native = i64>,
    T: arrow::datatypes::ArrowPrimitiveType<Native = i64>,
{
    let stage = stage::map::<S, T>(scaled(factor), |a| a);
    Some(Route { grade: Grade::Every("in microseconds"), stages: vec![stage], cut: None })
}

fn times_i32<S>(factor: i64) -> Option<Route>
where
    S: arrow::datatypes::ArrowPrimitiveType<Native = i32>,
{
    let f = move |v: i32| scaled(factor)(v.into());
    let stage: Stage = stage::map::<S, Time64MicrosecondType>(f, |a| a);
    Some(Route { grade: Grade::Every("in microseconds"), stages: vec![stage], cut: None })
}

/// From nanoseconds, where they are whole microseconds.
fn nanoseconds<S, T>() -> Option<Route>
where
    S: arrow::datatypes::ArrowPrimitiveType<Native = i64>,
    T: arrow::datatypes::ArrowPrimitiveType<Native = i64>,
{
    let f = |v: i64| {
        if v % 1_000 == 0 { Ok(v / 1_000) } else { Err(conversion("finer than a microsecond")) }
    };
    some("only whole microseconds are taken", vec![stage::map::<S, T>(f, |a| a)])
}
