//! The adapter `dir`: a recorder's files below a folder, found by name and taken when they no longer change.

mod missing;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use media::ledger::Leg;
use verify::{Content, PauseTime, Recorded, RecordedFile};

use super::glob::Glob;
use super::process::LOG;
use super::profile::{Profile, Recordings};
use super::s3::{Mirror, S3};
use super::said::Said;
use super::template::{Template, Values};
use super::told::at;
use crate::kept::{LARGEST_WAV, Session, Stored};
use crate::outcome::Finding;
use missing::{came_late, late_file, missing, pattern};

/// Between two looks at the folder.
const LOOK: Duration = Duration::from_millis(100);
/// Times of files may be a little coarser than the clock.
const COARSE: Duration = Duration::from_secs(2);
/// A folder deeper than this is not looked into.
const DEEPEST: usize = 16;
/// More files than this are not looked at.
const MOST_FILES: usize = 100_000;
/// No file that says something of a recording is larger.
const LARGEST_SAID: u64 = 16 << 20;
/// Where what is fetched from a bucket lies, below the scenario's folder.
const MIRROR: &str = "bucket";

/// What may be in the names of one recording's files.
struct Dialogs {
    label: String,
    /// The names of its files, where the patterns leave no choice.
    names: Option<Vec<Glob>>,
    values: Values,
    call_ids: [Vec<String>; 2],
}

impl Dialogs {
    fn of(session: &Session) -> Self {
        let values = Values::from([
            ("refci", session.refci.to_string()),
            ("farend_refci", session.farendrefci.to_string()),
            ("near", session.near.number.clone()),
            ("far", session.far.number.clone()),
            ("near_device", session.near.device.clone()),
            ("far_device", session.far.device.clone()),
            ("cluster", session.cluster_id.clone()),
        ]);
        let call_ids = Leg::ALL.map(|leg| session.call_ids(leg).map(str::to_owned).collect());
        Self { label: session.label(), names: None, values, call_ids }
    }

    /// The same with the names that its files have by these patterns.
    fn named(self, asked: &Recordings) -> Self {
        let globs: Vec<Glob> = kinds(asked).flat_map(|(kind, template)| self.globs(kind, template)).collect();
        Self { names: globs.iter().all(Glob::is_plain).then_some(globs), ..self }
    }

    /// Whether its files cannot have other names than those of `other`.
    fn is_named_as(&self, other: &Self) -> bool {
        self.names.is_some() && self.names == other.names
    }

    /// The patterns that a kind of file of this recording may have.
    fn globs(&self, kind: Kind, template: &Template) -> Vec<Glob> {
        let [near, far] = &self.call_ids;
        let call_ids = match kind {
            Kind::Near => near.iter().chain(&[]),
            Kind::Far => far.iter().chain(&[]),
            Kind::Stereo | Kind::Leg | Kind::Mixed | Kind::Said => near.iter().chain(far),
        };
        let glob = |call_id: &String| {
            let mut values = self.values.clone();
            values.insert("call_id", call_id.clone());
            Glob::new(template, &values)
        };
        call_ids.map(glob).collect()
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// The recordings, each with the index of the session it belongs to.
    pub(crate) stored: Vec<Stored>,
    /// Files that are missing or late.
    pub(crate) findings: Vec<Finding>,
    /// What of the recorder's own words about its recordings is compared; `None` where it is not looked at.
    pub(crate) compared: Option<String>,
    /// What else there is to be told where something is wrong, such as the last lines that the recorder printed.
    pub(crate) told: Vec<String>,
    /// Whether its files are of whole calls, and what they then have of the time between recordings.
    pub(crate) whole_calls: Option<PauseTime>,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Stereo,
    Near,
    Far,
    /// One leg, and nothing but the audio says which.
    Leg,
    /// Both legs in one channel.
    Mixed,
    /// No audio: what the recorder says of it.
    Said,
}

/// The folder of a recorder's recordings, as it was before a scenario began.
#[derive(Debug)]
pub(crate) struct Shelf {
    root: PathBuf,
    folder: Folder,
    /// Where the files of the folder come from, if they are not written there.
    bucket: Option<Mirror>,
}

impl Shelf {
    /// Looks at the folder; what is there by now is none of the scenario's.
    pub(crate) fn before(profile: &Profile, values: &Values) -> Self {
        let root = profile.project.join(profile.recordings.root.fill(values));
        let log = values.get("folder").map(|folder| Path::new(folder).join(LOG));
        let since = SystemTime::now() - COARSE;
        let shown = root.display().to_string();
        let mut folder = Folder { shown, since, log, earlier: BTreeMap::new(), seen: BTreeMap::new() };
        folder.earlier = folder.walk(&root);
        Self { root, folder, bucket: None }
    }

