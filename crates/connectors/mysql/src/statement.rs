//! SHOW CREATE TABLE, taken apart: the one place where a server says all it knows of a table, in
//! words that it takes back.

use syncline_types::{
    Check, ForeignKey, Generated, Index, IndexPart, NativeSql, ReferentialAction, TableName,
};

use crate::native::STORE;
use crate::words::{Kind, Word, items, words};

/// The parts of a statement that makes a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Statement<'a> {
    pub(crate) columns: Vec<Line<'a>>,
    /// The primary key's whole line, and its columns.
    pub(crate) primary: Option<(&'a str, Vec<IndexPart>)>,
    pub(crate) keys: Vec<KeyLine<'a>>,
    pub(crate) foreign_keys: Vec<ForeignKey>,
    pub(crate) checks: Vec<(&'a str, Check)>,
    /// `PERIOD FOR …`, and whatever else is neither column nor key.
    pub(crate) others: Vec<&'a str>,
    /// All after the closing parenthesis, without counter, comment and partitions.
    pub(crate) options: String,
    /// `PARTITION BY …`
    pub(crate) partitioning: Option<&'a str>,
}

/// A column's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) name: String,
    /// The whole line.
    pub(crate) text: &'a str,
    /// The type, without character set.
    pub(crate) native: &'a str,
    /// The default, word for word.
    pub(crate) default: Option<&'a str>,
    pub(crate) generated: Option<Generated>,
    /// The condition of the column's own CHECK (MariaDB).
    pub(crate) check: Option<&'a str>,
    /// What has no other place: `INVISIBLE`, `ON UPDATE current_timestamp()`.
    pub(crate) attributes: Vec<&'a str>,
}

/// A secondary key's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyLine<'a> {
    pub(crate) text: &'a str,
    /// The same, with a definition where the parts do not say it all.
    pub(crate) index: Index,
}

impl<'a> Statement<'a> {
    /// Takes `CREATE TABLE …` apart; `None` for anything else. `unsaid` is what a foreign key does
    /// that does not say what it does.
    pub(crate) fn parse(sql: &'a str, unsaid: ReferentialAction) -> Option<Self> {
        let all = words(sql);
        let start = all.iter().position(|w| w.is("CREATE"))?;
        if !all[start..].iter().take(3).any(|w| w.is("TABLE")) {
            return None;
        }
        let body = all.iter().find(|w| w.kind == Kind::Group)?;
        let mut statement = Self::default();
        for item in items(body.inside()) {
            statement.take(item, unsaid);
        }
        let tail = &sql[body.end()..];
        let words = words(tail);
        let by = words.windows(2).find(|w| w[0].is("PARTITION") && w[1].is("BY"));
        let end = by.map_or(tail.len(), |w| w[0].at);
        statement.partitioning = by.map(|w| {
            let clause = tail[w[0].at..].trim();
            clause.strip_suffix("*/").map_or(clause, str::trim)
        });
        statement.options = options(&tail[..end]);
        Some(statement)
    }

    fn take(&mut self, text: &'a str, unsaid: ReferentialAction) {
        let words = words(text);
        let Some(first) = words.first() else { return };
        if first.kind == Kind::Name {
            self.columns.push(line(text, &words));
            return;
        }
        let named = first.is("CONSTRAINT");
        let rest = if named { words.get(2..).unwrap_or_default() } else { &words[..] };
        let name = || words.get(1).filter(|_| named).map(Word::value);
        let group = rest.iter().find(|w| w.kind == Kind::Group);
        match (rest.first(), group) {
            (Some(word), Some(group)) if word.is("PRIMARY") => {
                self.primary = Some((text, parts(group.inside()).0));
            }
            (Some(word), Some(_)) if word.is("FOREIGN") => {
                self.foreign_keys.extend(foreign_key(name().unwrap_or_default(), rest, unsaid));
            }
            (Some(word), Some(group)) if word.is("CHECK") => {
                let enforced = !rest.windows(2).any(|w| w[0].is("NOT") && w[1].is("ENFORCED"));
                let condition = NativeSql::new(STORE, bare(group.inside()));
                self.checks.push((text, Check { name: name(), condition, enforced }));
            }
            (Some(_), Some(group)) if rest.iter().any(|w| w.is("KEY")) => {
                let index = index(text, rest, group);
                self.keys.push(KeyLine { text, index });
            }
            _ => self.others.push(text),
        }
    }
}

