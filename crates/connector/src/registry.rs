//! Connectors: how one describes itself, how it is found by URL, and the erasure of its options.

use std::fmt;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use syncline_types::{Code, Error, Result, TableSchema, nearest};

use crate::{Endpoint, OptionDoc, Sink, Source, option_docs, parse_options};

/// What a job moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// Everything, columns as they are, no work per column.
    #[serde(rename = "full")]
    Full,
    /// Chosen, mapped, typed, filtered fields.
    #[serde(rename = "batch")]
    Batch,
    /// The changes of a store as they happen.
    #[serde(rename = "changes")]
    Changes,
    /// A snapshot, then the changes, with no gap and no overlap.
    #[serde(rename = "full+changes")]
    FullChanges,
}

impl Mode {
    /// Whether changes are followed.
    pub fn follows(self) -> bool {
        matches!(self, Mode::Changes | Mode::FullChanges)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::Full => "full",
            Mode::Batch => "batch",
            Mode::Changes => "changes",
            Mode::FullChanges => "full+changes",
        })
    }
}

/// Which sides of a job a connector can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// Modes it can be read in; empty when it is no source.
    pub source: &'static [Mode],
    /// Whether it can be written to.
    pub sink: bool,
}

/// What a connector says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// Its id, also the scheme it is documented under: `mysql`.
    pub id: &'static str,
    /// Its name as people write it: `MySQL and MariaDB`.
    pub title: &'static str,
    /// URL schemes it answers to, without `://`.
    pub schemes: &'static [&'static str],
    /// A URL that shows the form.
    pub example: &'static str,
    /// What it can do.
    pub roles: Roles,
    /// What its sink promises, in a few words. Empty for a mere source.
    pub guarantee: &'static str,
    /// Tested versions: `MySQL 8, MariaDB 10.11`.
    pub versions: &'static str,
    /// What else a user should know, as Markdown paragraphs.
    pub notes: &'static str,
}

/// A kind of store. Its author sees typed options; [`AnyConnector`] is made from it once, for all.
pub trait Connector: Send + Sync + 'static {
    /// Its options beyond the URL's usual parts. The doc comments of the fields are the
    /// documentation users read.
    type Options: DeserializeOwned + Serialize + JsonSchema + Default + Send;

    /// What it says of itself.
    fn spec(&self) -> &'static Spec;

    /// A source for the endpoint. Pure: it validates, and connects to nothing.
    fn source(&self, endpoint: &Endpoint, options: Self::Options) -> Result<Box<dyn Source>>;

    /// A sink for the endpoint. Pure: it validates, and connects to nothing.
    fn sink(&self, endpoint: &Endpoint, options: Self::Options) -> Result<Box<dyn Sink>>;

    /// Where a source finds a table that a sink at `endpoint` has written, and how it has to look at
    /// it to find the values that were written. Pure.
    fn read_back(&self, endpoint: &Endpoint, target: &TableSchema) -> Result<Endpoint> {
        let _ = target;
        Ok(endpoint.clone())
    }
}

/// A connector whose options are not typed any more.
pub trait AnyConnector: Send + Sync {
    /// What it says of itself.
    fn spec(&self) -> &'static Spec;
    /// Its options, from the doc comments of their type.
    fn options(&self) -> Vec<OptionDoc>;
    /// A source for the endpoint, with the endpoint's options.
    fn source(&self, endpoint: &Endpoint) -> Result<Box<dyn Source>>;
    /// A sink for the endpoint, with the endpoint's options.
    fn sink(&self, endpoint: &Endpoint) -> Result<Box<dyn Sink>>;
    /// Where a source finds a table that a sink at `endpoint` has written.
    fn read_back(&self, endpoint: &Endpoint, target: &TableSchema) -> Result<Endpoint>;
}

impl<C: Connector> AnyConnector for C {
    fn spec(&self) -> &'static Spec {
        Connector::spec(self)
    }

    fn options(&self) -> Vec<OptionDoc> {
        option_docs::<C::Options>()
    }

    fn source(&self, endpoint: &Endpoint) -> Result<Box<dyn Source>> {
        let spec = Connector::spec(self);
        if spec.roles.source.is_empty() {
            return Err(Error::new(Code::Unsupported, format!("{} is not a source", spec.title)));
        }
        Connector::source(self, endpoint, parse_options::<C::Options>(endpoint)?)
    }

    fn sink(&self, endpoint: &Endpoint) -> Result<Box<dyn Sink>> {
        let spec = Connector::spec(self);
        if !spec.roles.sink {
            return Err(Error::new(Code::Unsupported, format!("{} is not a target", spec.title)));
        }
        Connector::sink(self, endpoint, parse_options::<C::Options>(endpoint)?)
    }

    fn read_back(&self, endpoint: &Endpoint, target: &TableSchema) -> Result<Endpoint> {
        Connector::read_back(self, endpoint, target)
    }
}

/// All connectors of a build.
pub struct Registry {
    connectors: Vec<Box<dyn AnyConnector>>,
}

impl Registry {
    /// A registry of these connectors.
    pub fn new(connectors: Vec<Box<dyn AnyConnector>>) -> Self {
        Self { connectors }
    }

    /// All of them, in the order they were registered.
    pub fn all(&self) -> impl Iterator<Item = &dyn AnyConnector> {
        self.connectors.iter().map(AsRef::as_ref)
    }

    /// The connector of that id, or that answers to that scheme.
    ///
    /// # Errors
    /// [`Code::UnknownConnector`], with the nearest name.
    pub fn get(&self, scheme: &str) -> Result<&dyn AnyConnector> {
        let fits = |c: &&dyn AnyConnector| {
            let spec = AnyConnector::spec(*c);
            spec.id == scheme || spec.schemes.contains(&scheme)
        };
        self.all().find(fits).ok_or_else(|| {
            let names = self.all().flat_map(|c| AnyConnector::spec(c).schemes.iter().copied());
            let hint = match nearest(scheme, names) {
                Some(name) => format!("did you mean {name}? "),
                None => String::new(),
            };
            Error::new(Code::UnknownConnector, format!("no connector for {scheme}:"))
                .hint(format!("{hint}`syncline connectors` lists all"))
        })
    }
}
