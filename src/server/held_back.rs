//! What is refused before the broker sees it: requests of a client whose identity is in use by another connection.

use bytes::Bytes;

use crate::job::Body;
use crate::message::{ClientCommand, ClientReply, View};

const WHY: &str = "another connection has this identity";

/// The word that tells a client that its request is not taken; `None` if it asked for nothing.
pub(super) fn refusal(command: ClientCommand) -> Option<ClientReply> {
    match command {
        ClientCommand::Submit { service, .. } => {
            Some(ClientReply::Refused { service: service.as_bytes().clone(), body: Body::text(WHY) })
        }
        ClientCommand::Inspect { view, .. } => {
            Some(ClientReply::Refused { service: name(view), body: Body::text(WHY) })
        }
        ClientCommand::Manage { name, .. } => {
            Some(ClientReply::Managed { name, code: Bytes::from_static(b"500") })
        }
        ClientCommand::Finish { .. } => None,
    }
}

fn name(view: View) -> Bytes {
    Bytes::from_static(match view {
        View::Jobs => b"SERVER-JOBS",
        View::Active => b"SERVER-ACTIVE",
        View::History => b"SERVER-HIST",
        View::Workers => b"SERVER-WORKERS",
    })
}
