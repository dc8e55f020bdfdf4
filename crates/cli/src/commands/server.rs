//! `syncline server`: a node.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use syncline_connector::{Endpoint, Registry, Secret};
use syncline_server::{Config, KeySource, Place, Provider, Server, Tls, Web};
use syncline_types::{Code, Error, Result};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::ServerArgs;
use crate::commands::state_folder;
use crate::{DONE, output};

/// How long work that cannot be broken off may take once the node has stopped.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// `syncline server`.
pub(crate) fn run(registry: &Arc<Registry>, mut args: ServerArgs) -> Result<u8> {
    let folder = state_folder(&args.state)?.join("server");
    let web = web(&mut args);
    let config = Config {
        name: args.name.unwrap_or_else(host_name),
        listen: args.listen,
        plain_public: args.allow_plaintext,
        tls: args
            .tls_certificate
            .zip(args.tls_key)
            .map(|(certificate, key)| Tls { certificate, key }),
        store: place(args.store.as_deref(), &folder)?,
        folder,
        keys: KeySource {
            file: args.key_file,
            given: secret("SYNCLINE_KEY"),
            rotate: args.rotate_key,
        },
        admin_token: secret("SYNCLINE_ADMIN_TOKEN"),
        web,
        registry: Arc::clone(registry),
    };
    let runtime = crate::runtime()?;
    let ended = runtime.block_on(async {
        let no_signals = |e| Error::bug("signals cannot be listened to").because(e);
        let mut interrupts = signal(SignalKind::interrupt()).map_err(no_signals)?;
        let mut terminations = signal(SignalKind::terminate()).map_err(no_signals)?;
        let server = Server::start(config).await?;
        if let Some(link) = server.setup_link() {
            output::line(format!("there is no admin yet: whoever opens {link} becomes it"));
        }
        output::line(format!("listening on {}", server.url()));
        tokio::select! {
            _ = interrupts.recv() => {}
            _ = terminations.recv() => {}
            // Whatever is under way here is another's by now.
            error = server.lost() => return Err(error),
        }
        output::note("stopping: running jobs keep their place");
        server.stop().await?;
        Ok(DONE)
    });
    // What does not end by itself must not outlive the answer.
    runtime.shutdown_timeout(SHUTDOWN);
    ended
}

/// A secret from the environment; an empty one is none.
fn secret(variable: &str) -> Option<Secret> {
    std::env::var(variable).ok().filter(|secret| !secret.is_empty()).map(Secret::new)
}

/// How browsers reach the node, and who people sign in with.
fn web(args: &mut ServerArgs) -> Web {
    let provider = args.oidc_issuer.take().zip(args.oidc_client_id.take());
    Web {
        public_url: args.public_url.take(),
        console_origins: std::mem::take(&mut args.console_origin),
        provider: provider.map(|(issuer, client_id)| Provider {
            issuer,
            client_id,
            client_secret: secret("SYNCLINE_OIDC_CLIENT_SECRET"),
            scope: std::mem::take(&mut args.oidc_scope),
            role_claim: std::mem::take(&mut args.oidc_role_claim),
            name_claim: std::mem::take(&mut args.oidc_name_claim),
            roles: std::mem::take(&mut args.oidc_role),
        }),
    }
}

fn place(store: Option<&str>, folder: &Path) -> Result<Place> {
    let Some(url) = store else { return Ok(Place::Folder(folder.to_owned())) };
    match Endpoint::parse(url)?.scheme.as_str() {
        "sqlite" => Ok(Place::Folder(PathBuf::from(Endpoint::parse(url)?.path))),
        "postgres" | "postgresql" => Ok(Place::Postgres(Secret::new(url))),
        other => Err(Error::new(Code::BadUrl, format!("--store: no state can be kept in {other}"))
            .hint("sqlite:FOLDER or postgres://user@host/db")),
    }
}

/// This machine's name.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "node".to_owned() } else { name.to_owned() }
}
