//! A file with every setting, and the same as a page of the manual.

use std::fmt::Write;

use super::schema::{Key, Schema, Section, ValueType};

/// A new `zmws.toml`: broker, gateway and two sample workers, and every other setting as a comment, with its default.
pub fn init(schema: &Schema) -> String {
    let mut text = String::from(
        "# The programs of this site: `zmws start` starts them, `zmws reload` takes up what is changed here.\n\
         # A line that begins with # and a key shows a setting with its default, or an example of it.\n\
         # `zmws config check` judges this file, `zmws config show` shows where each value comes from.\n\n",
    );
    let about = [
        (
            &schema.broker,
            "Jobs from clients to workers, over ZeroMQ. Without this section, no broker is started.",
        ),
        (&schema.gateway, "Jobs over HTTP. Without this section, no gateway is started."),
        (&schema.supervisor, "What keeps the programs running."),
    ];
    for (section, what) in about {
        let _ = writeln!(text, "## {what}\n[{}]", section.name());
        settings(&mut text, section.keys());
        text.push('\n');
    }
    workers(&mut text, schema);
    text
}

fn workers(text: &mut String, schema: &Schema) {
    text.push_str(
        "## A worker: one such table each. It has one of\n\
         ##   command = [\"python3\", \"mail.py\"]  a program that reads jobs from its standard input\n\
         ##   builtin = \"reverse\"                a sample of ours\n\
         ##   php = \"workers/mail.php\"           a worker of the PHP original\n\
         ##   program = [\"./mail\"]               a program that speaks ZeroMQ itself\n\
         [[worker]]\nname = \"reverse\"\nservice = \"STR-REV\"\nbuiltin = \"reverse\"\n",
    );
    let shown = ["name", "service", "command", "builtin", "php", "program", "flags"];
    let more = schema.worker.keys().filter(|key| !shown.contains(&key.name().as_str()));
    settings(text, more.chain(labour(schema)));
    text.push_str("\n[[worker]]\nname = \"sleep\"\nservice = \"SLEEP\"\nbuiltin = \"sleep\"\n");
}

/// The flags of `zmws worker` that a sample can have, too.
fn labour(schema: &Schema) -> impl Iterator<Item = Key<'_>> {
    const OF_A_COMMAND: [&str; 3] = ["mode", "timeout", "give_back"];
    schema.labour.keys().filter(|key| !OF_A_COMMAND.contains(&key.name().as_str()))
}

fn settings<'a>(text: &mut String, keys: impl Iterator<Item = Key<'a>>) {
    for key in keys {
        let _ = writeln!(text, "## {}", key.help());
        let _ = writeln!(text, "# {} = {}", key.name(), example(key));
    }
}

/// The default as TOML, or something that the key takes.
fn example(key: Key<'_>) -> String {
    let quoted = |value: &str| match value.parse::<f64>() {
        Ok(_) if !matches!(key.value_type(), ValueType::String) => value.to_owned(),
        _ => toml_edit::Value::from(value).to_string(),
    };
    if let Some(default) = key.default() {
        return match key.is_list() {
            true => format!("[{}]", default.split(',').map(quoted).collect::<Vec<_>>().join(", ")),
            false if key.value_type() == ValueType::Bool => "false".to_owned(),
            false => quoted(&default),
        };
    }
    if let Some((_, example)) = EXAMPLES.iter().find(|(name, _)| *name == key.name()) {
        return (*example).to_owned();
    }
    match (key.value_type(), key.words().first()) {
        (ValueType::Bool, _) => "false".to_owned(),
        (_, Some(word)) => quoted(word),
        (ValueType::Integer, None) => "100".to_owned(),
        (ValueType::Number | ValueType::Any, None) => "60".to_owned(),
        (ValueType::String, None) if key.is_list() => "[]".to_owned(),
        (ValueType::String, None) => quoted(&key.name()),
    }
}

/// What stands for keys that have no default.
const EXAMPLES: [(&str, &str); 15] = [
    ("job_timeout", "{ STR-REV = 60, \"*\" = 3600 }"),
    ("origins", "[\"https://www.example.org\"]"),
    ("tokens", "\"etc/tokens\""),
    ("access_log", "\"logs/access.log\""),
    ("admin", "\"127.0.0.1:5581\""),
    ("admin_address", "\"127.0.0.1\""),
    ("admin_port", "5581"),
    ("admin_socket", "\"run/admin.sock\""),
    ("data_dir", "\"data\""),
    ("max_lifetime", "\"12h\""),
    ("max_memory", "\"256M\""),
    ("memory_max", "\"512M\""),
    ("env", "{ LANG = \"C.UTF-8\" }"),
    ("user", "\"www-data\""),
    ("dir", "\"/srv/site\""),
];

/// All settings as a page in Markdown: a table each section.
pub fn reference(schema: &Schema) -> String {
    let mut text = String::new();
    let tables = schema.tables().map(|section| (format!("[{}]", section.name()), section, true));
    let workers = [
        ("[[worker]]".to_owned(), &schema.worker, false),
        ("[[worker]], with command or builtin".to_owned(), &schema.labour, false),
    ];
    for (title, section, variables) in tables.into_iter().chain(workers) {
        let _ = writeln!(text, "## `{title}`\n");
        table(&mut text, section, variables);
        text.push('\n');
    }
    text
}

fn table(text: &mut String, section: &Section, variables: bool) {
    let _ = writeln!(text, "| key | takes | default | what for |\n|---|---|---|---|");
    for key in section.keys() {
        let default = key.default().map_or_else(|| "–".to_owned(), |default| format!("`{default}`"));
        let variable = if variables { format!("<br>`{}`", key.variable()) } else { String::new() };
        let help = key.help().replace('|', "\\|");
        let _ = writeln!(text, "| `{}`{variable} | {} | {default} | {help} |", key.name(), takes(key));
    }
}

fn takes(key: Key<'_>) -> String {
    let one = match (key.value_type(), key.words()) {
        (_, words) if !words.is_empty() && key.value_type() != ValueType::Bool => {
            words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", ")
        }
        (ValueType::Bool, _) => "`true`, `false`".to_owned(),
        (ValueType::Integer, _) => "whole number".to_owned(),
        (ValueType::Number, _) => "number".to_owned(),
        (ValueType::String, _) => "string".to_owned(),
        (ValueType::Any, _) => "string or number".to_owned(),
    };
    match (key.is_table(), key.is_list()) {
        (true, _) => format!("table or array of {one}"),
        (false, true) => format!("array of {one}"),
        (false, false) => one,
    }
}
