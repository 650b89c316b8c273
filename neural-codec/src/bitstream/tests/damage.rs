//! Damage is always seen, and costs one scene.

use std::io::Cursor;

use proptest::prelude::*;

use super::super::{Limits, PacketReader, SceneReader, StreamItem};
use super::{
    golden, golden_header, golden_items, goldens, items_of_packets, packet_spans, read, scene, write,
};
use crate::error::Error;

/// Items that survive, with every error on the way.
fn salvage(bytes: &[u8]) -> (Vec<StreamItem>, Vec<Error>) {
    let (mut items, mut errors) = (Vec::new(), Vec::new());
    let mut reader = match PacketReader::new(bytes, Limits::default()) {
        Ok(reader) => reader,
        Err(error) => return (items, vec![error]),
    };
    loop {
        match reader.next_item() {
            Ok(Some(item)) => items.push(item),
            Ok(None) => return (items, errors),
            Err(error) => {
                errors.push(error);
                if !reader.resync().unwrap() {
                    return (items, errors);
                }
            }
        }
    }
}

#[test]
fn every_truncation_is_truncated_after_the_complete_scenes() {
    for (bytes, expected) in goldens() {
        let items = items_of_packets(&bytes);
        let is_last = |packet: usize| items[packet].is_some() && items[packet] != items[packet + 1];
        let spans = packet_spans(&bytes).into_iter().enumerate();
        let ends: Vec<usize> =
            spans.filter(|(packet, _)| is_last(*packet)).map(|(_, span)| span.end).collect();
        for length in 0..bytes.len() {
            let (items, result) = read(&bytes[..length]);
            let complete = ends.iter().filter(|&&end| end <= length).count();
            assert_eq!(items, expected[..complete], "{length} bytes");
            assert!(matches!(result, Err(Error::Truncated { .. })), "{length} bytes: {result:?}");
            assert!(SceneReader::open(Cursor::new(&bytes[..length]), Limits::default()).is_err());
        }
    }
}

#[test]
fn every_changed_byte_is_an_error() {
    for (bytes, expected) in goldens() {
        for position in 0..bytes.len() {
            for change in 1..=255 {
                let mut damaged = bytes.clone();
                damaged[position] ^= change;
                let (items, result) = read(&damaged[..]);
                assert!(result.is_err(), "byte {position} changed by {change:#x}");
                assert!(expected.starts_with(&items));
            }
        }
    }
}

#[test]
fn a_changed_byte_costs_the_scene_it_lies_in_and_no_other() {
    for (bytes, whole) in goldens() {
        let packets = packet_spans(&bytes).into_iter().zip(items_of_packets(&bytes)).enumerate().skip(1);
        let places =
            packets.flat_map(|(packet, (span, item))| span.map(move |position| (packet, position, item)));
        for (packet, position, item) in places {
            for change in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
                let mut damaged = bytes.clone();
                damaged[position] ^= change;
                let (found, errors) = salvage(&damaged);
                let mut expected = whole.clone();
                let lost = item.map(|item| expected.remove(item));
                assert_eq!(found, expected, "packet {packet}, byte {position}");
                assert_eq!(errors.len(), 1, "packet {packet}, byte {position}: {errors:?}");
                if let Some(StreamItem::Scene(scene)) = lost {
                    assert_eq!(errors[0].place().scene, Some(scene.header.index), "{}", errors[0]);
                }
            }
        }
    }
}

#[test]
fn bytes_cut_out_or_put_in_cost_the_scenes_they_touch_and_at_most_one_more() {
    let header = golden_header();
    let scenes: Vec<_> =
        (0..5).map(|k| StreamItem::Scene(scene(k, u64::from(k), &[i64::from(k)], 40))).collect();
    let bytes = write(&header, &scenes).unwrap();
    let spans = packet_spans(&bytes);
    let stop = spans[11].start;
    let scene_of = |position| spans[1..].iter().position(|span| span.contains(&position)).unwrap() / 2;
    for position in spans[1].start..stop {
        for count in [1, 7, 16, 100] {
            let end = (position + count).min(stop);
            let mut shorter = bytes.clone();
            shorter.drain(position..end);
            let mut longer = bytes.clone();
            longer.splice(position..position, (0..count).map(|i| i as u8));
            for (damaged, last) in [(shorter, end - 1), (longer, position)] {
                let (found, errors) = salvage(&damaged);
                let touched = scene_of(last) - scene_of(position) + 1;
                assert!(!errors.is_empty());
                assert!(found.iter().all(|item| scenes.contains(item)));
                assert!(found.len() + touched + 1 >= scenes.len(), "{count} bytes at {position}");
            }
        }
    }
}

#[test]
fn a_changed_byte_never_reaches_a_scene_through_the_table() {
    goldens().for_each(|(bytes, items)| never_reaches_a_scene_through_the_table(bytes, items));
}

fn never_reaches_a_scene_through_the_table(bytes: Vec<u8>, items: Vec<StreamItem>) {
    let scenes: Vec<_> = items
        .into_iter()
        .filter_map(|item| if let StreamItem::Scene(scene) = item { Some(scene) } else { None })
        .collect();
    let entries = SceneReader::open(Cursor::new(&bytes), Limits::default()).unwrap().table().scenes.clone();
    for position in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[position] ^= 0x55;
        let Ok(mut reader) = SceneReader::open(Cursor::new(&damaged), Limits::default()) else {
            let spans = packet_spans(&bytes);
            let header_or_end = position < spans[0].end || position >= spans[spans.len() - 2].start;
            assert!(header_or_end, "byte {position} is not needed to open the stream");
            continue;
        };
        for (index, (scene, entry)) in scenes.iter().zip(&entries).enumerate() {
            let inside = (entry.offset..entry.end()).contains(&(position as u64));
            match reader.scene(index) {
                Ok(found) => assert!(!inside && &found == scene, "byte {position}, scene {index}"),
                Err(error) => {
                    assert!(inside, "byte {position}, scene {index}: {error}");
                    assert_eq!(error.place().scene, Some(index as u32));
                }
            }
        }
    }
}

#[test]
fn bytes_after_the_end_are_an_error() {
    let mut bytes = golden();
    bytes.push(0);
    let (items, result) = read(&bytes[..]);
    assert_eq!(items, golden_items());
    assert!(matches!(result, Err(Error::Corrupt { .. })));
    assert!(SceneReader::open(Cursor::new(&bytes), Limits::default()).is_err());
}

proptest! {
    #[test]
    fn arbitrary_bytes_in_the_middle_never_pass(
        position in 0_usize..500, noise in prop::collection::vec(any::<u8>(), 1..64),
    ) {
        let bytes = golden();
        let mut damaged = bytes.clone();
        for (byte, noise) in damaged.iter_mut().skip(position).zip(&noise) {
            *byte = *noise;
        }
        let (items, errors) = salvage(&damaged);
        prop_assert!(items.iter().all(|item| golden_items().contains(item)));
        prop_assert_eq!(errors.is_empty(), damaged == bytes);
    }
}
