//! What CUCM tells a phone of calls on other phones of its line: `dialog-info` (RFC 4235) in a NOTIFY that nobody subscribed to.

/// A call on another phone of the line, by that phone's dialog with CUCM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteCall {
    pub(crate) call_id: String,
    /// Tag of the other phone.
    pub(crate) local_tag: String,
    /// Tag of CUCM.
    pub(crate) remote_tag: String,
    /// The number at the other end; empty where it is not told.
    pub(crate) number: String,
    /// On hold there: `+sip.rendering` is `no` (RFC 4235 §6.3).
    pub(crate) is_held: bool,
    /// Over.
    pub(crate) is_over: bool,
}

impl RemoteCall {
    /// The value of `Replaces` or `Join` that names the call (RFC 3891 §6.1, RFC 3911 §7.1): its to-tag is that of whoever gets it.
    pub(crate) fn named(&self) -> String {
        format!("{};to-tag={};from-tag={}", self.call_id, self.remote_tag, self.local_tag)
    }
}

/// Reads all calls of a body.
pub(crate) fn remote_calls(body: &[u8]) -> Result<Vec<RemoteCall>, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    if text.len() > LONGEST {
        return Err(format!("got {} bytes of dialog-info, expected at most {LONGEST}", text.len()));
    }
    let options = roxmltree::ParsingOptions { allow_dtd: false, ..roxmltree::ParsingOptions::default() };
    let document = roxmltree::Document::parse_with_options(text, options).map_err(|error| error.to_string())?;
    let root = document.root_element();
    if root.tag_name().name() != "dialog-info" {
        return Err(format!("got the element {:?}, expected dialog-info", root.tag_name().name()));
    }
    root.children().filter(|child| child.tag_name().name() == "dialog").map(remote_call).collect()
}

fn remote_call(dialog: roxmltree::Node<'_, '_>) -> Result<RemoteCall, String> {
    let attribute = |name: &str| {
        dialog.attribute(name).map(str::to_owned).ok_or_else(|| format!("got a dialog without {name}, expected one"))
    };
    let find = |name: &str| dialog.descendants().find(|node| node.tag_name().name() == name);
    let rendering = dialog
        .descendants()
        .find(|node| node.tag_name().name() == "param" && node.attribute("pname") == Some("+sip.rendering"))
        .and_then(|param| param.attribute("pval"));
    let identity = find("identity").and_then(|identity| identity.text()).and_then(|text| text.trim().parse().ok());
    let number = identity.and_then(|uri: sip::Uri| uri.user).unwrap_or_default();
    let state = find("state").and_then(|state| state.text()).unwrap_or_default();
    Ok(RemoteCall {
        call_id: attribute("call-id")?,
        local_tag: attribute("local-tag")?,
        remote_tag: attribute("remote-tag")?,
        number,
        is_held: rendering == Some("no"),
        is_over: state.trim() == "terminated",
    })
}

/// Bytes; one call takes about 600.
const LONGEST: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_dialog_info_says_so() {
        let of = |body: &str| remote_calls(body.as_bytes()).unwrap_err();
        assert!(of("<dialog-info").contains("root node"), "{}", of("<dialog-info"));
        assert!(of("<presence/>").contains("expected dialog-info"));
        assert!(
            of("<dialog-info><dialog call-id=\"a\" local-tag=\"b\"/></dialog-info>").contains("without remote-tag")
        );
        assert!(of("<!DOCTYPE a [<!ENTITY b 'c'>]><dialog-info/>").contains("DTD"));
        assert!(of(&" ".repeat(LONGEST + 1)).contains("expected at most"));
        assert_eq!(remote_calls(b"<dialog-info/>"), Ok(Vec::new()));
    }
}
