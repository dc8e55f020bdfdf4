//! Portable expressions: SQL over the columns of one row, fitted to a table and evaluated on batches.
//!
//! Parsing, types and evaluation are DataFusion's; what is done beyond that keeps values exact (see
//! [`align`]) and turns an error in one row into a reject of that row. Names of columns are taken as
//! they are spelled, in double quotes or backticks where they are no plain words.

mod align;
mod exact;
mod functions;
mod parse;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Decimal128Type, Decimal256Type, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{DFSchema, DataFusionError, SchemaError};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion_expr::{ColumnarValue, Expr, ScalarUDF};
use datafusion_optimizer::simplify_expressions::ExprSimplifier;
use datafusion_physical_expr::expressions::{BinaryExpr, Column, Literal};
use datafusion_physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion_sql::planner::{ParserOptions, PlannerContext, SqlToRel};
use datafusion_sql::sqlparser::ast;
use syncline_convert::{Converter, canonical};
use syncline_types::{Code, Error, ErrorKind, Reject, Result, TableSchema, did_you_mean};

use functions::Functions;
pub(crate) use parse::on_large_stack;

/// The name by which `sql` may call the rows.
pub(crate) const ROWS: &str = "rows";

/// An expression fitted to a table.
#[derive(Debug)]
pub(crate) struct Expression {
    physical: Arc<dyn PhysicalExpr>,
    /// The result's type, in canonical form, without a name.
    field: Field,
    /// From what DataFusion yields to `field`.
    converter: Converter,
    /// Set when the expression is no more than this column.
    column: Option<usize>,
}

/// One output of a SELECT.
pub(crate) struct Output {
    /// Its name.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: Expression,
}

/// Fits an expression to a table.
///
/// # Errors
/// [`Code::BadExpression`], [`Code::ColumnNotFound`].
pub(crate) fn bind(text: &str, table: &TableSchema) -> Result<Expression> {
    on_large_stack(|| Planner::new(table)?.plan(parse::expression(text)?))
        .map_err(|e| quote(e, text))
}

/// As [`bind`], for a condition.
///
/// # Errors
/// [`Code::BadExpression`] when it is neither true nor false.
pub(crate) fn bind_condition(text: &str, table: &TableSchema) -> Result<Expression> {
    on_large_stack(|| Planner::new(table)?.condition(parse::expression(text)?))
        .map_err(|e| quote(e, text))
}

/// Fits a SELECT over the rows of one batch: its condition and its outputs.
///
/// # Errors
/// [`Code::BadExpression`], [`Code::ColumnNotFound`].
pub(crate) fn bind_select(
    text: &str,
    table: &TableSchema,
) -> Result<(Option<Expression>, Vec<Output>)> {
    on_large_stack(|| {
        let select = crate::sql::simple_select(parse::query(text)?)?;
        let planner = Planner::new(table)?;
        let condition = select.condition.map(|c| planner.condition(c)).transpose()?;
        let mut outputs = Vec::new();
        for item in select.items {
            match item {
                crate::sql::Item::All => {
                    for (index, column) in table.columns.iter().enumerate() {
                        let value = Expression::of_column(&column.field, index)?;
                        outputs.push(Output { name: column.name().to_owned(), value });
                    }
                }
                crate::sql::Item::Named(name, expr) => {
                    outputs.push(Output { name, value: planner.plan(*expr)? });
                }
            }
        }
        Ok((condition, outputs))
    })
    .map_err(|e| quote(e, text))
}

/// Names the expression in an error about it.
fn quote(error: Error, text: &str) -> Error {
    let short: String = text.chars().take(80).collect();
    let dots = if short.len() < text.len() { "…" } else { "" };
    error.at(format!("{short}{dots}"))
}

struct Planner {
    schema: Arc<DFSchema>,
    arrow: SchemaRef,
    functions: Functions,
}

