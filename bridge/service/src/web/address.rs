//! Which addresses a page may be read from: an address in, yes or the reason against it out. What is not public on the
//! whole internet is refused; an exception is one address with its port.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Why nothing is read from an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Only hosts of the public internet are read.
    #[error("{0} is not on the public internet ({1})")]
    Address(IpAddr, &'static str),
    /// Only the ports of the web are read.
    #[error("port {0} is none of the web's")]
    Port(u16),
}

/// Where a web server listens.
const WEB_PORTS: [u16; 2] = [80, 443];
/// What a provider delegates to one home at the most, bits (RFC 6177).
const DELEGATED_BITS: u32 = 48;

/// What may be connected to. The default is the public internet at the ports of the web.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    ports: Vec<u16>,
    own: Vec<Ipv6Addr>,
    exceptions: Vec<SocketAddr>,
}

impl AddressPolicy {
    /// The public internet without what lies in this machine's own network: devices of a home have public IPv6
    /// addresses. Reads the kernel's list of addresses.
    pub fn here() -> Self {
        let listed = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
        Self { own: own_addresses(&listed), ..Self::default() }
    }

    /// Allows one more port on every public address.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.ports.push(port);
        self
    }

    /// Allows exactly this address at exactly this port, wherever it lies.
    #[must_use]
    pub fn with_exactly(mut self, address: SocketAddr) -> Self {
        self.exceptions.push(address);
        self
    }

    /// Takes everything in the provider's prefix of `address` for the own network.
    #[must_use]
    pub fn with_own(mut self, address: Ipv6Addr) -> Self {
        self.own.push(address);
        self
    }

    /// Whether a connection may be made.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn check(&self, address: SocketAddr) -> Result<(), Refused> {
        if self.exceptions.contains(&address) {
            return Ok(());
        }
        let port = address.port();
        if !WEB_PORTS.contains(&port) && !self.ports.contains(&port) {
            return Err(Refused::Port(port));
        }
        match self.special(address.ip()) {
            Some(why) => Err(Refused::Address(address.ip(), why)),
            None => Ok(()),
        }
    }

    /// Whether some address could be connected to at this port.
    pub(super) fn has_port(&self, port: u16) -> bool {
        let is_excepted = self.exceptions.iter().any(|exception| exception.port() == port);
        is_excepted || WEB_PORTS.contains(&port) || self.ports.contains(&port)
    }

    fn special(&self, address: IpAddr) -> Option<&'static str> {
        match address {
            IpAddr::V4(address) => special_v4(address),
            IpAddr::V6(address) => {
                let delegated = |own: &Ipv6Addr| own.to_bits() >> (128 - DELEGATED_BITS);
                let is_own = self.own.iter().any(|own| delegated(own) == delegated(&address));
                if is_own { Some("the own network") } else { special_v6(address) }
            }
        }
    }
}

/// A range: its first address, its length in bits, what it is.
type Range<T> = (T, u32, &'static str);

/// What the registries of IANA keep for special purposes, and one address that a cloud keeps for itself.
const SPECIAL_V4: [Range<Ipv4Addr>; 18] = [
    (Ipv4Addr::UNSPECIFIED, 8, "unspecified"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "shared, used by overlay networks"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (Ipv4Addr::new(168, 63, 129, 16), 32, "metadata of a cloud"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "protocol assignments"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "documentation"),
    (Ipv4Addr::new(192, 31, 196, 0), 24, "sink of name servers"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "relays"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(192, 175, 48, 0), 24, "sink of name servers"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

/// Within the range that is given out to everybody, `2000::/3`.
const SPECIAL_V6: [Range<Ipv6Addr>; 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "protocol assignments"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "documentation"),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "a tunnel to an IPv4 address"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "documentation"),
];

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    let within =
        |(first, bits, _): &&Range<Ipv4Addr>| (first.to_bits() ^ address.to_bits()) >> (32 - bits) == 0;
    SPECIAL_V4.iter().find(within).map(|(_, _, what)| *what)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some(inner) = inner_v4(address) {
        return special_v4(inner);
    }
    let [first, .., upper, middle, _, _] = address.segments();
    if first >> 13 != 1 {
        return Some("not given out on the internet");
    }
    // ISATAP (RFC 5214) reaches an IPv4 address through any prefix.
    if upper & !0x0200 == 0 && middle == 0x5efe {
        return Some("a tunnel to an IPv4 address");
    }
    let within =
        |(first, bits, _): &&Range<Ipv6Addr>| (first.to_bits() ^ address.to_bits()) >> (128 - bits) == 0;
    SPECIAL_V6.iter().find(within).map(|(_, _, what)| *what)
}

/// The IPv4 address that is reached through a mapped one or, behind NAT64, through the well-known prefix (RFC 6052).
fn inner_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let is_nat64 = address.to_bits() >> 32 == 0x0064_ff9b_0000_0000_0000_0000;
    let inner = Ipv4Addr::from_bits(address.to_bits() as u32);
    if is_nat64 { Some(inner) } else { address.to_ipv4_mapped() }
}

/// The addresses of `/proc/net/if_inet6` that are given out on the internet: 32 hexadecimal digits begin each line.
fn own_addresses(listed: &str) -> Vec<Ipv6Addr> {
    let address = |line: &str| {
        let bits = u128::from_str_radix(line.get(..32)?, 16).ok()?;
        Some(Ipv6Addr::from_bits(bits))
    };
    listed.lines().filter_map(address).filter(|address| address.segments()[0] >> 13 == 1).collect()
}

#[cfg(test)]
mod tests;
