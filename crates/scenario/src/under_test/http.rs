//! The adapter `http`: requests that a profile declares, whose answers in JSON say which recordings there are and where their audio is.
//!
//! What goes wrong between us and the service is never blamed on the recorder; that it says, in good order, that there is nothing, is.

mod client;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use media::ledger::Leg;
use reqwest::Url;
use serde_json::Value;
use verify::Content;

use super::dir::Gathered;
use super::path::JsonPath;
use super::profile::{Profile, Recordings};
use super::secret::Secret;
use super::template::{Template, Values};
use super::told::{CALL, Holds, LeftLeg, Names, Told, file, is_whole, put_together, said, strangers, values_of};
use crate::kept::Session;
use crate::outcome::Finding;
pub(super) use client::{Client, Trouble, encoded, shown, url};

/// Between two times that the service is asked.
const PAUSE: Duration = Duration::from_millis(250);
/// More pages than this are not turned.
const MOST_PAGES: usize = 1000;

/// Requests that lead to a recorder's recordings.
#[derive(Clone, Debug)]
pub struct Http {
    /// How long one request may take.
    pub within: Duration,
    /// The PEM file of whoever signed the service's certificate, who alone is then trusted; otherwise those whom the system trusts.
    pub ca: Option<Template>,
    /// Who we say we are; to the service of `find` alone.
    pub authentication: Authentication,
    /// The request that tells of recordings.
    pub find: Request,
    /// In an answer, the URL of the next page.
    pub next: Option<JsonPath>,
    /// In an answer, each recording.
    pub recordings: JsonPath,
    /// In a recording, its refci.
    pub refci: Option<JsonPath>,
    /// In a recording, a Call-ID of it.
    pub call_id: Option<JsonPath>,
    /// In a recording, what `{id}` stands for.
    pub id: Option<JsonPath>,
    /// In a recording, what stands where when it is complete.
    pub ready: Option<(JsonPath, Vec<String>)>,
    /// Its files.
    pub files: Vec<Files>,
}

/// A request as a profile writes it.
#[derive(Clone, Debug)]
pub struct Request {
    /// GET or POST.
    pub is_post: bool,
    /// The URL.
    pub url: Template,
    /// Headers.
    pub headers: Vec<(String, Template)>,
    /// The body.
    pub body: Option<Template>,
}

/// How we say who we are.
#[derive(Clone, Debug, Default)]
pub enum Authentication {
    /// Not at all.
    #[default]
    None,
    /// HTTP's Basic (RFC 7617).
    Basic {
        /// Who.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A bearer token (RFC 6750).
    Bearer(Secret),
    /// A header of the service's own.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: Secret,
    },
}

/// Files of a recording.
#[derive(Clone, Debug)]
pub struct Files {
    /// In a recording, each file.
    pub each: JsonPath,
    /// In a file, what `{file_id}` stands for.
    pub id: Option<JsonPath>,
    /// Where its audio is.
    pub at: Where,
    /// What it holds.
    pub content: Holding,
    /// The left channel of a stereo file.
    pub left: LeftLeg,
}

/// Where a file's audio is.
#[derive(Clone, Debug)]
pub enum Where {
    /// At this URL.
    Url(Template),
    /// At the URL that stands in the file's JSON.
    Link(JsonPath),
}

/// What a file holds.
#[derive(Clone, Debug)]
pub enum Holding {
    /// Always this.
    Always(Holds),
    /// What a word in its JSON says.
    Word {
        /// Where the word stands.
        path: JsonPath,
        /// What each word means.
        words: Vec<(String, Holds)>,
    },
}

/// What a file's URL may have filled in beside what a call has.
pub(super) const FILE: [&str; 2] = ["id", "file_id"];

/// A recording of which the service tells.
struct Entry {
    of: Option<Vec<usize>>,
    item: Value,
    values: Values,
    page: Url,
}

/// Which recordings a request asks for, and how it is filled in.
struct Ask {
    of: Vec<usize>,
    values: Values,
    url: String,
}

/// What the service tells at one time.
struct Round {
    ready: Vec<Entry>,
    unready: Vec<Entry>,
}

/// One service, asked for one scenario's calls.
struct Search<'a> {
    profile: &'a Profile,
    http: &'a Http,
    client: Client,
    asks: Vec<Ask>,
    per_call: bool,
    sessions: &'a [Session],
    values: &'a Values,
}

