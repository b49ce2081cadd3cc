//! `zmws status --watch`: the screen of status, drawn anew every few seconds.

use std::io;
use std::path::Path;
use std::time::Duration;

use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::text::{Line, Text};
use tokio::time::{MissedTickBehavior, interval};

use super::output;
use super::site::Site;
use super::status::{cut_line, screen};
use super::terminal::{Input, Terminal};
use super::text::{Colour, Tone};
use super::{format, moment};
use crate::supervise::admin::Admin;
use crate::supervise::control::Which;

/// Shows the site until somebody ends it: `q`, Escape, Ctrl-C or a signal.
///
/// # Errors
///
/// There is no terminal, or it cannot be written to. That the broker is away is shown, and no error.
pub async fn run(admin: &Admin, run_dir: &Path, which: &Which, every: Duration) -> io::Result<()> {
    let mut terminal = Terminal::take()?;
    let mut watch = Watch::new(every, output::colour());
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        terminal.draw(|frame| watch.draw(frame))?;
        // One that is asked for and does not answer must not make the keys wait.
        let asked = async {
            ticks.tick().await;
            Site::ask(admin, run_dir).await.only(which)
        };
        let mut asked = std::pin::pin!(asked);
        loop {
            tokio::select! {
                site = &mut asked => {
                    watch.show(site, moment());
                    break;
                }
                input = terminal.input() => match input {
                    Input::Key(key) if watch.key(key) == Going::On => {}
                    Input::Resized => {}
                    Input::Key(_) | Input::End => return Ok(()),
                },
            }
            terminal.draw(|frame| watch.draw(frame))?;
        }
    }
}

/// What is on the screen.
struct Watch {
    every: Duration,
    /// Whether there are bars.
    colour: Colour,
    /// The site, and when it was so, in seconds since the Unix epoch. `None` before the first answer.
    shown: Option<(Site, f64)>,
    /// When the broker answered last.
    answered: Option<f64>,
    /// Lines that have gone up out of sight.
    above: usize,
    /// Lines below the heading in the last drawing, and those that had room.
    lines: usize,
    room: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Going {
    On,
    End,
}

impl Watch {
    fn new(every: Duration, colour: Colour) -> Self {
        Self { every, colour, shown: None, answered: None, above: 0, lines: 0, room: 0 }
    }

    fn show(&mut self, mut site: Site, at: f64) {
        match &mut site.broker {
            Ok(_) => self.answered = Some(at),
            Err(why) => {
                if let Some(answered) = self.answered {
                    *why += &format!(" (it answered {} ago)", format::duration(at - answered));
                }
            }
        }
        self.shown = Some((site, at));
    }

    fn key(&mut self, key: KeyEvent) -> Going {
        let page = self.room.max(1);
        let above = match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Going::End,
            KeyCode::Char('q') | KeyCode::Esc => return Going::End,
            KeyCode::Down | KeyCode::Char('j') => self.above + 1,
            KeyCode::Up | KeyCode::Char('k') => self.above.saturating_sub(1),
            KeyCode::PageDown | KeyCode::Char(' ') => self.above + page,
            KeyCode::PageUp => self.above.saturating_sub(page),
            KeyCode::Home | KeyCode::Char('g') => 0,
            KeyCode::End | KeyCode::Char('G') => usize::MAX,
            _ => self.above,
        };
        self.above = above.min(self.lines.saturating_sub(self.room));
        Going::On
    }

    fn draw(&mut self, frame: &mut Frame<'_>) {
        let area = frame.area();
        let width = Some(usize::from(area.width));
        let body = match &self.shown {
            Some((site, _)) => screen(site, width, self.colour),
            None => vec![cut_line("asking …", Tone::Quiet, width)],
        };
        self.lines = body.len();
        self.room = usize::from(area.height).saturating_sub(2);
        self.above = self.above.min(self.lines.saturating_sub(self.room));
        let mut lines = vec![cut_line(&self.heading(), Tone::Quiet, width), Line::default()];
        lines.extend(body.into_iter().skip(self.above).take(self.room));
        frame.render_widget(Text::from(lines), area);
    }

