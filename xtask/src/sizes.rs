//! File sizes: raw, gzip and brotli.

use std::path::Path;

use crate::Result;
use crate::process::Step;

/// Prints three numbers about a file. Node has both compressions, compiled for speed.
const COMPRESS: &str = "const { gzipSync, brotliCompressSync } = require('node:zlib');
const bytes = require('node:fs').readFileSync(process.argv[1]);
console.log(bytes.length, gzipSync(bytes, { level: 9 }).length, brotliCompressSync(bytes).length);";

/// The size of something, in bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Size {
    /// The uncompressed size.
    pub raw: usize,
    /// gzip, level 9.
    pub gzip: usize,
    /// brotli, quality 11.
    pub brotli: usize,
}

impl Size {
    /// Measures one file. Each file of a package is compressed separately.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub(crate) fn of_file(path: &Path) -> Result<Self> {
        let said = Step::new("compress", "node")
            .args(["--eval", COMPRESS])
            .args([path])
            .read()?;
        let mut numbers = said.split_whitespace().map(str::parse);
        let mut next = || numbers.next().ok_or("node said less than three sizes");
        Ok(Self {
            raw: next()??,
            gzip: next()??,
            brotli: next()??,
        })
    }

    /// Measures several files and returns the sum.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read.
    pub(crate) fn of_files<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Self> {
        let mut sum = Self::default();
        for path in paths {
            let size = Self::of_file(path.as_ref())?;
            sum.raw = sum.raw.saturating_add(size.raw);
            sum.gzip = sum.gzip.saturating_add(size.gzip);
            sum.brotli = sum.brotli.saturating_add(size.brotli);
        }
        Ok(sum)
    }

    /// Prints one line of a table.
    pub(crate) fn print(self, label: &str) {
        let Self { raw, gzip, brotli } = self;
        println!("  {label:<34} {raw:>9} {gzip:>9} {brotli:>9}");
    }
}

/// Prints the header of the table of [`Size::print`]. The sizes are in bytes.
pub(crate) fn print_head() {
    println!(
        "  {:<34} {:>9} {:>9} {:>9}",
        "bytes", "raw", "gzip", "brotli"
    );
}
