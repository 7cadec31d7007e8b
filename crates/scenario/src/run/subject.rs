//! The recorder under test while a scenario runs: started, reached, stopped, its recordings gathered.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cucm::CucmEvent;
use cucm::config::Destination;
use recorder::Recorder;
use trust::cert::{Certificate, Identity};
use verify::PauseTime;
use wire::Net;

use super::addresses::Addresses;
use super::error::SetupError;
use super::stage::{self, Certificates, Peer};
use crate::file::{Hook, Party, Refused, Scenario, Transport};
use crate::kept::Session;
use crate::outcome::Finding;
use crate::under_test::{
    Ended, Gathered, Metadata, Process, Profile, RecorderCertificate, Source, Start, Template, UnderTest, Values, Way,
    last_lines, run_to_its_end, write, write_private,
};

/// The recorder under test, up.
pub(super) enum Subject {
    Bundled(Box<Bundled>),
    External(Box<External>),
}

/// The bundled recorder.
pub(super) struct Bundled {
    /// `None` only while it is restarted.
    recorder: Option<Recorder>,
    net: Net,
    config: recorder::Config,
    seed: u64,
    /// What it left behind at each restart.
    before: Vec<recorder::Summary>,
}

/// What the recorder under test left behind.
pub(super) enum Left {
    Bundled(Box<recorder::Summary>),
    External(Gathered),
}

impl Left {
    /// What is wrong beside the audio, known before it is listened to.
    pub(super) fn findings(&self) -> Vec<Finding> {
        match self {
            Self::Bundled(_) => Vec::new(),
            Self::External(gathered) => gathered.findings.clone(),
        }
    }

    /// What else there is to be told of a recorder of somebody else's where something is wrong.
    pub(super) fn told(&self) -> &[String] {
        match self {
            Self::Bundled(_) => &[],
            Self::External(gathered) => &gathered.told,
        }
    }

    /// The recordings that CUCM set up, as they are in files.
    pub(super) fn in_files(&self, sessions: &[Session]) -> Vec<Session> {
        let whole_calls = match self {
            Self::Bundled(_) => None,
            Self::External(gathered) => gathered.whole_calls,
        };
        in_files(sessions.to_vec(), whole_calls)
    }

    /// What of this recorder could not be checked.
    pub(super) fn not_checked(&self, scenario: &Scenario) -> Vec<String> {
        let Self::External(gathered) = self else { return Vec::new() };
        let by_recorder = scenario.expect.refused.as_ref().is_some_and(|refused| refused.by == Party::Recorder);
        let rule = by_recorder.then_some("by which rule the recorder refused a connection");
        let but = gathered.compared.as_ref().map(|facts| format!(" but for {facts}")).unwrap_or_default();
        let written = format!("what the recorder wrote about its recordings{but}");
        let all = std::iter::once("dialogs and ports that it left open").chain(rule).map(str::to_owned);
        std::iter::once(written).chain(all).collect()
    }

    /// The TLS connections that the recorder refused: the rule, and why. Of a foreign recorder only CUCM's side is
    /// seen, an alert or a close; which rule it went by is then taken to be the one that is expected. Some (PJSIP is one)
    /// look at a certificate when the handshake is over and then close without a word, so where a refusal is expected, an
    /// INVITE whose connection closed before any answer is one.
    pub(super) fn refusals(&self, events: &[(u64, CucmEvent)], expected: Option<&Refused>) -> Vec<(String, String)> {
        match self {
            Self::Bundled(summary) => summary.refusals.iter().map(|r| (r.rule.clone(), r.why.clone())).collect(),
            Self::External(_) => {
                let failures = events.iter().filter_map(|(_, event)| match event {
                    CucmEvent::TrunkTls { failure, .. } if !failure.refused_by_us => Some(failure),
                    _ => None,
                });
                let of_tls = failures.filter(|failure| failure.rule != "connect").map(|f| (&f.rule, &f.why));
                let closed = events.iter().filter_map(|(_, event)| match event {
                    CucmEvent::RecordingFailed(failed) if expected.is_some() && failed.rule == "closed" => {
                        Some((&failed.rule, &failed.why))
                    }
                    _ => None,
                });
                let rule = |rule: &String| expected.map_or_else(|| rule.clone(), |expected| expected.rule.clone());
                of_tls.chain(closed).map(|(of, why)| (rule(of), why.clone())).collect()
            }
        }
    }
}

