//! Where a PostgreSQL database is, read from its URL.

use syncline_tls::{Authorities, Trust};
use syncline_types::{Code, Error, Result};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Where the server is, and how it is talked to.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) config: Config,
    /// `None` where the URL says `sslmode=disable`.
    pub(crate) tls: Option<MakeRustlsConnect>,
}

impl Address {
    /// Reads `postgres://user:password@host:port/database?sslmode=…&sslrootcert=FILE`, with the
    /// modes of `libpq`: `disable`, `prefer`, `require`, `verify-ca`, `verify-full`.
    ///
    /// # Errors
    /// [`Code::BadUrl`], without the URL in its words; [`Code::Tls`].
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut mode = "prefer";
        let mut roots = None;
        let mut others = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("sslmode", value) => mode = value,
                ("sslrootcert", value) => roots = Some(value),
                _ => others.push(pair),
            }
        }
        let authorities = roots.map_or(Authorities::Public, Authorities::File);
        let (plain, trust) = match mode {
            "disable" => (SslMode::Disable, None),
            "prefer" => (SslMode::Prefer, Some(Trust::Anyone)),
            "require" if roots.is_none() => (SslMode::Require, Some(Trust::Anyone)),
            "require" | "verify-ca" => (SslMode::Require, Some(Trust::Authority(authorities))),
            "verify-full" => (SslMode::Require, Some(Trust::Host(authorities))),
            _ => {
                return Err(Error::new(Code::BadUrl, format!("the store: sslmode={mode}"))
                    .hint("one of disable, prefer, require, verify-ca, verify-full"));
            }
        };
        let mut config: Config = format!("{base}?{}", others.join("&"))
            .parse()
            .map_err(|e| Error::new(Code::BadUrl, "the URL of the store").because(e))?;
        config.ssl_mode(plain).application_name("syncline store");
        let tls = trust.map(|trust| syncline_tls::client(trust, None)).transpose()?;
        Ok(Self { config, tls: tls.map(MakeRustlsConnect::new) })
    }

    /// Host, port and database, for people: without user and password.
    pub(crate) fn place(&self) -> String {
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            tokio_postgres::config::Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            tokio_postgres::config::Host::Unix(path) => path.display().to_string(),
        });
        let hosts: Vec<String> = hosts.collect();
        format!("postgres://{}/{}", hosts.join(","), self.config.get_dbname().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_and_its_password_never_shown() {
        let url = "postgres://me:s3cret@db1:5433/state?sslmode=disable&connect_timeout=3";
        let address = Address::parse(url).unwrap();
        assert_eq!(address.place(), "postgres://db1/state");
        assert!(address.tls.is_none());
        assert!(Address::parse("postgres://db1/state").unwrap().tls.is_some());
        for bad in ["postgres://me:s3cret@db1/state?sslmode=sure", "postgres://me:s3cret@db1:x/"] {
            let error = Address::parse(bad).err().unwrap();
            assert_eq!(error.code(), Code::BadUrl);
            assert!(!error.chain().contains("s3cret"), "{}", error.chain());
        }
    }
}
