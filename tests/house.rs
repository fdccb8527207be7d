//! The house rules, held by a test: what no compiler checks and every reader relies on.
//!
//! Sizes of files and functions, headers, who may depend on whom, a page for every code, links
//! that lead somewhere, and nothing left over from work in progress. Reading is plain text on
//! purpose: the rules are simple enough, and sources are formatted by rustfmt, so a function ends
//! at the brace that stands where its first line began.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bursar_domain::code::Code;

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const HEADER_LINES_MIN: usize = 3;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files of the project with one of these endings, and their text.
fn files(endings: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder can be read") {
            let path = entry.expect("an entry can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                if !(name.starts_with('.') || matches!(name, "target" | "data" | "node_modules")) {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                let text = fs::read_to_string(&path);
                let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                found.push((path.strip_prefix(root()).expect("under the root").to_owned(), text));
            }
        }
    }
    assert!(!found.is_empty(), "{endings:?}");
    found.sort();
    found
}

/// Fails with all faults at once.
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn files_are_short() {
    let long = files(&[".rs"]).into_iter().filter_map(|(path, text)| {
        let lines = text.lines().count();
        (lines >= FILE_LINES_MAX).then(|| format!("{}: {lines} lines", path.display()))
    });
    none(&long.collect::<Vec<_>>());
}

#[test]
fn functions_are_short() {
    let mut faults = Vec::new();
    for (path, text) in files(&[".rs"]) {
        let lines: Vec<_> = text.lines().collect();
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| begins_function(line)) {
            let length = function_length(&lines[index..]);
            if length >= FUNCTION_LINES_MAX {
                let line = line.trim();
                faults.push(format!("{}:{}: {length} lines: {line}", path.display(), index + 1));
            }
        }
    }
    none(&faults);
}

fn begins_function(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let word = words.find(|word| {
        let qualifier = matches!(*word, "pub" | "const" | "async" | "unsafe" | "default");
        !(qualifier || word.starts_with("pub("))
    });
    word == Some("fn")
}

/// From its first line to the brace, or the semicolon, that stands where the first line began.
fn function_length(lines: &[&str]) -> usize {
    let first = lines[0];
    if first.ends_with('}') || first.ends_with(';') {
        return 1;
    }
    let indent = &first[..first.len() - first.trim_start().len()];
    let ends = |line: &&str| {
        let Some(rest) = line.strip_prefix(indent) else { return false };
        rest == "}" || (rest.starts_with(')') && rest.ends_with(';'))
    };
    lines.iter().position(ends).map_or(lines.len(), |last| last + 1)
}

#[test]
fn every_file_says_what_it_is() {
    let bare = files(&[".rs"]).into_iter().filter_map(|(path, text)| {
        let header = text.lines().take_while(|line| line.starts_with("//!")).count();
        (header < HEADER_LINES_MIN).then(|| format!("{}: {header} lines", path.display()))
    });
    none(&bare.collect::<Vec<_>>());
}

/// The names in `[dependencies]` of a crate, not those for its tests.
fn dependencies(folder: &str) -> BTreeSet<String> {
    let path = root().join(folder).join("Cargo.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut names = BTreeSet::new();
    let mut section = "";
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']);
            if let Some(name) = section.strip_prefix("dependencies.") {
                names.insert(name.to_owned());
            }
        } else if section == "dependencies"
            && let Some((name, _)) = line.split_once(['.', '=', ' '])
            && !name.starts_with('#')
        {
            names.insert(name.to_owned());
        }
    }
    names
}

#[test]
fn crates_depend_only_downwards() {
    let mut faults = Vec::new();
    let mut forbid = |folder: &str, forbidden: &[&str]| {
        let names = dependencies(folder);
        assert!(!names.is_empty(), "{folder} depends on something");
        for name in forbidden.iter().filter(|name| names.contains(**name)) {
            faults.push(format!("{folder} depends on {name}"));
        }
    };
    let domain = ["actix", "actix-web", "actix-rt", "tokio", "sled", "futures-util", "reqwest"];
    forbid("actors/domain", &domain);
    forbid("actors/domain", &["bursar", "bursar-actors", "bursar-snapshots"]);
    forbid("snapshots", &["actix", "actix-web", "tokio", "bursar", "bursar-actors"]);
    forbid("actors", &["actix-web", "actix-ws", "sled", "bursar", "reqwest"]);
    forbid("simulator", &["actix", "actix-web", "actix-rt", "sled", "bursar", "reqwest"]);
    none(&faults);
    let ours = |folder: &str| dependencies(folder).into_iter().filter(|n| n.starts_with("bursar"));
    assert_eq!(ours("actors/domain").count(), 0);
    assert!(ours("snapshots").eq(["bursar-domain"]));
    assert!(ours("actors").eq(["bursar-domain", "bursar-snapshots"]));
}

/// Bugs that tests switch on (`bursar_domain::planted`) are in no build that does not ask for them,
/// and the server does not know how to ask. Should someone ask for it, `src/main.rs` does not compile.
#[test]
fn planted_bugs_are_no_part_of_the_server() {
    let mut faults = Vec::new();
    for (path, text) in files(&["Cargo.toml"]) {
        let is_server = path == Path::new("Cargo.toml");
        for line in text.lines().filter(|line| line.contains("planted")) {
            // Who depends on a crate, or is built by default, asks for no bugs.
            let asks = line.starts_with("bursar") || line.starts_with("default");
            if is_server || asks {
                faults.push(format!("{}: {line}", path.display()));
            }
        }
    }
    for (path, text) in files(&[".rs"]) {
        let count = text.matches("planted::").count();
        let expected = usize::from(path == Path::new("src/main.rs"));
        if path.starts_with("src") && count != expected {
            faults.push(format!("{}: planted bugs are named {count} times", path.display()));
        }
    }
    none(&faults);
}

