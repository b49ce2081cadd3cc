//! `zmws generate`: manual pages, completions and the reference of commands, from the commands' own definition.
//!
//! For `cargo xtask docs` and for those who make packages. What is written depends on the program alone: on no date,
//! no width of a terminal, no environment.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory, ValueEnum};

use super::completions::Shell;
use super::{Cli, Failure};

mod reference;
mod statuses;

/// Write manual pages, completions, or the reference of all commands
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to write
    #[arg(value_name = "WHAT")]
    what: What,

    /// Folder to write it into; it is made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// zmws.1, and one for each command
    Man,
    /// zmws.bash, _zmws, zmws.fish
    Completions,
    /// cli.md: the help of all commands as Markdown
    Cli,
}

/// Writes it.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    let written = fs::create_dir_all(&args.out).and_then(|()| match args.what {
        What::Man => man(&args.out),
        What::Completions => completions(&args.out),
        What::Cli => fs::write(args.out.join("cli.md"), reference::markdown(&definition())),
    });
    written.map_err(|error| format!("cannot write into {}: {error}", args.out.display()))
}

/// All commands as they are defined, ready to be read: with their names in full.
fn definition() -> Command {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}

fn man(out: &Path) -> io::Result<()> {
    let command = definition();
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
    for command in [&command].into_iter().chain(shown) {
        man_page(command, out)?;
    }
    Ok(())
}

/// A page for a command, and for each of its own commands.
fn man_page(command: &Command, out: &Path) -> io::Result<()> {
    let is_root = command.get_name() == "zmws";
    let title = command.get_display_name().unwrap_or("zmws").to_uppercase();
    let page = clap_mangen::Man::new(command.clone()).title(title).source("zmws").manual("zmws");
    page.generate_to(out)?;
    for inner in command.get_subcommands().filter(|inner| !is_root && !inner.is_hide_set()) {
        man_page(inner, out)?;
    }
    Ok(())
}

fn completions(out: &Path) -> io::Result<()> {
    for shell in Shell::ALL {
        fs::write(out.join(shell.file_name()), shell.script())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }

    /// Commands as they are typed: those that have commands of their own only by them, unless they do something alone.
    fn typed(command: &Command, before: &str) -> Vec<String> {
        let shown = command.get_subcommands().filter(|inner| !inner.is_hide_set());
        let of = |inner: &Command| {
            let name = format!("{before}{}", inner.get_name());
            let below = typed(inner, &format!("{name} "));
            let alone = below.is_empty() || !inner.is_subcommand_required_set();
            alone.then(|| name.clone()).into_iter().chain(below).collect::<Vec<_>>()
        };
        shown.flat_map(of).collect()
    }

    #[test]
    fn every_command_says_what_its_exit_status_means() {
        let rows: Vec<String> = statuses::ROWS.iter().map(|(command, ..)| (*command).to_owned()).collect();
        assert_eq!(rows, typed(&definition(), ""));
    }

    #[test]
    fn what_is_hidden_is_in_no_reference() {
        let text = reference::markdown(&definition());
        assert!(text.contains("## zmws completions") && !text.contains("zmws generate"), "{text}");
    }
}
