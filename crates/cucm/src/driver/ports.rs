//! The ports of the node.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use sip::Message;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use wire::{Datagram, Link, Listener, MediaSocket, Net, Stream};

use super::connection::{Parties, accepted, refused};
use super::notice::Notice;
use super::{Addresses, StartError};
use crate::config::{Config, DeviceSecurityMode, MusicOnHold};
use crate::malformed::{Malformed, MalformedKind};

/// All open ports.
#[derive(Debug)]
pub(super) struct Ports {
    pub(super) addresses: Addresses,
    pub(super) listeners: Listeners,
    /// SIP over UDP; the first one is the node's own.
    pub(super) datagrams: Vec<Arc<Datagram>>,
    pub(super) tftp: Option<Datagram>,
    /// Where music on hold comes from, if there is any.
    pub(super) music: Option<MediaSocket>,
}

/// Ports on which connections are accepted.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    plain: Vec<Listener>,
    secured: Vec<Listener>,
}

/// Opens the node's ports and those of its trunk security profiles. Ports 0 in the configuration become what they are.
pub(super) async fn open(net: &Net, config: &mut Config) -> Result<Ports, StartError> {
    let at = |port| SocketAddr::new(config.address, port);
    let secured = listen(net, "SIP over TLS", at(config.ports.secured_sip)).await?;
    let plain = listen(net, "SIP over TCP", at(config.ports.sip)).await?;
    let sip = plain.local_addr();
    let datagram = datagram(net, "SIP over UDP", sip).await?;
    let tftp = self::datagram(net, "TFTP", at(config.ports.tftp)).await?;
    let music = match config.music_on_hold {
        MusicOnHold::Unicast => Some(music(net, at(config.ports.music))?),
        MusicOnHold::Nothing => None,
    };
    let addresses = Addresses { sip, secured_sip: secured.local_addr(), tftp: tftp.local_addr() };
    config.ports.sip = addresses.sip.port();
    config.ports.secured_sip = addresses.secured_sip.port();
    config.ports.tftp = addresses.tftp.port();
    config.ports.music = music.as_ref().map_or(config.ports.music, |socket| socket.local_addr().port());
    let mut ports = Ports {
        addresses,
        listeners: Listeners { plain: vec![plain], secured: vec![secured] },
        datagrams: vec![Arc::new(datagram)],
        tftp: Some(tftp),
        music,
    };
    for node in &config.subscribers {
        listen_for_phones(net, config, node.address, &mut ports.listeners).await?;
    }
    listen_for_trunks(net, config, &mut ports.listeners).await?;
    for (port, is_secured) in trunk_ports(config) {
        if !is_secured {
            let at = SocketAddr::new(config.address, port);
            ports.datagrams.push(Arc::new(self::datagram(net, "a trunk's UDP port", at).await?));
        }
    }
    Ok(ports)
}

/// Opens anew what a node that died had accepted connections on.
pub(super) async fn reopen(net: &Net, config: &Config, node: IpAddr) -> Result<Listeners, StartError> {
    let mut listeners = Listeners::default();
    listen_for_phones(net, config, node, &mut listeners).await?;
    if node == config.address {
        listen_for_trunks(net, config, &mut listeners).await?;
    }
    Ok(listeners)
}

async fn listen_for_phones(net: &Net, config: &Config, node: IpAddr, to: &mut Listeners) -> Result<(), StartError> {
    let at = |port| SocketAddr::new(node, port);
    to.secured.push(listen(net, "SIP over TLS", at(config.ports.secured_sip)).await?);
    to.plain.push(listen(net, "SIP over TCP", at(config.ports.sip)).await?);
    Ok(())
}

async fn listen_for_trunks(net: &Net, config: &Config, to: &mut Listeners) -> Result<(), StartError> {
    for (port, is_secured) in trunk_ports(config) {
        let at = SocketAddr::new(config.address, port);
        if is_secured {
            to.secured.push(listen(net, "a trunk's TLS port", at).await?);
        } else {
            to.plain.push(listen(net, "a trunk's TCP port", at).await?);
        }
    }
    Ok(())
}

