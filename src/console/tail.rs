//! `zmws tail`: what happens to jobs, as it happens.

use std::io::{self, Write};

use ratatui::text::Line;

use super::events::{self, News};
use super::output::{self, Reader};
use super::text::printable;
use crate::transport::{DealerEvent, DealerOptions, Subscriber};

/// How news are printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// Lines for people.
    Lines,
    /// An object as JSON a line.
    Json,
}

/// Prints the news of these services (of all, if there are none) from `address` (`host:port`), until whoever reads
/// them is gone. Connects again whenever the broker does not answer, and says on standard error that it does.
///
/// # Errors
///
/// Standard output cannot be written to.
pub async fn run(address: String, services: &[String], form: Form) -> io::Result<()> {
    let mut link = Link { address: address.clone(), state: None };
    let mut subscriber = Subscriber::connect(address, events::topics(services), DealerOptions::default());
    loop {
        let reader = match subscriber.recv().await {
            DealerEvent::Connected(_) => {
                link.says(Ok(()));
                Reader::There
            }
            DealerEvent::Disconnected(why) => {
                link.says(Err(&why));
                Reader::There
            }
            DealerEvent::Message(frames) | DealerEvent::TooLarge { frames, .. } => {
                match News::read(&frames) {
                    Some(news) if news.is_of(services) => print(&news, form)?,
                    Some(_) | None => Reader::There,
                }
            }
        };
        if reader == Reader::Gone {
            return Ok(());
        }
    }
}

fn print(news: &News, form: Form) -> io::Result<Reader> {
    match form {
        Form::Lines => output::print(&[news.line()]),
        Form::Json => output::print(&[Line::raw(news.json_line())]),
    }
}

/// Whether the connection is there, as it was said last.
struct Link {
    address: String,
    state: Option<bool>,
}

impl Link {
    /// Says that the connection is there, or why not; each once.
    fn says(&mut self, state: Result<(), &str>) {
        if self.state.replace(state.is_ok()) == Some(state.is_ok()) {
            return;
        }
        let address = printable(&self.address);
        let line = match state {
            Ok(()) => format!("zmws: connected to {address}\n"),
            Err(why) => format!("zmws: no news from {address}: {}; trying again\n", printable(why)),
        };
        // Nobody need read it: the news go on.
        let _ = io::stderr().write_all(line.as_bytes());
    }
}