    /// Looks at a bucket, whose new objects will be fetched into a folder of the scenario's own.
    ///
    /// # Errors
    /// Keys that are not there or not accepted. That nobody answers yet is none: the recorder may bring the service with it.
    pub(crate) async fn of_bucket(profile: &Profile, s3: &S3, values: &Values) -> Result<Self, String> {
        let prefix = profile.recordings.root.fill(values);
        let mirror = Mirror::before(s3, &prefix, profile, values).await?;
        let root = Path::new(values.get("folder").map_or("", String::as_str)).join(MIRROR);
        let shown = mirror.shown();
        let folder =
            Folder { shown, since: SystemTime::UNIX_EPOCH, log: None, earlier: BTreeMap::new(), seen: BTreeMap::new() };
        Ok(Self { root, folder, bucket: Some(mirror) })
    }

    /// Waits until every recording has its files and they no longer change, but no longer than the profile allows, and
    /// reads them.
    ///
    /// # Errors
    /// That the names which the profile gives do not tell apart what has to be told apart; what is wrong with a bucket.
    pub(crate) async fn gather(mut self, profile: &Profile, sessions: &[Session]) -> Result<Gathered, String> {
        let (asked, folder) = (&profile.recordings, &mut self.folder);
        let dialogs: Vec<Dialogs> = sessions.iter().map(|session| Dialogs::of(session).named(asked)).collect();
        let mut deadline = Instant::now() + if dialogs.is_empty() { asked.unchanged_for } else { asked.ready_within };
        let ended = sessions.iter().filter_map(|session| at(session, session.ended_us)).max();
        let ended = ended.map(SystemTime::from);
        // What was missing when its time was over.
        let mut overdue: Option<(Instant, Vec<Lack>)> = None;
        loop {
            if let Some(bucket) = &mut self.bucket {
                bucket.fetch(asked, &self.root, deadline).await?;
            }
            folder.look(&self.root);
            let now = Instant::now();
            let found = Found::new(asked, folder, &dialogs);
            let finished = !dialogs.is_empty() && found.is_whole(&dialogs, folder, ended);
            let finished = finished && folder.rests(now, asked, &found);
            if now >= deadline && !finished && !found.missing.is_empty() && overdue.is_none() {
                overdue = Some((deadline, found.missing));
                deadline += asked.grace();
                continue;
            }
            if finished || now >= deadline {
                found.told_apart(asked, &dialogs)?;
                let late = overdue.map(|(since, missing)| Overdue { after: now - since, missing });
                return Ok(found.read(profile, &self.root, folder, &dialogs, (now, late)));
            }
            let pause = if self.bucket.is_some() { LOOK * 3 } else { LOOK };
            tokio::time::sleep(pause.min(deadline - now)).await;
        }
    }
}

/// What a file is known by from look to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size: u64,
    pub(super) modified: Option<SystemTime>,
}

impl Stamp {
    /// `None` where there is no file.
    fn of(path: &Path) -> Option<Self> {
        let data = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        Some(Self { size: data.len(), modified: data.modified().ok() })
    }
}

/// The files below the root, by their path with `/`.
#[derive(Debug)]
struct Folder {
    /// What it is called.
    shown: String,
    /// Files that were last written before are not looked at.
    since: SystemTime,
    /// What it prints, which we write and nobody looks for.
    log: Option<PathBuf>,
    /// Files that were there before the scenario began, as they were.
    earlier: BTreeMap<String, Stamp>,
    /// All others, and since when each is as it is.
    seen: BTreeMap<String, (Stamp, Instant)>,
}

impl Folder {
    fn look(&mut self, root: &Path) {
        let now = self.walk(root);
        let at = Instant::now();
        let new = now.into_iter().filter(|(path, stamp)| self.earlier.get(path) != Some(stamp));
        let seen = new.map(|(path, stamp)| {
            let known = self.seen.get(&path).filter(|(before, _)| *before == stamp).map(|(_, since)| *since);
            (path, (stamp, known.unwrap_or(at)))
        });
        self.seen = seen.collect();
    }

