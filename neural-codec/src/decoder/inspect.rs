//! What a stream says about itself, without decoding it.

use std::io::{Cursor, Empty, Read};
use std::path::Path;

use serde::Serialize;

use super::item::Item;
use super::items::Items;
use super::layer::Layer;
use super::photo::coded_depth;
use super::settings::DecoderSettings;
use crate::bitstream::{Limits, PacketReader, PhotoPacket, ScenePackets, StreamHeader};
use crate::device::Device;
use crate::error::{Error, Place, Result};
use crate::memory;
use crate::report::{ClipReport, PhotoReport};

/// A stream's description.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StreamSummary {
    /// Format version, such as `1.0`.
    pub format_version: String,
    /// What wrote the stream.
    pub encoder: String,
    /// Size, format, color and rate of the decoded frames.
    pub video: ClipReport,
    /// Codecs of the audio tracks.
    pub audio_tracks: Vec<String>,
    /// Number of frames.
    pub frames: u64,
    /// Seconds of video.
    pub duration_seconds: f64,
    /// All bytes of the stream.
    pub bytes: u64,
    /// `bytes` x 8 / duration.
    pub bitrate_bps: f64,
    /// Each scene.
    pub scenes: Vec<SceneSummary>,
    /// What a photo has beside its picture; null for clips.
    pub photo: Option<PhotoReport>,
}

/// A scene's description.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SceneSummary {
    /// Index in the clip of the first frame.
    pub first_frame: u64,
    /// Number of frames.
    pub frames: u64,
    /// How many of them are coded; the others show the one before again.
    pub coded_frames: u64,
    /// How it is coded.
    pub strategy: String,
    /// Bytes of the base layer's temporal units.
    pub base_bytes: u64,
    /// Bytes of the temporal unit of each frame, in the order of the frames.
    pub frame_bytes: Vec<u32>,
    /// Bits of a sample inside the base layer.
    pub bit_depth: u8,
    /// Bytes of the filter's packet; 0 without one.
    pub filter_bytes: u64,
    /// Multiplications a luma pixel that the filter takes, counted from its layers; 0 without one.
    pub macs_per_pixel: f64,
}

/// Reads a whole stream and checks everything but the pictures.
///
/// ```
/// # use neural_codec::frame::{Color, Frame, PixelFormat, Rational, VideoInfo};
/// # let info = VideoInfo::new(64, 48, PixelFormat::YUV420_8, Rational::new(25, 1)?);
/// # let frames = (0..5).map(|i| Frame::new(64, 48, info.format, Color::default()).unwrap().with_timestamp(i));
/// # let mut settings = neural_codec::settings::Settings::default();
/// # settings.set("effort", "0")?;
/// # let mut agent = neural_codec::encoder::EncodingAgent::new(info, &settings)?;
/// # frames.into_iter().try_for_each(|frame| agent.send_frame(frame))?;
/// # agent.finish()?;
/// # let mut stream = Vec::new();
/// # while let Some(bytes) = agent.receive_packet()? { stream.extend(bytes) }
/// let summary = neural_codec::decoder::inspect(stream.as_slice(), Default::default())?;
/// assert_eq!((summary.frames, summary.scenes.len()), (5, 1));
/// # Ok::<(), neural_codec::Error>(())
/// ```
///
/// # Errors
///
/// As `PacketReader`, and for filters that cannot be: where the stream is damaged, it has no summary.
pub fn inspect(input: impl Read, limits: Limits) -> Result<StreamSummary> {
    let mut input = input;
    let mut head = Vec::new();
    input.by_ref().take(PhotoPacket::HEAD_BYTES as u64).read_to_end(&mut head)?;
    let is_photo = PhotoPacket::begins(&head);
    let whole = Cursor::new(head).chain(input);
    if is_photo {
        return summary(Items::<Empty>::photo(whole, &DecoderSettings::default().with_limits(limits))?);
    }
    summary(Items::Stream(Box::new(PacketReader::new(whole, limits)?)))
}

/// As [`inspect`], of an input that may be an ordinary video file too.
///
/// # Errors
///
/// As [`inspect_file`].
pub fn inspect_any(input: impl Read + Send + 'static, limits: Limits) -> Result<StreamSummary> {
    summary(Items::open(input, &DecoderSettings::default().with_limits(limits))?)
}

