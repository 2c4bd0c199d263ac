//! Checks that the modules of a crate have no circular imports.
//!
//! A module imports another when it names one of its items, with `use` or with a path. A re-export
//! (`pub use`) counts as the import of the module that contains the item. Tests may name anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree, Visibility};

use crate::Result;

/// The names of a module from the crate's root. The root has none.
type Name = Vec<String>;

#[derive(Default)]
struct Module {
    children: BTreeSet<String>,
    /// The re-exports of the module, by name.
    passed_on: BTreeMap<String, Name>,
    /// Every path that the module names, from the root.
    named: BTreeSet<Name>,
}

/// Fails if modules of the crate with the root module `root` import each other in a circle.
///
/// # Errors
///
/// When there is a circle (the message names its modules in order), or when a file cannot be read
/// as Rust.
pub(crate) fn check(root: &Path) -> Result {
    let mut modules = BTreeMap::new();
    read(root, Name::new(), &mut modules)?;
    let mut imports: BTreeMap<&Name, BTreeSet<&Name>> = BTreeMap::new();
    for (name, module) in &modules {
        let found = module.named.iter().filter_map(|path| home(path, &modules));
        imports.insert(name, found.filter(|other| *other != name).collect());
    }
    match circle(&imports) {
        None => Ok(()),
        Some(names) => {
            let names: Vec<String> = names.iter().map(|name| shown(name)).collect();
            Err(format!(
                "{}: modules import each other: {}. Let what both need stand in a module of its own",
                root.display(),
                names.join(" → ")
            )
            .into())
        }
    }
}

fn shown(name: &[String]) -> String {
    format!("crate::{}", name.join("::"))
}

/// Reads the module in `file`, and all modules below it.
fn read(file: &Path, name: Name, modules: &mut BTreeMap<Name, Module>) -> Result {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let parsed = syn::parse_file(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    let stem = file.file_stem().unwrap_or_default();
    let parent = file.parent().unwrap_or(file);
    let below = if ["mod", "lib", "main"].iter().any(|root| stem == *root) {
        parent.to_path_buf()
    } else {
        parent.join(stem)
    };
    let mut reader = Reader {
        name: name.clone(),
        module: Module::default(),
    };
    for item in &parsed.items {
        match item {
            Item::Mod(own) if own.content.is_none() && !is_test(&own.attrs) => {
                let child = own.ident.to_string();
                let files = match path_of(&own.attrs) {
                    Some(path) => [parent.join(&path), parent.join(path)],
                    None => [
                        below.join(format!("{child}.rs")),
                        below.join(&child).join("mod.rs"),
                    ],
                };
                let Some(file) = files.iter().find(|file| file.is_file()) else {
                    return Err(format!("{}: no file of `mod {child}`", file.display()).into());
                };
                read(
                    file,
                    [name.as_slice(), std::slice::from_ref(&child)].concat(),
                    modules,
                )?;
                reader.module.children.insert(child);
            }
            item => reader.visit_item(item),
        }
    }
    modules.insert(name, reader.module);
    Ok(())
}

/// Returns the path in `#[path = "…"]`.
fn path_of(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let value = &attribute.meta.require_name_value().ok()?.value;
        match value {
            syn::Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(text),
                ..
            }) if attribute.path().is_ident("path") => Some(text.value()),
            _ => None,
        }
    })
}

/// Returns whether the item is compiled only for tests.
fn is_test(attributes: &[Attribute]) -> bool {
    let tests = |attribute: &&Attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute
                    .meta
                    .require_list()
                    .is_ok_and(|list| list.tokens.to_string() == "test")
    };
    attributes.iter().find(tests).is_some()
}

struct Reader {
    name: Name,
    module: Module,
}

impl Reader {
    /// Resolves a path in this module from the crate's root. Returns `None` if it leads out of the
    /// crate.
    fn absolute(&self, path: &[String]) -> Option<Name> {
        let mut base = self.name.clone();
        let mut rest = path;
        match rest.first()?.as_str() {
            "crate" => base.clear(),
            "self" => {}
            "super" => {
                while rest.first().is_some_and(|segment| segment == "super") {
                    base.pop()?;
                    rest = rest.get(1..)?;
                }
                return Some([base.as_slice(), rest].concat());
            }
            first if self.module.children.contains(first) => return Some([&base, rest].concat()),
            _ => return None,
        }
        Some([base.as_slice(), rest.get(1..)?].concat())
    }

    fn tree(&mut self, tree: &UseTree, before: &[String], passes_on: bool) {
        let with = |segment: &syn::Ident| [before, &[segment.to_string()]].concat();
        let (path, given) = match tree {
            UseTree::Path(path) => return self.tree(&path.tree, &with(&path.ident), passes_on),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(tree, before, passes_on);
                }
                return;
            }
            UseTree::Name(name) if name.ident == "self" => (before.to_vec(), None),
            UseTree::Name(name) => (with(&name.ident), Some(name.ident.to_string())),
            UseTree::Rename(rename) => (with(&rename.ident), Some(rename.rename.to_string())),
            UseTree::Glob(_) => (before.to_vec(), None),
        };
        let Some(path) = self.absolute(&path) else {
            return;
        };
        // A module that re-exports what its own children hold does not depend on them. Whatever else
        // it re-exports, it imports too.
        let own = path.starts_with(&self.name);
        if !(passes_on && own) {
            self.module.named.insert(path.clone());
        }
        if let Some(given) = given.filter(|_| passes_on) {
            self.module.passed_on.insert(given, path);
        }
    }
}

impl<'a> Visit<'a> for Reader {
    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        if !is_test(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        if !is_test(&item.attrs) {
            let passes_on = !matches!(item.vis, Visibility::Inherited);
            self.tree(&item.tree, &[], passes_on);
        }
    }

