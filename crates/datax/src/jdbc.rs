//! JDBC addresses as ours: `jdbc:mysql://h1:3306,h2:3306/db?useSSL=false`.

use syncline_types::{Code, Error, Result};

use crate::keys::Node;

/// Which store an address is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Mysql,
    Postgres,
    Sqlite,
}

/// An address taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) kind: Kind,
    /// `host:port`, as many as there are.
    hosts: Vec<String>,
    database: String,
    options: Vec<(&'static str, String)>,
    /// Zero dates are to become NULL, as the driver would do it.
    pub(crate) zero_dates_are_null: bool,
}

/// Driver settings that have to do with the driver alone.
const HARMLESS: &[&str] = &[
    "allowmultiqueries",
    "allowpublickeyretrieval",
    "applicationname",
    "autoreconnect",
    "autoreconnectforpools",
    "cacheprepstmts",
    "characterencoding",
    "connecttimeout",
    "defaultfetchsize",
    "defaultrowfetchsize",
    "failoverreadonly",
    "logintimeout",
    "maxallowedpacket",
    "maxreconnects",
    "nettimeoutforstreamingresults",
    "prepstmtcachesize",
    "prepstmtcachesqllimit",
    "preparethreshold",
    "readonly",
    "rewritebatchedinserts",
    "rewritebatchedstatements",
    "sockettimeout",
    "stringtype",
    "targetservertype",
    "tcpkeepalive",
    "tcpnodelay",
    "tinyint1isbit",
    "usecompression",
    "useconfigs",
    "usecursorfetch",
    "uselocalsessionstate",
    "useoldaliasmetadatabehavior",
    "useserverprepstmts",
    "usetimezone",
    "useunicode",
    "yearisdatetype",
];

impl Address {
    pub(crate) fn parse(node: &Node<'_>, notes: &mut Vec<String>) -> Result<Self> {
        let text = node.text()?;
        let text = text.trim();
        let refuse = |why: &str| {
            Error::new(Code::BadUrl, format!("{}: {}: {why}", node.place, hidden(text)))
                .hint("jdbc:mysql://host:port/db, jdbc:postgresql://host:port/db, jdbc:sqlite:path")
        };
        let rest = text.strip_prefix("jdbc:").ok_or_else(|| refuse("no JDBC address"))?;
        let (scheme, rest) = rest.split_once(':').ok_or_else(|| refuse("no JDBC address"))?;
        let kind = match scheme.to_ascii_lowercase().as_str() {
            "mysql" | "mariadb" => Kind::Mysql,
            "postgresql" => Kind::Postgres,
            "sqlite" => Kind::Sqlite,
            other => {
                let message = format!("{}: no connector for jdbc:{other}:", node.place);
                return Err(Error::new(Code::UnknownConnector, message));
            }
        };
        let (base, settings) = rest.split_once('?').unwrap_or((rest, ""));
        let mut address = Self {
            kind,
            hosts: Vec::new(),
            database: base.to_owned(),
            options: Vec::new(),
            zero_dates_are_null: false,
        };
        if kind != Kind::Sqlite {
            let rest = base.strip_prefix("//").ok_or_else(|| refuse("// is missing"))?;
            let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
            if hosts.contains(['(', '@']) {
                return Err(refuse("only hosts and ports are read between // and /"));
            }
            address.hosts =
                hosts.split(',').map(str::trim).filter(|h| !h.is_empty()).map(Into::into).collect();
            address.database = database.to_owned();
        }
        for setting in settings.split(['&', ';']).filter(|s| !s.is_empty()) {
            let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
            address.setting(key, value, node, notes)?;
        }
        Ok(address)
    }

    fn setting(
        &mut self,
        key: &str,
        value: &str,
        node: &Node<'_>,
        notes: &mut Vec<String>,
    ) -> Result<()> {
        let lower = key.to_ascii_lowercase();
        let value_lower = value.to_ascii_lowercase();
        match (self.kind, lower.as_str()) {
            (Kind::Mysql, "usessl") => {
                let tls = if value_lower == "true" { "preferred" } else { "disabled" };
                self.option("tls", tls);
            }
            (Kind::Mysql, "requiressl") if value_lower == "true" => self.option("tls", "required"),
            (Kind::Mysql, "requiressl" | "verifyservercertificate") => {}
            (Kind::Mysql, "sslmode") => {
                let tls = value_lower.replace('_', "-");
                self.option("tls", &tls);
            }
            (Kind::Mysql, "zerodatetimebehavior") => {
                self.zero_dates_are_null = value_lower.replace('_', "") == "converttonull";
            }
            // Times travel without the session's zone.
            (Kind::Mysql, "servertimezone" | "connectiontimezone") => notes.push(format!(
                "{}: {key} has no effect: datetimes are taken as they are, timestamps as instants",
                node.place
            )),
            (Kind::Postgres, "currentschema") => {
                let first = value.split(',').next().unwrap_or(value);
                self.option("schema", first);
            }
            (Kind::Postgres, "ssl") if value_lower == "true" => self.option("sslmode", "require"),
            (Kind::Postgres, "ssl") => {}
            (Kind::Postgres, "sslmode") => self.option("sslmode", &value_lower),
            (Kind::Postgres, "sslrootcert") => self.option("sslrootcert", value),
            _ if HARMLESS.contains(&lower.as_str()) => {}
            _ => {
                let message = format!("{}: the setting {key:?} is not supported", node.place);
                return Err(Error::new(Code::UnknownKey, message)
                    .hint("leave it out of the address if the job does not need it"));
            }
        }
        Ok(())
    }