/// The ports of trunk security profiles beside the node's own, each once, and whether TLS is spoken there.
fn trunk_ports(config: &Config) -> Vec<(u16, bool)> {
    let mut known = BTreeSet::from([config.ports.sip, config.ports.secured_sip]);
    let profiles = config.trunks.iter().filter_map(|trunk| config.security_profile_of(trunk));
    let ports =
        profiles.map(|profile| (config.incoming_port_of(profile), profile.mode == DeviceSecurityMode::Encrypted));
    ports.filter(|(port, _)| known.insert(*port)).collect()
}

async fn listen(net: &Net, what: &'static str, address: SocketAddr) -> Result<Listener, StartError> {
    net.listen(address).await.map_err(|why| StartError::Port { what, address, why })
}

async fn datagram(net: &Net, what: &'static str, address: SocketAddr) -> Result<Datagram, StartError> {
    net.datagram(address).await.map_err(|why| StartError::Port { what, address, why })
}

fn music(net: &Net, address: SocketAddr) -> Result<MediaSocket, StartError> {
    net.media(address).map_err(|why| StartError::Port { what: "music on hold", address, why })
}

impl Ports {
    /// Starts a task for each port; what they accept and receive comes as notices. Gives the tasks of those that accept, by their address.
    pub(super) fn serve(
        &mut self,
        parties: &Parties,
        notices: &mpsc::Sender<Notice>,
        tasks: &mut JoinSet<()>,
    ) -> Vec<(IpAddr, AbortHandle)> {
        for (index, socket) in self.datagrams.iter().enumerate() {
            tasks.spawn(receive(index, Arc::clone(socket), notices.clone()));
        }
        std::mem::take(&mut self.listeners).serve(parties, notices, tasks)
    }
}

impl Listeners {
    /// Starts a task for each; what it accepts comes as notices. Gives the tasks by their address.
    pub(super) fn serve(
        self,
        parties: &Parties,
        notices: &mpsc::Sender<Notice>,
        tasks: &mut JoinSet<()>,
    ) -> Vec<(IpAddr, AbortHandle)> {
        let mut listeners = Vec::new();
        for listener in self.plain {
            let (at, notices) = (listener.local_addr().ip(), notices.clone());
            let task = tasks.spawn(accept(listener, move |stream| {
                let notices = notices.clone();
                async move {
                    let _ = notices.send(Notice::Accepted { link: Link::from(stream) }).await;
                }
            }));
            listeners.push((at, task));
        }
        for listener in self.secured {
            let at = listener.local_addr().ip();
            let Some(tls) = parties.server(at) else { continue };
            let (notices, tls) = (notices.clone(), tls.clone());
            let task = tasks.spawn(accept(listener, move |stream| {
                let (notices, tls) = (notices.clone(), tls.clone());
                async move {
                    let peer = stream.peer_addr();
                    let notice = match accepted(&tls, stream).await {
                        Ok(link) => Notice::Accepted { link },
                        Err(error) => Notice::Refused { peer, failure: refused(&error) },
                    };
                    let _ = notices.send(notice).await;
                }
            }));
            listeners.push((at, task));
        }
        listeners
    }
}

/// Accepts connections; each is welcomed in a task of its own, so that a slow handshake holds up nobody.
async fn accept<F>(listener: Listener, welcome: impl Fn(Stream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut welcomes = JoinSet::new();
    loop {
        while welcomes.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                welcomes.spawn(welcome(stream));
            }
            Err(error) if is_gone(&error) => return,
            // Too many open files, a connection reset before it was accepted: the next one may do.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotConnected | io::ErrorKind::BrokenPipe)
}

async fn receive(index: usize, socket: Arc<Datagram>, notices: mpsc::Sender<Notice>) {
    let mut buf = vec![0; 65_536];
    loop {
        match socket.recv_from(&mut buf).await {
            Ok((length, from)) => {
                let Some(notice) = datagram_notice(index, from, &buf[..length]) else { continue };
                if notices.send(notice).await.is_err() {
                    return;
                }
            }
            Err(error) if is_gone(&error) => return,
            // An ICMP error of an earlier datagram.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// Empty lines are a keep-alive (RFC 5626 §3.5.1) and no message.
fn datagram_notice(socket: usize, from: SocketAddr, bytes: &[u8]) -> Option<Notice> {
    if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
        return None;
    }
    Some(match Message::parse(bytes) {
        Ok(message) => Notice::Datagram { socket, from, message },
        Err(error) => {
            let what = Malformed::new(MalformedKind::Message, bytes, &error.to_string());
            Notice::MalformedDatagram { socket, from, what }
        }
    })
}
