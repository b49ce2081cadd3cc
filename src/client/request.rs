//! A request on its way from a caller to the hub.

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::client::CallError;
use crate::client::session::RequestId;
use crate::message::{ClientCommand, ClientReply};

/// Parts of a result that may wait to be taken.
pub(super) const PARTS_MAX: usize = 1_024;

/// What a caller tells the hub.
#[derive(Debug)]
pub(super) enum Order {
    /// Send this.
    Send(Box<Request>),
    /// The caller gave up.
    Cancel(RequestId),
}

/// A request, and where its replies go.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: RequestId,
    pub(super) command: ClientCommand,
    /// Whether to send it again if a connection is lost after it was sent.
    pub(super) repeatable: bool,
    pub(super) waiter: Waiter,
}

impl Request {
    /// Ends the request without a result.
    pub(super) fn fail(self, error: CallError) {
        self.waiter.finish(Err(error));
    }
}

/// Who waits for the replies.
#[derive(Debug)]
pub(super) enum Waiter {
    /// Someone who wants the last reply only.
    One(oneshot::Sender<Result<ClientReply, CallError>>),
    /// Someone who wants them all. The channel has [`PARTS_MAX`] places and one for the last.
    Many(mpsc::Sender<Result<ClientReply, CallError>>),
}

/// There was no room for a part.
#[derive(Debug)]
pub(super) struct Overrun;

impl Waiter {
    /// Hands over a part of the result, if they are wanted.
    pub(super) fn part(&self, reply: ClientReply) -> Result<(), Overrun> {
        match self {
            Self::One(_) => Ok(()),
            Self::Many(sender) if sender.capacity() <= 1 => Err(Overrun),
            Self::Many(sender) => {
                let _gone = sender.try_send(Ok(reply)); // its Cancel is on the way
                Ok(())
            }
        }
    }

    /// Hands over the last reply. A caller who is gone does not mind.
    pub(super) fn finish(self, last: Result<ClientReply, CallError>) {
        match self {
            Self::One(sender) => drop(sender.send(last)),
            Self::Many(sender) => drop(sender.try_send(last)),
        }
    }

    /// Waits until the caller gives up. Cancel safe.
    pub(super) async fn gone(&mut self) {
        match self {
            Self::One(sender) => sender.closed().await,
            Self::Many(sender) => sender.closed().await,
        }
    }
}

/// A caller's hold on a request: room among those in flight, and the duty to tell the hub if the
/// caller gives up.
#[derive(Debug)]
pub(super) struct Ticket {
    id: RequestId,
    orders: mpsc::UnboundedSender<Order>,
    settled: bool,
    _room: OwnedSemaphorePermit,
}

impl Ticket {
    pub(super) fn new(
        id: RequestId,
        orders: mpsc::UnboundedSender<Order>,
        room: OwnedSemaphorePermit,
    ) -> Self {
        Self { id, orders, settled: false, _room: room }
    }

    /// The last reply is here.
    pub(super) fn settle(&mut self) {
        self.settled = true;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.settled {
            let _closed = self.orders.send(Order::Cancel(self.id));
        }
    }
}
