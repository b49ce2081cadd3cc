//! The greeting: signature, version, and what each version says after it.
//!
//! Both ends send signature and major version at once, then look at the other's (RFC 37, "Detecting
//! ZMTP 2.0 Peers"). libzmq sends the major version only once it has seen a signature: neither waits
//! for the other.

use bytes::{Buf, BytesMut};

use super::command::printable;
use super::mechanism::Mechanism;
use super::outbox::Outbox;
use super::{Version, ZmtpError};

/// Octets up to the major version.
const SIGNATURE_LEN: usize = 10;

/// What follows the major version in 3.x: minor, mechanism, as-server, filler.
const REST_LEN: usize = 1 + MECHANISM_LEN + 1 + 31;

const MECHANISM_LEN: usize = 20;

/// What the peer's first eleven octets ask for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Major {
    /// Revision 1, or 2 that was never released: ZMTP 2.0.
    Two,
    /// Three, or later: we speak 3.x to both (RFC 37: higher versions are valid).
    Three { later: bool },
}

/// Writes our signature and major version. The padding holds the identity's length + 1, as libzmq
/// has it: a ZMTP 1.0 peer takes it for the head of an identity frame.
pub(super) fn put_signature(outbox: &mut Outbox, identity_len: usize) {
    outbox.put(&[0xFF]);
    outbox.put(&(identity_len as u64 + 1).to_be_bytes());
    outbox.put(&[0x7F, 3]);
}

/// Writes the rest of a 3.1 greeting.
pub(super) fn put_rest(outbox: &mut Outbox, mechanism: Mechanism) {
    let mut rest = [0; REST_LEN];
    rest[0] = 1;
    rest[1..][..mechanism.name().len()].copy_from_slice(mechanism.name().as_bytes());
    outbox.put(&rest);
}

/// Takes the peer's signature and major version off `input`. `None`: not all of it is there.
///
/// The padding is never looked at. The tenth octet counts by its lowest bit alone, as in libzmq.
pub(super) fn take_major(input: &mut BytesMut) -> Result<Option<Major>, ZmtpError> {
    if let [first, second, ..] = input[..] {
        check_first(first, second)?;
    }
    if input.get(SIGNATURE_LEN - 1).is_some_and(|last| last & 1 == 0) {
        return Err(ZmtpError::Version1);
    }
    let Some(&major) = input.get(SIGNATURE_LEN) else { return Ok(None) };
    input.advance(SIGNATURE_LEN + 1);
    match major {
        0 => Err(ZmtpError::Version1),
        1 | 2 => Ok(Some(Major::Two)),
        later => Ok(Some(Major::Three { later: later > 3 })),
    }
}

/// A first octet other than FF is the length of ZMTP 1.0's identity frame (1 to 254, RFC 13), with
/// flags after it: no reserved bit set, or this is something else, an HTTP client perhaps.
fn check_first(first: u8, second: u8) -> Result<(), ZmtpError> {
    match (first, second) {
        (0xFF, _) => Ok(()),
        (1.., 0 | 1) => Err(ZmtpError::Version1),
        (_, _) => Err(ZmtpError::NotZmtp { start: [first, second] }),
    }
}

/// Takes the rest of a 3.x greeting off `input`. `None`: not all of it is there.
///
/// As-server and filler have no significance under NULL and are not looked at.
pub(super) fn take_rest(
    input: &mut BytesMut,
    later: bool,
    mechanism: Mechanism,
) -> Result<Option<Version>, ZmtpError> {
    if input.len() < REST_LEN {
        return Ok(None);
    }
    let rest = input.split_to(REST_LEN);
    let named = &rest[1..=MECHANISM_LEN];
    let name_len = named.iter().rposition(|&octet| octet != 0).map_or(0, |last| last + 1);
    if &named[..name_len] != mechanism.name().as_bytes() {
        let theirs = printable(&named[..name_len]);
        return Err(ZmtpError::Mechanism { ours: mechanism.name(), theirs });
    }
    Ok(Some(if later || rest[0] > 0 { Version::V3_1 } else { Version::V3_0 }))
}
