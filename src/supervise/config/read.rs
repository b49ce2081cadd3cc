//! From TOML to settings: each key is known, has a value of its form, and is judged by its flag's own reader.

use std::ops::Range;

use toml_edit::{Array, Document, Item, Table, TableLike, Value};

use super::error::{ConfigError, Text};
use super::schema::{Key, Schema, Section, ValueType, nearest};
use super::{Entry, File, Setting, Settings};

/// Reads a whole file. All that is wrong is found at once, and said in the order of the text.
pub(super) fn read(text: Text<'_>, schema: &Schema) -> Result<File, Vec<ConfigError>> {
    let document = match Document::parse(text.text) {
        Ok(document) => document,
        Err(error) => {
            let what = error.message().lines().next().unwrap_or("this is no TOML").to_owned();
            return Err(vec![text.error(error.span(), what)]);
        }
    };
    let mut reader = Reader { text, schema, errors: Vec::new() };
    let file = reader.file(document.as_table());
    if reader.errors.is_empty() {
        return Ok(file);
    }
    reader.errors.sort_by_key(|error| (error.line, error.column));
    Err(reader.errors)
}

struct Reader<'a> {
    text: Text<'a>,
    schema: &'a Schema,
    errors: Vec<ConfigError>,
}

impl Reader<'_> {
    fn wrong(&mut self, at: Option<Range<usize>>, what: impl Into<String>) {
        self.errors.push(self.text.error(at, what));
    }

    fn file(&mut self, root: &Table) -> File {
        let mut file = File { name: self.text.file.to_owned(), ..File::default() };
        for (name, item) in root {
            let at = root.key(name).and_then(toml_edit::Key::span);
            match (name, item.as_table_like()) {
                ("worker", _) => file.workers = self.workers(item, at),
                ("broker", Some(table)) => file.broker = Some(self.section(&self.schema.broker, table)),
                ("gateway", Some(table)) => file.gateway = Some(self.section(&self.schema.gateway, table)),
                ("supervisor", Some(table)) => {
                    file.supervisor = self.section(&self.schema.supervisor, table);
                }
                ("broker" | "gateway" | "supervisor", None) => {
                    self.wrong(at, format!("{name} is a section: write [{name}], and its keys below"));
                }
                _ => self.unknown_section(name, at),
            }
        }
        file
    }

    fn unknown_section(&mut self, name: &str, at: Option<Range<usize>>) {
        let names = self.schema.tables().map(|section| section.name().to_owned());
        let meant = nearest(name, names.into_iter().chain(["worker".to_owned()]));
        let hint = match meant {
            Some(meant) if meant == "worker" => "; did you mean [[worker]]?".to_owned(),
            Some(meant) => format!("; did you mean [{meant}]?"),
            None => "; there are [broker], [gateway], [supervisor] and [[worker]]".to_owned(),
        };
        self.wrong(at, format!("unknown section {name:?}{hint}"));
    }

    fn section(&mut self, section: &Section, table: &dyn TableLike) -> Settings {
        let mut settings = Settings::default();
        for (name, item) in table.iter() {
            let at = table.key(name).and_then(toml_edit::Key::span);
            match section.key(name) {
                Some(key) => settings.0.extend(self.setting(key, item, at)),
                None => self.unknown_key(name, section.nearest(name), section.name(), at),
            }
        }
        settings
    }

    fn unknown_key(&mut self, name: &str, meant: Option<String>, section: &str, at: Option<Range<usize>>) {
        let hint = meant.map(|meant| format!("; did you mean {meant:?}?")).unwrap_or_default();
        let section = if section == "worker" { "[[worker]]".to_owned() } else { format!("[{section}]") };
        self.wrong(at, format!("unknown key {name:?} in {section}{hint}"));
    }

    fn setting(&mut self, key: Key<'_>, item: &Item, at: Option<Range<usize>>) -> Option<Setting> {
        let span = item.span().or_else(|| at.clone());
        let values = match self.values(key, item) {
            Ok(values) => values,
            Err(what) => {
                self.wrong(span, format!("{}: {what}", key.name()));
                return None;
            }
        };
        let args = key.args(&values);
        if let Err(what) = key.check(&args) {
            self.wrong(span, what);
            return None;
        }
        let line = self.text.place(at.map_or(0, |at| at.start)).0;
        Some(Setting { key: key.name(), flag: key.flag().to_owned(), line, args, shown: shown(item) })
    }

    /// The values of an item as texts, as they would stand on a command line.
    fn values(&self, key: Key<'_>, item: &Item) -> Result<Vec<String>, String> {
        let wanted = || wanted(key);
        if let Some(table) = item.as_table_like() {
            if !key.is_table() {
                return Err(wanted());
            }
            let pair = |(name, item): (&str, &Item)| {
                let value =
                    item.as_value().and_then(|value| scalar(ValueType::Any, value)).ok_or_else(wanted)?;
                Ok(if name == "*" { value } else { format!("{name}={value}") })
            };
            return table.iter().map(pair).collect();
        }
        match item.as_value() {
            Some(Value::Array(array)) if key.is_list() => list(key, array).ok_or_else(wanted),
            Some(value) => Ok(vec![scalar(key.value_type(), value).ok_or_else(wanted)?]),
            None => Err(wanted()),
        }
    }

    // --- workers

    fn workers(&mut self, item: &Item, at: Option<Range<usize>>) -> Vec<Entry> {
        let tables: Vec<&dyn TableLike> = match item {
            Item::ArrayOfTables(tables) => tables.iter().map(|table| table as &dyn TableLike).collect(),
            Item::Value(Value::Array(array)) if array.iter().all(Value::is_inline_table) => array
                .iter()
                .filter_map(|value| value.as_inline_table())
                .map(|table| table as &dyn TableLike)
                .collect(),
            _ => {
                self.wrong(at, "a worker is a table of an array: write [[worker]], and its keys below");
                return Vec::new();
            }
        };
        tables.into_iter().map(|table| self.worker(table, at.clone())).collect()
    }

    fn worker(&mut self, table: &dyn TableLike, at: Option<Range<usize>>) -> Entry {
        let first = table.iter().next().and_then(|(name, _)| table.key(name)?.span());
        let start = first.or(at);
        let mut entry =
            Entry { line: self.text.place(start.clone().map_or(0, |at| at.start)).0, ..Entry::default() };
        for (name, item) in table.iter() {
            let at = table.key(name).and_then(toml_edit::Key::span);
            match (self.schema.worker.key(name), self.schema.labour.key(name)) {
                (Some(key), _) => entry.own.0.extend(self.setting(key, item, at)),
                (None, Some(key)) => entry.labour.0.extend(self.setting(key, item, at)),
                (None, None) => {
                    let meant = self.schema.worker.nearest(name).or_else(|| self.schema.labour.nearest(name));
                    self.unknown_key(name, meant, "worker", at);
                }
            }
        }
        self.judge(&entry, start);
        entry
    }

    /// What must hold among the keys of one worker.
    fn judge(&mut self, entry: &Entry, at: Option<Range<usize>>) {
        const KINDS: [&str; 4] = ["command", "builtin", "php", "program"];
        let kinds: Vec<&str> = KINDS.into_iter().filter(|kind| entry.own.get(kind).is_some()).collect();
        match kinds[..] {
            [] => self.wrong(at.clone(), "a worker has one of command, builtin, php, program: what is it?"),
            [kind] => {
                if matches!(kind, "php" | "program")
                    && let Some(setting) = entry.labour.0.first()
                {
                    let what = format!("{} is for workers with command or builtin", setting.key);
                    self.wrong(at.clone(), what);
                }
                if kind != "php" && entry.own.get("flags").is_some() {
                    self.wrong(at.clone(), "flags is for workers with php");
                }
                if kind == "command" && entry.own.get("service").is_none() {
                    self.wrong(
                        at.clone(),
                        "a worker with command has a service, too: whose jobs does it do?",
                    );
                }
                if kind == "program" && entry.own.get("name").or(entry.own.get("service")).is_none() {
                    self.wrong(at.clone(), "a worker with program has a name, too");
                }
            }
            _ => self.wrong(at.clone(), format!("a worker has one of {}, not all", kinds.join(", "))),
        }
        let name = entry.own.get("name").and_then(|setting| setting.args.first()?.strip_prefix("--name="));
        if name.is_some_and(|name| !is_file_name(name)) {
            self.wrong(at, "name: it names files, so it has no slash, and is not empty");
        }
    }
}