impl Planner {
    fn new(table: &TableSchema) -> Result<Self> {
        let arrow = table.arrow();
        let schema = DFSchema::try_from_qualified_schema(ROWS, &arrow).map_err(plan_error)?;
        Ok(Self { schema: Arc::new(schema), arrow, functions: Functions::new() })
    }

    fn condition(&self, expr: ast::Expr) -> Result<Expression> {
        let condition = self.plan_as(expr, &DataType::Boolean)?;
        match condition.field.data_type() {
            DataType::Boolean => Ok(condition),
            _ => {
                let kind = syncline_convert::portable::type_name(&condition.field);
                let message = format!("the condition is {kind}, neither true nor false");
                Err(Error::new(Code::BadExpression, message))
            }
        }
    }

    fn plan(&self, expr: ast::Expr) -> Result<Expression> {
        // NULL alone is a text that is not there.
        self.plan_as(expr, &DataType::Utf8)
    }

    /// `untyped` is the type of a NULL that nothing else gives a type.
    fn plan_as(&self, expr: ast::Expr, untyped: &DataType) -> Result<Expression> {
        let options = ParserOptions::new()
            .with_parse_float_as_decimal(true)
            .with_enable_ident_normalization(false)
            .with_support_varchar_with_length(true)
            .with_map_string_types_to_utf8view(false);
        let planner = SqlToRel::new_with_options(&self.functions, options);
        let expr = planner
            .sql_to_expr(expr, &self.schema, &mut PlannerContext::new())
            .map_err(plan_error)?;
        let expr = align::without_alias(expr);
        let column = match &expr {
            Expr::Column(column) => self.arrow.index_of(&column.name).ok(),
            _ => None,
        };
        let expr = self.coerced(expr).map_err(plan_error)?;
        let physical = create_physical_expr(
            &expr,
            &self.schema,
            &ExecutionProps::new(),
            &PhysicalPlanningContext::default(),
        )
        .map_err(plan_error)?;
        let found = physical.return_field(&self.arrow).map_err(plan_error)?;
        let physical = fold(checked(physical).map_err(plan_error)?).map_err(plan_error)?;
        let (field, converter) = result_type(&found, untyped)?;
        Ok(Expression { physical, field, converter, column })
    }

    /// Types that fit, and no change of value that DataFusion would make on the way.
    fn coerced(&self, expr: Expr) -> std::result::Result<Expr, DataFusionError> {
        let context =
            SimplifyContext::builder().with_schema(self.schema.clone()).with_current_time().build();
        let aligned = align::align(expr, &self.schema)?;
        let coerced = ExprSimplifier::new(context.clone()).coerce(aligned, &self.schema)?;
        // Some functions (coalesce, now) exist only as what they are simplified to.
        let simplified =
            coerced.transform_up(|expr| {
                let Expr::ScalarFunction(call) = expr else { return Ok(Transformed::no(expr)) };
                let datafusion_expr::expr::ScalarFunction { func, args } = call;
                Ok(match ScalarUDF::simplify(&func, args, &context)? {
                    ExprSimplifyResult::Simplified(simple) => Transformed::yes(simple),
                    ExprSimplifyResult::Original(args) => Transformed::no(Expr::ScalarFunction(
                        datafusion_expr::expr::ScalarFunction { func, args },
                    )),
                })
            })?;
        let coerced = ExprSimplifier::new(context).coerce(simplified.data, &self.schema)?;
        align::exact_casts(coerced, &self.schema)
    }
}

/// Integer arithmetic that fails instead of wrapping around.
fn checked(
    physical: Arc<dyn PhysicalExpr>,
) -> std::result::Result<Arc<dyn PhysicalExpr>, DataFusionError> {
    let checked = physical.transform_up(|node| {
        let Some(binary) = node.downcast_ref::<BinaryExpr>() else {
            return Ok(Transformed::no(node));
        };
        let strict = BinaryExpr::new(binary.left().clone(), *binary.op(), binary.right().clone())
            .with_fail_on_overflow(true);
        Ok(Transformed::yes(Arc::new(strict) as Arc<dyn PhysicalExpr>))
    })?;
    Ok(checked.data)
}

