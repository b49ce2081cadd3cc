//! The nouns everybody shares: ids, names, times and bodies.
//!
//! Pure values. Parsing and showing live on the types themselves, so that a value which exists is
//! a value which is valid.

use std::fmt;

use bytes::Bytes;

/// A job's id, unique among the jobs a broker still remembers: `00C0-FFEE`.
///
/// The original draws two halves from `rand(0, 0x10000)`, inclusive, so a half may have five
/// digits (`10000-AA0C`, original.md §4). We never make such an id, but we read them.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct JobId(u64);

impl JobId {
    /// The id whose two halves are the high and the low 16 bits of `bits`.
    pub fn from_bits(bits: u32) -> Self {
        Self(u64::from(bits >> 16) << 32 | u64::from(bits & 0xFFFF))
    }

    /// The two halves, 32 bits each: how the id stands where numbers are kept.
    pub fn to_u64(self) -> u64 {
        self.0
    }

    /// The id that [`JobId::to_u64`] made a number of.
    pub fn from_u64(halves: u64) -> Self {
        Self(halves)
    }

    /// Reads `HHHH-HHHH`: upper case hexadecimal, four or five digits a half.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let dash = text.iter().position(|&byte| byte == b'-')?;
        let (high, low) = (half(&text[..dash])?, half(&text[dash + 1..])?);
        Some(Self(u64::from(high) << 32 | u64::from(low)))
    }
}

fn half(digits: &[u8]) -> Option<u32> {
    if !(4..=5).contains(&digits.len()) || (digits.len() == 5 && digits[0] == b'0') {
        return None;
    }
    digits.iter().try_fold(0u32, |value, &digit| match digit {
        b'0'..=b'9' => Some(value << 4 | u32::from(digit - b'0')),
        b'A'..=b'F' => Some(value << 4 | u32::from(digit - b'A' + 10)),
        _ => None,
    })
}

impl JobId {
    /// Appends the id to a text. By hand: it stands in each message, and `write!` took 540 instructions for it.
    pub fn append_to(self, text: &mut Vec<u8>) {
        append_half(text, (self.0 >> 32) as u32);
        text.push(b'-');
        append_half(text, self.0 as u32);
    }
}

/// Upper case hexadecimal, four digits at least.
fn append_half(text: &mut Vec<u8>, half: u32) {
    let digits = (u32::BITS - half.leading_zeros()).div_ceil(4).max(4);
    text.extend((0..digits).rev().map(|digit| b"0123456789ABCDEF"[(half >> (4 * digit)) as usize & 0xF]));
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}-{:04X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

/// The name of a service: any bytes, but never none.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServiceName(Bytes);

impl ServiceName {
    /// Bytes of the longest name that a broker remembers: as many as an identity may have. A longer one is refused.
    pub const BYTES_MAX: usize = 255;

    /// `None` for the empty name, which no dialect can ask for (original.md quirk 19).
    pub fn new(name: impl Into<Bytes>) -> Option<Self> {
        let name = name.into();
        (!name.is_empty()).then_some(Self(name))
    }

    /// The name as it stands on the wire.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The same name in memory of its own, so that keeping it does not keep the read buffer it
    /// arrived in.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }

    /// Whether no broker remembers it.
    pub fn is_too_long(&self) -> bool {
        self.0.len() > Self::BYTES_MAX
    }

    /// What is said of a name that may be too long: it in memory of its own, cut.
    #[must_use]
    pub fn cut(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0[..self.0.len().min(Self::BYTES_MAX)]))
    }
}

