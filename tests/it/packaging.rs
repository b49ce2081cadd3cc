//! What packages are made of: the files that the metadata names are there, the unit stands systemd's own checks, and
//! every command line in the unit and the Dockerfile is one that the program has.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The values of a setting in the unit.
fn unit(setting: &str) -> Vec<String> {
    let text = read("packaging/zmws.service");
    let of_setting = |line: &str| Some(line.strip_prefix(setting)?.strip_prefix('=')?.to_owned());
    text.lines().filter_map(of_setting).collect()
}

/// Lines of the Dockerfile that begin with a word, continued ones whole.
fn dockerfile(word: &str) -> Vec<String> {
    let text = read("packaging/Dockerfile").replace("\\\n", " ");
    text.lines().filter(|line| line.split_whitespace().next() == Some(word)).map(str::to_owned).collect()
}

/// The JSON list at the end of a line: `CMD ["a", "b"]`.
fn words(line: &str) -> Vec<String> {
    let list = line.find('[').map(|at| &line[at..]).expect("the line has a list");
    serde_json::from_str(list).expect("the list is JSON")
}

/// That the program has this command with these flags, and that it takes no word that is none of its own.
fn check_command_line(words: &[String]) {
    let (command, flags) = words.split_first().expect("there is a command");
    let help =
        Command::new(env!("CARGO_BIN_EXE_zmws")).args([command, "--help"]).output().expect("it can be run");
    assert!(help.status.success(), "there is no zmws {command}");
    let help = String::from_utf8(help.stdout).expect("help is text");
    let known: Vec<&str> = help.split([' ', ',', '\n', '[', ']', '=']).collect();
    for flag in flags.iter().filter(|word| word.starts_with('-')) {
        assert!(known.contains(&flag.as_str()), "zmws {command} has no {flag}");
    }
}

/// A program of systemd's, or `None` if it is not on this machine.
fn systemd_analyze(args: &[&str]) -> Option<(bool, String)> {
    let Ok(output) = Command::new("systemd-analyze").args(args).current_dir(root()).output() else {
        println!("left out: systemd-analyze is not here");
        return None;
    };
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

/// `cargo install --path .` and `--path compat` put these into everybody's PATH, and nothing else.
#[test]
fn what_is_installed_has_names_of_ours() {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let metadata =
        cargo.args(["metadata", "--no-deps", "--offline", "--format-version=1"]).current_dir(root());
    let output = metadata.output().expect("cargo is here");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let programs = |package: &str| {
        let packages = metadata["packages"].as_array().expect("packages");
        let found = packages.iter().find(|one| one["name"] == package).expect("it is a member");
        let targets = found["targets"].as_array().expect("targets").iter();
        let programs = targets.filter(|target| target["kind"][0] == "bin");
        programs.filter_map(|target| target["name"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(programs("zmws"), ["zmws"]);
    assert_eq!(programs("zmws-compat"), ["zmws-trace"]);
}

/// A word of an asset: its path, its target, its mode.
fn part(asset: &toml_edit::Value, number: usize) -> Option<&str> {
    asset.as_array()?.get(number)?.as_str()
}

#[test]
fn every_file_that_the_package_has_is_in_the_repository() {
    let manifest: toml_edit::DocumentMut = read("Cargo.toml").parse().expect("it is TOML");
    let deb = &manifest["package"]["metadata"]["deb"];
    let assets = deb["assets"].as_array().expect("a list of files");
    let mut checked = 0;
    for asset in assets {
        let path = part(asset, 0).expect("each begins with a path");
        if path.starts_with("target/") {
            continue;
        }
        let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
        let (start, end) = name.split_once('*').unwrap_or((name, ""));
        let entries =
            std::fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let found = entries.flatten().any(|entry| {
            let found = entry.file_name().to_string_lossy().into_owned();
            found.starts_with(start) && found.ends_with(end) && (name.contains('*') || found == name)
        });
        assert!(found, "{path} is not there");
        checked += 1;
    }
    assert!(checked >= 5, "{checked} files");
    let targets: Vec<&str> = assets.iter().filter_map(|asset| part(asset, 1)).collect();
    for file in deb["conf-files"].as_array().expect("a list").iter().filter_map(|file| file.as_str()) {
        assert!(
            targets.contains(&file.trim_start_matches('/')),
            "{file} is kept on upgrades, and not installed"
        );
    }
    let units = &deb["systemd-units"];
    let name = units["unit-name"].as_str().expect("a unit");
    let folder = units["unit-scripts"].as_str().expect("a folder");
    assert!(root().join(folder).join(format!("{name}.service")).is_file());
}

#[test]
fn the_unit_stands_systemd_s_checks() {
    // The program is not installed where the unit has it, so that one is taken that is.
    let folder = std::env::temp_dir().join(format!("zmws-packaging-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder of ours");
    let copy: PathBuf = folder.join("zmws.service");
    let text = read("packaging/zmws.service").replace("/usr/bin/zmws", env!("CARGO_BIN_EXE_zmws"));
    std::fs::write(&copy, text).expect("it can be written");
    let verified = systemd_analyze(&["verify", "--man=no", copy.to_str().expect("UTF-8")]);
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
    let Some((ok, said)) = verified else { return };
    let complaints: Vec<&str> = said.lines().filter(|line| line.contains("zmws.service")).collect();
    assert!(ok && complaints.is_empty(), "{said}");
}

#[test]
fn what_the_unit_leaves_open_is_little() {
    let Some((ok, said)) =
        systemd_analyze(&["security", "--offline=true", "--threshold=20", "packaging/zmws.service"])
    else {
        return;
    };
    assert!(ok, "{said}");
    assert!(said.contains("Overall exposure level"), "{said}");
}

#[test]
fn the_unit_starts_and_reloads_as_the_program_can() {
    for setting in ["ExecStart", "ExecReload"] {
        let lines = unit(setting);
        assert_eq!(lines.len(), 1, "{setting}");
        let words: Vec<String> = lines[0].split(' ').map(str::to_owned).collect();
        assert_eq!(words[0], "/usr/bin/zmws");
        check_command_line(&words[1..]);
        assert!(words.ends_with(&["-c".to_owned(), "/etc/zmws/zmws.toml".to_owned()]), "{words:?}");
    }
}

#[test]
fn the_container_starts_and_is_asked_as_the_program_can() {
    assert_eq!(words(&dockerfile("ENTRYPOINT")[0]), ["/usr/bin/zmws"]);
    check_command_line(&words(&dockerfile("CMD")[0]));
    check_command_line(&words(&dockerfile("HEALTHCHECK")[0])[1..]);
    for line in dockerfile("COPY").iter().filter(|line| !line.contains("--from")) {
        let from = line.split_whitespace().nth(1).expect("a file");
        assert!(root().join(from).exists(), "{line}");
    }
}

#[test]
fn the_configurations_of_unit_and_container_are_fine_and_use_the_directories_that_are_made() {
    for file in ["packaging/zmws.toml", "packaging/container.toml"] {
        let check = Command::new(env!("CARGO_BIN_EXE_zmws"))
            .args(["config", "check", "-c", file])
            .current_dir(root())
            .output()
            .expect("it can be run");
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
        let config: toml_edit::DocumentMut = read(file).parse().expect("it is TOML");
        assert_eq!(config["supervisor"]["run_dir"].as_str(), Some("/run/zmws"), "{file}");
        assert_eq!(config["supervisor"]["log_dir"].as_str(), Some("/var/log/zmws"), "{file}");
    }
    assert_eq!(unit("RuntimeDirectory"), ["zmws"]);
    assert_eq!(unit("LogsDirectory"), ["zmws"]);
}
