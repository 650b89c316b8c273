//! What a picture file has beside the picture, ICC, EXIF and XMP: found, so that it can be named as lost.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use tiff::decoder::ifd::Value;
use tiff::tags::Tag;

use super::XMP_KEYWORD;
use crate::lost::Lost;

/// The gamma of PNG files of sRGB, and how far another may lie from it to count as the same.
const SRGB_GAMMA: f32 = 0.45455;
const GAMMA_TOLERANCE: f32 = 0.002;

/// White, red, green and blue of sRGB (IEC 61966-2-1), and how far others may lie from them to count as the same.
const SRGB_CHROMATICITIES: [(f32, f32); 4] = [(0.3127, 0.329), (0.64, 0.33), (0.3, 0.6), (0.15, 0.06)];
const CHROMATICITY_TOLERANCE: f32 = 0.003;

/// Tags of TIFF 6.0 that hold texts.
const TIFF_TEXTS: [(u16, &str); 9] = [
    (269, "DocumentName"),
    (270, "ImageDescription"),
    (271, "Make"),
    (272, "Model"),
    (305, "Software"),
    (306, "DateTime"),
    (315, "Artist"),
    (316, "HostComputer"),
    (33432, "Copyright"),
];

/// What a file of these first bytes has that is not kept; nothing where it cannot be read, which reading the picture explains.
pub(super) fn lost(path: &Path, head: &[u8]) -> Vec<Lost> {
    let Ok(file) = File::open(path) else { return Vec::new() };
    match head {
        [0x89, b'P', b'N', b'G', ..] => of_png(BufReader::new(file)),
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => of_tiff(BufReader::new(file)),
        [0xFF, 0xD8, 0xFF, ..] => of_jpeg(BufReader::new(file)).unwrap_or_default(),
        [b'B', b'M', ..] => of_bmp(file).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Whether a file is TIFF whose samples are multiplied with their opacity (`ExtraSamples` 1, TIFF 6.0, section 18). It is read from its
/// first byte on afterwards.
pub(super) fn is_multiplied_by_alpha(file: &mut (impl Read + Seek)) -> std::io::Result<bool> {
    let found = tiff::decoder::Decoder::new(&mut *file).ok().and_then(|mut decoder| {
        let kinds = decoder.find_tag(Tag::ExtraSamples).ok().flatten()?;
        kinds.into_u16_vec().ok()?.first().copied()
    });
    file.rewind()?;
    Ok(found == Some(1))
}

/// What pixels of a resolution are counted in.
#[derive(Clone, Copy)]
enum Unit {
    Inch,
    Centimeter,
    Meter,
}

/// A resolution that was asked for: 72 an inch is what is written where nobody knows.
fn resolution(across: f64, down: f64, unit: Unit) -> Option<Lost> {
    let (name, inch) = match unit {
        Unit::Inch => ("an inch", 1.0),
        Unit::Centimeter => ("a centimeter", 2.54),
        Unit::Meter => ("a meter", 0.0254),
    };
    let is_said = [across, down].iter().any(|side| (side * inch - 72.0).abs() > 0.05);
    let [across, down] = [across, down].map(|side| (side * 100.0).round() / 100.0);
    is_said.then(|| Lost::new("resolution", format!("{across}x{down} pixels {name} have no place")))
}

/// Four inks, of which nothing says how they look.
pub(super) fn lost_cmyk() -> Lost {
    Lost::new("color", "the source is CMYK without a profile, which became RGB by a plain formula")
}

fn texts(names: &[&str]) -> Option<Lost> {
    let named = || format!("texts of the file have no place: {}", names.join(", "));
    (!names.is_empty()).then(|| Lost::new("text", named()))
}

/// Segments before the first scan (ITU-T T.81, annex B); JFIF 1.02 has a resolution.
fn of_jpeg(mut file: BufReader<File>) -> std::io::Result<Vec<Lost>> {
    let mut lost = Vec::new();
    let (mut has_comment, mut has_profile, mut components) = (false, false, 0);
    file.read_exact(&mut [0; 2])?;
    loop {
        let mut head = [0; 4];
        file.read_exact(&mut head)?;
        let [mark, code, high, low] = head;
        // The scan, or nothing that can be walked over.
        if mark != 0xFF || code == 0xDA || code < 0xC0 {
            break;
        }
        let mut body = vec![0; usize::from(u16::from_be_bytes([high, low])).saturating_sub(2)];
        file.read_exact(&mut body)?;
        match (code, &body[..]) {
            (0xE0, [b'J', b'F', b'I', b'F', 0, _, _, unit @ (1 | 2), a, b, c, d, ..]) => {
                let unit = if *unit == 1 { Unit::Inch } else { Unit::Centimeter };
                let [across, down] = [[*a, *b], [*c, *d]].map(|side| f64::from(u16::from_be_bytes(side)));
                lost.extend(resolution(across, down, unit));
            }
            (0xE2, [b'I', b'C', b'C', b'_', ..]) => has_profile = true,
            // CIPA DC-007.
            (0xE2, [b'M', b'P', b'F', 0, ..]) => {
                let why = "the file holds more pictures behind the first (MPF), such as a gain map or depths";
                lost.push(Lost::new("pictures", why));
            }
            // A frame's header, which neither tables of Huffman (C4) and arithmetic coding (CC) nor extensions (C8) are.
            (0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF, [_, _, _, _, _, count, ..]) => {
                components = *count;
            }
            (0xFE, _) => has_comment = true,
            _ => {}
        }
    }
    if components == 4 && !has_profile {
        lost.push(lost_cmyk());
    }
    lost.extend(texts(if has_comment { &["comment"] } else { &[] }));
    Ok(lost)
}

/// BITMAPINFOHEADER has pixels a meter from byte 38 of the file on.
fn of_bmp(mut file: File) -> std::io::Result<Vec<Lost>> {
    let mut head = [0; 46];
    file.read_exact(&mut head)?;
    let word = |at: usize| i32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let is_said = word(14) >= 40 && word(38) > 0 && word(42) > 0;
    let found = resolution(word(38).into(), word(42).into(), Unit::Meter).filter(|_| is_said);
    Ok(found.into_iter().collect())
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
    let is_of_srgb = |found: png::SourceChromaticities| {
        let of = |(x, y): (png::ScaledFloat, png::ScaledFloat), (u, v): (f32, f32)| {
            (x.into_value() - u).abs() < CHROMATICITY_TOLERANCE
                && (y.into_value() - v).abs() < CHROMATICITY_TOLERANCE
        };
        let primaries = [found.white, found.red, found.green, found.blue];
        primaries.into_iter().zip(SRGB_CHROMATICITIES).all(|(found, expected)| of(found, expected))
    };
    if info.chrm_chunk.is_some_and(|found| !has_profile && !is_of_srgb(found)) {
        let why =
            "the source's primaries (chunk cHRM) are others than those of sRGB; samples are taken for sRGB";
        lost.push(Lost::new("color", why));
    }
    if let Some(code) = info.coding_independent_code_points {
        let (primaries, transfer) = (code.color_primaries, code.transfer_function);
        if (primaries, transfer) != (1, 13) {
            let why = format!("primaries {primaries} and transfer {transfer} of chunk cICP have no place");
            lost.push(Lost::new("color", why));
        }
    }
    if let Some(size) = info.pixel_dims {
        match size.unit {
            png::Unit::Meter => lost.extend(resolution(size.xppu.into(), size.yppu.into(), Unit::Meter)),
            // The shape of a pixel, which is square nearly always.
            png::Unit::Unspecified if size.xppu != size.yppu && size.xppu.min(size.yppu) > 0 => {
                lost.push(Lost::new("shape", format!("pixels of {}:{} have no place", size.yppu, size.xppu)));
            }
            png::Unit::Unspecified => {}
        }
    }
    let found = info.uncompressed_latin1_text.iter().map(|text| text.keyword.as_str());
    let found = found.chain(info.compressed_latin1_text.iter().map(|text| text.keyword.as_str()));
    let found = found.chain(info.utf8_text.iter().map(|text| text.keyword.as_str()));
    let names: Vec<&str> = found.filter(|name| *name != XMP_KEYWORD).collect();
    lost.extend(texts(&names));
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
    let names: Vec<&str> =
        TIFF_TEXTS.into_iter().filter(|(tag, _)| has(*tag)).map(|(_, name)| name).collect();
    lost.extend(texts(&names));
    let unit = decoder.get_tag_u32(Tag::ResolutionUnit).unwrap_or(2);
    let mut number = |tag| match decoder.find_tag(tag) {
        Ok(Some(Value::Rational(number, over))) if over > 0 => Some(f64::from(number) / f64::from(over)),
        _ => None,
    };
    if let (Some(across), Some(down)) = (number(Tag::XResolution), number(Tag::YResolution)) {
        match unit {
            2 => lost.extend(resolution(across, down, Unit::Inch)),
            3 => lost.extend(resolution(across, down, Unit::Centimeter)),
            _ => {}
        }
    }
    lost
}
