//! Columns that both sides compute: their values need not be read, and some sources (dumps) do not
//! have them.

use syncline_types::TableSchema;

/// The source's table without the columns that it computes and the target computes, too.
pub(crate) fn needed(source: &TableSchema, definition: &TableSchema) -> TableSchema {
    let mut table = source.clone();
    let key: Vec<String> = table.key().into_iter().map(str::to_owned).collect();
    let computed = |name: &str| {
        let target = definition.columns.iter().find(|c| c.name().eq_ignore_ascii_case(name));
        target.is_some_and(|c| c.generated.is_some())
    };
    table.columns.retain(|c| {
        let kept = c.generated.is_none() || key.iter().any(|k| k == c.name());
        kept || !computed(c.name())
    });
    table
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};
    use syncline_types::{Generated, NativeSql, TableName};

    use super::*;

    fn table(computed: &[&str]) -> TableSchema {
        let fields = ["id", "twice", "kept"].map(|n| Field::new(n, DataType::Int64, true));
        let mut table = TableSchema::new(TableName::bare("t"), fields);
        for column in table.columns.iter_mut().filter(|c| computed.contains(&c.name())) {
            let expression = NativeSql::new("sqlite", "id * 2");
            column.generated = Some(Generated { expression, stored: false });
        }
        table
    }

    #[test]
    fn what_both_sides_compute_is_not_read() {
        let read = needed(&table(&["twice", "kept"]), &table(&["twice"]));
        let names: Vec<_> = read.columns.iter().map(|c| c.name()).collect();
        assert_eq!(names, ["id", "kept"]);
    }
}
