//! The dialogs with the recorder.

use sip::{Builder, Message, Refresher};

use super::{ALLOW_TRUNK, Node, SUPPORTED, Sessions as _, Thread, name_addr, with_sdp};
use crate::config::{DeviceNames, FromParameters, GatewayFrom, TrunkSecurityStatus};
use crate::event::{Party, SecurityLevel};

/// Whose voice a recording dialog carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// The recorded party's own.
    Near,
    /// The other party's.
    Far,
}

impl End {
    /// Near first, as CUCM sends them.
    pub(crate) const BOTH: [Self; 2] = [Self::Near, Self::Far];

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Near => Self::Far,
            Self::Far => Self::Near,
        }
    }

    /// The flag in the From URI.
    fn flag(self) -> &'static str {
        match self {
            Self::Near => "x-nearend",
            Self::Far => "x-farend",
        }
    }

    /// The label of the stream on the phone's bridge dialog.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Near => "X-relay-nearend",
            Self::Far => "X-relay-farend",
        }
    }
}

/// What ties the two dialogs of a recording together.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) refci: u32,
    pub(crate) farendrefci: u32,
    pub(crate) cluster_id: String,
    pub(crate) near: Party,
    pub(crate) far: Party,
    /// Whether the far end is a conference bridge.
    pub(crate) is_focus: bool,
    pub(crate) form: FromParameters,
    pub(crate) devices: DeviceNames,
    /// The session of the call: the half of the recorded phone in its Session-ID.
    pub(crate) session: String,
    /// The gateway that forks the media, if none but the phone does.
    pub(crate) fork: Option<Fork>,
}

/// A gateway that forks the media of a call, beside the far end (Cisco document 211385).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fork {
    /// The number of the party at the gateway.
    pub(crate) number: String,
    /// Whose number the recording comes from.
    pub(crate) from: GatewayFrom,
    /// Cisco-Guid of the gateway's call, in hexadecimal.
    pub(crate) guid: String,
}

impl Metadata {
    /// Whom the node speaks for in both dialogs: the recorded party, or by the dialect the one at the gateway that forks.
    pub(crate) fn identity(&self) -> Party {
        match self.fork.as_ref().filter(|fork| fork.from == GatewayFrom::FarEnd) {
            Some(fork) => Party { number: fork.number.clone(), name: String::new(), ..self.near.clone() },
            None => self.near.clone(),
        }
    }
}

/// From without its tag: all metadata stands inside the URI.
pub(crate) fn from_value(metadata: &Metadata, end: End, node: &Node) -> String {
    let Metadata { refci, farendrefci, cluster_id, near, far, is_focus, form, devices, session, fork } = metadata;
    let (near_device, far_device) = (devices.write(&near.device), devices.write(&far.device));
    let mut parameters = vec![
        end.flag().to_owned(),
        format!("x-refci={refci}"),
        format!("x-nearendclusterid={cluster_id}"),
        format!("x-nearenddevice={near_device}"),
        format!("x-nearendaddr={}", near.number),
        format!("x-farendrefci={farendrefci}"),
        format!("x-farendclusterid={cluster_id}"),
        format!("x-farenddevice={far_device}"),
        format!("x-farendaddr={}", far.number),
    ];
    parameters.extend(is_focus.then(|| "isfocus".to_owned()));
    parameters.extend(fork.as_ref().map(|fork| format!("x-farendguid={}", fork.guid)));
    form.apply(end, session, &mut parameters);
    let parameters = parameters.join(";");
    let who = metadata.identity();
    name_addr(&who.name, &who.number, &format!("{};{parameters}", node.host()))
}

impl FromParameters {
    fn apply(self, end: End, session: &str, parameters: &mut Vec<String>) {
        let drop = |parameters: &mut Vec<String>, names: &[&str]| {
            parameters.retain(|parameter| !names.iter().any(|name| parameter.split('=').next() == Some(name)));
        };
        match self {
            Self::Usual => {}
            Self::Short => drop(parameters, &["x-nearendclusterid", "x-nearendaddr", "x-farendclusterid"]),
            Self::NoFarAddress => drop(parameters, &["x-farendaddr"]),
            Self::NoSide => drop(parameters, &["x-nearend", "x-farend"]),
            Self::MixedCase if end == End::Far => {
                let devices = parameters.iter_mut().filter(|parameter| parameter.contains("enddevice="));
                devices.for_each(|device| device.make_ascii_lowercase());
            }
            Self::MixedCase => {}
            Self::Reversed => parameters.reverse(),
            Self::WithOthers => {
                parameters.insert(0, "x-flag".to_owned());
                parameters.push(format!("x-sessionid={session}"));
                parameters.push("x-future=%3Cb%3E;x-empty=".to_owned());
            }
        }
    }
}

