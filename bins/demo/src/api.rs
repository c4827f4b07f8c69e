//! The API as a caller sees it, and everything an error ever said.

use anyhow::Context as _;
use reqwest::{Body, Method, Response};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// How long an answer may take to begin.
const TIMEOUT: Duration = Duration::from_secs(60);

/// One server's address, and the error answers that came from it.
#[derive(Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    url: String,
    errors: Arc<Mutex<Vec<String>>>,
}

/// A request to be sent.
pub(crate) struct Call {
    method: Method,
    path: String,
    token: Option<String>,
    headers: Vec<(&'static str, String)>,
    body: Option<(&'static str, Body)>,
}

impl Call {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            token: None,
            headers: Vec::new(),
            body: None,
        }
    }

    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    pub(crate) fn put(path: impl Into<String>) -> Self {
        Self::new(Method::PUT, path)
    }

    pub(crate) fn bearer(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn json(self, value: &Value) -> Self {
        self.body("application/json", value.to_string())
    }

    pub(crate) fn body(mut self, media_type: &'static str, body: impl Into<Body>) -> Self {
        self.body = Some((media_type, body.into()));
        self
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The server's id of the request.
    pub(crate) correlation: Uuid,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// When all of it was here.
    pub(crate) at: OffsetDateTime,
}

impl Answer {
    /// The body, if the status is the expected one.
    pub(crate) fn expect(&self, status: u16) -> anyhow::Result<Value> {
        anyhow::ensure!(
            self.status == status,
            "answered {} instead of {status}, code {}, request {}",
            self.status,
            self.code(),
            self.correlation
        );
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&self.body).context("the answer is not JSON")
    }

    /// The stable code of an error.
    pub(crate) fn code(&self) -> String {
        let value: Value = serde_json::from_str(&self.body).unwrap_or_default();
        value.get("code").and_then(Value::as_str).unwrap_or("-").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The answer without what differs from request to request.
    pub(crate) fn without_correlation(&self) -> (u16, String) {
        (self.status, self.body.replace(&self.correlation.to_string(), "-"))
    }
}

impl Api {
    /// A client of the server at `url`.
    #[expect(
        clippy::disallowed_methods,
        reason = "it speaks to the server that this program has started, on loopback, without a proxy or redirects"
    )]
    pub(crate) fn new(url: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .build()
            .context("making the HTTP client")?;
        Ok(Self {
            http,
            url: url.to_owned(),
            errors: Arc::default(),
        })
    }

    /// The same client for a server that listens elsewhere now.
    pub(crate) fn moved_to(&self, url: &str) -> Self {
        Self {
            url: url.to_owned(),
            ..self.clone()
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Sends a request and waits for the whole answer.
    pub(crate) async fn send(&self, call: Call) -> anyhow::Result<Answer> {
        let name = format!("{} {}", call.method, call.path);
        let sent = async {
            let response = self.begin(call).await?;
            self.finish(response).await
        };
        match tokio::time::timeout(TIMEOUT, sent).await {
            Ok(answer) => answer.with_context(|| format!("asking {name}")),
            Err(_) => anyhow::bail!("{name} was not answered within {TIMEOUT:?}"),
        }
    }

    /// Sends a request and answers as soon as the head of the answer is here, for a stream.
    pub(crate) async fn begin(&self, call: Call) -> anyhow::Result<Response> {
        let mut request = self.http.request(call.method, format!("{}{}", self.url, call.path));
        if let Some(token) = call.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        if let Some((media_type, body)) = call.body {
            request = request.header("content-type", media_type).body(body);
        }
        Ok(request.send().await?)
    }

    /// Reads an answer to its end.
    pub(crate) async fn finish(&self, response: Response) -> anyhow::Result<Answer> {
        let status = response.status().as_u16();
        let headers: Vec<(String, String)> = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        let correlation = correlation_id(&response)?;
        let body = response.text().await?;
        let answer = Answer {
            status,
            correlation,
            headers,
            body,
            at: OffsetDateTime::now_utc(),
        };
        if status >= 400 {
            let headers: String = answer
                .headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}\n"))
                .collect();
            self.keep_error(format!("{headers}{}", answer.body));
        }
        Ok(answer)
    }

    /// Remembers what an error said, for the search for personal data.
    pub(crate) fn keep_error(&self, text: String) {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    /// What every error so far has said, headers included.
    pub(crate) fn errors(&self) -> Vec<String> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The server's id of the request.
pub(crate) fn correlation_id(response: &Response) -> anyhow::Result<Uuid> {
    response
        .headers()
        .get("x-correlation-id")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok())
        .context("the answer carries no correlation id")
}

/// A text of a JSON object; the empty one where it is missing or null.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// An id of a JSON object.
pub(crate) fn id(value: &Value, name: &str) -> anyhow::Result<Uuid> {
    text(value, name)
        .parse()
        .with_context(|| format!("the answer has no id `{name}`"))
}
