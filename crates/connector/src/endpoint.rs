//! Where a store is: URLs, files, hosts, and secrets that are never shown.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use syncline_types::{Code, Error, Result};

/// A text that no output shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// One address of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Name or address, without brackets.
    pub host: String,
    /// Port, when given.
    pub port: Option<u16>,
}

/// A store's address, taken apart. Written out, it is without its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// What comes before `:`; `file` for a path or `-`.
    pub scheme: String,
    /// Servers, in the order given. Empty for files.
    pub hosts: Vec<Host>,
    /// User name.
    pub user: Option<String>,
    /// Password.
    #[serde(skip)]
    pub password: Option<Secret>,
    /// Database name, or the path of a file, as typed.
    pub path: String,
    /// What comes after `?`.
    pub options: BTreeMap<String, String>,
}

impl Endpoint {
    /// Reads a URL or a path. `$VAR` as the password is read from the environment.
    ///
    /// # Errors
    /// [`Code::BadUrl`], [`Code::SecretMissing`].
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_with(text, |name| std::env::var(name).ok())
    }

    /// As [`Endpoint::parse`], with the environment given.
    ///
    /// # Errors
    /// As [`Endpoint::parse`].
    pub fn parse_with(text: &str, env: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let (base, options) = split_options(text)?;
        let Some((scheme, rest)) = split_scheme(base) else {
            if base.is_empty() {
                return Err(Error::new(Code::BadUrl, "the address of a store is empty"));
            }
            return Ok(Self::bare("file", base, options));
        };
        let scheme = scheme.to_ascii_lowercase();
        let Some(rest) = rest.strip_prefix("//") else {
            return Ok(Self::bare(&scheme, rest, options));
        };
        if scheme == "file" || scheme == "sqlite" {
            return Ok(Self::bare(&scheme, &decode(rest)?, options));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (userinfo, hosts) = match authority.rsplit_once('@') {
            Some((userinfo, hosts)) => (Some(userinfo), hosts),
            None => (None, authority),
        };
        let (user, password) = match userinfo.map(|u| u.split_once(':').unwrap_or((u, ""))) {
            None => (None, None),
            Some((user, password)) => (Some(decode(user)?), read_password(password, env)?),
        };
        let hosts = hosts.split(',').filter(|h| !h.is_empty()).map(parse_host);
        Ok(Self {
            scheme,
            hosts: hosts.collect::<Result<_>>()?,
            user: user.filter(|u| !u.is_empty()),
            password,
            path: decode(path)?,
            options,
        })
    }

    fn bare(scheme: &str, path: &str, options: BTreeMap<String, String>) -> Self {
        Self {
            scheme: scheme.to_owned(),
            hosts: Vec::new(),
            user: None,
            password: None,
            path: path.to_owned(),
            options,
        }
    }

    /// The address for people and logs: no password, no options.
    pub fn redacted(&self) -> String {
        if self.hosts.is_empty() {
            let prefix =
                if self.scheme == "file" { String::new() } else { format!("{}:", self.scheme) };
            return format!("{prefix}{}", self.path);
        }
        let user = self.user.as_ref().map(|u| format!("{u}@")).unwrap_or_default();
        let hosts: Vec<String> = self
            .hosts
            .iter()
            .map(|h| {
                let name =
                    if h.host.contains(':') { format!("[{}]", h.host) } else { h.host.clone() };
                h.port.map(|p| format!("{name}:{p}")).unwrap_or(name)
            })
            .collect();
        let slash = if self.path.is_empty() { "" } else { "/" };
        format!("{}://{user}{}{slash}{}", self.scheme, hosts.join(","), self.path)
    }

    /// The first host, or `default`.
    pub fn host_or<'a>(&'a self, default: &'a str) -> &'a str {
        self.hosts.first().map_or(default, |h| h.host.as_str())
    }

    /// The first host's port, or `default`.
    pub fn port_or(&self, default: u16) -> u16 {
        self.hosts.first().and_then(|h| h.port).unwrap_or(default)
    }
}

