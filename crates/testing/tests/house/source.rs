//! What a crate's files import from each other, read from the code itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, UseTree, Visibility};

/// A path from the crate's root: `["frame", "jpeg", "scan"]`.
type ModulePath = Vec<String>;

/// One module: a file, or a part of one.
#[derive(Debug, Default)]
struct Module {
    file: PathBuf,
    children: BTreeSet<String>,
    /// What is defined here.
    items: BTreeSet<String>,
    /// Of these, the types and traits.
    types: Vec<String>,
    /// Names brought in: where from. Handed on (`pub use`) or not.
    names: BTreeMap<String, ModulePath>,
    /// `pub use x::*`.
    globs: Vec<ModulePath>,
    /// Paths that are used, from the crate's root.
    used: Vec<ModulePath>,
}

/// The modules of one crate, tests left out.
#[derive(Debug, Default)]
pub struct Crate(BTreeMap<ModulePath, Module>);

/// File → the files that it imports from; relative to the crate's folder.
pub type Imports = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

/// Reads a file; `None`: there is none.
type Read<'a> = dyn Fn(&Path) -> Option<String> + 'a;

impl Crate {
    /// Reads a crate by its root file (`lib.rs`, `main.rs`), which lies in the folder that `read` knows paths from.
    pub fn read(root: &Path, read: &Read<'_>) -> Self {
        let mut modules = Self::default();
        let folder = root.parent().unwrap_or(Path::new("")).to_path_buf();
        modules.add_file(root, &folder, Vec::new(), read);
        modules
    }

    /// A file's module; its children lie in `folder`.
    fn add_file(&mut self, file: &Path, folder: &Path, path: ModulePath, read: &Read<'_>) {
        let text = read(file).unwrap_or_else(|| panic!("{}: no such file", file.display()));
        let code = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let place = Place { file, folder, read };
        self.add(&place, path, &code.items);
    }

    fn add(&mut self, place: &Place<'_>, path: ModulePath, items: &[Item]) {
        let mut module = Module {
            file: place.file.into(),
            ..Module::default()
        };
        for item in items.iter().filter(|item| !of_tests(attributes(item))) {
            match item {
                Item::Use(item) => {
                    let public = !matches!(item.vis, Visibility::Inherited);
                    module.import(&item.tree, &path, Vec::new(), public);
                }
                Item::Mod(item) => {
                    let name = item.ident.to_string();
                    module.children.insert(name.clone());
                    let mut inner = path.clone();
                    inner.push(name);
                    self.add_child(place, inner, item);
                }
                _ => {
                    let name = name_of(item);
                    if let Item::Enum(_) | Item::Struct(_) | Item::Trait(_) | Item::Union(_) = item
                    {
                        module.types.extend(name.clone());
                    }
                    module.items.extend(name);
                }
            }
        }
        let mut paths = Paths {
            module: &mut module,
            path: &path,
        };
        let code = items.iter().filter(|item| !of_tests(attributes(item)));
        code.filter(|item| !matches!(item, Item::Use(_) | Item::Mod(_)))
            .for_each(|item| paths.visit_item(item));
        self.0.insert(path, module);
    }

    fn add_child(&mut self, place: &Place<'_>, path: ModulePath, item: &ItemMod) {
        if let Some((_, items)) = &item.content {
            return self.add(place, path, items);
        }
        let name = item.ident.to_string();
        let folder = place.folder.join(&name);
        let beside = place.folder.join(format!("{name}.rs"));
        let file = match (place.read)(&beside) {
            Some(_) => beside,
            None => folder.join("mod.rs"),
        };
        self.add_file(&file, &folder, path, place.read);
    }

    /// Every type and trait: its name, and the file that it is defined in.
    pub fn types(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.0.values().flat_map(|module| {
            let types = module.types.iter();
            types.map(|name| (name.as_str(), module.file.as_path()))
        })
    }

