//! What dependencies bring in: their licences, their sources, and crates that we do not want.
//!
//! cargo-deny where it is installed; else the same three questions asked here, of the same
//! `deny.toml`, so that they are asked everywhere. Not asked here: advisories (they need a
//! database from the network), licence texts, doubled versions (cargo-deny warns of them).

mod licence;

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::steps::{Failure, at, cargo, finish, output, root};

/// Asks cargo-deny, or asks itself.
pub(crate) fn run() -> Result<(), Failure> {
    let mut version = Command::new("cargo-deny");
    version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    if version.status().is_ok_and(|status| status.success()) {
        return finish("deny", cargo().args(["deny", "check", "licenses", "bans", "sources"]));
    }
    let path = root().join("deny.toml");
    let text = std::fs::read_to_string(&path).map_err(at(&path))?;
    let rules = Rules::read(&text).ok_or(Failure::NoRules(path))?;
    let metadata = output("cargo metadata", cargo().args(["metadata", "--format-version=1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&metadata).unwrap_or_default();
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let objections: Vec<String> = packages.iter().flat_map(|package| rules.object(package)).collect();
    for objection in &objections {
        eprintln!("{objection}");
    }
    println!("{} packages by our own reading of deny.toml: cargo-deny is not installed", packages.len());
    match objections.is_empty() {
        true => Ok(()),
        false => Err(Failure::Denied(objections.len())),
    }
}

/// `deny.toml`, as far as it is read here.
struct Rules {
    licences: Vec<String>,
    banned: Vec<String>,
    registries: Vec<String>,
}

impl Rules {
    fn read(text: &str) -> Option<Self> {
        let file: toml::Table = text.parse().ok()?;
        let list = |section: &str, key: &str| file.get(section)?.get(key)?.as_array().cloned();
        let words = |list: Vec<toml::Value>| {
            list.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect()
        };
        let banned = list("bans", "deny")?;
        let names = banned.iter().filter_map(|ban| ban.get("name")?.as_str().map(str::to_owned));
        Some(Self {
            licences: words(list("licenses", "allow")?),
            banned: names.collect(),
            registries: words(list("sources", "allow-registry")?),
        })
    }

    /// What is to be said against a package of `cargo metadata`. Our own have no source.
    fn object(&self, package: &Value) -> Vec<String> {
        let field = |name: &str| package[name].as_str().unwrap_or_default();
        let shown = format!("{} {}", field("name"), field("version"));
        let mut objections = Vec::new();
        if self.banned.iter().any(|name| name == field("name")) {
            objections.push(format!("{shown} is banned"));
        }
        if !licence::allowed(field("license"), &self.licences) {
            objections.push(format!("{shown} has the licence {:?}", field("license")));
        }
        let known = self.registries.iter().any(|registry| field("source") == format!("registry+{registry}"));
        if !known && !package["source"].is_null() {
            objections.push(format!("{shown} comes from {}", field("source")));
        }
        objections
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
        licenses = { allow = ["MIT"] }
        bans = { deny = [{ name = "zmq-sys" }] }
        sources = { allow-registry = ["https://example.org/index"] }
    "#;

    fn objections(name: &str, licence: &str, source: Option<&str>) -> Vec<String> {
        let rules = Rules::read(RULES).expect("the rules are complete");
        rules.object(
            &serde_json::json!({"name": name, "version": "1.0.0", "license": licence, "source": source}),
        )
    }

    #[test]
    fn each_rule_finds_what_breaks_it() {
        let registry = Some("registry+https://example.org/index");
        assert_eq!(objections("a", "MIT", registry), [""; 0]);
        assert_eq!(objections("a", "MIT", None), [""; 0]);
        assert_eq!(objections("a", "GPL-3.0", registry), ["a 1.0.0 has the licence \"GPL-3.0\""]);
        assert_eq!(objections("zmq-sys", "MIT", registry), ["zmq-sys 1.0.0 is banned"]);
        let git = Some("git+https://example.org/a");
        assert_eq!(objections("a", "MIT", git), ["a 1.0.0 comes from git+https://example.org/a"]);
    }

    #[test]
    fn the_rules_of_the_project_can_be_read() {
        let rules = Rules::read(include_str!("../../deny.toml")).expect("deny.toml has all sections");
        assert!(rules.licences.iter().any(|licence| licence == "MIT"));
    }
}
