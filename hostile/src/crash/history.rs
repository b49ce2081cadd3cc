//! What was asked, acknowledged, done and answered, and what must hold of it.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard};

use super::ORDERED;

/// What happened, written down by all threads.
#[derive(Clone, Default)]
pub(super) struct Book(Arc<Mutex<History>>);

#[derive(Default)]
struct History {
    /// Parameters, before they were sent.
    asked: HashSet<String>,
    /// Background jobs that a client was told of, by id and client.
    acknowledged: HashSet<(String, usize)>,
    /// How often each job was done, by id and the parameter that its worker got. Ids have 32 bits and are drawn: of
    /// 100,000 jobs, one may have the id of another that has long been over.
    done: HashMap<(String, String), u64>,
    /// The same of acknowledged jobs, by id and client.
    clients: HashSet<(String, usize)>,
    /// Numbers of the ordered service's jobs, when they were first done.
    order: Vec<u64>,
    answered: u64,
    refused: u64,
    /// What is wrong whatever else happened.
    wrong: Vec<String>,
}

impl Book {
    fn history(&self) -> MutexGuard<'_, History> {
        self.0.lock().expect("no writer panics")
    }

    pub(super) fn ask(&self, param: String) {
        self.history().asked.insert(param);
    }

    pub(super) fn acknowledge(&self, id: &[u8], client: usize) {
        self.history().acknowledged.insert((text(id), client));
    }

    pub(super) fn refuse(&self) {
        self.history().refused += 1;
    }

    /// A worker got a job and does it. Of which service it is says the parameter's worker.
    pub(super) fn work(&self, service: &str, id: &[u8], param: &[u8]) {
        let mut history = self.history();
        let (id, param) = (text(id), text(param));
        if !history.asked.contains(&param) {
            history.wrong.push(format!("{id} has a parameter that nobody asked for: {param}"));
        }
        let (client, number) = param.split_once('-').unwrap_or_default();
        let (client, number) = (client.parse(), number.parse());
        if let Ok(client) = client {
            history.clients.insert((id.clone(), client));
        }
        let times = history.done.entry((id, param)).or_default();
        *times += 1;
        let is_first = *times == 1;
        if let (true, true, Ok(number)) = (service == ORDERED, is_first, number) {
            history.order.push(number);
        }
    }

    /// A client that waited was answered.
    pub(super) fn answer(&self, expected: &[u8], value: &[u8]) {
        let mut history = self.history();
        history.answered += 1;
        if expected != value {
            let (expected, value) = (text(expected), text(value));
            history.wrong.push(format!("{value} was answered to whom {expected} was meant for"));
        }
    }

    pub(super) fn is_all_done(&self) -> bool {
        let history = self.history();
        history.acknowledged.is_subset(&history.clients)
    }

    pub(super) fn text(&self) -> String {
        let history = self.history();
        let twice: u64 = history.done.values().map(|times| times - 1).sum();
        let mut text = String::new();
        let _ = writeln!(text, "background jobs acknowledged  {}", history.acknowledged.len());
        let _ = writeln!(text, "jobs done                     {}", history.done.len());
        let _ = writeln!(text, "times one was done again      {twice}");
        let _ = writeln!(text, "clients answered              {}", history.answered);
        let _ = write!(text, "requests refused              {}", history.refused);
        text
    }

    /// All that does not hold.
    pub(super) fn wrong(&self, log: &str) -> Vec<String> {
        let history = self.history();
        let mut wrong = history.wrong.clone();
        let lost = history.acknowledged.difference(&history.clients);
        wrong.extend(lost.map(|(id, _)| format!("{id} was acknowledged and never done")));
        let turned = history.order.windows(2).filter(|pair| pair[0] > pair[1]);
        wrong.extend(turned.map(|pair| format!("job {} was done before {}", pair[0], pair[1])));
        if log.contains("panicked at") {
            wrong.push("a panic in the log".to_owned());
        }
        if log.contains("is damaged") {
            wrong.push("a file was found damaged".to_owned());
        }
        if history.acknowledged.is_empty() || history.answered == 0 || history.order.is_empty() {
            wrong.push("nothing was done".to_owned());
        }
        wrong
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
