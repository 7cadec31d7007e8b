//! One request of HTTP after the other, and what became of each.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Method, Response, StatusCode, Url};
use serde_json::Value;
use verify::Content;

use super::super::secret::Hidden;
use super::super::template::{Template, Values};
use super::super::told::CALL;
use super::{Authentication, FILE, Http};
use crate::kept::LARGEST_WAV;

/// More than so many bytes are no answer in JSON.
const LONGEST_ANSWER: u64 = 16 << 20;
/// So much of an answer that is not what was expected is shown.
const SHOWN: usize = 200;
/// So often an answer may send us elsewhere.
const MOST_HOPS: usize = 5;
/// A file of certificates is smaller.
const LARGEST_PEM: u64 = 4 << 20;

/// Why a request came to nothing.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Trouble {
    /// It may go better a moment later.
    Again(String),
    /// It will not.
    Final(String),
}

/// A client that says who we are.
pub(in super::super) struct Client {
    inner: reqwest::Client,
    /// What it says, to its home alone.
    headers: HeaderMap,
    hidden: Option<Hidden>,
}

impl Client {
    pub(super) fn new(http: &Http, project: &Path, values: &Values) -> Result<Self, String> {
        let plain = Self::plain(http.within, http.ca.as_ref(), project, values)?;
        let (headers, hidden) = introduced(&http.authentication, project, values)?;
        Ok(Self { headers, hidden, ..plain })
    }

    /// One that says nothing of us, gives each request so long, and trusts the system or `ca` alone.
    ///
    /// # Errors
    /// A `ca` that is of no use.
    pub(in super::super) fn plain(
        within: Duration,
        ca: Option<&Template>,
        project: &Path,
        values: &Values,
    ) -> Result<Self, String> {
        let mut builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(within)
            .user_agent(concat!("mixedmode/", env!("CARGO_PKG_VERSION")));
        if let Some(ca) = ca {
            builder = builder.tls_certs_only(authorities(&project.join(ca.fill(values)))?);
        }
        let inner = builder.build().map_err(|error| format!("HTTP cannot be spoken: {}", chain(&error)))?;
        Ok(Self { inner, headers: HeaderMap::new(), hidden: None })
    }

    /// Whatever the answer to a GET is.
    pub(in super::super) async fn get(
        &self,
        url: &Url,
        headers: &[(&'static str, String)],
    ) -> Result<(StatusCode, Vec<u8>), Trouble> {
        let what = format!("GET {}", shown(url));
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| Trouble::Final(format!("what `{name}` is to say cannot be in a header")))?;
            value.set_sensitive(true);
            all.insert(*name, value);
        }
        let answer = self.request(Method::GET, url, (all, None), &origin(url)).await?;
        let status = answer.status();
        Ok((status, self.bytes(answer, LARGEST_WAV, &what).await?))
    }

    /// The answer to a request, read as JSON.
    pub(super) async fn json(
        &self,
        is_post: bool,
        url: &Url,
        (headers, body): (&[(&str, String)], Option<String>),
        home: &str,
    ) -> Result<Value, Trouble> {
        let method = if is_post { Method::POST } else { Method::GET };
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().map_err(|_| Trouble::Final(format!("`{name}` is no header")))?;
            let wrong = |_| Trouble::Final(format!("the header `{name}` cannot have the value of the profile"));
            all.insert(name.clone(), HeaderValue::from_str(value).map_err(wrong)?);
        }
        let what = format!("{method} {}", shown(url));
        let answer = self.request(method, url, (all, body), home).await?;
        let status = answer.status();
        let bytes = self.bytes(answer, LONGEST_ANSWER, &what).await?;
        if !status.is_success() {
            return Err(self.refused(&what, status, &bytes));
        }
        serde_json::from_slice(&bytes).map_err(|error| {
            Trouble::Again(format!("{what} was answered with {}, expected JSON: {error}", self.begin(&bytes)))
        })
    }

    /// The bytes of a file.
    pub(super) async fn audio(&self, url: &Url, home: &str) -> Result<Content<'static>, Trouble> {
        let what = format!("GET {}", shown(url));
        let answer = self.request(Method::GET, url, (HeaderMap::new(), None), home).await?;
        match answer.status() {
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Content::Missing),
            status if status.is_success() => {
                Ok(crate::sound::content(self.bytes(answer, LARGEST_WAV, &what).await?, None))
            }
            status => {
                let bytes = self.bytes(answer, LONGEST_ANSWER, &what).await.unwrap_or_default();
                Err(self.refused(&what, status, &bytes))
            }
        }
    }

    /// Goes where a GET is sent; who we are is told at home alone.
    async fn request(
        &self,
        method: Method,
        url: &Url,
        (headers, body): (HeaderMap, Option<String>),
        home: &str,
    ) -> Result<Response, Trouble> {
        let what = format!("{method} {}", shown(url));
        let mut url = url.clone();
        for _ in 0..=MOST_HOPS {
            let mut request = self.inner.request(method.clone(), url.clone());
            if origin(&url) == home {
                request = request.headers(headers.clone()).headers(self.headers.clone());
            }
            if let Some(body) = &body {
                request = request.body(body.clone());
            }
            let answer = request.send().await.map_err(|error| self.failed(&what, error))?;
            if method != Method::GET || !answer.status().is_redirection() {
                return Ok(answer);
            }
            let status = answer.status();
            let to = answer.headers().get(LOCATION).and_then(|to| url.join(to.to_str().ok()?).ok());
            url = to.ok_or_else(|| Trouble::Final(format!("{what} was answered with {status} and not told where")))?;
        }
        Err(Trouble::Final(format!("{what} was sent elsewhere more than {MOST_HOPS} times")))
    }

    async fn bytes(&self, mut answer: Response, most: u64, what: &str) -> Result<Vec<u8>, Trouble> {
        let mut bytes = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| self.failed(what, error))? {
            bytes.extend_from_slice(&piece);
            if bytes.len() as u64 > most {
                return Err(Trouble::Final(format!("{what} was answered with more than {most} bytes")));
            }
        }
        Ok(bytes)
    }

    fn failed(&self, what: &str, error: reqwest::Error) -> Trouble {
        if error.is_timeout() {
            return Trouble::Again(format!("{what} was not answered in time"));
        }
        Trouble::Again(format!("{what} came to nothing: {}", self.kept(&chain(&error.without_url()))))
    }

    fn refused(&self, what: &str, status: StatusCode, bytes: &[u8]) -> Trouble {
        let why = format!("{what} was answered with {status}, {}", self.begin(bytes));
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Trouble::Final(match &self.hidden {
                Some(_) => format!("{why}: the service does not accept the `authentication` of the profile"),
                None => format!("{why}: the profile has no `authentication`"),
            }),
            StatusCode::NOT_FOUND | StatusCode::REQUEST_TIMEOUT => Trouble::Again(why),
            StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => Trouble::Again(why),
            status if status.is_server_error() => Trouble::Again(why),
            _ => Trouble::Final(why),
        }
    }

    /// The beginning of an answer, in words.
    fn begin(&self, bytes: &[u8]) -> String {
        let text = self.kept(String::from_utf8_lossy(&bytes[..bytes.len().min(4 * SHOWN)]).trim());
        let begin: String = text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
        if begin.is_empty() { "nothing".to_owned() } else { format!("`{begin}`") }
    }

    fn kept(&self, text: &str) -> String {
        self.hidden.as_ref().map_or_else(|| text.to_owned(), |hidden| hidden.kept_from(text))
    }
}

