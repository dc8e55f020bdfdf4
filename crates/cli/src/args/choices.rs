//! The words that options choose from.

use clap::ValueEnum;

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ModeArg {
    /// Everything, columns as they are
    Full,
    /// Chosen, mapped, filtered fields
    Batch,
    /// Changes as they happen
    Changes,
    /// A snapshot, then the changes
    #[value(name = "full+changes")]
    FullChanges,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum WriteArg {
    /// Rows are added
    Append,
    /// A row takes the place of the one with its key
    Upsert,
    /// The table is loaded beside the old one and swapped in
    Replace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CreateArg {
    /// Make them
    Auto,
    /// A missing table is an error
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GeneratedArg {
    /// They stay generated where the target can compute the very same values
    Keep,
    /// They become plain columns that hold the values
    Materialise,
}

impl From<GeneratedArg> for syncline_engine::GeneratedColumns {
    fn from(arg: GeneratedArg) -> Self {
        match arg {
            GeneratedArg::Keep => Self::Keep,
            GeneratedArg::Materialise => Self::Materialise,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum EventsArg {
    /// One JSON object a line
    Json,
}

/// A dialect of SQL.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DialectArg {
    /// MySQL and MariaDB
    #[value(alias = "mariadb")]
    Mysql,
    /// PostgreSQL
    #[value(alias = "postgresql")]
    Postgres,
    /// SQLite
    Sqlite,
    /// The standard's own words
    Ansi,
}

impl From<DialectArg> for syncline_sql::Dialect {
    fn from(arg: DialectArg) -> Self {
        match arg {
            DialectArg::Mysql => Self::Mysql,
            DialectArg::Postgres => Self::Postgres,
            DialectArg::Sqlite => Self::Sqlite,
            DialectArg::Ansi => Self::Ansi,
        }
    }
}