/// Cuts `?key=value&…` off; a `?` that no key follows belongs to the path (a glob).
fn split_options(text: &str) -> Result<(&str, BTreeMap<String, String>)> {
    let begins_key = |rest: &str| {
        rest.split_once('=').is_some_and(|(key, _)| {
            !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        })
    };
    let Some(at) = text.match_indices('?').map(|(i, _)| i).find(|i| begins_key(&text[i + 1..]))
    else {
        return Ok((text, BTreeMap::new()));
    };
    let mut options = BTreeMap::new();
    for pair in text[at + 1..].split('&').filter(|p| !p.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if options.insert(decode(key)?, decode(value)?).is_some() {
            return Err(Error::new(Code::BadUrl, format!("option {key:?} is given twice")));
        }
    }
    Ok((&text[..at], options))
}

/// `scheme:` at the front, where a scheme has two characters or more (`c:` is a drive).
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let valid = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'-');
    valid.then_some((scheme, rest))
}

fn parse_host(text: &str) -> Result<Host> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        None | Some("") => None,
        Some(port) => Some(port.parse().map_err(|_| {
            Error::new(Code::BadUrl, format!("{port:?} is not a port"))
                .hint("write @ and : in a user name or password as %40 and %3A")
        })?),
    };
    Ok(Host { host: decode(host)?, port })
}

fn read_password(text: &str, env: impl Fn(&str) -> Option<String>) -> Result<Option<Secret>> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.strip_prefix('$') {
        None => Ok(Some(Secret::new(decode(text)?))),
        Some(name) => match env(name) {
            Some(value) => Ok(Some(Secret::new(value))),
            None => Err(Error::new(
                Code::SecretMissing,
                format!("the password is to come from ${name}, which is not set"),
            )
            .hint(format!("export {name}=…, or write a $ in a password as %24"))),
        },
    }
}

/// Undoes percent-encoding.
fn decode(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'%').then(|| after.get(..2)).flatten();
        match hex.and_then(|h| u8::from_str_radix(std::str::from_utf8(h).ok()?, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes)
        .map_err(|_| Error::new(Code::BadUrl, format!("{text:?} is not UTF-8 once decoded")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Endpoint {
        Endpoint::parse_with(text, |name| (name == "PW").then(|| "s3cret".into())).unwrap()
    }

    #[test]
    fn server_urls_are_taken_apart() {
        let e = parse("MySQL://us%40er:p%2Fw@db1:3307,[::1]/shop?tls=required&socket=%2Ftmp%2Fs");
        assert_eq!(e.scheme, "mysql");
        assert_eq!(e.user.as_deref(), Some("us@er"));
        assert_eq!(e.password.as_ref().map(Secret::expose), Some("p/w"));
        assert_eq!((e.host_or(""), e.port_or(0)), ("db1", 3307));
        assert_eq!(e.hosts[1], Host { host: "::1".into(), port: None });
        assert_eq!(e.path, "shop");
        assert_eq!(e.options["socket"], "/tmp/s");
        assert_eq!(e.redacted(), "mysql://us@er@db1:3307,[::1]/shop");
    }

    #[test]
    fn passwords_come_from_the_environment_and_are_never_shown() {
        let e = parse("postgres://u:$PW@h/db");
        assert_eq!(e.password.as_ref().map(Secret::expose), Some("s3cret"));
        assert!(!format!("{e:?} {}", e.redacted()).contains("s3cret"));
        let missing = Endpoint::parse_with("postgres://u:$NO@h/db", |_| None).unwrap_err();
        assert_eq!(missing.code(), Code::SecretMissing);
    }

    #[test]
    fn paths_and_globs_are_files() {
        assert_eq!(parse("data/*.csv.gz").path, "data/*.csv.gz");
        assert_eq!(parse("-").path, "-");
        let e = parse(r"data/?.csv?delimiter=;&null=\N");
        assert_eq!((e.scheme.as_str(), e.path.as_str()), ("file", "data/?.csv"));
        assert_eq!(e.options["delimiter"], ";");
        assert_eq!(e.options["null"], r"\N");
        let e = parse("sqlite:flights.db");
        assert_eq!((e.scheme.as_str(), e.path.as_str()), ("sqlite", "flights.db"));
        assert_eq!(parse("sqlite:///abs/x.db").path, "/abs/x.db");
    }

    #[test]
    fn bad_addresses_are_refused() {
        for text in ["", "mysql://h:99999/db", "mysql://h/db?a=1&a=2"] {
            assert_eq!(Endpoint::parse(text).unwrap_err().code(), Code::BadUrl, "{text}");
        }
    }
}
