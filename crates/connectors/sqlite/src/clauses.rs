//! What stands in the brackets of a CREATE TABLE: the parts that no pragma tells (checks, names of
//! constraints, collations, expressions, when a foreign key is looked at), and what stands behind
//! them.
//!
//! Source of the grammar: <https://www.sqlite.org/lang_createtable.html>.

use syncline_types::ReferentialAction;

use crate::definition::{Token, tokens};

/// A table's text taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Clauses {
    pub(crate) columns: Vec<ColumnText>,
    /// Names, where they have one, and conditions.
    pub(crate) checks: Vec<(Option<String>, String)>,
    pub(crate) references: Vec<Reference>,
    /// Names of UNIQUE constraints, in order.
    pub(crate) uniques: Vec<Option<String>>,
    /// What follows the brackets: `STRICT, WITHOUT ROWID`.
    pub(crate) options: String,
}

/// What the text says of a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ColumnText {
    pub(crate) name: String,
    pub(crate) collation: Option<String>,
    /// The expression it is computed by.
    pub(crate) generated: Option<String>,
}

/// A foreign key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) name: Option<String>,
    pub(crate) columns: Vec<String>,
    pub(crate) table: String,
    pub(crate) referenced: Vec<String>,
    pub(crate) on_delete: ReferentialAction,
    pub(crate) on_update: ReferentialAction,
    /// `MATCH …`, `DEFERRABLE …`.
    pub(crate) attributes: Vec<String>,
}

impl Clauses {
    /// Reads a CREATE TABLE; nothing for any other text.
    pub(crate) fn read(sql: &str) -> Clauses {
        let tokens = tokens(sql);
        let mut read = Clauses::default();
        let Some(open) = tokens.iter().position(|t| t.text == "(") else { return read };
        let mut reader = Reader { sql, tokens: &tokens, at: open + 1 };
        while reader.at < tokens.len() && !reader.is_text(")") {
            reader.item(&mut read);
            reader.eat_text(",");
        }
        let behind: Vec<&str> = tokens[(reader.at + 1).min(tokens.len())..]
            .iter()
            .map(|t| t.text)
            .filter(|text| *text != ";")
            .collect();
        read.options = behind.join(" ").replace(" ,", ",");
        read
    }

    /// What the text says of a column.
    pub(crate) fn column(&self, name: &str) -> Option<&ColumnText> {
        self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name))
    }
}

struct Reader<'a> {
    sql: &'a str,
    tokens: &'a [Token<'a>],
    at: usize,
}