/// A name as a part of a path or as a value of a query: all but what RFC 3986 §2.3 leaves as it is, letters, digits
/// and `-._~`, is percent-encoded.
pub fn percent_encoded(name: &[u8]) -> String {
    let encode = |byte: &u8| match byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
        true => char::from(*byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    name.iter().map(encode).collect()
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// One connection, for as long as the process lives. Never used twice.
///
/// Not the ZeroMQ identity: that is an attribute of the connection and may come again.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PeerId(pub u64);

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A moment, in microseconds since the Unix epoch. Never goes back within one process.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// This moment and `micros` microseconds more; the end of time instead of an overflow.
    #[must_use]
    pub fn plus_micros(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Microseconds from `earlier` to this moment; 0 if it is not earlier.
    pub fn micros_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Seconds since the Unix epoch, with microseconds, as `microtime(true)` gives them to PHP.
    #[expect(clippy::cast_precision_loss, reason = "microseconds of this century fit 53 bits")]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Whole seconds since the Unix epoch, as `time()` gives them to PHP.
    pub fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }
}

/// What a job carries and what it brings back: frames that nobody on the way looks into.
///
/// zmws jobs have one frame, tag and all (`PARAM-JSON: {"str":"abc"}`); no parameter is one empty
/// frame. Majordomo requests may have several.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Body {
    /// One frame, perhaps empty: the normal case, without a vector around it.
    One(Bytes),
    /// Two frames or more. Use [`Body::from_frames`], which keeps this true.
    Many(Box<[Bytes]>),
}

impl Body {
    /// The body of a job without a parameter, of a result without a value.
    pub const EMPTY: Self = Self::One(Bytes::new());

    /// A text of our own, tagged as all clients read it. It has nothing in it that needs an escape.
    pub(crate) fn text(text: impl fmt::Display) -> Self {
        Self::One(format!("PARAM-JSON: \"{text}\"").into())
    }

    /// The frames as a body; no frame at all is the empty body.
    pub fn from_frames(mut frames: Vec<Bytes>) -> Self {
        match frames.len() {
            0 => Self::EMPTY,
            1 => Self::One(frames.remove(0)),
            _ => Self::Many(frames.into()),
        }
    }

    /// The frames in order, at least one.
    pub fn frames(&self) -> &[Bytes] {
        match self {
            Self::One(frame) => std::slice::from_ref(frame),
            Self::Many(frames) => frames,
        }
    }

    /// The first frame: all that a zmws body has.
    pub fn first(&self) -> &Bytes {
        match self {
            Self::One(frame) => frame,
            Self::Many(frames) => &frames[0],
        }
    }

    /// Bytes in all frames together.
    pub fn len(&self) -> usize {
        self.frames().iter().map(Bytes::len).sum()
    }

    /// Whether no frame has a byte in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same body, with frames of up to `copy_max` bytes in memory of their own, so that a
    /// small job which waits does not keep a whole read buffer alive.
    #[must_use]
    pub fn detached(&self, copy_max: usize) -> Self {
        let detach = |frame: &Bytes| match frame.len() <= copy_max {
            true => Bytes::copy_from_slice(frame),
            false => frame.clone(),
        };
        match self {
            Self::One(frame) => Self::One(detach(frame)),
            Self::Many(frames) => Self::Many(frames.iter().map(detach).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_ids_read_back_as_they_are_shown() {
        for bits in [0, 0x00C0_FFEE, u32::MAX] {
            let id = JobId::from_bits(bits);
            assert_eq!(JobId::parse(id.to_string().as_bytes()), Some(id));
        }
        for halves in [0, 1 << 32, 0x1_0000_0001_0000, 0xC0_0000_FFEE, u64::MAX] {
            let (id, mut text) = (JobId::from_u64(halves), Vec::new());
            id.append_to(&mut text);
            assert_eq!(text, id.to_string().as_bytes());
        }
        assert_eq!(JobId::from_bits(0x00C0_FFEE).to_string(), "00C0-FFEE");
    }

    #[test]
    fn five_digit_halves_of_the_original_are_read() {
        let id = JobId::parse(b"10000-AA0C").expect("the original makes such ids");
        assert_eq!(id.to_string(), "10000-AA0C");
    }

    #[test]
    fn what_is_no_job_id_is_refused() {
        for text in ["", "-", "00C0FFEE", "00c0-ffee", "0C0-FFEE", "00000-0000", "00C0-FFEE ", "00C0--FFEE"] {
            assert_eq!(JobId::parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
