//! Whether a request means this machine by its Host.
//!
//! A page from elsewhere may let its own name point to 127.0.0.1, and its scripts then count as being of our
//! origin: "DNS rebinding". Their requests still carry that name.

use std::net::IpAddr;

/// Whether a port on the loopback takes a request with this Host: one that names no other host than an address or
/// `localhost`.
pub(super) fn is_of_this_machine(host: &str) -> bool {
    let name = without_port(host);
    let literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || literal.parse::<IpAddr>().is_ok()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            // An IPv6 address that has lost its brackets has no port to lose.
            if name.contains(':') && !name.ends_with(']') { host } else { name }
        }
        Some(_) | None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_localhost_are_of_this_machine() {
        for host in [
            "localhost",
            "LocalHost:5581",
            "127.0.0.1",
            "127.0.0.1:5581",
            "[::1]",
            "[::1]:5581",
            "::1",
            "10.0.0.1:1",
        ] {
            assert!(is_of_this_machine(host), "{host}");
        }
    }

    #[test]
    fn other_names_are_not() {
        for host in [
            "",
            "evil.example",
            "evil.example:5581",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            ":5581",
        ] {
            assert!(!is_of_this_machine(host), "{host}");
        }
    }
}
