//! Query strings and web forms by the rules of PHP's `parse_str`.
//!
//! `a[]=1&a[]=2&b[x][y]=3` is `{"a":["1","2"],"b":{"x":{"y":"3"}}}`. The rules are those of PHP 8.2
//! (`php_default_treat_data`, `php_register_variable_ex`), oddities included; a test compares with
//! PHP itself.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::array::{Array, Key, Nest};

/// PHP's limits on a form. The defaults are PHP's own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Variables that are read; those behind are dropped (`max_input_vars`). Default 1 000.
    pub vars_max: usize,
    /// Brackets behind a name (`max_input_nesting_level`). A name with more is dropped, and what
    /// stood under the same first name with it. Default 64.
    pub nesting_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { vars_max: 1_000, nesting_max: 64 }
    }
}

/// A variable's value: bytes, or an array of more.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Bytes as they came, percent signs and plus signs decoded.
    Text(Bytes),
    /// What brackets in the name make.
    Array(Array<Self>),
    /// An uploaded file.
    File(File),
}

impl Nest for Node {
    fn nested(&mut self) -> Option<&mut Array<Self>> {
        match self {
            Self::Array(array) => Some(array),
            Self::Text(_) | Self::File(_) => None,
        }
    }
}

/// A file that was sent with a form.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// The name that the sender gave it, without folders.
    pub name: Bytes,
    /// The media type that the sender claims; empty if none.
    pub kind: Bytes,
    /// What is in it.
    pub data: Bytes,
}

/// The variables of a query string or of an `application/x-www-form-urlencoded` body, in order.
///
/// As in PHP, the string ends at a NUL byte, and a name at an encoded one.
pub fn parse(query: &[u8], limits: Limits) -> Array<Node> {
    let query = query.split(|&byte| byte == 0).next().unwrap_or_default();
    let mut vars = Array::new();
    let pairs = query.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty());
    for pair in pairs.take(limits.vars_max) {
        let (name, value) = match pair.iter().position(|&byte| byte == b'=') {
            Some(end) => (&pair[..end], &pair[end + 1..]),
            None => (pair, &b""[..]),
        };
        insert(&mut vars, &url_decode(name), Node::Text(url_decode(value).into()), limits);
    }
    vars
}

/// Sets the variable `name`, brackets and all, as PHP registers it.
pub(crate) fn insert(vars: &mut Array<Node>, name: &[u8], value: Node, limits: Limits) {
    let Some(Name { first, path, levels, whole }) = Name::parse(name, limits.nesting_max) else { return };
    let refused = |slot: &Option<Key>| matches!(slot, Some(Key::Bytes(key)) if breaks_promise(key, whole));
    let mut slot = Some(first);
    if levels > limits.nesting_max {
        // PHP looks at one bracket after the other, so a refused key may come first.
        let mut seen = std::iter::once(&slot).chain(&path).take(limits.nesting_max);
        if !seen.any(refused)
            && let Some(first) = &slot
        {
            vars.remove(first);
            return;
        }
    }
    let mut array = vars;
    for next in path {
        if refused(&slot) {
            return;
        }
        let Some(inner) = enter(array, slot) else { return };
        array = inner;
        slot = next;
    }
    match slot {
        _ if refused(&slot) => {}
        Some(key) => {
            array.insert(key, value);
        }
        // PHP drops the value, too, when integer keys have run out.
        None => drop(array.push(value)),
    }
}

/// The array at `slot`, made if there is none; what else stood there is lost.
fn enter(array: &mut Array<Node>, slot: Option<Key>) -> Option<&mut Array<Node>> {
    let key = match slot {
        Some(key) => key,
        None => Key::Int(array.next_key()?),
    };
    if !matches!(array.get(&key), Some(Node::Array(_))) {
        array.insert(key.clone(), Node::Array(Array::new()));
    }
    match array.get_mut(&key)? {
        Node::Array(inner) => Some(inner),
        Node::Text(_) | Node::File(_) => None,
    }
}

