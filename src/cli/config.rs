//! `zmws config`: a new configuration, a judgement of one, what holds and why.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use zmws::console::output;
use zmws::supervise::config::{self, Effective, Entry, File, Schema, Source};
use zmws::supervise::program::{Fleet, Kind};

use super::Failure;
use super::layers::{self, DEFAULT_FILE, environment};
use super::operator::cannot_write;
use super::site::{self, ConfigArg};

/// Make, judge and show configurations
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Write a new configuration with every setting explained
    Init {
        /// Where to; - for standard output
        #[arg(short, long, value_name = "FILE", default_value = DEFAULT_FILE)]
        output: PathBuf,
    },
    /// Say whether a configuration is fine, or all that is wrong with it: keys and values, and whether the programs,
    /// files, users and directories that it names can be used
    Check {
        #[command(flatten)]
        config: ConfigArg,
    },
    /// Show each setting, its value, and where the value comes from
    Show {
        #[command(flatten)]
        config: ConfigArg,

        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print PHP's configuration as a zmws.toml
    Import {
        /// PHP's file
        #[arg(value_name = "FILE", default_value = "etc/config.php")]
        file: PathBuf,
    },
    /// Print all settings as a page in Markdown
    Reference,
}

/// Does it.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    match args.what {
        What::Init { output } => init(&output),
        What::Check { config } => check(&config),
        What::Show { config, json } => show(&config, json),
        What::Import { file } => print(&site::imported(&file)?),
        What::Reference => print(&config::reference(&layers::schema())),
    }
}

fn init(output: &Path) -> Result<(), Failure> {
    let text = config::init(&layers::schema());
    if output.as_os_str() == "-" {
        return print(&text);
    }
    let created = std::fs::OpenOptions::new().write(true).create_new(true).open(output);
    let written = created.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            format!("{} is there already; remove it, or name another with --output", output.display())
        }
        _ => format!("cannot write {}: {error}", output.display()),
    })?;
    print(&format!("{} is written; `zmws start` starts what it describes\n", output.display()))
}

fn check(config: &ConfigArg) -> Result<(), Failure> {
    let path = config.path()?;
    let fleet = site::load_checked(&path).map_err(|lines| site::failure(&lines))?;
    for warning in &fleet.warnings {
        super::log::warn(&warning.to_string());
    }
    print(&format!("{}: fine: {}\n", path.display(), summary(&fleet)))
}

/// `broker, gateway, 3 workers (5 processes)`.
fn summary(fleet: &Fleet) -> String {
    let of_kind = |kind| fleet.programs.iter().filter(move |program| program.kind == kind);
    let mut parts: Vec<String> = of_kind(Kind::Server).map(|program| program.name.clone()).collect();
    let processes = of_kind(Kind::Worker).count();
    let mut groups: Vec<&str> = of_kind(Kind::Worker).map(|program| program.group.as_str()).collect();
    groups.dedup();
    let plural =
        |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    match groups.len() {
        0 => {}
        count if count == processes => parts.push(plural(count, "worker", "workers")),
        count => {
            let workers = plural(count, "worker", "workers");
            parts.push(format!("{workers} ({})", plural(processes, "process", "processes")));
        }
    }
    if parts.is_empty() { "nothing to start".to_owned() } else { parts.join(", ") }
}

/// A line of `zmws config show`.
#[derive(Serialize)]
struct Row {
    section: String,
    key: String,
    value: Option<String>,
    source: String,
}

fn show(config: &ConfigArg, json: bool) -> Result<(), Failure> {
    let path = config.path()?;
    if site::is_php(&path) {
        return Err(format!("{} is PHP's: `zmws config import` shows what it means", path.display()));
    }
    let file = layers::read(&path).map_err(|lines| site::failure(&lines))?;
    let schema = layers::schema();
    let rows = rows(&file, &schema)?;
    if json {
        let text = serde_json::to_string_pretty(&rows).expect("texts are JSON");
        return print(&format!("{text}\n"));
    }
    print(&shown(&rows))
}

fn rows(file: &File, schema: &Schema) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    let tables = [
        ("broker", file.broker.as_ref()),
        ("gateway", file.gateway.as_ref()),
        ("supervisor", Some(&file.supervisor)),
    ];
    for (name, settings) in tables {
        let Some(settings) = settings else { continue };
        let layered = config::layered(schema.section(name), Some(settings), &environment)?;
        rows.extend(layered.into_iter().map(|one| row(name, one, &file.name)));
    }
    rows.extend(file.workers.iter().enumerate().flat_map(|(at, entry)| worker_rows(at, entry, &file.name)));
    Ok(rows)
}

fn row(section: &str, one: Effective<'_>, file: &str) -> Row {
    let source = match one.source {
        Source::Variable(name) => name,
        Source::Line(line) => format!("{file}:{line}"),
        Source::Default => "default".to_owned(),
    };
    Row { section: section.to_owned(), key: one.key.name(), value: one.shown, source }
}

fn worker_rows(at: usize, entry: &Entry, file: &str) -> Vec<Row> {
    let settings = entry.own.0.iter().chain(&entry.labour.0);
    let row = |setting: &config::Setting| Row {
        section: format!("worker {}", at + 1),
        key: setting.key.clone(),
        value: Some(setting.shown.clone()),
        source: format!("{file}:{}", setting.line),
    };
    settings.map(row).collect()
}

fn shown(rows: &[Row]) -> String {
    let mut text = String::new();
    let mut section = "";
    let assignment = |row: &Row| match &row.value {
        Some(value) => format!("{} = {value}", row.key),
        None => format!("{} is not set", row.key),
    };
    let width = rows.iter().map(|row| assignment(row).chars().count()).max().unwrap_or(0).min(60);
    for row in rows {
        if row.section != section {
            section = &row.section;
            text += &format!("{}[{section}]\n", if text.is_empty() { "" } else { "\n" });
        }
        text += &format!("{:width$}  # {}\n", assignment(row), row.source);
    }
    text
}

/// Writes to standard output; whoever reads it may stop reading.
fn print(text: &str) -> Result<(), Failure> {
    output::print_text(text).map(drop).map_err(cannot_write)
}
