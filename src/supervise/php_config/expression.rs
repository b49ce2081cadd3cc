//! Expressions: values that stand in the file, and what is made of them without running anything.

use super::fault::Fault;
use super::lexer::{Kind, Located, Token};
use super::literal::Part;
use super::parser::{DEPTH_MAX, Parser, WEIGHT_MAX, key_of, no_key_left, too_deep};
use super::value::{Array, Key, Value};

/// Symbols that our part of PHP has; the others are code.
const KNOWN: [&str; 15] = ["(", ")", "[", "]", "{", "}", ",", ";", "=", "=>", ".", "+", "-", "*", "/"];

/// Words that do something, or declare something that does.
const KEYWORDS: [&str; 48] = [
    "abstract",
    "and",
    "break",
    "case",
    "catch",
    "class",
    "clone",
    "continue",
    "declare",
    "die",
    "do",
    "echo",
    "else",
    "elseif",
    "empty",
    "enum",
    "eval",
    "exit",
    "final",
    "fn",
    "for",
    "foreach",
    "function",
    "global",
    "goto",
    "if",
    "include",
    "include_once",
    "instanceof",
    "interface",
    "isset",
    "list",
    "match",
    "namespace",
    "new",
    "or",
    "print",
    "require",
    "require_once",
    "static",
    "switch",
    "throw",
    "trait",
    "try",
    "unset",
    "use",
    "while",
    "xor",
];

