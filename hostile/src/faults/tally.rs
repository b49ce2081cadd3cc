//! What became of what was asked.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

/// The counts. A question is a text that is asked once.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Answered rightly, once.
    pub(super) right: u64,
    /// Refused or failed, with an answer: nothing here is to fail.
    pub(super) failed: u64,
    /// Asked over a connection that was cut before the answer.
    pub(super) cut_off: u64,
    /// Never answered, though the connection held.
    pub(super) lost: u64,
    /// Answered again.
    pub(super) doubled: u64,
    /// Answers to what somebody else had asked, or nobody.
    pub(super) misdelivered: u64,
    /// How often each was done by a worker of ours.
    pub(super) done: HashMap<String, u32>,
    /// Jobs of the background that were taken: the text, and the id.
    pub(super) taken: HashMap<String, String>,
    /// Ends that the news told, by id.
    pub(super) ended: HashMap<String, u32>,
    /// Ids that were given to two jobs.
    pub(super) same_id: u64,
    /// The first wrong things, in words.
    pub(super) words: Vec<String>,
}

impl Tally {
    /// Remembers something wrong, for people.
    pub(super) fn say(&mut self, what: impl FnOnce() -> String) {
        if self.words.len() < 20 {
            self.words.push(what());
        }
    }

    /// Jobs that were taken and never done.
    fn never_done(&self) -> usize {
        self.taken.keys().filter(|text| !self.done.contains_key(*text)).count()
    }

    /// Jobs that were taken and whose end the news never told, and those whose end they told twice.
    fn ends(&self) -> (usize, usize) {
        let ends = |id: &String| self.ended.get(id).copied().unwrap_or(0);
        let none = self.taken.values().filter(|id| ends(id) == 0).count();
        (none, self.taken.values().filter(|id| ends(id) > 1).count())
    }

    /// Whether nothing is wrong, and there was something to be wrong.
    pub(super) fn is_good(&self) -> bool {
        let wrong = self.failed + self.lost + self.doubled + self.misdelivered + self.same_id;
        let asked = self.right > 0 && !self.taken.is_empty();
        wrong == 0 && asked && self.never_done() == 0 && self.ends() == (0, 0)
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let again = self.done.values().filter(|times| **times > 1).count();
        let (no_end, two_ends) = self.ends();
        let mut text = format!(
            "waited for:     {} right, {} failed, {} cut off; {} lost, {} doubled, {} misdelivered\n\
             in background:  {} taken; {} never done, {no_end} without an end, {two_ends} ended twice, {} ids twice\n\
             done by workers that could be asked: {}, {again} of them more than once",
            self.right,
            self.failed,
            self.cut_off,
            self.lost,
            self.doubled,
            self.misdelivered,
            self.taken.len(),
            self.never_done(),
            self.same_id,
            self.done.len(),
        );
        for words in &self.words {
            text += &format!("\n  {words}");
        }
        text
    }
}

/// The tally, for all threads.
#[derive(Clone, Default)]
pub(super) struct Book(Arc<Mutex<Tally>>);

impl Book {
    /// Notes something.
    pub(super) fn note(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.0.lock().expect("nobody panics with it"));
    }

    /// Whether all that was taken in the background was done and has ended.
    pub(super) fn has_all_of_background(&self) -> bool {
        let tally = self.0.lock().expect("nobody panics with it");
        tally.never_done() == 0 && tally.ends().0 == 0
    }

    /// The counts.
    pub(super) fn take(&self) -> Tally {
        self.0.lock().expect("nobody panics with it").clone()
    }
}

/// What one client has asked, and what came of it.
#[derive(Default)]
pub(super) struct Questions {
    open: HashSet<String>,
    answered: HashSet<String>,
}

impl Questions {
    pub(super) fn ask(&mut self, text: String) {
        self.open.insert(text);
    }

    /// How many wait for their answers.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// An answer came that belongs to `text`.
    pub(super) fn answer(&mut self, text: &str, tally: &mut Tally) {
        if self.open.remove(text) {
            self.answered.insert(text.to_owned());
            tally.right += 1;
        } else if self.answered.contains(text) {
            tally.doubled += 1;
            tally.say(|| format!("answered again: {text}"));
        } else {
            tally.misdelivered += 1;
            tally.say(|| format!("nobody here asked for {text:?}"));
        }
    }

    /// A failure came, which does not say whose.
    pub(super) fn fail(&mut self, tally: &mut Tally) {
        let any = self.open.iter().next().cloned();
        match any {
            Some(text) => {
                self.open.remove(&text);
                tally.failed += 1;
                tally.say(|| format!("failed: {text}, or another of the same client"));
            }
            None => {
                tally.misdelivered += 1;
                tally.say(|| "a failure where nothing was asked".to_owned());
            }
        }
    }

    /// The connection is gone, by a cut or because waiting has come to its end.
    pub(super) fn give_up(&mut self, cut: bool, tally: &mut Tally) {
        for text in self.open.drain() {
            match cut {
                true => tally.cut_off += 1,
                false => {
                    tally.lost += 1;
                    tally.say(|| format!("never answered: {text}"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_answer_is_counted_apart() {
        let (mut questions, mut tally) = (Questions::default(), Tally::default());
        for text in ["a", "b", "c", "d"] {
            questions.ask(text.to_owned());
        }
        for text in ["a", "a", "x", "b"] {
            questions.answer(text, &mut tally);
        }
        questions.give_up(true, &mut tally);
        questions.ask("e".to_owned());
        questions.give_up(false, &mut tally);
        questions.fail(&mut tally);
        let counts = (tally.right, tally.doubled, tally.misdelivered, tally.cut_off, tally.lost);
        assert_eq!(counts, (2, 1, 2, 2, 1));
        assert!(!tally.is_good());
    }

    #[test]
    fn a_job_of_the_background_must_be_done_and_end_once() {
        let good = Tally {
            right: 1,
            done: [("a".to_owned(), 2)].into(),
            taken: [("a".to_owned(), "1".to_owned())].into(),
            ended: [("1".to_owned(), 1)].into(),
            ..Tally::default()
        };
        assert!(good.is_good());
        assert!(!Tally { done: HashMap::new(), ..good.clone() }.is_good());
        assert!(!Tally { ended: HashMap::new(), ..good.clone() }.is_good());
        assert!(!Tally { ended: [("1".to_owned(), 2)].into(), ..good }.is_good());
    }
}
