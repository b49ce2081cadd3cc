//! How `top` looks.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Text};

use super::super::format;
use super::super::jobs;
use super::super::status::{SERVICES, broker_line, cut_line, held, known, service_table, totals_line};
use super::super::table::{self, Cell, Column};
use super::super::text::{self, Tone};
use super::detail::{Content, Detail};
use super::state::{self, State};
use crate::admin::status::{Job, Service, Worker};

/// Draws it all, in whatever room there is.
pub(super) fn draw(state: &State, frame: &mut Frame<'_>) {
    let [top, body, bottom] =
        Layout::vertical([Constraint::Length(3), Constraint::Min(1), Constraint::Length(1)])
            .areas(frame.area());
    let width = Some(usize::from(top.width));
    frame.render_widget(Text::from(heading(state, width)), top);
    match (&state.detail, state.help) {
        (_, true) => frame.render_widget(Text::from(help(width)), body),
        (Some(detail), false) => draw_detail(state, detail, frame, body),
        (None, false) => draw_services(state, frame, body),
    }
    frame.render_widget(last_line(state, usize::from(bottom.width)), bottom);
}

/// The broker, then all services together.
fn heading(state: &State, width: Option<usize>) -> Vec<Line<'static>> {
    let address = &state.address;
    let Some(status) = &state.status else {
        let why = state.away.clone().unwrap_or_else(|| format!("asking the broker at {address} …"));
        let tone = if state.away.is_some() { Tone::Bad } else { Tone::Quiet };
        return vec![cut_line(&why, tone, width)];
    };
    let first = match &state.away {
        Some(why) => {
            cut_line(&format!("{why}; at {} UTC it was:", format::clock(status.at)), Tone::Bad, width)
        }
        None => cut_line(&format!("{} at {address}", broker_line(status)), Tone::Head, width),
    };
    let rate = state.rate.map_or_else(|| format::NOTHING.to_owned(), format::rate);
    let totals = format!("{rate} jobs/s; {}", totals_line(&status.totals));
    vec![first, cut_line(&totals, Tone::Plain, width)]
}

fn draw_services(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let services = state.services();
    let title = SERVICES[state.sort.column].title;
    let title = format!("{title}{}", if state.sort.rises() { '▲' } else { '▼' });
    let mut columns = SERVICES;
    // The column that sorts is always there.
    columns[state.sort.column] = Column { title: &title, rank: 0, ..columns[state.sort.column] };
    let mut lines = service_table(&columns, &services, Some(usize::from(area.width)), state.colour);
    let titles = lines.remove(0);
    if services.is_empty() && state.status.is_some() {
        lines.push(cut_line("no services", Tone::Quiet, Some(usize::from(area.width))));
    }
    let cursor = (!services.is_empty()).then(|| state.cursor());
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    frame.render_widget(titles, head);
    draw_window(lines, cursor, frame, body);
}

fn draw_detail(state: &State, detail: &Detail, frame: &mut Frame<'_>, area: Rect) {
    let width = Some(usize::from(area.width));
    let mut lines = vec![detail_heading(state.service(), &detail.service, width)];
    if let Some(problem) = &detail.problem {
        lines.push(cut_line(problem, Tone::Bad, width));
    }
    let Some(content) = &detail.content else {
        lines.push(cut_line("asking …", Tone::Quiet, width));
        return draw_window(lines, None, frame, area);
    };
    let now = state.status.as_ref().map_or(f64::NAN, |status| status.at);
    let (tables, first_worker, first_job) = tables(content, now, width);
    let before = lines.len();
    lines.extend(tables);
    let row = match detail.cursor.checked_sub(content.workers.len()) {
        None => first_worker + detail.cursor,
        Some(job) => first_job + job,
    };
    let cursor = detail.chosen().map(|_| before + row);
    draw_window(lines, cursor, frame, area);
}

/// `STR-REV: 2 queued, 3 active, …`; of a service that is no longer listed, its name.
fn detail_heading(service: Option<&Service>, name: &str, width: Option<usize>) -> Line<'static> {
    let Some(service) = service else { return cut_line(name, Tone::Head, width) };
    let oldest = service
        .oldest_s
        .map_or_else(String::new, |oldest| format!(", the oldest for {}", format::duration(oldest)));
    let text = format!(
        "{}{}: {} queued{oldest}, {} active; {} done, {} failed",
        service.service,
        held(service).map_or_else(String::new, |held| format!(", {held}")),
        format::count(service.queued),
        format::count(service.active),
        format::count(service.completed),
        format::count(service.failed),
    );
    cut_line(&text, Tone::Head, width)
}

const WORKERS: [Column<'static>; 7] = [
    Column::words("WORKER", 0),
    Column::words("STATE", 0),
    Column::figures("BUSY FOR", 1),
    Column::figures("SILENT FOR", 4),
    Column::figures("DONE", 2),
    Column::words("ADDRESS", 3),
    Column::words("SPEAKS", 5),
];

