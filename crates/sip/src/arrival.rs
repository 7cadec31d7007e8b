//! Where a request came from, and where its answers go (RFC 3261 §18.2, RFC 3581 §4).

use std::net::{IpAddr, SocketAddr};

use crate::message::Message;
use crate::params::Params;
use crate::text::split_outside;

/// The port of a sent-by that names none, in clear.
const PORT: u16 = 5060;

/// What a server makes of a request before anything else sees it: the top Via says where the request really came
/// from.
///
/// `received` is written where sent-by is a name or another address (RFC 3261 §18.2.1), and both `received` and
/// `rport` where the sender asked for it by `rport` (RFC 3581 §4). What the sender wrote there itself is replaced, or
/// it could have somebody else answered. Any other byte stays; a response, and a request without a readable Via, come
/// back as they are.
pub fn noted(message: Message, source: SocketAddr) -> Message {
    let Some(via) = message.is_request().then(|| message.via().ok()).flatten() else { return message };
    let asked = via.params.has("rport");
    let elsewhere = address(&via.host) != Some(source.ip().to_canonical());
    if !asked && !elsewhere && !via.params.has("received") {
        return message;
    }
    let Some(place) = message.value_range("Via") else { return message };
    let Ok(value) = std::str::from_utf8(&message.as_bytes()[place.clone()]) else { return message };
    let entries = split_outside(value, b',');
    let mut pieces = split_outside(entries[0], b';').into_iter();
    let mut entry = pieces.next().unwrap_or_default().trim_end().to_owned();
    for piece in pieces.map(str::trim).filter(|piece| !piece.is_empty()) {
        let known = Params::read(piece);
        if !known.has("received") && !known.has("rport") {
            entry.push(';');
            entry.push_str(piece);
        }
    }
    if asked {
        entry.extend([";rport=", &source.port().to_string()]);
    }
    if asked || elsewhere {
        entry.extend([";received=", &source.ip().to_canonical().to_string()]);
    }
    for more in &entries[1..] {
        entry.push(',');
        entry.push_str(more);
    }
    message.spliced(place, entry.as_bytes())
}

/// Where the answers to a request that came in a datagram go: back where it came from if the sender asked for that by
/// `rport`, else to its address and the port of sent-by; to `maddr` where that is an address (RFC 3261 §18.2.2). Over a
/// connection answers go back the same way, and this is not asked.
pub fn answer_address(request: &Message, source: SocketAddr) -> SocketAddr {
    let Ok(via) = request.via() else { return source };
    let port = via.port.unwrap_or(PORT);
    match via.params.get("maddr").and_then(address) {
        Some(maddr) => SocketAddr::new(maddr, port),
        None if via.params.has("rport") => source,
        None => SocketAddr::new(source.ip(), port),
    }
}

fn address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(via: &str) -> Message {
        let text = format!("OPTIONS sip:a SIP/2.0\r\nVia:{via}\r\nVia: SIP/2.0/UDP first\r\nl: 2\r\n\r\nhi");
        Message::parse(text.as_bytes()).unwrap()
    }

    #[track_caller]
    fn check(via: &str, source: &str, expected: &str, answers_go_to: &str) {
        let source = source.parse().unwrap();
        let noted = noted(request(via), source);
        assert_eq!(noted, request(expected));
        assert_eq!(super::noted(noted.clone(), source), noted, "once is enough");
        assert_eq!(answer_address(&noted, source).to_string(), answers_go_to);
    }

    #[test]
    fn a_sender_that_tells_the_truth_finds_its_via_as_it_wrote_it() {
        let via = "  SIP/2.0/UDP 192.0.2.5:5062 ; branch=z9hG4bK1;x=\"a;b,c\"";
        check(via, "192.0.2.5:40000", via, "192.0.2.5:5062");
        check(" SIP/2.0/UDP 192.0.2.5;branch=z1", "192.0.2.5:9", " SIP/2.0/UDP 192.0.2.5;branch=z1", "192.0.2.5:5060");
        check(
            " SIP/2.0/UDP [2001:DB8::1];branch=z1",
            "[2001:db8::1]:9",
            " SIP/2.0/UDP [2001:DB8::1];branch=z1",
            "[2001:db8::1]:5060",
        );
    }

    #[test]
    fn a_name_or_another_address_gets_received() {
        let expected = " SIP/2.0/UDP phone.example.com:5070;branch=z1;received=192.0.2.9";
        check(" SIP/2.0/UDP phone.example.com:5070;branch=z1", "192.0.2.9:1234", expected, "192.0.2.9:5070");
        let expected = " SIP/2.0/UDP 10.0.0.1;branch=z1;received=2001:db8::1";
        check(" SIP/2.0/UDP 10.0.0.1;branch=z1", "[2001:db8::1]:1234", expected, "[2001:db8::1]:5060");
    }

    #[test]
    fn rport_is_filled_in_with_received_and_answers_go_back_where_the_request_came_from() {
        let expected = " SIP/2.0/UDP 192.0.2.5:5060;branch=z1;rport=40000;received=192.0.2.5";
        check(" SIP/2.0/UDP 192.0.2.5:5060;rport;branch=z1", "192.0.2.5:40000", expected, "192.0.2.5:40000");
    }

    #[test]
    fn what_a_sender_claims_to_have_been_received_from_is_not_believed() {
        let expected = " SIP/2.0/UDP 192.0.2.5:5060;branch=z1";
        check(
            " SIP/2.0/UDP 192.0.2.5:5060;received=198.51.100.1;branch=z1",
            "192.0.2.5:5060",
            expected,
            "192.0.2.5:5060",
        );
        let expected = " SIP/2.0/UDP h;branch=z1;rport=7;received=192.0.2.5";
        check(" SIP/2.0/UDP h;rport=99;Received=198.51.100.1;branch=z1", "192.0.2.5:7", expected, "192.0.2.5:7");
    }

    #[test]
    fn only_the_top_via_is_touched_and_maddr_is_heeded() {
        let expected = " SIP/2.0/UDP h;maddr=192.0.2.7;received=192.0.2.5, SIP/2.0/UDP other;rport";
        check(" SIP/2.0/UDP h;maddr=192.0.2.7, SIP/2.0/UDP other;rport", "192.0.2.5:7", expected, "192.0.2.7:5060");
    }

    #[test]
    fn a_response_and_what_has_no_via_stay_as_they_are() {
        let source = "192.0.2.5:7".parse().unwrap();
        for text in
            ["SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;rport\r\n\r\n", "OPTIONS sip:a SIP/2.0\r\nVia: rubbish\r\n\r\n"]
        {
            let message = Message::parse(text.as_bytes()).unwrap();
            assert_eq!(noted(message.clone(), source), message);
            assert_eq!(answer_address(&message, source), source);
        }
    }
}
