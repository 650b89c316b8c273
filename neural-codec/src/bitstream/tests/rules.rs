//! What a reader and a writer refuse.

use std::io::{Cursor, Read};

use super::super::bytes::Reader;
use super::super::payload::Payload;
use super::super::*;
use super::{
    FORMS, golden, golden_header, golden_items, goldens, packet_spans, read, scene, with_repeats, write,
};
use crate::error::Error;

#[test]
fn a_scene_out_of_turn_is_refused_and_the_stream_goes_on() {
    let header = golden_header();
    let mut writer = PacketWriter::new(Vec::new(), &header, Limits::default()).unwrap();
    writer.write_scene(&scene(0, 0, &[0, 1], 5)).unwrap();
    let before = writer.position();
    for (index, first_frame, timestamps) in [(0, 2, [2]), (2, 2, [2]), (1, 3, [2]), (1, 1, [2]), (1, 2, [1])]
    {
        let error = writer.write_scene(&scene(index, first_frame, &timestamps, 5)).unwrap_err();
        assert!(matches!(error, Error::InvalidArgument { .. }), "{error}");
    }
    let mut small = scene(1, 2, &[2], 5);
    small.base.width = 44;
    assert!(writer.write_scene(&small).is_err());
    assert!(writer.write_scene_bytes(b"no scene").is_err());
    assert_eq!(writer.position(), before);
    writer.write_scene(&scene(1, 2, &[2], 5)).unwrap();
    assert!(read(&writer.finish().unwrap()[..]).1.is_ok());
}

/// A packet of any type and flags under right checksums.
pub(super) fn raw_packet(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, flags, 0, 0];
    bytes.extend((payload.len() as u32).to_le_bytes());
    bytes.extend(crc32c::crc32c(payload).to_le_bytes());
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    bytes.extend(payload);
    bytes
}

#[test]
fn unknown_packets_are_skipped_where_optional_and_refused_where_required() {
    let bytes = golden();
    let spans = packet_spans(&bytes);
    for (before, span) in spans.iter().enumerate().skip(1) {
        for (flags, kind) in [(0, 0x70), (1, 0x70), (2, 0x70), (0, PacketKind::Scene as u8)] {
            let mut longer = bytes.clone();
            longer.splice(span.start..span.start, raw_packet(kind, flags, b"from the future"));
            let (items, result) = read(&longer[..]);
            let error = match result {
                // The table no longer points where the scenes are: the stream is read, then found inconsistent.
                Err(error) if flags == 0 && kind == 0x70 => {
                    assert_eq!(items, golden_items(), "{error}");
                    continue;
                }
                result => result.unwrap_err(),
            };
            assert_eq!(matches!(error, Error::Unsupported { .. }), flags == 1, "packet {before}: {error}");
        }
    }
    // A scene may carry one: its bytes are those of the scene.
    let blob = scene(0, 0, &[0], 5).to_bytes().unwrap();
    let mut longer = blob.clone();
    let at = PACKET_HEADER_BYTES + u32::from_le_bytes(blob[4..8].try_into().unwrap()) as usize;
    longer.splice(at..at, raw_packet(0x70, 0, b"from the future"));
    let stream = concat(&golden_header(), [&longer], Limits::default()).unwrap();
    let (items, result) = read(&stream[..]);
    result.unwrap();
    assert_eq!(items, [StreamItem::Scene(scene(0, 0, &[0], 5))]);
}

#[test]
fn a_newer_major_version_is_refused_and_a_newer_minor_one_read() {
    let bytes = golden();
    let header = packet_spans(&bytes)[0].clone();
    let with_version = |major: u8, minor: u8| {
        let mut payload = bytes[header.start + PACKET_HEADER_BYTES..header.end].to_vec();
        (payload[0], payload[2]) = (major, minor);
        [&SIGNATURE[..], &raw_packet(1, 1, &payload), &bytes[header.end..]].concat()
    };
    let result = read(&with_version(2, 0)[..]).1;
    assert!(matches!(result, Err(Error::UnsupportedVersion { found: 2, supported: 1 })));
    assert!(matches!(read(&with_version(0, 0)[..]).1, Err(Error::Corrupt { .. })));
    let read = read(&with_version(1, 9)[..]).1.unwrap();
    assert_eq!(read.version, FormatVersion { major: 1, minor: 9 });
}

