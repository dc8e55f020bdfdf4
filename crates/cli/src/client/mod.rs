//! A client of a server's API: what the commands for connections, jobs, runs and nodes speak with.
//!
//! Errors come back as what they were at the server: code, words, hint.

mod login;
mod shown;

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode, Url, header};
use serde_json::Value;
use syncline_types::{Code, Error, Result};
use tokio::runtime::Runtime;

pub(crate) use login::{Logins, ask, ask_secret};
pub(crate) use shown::{number, text, when};

/// How long a server may take for an answer. Plans and previews ask stores.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server, and who asks it.
pub(crate) struct Client {
    runtime: Runtime,
    http: reqwest::Client,
    base: Url,
}

/// What a server answered.
pub(crate) struct Answer {
    /// The `ETag`, quotes and all.
    pub(crate) tag: Option<String>,
    /// Cookies that were set, as a `Cookie` header takes them.
    pub(crate) cookies: String,
    /// The body.
    pub(crate) body: Value,
}

impl Client {
    /// The server that was named, else that of the last login.
    pub(crate) fn of(server: Option<&str>) -> Result<Self> {
        let logins = Logins::read()?;
        let url = match server.filter(|url| !url.is_empty()) {
            Some(url) => base(url)?,
            None => match logins.last() {
                Some(url) => base(url)?,
                None => {
                    return Err(Error::new(Code::Usage, "no server is named")
                        .hint("`syncline login URL`, or --server, or SYNCLINE_SERVER"));
                }
            },
        };
        let token = std::env::var("SYNCLINE_TOKEN").ok().filter(|token| !token.is_empty());
        let token = token.or_else(|| logins.token(&url));
        Self::with(url, token.as_deref())
    }

