//! Scenes in any order, from a source that can seek.

use std::io::{Read, Seek, SeekFrom};

use super::base_layer::check_fits;
use super::order::check_first_timestamp;
use super::packet::Packet;
use super::packets::{Packets, SceneStart};
use super::{End, Limits, PacketReader, ScenePackets, SceneTable, ShortTable, StreamHeader};
use crate::error::{Error, Place, Result};
use crate::memory;

/// Random access to the scenes of a whole stream. Audio is read from front to back with `PacketReader`.
///
/// Where the end of the stream is missing or damaged, `PacketReader` still reads what there is.
pub struct SceneReader<R> {
    input: R,
    limits: Limits,
    header: StreamHeader,
    table: SceneTable,
    /// The latest timestamp before the end of each of the first scenes, as far as they were looked at.
    latest: Vec<Option<i64>>,
}

impl<R: Read + Seek> SceneReader<R> {
    /// Reads the header, END and the scene table. The stream begins at offset 0 of `input` and ends at its end.
    ///
    /// # Errors
    ///
    /// `Truncated` when no END packet is at the end; `Corrupt` when the three do not fit together.
    pub fn open(mut input: R, limits: Limits) -> Result<Self> {
        input.seek(SeekFrom::Start(0))?;
        let header = PacketReader::new(&mut input, limits.clone())?.header().clone();
        let length = input.seek(SeekFrom::End(0))?;
        let end = read_end(&mut input, length, &limits)?;
        let table = read_table(&mut input, &end, length.saturating_sub(End::PACKET_BYTES), &limits)?;
        Ok(Self { input, limits, header, table, latest: Vec::new() })
    }

    /// What holds for the whole stream.
    pub fn header(&self) -> &StreamHeader {
        &self.header
    }

    /// Where every scene lies.
    pub fn table(&self) -> &SceneTable {
        &self.table
    }

    /// Number of scenes.
    pub fn scene_count(&self) -> usize {
        self.table.scenes.len()
    }

    /// Scene `index`. Other scenes may be damaged.
    ///
    /// What a reader from front to back refuses is refused here too: for the timestamps of the scenes before it, their
    /// headers are read, once.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for no such scene; `Corrupt` for a damaged one, or one the table is wrong about.
    pub fn scene(&mut self, index: usize) -> Result<ScenePackets> {
        let Some(entry) = self.table.scenes.get(index).copied() else {
            return Err(Error::invalid("scene", format!("one of {}", self.scene_count()), index));
        };
        let place = Place { offset: Some(entry.offset), scene: Some(index as u32), frame: None };
        let before = self.latest_before(index)?;
        self.input.seek(SeekFrom::Start(entry.offset))?;
        let bytes = (&mut self.input).take(entry.bytes);
        let scene =
            ScenePackets::read_at(bytes, entry.offset, &self.limits).map_err(|error| error.within(place))?;
        let found = (
            scene.header.index as usize,
            scene.header.first_frame,
            scene.header.frame_count() as u64,
            scene.header.timestamps.first().copied(),
        );
        let expected = (index, entry.first_frame, u64::from(entry.frame_count), Some(entry.first_timestamp));
        if found != expected {
            let (expected, found) = (format!("{expected:?}"), format!("{found:?}"));
            return Err(Error::corrupt("index, first frame, frames, first time", expected, found, place));
        }
        check_first_timestamp(entry.first_timestamp, before, place)?;
        let base = &scene.base;
        check_fits((base.width, base.height, base.depth), &self.header.info, place)?;
        Ok(scene)
    }

    /// The last timestamp before scene `index`, of the scenes that a reader from front to back takes.
    fn latest_before(&mut self, index: usize) -> Result<Option<i64>> {
        while self.latest.len() < index {
            let scene = self.latest.len();
            let before = self.latest.last().copied().flatten();
            let last = self.span_of(scene)?.filter(|&(first, _)| before.is_none_or(|before| first > before));
            memory::grow("timestamps of scenes", &mut self.latest, 1)?;
            self.latest.push(last.map_or(before, |(_, last)| Some(last)));
        }
        Ok(index.checked_sub(1).and_then(|before| self.latest[before]))
    }

    /// First and last timestamp of a scene, `None` where its header is damaged.
    fn span_of(&mut self, scene: usize) -> Result<Option<(i64, i64)>> {
        let entry = self.table.scenes[scene];
        self.input.seek(SeekFrom::Start(entry.offset))?;
        let bytes = (&mut self.input).take(entry.bytes);
        let packet = match Packets::new(bytes, entry.offset, self.limits.clone()).next_unordered() {
            Ok(Some(packet)) => packet,
            Err(error @ (Error::Io { .. } | Error::OutOfMemory { .. })) => return Err(error),
            _ => return Ok(None),
        };
        let Ok(start) = SceneStart::of(packet) else { return Ok(None) };
        let header = start.header();
        let timestamps = &header.timestamps;
        let span = timestamps.first().copied().zip(timestamps.last().copied());
        Ok(span.filter(|_| header.index as usize == scene))
    }
}

/// Reads the END packet in front of offset `length`.
fn read_end(input: &mut (impl Read + Seek), length: u64, limits: &Limits) -> Result<End> {
    let start = length.saturating_sub(End::PACKET_BYTES);
    let truncated =
        Error::Truncated { what: "stream, which has no END packet", place: Place::at_offset(length) };
    input.seek(SeekFrom::Start(start))?;
    match Packets::new(input, start, limits.clone()).next_unordered() {
        Ok(Some(Packet::End(end))) => Ok(end),
        Err(error @ Error::Io { .. }) => Err(error),
        _ => Err(truncated),
    }
}

/// Reads the table that `end` points to and that stops at offset `stop`.
fn read_table(input: &mut (impl Read + Seek), end: &End, stop: u64, limits: &Limits) -> Result<SceneTable> {
    let start = end.table_offset;
    let place = Place::at_offset(start);
    input.seek(SeekFrom::Start(start))?;
    let mut packets = Packets::new(input, start, limits.clone());
    let table = match packets.next_unordered()? {
        Some(Packet::SceneTable(table) | Packet::ShortTable(ShortTable(table))) => table,
        _ => return Err(Error::corrupt("packet that END points to", "a table of scenes", "another", place)),
    };
    if packets.input.position() != stop {
        let found = packets.input.position();
        return Err(Error::corrupt("end of the scene table", format!("END at {stop}"), found, place));
    }
    let found =
        End { scene_count: table.scenes.len() as u32, frame_count: table.frame_count(), table_offset: start };
    if found != *end {
        return Err(Error::corrupt("END", format!("{found:?}"), format!("{end:?}"), place));
    }
    if let Some(last) = table.scenes.last()
        && last.end() > start
    {
        return Err(Error::corrupt("end of the last scene", format!("at most {start}"), last.end(), place));
    }
    Ok(table)
}