fn in_files(sessions: Vec<Session>, whole_calls: Option<PauseTime>) -> Vec<Session> {
    match whole_calls {
        Some(time) => Session::by_call(sessions, time),
        None => sessions,
    }
}

/// Somebody else's recorder.
pub(super) struct External {
    profile: Arc<Profile>,
    /// `None`: it ran before us and goes on running.
    process: Option<Process>,
    source: Source,
    /// What its commands are filled in with.
    values: Values,
    net: Net,
    /// Where CUCM is.
    from: IpAddr,
    /// Where it is itself.
    recorder: IpAddr,
    folder: PathBuf,
    /// The wall time that the clock of events began at.
    began: SystemTime,
}

/// What is fixed before anybody starts.
pub(super) struct Ground<'a> {
    pub(super) net: &'a Net,
    pub(super) addresses: Addresses,
    pub(super) folder: &'a Path,
    pub(super) seed: u64,
}

impl Subject {
    /// Starts the recorder, and tells what CUCM must know of it. The certificates change where the recorder is to know
    /// another CallManager than the one it meets, or the same one in every run.
    pub(super) async fn start(
        under_test: &UnderTest,
        scenario: &Scenario,
        certificates: &mut Certificates,
        ground: Ground<'_>,
    ) -> Result<(Self, Peer), SetupError> {
        match under_test {
            UnderTest::Bundled => {
                let Ground { net, addresses, folder, seed } = ground;
                let config = stage::bundled(scenario, certificates, addresses, folder);
                let net = net.clone();
                let started = recorder::start(net.clone(), config.clone(), recorder::Seed::Replay(seed)).await;
                let recorder = started.map_err(|e| super::play::start("the recorder", &e))?;
                let bundled = Bundled { recorder: Some(recorder), net, config, seed, before: Vec::new() };
                Ok((Self::Bundled(Box::new(bundled)), Peer::bundled(scenario, certificates, addresses)))
            }
            UnderTest::External(profile) => {
                let (external, peer) = External::start(profile, scenario, certificates, ground).await?;
                Ok((Self::External(Box::new(external)), peer))
            }
        }
    }

    /// Waits until the recorder has nothing open, where that can be seen; at most `within`.
    pub(super) async fn quiet(&self, within: Duration) {
        let Some(recorder) = self.bundled() else { return };
        let mut status = recorder.watch();
        let quiet = status.wait_for(|now| now.dialogs + now.legs + now.recordings == 0);
        // A recorder that keeps a dialog is found by its summary.
        let _ = tokio::time::timeout(within, quiet).await;
    }

    /// Has something befall it; afterwards it is ready again, unless it was killed.
    ///
    /// # Errors
    /// What did not work: the recorder is not blamed for it.
    pub(super) async fn befall(&mut self, hook: Hook) -> Result<(), String> {
        match self {
            Self::Bundled(bundled) if hook == Hook::Restart => bundled.again().await,
            Self::Bundled(_) => Err("the bundled recorder cannot have that".to_owned()),
            Self::External(external) => external.befall(hook).await,
        }
    }

    /// The bundled recorder, if that is under test.
    pub(super) fn bundled(&self) -> Option<&Recorder> {
        match self {
            Self::Bundled(bundled) => bundled.recorder.as_ref(),
            Self::External(_) => None,
        }
    }

    /// Ends it and takes what it left behind.
    ///
    /// # Errors
    /// That the program which should tell of its recordings did not.
    pub(super) async fn finish(self, events: &[(u64, CucmEvent)]) -> Result<Left, SetupError> {
        match self {
            Self::Bundled(bundled) => Ok(Left::Bundled(Box::new(bundled.stop().await))),
            Self::External(external) => external.finish(events).await.map(Left::External),
        }
    }
}

