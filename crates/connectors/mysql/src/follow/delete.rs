//! Rows that go.

use arrow::array::RecordBatch;

use super::StateFollower;
use crate::encode::Rows;
use crate::writer::Trouble;

impl StateFollower {
    pub(super) async fn delete(&mut self, table: usize, rows: &RecordBatch) -> Result<(), Trouble> {
        let known = &mut self.tables[table];
        let keyed = !known.key.is_empty();
        let shape = match keyed {
            true => known.key_shape(&rows.schema())?,
            false => known.shape(&rows.schema(), |_| true)?,
        };
        let rows = shape.of(rows)?;
        let rows = Rows::new(&shape.columns, &shape.targets, &rows)?;
        self.feed.allow(&rows).await?;
        match keyed {
            true => self.feed.delete_keys(&known.name, &shape.columns, &rows).await,
            false => self.feed.delete_alike(&known.name, &shape.columns, &rows).await,
        }
    }
}
