//! READY's metadata: properties of a name and a value (RFC 37, "The NULL Security Mechanism" and
//! "Connection Metadata").

use bytes::{Buf, Bytes};

use super::command::printable;
use super::{PeerInfo, SocketType, Version, ZmtpError};

/// The longest identity (RFC 37, "The Identity Property").
pub(super) const IDENTITY_MAX: usize = 255;

/// Properties that a peer may have: each costs more than its bytes.
const PROPERTIES_MAX: usize = 64;

/// Reads what a peer says of itself in READY, for a socket of the type `ours`.
///
/// `Socket-Type` must be there and fit: a peer without one could be anything. A property that comes
/// twice counts as it came last, as in libzmq.
pub(super) fn parse(version: Version, ours: SocketType, data: Bytes) -> Result<PeerInfo, ZmtpError> {
    let properties = parse_properties(data)?;
    let named = |name: &str| {
        properties
            .iter()
            .rev()
            .find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    };
    let theirs = named("Socket-Type").ok_or(ZmtpError::MalformedMetadata("it names no Socket-Type"))?;
    let socket_type = check_socket_type(ours, SocketType::from_name(theirs), || printable(theirs))?;
    let identity = check_identity(socket_type, named("Identity").cloned().unwrap_or_default())?;
    Ok(PeerInfo { version, socket_type, identity, properties })
}

fn parse_properties(mut data: Bytes) -> Result<Vec<(Bytes, Bytes)>, ZmtpError> {
    let mut properties = Vec::new();
    while !data.is_empty() {
        let name_len = usize::from(data.get_u8());
        if name_len == 0 {
            return Err(ZmtpError::MalformedMetadata("a property's name is empty"));
        }
        let name = take(&mut data, name_len)?;
        let value_len = take(&mut data, 4)?.get_u32();
        let value_len = i32::try_from(value_len).map_err(|_| OVERLONG)?;
        let value = take(&mut data, usize::try_from(value_len).map_err(|_| OVERLONG)?)?;
        if properties.len() == PROPERTIES_MAX {
            return Err(ZmtpError::MalformedMetadata("it has more than 64 properties"));
        }
        properties.push((name, value));
    }
    Ok(properties)
}

const OVERLONG: ZmtpError = ZmtpError::MalformedMetadata("a property is longer than the command");

fn take(data: &mut Bytes, count: usize) -> Result<Bytes, ZmtpError> {
    if data.len() < count {
        return Err(OVERLONG);
    }
    Ok(data.split_to(count))
}

/// Whether a socket of type `ours` may talk to the peer; `shown` is its type as it said it.
pub(super) fn check_socket_type(
    ours: SocketType,
    theirs: Option<SocketType>,
    shown: impl FnOnce() -> String,
) -> Result<SocketType, ZmtpError> {
    match theirs {
        Some(theirs) if ours.may_talk_to(theirs) => Ok(theirs),
        Some(_) | None => Err(ZmtpError::SocketType { ours: ours.name(), theirs: shown() }),
    }
}

/// The identity that counts. None (empty) for types that have none, and for one that begins with a
/// zero octet: those are reserved for a ROUTER's automatic identities, so that no peer can take
/// another's by guessing; the peer is served under an automatic one.
pub(super) fn check_identity(socket_type: SocketType, identity: Bytes) -> Result<Bytes, ZmtpError> {
    if !socket_type.has_identity() || identity.first() == Some(&0) {
        return Ok(Bytes::new());
    }
    if identity.len() > IDENTITY_MAX {
        return Err(ZmtpError::IdentityTooLong { size: identity.len() as u64 });
    }
    Ok(identity)
}