/// The security status of the call, for a trunk with *Transmit Security Status*.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transmitted {
    pub(crate) level: SecurityLevel,
    pub(crate) form: TrunkSecurityStatus,
    /// Number of the call.
    pub(crate) call: u32,
}

/// The session timer that a request of ours asks for, in seconds (RFC 4028 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timer {
    pub(crate) seconds: u32,
    /// Min-SE.
    pub(crate) least: u32,
}

/// What the INVITE needs besides its dialog.
#[derive(Debug)]
pub(crate) struct Invite<'a> {
    pub(crate) near: &'a Party,
    /// The Session-ID that the phone gave its bridge dialog.
    pub(crate) session: &'a str,
    pub(crate) guid: &'a str,
    pub(crate) rel1xx: bool,
    pub(crate) timer: Timer,
    /// What is told of the call's security, where the trunk does that.
    pub(crate) security: Option<Transmitted>,
    /// Early offer.
    pub(crate) sdp: Option<&'a str>,
    /// Whether a gateway forks: then nothing is said of key presses (Cisco document 211385).
    pub(crate) is_forked: bool,
}

/// The INVITE to the recorder (trace of Cisco document 200788).
pub(crate) fn invite(node: &Node, thread: &Thread, facts: &Invite<'_>) -> Message {
    let near = facts.near;
    let rel1xx = if facts.rel1xx { "100rel," } else { "" };
    let builder = thread
        .begin(node, "INVITE")
        .header("Supported", format_args!("{rel1xx}{SUPPORTED}"))
        .header("Min-SE", format_args!(" {}", facts.timer.least))
        .header("User-Agent", node.product())
        .header("Allow", ALLOW_TRUNK)
        .header("CSeq", format_args!("{} INVITE", thread.cseq))
        .header("Expires", 180)
        .header("Allow-Events", events(facts.is_forked))
        .header("Supported", "X-cisco-srtp-fallback")
        .header("Supported", "Geolocation");
    let identity = name_addr(&near.name, &near.number, &node.host());
    let builder = call_info(builder, node, facts.security, facts.is_forked)
        .session(node, super::session_id(facts.session, super::NIL))
        .header("Cisco-Guid", facts.guid)
        .header("Session-Expires", format_args!(" {}", facts.timer.seconds))
        .header("P-Asserted-Identity", &identity)
        .header("Remote-Party-ID", format_args!("{identity};party=calling;screen=yes;privacy=off"))
        .header("Contact", contact(node, near))
        .header("Max-Forwards", 70);
    with_sdp(builder, facts.sdp)
}

/// The line of unsolicited key presses and the one with the traffic class, and the security status where the trunk transmits it.
fn call_info(builder: Builder, node: &Node, security: Option<Transmitted>, is_forked: bool) -> Builder {
    let with = |builder: Builder, keys: Option<String>| match keys {
        Some(keys) => builder.header("Call-Info", keys),
        None => builder,
    };
    let keys =
        (!is_forked).then(|| format!("<sip:{}>;method=\"NOTIFY;Event=telephone-event;Duration=500\"", node.local));
    let class = node.release.has_session_id().then(|| format!("{URN};{TRAFFIC}"));
    let status = |told: Transmitted| format!("; security= {}; gci= 1-{}", told.level.word(), told.call);
    let told = security.map(|told| (told.form, status(told)));
    let Some(class) = class else {
        let builder = match told {
            Some((TrunkSecurityStatus::Never, _)) | None => builder,
            Some((_, status)) => builder.header("Call-Info", format_args!("{URN}{status}")),
        };
        return with(builder, keys);
    };
    match told {
        Some((TrunkSecurityStatus::OwnLine, status)) => {
            with(builder.header("Call-Info", format_args!("{URN}{status}")), keys).header("Call-Info", class)
        }
        Some((TrunkSecurityStatus::Appended, status)) => {
            with(builder, keys).header("Call-Info", format_args!("{class}{status}"))
        }
        Some((TrunkSecurityStatus::Never, _)) | None => with(builder, keys).header("Call-Info", class),
    }
}

