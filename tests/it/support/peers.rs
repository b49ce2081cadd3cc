//! The foreign programs that tests run against: are they here, and what if not.
//!
//! Without one, a test that needs it is left out, and says so in the file that `cargo xtask test`
//! reads at its end; with `ZMWS_REQUIRE_PEERS=1` it fails. Used by the tests and, to show what was
//! found, by xtask; so it stands on std alone.

#![allow(dead_code, reason = "each of those who include this file uses a part of it")]

use std::ffi::OsString;
use std::io::Write;
use std::process::Command;

/// Set to `1`: a peer that is missing fails the test that needs it.
pub(crate) const REQUIRE: &str = "ZMWS_REQUIRE_PEERS";

/// The file to which tests that were left out append `peer<TAB>test`.
pub(crate) const LEFT_OUT: &str = "ZMWS_LEFT_OUT";

/// A foreign ZeroMQ implementation, or a client of HTTP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Peer {
    /// PHP with the extension zmq, on libzmq.
    Php,
    /// Python with the package zmq, on libzmq.
    Python,
    /// Python with the package requests.
    Requests,
    /// curl.
    Curl,
    /// ApacheBench.
    Ab,
    /// wrk.
    Wrk,
    /// The browser, without a screen.
    Chromium,
}

/// A peer that is here.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The interpreter to run.
    pub(crate) program: OsString,
    /// What it says of itself.
    pub(crate) version: String,
}

impl Peer {
    /// All of them.
    pub(crate) const ALL: [Self; 7] =
        [Self::Php, Self::Python, Self::Requests, Self::Curl, Self::Ab, Self::Wrk, Self::Chromium];

    /// As the lists name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Php => "php-zmq",
            Self::Python => "pyzmq",
            Self::Requests => "requests",
            Self::Curl => "curl",
            Self::Ab => "ab",
            Self::Wrk => "wrk",
            Self::Chromium => "chromium",
        }
    }

    /// How to get it.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Php => "apt-get install php-cli php-zmq, or name a PHP with it in ZMWS_PHP",
            Self::Python => "apt-get install python3-zmq, or name a Python with it in ZMWS_PYTHON",
            Self::Requests => "apt-get install python3-requests, or name a Python with it in ZMWS_PYTHON",
            Self::Curl => "apt-get install curl",
            Self::Ab => "apt-get install apache2-utils",
            Self::Wrk => "apt-get install wrk",
            Self::Chromium => "apt-get install chromium, or name one in ZMWS_CHROMIUM",
        }
    }

    /// Looks for it: the interpreter that the environment names, or the usual ones, the system's
    /// own Python before one in the path, since distributions install zmq for theirs.
    pub(crate) fn find(self) -> Result<Found, String> {
        let (variable, usual): (_, &[&str]) = match self {
            Self::Php => ("ZMWS_PHP", &["php"]),
            Self::Python | Self::Requests => ("ZMWS_PYTHON", &["/usr/bin/python3", "python3"]),
            Self::Curl => ("ZMWS_CURL", &["curl"]),
            Self::Ab => ("ZMWS_AB", &["ab"]),
            Self::Wrk => ("ZMWS_WRK", &["wrk"]),
            Self::Chromium => ("ZMWS_CHROMIUM", &["chromium", "chromium-browser"]),
        };
        let named = std::env::var_os(variable).map(|program| vec![program]);
        let programs = named.unwrap_or_else(|| usual.iter().map(OsString::from).collect());
        let found = programs.into_iter().find_map(|program| {
            let version = self.ask(&program)?;
            Some(Found { program, version })
        });
        found.ok_or_else(|| format!("{} is not here: {}", self.name(), self.remedy()))
    }

    fn ask(self, program: &OsString) -> Option<String> {
        let words: &[&str] = match self {
            Self::Php => &["-r", "printf('PHP %s, zmq %s', PHP_VERSION, phpversion('zmq') ?: exit(1));"],
            Self::Python => {
                &["-c", "import zmq; print('pyzmq', zmq.__version__ + ', libzmq', zmq.zmq_version())"]
            }
            Self::Requests => &["-c", "import requests; print('requests', requests.__version__)"],
            Self::Curl | Self::Chromium => &["--version"],
            Self::Ab => &["-V"],
            Self::Wrk => &["-v"],
        };
        let output = Command::new(program).args(words).output().ok()?;
        let text =
            String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().trim().to_owned();
        // wrk says its version and its usage, and fails.
        ((output.status.success() || self == Self::Wrk) && !text.is_empty()).then_some(text)
    }

    /// The peer, for the test that runs; `None` if the test must be left out, which is then
    /// noted. Panics if it must not be.
    pub(crate) fn or_leave_out(self) -> Option<Found> {
        let why = match self.find() {
            Ok(found) => return Some(found),
            Err(why) => why,
        };
        assert!(std::env::var_os(REQUIRE).is_none_or(|value| value != "1"), "{why}");
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test without a name");
        println!("left out: {why}");
        if let Some(path) = std::env::var_os(LEFT_OUT) {
            let mut file = std::fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(path)
                .expect("the list of tests left out can be written");
            file.write_all(format!("{}\t{test}\n", self.name()).as_bytes())
                .expect("the list of tests left out can be written");
        }
        None
    }
}
