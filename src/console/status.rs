//! The screen of `zmws status`: what is wrong, then processes, then services.

use ratatui::text::{Line, Span};

use super::format;
use super::load;
use super::problems::{Problem, Severity};
use super::site::Site;
use super::table::{self, Cell, Column};
use super::text::{self, Colour, Side, Tone};
use crate::admin::status::{Service, State, Status, Totals};
use crate::supervise::control::{Process, ProcessState};

/// The screen in `width` cells; `None` for as wide as it is. Bars are for where colours are.
pub fn screen(site: &Site, width: Option<usize>, colour: Colour) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    problem_lines(&site.problems(), width, &mut lines);
    if let Ok(Some(processes)) = &site.processes {
        lines.push(Line::default());
        process_lines(processes, width, &mut lines);
    }
    if let Ok(status) = &site.broker {
        lines.push(Line::default());
        lines.push(heading(&broker_line(status), width));
        lines.push(cut_line(&totals_line(&status.totals), Tone::Plain, width));
        if !status.services.is_empty() {
            lines.push(Line::default());
            lines.extend(service_lines(&status.services, width, colour));
        }
        lines.extend(left_out_line(status, width));
    }
    lines
}

fn problem_lines(problems: &[Problem], width: Option<usize>, lines: &mut Vec<Line<'static>>) {
    if problems.is_empty() {
        lines.push(cut_line("All is well.", Tone::Good, width));
    }
    for problem in problems {
        let (word, tone) = match problem.severity {
            Severity::Down => ("down", Tone::Bad),
            Severity::Warning => ("warning", Tone::Warn),
        };
        let word = text::filled(word, MARGIN - 2, Side::Left) + "  ";
        let text = text::printable(&format!("{}: {}", problem.subject, problem.text));
        let room = width.map_or(usize::MAX, |width| width.saturating_sub(MARGIN));
        if room < ROOM_MIN {
            lines.push(cut_line(&(word + &text), tone, width));
            continue;
        }
        for (index, part) in text::wrapped(&text, room).into_iter().enumerate() {
            let margin = if index == 0 { word.clone() } else { " ".repeat(MARGIN) };
            lines.push(Line::from(vec![Span::styled(margin, tone.style()), Span::raw(part)]));
        }
    }
}

/// Cells in front of a problem's text: the longest word and two blanks.
const MARGIN: usize = "warning  ".len();
/// Cells that are too few to break a text in lines.
const ROOM_MIN: usize = 16;

fn heading(text: &str, width: Option<usize>) -> Line<'static> {
    cut_line(text, Tone::Head, width)
}

/// A line of anybody's text.
pub(super) fn cut_line(text: &str, tone: Tone, width: Option<usize>) -> Line<'static> {
    let text = text::cut(&text::printable(text), width.unwrap_or(usize::MAX));
    Line::from(Span::styled(text, tone.style()))
}

const PROCESSES: [Column<'static>; 7] = [
    Column::words("PROCESS", 0),
    Column::words("STATE", 0),
    Column::figures("PID", 2),
    Column::figures("UP", 1),
    Column::figures("RESTARTS", 3),
    Column::figures("MEMORY", 4),
    Column::words("LAST END", 5),
];

fn process_lines(processes: &[Process], width: Option<usize>, lines: &mut Vec<Line<'static>>) {
    if processes.is_empty() {
        lines.push(cut_line("The supervisor has no programs.", Tone::Plain, width));
        return;
    }
    let rows: Vec<Vec<Cell>> = processes.iter().map(process_row).collect();
    lines.extend(table::lines(&PROCESSES, &rows, width));
}

fn process_row(process: &Process) -> Vec<Cell> {
    let (state, tone) = match process.state {
        ProcessState::Running => ("running", Tone::Good),
        ProcessState::Stopped => ("stopped", Tone::Warn),
        ProcessState::Stopping => ("stopping", Tone::Warn),
        ProcessState::Waiting => ("waiting", Tone::Bad),
        ProcessState::GivenUp => ("given up", Tone::Bad),
        ProcessState::Failed => ("failed", Tone::Bad),
    };
    vec![
        Cell::new(&process.name),
        Cell::toned(state, tone),
        known(process.pid, |pid| pid.to_string()),
        known(process.up_s, format::duration),
        Cell::count(process.restarts, Tone::Plain),
        known(process.memory, format::bytes),
        Cell::new(process.last_end.as_deref().unwrap_or_default()),
    ]
}

