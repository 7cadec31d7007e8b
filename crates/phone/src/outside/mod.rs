//! The other side of a trunk: a remote cluster, or a PSTN gateway, and the parties who talk there.
//!
//! A site has one address, at which CUCM's trunk ends, and any number of parties. Each of them calls and is called like a phone; CUCM
//! sees only the trunk, and who it is from P-Asserted-Identity and Remote-Party-ID. What happens behind the trunk stays there, unless
//! the site tells CUCM: another party takes the place of the first ([`Outside::transfer`]), or a conference is made of it
//! ([`Outside::confer`]).
//!
//! ```text
//!  party ─┐                                            ┌─ phone
//!  party ─┼─ voices ─ site ══ SIP trunk: TCP, TLS ══ CUCM
//!  party ─┘             ╚═════════════ RTP, SRTP ══════╝
//! ```
//!
//! A gateway also forks the media of a call, when CUCM asks for it over HTTP (`xmf`): it hears the recorded party and speaks for the
//! other one.
//!
//! Signalling is one machine without sockets (`site`), driven by one task; media runs on the same [`MediaClock`] as that of phones.

mod calls;
mod change;
mod driver;
mod fork;
mod media;
mod site;
mod text;
mod xmf;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ::media::ledger::Ledger;
use ::media::signal::Voice;
use ::media::srtp::Suite;
use sip::Transport;
use tokio::sync::{mpsc, oneshot, watch};
use trust::cert::{Certificate, Identity};
use wire::Net;

use crate::codec::Codec;
use crate::media_clock::MediaClock;
use crate::phone::{CommandError, Summary, WaitError};
use crate::status::{PhoneState, Status};

use site::{Command, Made};

/// What stands behind a trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Another cluster, behind an inter-cluster trunk.
    Cluster,
    /// A voice gateway to the public network.
    Gateway,
}

/// What a gateway does when CUCM wants its calls forked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Forking {
    /// It takes CUCM's registration, and forks.
    #[default]
    On,
    /// It refuses CUCM's registration.
    RegistrationRejected,
    /// It never answers to CUCM's registration.
    RegistrationUnanswered,
    /// It takes the registration, and refuses to fork.
    Refused,
    /// It takes the registration, and never answers to the request to fork.
    Unanswered,
}

/// One who talks there.
#[derive(Debug, Clone)]
pub struct Party {
    /// The number under which it is called, and which it shows.
    pub number: String,
    /// The name that it shows; empty for none.
    pub display: String,
    /// What it says in each call.
    pub voice: Voice,
}

/// A site to be opened.
#[derive(Debug, Clone)]
pub struct Config {
    /// What it is called in the ledger and in messages to the user, such as the name of the trunk.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What it does when it is to fork media; of a gateway only.
    pub forking: Forking,
    /// Its address; signalling and media are bound to it.
    pub address: IpAddr,
    /// The port that the trunk leads to; 0 for any free one.
    pub port: u16,
    /// Where CUCM takes the trunk's calls.
    pub cucm: SocketAddr,
    /// TLS with these certificates, or TCP.
    pub security: Option<Security>,
    /// SRTP suites in the order of the offer; none for RTP.
    pub suites: Vec<Suite>,
    /// Codecs in the order of the offer.
    pub codecs: Vec<Codec>,
    /// Who talks there.
    pub parties: Vec<Party>,
    /// The packet clock of the run.
    pub media: MediaClock,
}

/// Certificates of a trunk under TLS.
#[derive(Debug, Clone)]
pub struct Security {
    /// The site's own.
    pub identity: Identity,
    /// The certificates of CUCM's nodes that it knows.
    pub trusted: Vec<Certificate>,
}

/// How CUCM learns that another party talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// By a re-INVITE with that party's name, address and key.
    ByInvite,
    /// By UPDATE with its name; the media comes from where it came before, as behind a media termination point.
    ByUpdate,
    /// Not at all: what the public network does by itself shows in nothing but the voice.
    NotAtAll,
}

/// An open site. Dropping it pulls the plug.
#[derive(Debug)]
pub struct Outside {
    name: String,
    numbers: Vec<String>,
    at: SocketAddr,
    requests: mpsc::UnboundedSender<driver::Request>,
    status: watch::Receiver<Vec<Status>>,
}

/// Opens the site's port and runs it.
///
/// # Errors
/// In words, where the port is in use or the certificates cannot be used.
pub async fn open(net: Net, config: Config, seed: u64) -> Result<Outside, String> {
    let (name, numbers) = (config.name.clone(), config.parties.iter().map(|party| party.number.clone()).collect());
    let (requests, asked) = mpsc::unbounded_channel();
    let (told, status) = watch::channel(vec![idle(); config.parties.len()]);
    let driver = driver::Driver::open(net, config, seed, (asked, told)).await?;
    let at = driver.at();
    tokio::spawn(driver.run());
    Ok(Outside { name, numbers, at, requests, status })
}

