//! A node's life: it opens the state, listens, serves, and stops without breaking anything off.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::TokioTimer;
use syncline_engine::Engine;
use syncline_store::Store;
use syncline_types::{Code, Error, Result};
use tokio::task::JoinHandle;

use crate::caller::{Cookies, Origins};
use crate::comparing::Comparing;
use crate::config::{Config, KeySource, Place, Web};
use crate::front::{Gate, HEADERS_WITHIN, Hosts, guard};
use crate::lease::Lease;
use crate::live::{self, Hub};
use crate::metrics::Metrics;
use crate::people::{Attempts, Passwords, People, Setup, SignIn};
use crate::places::Places;
use crate::runner::{self, Runner};
use crate::scheduler;
use crate::secrets::Vault;
use crate::state::{AppState, Shared};
use crate::{alerts, api, step_keys};

/// How long requests that are under way may take once the node is to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Requests at once on one connection of HTTP/2.
const STREAMS: u32 = 100;

/// A node that listens.
pub struct Server {
    address: SocketAddr,
    tls: bool,
    handle: Handle<SocketAddr>,
    task: JoinHandle<std::io::Result<()>>,
    setup: Option<String>,
    state: AppState,
    /// The right to work with a state that other nodes can reach, too.
    lease: Option<Arc<Lease>>,
}

impl Server {
    /// Opens the state and begins to listen.
    ///
    /// # Errors
    /// [`Code::Usage`] for an address beyond this machine without TLS; [`Code::Tls`] for a
    /// certificate or key that cannot be used; [`Code::StateUnusable`] and others of the state.
    pub async fn start(config: Config) -> Result<Self> {
        if !config.listen.ip().is_loopback() && config.tls.is_none() && !config.plain_public {
            return Err(Error::new(
                Code::Usage,
                format!("{} can be reached from beyond this machine, without TLS", config.listen),
            )
            .hint(
                "give --tls-certificate and --tls-key; or --allow-plaintext where something in \
                 front of it encrypts",
            ));
        }
        let tls = match &config.tls {
            None => None,
            Some(files) => Some(
                RustlsConfig::from_pem_chain_file(&files.certificate, &files.key).await.map_err(
                    |e| {
                        let file = files.certificate.display();
                        Error::new(Code::Tls, format!("certificate {file} and its key")).because(e)
                    },
                )?,
            ),
        };
        let listener = listen(config.listen)?;
        let address = listener.local_addr().map_err(|e| no_socket(config.listen, e))?;
        let hosts = Hosts::new(config.listen, config.web.public_url.as_deref());
        let (state, lease) = open(config, address).await?;
        let setup = state.people.setup.token().map(str::to_owned);
        let app = guard(api::router(state.clone()), &state, hosts);
        let handle = Handle::new();
        let secure = tls.is_some();
        let task = tokio::spawn(serve(listener, tls, handle.clone(), app));
        Ok(Self { address, tls: secure, handle, task, setup, state, lease })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, for people and clients on this machine.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.address)
    }

    /// The state it works with.
    pub fn store(&self) -> Arc<Store> {
        Arc::clone(&self.state.store)
    }

    /// Where the first admin is made, while there is none. Whoever has this link becomes it.
    pub fn setup_link(&self) -> Option<String> {
        self.setup.as_ref().map(|token| format!("{}/setup#{token}", self.state.people.base))
    }

    /// Returns once this node must not go on: another has taken over its state. The process is to
    /// end then, and nothing of it to be recorded any more.
    pub async fn lost(&self) -> Error {
        match &self.lease {
            Some(lease) => lease.lost().await,
            None => std::future::pending().await,
        }
    }

    /// Stops: no new requests, those under way are answered.
    ///
    /// # Errors
    /// When listening has failed meanwhile.
    pub async fn stop(self) -> Result<()> {
        // Runs come to rest while requests are still answered: their place is in the state first.
        self.state.runner.leave().await;
        self.handle.graceful_shutdown(Some(GRACE));
        let ended = self.task.await;
        if let Some(lease) = self.lease {
            let released = tokio::task::spawn_blocking(move || lease.release()).await;
            released.map_err(|e| Error::bug("letting go of the state").because(e))?;
        }
        self.state.runner.release();
        ended
            .map_err(|e| Error::bug("the listener ended early").because(e))?
            .map_err(|e| Error::new(Code::StoreFailed, "listening").because(e))
    }
}

/// A state that this process alone works with.
struct Opened {
    store: Arc<Store>,
    runner: Runner,
    lease: Option<Arc<Lease>>,
    vault: Vault,
    places: Places,
    has_admin: bool,
}

