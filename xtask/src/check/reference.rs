//! The reference of the npm package, out of its types: everything that is exported has its words.

use anyhow::Result;

use super::LIMIT;
use crate::build;
use crate::process;
use crate::setup::Setup;

/// Has TypeDoc write it into `target/doc/js`.
///
/// # Errors
///
/// Returns an error if something that a user can name is not described, or cannot be named.
pub(super) fn run(setup: &Setup) -> Result<()> {
    // The types of the glue are among it.
    build::package(setup)?;
    setup.packages("docs")?;
    let docs = setup.project.path("docs");
    let mut typedoc = setup.project.command(docs.join("node_modules/.bin/typedoc"));
    process::run(typedoc.current_dir(docs), LIMIT)
}