/// The headers that say who we are, and what of them nobody may see.
fn introduced(
    authentication: &Authentication,
    project: &Path,
    values: &Values,
) -> Result<(HeaderMap, Option<Hidden>), String> {
    use base64::Engine as _;
    let (name, text, hidden) = match authentication {
        Authentication::None => return Ok((HeaderMap::new(), None)),
        Authentication::Basic { user, password } => {
            let hidden = password.read(project, values)?;
            let both = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{}", hidden.open()));
            ("authorization", format!("Basic {both}"), hidden)
        }
        Authentication::Bearer(token) => {
            let hidden = token.read(project, values)?;
            ("authorization", format!("Bearer {}", hidden.open()), hidden)
        }
        Authentication::Header { name, value } => {
            let hidden = value.read(project, values)?;
            (name.as_str(), hidden.open().to_owned(), hidden)
        }
    };
    let name: HeaderName = name.parse().map_err(|_| format!("`{name}` is no header"))?;
    let mut value =
        HeaderValue::from_str(&text).map_err(|_| format!("what `{name}` is to say cannot be in a header"))?;
    value.set_sensitive(true);
    Ok((HeaderMap::from_iter([(name, value)]), Some(hidden)))
}

fn authorities(path: &Path) -> Result<Vec<Certificate>, String> {
    let wrong = |why: String| format!("`ca` cannot be used, {}: {why}", path.display());
    let bytes = wire::file::read(path, LARGEST_PEM).map_err(|e| wrong(e.to_string()))?;
    let all = Certificate::from_pem_bundle(&bytes).map_err(|e| wrong(chain(&e)))?;
    if all.is_empty() { Err(wrong("there is no certificate in it".to_owned())) } else { Ok(all) }
}

/// A URL of a profile, filled in: what is known of a call is percent-encoded (RFC 3986 §2.1).
pub(super) fn fill(template: &Template, values: &Values) -> String {
    let encode = |(name, value): (&&'static str, &String)| {
        let is_foreign = CALL.contains(name) || FILE.contains(name);
        (*name, if is_foreign { encoded(value) } else { value.clone() })
    };
    template.fill(&values.iter().map(encode).collect())
}

pub(in super::super) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

/// Reads a URL.
///
/// # Errors
/// What it is, and what was expected.
pub(in super::super) fn url(text: &str) -> Result<Url, String> {
    let expected = "expected a URL that begins with `http://` or `https://`";
    let url: Url = text.parse().map_err(|error| format!("got `{text}`, {expected}: {error}"))?;
    let fine = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    if fine { Ok(url) } else { Err(format!("got `{text}`, {expected} and names no user")) }
}

/// Scheme, host and port.
pub(super) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// A URL without what may be a key: its query.
pub(in super::super) fn shown(url: &Url) -> String {
    format!("{}{}", origin(url), url.path())
}

/// An error with all that led to it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let why = cause.to_string();
        if !text.contains(&why) {
            text = format!("{text}: {why}");
        }
        source = cause.source();
    }
    text
}