/// Opens the state, and keeps others from it before anything is changed in it. Blocks.
fn open_state(place: Place, folder: &Path, keys: &KeySource, node: &str) -> Result<Opened> {
    private(folder)?;
    let (store, shared) = match place {
        Place::Folder(folder) => (Store::open(&folder)?, false),
        Place::Postgres(url) => (Store::connect(url.expose(), folder)?, true),
    };
    let store = Arc::new(store);
    let runner = Runner::new(&store)?;
    let lease = match shared {
        true => Some(Arc::new(Lease::take(&store, node, folder)?)),
        false => None,
    };
    let vault = Vault::of(&store, folder, keys)?;
    step_keys::seal_stored(&store, &vault)?;
    let has_admin = store.has_admin()?;
    let places = Places::of(&store)?;
    Ok(Opened { store, runner, lease, vault, places, has_admin })
}

async fn open(config: Config, address: SocketAddr) -> Result<(AppState, Option<Arc<Lease>>)> {
    let (folder, node) = (config.folder.clone(), config.name.clone());
    let (place, keys) = (config.store, config.keys);
    let opened =
        tokio::task::spawn_blocking(move || open_state(place, &folder, &keys, &node)).await;
    let Opened { store, runner, lease, vault, places, has_admin } =
        opened.map_err(|e| Error::bug("opening the state").because(e))??;
    if let Some(lease) = lease.clone() {
        let leaving = runner.leaving();
        tokio::spawn(async move { lease.keep(leaving).await });
    }
    let needs_admin = !has_admin && config.admin_token.is_none();
    let people = people(config.web, address, config.tls.is_some(), needs_admin)?;
    let state = AppState::new(Shared {
        node: config.name,
        engine: Engine::new(Arc::clone(&config.registry), Arc::clone(&store)),
        store,
        vault: Arc::new(vault),
        registry: config.registry,
        runner,
        comparing: Comparing::default(),
        hub: Hub::new(),
        people,
        places: Arc::new(places),
        metrics: Metrics::new(config.listen.ip().is_loopback())?,
        admin_token: config.admin_token,
    });
    live::spawn(&state).await?;
    runner::spawn(&state).await?;
    scheduler::spawn(&state);
    alerts::spawn(&state);
    Ok((state, lease))
}

/// What signing in needs; with a token for the first admin where there is none.
fn people(web: Web, address: SocketAddr, tls: bool, needs_admin: bool) -> Result<People> {
    let encrypted = web.public_url.as_ref().is_some_and(|url| url.starts_with("https://"));
    let own = || format!("{}://{}", if tls { "https" } else { "http" }, opened(address));
    let base = web.public_url.clone().unwrap_or_else(own).trim_end_matches('/').to_owned();
    Ok(People {
        setup: Setup::new(needs_admin.then(crate::people::secret).transpose()?),
        passwords: Passwords::new()?,
        attempts: Attempts::default(),
        cookies: Cookies { secure: tls || encrypted },
        origins: Origins::new(web.public_url.into_iter().chain(web.console_origins).collect()),
        provider: web.provider.map(SignIn::new).transpose()?,
        base,
    })
}

/// An address that can be opened on this machine: one that stands for all is none.
fn opened(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// Makes the node's folder, where it is missing, so that nobody else on the machine looks into it.
fn private(folder: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder).map_err(|e| {
        let folder = folder.display();
        Error::new(Code::StateUnusable, format!("state folder {folder}")).because(e)
    })
}

fn listen(address: SocketAddr) -> Result<std::net::TcpListener> {
    let bound = std::net::TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|e| no_socket(address, e))
}

fn no_socket(address: SocketAddr, cause: std::io::Error) -> Error {
    Error::new(Code::Usage, format!("cannot listen on {address}"))
        .because(cause)
        .hint("give another address with --listen")
}

async fn serve(
    listener: std::net::TcpListener,
    tls: Option<RustlsConfig>,
    handle: Handle<SocketAddr>,
    app: Router,
) -> std::io::Result<()> {
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let mut server = axum_server::from_tcp(listener)?.acceptor(Gate::default()).handle(handle);
    let http = server.http_builder();
    http.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(HEADERS_WITHIN)
        .keep_alive_timeout(HEADERS_WITHIN);
    match tls {
        None => server.serve(app).await,
        Some(tls) => server.map(|gate| RustlsAcceptor::new(tls).acceptor(gate)).serve(app).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_that_people_are_told_can_be_opened() {
        for (listens, told) in [
            ("127.0.0.1:7171", "127.0.0.1:7171"),
            ("0.0.0.0:7171", "127.0.0.1:7171"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.7:443", "192.0.2.7:443"),
        ] {
            assert_eq!(opened(listens.parse().unwrap()).to_string(), told);
        }
    }
}
