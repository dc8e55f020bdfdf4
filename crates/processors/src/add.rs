//! `add: { total: "price * quantity", origin: "'shop'" }`: more columns, from constants or
//! expressions over those that are there.

use serde_json::Value;
use syncline_connector::{BoundProcessor, Processor};
use syncline_types::{Code, Column, Error, Result, TableSchema};

use crate::columns::refuse_duplicates;
use crate::config::Place;
use crate::expression::{self, Expression};
use crate::project::Project;

/// Appends columns; all expressions see the columns as they came in.
#[derive(Debug)]
pub(crate) struct Add {
    place: Place,
    columns: Vec<(String, String)>,
}

impl Add {
    pub(crate) fn new(place: Place, value: &Value) -> Result<Self> {
        let mut columns = Vec::new();
        for (name, value) in place.object(value)? {
            let expression = match value {
                Value::String(text) => text.clone(),
                Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
                _ => {
                    let message = "a constant or an expression was expected";
                    return Err(Error::new(Code::BadValue, message).at(place.under(name)));
                }
            };
            columns.push((name.clone(), expression));
        }
        Ok(Self { place, columns })
    }
}

impl Processor for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn computes_with(&self, input: &TableSchema) -> Result<Option<Vec<String>>> {
        let mut names = Vec::new();
        for (name, text) in &self.columns {
            let value = expression::bind(text, input).map_err(|e| e.at(self.place.under(name)))?;
            names.extend(value.computed());
        }
        Ok(Some(names))
    }

    fn bind(&self, input: &TableSchema) -> Result<BoundProcessor> {
        let mut output = input.clone();
        let mut values = Vec::with_capacity(input.columns.len() + self.columns.len());
        for (index, column) in input.columns.iter().enumerate() {
            values.push(Expression::of_column(&column.field, index)?);
        }
        for (name, text) in &self.columns {
            let value = expression::bind(text, input).map_err(|e| e.at(self.place.under(name)))?;
            output.columns.push(Column::new(value.field(name)));
            values.push(value);
        }
        refuse_duplicates(&output, &self.place)?;
        let step = Box::new(Project::new(&output, values));
        Ok(BoundProcessor { output, step })
    }
}
