//! Wrong usage that the reader of the words does not find by itself, and what was meant by words that it does not know.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Error};

use super::{Cli, Command, layers};

/// Refuses words that do not go together.
pub(super) fn checked(cli: Cli) -> Result<Cli, Error> {
    let wrong = match &cli.command {
        Command::Call(args) => args.wrong().map(|what| ("call", what)),
        _ => None,
    };
    let Some((name, what)) = wrong else { return Ok(cli) };
    let mut root = Cli::command();
    root.build();
    let command = root.find_subcommand_mut(name).expect("it is a command of ours");
    Err(command.error(ErrorKind::ArgumentConflict, what))
}

/// Words that other programs have, and ours for the same.
const MEANT: [(&str, &str); 18] = [
    ("retry", "jobs retry JOB"),
    ("delete", "jobs delete JOB"),
    ("job", "jobs"),
    ("list", "jobs"),
    ("queue", "jobs"),
    ("queues", "status"),
    ("ps", "status"),
    ("workers", "status"),
    ("services", "status"),
    ("log", "tail"),
    ("logs", "tail"),
    ("init", "config init"),
    ("check", "config check"),
    ("import", "config import"),
    ("server", "broker"),
    ("run", "up"),
    ("serve", "up"),
    ("unpause", "resume"),
];

/// Flags that variables with other names than ours set.
const VARIABLES: [(&str, &str); 4] = [
    ("--heartbeat-interval", "HEARTBEAT_INTERVAL"),
    ("--heartbeat-maxtries", "HEARTBEAT_MAXTRIES"),
    ("--admin", "ZMWS_ADMIN"),
    ("--config", "ZMWS_CONFIG"),
];

/// The same with a tip, if it is about a word that means something elsewhere, or a value that was not typed.
pub(super) fn with_tip(error: Error) -> Error {
    of_environment(of_elsewhere(error))
}

fn of_environment(mut error: Error) -> Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let (flag, value) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue));
    let is_it = |(name, variable): &&(&str, &str)| {
        flag.split(' ').next() == Some(name) && layers::environment(variable).as_ref() == Some(&value)
    };
    if let Some((_, variable)) = VARIABLES.iter().find(is_it) {
        let tip = StyledStr::from(format!("the value is that of {variable} in the environment"));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

fn of_elsewhere(mut error: Error) -> Error {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return error };
    let Some((_, meant)) = MEANT.iter().find(|(other, _)| other == word) else { return error };
    let tip = StyledStr::from(format!("you may mean `zmws {meant}`"));
    error.remove(ContextKind::SuggestedSubcommand);
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    error
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn what_a_word_may_mean_is_something_that_there_is() {
        for (word, meant) in MEANT {
            let error = Cli::try_parse_from(["zmws", word]).expect_err("it is not a command of ours");
            let said = with_tip(error).to_string();
            assert!(said.contains(&format!("tip: you may mean `zmws {meant}`")), "{said}");
            let words = ["zmws"].into_iter().chain(meant.split(' '));
            if let Err(error) = Cli::try_parse_from(words) {
                assert!(error.kind() != ErrorKind::InvalidSubcommand, "{meant}: {error}");
            }
        }
    }
}
