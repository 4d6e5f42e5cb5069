//! The check that imports go down only, on two levels: from folder to folder, and from room to room in a folder that
//! has rooms. It names every import that goes up or sideways, and every circle of files that import one another.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::source::{code_only, paths, without_tests};

/// The modules that each top-level module may import besides itself; this holds for a module's tests too. The table is
/// in CONTRIBUTING.md.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    // floor 0
    ("dns", &[]),
    ("diag", &[]),
    ("files", &[]),
    ("histogram", &[]),
    // floor 1: they do not know each other
    ("azure", &["dns", "diag"]),
    ("zone", &["dns", "diag", "files"]),
    ("host", &["diag", "files"]),
    ("tls", &["diag", "files"]),
    // floor 2: they do not know each other
    ("sync", &["dns", "diag", "files", "azure", "zone"]),
    ("forward", &["dns", "diag", "files", "histogram", "azure", "zone"]),
    ("transfer", &["dns", "diag", "files", "azure", "zone"]),
    // floor 3: they do not know each other
    ("feed", &["dns", "diag", "files", "azure", "zone", "sync"]),
    ("server", &["dns", "diag", "files", "histogram", "azure", "zone", "host", "tls", "sync", "forward", "transfer"]),
    // beside the floors: only config, for its settings, and the daemon import these
    ("watch", &["dns", "diag", "azure", "zone"]),
    ("telemetry", &["dns", "diag", "azure", "zone", "sync", "forward", "server"]),
    // floor 4
    ("status", &["dns", "diag", "histogram", "azure", "zone", "tls", "sync", "forward", "transfer", "server"]),
    // floor 5
    ("explain", &["dns", "diag", "files", "azure", "zone", "sync", "forward", "server", "status"]),
    // floor 6: they do not know each other
    ("control", &["dns", "diag", "files", "azure", "zone", "sync", "forward", "server", "status", "explain"]),
    ("admin", &["dns", "diag", "files", "azure", "zone", "host", "sync", "forward", "server", "status", "explain"]),
    // floor 7
    (
        "config",
        &[
            "dns",
            "diag",
            "files",
            "azure",
            "zone",
            "tls",
            "sync",
            "forward",
            "transfer",
            "feed",
            "server",
            "control",
            "admin",
            "watch",
            "telemetry",
        ],
    ),
    // floor 8
    (
        "daemon",
        &[
            "dns",
            "diag",
            "files",
            "azure",
            "zone",
            "host",
            "tls",
            "sync",
            "forward",
            "transfer",
            "feed",
            "server",
            "status",
            "explain",
            "control",
            "admin",
            "config",
            "watch",
            "telemetry",
        ],
    ),
    // floor 9
    (
        "cli",
        &[
            "dns", "diag", "files", "azure", "zone", "host", "tls", "sync", "forward", "feed", "server", "status",
            "explain", "control", "config", "daemon",
        ],
    ),
    // the entrances
    ("main", &["cli"]),
    ("lib", &[]),
];

/// The rooms of a folder by floor, the lowest first. A room imports only from lower floors; rooms of one floor do not
/// know each other. The folder's own `mod.rs` shows the rooms to others and holds nothing that a room needs.
const ROOMS: &[(&str, &[&[&str]])] = &[
    (
        "forward",
        &[
            &["client_network", "ids", "question", "queue", "settings", "status"],
            &["callback", "scrub", "transport"],
            &["upstream"],
            &["engine"],
            &["harness", "upstreams"],
            &["cache"],
            &["resolver"],
        ],
    ),
    (
        "server",
        &[
            &["views"],
            &["context", "misses", "recent"],
            &["admission", "counters"],
            &["observer"],
            &["settings"],
            &["snapshot"],
            &["query"],
            &["fast"],
            &["answerer"],
            &["harness", "transport"],
        ],
    ),
];

/// One file: its module's path below `src`, and its text.
struct Module {
    file: PathBuf,
    path: Vec<String>,
    text: String,
}