#[test]
fn the_store_asks_its_machine_through_the_port() {
    let (mut faults, mut homes) = (Vec::new(), 0);
    for (path, text) in files(&[".rs"]) {
        if path.ends_with("sled_store/directory.rs") {
            homes += 1;
        } else if path.starts_with("snapshots/src") && text.contains("sled::") {
            faults.push(format!("{}: only the directory knows sled", path.display()));
        }
    }
    none(&faults);
    assert_eq!(homes, 1);
}

#[test]
fn the_rules_read_no_clock_and_no_disk() {
    let forbidden = ["SystemTime", "Instant::now", "Timestamp::now", "std::fs", "std::net"];
    let mut faults = Vec::new();
    for (path, text) in files(&[".rs"]) {
        if path.starts_with("actors/domain/src") {
            let used = forbidden.iter().filter(|word| text.contains(**word));
            faults.extend(used.map(|word| format!("{}: {word}", path.display())));
        }
    }
    none(&faults);
}

#[test]
fn the_simulators_judge_knows_nothing_of_the_product() {
    let mut faults = Vec::new();
    for (path, text) in files(&[".rs"]) {
        let judges = ["simulator/src/facts", "simulator/src/model"];
        if judges.iter().any(|folder| path.starts_with(folder)) {
            let used = ["bursar_domain", "bursar_actors", "bursar_snapshots", "crate::lens"];
            let used = used.into_iter().filter(|word| text.contains(word));
            faults.extend(used.map(|word| format!("{}: {word}", path.display())));
        }
    }
    none(&faults);
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let codes: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    let folder = root().join("docs/errors");
    let pages = fs::read_dir(&folder).expect("docs/errors is there").filter_map(|entry| {
        let name = entry.expect("an entry can be read").file_name().into_string().ok()?;
        let name = name.strip_suffix(".md")?.to_owned();
        (name != "README").then_some(name)
    });
    let pages: BTreeSet<_> = pages.collect();
    let without_page = codes.difference(&pages).map(|code| format!("{code} has no page"));
    let without_code = pages.difference(&codes).map(|page| format!("{page}.md has no code"));
    none(&without_page.chain(without_code).collect::<Vec<_>>());
}

#[test]
fn links_in_documents_lead_to_files() {
    let mut faults = Vec::new();
    for (path, text) in files(&[".md"]) {
        let folder = root().join(&path);
        let folder = folder.parent().expect("a file is in a folder");
        for target in links(&text) {
            let target = target.split('#').next().unwrap_or_default();
            if !target.is_empty() && !folder.join(target).exists() {
                faults.push(format!("{}: {target}", path.display()));
            }
        }
    }
    none(&faults);
}

/// The targets of a document's links, but for those that leave the project. Code is no link.
fn links(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let mut rest = if in_code { "" } else { line };
        while let Some((_, after)) = rest.split_once("](") {
            let Some((target, after)) = after.split_once(')') else { break };
            rest = after;
            let target = target.split(' ').next().unwrap_or_default();
            if !(target.contains("://") || target.starts_with("mailto:")) {
                found.push(target);
            }
        }
    }
    found
}

#[test]
fn nothing_is_left_over() {
    // Put together here, so that this file does not find itself. Three X are no marker: ISO 4217
    // has them as the code of no currency.
    let markers = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["to", "do!("],
        ["unimple", "mented!("],
        ["db", "g!("],
        ["#[ig", "nore"],
    ]
    .map(|parts| parts.concat());
    let mut faults = Vec::new();
    for (path, text) in files(&[".rs", ".md", ".toml", ".sh"]) {
        for (index, line) in text.lines().enumerate() {
            for marker in markers.iter().filter(|marker| line.contains(marker.as_str())) {
                faults.push(format!("{}:{}: {marker}", path.display(), index + 1));
            }
        }
    }
    none(&faults);
}

#[test]
fn the_reader_of_functions_finds_their_ends() {
    for (text, length) in [
        ("fn a() {}", 1),
        ("    fn a();", 1),
        ("pub(crate) async fn a() {\n    1\n}\nfn b() {}", 3),
        ("    fn a(\n        b: u8,\n    ) -> u8;\n", 3),
        ("    fn a() {\n        if b {\n        }\n    }\n}", 4),
    ] {
        let lines: Vec<_> = text.lines().collect();
        assert!(begins_function(lines[0]), "{text}");
        assert_eq!(function_length(&lines), length, "{text}");
    }
    assert!(!begins_function("let fn_name = 1;"));
    assert!(!begins_function("// fn a() {"));
}

#[test]
fn the_reader_of_links_leaves_code_and_the_web_alone() {
    let text = "[a](b.md#c) [d](https://e) `[x]`\n```\n[f](g.md)\n```\n[h](i.md \"title\")";
    assert_eq!(links(text), ["b.md#c", "i.md"]);
}
