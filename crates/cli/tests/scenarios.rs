//! The folders in `tests/scenarios`, each played with the real program.

use std::path::Path;

#[test]
fn every_scenario_holds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a workspace");
    let program = Path::new(env!("CARGO_BIN_EXE_syncline"));
    syncline_testkit::scenarios::run_all(program, &root.join("tests/scenarios"));
}
