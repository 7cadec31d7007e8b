//! RFC 4475: what has to become of each of its 49 messages, and why.

use sip::{Message, ParseError};

use crate::corpus::{refused, torture};

enum Outcome {
    /// Read, and every typed view reads its header.
    Accepted,
    /// No message at all.
    Rejected(fn(&ParseError) -> bool),
    /// Read, but these views refuse.
    Refused(&'static [&'static str]),
}

use Outcome::{Accepted, Refused, Rejected};

const START_LINE: Outcome = Rejected(|error| matches!(error, ParseError::StartLine { .. }));

const TABLE: [(&str, Outcome, &str); 49] = [
    ("badaspec", Refused(&["To"]), "3.1.2.14: white space inside angle brackets is no URI"),
    ("badbranch", Accepted, "3.2.1: a bare magic cookie is syntax; matching treats it as no branch"),
    ("baddate", Accepted, "3.1.2.12: Date is kept as text, nothing here acts on it"),
    ("baddn", Rejected(|e| matches!(e, ParseError::NoEndOfHeaders { .. })), "3.1.2.15: the file has no empty line"),
    ("badinv01", Refused(&["all Vias"]), "3.1.2.1: stray commas make empty Via entries; doubled `;` are skipped"),
    ("badvers", Accepted, "3.1.2.16: the version is read, so that a server can answer 505"),
    ("bcast", Accepted, "3.3.10: where a Via points is for those who route"),
    ("bext01", Accepted, "3.3.5: unknown extensions are for the layer above"),
    ("bigcode", START_LINE, "3.1.2.19: a status code has three digits"),
    ("clerr", Rejected(|e| *e == ParseError::BodyShort { declared: 9999, got: 154 }), "3.1.2.2: body cut off"),
    ("cparam01", Accepted, "3.3.12: without brackets the parameter is Contact's"),
    ("cparam02", Accepted, "3.3.13: with brackets it is the URI's"),
    ("dblreq", Accepted, "3.1.1.8: what follows the body of a datagram is ignored"),
    ("esc01", Accepted, "3.1.1.3: escapes are kept"),
    ("esc02", Accepted, "3.1.1.5: `%` in a method, a name or a header name is no escape"),
    ("escnull", Accepted, "3.1.1.4: escaped nulls are kept"),
    ("escruri", Accepted, "3.1.2.11: the URI is readable; that it may carry no headers is the server's to say"),
    ("insuf", Refused(&["From", "To", "Call-ID"]), "3.3.1: they are missing"),
    ("intmeth", Accepted, "3.1.1.2: all of these characters are allowed"),
    ("inv2543", Accepted, "3.4.1: RFC 2543 knew neither tags nor branches nor a required Content-Length"),
    ("invut", Accepted, "3.3.6: any body is kept"),
    ("longreq", Accepted, "3.1.1.7: long values are values"),
    ("ltgtruri", START_LINE, "3.1.2.7: a Request-URI has no angle brackets"),
    ("lwsdisp", Accepted, "3.1.1.6: no space is needed before `<`"),
    ("lwsruri", START_LINE, "3.1.2.8: a Request-URI has no white space"),
    ("lwsstart", START_LINE, "3.1.2.9: one space each sets the parts apart"),
    (
        "mcl01",
        Rejected(|e| *e == ParseError::ContentLengthRepeated { count: 2 }),
        "3.3.9: no telling where the body ends",
    ),
    ("mismatch01", Refused(&["CSeq"]), "3.1.2.17: CSeq names another method"),
    ("mismatch02", Refused(&["CSeq"]), "3.1.2.18: the same with an unknown method"),
    ("mpart01", Accepted, "3.1.1.11: a body of binary parts is kept"),
    ("multi01", Refused(&["From", "To", "CSeq", "Call-ID", "Max-Forwards"]), "3.3.8: each may be there once"),
    ("ncl", Rejected(|e| matches!(e, ParseError::ContentLength { text } if text == "-999")), "3.1.2.3: negative"),
    ("noreason", Accepted, "3.1.1.13: the reason may be empty"),
    ("novelsc", Accepted, "3.3.3: any scheme is a URI"),
    ("quotbal", Refused(&["To"]), "3.1.2.6: the quotes are not closed"),
    ("regaut01", Accepted, "3.3.7: credentials are for the layer above"),
    ("regbadct", Refused(&["Contact"]), "3.1.2.13: a URI with `?` needs brackets"),
    ("regescrt", Accepted, "3.3.14: in brackets the URI may carry headers"),
    ("scalar02", Refused(&["CSeq", "Expires"]), "3.1.2.4: beyond 2^31 and 32 bits"),
    ("scalarlg", Refused(&["CSeq"]), "3.1.2.5: beyond 2^31; Retry-After and Warning are kept as text"),
    ("sdp01", Accepted, "3.3.15: Accept is for the layer above"),
    ("semiuri", Accepted, "3.1.1.9: a semicolon before `@` belongs to the user"),
    ("transports", Accepted, "3.1.1.10: any transport may stand in Via"),
    ("trws", START_LINE, "3.1.2.10: nothing follows the version"),
    ("unkscm", Accepted, "3.3.2: any scheme is a URI"),
    ("unksm2", Accepted, "3.3.4: the same in From, To and Contact"),
    ("unreason", Accepted, "3.1.1.12: a reason may be any text"),
    ("wsinv", Accepted, "3.1.1.1: white space, folds, compact names and escapes, all as allowed"),
    ("zeromf", Accepted, "3.3.11: 0 is a number"),
];

