//! Rows taken away: they go into a table of the session, in the way rows are written, and what is
//! equal to them goes from the target.

use arrow::array::RecordBatch;
use syncline_sql::Dialect;
use syncline_types::{Error, Result, TableSchema};

use super::{Writer, given_back, stream};
use crate::encode::{Encoder, cells};
use crate::error;

/// The table of this session that rows to be taken away go through.
const GONE: &str = "pg_temp.\"_syncline_gone\"";

impl Writer {
    /// Inside of a savepoint.
    pub(super) async fn take_away(&mut self, rows: &RecordBatch) -> Result<()> {
        let place = self.place();
        let schema = rows.schema();
        let mut columns = Vec::new();
        let mut types = Vec::new();
        for field in schema.fields() {
            let at = self
                .plan
                .table
                .index_of(field.name())
                .ok_or_else(|| Error::bug("rows to be taken away have columns of their own"))?;
            columns.push(self.plan.table.columns[at].clone());
            types.push(self.plan.columns[at].ty.clone());
        }
        let taken = TableSchema { columns, ..TableSchema::clone(&self.plan.table) };
        let mut encoder = Encoder::new(&taken, &types, false).map_err(|e| e.at(&place))?;
        let names: Vec<String> =
            taken.columns.iter().map(|c| Dialect::Postgres.quote(c.name())).collect();
        let (list, into) = (names.join(", "), Dialect::Postgres.table(&self.plan.into));
        let Some(session) = &self.session else { return Err(given_back()) };
        let sql = format!(
            "DROP TABLE IF EXISTS {GONE}; \
             CREATE TEMPORARY TABLE {GONE} AS SELECT {list} FROM {into} WITH NO DATA"
        );
        session.run(&sql, &place).await?;
        let copy = format!("COPY {GONE} ({list}) FROM STDIN (FORMAT {})", encoder.format());
        let copy = session.client.prepare(&copy).await.map_err(|e| error::of(e, &place))?;
        let cells = cells(rows, &taken)?;
        let pieces = encoder.pieces(&cells, rows.num_rows());
        stream(session, &copy, pieces, rows.num_rows(), &place).await?;
        let keyed = !self.plan.merge.is_empty()
            && taken.columns.iter().all(|c| self.plan.merge.iter().any(|k| k == c.name()));
        let delete = if keyed {
            let same: Vec<String> = names.iter().map(|n| format!("t.{n} = g.{n}")).collect();
            format!("DELETE FROM {into} t USING {GONE} g WHERE {}", same.join(" AND "))
        } else {
            // Rows are the same when their texts are; of those that are alike as many go as asked.
            let row = |of: &str| {
                let values: Vec<String> = names.iter().map(|n| format!("{of}.{n}")).collect();
                format!("ROW({})::pg_catalog.text", values.join(", "))
            };
            format!(
                "DELETE FROM {into} WHERE (tableoid, ctid) IN (\
                   SELECT t.oid, t.ctid FROM (\
                     SELECT t.tableoid AS oid, t.ctid, {mine} AS r, \
                            pg_catalog.row_number() OVER (PARTITION BY {mine}) AS n \
                     FROM {into} t) t \
                   JOIN (SELECT {theirs} AS r, pg_catalog.count(*) AS n FROM {GONE} g GROUP BY 1) g \
                     ON t.r = g.r AND t.n <= g.n)",
                mine = row("t"),
                theirs = row("g"),
            )
        };
        session.run(&format!("{delete}; DROP TABLE {GONE}"), &place).await
    }
}
