//! Helpers for every command.

use std::fs;
use std::path::{Path, PathBuf};

/// The error of a command: a message for people.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
/// The result of a step.
pub type Result<T = ()> = std::result::Result<T, Error>;

/// The top level of the repository.
pub fn top() -> &'static Path {
    static TOP: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    TOP.get_or_init(|| {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        own.parent().unwrap_or(own).to_path_buf()
    })
}

/// Copies a directory with everything in it.
///
/// # Errors
///
/// When a file cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> Result {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