impl Bundled {
    /// Stops it and starts it again in the same folder.
    async fn again(&mut self) -> Result<(), String> {
        if let Some(recorder) = self.recorder.take() {
            self.before.push(recorder.stop().await);
        }
        // No tag and no key may come twice.
        self.seed = self.seed.wrapping_add(1);
        let seed = recorder::Seed::Replay(self.seed);
        let started = recorder::start(self.net.clone(), self.config.clone(), seed).await;
        self.recorder = Some(started.map_err(|e| super::play::start("the recorder", &e).to_string())?);
        Ok(())
    }

    /// Ends it; what it left behind, of all its lives.
    async fn stop(self) -> recorder::Summary {
        let mut summary = match self.recorder {
            Some(recorder) => recorder.stop().await,
            None => recorder::Summary::default(),
        };
        for earlier in self.before.into_iter().rev() {
            summary.dialogs_open += earlier.dialogs_open;
            summary.legs_open += earlier.legs_open;
            summary.ports_open += earlier.ports_open;
            summary.recordings_open += earlier.recordings_open;
            summary.recordings.splice(0..0, earlier.recordings);
            summary.alarms.splice(0..0, earlier.alarms);
            summary.refusals.splice(0..0, earlier.refusals);
            summary.connections += earlier.connections;
            summary.connections_refused += earlier.connections_refused;
            summary.malformed += earlier.malformed;
        }
        summary
    }
}

impl External {
    async fn befall(&mut self, hook: Hook) -> Result<(), String> {
        let Self { profile, process, values, net, from, recorder, folder, .. } = self;
        let way = Way { net, from: *from, recorder: *recorder, trunk: None };
        let named = profile.hooks.get(&hook);
        match (named, profile.start.as_ref(), process) {
            (Some(words), Some(start), Some(process)) => {
                process.befall(words, start, values, &profile.project).await?;
                if matches!(hook, Hook::Kill | Hook::Restart) {
                    process.forgive();
                }
                if hook == Hook::Restart {
                    process.wait_until_ready(start, values, way).await?;
                }
                Ok(())
            }
            (Some(words), ..) => {
                let start = Start::of_nothing();
                run_to_its_end(words, &start, values, &profile.project, &folder.join("hooks.log")).await
            }
            (None, Some(_), Some(process)) if hook == Hook::Kill => {
                process.kill().await;
                Ok(())
            }
            (None, Some(start), Some(process)) if hook == Hook::Restart => {
                process.again(start, values, &profile.project, way).await
            }
            (None, ..) => Err(format!("recorder `{}` has no command for it", profile.name)),
        }
    }

    async fn start(
        profile: &Arc<Profile>,
        scenario: &Scenario,
        certificates: &mut Certificates,
        ground: Ground<'_>,
    ) -> Result<(Self, Peer), SetupError> {
        let who = format!("recorder `{}`", profile.name);
        let failed = |why| SetupError::Start { who: who.clone(), why };
        let Ground { net, addresses, .. } = ground;
        let folder = std::path::absolute(ground.folder).map_err(|e| failed(e.to_string()))?;
        let port = profile.listens.port(scenario.trunk.transport).unwrap_or_default();
        let known = call_manager(profile, scenario, certificates, net.clock().wall())?;
        let files = CertificateFiles::write(profile, certificates, &known, addresses, &folder).map_err(failed)?;
        let mut values = Values::from([
            ("address", addresses.recorder().to_string()),
            ("port", port.to_string()),
            ("user", profile.user.clone()),
            ("folder", folder.display().to_string()),
            ("project", profile.project.display().to_string()),
            ("cucm_address", addresses.cucm().to_string()),
        ]);
        values.extend(files.values);
        let source = Source::before(profile, &values).await;
        let source = source.map_err(|why| SetupError::Adapter { recorder: profile.name.clone(), why })?;
        let is_stream = scenario.trunk.transport != Transport::Udp;
        let trunk = is_stream.then_some(port);
        let way = Way { net, from: addresses.cucm(), recorder: addresses.recorder(), trunk };
        let process = match &profile.start {
            Some(start) => {
                let begun = Process::start(start, &profile.stop, &values, &profile.project, &folder, way);
                Some(begun.await.map_err(failed)?)
            }
            None => {
                running(profile, scenario, &way, port).await.map_err(failed)?;
                None
            }
        };
        let own = own_certificates(profile, certificates, &values).map_err(failed)?;
        let listed = !scenario.recorder.certificate.untrusted;
        let names = match (scenario.trunk.x509_subject.as_slice(), profile.x509_subject.as_slice()) {
            ([], []) => vec![addresses.recorder().to_string()],
            ([], names) | (names, _) => names.to_vec(),
        };
        let peer = Peer {
            at: Destination { address: addresses.recorder(), port },
            number: profile.user.clone(),
            x509_subject: names,
            call_manager_trust: if listed { own } else { Vec::new() },
        };
        Ok((
            Self {
                profile: Arc::clone(profile),
                process,
                source,
                values,
                net: net.clone(),
                from: addresses.cucm(),
                recorder: addresses.recorder(),
                folder,
                began: net.clock().wall_at(net.clock().epoch()),
            },
            peer,
        ))
    }

