//! What the broker's news port says, as lines for people and for programs.

use bytes::Bytes;
use ratatui::text::{Line, Span};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::format;
use super::text::{self, Side, Tone};

/// What happened to a job.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JobEvent {
    /// The broker took it.
    Accepted,
    /// A worker got it.
    Started,
    /// It ended well.
    Done,
    /// It ended badly.
    Failed,
}

/// A message of the news port.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    /// What happened.
    pub event: JobEvent,
    /// The service's name as it stands in the topic.
    pub service: Bytes,
    facts: Facts,
    /// All that was said, for programs.
    json: Map<String, Value>,
}

/// What of the JSON is for people. Times are seconds since the Unix epoch.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
struct Facts {
    id: String,
    outcome: Option<String>,
    /// Of a job that was taken, or that a worker got: when.
    at: Option<f64>,
    requested_at: Option<f64>,
    started_at: Option<f64>,
    ended_at: Option<f64>,
}

/// The beginnings of topics, before the service's name.
const TOPICS: [(&str, JobEvent); 3] =
    [("ACCEPTED.", JobEvent::Accepted), ("STARTED.", JobEvent::Started), ("JOB.", JobEvent::Done)];

/// What to subscribe to for the news of these services; of all, if there are none.
pub fn topics(services: &[String]) -> Vec<Bytes> {
    let all = [String::new()];
    let services = if services.is_empty() { &all } else { services };
    let of_service = |service| TOPICS.iter().map(move |(topic, _)| Bytes::from(format!("{topic}{service}")));
    services.iter().flat_map(of_service).collect()
}

impl News {
    /// Reads a message: a topic, and an object as JSON. `None`: it is none of ours.
    pub fn read(frames: &[Bytes]) -> Option<Self> {
        let [topic, json] = frames else { return None };
        let (service, event) =
            TOPICS.iter().find_map(|(begin, what)| Some((topic.strip_prefix(begin.as_bytes())?, *what)))?;
        let json: Map<String, Value> = serde_json::from_slice(json).ok()?;
        let facts: Facts = serde_json::from_value(Value::Object(json.clone())).ok()?;
        let event = match (event, facts.outcome.as_deref()) {
            (JobEvent::Done, Some("fail")) => JobEvent::Failed,
            (event, _) => event,
        };
        Some(Self { event, service: topic.slice_ref(service), facts, json })
    }

    /// Whether it is of one of these services, or they are none. A topic is a beginning: who subscribes to MAIL hears
    /// of MAIL-BULK, too.
    pub fn is_of(&self, services: &[String]) -> bool {
        services.is_empty() || services.iter().any(|service| service.as_bytes() == self.service)
    }

    /// `12:03:44.120  done      STR-REV  00C0-FFEE  waited 0.4 ms, ran 3.2 ms`.
    pub fn line(&self) -> Line<'static> {
        let Facts { id, at, ended_at, .. } = &self.facts;
        let (word, tone, at) = match self.event {
            JobEvent::Accepted => ("accepted", Tone::Quiet, at),
            JobEvent::Started => ("started", Tone::Plain, at),
            JobEvent::Done => ("done", Tone::Good, ended_at),
            JobEvent::Failed => ("failed", Tone::Bad, ended_at),
        };
        let time = at.map_or_else(|| format::NOTHING.to_owned(), format::clock_millis);
        let service = text::printable(&String::from_utf8_lossy(&self.service));
        let blanks = " ".repeat(SERVICE_WIDTH.saturating_sub(text::width(&service)));
        Line::from(vec![
            Span::raw(text::filled(&time, "12:03:44.120".len(), Side::Left) + "  "),
            Span::styled(text::filled(word, "accepted".len(), Side::Left), tone.style()),
            Span::raw(format!("  {service}{blanks}  {}  {}", text::printable(id), self.times())),
        ])
    }

    /// `waited 0.4 ms, ran 3.2 ms`; `never ran` of a job that no worker ever had.
    fn times(&self) -> String {
        let Facts { requested_at, started_at, ended_at, .. } = &self.facts;
        let between = |from: &Option<f64>, to: &Option<f64>| Some(format::measured((*to)? - (*from)?));
        let waited = between(requested_at, started_at).map(|time| format!("waited {time}"));
        let ran = between(started_at, ended_at).map(|time| format!("ran {time}"));
        let never = (ended_at.is_some() && started_at.is_none()).then(|| "never ran".to_owned());
        let times: Vec<String> = [waited, ran, never].into_iter().flatten().collect();
        times.join(", ")
    }

    /// The object that was said, with `event` in front: `accepted`, `started`, or `ended`.
    pub fn json_line(&self) -> String {
        let event = match self.event {
            JobEvent::Accepted => "accepted",
            JobEvent::Started => "started",
            JobEvent::Done | JobEvent::Failed => "ended",
        };
        let mut object = Map::from_iter([("event".to_owned(), event.into())]);
        object.extend(self.json.clone());
        text::json_line(&Value::Object(object))
    }
}

