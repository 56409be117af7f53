//! Where a session comes from, as far as budgets care: its address prefix, and whether that pays.

use std::net::IpAddr;

/// What addresses of one owner share: IPv4 /24, IPv6 /48.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Prefix(u64);

/// Where a session comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Origin {
    pub(super) prefix: Prefix,
    /// This machine itself: load tools and proxies, which stand for many.
    pub(super) is_loopback: bool,
}

impl Origin {
    /// The origin of this address.
    pub(in super::super) fn of(ip: IpAddr) -> Self {
        let ip = ip.to_canonical();
        let prefix = match ip {
            IpAddr::V4(ip) => u64::from(ip.to_bits() >> 8),
            // The highest bit tells the families apart.
            IpAddr::V6(ip) => u64::try_from(ip.to_bits() >> 80).unwrap_or_default() | 1 << 63,
        };
        Self { prefix: Prefix(prefix), is_loopback: ip.is_loopback() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        Origin::of(text.parse().unwrap())
    }

    #[test]
    fn neighbours_share_a_prefix() {
        assert_eq!(origin("192.0.2.1"), origin("192.0.2.200"));
        assert_ne!(origin("192.0.2.1"), origin("192.0.3.1"));
        assert_eq!(origin("2001:db8:1::1"), origin("2001:db8:1:ffff::2"));
        assert_ne!(origin("2001:db8:1::1"), origin("2001:db8:2::1"));
        assert_eq!(origin("::ffff:192.0.2.9"), origin("192.0.2.1"), "one socket for both families");
        assert!(origin("127.0.0.1").is_loopback && origin("::1").is_loopback && origin("::ffff:127.0.0.1").is_loopback);
        assert!(!origin("192.0.2.1").is_loopback);
    }
}
