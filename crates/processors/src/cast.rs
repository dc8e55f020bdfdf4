//! `cast: { amount: "decimal(12,2)" }`: columns in another type, exactly or not at all.

use std::collections::BTreeSet;

use serde_json::Value;
use syncline_connector::{BoundProcessor, Processor, Step, StepOutput};
use syncline_convert::RowsConverter;
use syncline_convert::portable::{PortableType, parse_type, type_name};
use syncline_types::{DefaultValue, Result, TableSchema};

use crate::columns::{find, mend_keys};
use crate::config::Place;

/// Gives columns another type; values that would change are rejected with their row.
#[derive(Debug)]
pub(crate) struct Cast {
    place: Place,
    types: Vec<(String, PortableType)>,
}

impl Cast {
    pub(crate) fn new(place: Place, value: &Value) -> Result<Self> {
        let mut types = Vec::new();
        for (name, value) in place.object(value)? {
            let place = place.under(name);
            types.push((name.clone(), parse_type(place.text(value)?).map_err(|e| e.at(&place))?));
        }
        Ok(Self { place, types })
    }
}

struct Convert(RowsConverter);

impl Step for Convert {
    fn apply(&self, rows: arrow::array::RecordBatch) -> Result<StepOutput> {
        let (rows, rejects) = self.0.convert(rows)?;
        Ok(StepOutput { rows, rejects, kept: None })
    }
}

impl Processor for Cast {
    fn name(&self) -> &'static str {
        "cast"
    }

    fn converts(&self) -> bool {
        true
    }

    fn computes_with(&self, _: &TableSchema) -> Result<Option<Vec<String>>> {
        Ok(Some(Vec::new()))
    }

    fn bind(&self, input: &TableSchema) -> Result<BoundProcessor> {
        let mut output = input.clone();
        for (name, to) in &self.types {
            let index = find(input, name, &self.place)?;
            let column = &mut output.columns[index];
            let field = to.field(name, column.field.is_nullable());
            if type_name(&field) == type_name(&column.field) {
                continue;
            }
            column.field = field;
            // Constants still fit as text; expressions and counters are those of the old type.
            let constant = matches!(column.default, Some(DefaultValue::Value(_)));
            column.default = column.default.take().filter(|_| constant);
            column.identity = column.identity.filter(|_| column.field.data_type().is_integer());
            column.generated = None;
        }
        mend_keys(&mut output, &BTreeSet::new());
        let converter = RowsConverter::new(input, &output).map_err(|e| e.at(&self.place))?;
        Ok(BoundProcessor { output, step: Box::new(Convert(converter)) })
    }
}
