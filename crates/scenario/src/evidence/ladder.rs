//! The ladder: who takes part, and every SIP message between them.

use serde::{Deserialize, Serialize};

/// One party of the ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// What it is.
    pub kind: ColumnKind,
    /// Its name as in the scenario (`agent`), or what stands for it: `CUCM`, `CUCM sub1`, `recorder`.
    pub name: String,
    /// The line under the name: number and device of a phone, the name of the recorder under test.
    pub about: String,
    /// Its addresses, as `host` or `host:port`.
    pub addresses: Vec<String>,
}

/// What a party is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnKind {
    /// A phone of the cluster.
    Phone,
    /// A cluster or gateway behind a trunk.
    Outside,
    /// A node of the cluster.
    Cucm,
    /// The recorder under test.
    Recorder,
    /// A recorder beside the one under test.
    Destination,
    /// Somebody whom the scenario does not know.
    Stranger,
}

/// What passed between two parties: a SIP message, what should have been one, or the beginning or end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// When it was handed over to be sent; of a foreign sender, when it was read.
    pub at_us: i64,
    /// Who sent it: an index into [`Evidence::columns`](super::Evidence::columns).
    pub from: usize,
    /// Who got it.
    pub to: usize,
    /// The address it came from.
    pub from_address: String,
    /// The address it went to.
    pub to_address: String,
    /// What carried it.
    pub transport: Transport,
    /// Whether it was encrypted on its way.
    pub encrypted: bool,
    /// What it is.
    pub kind: MessageKind,
    /// What to write on the arrow: `INVITE`, `200 OK`, `connection refused`.
    pub label: String,
    /// Call-ID; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub call_id: String,
    /// CSeq, as in `101 INVITE`; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cseq: String,
    /// Whether it carries a session description.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sdp: bool,
    /// The line of the scenario that was being played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The recording whose dialog it belongs to: an index into [`Evidence::recordings`](super::Evidence::recordings).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<usize>,
    /// The whole message, with `…` in the place of keys and `\n` at the end of lines.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// What is wrong with it, or what went wrong with it, one remark a line of the list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The findings it bears on: indexes into [`ScenarioOutcome::findings`](crate::outcome::ScenarioOutcome::findings).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<usize>,
}

/// What carried a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TLS over TCP.
    Tls,
    /// TCP in clear.
    Tcp,
    /// UDP.
    Udp,
}

/// What a [`Message`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageKind {
    /// A request.
    Request,
    /// A response.
    Response,
    /// Bytes that are no proper SIP message; the notes say why.
    Malformed,
    /// A connection began, was refused or ended: no bytes.
    Connection,
    /// A request or an answer over HTTP, as gateways get them.
    Http,
}