impl Reader<'_> {
    fn is(&self, word: &str) -> bool {
        self.tokens.get(self.at).is_some_and(|t| t.is(word))
    }

    fn is_text(&self, text: &str) -> bool {
        self.tokens.get(self.at).is_some_and(|t| t.text == text)
    }

    fn eat(&mut self, word: &str) -> bool {
        let found = self.is(word);
        self.at += usize::from(found);
        found
    }

    fn eat_text(&mut self, text: &str) -> bool {
        let found = self.is_text(text);
        self.at += usize::from(found);
        found
    }

    fn name(&mut self) -> Option<String> {
        let name = self.tokens.get(self.at).map(Token::name);
        self.at += 1;
        name
    }

    /// Over brackets; what they hold.
    fn brackets(&mut self) -> Option<String> {
        let open = *self.tokens.get(self.at).filter(|t| t.text == "(")?;
        let mut depth = 0_i32;
        while let Some(token) = self.tokens.get(self.at) {
            self.at += 1;
            match token.text {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Some(self.sql[open.to..token.from].trim().to_owned());
            }
        }
        None
    }

    /// Names in brackets.
    fn names(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        if self.eat_text("(") {
            while self.at < self.tokens.len() && !self.eat_text(")") {
                if !self.eat_text(",") {
                    names.extend(self.name());
                }
            }
        }
        names
    }

    /// A column or a constraint of the table, up to the comma behind it.
    fn item(&mut self, read: &mut Clauses) {
        let words = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];
        let column = if words.iter().any(|word| self.is(word)) {
            None
        } else {
            self.name().map(|name| ColumnText { name, ..ColumnText::default() })
        };
        let mut column = column;
        let mut name = None;
        while self.at < self.tokens.len() && !self.is_text(",") && !self.is_text(")") {
            if self.eat("CONSTRAINT") {
                name = self.name();
            } else if self.eat("CHECK") {
                if let Some(condition) = self.brackets() {
                    read.checks.push((name.take(), condition));
                }
            } else if self.eat("UNIQUE") {
                read.uniques.push(name.take());
            } else if self.eat("FOREIGN") {
                self.eat("KEY");
                let columns = self.names();
                if self.eat("REFERENCES") {
                    let reference = self.reference(name.take(), columns);
                    read.references.push(reference);
                }
            } else if self.eat("REFERENCES") {
                let columns = column.iter().map(|c| c.name.clone()).collect();
                let reference = self.reference(name.take(), columns);
                read.references.push(reference);
            } else if self.eat("COLLATE") {
                let collation = self.name();
                if let Some(column) = &mut column {
                    column.collation = collation;
                }
            } else if self.eat("DEFAULT") {
                if self.brackets().is_none() {
                    self.at += 1;
                }
            } else if self.is("AS") && column.is_some() {
                self.at += 1;
                let expression = self.brackets();
                if let Some(column) = &mut column {
                    column.generated = expression;
                }
            } else if self.is_text("(") {
                self.brackets();
            } else {
                self.at += 1;
            }
        }
        read.columns.extend(column);
    }

    /// What follows REFERENCES.
    fn reference(&mut self, name: Option<String>, columns: Vec<String>) -> Reference {
        let table = self.name().unwrap_or_default();
        let referenced = self.names();
        let mut reference = Reference { name, columns, table, referenced, ..Reference::default() };
        loop {
            if self.eat("ON") {
                let deletes = self.is("DELETE");
                self.at += 1;
                let first = self.tokens.get(self.at).map(|t| t.text).unwrap_or_default();
                let second = self.tokens.get(self.at + 1).map(|t| t.text).unwrap_or_default();
                let two = ReferentialAction::parse(&format!("{first} {second}"));
                self.at += if two.is_some() { 2 } else { 1 };
                let action = two.or_else(|| ReferentialAction::parse(first)).unwrap_or_default();
                if deletes {
                    reference.on_delete = action;
                } else {
                    reference.on_update = action;
                }
            } else if self.eat("MATCH") {
                reference.attributes.extend(self.name().map(|name| format!("MATCH {name}")));
            } else if self.is("DEFERRABLE")
                || self.is("NOT")
                    && self.tokens.get(self.at + 1).is_some_and(|t| t.is("DEFERRABLE"))
            {
                let not = if self.eat("NOT") { "NOT " } else { "" };
                self.at += 1;
                let mut words = format!("{not}DEFERRABLE");
                if self.eat("INITIALLY") {
                    let when = self.name().unwrap_or_default().to_ascii_uppercase();
                    words.push_str(&format!(" INITIALLY {when}"));
                }
                reference.attributes.push(words);
            } else {
                return reference;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_of_generated_columns_are_found() {
        let sql = "CREATE TABLE t (a INT DEFAULT (1), \"b c\" INT GENERATED ALWAYS AS (a * (2 + 1)) STORED, d AS (')'), e TEXT CHECK (e <> 'd AS (x)'))";
        let read = Clauses::read(sql);
        let generated = |name: &str| read.column(name).and_then(|c| c.generated.clone());
        assert_eq!(generated("b c").as_deref(), Some("a * (2 + 1)"));
        assert_eq!(generated("D").as_deref(), Some("')'"));
        assert_eq!((generated("a"), generated("e")), (None, None));
        assert_eq!(read.checks, [(None, "e <> 'd AS (x)'".to_owned())]);
    }

    #[test]
    fn constraints_collations_and_options_are_found() {
        let read = Clauses::read(
            "CREATE TABLE t(a TEXT COLLATE NOCASE NOT NULL CONSTRAINT \"long \"\"a\" CHECK(length(a) > (1)) UNIQUE,
               b INT DEFAULT -1 REFERENCES p ON DELETE SET NULL NOT DEFERRABLE, c INT CHECK (c) DEFAULT (x'00'),
               PRIMARY KEY (a, b), CONSTRAINT u UNIQUE (b, c) CHECK (a <> 'CHECK') -- no comma
               CONSTRAINT f FOREIGN KEY (b, c) REFERENCES [the p](x, \"y z\") ON UPDATE CASCADE MATCH FULL
                 DEFERRABLE INITIALLY deferred) /* x */ STRICT , WITHOUT rowid",
        );
        assert_eq!(read.column("a").unwrap().collation.as_deref(), Some("NOCASE"));
        let checks: Vec<_> = read.checks.iter().map(|(n, c)| (n.as_deref(), c.as_str())).collect();
        assert_eq!(
            checks,
            [(Some("long \"a"), "length(a) > (1)"), (None, "c"), (None, "a <> 'CHECK'")]
        );
        assert_eq!(read.uniques, [None, Some("u".to_owned())]);
        assert_eq!(read.options, "STRICT, WITHOUT rowid");
        let [one, two] = read.references.as_slice() else { panic!("{:?}", read.references) };
        assert_eq!((one.table.as_str(), one.on_delete), ("p", ReferentialAction::SetNull));
        assert_eq!(one.attributes, ["NOT DEFERRABLE"]);
        assert_eq!((two.name.as_deref(), two.table.as_str()), (Some("f"), "the p"));
        assert_eq!(two.columns, ["b", "c"]);
        assert_eq!(two.referenced, ["x", "y z"]);
        assert_eq!(two.on_update, ReferentialAction::Cascade);
        assert_eq!(two.attributes, ["MATCH FULL", "DEFERRABLE INITIALLY DEFERRED"]);
        assert_eq!(Clauses::read("CREATE VIEW v AS SELECT 1"), Clauses::default());
    }
}
