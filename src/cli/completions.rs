//! `zmws completions`: what a shell completes.

use clap::CommandFactory;
use clap::ValueEnum;
use zmws::console::output;

use super::operator::cannot_write;
use super::{Cli, Failure};

/// Print what makes a shell complete the words of zmws
///
/// bash: `zmws completions bash > ~/.local/share/bash-completion/completions/zmws`; zsh: into a file `_zmws` in a
/// folder of $fpath; fish: `zmws completions fish > ~/.config/fish/completions/zmws.fish`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// The shells that are known.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    pub(super) const ALL: [Self; 3] = [Self::Bash, Self::Zsh, Self::Fish];

    /// The file's name, where the shell looks for it.
    pub(super) fn file_name(self) -> &'static str {
        match self {
            Self::Bash => "zmws.bash",
            Self::Zsh => "_zmws",
            Self::Fish => "zmws.fish",
        }
    }

    /// The shell's script.
    pub(super) fn script(self) -> Vec<u8> {
        let shell = match self {
            Self::Bash => clap_complete::Shell::Bash,
            Self::Zsh => clap_complete::Shell::Zsh,
            Self::Fish => clap_complete::Shell::Fish,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "zmws", &mut script);
        script
    }
}

/// Prints the script.
pub(super) fn run(args: Args) -> Result<(), Failure> {
    let script = String::from_utf8_lossy(&args.shell.script()).into_owned();
    output::print_text(&script).map(drop).map_err(cannot_write)
}
