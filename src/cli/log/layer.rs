//! What is logged, on its way to a line.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Zoned;
use tracing::callsite::Identifier;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::LogForm;
use super::facts::Facts;
use super::limit::{Key, Limiter, Summary};
use super::lines;

/// Takes a finished line.
type Out = dyn Fn(String) + Send + Sync;

/// Makes a line of each event, unless there are too many of its kind.
pub(super) struct Lines {
    form: LogForm,
    /// The time of day; tests have their own.
    now: fn() -> Zoned,
    began: Instant,
    limiter: Mutex<Limiter<Identifier>>,
    /// Something is held back.
    held: Condvar,
    out: Box<Out>,
}

/// [`Lines`] as a part of a subscriber.
pub(super) struct LinesLayer(pub(super) Arc<Lines>);

impl Lines {
    pub(super) fn new(form: LogForm, now: fn() -> Zoned, out: Box<Out>) -> Arc<Self> {
        #[expect(clippy::disallowed_methods, reason = "how fast lines come decides on nothing but lines")]
        let began = Instant::now();
        let (limiter, held) = (Mutex::default(), Condvar::new());
        Arc::new(Self { form, now, began, limiter, held, out })
    }

    /// Sums up what is held back, each second in which something is, by a thread of its own.
    pub(super) fn sum_up_for_ever(self: &Arc<Self>) {
        let lines = Arc::clone(self);
        let summing_up = move || loop {
            let held = lines.held.wait_while(lines.limiter(), |limiter| !limiter.holds_back());
            drop(held.unwrap_or_else(PoisonError::into_inner));
            thread::park_timeout(SUM_UP_EVERY);
            lines.sum_up();
        };
        // Without it lines are summed up when the command ends.
        let _ = thread::Builder::new().name("log-limit".to_owned()).spawn(summing_up);
    }

    /// Says how many lines were held back since the last time.
    pub(super) fn sum_up(&self) {
        let summaries = self.limiter().sum_up(self.began.elapsed());
        for Summary { level, message, who, lines } in summaries {
            let fields = who.map(|(name, value)| (name.to_owned(), value.into()));
            let message = format!("… {} more: {message}", grouped(lines));
            self.write(level, &Facts { message, fields: fields.into_iter().collect() });
        }
    }

    fn admits(&self, event: &Event<'_>, facts: &Facts) -> bool {
        let metadata = event.metadata();
        if OUR_OWN.iter().any(|target| metadata.target().starts_with(target)) {
            return true;
        }
        let key = Key { kind: metadata.callsite(), who: who(facts) };
        let mut limiter = self.limiter();
        let admitted = limiter.admits(self.began.elapsed(), key, *metadata.level(), &facts.message);
        if !admitted {
            self.held.notify_one();
        }
        admitted
    }

    fn write(&self, level: Level, facts: &Facts) {
        (self.out)(lines::line(self.form, &(self.now)(), level, facts));
    }

    fn limiter(&self) -> MutexGuard<'_, Limiter<Identifier>> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LinesLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut facts = Facts::default();
        attributes.record(&mut facts);
        span.extensions_mut().insert(facts);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(facts) = span.extensions_mut().get_mut::<Facts>()
        {
            values.record(facts);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut facts = Facts::default();
        // The fields of inner spans win over those of outer ones, and the event's own over all.
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(outer) = span.extensions().get::<Facts>() {
                facts.fields.extend(outer.fields.clone());
            }
        }
        event.record(&mut facts);
        if self.0.admits(event, &facts) {
            self.0.write(*event.metadata().level(), &facts);
        }
    }
}

/// Whom a line is about. A host is one peer, whatever ports it comes from.
fn who(facts: &Facts) -> Option<(&'static str, String)> {
    let named = |field: &'static str| facts.text(field).map(|value| (field, value));
    let host = |(field, address): (_, String)| match address.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (field, host.to_owned()),
        Some(_) | None => (field, address),
    };
    named("peer").or_else(|| named("address").map(host)).or_else(|| named("service"))
}

/// `12345` as `12,345`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Where nobody outside decides how much is said: the supervisor's doings, and what a worker's own program writes,
/// which has a bound of its own.
const OUR_OWN: [&str; 2] = ["zmws::supervise", "zmws::program"];
/// How often it is told what is held back.
const SUM_UP_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_can_be_read() {
        assert_eq!([0, 999, 1_000, 12_345_678].map(grouped), ["0", "999", "1,000", "12,345,678"]);
    }
}
