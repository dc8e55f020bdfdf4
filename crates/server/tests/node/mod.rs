//! A node in the test's own process, on a free port, with a state of its own.
#![allow(dead_code, reason = "no test needs all of it")]

pub(crate) mod work;

use std::path::Path;
use std::sync::Arc;

use syncline_connector::{Registry, Secret};
use syncline_server::{Config, KeySource, Place, Provider, Server, Tls, Web};
use syncline_testkit::api::{ADMIN_TOKEN, Client};
use syncline_testkit::{Database, Kind};

/// A node, its state in a temporary folder or in a PostgreSQL database of its own.
pub(crate) struct Node {
    server: Option<Server>,
    folder: tempfile::TempDir,
    database: Option<Database>,
    setup: Setup,
    url: String,
}

/// What a node is started with beyond where it listens.
pub(crate) struct Setup {
    /// The first admin's token; none: a link is made for the first admin.
    pub(crate) admin_token: Option<String>,
    /// Certificate and key.
    pub(crate) tls: Option<(std::path::PathBuf, std::path::PathBuf)>,
    /// Who people may sign in with besides.
    pub(crate) provider: Option<Provider>,
    /// Where it listens.
    pub(crate) port: u16,
    /// Pages served elsewhere that may use its API.
    pub(crate) console_origins: Vec<String>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            admin_token: Some(ADMIN_TOKEN.to_owned()),
            tls: None,
            provider: None,
            port: 0,
            console_origins: Vec::new(),
        }
    }
}

impl Node {
    /// A node with its state in a folder.
    pub(crate) async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    /// The same, set up otherwise.
    pub(crate) async fn with(setup: Setup) -> Self {
        Self::begin(None, setup).await
    }

    /// A node with its state in PostgreSQL; `None` where there is no such server.
    pub(crate) async fn on_postgres() -> Option<Self> {
        let database = syncline_testkit::Server::shared(Kind::Postgres)?.database();
        Some(Self::begin(Some(database), Setup::default()).await)
    }

    /// A node of each kind of state that there is.
    pub(crate) async fn each() -> Vec<Self> {
        let mut nodes = vec![Self::start().await];
        nodes.extend(Self::on_postgres().await);
        nodes
    }

    async fn begin(database: Option<Database>, setup: Setup) -> Self {
        // It fails only when one is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let mut node = Self { server: None, folder, database, setup, url: String::new() };
        node.start_again().await;
        node
    }

    /// Starts it after [`Node::stop`]; it listens on another port.
    pub(crate) async fn start_again(&mut self) {
        let server = Server::start(self.config()).await.unwrap();
        self.url = server.url();
        self.server = Some(server);
    }

    /// What it is started with.
    pub(crate) fn config(&self) -> Config {
        let store = match &self.database {
            None => Place::Folder(self.folder().to_owned()),
            Some(database) => Place::Postgres(Secret::new(database.url())),
        };
        let tls = self.setup.tls.clone().map(|(certificate, key)| Tls { certificate, key });
        Config {
            name: "test".into(),
            listen: ([127, 0, 0, 1], self.setup.port).into(),
            plain_public: false,
            tls,
            store,
            folder: self.folder().to_owned(),
            keys: KeySource::default(),
            admin_token: self.setup.admin_token.clone().map(Secret::new),
            web: Web {
                public_url: None,
                console_origins: self.setup.console_origins.clone(),
                provider: self.setup.provider.clone(),
            },
            registry: Arc::new(registry()),
        }
    }

    /// Stops it in order.
    pub(crate) async fn stop(&mut self) {
        self.server.take().unwrap().stop().await.unwrap();
    }

    /// Stops it in order, and starts it again.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }

    /// The server itself.
    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Its URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Where its state lies, or what belongs to its machine.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its state, where that is in PostgreSQL.
    pub(crate) fn database(&self) -> Option<&Database> {
        self.database.as_ref()
    }

    /// A client that nobody has signed in with.
    pub(crate) fn nobody(&self) -> Client {
        Client::new(&self.url)
    }

    /// A client with the first admin's token.
    pub(crate) fn admin(&self) -> Client {
        self.nobody().token(ADMIN_TOKEN)
    }
}

/// Connectors as the program has them.
pub(crate) fn registry() -> Registry {
    Registry::new(vec![
        Box::new(syncline_mysql::MysqlConnector),
        Box::new(syncline_postgres::PostgresConnector),
        Box::new(syncline_sqlite::SqliteConnector),
        Box::new(syncline_files::FilesConnector),
        Box::new(syncline_stream::StreamConnector),
    ])
}
