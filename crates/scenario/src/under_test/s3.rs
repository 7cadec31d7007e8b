//! The adapter `s3`: a recorder's files in a bucket of anything that speaks S3, listed and fetched with signed requests.
//!
//! Of S3 there are two requests here, `ListObjectsV2` and `GetObject`, with the bucket in the path of the URL.

mod sign;

use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use reqwest::StatusCode;

use super::dir::{Stamp, is_named};
use super::http::{Client, Trouble, encoded};
use super::process::write;
use super::profile::{Profile, Recordings};
use super::secret::{Hidden, Secret};
use super::template::{Template, Values};
use sign::{Keys, sign};

/// More files than this are not looked at.
const MOST_FILES: usize = 100_000;

/// A bucket with recordings.
#[derive(Clone, Debug)]
pub struct S3 {
    /// The service's URL, without bucket.
    pub endpoint: Template,
    /// The bucket.
    pub bucket: String,
    /// The region that requests are signed for.
    pub region: String,
    /// Identifier and secret of the access key; `None`: nothing is signed.
    pub keys: Option<(Secret, Secret)>,
    /// The PEM file of whoever signed the service's certificate, who alone is then trusted.
    pub ca: Option<Template>,
    /// How long one request may take.
    pub within: Duration,
}

/// A bucket, and where in it the recordings are.
pub(super) struct Bucket {
    client: Client,
    endpoint: String,
    bucket: String,
    region: String,
    keys: Option<Keys>,
    hidden: Option<Hidden>,
    prefix: String,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Bucket {
    /// The bucket of a profile; what is named is named behind `prefix`.
    ///
    /// # Errors
    /// Keys or certificates that are not there.
    pub(super) fn new(s3: &S3, prefix: &str, project: &Path, values: &Values) -> Result<Self, String> {
        let client = Client::plain(s3.within, s3.ca.as_ref(), project, values)?;
        let read = |(id, secret): &(Secret, Secret)| {
            let (id, secret) = (id.read(project, values)?, secret.read(project, values)?);
            Ok::<_, String>((Keys { id: id.open().to_owned(), secret: secret.clone() }, secret))
        };
        let (keys, hidden) = s3.keys.as_ref().map(read).transpose()?.unzip();
        let endpoint = s3.endpoint.fill(values).trim_end_matches('/').to_owned();
        let (bucket, region) = (s3.bucket.clone(), s3.region.clone());
        let prefix = match prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        Ok(Self { client, endpoint, bucket, region, keys, hidden, prefix })
    }

    /// What it is called.
    pub(super) fn shown(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.prefix)
    }

    /// All its objects, by what is behind the prefix.
    pub(super) async fn list(&self) -> Result<BTreeMap<String, Stamp>, Trouble> {
        let mut found = BTreeMap::new();
        let mut token: Option<String> = None;
        loop {
            let mut query = BTreeMap::from([("list-type", "2".to_owned()), ("prefix", self.prefix.clone())]);
            query.extend(token.take().map(|token| ("continuation-token", token)));
            let Some(bytes) = self.get("", &query).await? else {
                return Err(Trouble::Again(format!("{} has no bucket `{}`", self.endpoint, self.bucket)));
            };
            let text = String::from_utf8_lossy(&bytes);
            let page =
                Page::read(&text).map_err(|why| Trouble::Again(format!("the list of {} {why}", self.shown())))?;
            let behind = page.objects.into_iter().filter_map(|(key, stamp)| {
                let name = key.strip_prefix(&self.prefix)?;
                (!name.is_empty()).then(|| (name.to_owned(), stamp))
            });
            found.extend(behind);
            token = page.next;
            if token.is_none() || found.len() >= MOST_FILES {
                return Ok(found);
            }
        }
    }

    /// What is at a key; nothing where there is nothing.
    async fn get(&self, key: &str, query: &BTreeMap<&str, String>) -> Result<Option<Vec<u8>>, Trouble> {
        let path: Vec<String> = std::iter::once(&*self.bucket).chain(key.split('/')).map(encoded).collect();
        let path = if key.is_empty() { path[..1].join("/") } else { path.join("/") };
        let query: Vec<String> =
            query.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let url = format!("{}/{path}{mark}{}", self.endpoint, query.join("&"));
        let url = super::http::url(&url).map_err(Trouble::Final)?;
        let headers = match &self.keys {
            Some(keys) => sign(keys, &self.region, Timestamp::now(), &url),
            None => Vec::new(),
        };
        let (status, bytes) = self.client.get(&url, &headers).await?;
        if status.is_success() {
            return Ok(Some(bytes));
        }
        let text = String::from_utf8_lossy(&bytes);
        let text = self.hidden.as_ref().map_or_else(|| text.to_string(), |hidden| hidden.kept_from(&text));
        let code = element(&text, "Code").unwrap_or_default();
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let message = element(&text, "Message").unwrap_or_default();
        let why = format!("GET {} was answered with {status}, {code} {message}", super::http::shown(&url));
        let why = why.trim_end().trim_end_matches(',').to_owned();
        Err(match status {
            StatusCode::TOO_MANY_REQUESTS => Trouble::Again(why),
            status if status.is_server_error() => Trouble::Again(why),
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => {
                Trouble::Final(format!("{why}: the service does not accept the keys of the profile"))
            }
            _ => Trouble::Final(why),
        })
    }
}

