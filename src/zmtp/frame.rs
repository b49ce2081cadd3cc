//! Frame headers: flags and length, short and long (RFC 37, "Framing"). ZMTP 2.0 has the same without
//! commands (RFC 15).

use super::ZmtpError;
use super::outbox::Outbox;

/// More frames of the message follow.
pub(super) const MORE: u8 = 1;
/// The length has eight octets.
pub(super) const LONG: u8 = 2;
/// Not a message but a command.
pub(super) const COMMAND: u8 = 4;

/// The longest header: flags and eight octets of length.
pub(super) const HEADER_MAX: usize = 9;

/// A frame's flags and lengths, as they came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Header {
    pub(super) flags: u8,
    /// Octets of the header itself: 2 or 9.
    pub(super) header_len: usize,
    /// Octets of the body. A claim: nothing is allocated by it.
    pub(super) body_len: u64,
}

impl Header {
    /// Reads the header at the front of `input`, which stays as it is. `None`: it is not whole yet.
    /// Any length is taken in either form: RFC 37 bounds a long frame's body below by nothing.
    #[inline]
    pub(super) fn peek(input: &[u8], flags_allowed: u8) -> Result<Option<Self>, ZmtpError> {
        let Some(&flags) = input.first() else { return Ok(None) };
        check_flags(flags, flags_allowed)?;
        if flags & LONG == 0 {
            let length = input.get(1);
            return Ok(length.map(|&body_len| Self { flags, header_len: 2, body_len: body_len.into() }));
        }
        let Some(length) = input.get(1..).and_then(<[u8]>::first_chunk) else { return Ok(None) };
        Ok(Some(Self { flags, header_len: HEADER_MAX, body_len: u64::from_be_bytes(*length) }))
    }

    #[inline]
    pub(super) fn is_command(self) -> bool {
        self.flags & COMMAND != 0
    }

    #[inline]
    pub(super) fn has_more(self) -> bool {
        self.flags & MORE != 0
    }
}

#[inline]
fn check_flags(flags: u8, allowed: u8) -> Result<(), ZmtpError> {
    if flags & !allowed != 0 {
        return Err(ZmtpError::ReservedFlags { flags });
    }
    if flags & (COMMAND | MORE) == COMMAND | MORE {
        return Err(ZmtpError::CommandWithMore);
    }
    Ok(())
}

/// Writes a header in the shortest form: short up to 255 octets.
#[inline]
pub(super) fn put_header(outbox: &mut Outbox, flags: u8, body_len: usize) {
    match u8::try_from(body_len) {
        Ok(short) => outbox.put(&[flags, short]),
        Err(_) => outbox.put(&long_header(flags, body_len)),
    }
}

/// A header whose length has eight octets.
pub(super) fn long_header(flags: u8, body_len: usize) -> [u8; HEADER_MAX] {
    let mut header = [0; HEADER_MAX];
    header[0] = flags | LONG;
    header[1..].copy_from_slice(&(body_len as u64).to_be_bytes());
    header
}
