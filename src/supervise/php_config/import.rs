//! PHP's configuration as a `zmws.toml`.

use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value, value};

use super::own::{self, Own, Role};
use super::{Entry, PhpConfig};

/// The text of a `zmws.toml` that starts what `config` starts. What cannot be carried over stands in it as a
/// comment, at its place.
///
/// `[broker]` and `[gateway]` have the flags that `zmws` knows, `[[worker]]` all other scripts, also those of
/// `$serverList`.
pub fn import(config: &PhpConfig, own: &Own) -> String {
    let mut document = DocumentMut::new();
    let mut workers = ArrayOfTables::new();
    let mut head = vec![format!("From {}.", config.file)];
    head.extend(config.warnings.iter().cloned());
    let left = not_in_broker(config, own);
    let mut notes = Vec::new();
    for entry in &config.servers {
        match Role::of(entry) {
            Some(role) => notes = import_own(&mut document, config, entry, role, own, notes),
            None => {
                notes.push(format!(
                    "{} is from $serverList: --servers means it there, --workers here.",
                    entry.name
                ));
                workers.push(worker(entry, &left, &mut notes));
            }
        }
    }
    for entry in &config.workers {
        match Role::of(entry) {
            Some(role) => notes = import_own(&mut document, config, entry, role, own, notes),
            None => workers.push(worker(entry, &left, &mut notes)),
        }
    }
    if !workers.is_empty() {
        document.insert("worker", Item::ArrayOfTables(workers));
    }
    let tail = if notes.is_empty() { String::new() } else { "\n".to_owned() + &comment(&notes) };
    document.set_trailing(tail);
    comment(&head) + "\n" + document.to_string().trim_start()
}

/// Adds `[broker]` or `[gateway]` below what there is to say, and returns what there still is to say.
fn import_own(
    document: &mut DocumentMut,
    config: &PhpConfig,
    entry: &Entry,
    role: Role,
    own: &Own,
    mut notes: Vec<String>,
) -> Vec<String> {
    let command = role.command();
    if document.contains_key(command) {
        notes.push(format!("{} is left out: there can be one [{command}].", entry.name));
        return notes;
    }
    let taken = own::taken(entry, role, own);
    notes.extend(taken.warnings.iter().cloned());
    notes.extend(taken.open.iter().map(|open| format!("{open}; address = \"127.0.0.1\" closes that.")));
    if role == Role::Gateway && !taken.has("body-form") {
        notes.push(
            "Bodies are those of PHP's 1.0.0; for clients of its 2.x, set body_form = \"v2\".".to_owned(),
        );
    }
    let mut table = Table::new();
    for (flag, text) in taken.flags {
        table.insert(&flag.replace('-', "_"), value(text.map_or(Value::from(true), |text| plain(&text))));
    }
    for (name, beat) in own::heartbeats(config, own) {
        let key = name.to_ascii_lowercase();
        if !role.flags(own).iter().any(|flag| flag.long.replace('-', "_") == key) {
            continue;
        }
        match own::is_beat(beat) {
            true => drop(table.insert(&key, value(plain(beat.trim())))),
            false => notes.push(format!("{name} is left out here: {beat:?} is no whole number above 0.")),
        }
    }
    if entry.name != command {
        notes.push(format!("Was called {}: its pid file and its log have that name no more.", entry.name));
    }
    table.decor_mut().set_prefix("\n".to_owned() + &comment(&notes));
    document.insert(command, Item::Table(table));
    Vec::new()
}

/// The heartbeats that `[broker]` cannot hand to the workers: those that are no numbers, or all without a broker.
fn not_in_broker<'a>(config: &'a PhpConfig, own: &Own) -> Vec<(&'static str, &'a str)> {
    let has_broker =
        config.servers.iter().chain(&config.workers).any(|entry| Role::of(entry) == Some(Role::Broker));
    let mut left = own::heartbeats(config, own);
    left.retain(|(_, beat)| !has_broker || !own::is_beat(beat));
    left
}

/// A `[[worker]]` below what there is to say, which is then said.
fn worker(entry: &Entry, heartbeats: &[(&str, &str)], notes: &mut Vec<String>) -> Table {
    let mut table = Table::new();
    table.insert("name", value(&entry.name));
    let mut flags = InlineTable::new();
    for (flag, text) in &entry.flags {
        match flag.as_str() {
            "service-name" if !text.is_empty() => drop(table.insert("service", value(text))),
            _ => drop(flags.insert(flag, Value::from(text))),
        }
    }
    table.insert("php", value(&entry.file));
    if !flags.is_empty() {
        table.insert("flags", value(flags));
    }
    if !heartbeats.is_empty() {
        let env: InlineTable = heartbeats.iter().map(|(name, beat)| (*name, Value::from(*beat))).collect();
        table.insert("env", value(env));
    }
    table.decor_mut().set_prefix("\n".to_owned() + &comment(notes));
    notes.clear();
    table
}

/// A whole number as one, all else as text.
fn plain(text: &str) -> Value {
    match text.parse::<i64>() {
        Ok(number) if number.to_string() == text => Value::from(number),
        _ => Value::from(text),
    }
}

/// Lines as comments. A control character would end one.
fn comment(lines: &[String]) -> String {
    let plain = |line: &String| line.replace(|letter: char| letter.is_control(), " ");
    lines.iter().map(|line| format!("# {}\n", plain(line))).collect()
}