/// Checks every file below `src`; the error lists each import that is not allowed, with file and line.
pub(crate) fn check(src: &Path) -> Result<(), String> {
    let mut modules = Vec::new();
    for file in files(src)? {
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        modules.push(Module::new(file.strip_prefix(src).unwrap_or(&file), &text));
    }
    let mut wrong: Vec<String> = modules.iter().flat_map(Module::wrong_folders).collect();
    wrong.extend(modules.iter().flat_map(Module::wrong_rooms));
    wrong.extend(circles(&modules));
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

impl Module {
    fn new(file: &Path, text: &str) -> Self {
        let mut path: Vec<String> =
            file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
        path.pop_if(|last| last == "mod" || last == "lib");
        Self { file: file.to_owned(), path, text: code_only(text) }
    }

    fn top(&self) -> &str {
        self.path.first().map_or("lib", String::as_str)
    }

    fn is_test(&self) -> bool {
        self.path.iter().any(|part| part == "tests") || self.path.last().is_some_and(|last| last == "model")
    }

    /// The imports between folders that are not allowed.
    fn wrong_folders(&self) -> Vec<String> {
        let (file, own) = (self.file.display(), self.top());
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(module, _)| *module == own) else {
            return vec![format!("src/{file}: module '{own}' is on no floor; give it one in xtask/src/floors.rs")];
        };
        let known = |name: &str| MAY_IMPORT.iter().any(|(module, _)| *module == name);
        paths(&self.text, &["crate", "privatelink_dns"])
            .into_iter()
            .filter_map(|(line, path)| Some((line, path.into_iter().nth(1)?)))
            .filter(|(_, name)| *name != own && known(name) && !allowed.contains(&name.as_str()))
            .map(|(line, name)| format!("src/{file}:{line}: '{own}' may not import '{name}': imports go down only"))
            .collect()
    }

    /// The imports between rooms that are not allowed.
    fn wrong_rooms(&self) -> Vec<String> {
        let (file, top) = (self.file.display(), self.top());
        let (Some((_, floors)), Some(own)) = (ROOMS.iter().find(|(folder, _)| *folder == top), self.path.get(1)) else {
            return Vec::new();
        };
        if self.is_test() {
            return Vec::new();
        }
        let floor = |room: &str| floors.iter().position(|rooms| rooms.contains(&room));
        let Some(here) = floor(own) else {
            return vec![format!("src/{file}: room '{top}::{own}' is on no floor; give it one in xtask/src/floors.rs")];
        };
        let told = |line: usize, room: &str| {
            let why = match floor(room) {
                None => format!("take it from its room, not from '{top}' itself"),
                Some(_) => "imports go down only".to_owned(),
            };
            format!("src/{file}:{line}: '{top}::{own}' may not import '{top}::{room}': {why}")
        };
        self.imports()
            .into_iter()
            .filter(|(_, path)| path.first().is_some_and(|first| first == top))
            .filter_map(|(line, path)| Some((line, path.into_iter().nth(1)?)))
            .filter(|(_, room)| room != own && floor(room).is_none_or(|there| there >= here))
            .map(|(line, room)| told(line, &room))
            .collect()
    }

    /// Its imports from this crate, except those of tests, as paths from `src`.
    fn imports(&self) -> Vec<(usize, Vec<String>)> {
        let code = without_tests(&self.text);
        let resolve = |(line, path): (usize, Vec<String>)| {
            let mut from = match path[0].as_str() {
                "crate" | "privatelink_dns" => Vec::new(),
                _ => self.path.clone(),
            };
            let ups = path.iter().take_while(|part| *part == "super").count();
            from.truncate(from.len().saturating_sub(ups));
            let skipped = ups + usize::from(ups == 0);
            from.extend(path.into_iter().skip(skipped).filter(|part| part != "self"));
            (line, from)
        };
        paths(code, &["crate", "privatelink_dns", "super", "self"]).into_iter().map(resolve).collect()
    }

    /// Its imports from the modules in its own folder of the same name, as paths from `src`.
    fn imports_from_children<'m>(&'m self, all: &'m [Module]) -> impl Iterator<Item = Vec<String>> + 'm {
        let own = self.path.len();
        let children =
            all.iter().filter(move |other| other.path.len() == own + 1 && other.path.starts_with(&self.path));
        children.flat_map(move |child| {
            let name = child.path[own].as_str();
            let used = paths(without_tests(&self.text), &[name]);
            used.into_iter().map(move |(_, path)| [&self.path[..], &path].concat())
        })
    }
}

/// Each circle of files that import one another, named once. Imports from the modules that a module lies in do not
/// count: the module cannot be read without those anyway.
fn circles(modules: &[Module]) -> Vec<String> {
    let ours: Vec<&Module> = modules.iter().filter(|module| !module.is_test()).collect();
    let index: BTreeMap<&[String], usize> =
        ours.iter().enumerate().map(|(at, module)| (module.path.as_slice(), at)).collect();
    // The file that a path leads into: the longest part of it that is a module.
    let file = |path: &[String]| (1..=path.len()).rev().find_map(|length| index.get(&path[..length]).copied());
    let edges: Vec<BTreeSet<usize>> = ours
        .iter()
        .map(|module| {
            let imports = module.imports().into_iter().map(|(_, path)| path);
            let all = imports.chain(module.imports_from_children(modules)).filter_map(|path| file(&path));
            all.filter(|other| !module.path.starts_with(&ours[*other].path)).collect()
        })
        .collect();
    let reached: Vec<BTreeSet<usize>> = (0..ours.len()).map(|from| reach(from, &edges)).collect();
    let mut named = BTreeSet::new();
    for from in 0..ours.len() {
        let circle: BTreeSet<usize> = reached[from].iter().copied().filter(|to| reached[*to].contains(&from)).collect();
        if !circle.is_empty() {
            named.insert(circle);
        }
    }
    let told = |circle: BTreeSet<usize>| {
        let files: Vec<String> = circle.iter().map(|at| format!("src/{}", ours[*at].file.display())).collect();
        format!("{}: these files import one another in a circle", files.join(", "))
    };
    named.into_iter().map(told).collect()
}

/// All files that one file reaches by imports.
fn reach(from: usize, edges: &[BTreeSet<usize>]) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<usize> = edges[from].iter().copied().collect();
    while let Some(at) = next.pop() {
        if reached.insert(at) {
            next.extend(&edges[at]);
        }
    }
    reached
}

/// All Rust files below a folder, sorted.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let error = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(error)? {
        let path = entry.map_err(error)?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests;
