//! Links and copies directories, and creates them atomically.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;

/// Creates a directory that appears under its name in one step, or not at all.
///
/// If another clone finishes first, its directory is kept.
///
/// # Errors
///
/// The error of `make`, or of the file system.
pub(crate) fn make(home: &Path, make: impl FnOnce(&Path) -> Result) -> Result {
    let mut staging = home.as_os_str().to_owned();
    staging.push(format!(".{}", std::process::id()));
    let staging = PathBuf::from(staging);
    fs::create_dir_all(&staging)?;
    let made = make(&staging).and_then(|()| match fs::rename(&staging, home) {
        Err(_) if home.is_dir() => Ok(()),
        done => Ok(done?),
    });
    // This directory still exists if `make` failed or another clone was first. It has hundreds of
    // megabytes, and nobody else would remove it.
    let _ = fs::remove_dir_all(&staging);
    made
}

/// Files of at least this size are linked instead of copied.
const LINKED: u64 = 32 * 1024;

/// Makes `to` the same tree as `from`, including times, with hard links for large files.
///
/// # Errors
///
/// When the file system does not allow it.
pub(crate) fn tree(from: &Path, to: &Path) -> Result {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            tree(&source, &target)?;
            continue;
        }
        if kind.is_symlink() {
            link(&fs::read_link(&source)?, &target)?;
            continue;
        }
        let metadata = entry.metadata()?;
        // Hard links do not work between two disks.
        if metadata.len() < LINKED || fs::hard_link(&source, &target).is_err() {
            fs::copy(&source, &target)?;
            let file = fs::File::options().append(true).open(&target)?;
            file.set_modified(metadata.modified()?)?;
        }
    }
    Ok(())
}

/// Makes `link` point to `original`.
///
/// # Errors
///
/// When the file system does not allow it.
#[cfg(unix)]
pub(crate) fn link(original: &Path, link: &Path) -> Result {
    Ok(std::os::unix::fs::symlink(original, link)?)
}

/// Makes `link` point to `original`.
///
/// # Errors
///
/// When the file system does not allow it.
#[cfg(not(unix))]
pub fn link(original: &Path, link: &Path) -> Result {
    Ok(fs::copy(original, link).map(|_| ())?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    #[test]
    fn what_cannot_be_made_leaves_nothing_behind() {
        let parent = std::env::temp_dir().join(format!("gwop-files-{}", std::process::id()));
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
