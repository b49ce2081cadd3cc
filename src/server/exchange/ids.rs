//! Clients that want to know which job it is that they wait for, before it ends: the gateway, whose 504 names it.
//!
//! No dialect has a word for it, so that it is told, with the word for a job in the background, to those alone that ask for
//! it in their handshake.

use std::collections::HashSet;

use crate::job::PeerId;
use crate::message::{Address, ClientCommand, Mode};

/// The READY property by which a client asks.
const PROPERTY: &[u8] = b"X-Zmws-Ids";

/// Those who asked, and the one whose request is being handled.
#[derive(Debug, Default)]
pub(super) struct IdSeekers {
    peers: HashSet<PeerId>,
    current: Option<Address>,
}

impl IdSeekers {
    /// A peer came with a property in its READY.
    pub(super) fn came_with(&mut self, peer: PeerId, property: &[u8]) {
        if property.eq_ignore_ascii_case(PROPERTY) {
            self.peers.insert(peer);
        }
    }

    pub(super) fn left(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// A request is about to be handled.
    pub(super) fn asked(&mut self, from: &Address, command: &ClientCommand) {
        let waits = matches!(command, ClientCommand::Submit { mode: Mode::Wait, .. });
        self.current = (waits && self.peers.contains(&from.peer)).then(|| from.clone());
    }

    /// Whom to tell of the job that was taken just now.
    pub(super) fn take(&mut self) -> Option<Address> {
        self.current.take()
    }
}
