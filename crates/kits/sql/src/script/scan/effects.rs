//! Statements without rows: what they change for those after them, and which of them are errors
//! because they would change rows in a way that is not read.

use syncline_types::{Code, Error, Result, TableName};

use super::super::lexer::{Kind, Lex, Rules};
use super::super::session::Session;
use super::super::statement::{Head, column_list, texts_of};
use super::{Scanner, Step, Stop};

/// Statements that neither carry rows nor change any. Others that are not read are errors, so
/// that nothing is passed over unseen.
const HARMLESS: [&str; 57] = [
    "ALTER",
    "ANALYZE",
    "ATTACH",
    "BEGIN",
    "CACHE",
    "CALL",
    "CHANGE",
    "CHECK",
    "CHECKPOINT",
    "CHECKSUM",
    "CLOSE",
    "CLUSTER",
    "COMMENT",
    "COMMIT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DECLARE",
    "DESC",
    "DESCRIBE",
    "DETACH",
    "DISCARD",
    "DO",
    "END",
    "EXECUTE",
    "FETCH",
    "FLUSH",
    "GRANT",
    "INSTALL",
    "KILL",
    "LISTEN",
    "LOCK",
    "MOVE",
    "NOTIFY",
    "OPTIMIZE",
    "PRAGMA",
    "PREPARE",
    "PURGE",
    "REASSIGN",
    "REFRESH",
    "REINDEX",
    "RELEASE",
    "REPAIR",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SECURITY",
    "SHOW",
    "SHUTDOWN",
    "START",
    "STOP",
    "UNINSTALL",
    "UNLISTEN",
    "UNLOCK",
    "VACUUM",
    "XA",
];

impl Scanner {
    /// A line for the client program: `\restrict`, `.tables`, `DELIMITER ;;`.
    pub(super) fn client_command(
        &mut self,
        start: usize,
        end: usize,
    ) -> Result<Option<Step>, Stop> {
        self.known = None;
        self.current = (start, end);
        let line = String::from_utf8_lossy(&self.buf[start..end]).trim().to_owned();
        let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
        let lower = command.to_ascii_lowercase();
        match lower.as_str() {
            "\\copy" | "\\i" | "\\ir" | "\\." | "\\include" | "source" | ".read" | ".import" => {
                let what = format!("{command} takes rows from elsewhere");
                return Err(Stop::Failed(self.unsupported(&what)));
            }
            "delimiter" if !rest.is_empty() => {
                let rest = rest.split_whitespace().next().unwrap_or(";");
                self.session.delimiter = rest.to_owned();
            }
            "\\connect" | "\\c" => {
                let rules = Rules::of(self.session.rules.dialect);
                let decoded = self.session.decoded;
                self.session = Session { decoded, ..Session::new(rules) };
            }
            _ => {}
        }
        self.move_to(end, false);
        Ok(Some(Step::Statement))
    }

    /// `COPY table (columns) FROM stdin;`: its head, and where its first line begins.
    pub(super) fn copy_head(&mut self, behind: usize) -> Result<Option<(Head, usize)>, Stop> {
        let mut lexer = self.lexer();
        let read: Lex<_> = (|| {
            lexer.token()?;
            let table = self.session.table(&mut lexer)?;
            let mut columns = None;
            if lexer.skip_space()? == Some(b'(') {
                columns = Some(column_list(&mut lexer, &self.session)?);
            }
            let (direction, what) = (lexer.token()?, lexer.token()?);
            let from = lexer.is(&direction, "FROM").then(|| lexer.is(&what, "STDIN"));
            let plain = lexer.token()?.kind == Kind::End;
            Ok((Head { table, columns, set: false }, from, plain))
        })();
        match read {
            Ok((_, None, _)) => return Ok(None),
            Ok((head, Some(true), true)) => {
                let mut lexer = self.lex();
                lexer.pos = behind;
                lexer.skip_line()?;
                return Ok(Some((head, lexer.pos)));
            }
            _ => {}
        }
        let what = "only COPY … FROM stdin in text format, without options, is read";
        Err(Stop::Failed(self.unsupported(what)))
    }

    /// What a statement without rows changes for those after it.
    pub(super) fn statement(&mut self, word: &str) -> Result<()> {
        // It may change what a name means.
        self.known = None;
        let mut lexer = self.lexer();
        drop(lexer.token());
        match word {
            "SET" => {
                let mut session = self.session.clone();
                let set = session.set(&mut lexer);
                self.session = session;
                let line = self.current_line();
                set.map_err(|e| e.at(format!("line {line}")))
            }
            "USE" => {
                if let Ok(token) = lexer.token() {
                    self.session.schema = Some(self.session.name(&lexer, &token));
                }
                Ok(())
            }
            "SELECT" => {
                let texts: Vec<String> = texts_of(&mut lexer);
                if let [name, path, ..] = texts.as_slice()
                    && name == "search_path"
                {
                    self.session.search_path(path);
                }
                Ok(())
            }
            "UPDATE" | "MERGE" | "LOAD" | "WITH" | "RENAME" | "IMPORT" | "EXPLAIN" => {
                Err(self.unsupported(&format!("{word} statements are not read")))
            }
            "DELETE" | "TRUNCATE" | "DROP" => {
                let named = self.emptied(word);
                match named.into_iter().find(|table| self.filled.contains(table)) {
                    Some(table) => {
                        Err(self.unsupported(&format!("{word} of {table}, which rows came before")))
                    }
                    None => Ok(()),
                }
            }
            _ if HARMLESS.contains(&word) => Ok(()),
            _ => {
                let line = self.current_line();
                let text = String::from_utf8_lossy(self.text());
                let shown: String = text.chars().take(60).collect();
                let message = format!("line {line}: no SQL statement that is known: {shown:?}");
                Err(Error::new(Code::Corrupt, message)
                    .hint("is the file whole, and is it in this dialect?"))
            }
        }
    }

    /// The tables that DELETE, TRUNCATE or DROP TABLE names.
    fn emptied(&self, word: &str) -> Vec<TableName> {
        let mut lexer = self.lexer();
        drop(lexer.token());
        let mut tables = Vec::new();
        let mut wanted = word != "DROP";
        while let Ok(token) = lexer.token() {
            if token.kind == Kind::End {
                break;
            }
            if lexer.is(&token, "TABLE") {
                wanted = true;
            } else if wanted
                && !["FROM", "ONLY", "IF", "EXISTS"].iter().any(|w| lexer.is(&token, w))
                && let Ok(table) = self.session.table_from(&mut lexer, token)
            {
                tables.push(table);
                if word == "DELETE" {
                    break;
                }
            } else if !wanted {
                break;
            }
        }
        tables
    }
}
