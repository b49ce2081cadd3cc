//! Security mechanisms: the commands after a 3.x greeting, up to both READYs.
//!
//! [`Mechanism`] is where PLAIN and CURVE come in: a variant each, with its state in it, chosen by
//! the configuration; `receive` then answers `None` until its own last command. Such a mechanism must
//! refuse peers of 2.0 before it starts (RFC 37, "Backwards Interoperability"): they have none.

use bytes::Bytes;

use super::command::{Command, printable, put_command};
use super::outbox::Outbox;
use super::{Config, PeerInfo, Version, ZmtpError, metadata};

/// The longest handshake command that is taken, in octets of its body: room for an identity, and for
/// applications' own properties. A stranger makes us hold no more than this.
pub(super) const COMMAND_MAX: usize = (8 << 10) + metadata::IDENTITY_MAX;

/// How the two ends come to trust each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mechanism {
    /// No authentication, no confidentiality: a READY from each, in any order.
    Null,
}

impl Mechanism {
    /// The name in the greeting.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Null => "NULL",
        }
    }

    /// Appends what we say without being asked. Both ends of NULL send READY as soon as they have
    /// the greeting: who of them is the server makes no difference.
    pub(super) fn start(&mut self, config: &Config, outbox: &mut Outbox) {
        match self {
            Self::Null => put_ready(config, outbox),
        }
    }

    /// Takes the body of a command of the peer, and appends the answer if there is one. The peer, once
    /// both ends are ready; `None` if more commands are to come.
    pub(super) fn receive(
        &mut self,
        config: &Config,
        version: Version,
        body: &Bytes,
        outbox: &mut Outbox,
    ) -> Result<Option<PeerInfo>, ZmtpError> {
        let command = Command::parse(body)?;
        match (self, command.name) {
            (Self::Null, b"READY") => {
                let peer = metadata::parse(version, config.socket_type, body.slice_ref(command.data));
                peer.inspect_err(|error| put_error(error, outbox)).map(Some)
            }
            (Self::Null, b"ERROR") => Err(command.error_reason()),
            (Self::Null, name) => Err(ZmtpError::UnexpectedCommand { name: printable(name) }),
        }
    }
}

/// READY: `Socket-Type`, `Identity` for the types that have one (empty if none is set), then the
/// configuration's own properties.
fn put_ready(config: &Config, outbox: &mut Outbox) {
    let mut data = Vec::new();
    put_property(&mut data, "Socket-Type", config.socket_type.name().as_bytes());
    if config.socket_type.has_identity() {
        put_property(&mut data, "Identity", &config.identity);
    }
    for (name, value) in &config.properties {
        put_property(&mut data, name, value);
    }
    put_command(outbox, "READY", &[&data]);
}

fn put_property(data: &mut Vec<u8>, name: &str, value: &[u8]) {
    data.push(u8::try_from(name.len()).expect("property names are at most 255 bytes long"));
    data.extend_from_slice(name.as_bytes());
    data.extend_from_slice(&u32::try_from(value.len()).expect("property values are short").to_be_bytes());
    data.extend_from_slice(value);
}

/// RFC 37, "The Socket-Type Property": the peer that refuses SHOULD say so in an ERROR command.
fn put_error(error: &ZmtpError, outbox: &mut Outbox) {
    let text = error.to_string();
    let reason = &text.as_bytes()[..text.len().min(255)];
    put_command(outbox, "ERROR", &[&[reason.len() as u8], reason]);
}
