//! `filter: "amount > 10 and country = 'DE'"`: the rows for which a condition is true.

use serde_json::Value;
use syncline_connector::{BoundProcessor, Processor};
use syncline_types::{Result, TableSchema};

use crate::config::Place;
use crate::expression;
use crate::project::Keep;

/// Keeps rows for which the condition is true; false and NULL take them out.
#[derive(Debug)]
pub(crate) struct Filter {
    place: Place,
    condition: String,
}

impl Filter {
    pub(crate) fn new(place: Place, value: &Value) -> Result<Self> {
        Ok(Self { condition: place.text(value)?.to_owned(), place })
    }
}

impl Processor for Filter {
    fn name(&self) -> &'static str {
        "filter"
    }

    fn computes_with(&self, input: &TableSchema) -> Result<Option<Vec<String>>> {
        let condition =
            expression::bind_condition(&self.condition, input).map_err(|e| e.at(&self.place))?;
        Ok(Some(condition.computed()))
    }

    fn bind(&self, input: &TableSchema) -> Result<BoundProcessor> {
        let condition =
            expression::bind_condition(&self.condition, input).map_err(|e| e.at(&self.place))?;
        Ok(BoundProcessor { output: input.clone(), step: Box::new(Keep(condition)) })
    }
}
