//! The help of all commands as Markdown.

use std::fmt::Write;

use clap::builder::StyledStr;
use clap::{Arg, Command};

use super::statuses;

/// A page with a chapter a command.
pub(super) fn markdown(root: &Command) -> String {
    let mut page = String::from(
        "# Commands\n\n\
         <!-- Generated from the program by `cargo xtask docs`. Changes go into src/cli/. -->\n\n\
         Words in CAPITALS stand for yours. A flag may be given with one dash or two, as `--flag value` or \
         `--flag=value`; the last one counts. What the exit status of each command means stands at the \
         [end](#exit-statuses).\n\n\
         A DURATION is a number and its unit, as `250ms`, `5s`, `10m`, `1.5h` or `7d`; a number without a unit is \
         one of seconds. It is the same in flags, variables, files and HTTP requests.\n",
    );
    for command in root.get_subcommands().filter(|command| !command.is_hide_set()) {
        chapter(&mut page, command, 2);
    }
    page + &statuses::chapter()
}

fn chapter(page: &mut String, command: &Command, depth: usize) {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).replace('-', " ");
    let _ = write!(page, "\n{} {name}\n\n", "#".repeat(depth));
    let about = command.get_long_about().or_else(|| command.get_about());
    push_text(page, about);
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim().trim_start_matches("Usage: ");
    let _ = write!(page, "\n```text\n{usage}\n```\n");
    let shown = |arg: &&Arg| !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str());
    let (places, flags): (Vec<_>, Vec<_>) =
        command.get_arguments().filter(shown).partition(|arg| arg.is_positional());
    for arg in places.into_iter().chain(flags) {
        entry(page, arg);
    }
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        chapter(page, inner, depth + 1);
    }
}

/// One argument: its names, what it means, its values and its default.
fn entry(page: &mut String, arg: &Arg) {
    let value = arg.get_value_names().unwrap_or_default().iter().map(|name| name.to_string()).next();
    let value = value.filter(|_| arg.get_action().takes_values());
    let head = match (arg.get_long(), arg.get_short(), &value) {
        (None, None, value) => value.clone().unwrap_or_default(),
        (Some(long), short, value) => {
            let short = short.map_or(String::new(), |letter| format!("-{letter}, "));
            format!("{short}--{long}{}", value.as_ref().map_or(String::new(), |value| format!(" {value}")))
        }
        (None, Some(short), value) => {
            format!("-{short}{}", value.as_ref().map_or(String::new(), |value| format!(" {value}")))
        }
    };
    let _ = writeln!(page, "\n`{head}`  ");
    push_text(page, arg.get_long_help().or_else(|| arg.get_help()));
    let remarks = remarks(arg);
    if !remarks.is_empty() {
        // A line of its own in the same paragraph.
        page.truncate(page.trim_end().len());
        let _ = writeln!(page, "  \n*{}*", remarks.join("; "));
    }
}

fn remarks(arg: &Arg) -> Vec<String> {
    let code =
        |words: Vec<String>| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let mut remarks = Vec::new();
    let values =
        arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect::<Vec<_>>();
    if !values.is_empty() && arg.get_action().takes_values() {
        remarks.push(format!("one of {}", code(values)));
    }
    let defaults: Vec<_> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if !defaults.is_empty() && arg.get_action().takes_values() {
        remarks.push(format!("default {}", code(defaults)));
    }
    let aliases: Vec<_> =
        arg.get_visible_aliases().unwrap_or_default().iter().map(|alias| format!("--{alias}")).collect();
    if !aliases.is_empty() {
        remarks.push(format!("also {}", code(aliases)));
    }
    if let Some(variable) = arg.get_env() {
        remarks
            .push(format!("or {} in the environment", code(vec![variable.to_string_lossy().into_owned()])));
    }
    remarks
}

/// Help text, with what Markdown would take for itself escaped; text in backquotes is as it stands.
fn push_text(page: &mut String, text: Option<&StyledStr>) {
    let Some(text) = text else { return };
    for line in text.to_string().trim_end().lines() {
        let mut code = false;
        let mut shown = String::new();
        for letter in line.chars() {
            code ^= letter == '`';
            match letter {
                '*' | '_' | '<' | '>' | '[' | ']' | '|' if !code => shown.extend(['\\', letter]),
                _ => shown.push(letter),
            }
        }
        let _ = writeln!(page, "{text}");
    }
}