/// As [`inspect`], of a `.nvc` stream or an ordinary video file that holds one.
///
/// # Errors
///
/// As [`inspect`]; `Unsupported` for files that hold no AV1.
pub fn inspect_file(path: &Path, limits: Limits) -> Result<StreamSummary> {
    let settings = DecoderSettings::default().with_limits(limits);
    let found = summary(Items::open_file(path, &settings)?)?;
    let length = std::fs::metadata(path).map_err(|source| Error::io(path, source))?.len();
    Ok(StreamSummary { bytes: length, bitrate_bps: length as f64 * 8.0 / found.duration_seconds, ..found })
}

fn summary<R: Read>(mut reader: Items<R>) -> Result<StreamSummary> {
    let cpu = Device::cpu();
    let header = reader.header().clone();
    let mut last_duration = None;
    let mut scenes = Vec::new();
    let mut span: Option<(i64, i64)> = None;
    while let Some(item) = reader.next_item()? {
        let scene = match item {
            Item::Scene(scene) => scene.packets,
            Item::LastDuration(duration) => {
                last_duration = Some(duration);
                continue;
            }
            Item::Audio(_) | Item::Subtitle(_) => continue,
            Item::Photo(photo) => return Ok(of_photo(&header, &photo, reader.position())),
        };
        let timestamps = &scene.header.timestamps;
        if let (Some(&first), Some(&last)) = (timestamps.first(), timestamps.last()) {
            span = Some((span.map_or(first, |(start, _)| start), last));
        }
        let frame_bytes = frame_bytes(&scene)?;
        scenes.push(SceneSummary {
            first_frame: scene.header.first_frame,
            frames: scene.header.frame_count() as u64,
            coded_frames: scene.header.coded_count() as u64,
            strategy: format!("{:?}", scene.header.strategy).to_lowercase(),
            base_bytes: scene.base.byte_len() as u64,
            frame_bytes,
            bit_depth: scene.base.depth.bits(),
            filter_bytes: scene.filter.as_ref().map_or(0, |filter| filter.byte_len() as u64),
            macs_per_pixel: match &scene.filter {
                Some(filter) => Layer::new(filter, || Ok(&cpu))?.macs_per_pixel(),
                None => 0.0,
            },
        });
    }
    let info = &header.info;
    let Some((first, last)) = span else {
        return Err(Error::corrupt("stream", "at least one scene", "none", Place::default()));
    };
    let last_seconds = match last_duration {
        Some(duration) => duration as f64 * info.time_base.value(),
        None => info.frame_rate.inverse().value(),
    };
    let duration_seconds = last.abs_diff(first) as f64 * info.time_base.value() + last_seconds;
    let bytes = reader.position();
    Ok(StreamSummary {
        format_version: format!("{}.{}", header.version.major, header.version.minor),
        encoder: header.encoder,
        video: ClipReport::new(info),
        audio_tracks: header.audio_tracks.iter().map(|track| track.codec.clone()).collect(),
        frames: scenes.iter().map(|scene| scene.frames).sum(),
        duration_seconds,
        bytes,
        bitrate_bps: bytes as f64 * 8.0 / duration_seconds,
        scenes,
        photo: None,
    })
}

/// Bytes of the temporal unit of every frame: none of one that shows the one before again.
fn frame_bytes(scene: &ScenePackets) -> Result<Vec<u32>> {
    let mut sizes = memory::reserved("sizes of frames", scene.header.frame_count())?;
    for (coded, unit) in scene.base.units().enumerate() {
        // A unit has less than 2^32 bytes.
        sizes.push(unit.len() as u32);
        sizes.resize(sizes.len() + scene.header.repeats.of(coded) as usize, 0);
    }
    Ok(sizes)
}

/// The summary of a photo: that of a clip of one frame, and what it has beside.
fn of_photo(header: &StreamHeader, photo: &PhotoPacket, bytes: u64) -> StreamSummary {
    let coded = photo.code.bytes().len();
    let duration_seconds = header.info.frame_rate.inverse().value();
    let scene = SceneSummary {
        first_frame: 0,
        frames: 1,
        coded_frames: 1,
        strategy: photo.code.strategy().name().into(),
        base_bytes: coded as u64,
        // A payload has less than 2^32 bytes.
        frame_bytes: vec![coded as u32],
        bit_depth: coded_depth(photo).bits(),
        filter_bytes: 0,
        macs_per_pixel: photo.macs_per_pixel as f64,
    };
    StreamSummary {
        format_version: "photo 1".into(),
        encoder: String::new(),
        video: ClipReport::new(&header.info),
        audio_tracks: Vec::new(),
        frames: 1,
        duration_seconds,
        bytes,
        bitrate_bps: bytes as f64 * 8.0 / duration_seconds,
        scenes: vec![scene],
        photo: Some(PhotoReport::new(photo, bytes)),
    }
}
