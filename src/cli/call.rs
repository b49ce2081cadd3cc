//! `zmws call`: a client for the shell.

mod failure;

use std::io::{Read, Write};
use std::time::Duration;

use bytes::Bytes;
use clap::builder::NonEmptyStringValueParser;
use serde_json::Value;
use zmws::client::{Answer, CallError, Client, Param, Reply};
use zmws::duration;
use zmws::job::Body;
use zmws::message::View;
use zmws::params::{self, php, query, tag};

use super::dialect::DialectName;
use super::layers::SiteFile;
use super::log::{self, LogLevel};
use super::{Failure, process};

/// Send a job, and print its result
///
/// Prints a result that is text as it is, any other as JSON. Exit status 0 if the job was done (or, with
/// --async, taken), 1 if it failed or no answer came. SERVER-JOBS, SERVER-ACTIVE, SERVER-HIST and SERVER-WORKERS are
/// lists of the broker's.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Whose work it is, as STR-REV
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    service: String,

    /// Parameters, nested as in a query string: user[name]=Ann user[tags][]=a; or - for JSON from standard input
    #[arg(value_name = "KEY=VALUE", value_parser = pair)]
    params: Vec<String>,

    /// The parameters as JSON
    #[arg(long, value_name = "JSON", conflicts_with = "params", value_parser = json)]
    json: Option<Value>,

    /// Send the parameters serialized as PHP does it, instead of as JSON
    #[arg(long)]
    php: bool,

    /// Do not wait for the result: print the job's id
    #[arg(long = "async", conflicts_with = "stream")]
    background: bool,

    /// Print the parts of the result as they come, a line each, then the result
    #[arg(long)]
    stream: bool,

    /// Print frames as they came, tag and all
    #[arg(long)]
    raw: bool,

    /// Seconds to wait for the result (with --stream: for its next part)
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "60")]
    timeout: Duration,

    /// Hosts of the broker, in the order they are tried
    #[arg(long, value_name = "HOST,…", value_delimiter = ',', default_value = "127.0.0.1")]
    host: Vec<String>,

    /// The broker's port for clients
    #[arg(long, visible_aliases = ["client-port", "cport"], value_name = "PORT", default_value_t = 5555)]
    port: u16,

    #[command(flatten)]
    _site: SiteFile,

    /// What to speak to a broker that is not ours
    #[arg(long, value_name = "DIALECT", default_value = "zmws1")]
    dialect: DialectName,

    /// How much to log: E, W, I or D
    #[arg(long, visible_alias = "log", value_name = "LEVEL", default_value = "W", ignore_case = true)]
    log_level: LogLevel,
}

/// Sends the job and prints what came of it.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    log::start(args.log_level);
    let param = args.param()?;
    process::on_one_thread(async {
        let servers = args.host.iter().map(|host| process::host_port(host, args.port));
        let client = Client::builder().servers(servers).dialect(args.dialect.into()).connect();
        let client = client.timeout(args.timeout);
        match args.send(&client, param).await {
            Ok(()) => Ok(()),
            Err(Failed::Output(failure)) => Err(failure),
            Err(Failed::Call(error)) => Err(args.failure(&client, &error).await),
        }
    })
}

/// What can go wrong with a call.
enum Failed {
    /// It has no result.
    Call(CallError),
    /// Its result cannot be printed.
    Output(Failure),
}

impl From<CallError> for Failed {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

/// The broker's lists, by the names that stand for a service.
const LISTS: [(&str, View); 4] = [
    ("SERVER-JOBS", View::Jobs),
    ("SERVER-ACTIVE", View::Active),
    ("SERVER-HIST", View::History),
    ("SERVER-WORKERS", View::Workers),
];

impl Args {
    /// What does not go together, if anything does not.
    pub(super) fn wrong(&self) -> Option<String> {
        if self.params.len() > 1 && self.params.iter().any(|param| param == STDIN) {
            return Some(
                "- takes all parameters from standard input, as JSON: give no others beside it".to_owned(),
            );
        }
        let is_bare = self.params.is_empty() && self.json.is_none() && !self.background && !self.stream;
        (self.list().is_some() && !is_bare).then(|| {
            format!("{} is a list of the broker's: it takes no parameters, and is no job", self.service)
        })
    }

    fn list(&self) -> Option<View> {
        LISTS.iter().find(|(name, _)| *name == self.service).map(|(_, view)| *view)
    }

    fn param(&self) -> Result<Param, Failure> {
        let Some(value) = self.value()? else { return Ok(Param::None) };
        if !self.php {
            return Ok(Param::Frame(tag::json_frame(&value)));
        }
        let value = php::to_value(&value).map_err(|error| format!("PHP cannot have this: {error}"))?;
        Ok(Param::Frame(tag::php_frame(&php::encode(&value))))
    }

