//! PHOTO: a whole file of one picture, and what belongs to it.
//!
//! ```text
//! signature  PHOTO
//! ```
//! Nothing follows, so that a small picture costs few bytes beside its own: 44 without profile, EXIF, XMP and alpha.

use std::io::Read;

use super::Limits;
use super::bytes::{Reader, Writer};
use super::input::PacketInput;
use super::kind::{PACKET_HEADER_BYTES, PacketKind, SIGNATURE};
use super::payload::Payload;
use crate::error::{Error, Place, Result};
use crate::frame::{BitDepth, Color, OwnColors, Rational};
use crate::memory;
use crate::strategy::Strategy;

/// The version of the payload that this library writes.
const VERSION: u8 = 1;
/// The flag of pictures without color.
const GRAY: u8 = 1;
/// Most bytes of a profile, of EXIF and of XMP each.
const MAX_TAG_BYTES: usize = 1 << 24;
/// Most sections, those that are not known among them.
const MAX_SECTIONS: u8 = 32;

/// Matrices that the AV1 of a photo may have.
const MATRICES: [u8; 4] = [Color::BT709, 5, Color::BT601, Color::BT2020];

/// What is said about a picture beside its samples. Empty: nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PhotoTags {
    /// ICC profile.
    pub icc: Vec<u8>,
    /// EXIF from its TIFF header on; the picture is upright, whatever it says.
    pub exif: Vec<u8>,
    /// XMP packet.
    pub xmp: Vec<u8>,
}

/// How the samples are coded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhotoCode {
    /// One AV1 temporal unit that shows one key frame: full range, chroma samples of 4:2:0 in the center of four luma samples.
    Av1 {
        /// Whether chroma has the resolution of luma: 4:4:4 instead of 4:2:0.
        is_444: bool,
        /// Bits of a coded sample, at least those of the picture.
        depth: BitDepth,
        /// Matrix coefficients (H.273).
        matrix: u8,
        /// The unit, without a temporal delimiter.
        unit: Vec<u8>,
    },
    /// One AV1 temporal unit that shows one key frame: 4:4:4 of ten bits in colors of the picture's own.
    OwnColors {
        /// What red, green and blue take of its planes.
        colors: OwnColors,
        /// What is applied to its planes before.
        filter: Option<PhotoFilter>,
        /// The unit, without a temporal delimiter.
        unit: Vec<u8>,
    },
    /// What a network decodes: a still.
    Neural {
        /// What is applied to it, of ten bits then.
        filter: Option<PhotoFilter>,
        /// The still.
        code: Vec<u8>,
    },
}

/// A neural filter over the planes of a photo: a network that every reader has. Those of a still are
/// [`OwnColors::OF_STILLS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhotoFilter {
    /// Which network, from 1 on.
    pub network: u8,
    /// The quantizer whose gains it has: libaom's `cq-level`, or of a still one of about the same error.
    pub quantizer: u8,
}

impl PhotoCode {
    /// What it is called in reports.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Av1 { .. } | Self::OwnColors { .. } => "av1",
            Self::Neural { .. } => "neural",
        }
    }

    /// How a picture is coded that has this.
    pub(crate) const fn strategy(&self) -> Strategy {
        match self {
            Self::OwnColors { filter: Some(_), .. } => Strategy::Hybrid,
            Self::Av1 { .. } | Self::OwnColors { .. } => Strategy::Av1,
            Self::Neural { .. } => Strategy::Still,
        }
    }

    /// The coded samples.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Av1 { unit, .. } | Self::OwnColors { unit, .. } => unit,
            Self::Neural { code, .. } => code,
        }
    }
}

/// A photo as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoPacket {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Bits of a decoded sample.
    pub depth: BitDepth,
    /// Whether red, green and blue are equal everywhere.
    pub is_gray: bool,
    /// Multiplications a pixel that decoding takes, as the encoder counted them; 0 for AV1 alone.
    pub macs_per_pixel: u64,
    /// Hash of the decoded picture as RGB.
    pub hash: u64,
    /// What is said about it.
    pub tags: PhotoTags,
    /// Opacity, as a PNG file of gray of the same size; empty for pictures without.
    pub alpha: Vec<u8>,
    /// Its samples.
    pub code: PhotoCode,
}

