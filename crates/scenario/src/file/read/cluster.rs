//! The cluster and its trunk to the recorder.

use std::time::Duration;

use cucm::config::{Fault, SessionRefresh};

use super::{TLS, cluster_node, empty, keep, session};
use crate::file::ast::{Cluster, Key, OptionsPing, Release, SessionTimer, Transport, Trunk};
use crate::file::diagnostic::Diagnostic;
use crate::file::dialect::read_dialect;
use crate::file::fields::{Fields, duration, flag, list, one_of, text};
use crate::file::tree::{Node, Value};

/// CUCM's own value.
const CONNECTION_MONITOR: Duration = Duration::from_secs(120);

pub(super) fn read_cluster(node: Option<&Node>, wrong: &mut Vec<Diagnostic>) -> Cluster {
    let none = empty();
    let mut f = Fields::of(node.unwrap_or(&none), "the cluster", wrong);
    let releases = Release::ALL.map(|release| (release.name(), release));
    let release = f.or("release", Release::V14, wrong, |n| one_of(n, &releases));
    let modes = [("mixed", true), ("non-secure", false)];
    let keys = [("RSA-2048", Key::Rsa2048), ("EC-P256", Key::EcP256)];
    let cluster = Cluster {
        release,
        mixed: f.or("mode", true, wrong, |n| one_of(n, &modes)),
        key: f.or("CallManager key", Key::Rsa2048, wrong, |n| one_of(n, &keys)),
        known_to_recorder: f.or("certificate known to recorder", true, wrong, flag),
        unknown_nodes: f.or("unknown nodes", Vec::new(), wrong, |n| list(n, cluster_node)),
        presents_certificate: f.or("presents certificate", true, wrong, flag),
        clock_ahead: f.or("clock ahead", Duration::ZERO, wrong, duration),
        clock_behind: f.or("clock behind", Duration::ZERO, wrong, duration),
        advanced_ad_hoc: f.or("advanced ad hoc conference", false, wrong, flag),
        connection_monitor: f.or("connection monitor", CONNECTION_MONITOR, wrong, connection_monitor),
        tone_to_observed: f.or("recording tone to observed target", false, wrong, flag),
        tone_to_connected: f.or("recording tone to connected target", false, wrong, flag),
        dialect: match f.optional("dialect") {
            Some(node) => read_dialect(node, release.dialect(), wrong),
            None => release.dialect(),
        },
        fault: f.or("fault", Fault::None, wrong, |n| one_of(n, &Fault::NAMED)),
    };
    f.finish(wrong);
    cluster
}

pub(super) fn read_trunk(node: Option<&Node>, mixed: bool, wrong: &mut Vec<Diagnostic>) -> Trunk {
    let none = empty();
    let mut f = Fields::of(node.unwrap_or(&none), "the trunk", wrong);
    let transports = [("TLS", Transport::Tls), ("TCP", Transport::Tcp), ("UDP", Transport::Udp)];
    let default = if mixed { Transport::Tls } else { Transport::Tcp };
    let transport = f.or("transport", default, wrong, |n| one_of(n, &transports));
    let trunk = Trunk {
        transport,
        srtp_allowed: f.or("SRTP allowed", transport == Transport::Tls, wrong, flag),
        transmit_security_status: f.or("transmit security status", transport == Transport::Tls, wrong, flag),
        x509_subject: f.or("X.509 subject name", Vec::new(), wrong, |n| list(n, text)),
        tls: f.maybe("tls", wrong, |n| one_of(n, &TLS)),
        options_ping: f.optional("OPTIONS ping").and_then(|n| read_options_ping(n, wrong)),
        session: read_session_timer(&mut f, wrong),
        early_offer: f.or("early offer", false, wrong, flag),
        ack_after: f.or("ACK after", Duration::ZERO, wrong, duration),
    };
    f.finish(wrong);
    trunk
}

/// CUCM's own values where nothing is told.
fn read_session_timer(f: &mut Fields<'_>, wrong: &mut Vec<Diagnostic>) -> SessionTimer {
    let methods = [("INVITE", SessionRefresh::Invite), ("UPDATE", SessionRefresh::Update)];
    let usual = Duration::from_secs(1800);
    SessionTimer {
        refresh: f.or("session refresh", SessionRefresh::Invite, wrong, |n| one_of(n, &methods)),
        expires: f.or("session expires", usual, wrong, session),
        least: f.or("Min-SE", usual, wrong, session),
    }
}

/// `true` with CUCM's own intervals, or the intervals.
fn read_options_ping(node: &Node, wrong: &mut Vec<Diagnostic>) -> Option<OptionsPing> {
    let usual = OptionsPing { in_service: Duration::from_secs(60), out_of_service: Duration::from_secs(120) };
    let Value::Mapping(_) = &node.value else {
        return keep(flag(node), wrong).and_then(|on| on.then_some(usual));
    };
    let mut f = Fields::of(node, "the OPTIONS ping", wrong);
    let ping = OptionsPing {
        in_service: f.or("in service", usual.in_service, wrong, ping_interval),
        out_of_service: f.or("out of service", usual.out_of_service, wrong, ping_interval),
    };
    f.finish(wrong);
    Some(ping)
}

/// What the page *Device Pool Configuration* takes: 0 to 2592000 seconds.
fn connection_monitor(node: &Node) -> Result<Duration, Diagnostic> {
    let time = duration(node)?;
    if time.subsec_nanos() == 0 {
        return Ok(time);
    }
    Err(Diagnostic::new(node.place, format!("got {time:?}, expected whole seconds")))
}

/// What CUCM's page takes: 5 to 600 seconds.
fn ping_interval(node: &Node) -> Result<Duration, Diagnostic> {
    let interval = duration(node)?;
    if (Duration::from_secs(5)..=Duration::from_secs(600)).contains(&interval) {
        return Ok(interval);
    }
    Err(Diagnostic::new(node.place, format!("got {interval:?}, expected an interval from 5s to 600s")))
}
