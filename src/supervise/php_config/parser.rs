//! Statements: what a configuration may say, and nothing else.

use std::collections::HashMap;

use super::fault::Fault;
use super::lexer::{Kind, Lexer, Located, Token};
use super::value::{Array, Key, Value};

/// Where the file is: `__FILE__`, and `__DIR__` in front of it.
pub(super) struct Place<'a> {
    /// Absolute, without links.
    pub(super) file: &'a [u8],
}

/// What a file says.
pub(super) struct Said {
    /// Variables that it assigns.
    pub(super) variables: HashMap<Vec<u8>, Value>,
    /// Constants that it defines.
    pub(super) constants: HashMap<Vec<u8>, Value>,
    /// What PHP would do and we do not, with lines.
    pub(super) warnings: Vec<(usize, String)>,
}

/// Reads a file, statement by statement.
pub(super) struct Parser<'a> {
    pub(super) lexer: Lexer<'a>,
    /// The token that comes next.
    pub(super) next: Token,
    pub(super) place: Place<'a>,
    pub(super) said: Said,
    /// Expressions within each other, where we are.
    pub(super) depth: usize,
    /// What may still be copied, in units of [`Value::weight`].
    pub(super) left: usize,
    /// In the value of a `const`, where PHP allows no variables and no calls.
    pub(super) constant: bool,
}

/// How to get to an element; `None` appends.
type Way = Vec<Option<Key>>;

/// Arrays and brackets within each other.
pub(super) const DEPTH_MAX: usize = 64;
/// What all values together may take, those that are copied counted again.
pub(super) const WEIGHT_MAX: usize = 2 << 20;

/// Functions that set what is no affair of ours.
const SETTINGS: [&str; 10] = [
    "error_reporting",
    "ini_set",
    "date_default_timezone_set",
    "set_time_limit",
    "setlocale",
    "umask",
    "gc_enable",
    "mb_internal_encoding",
    "ignore_user_abort",
    "assert_options",
];

/// Constants that PHP has from the start, among those that a configuration may try to define.
const BUILT_IN: [&str; 6] =
    ["PHP_EOL", "DIRECTORY_SEPARATOR", "PATH_SEPARATOR", "PHP_INT_MAX", "PHP_INT_MIN", "PHP_INT_SIZE"];

impl<'a> Parser<'a> {
    /// Reads all of `text`.
    pub(super) fn read(text: &'a [u8], place: Place<'a>) -> Result<Said, Located> {
        let mut lexer = Lexer::new(text)?;
        let next = lexer.token()?;
        let said = Said { variables: HashMap::new(), constants: HashMap::new(), warnings: Vec::new() };
        let mut parser = Self { lexer, next, place, said, depth: 0, left: WEIGHT_MAX, constant: false };
        while parser.next.kind != Kind::End {
            parser.statement()?;
        }
        let printed = std::mem::take(&mut parser.lexer.printed);
        let warning = |line| (line, "text outside of <?php … ?>, which PHP prints, is left out".to_owned());
        parser.said.warnings.extend(printed.into_iter().map(warning));
        parser.said.warnings.sort();
        Ok(parser.said)
    }

    fn statement(&mut self) -> Result<(), Located> {
        let token = self.take()?;
        match &token.kind {
            Kind::Symbol(";") => Ok(()),
            Kind::Symbol("@") => self.setting(),
            Kind::Variable(name) => self.assignment(token.line, name.clone()),
            Kind::Name(name) => match name.to_ascii_lowercase().as_slice() {
                b"define" => {
                    self.define(token.line)?;
                    self.end_of_statement()
                }
                b"const" => self.constants(),
                b"defined" => self.define_unless_defined(),
                b"if" => self.define_if_not_defined(token.line),
                b"return" => self.end_of_file(),
                _ => self.ignored(&token),
            },
            _ => Err(self.fault(&token, "a statement")),
        }
    }

    /// `@ini_set(…);`.
    fn setting(&mut self) -> Result<(), Located> {
        let token = self.take()?;
        self.ignored(&token)
    }