impl Payload for PhotoPacket {
    const KIND: PacketKind = PacketKind::Photo;

    fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self> {
        let version = reader.u8("version of a photo")?;
        if version != VERSION {
            return Err(Error::UnsupportedVersion { found: version.into(), supported: VERSION.into() });
        }
        let kind = reader.u8("coding of a photo")?;
        let width = read_side(reader, "width", limits.max_width)?;
        let height = read_side(reader, "height", limits.max_height)?;
        reader.limited("pixels", u64::from(width) * u64::from(height), limits.max_pixels)?;
        let depth = read_depth(reader, "bits of a sample")?;
        let flags = reader.u8("flags of a photo")?;
        if flags & !GRAY != 0 {
            return Err(reader.corrupt("flags of a photo", "0 or 1", flags));
        }
        let macs_per_pixel = reader.varint("multiplications a pixel")?;
        let hash = reader.u64("hash of the picture")?;
        let (mut tags, mut alpha) = (PhotoTags::default(), Vec::new());
        let sections = reader.u8("number of sections")?;
        reader.limited("number of sections", sections.into(), MAX_SECTIONS.into())?;
        for _ in 0..sections {
            let kind = reader.u8("kind of a section")?;
            let length = reader.varint("bytes of a section")?;
            let limit = if kind == ALPHA { u64::from(u32::MAX) } else { MAX_TAG_BYTES as u64 };
            let length = reader.limited("bytes of a section", length, limit)? as usize;
            let body = reader.bytes(length, "section of a photo")?;
            let place = match kind {
                ICC => &mut tags.icc,
                EXIF => &mut tags.exif,
                XMP => &mut tags.xmp,
                ALPHA => &mut alpha,
                // What a newer writer adds beside the picture.
                _ => continue,
            };
            if body.is_empty() || !place.is_empty() {
                return Err(reader.corrupt("section of a photo", "one of a kind, not empty", kind));
            }
            *place = memory::copied("section of a photo", body)?;
        }
        let code = match kind {
            AV1 | AV1_444 => {
                let coded = read_depth(reader, "bits of a coded sample")?;
                if coded < depth {
                    return Err(reader.corrupt("bits of a coded sample", depth.bits(), coded.bits()));
                }
                let matrix = reader.u8("matrix coefficients")?;
                if !MATRICES.contains(&matrix) {
                    return Err(reader.corrupt("matrix coefficients", "1, 5, 6 or 9", matrix));
                }
                PhotoCode::Av1 {
                    is_444: kind == AV1_444,
                    depth: coded,
                    matrix,
                    unit: reader.rest("AV1 of a photo")?,
                }
            }
            NEURAL => PhotoCode::Neural { filter: None, code: reader.rest("code of a photo")? },
            FILTERED_NEURAL => {
                if flags & GRAY != 0 {
                    return Err(reader.corrupt("flags of a photo that is a filtered still", 0, flags));
                }
                let filter = Some(read_filter(reader)?);
                PhotoCode::Neural { filter, code: reader.rest("code of a photo")? }
            }
            OWN_COLORS | FILTERED_COLORS => {
                if flags & GRAY != 0 {
                    return Err(reader.corrupt("flags of a photo in colors of its own", 0, flags));
                }
                let weights = reader.bytes(9, "colors of a photo")?;
                let colors = OwnColors { weights: std::array::from_fn(|at| weights[at] as i8) };
                let filter = (kind == FILTERED_COLORS).then(|| read_filter(reader)).transpose()?;
                PhotoCode::OwnColors { colors, filter, unit: reader.rest("AV1 of a photo")? }
            }
            _ => {
                return Err(Error::Unsupported {
                    what: format!("coding {kind} of a photo"),
                    remedy: "a newer version of this library may read it".into(),
                });
            }
        };
        if code.strategy() == Strategy::Av1 && macs_per_pixel != 0 {
            return Err(reader.corrupt("multiplications a pixel of AV1 alone", 0, macs_per_pixel));
        }
        Ok(Self { width, height, depth, is_gray: flags & GRAY != 0, macs_per_pixel, hash, tags, alpha, code })
    }

