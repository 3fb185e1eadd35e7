//! Files that import each other.

use std::collections::BTreeSet;
use std::path::Path;

use super::source::Imports;

/// Each circle once, as its files with commas between them: those from which each reaches every other.
pub fn circles(imports: &Imports) -> Vec<String> {
    let reached: Vec<(&Path, BTreeSet<&Path>)> = (imports.keys())
        .map(|file| (file.as_path(), reachable(imports, file)))
        .collect();
    let both =
        |(file, reached): &(&Path, BTreeSet<&Path>), other: &Path, back: &BTreeSet<&Path>| {
            reached.contains(other) && back.contains(file)
        };
    let circle = |one: &(&Path, BTreeSet<&Path>)| -> Option<String> {
        let members = reached
            .iter()
            .filter(|(other, back)| both(one, other, back));
        let names: Vec<String> = members
            .map(|(file, _)| file.display().to_string())
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let found: BTreeSet<String> = reached.iter().filter_map(circle).collect();
    found.into_iter().collect()
}

/// Every file that one imports from, directly or through others; itself only if a circle leads back.
fn reachable<'a>(imports: &'a Imports, from: &Path) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Path> = imports[from].iter().map(|file| file.as_path()).collect();
    while let Some(file) = open.pop() {
        if reached.insert(file) {
            let next = imports.get(file).into_iter().flatten();
            open.extend(next.map(|file| file.as_path()));
        }
    }
    reached
}