    /// The parameters, however they were given; `None` if not at all.
    fn value(&self) -> Result<Option<Value>, Failure> {
        if let Some(value) = &self.json {
            return Ok(Some(value.clone()));
        }
        match &self.params[..] {
            [] => Ok(None),
            [only] if only == STDIN => {
                let mut text = Vec::new();
                let read = std::io::stdin().read_to_end(&mut text);
                read.map_err(|error| format!("cannot read standard input: {error}"))?;
                let value = serde_json::from_slice(&text);
                value.map(Some).map_err(|error| format!("standard input is no JSON: {error}"))
            }
            pairs => {
                let text: Vec<String> = pairs.iter().map(|pair| escaped(pair)).collect();
                let vars = query::parse(text.join("&").as_bytes(), query::Limits::default());
                Ok(Some(query::to_json(vars)))
            }
        }
    }

    async fn send(&self, client: &Client, param: Param) -> Result<(), Failed> {
        if let Some(view) = self.list() {
            let list = client.list(view).await?;
            return self.show_list(&list);
        }
        if self.background {
            let job = client.submit(&self.service, param).await?;
            return print(job.to_string().as_bytes());
        }
        if !self.stream {
            return self.show(&client.call(&self.service, param).await?);
        }
        let mut answers = client.stream(&self.service, param).await?;
        while let Some(answer) = answers.next().await {
            match answer? {
                Answer::Part(part) => self.show(&part)?,
                // A worker that has said all in parts has nothing to add.
                Answer::Result(result) if result.body.is_empty() => {}
                Answer::Result(result) => self.show(&result)?,
            }
        }
        Ok(())
    }

    fn show(&self, reply: &Reply) -> Result<(), Failed> {
        match self.raw {
            true => print(&reply.body.frames().join(&b'\n')),
            false => print(&for_people(&reply.body)),
        }
    }

    fn show_list(&self, list: &Bytes) -> Result<(), Failed> {
        match serde_json::from_slice::<Value>(list) {
            Ok(value) if !self.raw => {
                print(&serde_json::to_vec_pretty(&value).unwrap_or_else(|_| list.to_vec()))
            }
            _ => print(list),
        }
    }
}

/// What stands for standard input.
const STDIN: &str = "-";

/// A parameter as it is typed.
fn pair(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        _ if text == STDIN => Ok(text.to_owned()),
        Some((key, _)) if !key.is_empty() => Ok(text.to_owned()),
        Some(_) => Err("a name is expected before the =".to_owned()),
        None => Err("KEY=VALUE is expected, or - for JSON from standard input".to_owned()),
    }
}

/// A word that is not JSON is wrong usage, which the reader of the words tells in its own way.
fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))
}

/// `key=value` as a pair of a query string: what is typed is meant literally, but for the brackets of the key.
fn escaped(pair: &str) -> String {
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    let escape = |text: &str, plain: &[u8]| -> String {
        let show = |byte: u8| match byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        };
        text.bytes().map(show).collect()
    };
    format!("{}={}", escape(key, b"[]-_."), escape(value, b"-_."))
}

/// The value in a result: text as it is, any other as JSON, a frame that has none as it came.
fn for_people(body: &Body) -> Bytes {
    let [frame] = body.frames() else { return body.frames().join(&b'\n').into() };
    let param = params::Param::decode(frame, params::Options::default());
    if tag::split(frame, tag::BareParam::AsPhp).0 == tag::Tag::None {
        return frame.clone();
    }
    match param.to::<Value>() {
        Ok(Value::String(text)) => text.into(),
        Ok(value) => serde_json::to_string_pretty(&value).map_or_else(|_| frame.clone(), Bytes::from),
        Err(_) => frame.clone(),
    }
}

/// A line on standard output; none for nothing.
fn print(text: &[u8]) -> Result<(), Failed> {
    if text.is_empty() {
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    written.map_err(|error| Failed::Output(format!("cannot write the result: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn param(pairs: &[&str]) -> String {
        let text: Vec<String> = pairs.iter().map(|pair| escaped(pair)).collect();
        query::to_json(query::parse(text.join("&").as_bytes(), query::Limits::default())).to_string()
    }

    #[test]
    fn values_are_meant_as_they_are_typed() {
        assert_eq!(param(&["q=a+b&c=%41 d"]), r#"{"q":"a+b&c=%41 d"}"#);
    }

    #[test]
    fn keys_nest_as_in_a_query_string() {
        let json = r#"{"user":{"name":"Ann","tags":["a","b"]}}"#;
        assert_eq!(param(&["user[name]=Ann", "user[tags][]=a", "user[tags][]=b"]), json);
    }

    #[test]
    fn text_is_shown_as_text_and_the_rest_as_json() {
        let shown = |frame: &'static [u8]| for_people(&Body::One(Bytes::from_static(frame)));
        assert_eq!(shown(br#"PARAM-JSON: "a\/b""#), "a/b");
        assert_eq!(shown(b"PARAM-JSON: [1]"), "[\n  1\n]");
        assert_eq!(shown(br#"PARAM-PHP: a:1:{s:1:"a";i:1;}"#), "{\n  \"a\": 1\n}");
        assert_eq!(shown(b"as it came"), "as it came");
    }
}
