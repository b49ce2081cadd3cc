//! From `$serverList` and `$workerList` to the programs that they describe.

use std::collections::HashSet;

use super::ask::{Answer, Element, List, Text};
use super::fault::EntryFault;
use super::{Entry, PhpConfig};

/// The programs that a file lists. `file` is how warnings name it.
pub(super) fn config(answer: Answer, file: &str) -> Result<PhpConfig, EntryFault> {
    let mut warnings = notices(&answer, file);
    let mut list = |name, given: Option<List<(String, Option<Element>)>>| {
        if given.is_none() {
            warnings.push(format!("{file}: there is no {name}"));
        }
        read_list(name, given)
    };
    let servers = list("$serverList", answer.servers)?;
    let workers = list("$workerList", answer.workers)?;
    refuse_twins(servers.iter().chain(&workers))?;
    let mut constant = |name, given: Option<Text>| match given? {
        Text::Is(text) => Some(text),
        Text::IsNot(_) => {
            warnings.push(format!("{file}: {name} is left out: it is not text"));
            None
        }
    };
    Ok(PhpConfig {
        file: file.to_owned(),
        servers,
        workers,
        heartbeat_interval: constant("HEARTBEAT_INTERVAL", answer.heartbeat_interval),
        heartbeat_maxtries: constant("HEARTBEAT_MAXTRIES", answer.heartbeat_maxtries),
        warnings,
    })
}

/// What the owner should know of the file beside its programs.
fn notices(answer: &Answer, file: &str) -> Vec<String> {
    let of_php = answer.notices.iter();
    let mut warnings: Vec<String> =
        of_php.map(|(file, line, message)| format!("{file}:{line}: PHP says: {message}")).collect();
    if answer.printed {
        warnings.push(format!("{file}: what it prints is left out"));
    }
    for (set, variable, flag) in
        [(answer.server_flag, "$serverFlag", "--servers"), (answer.worker_flag, "$workerFlag", "--workers")]
    {
        if set {
            warnings.push(format!("{file}: {variable} is left out: zmws takes {flag} from its command line"));
        }
    }
    warnings
}

fn read_list(
    list: &'static str,
    given: Option<List<(String, Option<Element>)>>,
) -> Result<Vec<Entry>, EntryFault> {
    let elements = match given {
        None => return Ok(Vec::new()),
        Some(List::IsNot(_)) => return Err(EntryFault::NoList(list)),
        Some(List::Is(elements)) => elements,
    };
    let entry = |(key, element): (String, Option<Element>)| match element {
        Some(element) => read_entry(list, &key, element),
        None => Err(EntryFault::NoArray { list, key }),
    };
    elements.into_iter().map(entry).collect()
}

fn read_entry(list: &'static str, key: &str, element: Element) -> Result<Entry, EntryFault> {
    let field = |field, given: Option<Text>| {
        let lacks = || EntryFault::Lacks { list, key: key.to_owned(), field };
        let text = text(given.ok_or_else(lacks)?, || format!("'{field}' of {list}[{key}]"))?;
        if text.is_empty() { Err(lacks()) } else { Ok(text) }
    };
    let name = field("name", element.name)?;
    let file = field("file", element.file)?;
    if name.contains(|letter: char| letter == '/' || letter.is_control()) {
        return Err(EntryFault::BadName(name));
    }
    let flags = match element.flags {
        List::Is(flags) => flags,
        List::IsNot(_) => return Err(EntryFault::NoFlags(name)),
    };
    let flag = |(flag, value)| Ok((text(value, || format!("the flag {flag:?} of {name:?}"))?, flag));
    let flags: Result<Vec<_>, _> = flags.into_iter().map(flag).collect();
    let flags = flags?.into_iter().map(|(value, flag)| (flag, value)).collect();
    Ok(Entry { name, file, flags })
}

/// A value as PHP would write it. Without a NUL, which ends an argument.
fn text(value: Text, what: impl Fn() -> String) -> Result<String, EntryFault> {
    match value {
        Text::Is(text) if !text.contains('\0') => Ok(text),
        Text::Is(_) | Text::IsNot(_) => Err(EntryFault::NoText { what: what() }),
    }
}

fn refuse_twins<'a>(mut entries: impl Iterator<Item = &'a Entry>) -> Result<(), EntryFault> {
    let mut seen = HashSet::new();
    match entries.find(|entry| !seen.insert(entry.name.as_str())) {
        Some(entry) => Err(EntryFault::SameName(entry.name.clone())),
        None => Ok(()),
    }
}
