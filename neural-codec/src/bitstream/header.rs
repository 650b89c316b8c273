//! STREAM_HEADER: what holds for the whole stream.

use super::audio::{read_track, write_track};
use super::bytes::{Reader, Writer};
use super::kind::PacketKind;
use super::payload::Payload;
use super::{AudioTrack, Limits};
use crate::error::{Error, Result};
use crate::frame::{BitDepth, ChromaLocation, Color, ColorRange, Layout, PixelFormat, VideoInfo};

/// Version of the format. Within a major version, readers read every older stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FormatVersion {
    /// Rises when older readers cannot read new streams at all.
    pub major: u16,
    /// Rises when packet types or ways of coding are added.
    pub minor: u16,
}

impl FormatVersion {
    /// The first with SCENE_HEAD, UNITS and SHORT_TABLE.
    pub(super) const SHORT: Self = Self { major: 1, minor: 3 };
    /// The first with frames that show the one before again.
    pub(super) const REPEATS: Self = Self { major: 1, minor: 4 };
    /// The version that this library writes.
    pub const CURRENT: Self = Self { major: 1, minor: 4 };
}

/// What holds for the whole stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamHeader {
    /// Version of the format.
    pub version: FormatVersion,
    /// Size, format, color and rate of the decoded frames.
    pub info: VideoInfo,
    /// What wrote the stream, empty if it does not say; at most 255 bytes.
    pub encoder: String,
    /// Audio tracks, in the order that [`AudioPacket::track`](super::AudioPacket::track) counts.
    pub audio_tracks: Vec<AudioTrack>,
}

impl StreamHeader {
    /// The header of a stream without audio in the current version.
    pub fn new(info: VideoInfo) -> Self {
        let version = FormatVersion::CURRENT;
        Self { version, info, encoder: String::new(), audio_tracks: Vec::new() }
    }
}

impl Payload for StreamHeader {
    const KIND: PacketKind = PacketKind::StreamHeader;

    fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self> {
        let major = reader.u16("major version")?;
        if major > FormatVersion::CURRENT.major {
            let supported = u32::from(FormatVersion::CURRENT.major);
            return Err(Error::UnsupportedVersion { found: u32::from(major), supported });
        }
        if major == 0 {
            return Err(reader.corrupt("major version", "at least 1", major));
        }
        let version = FormatVersion { major, minor: reader.u16("minor version")? };
        let (width, height) = read_size(reader, limits)?;
        let format = PixelFormat { layout: read_layout(reader)?, depth: read_depth(reader)? };
        let color = read_color(reader)?;
        let reserved = reader.u8("stream flags")?;
        if reserved != 0 {
            return Err(reader.corrupt("stream flags", 0, reserved));
        }
        let info = VideoInfo {
            width: width as usize,
            height: height as usize,
            format,
            color,
            frame_rate: reader.rational("frame rate")?,
            time_base: reader.rational("time base")?,
            pixel_aspect: reader.rational("pixel aspect")?,
        };
        let encoder = reader.text("encoder name")?;
        let count = u64::from(reader.u8("number of audio tracks")?);
        reader.limited("number of audio tracks", count, u64::from(limits.max_audio_tracks))?;
        let audio_tracks = (0..count).map(|_| read_track(reader, limits)).collect::<Result<_>>()?;
        Ok(Self { version, info, encoder, audio_tracks })
    }

    fn write(&self, writer: &mut Writer) -> Result<()> {
        writer.u16(self.version.major);
        writer.u16(self.version.minor);
        writer.size("width", self.info.width)?;
        writer.size("height", self.info.height)?;
        write_layout(writer, self.info.format.layout);
        writer.u8(self.info.format.depth.bits());
        write_color(writer, self.info.color);
        writer.u8(0);
        writer.rational(self.info.frame_rate);
        writer.rational(self.info.time_base);
        writer.rational(self.info.pixel_aspect);
        writer.text("encoder name", &self.encoder)?;
        let count = u8::try_from(self.audio_tracks.len())
            .map_err(|_| Error::invalid("number of audio tracks", "at most 255", self.audio_tracks.len()))?;
        writer.u8(count);
        self.audio_tracks.iter().try_for_each(|track| write_track(writer, track))
    }
}

