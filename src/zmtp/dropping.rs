//! A message beyond the limits that does not end the connection: its bytes are dropped as they come.

use bytes::{Buf, BytesMut};

use super::ZmtpError;
use super::frame::Header;

/// The rest of such a message, from the first frame on that was too much. Commands between its frames are dropped, too.
#[derive(Debug)]
pub(super) struct Dropping {
    /// Bytes of the current frame that have not come.
    left: u64,
    /// Whether a frame follows.
    more: bool,
    /// Bytes of the message so far.
    size: u64,
}

impl Dropping {
    /// To begin with the header that comes next; `size` bytes of the message came before.
    pub(super) fn new(size: usize) -> Self {
        Self { left: 0, more: true, size: size as u64 }
    }

    /// Drops what has come; the bytes of the message, once all have.
    pub(super) fn take(&mut self, input: &mut BytesMut, flags_allowed: u8) -> Result<Option<u64>, ZmtpError> {
        loop {
            let now = usize::try_from(self.left).unwrap_or(usize::MAX).min(input.len());
            input.advance(now);
            self.left -= now as u64;
            if self.left > 0 {
                return Ok(None);
            }
            if !self.more {
                return Ok(Some(self.size));
            }
            let Some(header) = Header::peek(input, flags_allowed)? else { return Ok(None) };
            input.advance(header.header_len);
            self.left = header.body_len;
            if !header.is_command() {
                self.more = header.has_more();
                self.size = self.size.saturating_add(header.body_len);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::{Bytes, BytesMut};

    use crate::zmtp::{Config, Engine, Event, Limits, SocketType};

    fn engine(drops: bool) -> Engine {
        let limits = Limits { frame_max: 20, message_max: 30, frames_max: 3 };
        let config = Config {
            socket_type: SocketType::Dealer,
            identity: Bytes::new(),
            properties: Vec::new(),
            limits,
        };
        let mut engine = Engine::new(&config);
        if drops {
            engine.drop_what_is_too_large();
        }
        engine
    }

    /// Greeting and READY of a ROUTER, and the messages behind them.
    fn stream(messages: &[&[usize]]) -> Vec<u8> {
        let config = Config {
            socket_type: SocketType::Router,
            identity: Bytes::new(),
            properties: Vec::new(),
            limits: Limits::default(),
        };
        let (mut router, mut peer) = (Engine::new(&config), engine(false));
        let mut bytes = Vec::new();
        let mut move_on = |router: &mut Engine, bytes: &mut Vec<u8>| loop {
            let (there, back) = (drained(router), drained(&mut peer));
            if there.is_empty() && back.is_empty() {
                break;
            }
            bytes.extend_from_slice(&there);
            let _until_it_is_too_large = peer.receive(&mut BytesMut::from(&there[..]));
            let mut back = BytesMut::from(&back[..]);
            while let Ok(Some(_)) = router.receive(&mut back) {}
        };
        move_on(&mut router, &mut bytes);
        for sizes in messages {
            router.send(&sizes.iter().map(|&size| Bytes::from(vec![b'x'; size])).collect::<Vec<_>>());
        }
        move_on(&mut router, &mut bytes);
        bytes
    }

    fn drained(engine: &mut Engine) -> Vec<u8> {
        let mut out = Vec::new();
        while !engine.outbox().is_empty() {
            let mut slices = [std::io::IoSlice::new(&[]); 8];
            let count = engine.outbox().slices(&mut slices);
            let before = out.len();
            slices[..count].iter().for_each(|slice| out.extend_from_slice(slice));
            let written = out.len() - before;
            engine.outbox().advance(written);
        }
        out
    }

    /// Sizes of the frames of each message, and what was dropped.
    /// Of each message: the bytes of its frames, and of all of it if it was dropped.
    type Seen = Vec<(Vec<usize>, Option<u64>)>;

    fn seen(engine: &mut Engine, pieces: &[&[u8]]) -> Result<Seen, String> {
        let (mut input, mut seen) = (BytesMut::new(), Vec::new());
        for piece in pieces {
            input.extend_from_slice(piece);
            while let Some(event) = engine.receive(&mut input).map_err(|error| error.to_string())? {
                if let Event::Message(frames) = event {
                    seen.push((frames.iter().map(Bytes::len).collect(), engine.take_dropped()));
                }
            }
        }
        Ok(seen)
    }

    #[test]
    fn what_is_too_large_is_dropped_to_its_end_wherever_the_bytes_are_cut() {
        let stream = stream(&[&[5], &[16, 0, 300, 7], &[500], &[1, 1, 1, 1, 1], &[15, 16], &[6]]);
        let expected = [
            (vec![5], None),
            (vec![16, 0], Some(323)),
            (vec![0], Some(500)),
            (vec![1, 1, 1], Some(5)),
            (vec![15], Some(31)),
            (vec![6], None),
        ];
        for cut in 0..stream.len() {
            let (before, behind) = stream.split_at(cut);
            assert_eq!(
                seen(&mut engine(true), &[before, behind]).expect("no error"),
                expected,
                "cut at {cut}"
            );
        }
        assert!(seen(&mut engine(false), &[&stream]).expect_err("too large").contains("300"));
    }
}