const JOBS: [Column<'static>; 7] = [
    Column::words("JOB", 0),
    Column::words("STATE", 0),
    Column::figures("SINCE", 1),
    Column::words("WORKER", 2),
    Column::figures("ATTEMPTS", 4),
    Column::figures("BYTES", 3),
    Column::words("CLIENT", 5),
];

/// Both tables, and the lines of the first worker and of the first job.
fn tables(content: &Content, now: f64, width: Option<usize>) -> (Vec<Line<'static>>, usize, usize) {
    let rows: Vec<Vec<Cell>> = content.workers.iter().map(worker_row).collect();
    let mut lines = vec![Line::default()];
    lines.extend(table::lines(&WORKERS, &rows, width));
    if rows.is_empty() {
        lines.push(cut_line("no workers", Tone::Quiet, width));
    }
    lines.push(Line::default());
    let first_job = lines.len() + 1;
    let rows: Vec<Vec<Cell>> = content.jobs.iter().map(|job| job_row(job, now)).collect();
    lines.extend(table::lines(&JOBS, &rows, width));
    if rows.is_empty() {
        lines.push(cut_line("no jobs wait, run, or failed lately", Tone::Quiet, width));
    }
    (lines, 2, first_job)
}

fn worker_row(worker: &Worker) -> Vec<Cell> {
    let (state, tone) = match (worker.retired, worker.jobs.is_empty()) {
        (true, _) => ("retired", Tone::Warn),
        (false, true) => ("idle", Tone::Quiet),
        (false, false) => ("busy", Tone::Good),
    };
    vec![
        Cell::new(&worker.id),
        Cell::toned(state, tone),
        known(worker.busy_s, format::duration),
        Cell::new(format::duration(worker.silent_s)),
        Cell::count(worker.done, Tone::Plain),
        Cell::new(&worker.address),
        Cell::new(&worker.dialect),
    ]
}

fn job_row(job: &Job, now: f64) -> Vec<Cell> {
    let (state, tone) = jobs::state(job);
    vec![
        Cell::new(&job.id),
        Cell::toned(state, tone),
        known(jobs::since(job), |since| format::duration(now - since)),
        known(job.worker.clone(), |worker| worker),
        Cell::count(job.attempts.into(), Tone::Warn),
        Cell::new(format::bytes(job.bytes)),
        Cell::toned(if job.waits { "waits" } else { "" }, Tone::Plain),
    ]
}

/// As many lines as there is room for, with the one of the cursor among them, if possible in the middle.
fn draw_window(mut lines: Vec<Line<'static>>, cursor: Option<usize>, frame: &mut Frame<'_>, area: Rect) {
    let (room, width) = (usize::from(area.height), usize::from(area.width));
    let above = cursor.unwrap_or(0).saturating_sub(room / 2).min(lines.len().saturating_sub(room));
    if let Some(line) = cursor.and_then(|cursor| lines.get_mut(cursor)) {
        // To the right edge, so that the eye finds it.
        line.push_span(" ".repeat(width.saturating_sub(line.width())));
        *line = std::mem::take(line).patch_style(Style::new().add_modifier(Modifier::REVERSED));
        for span in &mut line.spans {
            span.style = span.style.remove_modifier(Modifier::DIM);
        }
    }
    let shown: Vec<Line<'_>> = lines.into_iter().skip(above).take(room).collect();
    frame.render_widget(Text::from(shown), area);
}

fn last_line(state: &State, width: usize) -> Line<'static> {
    let keys = match state.detail {
        None => "? help  q quit  ↑↓ choose  Enter open  p pause  d drain  ←→ sort by  r reverse",
        Some(_) => "? help  q quit  Esc back  ↑↓ choose  w retire  t try again  x delete  p pause  d drain",
    };
    match &state.line {
        state::Line::Keys => cut_line(keys, Tone::Quiet, Some(width)),
        state::Line::Question(order) => {
            // What is asked for must be seen, whatever the name is.
            let answer = " y/n";
            let question = text::printable(&order.question());
            let question = text::cut(&question, width.saturating_sub(answer.len()));
            cut_line(&(question + answer), Tone::Head, Some(width))
        }
        state::Line::Said(Ok(line)) => cut_line(line, Tone::Good, Some(width)),
        state::Line::Said(Err(line)) => cut_line(line, Tone::Bad, Some(width)),
    }
}

const HELP: [&str; 14] = [
    "↑ ↓ j k  choose; also Page Up, Page Down, Home, End",
    "← → h l  services: choose the column to sort by",
    "r        services: the other way round",
    "Enter    services: the workers and jobs of one",
    "Esc      back to the services",
    "p        pause a service, or resume it",
    "d        drain a service, or resume it",
    "t        try a dead job again: one that the broker gave up",
    "x        delete a job",
    "w        retire a worker: no more jobs for it",
    "q        quit; Ctrl-C, too",
    "",
    "A paused service takes jobs and hands none out; a draining",
    "one takes none. What changes something is asked first.",
];

fn help(width: Option<usize>) -> Vec<Line<'static>> {
    let parts = HELP.iter().flat_map(|line| text::wrapped(line, width.unwrap_or(usize::MAX)));
    parts.map(Line::raw).collect()
}
