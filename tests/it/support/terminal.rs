//! A program on a terminal of its own: keys in, what it draws out.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::{PATIENCE, poll};

/// A terminal with a program. The program is killed when it is dropped.
pub(crate) struct Terminal {
    /// Where keys are typed.
    keyboard: File,
    /// The end that the program has; ours, too, so that the terminal outlives the program.
    line: OwnedFd,
    program: Child,
    drawn: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Starts it on a terminal of so many cells.
    pub(crate) fn start(command: &mut Command, columns: u16, rows: u16) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("the system has terminals");
        grantpt(&controller).and_then(|()| unlockpt(&controller)).expect("it is ours");
        let name = ptsname(&controller, Vec::new()).expect("it has a name");
        let line = open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("it is ours");
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&line, size).expect("it is a terminal");
        let end = || Stdio::from(line.try_clone().expect("descriptors are left"));
        if !command.get_envs().any(|(name, _)| name == "TERM") {
            command.env("TERM", "xterm-256color");
        }
        let command = command.stdin(end()).stdout(end()).stderr(end());
        let program = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let keyboard = File::from(controller);
        let drawn = Arc::default();
        follow(keyboard.try_clone().expect("descriptors are left"), Arc::clone(&drawn));
        Self { keyboard, line, program, drawn }
    }

    /// Types keys.
    pub(crate) fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal is there");
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.program), signal).expect("it is our own child");
    }

    /// Waits until a text has been drawn since the last time one was waited for. A word at a time: what a screen had
    /// at its place before is not drawn again, blanks least of all.
    pub(crate) fn wait_for(&self, text: &str) {
        poll(text, PATIENCE, || {
            let mut drawn = self.drawn.lock().expect("no reader panics");
            let place = drawn.windows(text.len()).position(|part| part == text.as_bytes())?;
            drawn.drain(..place + text.len());
            Some(())
        });
    }

    /// Waits until the program has ended by itself, and sees that it left the terminal as it was: with the usual
    /// screen, the cursor, and lines that are echoed.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let status =
            poll("the program ends", PATIENCE, || self.program.try_wait().expect("it is our own child"));
        self.wait_for("\x1b[?1049l");
        let modes = tcgetattr(&self.line).expect("it is a terminal").local_modes;
        assert!(modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG), "{modes:?}");
        status
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
        if std::thread::panicking() {
            let drawn = self.drawn.lock().expect("no reader panics");
            println!(
                "---- drawn and not waited for:\n{}\n----",
                drawn[..drawn.len().min(4_000)].escape_ascii()
            );
        }
    }
}

/// Reads all that is drawn, so that the program never waits for us.
fn follow(mut screen: File, drawn: Arc<Mutex<Vec<u8>>>) {
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = screen.read(&mut bytes) {
            drawn.lock().expect("no reader panics").extend_from_slice(&bytes[..count]);
        }
    });
}