/// Cells of the service's column; a longer name moves its line to the right.
const SERVICE_WIDTH: usize = 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::text::{Colour, text};
    use super::*;

    fn message(topic: &str, json: &str) -> Vec<Bytes> {
        vec![Bytes::copy_from_slice(topic.as_bytes()), Bytes::copy_from_slice(json.as_bytes())]
    }

    fn example(topic: &str, rest: &str) -> Option<News> {
        let json = format!(r#"{{"id":"00C0-FFEE","service":"x"{rest}}}"#);
        News::read(&message(topic, &json))
    }

    #[test]
    fn a_jobs_life_in_lines() {
        let ended = r#","requested_at":1764000000.1,"outcome":"#;
        let life = [
            example("ACCEPTED.STR-REV", r#","at":1764000000.1"#),
            example("STARTED.STR-REV", r#","at":1764000000.1004"#),
            example(
                "JOB.STR-REV",
                &format!(r#"{ended}"complete","started_at":1764000000.1004,"ended_at":1764000003.34"#),
            ),
            example("JOB.STR-REV", &format!(r#"{ended}"fail","started_at":null,"ended_at":1764000185.1"#)),
            example("JOB.A\x1b[2J", r#","outcome":"complete","new":1"#),
        ];
        let lines: Vec<Line<'_>> = life.map(|news| news.expect("it is news").line()).to_vec();
        insta::assert_snapshot!(text(&lines, Colour::Without), @r"
        16:00:00.100  accepted  STR-REV               00C0-FFEE
        16:00:00.100  started   STR-REV               00C0-FFEE
        16:00:03.340  done      STR-REV               00C0-FFEE  waited 400 µs, ran 3.24 s
        16:03:05.100  failed    STR-REV               00C0-FFEE  never ran
        –             done      A\u{1b}[2J            00C0-FFEE
        ");
    }

    #[test]
    fn programs_get_all_that_was_said() {
        let news = example("JOB.A", r#","outcome":"fail","worker":"W\u009b1""#).expect("it is news");
        insta::assert_snapshot!(news.json_line(), @r#"{"event":"ended","id":"00C0-FFEE","service":"x","outcome":"fail","worker":"W\u009b1"}"#);
    }

    #[test]
    fn a_topic_is_a_beginning_and_a_service_is_not() {
        let services = ["MAIL".to_owned()];
        assert_eq!(topics(&services), ["ACCEPTED.MAIL", "STARTED.MAIL", "JOB.MAIL"]);
        assert_eq!(topics(&[]), ["ACCEPTED.", "STARTED.", "JOB."]);
        let is_of = |topic, services: &[String]| example(topic, "").expect("it is news").is_of(services);
        assert_eq!(["JOB.MAIL", "JOB.MAIL-BULK"].map(|topic| is_of(topic, &services)), [true, false]);
        assert!(is_of("JOB.MAIL-BULK", &[]));
    }

    #[test]
    fn what_is_no_news_is_none() {
        let no_news =
            [("JOB.A", "[1]"), ("JOB.A", "{"), ("JOB.A", r#"{"id":1}"#), ("OTHER.A", "{}"), ("", "{}")];
        assert!(no_news.iter().all(|(topic, json)| News::read(&message(topic, json)).is_none()));
        assert_eq!(News::read(&message("JOB.A", "{}")[..1]), None);
    }

    proptest! {
        #[test]
        fn any_times_can_be_shown(times in proptest::array::uniform3(any::<f64>())) {
            let [requested, started, ended] = times.map(|time| serde_json::to_string(&time).expect("JSON"));
            let json = format!(r#"{{"requested_at":{requested},"started_at":{started},"ended_at":{ended},"at":{ended}}}"#);
            for topic in ["JOB.A", "STARTED.A", "ACCEPTED.A"] {
                if let Some(news) = News::read(&message(topic, &json)) {
                    news.line();
                }
            }
        }
    }
}