    /// What each file imports from which others. Handing names on (`pub use`) is not importing them.
    pub fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for module in self.0.values() {
            let targets = imports.entry(module.file.clone()).or_default();
            let files = module.used.iter().filter_map(|path| self.defined(path, 0));
            targets.extend(files.filter(|file| *file != module.file));
        }
        imports
    }

    /// The file where what a path names is defined; `None` for a module as a whole, and for other crates'.
    fn defined(&self, path: &[String], depth: usize) -> Option<PathBuf> {
        const DEEPEST: usize = 8;
        let mut at = ModulePath::new();
        for (index, name) in path.iter().enumerate() {
            let module = self.0.get(&at)?;
            if module.children.contains(name) {
                at.push(name.clone());
                continue;
            }
            if module.items.contains(name) || depth > DEEPEST {
                return Some(module.file.clone());
            }
            let rest = &path[index + 1..];
            if let Some(target) = module.names.get(name) {
                let whole: ModulePath = target.iter().chain(rest).cloned().collect();
                return self.defined(&whole, depth + 1);
            }
            let through = |glob: &ModulePath| {
                let whole: ModulePath = glob.iter().chain(&path[index..]).cloned().collect();
                self.defined(&whole, depth + 1)
            };
            return module.globs.iter().find_map(through);
        }
        None
    }
}

/// Where a module is read from.
struct Place<'a> {
    file: &'a Path,
    folder: &'a Path,
    read: &'a Read<'a>,
}

impl Module {
    fn import(&mut self, tree: &UseTree, at: &[String], so_far: ModulePath, public: bool) {
        let joined = |name: String| so_far.iter().cloned().chain([name]).collect::<ModulePath>();
        match tree {
            UseTree::Path(tree) => {
                self.import(&tree.tree, at, joined(tree.ident.to_string()), public);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, at, so_far.clone(), public);
                }
            }
            UseTree::Name(name) if name.ident == "self" => {
                let own = so_far.last().cloned().unwrap_or_default();
                self.bring(own, so_far, at, public);
            }
            UseTree::Name(name) => {
                let own = name.ident.to_string();
                self.bring(own.clone(), joined(own), at, public);
            }
            UseTree::Rename(name) => {
                let path = joined(name.ident.to_string());
                self.bring(name.rename.to_string(), path, at, public);
            }
            UseTree::Glob(_) => {
                if let Some(path) = self.rooted(&so_far, at) {
                    self.globs.push(path);
                }
            }
        }
    }

    fn bring(&mut self, name: String, path: ModulePath, at: &[String], public: bool) {
        let Some(path) = self.rooted(&path, at) else {
            return;
        };
        self.names.insert(name, path.clone());
        if !public {
            self.used.push(path);
        }
    }

    /// A path as it is written in the module `at` → from the root; `None` if it leads out of the crate.
    fn rooted(&self, path: &[String], at: &[String]) -> Option<ModulePath> {
        let (first, rest) = path.split_first()?;
        let mut base = match first.as_str() {
            "crate" => Vec::new(),
            "self" => at.to_vec(),
            "super" => at[..at.len().checked_sub(1)?].to_vec(),
            name => match self.names.get(name) {
                Some(known) => known.clone(),
                None if self.children.contains(name) => [at, &[name.to_owned()]].concat(),
                None => return None,
            },
        };
        for name in rest {
            match name.as_str() {
                "super" => drop(base.pop()?),
                name => base.push(name.into()),
            }
        }
        Some(base)
    }
}

/// Collects the paths in code.
struct Paths<'a> {
    module: &'a mut Module,
    path: &'a [String],
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: ModulePath = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if names.len() > 1
            && let Some(path) = self.module.rooted(&names, self.path)
        {
            self.module.used.push(path);
        }
        visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.module.import(&item.tree, self.path, Vec::new(), false);
    }

    fn visit_item_mod(&mut self, _: &'ast ItemMod) {}
}

fn of_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let list = attribute.meta.require_list();
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && list.is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}
