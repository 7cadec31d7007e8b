//! What the integration tests share: the two networks and pairs of sockets on them.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use wire::{Keep, Net, NetOptions, SimOptions, Stream, Tap, simulation_runtime};

pub(crate) const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(crate) const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Any port of an address.
pub(crate) fn any(ip: IpAddr) -> SocketAddr {
    SocketAddr::new(ip, 0)
}

/// Runs one body over the operating system's network and over a simulated one, each in its own runtime.
pub(crate) fn on_both<F, Fut>(body: F)
where
    F: Fn(Net) -> Fut,
    Fut: Future<Output = ()>,
{
    on_os(Tap::none(), &body);
    on_sim(SimOptions::default(), &body);
}

pub(crate) fn on_os<F: Fn(Net) -> Fut, Fut: Future>(tap: Tap, body: F) -> Fut::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let run = body(Net::os(NetOptions { tap, seed: 1, clock: None }));
        tokio::time::timeout(Duration::from_secs(60), run).await.expect("the test hangs on the real network")
    })
}

pub(crate) fn on_sim<F: Fn(Net) -> Fut, Fut: Future>(options: SimOptions, body: F) -> Fut::Output {
    simulation_runtime().unwrap().block_on(async {
        let run = body(Net::simulated(options));
        tokio::time::timeout(Duration::from_secs(7200), run).await.expect("the test hangs on the simulated network")
    })
}

/// A simulated network that shows everything to memory.
pub(crate) fn seen(seed: u64) -> (SimOptions, Tap) {
    let tap = Tap::memory(Keep::Everything);
    (SimOptions { tap: tap.clone(), seed, ..SimOptions::default() }, tap)
}

/// Both ends of a connection: the client's from `LOCAL`, the server's on `OTHER`.
pub(crate) async fn pair(net: &Net) -> (Stream, Stream) {
    let listener = net.listen(any(OTHER)).await.unwrap();
    let (client, server) = tokio::join!(net.connect(LOCAL, listener.local_addr()), listener.accept());
    (client.unwrap(), server.unwrap().0)
}
