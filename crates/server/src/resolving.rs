//! Jobs as they are stored, made ready to run: connections and secrets looked up, bounds kept.

use std::collections::BTreeMap;

use syncline_connector::{Endpoint, Secret};
use syncline_engine::{Job, JobFile, Surroundings};
use syncline_store::{Connection, JobConnection, JobOutline, Store, connection_secret};
use syncline_types::{Code, Error, Result, did_you_mean};

use crate::guard::Bounds;
use crate::secrets::Vault;

/// Where a job is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// The project it is in.
    pub(crate) project: &'a str,
}

/// A job file of that place as a job that stays in its bounds. Blocks.
///
/// # Errors
/// [`Code::OutOfBounds`] for what is not open to jobs, or not to those of its project;
/// [`Code::WrongKey`]; whatever makes the job impossible.
pub(crate) fn job_of(
    store: &Store,
    vault: &Vault,
    mut file: JobFile,
    place: Place<'_>,
) -> Result<Job> {
    let Place { name, project } = place;
    let around = Stored { store, vault, project, bounds: Bounds::of(store)? };
    // The name it is stored by is the one that counts.
    file.name = Some(name.to_owned());
    let mut job = file.resolve_in(&around, name, &format!("syncline jobs start {name}"))?;
    around.bounds.job(&job)?;
    crate::step_keys::open(store, vault, &mut job)?;
    Ok(job)
}

/// What a job file says, for lists and references.
///
/// # Errors
/// [`Code::Bug`] when its schedule cannot be written.
pub(crate) fn outline(file: &JobFile, job: &Job) -> Result<JobOutline> {
    let side = |connection: &Option<String>, endpoint: &Endpoint| match connection {
        Some(alias) if !file.connections.contains_key(alias) => alias.clone(),
        _ => endpoint.redacted(),
    };
    let schedule = file.schedule.as_ref().map(serde_json::to_string).transpose();
    let used = |(side, connection): (&'static str, &str)| JobConnection {
        side: side.to_owned(),
        connection: connection.to_owned(),
    };
    Ok(JobOutline {
        mode: job.mode.to_string(),
        source: side(&file.source.connection, &job.source),
        sink: side(&file.sink.connection, &job.sink),
        schedule: schedule.map_err(|e| Error::bug("a schedule cannot be written").because(e))?,
        connections: file.stored_connections().map(used).collect(),
    })
}

/// What jobs on a server refer to: the connections it has, and what an admin has opened.
struct Stored<'a> {
    store: &'a Store,
    vault: &'a Vault,
    /// The project the job is in.
    project: &'a str,
    bounds: Bounds,
}

impl Surroundings for Stored<'_> {
    fn connection(&self, name: &str) -> Result<Option<Endpoint>> {
        match self.store.connection(name)? {
            Some(connection) => {
                let open = &connection.body.projects;
                if !open.is_empty() && !open.iter().any(|project| project == self.project) {
                    let message = format!(
                        "connection {name:?} is not open to jobs of project {:?}",
                        self.project
                    );
                    return Err(Error::new(Code::OutOfBounds, message).hint(
                        "open the connection to that project, or let the job use another one",
                    ));
                }
                endpoint_of(self.store, self.vault, &connection).map(Some)
            }
            None => {
                let names = self.store.connections(None, "", 1_000)?;
                let near = did_you_mean(name, names.iter().map(|c| c.name.as_str()));
                let message = format!("there is no connection {name:?}{near}");
                Err(Error::new(Code::BadUrl, message).hint("make it first, or use another one"))
            }
        }
    }

    fn variable(&self, name: &str) -> Result<Option<String>> {
        self.bounds.variable(name)?;
        Ok(std::env::var(name).ok())
    }

    fn password_file(&self, path: &str) -> Result<Secret> {
        self.bounds.path(path)?;
        syncline_engine::OwnMachine.password_file(path)
    }
}

/// Where a stored connection leads, with its password. Blocks.
///
/// # Errors
/// [`Code::WrongKey`]; when the state cannot be read.
pub(crate) fn endpoint_of(
    store: &Store,
    vault: &Vault,
    connection: &Connection,
) -> Result<Endpoint> {
    let mut endpoint = address_of(connection)?;
    if connection.has_secret {
        endpoint.password = vault.find(store, &connection_secret(&connection.name))?;
    }
    Ok(endpoint)
}

/// Where a stored connection leads, without its password.
///
/// # Errors
/// [`Code::StateUnusable`] when what is stored cannot be understood.
pub(crate) fn address_of(connection: &Connection) -> Result<Endpoint> {
    serde_json::from_str(&connection.body.endpoint).map_err(|e| {
        let message = format!("connection {:?} cannot be understood", connection.name);
        Error::new(Code::StateUnusable, message).because(e)
    })
}

/// Whether U+0000 stands in an address: no store means anything by it.
pub(crate) fn has_nul(endpoint: &Endpoint) -> bool {
    let options = endpoint.options.iter().flat_map(|(key, value)| [key, value]);
    let hosts = endpoint.hosts.iter().map(|host| &host.host);
    let mut texts = options.chain(hosts).chain(&endpoint.user).chain([&endpoint.path]);
    texts.any(|text| text.contains('\0'))
}

/// An address as a URL that reads back as the same: encoded, with its options, without password.
pub(crate) fn url_of(endpoint: &Endpoint, options: bool) -> String {
    let encode = |text: &str, keep: &str| {
        let mut out = String::with_capacity(text.len());
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || keep.as_bytes().contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
        out
    };
    let mut url = if endpoint.hosts.is_empty() && endpoint.user.is_none() {
        // A path stands as it was typed.
        endpoint.redacted()
    } else {
        let user = endpoint.user.as_ref().map(|u| format!("{}@", encode(u, "-._~")));
        let host = |h: &syncline_connector::Host| {
            let name = match h.host.contains(':') {
                true => format!("[{}]", h.host),
                false => encode(&h.host, "-._~"),
            };
            h.port.map(|p| format!("{name}:{p}")).unwrap_or(name)
        };
        let hosts: Vec<String> = endpoint.hosts.iter().map(host).collect();
        let slash = if endpoint.path.is_empty() { "" } else { "/" };
        let path = encode(&endpoint.path, "-._~/*{}");
        let user = user.unwrap_or_default();
        format!("{}://{user}{}{slash}{path}", endpoint.scheme, hosts.join(","))
    };
    let mut mark = '?';
    let shown: &BTreeMap<String, String> = &endpoint.options;
    for (key, value) in shown.iter().filter(|_| options) {
        url.push_str(&format!("{mark}{}={}", encode(key, "_"), encode(value, "-._~:/,;")));
        mark = '&';
    }
    url
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_address_reads_back_as_the_same(
            user in proptest::option::of("[^\0]{1,12}"),
            path in "[^\0?]{0,12}",
            hosts in prop::collection::vec(("[a-z0-9.-]{1,8}", proptest::option::of(any::<u16>())), 1..3),
            options in prop::collection::btree_map("[a-z_]{1,8}", "[^\0]{0,12}", 0..3),
        ) {
            let hosts = hosts
                .into_iter()
                .map(|(host, port)| syncline_connector::Host { host, port })
                .collect();
            let endpoint = Endpoint {
                scheme: "mysql".into(), hosts, user, password: None, path, options,
            };
            let url = url_of(&endpoint, true);
            prop_assert_eq!(&Endpoint::parse_with(&url, |_| None).unwrap(), &endpoint, "{}", url);
        }
    }
}