/// Without parentheses that stand around all of it.
fn bare(expression: &str) -> &str {
    let words = words(expression);
    match words.as_slice() {
        [one] if one.kind == Kind::Group => one.inside(),
        _ => expression,
    }
}

fn line<'a>(text: &'a str, words: &[Word<'a>]) -> Line<'a> {
    let mut line = Line {
        name: words[0].value(),
        text,
        native: "",
        default: None,
        generated: None,
        check: None,
        attributes: Vec::new(),
    };
    // The type: a word, its arguments, and what belongs to them.
    let mut at = 2;
    while words.get(at).is_some_and(|w| {
        w.kind == Kind::Group
            || ["unsigned", "zerofill", "COMPRESSED", "precision"].iter().any(|t| w.is(t))
    }) {
        at += 1;
    }
    let span = |from: usize, to: usize| &text[words[from].at..words[to - 1].end()];
    at = at.min(words.len());
    line.native = if at > 1 { span(1, at) } else { "" };
    while let Some(word) = words.get(at) {
        let is = |n: usize, keyword: &str| words.get(at + n).is_some_and(|w| w.is(keyword));
        // An expression with a function's arguments, an introducer or a qualified name.
        let value = |from: usize| {
            let mut to = from + 1;
            while words.get(to).is_some_and(|w| {
                let last = &words[to - 1];
                let joined = last.end() == w.at && w.kind != Kind::Sign;
                joined || w.text == "." || last.text == "."
            }) {
                to += 1;
            }
            to.min(words.len())
        };
        let next = match () {
            () if is(0, "CHARACTER") && is(1, "SET") => at + 3,
            () if is(0, "COLLATE") => at + 2,
            () if is(0, "NOT") && is(1, "NULL") => at + 2,
            () if is(0, "NULL") || is(0, "AUTO_INCREMENT") => at + 1,
            () if is(0, "COMMENT") => at + 2,
            // The type's own, which the catalog has.
            () if is(0, "SRID") => at + 2,
            () if is(0, "DEFAULT") && at + 1 < words.len() => {
                let to = value(at + 1);
                line.default = Some(span(at + 1, to));
                to
            }
            () if is(0, "ON") && is(1, "UPDATE") && at + 2 < words.len() => {
                let to = value(at + 2);
                line.attributes.push(span(at, to));
                to
            }
            () if is(0, "GENERATED") => generated(&mut line, words, at),
            () if is(0, "CHECK") && at + 1 < words.len() => {
                line.check = Some(words[at + 1].inside());
                at + 2
            }
            () if is(0, "WITHOUT") || is(0, "WITH") => {
                let to = (at + 3).min(words.len());
                line.attributes.push(span(at, to));
                to
            }
            () if is(0, "STORAGE")
                || is(0, "COLUMN_FORMAT")
                || is(0, "ENGINE_ATTRIBUTE")
                || is(0, "SECONDARY_ENGINE_ATTRIBUTE") =>
            {
                let to = (at
                    + if words.get(at + 1).is_some_and(|w| w.text == "=") { 3 } else { 2 })
                .min(words.len());
                line.attributes.push(span(at, to));
                to
            }
            // An attribute of the engine: `name`=value.
            () if words.get(at + 1).is_some_and(|w| w.text == "=") => {
                let to = (at + 3).min(words.len());
                line.attributes.push(span(at, to));
                to
            }
            () => {
                line.attributes.push(word.text);
                at + 1
            }
        };
        at = next;
    }
    line
}

/// `GENERATED ALWAYS AS (…) STORED`, or `AS ROW START`; gives what stands behind.
fn generated<'a>(line: &mut Line<'a>, words: &[Word<'a>], at: usize) -> usize {
    let Some(by) = (at..words.len()).find(|n| words[*n].is("AS")) else { return words.len() };
    let Some(what) = words.get(by + 1) else { return words.len() };
    if what.kind != Kind::Group {
        // MariaDB's own columns of a table with history.
        let sql = format!("ROW {}", words.get(by + 2).map_or("START", |w| w.text));
        line.generated = Some(Generated { expression: NativeSql::new(STORE, sql), stored: true });
        return (by + 3).min(words.len());
    }
    let kind = words
        .get(by + 2)
        .filter(|w| ["STORED", "PERSISTENT", "VIRTUAL"].iter().any(|keyword| w.is(keyword)));
    let stored = kind.is_some_and(|w| !w.is("VIRTUAL"));
    let expression = NativeSql::new(STORE, bare(what.inside()));
    line.generated = Some(Generated { expression, stored });
    by + 2 + usize::from(kind.is_some())
}

/// The columns of a key, and whether they say all of what is between its parentheses.
fn parts(inside: &str) -> (Vec<IndexPart>, bool) {
    let mut all = true;
    let mut parts = Vec::new();
    for item in items(inside) {
        let words = words(item);
        match words.first().filter(|w| w.kind == Kind::Name) {
            Some(column) => {
                let group = words.iter().find(|w| w.kind == Kind::Group);
                let known = |w: &Word<'_>| w.kind == Kind::Group || w.is("ASC") || w.is("DESC");
                all &= words[1..].iter().all(known);
                parts.push(IndexPart {
                    column: column.value(),
                    prefix: group.and_then(|g| g.inside().trim().parse().ok()),
                    descending: words.iter().any(|w| w.is("DESC")),
                });
            }
            None => all = false,
        }
    }
    (parts, all)
}

fn index<'a>(text: &'a str, words: &[Word<'a>], group: &Word<'a>) -> Index {
    let name = words.iter().find(|w| w.kind == Kind::Name).map(Word::value).unwrap_or_default();
    let (parts, all) = parts(group.inside());
    let unique = words[0].is("UNIQUE");
    let plain = (unique || words[0].is("KEY")) && group.end() == text.len();
    let definition = (!plain || !all).then(|| NativeSql::new(STORE, text));
    Index { definition, ..Index::new(name, parts, unique) }
}

fn foreign_key(name: String, words: &[Word<'_>], unsaid: ReferentialAction) -> Option<ForeignKey> {
    let names = |group: &Word<'_>| -> Vec<String> {
        items(group.inside()).iter().filter_map(|i| Some(self::words(i).first()?.value())).collect()
    };
    let columns = names(words.iter().find(|w| w.kind == Kind::Group)?);
    let at = words.iter().position(|w| w.is("REFERENCES"))?;
    let rest = &words[at + 1..];
    let group = rest.iter().position(|w| w.kind == Kind::Group)?;
    let mut path: Vec<String> =
        rest[..group].iter().filter(|w| w.kind == Kind::Name).map(Word::value).collect();
    let references = TableName { name: path.pop()?, schema: path.pop() };
    let action = |on: &str| -> ReferentialAction {
        let at = rest.windows(2).position(|w| w[0].is("ON") && w[1].is(on));
        let Some(words) = at.map(|at| &rest[at + 2..]) else {
            return unsaid;
        };
        let said: Vec<&str> = words.iter().take(2).map(|w| w.text).collect();
        said.first()
            .and_then(|one| ReferentialAction::parse(one))
            .or_else(|| ReferentialAction::parse(&said.join(" ")))
            .unwrap_or_default()
    };
    Some(ForeignKey {
        name,
        columns,
        references,
        referenced: names(&rest[group]),
        on_delete: action("DELETE"),
        on_update: action("UPDATE"),
        attributes: None,
    })
}

/// The options without counter and comment, which have places of their own.
fn options(tail: &str) -> String {
    let words = words(tail);
    let mut out = String::new();
    let mut from = 0;
    for trio in words.windows(3) {
        if trio[1].text == "=" && (trio[0].is("AUTO_INCREMENT") || trio[0].is("COMMENT")) {
            out.push_str(tail[from..trio[0].at].trim_end());
            from = trio[2].end();
        }
    }
    out.push_str(&tail[from..]);
    // What opened a comment around the partitions is left open.
    let out = out.trim();
    match out.rfind("/*") {
        Some(at) if !out[at..].contains("*/") => out[..at].trim_end().to_owned(),
        _ => out.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARIA: &str = "CREATE TABLE `o` (
  `a``b` int(11) NOT NULL COMMENT 'x''y\\\\z\\n\"q\"',
  `new
line` varchar(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT 'it''s\\\\n',
  `e` enum('a,b','x''y',')') DEFAULT ')',
  `t` timestamp(3) NULL DEFAULT current_timestamp(3) ON UPDATE current_timestamp(3),
  `ck` int(11) DEFAULT NULL CHECK (`ck` > 0),
  `g` int(11) GENERATED ALWAYS AS (`ck` + 1) STORED COMMENT 'c' INVISIBLE,
  `s` int(11) DEFAULT nextval(`db`.`seq`),
  `w` varchar(9) /*M!100301 COMPRESSED*/ DEFAULT NULL,
  `v` int(11) WITHOUT SYSTEM VERSIONING,
  `rs` timestamp(6) GENERATED ALWAYS AS ROW START,
  PRIMARY KEY (`a``b`) USING BTREE COMMENT 'pk',
  UNIQUE KEY `u` (`ck`,`e`(3) DESC),
  KEY `x` (`v`) USING BTREE COMMENT 'i',
  FULLTEXT KEY `ft` (`w`),
  CONSTRAINT `f,k` FOREIGN KEY (`ck`, `s`) REFERENCES `db``2`.`p` (`x`, `y`) ON DELETE SET NULL ON UPDATE NO ACTION,
  CONSTRAINT `named` CHECK (`ck` < 5 or `v` <> 'a\\')'),
  PERIOD FOR SYSTEM_TIME (`rs`, `re`)
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci COMMENT='t''c' WITH SYSTEM VERSIONING
 PARTITION BY KEY (`a``b`)
PARTITIONS 3";

    #[test]
    fn a_table_of_mariadb_is_taken_apart() {
        let s = Statement::parse(MARIA, ReferentialAction::Restrict).unwrap();
        let names: Vec<&str> = s.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["a`b", "new\nline", "e", "t", "ck", "g", "s", "w", "v", "rs"]);
        assert_eq!(s.columns[1].default, Some("'it''s\\\\n'"));
        assert_eq!(s.columns[3].default, Some("current_timestamp(3)"));
        assert_eq!(s.columns[3].attributes, ["ON UPDATE current_timestamp(3)"]);
        assert_eq!((s.columns[4].default, s.columns[4].check), (Some("NULL"), Some("`ck` > 0")));
        let generated = s.columns[5].generated.as_ref().unwrap();
        assert_eq!((generated.expression.sql.as_str(), generated.stored), ("`ck` + 1", true));
        assert_eq!(s.columns[5].attributes, ["INVISIBLE"]);
        assert_eq!(s.columns[6].default, Some("nextval(`db`.`seq`)"));
        assert_eq!(s.columns[7].attributes, [""; 0]);
        assert_eq!(s.columns[8].attributes, ["WITHOUT SYSTEM VERSIONING"]);
        assert_eq!(s.columns[9].generated.as_ref().unwrap().expression.sql, "ROW START");
        assert_eq!(s.primary.as_ref().unwrap().1[0].column, "a`b");
        assert_eq!(s.keys[0].index.definition, None);
        assert_eq!(s.keys[0].index.parts[1].prefix, Some(3));
        assert!(s.keys[0].index.unique && s.keys[0].index.parts[1].descending);
        let x = s.keys[1].index.definition.as_ref().unwrap();
        assert_eq!(x.sql, "KEY `x` (`v`) USING BTREE COMMENT 'i'");
        assert_eq!(s.keys[2].index.name, "ft");
        let key = &s.foreign_keys[0];
        assert_eq!(key.references, TableName::new("db`2", "p"));
        assert_eq!((key.name.as_str(), key.columns.len(), &*key.referenced[1]), ("f,k", 2, "y"));
        assert_eq!(key.on_delete, ReferentialAction::SetNull);
        assert_eq!(key.on_update, ReferentialAction::NoAction);
        assert_eq!(s.checks[0].1.condition.sql, "`ck` < 5 or `v` <> 'a\\')'");
        assert_eq!(s.others, ["PERIOD FOR SYSTEM_TIME (`rs`, `re`)"]);
        assert_eq!(
            s.options,
            "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci WITH SYSTEM VERSIONING"
        );
        assert_eq!(s.partitioning, Some("PARTITION BY KEY (`a``b`)\nPARTITIONS 3"));
    }

    #[test]
    fn a_table_of_mysql_is_taken_apart() {
        let sql = "CREATE TABLE `g` (
  `a` int DEFAULT '7' /*!80023 INVISIBLE */,
  `c` varchar(20) CHARACTER SET latin1 COLLATE latin1_bin GENERATED ALWAYS AS (concat(_utf8mb4'x\\'',`a`)) VIRTUAL NOT NULL,
  `j` json DEFAULT (_utf8mb4'{}') COMMENT 'x',
  `p` point NOT NULL /*!80003 SRID 4326 */,
  `f` int /*!50606 STORAGE DISK */ /*!50606 COLUMN_FORMAT DYNAMIC */ DEFAULT NULL,
  KEY `e` ((lower(`c`)),`a`),
  KEY `i` (`a`) /*!80000 INVISIBLE */,
  CONSTRAINT `g_chk_1` CHECK ((`a` > 0)) /*!80016 NOT ENFORCED */
) /*!50100 TABLESPACE `ts` */ ENGINE=InnoDB DEFAULT CHARSET=latin1
/*!50100 PARTITION BY RANGE (`a`)
(PARTITION p0 VALUES LESS THAN (10) COMMENT = 'x,y' ENGINE = InnoDB) */";
        let s = Statement::parse(sql, ReferentialAction::NoAction).unwrap();
        assert_eq!(
            (s.columns[0].default, &*s.columns[0].attributes),
            (Some("'7'"), &["INVISIBLE"][..])
        );
        let generated = s.columns[1].generated.as_ref().unwrap();
        assert_eq!(generated.expression.sql, "concat(_utf8mb4'x\\'',`a`)");
        assert!(!generated.stored && s.columns[1].attributes.is_empty());
        assert_eq!(s.columns[2].default, Some("(_utf8mb4'{}')"));
        assert_eq!(s.columns[3].attributes, [""; 0]);
        assert_eq!(s.columns[4].attributes, ["STORAGE DISK", "COLUMN_FORMAT DYNAMIC"]);
        let e = &s.keys[0].index;
        assert_eq!((e.parts.len(), e.definition.is_some()), (1, true));
        assert!(
            s.keys[1].index.definition.as_ref().unwrap().sql.ends_with("/*!80000 INVISIBLE */")
        );
        let check = &s.checks[0].1;
        assert_eq!((check.condition.sql.as_str(), check.enforced), ("`a` > 0", false));
        assert_eq!(s.options, "/*!50100 TABLESPACE `ts` */ ENGINE=InnoDB DEFAULT CHARSET=latin1");
        let partitions = s.partitioning.unwrap();
        assert!(
            partitions.starts_with("PARTITION BY RANGE (`a`)") && partitions.ends_with("InnoDB)")
        );
    }
}
