//! Every range at both of its ends, every way to write an address, and what lies just outside.

use reqwest::Url;

use super::*;

fn refused(policy: &AddressPolicy, ip: IpAddr) -> bool {
    matches!(policy.check((ip, 443).into()), Err(Refused::Address(..)))
}

#[test]
fn both_ends_of_every_special_range_are_refused_also_inside_an_ipv6_address() {
    let policy = AddressPolicy::default();
    let mut checked = 0;
    for (first, bits, what) in SPECIAL_V4 {
        let host = if bits == 32 { 0 } else { u32::MAX >> bits };
        for bits in [0, host / 2, host.saturating_sub(1), host] {
            let v4 = Ipv4Addr::from_bits(first.to_bits() | bits);
            let [a, b, c, d] = v4.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low);
            let local_nat64 = Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low);
            let six_to_four = Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1);
            let teredo = Ipv6Addr::new(0x2001, 0, high, low, 0, 0, !high, !low);
            let isatap = Ipv6Addr::new(0x2a01, 1, 2, 3, 0x0200, 0x5efe, high, low);
            let v6 = [
                v4.to_ipv6_mapped(),
                v4.to_ipv6_compatible(),
                nat64,
                local_nat64,
                six_to_four,
                teredo,
                isatap,
            ];
            for address in v6.map(IpAddr::V6).into_iter().chain([IpAddr::V4(v4)]) {
                assert!(refused(&policy, address), "{address} ({what})");
                checked += 1;
            }
        }
    }
    for (first, bits, what) in SPECIAL_V6 {
        for bits in [0, u128::MAX >> bits] {
            let address = Ipv6Addr::from_bits(first.to_bits() | bits);
            assert!(refused(&policy, address.into()), "{address} ({what})");
            checked += 1;
        }
    }
    assert!(checked > 500, "{checked}");
}

#[test]
fn what_is_not_given_out_on_the_internet_is_refused() {
    let policy = AddressPolicy::default();
    for first in (0..=0xffff_u16).step_by(0x80).filter(|first| first >> 13 != 1) {
        let address = Ipv6Addr::new(first, 1, 2, 3, 4, 5, 6, 7);
        assert!(refused(&policy, address.into()), "{address}");
    }
    for address in
        ["::", "::1", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1", "fec0::1", "100::1", "5f00::1"]
    {
        assert!(refused(&policy, address.parse().expect("an address")), "{address}");
    }
}

#[test]
fn public_addresses_are_read_also_those_just_beside_a_special_range() {
    let policy = AddressPolicy::default();
    for address in [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "168.63.129.17",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2001:db7::1",
        "2001:db9::1",
        "2003::1",
        "2a00:1450::1",
        "3ffe::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ] {
        assert_eq!(
            policy.check((address.parse::<IpAddr>().expect("an address"), 443).into()),
            Ok(()),
            "{address}"
        );
    }
}

#[test]
fn an_address_is_the_same_however_it_is_written() {
    let policy = AddressPolicy::default();
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "0",
        "0.0.0.0",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:0001]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::10.0.0.1]",
        "10.1",
        "0xa.1",
        "012.0.0.1",
        "167772161",
        "192.168.257",
        "3232235777",
        "0xc0a80101",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "１２７.0.0.1",
        "100.100.100.200",
        "224.0.0.251",
        "255.255.255.255",
        "%31%32%37.0.0.1",
    ] {
        let url = Url::parse(&format!("http://{host}/")).unwrap_or_else(|error| panic!("{host}: {error}"));
        let ip: IpAddr =
            url.host_str().expect("a host").trim_matches(['[', ']']).parse().expect("an address");
        assert!(refused(&policy, ip), "{host} is {ip}");
    }
}

#[test]
fn only_the_ports_of_the_web_are_read_unless_more_are_set() {
    let policy = AddressPolicy::default();
    let public: IpAddr = "8.8.8.8".parse().expect("an address");
    for port in [0, 22, 25, 53, 81, 445, 3306, 5432, 6379, 8080, 8123, 8443, 9200, 65535] {
        assert_eq!(policy.check((public, port).into()), Err(Refused::Port(port)));
    }
    let wider = policy.with_port(8080);
    assert_eq!(wider.check((public, 8080).into()), Ok(()));
    assert!(refused_at(&wider, "10.0.0.1:8080"));
}

fn refused_at(policy: &AddressPolicy, address: &str) -> bool {
    policy.check(address.parse().expect("an address")).is_err()
}

#[test]
fn an_exception_is_one_address_at_one_port() {
    let policy = AddressPolicy::default().with_exactly("127.0.0.1:40123".parse().expect("an address"));
    assert!(!refused_at(&policy, "127.0.0.1:40123"));
    for address in ["127.0.0.1:40124", "127.0.0.1:80", "127.0.0.2:40123", "[::1]:40123", "8.8.8.8:40123"] {
        assert!(refused_at(&policy, address), "{address}");
    }
}

#[test]
fn the_own_network_is_refused_also_where_its_addresses_are_public() {
    let listed = "00000000000000000000000000000001 01 80 10 80       lo\n\
                  20030001000200030000000000000005 02 40 00 00     eth0\n\
                  fe800000000000000000000000000005 02 40 20 80     eth0\n\
                  short\n";
    let own = own_addresses(listed);
    assert_eq!(own, ["2003:1:2:3::5".parse::<Ipv6Addr>().expect("an address")]);
    let policy = own.into_iter().fold(AddressPolicy::default(), AddressPolicy::with_own);
    assert!(refused_at(&policy, "[2003:1:2:3::99]:443") && refused_at(&policy, "[2003:1:2:ffff::1]:80"));
    assert!(!refused_at(&policy, "[2003:1:3::1]:443"));
}