/// Endless bytes of the same value, and how many were taken.
struct Endless(u8, u64);

impl Read for Endless {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        bytes.fill(self.0);
        self.1 += bytes.len() as u64;
        Ok(bytes.len())
    }
}

#[test]
fn a_length_over_the_limit_is_refused_before_its_payload_is_read() {
    let stream = golden();
    let start = packet_spans(&stream)[0].end;
    for kind in [0x01, 0x02, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x20, 0x21, 0x22, 0x70] {
        let required = u8::from(kind != 0x02 && kind != 0x70);
        let mut header = vec![kind, required, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        header.extend(crc32c::crc32c(&header).to_le_bytes());
        let mut endless = Endless(0, 0);
        let input = stream[..start].chain(&header[..]).chain(&mut endless);
        let error = PacketReader::new(input, Limits::default()).unwrap().next_item().unwrap_err();
        assert!(matches!(error, Error::LimitExceeded { .. }), "{kind:#x}: {error}");
        assert!(endless.1 <= 1 << 16, "{} bytes read", endless.1);
    }
}

#[test]
fn each_limit_is_enforced_where_it_is_exceeded_by_one() {
    goldens().for_each(|(bytes, _)| each_limit_is_enforced(&bytes));
}

fn each_limit_is_enforced(bytes: &[u8]) {
    let read = |limits: Limits| {
        let mut reader = PacketReader::new(bytes, limits)?;
        while reader.next_item()?.is_some() {}
        Ok::<_, Error>(())
    };
    let largest =
        packet_spans(bytes).iter().map(|span| span.len() - PACKET_HEADER_BYTES).max().unwrap() as u32;
    let scene_bytes = SceneReader::open(Cursor::new(bytes), Limits::default())
        .unwrap()
        .table()
        .scenes
        .iter()
        .map(|s| s.bytes)
        .max()
        .unwrap();
    let exact = Limits {
        max_width: 48,
        max_height: 32,
        max_pixels: 48 * 32,
        max_scenes: 3,
        max_scene_frames: 4,
        max_scene_bytes: scene_bytes,
        max_audio_tracks: 1,
        max_extradata_bytes: 8,
        max_audio_packet_bytes: 3,
        max_track_entries: 0,
        max_packet_bytes: largest,
        max_memory_bytes: 0,
    };
    read(exact.clone()).unwrap();
    let smaller = [
        Limits { max_width: 47, ..exact.clone() },
        Limits { max_height: 31, ..exact.clone() },
        Limits { max_pixels: 48 * 32 - 1, ..exact.clone() },
        Limits { max_scenes: 2, ..exact.clone() },
        Limits { max_scene_frames: 3, ..exact.clone() },
        Limits { max_scene_bytes: scene_bytes - 1, ..exact.clone() },
        Limits { max_audio_tracks: 0, ..exact.clone() },
        Limits { max_extradata_bytes: 7, ..exact.clone() },
        Limits { max_audio_packet_bytes: 2, ..exact.clone() },
        Limits { max_packet_bytes: largest - 1, ..exact.clone() },
    ];
    for limits in smaller {
        let result = read(limits.clone());
        assert!(matches!(result, Err(Error::LimitExceeded { .. })), "{limits:?}: {result:?}");
    }
}

/// A stream of nothing but packets of tracks, each of one entry many times over.
fn of_entries(entry: &[u8], times: usize, packets: usize) -> Vec<u8> {
    let mut bytes = write(&golden_header(), &[]).unwrap();
    bytes.truncate(packet_spans(&bytes)[0].end);
    for _ in 0..packets {
        let start = bytes.len();
        bytes.extend([PacketKind::Tracks as u8, 0, 0, 0]);
        bytes.extend(((entry.len() * times) as u32).to_le_bytes());
        bytes.resize(start + PACKET_HEADER_BYTES, 0);
        bytes.extend(entry.repeat(times));
    }
    repaired(&mut bytes);
    bytes
}

#[test]
fn tracks_cost_no_more_memory_than_the_limit_says() {
    let limits = Limits { max_track_entries: 100, ..Limits::default() };
    let verdict = |bytes: &[u8]| {
        let mut reader = PacketReader::new(bytes, limits.clone())?;
        while reader.next_item()?.is_some() {}
        Ok::<_, Error>(())
    };
    // The duration of the last frame; a chapter with two empty tags; a tag.
    let (duration, tag) = (&[12, 1, 0][..], &[5, 3, 1, b'a', 0][..]);
    let chapter = [&[3, 21][..], &[0; 16], &[2, 0, 0, 0, 0]].concat();
    let subtitle = [&[2, 23][..], &[0, 0, 1, 0, 0, 0, 1, 0, 0, 0], &[0; 13]].concat();
    for (entry, most) in [(duration, 100), (tag, 100), (&chapter, 33), (&subtitle, 100)] {
        let ends = |times, packets| verdict(&of_entries(entry, times, packets)).unwrap_err();
        let (within, beyond) = (ends(most, 1), ends(most + 1, 1));
        assert!(matches!(within, Error::Truncated { .. }), "{entry:?}: {within}");
        assert!(matches!(beyond, Error::LimitExceeded { .. }), "{entry:?}: {beyond}");
        let spread = ends(1, most + 1);
        assert!(matches!(spread, Error::LimitExceeded { .. }), "{entry:?}: {spread}");
    }
    // However many entries are allowed, a byte tells 255 tracks apart.
    let many = of_entries(&subtitle, 256, 1);
    let many = PacketReader::new(&many[..], Limits::default());
    let error = many.and_then(|mut reader| reader.next_item()).unwrap_err();
    assert!(matches!(error, Error::LimitExceeded { what: "subtitle tracks", .. }), "{error}");
}

#[test]
fn a_table_of_more_scenes_than_are_allowed_is_refused() {
    let limits = Limits { max_scenes: 3, ..Limits::default() };
    let read = |scenes: usize| {
        let bytes = [0, 1, 1, 1].repeat(scenes);
        ShortTable::read(&mut Reader::new(&bytes, 0), &limits).map(|table| table.0.scenes.len())
    };
    assert_eq!(read(3).unwrap(), 3);
    assert!(matches!(read(4), Err(Error::LimitExceeded { limit: 3, found: 4, .. })));
}

#[test]
fn frames_that_are_shown_again_have_no_units_and_need_their_version() {
    let whole = scene(0, 0, &[0, 1, 2, 3, 4], 6);
    let once = with_repeats(&whole, vec![1, 0, 1]);
    assert_eq!((once.header.frame_count(), once.header.coded_count(), once.base.units().len()), (5, 3, 3));
    assert!(once.to_bytes().is_ok());
    // A unit for every frame, for too few, and repeats of more frames than there are.
    let with = |again| {
        let mut packets = once.clone();
        packets.header.repeats = Repeats::new(again);
        packets.to_bytes()
    };
    for again in [vec![], vec![1], vec![1, 1, 1], vec![0, 0, 3], vec![u32::MAX, u32::MAX]] {
        assert!(matches!(with(again.clone()), Err(Error::InvalidArgument { .. })), "{again:?}");
    }
    let error = once.to_bytes_of(FORMS[1].0).unwrap_err();
    assert!(error.to_string().contains("found 1.3"), "{error}");
    // What a writer refuses, a reader does too: the number of units says nothing of repeats.
    let bytes = write(&golden_header(), &[StreamItem::Scene(once)]).unwrap();
    let codec = packet_spans(&bytes)[1].start + PACKET_HEADER_BYTES + 7;
    assert_eq!(bytes[codec..codec + 6], [2, 2, 1, 1, 2, 1]);
    let damaged = |runs: [u8; 5]| {
        let mut bytes = bytes.clone();
        bytes[codec + 1..codec + 6].copy_from_slice(&runs);
        repaired(&mut bytes);
        read(&bytes[..]).1.unwrap_err()
    };
    for runs in [[2, 1, 1, 1, 2], [2, 1, 2, 1, 1], [3, 1, 1, 2, 1], [2, 0, 1, 2, 1], [2, 1, 1, 2, 200]] {
        let error = damaged(runs);
        assert!(matches!(error, Error::Corrupt { .. } | Error::Truncated { .. }), "{runs:?}: {error}");
    }
}

/// Makes the checksums of all packets those of their bytes.
fn repaired(bytes: &mut [u8]) {
    for span in packet_spans(bytes) {
        let (head, payload) = bytes[span].split_at_mut(PACKET_HEADER_BYTES);
        head[8..12].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
        let sum = crc32c::crc32c(&head[..12]);
        head[12..16].copy_from_slice(&sum.to_le_bytes());
    }
}
