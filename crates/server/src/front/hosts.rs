//! Which names a node answers to. One that only this machine can reach would otherwise answer to
//! any name that a page elsewhere makes point to this machine.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use syncline_types::{Code, Error};

use crate::caller::authority_of;
use crate::problem::Failed;

/// Names a node answers to.
#[derive(Debug, Clone)]
pub(crate) struct Hosts {
    /// Only names of this machine, and that one.
    local: bool,
    public: Option<Arc<str>>,
}

impl Hosts {
    /// Those of a node that listens on `listen` and is known as `public_url`.
    pub(crate) fn new(listen: SocketAddr, public_url: Option<&str>) -> Self {
        let public = public_url.and_then(|url| url.split_once("://")).map(|(_, rest)| {
            let authority = rest.split('/').next().unwrap_or_default();
            Arc::from(name_of(authority).to_ascii_lowercase())
        });
        Self { local: listen.ip().is_loopback(), public }
    }

    fn answers_to(&self, authority: &str) -> bool {
        let name = name_of(authority).to_ascii_lowercase();
        !self.local
            || name == "localhost"
            || name.ends_with(".localhost")
            || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
            || self.public.as_deref() == Some(name.as_str())
    }
}

/// The name or address without port and brackets.
fn name_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    authority.split(':').next().unwrap_or_default()
}

/// Refuses requests that were meant for somebody else.
pub(super) async fn check(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if authority_of(&parts).is_none_or(|authority| hosts.answers_to(&authority)) {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let error = Error::new(Code::Forbidden, "this node does not answer to the name in Host")
        .hint("start the server with --public-url, where something in front of it has that name");
    Failed(error).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_of_this_machine_answers_to_its_names_only() {
        let local: SocketAddr = "127.0.0.1:7171".parse().unwrap();
        let hosts = Hosts::new(local, Some("https://sync.example.com/"));
        for own in ["localhost", "LOCALHOST:7171", "127.0.0.1:1", "[::1]:7171", "Sync.example.com"]
        {
            assert!(hosts.answers_to(own), "{own}");
        }
        for other in ["evil.example.com", "localhost.evil.com:7171", "10.0.0.1", "", "[::2]"] {
            assert!(!hosts.answers_to(other), "{other}");
        }
        let public = Hosts::new("0.0.0.0:7171".parse().unwrap(), None);
        assert!(public.answers_to("anything"));
    }
}
