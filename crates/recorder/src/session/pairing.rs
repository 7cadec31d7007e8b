//! Which two dialogs are one recording.
//!
//! CUCM opens two dialogs for a recorded call; only parameters inside the From URI tie them together (Cisco, "Call
//! Recording Examples for Network-Based and Phone-Based Recording"). Both carry the same call legs, `x-refci` and
//! `x-farendrefci`, in the cluster `x-nearendclusterid`; `x-nearend` or `x-farend` says whose voice a dialog carries.
//!
//! The pair of call legs is compared without order, so a release that names them the other way round in the far
//! dialog still pairs. That alone would merge two recordings where both phones of a call are recorded: they carry the
//! same two call legs, near and far exchanged. So the recorded device is part of the key, or `x-refci` where no
//! device is named (releases before 8). Cisco-Guid is never part: it differs between the two dialogs.

use sip::{NameAddr, Params};

use crate::fault::Fault;
use crate::metadata::{Parameter, Party, Side};

/// The `x-` parameters of a From URI.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters {
    params: Params,
    display: Option<String>,
    /// By [`Fault::MindCase`].
    minds_case: bool,
}

/// What the dialogs of one recording have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// A call of a cluster.
    Call {
        cluster: String,
        /// The recorded device, or the recorded call leg where none is named.
        near: String,
        /// Both call legs, the lesser first.
        legs: [String; 2],
    },
    /// A dialog that names no call legs stands alone.
    Alone { call_id: String, remote_tag: String },
}

impl Key {
    /// Whether this is the same talk at the other phone: the same call legs in the same cluster, at another device.
    pub(crate) fn mirrors(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Call { cluster, near, legs }, Self::Call { cluster: its, near: at, legs: others }) => {
                cluster == its && near != at && legs == others && legs.iter().all(|leg| !leg.is_empty())
            }
            _ => false,
        }
    }
}

/// One party's leg of a call: a number of the cluster's, and the party that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallLeg {
    number: String,
    /// In lower case, where one is named.
    device: Option<String>,
    address: Option<String>,
}

impl CallLeg {
    /// Whether both are one leg. What one of them does not name (releases before 8.6) does not tell them apart.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let named = |leg: &Self| leg.device.is_some() || leg.address.is_some();
        let same = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
        let party = same(&self.device, &other.device) || same(&self.address, &other.address);
        self.number == other.number && (party || !named(self) || !named(other))
    }
}

impl Parameters {
    /// fault: what is in the URI is not seen, or is told apart by its letters.
    pub(crate) fn but_for(mut self, fault: Fault) -> Self {
        match fault {
            Fault::DropParameters => self.params = Params::default(),
            Fault::MindCase => self.minds_case = true,
            _ => {}
        }
        self
    }

    pub(crate) fn of(from: &NameAddr) -> Self {
        Self { params: from.uri.params.clone(), display: from.display.clone(), minds_case: false }
    }

    /// Whose voice; `None` where neither or both are named.
    pub(crate) fn side(&self) -> Option<Side> {
        match (self.params.has("x-nearend"), self.params.has("x-farend")) {
            (true, false) => Some(Side::Near),
            (false, true) => Some(Side::Far),
            _ => None,
        }
    }

