//! TCP: a listener and a connection, of the operating system or simulated.

use std::borrow::Cow;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use crate::clock::Clock;
use crate::net::Net;
use crate::own::{Claim, Transport};
use crate::sim::{SimEnd, SimListener};
use crate::tap::{Kind, Moment, Tap};

/// Accepts TCP connections.
#[derive(Debug)]
pub struct Listener {
    net: Net,
    inner: ListenerInner,
    local: SocketAddr,
    _claim: Claim,
}

#[derive(Debug)]
enum ListenerInner {
    Os(TcpListener),
    Sim(SimListener),
}

impl Listener {
    pub(crate) fn os(net: Net, listener: TcpListener) -> io::Result<Self> {
        let local = listener.local_addr()?;
        Ok(Self::new(net, ListenerInner::Os(listener), local))
    }

    pub(crate) fn sim(net: Net, listener: SimListener) -> Self {
        let local = listener.local_addr();
        Self::new(net, ListenerInner::Sim(listener), local)
    }

    fn new(net: Net, inner: ListenerInner, local: SocketAddr) -> Self {
        let claim = net.own().claim(Transport::Tcp, local);
        Self { net, inner, local, _claim: claim }
    }

    /// The next connection and the address it comes from. Cancel safe.
    pub async fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        let stream = match &self.inner {
            ListenerInner::Os(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Stream::os(&self.net, stream, None)?
            }
            ListenerInner::Sim(listener) => Stream::sim(&self.net, listener.accept().await?, None),
        };
        let side = &stream.side;
        if !side.peer_is_own {
            side.tap.record(side.clock.now(), side.peer, side.local, Kind::TcpOpen, &[]);
        }
        let peer = stream.peer_addr();
        Ok((stream, peer))
    }

    /// The address it listens on, with the port it got.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

/// A TCP connection. Dropping it closes it.
#[derive(Debug)]
pub struct Stream {
    inner: Inner,
    side: Box<Side>,
}

#[derive(Debug)]
enum Inner {
    Os(TcpStream),
    Sim(SimEnd),
}

/// What this side of a connection knows of itself.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) tap: Tap,
    pub(crate) clock: Clock,
    pub(crate) local: SocketAddr,
    pub(crate) peer: SocketAddr,
    /// The peer shows the tap what it sends.
    pub(crate) peer_is_own: bool,
    we_closed: bool,
    peer_closed: bool,
    /// When what is being written was handed over, where its writer says so.
    pub(crate) handed_over: HandedOver,
    /// When the last bytes were shown as sent: what follows them in the stream is never shown before them.
    last_sent: Option<Moment>,
    _claim: Option<Claim>,
}

/// Tells a connection when the bytes of the next writes were handed over, and how it is to end; shared with the half that writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct HandedOver(Arc<Mutex<Wishes>>);

#[derive(Debug, Default)]
struct Wishes {
    moment: Option<Moment>,
    resets: bool,
}

impl HandedOver {
    pub(crate) fn set(&self, moment: Option<Moment>) {
        self.wishes().moment = moment;
    }

    pub(crate) fn reset_when_dropped(&self) {
        self.wishes().resets = true;
    }

    fn get(&self) -> Option<Moment> {
        self.wishes().moment
    }

    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream {
    pub(crate) fn os(net: &Net, stream: TcpStream, claim: Option<Claim>) -> io::Result<Self> {
        let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
        Ok(Self::new(net, Inner::Os(stream), local, peer, claim))
    }

    pub(crate) fn sim(net: &Net, end: SimEnd, claim: Option<Claim>) -> Self {
        let (local, peer) = (end.local_addr(), end.peer_addr());
        Self::new(net, Inner::Sim(end), local, peer, claim)
    }

    fn new(net: &Net, inner: Inner, local: SocketAddr, peer: SocketAddr, claim: Option<Claim>) -> Self {
        let side = Side {
            tap: net.tap().clone(),
            clock: net.clock().clone(),
            local,
            peer,
            peer_is_own: net.own().has(Transport::Tcp, peer),
            we_closed: false,
            peer_closed: false,
            handed_over: HandedOver::default(),
            last_sent: None,
            _claim: claim,
        };
        Self { inner, side: Box::new(side) }
    }

    /// Our address.
    pub fn local_addr(&self) -> SocketAddr {
        self.side.local
    }

    /// The peer's address.
    pub fn peer_addr(&self) -> SocketAddr {
        self.side.peer
    }

    /// Ends the connection with a reset instead of an orderly close, as a crashed program would.
    pub fn reset(self) {
        self.side.handed_over.reset_when_dropped();
    }

    pub(crate) fn side(&self) -> &Side {
        &self.side
    }
}

impl Side {
    fn record(&self, kind: Kind) {
        self.tap.record(self.clock.now(), self.local, self.peer, kind, &[]);
    }

