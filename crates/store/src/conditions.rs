//! Conditions of a statement that is put together as it is asked for, with their parameters.

use syncline_types::RunState;

use crate::database::Value;

/// Conditions of a statement with their parameters.
#[derive(Default)]
pub(crate) struct Conditions {
    pub(crate) sql: Vec<String>,
    pub(crate) values: Vec<Value>,
}

impl Conditions {
    /// Adds a condition in which `?` stands for the parameter, wherever it is.
    pub(crate) fn add(&mut self, sql: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        self.sql.push(sql.replace('?', &format!("${}", self.values.len())));
    }

    /// Adds that a column holds one of some texts.
    pub(crate) fn among(&mut self, column: &str, texts: &[String]) {
        let mut places = Vec::with_capacity(texts.len());
        for text in texts {
            self.values.push(Value::from(text));
            places.push(format!("${}", self.values.len()));
        }
        self.sql.push(match places.is_empty() {
            true => "1 = 0".to_owned(),
            false => format!("{column} IN ({})", places.join(", ")),
        });
    }

    /// Adds that what this gives is one of some states; any is when there are none.
    pub(crate) fn in_states(&mut self, state: &str, states: &[RunState]) {
        if !states.is_empty() {
            // Names of our own, which need no quoting.
            let names: Vec<String> = states.iter().map(|s| format!("'{}'", s.name())).collect();
            self.sql.push(format!("{state} IN ({})", names.join(", ")));
        }
    }

    /// All of them together; what always holds where there are none.
    pub(crate) fn all(&self) -> String {
        match self.sql.is_empty() {
            true => "1 = 1".to_owned(),
            false => self.sql.join(" AND "),
        }
    }
}

/// The LIKE pattern, with `!` as its escape, of texts that contain this one in any case of ASCII: of
/// other letters, `lower` knows none, in SQLite and under the collation of our columns in PostgreSQL.
pub(crate) fn containing(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    format!("%{}%", text.replace('!', "!!").replace('%', "!%").replace('_', "!_"))
}
