//! Completions and manual pages, from the same words as `--help`.

use super::Cli;
use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;
use std::fs;
use std::io;
use std::path::Path;

pub(super) fn completions(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
    // Not written by clap itself, which panics when the reader of a pipe has had enough.
    io::Write::write_all(&mut io::stdout(), &script)?;
    Ok(())
}

/// One page for each command and each command of a command.
pub(super) fn pages(folder: &Path) -> anyhow::Result<()> {
    let named = || format!("--dir {}", folder.display());
    fs::create_dir_all(folder).with_context(named)?;
    clap_mangen::generate_to(Cli::command().name(NAME), folder).with_context(named)?;
    Ok(())
}

const NAME: &str = "concentrator";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_and_the_pages_say_what_help_says() {
        let folder = tempfile::tempdir().unwrap();
        let pages_folder = folder.path().join("man");
        pages(&pages_folder).unwrap();
        let command = Cli::command();
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            let page = pages_folder.join(format!("concentrator-{}.1", sub.get_name()));
            let text =
                fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
            let about = sub.get_about().unwrap().to_string();
            let word = about.split_whitespace().find(|word| word.chars().all(char::is_alphabetic)).unwrap();
            assert!(text.contains(word), "{} does not say {about:?}", page.display());
        }
        assert!(pages_folder.join("concentrator-dlms-get.1").exists());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let said = pages(Path::new("/proc/none/man")).unwrap_err().to_string();
        assert_eq!(said, "--dir /proc/none/man");
    }
}
