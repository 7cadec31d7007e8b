//! A scenario as the runner sees it: checked, with defaults filled in, each step knowing its line.
//!
//! The words are CUCM's own where CUCM has one ("SRTP allowed", "X.509 subject name", "transmit security status").

mod action;
mod cluster;
mod expect;
mod node;
mod people;
mod recorder;

use std::sync::Arc;
use std::time::Duration;

pub use self::action::{
    Action, Asker, ChangedStream, DIRECTED_PARK_NUMBERS, Hook, Inject, Injected, Renumbered, Step, StreamChange, Told,
};
pub use self::cluster::{Cluster, Key, OptionsPing, Release, SessionTimer, Tls, Transport, Trunk};
pub use self::expect::{Expect, Party, Refused};
pub use self::node::NodeFailure;
pub use self::people::{Codec, Forward, Phone, Says, Site, SiteKind};
pub use self::recorder::{Deed, Fault, MEDIA_PORTS, Patience, Recorder, RecorderCertificate, SrtpPolicy};

use super::signalling::Disturbed;
use super::trunks::{Destination, RouteList};

/// One scenario file.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The text of the file.
    pub text: Arc<str>,
    /// What it shows, in a sentence.
    pub title: String,
    /// By what it is found among others: words such as `slow`.
    pub tags: Vec<String>,
    /// The cluster that drives the call.
    pub cluster: Cluster,
    /// The phones, in the order of the file.
    pub phones: Vec<Phone>,
    /// What stands behind other trunks, in the order of the file.
    pub outside: Vec<Site>,
    /// The SIP trunk to the recorder.
    pub trunk: Trunk,
    /// What is asked of the bundled recorder.
    pub recorder: Recorder,
    /// What stands behind other addresses.
    pub destinations: Vec<Destination>,
    /// In which order addresses are tried.
    pub route_list: RouteList,
    /// What happens to single messages between CUCM and recorders.
    pub signalling: Vec<Disturbed>,
    /// What the network does to media.
    pub network: Network,
    /// Whether it is for virtual time alone, since it lasts too long in real time.
    pub only_simulated: bool,
    /// What happens, one after the other.
    pub steps: Vec<Step>,
    /// What differs from a plain pass.
    pub expect: Expect,
}

impl Scenario {
    /// Everybody whom steps name: the phones, then the parties outside. The place in this list is the number of each.
    pub fn everybody(&self) -> impl Iterator<Item = &Phone> {
        self.phones.iter().chain(self.outside.iter().flat_map(|site| &site.parties))
    }

    /// The site of a party outside, and its number there; `None` for a phone.
    #[must_use]
    pub fn site_of(&self, number: usize) -> Option<(usize, usize)> {
        let mut party = number.checked_sub(self.phones.len())?;
        for (index, site) in self.outside.iter().enumerate() {
            if party < site.parties.len() {
                return Some((index, party));
            }
            party -= site.parties.len();
        }
        None
    }
}

/// What the network does to media on the way to the recorder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// Share of packets lost.
    pub loss: f64,
    /// Mean length of a loss burst in packets; 0 and 1 are independent losses.
    pub burst: f64,
    /// Share of packets that overtake.
    pub reorder: f64,
    /// Share of packets that come twice.
    pub duplicate: f64,
    /// Delay of every packet.
    pub delay: Duration,
    /// Largest additional random delay.
    pub jitter: Duration,
}

impl Network {
    /// Whether it does anything at all.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}
