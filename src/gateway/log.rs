//! The access log: a line a request.
//!
//! No request is held up by it: lines that cannot be written are left out, and a line says how many.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::log_writer::{LogWriter, Rotation};

/// The form of a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogForm {
    /// The Common Log Format: `host - - [time] "request" status bytes`.
    Common,
    /// A JSON object: `time`, `client`, `method`, `target`, `version`, `status`, `bytes`, `ms`.
    Json,
}

/// Where requests are written down, and how.
#[derive(Clone, Debug)]
pub struct AccessLog {
    form: LogForm,
    out: LogWriter,
}

impl LogForm {
    fn left_out(self, lines: u64) -> String {
        match self {
            Self::Common => format!("# {lines} lines were left out\n"),
            Self::Json => format!("{}\n", json!({"left_out": lines})),
        }
    }
}

impl AccessLog {
    /// Appends to a file, which is made if it is not there, and begun anew by `rotation`.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or there is no thread for it.
    pub fn file(form: LogForm, path: impl AsRef<Path>, rotation: Rotation) -> io::Result<Self> {
        let out = LogWriter::file(path.as_ref(), rotation, move |lines| form.left_out(lines))?;
        Ok(Self { form, out })
    }

    /// Writes to standard output.
    ///
    /// # Errors
    ///
    /// There is no descriptor or no thread for it.
    pub fn stdout(form: LogForm) -> io::Result<Self> {
        Self::stream(form, File::from(io::stdout().as_fd().try_clone_to_owned()?))
    }

    /// Writes to any stream.
    ///
    /// # Errors
    ///
    /// There is no thread for it.
    pub fn stream(form: LogForm, out: File) -> io::Result<Self> {
        Ok(Self { form, out: LogWriter::stream(out, move |lines| form.left_out(lines))? })
    }

    /// Opens the file anew at its path: whoever keeps the logs has moved it away.
    pub fn reopen(&self) {
        self.out.reopen();
    }

    /// Waits until all lines are written, at most for `patience`.
    pub fn flush(&self, patience: Duration) {
        self.out.flush(patience);
    }

    pub(crate) fn write(&self, entry: &Entry<'_>) {
        self.out.write(match self.form {
            LogForm::Common => entry.common(),
            LogForm::Json => entry.json(),
        });
    }
}

/// One request and what it came to.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    /// Since the Unix epoch.
    pub(crate) at: Duration,
    pub(crate) client: IpAddr,
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) version: &'a str,
    pub(crate) status: u16,
    /// Bytes in the body; `None` for a stream.
    pub(crate) bytes: Option<usize>,
    pub(crate) took: Duration,
}

impl Entry<'_> {
    fn common(&self) -> String {
        let Self { client, method, target, version, status, .. } = self;
        let at = Civil::of(self.at);
        let month = MONTHS[at.month - 1];
        let bytes = self.bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
        let target = cut(target).replace(['"', '\\'], "_");
        let Civil { year, day, hour, minute, second, .. } = at;
        format!(
            "{client} - - [{day:02}/{month}/{year}:{hour:02}:{minute:02}:{second:02} +0000] \
             \"{method} {target} {version}\" {status} {bytes}\n"
        )
    }

    fn json(&self) -> String {
        let entry = json!({
            "time": Civil::of(self.at).rfc3339(self.at.subsec_millis()),
            "client": self.client.to_string(),
            "method": self.method,
            "target": cut(self.target),
            "version": self.version,
            "status": self.status,
            "bytes": self.bytes,
            "ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
        });
        format!("{entry}\n")
    }
}

/// A target as far as it is written down: a head may have 64 KiB of it.
fn cut(target: &str) -> Cow<'_, str> {
    match target.get(..TARGET_MAX) {
        Some(begin) if target.len() > TARGET_MAX => Cow::Owned(format!("{begin}...({}_bytes)", target.len())),
        // The targets of HTTP are ASCII: no letter is cut in two.
        Some(_) | None => Cow::Borrowed(target),
    }
}

/// Bytes of a target that are written down.
const TARGET_MAX: usize = 2 << 10;

/// The wall clock, which is written down and never decided upon.
#[expect(clippy::disallowed_methods, reason = "a time of day for people to read, not for code to act on")]
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A moment in the Gregorian calendar, UTC.
#[derive(Debug, Eq, PartialEq)]
struct Civil {
    year: u64,
    month: usize,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Civil {
    /// Counts years from 1 March, so that the leap day is a year's last: the rest is division.
    fn of(since_epoch: Duration) -> Self {
        let seconds = since_epoch.as_secs();
        let days = seconds / 86_400 + 719_468; // days from 0000-03-01 to 1970-01-01
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        Self {
            year: year_of_era + era * 400 + u64::from(month <= 2),
            month: usize::try_from(month).expect("a month is small"),
            day: day_of_year - (153 * march_month + 2) / 5 + 1,
            hour: seconds / 3_600 % 24,
            minute: seconds / 60 % 60,
            second: seconds % 60,
        }
    }

    fn rfc3339(&self, millis: u32) -> String {
        let Self { year, month, day, hour, minute, second } = self;
        let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
        let _infallible = write!(text, ".{millis:03}Z");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry<'static> {
        Entry {
            at: Duration::from_millis(1_795_490_040_192),
            client: IpAddr::from([127, 0, 0, 1]),
            method: "GET",
            target: "/SYNC-STR-REV?str=\"x",
            version: "HTTP/1.1",
            status: 200,
            bytes: Some(47),
            took: Duration::from_millis(3),
        }
    }

    #[test]
    fn common_form_is_that_of_other_servers() {
        insta::assert_snapshot!(entry().common(), @r#"127.0.0.1 - - [24/Nov/2026:03:14:00 +0000] "GET /SYNC-STR-REV?str=_x HTTP/1.1" 200 47"#);
    }

    #[test]
    fn json_form_has_one_object_a_line() {
        insta::assert_snapshot!(entry().json(), @r#"{"time":"2026-11-24T03:14:00.192Z","client":"127.0.0.1","method":"GET","target":"/SYNC-STR-REV?str=\"x","version":"HTTP/1.1","status":200,"bytes":47,"ms":3}"#);
    }

    #[test]
    fn calendar_knows_leap_days_and_ends_of_years() {
        let day = |days: u64| {
            let at = Civil::of(Duration::from_secs(days * 86_400));
            (at.year, at.month, at.day)
        };
        assert_eq!(day(0), (1970, 1, 1));
        assert_eq!(day(59), (1970, 3, 1));
        assert_eq!(day(11_016), (2000, 2, 29));
        assert_eq!(day(10_956), (1999, 12, 31));
        assert_eq!(day(10_957), (2000, 1, 1));
    }
}