/// Whether a name can be that of a pid file.
fn is_file_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0', '\n'])
}

fn list(key: Key<'_>, array: &Array) -> Option<Vec<String>> {
    array.iter().map(|value| scalar(key.value_type(), value)).collect()
}

/// One value as text, if it has the form.
fn scalar(value_type: ValueType, value: &Value) -> Option<String> {
    match (value_type, value) {
        (ValueType::Bool, Value::Boolean(truth)) => Some(truth.value().to_string()),
        (ValueType::Integer | ValueType::Number | ValueType::Any, Value::Integer(number)) => {
            Some(number.value().to_string())
        }
        (ValueType::Number | ValueType::Any, Value::Float(number)) => Some(number.value().to_string()),
        (ValueType::String | ValueType::Any, Value::String(text)) => Some(text.value().clone()),
        _ => None,
    }
}

/// What a key takes, in words.
fn wanted(key: Key<'_>) -> String {
    let one = match key.value_type() {
        ValueType::Bool => "true or false",
        ValueType::Integer => "a whole number",
        ValueType::Number => "a number",
        ValueType::String => "a string",
        ValueType::Any => "a string or a number",
    };
    let more = match (key.is_table(), key.is_list()) {
        (true, _) => ", an array or a table of them",
        (false, true) => ", or an array of them",
        (false, false) => "",
    };
    format!("{one}{more} is expected")
}

/// The value as the file has it, in one line.
fn shown(item: &Item) -> String {
    item.to_string().trim().replace('\n', " ")
}
