//! A scenario of encrypted calls as the same calls in a non-secure cluster: for a recorder that takes no TLS.

use std::path::Path;

use super::ast::{Scenario, Transport};
use super::diagnostic::Place;
use super::read;
use super::tree::{self, Key, Node, Value};

impl Scenario {
    /// The same calls in a non-secure cluster over this transport; `None` where what the scenario is about would be gone, or it is in
    /// clear by itself.
    pub(crate) fn in_clear(&self, transport: Transport, folder: Option<&Path>) -> Option<Self> {
        let expect = &self.expect;
        let of_security = [
            expect.refused.is_some(),
            expect.clear.is_some(),
            expect.clear_call.is_some(),
            expect.suite.is_some(),
            expect.given_up.is_some(),
        ];
        let cluster = &self.cluster;
        let of_certificates =
            [!cluster.known_to_recorder, !cluster.unknown_nodes.is_empty(), !cluster.presents_certificate];
        let clocks = !(cluster.clock_ahead.is_zero() && cluster.clock_behind.is_zero());
        let mixed = self.phones.iter().any(|phone| !phone.encrypted);
        if !cluster.mixed || clocks || mixed || of_security.contains(&true) || of_certificates.contains(&true) {
            return None;
        }
        if self.trunk.transport != Transport::Tls || !self.outside.is_empty() || !self.destinations.is_empty() {
            return None;
        }
        let mut root = tree::parse(&self.text).ok()?;
        put(child(&mut root, "cluster")?, "mode", "non-secure")?;
        let trunk = child(&mut root, "trunk")?;
        // What else it says of its trunk is about TLS and SRTP.
        if trunk.is_said(&["transport", "SRTP allowed", "transmit security status", "X.509 subject name"]) {
            return None;
        }
        let word = if transport == Transport::Udp { "UDP" } else { "TCP" };
        put(trunk, "transport", word)?;
        let Value::Mapping(phones) = &mut child(&mut root, "phones")?.value else { return None };
        for (_, phone) in phones {
            if phone.is_said(&["suites"]) {
                return None;
            }
            put(phone, "security", "non-secure")?;
        }
        let mut wrong = Vec::new();
        let scenario = read::read(&root, folder, &mut wrong);
        // What makes no sense in clear, such as forged packets, is a mistake there.
        wrong.is_empty().then(|| Self { text: self.text.clone(), ..scenario })
    }
}

impl Node {
    fn is_said(&self, keys: &[&str]) -> bool {
        let Value::Mapping(entries) = &self.value else { return true };
        entries.iter().any(|(key, _)| keys.contains(&key.name.as_str()))
    }
}

/// The mapping at a key, which is added where it is missing.
fn child<'a>(node: &'a mut Node, name: &str) -> Option<&'a mut Node> {
    let Value::Mapping(entries) = &mut node.value else { return None };
    let at = entries.iter().position(|(key, _)| key.name == name).unwrap_or_else(|| {
        entries.push((named(name), Node { place: Place::START, value: Value::Mapping(Vec::new()) }));
        entries.len() - 1
    });
    Some(&mut entries[at].1)
}

/// Sets a key of a mapping.
fn put(node: &mut Node, name: &str, word: &str) -> Option<()> {
    let Value::Mapping(entries) = &mut node.value else { return None };
    entries.retain(|(key, _)| key.name != name);
    let value = Value::Scalar { text: word.to_owned(), quoted: false };
    entries.push((named(name), Node { place: Place::START, value }));
    Some(())
}

fn named(name: &str) -> Key {
    Key { name: name.to_owned(), place: Place::START }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    const CALL: &str = "scenario: x\nphones:\n  agent: { line: \"2000\", security: encrypted, recording: automatic }\n  customer: { line: \"1000\" }\nsteps:\n  - call: { from: customer, to: agent }\n  - answer: agent\n  - talk: 10s\n  - hang up: agent\n";

    #[test]
    fn an_encrypted_call_has_a_twin_in_clear_whose_steps_keep_their_lines() {
        let own = parse(CALL).unwrap();
        for transport in [Transport::Tcp, Transport::Udp] {
            let clear = own.in_clear(transport, None).unwrap();
            assert!(!clear.cluster.mixed && clear.phones.iter().all(|phone| !phone.encrypted));
            assert_eq!(clear.trunk.transport, transport);
            assert!(!clear.trunk.srtp_allowed);
            assert_eq!((clear.steps[2].line, &clear.text), (own.steps[2].line, &own.text));
            assert!(clear.in_clear(transport, None).is_none(), "it is in clear by itself");
        }
    }

    #[test]
    fn what_is_about_encryption_has_none() {
        for more in [
            "expect: { media: SRTP }\n",
            "expect: { refused: { by: recorder, rule: callmanager-trust } }\n",
            "trunk: { transport: TCP }\n",
            "trunk: { X.509 subject name: x.example }\n",
            "cluster: { presents certificate: false }\n",
            "cluster: { clock ahead: 2h }\n",
        ] {
            let scenario = parse(&format!("{CALL}{more}")).unwrap_or_else(|wrong| panic!("{more}: {wrong:?}"));
            assert!(scenario.in_clear(Transport::Tcp, None).is_none(), "{more}");
        }
        let suites = CALL.replace("line: \"1000\"", "line: \"1000\", suites: AEAD_AES_128_GCM");
        assert!(parse(&suites).unwrap().in_clear(Transport::Tcp, None).is_none());
    }
}