/// Asks until every recording is there, but no longer than the profile allows, and fetches the files.
///
/// # Errors
/// What is wrong with the service, which is not the recorder's doing.
pub(super) async fn gather(
    values: &Values,
    profile: &Profile,
    http: &Http,
    sessions: &[Session],
) -> Result<Gathered, String> {
    let asked = &profile.recordings;
    let deadline = Instant::now() + asked.ready_within;
    let search = Search::new(values, profile, http, sessions)?;
    if sessions.is_empty() && search.per_call {
        return Ok(Gathered::default());
    }
    let mut seen: (Vec<Value>, Instant) = (Vec::new(), Instant::now());
    loop {
        let last = Instant::now() + PAUSE >= deadline;
        match search.round(asked, &mut seen, last).await {
            Ok(Some(gathered)) => return Ok(gathered),
            Ok(None) => {}
            Err(Trouble::Final(why)) => return Err(why),
            Err(Trouble::Again(why)) if last => {
                return Err(format!("{why}; it was asked for {:?}", asked.ready_within));
            }
            Err(Trouble::Again(_)) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}

impl<'a> Search<'a> {
    fn new(values: &'a Values, profile: &'a Profile, http: &'a Http, sessions: &'a [Session]) -> Result<Self, String> {
        let client = Client::new(http, &profile.project, values)?;
        let templates = || {
            let headers = http.find.headers.iter().map(|(_, value)| value);
            std::iter::once(&http.find.url).chain(&http.find.body).chain(headers)
        };
        let has = |name: &str| templates().any(|template| template.has(name));
        let per_call = CALL.iter().any(|name| has(name));
        let mut asks: BTreeMap<Vec<String>, Ask> = BTreeMap::new();
        let legs: &[Leg] = if has("call_id") { &Leg::ALL } else { &[Leg::Near] };
        for (index, session) in sessions.iter().enumerate().filter(|_| per_call) {
            for leg in legs {
                let mut all = values.clone();
                all.extend(values_of(session, *leg));
                let filled = templates().map(|template| template.fill(&all)).collect();
                let url = client::fill(&http.find.url, &all);
                asks.entry(filled).or_insert_with(|| Ask { of: Vec::new(), values: all, url }).of.push(index);
            }
        }
        let mut asks: Vec<Ask> = asks.into_values().collect();
        if !per_call {
            let url = client::fill(&http.find.url, values);
            asks.push(Ask { of: Vec::new(), values: values.clone(), url });
        }
        Ok(Self { profile, http, client, asks, per_call, sessions, values })
    }

    /// What is to be had now; nothing where it is not all, unless this is the `last` time.
    async fn round(
        &self,
        asked: &Recordings,
        seen: &mut (Vec<Value>, Instant),
        last: bool,
    ) -> Result<Option<Gathered>, Trouble> {
        let round = self.look().await?;
        let items: Vec<Value> = round.ready.iter().map(|entry| entry.item.clone()).collect();
        if items != seen.0 {
            *seen = (items, Instant::now());
        }
        // Where nothing says that a recording is complete, it is when nothing changes any more.
        let rests = self.http.ready.is_some() || seen.1.elapsed() >= asked.unchanged_for;
        let of: Vec<_> = round.ready.iter().map(|entry| entry.of.clone()).collect();
        let whole = round.unready.is_empty() && is_whole(&of, self.sessions);
        if !(last || (whole && rests)) {
            return Ok(None);
        }
        let others = strangers(of.iter());
        let mut told = Vec::new();
        for entry in round.ready.iter().filter(|entry| entry.of.as_ref().is_none_or(|of| !of.is_empty())) {
            let files = self.files(entry).await?;
            told.push(Told { of: entry.of.clone(), files, said: said(self.profile, || entry.item.clone()) });
        }
        let findings = round.unready.iter().filter_map(|entry| self.late(asked, entry)).collect();
        Ok(Some(Gathered { stored: put_together(told), findings, told: others, ..Gathered::default() }))
    }

    /// What the service tells of recordings.
    async fn look(&self) -> Result<Round, Trouble> {
        let mut round = Round { ready: Vec::new(), unready: Vec::new() };
        for ask in &self.asks {
            // One recording may be found by more than one request, such as those for its two Call-IDs.
            let known: Vec<Value> = round.ready.iter().chain(&round.unready).map(|entry| entry.item.clone()).collect();
            for (item, page) in self.pages(ask).await? {
                if known.contains(&item) {
                    continue;
                }
                let entry = self.entry(ask, item, page);
                let is_ready = self
                    .http
                    .ready
                    .as_ref()
                    .is_none_or(|(path, words)| path.word(&entry.item).is_some_and(|word| words.contains(&word)));
                if is_ready { &mut round.ready } else { &mut round.unready }.push(entry);
            }
        }
        round.unready.retain(|entry| entry.of.as_ref().is_none_or(|of| !of.is_empty()));
        Ok(round)
    }

    /// All that is told in answer to one request, page by page.
    async fn pages(&self, ask: &Ask) -> Result<Vec<(Value, Url)>, Trouble> {
        let http = self.http;
        let mut found = Vec::new();
        let mut turned = Vec::new();
        let mut url = url(&ask.url).map_err(Trouble::Final)?;
        let home = client::origin(&url);
        let headers: Vec<(&str, String)> =
            http.find.headers.iter().map(|(name, value)| (name.as_str(), value.fill(&ask.values))).collect();
        let body = http.find.body.as_ref().map(|body| body.fill(&ask.values));
        let mut is_first = true;
        loop {
            let (post, body) = (http.find.is_post && is_first, body.clone().filter(|_| is_first));
            let answer = self.client.json(post, &url, (&headers, body), &home).await?;
            found.extend(http.recordings.find(&answer).into_iter().map(|item| (item.clone(), url.clone())));
            let Some(next) = http.next.as_ref().and_then(|path| path.word(&answer)).filter(|next| !next.is_empty())
            else {
                return Ok(found);
            };
            let joined = url.join(&next).map_err(|error| {
                Trouble::Final(format!(
                    "`{next}`, where {} says that the next page is, is no URL: {error}",
                    shown(&url)
                ))
            })?;
            turned.push(std::mem::replace(&mut url, joined));
            is_first = false;
            if turned.contains(&url) || turned.len() >= MOST_PAGES {
                let pages = turned.len();
                return Err(Trouble::Final(format!("the pages of {} do not end: {pages} were turned", shown(&url))));
            }
        }
    }

    fn entry(&self, ask: &Ask, item: Value, page: Url) -> Entry {
        let word = |path: &Option<JsonPath>| path.as_ref().and_then(|path| path.word(&item));
        let names = Names { refci: word(&self.http.refci), call_id: word(&self.http.call_id) };
        let of = match (names.is_empty(), self.per_call) {
            (false, _) => Some(names.candidates(self.sessions)),
            (true, true) => Some(ask.of.clone()),
            (true, false) => None,
        };
        let mut values = self.values.clone();
        if let Some([only]) = of.as_deref() {
            values.extend(values_of(&self.sessions[*only], Leg::Near));
        }
        values.extend(word(&self.http.id).map(|id| ("id", id)));
        Entry { of, item, values, page }
    }

    async fn files(&self, entry: &Entry) -> Result<Vec<(Holds, verify::RecordedFile<'static>)>, Trouble> {
        let home = url(&self.asks.first().map(|ask| ask.url.clone()).unwrap_or_default());
        let home = client::origin(&home.map_err(Trouble::Final)?);
        let mut all = Vec::new();
        for files in &self.http.files {
            for node in files.each.find(&entry.item) {
                let holds = files.content.of(node).map_err(Trouble::Final)?;
                let (name, content) = match files.url(node, entry).map_err(Trouble::Final)? {
                    Some(url) => (url.path().trim_start_matches('/').to_owned(), self.client.audio(&url, &home).await?),
                    None => ("a file without a link".to_owned(), Content::Missing),
                };
                all.push(file(&name, holds, files.left, content));
            }
        }
        Ok(all)
    }

    fn late(&self, asked: &Recordings, entry: &Entry) -> Option<Finding> {
        let (path, words) = self.http.ready.as_ref()?;
        let within = asked.ready_within;
        let expected = format!("`{path}` is {} within {within:?} of the last call", words.join(" or "));
        let got = path.word(&entry.item).map_or_else(|| "nothing".to_owned(), |word| format!("`{word}`"));
        let mut finding = Finding::new("late-file", expected, got);
        if let Some([only]) = entry.of.as_deref() {
            finding.recording = Some(self.sessions[*only].label());
        }
        Some(finding)
    }
}

impl Files {
    /// Where the audio of a file is; nothing where its JSON does not tell.
    fn url(&self, node: &Value, entry: &Entry) -> Result<Option<Url>, String> {
        match &self.at {
            Where::Link(path) => {
                let Some(link) = path.word(node) else { return Ok(None) };
                entry.page.join(&link).map(Some).map_err(|error| format!("`{link}` at `{path}` is no URL: {error}"))
            }
            Where::Url(template) => {
                let mut values = entry.values.clone();
                values.extend(self.id.as_ref().and_then(|path| path.word(node)).map(|id| ("file_id", id)));
                url(&client::fill(template, &values)).map(Some)
            }
        }
    }
}

impl Holding {
    fn of(&self, node: &Value) -> Result<Holds, String> {
        match self {
            Self::Always(holds) => Ok(*holds),
            Self::Word { path, words } => {
                let got = path.word(node);
                let known = words.iter().find(|(word, _)| got.as_deref() == Some(word));
                known.map(|(_, holds)| *holds).ok_or_else(|| {
                    let known: Vec<&str> = words.iter().map(|(word, _)| word.as_str()).collect();
                    let got = got.map_or_else(|| "nothing".to_owned(), |got| format!("`{got}`"));
                    format!("`{path}`, which says what a file holds, is {got}, expected one of: {}", known.join(", "))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests;
