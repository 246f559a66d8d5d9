//! Which addresses are nobody's business.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forbidden {
    /// This machine, the Lambda runtime's address among others.
    Loopback,
    /// A private network: RFC 1918, unique local, site-local.
    Private,
    /// Link-local: metadata services, the Lambda runtime's neighbours.
    LinkLocal,
    /// A provider's own network (RFC 6598).
    Shared,
    /// The unspecified address and its network.
    Unspecified,
    /// Many at once, or everybody.
    Multicast,
    /// Documentation and benchmarks.
    Documentation,
    /// An IPv6 form of an IPv4 address: mapped, compatible, translated, 6to4, Teredo.
    Embedded,
    /// Set aside by IANA for something else.
    Reserved,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "a loopback address",
            Self::Private => "an address of a private network",
            Self::LinkLocal => "a link-local address",
            Self::Shared => "an address of a provider's own network",
            Self::Unspecified => "the unspecified address",
            Self::Multicast => "a multicast or broadcast address",
            Self::Documentation => "an address for documentation or benchmarks",
            Self::Embedded => "an IPv6 form of an IPv4 address",
            Self::Reserved => "a reserved address",
        })
    }
}

/// IANA's IPv4 Special-Purpose Address Registry, and class D and E.
const V4: [(Ipv4Addr, u32, Forbidden); 17] = [
    (Ipv4Addr::UNSPECIFIED, 8, Forbidden::Unspecified),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Forbidden::Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Forbidden::Shared),
    (Ipv4Addr::new(127, 0, 0, 0), 8, Forbidden::Loopback),
    (Ipv4Addr::new(169, 254, 0, 0), 16, Forbidden::LinkLocal),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Forbidden::Private),
    (Ipv4Addr::new(192, 0, 0, 0), 24, Forbidden::Reserved),
    (Ipv4Addr::new(192, 0, 2, 0), 24, Forbidden::Documentation),
    (Ipv4Addr::new(192, 31, 196, 0), 24, Forbidden::Reserved),
    (Ipv4Addr::new(192, 52, 193, 0), 24, Forbidden::Reserved),
    (Ipv4Addr::new(192, 88, 99, 0), 24, Forbidden::Reserved),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Forbidden::Private),
    (Ipv4Addr::new(192, 175, 48, 0), 24, Forbidden::Reserved),
    (Ipv4Addr::new(198, 18, 0, 0), 15, Forbidden::Documentation),
    (Ipv4Addr::new(198, 51, 100, 0), 24, Forbidden::Documentation),
    (Ipv4Addr::new(203, 0, 113, 0), 24, Forbidden::Documentation),
    (Ipv4Addr::new(224, 0, 0, 0), 4, Forbidden::Multicast),
];

/// What is not global unicast (`2000::/3`) by its first bits, for a word that says why, and what is set aside within it.
const V6: [(Ipv6Addr, u32, Forbidden); 15] = [
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, Forbidden::Embedded),
    (Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96, Forbidden::Embedded),
    (Ipv6Addr::UNSPECIFIED, 96, Forbidden::Embedded),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, Forbidden::Embedded),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, Forbidden::Embedded),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, Forbidden::Private),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, Forbidden::LinkLocal),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, Forbidden::Private),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, Forbidden::Multicast),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, Forbidden::Embedded),
    (Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), 48, Forbidden::Documentation),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, Forbidden::Reserved),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, Forbidden::Documentation),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, Forbidden::Embedded),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, Forbidden::Documentation),
];

/// Why nobody may be sent to this address; `None` if it is one of the public internet.
pub fn forbidden(address: IpAddr) -> Option<Forbidden> {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    }
}

fn v4(address: Ipv4Addr) -> Option<Forbidden> {
    if address.is_broadcast() {
        return Some(Forbidden::Multicast);
    }
    let bits = address.to_bits();
    let within = |net: Ipv4Addr, length: u32| (bits ^ net.to_bits()) >> (32 - length) == 0;
    let found = V4.iter().find(|(net, length, _)| within(*net, *length));
    found.map(|(_, _, why)| *why).or_else(|| (bits >> 28 == 0xf).then_some(Forbidden::Reserved))
}

fn v6(address: Ipv6Addr) -> Option<Forbidden> {
    if address.is_loopback() {
        return Some(Forbidden::Loopback);
    }
    if address.is_unspecified() {
        return Some(Forbidden::Unspecified);
    }
    let bits = address.to_bits();
    let within = |net: Ipv6Addr, length: u32| (bits ^ net.to_bits()) >> (128 - length) == 0;
    let found = V6.iter().find(|(net, length, _)| within(*net, *length));
    // only 2000::/3 is handed out as global unicast
    found.map(|(_, _, why)| *why).or_else(|| (bits >> 125 != 1).then_some(Forbidden::Reserved))
}