    /// The value of a parameter; an empty one counts.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.params.get(name).map(str::to_owned)
    }

    fn filled(&self, name: &str) -> Option<&str> {
        self.params.get(name).filter(|value| !value.is_empty())
    }

    pub(crate) fn key(&self, call_id: &str, remote_tag: &str) -> Key {
        let Some(refci) = self.filled("x-refci") else {
            return Key::Alone { call_id: call_id.to_owned(), remote_tag: remote_tag.to_owned() };
        };
        let mut legs = [refci.to_owned(), self.filled("x-farendrefci").unwrap_or_default().to_owned()];
        legs.sort();
        Key::Call { cluster: self.cluster(), near: self.near_device(), legs }
    }

    /// The cluster of the recorded party, in lower case; empty where none is named.
    pub(crate) fn cluster(&self) -> String {
        self.filled("x-nearendclusterid").unwrap_or_default().to_ascii_lowercase()
    }

    /// The recorded device in lower case, or its call leg where none is named.
    pub(crate) fn near_device(&self) -> String {
        match self.filled("x-nearenddevice") {
            Some(device) if self.minds_case => device.to_owned(),
            Some(device) => device.to_ascii_lowercase(),
            None => format!("refci:{}", self.filled("x-refci").unwrap_or_default()),
        }
    }

    /// The call legs of both parties, as far as they are named.
    pub(crate) fn call_legs(&self) -> Vec<CallLeg> {
        let parties =
            [("x-refci", "x-nearenddevice", "x-nearendaddr"), ("x-farendrefci", "x-farenddevice", "x-farendaddr")];
        let leg = |(number, device, address)| {
            Some(CallLeg {
                number: self.filled(number).filter(|number| *number != "0")?.to_owned(),
                device: self.filled(device).map(str::to_ascii_lowercase),
                address: self.filled(address).map(str::to_owned),
            })
        };
        parties.into_iter().filter_map(leg).collect()
    }

    /// fault: only one leg counts, or only its number.
    pub(crate) fn call_legs_but_for(&self, fault: Fault) -> Vec<CallLeg> {
        let mut legs = self.call_legs();
        match fault {
            Fault::ChainByRefci => legs.truncate(1),
            Fault::MergeByParty => legs.iter_mut().for_each(|leg| leg.number.clear()),
            Fault::MergeReused => legs.iter_mut().for_each(|leg| (leg.device, leg.address) = (None, None)),
            _ => {}
        }
        legs
    }

    /// fault: there is but one cluster.
    pub(crate) fn cluster_but_for(&self, fault: Fault) -> String {
        if fault == Fault::MergeReused { String::new() } else { self.cluster() }
    }

    /// Every parameter as it was spelled.
    pub(crate) fn raw(&self) -> Vec<Parameter> {
        let spelled =
            |(name, value): (&str, Option<&str>)| Parameter { name: name.to_owned(), value: value.map(str::to_owned) };
        self.params.iter().map(spelled).collect()
    }

    /// The recorded party.
    pub(crate) fn near(&self) -> Party {
        Party {
            address: self.text("x-nearendaddr"),
            device: self.text("x-nearenddevice"),
            cluster_id: self.text("x-nearendclusterid"),
            name: self.display.clone(),
            conference: false,
        }
    }

    /// The other party.
    pub(crate) fn far(&self) -> Party {
        Party {
            address: self.text("x-farendaddr"),
            device: self.text("x-farenddevice"),
            cluster_id: self.text("x-farendclusterid"),
            name: None,
            conference: self.params.has("isfocus"),
        }
    }
}

