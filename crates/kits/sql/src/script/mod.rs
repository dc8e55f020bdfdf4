//! Scripts of SQL: tables written as pages of INSERT statements ([`PageWriter`]), and dumps read
//! back ([`ScriptCatalog`] for what there is, [`ScriptReader`] for the rows of one table).
//!
//! Read are the pages themselves and what `mysqldump`, `mariadb-dump`, `pg_dump` (with INSERTs or
//! with COPY blocks), `sqlite3 .dump` and people write: bytes are pushed in chunks of any size,
//! and memory holds no more than a row (or one statement without rows) and a batch. A statement
//! that carries rows in a way that is not read is an error, never passed over.
//!
//! Pure: no I/O. Files, compression and globs are the files connector's.

mod alter;
mod catalog;
mod change;
mod constraints;
mod create;
mod decode;
mod defaults;
mod detect;
mod lexer;
mod loose;
mod native;
mod number;
mod reader;
mod row;
mod scan;
mod sequence;
mod session;
mod statement;
mod temporal;
mod tokens;
mod write;

pub(crate) use lexer::{Kind as TokenKind, Lexer, Rules, Token};
pub(crate) use session::Session;
pub(crate) use tokens::Tokens;

pub use catalog::{Part, ScriptCatalog, ScriptTable};
pub use detect::detect;
pub use reader::{ReadOptions, ScriptBatch, ScriptRead, ScriptReader};
pub use scan::{DEFAULT_MAX_STATEMENT, Place};
pub use write::{PageOptions, PageWriter, foreign_key_page};