/// What may not be known; a dash if it is not.
pub(super) fn known<T>(figure: Option<T>, show: impl Fn(T) -> String) -> Cell {
    figure.map_or_else(|| Cell::toned(format::NOTHING, Tone::Quiet), |figure| Cell::new(show(figure)))
}

/// `zmws 0.1.0 at 127.0.0.1:5555 (pid 4711), running, up 3 d 04 h`.
pub(super) fn broker_line(status: &Status) -> String {
    let up = format::duration(status.at - status.started_at);
    // One that is older does not say which it is.
    let which =
        if status.pid == 0 { String::new() } else { format!(" at {} (pid {})", status.clients, status.pid) };
    format!("zmws {}{which}, {}, up {up}", status.version, state_word(status.state))
}

fn state_word(state: State) -> &'static str {
    match state {
        State::Running => "running",
        State::Draining => "draining",
        State::Stopping => "stopping",
    }
}

/// What all services have together, the most important first.
pub(super) fn totals_line(totals: &Totals) -> String {
    let count = format::count;
    format!(
        "{} queued, {} active ({}), {}, {}; {} done, {} failed, {} requeued, {} refused",
        count(totals.queued),
        count(totals.active),
        format::bytes(totals.bytes),
        format::count_of(totals.workers, "worker"),
        format::count_of(totals.client_connections, "client"),
        count(totals.completed),
        count(totals.failed),
        count(totals.requeued),
        count(totals.refused),
    )
}

/// The columns of a service, here and in `top`.
pub(super) const SERVICES: [Column<'static>; 13] = [
    Column::words("SERVICE", 0),
    Column::words("STATE", 0),
    Column::figures("QUEUED", 0),
    Column::figures("ACTIVE", 1),
    Column::figures("IDLE", 2),
    Column::figures("BUSY", 2),
    Column::figures("DONE/MIN", 3),
    Column::figures("FAILED/MIN", 3),
    Column::figures("OLDEST", 1),
    Column::figures("WAIT P50", 5),
    Column::figures("WAIT P99", 4),
    Column::figures("RUN P50", 5),
    Column::figures("RUN P99", 4),
];

fn service_lines(services: &[Service], width: Option<usize>, colour: Colour) -> Vec<Line<'static>> {
    let services: Vec<&Service> = services.iter().collect();
    service_table(&SERVICES, &services, width, colour)
}

/// Services in these columns, which are [`SERVICES`] by what may stand above them, and bars of their load.
pub(super) fn service_table(
    columns: &[Column<'_>],
    services: &[&Service],
    width: Option<usize>,
    colour: Colour,
) -> Vec<Line<'static>> {
    let mut columns = columns.to_vec();
    let mut rows: Vec<Vec<Cell>> = services.iter().map(|service| service_row(service)).collect();
    if colour == Colour::With {
        columns.insert(BUSY + 1, load::COLUMN);
        rows.iter_mut().zip(services).for_each(|(row, service)| row.insert(BUSY + 1, load::bar(service)));
    }
    table::lines(&columns, &rows, width)
}

/// The place of the busy workers' column in [`SERVICES`].
const BUSY: usize = 5;

/// What stands in [`SERVICES`].
pub(super) fn service_row(service: &Service) -> Vec<Cell> {
    let starving = service.queued > 0 && service.idle == 0 && service.busy == 0;
    vec![
        Cell::new(&service.service),
        service_state(service),
        Cell::count(service.queued, if starving { Tone::Bad } else { Tone::Plain }),
        Cell::count(service.active, Tone::Plain),
        Cell::count(service.idle, Tone::Plain),
        Cell::count(service.busy, Tone::Plain),
        Cell::count(service.completed_a_minute, Tone::Plain),
        Cell::count(service.failed_a_minute, Tone::Bad),
        known(service.oldest_s, format::duration),
        known(service.wait.p50_ms, format::millis),
        known(service.wait.p99_ms, format::millis),
        known(service.run.p50_ms, format::millis),
        known(service.run.p99_ms, format::millis),
    ]
}