    fn write(&self, writer: &mut Writer) -> Result<()> {
        writer.u8(VERSION);
        writer.u8(match self.code {
            PhotoCode::Av1 { is_444: false, .. } => AV1,
            PhotoCode::Av1 { is_444: true, .. } => AV1_444,
            PhotoCode::Neural { filter: None, .. } => NEURAL,
            PhotoCode::Neural { filter: Some(_), .. } => FILTERED_NEURAL,
            PhotoCode::OwnColors { filter: None, .. } => OWN_COLORS,
            PhotoCode::OwnColors { filter: Some(_), .. } => FILTERED_COLORS,
        });
        writer.varint(self.width.into());
        writer.varint(self.height.into());
        writer.u8(self.depth.bits());
        writer.u8(if self.is_gray { GRAY } else { 0 });
        writer.varint(self.macs_per_pixel);
        writer.u64(self.hash);
        let sections =
            [(ICC, &self.tags.icc), (EXIF, &self.tags.exif), (XMP, &self.tags.xmp), (ALPHA, &self.alpha)];
        let sections = sections.iter().filter(|(_, body)| !body.is_empty());
        writer.u8(sections.clone().count() as u8);
        for (kind, body) in sections {
            if *kind != ALPHA && body.len() > MAX_TAG_BYTES {
                let expected = format!("at most {MAX_TAG_BYTES} bytes");
                return Err(Error::invalid("profile, EXIF or XMP", expected, body.len()));
            }
            writer.u8(*kind);
            writer.varint(body.len() as u64);
            writer.raw(body);
        }
        match &self.code {
            PhotoCode::Av1 { depth, matrix, unit, .. } => {
                writer.u8(depth.bits());
                writer.u8(*matrix);
                writer.raw(unit);
            }
            PhotoCode::OwnColors { colors, filter, unit } => {
                writer.raw(&colors.weights.map(|weight| weight as u8));
                write_filter(writer, *filter);
                writer.raw(unit);
            }
            PhotoCode::Neural { filter, code } => {
                write_filter(writer, *filter);
                writer.raw(code);
            }
        }
        Ok(())
    }
}

/// Codings.
const AV1: u8 = 1;
const NEURAL: u8 = 2;
const OWN_COLORS: u8 = 3;
const AV1_444: u8 = 4;
const FILTERED_COLORS: u8 = 5;
const FILTERED_NEURAL: u8 = 6;

/// Kinds of sections.
const ICC: u8 = 1;
const EXIF: u8 = 2;
const XMP: u8 = 3;
const ALPHA: u8 = 4;

/// A side of a picture in pixels, at least 1, as a varint.
pub(super) fn read_side(reader: &mut Reader<'_>, name: &'static str, limit: u32) -> Result<u32> {
    let side = reader.varint(name)?;
    if side == 0 {
        return Err(reader.corrupt(name, "at least 1", side));
    }
    Ok(reader.limited(name, side, limit.into())? as u32)
}

fn read_filter(reader: &mut Reader<'_>) -> Result<PhotoFilter> {
    Ok(PhotoFilter {
        network: reader.u8("network of a photo")?,
        quantizer: reader.u8("quantizer of a photo's filter")?,
    })
}

fn write_filter(writer: &mut Writer, filter: Option<PhotoFilter>) {
    if let Some(PhotoFilter { network, quantizer }) = filter {
        writer.u8(network);
        writer.u8(quantizer);
    }
}

fn read_depth(reader: &mut Reader<'_>, name: &'static str) -> Result<BitDepth> {
    let bits = reader.u8(name)?;
    BitDepth::try_from(bits).map_err(|_| reader.corrupt(name, "8 or 10", bits))
}

impl PhotoPacket {
    /// The rate that the picture has as a clip of one frame.
    pub(crate) const RATE: Rational = Rational { num: 25, den: 1 };

    /// Bytes from the start of a file after which [`begins`](Self::begins) can tell.
    pub const HEAD_BYTES: usize = SIGNATURE.len() + 1;