const URN: &str = "<urn:x-cisco-remotecc:callinfo>";
/// The class of video, written of calls without it as well.
const TRAFFIC: &str = "x-cisco-video-traffic-class=DESKTOP";

/// Allow-Events: where a gateway forks nothing is said of key presses (traces of Cisco document 211385).
fn events(is_forked: bool) -> &'static str {
    if is_forked { "presence" } else { "presence, kpml" }
}

/// Contact, with the recorded device in releases that name it there.
fn contact(node: &Node, near: &Party) -> String {
    let contact = node.contact(&near.number);
    if node.release.has_session_id() {
        format!("{contact};isFocus;+u.sip!devicename.ccm.cisco.com=\"{}\"", near.device)
    } else {
        format!("{contact};isFocus")
    }
}

/// What every message of a recorder's dialog repeats of its INVITE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Opening {
    /// Cisco-Guid.
    pub(crate) guid: String,
    /// Whether a gateway forks.
    pub(crate) is_forked: bool,
}

/// The ACK to the recorder; Session-ID is written only together with an SDP, as in the traces of Cisco document 200788.
pub(crate) fn ack(node: &Node, thread: &Thread, is_forked: bool, answer: Option<(&str, &str)>) -> Message {
    super::ack(node, thread, events(is_forked), answer)
}

/// The BYE to the recorder: that of Cisco document 200788, which is of release 10.5, with the Session-ID that 12.5 puts behind
/// Reason (Cisco's Call Reporting and Billing Administration Guide). `cause` is of Q.850.
pub(crate) fn bye(node: &Node, thread: &Thread, near: &Party, cause: u16, session: &str) -> Message {
    let builder = thread
        .begin(node, "BYE")
        .header("User-Agent", node.product())
        .header("Max-Forwards", 70)
        .header("P-Asserted-Identity", name_addr(&near.name, &near.number, &node.host()))
        .header("CSeq", format_args!("{} BYE", thread.cseq))
        .header("Reason", format_args!("Q.850;cause={cause}"))
        .session(node, session);
    with_sdp(builder, None)
}

/// The UPDATE that refreshes a recorder's session: headers and their order as in a trace of release 10.5, where it tells of another
/// party and carries a location besides.
pub(crate) fn update(node: &Node, thread: &Thread, near: &Party, session: &str, timer: Timer) -> Message {
    let identity = name_addr(&near.name, &near.number, &node.host());
    let builder = thread
        .begin(node, "UPDATE")
        .header("User-Agent", node.product())
        .header("Max-Forwards", 70)
        .header("Supported", SUPPORTED)
        .header("Allow", ALLOW_TRUNK)
        .header("CSeq", format_args!("{} UPDATE", thread.cseq))
        .header("Call-Info", format_args!("{URN};{TRAFFIC}"))
        .header("Supported", "X-cisco-srtp-fallback")
        .header("Supported", "Geolocation")
        .header("Session-Expires", format_args!(" {};refresher=uac", timer.seconds))
        .header("Min-SE", format_args!(" {}", timer.least))
        .session(node, session)
        .header("P-Asserted-Identity", &identity)
        .header("Remote-Party-ID", format_args!("{identity};party=calling;screen=yes;privacy=off"))
        .header("Contact", contact(node, near));
    with_sdp(builder, None)
}

