//! Upstream's three sample workers, to try things with.
//!
//! Sources: upstream's `sample_workers/`; original.md §6 for what the gateway shows of them.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;
use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use super::{Answer, Builder, Job, NoService, NotTaken, ParamError, Worker};

/// A sample worker's work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Builtin {
    /// `sleep.php`, for SLEEP: sleeps 0.8 s, and has no value.
    Sleep,
    /// `reverse.php`, for STR-REV: the parameter `str`, reversed. By characters, where PHP's `strrev`
    /// reverses bytes and so breaks all that is not ASCII.
    Reverse,
    /// `random.php`: 100 parts of 32 letters and digits each, then an end without a value.
    Random,
}

impl Builtin {
    /// A worker that does this.
    ///
    /// # Errors
    ///
    /// [`NoService`] if the builder's service has no name.
    pub fn worker(self, builder: Builder) -> Result<Worker, NoService> {
        match self {
            Self::Sleep => builder.handler(|_| sleep(SLEEP)),
            Self::Reverse => builder.handler(|job| async move { reverse(&job) }),
            Self::Random => builder.handler(random),
        }
    }

    /// The service that upstream's sample configuration gives it; it has none for `random.php`.
    pub fn service(self) -> &'static str {
        match self {
            Self::Sleep => "SLEEP",
            Self::Reverse => "STR-REV",
            Self::Random => "RANDOM",
        }
    }
}

/// `sleep`, `reverse` or `random`.
impl FromStr for Builtin {
    type Err = UnknownBuiltin;

    fn from_str(name: &str) -> Result<Self, UnknownBuiltin> {
        match name {
            "sleep" => Ok(Self::Sleep),
            "reverse" => Ok(Self::Reverse),
            "random" => Ok(Self::Random),
            _ => Err(UnknownBuiltin),
        }
    }
}

impl fmt::Display for Builtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sleep => "sleep",
            Self::Reverse => "reverse",
            Self::Random => "random",
        })
    }
}

/// No builtin has this name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the builtin workers are sleep, reverse and random")]
pub struct UnknownBuiltin;

fn reverse(job: &Job) -> Answer {
    match job.json() {
        Ok(param) => reversed(param.get("str").unwrap_or(&Value::Null)),
        // A PHP worker goes on with NULL or FALSE.
        Err(ParamError::Json | ParamError::Php(_)) => reversed(&Value::Null),
        Err(error @ (ParamError::NoJson(_) | ParamError::Shape(_))) => Answer::Failed(error.to_string()),
    }
}

/// As `strrev` takes what it is given: numbers as text, `true` as 1, nothing as "".
fn reversed(value: &Value) -> Answer {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(true) => "1".to_owned(),
        Value::Bool(false) | Value::Null => String::new(),
        Value::Array(_) | Value::Object(_) => return Answer::Failed("str is no text".to_owned()),
    };
    Answer::from(text.chars().rev().collect::<String>())
}

async fn random(job: Job) -> Result<(), NotTaken> {
    let mut random = fastrand::Rng::with_seed(RandomState::new().hash_one(()));
    for _ in 0..100 {
        let part: String = std::iter::repeat_with(|| random.alphanumeric()).take(32).collect();
        job.partial(part).await?;
    }
    Ok(())
}

/// What `sleep.php` sleeps.
const SLEEP: Duration = Duration::from_millis(800);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_is_reversed_by_characters() {
        assert_eq!(reversed(&json!("Hello, world")), Answer::from("dlrow ,olleH"));
        assert_eq!(reversed(&json!("año")), Answer::from("oña"));
    }

    #[test]
    fn what_is_no_text_is_taken_as_php_takes_it() {
        assert_eq!(reversed(&json!(12.5)), Answer::from("5.21"));
        assert_eq!(reversed(&json!(null)), Answer::from(""));
        assert!(matches!(reversed(&json!([1])), Answer::Failed(_)));
    }

    #[test]
    fn builtins_are_found_by_the_names_they_show() {
        for builtin in [Builtin::Sleep, Builtin::Reverse, Builtin::Random] {
            assert_eq!(builtin.to_string().parse(), Ok(builtin));
        }
        assert_eq!("Sleep".parse::<Builtin>(), Err(UnknownBuiltin));
    }
}