    /// Reads the tokens of a macro call, such as `format!("{}", crate::token::NAME)`.
    fn visit_macro(&mut self, call: &'a syn::Macro) {
        let text = call.tokens.to_string().replace(" :: ", "::");
        let words = text.split(|character: char| {
            !(character.is_alphanumeric() || character == '_' || character == ':')
        });
        for word in words {
            let segments: Name = word.split("::").map(str::to_owned).collect();
            let starts = ["crate", "super", "self"];
            if segments.len() > 1
                && segments
                    .first()
                    .is_some_and(|first| starts.contains(&first.as_str()))
                && let Some(path) = self.absolute(&segments)
            {
                self.module.named.insert(path);
            }
        }
        visit::visit_macro(self, call);
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let segments: Name = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        if segments.len() > 1
            && let Some(path) = self.absolute(&segments)
        {
            self.module.named.insert(path);
        }
        visit::visit_path(self, path);
    }
}

/// Returns the module that contains what `path` names.
///
/// Returns `None` for the crate's root, which only lists the other modules.
fn home<'m>(path: &[String], modules: &'m BTreeMap<Name, Module>) -> Option<&'m Name> {
    let mut path = path.to_vec();
    // A name is re-exported a few times at most.
    for _ in 0..8 {
        let depth = (0..=path.len()).rev().find(|depth| {
            path.get(..*depth)
                .is_some_and(|name| modules.contains_key(name))
        })?;
        let (name, rest) = path.split_at(depth);
        let passed_on = rest
            .first()
            .and_then(|segment| modules.get(name)?.passed_on.get(segment));
        match passed_on {
            Some(target) => path = [target.as_slice(), rest.get(1..)?].concat(),
            None => {
                let (name, _) = modules.get_key_value(name)?;
                return (!name.is_empty()).then_some(name);
            }
        }
    }
    None
}

/// Returns one circle. Its first module is at both ends.
fn circle<'m>(imports: &BTreeMap<&'m Name, BTreeSet<&'m Name>>) -> Option<Vec<&'m Name>> {
    let mut done = BTreeSet::new();
    for start in imports.keys() {
        let mut way = Vec::new();
        if let Some(found) = walk(start, imports, &mut way, &mut done) {
            return Some(found);
        }
    }
    None
}

fn walk<'m>(
    at: &'m Name,
    imports: &BTreeMap<&'m Name, BTreeSet<&'m Name>>,
    way: &mut Vec<&'m Name>,
    done: &mut BTreeSet<&'m Name>,
) -> Option<Vec<&'m Name>> {
    if let Some(from) = way.iter().position(|passed| *passed == at) {
        return Some([way.get(from..).unwrap_or_default(), &[at]].concat());
    }
    if done.contains(at) {
        return None;
    }
    way.push(at);
    for next in imports.get(at).into_iter().flatten() {
        if let Some(found) = walk(next, imports, way, done) {
            return Some(found);
        }
    }
    way.pop();
    done.insert(at);
    None
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use crate::Result;

    fn crate_of(name: &str, files: &[(&str, &str)]) -> Result {
        let home = std::env::temp_dir().join(format!("gwop-circles-{name}-{}", std::process::id()));
        for (file, text) in files {
            let file = home.join(file);
            fs::create_dir_all(file.parent().unwrap_or_else(|| Path::new(".")))?;
            fs::write(file, text)?;
        }
        let checked = super::check(&home.join("lib.rs"));
        fs::remove_dir_all(&home)?;
        checked
    }

    #[test]
    fn a_circle_is_named() {
        let checked = crate_of(
            "circle",
            &[
                ("lib.rs", "mod a; mod b; mod c;"),
                ("a.rs", "use crate::b::{B, other}; pub struct A(B);"),
                ("b.rs", "pub fn b() { super::c::deep::leaf::f(); }"),
                ("c/mod.rs", "pub mod deep;"),
                ("c/deep.rs", "pub mod leaf;"),
                ("c/deep/leaf.rs", "pub fn f(_: &crate::a::A) {}"),
            ],
        );
        let said = checked.map_err(|error| error.to_string());
        let way = "crate::a → crate::b → crate::c::deep::leaf → crate::a";
        assert!(
            said.as_ref().is_err_and(|said| said.contains(way)),
            "{said:?}"
        );
    }

    #[test]
    fn a_macro_call_and_a_re_export_are_imports_too() {
        for (name, back) in [
            ("macro", "pub fn b() { println!(\"{}\", crate::a::A); }"),
            ("named", "pub use crate::a::A;"),
            ("glob", "pub(crate) use crate::a::*;"),
        ] {
            let checked = crate_of(
                name,
                &[
                    ("lib.rs", "mod a; mod b;"),
                    ("a.rs", "use crate::b::b; pub const A: u8 = 1;"),
                    ("b.rs", back),
                ],
            );
            let said = checked.map_err(|error| error.to_string());
            assert!(
                said.as_ref()
                    .is_err_and(|said| said.contains("crate::a → crate::b")),
                "{name}: {said:?}"
            );
        }
    }

    #[test]
    fn what_is_passed_on_and_what_tests_name_makes_none() {
        let checked = crate_of(
            "none",
            &[
                ("lib.rs", "mod a; mod b; pub use a::A;"),
                ("a/mod.rs", "mod own; pub use own::Own; pub struct A;"),
                ("a/own.rs", "use crate::A; pub struct Own(A);"),
                (
                    "b.rs",
                    "use crate::a::Own; #[cfg(test)] mod tests { use crate::a; }",
                ),
                ("unused.rs", ""),
            ],
        );
        assert_eq!(checked.map_err(|error| error.to_string()), Ok(()));
    }
}
