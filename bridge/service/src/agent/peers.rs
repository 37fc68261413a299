//! Who may connect: the address of a peer in, yes or no out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use helix_core::Clock;
use tokio::net::lookup_host;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::clock::SystemClock;

/// How long the addresses of a name are taken for true.
const KNOWN_FOR: Duration = Duration::from_mins(1);
const LOOKUP_LIMIT: Duration = Duration::from_secs(2);

/// A network, such as 172.30.32.0/24.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_len: u8,
}

impl Network {
    /// The addresses whose first `prefix_len` bits are those of `address`.
    pub const fn new(address: IpAddr, prefix_len: u8) -> Self {
        Self { address, prefix_len }
    }

    /// One address alone.
    pub fn only(address: IpAddr) -> Self {
        let prefix_len = if address.is_ipv4() { 32 } else { 128 };
        Self::new(address.to_canonical(), prefix_len)
    }

    fn holds(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let rest = 32_u32.saturating_sub(self.prefix_len.into());
                own.to_bits().checked_shr(rest) == other.to_bits().checked_shr(rest)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let rest = 128_u32.saturating_sub(self.prefix_len.into());
                own.to_bits().checked_shr(rest) == other.to_bits().checked_shr(rest)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// The networks and the host that may connect; nobody else may.
#[derive(Debug)]
pub struct Peers {
    networks: Vec<Network>,
    host: Option<Host>,
}

impl Peers {
    /// Peers in these networks.
    pub fn of(networks: Vec<Network>) -> Self {
        Self { networks, host: None }
    }

    /// Programs on this machine.
    pub fn of_this_machine() -> Self {
        let own = [
            Network::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8),
            Network::only(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ];
        Self::of(own.into())
    }

    /// These and a network.
    #[must_use]
    pub fn and(mut self, network: Network) -> Self {
        self.networks.push(network);
        self
    }

    /// These and the machine of this name, whatever address it has now.
    #[must_use]
    pub fn and_host(self, name: String, clock: SystemClock) -> Self {
        Self { host: Some(Host { name, clock, known: Mutex::default() }), ..self }
    }

    /// Whether a peer may connect.
    pub(super) async fn admit(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        if self.networks.iter().any(|network| network.holds(peer)) {
            return true;
        }
        match &self.host {
            Some(host) => host.has(peer).await,
            None => false,
        }
    }
}

/// A machine by its name.
#[derive(Debug)]
struct Host {
    name: String,
    clock: SystemClock,
    /// Its addresses and when they were looked up.
    known: Mutex<Option<(Duration, Vec<IpAddr>)>>,
}

impl Host {
    async fn has(&self, peer: IpAddr) -> bool {
        let mut known = self.known.lock().await;
        let now = self.clock.now();
        if let Some((at, addresses)) = &*known
            && now.saturating_sub(*at) < KNOWN_FOR
        {
            return addresses.contains(&peer);
        }
        let found = match timeout(LOOKUP_LIMIT, lookup_host((self.name.as_str(), 0))).await {
            Ok(Ok(found)) => found.map(|address| address.ip().to_canonical()).collect(),
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        known.insert((now, found)).1.contains(&peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[tokio::test]
    async fn only_the_networks_that_are_named_may_connect() {
        let peers = Peers::of_this_machine().and(Network::new(address("172.30.32.0"), 24));
        for (peer, admitted) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("172.30.32.1", true),
            ("::ffff:172.30.32.2", true),
            ("172.30.33.1", false),
            ("192.168.1.5", false),
            ("::2", false),
            ("fe80::1", false),
        ] {
            assert_eq!(peers.admit(address(peer)).await, admitted, "{peer}");
        }
        assert!(!Peers::of(Vec::new()).admit(address("127.0.0.1")).await);
        assert!(Peers::of(vec![Network::new(address("::"), 0)]).admit(address("fe80::1")).await);
    }

    #[tokio::test]
    async fn a_host_is_known_by_its_address_or_its_name() {
        for (host, peer, admitted) in [
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("localhost", "127.0.0.1", true),
            ("no-such-name.invalid", "127.0.0.1", false),
        ] {
            let peers = Peers::of(Vec::new()).and_host(host.into(), SystemClock::start());
            assert_eq!(peers.admit(address(peer)).await, admitted, "{host} {peer}");
            assert_eq!(peers.admit(address(peer)).await, admitted, "{host} {peer}, known already");
        }
    }
}
