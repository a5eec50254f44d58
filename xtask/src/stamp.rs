//! What has been done already, and from what.
//!
//! A stamp is a file with the hash of what a step was made from. It is written last, so a step that
//! was interrupted has none and is done again.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The hash of everything a step is made from.
///
/// It guards against work done twice and not against anybody's malice, so the hasher of the
/// standard library is good enough; where a later one hashes otherwise, a step is done once more.
pub(crate) struct Inputs(DefaultHasher);

impl Inputs {
    /// Begins with nothing.
    pub(crate) fn new() -> Self {
        Self(DefaultHasher::new())
    }

    /// Adds a text: a version, say.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.add(text.as_bytes());
        self
    }

    /// Adds a file, or a folder with all in it but tests and what is made of it. What is not there
    /// counts as well: its coming changes the hash.
    ///
    /// # Errors
    ///
    /// Returns an error if something cannot be read.
    pub(crate) fn path(mut self, path: &Path) -> Result<Self> {
        for file in files(path)? {
            self.add(file.strip_prefix(path).unwrap_or(&file).as_os_str().as_encoded_bytes());
            self.add(&fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
        }
        self.add(b"end");
        Ok(self)
    }

    /// The hash, as it stands in a stamp.
    pub(crate) fn hash(&self) -> String {
        format!("{:016x}\n", self.0.finish())
    }

    /// Adds bytes with their length, so that what stands side by side does not run together.
    fn add(&mut self, bytes: &[u8]) {
        self.0.write_usize(bytes.len());
        self.0.write(bytes);
    }
}

/// Says whether a stamp holds this hash.
pub(crate) fn is_fresh(stamp: &Path, hash: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|found| found == hash)
}

/// Writes a stamp, and its folder where needed.
///
/// # Errors
///
/// Returns an error if it cannot be written.
pub(crate) fn write(stamp: &Path, hash: &str) -> Result<()> {
    if let Some(folder) = stamp.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(stamp, hash).with_context(|| format!("cannot write {}", stamp.display()))
}

/// All files of a folder that a build depends on, in a fixed order; a file itself.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    if path.is_dir() {
        for entry in
            fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?
        {
            let entry = entry?.path();
            let name = entry.file_name().unwrap_or_default().to_string_lossy();
            let made = matches!(&*name, "node_modules" | "dist" | "target");
            let test = name == "tests" || name.contains(".test.") || name.starts_with('.');
            if !made && !test {
                found.extend(files(&entry)?);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_changes_with_content_and_place_and_not_with_tests() {
        let folder = std::env::temp_dir().join(format!("xtask-stamp-{}", std::process::id()));
        let hash = || Inputs::new().path(&folder).unwrap().hash();
        fs::create_dir_all(folder.join("node_modules")).unwrap();
        fs::write(folder.join("a"), "1").unwrap();
        let first = hash();

        fs::write(folder.join("a.test.ts"), "1").unwrap();
        fs::write(folder.join("node_modules/b"), "1").unwrap();
        assert_eq!(hash(), first);

        fs::write(folder.join("a"), "2").unwrap();
        let second = hash();
        assert_ne!(second, first);

        fs::rename(folder.join("a"), folder.join("b")).unwrap();
        assert_ne!(hash(), second);

        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn texts_side_by_side_do_not_run_together() {
        let one = Inputs::new().text("ab").text("c").hash();
        let other = Inputs::new().text("a").text("bc").hash();

        assert_ne!(one, other);
    }
}