    async fn finish(self, events: &[(u64, CucmEvent)]) -> Result<Gathered, SetupError> {
        let sessions: Vec<Session> = Session::of_events(events).into_iter().map(|s| s.in_run(self.began)).collect();
        let whole_calls = self.profile.recordings.whole_calls;
        let sessions = in_files(sessions, whole_calls);
        let gathered = self.source.gather(&self.profile, &sessions).await;
        let is_ours = self.process.is_some();
        let ended = match self.process {
            Some(process) => process.stop().await,
            None => Ended::Asked,
        };
        let name = &self.profile.name;
        let compared = self.profile.recordings.metadata.as_ref().map(Metadata::names);
        let mut gathered = match (gathered, &ended) {
            (Ok(gathered), _) => gathered,
            // A program that asks a recorder which has died cannot be blamed.
            (Err(_), Ended::Early(_)) => Gathered::default(),
            (Err(why), _) => return Err(SetupError::Adapter { recorder: name.clone(), why }),
        };
        (gathered.compared, gathered.whole_calls) = (compared, whole_calls);
        if is_ours {
            let printed = last_lines(&self.folder);
            gathered.told.extend(printed.into_iter().map(|line| format!("the recorder printed: {line}")));
        }
        match ended {
            Ended::Asked => {}
            Ended::Killed => {
                let expected = format!("recorder `{name}` ends within {:?} when asked to", self.profile.stop.within);
                gathered.findings.push(Finding::new("recorder-not-stopped", expected, "it had to be killed"));
            }
            Ended::Early(how) => {
                let expected = format!("recorder `{name}` runs until it is stopped");
                gathered
                    .findings
                    .insert(0, Finding::new("recorder-died", expected, format!("it ended by itself: {how}")));
            }
        }
        Ok(gathered)
    }
}

/// A recorder that is said to run already must answer, or the scenario would blame it for calls that never reached it.
async fn running(profile: &Profile, scenario: &Scenario, way: &Way<'_>, port: u16) -> Result<(), String> {
    let at = SocketAddr::new(way.recorder, port);
    if scenario.trunk.transport == Transport::Udp || way.net.connect(way.from, at).await.is_ok() {
        return Ok(());
    }
    let given: Vec<String> = profile.certificates.call_manager.iter().map(Template::to_string).collect();
    let given = if given.is_empty() { String::new() } else { format!("; CallManager.pem is in {}", given.join(", ")) };
    Err(format!("it is said to run already, and nothing listens on {at}{given}"))
}

/// The CallManager certificate that the recorder is given. CUCM presents the same, unless the scenario has it unknown
/// to the recorder: `certificates` then gets another one.
fn call_manager(
    profile: &Profile,
    scenario: &Scenario,
    certificates: &mut Certificates,
    now: SystemTime,
) -> Result<Certificate, SetupError> {
    if scenario.trunk.transport != Transport::Tls {
        return Ok(certificates.call_manager.certificate.clone());
    }
    let kept = profile.certificates.cucm_identity.as_deref().map(|file| stage::kept_call_manager(file, now));
    let known = match (kept.transpose()?, scenario.cluster.known_to_recorder) {
        (Some(kept), true) => {
            certificates.call_manager = kept;
            certificates.call_manager.certificate.clone()
        }
        (Some(kept), false) => kept.certificate,
        (None, true) => certificates.call_manager.certificate.clone(),
        (None, false) => stage::stranger(now)?.certificate,
    };
    Ok(known)
}

