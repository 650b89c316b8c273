//! Seeking and reading from front to back agree on which scenes are valid.

use std::io::Cursor;

use proptest::prelude::{Strategy as Generates, any, prop, prop_assert_eq, proptest};

use super::*;
use crate::bitstream::kind::SIGNATURE;

/// A stream of scenes with these timestamps, whatever they are, and a table and END that fit it.
fn stream_of(scenes: &[Vec<i64>], version: FormatVersion) -> Vec<u8> {
    let header = golden_header_of(version);
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend(Packet::StreamHeader(header).to_bytes().unwrap());
    let mut table = SceneTable::default();
    let mut first_frame = 0;
    for (index, timestamps) in scenes.iter().enumerate() {
        let mut packets = scene(index as u32, first_frame, timestamps, 5);
        packets.header.strategy = Strategy::Av1;
        let scene = packets.to_bytes_of(version).unwrap();
        table.scenes.push(SceneEntry {
            offset: bytes.len() as u64,
            bytes: scene.len() as u64,
            first_frame,
            frame_count: timestamps.len() as u32,
            first_timestamp: timestamps[0],
        });
        bytes.extend(scene);
        first_frame += timestamps.len() as u64;
    }
    let end =
        End { scene_count: scenes.len() as u32, frame_count: first_frame, table_offset: bytes.len() as u64 };
    let table =
        if version == FORMS[0].0 { Packet::SceneTable(table) } else { Packet::ShortTable(ShortTable(table)) };
    bytes.extend(table.to_bytes().unwrap());
    bytes.extend(Packet::End(end).to_bytes().unwrap());
    bytes
}

/// The scenes that a reader from front to back gives, stepping over those it refuses.
fn front_to_back(bytes: &[u8]) -> Vec<ScenePackets> {
    let mut reader = PacketReader::new(bytes, Limits::default()).unwrap();
    let mut scenes = Vec::new();
    loop {
        match reader.next_item() {
            Ok(Some(StreamItem::Scene(scene))) => scenes.push(scene),
            Ok(Some(StreamItem::Audio(_) | StreamItem::Subtitle(_) | StreamItem::LastDuration(_))) => {}
            Ok(None) => return scenes,
            Err(_) if reader.resync().unwrap() => {}
            Err(_) => return scenes,
        }
    }
}

/// Scenes that begin one after the other; their ends may lie anywhere.
fn scenes() -> impl Generates<Value = Vec<Vec<i64>>> {
    let lengths = prop::collection::vec((1_i64..30, prop::collection::vec(1_i64..25, 0..4)), 1..7);
    lengths.prop_map(|scenes| {
        let mut first = -7;
        let of = |(gap, deltas): (i64, Vec<i64>)| {
            first += gap;
            let mut timestamps = vec![first];
            deltas.iter().for_each(|delta| timestamps.push(timestamps[timestamps.len() - 1] + delta));
            timestamps
        };
        scenes.into_iter().map(of).collect()
    })
}

proptest! {
    #[test]
    fn any_scene_by_seek_is_the_same_from_front_to_back_or_both_refuse_it(
        scenes in scenes(), order in any::<bool>(), form in 0..FORMS.len(),
    ) {
        let bytes = stream_of(&scenes, FORMS[form].0);
        let expected = front_to_back(&bytes);
        let mut reader = SceneReader::open(Cursor::new(&bytes), Limits::default()).unwrap();
        let mut indices: Vec<usize> = (0..scenes.len()).collect();
        if order {
            indices.reverse();
        }
        for index in indices {
            let found = reader.scene(index).ok();
            let same = expected.iter().find(|scene| scene.header.index as usize == index).cloned();
            prop_assert_eq!(found, same, "scene {} of {:?}", index, scenes);
        }
    }
}

#[test]
fn a_scene_that_begins_before_the_last_one_ends_is_refused_by_both() {
    let bytes = stream_of(&[vec![0, 1, 50], vec![10, 11], vec![60]], FORMS[2].0);
    let mut reader = SceneReader::open(Cursor::new(&bytes), Limits::default()).unwrap();
    let error = reader.scene(1).unwrap_err().to_string();
    assert!(error.contains("first timestamp: expected more than 50, found 10"), "{error}");
    assert!(reader.scene(0).is_ok() && reader.scene(2).is_ok());
    let found: Vec<_> = front_to_back(&bytes).iter().map(|scene| scene.header.index).collect();
    assert_eq!(found, [0, 2]);
}
