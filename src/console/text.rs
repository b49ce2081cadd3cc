//! Text of peers on a terminal: nothing in it may move the cursor, and it may be cut.
//!
//! Names of services, workers and programs come from the network. Control characters would be orders to the
//! terminal; characters without a width of their own (marks that join the letter before, signs that turn the
//! direction of a line) would make one name look like another. Both are shown as escapes.

use std::fmt::Write;

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A text with all that has no width of its own escaped: `a\u{1b}[2J`.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter.width() {
            Some(1..) => shown.push(letter),
            Some(0) | None => shown.extend(letter.escape_default()),
        }
    }
    shown
}

/// A JSON value in one line that a terminal may be shown. Its strings keep their meaning.
pub fn json_line(value: &serde_json::Value) -> String {
    let mut shown = String::new();
    let mut units = [0; 2];
    // What has no width can only be inside a string, where JSON allows an escape for every character.
    for letter in value.to_string().chars() {
        if letter.width().is_some_and(|width| width > 0) {
            shown.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut units) {
            write!(shown, "\\u{unit:04x}").expect("a String takes all");
        }
    }
    shown
}

/// Cells that a printable text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// A printable text in no more than `max` cells; what is cut ends in `…`.
pub fn cut(text: &str, max: usize) -> String {
    if width(text) <= max {
        return text.to_owned();
    }
    let Some(room) = max.checked_sub(1) else { return String::new() };
    let mut taken = 0;
    let fits = |letter: &char| {
        taken += letter.width().unwrap_or(0);
        taken <= room
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// A printable text in lines of no more than `max` cells, broken between words. A word that is too long for a line
/// is cut.
pub fn wrapped(text: &str, max: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut().filter(|line| width(line) + 1 + width(word) <= max) {
            Some(line) => *line = format!("{line} {word}"),
            None => lines.push(cut(word, max)),
        }
    }
    lines
}

/// Which side of its column a text is at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// For words.
    Left,
    /// For figures.
    Right,
}

/// A printable text in exactly `cells` cells, cut or filled with blanks.
pub fn filled(text: &str, cells: usize, side: Side) -> String {
    let text = cut(text, cells);
    let blanks = " ".repeat(cells.saturating_sub(width(&text)));
    match side {
        Side::Left => text + &blanks,
        Side::Right => blanks + &text,
    }
}

/// What a text means for somebody who only glances at it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Tone {
    /// As any other.
    #[default]
    Plain,
    /// Nothing to look at.
    Quiet,
    /// Well.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
    /// A heading.
    Head,
}

impl Tone {
    /// How it looks. No meaning is in the colour alone.
    pub fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Quiet => Style::new().add_modifier(Modifier::DIM),
            Self::Good => Style::new().fg(Color::Green),
            Self::Warn => Style::new().fg(Color::Yellow),
            Self::Bad => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
            Self::Head => Style::new().add_modifier(Modifier::BOLD),
        }
    }
}

/// Whether the terminal is to show tones, and bars.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Colour {
    /// It is no terminal, or one that cannot, or NO_COLOR is set.
    Without,
    /// As they are.
    With,
}

/// Lines as text, each with its end; blanks at the end of a line are left out.
pub fn text(lines: &[Line<'_>], colour: Colour) -> String {
    let mut text = String::new();
    for line in lines {
        for span in &line.spans {
            match (colour, ansi(span.style.patch(Style::new()))) {
                (Colour::With, Some(codes)) => {
                    write!(text, "\x1b[{codes}m{}\x1b[0m", span.content).expect("a String takes all");
                }
                (Colour::With, None) | (Colour::Without, _) => text += &span.content,
            }
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}

/// The numbers of a style that [`Tone::style`] makes; `None` for the plain one.
fn ansi(style: Style) -> Option<String> {
    let mut codes = Vec::new();
    if style.add_modifier.contains(Modifier::BOLD) {
        codes.push("1");
    }
    if style.add_modifier.contains(Modifier::DIM) {
        codes.push("2");
    }
    match style.fg {
        Some(Color::Red) => codes.push("31"),
        Some(Color::Green) => codes.push("32"),
        Some(Color::Yellow) => codes.push("33"),
        _ => {}
    }
    (!codes.is_empty()).then(|| codes.join(";"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::text::Span;

    use super::*;

    #[test]
    fn orders_to_the_terminal_are_shown_and_not_given() {
        assert_eq!(printable("a\x1b[2J\r\n\u{9b}b"), r"a\u{1b}[2J\r\n\u{9b}b");
    }

    #[test]
    fn what_has_no_width_cannot_hide() {
        assert_eq!(printable("MAIL\u{200b}\u{202e}e\u{301}"), r"MAIL\u{200b}\u{202e}e\u{301}");
        assert_eq!(printable("BÜCHER-本"), "BÜCHER-本");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({"service": "a\u{9b}2J\u{202e}\u{e0001}\u{7f}é"});
        let line = json_line(&value);
        assert_eq!(line, r#"{"service":"a\u009b2J\u202e\udb40\udc01\u007fé"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).expect("it is JSON"), value);
    }

    #[test]
    fn a_cut_text_says_that_it_is_cut() {
        assert_eq!([0, 1, 5, 7].map(|max| cut("STR-REV", max)), ["", "…", "STR-…", "STR-REV"]);
        assert_eq!(filled("本本本", 4, Side::Right), " 本…");
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(
            wrapped("12 queued and nothing-at-all there", 10),
            ["12 queued", "and", "nothing-a…", "there"]
        );
    }

    #[test]
    fn tones_are_for_terminals_only() {
        let line = Line::from(vec![Span::styled("down", Tone::Bad.style()), Span::raw(" MAIL  ")]);
        let lines = [line];
        assert_eq!(text(&lines, Colour::Without), "down MAIL\n");
        assert_eq!(text(&lines, Colour::With), "\x1b[1;31mdown\x1b[0m MAIL\n");
    }

    proptest! {
        #[test]
        fn any_text_is_printable_and_fills_its_column(text in any::<String>(), cells in 0_usize..40) {
            let shown = printable(&text);
            prop_assert!(shown.chars().all(|letter| letter.width().is_some_and(|width| width > 0)));
            for side in [Side::Left, Side::Right] {
                prop_assert!(width(&filled(&shown, cells, side)) <= cells);
            }
            prop_assert!(wrapped(&shown, cells).iter().all(|line| width(line) <= cells));
            let line = json_line(&text.clone().into());
            prop_assert!(!line.chars().any(char::is_control));
            prop_assert_eq!(serde_json::from_str::<String>(&line).expect("it is JSON"), text);
        }
    }
}