    /// A server, with a token.
    pub(crate) fn with(base: Url, token: Option<&str>) -> Result<Self> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(token) = token {
            let mut bearer = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
                Error::new(Code::SecretMissing, "the token holds what no token holds")
                    .hint("look at SYNCLINE_TOKEN, or log in again")
            })?;
            bearer.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, bearer);
        }
        let builder = || {
            reqwest::Client::builder()
                .default_headers(headers.clone())
                .timeout(PATIENCE)
                .user_agent(concat!("syncline/", env!("CARGO_PKG_VERSION")))
                // A redirect would be followed with the token.
                .redirect(reqwest::redirect::Policy::none())
        };
        let http = syncline_server::http_client(builder)
            .map_err(|e| Error::bug("the HTTP client does not start").because(e))?;
        Ok(Self { runtime: crate::runtime()?, http, base })
    }

    /// What is at a path.
    pub(crate) fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value> {
        self.ask(Method::GET, path, query, None, &[]).map(|answer| answer.body)
    }

    /// What is at a path, with its version.
    pub(crate) fn get_tagged(&self, path: &[&str]) -> Result<Answer> {
        self.ask(Method::GET, path, &[], None, &[])
    }

    /// Sends something.
    pub(crate) fn post(&self, path: &[&str], body: &Value) -> Result<Value> {
        self.ask(Method::POST, path, &[], Some(body), &[]).map(|answer| answer.body)
    }

    /// Changes something that is of this version.
    pub(crate) fn put(&self, path: &[&str], tag: &str, body: &Value) -> Result<Value> {
        self.ask(Method::PUT, path, &[], Some(body), &[("if-match", tag)]).map(|a| a.body)
    }

    /// Takes something away that is of this version.
    pub(crate) fn delete(&self, path: &[&str], tag: Option<&str>) -> Result<Value> {
        let headers: Vec<_> = tag.map(|tag| ("if-match", tag)).into_iter().collect();
        self.ask(Method::DELETE, path, &[], None, &headers).map(|answer| answer.body)
    }

    /// The items of a list, page by page, up to so many.
    pub(crate) fn list(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        most: usize,
    ) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        while items.len() < most {
            let limit = (most - items.len()).min(500).to_string();
            let mut query = query.to_vec();
            query.push(("limit", &limit));
            if let Some(after) = &after {
                query.push(("after", after));
            }
            let page = self.get(path, &query)?;
            match page.get("items").and_then(Value::as_array) {
                Some(page) => items.extend(page.iter().cloned()),
                None => return Err(self.strange(path)),
            }
            match page.get("next").and_then(Value::as_str) {
                Some(next) => after = Some(next.to_owned()),
                None => break,
            }
        }
        items.truncate(most);
        Ok(items)
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Result<Answer> {
        let mut url = self.base.clone();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self.http.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        self.runtime.block_on(async {
            let response = request.send().await.map_err(|e| self.unreachable(e))?;
            let status = response.status();
            let tag = response.headers().get(header::ETAG);
            let tag = tag.and_then(|tag| tag.to_str().ok()).map(str::to_owned);
            let cookies = response.headers().get_all(header::SET_COOKIE).iter();
            let cookies: Vec<&str> =
                cookies.filter_map(|cookie| cookie.to_str().ok()?.split(';').next()).collect();
            let cookies = cookies.join("; ");
            let bytes = response.bytes().await.map_err(|e| self.unreachable(e))?;
            let body: Option<Value> = match bytes.is_empty() {
                true => Some(Value::Null),
                false => serde_json::from_slice(&bytes).ok(),
            };
            match body {
                Some(body) if status.is_success() => Ok(Answer { tag, cookies, body }),
                Some(problem) if problem.get("code").is_some() => Err(refused(&problem)),
                _ => Err(self.odd(status)),
            }
        })
    }

    fn unreachable(&self, cause: reqwest::Error) -> Error {
        // The URL stands in the message already.
        Error::new(Code::Unreachable, format!("server {}", self.base))
            .because(cause.without_url())
            .hint("does it run there? `syncline server` starts one")
    }

    fn odd(&self, status: StatusCode) -> Error {
        Error::new(Code::ServerUnsupported, format!("{} answered {status}", self.base))
            .hint("is it a Syncline server?")
    }

    fn strange(&self, path: &[&str]) -> Error {
        let what = path.join("/");
        Error::new(Code::ServerUnsupported, format!("{} does not list {what}", self.base))
            .hint("is it a Syncline server of this version?")
    }
}

/// A server's URL, as people give it.
pub(crate) fn base(text: &str) -> Result<Url> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    match Url::parse(&with_scheme) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err(Error::new(Code::BadUrl, format!("{text:?} is no server's URL"))
            .hint("such as http://127.0.0.1:7171")),
    }
}

/// The error that a server answered, as it was there.
fn refused(problem: &Value) -> Error {
    error_of(
        text(problem, "code"),
        problem["detail"].as_str().unwrap_or_else(|| text(problem, "title")),
        problem["hint"].as_str(),
    )
}

/// An error of another process, as it was there.
pub(crate) fn error_of(code: &str, message: &str, hint: Option<&str>) -> Error {
    let error = match Code::parse(code) {
        Some(code) => Error::new(code, message),
        None => Error::new(Code::StoreFailed, format!("{code}: {message}")),
    };
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_the_error_that_it_was() {
        let problem = serde_json::json!({"code": "E0503", "detail": "no job \"a\"", "hint": "b"});
        let error = refused(&problem);
        assert_eq!(error.code(), Code::NotFound);
        assert_eq!((error.message(), error.hint_text()), ("no job \"a\"", Some("b")));
    }

    #[test]
    fn a_server_is_named_by_its_url_with_or_without_scheme() {
        assert_eq!(base("127.0.0.1:7171").unwrap().as_str(), "http://127.0.0.1:7171/");
        assert_eq!(base("https://a.org/sync").unwrap().as_str(), "https://a.org/sync");
        for bad in ["ftp://a", "http://", ""] {
            assert_eq!(base(bad).unwrap_err().code(), Code::BadUrl, "{bad}");
        }
    }
}
