//! What expressions can name: the columns, DataFusion's scalar functions, portable types.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::config::ConfigOptions;
use datafusion_common::{Result, TableReference, plan_datafusion_err, plan_err};
use datafusion_expr::planner::{ContextProvider, ExprPlanner, TypePlanner};
use datafusion_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};
use datafusion_sql::sqlparser::ast;
use syncline_convert::portable::parse_type;

/// Scalar functions by lower-case name.
static FUNCTIONS: LazyLock<HashMap<String, Arc<ScalarUDF>>> = LazyLock::new(|| {
    let mut all = HashMap::new();
    for function in datafusion_functions::all_default_functions() {
        for alias in function.aliases() {
            all.insert(alias.to_ascii_lowercase(), function.clone());
        }
        all.insert(function.name().to_ascii_lowercase(), function);
    }
    // They name Arrow's types and convert by Arrow's rules, which cut; `cast` is exact.
    for name in ["arrow_cast", "arrow_try_cast", "try_cast_to_type", "cast_to_type"] {
        all.remove(name);
    }
    all
});

/// Aggregates that people are likely to try, to tell them why there are none.
const AGGREGATES: &[&str] = &["avg", "count", "group_concat", "max", "min", "string_agg", "sum"];

/// The planner's view of the world: no tables, only functions and types.
pub(super) struct Functions {
    options: ConfigOptions,
    planners: Vec<Arc<dyn ExprPlanner>>,
}

impl Functions {
    pub(super) fn new() -> Self {
        use datafusion_functions::{
            core::planner::CoreFunctionPlanner, datetime::planner::DatetimeFunctionPlanner,
            unicode::planner::UnicodeFunctionPlanner,
        };
        let planners: Vec<Arc<dyn ExprPlanner>> = vec![
            Arc::new(CoreFunctionPlanner::default()),
            Arc::new(DatetimeFunctionPlanner),
            Arc::new(UnicodeFunctionPlanner),
        ];
        Self { options: ConfigOptions::default(), planners }
    }

    /// Every function's name.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        FUNCTIONS.keys().map(String::as_str)
    }

    pub(super) fn is_aggregate(name: &str) -> bool {
        AGGREGATES.contains(&name.to_ascii_lowercase().as_str())
    }
}

impl ContextProvider for Functions {
    fn get_table_source(&self, _name: TableReference) -> Result<Arc<dyn TableSource>> {
        plan_err!("there are no tables to select from, only the columns of each row")
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.planners
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        Some(Arc::new(Types))
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        FUNCTIONS.get(&name.to_ascii_lowercase()).cloned()
    }

    fn get_higher_order_meta(&self, _name: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, _name: &str) -> Option<Arc<AggregateUDF>> {
        None
    }

    fn get_window_meta(&self, _name: &str) -> Option<Arc<WindowUDF>> {
        None
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        FUNCTIONS.keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Portable type names, and SQL's own where they mean the same.
#[derive(Debug)]
struct Types;

impl TypePlanner for Types {
    fn plan_type_field(&self, sql_type: &ast::DataType) -> Result<Option<FieldRef>> {
        // INTERVAL has no portable name: it is a step between times, never a column.
        if matches!(sql_type, ast::DataType::Interval { .. }) {
            return Ok(None);
        }
        let name = sql_type.to_string().to_ascii_lowercase();
        let name = match name.as_str() {
            "timestamp with time zone" => "timestamptz",
            "timestamp without time zone" => "timestamp",
            "time without time zone" => "time",
            "double precision" => "double",
            "varchar" | "char varying" | "character varying" => "text",
            "bytea" | "blob" | "varbinary" => "binary",
            other => other,
        };
        let name = name.replace("character varying(", "varchar(");
        let found = parse_type(&name).map_err(|e| plan_datafusion_err!("{}", e.message()))?;
        Ok(Some(Arc::new(found.field("", true))))
    }
}
