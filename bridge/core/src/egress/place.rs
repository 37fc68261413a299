//! Whether a host lies in the local network: its name or address in, yes or no out; names are not resolved.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Endings of names that only a local network gives: RFC 6762, RFC 8375, ICANN's `internal`, and what routers use.
const LOCAL_ENDINGS: [&str; 6] = [".local", ".lan", ".home", ".home.arpa", ".internal", ".localdomain"];

/// Whether `host` (a name or an address, without port) can only be reached in the local network: loopback, private
/// and link-local addresses, the shared range that overlay networks use, names without a dot and names of local
/// networks. Every other host is outside, also if its name leads back inside.
pub fn is_local(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches([']', '.']).to_ascii_lowercase();
    match host.parse() {
        Ok(IpAddr::V4(address)) => is_local_v4(address),
        Ok(IpAddr::V6(address)) => address.to_ipv4_mapped().map_or_else(|| is_local_v6(address), is_local_v4),
        Err(_) => is_local_name(&host),
    }
}

fn is_local_name(host: &str) -> bool {
    // A number alone, `0x7f000001` and the like are addresses to some resolvers: never taken for a name.
    let is_name = host.starts_with(|c: char| c.is_ascii_alphabetic());
    is_name && (!host.contains('.') || LOCAL_ENDINGS.iter().any(|ending| host.ends_with(ending)))
}

fn is_local_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    // 100.64.0.0/10: RFC 6598, in use by Tailscale.
    let is_shared = first == 100 && (64..128).contains(&second);
    address.is_loopback() || address.is_private() || address.is_link_local() || is_shared
}

fn is_local_v6(address: Ipv6Addr) -> bool {
    address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn hosts_of_the_home_are_local() {
        for host in [
            "localhost",
            "127.0.0.1",
            "10.1.2.3",
            "192.168.1.4",
            "[::1]",
            "fd00::1",
            "100.101.1.2",
            "nas",
            "nas.local",
            "ollama.lan.",
        ] {
            assert!(is_local(host), "{host}");
        }
    }

    #[test]
    fn hosts_of_the_internet_are_not() {
        for host in [
            "",
            "8.8.8.8",
            "generativelanguage.googleapis.com",
            "2001:4860::1",
            "::ffff:8.8.8.8",
            "172.32.0.1",
            "134744072",
            "0x08080808",
            "evil.local.example.com",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }
}