/// Constant parts computed once, so that a mistake in one of them is found before the first row.
fn fold(
    physical: Arc<dyn PhysicalExpr>,
) -> std::result::Result<Arc<dyn PhysicalExpr>, DataFusionError> {
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let one = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options)?;
    let folded = physical.transform_up(|node| {
        let constant = |e: &Arc<dyn PhysicalExpr>| e.downcast_ref::<Literal>().is_some();
        let children = node.children();
        let fixed = !children.is_empty() && children.into_iter().all(constant);
        if !fixed || node.is_volatile_node() {
            return Ok(Transformed::no(node));
        }
        let value = match node.evaluate(&one)? {
            ColumnarValue::Scalar(value) => value,
            ColumnarValue::Array(array) => {
                datafusion_common::ScalarValue::try_from_array(&array, 0)?
            }
        };
        Ok(Transformed::yes(Arc::new(Literal::new(value)) as Arc<dyn PhysicalExpr>))
    })?;
    Ok(folded.data)
}

/// The canonical field of a result, and the way into it.
fn result_type(found: &Field, untyped: &DataType) -> Result<(Field, Converter)> {
    let target = match found.data_type() {
        DataType::Null => Some(Field::new("", untyped.clone(), true)),
        _ => canonical(found),
    };
    let Some(target) = target else {
        let message = format!("its result is {}, which is no type of a column", found.data_type());
        return Err(Error::new(Code::BadExpression, message).hint("cast it to one"));
    };
    let from = found.clone().with_name("result");
    let to = target.with_name("result");
    // NULL is let through here: whoever uses the expression knows whether it may be.
    let converter = Converter::new(&from, &to.clone().with_nullable(true))?;
    Ok((to, converter))
}

/// An error of planning, in words for people.
fn plan_error(error: DataFusionError) -> Error {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<Error>() {
            Ok(own) if own.kind() == ErrorKind::Config => *own,
            // A constant part that does not work out.
            Ok(own) => Error::new(Code::BadExpression, own.message()),
            Err(other) => Error::new(Code::BadExpression, other.to_string()),
        },
        DataFusionError::SchemaError(inner, _) => match *inner {
            SchemaError::FieldNotFound { field, valid_fields } => {
                let names: Vec<&str> = valid_fields.iter().map(|c| c.name.as_str()).collect();
                let near = did_you_mean(&field.name, names.iter().copied());
                let message = format!("there is no column {:?}{near}", field.name);
                let hint = "names are taken as they are spelled; texts stand in single quotes";
                Error::new(Code::ColumnNotFound, message).hint(hint)
            }
            other => Error::new(Code::BadExpression, other.to_string()),
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            plan_error(*inner)
        }
        DataFusionError::Internal(text) => Error::bug(text),
        DataFusionError::Plan(text) if text.starts_with("Invalid function '") => {
            let name = text.split('\'').nth(1).unwrap_or_default();
            if Functions::is_aggregate(name) {
                let message = format!("{name} is an aggregate, and an expression sees one row");
                return Error::new(Code::BadExpression, message);
            }
            let near = did_you_mean(name, Functions::names());
            Error::new(Code::BadExpression, format!("there is no function {name:?}{near}"))
        }
        DataFusionError::Plan(text)
        | DataFusionError::NotImplemented(text)
        | DataFusionError::Execution(text) => {
            let first = text.lines().next().unwrap_or_default().to_owned();
            Error::new(Code::BadExpression, first)
        }
        DataFusionError::ArrowError(inner, _) => Error::new(Code::BadExpression, inner.to_string()),
        other => Error::new(Code::BadExpression, other.to_string()),
    }
}

