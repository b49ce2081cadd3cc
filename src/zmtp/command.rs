//! Commands: a name and data in one frame, both ways (RFC 37, "Commands" and what follows there).

use super::ZmtpError;
use super::frame::{COMMAND, put_header};
use super::outbox::Outbox;

/// The longest PING context (RFC 37, "Connection Heartbeating").
pub(super) const CONTEXT_MAX: usize = 16;

/// A command as it came: `name` is never empty.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Command<'a> {
    pub(super) name: &'a [u8],
    pub(super) data: &'a [u8],
}

impl<'a> Command<'a> {
    /// Reads a command frame's body: one octet of length, the name, the data.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, ZmtpError> {
        let (&name_len, rest) = body.split_first().ok_or(ZmtpError::MalformedCommand("it is empty"))?;
        if name_len == 0 {
            return Err(ZmtpError::MalformedCommand("its name is empty"));
        }
        let (name, data) = rest
            .split_at_checked(name_len.into())
            .ok_or(ZmtpError::MalformedCommand("its name is longer than the frame"))?;
        Ok(Self { name, data })
    }

    /// The reason in an ERROR command's data, made printable.
    pub(super) fn error_reason(self) -> ZmtpError {
        let reason =
            self.data.split_first().map_or(&[][..], |(&len, text)| &text[..text.len().min(len.into())]);
        ZmtpError::PeerError { reason: printable(reason) }
    }
}

/// The most of a peer's words that is shown.
const SHOWN_MAX: usize = 128;

/// A peer's words, for a log line: what is not ASCII, and control characters, escaped; long ones cut.
pub(super) fn printable(text: &[u8]) -> String {
    match text.get(..SHOWN_MAX) {
        Some(start) if text.len() > SHOWN_MAX => format!("{}… ({} bytes)", start.escape_ascii(), text.len()),
        Some(_) | None => text.escape_ascii().to_string(),
    }
}

/// Appends a command of small parts.
pub(super) fn put_command(outbox: &mut Outbox, name: &str, data: &[&[u8]]) {
    let name_len = u8::try_from(name.len()).expect("our command names are short");
    let data_len: usize = data.iter().map(|part| part.len()).sum();
    put_header(outbox, COMMAND, 1 + name.len() + data_len);
    outbox.put(&[name_len]);
    outbox.put(name.as_bytes());
    for part in data {
        outbox.put_copied(part);
    }
}