    fn is_remote(&self) -> bool {
        self.shown.starts_with("s3:")
    }

    fn walk(&self, root: &Path) -> BTreeMap<String, Stamp> {
        let mut found = BTreeMap::new();
        let mut folders = vec![(root.to_owned(), String::new(), 0)];
        while let Some((folder, prefix, depth)) = folders.pop() {
            let Ok(entries) = fs::read_dir(folder) else { continue };
            for entry in entries.flatten() {
                let (Some(name), Ok(kind)) = (entry.file_name().to_str().map(str::to_owned), entry.file_type()) else {
                    continue;
                };
                let path = format!("{prefix}{name}");
                if kind.is_dir() && depth < DEEPEST {
                    folders.push((entry.path(), format!("{path}/"), depth + 1));
                } else if !kind.is_dir()
                    && self.log.as_deref() != Some(&*entry.path())
                    && let Some(stamp) = Stamp::of(&entry.path())
                    && stamp.modified.is_none_or(|at| at >= self.since)
                    && found.len() < MOST_FILES
                {
                    found.insert(path, stamp);
                }
            }
        }
        found
    }

    fn rests(&self, now: Instant, asked: &Recordings, found: &Found) -> bool {
        let rests = |path: &String| self.seen.get(path).is_some_and(|(_, since)| now - *since >= asked.unchanged_for);
        found.groups.keys().flatten().all(|(_, path)| rests(path))
    }
}

/// Files that belong together: those of one recording.
type Group = Vec<(Kind, String)>;

/// A recording without a file of this kind.
type Lack = (usize, Kind);

/// What was missing when its time was over, and how much later it is now.
struct Overdue {
    after: Duration,
    missing: Vec<Lack>,
}

/// Which files belong to which recordings.
struct Found {
    /// Each group with the recordings it may be of; more than one where names do not tell.
    groups: BTreeMap<Group, BTreeSet<usize>>,
    /// The recordings that lack a kind of file.
    missing: Vec<Lack>,
}

impl Found {
    fn new(asked: &Recordings, folder: &Folder, dialogs: &[Dialogs]) -> Self {
        let mut found = Self { groups: BTreeMap::new(), missing: Vec::new() };
        for (index, of) in dialogs.iter().enumerate() {
            let mut fitting = Vec::new();
            for (kind, template) in kinds(asked) {
                let globs = of.globs(kind, template);
                let fits = |path: &String| {
                    let captures = globs.iter().find_map(|glob| glob.captures(path))?;
                    Some((captures, (kind, path.clone())))
                };
                let before = fitting.len();
                fitting.extend(folder.seen.keys().filter_map(fits));
                let least = if kind == Kind::Leg { 2 } else { 1 };
                if fitting.len() < before + least {
                    found.missing.push((index, kind));
                }
            }
            for group in group(fitting) {
                found.groups.entry(group).or_default().insert(index);
            }
        }
        found
    }

    /// Whether every recording has all its files. Recordings whose names cannot differ have one file at most; it is the last one's
    /// when it was written after all had `ended`.
    fn is_whole(&self, dialogs: &[Dialogs], folder: &Folder, ended: Option<SystemTime>) -> bool {
        let twins =
            dialogs.iter().enumerate().filter(|(at, of)| dialogs[..*at].iter().any(|other| of.is_named_as(other)));
        let is_last = |path: &String| {
            let modified = folder.seen.get(path).and_then(|(stamp, _)| stamp.modified);
            modified.zip(ended).is_some_and(|(modified, ended)| modified + COARSE >= ended)
        };
        let shared = self.groups.iter().filter(|(_, of)| of.len() > 1);
        let is_over = shared.flat_map(|(group, _)| group).all(|(_, path)| is_last(path));
        let twins = if is_over { twins.count() } else { 0 };
        self.missing.is_empty() && self.groups.len() + twins >= dialogs.len()
    }