    fn heading(&self) -> String {
        let time = self.shown.as_ref().map_or_else(String::new, |(_, at)| format::clock(*at) + " UTC, ");
        let every = self.every.as_secs_f64();
        let below = self.lines.saturating_sub(self.above + self.room);
        let more = if below > 0 { format!(", ↓ {below} lines more") } else { String::new() };
        format!("{time}every {every} s, q ends{more}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::super::site::examples;
    use super::*;

    const AT: f64 = 1_764_000_000.0;

    fn watch(site: Option<Site>) -> Watch {
        let mut watch = Watch::new(Duration::from_secs(2), Colour::Without);
        if let Some(site) = site {
            watch.show(site, AT);
        }
        watch
    }

    fn drawn(watch: &mut Watch, width: u16, height: u16) -> String {
        draw(watch, width, height).backend().to_string()
    }

    fn draw(watch: &mut Watch, width: u16, height: u16) -> Terminal<TestBackend> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("it is memory");
        terminal.draw(|frame| watch.draw(frame)).expect("it is memory");
        terminal
    }

    fn press(watch: &mut Watch, code: KeyCode) -> Going {
        watch.key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn the_screen_of_status_has_a_heading() {
        insta::assert_snapshot!(drawn(&mut watch(Some(examples::well())), 100, 12), @r#"
        "16:00:00 UTC, every 2 s, q ends                                                                     "
        "                                                                                                    "
        "All is well.                                                                                        "
        "                                                                                                    "
        "PROCESS  STATE     PID        UP  RESTARTS   MEMORY  LAST END                                       "
        "broker   running  4711  3 d 04 h         0  31.2 MB                                                 "
        "                                                                                                    "
        "zmws 0.1.0, running, up 3 d 04 h                                                                    "
        "2 queued, 3 active (1.2 MB), 4 workers, 12 clients; 120k done, 42 failed, 3 requeued, 1 refused     "
        "                                                                                                    "
        "SERVICE  STATE  QUEUED  ACTIVE  IDLE  BUSY  DONE/MIN  FAILED/MIN  OLDEST  WAIT P99  RUN P99         "
        "STR-REV              2       3     1     3      1234           0  250 ms   12.0 ms   1.24 s         "
        "#);
    }

    #[test]
    fn before_the_first_answer_it_says_that_it_asks() {
        insta::assert_snapshot!(drawn(&mut watch(None), 40, 4), @r#"
        "every 2 s, q ends                       "
        "                                        "
        "asking …                                "
        "                                        "
        "#);
    }

    #[test]
    fn a_broker_that_goes_and_comes_back_is_shown_so() {
        let mut watch = watch(Some(examples::well()));
        let away = Site { broker: Err("no broker answers".to_owned()), processes: Ok(None) };
        watch.show(away, AT + 185.0);
        insta::assert_snapshot!(drawn(&mut watch, 70, 5), @r#"
        "16:03:05 UTC, every 2 s, q ends                                       "
        "                                                                      "
        "down     broker: no broker answers (it answered 3 m 05 s ago)         "
        "                                                                      "
        "                                                                      "
        "#);
        watch.show(examples::well(), AT + 187.0);
        assert!(drawn(&mut watch, 70, 5).contains("All is well."));
    }

    #[test]
    fn what_does_not_fit_can_be_reached() {
        let mut watch = watch(Some(examples::troubled()));
        insta::assert_snapshot!(drawn(&mut watch, 60, 6), @r#"
        "16:00:00 UTC, every 2 s, q ends, ↓ 32 lines more            "
        "                                                            "
        "down     service MAIL: 12.3k queued and no worker           "
        "down     process mail-2: given up after 5 restarts, last    "
        "         with exit status 1; `zmws start` tries again       "
        "down     process mail-3: ended too soon, waits to be        "
        "#);
        press(&mut watch, KeyCode::End);
        insta::assert_snapshot!(drawn(&mut watch, 60, 6), @r#"
        "16:00:00 UTC, every 2 s, q ends                             "
        "                                                            "
        "STR-REV                            2       3     1    250 ms"
        "THUMB                              0       0     1         –"
        "\u{1b}[2J\u{1b}]0…                 0       0     1         –"
        "翻訳サービス                       0       0     1         –" Hidden by multi-width symbols: [(1, " "), (3, " "), (5, " "), (7, " "), (9, " "), (11, " ")]
        "#);
        press(&mut watch, KeyCode::Up);
        press(&mut watch, KeyCode::PageDown);
        press(&mut watch, KeyCode::Down);
        let at_end = watch.above;
        // A terminal that grows shows what was above.
        drawn(&mut watch, 60, 100);
        assert_eq!((at_end > 0, watch.above), (true, 0));
    }

    #[test]
    fn q_escape_and_control_c_end_it() {
        let mut watch = watch(None);
        assert_eq!(press(&mut watch, KeyCode::Char('c')), Going::On);
        assert_eq!(watch.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Going::End);
        assert_eq!([KeyCode::Esc, KeyCode::Char('q')].map(|code| press(&mut watch, code)), [Going::End; 2]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_size_can_be_drawn(width in 0_u16..120, height in 0_u16..40, end in any::<bool>()) {
            let mut watch = watch(Some(examples::troubled()));
            if end {
                drawn(&mut watch, 80, 20);
                press(&mut watch, KeyCode::End);
            }
            draw(&mut watch, width, height);
        }
    }
}
