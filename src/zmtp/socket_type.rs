//! Socket types: their names, their bytes in ZMTP 2.0, and who may talk to whom.

/// ZeroMQ's socket types, by their names in READY.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum SocketType {
    Pair,
    Pub,
    Sub,
    Req,
    Rep,
    Dealer,
    Router,
    Pull,
    Push,
    XPub,
    XSub,
}

impl SocketType {
    /// In the order of ZMTP 2.0's socket-type octet (RFC 15); XPUB and XSUB are libzmq's own 9 and 10.
    pub(crate) const ALL: [Self; 11] = [
        Self::Pair,
        Self::Pub,
        Self::Sub,
        Self::Req,
        Self::Rep,
        Self::Dealer,
        Self::Router,
        Self::Pull,
        Self::Push,
        Self::XPub,
        Self::XSub,
    ];

    /// The name in READY's `Socket-Type` (RFC 23, RFC 37), in capitals.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pair => "PAIR",
            Self::Pub => "PUB",
            Self::Sub => "SUB",
            Self::Req => "REQ",
            Self::Rep => "REP",
            Self::Dealer => "DEALER",
            Self::Router => "ROUTER",
            Self::Pull => "PULL",
            Self::Push => "PUSH",
            Self::XPub => "XPUB",
            Self::XSub => "XSUB",
        }
    }

    /// The type of that name. `None` for the draft types (CLIENT, SERVER, …) and for nonsense.
    pub(super) fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().as_bytes() == name)
    }

    /// The octet of ZMTP 2.0's greeting. There XPUB and XSUB are called PUB and SUB (RFC 15,
    /// "Publish-Subscribe").
    pub(super) fn octet(self) -> u8 {
        match self {
            Self::Pair => 0,
            Self::Pub | Self::XPub => 1,
            Self::Sub | Self::XSub => 2,
            Self::Req => 3,
            Self::Rep => 4,
            Self::Dealer => 5,
            Self::Router => 6,
            Self::Pull => 7,
            Self::Push => 8,
        }
    }

    pub(super) fn from_octet(octet: u8) -> Option<Self> {
        Self::ALL.get(usize::from(octet)).copied()
    }

    /// The table of RFC 23 and RFC 37, "The Socket-Type Property".
    pub(super) fn may_talk_to(self, peer: Self) -> bool {
        use SocketType::{Dealer, Pair, Pub, Pull, Push, Rep, Req, Router, Sub, XPub, XSub};
        match self {
            Pair => peer == Pair,
            Pub | XPub => matches!(peer, Sub | XSub),
            Sub | XSub => matches!(peer, Pub | XPub),
            Req => matches!(peer, Rep | Router),
            Rep => matches!(peer, Req | Dealer),
            Dealer => matches!(peer, Rep | Dealer | Router),
            Router => matches!(peer, Req | Dealer | Router),
            Pull => peer == Push,
            Push => peer == Pull,
        }
    }

    /// Whether the identity of such a socket means anything (RFC 37, "The Identity Property").
    pub(super) fn has_identity(self) -> bool {
        matches!(self, Self::Req | Self::Dealer | Self::Router)
    }
}
