//! A phone that has barged in, with voices that say one number each.

use media::g711;
use media::rtp::{HEADER_LEN, Header};

use super::*;

/// A party that is nothing but a socket and a number.
struct Party {
    socket: MediaSocket,
    says: i16,
    sent: u16,
}

impl Party {
    fn new(net: &Net, ip: &str, says: i16) -> Self {
        Self { socket: net.media(at(ip)).unwrap(), says, sent: 0 }
    }

    fn say(&mut self, now: Instant, to: SocketAddr) {
        let header = Header {
            payload_type: 0,
            marker: false,
            sequence: self.sent,
            timestamp: u32::from(self.sent) * FRAME as u32,
            ssrc: 9,
        };
        self.sent += 1;
        let mut packet = [0; HEADER_LEN + FRAME];
        header.write(&mut packet);
        packet[HEADER_LEN..].fill(g711::encode(Law::Mu, self.says));
        self.socket.send_to(now, to, &packet);
    }

    /// The first sample of the last packet, and how many came.
    fn hears(&mut self) -> (i16, usize) {
        let (mut buf, mut last, mut count) = ([0; 1500], 0, 0);
        while let Some((len, _)) = self.socket.try_recv(&mut buf) {
            let packet = Packet::parse(&buf[..len]).unwrap();
            (last, count) = (g711::decode(Law::Mu, packet.payload()[0]), count + 1);
        }
        (last, count)
    }
}

fn near(heard: (i16, usize), expected: i16) -> bool {
    heard.1 >= 45 && (heard.0 - expected).abs() <= expected / 16
}

#[test]
fn each_of_three_hears_the_two_others_and_the_recorder_what_the_user_says_and_hears() {
    simulation_runtime().unwrap().block_on(async {
        let net = Net::simulated(SimOptions::default());
        let clock = MediaClock::start(&net);
        let [mut customer, mut guest] =
            [(CUSTOMER, 4000), ("10.0.0.4", 500)].map(|(ip, says)| Party::new(&net, ip, says));
        let [mut near_tap, mut far_tap] = [0, 0].map(|says| Party::new(&net, RECORDER, says));
        let sockets = [0; 4].map(|_| net.media(at(AGENT)).unwrap());
        let [main, near_port, far_port, guest_port] = sockets;
        let (main_at, guest_at) = (main.local_addr(), guest_port.local_addr());
        let rng = ChaCha20Rng::seed_from_u64(1);
        let agent = clock.add(Talk::new(net.clock().clone(), rng, main, 3, Vec::new()));
        clock.give_voice(agent, Voice::wav(vec![1000; FRAME], true));
        let to = |party: &Party, kind| opening(kind, party.socket.local_addr(), None, 7, 1);
        clock.set_main(agent, MainTerms { send: Some(to(&customer, StreamKind::Voice)), receive: None });
        for (leg, tap, socket) in [(Leg::Near, &near_tap, near_port), (Leg::Far, &far_tap, far_port)] {
            let opening = to(tap, StreamKind::Bridge(leg));
            clock.start_fork(agent, ForkTerms { leg, opening, socket, elsewhere: None });
        }
        let terms = GuestTerms { opening: to(&guest, StreamKind::Voice), receive: None, socket: guest_port };
        clock.start_guest(agent, terms);
        for _ in 0..60 {
            let now = net.clock().now();
            customer.say(now, main_at);
            guest.say(now, guest_at);
            net.clock().sleep(Duration::from_millis(20)).await;
        }
        assert!(near(customer.hears(), 1500));
        assert!(near(guest.hears(), 5000));
        assert!(near(near_tap.hears(), 1000), "the user alone");
        assert!(near(far_tap.hears(), 4500), "what the user hears");
        clock.stop_guest(agent);
        for _ in 0..60 {
            let now = net.clock().now();
            customer.say(now, main_at);
            guest.say(now, guest_at);
            net.clock().sleep(Duration::from_millis(20)).await;
        }
        assert!(near(customer.hears(), 1000) && near(far_tap.hears(), 4000));
        assert!(guest.hears().1 <= 1, "it has left");
        let closed = clock.close(agent).await.unwrap();
        assert_eq!(closed.streams.len(), 4, "what the guest was sent is in the ledger too");
    });
}
