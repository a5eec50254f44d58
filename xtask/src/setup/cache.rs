//! The project's own cache: a folder for each tool, made once.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::step;

/// Returns a folder of the cache. If it is not whole, `make` makes it anew, with `what` for people;
/// one at a time, for two of us would do the same work twice.
///
/// # Errors
///
/// Returns an error if there is no place for it, or if it is not whole even then.
pub(super) fn cached(
    name: &str,
    what: &str,
    is_whole: impl Fn(&Path) -> bool,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let tools = folder()?.join("tools");
    let home = tools.join(name);
    if is_whole(&home) {
        return Ok(home);
    }
    fs::create_dir_all(&tools).with_context(|| format!("cannot make {}", tools.display()))?;
    let lock = File::create(tools.join(".lock")).context("cannot lock the cache")?;
    lock.lock().context("cannot lock the cache")?;
    if !is_whole(&home) {
        if home.exists() {
            fs::remove_dir_all(&home).context("cannot remove an unfinished installation")?;
        }
        step(what, || make(&home))?;
        if !is_whole(&home) {
            bail!("{what} has left nothing that works in {}", home.display());
        }
    }
    Ok(home)
}

/// The cache of this user.
fn folder() -> Result<PathBuf> {
    let folder =
        |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    folder("ONESOCKET_CACHE")
        .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("onesocket")))
        .or_else(|| folder("HOME").map(|home| home.join(".cache/onesocket")))
        .context("neither $ONESOCKET_CACHE nor $HOME says where tools can be installed")
}
