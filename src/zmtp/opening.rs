//! How a connection opens: greeting, then a mechanism's handshake (3.x) or the identity (2.0).
//!
//! ```text
//!            major >= 3                mechanism            READY
//!   Major ---------------> Rest -----------------> Handshake -----> done
//!     |      major 1, 2            octet, type fits           identity
//!     '------------------> Octet ----------------> Identity ------> done
//! ```

use bytes::{Buf, Bytes, BytesMut};

use super::frame::{COMMAND, Header, LONG, put_header};
use super::greeting::{self, Major};
use super::mechanism::{self, Mechanism};
use super::metadata::{IDENTITY_MAX, check_identity, check_socket_type};
use super::outbox::Outbox;
use super::{Config, PeerInfo, SocketType, Version, ZmtpError};

/// A connection that is not ready yet.
#[derive(Debug)]
pub(super) struct Opening {
    config: Config,
    mechanism: Mechanism,
    stage: Stage,
}

/// What the peer must send next.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Signature and major version.
    Major,
    /// The rest of a 3.x greeting.
    Rest { later: bool },
    /// The mechanism's commands.
    Handshake { version: Version },
    /// 2.0: the socket-type octet.
    Octet,
    /// 2.0: the identity frame.
    Identity { socket_type: SocketType },
}

impl Opening {
    pub(super) fn new(config: &Config, outbox: &mut Outbox) -> Self {
        debug_assert!(config.identity.len() <= IDENTITY_MAX, "an identity has at most 255 bytes");
        greeting::put_signature(outbox, config.identity.len());
        Self { config: config.clone(), mechanism: Mechanism::Null, stage: Stage::Major }
    }

    /// Goes on with what is in `input`. The peer, once it is ready; `None` if more bytes are needed.
    pub(super) fn receive(
        &mut self,
        input: &mut BytesMut,
        outbox: &mut Outbox,
    ) -> Result<Option<PeerInfo>, ZmtpError> {
        loop {
            let done = match self.stage {
                Stage::Major => self.major(input, outbox)?,
                Stage::Rest { later } => self.rest(input, later, outbox)?,
                Stage::Handshake { version } => self.command(input, version, outbox)?,
                Stage::Octet => self.octet(input)?,
                Stage::Identity { socket_type } => self.identity(input, socket_type)?,
            };
            match done {
                Progress::Next(stage) => self.stage = stage,
                Progress::Done(peer) => return Ok(Some(peer)),
                Progress::Wait => return Ok(None),
            }
        }
    }

    fn major(&mut self, input: &mut BytesMut, outbox: &mut Outbox) -> Result<Progress, ZmtpError> {
        Ok(match greeting::take_major(input)? {
            None => Progress::Wait,
            Some(Major::Two) => {
                outbox.put(&[self.config.socket_type.octet()]);
                put_header(outbox, 0, self.config.identity.len());
                outbox.put(&self.config.identity);
                Progress::Next(Stage::Octet)
            }
            Some(Major::Three { later }) => {
                greeting::put_rest(outbox, self.mechanism);
                Progress::Next(Stage::Rest { later })
            }
        })
    }

    fn rest(
        &mut self,
        input: &mut BytesMut,
        later: bool,
        outbox: &mut Outbox,
    ) -> Result<Progress, ZmtpError> {
        let Some(version) = greeting::take_rest(input, later, self.mechanism)? else {
            return Ok(Progress::Wait);
        };
        self.mechanism.start(&self.config, outbox);
        Ok(Progress::Next(Stage::Handshake { version }))
    }

    fn command(
        &mut self,
        input: &mut BytesMut,
        version: Version,
        outbox: &mut Outbox,
    ) -> Result<Progress, ZmtpError> {
        let Some(header) = Header::peek(input, COMMAND | LONG | super::frame::MORE)? else {
            return Ok(Progress::Wait);
        };
        if !header.is_command() {
            return Err(ZmtpError::MessageInHandshake);
        }
        let Some(body) = take_body(input, header, mechanism::COMMAND_MAX)? else { return Ok(Progress::Wait) };
        Ok(match self.mechanism.receive(&self.config, version, &body, outbox)? {
            None => Progress::Next(self.stage),
            Some(peer) => Progress::Done(peer),
        })
    }

    fn octet(&mut self, input: &mut BytesMut) -> Result<Progress, ZmtpError> {
        let Some(&octet) = input.first() else { return Ok(Progress::Wait) };
        input.advance(1);
        let theirs = SocketType::from_octet(octet);
        let shown = || theirs.map_or_else(|| format!("type {octet}"), |theirs| theirs.name().to_owned());
        let socket_type = check_socket_type(self.config.socket_type, theirs, shown)?;
        Ok(Progress::Next(Stage::Identity { socket_type }))
    }

    fn identity(&mut self, input: &mut BytesMut, socket_type: SocketType) -> Result<Progress, ZmtpError> {
        let Some(header) = Header::peek(input, LONG)? else { return Ok(Progress::Wait) };
        if header.body_len > IDENTITY_MAX as u64 {
            return Err(ZmtpError::IdentityTooLong { size: header.body_len });
        }
        let Some(body) = take_body(input, header, IDENTITY_MAX)? else { return Ok(Progress::Wait) };
        let identity = check_identity(socket_type, body)?;
        Ok(Progress::Done(PeerInfo { version: Version::V2, socket_type, identity, properties: Vec::new() }))
    }
}

enum Progress {
    Next(Stage),
    Done(PeerInfo),
    Wait,
}

/// Takes a frame off `input` as a copy: what is kept for the life of a connection must not keep a
/// whole read buffer with it.
fn take_body(input: &mut BytesMut, header: Header, max: usize) -> Result<Option<Bytes>, ZmtpError> {
    if header.body_len > max as u64 {
        return Err(ZmtpError::CommandTooLarge { size: header.body_len, max });
    }
    let body_len = header.body_len as usize;
    let Some(frame) = input.get(..header.header_len + body_len) else { return Ok(None) };
    let body = Bytes::copy_from_slice(&frame[header.header_len..]);
    input.advance(header.header_len + body_len);
    Ok(Some(body))
}