#[test]
fn each_message_meets_its_outcome() {
    let files = torture();
    assert_eq!(files.len(), TABLE.len());
    for ((name, bytes), (expected, outcome, why)) in files.iter().zip(TABLE) {
        assert_eq!(name, expected);
        match (Message::parse(bytes), outcome) {
            (Err(error), Rejected(fits)) => assert!(fits(&error), "{name}: {error} ({why})"),
            (Err(error), _) => panic!("{name}: {error} ({why})"),
            (Ok(_), Rejected(_)) => panic!("{name} was accepted ({why})"),
            (Ok(message), Accepted) => assert_eq!(refused(&message), [""; 0], "{name} ({why})"),
            (Ok(message), Refused(views)) => assert_eq!(refused(&message), views, "{name} ({why})"),
        }
    }
}

#[test]
fn each_message_is_kept_to_the_byte_even_if_it_is_none() {
    for (name, bytes) in torture() {
        let (message, flaws) = Message::parse_tolerant(&bytes);
        assert_eq!(message.as_bytes(), bytes, "{name}");
        assert_eq!(flaws.is_empty(), Message::parse(&bytes).is_ok(), "{name}: {flaws:?}");
    }
}

fn message(name: &str) -> Message {
    let (_, bytes) = torture().into_iter().find(|(have, _)| have == name).unwrap();
    Message::parse(&bytes).unwrap()
}

#[test]
fn the_tortuous_invite_is_understood() {
    let invite = message("wsinv");
    assert_eq!(invite.to().unwrap().tag(), Some("1918181833n"));
    assert_eq!(invite.from_().unwrap().display.as_deref(), Some("J Rosenberg \\\""));
    assert_eq!(invite.from_().unwrap().tag(), Some("98asjd8"));
    assert_eq!((invite.max_forwards().unwrap(), invite.cseq().unwrap().number), (Some(68), 9));
    let branches: Vec<_> = invite.vias().unwrap().iter().map(|via| via.branch().unwrap().to_owned()).collect();
    assert_eq!(branches, ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"]);
    assert_eq!(invite.header("Subject").unwrap(), "");
    assert_eq!(invite.header("NewFangledHeader").unwrap(), "newfangled value continued newfangled value");
    let contact = invite.contact().unwrap().unwrap();
    assert_eq!(contact.display.as_deref(), Some("Quoted string \"\""));
    let params: Vec<_> = contact.params.iter().collect();
    assert_eq!(params, [("newparam", Some("newvalue")), ("secondparam", None), ("q", Some("0.33"))]);
}

#[test]
fn other_messages_are_understood() {
    assert_eq!(message("badvers").version(), Some("SIP/7.0"));
    assert_eq!(message("noreason").reason(), Some(""));
    assert!(message("unreason").reason().unwrap().starts_with("= 2**3 * 5**2 \u{43d}\u{43e}"));
    assert!(message("dblreq").trailing().starts_with(b"\r\nINVITE sip:joe@example.com"));
    assert_eq!(message("semiuri").request_uri().unwrap().parse::<sip::Uri>().unwrap().host, "example.com");
    let one = message("cparam01").contact().unwrap().unwrap();
    assert!(one.params.has("unknownparam") && one.uri.params.is_empty());
    let two = message("cparam02").contact().unwrap().unwrap();
    assert!(two.params.is_empty() && two.uri.params.has("unknownparam"));
    assert_eq!(message("mpart01").body().len(), 553);
    assert_eq!(message("esc02").contacts().unwrap().len(), 2);
}

/// `baddn` is rejected before its real fault, the unquoted comma, is seen; with its empty line it is seen.
#[test]
fn an_unquoted_comma_in_a_display_name_is_refused() {
    let (_, mut bytes) = torture().into_iter().find(|(name, _)| name == "baddn").unwrap();
    bytes.extend_from_slice(b"\r\n");
    assert_eq!(refused(&Message::parse(&bytes).unwrap()), ["From", "To"]);
}
