//! Scenes unit by unit, as their bytes come: the same as whole ones, and never before their bytes.

use std::cell::Cell;
use std::io::Read;
use std::rc::Rc;

use super::super::*;
use super::{FORMS, golden, golden_header, goldens, packet_spans, shaped_scene, write};
use crate::error::{Error, Result};

/// All items, those of open scenes put together again, and the error that ended them.
fn read_early(input: impl Read) -> (Vec<StreamItem>, Vec<Vec<u8>>, Result<()>) {
    let (mut items, mut last) = (Vec::new(), Vec::new());
    let read = || {
        let mut reader = PacketReader::new(input, Limits::default())?;
        while let Some(item) = reader.next_early_item()? {
            let head = match item {
                EarlyItem::Whole(item) => {
                    items.push(item);
                    continue;
                }
                EarlyItem::Opened(head) => *head,
            };
            last.clear();
            while let Some(unit) = reader.next_unit()? {
                last.push(unit);
            }
            let mut units = Units::default();
            last.iter().try_for_each(|unit| units.push(unit))?;
            items.push(StreamItem::Scene(head.with_units(units)));
        }
        Ok(())
    };
    let result = read();
    (items, last, result)
}

#[test]
fn scenes_unit_by_unit_are_the_scenes_that_come_whole() {
    for (bytes, items) in goldens() {
        let (found, _, result) = read_early(&bytes[..]);
        result.unwrap();
        assert_eq!(found, items);
    }
}

#[test]
fn every_changed_byte_is_an_error_before_the_last_unit_of_its_scene() {
    for (bytes, expected) in goldens() {
        for position in 0..bytes.len() {
            for change in [1, 2, 16, 128, 255] {
                let mut damaged = bytes.clone();
                damaged[position] ^= change;
                let (items, _, result) = read_early(&damaged[..]);
                assert!(result.is_err(), "byte {position} changed by {change:#x}");
                assert!(expected.starts_with(&items));
            }
        }
    }
}

#[test]
fn an_error_in_a_scene_names_the_scene_and_the_next_one_follows() {
    let whole = golden();
    let first_units = &packet_spans(&whole)[3];
    let mut damaged = whole.clone();
    damaged[first_units.end - 1] ^= 1;
    let mut reader = PacketReader::new(&damaged[..], Limits::default()).unwrap();
    assert!(matches!(reader.next_early_item().unwrap(), Some(EarlyItem::Whole(StreamItem::Audio(_)))));
    assert!(matches!(reader.next_early_item().unwrap(), Some(EarlyItem::Opened(_))));
    assert!(matches!(reader.next_early_item(), Err(Error::WrongOrder { .. })), "its units are due");
    let mut units = 0;
    let error = loop {
        match reader.next_unit() {
            Ok(unit) => units += usize::from(unit.is_some()),
            Err(error) => break error,
        }
    };
    assert_eq!((units, error.place().scene), (2, Some(0)), "{error}");
    assert!(error.place().offset.is_some());
    assert!(reader.resync().unwrap());
    assert!(matches!(reader.next_early_item().unwrap(), Some(EarlyItem::Whole(StreamItem::Audio(_)))));
    let Some(EarlyItem::Opened(head)) = reader.next_early_item().unwrap() else { panic!("a scene") };
    assert_eq!(head.header.index, 1);
    // A scene that is left in its middle costs itself.
    assert!(reader.next_unit().unwrap().is_some() && reader.resync().unwrap());
    let Some(EarlyItem::Opened(head)) = reader.next_early_item().unwrap() else { panic!("a scene") };
    assert_eq!(head.header.index, 2);
}

/// Bytes one by one, and how many were taken.
struct Counted<'a>(&'a [u8], Rc<Cell<usize>>);

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let (Some(place), Some((&byte, rest))) = (buffer.first_mut(), self.0.split_first()) else {
            return Ok(0);
        };
        *place = byte;
        self.0 = rest;
        self.1.set(self.1.get() + 1);
        Ok(1)
    }
}

#[test]
fn a_unit_comes_with_its_last_byte_and_at_hand_is_what_needs_no_other() {
    let bytes = write(&golden_header(), &[StreamItem::Scene(shaped_scene(0, 0, 0))]).unwrap();
    let end = packet_spans(&bytes)[2].end;
    let taken = Rc::new(Cell::new(0));
    let mut reader = PacketReader::new(Counted(&bytes, Rc::clone(&taken)), Limits::default()).unwrap();
    assert!(matches!(reader.next_early_item().unwrap(), Some(EarlyItem::Opened(_))));
    // Stored are the payloads of its OBUs: 6, 5 and, of a frame that is shown again, 0 bytes.
    assert_eq!(taken.get(), end - 11);
    assert!(!reader.unit_is_at_hand(5) && reader.unit_is_at_hand(6));
    for left in [5, 0, 0] {
        assert!(reader.next_unit().unwrap().is_some());
        assert_eq!(taken.get(), end - left);
    }
    assert!(reader.next_unit().unwrap().is_none());
}

#[test]
fn a_unit_larger_than_what_is_left_is_refused_before_it_is_read() {
    let scene = shaped_scene(0, 0, 0);
    let mut units = Units::default();
    [&[9; 100][..], &[1], &[2]].iter().for_each(|unit| units.push(unit).unwrap());
    let mut bytes = Packet::Units(units).to_bytes().unwrap();
    bytes.truncate(bytes.len() - 60);
    let payload = bytes.split_off(PACKET_HEADER_BYTES);
    let stream = write(&golden_header(), &[]).unwrap();
    let mut stream = stream[..packet_spans(&stream)[0].end].to_vec();
    stream.extend(Packet::SceneHead(Box::new(scene.head().unwrap())).to_bytes().unwrap());
    stream.extend(super::rules::raw_packet(PacketKind::Units as u8, 1, &payload));
    let error = read_early(&stream[..]).2.unwrap_err();
    assert!(matches!(error, Error::Corrupt { what: "bytes of a temporal unit", .. }), "{error}");
    assert!(matches!(
        super::read(&stream[..]).1,
        Err(Error::Corrupt { what: "bytes of a temporal unit", .. })
    ));
}

#[test]
fn older_streams_come_whole() {
    let bytes = super::golden_of(FORMS[0].0);
    let mut reader = PacketReader::new(&bytes[..], Limits::default()).unwrap();
    while let Some(item) = reader.next_early_item().unwrap() {
        assert!(matches!(item, EarlyItem::Whole(_)));
    }
    assert!(reader.next_unit().unwrap().is_none());
}