    /// Where one `leg` pattern stands for the files of several recordings, as of a call that was on hold and is recorded again under
    /// its refci, nothing says which two belong together.
    fn told_apart(&self, asked: &Recordings, dialogs: &[Dialogs]) -> Result<(), String> {
        let legs = |group: &&Group| group.iter().all(|(kind, _)| *kind == Kind::Leg);
        let single = self.groups.iter().filter(|(group, _)| legs(group) && group.len() == 1);
        let Some((group, of)) = single.into_iter().find(|(_, of)| of.len() > 1) else { return Ok(()) };
        let labels: Vec<&str> = of.iter().filter_map(|at| dialogs.get(*at)).map(|of| of.label.as_str()).collect();
        let (_, path) = &group[0];
        Err(format!(
            "`leg = \"{}\"` stands for files of {} recordings, {}, and nothing in a name such as {path} tells which two belong \
             together; put `{{call_id}}` into it, or name the files by the adapter `exec`",
            pattern(asked, Kind::Leg),
            of.len(),
            labels.join(" and "),
        ))
    }

    fn read(
        self,
        profile: &Profile,
        root: &Path,
        folder: &Folder,
        dialogs: &[Dialogs],
        (now, late): (Instant, Option<Overdue>),
    ) -> Gathered {
        let asked = &profile.recordings;
        let mut gathered = Gathered::default();
        for (index, of) in dialogs.iter().enumerate() {
            let kinds: Vec<Kind> = self.missing.iter().filter(|(at, _)| *at == index).map(|(_, kind)| *kind).collect();
            if !kinds.is_empty() {
                gathered.findings.push(missing(asked, &kinds, root, folder, of));
                continue;
            }
            let was_missing = |late: &&Overdue| late.missing.iter().any(|(at, _)| *at == index);
            let late = late.as_ref().filter(was_missing);
            gathered.findings.extend(late.map(|late| came_late(asked, late.after, of)));
        }
        for (group, of) in &self.groups {
            let late = |(_, path): &&(Kind, String)| {
                folder.seen.get(path).is_some_and(|(_, since)| now - *since < asked.unchanged_for)
            };
            gathered.findings.extend(group.iter().filter(late).map(|(kind, path)| late_file(asked, *kind, path, root)));
            let expected = if of.len() == 1 { of.first().copied() } else { None };
            // What is said without any audio tells of no recording.
            if group.iter().any(|(kind, _)| *kind != Kind::Said) {
                let (said, findings) = said(asked, root, group);
                let fits = of.iter().copied().collect();
                let names_differ =
                    of.iter().zip(of.iter().skip(1)).any(|(a, b)| !dialogs[*a].is_named_as(&dialogs[*b]));
                let is_shared = !names_differ && of.len() > 1;
                let is_mixed = group.iter().any(|(kind, _)| *kind == Kind::Mixed);
                let stored = stored(recorded(asked, root, group, expected));
                gathered.stored.push(Stored { said, fits, is_shared, is_mixed, ..stored });
                gathered.findings.extend(findings);
            }
        }
        if profile.has_folder_of_its_own() {
            gathered.stored.extend(self.unasked(asked, root, folder).into_iter().map(stored));
        }
        let order = |stored: &Stored| (stored.recorded.expected.is_none(), stored.recorded.expected);
        gathered.stored.sort_by(|a, b| (order(a), &a.recorded.label).cmp(&(order(b), &b.recorded.label)));
        gathered
    }

    /// Files named like recordings that belong to none, and hold audio.
    fn unasked(&self, asked: &Recordings, root: &Path, folder: &Folder) -> Vec<Recorded<'static>> {
        let claimed: BTreeSet<&String> = self.groups.keys().flatten().map(|(_, path)| path).collect();
        let mut fitting = Vec::new();
        for (kind, template) in kinds(asked).filter(|(kind, _)| *kind != Kind::Said) {
            let glob = Glob::new(template, &Values::new());
            let free = folder.seen.keys().filter(|path| !claimed.contains(path));
            fitting.extend(free.filter_map(|path| Some((glob.captures(path)?, (kind, path.clone())))));
        }
        let read = |(_, file)| recorded(asked, root, &vec![file], None);
        fitting.into_iter().map(read).filter(holds_audio).collect()
    }
}

/// The kinds of files that a profile names.
fn kinds(asked: &Recordings) -> impl Iterator<Item = (Kind, &Template)> {
    let said = asked.metadata.as_ref().map(|metadata| &metadata.file);
    let all = [
        (Kind::Stereo, Some(&asked.stereo)),
        (Kind::Near, Some(&asked.near)),
        (Kind::Far, Some(&asked.far)),
        (Kind::Leg, Some(&asked.leg)),
        (Kind::Mixed, Some(&asked.mixed)),
        (Kind::Said, said),
    ];
    all.into_iter().filter_map(|(kind, template)| Some((kind, template?.as_ref()?)))
}