    /// `ini_set(…);`: read over, if its arguments are constants.
    fn ignored(&mut self, token: &Token) -> Result<(), Located> {
        let Some(function) = setting_named(&token.kind) else { return Err(self.fault(token, "a statement")) };
        self.expect("(")?;
        while !self.takes(")")? {
            let token = self.take()?;
            let is_call = matches!(token.kind, Kind::Name(_)) && self.is_next("(");
            let is_plain = matches!(
                token.kind,
                Kind::Name(_)
                    | Kind::Int(_)
                    | Kind::Float(_)
                    | Kind::Text(_)
                    | Kind::Symbol("," | "|" | "&" | "~" | "^" | "-" | "+")
            );
            if is_call || !is_plain {
                return Err(self.fault(&token, "a constant or )"));
            }
        }
        self.warn(token.line, format!("{function}() is left out: it sets PHP, not zmws"));
        self.end_of_statement()
    }

    /// `$name = …;`, `$name[] = …;`, `$name['key'][0] = …;`.
    fn assignment(&mut self, line: usize, name: Vec<u8>) -> Result<(), Located> {
        if name.starts_with(b"_") && name.get(1).is_some_and(u8::is_ascii_uppercase) || name == b"GLOBALS" {
            return Err((line, Fault::code(format!("${}", String::from_utf8_lossy(&name)))));
        }
        if name == b"this" {
            return Err((line, Fault::Mistake("PHP does not let a file assign $this".to_owned())));
        }
        let way = self.way()?;
        self.expect("=")?;
        if self.is_next("&") {
            return Err((self.next.line, Fault::code("a reference")));
        }
        let value = self.expression()?;
        self.end_of_statement()?;
        self.store(line, name, way, value)
    }

    fn way(&mut self) -> Result<Way, Located> {
        let mut way = Way::new();
        while self.takes("[")? {
            if self.takes("]")? {
                way.push(None);
                continue;
            }
            let line = self.next.line;
            let key = self.expression()?;
            way.push(Some(key_of(line, &key)?));
            self.expect("]")?;
        }
        Ok(way)
    }

    /// Puts a value where the way leads, through arrays that are made as needed.
    fn store(&mut self, line: usize, name: Vec<u8>, way: Way, value: Value) -> Result<(), Located> {
        if way.len() + value.depth() > DEPTH_MAX {
            return Err((line, too_deep()));
        }
        let shown = String::from_utf8_lossy(&name).into_owned();
        let mut place = self.said.variables.entry(name).or_insert(Value::Null);
        for step in way {
            if *place == Value::Null {
                *place = Value::Array(Array::new(line));
            }
            let Value::Array(array) = place else {
                let what = format!("${shown} has an element assigned, but there is no array");
                return Err((line, Fault::Mistake(what)));
            };
            place = match step {
                Some(key) => array.entry(key),
                None => array.append().ok_or_else(|| (line, no_key_left()))?,
            };
        }
        *place = value;
        Ok(())
    }

    /// `define('NAME', …)`, from the bracket on.
    fn define(&mut self, line: usize) -> Result<(), Located> {
        self.expect("(")?;
        let name = self.name_in_quotes()?;
        self.expect(",")?;
        let value = self.expression()?;
        self.takes(",")?;
        self.expect(")")?;
        if name.windows(2).any(|pair| pair == b"::") {
            return Err((
                line,
                Fault::Mistake("PHP does not let a file define a constant of a class".to_owned()),
            ));
        }
        self.name_constant(line, name, value);
        Ok(())
    }

    /// `const NAME = …, OTHER = …;`, from the name on.
    fn constants(&mut self) -> Result<(), Located> {
        loop {
            let token = self.take()?;
            let Kind::Name(name) = token.kind else {
                return Err(self.fault(&token, "the name of a constant"));
            };
            self.expect("=")?;
            self.constant = true;
            let value = self.expression()?;
            self.constant = false;
            self.name_constant(token.line, name, value);
            if !self.takes(",")? {
                return self.end_of_statement();
            }
        }
    }

    /// The first definition of a constant holds, as in PHP.
    fn name_constant(&mut self, line: usize, name: Vec<u8>, value: Value) {
        if self.is_defined(&name) {
            let shown = String::from_utf8_lossy(&name).into_owned();
            self.warn(line, format!("{shown} is defined already: its first value holds, as in PHP"));
        } else {
            self.said.constants.insert(name, value);
        }
    }

    fn is_defined(&self, name: &[u8]) -> bool {
        let built_in = BUILT_IN.iter().any(|constant| constant.as_bytes() == name);
        let word = ["true", "false", "null"].iter().any(|word| name.eq_ignore_ascii_case(word.as_bytes()));
        built_in || word || self.said.constants.contains_key(name)
    }