    /// When what is written now was handed over. Asked before the write: the peer's answer may be on its way before the
    /// write returns.
    pub(crate) fn sending(&self) -> Moment {
        self.handed_over.get().unwrap_or_else(|| self.tap.moment(self.clock.now()))
    }

    fn on_sent(&mut self, moment: Moment, bytes: &[u8]) {
        let moment = self.last_sent.map_or(moment, |last| last.max(moment));
        self.last_sent = Some(moment);
        self.tap.record_since(moment, self.local, self.peer, Kind::TcpData, bytes);
    }

    fn on_read(&mut self, bytes: &[u8]) {
        if !self.tap.is_active() || self.peer_is_own {
            return;
        }
        let kind = if bytes.is_empty() { Kind::TcpClose } else { Kind::TcpData };
        if !(bytes.is_empty() && self.peer_closed) {
            self.tap.record(self.clock.now(), self.peer, self.local, kind, bytes);
        }
        self.peer_closed |= bytes.is_empty();
    }

    fn on_error(&mut self, error: &io::Error) {
        if error.kind() == io::ErrorKind::ConnectionReset && !self.peer_is_own && !self.peer_closed {
            self.peer_closed = true;
            self.tap.record(self.clock.now(), self.peer, self.local, Kind::TcpReset, &[]);
        }
    }

    fn on_close(&mut self) {
        if !self.we_closed {
            self.we_closed = true;
            self.record(Kind::TcpClose);
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if !self.side.handed_over.wishes().resets || self.side.we_closed {
            return self.side.on_close();
        }
        self.side.we_closed = true;
        self.side.record(Kind::TcpReset);
        match &mut self.inner {
            // Without the option the drop is an ordinary close, which is all that is left then.
            Inner::Os(stream) => drop(stream.set_zero_linger()),
            Inner::Sim(end) => end.reset(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let result = match &mut this.inner {
            Inner::Os(stream) => Pin::new(stream).poll_read(cx, buf),
            Inner::Sim(end) => end.poll_read(cx, buf),
        };
        match &result {
            Poll::Ready(Ok(())) => this.side.on_read(&buf.filled()[before..]),
            Poll::Ready(Err(error)) => this.side.on_error(error),
            Poll::Pending => {}
        }
        result
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    /// TLS hands over several records at once. All of them must go: it tries only once to send the alert that says why
    /// a handshake failed, and another record may stand before it.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let moment = this.side.sending();
        let result = match &mut this.inner {
            Inner::Os(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Inner::Sim(end) => end.poll_write(cx, &joined(slices)),
        };
        match &result {
            Poll::Ready(Ok(sent)) if this.side.tap.is_active() => {
                this.side.on_sent(moment, &joined(slices)[..*sent]);
            }
            Poll::Ready(Err(error)) => this.side.on_error(error),
            Poll::Ready(Ok(_)) | Poll::Pending => {}
        }
        result
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().inner {
            Inner::Os(stream) => Pin::new(stream).poll_flush(cx),
            Inner::Sim(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.side.on_close();
        match &mut this.inner {
            Inner::Os(stream) => Pin::new(stream).poll_shutdown(cx),
            Inner::Sim(end) => {
                end.shutdown();
                Poll::Ready(Ok(()))
            }
        }
    }
}

/// The slices as one; copied only if there are several.
fn joined<'a>(slices: &'a [IoSlice<'_>]) -> Cow<'a, [u8]> {
    match slices {
        [slice] => Cow::Borrowed(slice),
        _ => Cow::Owned(slices.iter().flat_map(|slice| slice.iter().copied()).collect()),
    }
}
