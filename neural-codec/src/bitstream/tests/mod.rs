//! Properties of the whole stream, and the small synthetic one they are tried on.

mod damage;
mod early;
mod round_trip;
mod rules;
mod seeking;

use std::io::Read;

use super::*;
use crate::error::Result;
use crate::frame::{BitDepth, ChromaLocation, Color, ColorRange, PixelFormat, Rational, VideoInfo};

/// The forms of a scene: the version that had it first, and the stream of it in the repository.
const FORMS: [(FormatVersion, &str); 3] = [
    (
        FormatVersion { major: 1, minor: 0 },
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/synthetic-v1.nvc"),
    ),
    (
        FormatVersion { major: 1, minor: 3 },
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/synthetic-v1.3.nvc"),
    ),
    (
        FormatVersion { major: 1, minor: 4 },
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/synthetic-v1.4.nvc"),
    ),
];

fn scene(index: u32, first_frame: u64, timestamps: &[i64], unit_bytes: usize) -> ScenePackets {
    let mut base = BaseLayer::new(48, 32, BitDepth::Ten);
    for frame in 0..timestamps.len() {
        let unit: Vec<u8> =
            (0..unit_bytes + frame).map(|i| (i * 7 + frame * 31 + index as usize) as u8).collect();
        base.push_unit(&unit).unwrap();
    }
    let strategy = if index.is_multiple_of(2) { Strategy::Av1 } else { Strategy::Hybrid };
    let header = SceneHeader {
        index,
        first_frame,
        strategy,
        timestamps: timestamps.to_vec(),
        repeats: Repeats::default(),
    };
    let hashes = (0..timestamps.len().div_ceil(FRAMES_PER_HASH) as u64)
        .map(|hash| 0x0123_4567_89ab_cd00 + first_frame + hash)
        .collect();
    ScenePackets { header, base, filter: None, hashes }
}

/// A scene of units that are told by their OBUs: a key frame, then a hidden and a shown frame, then the hidden one.
fn shaped_scene(index: u32, first_frame: u64, first_timestamp: i64) -> ScenePackets {
    let mut packets =
        scene(index, first_frame, &[first_timestamp, first_timestamp + 1, first_timestamp + 2], 1);
    packets.base = BaseLayer::new(48, 32, BitDepth::Ten);
    let units: [&[u8]; 3] =
        [&[0x0a, 2, 1, 2, 0x32, 4, 3, 4, 5, 6], &[0x32, 3, 7, 8, 9, 0x32, 2, 10, 11], &[0x1a, 1, 0xa8]];
    units.iter().for_each(|unit| packets.base.push_unit(unit).unwrap());
    packets
}

/// The scene with only as many units as it has coded frames.
fn with_repeats(scene: &ScenePackets, again: Vec<u32>) -> ScenePackets {
    let mut packets = scene.clone();
    packets.header.repeats = Repeats::new(again);
    packets.base = BaseLayer::new(48, 32, BitDepth::Ten);
    for unit in scene.base.units().take(packets.header.coded_count()) {
        packets.base.push_unit(unit).unwrap();
    }
    packets
}

fn filter() -> NeuralFilter {
    NeuralFilter {
        profile: 1,
        quantizer: 100,
        steps: vec![1, 2, 3],
        differences: vec![7; 4],
        blocks: vec![8, 9],
    }
}

fn golden_header() -> StreamHeader {
    golden_header_of(FORMS[2].0)
}

fn golden_header_of(version: FormatVersion) -> StreamHeader {
    let mut info = VideoInfo::new(45, 31, PixelFormat::YUV420_8, Rational { num: 30000, den: 1001 });
    info.color = Color {
        range: ColorRange::Limited,
        primaries: 1,
        transfer: 1,
        matrix: 1,
        chroma_location: ChromaLocation::Left,
    };
    info.pixel_aspect = Rational { num: 4, den: 3 };
    let track = AudioTrack {
        codec: "opus".into(),
        time_base: Rational { num: 1, den: 48000 },
        sample_rate: 48000,
        channels: 2,
        frame_size: 960,
        bit_rate: 64000,
        extradata: b"OpusHead".to_vec(),
        language: "eng".into(),
        details: AudioDetails::default(),
    };
    let header = StreamHeader::new(info);
    StreamHeader { version, encoder: "synthetic".into(), audio_tracks: vec![track], ..header }
}

fn golden_items() -> Vec<StreamItem> {
    golden_items_of(FORMS[2].0)
}