/// A variable's name taken apart: `a[b][]` is `a` and the path `b`, next.
struct Name<'a> {
    first: Key,
    /// A key a bracket; `None` for `[]`. Of those beyond what may be nested the first alone.
    path: Vec<Option<Key>>,
    /// Brackets that count for the limit: those in the path, and one that is never closed.
    levels: usize,
    /// The name as it came, without blanks in front.
    whole: &'a [u8],
}

impl<'a> Name<'a> {
    /// `None` for a name that PHP drops: an empty one.
    fn parse(name: &'a [u8], nesting_max: usize) -> Option<Self> {
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        let blanks = name.iter().take_while(|&&byte| byte == b' ').count();
        let name = &name[blanks..];
        let end = name.iter().position(|&byte| byte == b'[').unwrap_or(name.len());
        let mut first = mangled(&name[..end]);
        if first.is_empty() {
            return None;
        }
        let (path, rest) = brackets(&name[end..], nesting_max.saturating_add(1));
        let levels = path.len() + usize::from(rest.starts_with(b"["));
        if path.is_empty() && !rest.is_empty() {
            // A bracket that is never closed is part of the name.
            first.extend(mangled(rest));
        }
        Some(Self { first: Key::from_bytes(first.into()), path, levels, whole: name })
    }
}

/// The keys in brackets at the front of `rest`, `max` of them at most, and what follows them.
fn brackets(mut rest: &[u8], max: usize) -> (Vec<Option<Key>>, &[u8]) {
    let mut path = Vec::new();
    while let (true, Some(inner)) = (path.len() < max, rest.strip_prefix(b"[")) {
        let blank = usize::from(inner.first().is_some_and(|byte| is_space(*byte)));
        let Some(close) = inner[blank..].iter().position(|&byte| byte == b']') else { break };
        let close = blank + close;
        let key = (close > blank).then(|| Key::from_bytes(Bytes::copy_from_slice(&inner[..close])));
        path.push(key);
        rest = &inner[close + 1..];
    }
    (path, rest)
}

/// Whether a key promises what only a cookie's name can (RFC 6265bis §4.1.3), though the variable's
/// `name` did not begin so before its dots were mangled or its brackets opened.
fn breaks_promise(key: &[u8], name: &[u8]) -> bool {
    [&b"__Host-"[..], b"__Secure-"].iter().any(|prefix| key.starts_with(prefix) && !name.starts_with(prefix))
}

fn mangled(name: &[u8]) -> Vec<u8> {
    name.iter().map(|&byte| if matches!(byte, b' ' | b'.' | b'[') { b'_' } else { byte }).collect()
}

/// C's `isspace`.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Decodes `+` and `%XX`; a percent sign without two hexadecimal digits stands for itself.
pub fn url_decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        let escaped = if *byte == b'%' { hex_pair(tail) } else { None };
        out.push(escaped.unwrap_or(if *byte == b'+' { b' ' } else { *byte }));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    out
}

