//! A node's life: it opens the state, listens, serves, and stops without breaking anything off.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use syncline_engine::Engine;
use syncline_store::Store;
use syncline_types::{Code, Error, Result};
use tokio::task::JoinHandle;

use crate::api;
use crate::config::{Config, Place};
use crate::state::{AppState, Shared};

/// How long requests that are under way may take once the node is to stop.
const GRACE: Duration = Duration::from_secs(10);

/// A node that listens.
pub struct Server {
    address: SocketAddr,
    tls: bool,
    handle: Handle<SocketAddr>,
    task: JoinHandle<std::io::Result<()>>,
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
        let state = open(config).await?;
        let app = api::router(state);
        let handle = Handle::new();
        let secure = tls.is_some();
        let task = tokio::spawn(serve(listener, tls, handle.clone(), app));
        Ok(Self { address, tls: secure, handle, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, for people and clients on this machine.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.address)
    }

    /// Stops: no new requests, those under way are answered.
    ///
    /// # Errors
    /// When listening has failed meanwhile.
    pub async fn stop(self) -> Result<()> {
        self.handle.graceful_shutdown(Some(GRACE));
        self.task
            .await
            .map_err(|e| Error::bug("the listener ended early").because(e))?
            .map_err(|e| Error::new(Code::StoreFailed, "listening").because(e))
    }
}

async fn open(config: Config) -> Result<AppState> {
    let folder = config.folder.clone();
    let place = config.store;
    let opened = tokio::task::spawn_blocking(move || match place {
        Place::Folder(folder) => Store::open(&folder),
        Place::Postgres(url) => Store::connect(url.expose(), &folder),
    });
    let store = opened.await.map_err(|e| Error::bug("opening the state").because(e))??;
    let store = Arc::new(store);
    Ok(AppState::new(Shared {
        node: config.name,
        engine: Engine::new(Arc::clone(&config.registry), Arc::clone(&store)),
        store,
        registry: config.registry,
        admin_token: config.admin_token,
    }))
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
    match tls {
        None => axum_server::from_tcp(listener)?.handle(handle).serve(app).await,
        Some(tls) => axum_server::from_tcp_rustls(listener, tls)?.handle(handle).serve(app).await,
    }
}
