//! From `$serverList` and `$workerList` to the programs that they describe.

use super::fault::{EntryFault, Fault};
use super::lexer::Located;
use super::parser::Said;
use super::value::{Array, Value};
use super::{Entry, PhpConfig};

/// Variables of PHP's start script that a file could change.
const OF_THE_SCRIPT: [(&str, &str); 2] = [("serverFlag", "--servers"), ("workerFlag", "--workers")];

/// The programs that a file lists.
pub(super) fn config(mut said: Said, file: &str) -> Result<PhpConfig, Located> {
    let mut servers = Vec::new();
    let mut workers = Vec::new();
    for (list, variable, entries) in
        [("$serverList", "serverList", &mut servers), ("$workerList", "workerList", &mut workers)]
    {
        match said.variables.get(variable.as_bytes()) {
            None | Some(Value::Null) => said.warnings.push((1, format!("there is no {list}"))),
            Some(Value::Array(array)) => *entries = read_list(list, array)?,
            Some(_) => return Err((1, EntryFault::NoList(variable).into())),
        }
    }
    refuse_twins(servers.iter().chain(&workers))?;
    for (variable, flag) in OF_THE_SCRIPT {
        if said.variables.contains_key(variable.as_bytes()) {
            said.warnings
                .push((1, format!("${variable} is left out: zmws takes {flag} from its command line")));
        }
    }
    Ok(PhpConfig {
        file: file.to_owned(),
        servers,
        workers,
        heartbeat_interval: constant(&mut said, "HEARTBEAT_INTERVAL"),
        heartbeat_maxtries: constant(&mut said, "HEARTBEAT_MAXTRIES"),
        warnings: said.warnings.iter().map(|(line, what)| format!("{file}:{line}: {what}")).collect(),
    })
}

fn constant(said: &mut Said, name: &str) -> Option<String> {
    let text = said.constants.get(name.as_bytes())?.to_text();
    let text = text.and_then(|text| String::from_utf8(text).ok());
    if text.is_none() {
        said.warnings.push((1, format!("{name} is left out: it is not text")));
    }
    text
}

fn read_list(list: &'static str, array: &Array) -> Result<Vec<Entry>, Located> {
    let mut entries = Vec::new();
    for (key, value) in array.iter() {
        let key = String::from_utf8_lossy(&key.to_text()).into_owned();
        match value {
            Value::Array(entry) => entries.push(read_entry(list, key, entry)?),
            _ => return Err((array.line, EntryFault::NoArray { list, key }.into())),
        }
    }
    Ok(entries)
}

fn read_entry(list: &'static str, key: String, entry: &Array) -> Result<Entry, Located> {
    let field = |field: &'static str| {
        let lacks = || Fault::from(EntryFault::Lacks { list, key: key.clone(), field });
        let value = entry.named(field).ok_or_else(lacks)?;
        let text = text(value, || format!("'{field}' of {list}[{key}]"))?;
        if text.is_empty() { Err(lacks()) } else { Ok(text) }
    };
    let located = |fault: Fault| (entry.line, fault);
    let name = field("name").map_err(located)?;
    let file = field("file").map_err(located)?;
    if name.contains(|letter: char| letter == '/' || letter.is_control()) {
        return Err(located(EntryFault::BadName(name).into()));
    }
    let flags = match entry.named("flags") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(flags)) => read_flags(&name, flags)?,
        Some(_) => return Err(located(EntryFault::NoFlags(name).into())),
    };
    Ok(Entry { name, file, flags, line: entry.line })
}

fn read_flags(name: &str, flags: &Array) -> Result<Vec<(String, String)>, Located> {
    let mut read = Vec::new();
    for (key, value) in flags.iter() {
        let located = |fault: Fault| (flags.line, fault);
        let flag =
            text(&Value::Text(key.to_text()), || format!("a flag's name of {name:?}")).map_err(located)?;
        let value = text(value, || format!("the flag {flag:?} of {name:?}")).map_err(located)?;
        read.push((flag, value));
    }
    Ok(read)
}

/// A value as PHP would write it. Without a NUL, which ends an argument.
fn text(value: &Value, what: impl Fn() -> String) -> Result<String, Fault> {
    let text = value.to_text().and_then(|text| String::from_utf8(text).ok());
    let text = text.filter(|text| !text.contains('\0'));
    text.ok_or_else(|| EntryFault::NoText { what: what() }.into())
}

fn refuse_twins<'a>(entries: impl Iterator<Item = &'a Entry>) -> Result<(), Located> {
    let mut seen = std::collections::HashMap::new();
    for entry in entries {
        if let Some(line) = seen.insert(entry.name.as_str(), entry.line) {
            return Err((entry.line, EntryFault::SameName { name: entry.name.clone(), line }.into()));
        }
    }
    Ok(())
}
