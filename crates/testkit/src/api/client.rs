//! A client of the API that tests are quickly written with.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// A client of one node. Paths are those under `/api/v1`.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    headers: HeaderMap,
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Client {
    /// A client of the node at `base` (`http://127.0.0.1:7171`) that nobody has signed in with.
    ///
    /// # Panics
    /// When no HTTP client can be made.
    pub fn new(base: &str) -> Self {
        Self::over(base, reqwest::Client::builder())
    }

    /// As [`Client::new`], with trust in a certificate of one's own (PEM).
    ///
    /// # Panics
    /// When it is no certificate.
    pub fn trusting(base: &str, certificate: &[u8]) -> Self {
        let authority = reqwest::Certificate::from_pem(certificate).expect("a certificate");
        Self::over(base, reqwest::Client::builder().tls_certs_only([authority]))
    }

    fn over(base: &str, http: reqwest::ClientBuilder) -> Self {
        // It fails only when one is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = http
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .build()
            .expect("an HTTP client");
        Self { http, base: base.trim_end_matches('/').to_owned(), headers: HeaderMap::new() }
    }

    /// The same, with a token.
    #[must_use]
    pub fn token(&self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// The same, with a header on every request; one of that name is replaced.
    ///
    /// # Panics
    /// When it is no header.
    #[must_use]
    pub fn header(&self, name: &str, value: &str) -> Self {
        let mut same = self.clone();
        let name: HeaderName = name.parse().expect("a header's name");
        same.headers.insert(name, HeaderValue::from_str(value).expect("a header's value"));
        same
    }

    /// The node's URL.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A request to a path under the node's root (`/healthz`), for what the rest does not offer.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base);
        self.http.request(method, url).headers(self.headers.clone())
    }

    /// Sends a request.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.unwrap_or_else(|e| panic!("no answer: {e:?}"))
    }

    /// As [`Client::send`], where the node may be away.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn try_send(&self, request: RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, text: response.text().await? })
    }

    fn api(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, &format!("/api/v1{path}"))
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.api(Method::GET, path)).await
    }

    /// `POST` of a JSON document.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.api(Method::POST, path).json(&body)).await
    }

    /// `PATCH` of a JSON document.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.api(Method::PATCH, path).json(&body)).await
    }

    /// `PUT` of a JSON document, made to version `version`.
    pub async fn put(&self, path: &str, version: u64, body: Value) -> Answer {
        let request = self.api(Method::PUT, path).header("if-match", format!("\"{version}\""));
        self.send(request.json(&body)).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.api(Method::DELETE, path)).await
    }

    /// `DELETE` of version `version`.
    pub async fn delete_version(&self, path: &str, version: u64) -> Answer {
        let request = self.api(Method::DELETE, path).header("if-match", format!("\"{version}\""));
        self.send(request).await
    }
}

impl Answer {
    /// The body, read as JSON, of an answer that must be a good one.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text);
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// The answer itself, which must be a good one.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn good(&self) -> &Self {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text);
        self
    }

    /// The problem that was answered, which must have this status and code.
    ///
    /// # Panics
    /// When it is another, or none.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        let kind = self.header("content-type");
        assert_eq!(kind, Some("application/problem+json"), "{}", self.text);
        let problem: Value = serde_json::from_str(&self.text).expect("JSON");
        assert_eq!(problem["code"], code, "{}", self.text);
        assert_eq!(problem["status"], status, "{}", self.text);
        problem
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