impl Parser<'_> {
    /// An expression: pieces with `.` between them, which binds less than `+`.
    pub(super) fn expression(&mut self) -> Result<Value, Located> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err((self.next.line, too_deep()));
        }
        let line = self.next.line;
        let mut value = self.sum()?;
        while self.takes(".")? {
            let other_line = self.next.line;
            let mut text = text_of(line, &value)?;
            text.extend(text_of(other_line, &self.sum()?)?);
            self.spend(other_line, text.len())?;
            value = Value::Text(text);
        }
        self.depth -= 1;
        Ok(value)
    }

    fn sum(&mut self) -> Result<Value, Located> {
        let mut value = self.product()?;
        loop {
            let line = self.next.line;
            if self.takes("+")? {
                value = calculate(line, '+', &value, &self.product()?)?;
            } else if self.takes("-")? {
                value = calculate(line, '-', &value, &self.product()?)?;
            } else {
                return Ok(value);
            }
        }
    }

    fn product(&mut self) -> Result<Value, Located> {
        let mut value = self.signed()?;
        loop {
            let line = self.next.line;
            if self.takes("*")? {
                value = calculate(line, '*', &value, &self.signed()?)?;
            } else if self.takes("/")? {
                value = calculate(line, '/', &value, &self.signed()?)?;
            } else {
                return Ok(value);
            }
        }
    }

    /// A value behind any number of signs: each is a factor, as in PHP.
    fn signed(&mut self) -> Result<Value, Located> {
        let line = self.next.line;
        let (mut signs, mut minuses) = (0, 0);
        loop {
            if self.takes("-")? {
                minuses += 1;
            } else if !self.takes("+")? {
                break;
            }
            signs += 1;
        }
        let mut value = self.operand()?;
        if signs > minuses {
            value = calculate(line, '*', &value, &Value::Int(1))?;
        }
        // Two make a difference where the first makes the smallest integer a float; more make none.
        let times = if minuses == 0 { 0 } else { 2 - minuses % 2 };
        for _ in 0..times {
            value = calculate(line, '*', &value, &Value::Int(-1))?;
        }
        Ok(value)
    }

    /// A value without operators.
    fn operand(&mut self) -> Result<Value, Located> {
        let token = self.take()?;
        let line = token.line;
        let value = match token.kind {
            Kind::Int(number) => Value::Int(number),
            Kind::Float(number) => Value::Float(number),
            Kind::Text(text) => Value::Text(text),
            Kind::Symbol("[") => self.array(line, "]")?,
            Kind::Symbol("(") => {
                let value = self.expression()?;
                self.expect(")")?;
                value
            }
            Kind::Variable(_) | Kind::Template(_) if self.constant => {
                let what = "PHP does not let a const depend on a variable";
                return Err((line, Fault::Mistake(what.to_owned())));
            }
            Kind::Variable(name) => return self.variable(line, &name),
            Kind::Template(parts) => self.template(line, &parts)?,
            Kind::Name(ref name) => self.named(&token, name)?,
            Kind::Symbol(_) | Kind::End => return Err(self.fault(&token, "a value")),
        };
        self.spend(line, 1)?;
        match self.is_next("[") {
            true => Err((self.next.line, Fault::code("an element of what is no variable"))),
            false => Ok(value),
        }
    }

    /// The elements of an array, up to its bracket.
    fn array(&mut self, line: usize, close: &'static str) -> Result<Value, Located> {
        let mut array = Array::new(line);
        while !self.takes(close)? {
            let line = self.next.line;
            let first = self.expression()?;
            if self.takes("=>")? {
                let key = key_of(line, &first)?;
                *array.entry(key) = self.expression()?;
            } else {
                *array.append().ok_or_else(|| (line, no_key_left()))? = first;
            }
            if !self.takes(",")? {
                self.expect(close)?;
                break;
            }
        }
        Ok(Value::Array(if array.is_empty() { Array::empty(line) } else { array }))
    }

    /// A variable, or an element of it.
    fn variable(&mut self, line: usize, name: &[u8]) -> Result<Value, Located> {
        let mut keys = Vec::new();
        while self.takes("[")? {
            let line = self.next.line;
            let key = self.expression()?;
            keys.push(key_of(line, &key)?);
            self.expect("]")?;
        }
        let value = self.read_variable(line, name, &keys)?;
        match value.depth() + self.depth > DEPTH_MAX {
            true => Err((line, too_deep())),
            false => Ok(value),
        }
    }

    fn read_variable(&mut self, line: usize, name: &[u8], keys: &[Key]) -> Result<Value, Located> {
        let absent = |keys: &[Key]| {
            let mut what = format!("${}", String::from_utf8_lossy(name));
            for key in keys {
                what.push_str(&format!("[{}]", String::from_utf8_lossy(&key.to_text())));
            }
            (line, Fault::Mistake(format!("{what} has no value here: the file must assign it before")))
        };
        let mut value = self.said.variables.get(name).ok_or_else(|| absent(&[]))?;
        for (index, key) in keys.iter().enumerate() {
            value = match value {
                Value::Array(array) => array.get(key),
                _ => None,
            }
            .ok_or_else(|| absent(&keys[..=index]))?;
        }
        let weight = value.weight();
        if weight > self.left {
            return Err((line, too_large()));
        }
        let value = value.clone();
        self.spend(line, weight)?;
        Ok(value)
    }

    /// A string with variables in it.
    fn template(&mut self, line: usize, parts: &[Part]) -> Result<Value, Located> {
        let mut text = Vec::new();
        for part in parts {
            match part {
                Part::Text(more) => text.extend_from_slice(more),
                Part::Read { name, keys } => {
                    text.extend(text_of(line, &self.read_variable(line, name, keys)?)?);
                }
            }
        }
        self.spend(line, text.len())?;
        Ok(Value::Text(text))
    }

    /// A word: `array(…)`, `dirname(…)`, a constant.
    fn named(&mut self, token: &Token, name: &[u8]) -> Result<Value, Located> {
        let lower = name.to_ascii_lowercase();
        if self.is_next("(") {
            return match lower.as_slice() {
                b"array" => {
                    self.expect("(")?;
                    self.array(token.line, ")")
                }
                b"dirname" if !self.constant => self.dirname(),
                _ => Err(self.fault(token, "a value")),
            };
        }
        match (lower.as_slice(), name) {
            (b"true", _) => Ok(Value::Bool(true)),
            (b"false", _) => Ok(Value::Bool(false)),
            (b"null", _) => Ok(Value::Null),
            (b"__file__", _) => Ok(Value::Text(self.place.file.to_vec())),
            (b"__dir__", _) => Ok(Value::Text(dirname(self.place.file).to_vec())),
            (b"__line__", _) => Ok(Value::Int(i64::try_from(token.line).unwrap_or(i64::MAX))),
            (_, b"PHP_EOL") => Ok(Value::Text(b"\n".to_vec())),
            (_, b"DIRECTORY_SEPARATOR") => Ok(Value::Text(b"/".to_vec())),
            (_, b"PATH_SEPARATOR") => Ok(Value::Text(b":".to_vec())),
            (_, b"PHP_INT_MAX") => Ok(Value::Int(i64::MAX)),
            (_, b"PHP_INT_MIN") => Ok(Value::Int(i64::MIN)),
            (_, b"PHP_INT_SIZE") => Ok(Value::Int(8)),
            _ => self.constant_of(token, name),
        }
    }

    /// A constant that the file has defined.
    fn constant_of(&mut self, token: &Token, name: &[u8]) -> Result<Value, Located> {
        let Some(value) = self.said.constants.get(name) else { return Err(self.fault(token, "a value")) };
        let weight = value.weight();
        if weight > self.left {
            return Err((token.line, too_large()));
        }
        let value = value.clone();
        self.spend(token.line, weight)?;
        match value.depth() + self.depth > DEPTH_MAX {
            true => Err((token.line, too_deep())),
            false => Ok(value),
        }
    }

    /// `(PATH)` or `(PATH, LEVELS)` after `dirname`.
    fn dirname(&mut self) -> Result<Value, Located> {
        self.expect("(")?;
        let line = self.next.line;
        let Value::Text(mut path) = self.expression()? else {
            return Err((line, Fault::Mistake("dirname() of what is no string".to_owned())));
        };
        let mut levels = 1;
        if self.takes(",")? && !self.is_next(")") {
            levels = match self.expression()? {
                Value::Int(levels) if levels >= 1 => levels,
                _ => return Err((line, Fault::Mistake("dirname() goes up by 1 or more".to_owned()))),
            };
            self.takes(",")?;
        }
        self.expect(")")?;
        loop {
            let parent = dirname(&path).to_vec();
            levels -= 1;
            let done = parent.len() >= path.len() || levels == 0;
            path = parent;
            if done {
                return Ok(Value::Text(path));
            }
        }
    }

    /// Takes from what may still be copied.
    fn spend(&mut self, line: usize, weight: usize) -> Result<(), Located> {
        self.left = self.left.checked_sub(weight).ok_or_else(|| (line, too_large()))?;
        Ok(())
    }

    /// What is wrong with a token that is none of those that may come.
    pub(super) fn fault(&self, token: &Token, expected: &'static str) -> Located {
        let shown = token.kind.shown();
        let fault = match &token.kind {
            Kind::Symbol("<<<") => Fault::code("a heredoc"),
            Kind::Symbol("->" | "?->" | "::") => Fault::code("a member of an object or class"),
            Kind::Symbol("&") => Fault::code("a reference"),
            Kind::Symbol(symbol) if !KNOWN.contains(symbol) => Fault::code(format!("the operator {symbol}")),
            Kind::Name(name) if is_keyword(name) => Fault::Code(shown),
            Kind::Name(_) if self.is_next("(") => Fault::Code(format!("a call of {shown}()")),
            Kind::Name(_) if self.is_next("::") => Fault::Code(format!("a member of {shown}")),
            Kind::Name(_) if expected == "a value" => {
                Fault::Mistake(format!("the constant {shown} is not defined: the file must define it before"))
            }
            _ => Fault::Unexpected { expected, found: shown },
        };
        (token.line, fault)
    }

    /// The next token, and reads the one behind it.
    pub(super) fn take(&mut self) -> Result<Token, Located> {
        let next = self.lexer.token()?;
        Ok(std::mem::replace(&mut self.next, next))
    }

    /// Whether the next token is this symbol.
    pub(super) fn is_next(&self, symbol: &str) -> bool {
        matches!(self.next.kind, Kind::Symbol(next) if next == symbol)
    }

    /// Whether the next token is this word.
    pub(super) fn is_name(&self, word: &str) -> bool {
        matches!(&self.next.kind, Kind::Name(name) if name.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Takes the next token if it is this symbol.
    pub(super) fn takes(&mut self, symbol: &str) -> Result<bool, Located> {
        let is_next = self.is_next(symbol);
        if is_next {
            self.take()?;
        }
        Ok(is_next)
    }

    /// Takes the next token, which must be this symbol.
    pub(super) fn expect(&mut self, symbol: &'static str) -> Result<(), Located> {
        if self.is_next(symbol) {
            return self.take().map(drop);
        }
        let token = self.next.clone();
        Err(self.fault(&token, symbol))
    }
}

fn is_keyword(name: &[u8]) -> bool {
    KEYWORDS.iter().any(|word| name.eq_ignore_ascii_case(word.as_bytes()))
}

fn too_large() -> Fault {
    Fault::TooMuch(format!("values of more than {WEIGHT_MAX} bytes in all"))
}

fn text_of(line: usize, value: &Value) -> Result<Vec<u8>, Located> {
    value.to_text().ok_or_else(|| (line, Fault::Mistake("an array cannot be part of a string".to_owned())))
}

/// Numbers only: an integer that overflows becomes a float, as in PHP.
fn calculate(line: usize, operator: char, left: &Value, right: &Value) -> Result<Value, Located> {
    let refused = |what: &str| (line, Fault::Mistake(what.to_owned()));
    if operator == '/' && [Value::Int(0), Value::Float(0.0)].contains(right) {
        return Err(refused("a division by zero"));
    }
    if let (Value::Int(left), Value::Int(right)) = (left, right) {
        let exact = match operator {
            '+' => left.checked_add(*right),
            '-' => left.checked_sub(*right),
            '*' => left.checked_mul(*right),
            _ => (left.checked_rem(*right) == Some(0)).then(|| left / right),
        };
        if let Some(number) = exact {
            return Ok(Value::Int(number));
        }
    }
    let (Some(left), Some(right)) = (number(left), number(right)) else {
        return Err(refused("zmws calculates with numbers only"));
    };
    Ok(Value::Float(match operator {
        '+' => left + right,
        '-' => left - right,
        '*' => left * right,
        _ => left / right,
    }))
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        Value::Null | Value::Bool(_) | Value::Text(_) | Value::Array(_) => None,
    }
}

/// `dirname` as PHP has it on Unix.
fn dirname(path: &[u8]) -> &[u8] {
    let without = |path: &[u8], is_cut: fn(u8) -> bool| {
        path.iter().rposition(|byte| !is_cut(*byte)).map_or(0, |last| last + 1)
    };
    if path.is_empty() {
        return b"";
    }
    let end = without(path, |byte| byte == b'/');
    if end == 0 {
        return b"/";
    }
    let end = without(&path[..end], |byte| byte != b'/');
    if end == 0 {
        return b".";
    }
    match without(&path[..end], |byte| byte == b'/') {
        0 => b"/",
        end => &path[..end],
    }
}