    /// `defined('NAME') || define('NAME', …);`, also with `or`, from the bracket on.
    fn define_unless_defined(&mut self) -> Result<(), Located> {
        let asked = self.asked_name()?;
        let token = self.take()?;
        let is_or = match &token.kind {
            Kind::Symbol(symbol) => *symbol == "||",
            Kind::Name(name) => name.eq_ignore_ascii_case(b"or"),
            _ => false,
        };
        if !is_or {
            return Err(self.fault(&token, "||"));
        }
        self.definition(&asked)?;
        self.end_of_statement()
    }

    /// `if (!defined('NAME')) define('NAME', …);`, also in braces, from the bracket on.
    fn define_if_not_defined(&mut self, line: usize) -> Result<(), Located> {
        let other = || (line, Fault::code("if, but for if (!defined('NAME')) define('NAME', …)"));
        self.expect("(")?;
        if !self.takes("!")? {
            return Err(other());
        }
        match self.take()?.kind {
            Kind::Name(name) if name.eq_ignore_ascii_case(b"defined") => {}
            _ => return Err(other()),
        }
        let asked = self.asked_name()?;
        if !self.takes(")")? {
            return Err(other());
        }
        let braces = self.takes("{")?;
        if !self.is_name("define") {
            return Err(other());
        }
        self.definition(&asked)?;
        self.end_of_statement()?;
        if braces {
            self.expect("}")?;
        }
        match self.is_name("else") || self.is_name("elseif") {
            true => Err(other()),
            false => Ok(()),
        }
    }

    /// `('NAME')`.
    fn asked_name(&mut self) -> Result<Vec<u8>, Located> {
        self.expect("(")?;
        let name = self.name_in_quotes()?;
        self.takes(",")?;
        self.expect(")")?;
        Ok(name)
    }

    /// `define('NAME', …)` for a name that was asked for, which holds if there was no constant of it.
    fn definition(&mut self, asked: &[u8]) -> Result<(), Located> {
        let token = self.take()?;
        match &token.kind {
            Kind::Name(name) if name.eq_ignore_ascii_case(b"define") => {}
            _ => return Err(self.fault(&token, "define")),
        }
        let line = token.line;
        if !self.is_defined(asked) {
            return self.define(line);
        }
        // PHP does not come here; what is read here must leave no trace.
        let (constants, warnings) = (self.said.constants.clone(), self.said.warnings.len());
        let read = self.define(line);
        self.said.constants = constants;
        self.said.warnings.truncate(warnings);
        read
    }

    fn name_in_quotes(&mut self) -> Result<Vec<u8>, Located> {
        let token = self.take()?;
        match token.kind {
            Kind::Text(name) => Ok(name),
            _ => Err(self.fault(&token, "the name of a constant in quotes")),
        }
    }

    /// `return;` and nothing after it.
    fn end_of_file(&mut self) -> Result<(), Located> {
        if !self.is_next(";") && self.next.kind != Kind::End {
            self.expression()?;
        }
        self.end_of_statement()?;
        while self.takes(";")? {}
        match self.next.kind {
            Kind::End => Ok(()),
            _ => Err((self.next.line, Fault::code("what comes after return"))),
        }
    }

    /// `;`, which `?>` is, too.
    fn end_of_statement(&mut self) -> Result<(), Located> {
        self.expect(";")
    }

    fn warn(&mut self, line: usize, what: String) {
        self.said.warnings.push((line, what));
    }
}

/// The function of [`SETTINGS`] that a name is.
fn setting_named(kind: &Kind) -> Option<&'static str> {
    let Kind::Name(name) = kind else { return None };
    SETTINGS.into_iter().find(|function| name.eq_ignore_ascii_case(function.as_bytes()))
}

/// A value as a key.
pub(super) fn key_of(line: usize, value: &Value) -> Result<Key, Located> {
    value.to_key().ok_or_else(|| (line, Fault::Mistake("this cannot be the key of an element".to_owned())))
}

/// More than [`DEPTH_MAX`].
pub(super) fn too_deep() -> Fault {
    Fault::TooMuch(format!("more than {DEPTH_MAX} arrays or brackets within each other"))
}

/// PHP has no integer above the largest.
pub(super) fn no_key_left() -> Fault {
    Fault::Mistake("no element can be appended: the largest key is taken".to_owned())
}