/// The re-INVITE that refreshes a recorder's session, with an offer of what stands or without one. Headers and their order are
/// those of two re-INVITEs that CUCM 10.5 sent over trunks: with an offer (Cisco's document on geolocation and logical partitioning
/// between clusters) it has the Cisco-Guid of the dialog; without one (Cisco document 211427) it has not, but the class of video,
/// which later releases write of every call. Session-ID stands where it does in a re-INVITE to a phone (Cisco document 200788).
pub(crate) fn reinvite(
    node: &Node,
    thread: &Thread,
    near: &Party,
    opening: &Opening,
    session: &str,
    timer: Timer,
    sdp: Option<&str>,
) -> Message {
    let identity = name_addr(&near.name, &near.number, &node.host());
    let builder = thread.begin(node, "INVITE").header("Supported", SUPPORTED);
    let builder = match sdp {
        Some(_) => builder.header("Cisco-Guid", &opening.guid),
        None => builder,
    };
    let builder = builder
        .header("User-Agent", node.product())
        .header("Allow", ALLOW_TRUNK)
        .header("CSeq", format_args!("{} INVITE", thread.cseq))
        .header("Max-Forwards", 70)
        .header("Expires", 180)
        .header("Allow-Events", events(opening.is_forked));
    let builder = match sdp {
        Some(_) if !node.release.has_session_id() => builder,
        _ => builder.header("Call-Info", format_args!("{URN};{TRAFFIC}")),
    };
    let builder = builder
        .header("Supported", "X-cisco-srtp-fallback")
        .header("Supported", "Geolocation")
        .header("Session-Expires", format_args!(" {};refresher=uac", timer.seconds))
        .header("Min-SE", format_args!(" {}", timer.least))
        .session(node, session)
        .header("P-Asserted-Identity", &identity)
        .header("Remote-Party-ID", format_args!("{identity};party=calling;screen=yes;privacy=off"))
        .header("Contact", contact(node, near));
    with_sdp(builder, sdp)
}

/// The answer to a recorder's re-INVITE or UPDATE. `timer` is what was granted, in seconds, and who refreshes.
pub(crate) fn accepted(
    node: &Node,
    request: &Message,
    date: &str,
    near: &Party,
    is_forked: bool,
    timer: Option<(u32, Refresher)>,
    sdp: Option<&str>,
) -> Message {
    let identity = name_addr(&near.name, &near.number, &node.host());
    let mut builder = super::reply(request, 200, "OK", None, date)
        .header("Allow", ALLOW_TRUNK)
        .header("Allow-Events", events(is_forked))
        .header("Supported", "replaces")
        .header("Server", node.product())
        .header("Supported", "X-cisco-srtp-fallback")
        .header("Supported", "Geolocation");
    if let Some((seconds, refresher)) = timer {
        let who = if refresher == Refresher::Uac { "uac" } else { "uas" };
        builder = builder.header("Session-Expires", format_args!(" {seconds};refresher={who}"));
        builder = builder.header("Require", " timer");
    }
    let builder = builder
        .header("P-Asserted-Identity", &identity)
        .header("Remote-Party-ID", format_args!("{identity};party=calling;screen=yes;privacy=off"))
        .header("Contact", contact(node, near));
    with_sdp(builder, sdp)
}

/// A refusal within a recorder's dialog, with one header that says what would be right.
pub(crate) fn refused(
    node: &Node,
    request: &Message,
    date: &str,
    status: (u16, &str),
    hint: Option<(&str, &str)>,
) -> Message {
    let builder = super::reply_of(node, request, status, None, date);
    with_sdp(hint.into_iter().fold(builder, |builder, (name, value)| builder.header(name, value)), None)
}

/// The recording INVITE again, with a longer session; all else is as it was, but for its branch, Date and number
/// (RFC 4028 §7.4).
pub(crate) fn again(invite: &Message, branch: &str, date: &str, cseq: u32, timer: Timer) -> Message {
    let builder = Builder::request("INVITE", invite.request_uri().unwrap_or_default());
    let builder = invite.headers().fold(builder, |builder, field| match field.name() {
        "Via" => {
            let via = field.value();
            builder.header("Via", format_args!("{};branch={branch}", via.split(";branch=").next().unwrap_or_default()))
        }
        "Date" => builder.header("Date", date),
        "CSeq" => builder.header("CSeq", format_args!("{cseq} INVITE")),
        "Session-Expires" => builder.header("Session-Expires", format_args!(" {}", timer.seconds)),
        "Min-SE" => builder.header("Min-SE", format_args!(" {}", timer.least)),
        _ => builder.raw_line(field.raw().trim_ascii_end()),
    });
    builder.raw_body(invite.body()).finish()
}