/// The name of a recording's folder: when it began, the call leg, and four digits of chance. Whatever the peer wrote,
/// only letters and digits of it get into a file name.
pub(crate) fn name(stamp: &str, refci: Option<&str>, chance: u16) -> String {
    let safe: String = refci.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).take(20).collect();
    let call = if safe.is_empty() { "call" } else { &safe };
    format!("{stamp}-{call}-{chance:04x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(from: &str) -> Parameters {
        let text = format!("INVITE sip:7878@192.0.2.1 SIP/2.0\r\nFrom: {from}\r\n\r\n");
        Parameters::of(&sip::Message::parse(text.as_bytes()).unwrap().from_().unwrap())
    }

    fn key(side: &str, refci: &str, farendrefci: &str, device: &str) -> Key {
        let device = if device.is_empty() { String::new() } else { format!(";x-nearenddevice={device}") };
        let from = format!(
            "<sip:1001@192.0.2.5;{side};x-refci={refci};x-nearendclusterid=StandAloneCluster{device};\
             x-farendrefci={farendrefci};x-farendaddr=1000>;tag=1~2-3"
        );
        parameters(&from).key("a@b", "1~2-3")
    }

    #[test]
    fn near_and_far_of_one_call_pair_whatever_the_order_and_case() {
        let near = key("x-nearend", "19301625", "19301624", "SEP6C416A369525");
        assert_eq!(near, key("x-farend", "19301625", "19301624", "sep6c416a369525"));
        assert_eq!(near, key("x-farend", "19301624", "19301625", "SEP6C416A369525"));
        assert_ne!(near, key("x-farend", "19301627", "19301624", "SEP6C416A369525"));
    }

    #[test]
    fn a_call_recorded_at_both_phones_is_two_recordings() {
        assert_ne!(key("x-nearend", "25", "24", "SEP1"), key("x-nearend", "24", "25", "SEP2"));
        assert_ne!(key("x-nearend", "25", "24", ""), key("x-nearend", "24", "25", ""), "without device names too");
        assert_eq!(key("x-nearend", "25", "24", ""), key("x-farend", "25", "24", ""));
    }

    #[test]
    fn other_clusters_with_the_same_numbers_are_others() {
        let of = |cluster: &str| {
            parameters(&format!(
                "<sip:1@h;x-nearend;x-refci=1;x-farendrefci=2;x-nearendclusterid={cluster};x-nearenddevice=S>;tag=t"
            ))
            .key("c", "t")
        };
        assert_ne!(of("North"), of("South"));
        assert_eq!(of("North"), of("north"));
    }

    #[test]
    fn a_call_leg_is_a_number_and_the_party_that_has_it() {
        let of = |device: &str, address: &str| {
            let from = format!("<sip:1@h;x-nearend;x-refci=7;x-nearenddevice={device};x-nearendaddr={address}>;tag=t");
            parameters(&from).call_legs().remove(0)
        };
        let agent = of("SEPA", "2000");
        assert!(agent.is(&of("sepa", "3000")), "the number behind a trunk changes");
        assert!(agent.is(&of("SEPB", "2000")), "a shared line is picked up elsewhere");
        assert!(!agent.is(&of("SEPB", "3000")), "the number was given out again");
        assert!(!of("SEPA", "").is(&of("SEPB", "")), "withheld numbers are not equal");
        let bare = parameters("<sip:1@h;x-nearend;x-refci=7>;tag=t").call_legs().remove(0);
        assert!(agent.is(&bare) && bare.is(&agent));
        assert!(!agent.is(&CallLeg { number: "8".into(), ..agent.clone() }));
    }

    #[test]
    fn a_dialog_without_call_legs_stands_alone() {
        let bare = parameters("<sip:sipp@192.0.2.9>;tag=1");
        assert_eq!(bare.side(), None);
        assert_ne!(bare.key("a", "1"), bare.key("b", "1"));
        assert_eq!(parameters("<sip:1@h;x-nearend;x-farend>;tag=1").side(), None);
    }

    #[test]
    fn parties_and_parameters_are_kept_as_spelled() {
        let from = "\"SJ \\\"User\\\" 2\" <sip:1001@192.0.2.5;x-farend;x-refci=5;x-nearenddevice=SEP6C;x-nearendaddr=1001;\
                    x-farenddevice=CFB_2;x-farendaddr=;isfocus;x-odd=%20a>;tag=1";
        let parameters = parameters(from);
        assert_eq!(parameters.side(), Some(Side::Far));
        assert_eq!(parameters.near().name.as_deref(), Some("SJ \"User\" 2"));
        assert_eq!(parameters.far().address.as_deref(), Some(""));
        assert!(parameters.far().conference);
        let odd = Parameter { name: "x-odd".into(), value: Some("%20a".into()) };
        assert_eq!(parameters.raw().last(), Some(&odd));
    }

    #[test]
    fn a_peer_cannot_choose_the_folder() {
        assert_eq!(name("20190827-152743-120", Some("19301625"), 0x1a2b), "20190827-152743-120-19301625-1a2b");
        assert_eq!(name("t", Some("../../etc/passwd\0"), 1), "t-etcpasswd-0001");
        assert_eq!(name("t", Some("."), 1), "t-call-0001");
        assert_eq!(name("t", Some(&"9".repeat(4096)), 1).len(), 2 + 20 + 5);
    }
}
