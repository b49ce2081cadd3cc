//! One exchange as a sequence diagram: the peers, the broker, an arrow a message, differences marked where
//! they are.

use std::fmt::Write;

use super::page::escaped;
use crate::differ::Difference;
use crate::known_differences::KnownDifferences;
use crate::suite::Replayed;
use crate::trace::{Frame, Side, What, to_text};

/// Rows that are drawn; a longer exchange is cut.
const ROWS_MAX: usize = 600;
const WIDTH: usize = 1_180;
const ROW: usize = 18;
/// Where the lifelines end and the text begins.
const LINES: usize = 420;

struct Row {
    at: u64,
    /// The lifeline of the peer and whether the broker speaks; none for a remark.
    arrow: Option<(usize, bool)>,
    text: String,
    class: &'static str,
}

pub(super) fn diagram(replayed: &Replayed, known: &KnownDifferences) -> String {
    let mut peers: Vec<&str> = Vec::new();
    for conn in &replayed.trace.conns {
        if !peers.contains(&conn.peer.as_str()) {
            peers.push(&conn.peer);
        }
    }
    let mut rows = rows(replayed, &peers, known);
    let cut = rows.len().saturating_sub(ROWS_MAX);
    rows.truncate(ROWS_MAX);
    let height = (rows.len() + 3) * ROW;
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\">");
    lifelines(&mut svg, &peers, height);
    for (index, row) in rows.iter().enumerate() {
        draw(&mut svg, row, (index + 2) * ROW, peers.len());
    }
    svg.push_str("</svg>");
    if cut > 0 {
        let _ = write!(svg, "<p>{cut} more rows are not drawn.</p>");
    }
    svg
}

/// The broker is the last lifeline.
fn x(line: usize, peers: usize) -> usize {
    60 + line * (LINES - 80) / peers.max(1)
}

fn lifelines(svg: &mut String, peers: &[&str], height: usize) {
    let every = peers.len().div_ceil(12).max(1);
    for (line, name) in peers.iter().copied().chain(["broker"]).enumerate() {
        let x = x(line, peers.len());
        let _ = write!(svg, "<line class=\"line\" x1=\"{x}\" y1=\"{ROW}\" x2=\"{x}\" y2=\"{height}\"/>");
        if line % every == 0 || line == peers.len() {
            let _ = write!(svg, "<text x=\"{x}\" y=\"12\" text-anchor=\"middle\">{}</text>", escaped(name));
        }
    }
}

fn draw(svg: &mut String, row: &Row, y: usize, peers: usize) {
    let _ =
        write!(svg, "<g class=\"{}\"><text x=\"0\" y=\"{}\">{}</text>", row.class, y + 4, seconds(row.at));
    if let Some((line, by_broker)) = row.arrow {
        let (peer, broker) = (x(line, peers), x(peers, peers));
        let (from, to) = if by_broker { (broker, peer) } else { (peer, broker) };
        let tip = if to > from { to - 5 } else { to + 5 };
        let (up, down) = (y - 3, y + 3);
        let _ = write!(
            svg,
            "<path class=\"arrow\" d=\"M{from} {y}L{to} {y}M{tip} {up}L{to} {y}L{tip} {down}\"/>"
        );
    }
    let _ = write!(svg, "<text x=\"{LINES}\" y=\"{}\">{}</text></g>", y + 4, escaped(&row.text));
}

fn seconds(at: u64) -> String {
    format!("{}.{:03}", at / 1_000_000, at / 1_000 % 1_000)
}

fn rows(replayed: &Replayed, peers: &[&str], known: &KnownDifferences) -> Vec<Row> {
    let mut left: Vec<&(Difference, Option<usize>)> = replayed.differences.iter().collect();
    let mut rows = Vec::new();
    for event in &replayed.trace.events {
        let (due, later) = left.into_iter().partition(|(difference, _)| difference.at < event.at);
        left = later;
        due.into_iter().for_each(|difference| remark(&mut rows, difference, known));
        match &event.what {
            What::Message { conn, to, frames } => {
                let peer = &replayed.trace.conns[*conn].peer;
                let line = peers.iter().position(|other| other == peer).unwrap_or(0);
                let arrow = Some((line, *to == Side::Peer));
                rows.push(Row { at: event.at, arrow, text: shown(frames), class: "m" });
            }
            What::Note(note) => {
                rows.push(Row { at: event.at, arrow: None, text: note.clone(), class: "note" });
            }
            What::Open(_)
            | What::Refused(_)
            | What::Handshake { .. }
            | What::Close { .. }
            | What::Http { .. }
            | What::Raw { .. }
            | What::Command { .. } => {}
        }
    }
    left.into_iter().for_each(|difference| remark(&mut rows, difference, known));
    rows
}

fn remark(rows: &mut Vec<Row>, (difference, entry): &(Difference, Option<usize>), known: &KnownDifferences) {
    let (class, by) = match entry {
        Some(entry) => ("k", known.differences[*entry].id.as_str()),
        None => ("d", "unknown"),
    };
    let mut row = |text: String| rows.push(Row { at: difference.at, arrow: None, text, class });
    row(format!("≠ {} [{by}]", difference.words));
    if let Some(frames) = &difference.recorded {
        row(format!("   recorded: {}", shown(frames)));
    }
    if let Some(frames) = &difference.ours {
        row(format!("   ours:     {}", shown(frames)));
    }
}

/// Frames in a line, long ones cut.
fn shown(frames: &[Frame]) -> String {
    let frame = |frame: &Frame| {
        let text: String = to_text(&frame.bytes[..frame.bytes.len().min(48)]);
        let more = if frame.bytes.len() > 48 { "…" } else { "" };
        format!("{text}{more}")
    };
    frames.iter().map(frame).collect::<Vec<_>>().join(" | ")
}