/// Puts files together: all in one where there is one of each kind, else those whose wildcards stand for the same.
fn group(fitting: Vec<(Vec<String>, (Kind, String))>) -> Vec<Group> {
    let of = |kind: Kind| fitting.iter().filter(|(_, (other, _))| *other == kind).count();
    // What is said may be said of each leg, and there are two files of a leg each.
    let most = |kind: Kind| if matches!(kind, Kind::Leg | Kind::Said) { 2 } else { 1 };
    let one_of_each = fitting.iter().all(|(_, (kind, _))| of(*kind) <= most(*kind)) && of(Kind::Leg) != 1;
    let mut groups: BTreeMap<Vec<String>, Group> = BTreeMap::new();
    for (captures, file) in fitting {
        let key = if one_of_each { Vec::new() } else { captures };
        groups.entry(key).or_default().push(file);
    }
    groups.into_values().collect()
}

/// A recording of which nothing is known but its files.
pub(super) fn stored(recorded: Recorded<'static>) -> Stored {
    Stored {
        recorded,
        folder: PathBuf::new(),
        metadata: None,
        said: Vec::new(),
        is_mixed: false,
        findings: Vec::new(),
        fits: Vec::new(),
        is_shared: false,
    }
}

fn recorded(asked: &Recordings, root: &Path, group: &Group, expected: Option<usize>) -> Recorded<'static> {
    let file = |(kind, path): &(Kind, String)| {
        let claims = match (kind, asked.left_is_far) {
            (Kind::Near, _) => vec![Some(Leg::Near)],
            (Kind::Far, _) => vec![Some(Leg::Far)],
            (Kind::Leg | Kind::Mixed | Kind::Said, _) => vec![None],
            (Kind::Stereo, false) => vec![Some(Leg::Near), Some(Leg::Far)],
            (Kind::Stereo, true) => vec![Some(Leg::Far), Some(Leg::Near)],
        };
        RecordedFile { name: path.clone(), content: content(&root.join(path)), claims }
    };
    let label = group.first().map(|(_, path)| path.clone()).unwrap_or_default();
    let audio = group.iter().filter(|(kind, _)| *kind != Kind::Said);
    Recorded { label, expected, files: audio.map(file).collect() }
}

/// What the recorder says of a recording, and what is wrong with the files that say it.
fn said(asked: &Recordings, root: &Path, group: &Group) -> (Vec<Said>, Vec<Finding>) {
    let (mut all, mut findings) = (Vec::new(), Vec::new());
    let Some(metadata) = &asked.metadata else { return (all, findings) };
    for (_, path) in group.iter().filter(|(kind, _)| *kind == Kind::Said) {
        let text = wire::file::read_text(&root.join(path), LARGEST_SAID).map_err(|e| e.to_string());
        match text.and_then(|text| serde_json::from_str(&text).map_err(|e| e.to_string())) {
            Ok(value) => all.push(Said::new(metadata.clone(), value)),
            Err(why) => {
                let mut finding = Finding::new("unreadable-metadata", "a file of JSON", why);
                finding.file = Some(path.clone());
                findings.push(finding);
            }
        }
    }
    (all, findings)
}

pub(super) fn content(path: &Path) -> Content<'static> {
    match wire::file::read(path, LARGEST_WAV) {
        Ok(bytes) => crate::sound::content(bytes, None),
        Err(error) => Content::Unreadable(error.to_string()),
    }
}

/// Whether there is anything to hear in one of its files; one that cannot be read is no proof of that.
fn holds_audio(recorded: &Recorded<'static>) -> bool {
    recorded.files.iter().any(|file| match &file.content {
        Content::Wav(bytes) => media::wav::read(bytes).is_ok_and(|wav| wav.samples.iter().any(|s| !s.is_empty())),
        Content::Missing | Content::Unreadable(_) => false,
    })
}

/// Whether a name is one that the profile gives to files of any recording.
pub(super) fn is_named(asked: &Recordings, name: &str) -> bool {
    kinds(asked).any(|(_, template)| Glob::new(template, &Values::new()).fits(name))
}

#[cfg(test)]
pub(super) mod tests;
