//! What `top` knows and what it does with keys: pure, messages in, requests out.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::super::operation::Operation;
use super::super::text::Colour;
use super::detail::{Content, Detail, Row};
use super::sort::Sort;
use crate::admin::status::{Service, Status};

/// What happened.
#[derive(Debug)]
pub(super) enum Message {
    /// A key.
    Key(KeyEvent),
    /// How the broker is, or why it does not say.
    Status(Result<Status, String>),
    /// What a service has, or why the broker does not say.
    Content { service: String, content: Result<Content, String> },
    /// What the broker says to an order.
    Said(Result<String, String>),
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(super) enum Request {
    /// Ask the broker how it is, now.
    Look,
    /// Tell the broker.
    Give(Operation),
    /// End.
    Quit,
}

/// What stands in the last line.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// Which keys there are.
    Keys,
    /// A question, whose answer is a key.
    Question(Operation),
    /// What came of the last order, or why there is none.
    Said(Result<String, String>),
}

/// All that is shown.
#[derive(Debug)]
pub(super) struct State {
    /// Where the broker's admin port is.
    pub(super) address: String,
    /// The broker's last word. `None` before the first.
    pub(super) status: Option<Status>,
    /// Why the broker did not answer, if it did not.
    pub(super) away: Option<String>,
    /// Jobs that ended, a second, between the last two words.
    pub(super) rate: Option<f64>,
    /// The order of the services.
    pub(super) sort: Sort,
    /// The name of the service that is chosen; the first, if it is not there.
    chosen: Option<String>,
    /// The page of one service, if it is open.
    pub(super) detail: Option<Detail>,
    /// The last line.
    pub(super) line: Line,
    /// Whether the keys are explained.
    pub(super) help: bool,
    /// Whether there are bars; the terminal itself leaves out colours.
    pub(super) colour: Colour,
}

/// Rows of a step with Page Up and Page Down.
const PAGE: isize = 10;

impl State {
    /// Before anything is known.
    pub(super) fn new(address: String, colour: Colour) -> Self {
        Self {
            address,
            status: None,
            away: None,
            rate: None,
            sort: Sort::default(),
            chosen: None,
            detail: None,
            line: Line::Keys,
            help: false,
            colour,
        }
    }

    /// The service whose workers and jobs are wanted.
    pub(super) fn wanted(&self) -> Option<String> {
        self.detail.as_ref().map(|detail| detail.service.clone())
    }

    /// The services in their order.
    pub(super) fn services(&self) -> Vec<&Service> {
        let mut services: Vec<&Service> = self.status.iter().flat_map(|status| &status.services).collect();
        self.sort.order(&mut services);
        services
    }

    /// The place of the chosen one among [`State::services`].
    pub(super) fn cursor(&self) -> usize {
        let is_chosen = |service: &&Service| Some(&service.service) == self.chosen.as_ref();
        self.services().iter().position(is_chosen).unwrap_or(0)
    }

    /// The service that orders are about: that of the page, or the chosen one.
    pub(super) fn service(&self) -> Option<&Service> {
        match &self.detail {
            Some(detail) => {
                let mut services = self.status.iter().flat_map(|status| &status.services);
                services.find(|service| service.service == detail.service)
            }
            None => self.services().get(self.cursor()).copied(),
        }
    }

    /// Takes a message; what is to be done about it.
    pub(super) fn update(&mut self, message: Message) -> Option<Request> {
        match message {
            Message::Key(key) => return self.key(key),
            Message::Status(Ok(status)) => self.show(status),
            Message::Status(Err(why)) => (self.away, self.rate) = (Some(why), None),
            Message::Content { service, content } => {
                // It may be the answer for a page that was closed since.
                if let Some(detail) = self.detail.as_mut().filter(|detail| detail.service == service) {
                    detail.show(content);
                }
            }
            Message::Said(said) => {
                // A question that was asked since is not to be lost.
                if !matches!(self.line, Line::Question(_)) {
                    self.line = Line::Said(said);
                }
                return Some(Request::Look);
            }
        }
        None
    }