fn hex_pair(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

/// The variables as `json_encode((object) $vars)` sees them: an object always, and inside it lists
/// as arrays.
///
/// Bytes that are not UTF-8, at which `json_encode` gives up, become U+FFFD. Files become
/// `{"name", "type", "data"}`, the data in base64.
pub fn to_json(vars: Array<Node>) -> Value {
    Value::Object(to_object(vars))
}

fn to_object(vars: Array<Node>) -> Map<String, Value> {
    vars.into_iter().map(|(key, node)| (lossy(&key.as_ref().to_bytes()), node_to_json(node))).collect()
}

fn node_to_json(node: Node) -> Value {
    match node {
        Node::Text(text) => Value::String(lossy(&text)),
        Node::Array(list) if list.is_list() => list.into_iter().map(|(_, node)| node_to_json(node)).collect(),
        Node::Array(map) => Value::Object(to_object(map)),
        Node::File(file) => json!({
            "name": lossy(&file.name),
            "type": lossy(&file.kind),
            "data": base64(&file.data),
        }),
    }
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// RFC 4648 §4, with padding.
fn base64(data: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(data.len().div_ceil(3) * 4);
    for chunk in data.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &str) -> String {
        to_json(parse(query.as_bytes(), Limits::default())).to_string()
    }

    /// What PHP 8.2.36 makes of the same strings.
    #[test]
    fn brackets_make_arrays_as_in_php() {
        let cases = [
            ("a[b][]=1&a[b][]=2", r#"{"a":{"b":["1","2"]}}"#),
            ("a[b=1", r#"{"a_b":"1"}"#),
            ("a[b[c=1", r#"{"a_b_c":"1"}"#),
            ("a[b][c=1", r#"{"a":{"b":"1"}}"#),
            ("a[b]c[d]=1", r#"{"a":{"b":"1"}}"#),
            ("a[[b]=1", r#"{"a":{"[b":"1"}}"#),
            ("a[ ]=1", r#"{"a":["1"]}"#),
            ("a[ b]=1", r#"{"a":{" b":"1"}}"#),
            ("a[]]=1", r#"{"a":["1"]}"#),
            ("a[-5]=1&a[]=2", r#"{"a":{"-5":"1","-4":"2"}}"#),
            ("a[9223372036854775807]=4&a[]=5", r#"{"a":{"9223372036854775807":"4"}}"#),
            ("a[05]=1&a[5]=2", r#"{"a":{"05":"1","5":"2"}}"#),
            ("a=1&a[b]=2", r#"{"a":{"b":"2"}}"#),
            ("a[b]=1&a=2", r#"{"a":"2"}"#),
            ("[=1&[a]=1", "{}"),
        ];
        for (query, json) in cases {
            assert_eq!(parsed(query), json, "{query}");
        }
    }

    #[test]
    fn names_are_mangled_and_cut_as_in_php() {
        let cases = [
            ("a.b[c.d=1", r#"{"a_b_c_d":"1"}"#),
            ("+a+b=1", r#"{"a_b":"1"}"#),
            ("a b[c d]=1", r#"{"a_b":{"c d":"1"}}"#),
            ("..Host-a=1&__Host-a=2", r#"{"__Host-a":"2"}"#),
            ("a%00b=1&b=%00", r#"{"a":"1","b":"\u0000"}"#),
            ("a[x%00y]=1", r#"{"a_x":"1"}"#),
            ("a=1\0&b=2", r#"{"a":"1"}"#),
            ("a=%zz%4&&b=1=2&c&=3", r#"{"a":"%zz%4","b":"1=2","c":""}"#),
            ("5=a&05=b", r#"{"5":"a","05":"b"}"#),
        ];
        for (query, json) in cases {
            assert_eq!(parsed(query), json, "{query}");
        }
    }

    #[test]
    fn the_whole_is_an_object_even_if_it_is_a_list_and_lists_inside_are_arrays() {
        assert_eq!(parsed("0=a&1=b"), r#"{"0":"a","1":"b"}"#);
        assert_eq!(parsed("a[1]=x&a[0]=y"), r#"{"a":{"1":"x","0":"y"}}"#);
        assert_eq!(parsed("a[0]=x&a[1]=y"), r#"{"a":["x","y"]}"#);
    }

    #[test]
    fn variables_beyond_the_limit_are_dropped() {
        let query: String = (0..1_500).map(|at| format!("v{at}=1&")).collect();
        assert_eq!(parse(query.as_bytes(), Limits::default()).len(), 1_000);
    }

    #[test]
    fn a_name_that_is_nested_too_deep_takes_its_first_name_with_it() {
        let deep = |levels: usize| format!("a=1&b=2&a{}=3", "[x]".repeat(levels));
        assert_eq!(parsed(&deep(65)), r#"{"b":"2"}"#);
        assert!(parsed(&deep(64)).starts_with(r#"{"a":{"x":{"#));
    }

    #[test]
    fn bytes_that_are_not_utf8_become_replacement_characters() {
        assert_eq!(parsed("a=%ff%C3%A9"), "{\"a\":\"\u{fffd}\u{e9}\"}");
    }

    #[test]
    fn base64_is_padded() {
        let shown: Vec<String> =
            ["", "f", "fo", "foo", "foob"].iter().map(|text| base64(text.as_bytes())).collect();
        assert_eq!(shown, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }
}