/// A bucket and what of it lies in a folder here.
#[derive(Debug)]
pub(super) struct Mirror {
    bucket: Bucket,
    /// Objects that were there before, as they were, and those that were fetched, as they were then.
    known: BTreeMap<String, Stamp>,
}

impl Mirror {
    /// Looks at what is there by now.
    ///
    /// # Errors
    /// What will not be otherwise a moment later.
    pub(super) async fn before(s3: &S3, prefix: &str, profile: &Profile, values: &Values) -> Result<Self, String> {
        let bucket = Bucket::new(s3, prefix, &profile.project, values)?;
        match bucket.list().await {
            Ok(known) => Ok(Self { bucket, known }),
            Err(Trouble::Again(_)) => Ok(Self { bucket, known: BTreeMap::new() }),
            Err(Trouble::Final(why)) => Err(why),
        }
    }

    pub(super) fn shown(&self) -> String {
        self.bucket.shown()
    }

    /// Fetches what is new, or other than it was, and named like a recording.
    ///
    /// # Errors
    /// What is wrong with the service, where it will not be otherwise or time is up.
    pub(super) async fn fetch(&mut self, asked: &Recordings, root: &Path, deadline: Instant) -> Result<(), String> {
        match self.try_fetch(asked, root).await {
            Ok(()) => Ok(()),
            Err(Trouble::Again(why)) if Instant::now() >= deadline => {
                Err(format!("{why}; it was asked for {:?}", asked.ready_within))
            }
            Err(Trouble::Again(_)) => Ok(()),
            Err(Trouble::Final(why)) => Err(why),
        }
    }

    async fn try_fetch(&mut self, asked: &Recordings, root: &Path) -> Result<(), Trouble> {
        for (name, stamp) in self.bucket.list().await? {
            // A name that leads out of the folder is none that a profile can give.
            let plain = Path::new(&name).components().all(|part| matches!(part, Component::Normal(_)));
            if !plain || !is_named(asked, &name) || self.known.get(&name) == Some(&stamp) {
                continue;
            }
            let key = format!("{}{name}", self.bucket.prefix);
            if let Some(bytes) = self.bucket.get(&key, &BTreeMap::new()).await? {
                write(&root.join(&name), &bytes).map_err(Trouble::Final)?;
                self.known.insert(name, stamp);
            }
        }
        Ok(())
    }
}

/// The text of the first element of a name in an XML text.
fn element(text: &str, name: &str) -> Option<String> {
    let document = roxmltree::Document::parse(text).ok()?;
    let found = document.descendants().find(|node| node.tag_name().name() == name)?;
    found.text().map(str::to_owned)
}

/// A page of a list of objects.
struct Page {
    objects: Vec<(String, Stamp)>,
    next: Option<String>,
}

impl Page {
    fn read(text: &str) -> Result<Self, String> {
        let document = roxmltree::Document::parse(text).map_err(|error| format!("is no XML: {error}"))?;
        let root = document.root_element();
        if root.tag_name().name() != "ListBucketResult" {
            return Err(format!("is a `{}`, expected a `ListBucketResult`", root.tag_name().name()));
        }
        let text = |node: roxmltree::Node<'_, '_>, name: &str| {
            node.children().find(|child| child.tag_name().name() == name)?.text().map(str::to_owned)
        };
        let objects = root.children().filter(|node| node.tag_name().name() == "Contents").filter_map(|node| {
            let modified = text(node, "LastModified").and_then(|at| at.parse::<Timestamp>().ok());
            let stamp = Stamp { size: text(node, "Size")?.parse().ok()?, modified: modified.map(SystemTime::from) };
            Some((text(node, "Key")?, stamp))
        });
        let more = text(root, "IsTruncated").as_deref() == Some("true");
        Ok(Self { objects: objects.collect(), next: text(root, "NextContinuationToken").filter(|_| more) })
    }
}

#[cfg(test)]
mod tests;
