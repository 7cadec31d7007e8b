//! A connection that carries SIP: TCP or TLS, with its plain bytes shown to the tap.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, ReadHalf, WriteHalf};

use crate::stream::{HandedOver, Side, Stream};
use crate::tap::{Kind, Moment};
use crate::tls::{TlsError, TlsStream, alert};

/// A TCP or a TLS connection.
#[derive(Debug)]
pub enum Link {
    /// In clear.
    Plain(Stream),
    /// Encrypted.
    Tls(TlsStream),
}

/// The reading half of a [`Link`].
#[derive(Debug)]
pub struct LinkReader {
    half: ReadHalf<Link>,
}

/// The writing half of a [`Link`]. Dropping it does not close the connection while the other half lives; `shutdown`
/// does.
#[derive(Debug)]
pub struct LinkWriter {
    half: WriteHalf<Link>,
    handed_over: HandedOver,
}

impl Link {
    /// Reads what is there; 0 at the end of the connection, also where TLS was cut without a goodbye. An alert of the
    /// peer is an error that [`alert`] puts into words. Cancel safe.
    pub async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        AsyncReadExt::read(self, buf).await
    }

    /// Writes all of it. Not cancel safe: a part may have been written.
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        AsyncWriteExt::write_all(self, bytes).await?;
        self.flush().await
    }

    /// Says goodbye and closes our direction.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        AsyncWriteExt::shutdown(self).await
    }

    /// Ends the connection with a TCP reset.
    pub fn reset(self) {
        match self {
            Self::Plain(stream) => stream.reset(),
            Self::Tls(stream) => stream.into_stream().reset(),
        }
    }

    /// Two halves for two tasks.
    pub fn split(self) -> (LinkReader, LinkWriter) {
        let handed_over = self.side().handed_over.clone();
        let (reader, writer) = tokio::io::split(self);
        (LinkReader { half: reader }, LinkWriter { half: writer, handed_over })
    }

    /// Our address.
    pub fn local_addr(&self) -> SocketAddr {
        self.side().local
    }

    /// The peer's address.
    pub fn peer_addr(&self) -> SocketAddr {
        self.side().peer
    }

    /// Whether it is TLS.
    pub fn is_encrypted(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// The certificate the peer presented, in DER.
    pub fn peer_certificate(&self) -> Option<Vec<u8>> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(stream) => stream.peer_certificates().first().map(|der| der.to_vec()),
        }
    }

    fn side(&self) -> &Side {
        match self {
            Self::Plain(stream) => stream.side(),
            Self::Tls(stream) => stream.side(),
        }
    }

    fn kind(&self) -> Kind {
        Kind::Message { encrypted: self.is_encrypted() }
    }
}

impl LinkReader {
    /// As [`Link::read`]. Cancel safe.
    pub async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.half.read(buf).await
    }
}

impl LinkWriter {
    /// As [`Link::write_all`]. Not cancel safe.
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.half.write_all(bytes).await?;
        self.half.flush().await
    }

    /// As [`write_all`](Self::write_all), of bytes that were handed over a moment ago: the tap shows them in the order of
    /// these moments ([`Net::moment`](crate::Net::moment)), whichever writer has its turn first.
    pub async fn write_all_since(&mut self, moment: Moment, bytes: &[u8]) -> io::Result<()> {
        self.handed_over.set(Some(moment));
        let written = self.write_all(bytes).await;
        self.handed_over.set(None);
        written
    }

    /// As [`Link::shutdown`].
    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.half.shutdown().await
    }

    /// As [`Link::reset`], as soon as the other half is dropped too.
    pub fn reset_when_dropped(self) {
        self.handed_over.reset_when_dropped();
    }
}

impl From<Stream> for Link {
    fn from(stream: Stream) -> Self {
        Self::Plain(stream)
    }
}

impl From<TlsStream> for Link {
    fn from(stream: TlsStream) -> Self {
        Self::Tls(stream)
    }
}

impl AsyncRead for Link {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let result = match this {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        match result {
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(match alert(&error) {
                Some(words) => io::Error::other(TlsError::Alert(words)),
                None => error,
            })),
            Poll::Ready(Ok(())) => {
                let (side, bytes) = (this.side(), &buf.filled()[before..]);
                if side.tap.is_active() && !side.peer_is_own && !bytes.is_empty() {
                    side.tap.record(side.clock.now(), side.peer, side.local, this.kind(), bytes);
                }
                Poll::Ready(Ok(()))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncWrite for Link {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let moment = this.side().sending();
        let result = match this {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        };
        if let Poll::Ready(Ok(sent)) = result {
            let side = this.side();
            side.tap.record_since(moment, side.local, side.peer, this.kind(), &bytes[..sent]);
        }
        result
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
