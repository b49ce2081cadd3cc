//! A Rust source read as tokens: which paths it uses, which functions it has, what of it is test.
//!
//! No syntax tree: a path is `crate::a::b` wherever it stands, in an import, an expression or the
//! arguments of a macro, and a function is `fn name … { … }`.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::{File, Finding};

/// What was found in one Rust file.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the root, with `/`.
    pub(crate) path: String,
    /// The module it is, from the crate's root: `["wire", "reader"]`. Empty for the root itself.
    pub(crate) module: Vec<String>,
    /// Whether it is compiled for tests alone.
    pub(crate) test: bool,
    /// The paths it uses, but those in test code.
    pub(crate) uses: Vec<PathUse>,
    /// Its functions, tests too.
    pub(crate) functions: Vec<Function>,
    /// Files of modules declared for tests alone: `src/wire/tests`, without the ending.
    test_modules: Vec<String>,
}

/// A path with a known beginning: `crate`, `std`, or the name of a foreign crate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PathUse {
    pub(crate) line: usize,
    /// `self` and `super` are resolved: `["crate", "wire", "Reader"]`.
    pub(crate) segments: Vec<String>,
}

/// A function with a body.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    /// From `fn` to the closing brace.
    pub(crate) lines: usize,
}

/// Scans all Rust files; what is no Rust becomes a finding.
pub(crate) fn sources(files: &[File], findings: &mut Vec<Finding>) -> Vec<Source> {
    let mut sources = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
        match scan(&file.path, &file.text) {
            Ok(source) => sources.push(source),
            Err(what) => findings.push(Finding { path: file.path.clone(), line: 0, what }),
        }
    }
    let test_modules: Vec<String> = sources.iter().flat_map(|source| source.test_modules.clone()).collect();
    for source in &mut sources {
        let stem = source.path.trim_end_matches(".rs").trim_end_matches("/mod");
        let within = |module: &String| stem == module || stem.starts_with(&format!("{module}/"));
        source.test = test_modules.iter().any(within);
    }
    sources
}

/// Scans one file. Test code is left out of its paths.
pub(crate) fn scan(path: &str, text: &str) -> Result<Source, String> {
    let tokens: TokenStream = text.parse().map_err(|error| format!("is no Rust: {error}"))?;
    let module = module_of(path);
    let mut source = Source {
        path: path.to_owned(),
        module: module.clone(),
        test: false,
        uses: Vec::new(),
        functions: Vec::new(),
        test_modules: Vec::new(),
    };
    let mut here = module;
    walk(&tokens.into_iter().collect::<Vec<_>>(), &mut here, false, &mut source);
    Ok(source)
}

/// `src/wire/mod.rs` is `wire`, `src/wire/reader.rs` is `wire::reader`, `src/lib.rs` the root.
fn module_of(path: &str) -> Vec<String> {
    let inner = path.split_once("src/").map_or(path, |(_, inner)| inner);
    let mut parts: Vec<String> = inner.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

fn walk(tokens: &[TokenTree], here: &mut Vec<String>, test: bool, source: &mut Source) {
    let mut at = 0;
    while at < tokens.len() {
        if is_cfg_test(&tokens[at..]) {
            let end = at + item_length(&tokens[at..]);
            note_test_module(&tokens[at..end], here, source);
            walk(&tokens[at + 2..end], here, true, source);
            at = end;
        } else if let Some((name, body)) = inline_module(&tokens[at..]) {
            here.push(name);
            walk(&body, here, test, source);
            here.pop();
            at += 3;
        } else {
            note_function(&tokens[at..], source);
            let taken = match starts_path(tokens, at) {
                true => note_path(&tokens[at..], here, test, source),
                false => 0,
            };
            if let (0, TokenTree::Group(group)) = (taken, &tokens[at]) {
                walk(&group.stream().into_iter().collect::<Vec<_>>(), here, test, source);
            }
            at += taken.max(1);
        }
    }
}

/// `#[cfg(test)]`, `#[cfg(all(test, …))]`, but not `#[cfg(not(test))]`.
fn is_cfg_test(tokens: &[TokenTree]) -> bool {
    let [TokenTree::Punct(hash), TokenTree::Group(attribute), ..] = tokens else { return false };
    if hash.as_char() != '#' || attribute.delimiter() != Delimiter::Bracket {
        return false;
    }
    let text: String = attribute.stream().to_string().split_whitespace().collect();
    let words = |text: &str, word| text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == word);
    text.starts_with("cfg(") && words(&text, "test") && !words(&text, "not")
}