/// What the broker does with its jobs.
fn service_state(service: &Service) -> Cell {
    // Nothing for those that are as they should be: what is not is to be seen.
    held(service).map_or_else(Cell::default, |held| Cell::toned(held, Tone::Warn))
}

/// What is held of a service, if anything is.
pub(super) fn held(service: &Service) -> Option<&'static str> {
    match (service.paused, service.draining) {
        (false, false) => None,
        (true, false) => Some("paused"),
        (false, true) => Some("draining"),
        (true, true) => Some("paused, draining"),
    }
}

/// That there are more services than the broker tells of.
fn left_out_line(status: &Status, width: Option<usize>) -> Option<Line<'static>> {
    let more = status.totals.services.saturating_sub(status.services.len() as u64);
    let text = format!("… and {} that are not listed", format::count_of(more, "service"));
    (more > 0).then(|| cut_line(&text, Tone::Quiet, width))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::site::examples;
    use super::super::text::{Colour, text};
    use super::*;

    fn check(site: &Site, width: Option<usize>) -> String {
        text(&screen(site, width, Colour::Without), Colour::Without)
    }

    #[test]
    fn a_site_that_is_well() {
        insta::assert_snapshot!(check(&examples::well(), None), @r"
        All is well.

        PROCESS  STATE     PID        UP  RESTARTS   MEMORY  LAST END
        broker   running  4711  3 d 04 h         0  31.2 MB

        zmws 0.1.0, running, up 3 d 04 h
        2 queued, 3 active (1.2 MB), 4 workers, 12 clients; 120k done, 42 failed, 3 requeued, 1 refused

        SERVICE  STATE  QUEUED  ACTIVE  IDLE  BUSY  DONE/MIN  FAILED/MIN  OLDEST  WAIT P50  WAIT P99  RUN P50  RUN P99
        STR-REV              2       3     1     3      1234           0  250 ms    400 µs   12.0 ms  3.20 ms   1.24 s
        ");
    }

    #[test]
    fn what_is_wrong_comes_first() {
        insta::assert_snapshot!(check(&examples::troubled(), Some(110)), @r"
        down     service MAIL: 12.3k queued and no worker
        down     process mail-2: given up after 5 restarts, last with exit status 1; `zmws start` tries again
        down     process mail-3: ended too soon, waits to be restarted, last with signal 9 (SIGKILL)
        warning  broker: is draining: it takes no new jobs
        warning  service MAIL: its oldest job has waited 2 h 07 m
        warning  service NIGHTLY-REPORTS: is paused, 4 queued
        warning  service OLD: is draining: it takes no new jobs, 0 queued
        warning  service THUMB: 7 of 10 jobs failed in the last minute
        warning  process mail-1: restarted 3 times, 12 s ago, last with signal 9 (SIGKILL)
        warning  process mail-4: is stopped
        warning  process mail-5: is being stopped

        PROCESS  STATE      PID        UP  RESTARTS   MEMORY  LAST END
        broker   running   4711  3 d 04 h         0  31.2 MB
        mail-1   running   4712      12 s         3   312 MB  signal 9 (SIGKILL)
        mail-2   given up     –         –         5        –  exit status 1
        mail-3   waiting      –         –         1        –  signal 9 (SIGKILL)
        mail-4   stopped      –         –         0        –
        mail-5   stopping  4715  1 d 00 h         0        –

        zmws 0.1.0, draining, up 3 d 04 h
        12.4k queued, 4 active (1.2 MB), 10 workers, 12 clients; 120k done, 42 failed, 3 requeued, 1 refused

        SERVICE                STATE     QUEUED  ACTIVE  IDLE  BUSY  DONE/MIN  FAILED/MIN    OLDEST  WAIT P99  RUN P99
        MAIL                              12.3k       0     0     0         0           0  2 h 07 m         –        –
        NIGHTLY-REPORTS        paused         4       0     2     0         0           0  6 m 40 s         –        –
        OLD                    draining       0       1     0     1         0           0         –         –        –
        STR-REV                               2       3     1     3      1234           0    250 ms   12.0 ms   1.24 s
        THUMB                                 0       0     1     0         3           7         –         –        –
        \u{1b}[2J\u{1b}]0;ow…                 0       0     1     0         0           0         –         –        –
        翻訳サービス                          0       0     1     0         0           0         –         –        –
        ");
    }

    #[test]
    fn a_terminal_has_bars_of_how_busy_the_workers_are() {
        let services = vec![
            examples::reverse(),
            Service { busy: 4, idle: 0, queued: 9, ..examples::reverse() },
            Service { busy: 0, ..examples::reverse() },
            Service { busy: 0, idle: 0, ..examples::reverse() },
        ];
        let lines = service_lines(&services, Some(100), Colour::With);
        insta::assert_snapshot!(text(&lines, Colour::Without), @r"
        SERVICE  STATE  QUEUED  ACTIVE  IDLE  BUSY  LOAD      DONE/MIN  FAILED/MIN  OLDEST  WAIT P99
        STR-REV              2       3     1     3  ██████░░      1234           0  250 ms   12.0 ms
        STR-REV              9       3     0     4  ████████      1234           0  250 ms   12.0 ms
        STR-REV              2       3     1     0  ░░░░░░░░      1234           0  250 ms   12.0 ms
        STR-REV              2       3     0     0                1234           0  250 ms   12.0 ms
        ");
        assert!(
            text(&lines, Colour::With).contains("\x1b[1;31m████████"),
            "a full one with jobs that wait is red"
        );
    }

    #[test]
    fn a_narrow_terminal_has_what_matters_most() {
        insta::assert_snapshot!(check(&examples::troubled(), Some(44)), @r"
        down     service MAIL: 12.3k queued and no
                 worker
        down     process mail-2: given up after 5
                 restarts, last with exit status 1;
                 `zmws start` tries again
        down     process mail-3: ended too soon,
                 waits to be restarted, last with
                 signal 9 (SIGKILL)
        warning  broker: is draining: it takes no
                 new jobs
        warning  service MAIL: its oldest job has
                 waited 2 h 07 m
        warning  service NIGHTLY-REPORTS: is paused,
                 4 queued
        warning  service OLD: is draining: it takes
                 no new jobs, 0 queued
        warning  service THUMB: 7 of 10 jobs failed
                 in the last minute
        warning  process mail-1: restarted 3 times,
                 12 s ago, last with signal 9
                 (SIGKILL)
        warning  process mail-4: is stopped
        warning  process mail-5: is being stopped

        PROCESS  STATE      PID        UP  RESTARTS
        broker   running   4711  3 d 04 h         0
        mail-1   running   4712      12 s         3
        mail-2   given up     –         –         5
        mail-3   waiting      –         –         1
        mail-4   stopped      –         –         0
        mail-5   stopping  4715  1 d 00 h         0

        zmws 0.1.0, draining, up 3 d 04 h
        12.4k queued, 4 active (1.2 MB), 10 workers…

        SERVICE             STATE     QUEUED  ACTIVE
        MAIL                           12.3k       0
        NIGHTLY-REPORTS     paused         4       0
        OLD                 draining       0       1
        STR-REV                            2       3
        THUMB                              0       0
        \u{1b}[2J\u{1b}]0…                 0       0
        翻訳サービス                       0       0
        ");
    }

    #[test]
    fn a_broker_that_is_away_is_all_there_is_to_say() {
        let broker = Err("no broker answers at 127.0.0.1:5581: Connection refused".to_owned());
        insta::assert_snapshot!(check(&Site { broker, processes: Ok(None) }, Some(80)), @"down     broker: no broker answers at 127.0.0.1:5581: Connection refused");
    }

    #[test]
    fn services_that_are_not_shown_are_counted() {
        let mut site = examples::well();
        site.broker.as_mut().expect("it is well").totals.services = 1_001;
        assert!(check(&site, None).ends_with("… and 1000 services that are not listed\n"));
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal(width in 0_usize..130, name in any::<String>(), seconds in any::<f64>(), bars in any::<bool>()) {
            let mut site = examples::troubled();
            let status = site.broker.as_mut().expect("the broker answers");
            let strange = Service { service: name.clone(), oldest_s: Some(seconds), ..status.services[0].clone() };
            status.version = name;
            status.started_at = seconds;
            status.services.push(strange);
            for line in screen(&site, Some(width), if bars { Colour::With } else { Colour::Without }) {
                prop_assert!(line.width() <= width, "{line}");
            }
        }
    }
}