    /// Whether the first bytes of a file are those of a photo.
    pub fn begins(head: &[u8]) -> bool {
        head.starts_with(&SIGNATURE) && head.get(SIGNATURE.len()) == Some(&(PacketKind::Photo as u8))
    }

    /// Reads a whole file.
    ///
    /// # Errors
    ///
    /// `Corrupt`, `Truncated`, `LimitExceeded` and `Unsupported` with the byte; `OutOfMemory`.
    pub fn read_file(input: impl Read, limits: &Limits) -> Result<Self> {
        let mut input = PacketInput::new(input, 0);
        input.read_signature()?;
        let place = Place::at_offset(input.position());
        let header = input.read_header()?.ok_or(Error::Truncated { what: "photo", place })?;
        header.check(limits)?;
        let Some(PacketKind::Photo) = header.kind() else {
            let found = header.kind().map_or("an unknown packet".into(), |kind| format!("{kind:?}"));
            return Err(Error::corrupt("first packet", "Photo", found, place));
        };
        let payload = input.read_payload(&header)?;
        let start = header.offset + PACKET_HEADER_BYTES as u64;
        let mut reader = Reader::new(&payload, start);
        let photo = <Self as Payload>::read(&mut reader, limits)?;
        reader.finish("packet")?;
        let place = Place::at_offset(input.position());
        if !input.is_at_end()? {
            return Err(Error::corrupt("end of the photo", "nothing after it", "more bytes", place));
        }
        Ok(photo)
    }

