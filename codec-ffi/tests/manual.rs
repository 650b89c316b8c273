//! The manual of the C library names every setting and every status.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops at the first error"
)]

use neural_codec::decoder::DecoderSettings;
use neural_codec::settings::Settings;

const MANUAL: &str = include_str!("../../docs/C.md");

#[test]
fn every_setting_is_in_the_manual() {
    let names =
        Settings::DESCRIPTIONS.iter().map(|row| row.name).chain(DecoderSettings::NAMES.iter().copied());
    let missing: Vec<_> = names.filter(|name| !MANUAL.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/C.md lacks {missing:?}");
}

#[test]
fn every_status_is_in_the_manual_with_its_number() {
    let source = include_str!("../src/status.rs");
    let statuses = source.lines().filter_map(|line| line.strip_prefix("pub const ")?.strip_suffix(';'));
    for (name, number) in statuses.filter_map(|status| status.split_once(": i32 = ")) {
        assert!(MANUAL.contains(&format!("| `{name}` | {number} |")), "docs/C.md lacks {name} = {number}");
    }
}
