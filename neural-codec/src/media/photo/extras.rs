//! What a picture file has beside the picture, ICC, EXIF and XMP: found, so that it can be named as lost.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use tiff::tags::Tag;

use super::XMP_KEYWORD;
use crate::lost::Lost;

/// The gamma of PNG files of sRGB, and how far another may lie from it to count as the same.
const SRGB_GAMMA: f32 = 0.45455;
const GAMMA_TOLERANCE: f32 = 0.002;

/// What a file of these first bytes has that is not kept; nothing where it cannot be read, which reading the picture explains.
pub(super) fn lost(path: &Path, head: &[u8]) -> Vec<Lost> {
    let Ok(file) = File::open(path) else { return Vec::new() };
    match head {
        [0x89, b'P', b'N', b'G', ..] => of_png(BufReader::new(file)),
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => of_tiff(BufReader::new(file)),
        _ => Vec::new(),
    }
}

fn of_png(file: BufReader<File>) -> Vec<Lost> {
    let Ok(reader) = png::Decoder::new(file).read_info() else { return Vec::new() };
    let info = reader.info();
    let mut lost = Vec::new();
    let has_profile = info.icc_profile.is_some() || info.srgb.is_some();
    let gamma = info.gama_chunk.map(|gamma| gamma.into_value());
    if let Some(gamma) = gamma.filter(|gamma| !has_profile && (gamma - SRGB_GAMMA).abs() > GAMMA_TOLERANCE) {
        lost.push(Lost::new("gamma", format!("the source says {gamma}; samples are taken for sRGB")));
    }
    if let Some(code) = info.coding_independent_code_points {
        let (primaries, transfer) = (code.color_primaries, code.transfer_function);
        if (primaries, transfer) != (1, 13) {
            let why = format!("primaries {primaries} and transfer {transfer} of chunk cICP have no place");
            lost.push(Lost::new("color", why));
        }
    }
    if let Some(size) = info.pixel_dims {
        lost.push(Lost::new(
            "resolution",
            format!("{}x{} pixels a unit of chunk pHYs", size.xppu, size.yppu),
        ));
    }
    let texts = info.uncompressed_latin1_text.iter().map(|text| text.keyword.as_str());
    let texts = texts.chain(info.compressed_latin1_text.iter().map(|text| text.keyword.as_str()));
    let texts = texts.chain(info.utf8_text.iter().map(|text| text.keyword.as_str()));
    let names: Vec<&str> = texts.filter(|name| *name != XMP_KEYWORD).collect();
    if !names.is_empty() {
        lost.push(Lost::new("text", format!("texts of the file have no place: {}", names.join(", "))));
    }
    lost
}

fn of_tiff(file: BufReader<File>) -> Vec<Lost> {
    let Ok(mut decoder) = tiff::decoder::Decoder::new(file) else { return Vec::new() };
    let mut has = |tag: u16| matches!(decoder.find_tag(Tag::from_u16_exhaustive(tag)), Ok(Some(_)));
    let mut lost = Vec::new();
    // The folders of EXIF and of GPS, which lie scattered in the file.
    if has(34665) || has(34853) {
        lost.push(Lost::new("exif", "EXIF of TIFF files is not read"));
    }
    if has(33723) {
        lost.push(Lost::new("iptc", "IPTC has no place"));
    }
    lost
}