    /// The whole file.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for what its fields cannot hold, `OutOfMemory`.
    pub fn to_file(&self) -> Result<Vec<u8>> {
        let mut writer = Writer::behind(SIGNATURE.to_vec());
        self.write_packet(&mut writer)?;
        Ok(writer.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo() -> PhotoPacket {
        PhotoPacket {
            width: 300,
            height: 1,
            depth: BitDepth::Eight,
            is_gray: true,
            macs_per_pixel: 0,
            hash: 0x0123_4567_89ab_cdef,
            tags: PhotoTags { icc: vec![1; 300], exif: vec![2, 3], xmp: Vec::new() },
            alpha: vec![9; 40],
            code: PhotoCode::Av1 { is_444: false, depth: BitDepth::Ten, matrix: 6, unit: vec![5, 6, 7] },
        }
    }

    fn read(bytes: &[u8]) -> Result<PhotoPacket> {
        PhotoPacket::read_file(bytes, &Limits::default())
    }

    #[test]
    fn a_photo_reads_back_and_costs_44_bytes_beside_its_code() {
        let bytes = photo().to_file().unwrap();
        assert!(PhotoPacket::begins(&bytes) && !PhotoPacket::begins(&bytes[..8]));
        assert_eq!(read(&bytes).unwrap(), photo());
        let neural = PhotoPacket {
            tags: PhotoTags::default(),
            alpha: Vec::new(),
            macs_per_pixel: 1 << 20,
            code: PhotoCode::Neural { filter: None, code: vec![1; 100] },
            ..photo()
        };
        assert_eq!(read(&neural.to_file().unwrap()).unwrap(), neural);
        let code =
            PhotoCode::Neural { filter: Some(PhotoFilter { network: 2, quantizer: 20 }), code: vec![1; 98] };
        let filtered = PhotoPacket { code, ..neural.clone() };
        assert!(read(&filtered.to_file().unwrap()).unwrap_err().to_string().contains("a filtered still"));
        let filtered = PhotoPacket { is_gray: false, ..filtered };
        assert_eq!(read(&filtered.to_file().unwrap()).unwrap(), filtered);
        assert_eq!(filtered.to_file().unwrap().len(), neural.to_file().unwrap().len());
        let colors = OwnColors { weights: [1, -2, 3, -4, 5, -6, 7, -128, 127] };
        let code = PhotoCode::OwnColors { colors, filter: None, unit: vec![7; 9] };
        let own = PhotoPacket { code, macs_per_pixel: 0, ..neural.clone() };
        assert!(read(&own.to_file().unwrap()).unwrap_err().to_string().contains("colors of its own"));
        let own = PhotoPacket { is_gray: false, ..own };
        assert_eq!(read(&own.to_file().unwrap()).unwrap(), own);
        let filter = Some(PhotoFilter { network: 1, quantizer: 36 });
        let code = PhotoCode::OwnColors { colors, filter, unit: vec![7; 9] };
        let filtered = PhotoPacket { code, macs_per_pixel: 10_944, ..own.clone() };
        assert_eq!(read(&filtered.to_file().unwrap()).unwrap(), filtered);
        assert_eq!(filtered.to_file().unwrap().len(), own.to_file().unwrap().len() + 3);
        let dear = PhotoPacket { macs_per_pixel: 1, ..own };
        assert!(read(&dear.to_file().unwrap()).unwrap_err().to_string().contains("AV1 alone"));
        let code = PhotoCode::Av1 { is_444: true, depth: BitDepth::Ten, matrix: 6, unit: vec![3; 5] };
        let whole = PhotoPacket { code, macs_per_pixel: 0, ..neural.clone() };
        assert_eq!(read(&whole.to_file().unwrap()).unwrap(), whole);
        let code = PhotoCode::Av1 { is_444: false, depth: BitDepth::Ten, matrix: 6, unit: vec![1; 100] };
        let plain = PhotoPacket { height: 200, macs_per_pixel: 0, code, ..neural };
        assert_eq!(plain.to_file().unwrap().len(), 144);
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let bytes = photo().to_file().unwrap();
        for at in 0..bytes.len() {
            assert!(read(&bytes[..at]).is_err(), "cut at {at}");
            let mut changed = bytes.clone();
            changed[at] ^= 0x11;
            assert!(read(&changed).is_err(), "changed at {at}");
        }
        assert!(read(&[bytes, vec![0]].concat()).unwrap_err().to_string().contains("nothing after it"));
    }

    /// The file of a payload, with checksums that are right.
    fn with_payload(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut payload = photo().to_file().unwrap().split_off(SIGNATURE.len() + PACKET_HEADER_BYTES);
        change(&mut payload);
        let mut header = vec![PacketKind::Photo as u8, 1, 0, 0];
        header.extend((payload.len() as u32).to_le_bytes());
        header.extend(crc32c::crc32c(&payload).to_le_bytes());
        header.extend(crc32c::crc32c(&header).to_le_bytes());
        [&SIGNATURE[..], &header, &payload].concat()
    }

    #[test]
    fn values_that_no_photo_has_are_errors_with_their_place() {
        let error = |change: &dyn Fn(&mut Vec<u8>)| read(&with_payload(change)).unwrap_err();
        assert!(matches!(error(&|p| p[0] = 2), Error::UnsupportedVersion { found: 2, supported: 1 }));
        assert!(matches!(error(&|p| p[1] = 7), Error::Unsupported { .. }));
        assert!(error(&|p| p[4] = 0).to_string().contains("height: expected at least 1, found 0 (byte 28)"));
        assert!(error(&|p| p[5] = 9).to_string().contains("8 or 10"));
        assert!(error(&|p| p[6] = 2).to_string().contains("flags"));
        let huge = |p: &mut Vec<u8>| drop(p.splice(2..4, [0xff, 0xff, 0xff, 0x7f]));
        assert!(matches!(error(&huge), Error::LimitExceeded { what: "width", .. }));
        // A section that claims more than is there allocates nothing.
        let long = |p: &mut Vec<u8>| drop(p.splice(18..20, [0xff, 0xff, 0x7f]));
        assert!(error(&long).to_string().contains("before the end"), "{}", error(&long));
    }

    #[test]
    fn a_section_of_an_unknown_kind_is_left_out() {
        let bytes = with_payload(|payload| {
            assert_eq!(payload[16], 3);
            payload[16] = 4;
            payload.splice(17..17, [99, 2, 8, 8]);
        });
        assert_eq!(read(&bytes).unwrap(), photo());
    }

    #[test]
    fn a_reader_of_clips_says_that_it_is_a_photo() {
        let bytes = photo().to_file().unwrap();
        let error = super::super::PacketReader::new(bytes.as_slice(), Limits::default()).err().unwrap();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    }
}
