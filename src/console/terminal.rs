//! The whole terminal: taken, drawn on, and given back however the program ends.

use std::io;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use ratatui::{DefaultTerminal, Frame};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// The terminal. Dropping it, a panic, and each signal that ends us give it back as it was.
pub(super) struct Terminal {
    terminal: DefaultTerminal,
    events: mpsc::UnboundedReceiver<Event>,
    signals: [Signal; 4],
}

/// What somebody at the terminal did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Input {
    /// Pressed a key.
    Key(KeyEvent),
    /// Changed the terminal's size.
    Resized,
    /// Wants us to end, or went away.
    End,
}

/// How soon the thread that reads keys notices that nobody wants them any more.
const LOOK: Duration = Duration::from_millis(200);

impl Terminal {
    /// Takes the terminal.
    ///
    /// # Errors
    ///
    /// The system's own, in the main because there is no terminal.
    pub(super) fn take() -> io::Result<Self> {
        // The signals first: one that comes while the terminal is being taken must not end us there.
        let kinds =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup(), SignalKind::quit()];
        let [interrupt, terminate, hangup, quit] = kinds.map(signal);
        let signals = [interrupt?, terminate?, hangup?, quit?];
        // Restores it in a panic, too.
        let terminal = ratatui::try_init().inspect_err(|_| ratatui::restore())?;
        Ok(Self { terminal, events: keys(), signals })
    }

    /// Draws a screen.
    ///
    /// # Errors
    ///
    /// The terminal cannot be written to.
    pub(super) fn draw(&mut self, screen: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(screen).map(drop)
    }

    /// What happens next. Cancel safe.
    pub(super) async fn input(&mut self) -> Input {
        let [interrupt, terminate, hangup, quit] = &mut self.signals;
        loop {
            let event = tokio::select! {
                event = self.events.recv() => event,
                _ = interrupt.recv() => None,
                _ = terminate.recv() => None,
                _ = hangup.recv() => None,
                _ = quit.recv() => None,
            };
            match event {
                None => return Input::End,
                Some(Event::Key(key)) if key.kind != KeyEventKind::Release => return Input::Key(key),
                Some(Event::Resize(..)) => return Input::Resized,
                // The mouse, the focus and what was pasted mean nothing here.
                Some(_) => {}
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Reads keys in a thread of its own: the terminal has no other way to wait.
fn keys() -> mpsc::UnboundedReceiver<Event> {
    let (sender, events) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        while !sender.is_closed() {
            match event::poll(LOOK) {
                Ok(false) => {}
                Ok(true) => match event::read() {
                    Ok(event) => drop(sender.send(event)),
                    Err(_) => return,
                },
                // The terminal is gone, and so the channel ends.
                Err(_) => return,
            }
        }
    });
    events
}