    fn option(&mut self, key: &'static str, value: &str) {
        self.options.retain(|(known, _)| *known != key);
        self.options.push((key, value.to_owned()));
    }

    /// Statements that every connection runs first.
    pub(crate) fn session(&mut self, statements: &[String], node: &Node<'_>) -> Result<()> {
        if statements.is_empty() {
            return Ok(());
        }
        if self.kind == Kind::Sqlite {
            return Err(node.wrong("SQLite has no sessions"));
        }
        let lines: Vec<String> = statements.iter().map(|s| s.replace('\n', " ")).collect();
        self.option("session", &lines.join("\n"));
        Ok(())
    }

    /// Several addresses of one database, tried in turn, as one.
    pub(crate) fn join(mut self, others: Vec<Address>, node: &Node<'_>) -> Result<Self> {
        for other in others {
            if other.kind != self.kind || other.database != self.database {
                return Err(node.wrong("addresses to choose from must be of the same database"));
            }
            let new = other.hosts.into_iter().filter(|h| !self.hosts.contains(h));
            let new: Vec<String> = new.collect();
            self.hosts.extend(new);
        }
        Ok(self)
    }

    /// Our URL, without the password.
    pub(crate) fn url(&self, user: Option<&str>) -> String {
        if self.kind == Kind::Sqlite {
            return format!("sqlite:{}", self.database);
        }
        let scheme = if self.kind == Kind::Mysql { "mysql" } else { "postgres" };
        let user = user.map(|u| format!("{}@", encode(u))).unwrap_or_default();
        let mut url = format!("{scheme}://{user}{}/{}", self.hosts.join(","), self.database);
        let mut mark = '?';
        for (key, value) in &self.options {
            url.push_str(&format!("{mark}{key}={}", encode(value)));
            mark = '&';
        }
        url
    }
}

/// An address in a message: without its settings, which may hold a password.
fn hidden(text: &str) -> &str {
    text.split('?').next().unwrap_or(text)
}

/// Everything but what is plain in every part of a URL, as `%XX`.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn parse(text: &str) -> Result<Address> {
        Address::parse(&Node::new(&Value::from(text), "jdbcUrl"), &mut Vec::new())
    }

    #[test]
    fn addresses_become_ours() {
        let url = |text: &str| parse(text).unwrap().url(Some("me@x"));
        assert_eq!(
            url(
                "jdbc:mysql://10.0.0.1:3306/shop?useUnicode=true&characterEncoding=utf8&useSSL=false"
            ),
            "mysql://me%40x@10.0.0.1:3306/shop?tls=disabled"
        );
        assert_eq!(url("jdbc:mysql://a:1,b:2/shop"), "mysql://me%40x@a:1,b:2/shop");
        assert_eq!(
            url("jdbc:postgresql://h/db?currentSchema=s,public&ssl=true"),
            "postgres://me%40x@h/db?schema=s&sslmode=require"
        );
        assert_eq!(url("jdbc:sqlite:/data/a.db"), "sqlite:/data/a.db");
        assert!(
            parse("jdbc:mysql://h/d?zeroDateTimeBehavior=convertToNull")
                .unwrap()
                .zero_dates_are_null
        );
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        let code = |text: &str| parse(text).unwrap_err().code();
        assert_eq!(code("jdbc:oracle:thin:@h:1521:x"), Code::UnknownConnector);
        assert_eq!(code("mysql://h/d"), Code::BadUrl);
        assert_eq!(code("jdbc:mysql:h/d"), Code::BadUrl);
        let error = parse("jdbc:mysql://h/d?password=secret&queryInterceptors=x").unwrap_err();
        assert_eq!(error.code(), Code::UnknownKey);
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