/// An error of evaluation: a matter of the row, unless something is wrong with us.
fn row_error(error: DataFusionError) -> Error {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<Error>() {
            Ok(own) => *own,
            Err(other) => Error::new(Code::Conversion, other.to_string()),
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            row_error(*inner)
        }
        DataFusionError::Internal(text) => Error::bug(text),
        DataFusionError::ArrowError(inner, _) => match *inner {
            ArrowError::ArithmeticOverflow(text) => Error::new(Code::OutOfRange, text),
            other => Error::new(Code::Conversion, other.to_string()),
        },
        DataFusionError::Execution(text) => Error::new(Code::Conversion, text),
        other => Error::new(Code::Conversion, other.to_string()),
    }
}

impl Expression {
    /// A column as it is.
    ///
    /// # Errors
    /// None for a field of a table.
    pub(crate) fn of_column(field: &Field, index: usize) -> Result<Self> {
        Ok(Self {
            physical: Arc::new(Column::new(field.name(), index)),
            field: field.clone(),
            converter: Converter::new(field, field)?,
            column: Some(index),
        })
    }

    /// The result's type and what it means, under that name.
    pub(crate) fn field(&self, name: &str) -> Field {
        self.field.clone().with_name(name)
    }

    /// The column it stands for, when it is no more than that.
    pub(crate) fn column(&self) -> Option<usize> {
        self.column
    }

    /// Names of the columns it computes with; none when it is a column itself.
    pub(crate) fn computed(&self) -> Vec<String> {
        if self.column.is_some() {
            return Vec::new();
        }
        let columns = datafusion_physical_expr::utils::collect_columns(&self.physical);
        columns.iter().map(|c| c.name().to_owned()).collect()
    }

    /// Its value for each row, in the type of [`Expression::field`].
    ///
    /// # Errors
    /// Of kind data when any row has none; the caller looks for it (see [`by_parts`]).
    pub(crate) fn evaluate(&self, rows: &RecordBatch) -> Result<ArrayRef> {
        if let Some(index) = self.column {
            return Ok(rows.column(index).clone());
        }
        let value = self.physical.evaluate(rows).map_err(row_error)?;
        let array = value.into_array(rows.num_rows()).map_err(row_error)?;
        let mut converted = self.converter.convert(&array)?;
        if !converted.bad.is_empty() {
            return Err(converted.bad.swap_remove(0).error);
        }
        let digits = match self.field.data_type() {
            // Arrow computes decimals beyond the digits that their type says.
            DataType::Decimal128(p, _) => {
                converted.array.as_primitive::<Decimal128Type>().validate_decimal_precision(*p)
            }
            DataType::Decimal256(p, _) => {
                converted.array.as_primitive::<Decimal256Type>().validate_decimal_precision(*p)
            }
            _ => Ok(()),
        };
        digits.map_err(|e| Error::new(Code::OutOfRange, e.to_string()))?;
        Ok(converted.array)
    }
}

/// Rows that an evaluation has gone through for, by the place of the first of them, with what it
/// made of them.
pub(crate) type Part<T> = (usize, T);

/// Runs `work` on the rows; where it fails for a row's sake, on halves of them, down to the rows
/// that are to blame.
///
/// # Errors
/// What `work` reports beyond errors of kind data.
pub(crate) fn by_parts<T>(
    rows: RecordBatch,
    work: &impl Fn(&RecordBatch) -> Result<T>,
) -> Result<(Vec<Part<T>>, Vec<Reject>)> {
    let (mut parts, mut rejects) = (Vec::new(), Vec::new());
    let mut todo = vec![(0, rows)];
    while let Some((place, rows)) = todo.pop() {
        match work(&rows) {
            Ok(made) => parts.push((place, made)),
            Err(e) if e.kind() != ErrorKind::Data => return Err(e),
            Err(e) if rows.num_rows() <= 1 => {
                let mut reject = Reject::of(&rows, 0, e);
                reject.index = u32::try_from(place).unwrap_or(u32::MAX);
                rejects.push(reject);
            }
            Err(_) => {
                let half = rows.num_rows() / 2;
                todo.push((place + half, rows.slice(half, rows.num_rows() - half)));
                todo.push((place, rows.slice(0, half)));
            }
        }
    }
    Ok((parts, rejects))
}
