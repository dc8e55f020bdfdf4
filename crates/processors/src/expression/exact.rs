//! A cast that changes no value: the converter of columns as a function of expressions.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, new_null_array};
use arrow::datatypes::{
    DataType, Field, FieldRef, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};
use arrow::error::ArrowError;
use datafusion_common::{DataFusionError, Result, ScalarValue};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use syncline_convert::{Converter, canonical, portable::type_name};

/// `cast`, by the rules of the converter; one function for each pair of types.
#[derive(Debug)]
pub(super) struct ExactCast {
    name: String,
    from: Field,
    to: Field,
    /// Whether it is a column that is cast, and not the result of an expression.
    of_column: bool,
    /// Bad values become NULL instead of an error (`try_cast`).
    forgiving: bool,
    /// Arrow's nanoseconds, which some functions want, are a step behind the canonical type.
    nanoseconds: Option<DataType>,
    converter: Converter,
    signature: Signature,
}

impl PartialEq for ExactCast {
    fn eq(&self, other: &Self) -> bool {
        self.from == other.from
            && self.to == other.to
            && self.forgiving == other.forgiving
            && self.nanoseconds == other.nanoseconds
    }
}

impl Eq for ExactCast {}

impl Hash for ExactCast {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.name, self.from.data_type(), self.to.data_type(), self.forgiving).hash(state);
    }
}

/// `expr` of type `from` as `to`, exactly. `None` when the converter does not know the types.
pub(super) fn exact_cast(expr: Expr, from: &Field, to: &Field, forgiving: bool) -> Option<Expr> {
    let nanoseconds = match to.data_type() {
        wanted @ DataType::Timestamp(TimeUnit::Nanosecond, _) => Some(wanted.clone()),
        _ => None,
    };
    let to = match nanoseconds {
        Some(_) => canonical(&Field::new("", to.data_type().clone(), true))?,
        None => to.clone().with_nullable(true),
    };
    canonical(&to)?;
    // Names do not matter, but stand in messages.
    let from = from.clone().with_nullable(true);
    let to = to.with_name(from.name());
    let converter = Converter::new(&from, &to).ok()?;
    let name = format!("cast_to_{}", type_name(&to));
    let signature = Signature::any(1, Volatility::Immutable);
    let of_column = matches!(expr, Expr::Column(_));
    let cast =
        ExactCast { name, from, to, of_column, forgiving, nanoseconds, converter, signature };
    let function = Arc::new(ScalarUDF::new_from_impl(cast));
    Some(Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![expr])))
}

/// A constant in another type, when it can be that exactly.
pub(super) fn exact_literal(
    value: &ScalarValue,
    to: &DataType,
) -> syncline_types::Result<ScalarValue> {
    let defect = |e: DataFusionError| syncline_types::Error::bug(e.to_string());
    let array = value.to_array_of_size(1).map_err(defect)?;
    let from = Field::new("constant", value.data_type(), true);
    let to = Field::new("constant", to.clone(), true);
    let converted = Converter::new(&from, &to)?.convert(&array)?;
    match converted.bad.into_iter().next() {
        Some(bad) => Err(bad.error),
        None => ScalarValue::try_from_array(&converted.array, 0).map_err(defect),
    }
}

impl ExactCast {
    fn convert(&self, array: &ArrayRef) -> Result<ArrayRef> {
        // A column may come as another width of text than the plan knew.
        let array = match array.data_type() == self.from.data_type() {
            true => array.clone(),
            false => arrow::compute::cast(array, self.from.data_type())?,
        };
        let mut converted =
            self.converter.convert(&array).map_err(|e| DataFusionError::External(Box::new(e)))?;
        if !self.forgiving && !converted.bad.is_empty() {
            let error = converted.bad.swap_remove(0).error;
            // Only a column has a name worth telling.
            let error = match error.message().split_once("\": ") {
                Some((_, rest)) if !self.of_column => {
                    syncline_types::Error::new(error.code(), rest)
                }
                _ => error,
            };
            return Err(DataFusionError::External(Box::new(error)));
        }
        let Some(wanted) = &self.nanoseconds else { return Ok(converted.array) };
        let micros = converted.array.as_primitive::<TimestampMicrosecondType>();
        let nanos = micros.try_unary::<_, TimestampNanosecondType, ArrowError>(|v| {
            v.checked_mul(1_000).ok_or_else(|| {
                ArrowError::ComputeError("a time beyond the years 1677 to 2262".into())
            })
        })?;
        Ok(Arc::new(nanos.with_data_type(wanted.clone())))
    }

    fn data_type(&self) -> &DataType {
        self.nanoseconds.as_ref().unwrap_or_else(|| self.to.data_type())
    }
}

impl ScalarUDFImpl for ExactCast {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(self.data_type().clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let nullable = self.forgiving || args.arg_fields.iter().any(|f| f.is_nullable());
        let field = self.to.clone().with_data_type(self.data_type().clone());
        Ok(Arc::new(field.with_nullable(nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.as_slice() {
            [ColumnarValue::Array(array)] => Ok(ColumnarValue::Array(self.convert(array)?)),
            [ColumnarValue::Scalar(value)] => {
                let one = self.convert(&value.to_array_of_size(1)?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&one, 0)?))
            }
            _ => Ok(ColumnarValue::Array(new_null_array(self.data_type(), args.number_rows))),
        }
    }
}