/// The files that hold certificates, written before the recorder starts.
struct CertificateFiles {
    values: Values,
}

impl CertificateFiles {
    fn write(
        profile: &Profile,
        certificates: &Certificates,
        call_manager: &Certificate,
        addresses: Addresses,
        folder: &Path,
    ) -> Result<Self, String> {
        let mut values = Values::from([
            ("folder", folder.display().to_string()),
            ("project", profile.project.display().to_string()),
            ("address", addresses.recorder().to_string()),
        ]);
        let pem = call_manager.to_pem();
        for file in &profile.certificates.call_manager {
            write(&profile.project.join(file.fill(&values)), pem.as_bytes())?;
        }
        let mut file = |name, file: &str, bytes: &[u8]| {
            let path = folder.join(file);
            values.insert(name, path.display().to_string());
            write(&path, bytes)
        };
        file("cucm_certificate", "CallManager.pem", pem.as_bytes())?;
        if matches!(profile.certificates.recorder, RecorderCertificate::Made) {
            let own: &Identity = &certificates.recorder;
            file("recorder_certificate", "recorder.pem", own.certificate.to_pem().as_bytes())?;
            let whole = own.to_pem();
            let key = whole.find("-----BEGIN PRIVATE KEY").map_or("", |at| &whole[at..]);
            for (name, file, text) in
                [("recorder_key", "recorder.key", key), ("recorder_identity", "recorder-identity.pem", &*whole)]
            {
                let path = folder.join(file);
                values.insert(name, path.display().to_string());
                write_private(&path, text.as_bytes()).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
            }
        }
        Ok(Self { values })
    }
}

/// What goes into CallManager-trust.
fn own_certificates(
    profile: &Profile,
    certificates: &Certificates,
    values: &Values,
) -> Result<Vec<Certificate>, String> {
    match &profile.certificates.recorder {
        RecorderCertificate::None => Ok(Vec::new()),
        RecorderCertificate::Made => Ok(vec![certificates.recorder.certificate.clone()]),
        RecorderCertificate::File(file) => {
            let path = profile.project.join(file.fill(values));
            let wrong = |why: String| format!("its certificate {} cannot be used: {why}", path.display());
            let text = wire::file::read_text(&path, recorder::certs::LARGEST).map_err(|e| wrong(e.to_string()))?;
            Certificate::all_from_pem(&text).map_err(|e| wrong(e.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use cucm::{Party as Phone, RecordingFailed, RecordingId};

    use super::*;

    fn failed(rule: &str) -> Vec<(u64, CucmEvent)> {
        let failed = RecordingFailed {
            recording: RecordingId(1),
            call: 1,
            near: Phone { device: String::new(), number: "2000".to_owned(), name: String::new() },
            why: "the connection closed before an answer came".to_owned(),
            rule: rule.to_owned(),
            tried: Vec::new(),
        };
        vec![(0, CucmEvent::RecordingFailed(failed))]
    }

    #[test]
    fn a_close_behind_the_handshake_is_a_refusal_where_one_is_expected() {
        let left = Left::External(Gathered::default());
        let expected = Refused { by: Party::Recorder, rule: "trusted-certificates".to_owned() };
        let rules = |events: &[(u64, CucmEvent)], expected| -> Vec<String> {
            left.refusals(events, expected).into_iter().map(|(rule, _)| rule).collect()
        };
        assert_eq!(rules(&failed("closed"), Some(&expected)), ["trusted-certificates"]);
        assert!(rules(&failed("status"), Some(&expected)).is_empty(), "an answer is no refusal of the connection");
        // Elsewhere it is a recording that failed, which is told as such.
        assert!(rules(&failed("closed"), None).is_empty());
    }
}
