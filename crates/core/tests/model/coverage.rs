//! What the explorations have to come to between them: one that goes nowhere proves nothing.

use onesocket_core::{
    ConnectedStage, ConnectingStage, EndedStage, OldSocketStage, Stage, StateName,
};

use crate::exploration::Coverage;
use crate::exploration::coverage::{ERROR_CODES, INPUTS, OUTPUTS};

/// Every stage that the machine can be brought to.
const STAGES: [Stage; 23] = [
    Stage::Idle,
    Stage::Connecting(ConnectingStage::ServerClosing),
    Stage::Connecting(ConnectingStage::ClosingOld),
    Stage::Connecting(ConnectingStage::Fetching),
    Stage::Connecting(ConnectingStage::Opening),
    Stage::Connecting(ConnectingStage::Agreeing),
    Stage::Connected(ConnectedStage::Probing),
    Stage::Connected(ConnectedStage::Fetching),
    Stage::Connected(ConnectedStage::Refreshing),
    Stage::Connected(ConnectedStage::Unproven),
    Stage::Connected(ConnectedStage::Settled),
    Stage::Waiting(OldSocketStage::Gone),
    Stage::Waiting(OldSocketStage::Closing),
    Stage::Closing(EndedStage::Closed),
    Stage::Closing(EndedStage::Released),
    Stage::Closed(EndedStage::Closed, OldSocketStage::Gone),
    Stage::Closed(EndedStage::Closed, OldSocketStage::Lingering),
    Stage::Closed(EndedStage::Closed, OldSocketStage::Closing),
    Stage::Closed(EndedStage::Released, OldSocketStage::Gone),
    Stage::Closed(EndedStage::Released, OldSocketStage::Lingering),
    Stage::Closed(EndedStage::Released, OldSocketStage::Closing),
    Stage::Failed(OldSocketStage::Gone),
    Stage::Failed(OldSocketStage::Closing),
];

/// An exploration that goes nowhere proves nothing.
pub(crate) fn check_coverage(coverage: &Coverage) {
    assert_eq!(Vec::from_iter(coverage.stages.iter().copied()), STAGES, "the stages reached");
    assert_eq!(Vec::from_iter(coverage.inputs.iter().copied()), INPUTS, "the inputs fed");
    assert_eq!(Vec::from_iter(coverage.outputs.iter().copied()), OUTPUTS, "the outputs seen");
    assert_eq!(
        Vec::from_iter(coverage.errors.iter().copied()),
        ERROR_CODES,
        "the error codes seen"
    );
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).expect("README.md is there");
    let name = |name: &str| StateName::ALL.into_iter().find(|state| state.as_str() == name);
    let drawn: std::collections::BTreeSet<_> = readme
        .lines()
        .filter_map(|line| line.split_once(':')?.0.trim().split_once(" --> "))
        .filter_map(|(from, to)| name(from).zip(name(to)))
        .collect();
    assert!(drawn.len() > 10, "README.md has the diagram");
    let odd: Vec<_> = coverage.edges.symmetric_difference(&drawn).collect();
    assert!(odd.is_empty(), "transitions that only were seen, or only are in README.md: {odd:?}");
}
