//! The browser that the tests run in, and the driver that steers it.

use std::env;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use super::{apt, find_on_path};

/// What is not there, where we cannot do anything about it.
const LACKING: &str = "there is no browser with a chromedriver to test in";

/// What to do where we cannot do it.
const ADVICE: &str = "install Chromium or Google Chrome and the chromedriver of the same version, \
                      put them on PATH or name them in $CHROME and $CHROMEDRIVER";

/// A browser and its driver, of the same version.
pub(crate) struct Browser {
    /// The browser's program.
    pub(crate) chrome: PathBuf,
    /// The driver's program.
    pub(crate) driver: PathBuf,
}

impl Browser {
    /// Finds an installed pair, else installs Debian's.
    pub(super) fn find_or_install() -> Result<Self> {
        if let Some(found) = Self::find()? {
            return Ok(found);
        }
        apt::install(&["chromium", "chromium-driver"], LACKING, ADVICE)?;
        Self::find()?.with_context(|| format!("no browser even now: {ADVICE}"))
    }

    /// Finds an installed browser and its driver.
    fn find() -> Result<Option<Self>> {
        let chrome = named("CHROME")?.or_else(|| {
            ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
                .iter()
                .find_map(|name| find_on_path(name))
                .or_else(|| Some(PathBuf::from(MAC)).filter(|file| file.is_file()))
        });
        let driver = named("CHROMEDRIVER")?.or_else(|| find_on_path("chromedriver"));
        Ok(chrome.zip(driver).map(|(chrome, driver)| Self { chrome, driver }))
    }
}

/// Where Chrome is on a Mac.
const MAC: &str = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";

/// The program that an environment variable names, if it names one.
fn named(variable: &str) -> Result<Option<PathBuf>> {
    let named = env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(program) = &named
        && !program.is_file()
    {
        bail!("${variable} names {}, which is not there", program.display());
    }
    Ok(named)
}
