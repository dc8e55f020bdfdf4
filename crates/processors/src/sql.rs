//! `sql: "select id, price * 2 as double from rows where price > 0"`: a projection over the rows of
//! one batch, with a condition.

use std::collections::BTreeSet;

use datafusion_sql::sqlparser::ast::{
    Expr, GroupByExpr, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    TableFactor, TableWithJoins,
};
use serde_json::Value;
use syncline_connector::{BoundProcessor, Processor, Step};
use syncline_types::{Code, Column, Error, Result, TableSchema};

use crate::columns::{mend_keys, refuse_duplicates};
use crate::config::Place;
use crate::expression::{self, Output, ROWS};
use crate::project::{Chain, Keep, Project};

/// One entry between SELECT and FROM.
pub(crate) enum Item {
    /// `*`
    All,
    /// An expression with its name.
    Named(String, Box<Expr>),
}

/// A SELECT that looks at one row at a time.
pub(crate) struct SimpleSelect {
    pub(crate) items: Vec<Item>,
    pub(crate) condition: Option<Expr>,
}

fn refuse(what: &str) -> Error {
    Error::new(Code::BadExpression, format!("{what} not possible: sql sees one row at a time"))
        .hint("the form is: select EXPRESSION as NAME, … from rows where CONDITION")
}

/// Takes a SELECT apart, and refuses what needs more than one row.
///
/// # Errors
/// [`Code::BadExpression`].
pub(crate) fn simple_select(query: Query) -> Result<SimpleSelect> {
    if query.with.is_some() {
        return Err(refuse("WITH is"));
    }
    if query.order_by.is_some() {
        return Err(refuse("ORDER BY is"));
    }
    if query.limit_clause.is_some() || query.fetch.is_some() {
        return Err(refuse("LIMIT is"));
    }
    let select = match *query.body {
        SetExpr::Select(select) => *select,
        SetExpr::SetOperation { .. } => return Err(refuse("UNION and the like are")),
        _ => return Err(refuse("anything but SELECT is")),
    };
    only_rows(&select)?;
    let mut items = Vec::with_capacity(select.projection.len());
    for item in select.projection {
        items.push(match item {
            SelectItem::Wildcard(options) if options.to_string().is_empty() => Item::All,
            SelectItem::QualifiedWildcard(
                SelectItemQualifiedWildcardKind::ObjectName(name),
                options,
            ) if name.to_string() == ROWS && options.to_string().is_empty() => Item::All,
            SelectItem::ExprWithAlias { expr, alias } => Item::Named(alias.value, Box::new(expr)),
            SelectItem::UnnamedExpr(expr) => match &expr {
                Expr::Identifier(name) => Item::Named(name.value.clone(), Box::new(expr)),
                Expr::CompoundIdentifier(parts) if parts.len() == 2 => {
                    Item::Named(parts[1].value.clone(), Box::new(expr))
                }
                _ => {
                    let message = format!("{expr} needs a name: {expr} as …");
                    return Err(Error::new(Code::BadExpression, message));
                }
            },
            other => return Err(refuse(&format!("{other} is"))),
        });
    }
    Ok(SimpleSelect { items, condition: select.selection })
}

fn only_rows(select: &Select) -> Result<()> {
    let grouped = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(by, more) => !by.is_empty() || !more.is_empty(),
    };
    let refusals = [
        (grouped, "GROUP BY is"),
        (select.having.is_some(), "HAVING is"),
        (select.distinct.is_some(), "DISTINCT is"),
        (select.top.is_some(), "TOP is"),
        (select.into.is_some(), "INTO is"),
        (select.qualify.is_some() || !select.named_window.is_empty(), "windows are"),
        (!select.sort_by.is_empty() || !select.cluster_by.is_empty(), "sorting is"),
        (!select.distribute_by.is_empty() || !select.lateral_views.is_empty(), "that clause is"),
        (select.prewhere.is_some() || !select.connect_by.is_empty(), "that clause is"),
        (select.from.len() > 1, "several tables are"),
        (select.from.iter().any(|t| !t.joins.is_empty()), "joins are"),
    ];
    if let Some((_, what)) = refusals.into_iter().find(|(refused, _)| *refused) {
        return Err(refuse(what));
    }
    match select.from.first() {
        None => Ok(()),
        Some(TableWithJoins {
            relation: TableFactor::Table { name, alias: None, args: None, .. },
            ..
        }) if name.to_string() == ROWS => Ok(()),
        Some(TableWithJoins { relation: TableFactor::Derived { .. }, .. }) => {
            Err(refuse("subqueries are"))
        }
        Some(other) => {
            let message = format!("{other} cannot be selected from; the table is called {ROWS}");
            Err(Error::new(Code::BadExpression, message))
        }
    }
}

/// A projection with a condition.
#[derive(Debug)]
pub(crate) struct Sql {
    place: Place,
    text: String,
}

impl Sql {
    pub(crate) fn new(place: Place, value: &Value) -> Result<Self> {
        Ok(Self { text: place.text(value)?.to_owned(), place })
    }
}

impl Processor for Sql {
    fn name(&self) -> &'static str {
        "sql"
    }

    fn computes_with(&self, input: &TableSchema) -> Result<Option<Vec<String>>> {
        let (condition, outputs) =
            expression::bind_select(&self.text, input).map_err(|e| e.at(&self.place))?;
        let values = outputs.iter().map(|o| &o.value).chain(condition.as_ref());
        Ok(Some(values.flat_map(expression::Expression::computed).collect()))
    }

    fn bind(&self, input: &TableSchema) -> Result<BoundProcessor> {
        let (condition, outputs) =
            expression::bind_select(&self.text, input).map_err(|e| e.at(&self.place))?;
        let output = output_table(input, &outputs);
        refuse_duplicates(&output, &self.place)?;
        let values = outputs.into_iter().map(|o| o.value).collect();
        let project = Project::new(&output, values);
        let step: Box<dyn Step> = match condition {
            None => Box::new(project),
            Some(condition) => Box::new(Chain(vec![Box::new(Keep(condition)), Box::new(project)])),
        };
        Ok(BoundProcessor { output, step })
    }
}

/// The table of a projection: a column that is passed on keeps what is known of it, also under
/// another name; keys and indexes stay where all their columns do.
fn output_table(input: &TableSchema, outputs: &[Output]) -> TableSchema {
    let mut output = input.clone();
    output.columns = outputs
        .iter()
        .map(|o| match o.value.column() {
            Some(index) => {
                let mut column = input.columns[index].clone();
                column.field = column.field.with_name(&o.name);
                column
            }
            None => Column::new(o.value.field(&o.name)),
        })
        .collect();
    // The first output that passes a column on stands for it in keys.
    let new_name = |old: &str| {
        let index = input.index_of(old);
        let stands = |o: &&Output| index.is_some() && o.value.column() == index;
        outputs.iter().find(stands).map(|o| o.name.clone())
    };
    let gone = "\0";
    for name in &mut output.primary_key {
        *name = new_name(name).unwrap_or_else(|| gone.to_owned());
    }
    for part in output.indexes.iter_mut().flat_map(|index| &mut index.parts) {
        part.column = new_name(&part.column).unwrap_or_else(|| gone.to_owned());
    }
    mend_keys(&mut output, &BTreeSet::from([gone.to_owned()]));
    output
}