/// A party without a call.
const fn idle() -> Status {
    Status {
        server: None,
        registered: true,
        call: crate::status::CallState::Idle,
        other: crate::status::CallState::Idle,
        secured: false,
        security: crate::status::Security::Unknown,
        forks: 0,
        recording_shown: false,
        bridges: 0,
        remote: crate::status::RemoteUse::None,
    }
}

impl Outside {
    /// The site's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the trunk has to lead.
    pub fn address(&self) -> SocketAddr {
        self.at
    }

    /// What a party is doing now.
    pub fn status(&self, party: usize) -> Status {
        self.status.borrow().get(party).copied().unwrap_or(idle())
    }

    /// A party calls a number of the cluster.
    ///
    /// # Errors
    /// [`CommandError`] if it has a call.
    pub async fn dial(&self, party: usize, number: &str) -> Result<(), CommandError> {
        self.command(Command::Dial { party, number: number.to_owned() }).await
    }

    /// A party answers its call.
    ///
    /// # Errors
    /// [`CommandError`] if nothing rings, or what CUCM offers cannot be used.
    pub async fn answer(&self, party: usize) -> Result<(), CommandError> {
        self.command(Command::Answer { party }).await
    }

    /// A party ends its call.
    ///
    /// # Errors
    /// [`CommandError`] if it has none.
    pub async fn hang_up(&self, party: usize) -> Result<(), CommandError> {
        self.command(Command::HangUp { party }).await
    }

    /// A party puts its call on hold.
    ///
    /// # Errors
    /// [`CommandError`] if it does not talk.
    pub async fn hold(&self, party: usize) -> Result<(), CommandError> {
        self.command(Command::Change { party, to: Made::Held }).await
    }

    /// A party takes its call back.
    ///
    /// # Errors
    /// [`CommandError`] if it does not hold one.
    pub async fn resume(&self, party: usize) -> Result<(), CommandError> {
        self.command(Command::Change { party, to: Made::Resumed }).await
    }

    /// The call of a party becomes that of another one of this site, who is without a call.
    ///
    /// # Errors
    /// [`CommandError`] if the one does not talk, or the other one is busy.
    pub async fn transfer(&self, party: usize, to: usize, told: Told) -> Result<(), CommandError> {
        self.command(Command::Transfer { party, to, told }).await
    }

    /// A party joins others of this site, who are without a call, to its call. CUCM is told by UPDATE that it talks with a focus
    /// (RFC 4579 §3), under this number if one is delivered.
    ///
    /// # Errors
    /// [`CommandError`] if the one does not talk, or the others are busy.
    pub async fn confer(&self, party: usize, with: &[usize], number: Option<&str>) -> Result<(), CommandError> {
        let (with, number) = (with.to_vec(), number.unwrap_or_default().to_owned());
        self.command(Command::Confer { party, with, number }).await
    }

    /// A party leaves its conference. Where only one is left, CUCM is told by UPDATE that it talks with that one.
    ///
    /// # Errors
    /// [`CommandError`] if it is in none.
    pub async fn leave(&self, party: usize) -> Result<(), CommandError> {
        self.command(Command::Leave { party }).await
    }

    /// Waits until a party is in this state; at once if it is.
    ///
    /// # Errors
    /// [`WaitError`] with what it was doing instead.
    pub async fn wait_for(&self, party: usize, state: PhoneState, timeout: Duration) -> Result<Status, WaitError> {
        let mut status = self.status.clone();
        let holds = |all: &Vec<Status>| all.get(party).is_some_and(|status| state.holds(status));
        let waited = tokio::time::timeout(timeout, status.wait_for(holds)).await;
        let device = || format!("{} ({})", self.numbers.get(party).map_or("?", String::as_str), self.name);
        match waited {
            Ok(Ok(_)) => Ok(self.status(party)),
            Ok(Err(_)) => Err(WaitError::Gone { device: device() }),
            Err(_) => Err(WaitError::TimedOut { device: device(), wanted: state, timeout, seen: self.status(party) }),
        }
    }

    /// Ends all calls and closes the site: what was sent, and what was left open.
    ///
    /// # Errors
    /// [`CommandError::Gone`] if it had died.
    pub async fn finish(self) -> Result<(Ledger, Summary), CommandError> {
        let (reply, done) = oneshot::channel();
        self.requests.send(driver::Request::Finish(reply)).map_err(|_| CommandError::Gone)?;
        done.await.map_err(|_| CommandError::Gone)
    }

    async fn command(&self, command: Command) -> Result<(), CommandError> {
        let (reply, done) = oneshot::channel();
        self.requests.send(driver::Request::Do(command, reply)).map_err(|_| CommandError::Gone)?;
        done.await.map_err(|_| CommandError::Gone)?
    }
}

impl Config {
    fn transport(&self) -> Transport {
        if self.security.is_some() { Transport::Tls } else { Transport::Tcp }
    }
}