/// Tokens to the end of the item: its body in braces, or a semicolon. Attributes come first.
fn item_length(tokens: &[TokenTree]) -> usize {
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    };
    tokens.iter().position(is_end).map_or(tokens.len(), |end| end + 1)
}

/// `mod name;` under `#[cfg(test)]` names a file that is test, too.
fn note_test_module(item: &[TokenTree], here: &[String], source: &mut Source) {
    let [.., TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Punct(end)] = item else { return };
    if word != "mod" || end.as_char() != ';' {
        return;
    }
    let prefix = source.path.split_once("src/").map_or("", |(prefix, _)| prefix);
    let mut parts = here.to_vec();
    parts.push(name.to_string());
    source.test_modules.push(format!("{prefix}src/{}", parts.join("/")));
}

fn inline_module(tokens: &[TokenTree]) -> Option<(String, Vec<TokenTree>)> {
    match tokens {
        [TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Group(body), ..]
            if word == "mod" && body.delimiter() == Delimiter::Brace =>
        {
            Some((name.to_string(), body.stream().into_iter().collect()))
        }
        _ => None,
    }
}

fn note_function(tokens: &[TokenTree], source: &mut Source) {
    let [TokenTree::Ident(word), TokenTree::Ident(name), ..] = tokens else { return };
    if word != "fn" {
        return;
    }
    let Some(TokenTree::Group(body)) = tokens.get(item_length(tokens) - 1) else { return };
    let (first, last) = (word.span().start().line, body.span_close().end().line);
    source.functions.push(Function { name: name.to_string(), line: first, lines: last - first + 1 });
}

/// Whether a path begins here: a word with `::` behind it and none in front.
fn starts_path(tokens: &[TokenTree], at: usize) -> bool {
    matches!(tokens[at], TokenTree::Ident(_))
        && is_colons(&tokens[at + 1..])
        && !(at >= 2 && is_colons(&tokens[at - 2..]))
}

fn is_colons(tokens: &[TokenTree]) -> bool {
    let colon = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':');
    tokens.len() >= 2 && colon(&tokens[0]) && colon(&tokens[1])
}

/// Notes the path, or the paths of an import with braces; how many tokens it took.
fn note_path(tokens: &[TokenTree], here: &[String], test: bool, source: &mut Source) -> usize {
    let mut found = Vec::new();
    let taken = read_path(tokens, &mut Vec::new(), &mut found);
    if !test {
        for (line, segments) in found {
            let segments = resolve(segments, here);
            source.uses.push(PathUse { line, segments });
        }
    }
    taken
}

fn read_path(
    tokens: &[TokenTree],
    segments: &mut Vec<String>,
    found: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let mut at = 0;
    let line = tokens.first().map_or(0, |token| token.span().start().line);
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(word)) => segments.push(word.to_string()),
            Some(TokenTree::Group(group)) if at > 0 && group.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ',');
                for entry in inner.split(is_comma).filter(|entry| !entry.is_empty()) {
                    read_path(entry, &mut segments.clone(), found);
                }
                return at + 1;
            }
            _ => break,
        }
        at += 1;
        if !is_colons(&tokens[at..]) {
            break;
        }
        at += 2;
    }
    found.push((line, segments.clone()));
    at
}

/// Makes `self::…` and `super::…` begin with `crate`.
fn resolve(segments: Vec<String>, here: &[String]) -> Vec<String> {
    let mut base = here.to_vec();
    let mut rest = segments.as_slice();
    match rest.first().map(String::as_str) {
        Some("self") => rest = &rest[1..],
        Some("super") => {
            while rest.first().is_some_and(|segment| segment == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        _ => return segments,
    }
    let mut resolved = vec!["crate".to_owned()];
    resolved.extend(base);
    resolved.extend_from_slice(rest);
    resolved
}

#[cfg(test)]
mod tests;
