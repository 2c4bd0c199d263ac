//! What is made once per user and serves every clone: in `GWOP_TOOLS`, by default `gwop-tools` in the user's cache directory.

use std::fs;
use std::hash::{Hash, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Result, top};

/// Where it all lies.
///
/// # Errors
///
/// When the environment names no place.
pub fn directory() -> Result<PathBuf> {
    if let Some(own) = variable("GWOP_TOOLS") {
        return Ok(own.into());
    }
    let base =
        match variable("XDG_CACHE_HOME") {
            Some(cache) => PathBuf::from(cache),
            None => PathBuf::from(variable("HOME").ok_or(
                "no place for tools: set HOME, XDG_CACHE_HOME or GWOP_TOOLS to a directory",
            )?)
            .join(".cache"),
        };
    Ok(base.join("gwop-tools"))
}

/// An environment variable; an empty one counts as absent.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The place of what is called `name` and made of `inputs` on such a machine.
///
/// # Errors
///
/// As [`directory`].
pub fn place(name: &str, inputs: impl Hash) -> Result<PathBuf> {
    let mut hash = std::hash::DefaultHasher::new();
    (inputs, std::env::consts::OS, std::env::consts::ARCH).hash(&mut hash);
    Ok(directory()?.join(format!("{name}-{:016x}", hash.finish())))
}

/// Makes a directory that appears at once, under its own name, or not at all. Another clone may be quicker: then its work stays.
///
/// # Errors
///
/// What `make` fails with, or the file system.
pub fn make(home: &Path, make: impl FnOnce(&Path) -> Result) -> Result {
    let mut staging = home.as_os_str().to_owned();
    staging.push(format!(".{}", std::process::id()));
    let staging = PathBuf::from(staging);
    fs::create_dir_all(&staging)?;
    let made = make(&staging).and_then(|()| match fs::rename(&staging, home) {
        Err(_) if home.is_dir() => Ok(()),
        done => Ok(done?),
    });
    // Still there when it could not be made, or came second: hundreds of megabytes that nobody else would remove.
    let _ = fs::remove_dir_all(&staging);
    made
}

/// Files from this size on are linked and not copied: of compiled crates those that are replaced and never written into.
const LINKED: u64 = 32 * 1024;

/// Makes `to` the same tree as `from`, times included, with hard links for large files. What `skip` names is left out.
///
/// # Errors
///
/// When the file system does not let it.
pub fn tree(from: &Path, to: &Path, skip: fn(&str) -> bool) -> Result {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if skip(&entry.file_name().to_string_lossy()) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            tree(&source, &target, skip)?;
            continue;
        }
        if kind.is_symlink() {
            link(&fs::read_link(&source)?, &target)?;
            continue;
        }
        let metadata = entry.metadata()?;
        // Two disks have no links.
        if metadata.len() < LINKED || fs::hard_link(&source, &target).is_err() {
            fs::copy(&source, &target)?;
            let file = fs::File::options().append(true).open(&target)?;
            file.set_modified(metadata.modified()?)?;
        }
    }
    Ok(())
}

/// Makes `link` lead to `original`.
///
/// # Errors
///
/// When the file system does not let it.
#[cfg(unix)]
pub fn link(original: &Path, link: &Path) -> Result {
    Ok(std::os::unix::fs::symlink(original, link)?)
}

/// Makes `link` lead to `original`.
///
/// # Errors
///
/// When the file system does not let it.
#[cfg(not(unix))]
pub fn link(original: &Path, link: &Path) -> Result {
    Ok(fs::copy(original, link).map(|_| ())?)
}

/// crates of the registry, compiled, for a clone that has compiled nothing into `directory` yet.
///
/// # Errors
///
/// When the file system does not let it.
pub fn seed(directory: &Path) -> Result {
    let kept = compiled(directory)?;
    if directory.is_dir() || !kept.is_dir() {
        return Ok(());
    }
    tree(&kept, directory, |_| false)
}

/// Keeps what was compiled into `directory` for the next clone.
///
/// # Errors
///
/// When the file system does not let it.
pub fn keep(directory: &Path) -> Result {
    let kept = compiled(directory)?;
    if kept.is_dir() {
        return Ok(());
    }
    make(&kept, |kept| tree(directory, kept, is_own))
}

/// Cargo tells the same crate of two clones apart by its files' times alone, so those of this repository stay here.
fn is_own(name: &str) -> bool {
    let name = name.strip_prefix("lib").unwrap_or(name);
    name.starts_with("gwop") || name.starts_with("worker_router") || name.starts_with("worker-router")
        // Written into by every cargo that comes by.
        || [".cargo-lock", ".rustc_info.json"].contains(&name)
}

/// Where what is compiled into a directory is kept: by all that says how.
fn compiled(directory: &Path) -> Result<PathBuf> {
    let rustc = Command::new("rustc")
        .arg("-vV")
        .current_dir(top())
        .output()?;
    let read = |name| fs::read(top().join(name));
    let inputs = (
        rustc.stdout,
        read("Cargo.lock")?,
        read("Cargo.toml")?,
        include_str!("build.rs"),
        include_str!("worker.rs"),
    );
    let name = directory.file_name().unwrap_or_default();
    place(&format!("compiled-{}", name.to_string_lossy()), inputs)
}

#[cfg(test)]
mod tests {
    use std::fs;

    #[test]
    fn what_cannot_be_made_leaves_nothing_behind() {
        let parent = std::env::temp_dir().join(format!("gwop-kept-{}", std::process::id()));
        let home = parent.join("home");
        let left = || fs::read_dir(&parent).map(Iterator::count).ok();

        let failed = super::make(&home, |staging| {
            fs::write(staging.join("half"), "")?;
            Err("no space".into())
        });
        assert_eq!(
            failed.map_err(|error| error.to_string()),
            Err("no space".into())
        );
        assert_eq!(left(), Some(0));

        for text in ["first", "second"] {
            let made = super::make(&home, |staging| Ok(fs::write(staging.join("whole"), text)?));
            assert!(made.is_ok());
        }
        assert_eq!(
            fs::read_to_string(home.join("whole")).ok().as_deref(),
            Some("first")
        );
        assert_eq!(left(), Some(1));
        assert!(fs::remove_dir_all(&parent).is_ok());
    }
}
