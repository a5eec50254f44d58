//! The command line: options, environment, file, and the format of the log.

pub(crate) mod escaped;
pub(crate) mod file;
pub(crate) mod options;
