//! Phones come and go.

use std::collections::BTreeMap;
use std::time::Instant;

use sip::{FlowId, Message, NameAddr, ServerKey, Transport};
use trust::rule::matches_device;

use crate::config::{DeviceTransport, PhoneDevice};
use crate::event::{CucmEvent, Party};
use crate::text::register;

use super::Engine;
use super::steps::Step;

/// A phone that is there.
#[derive(Clone, Debug)]
pub(super) struct Registration {
    pub(super) flow: FlowId,
    /// Contact URI by directory number.
    pub(super) contacts: BTreeMap<String, String>,
    pub(super) expires_at: Instant,
}

impl Engine {
    pub(super) fn on_register(&mut self, now: Instant, key: &ServerKey, flow: FlowId, request: &Message) {
        let node = self.node(flow);
        let date = self.date(now);
        let tag = self.identifiers.plain_tag();
        let _ = self.endpoint.respond(now, key, register::trying(request, &date));
        let answer = match self.registrant(flow, request) {
            Ok((device, number, contact)) => {
                if request.expires().ok().flatten() == Some(0) {
                    self.forget(&device, "the phone took its registration back");
                    register::ok(&node, request, &tag, &date, 0, false)
                } else {
                    let is_new = self.remember(now, &device, flow, number, contact);
                    let expires = self.config.timing.registration_expires.as_secs();
                    register::ok(&node, request, &tag, &date, expires, is_new)
                }
            }
            Err((device, status, why)) => {
                self.event(CucmEvent::RegistrationRefused { device, why: why.clone() });
                register::refuse(&node, request, &tag, &date, status, &why)
            }
        };
        // The transaction was opened a moment ago and has had no final answer.
        let _ = self.endpoint.respond(now, key, answer);
    }

    /// Who registers, which line, and where it is to be reached.
    #[expect(clippy::type_complexity, reason = "the refusal is built in one place, right above")]
    fn registrant(
        &self,
        flow: FlowId,
        request: &Message,
    ) -> Result<(String, String, String), (String, (u16, &'static str), String)> {
        let contact = request.contacts().ok().and_then(|contacts| contacts.into_iter().next());
        let named = contact.as_ref().and_then(|contact| contact.params.get(DEVICE_NAME)).map(str::to_owned);
        let user = request.to().ok().and_then(|to| to.uri.user);
        let Some(device) = named.clone().or_else(|| self.device_on(flow)) else {
            let name = user.unwrap_or_default();
            return Err((name, BAD_REQUEST, "got no device name in Contact, expected one".to_owned()));
        };
        let Some(phone) = self.config.phone(&device) else {
            return Err((device, NOT_FOUND, "Unable to find device/user in database".to_owned()));
        };
        if let Err(why) = self.judge_phone(phone, flow) {
            return Err((device, FORBIDDEN, why));
        }
        let number = user.filter(|user| phone.line(user).is_some());
        let number = number.or_else(|| phone.lines.first().map(|line| line.directory_number.clone()));
        let uri = contact.as_ref().map(contact_uri).unwrap_or_default();
        Ok((phone.device_name.clone(), number.unwrap_or_default(), uri))
    }

    /// Transport and certificate must be those of the device.
    fn judge_phone(&self, phone: &PhoneDevice, flow: FlowId) -> Result<(), String> {
        let Some(known) = self.flows.get(&flow) else {
            return Err("the connection is gone".to_owned());
        };
        let expected = self.config.transport_of(phone);
        if transport(expected) != known.transport {
            let mode = self.config.security_mode_of(phone);
            let (got, expected) = (known.transport.via_name(), transport(expected).via_name());
            return Err(format!("got {got}, expected {expected}: the device security mode is {mode}"));
        }
        match &known.certificate {
            Some(certificate) if !matches_device(certificate, &phone.device_name) => {
                let presented = certificate.names().join(", ");
                Err(format!("the certificate names {presented}, expected {}", phone.device_name))
            }
            None if known.transport == Transport::Tls => Err("the phone presented no certificate".to_owned()),
            _ => Ok(()),
        }
    }

    fn remember(&mut self, now: Instant, device: &str, flow: FlowId, number: String, contact: String) -> bool {
        let key = device.to_ascii_uppercase();
        let expires_at = now + self.config.timing.registration_expires * 2;
        self.steps.plan(expires_at, Step::Expire(key.clone()));
        if let Some(known) = self.flows.get_mut(&flow) {
            known.device = Some(key.clone());
        }
        let is_new = !self.phones.contains_key(&key);
        let entry =
            self.phones.entry(key).or_insert_with(|| Registration { flow, contacts: BTreeMap::new(), expires_at });
        entry.flow = flow;
        entry.expires_at = expires_at;
        entry.contacts.insert(number, contact);
        if is_new {
            self.event(CucmEvent::Registered { device: device.to_owned() });
        }
        is_new
    }

    pub(super) fn forget(&mut self, device: &str, why: &str) {
        if self.phones.remove(&device.to_ascii_uppercase()).is_some() {
            self.event(CucmEvent::Unregistered { device: device.to_owned(), why: why.to_owned() });
        }
    }

    /// Twice the time in `Expires` has passed; a phone refreshes after once that.
    pub(super) fn on_expiry(&mut self, now: Instant, device: &str) {
        if self.phones.get(device).is_some_and(|phone| phone.expires_at <= now) {
            self.forget(device, "the registration was not refreshed");
        }
    }

    /// The connection of a phone closed: its dialogs cannot be reached any more.
    pub(super) fn on_phone_gone(&mut self, now: Instant, device: &str, flow: FlowId) {
        if self.phones.get(device).is_some_and(|phone| phone.flow == flow) {
            self.forget(device, "its connection closed");
        }
        self.drop_lost_phone_legs(now);
    }

    /// The phone that registered over this flow.
    pub(super) fn device_on(&self, flow: FlowId) -> Option<String> {
        self.flows.get(&flow)?.device.clone()
    }

    /// The phone with this number that is registered there, with its flow and contact.
    pub(super) fn reach(&self, party: &Party) -> Option<(FlowId, String)> {
        let phone = self.phones.get(&party.device.to_ascii_uppercase())?;
        let contact = phone.contacts.get(&party.number).or_else(|| phone.contacts.values().next())?;
        Some((phone.flow, contact.clone()))
    }
}

/// The URI of a Contact as the phone wrote it.
fn contact_uri(contact: &NameAddr) -> String {
    contact.uri.to_string()
}

fn transport(transport: DeviceTransport) -> Transport {
    match transport {
        DeviceTransport::Tcp => Transport::Tcp,
        DeviceTransport::Udp => Transport::Udp,
        DeviceTransport::Tls => Transport::Tls,
    }
}

const DEVICE_NAME: &str = "+u.sip!devicename.ccm.cisco.com";
const BAD_REQUEST: (u16, &str) = (400, "Bad Request");
const FORBIDDEN: (u16, &str) = (403, "Forbidden");
const NOT_FOUND: (u16, &str) = (404, "Not Found");
