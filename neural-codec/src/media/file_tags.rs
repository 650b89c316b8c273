//! Tags that say something about the file they were found in, and nothing about the clip.

const OF_THE_FILE: [&str; 8] = [
    "major_brand",
    "minor_version",
    "compatible_brands",
    "encoder",
    "handler_name",
    "vendor_id",
    "duration",
    "service_name",
];

/// Whether a tag says something about the file it was found in, and nothing about the clip.
pub(super) fn is_of_the_file(name: &str) -> bool {
    OF_THE_FILE.contains(&name.to_ascii_lowercase().as_str())
        || name.starts_with("_STATISTICS")
        || matches!(name, "BPS" | "DURATION" | "NUMBER_OF_FRAMES" | "NUMBER_OF_BYTES")
        || ["BPS-", "DURATION-", "NUMBER_OF_"].iter().any(|start| name.starts_with(start))
}