fn golden_items_of(version: FormatVersion) -> Vec<StreamItem> {
    let audio = |timestamp| {
        StreamItem::Audio(AudioPacket {
            track: 0,
            timestamp,
            duration: 960,
            trim: Trim::default(),
            data: vec![0xfc, 0xff, 0xfe],
        })
    };
    let mut scenes = [scene(0, 0, &[0, 1, 2], 5), scene(1, 3, &[3, 5, 6, 90], 3), scene(2, 7, &[91], 9)];
    if version >= FORMS[1].0 {
        scenes[0] = shaped_scene(0, 0, 0);
        scenes[1].filter = Some(filter());
    }
    if version >= FORMS[2].0 {
        scenes[1] = with_repeats(&scenes[1], vec![0, 2]);
    }
    let [first, second, third] = scenes.map(StreamItem::Scene);
    vec![audio(-312), first, audio(648), second, third]
}

fn write(header: &StreamHeader, items: &[StreamItem]) -> Result<Vec<u8>> {
    let mut writer = PacketWriter::new(Vec::new(), header, Limits::default())?;
    for item in items {
        match item {
            StreamItem::Scene(scene) => writer.write_scene(scene)?,
            StreamItem::Audio(audio) => writer.write_audio(audio)?,
            StreamItem::Subtitle(packet) => {
                writer.write_entries(vec![TracksEntry::SubtitlePacket(packet.clone())])?;
            }
            StreamItem::LastDuration(duration) => {
                writer.write_entries(vec![TracksEntry::LastDuration(*duration)])?;
            }
        }
    }
    writer.finish()
}

fn golden() -> Vec<u8> {
    golden_of(FORMS[2].0)
}

fn golden_of(version: FormatVersion) -> Vec<u8> {
    write(&golden_header_of(version), &golden_items_of(version)).unwrap()
}

/// The golden streams, and the items that they hold.
fn goldens() -> impl Iterator<Item = (Vec<u8>, Vec<StreamItem>)> {
    FORMS.into_iter().map(|(version, _)| (golden_of(version), golden_items_of(version)))
}

/// For each packet of a stream the number of the item that it belongs to.
fn items_of_packets(bytes: &[u8]) -> Vec<Option<usize>> {
    let mut items = 0;
    let item = |span: std::ops::Range<usize>| match PacketKind::from_code(bytes[span.start]).unwrap() {
        PacketKind::Audio | PacketKind::Scene | PacketKind::SceneHead => {
            items += 1;
            Some(items - 1)
        }
        PacketKind::StreamHeader | PacketKind::SceneTable | PacketKind::ShortTable | PacketKind::End => None,
        _ => Some(items - 1),
    };
    packet_spans(bytes).into_iter().map(item).collect()
}

/// Items up to the end or the first error.
fn read(input: impl Read) -> (Vec<StreamItem>, Result<StreamHeader>) {
    let mut items = Vec::new();
    let mut reader = match PacketReader::new(input, Limits::default()) {
        Ok(reader) => reader,
        Err(error) => return (items, Err(error)),
    };
    loop {
        match reader.next_item() {
            Ok(Some(item)) => items.push(item),
            Ok(None) => return (items, Ok(reader.header().clone())),
            Err(error) => return (items, Err(error)),
        }
    }
}

/// Where each packet of a whole stream lies.
fn packet_spans(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut spans = Vec::new();
    let mut start = SIGNATURE.len();
    while start < bytes.len() {
        let length = u32::from_le_bytes(bytes[start + 4..start + 8].try_into().unwrap()) as usize;
        spans.push(start..start + PACKET_HEADER_BYTES + length);
        start = spans[spans.len() - 1].end;
    }
    spans
}

#[test]
fn the_golden_streams_have_not_changed() {
    for (version, path) in FORMS {
        let expected = std::fs::read(path).expect("the golden stream is in the repository");
        assert_eq!(
            golden_of(version),
            expected,
            "a change of bitstream bumps the version and adds a golden stream"
        );
        let (items, header) = read(&expected[..]);
        assert_eq!((items, header.unwrap()), (golden_items_of(version), golden_header_of(version)));
    }
}

#[test]
#[ignore = "writes the golden streams anew, for a deliberate change of format"]
fn write_the_golden_streams() {
    FORMS.into_iter().for_each(|(version, path)| std::fs::write(path, golden_of(version)).unwrap());
}