/// Code 1 is the first.
const LAYOUTS: [Layout; 4] = [Layout::Yuv420, Layout::Yuv422, Layout::Yuv444, Layout::Rgb];
/// Code 0 is the first.
const RANGES: [ColorRange; 3] = [ColorRange::Unspecified, ColorRange::Limited, ColorRange::Full];
/// Code 0 is the first.
const CHROMA_LOCATIONS: [ChromaLocation; 4] =
    [ChromaLocation::Unspecified, ChromaLocation::Left, ChromaLocation::Center, ChromaLocation::TopLeft];

/// Writes what [`read_layout`] reads.
pub(super) fn write_layout(writer: &mut Writer, layout: Layout) {
    writer.u8(1 + LAYOUTS.iter().position(|&l| l == layout).unwrap_or(0) as u8);
}

pub(super) fn read_layout(reader: &mut Reader<'_>) -> Result<Layout> {
    let code = reader.u8("layout")?;
    let layout = usize::from(code).checked_sub(1).and_then(|code| LAYOUTS.get(code));
    layout.copied().ok_or_else(|| reader.corrupt("layout", "1 to 4", code))
}

/// Bits a sample, 8 or 10.
pub(super) fn read_depth(reader: &mut Reader<'_>) -> Result<BitDepth> {
    let bits = reader.u8("bit depth")?;
    BitDepth::try_from(bits).map_err(|_| reader.corrupt("bit depth", "8 or 10", bits))
}

/// Width and height in pixels, each at least 1 and within the limits.
pub(super) fn read_size(reader: &mut Reader<'_>, limits: &Limits) -> Result<(u32, u32)> {
    let mut side = |what, limit| {
        let side = reader.u32(what)?;
        if side == 0 {
            return Err(reader.corrupt(what, "at least 1", side));
        }
        reader.limited(what, u64::from(side), u64::from(limit))?;
        Ok(side)
    };
    let size = (side("width", limits.max_width)?, side("height", limits.max_height)?);
    check_pixels(reader, size, limits)?;
    Ok(size)
}

/// Whether the limits allow a picture of this width and height.
pub(super) fn check_pixels(reader: &Reader<'_>, (width, height): (u32, u32), limits: &Limits) -> Result<()> {
    let pixels = u64::from(width) * u64::from(height);
    reader.limited("pixels of a picture", pixels, limits.max_pixels).map(drop)
}

/// Range, primaries, transfer, matrix and chroma location.
pub(super) fn read_color(reader: &mut Reader<'_>) -> Result<Color> {
    let code = reader.u8("color range")?;
    let range = RANGES.get(usize::from(code)).copied();
    let range = range.ok_or_else(|| reader.corrupt("color range", "0 to 2", code))?;
    let primaries = reader.u8("color primaries")?;
    let transfer = reader.u8("transfer characteristics")?;
    let matrix = reader.u8("matrix coefficients")?;
    let code = reader.u8("chroma location")?;
    let chroma_location = CHROMA_LOCATIONS.get(usize::from(code)).copied();
    let chroma_location = chroma_location.ok_or_else(|| reader.corrupt("chroma location", "0 to 3", code))?;
    Ok(Color { range, primaries, transfer, matrix, chroma_location })
}

pub(super) fn write_color(writer: &mut Writer, color: Color) {
    writer.u8(RANGES.iter().position(|&r| r == color.range).unwrap_or(0) as u8);
    writer.u8(color.primaries);
    writer.u8(color.transfer);
    writer.u8(color.matrix);
    writer.u8(CHROMA_LOCATIONS.iter().position(|&l| l == color.chroma_location).unwrap_or(0) as u8);
}
