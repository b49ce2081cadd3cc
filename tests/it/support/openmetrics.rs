//! A reader of OpenMetrics text that takes nothing which the format forbids. Stands on std alone.

#![allow(dead_code, reason = "each of those who include this file uses a part of it")]

use std::collections::{BTreeMap, HashSet};

/// What a text says.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    /// By name, without suffixes.
    pub(crate) families: BTreeMap<String, Family>,
}

/// One family.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
    /// In their order.
    pub(crate) samples: Vec<Sample>,
}

/// One sample.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    /// Sorted by name.
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
}

impl Sample {
    /// A label's value, empty if there is none.
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

impl Exposition {
    /// The value of a series: its name and all of its labels.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let mut wanted: Vec<(String, String)> =
            labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        wanted.sort();
        let mut samples = self.families.values().flat_map(|family| &family.samples);
        let found = samples.find(|sample| sample.name == name && sample.labels == wanted);
        found.unwrap_or_else(|| panic!("no series {name}{labels:?}")).value
    }

    /// All series of that name together.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        let samples = self.families.values().flat_map(|family| &family.samples);
        samples.filter(|sample| sample.name == name).map(|sample| sample.value).sum()
    }
}

/// Reads a text, or says which rule it breaks.
pub(crate) fn read(text: &str) -> Result<Exposition, String> {
    let body = text.strip_suffix("# EOF\n").ok_or("the end is not \"# EOF\"")?;
    let mut exposition = Exposition::default();
    let mut current: Option<String> = None;
    for line in body.split_inclusive('\n') {
        let line = line.strip_suffix('\n').ok_or("a line without an end")?;
        if let Some(comment) = line.strip_prefix("# ") {
            let name = describe(&mut exposition, comment)?;
            current = Some(name);
        } else {
            let name = current.as_deref().ok_or_else(|| format!("a sample before any family: {line}"))?;
            let family = exposition.families.get_mut(name).expect("it was described");
            let sample = sample(line)?;
            let suffix = sample.name.strip_prefix(name);
            let fits = suffix.is_some_and(|suffix| suffixes(&family.kind).contains(&suffix));
            fits.then_some(())
                .ok_or_else(|| format!("{} is no sample of {} {name}", sample.name, family.kind))?;
            family.samples.push(sample);
        }
    }
    exposition.families.iter().try_for_each(|(name, family)| check(name, family))?;
    no_duplicates(&exposition)?;
    Ok(exposition)
}

/// `HELP name text` or `TYPE name type`: the family's name.
fn describe(exposition: &mut Exposition, comment: &str) -> Result<String, String> {
    let words: Vec<&str> = comment.splitn(3, ' ').collect();
    let [what, name, text] = words.as_slice() else { return Err(format!("a strange comment: {comment}")) };
    is_name(name).then_some(()).ok_or_else(|| format!("{name:?} is no name"))?;
    let family = exposition.families.entry((*name).to_owned()).or_default();
    let field = match *what {
        "HELP" => &mut family.help,
        "TYPE" => &mut family.kind,
        _ => return Err(format!("a strange comment: {comment}")),
    };
    let fresh = field.is_empty() && family.samples.is_empty();
    fresh.then_some(()).ok_or_else(|| format!("{what} of {name} comes twice or late"))?;
    (*text).clone_into(match *what {
        "HELP" => &mut family.help,
        _ => &mut family.kind,
    });
    Ok((*name).to_owned())
}

fn suffixes(kind: &str) -> &'static [&'static str] {
    match kind {
        "counter" => &["_total"],
        "gauge" => &[""],
        "histogram" => &["_bucket", "_count", "_sum"],
        _ => &[],
    }
}

fn is_name(name: &str) -> bool {
    let first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(first) && name.bytes().all(|byte| first(byte) || byte.is_ascii_digit())
}

/// `name{label="value",…} number`.
fn sample(line: &str) -> Result<Sample, String> {
    let bad = || format!("no sample: {line}");
    let end = line.find(['{', ' ']).ok_or_else(bad)?;
    let (name, rest) = line.split_at(end);
    is_name(name).then_some(()).ok_or_else(bad)?;
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest).ok_or_else(bad)?,
        None => (Vec::new(), rest),
    };
    let number = rest.strip_prefix(' ').ok_or_else(bad)?;
    let value: f64 = number.parse().map_err(|_| bad())?;
    Ok(Sample { name: name.to_owned(), labels, value })
}

/// Labels up to the closing brace, sorted, and what follows it.
fn labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = quoted(after)?;
        is_name(name).then_some(())?;
        labels.push((name.to_owned(), value));
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => {
                labels.sort();
                let names: HashSet<&String> = labels.iter().map(|(name, _)| name).collect();
                return (names.len() == labels.len()).then_some((labels, after.strip_prefix('}')?));
            }
        }
    }
}

/// A text up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match letters.next()?.1 {
                'n' => '\n',
                other @ ('\\' | '"') => other,
                _ => return None,
            }),
            '\n' => return None,
            other => value.push(other),
        }
    }
    None
}

fn check(name: &str, family: &Family) -> Result<(), String> {
    let fail = |what: &str| Err(format!("{name}: {what}"));
    if family.help.is_empty() || family.kind.is_empty() {
        return fail("no HELP or no TYPE");
    }
    if suffixes(&family.kind).is_empty() {
        return fail("a type that we do not use");
    }
    match family.kind.as_str() {
        "counter" if family.samples.iter().any(|sample| sample.value.is_nan() || sample.value < 0.0) => {
            fail("a counter below 0")
        }
        "histogram" => check_histogram(name, family),
        _ => Ok(()),
    }
}

/// Of each series of labels: bounds ascend, counts do not fall, and the last is that of all.
fn check_histogram(name: &str, family: &Family) -> Result<(), String> {
    let mut series: BTreeMap<Vec<(String, String)>, Vec<&Sample>> = BTreeMap::new();
    for sample in &family.samples {
        let labels = sample.labels.iter().filter(|(key, _)| key != "le").cloned().collect();
        series.entry(labels).or_default().push(sample);
    }
    for (labels, samples) in series {
        let of = |suffix: &str| {
            samples.iter().filter(|sample| sample.name == format!("{name}{suffix}")).collect::<Vec<_>>()
        };
        let buckets = of("_bucket");
        let bounds: Vec<f64> = buckets.iter().filter_map(|sample| bound(sample.label("le"))).collect();
        let counts: Vec<f64> = buckets.iter().map(|sample| sample.value).collect();
        let (all, sums) = (of("_count"), of("_sum"));
        let ascend = bounds.len() == buckets.len() && bounds.is_sorted_by(|one, next| one < next);
        let whole = bounds.last() == Some(&f64::INFINITY) && counts.is_sorted();
        let agree = all.len() == 1 && sums.len() == 1 && counts.last() == Some(&all[0].value);
        if !(ascend && whole && agree) {
            return Err(format!("{name}{labels:?}: {bounds:?} {counts:?} {all:?} {sums:?}"));
        }
    }
    Ok(())
}

fn bound(text: &str) -> Option<f64> {
    if text == "+Inf" { Some(f64::INFINITY) } else { text.parse().ok() }
}

fn no_duplicates(exposition: &Exposition) -> Result<(), String> {
    let mut seen = HashSet::new();
    for sample in exposition.families.values().flat_map(|family| &family.samples) {
        if !seen.insert((&sample.name, &sample.labels)) {
            return Err(format!("twice: {}{:?}", sample.name, sample.labels));
        }
    }
    Ok(())
}
