//! `syncline schema`: the JSON Schema of the job file, or the tables of a source as statements.

use std::sync::Arc;

use syncline_connector::{Endpoint, Mode, Registry};
use syncline_engine::{Definitions, Job, definitions};
use syncline_sql::{
    Dialect, actions, comments, create_indexes, create_table, foreign_keys, partitions,
};
use syncline_types::{Code, Error, Result, TableSelection};

use crate::args::SchemaArgs;
use crate::commands::copy::{columns_of, processors_of};
use crate::commands::reference::pretty_job_schema;
use crate::output::line;

/// `syncline schema`.
pub(crate) fn run(registry: &Arc<Registry>, args: &SchemaArgs) -> Result<u8> {
    let Some(dialect) = args.dialect else {
        if args.what == "job" {
            line(pretty_job_schema());
            return Ok(crate::DONE);
        }
        return Err(Error::new(Code::BadValue, "the dialect of the statements is not given").hint(
            "--for mysql, postgres, sqlite or ansi; `syncline schema job` is the job file's",
        ));
    };
    let dialect = Dialect::from(dialect);
    let job = job_of(args)?;
    let runtime = crate::runtime()?;
    let found = runtime.block_on(definitions(registry, &job, dialect));
    runtime.shutdown_background();
    for text in statements(dialect, &found?)? {
        line(text);
    }
    Ok(crate::DONE)
}

fn job_of(args: &SchemaArgs) -> Result<Job> {
    let source = Endpoint::parse(&args.what)?;
    let chosen = &args.chosen;
    let columns = columns_of(chosen)?;
    let narrowed = !columns.is_empty() || chosen.query.is_some();
    Ok(Job {
        mode: if narrowed { Mode::Batch } else { Mode::Full },
        tables: TableSelection::parse(&chosen.table, &chosen.exclude)?,
        query: chosen.query.clone(),
        filter: chosen.filter_at_source.clone(),
        target: chosen.to.clone(),
        columns,
        source_processors: processors_of(chosen)?,
        generated: args.generated.into(),
        allow_lossy: true,
        patience: None,
        ..Job::new(format!("schema of {}", source.redacted()), source, Endpoint::parse("-")?)
    })
}

/// Everything as text that a client of the dialect runs from top to bottom: tables, then indexes,
/// then foreign keys, then comments; notes as comments of SQL.
fn statements(dialect: Dialect, found: &Definitions) -> Result<Vec<String>> {
    let mut texts: Vec<String> = found.notes.iter().flat_map(|n| noted(n)).collect();
    let (mut later, mut last) = (Vec::new(), Vec::new());
    for definition in &found.tables {
        let table = &definition.table;
        for note in &definition.notes {
            texts.extend(noted(&format!("{}: {note}", table.name)));
        }
        for sql in table.requires.iter().filter_map(|needed| needed.create.of(dialect.id())) {
            // Several tables may need the same.
            let sql = format!("{sql};");
            if !texts.contains(&sql) {
                texts.push(sql);
            }
        }
        let postgres = dialect == Dialect::Postgres;
        let bare = if postgres { actions::bare(table) } else { table.clone() };
        texts.push(format!("{};", create_table(dialect, &bare)));
        let mut more = Vec::new();
        if postgres {
            more = actions::statements(table, false);
        }
        more.extend(partitions(dialect, table));
        texts.extend(more.into_iter().map(|sql| format!("{sql};")));
        later.extend(create_indexes(dialect, table)?);
        if postgres {
            last.extend(actions::statements(table, true));
        }
    }
    let each = |of: fn(Dialect, &_) -> Vec<String>| {
        found.tables.iter().flat_map(move |d| of(dialect, &d.table))
    };
    later.extend(each(foreign_keys));
    if dialect == Dialect::Postgres {
        last.extend(found.tables.iter().flat_map(|d| actions::last(&d.table)));
    }
    later.extend(last);
    later.extend(each(comments));
    texts.extend(later.into_iter().map(|sql| format!("{sql};")));
    Ok(texts)
}

/// A note, line by line, so that nothing of it is taken for a statement.
fn noted(note: &str) -> Vec<String> {
    note.lines().map(|text| format!("-- {text}")).collect()
}
