//! Sequences behind columns of a target, once its rows are in.

use syncline_connector::WriteTask;
use syncline_sql::Dialect;
use syncline_types::{Result, TableName};

use crate::catalog::{self, TargetColumn};
use crate::connect::Session;
use crate::error;
use crate::sink::dropped;

/// Sequences of columns that were written go on after the values that are there, and not before
/// where the source's would have gone on.
pub(crate) async fn set(session: &Session, task: &WriteTask, target: &TableName) -> Result<()> {
    match catalog::target(session, target).await? {
        Some((_, columns)) => set_on(session, task, target, &columns).await,
        None => Err(dropped(target)),
    }
}

/// Sets the sequences of these columns of the target, as far as they are written.
pub(crate) async fn set_on(
    session: &Session,
    task: &WriteTask,
    target: &TableName,
    columns: &[TargetColumn],
) -> Result<()> {
    for written in &task.table.columns {
        let column = columns.iter().find(|c| c.name == written.name());
        let Some(sequence) = column.and_then(|c| c.sequence.as_ref()) else { continue };
        let next = written.identity.and_then(|i| i.next).filter(|_| !task.exists);
        let next = next.and_then(|n| i64::try_from(n).ok());
        // One that counts down is compared the other way round.
        let (furthest, most) =
            if sequence.increment > 0 { ("greatest", "max") } else { ("least", "min") };
        let sql = format!(
            "SELECT pg_catalog.setval($1::text::pg_catalog.regclass, \
                      CASE WHEN v > $2 THEN $2 ELSE v END, v > $2) \
             FROM (SELECT {furthest}(\
                 (SELECT {most}({name})::pg_catalog.int8 + {step} FROM {table}), \
                 (SELECT CASE WHEN is_called THEN last_value + {step} ELSE last_value END \
                  FROM {sequence}), $3::pg_catalog.int8) AS v) s",
            name = Dialect::Postgres.quote(written.name()),
            step = sequence.increment,
            table = Dialect::Postgres.table(target),
            sequence = sequence.name,
        );
        session
            .client
            .query_one(&sql, &[&sequence.name, &sequence.max, &next])
            .await
            .map_err(|e| error::of(e, format!("setting the sequence {}", sequence.name)))?;
    }
    Ok(())
}
