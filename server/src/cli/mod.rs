//! The command line: options, environment, and the format of the log.

pub(crate) mod escaped;
pub(crate) mod options;
