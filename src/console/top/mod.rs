//! `zmws top`: services, workers and jobs as they are now, and what an operator may do to them.
//!
//! `State` is pure: messages in, requests out. `draw` shows it. Here is what asks the broker, reads keys and
//! keeps time.

mod detail;
mod draw;
mod sort;
mod state;
#[cfg(test)]
mod tests;

use std::io;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::spawn_local;
use tokio::time::{MissedTickBehavior, interval};

use self::detail::Content;
use self::state::{Message, Request, State};
use super::operation::{Operation, encoded};
use super::terminal::{Input, Terminal};
use super::{jobs, output};
use crate::supervise::admin::{Admin, AdminError};

/// How often the broker is asked.
const EVERY: Duration = Duration::from_secs(1);
/// Jobs of each state that are shown of a service.
const JOBS_SHOWN: usize = 100;

/// Shows the broker until somebody ends it: `q`, Ctrl-C or a signal. Needs a `LocalSet`.
///
/// # Errors
///
/// There is no terminal, or it cannot be written to. That the broker is away is shown, and no error.
pub async fn run(admin: Admin) -> io::Result<()> {
    let mut terminal = Terminal::take()?;
    let mut state = State::new(admin.place().to_string(), output::colour());
    let mut broker = Broker::new(admin);
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        terminal.draw(|frame| draw::draw(&state, frame))?;
        let request = tokio::select! {
            input = terminal.input() => match input {
                Input::Key(key) => state.update(Message::Key(key)),
                Input::Resized => None,
                Input::End => Some(Request::Quit),
            },
            message = broker.answer() => state.update(message),
            // One question at a time: a broker that is slow is not asked more for it.
            _ = ticks.tick(), if !broker.asked => {
                broker.look(state.wanted());
                None
            }
        };
        match request {
            None => {}
            Some(Request::Look) => ticks.reset_immediately(),
            Some(Request::Give(order)) => broker.give(order),
            Some(Request::Quit) => return Ok(()),
        }
    }
}

/// The broker's admin port; its answers come as messages, so that nobody waits for them.
struct Broker {
    admin: Admin,
    /// Whether it has been asked how it is and has not answered.
    asked: bool,
    sender: UnboundedSender<Answer>,
    answers: UnboundedReceiver<Answer>,
}

enum Answer {
    /// One of those to a look; no other follows.
    Last(Message),
    Other(Message),
}

impl Broker {
    fn new(admin: Admin) -> Self {
        let (sender, answers) = unbounded_channel();
        Self { admin, asked: false, sender, answers }
    }

    /// The next answer. Cancel safe.
    async fn answer(&mut self) -> Message {
        match self.answers.recv().await {
            Some(Answer::Last(message)) => {
                self.asked = false;
                message
            }
            Some(Answer::Other(message)) => message,
            // We hold a sender ourselves.
            None => std::future::pending().await,
        }
    }

    /// Asks how the broker is, and how a service is.
    fn look(&mut self, service: Option<String>) {
        self.asked = true;
        let (admin, sender) = (self.admin.clone(), self.sender.clone());
        spawn_local(async move {
            let status = admin.get("/status").await.map_err(|error| error.to_string());
            let status = Message::Status(status);
            let Some(service) = service else { return drop(sender.send(Answer::Last(status))) };
            let _ = sender.send(Answer::Other(status));
            let content = content(&admin, &service).await.map_err(|error| error.to_string());
            let _ = sender.send(Answer::Last(Message::Content { service, content }));
        });
    }

    fn give(&self, order: Operation) {
        let (admin, sender) = (self.admin.clone(), self.sender.clone());
        spawn_local(async move {
            let said = order.give(&admin).await.map_err(|error| error.to_string());
            let _ = sender.send(Answer::Other(Message::Said(said)));
        });
    }
}

/// The workers of a service, and its jobs: those that run, that wait, and that failed.
async fn content(admin: &Admin, service: &str) -> Result<Content, AdminError> {
    let workers = admin.get(&format!("/workers?service={}", encoded(service))).await?;
    let jobs = jobs::ask(admin, Some(service), None, JOBS_SHOWN).await?;
    Ok(Content { workers, jobs })
}