    #[expect(clippy::cast_precision_loss, reason = "jobs of two seconds are few")]
    fn show(&mut self, status: Status) {
        let ended = |status: &Status| status.totals.completed.saturating_add(status.totals.failed);
        // Another start is another count.
        let before = self.status.take().filter(|before| before.started_at == status.started_at);
        self.rate = before.and_then(|before| {
            let jobs = ended(&status).checked_sub(ended(&before))?;
            let seconds = status.at - before.at;
            (seconds > 0.0).then(|| jobs as f64 / seconds)
        });
        (self.status, self.away) = (Some(status), None);
    }

    fn key(&mut self, key: KeyEvent) -> Option<Request> {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Some(Request::Quit);
        }
        if let Line::Question(order) = std::mem::replace(&mut self.line, Line::Keys) {
            return matches!(key.code, KeyCode::Char('y' | 'Y')).then_some(Request::Give(order));
        }
        if std::mem::take(&mut self.help) {
            return None;
        }
        match key.code {
            KeyCode::Char('q') => return Some(Request::Quit),
            KeyCode::Char('?') => self.help = true,
            KeyCode::Char('p') => self.ask(Self::pause),
            KeyCode::Char('d') => self.ask(Self::drain),
            KeyCode::Char('t') => self.ask_row(|row| row.retry()),
            KeyCode::Char('x') => self.ask_row(|row| row.delete()),
            KeyCode::Char('w') => self.ask_row(|row| row.retire()),
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::PageUp => self.step(-PAGE),
            KeyCode::PageDown => self.step(PAGE),
            KeyCode::Home | KeyCode::Char('g') => self.step(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.step(isize::MAX),
            KeyCode::Esc | KeyCode::Backspace => self.detail = None,
            code => return self.key_of_services(code),
        }
        None
    }

    /// Keys that mean something in the table of services only.
    fn key_of_services(&mut self, code: KeyCode) -> Option<Request> {
        if self.detail.is_some() {
            return None;
        }
        match code {
            KeyCode::Left | KeyCode::Char('h') => self.sort = self.sort.moved(-1),
            KeyCode::Right | KeyCode::Char('l') => self.sort = self.sort.moved(1),
            KeyCode::Char('r') => self.sort.reverse = !self.sort.reverse,
            KeyCode::Enter => {
                let service = self.service()?.service.clone();
                self.chosen = Some(service.clone());
                self.detail = Some(Detail::new(service));
                return Some(Request::Look);
            }
            _ => {}
        }
        None
    }

    /// Moves the cursor, as far as there are rows.
    fn step(&mut self, step: isize) {
        let moved =
            |cursor: usize, rows: usize| cursor.saturating_add_signed(step).min(rows.saturating_sub(1));
        match &mut self.detail {
            Some(detail) => detail.cursor = moved(detail.cursor, detail.rows().len()),
            None => {
                let services = self.services();
                let place = moved(self.cursor(), services.len());
                self.chosen = services.get(place).map(|service| service.service.clone());
            }
        }
    }

    /// Asks whether an order about the service is meant.
    fn ask(&mut self, order: impl Fn(&Service) -> Operation) {
        self.line = match self.service() {
            Some(service) => Line::Question(order(service)),
            None => Line::Said(Err("there is no service to choose".to_owned())),
        };
        self.stay();
    }

    fn pause(service: &Service) -> Operation {
        let name = service.service.clone();
        if service.paused { Operation::Resume { service: name } } else { Operation::Pause { service: name } }
    }

    fn drain(service: &Service) -> Operation {
        let name = service.service.clone();
        if service.draining {
            Operation::Resume { service: name }
        } else {
            Operation::Drain { service: name }
        }
    }

    /// Asks whether an order about the chosen worker or job is meant.
    fn ask_row(&mut self, order: impl Fn(Row<'_>) -> Result<Operation, &'static str>) {
        let row = self.detail.as_ref().map(Detail::chosen);
        let order = match row {
            Some(Some(row)) => order(row),
            Some(None) => Err("there is nothing to choose"),
            None => Err("workers and jobs are behind Enter"),
        };
        self.line = match order {
            Ok(order) => Line::Question(order),
            Err(why) => Line::Said(Err(why.to_owned())),
        };
    }

    /// The cursor stays on what a question is about, however the table moves.
    fn stay(&mut self) {
        if self.detail.is_none() {
            self.chosen = self.service().map(|service| service.service.clone());
        }
    }
}
