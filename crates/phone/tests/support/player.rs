//! Somebody at the other end who is no phone of ours: music on hold, or a third party.

use std::net::SocketAddr;
use std::time::Duration;

use media::rtp::{HEADER_LEN, Header};
use media::srtp::{Context, MasterKey, OVERHEAD, Suite};
use wire::{MediaSocket, Net};

use super::ip;

/// A port with a key of its own, and what it has played.
pub(crate) struct Player {
    net: Net,
    socket: MediaSocket,
    key: Option<(Suite, MasterKey)>,
    context: Option<Context>,
    pub(crate) played: Vec<Vec<u8>>,
}

impl Player {
    pub(crate) fn new(net: &Net, suite: Option<Suite>) -> Self {
        let socket = net.media(SocketAddr::new(ip("127.0.0.9"), 0)).unwrap();
        let key = suite.map(|suite| {
            let bytes = vec![9; suite.key_len() + suite.salt_len()];
            (suite, MasterKey::from_bytes(suite, &bytes).unwrap())
        });
        let context = key.as_ref().map(|(suite, key)| Context::new(*suite, key).unwrap());
        Self { net: net.clone(), socket, key, context, played: Vec::new() }
    }

    /// Its description; `tag` is that of the crypto line.
    pub(crate) fn describe(&self, tag: usize, direction: &str) -> String {
        let (profile, crypto) = self.key.as_ref().map_or(("RTP/AVP", String::new()), |(suite, key)| {
            ("RTP/SAVP", format!("a=crypto:{tag} {} inline:{}\r\n", suite.name(), key.to_inline()))
        });
        format!(
            "v=0\r\no=CiscoSystemsCCM-SIP 7 2 IN IP4 127.0.0.5\r\ns=SIP Call\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\nm=audio {} {profile} 0 101\r\n{crypto}\
             a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na={direction}\r\n",
            self.socket.local_addr().port()
        )
    }

    /// Plays so many frames, no two alike.
    pub(crate) async fn play(&mut self, to: SocketAddr, frames: usize) {
        let start = self.net.clock().now();
        for at in 1..=frames as u32 {
            let number = self.played.len();
            let payload: Vec<u8> = (0..160).map(|at| (at * 7 + number * 31 + at * number) as u8).collect();
            let mut buf = [0; HEADER_LEN + 160 + OVERHEAD];
            let header = Header {
                payload_type: 0,
                marker: number == 0,
                sequence: 1000 + number as u16,
                timestamp: 5000 + 160 * number as u32,
                ssrc: 4711,
            };
            header.write(&mut buf);
            buf[HEADER_LEN..HEADER_LEN + 160].copy_from_slice(&payload);
            let len = HEADER_LEN + 160;
            let len = self.context.as_mut().map_or(len, |context| context.protect(&mut buf, len).unwrap());
            self.socket.send_to(self.net.clock().now(), to, &buf[..len]);
            self.played.push(payload);
            self.net.clock().sleep_until(start + Duration::from_millis(20) * at).await;
        }
    }
}
