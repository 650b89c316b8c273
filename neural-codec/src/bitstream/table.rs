//! SHORT_TABLE, up to version 1.2 SCENE_TABLE, and END: how a reader that can seek finds a scene.

use super::Limits;
use super::bytes::{Reader, Writer};
use super::kind::{END_PAYLOAD_BYTES, PACKET_HEADER_BYTES, PacketKind};
use super::payload::Payload;
use crate::error::{Error, Result};
use crate::memory;

/// Where one scene lies, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SceneEntry {
    /// Offset of its SCENE packet from the start of the stream.
    pub offset: u64,
    /// Bytes from there to the end of its FRAME_HASHES packet.
    pub bytes: u64,
    /// Index of its first frame in the clip.
    pub first_frame: u64,
    /// Number of frames.
    pub frame_count: u32,
    /// Presentation time of its first frame, in the stream's time base.
    pub first_timestamp: i64,
}

impl SceneEntry {
    /// Offset of the byte after the scene.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.bytes)
    }
}

/// Every scene of the stream, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SceneTable {
    /// Entry `k` is scene `k`.
    pub scenes: Vec<SceneEntry>,
}

impl SceneTable {
    /// Number of frames in all scenes.
    pub fn frame_count(&self) -> u64 {
        self.scenes.last().map_or(0, |last| last.first_frame.saturating_add(u64::from(last.frame_count)))
    }

    /// Index of the scene that holds a frame, `None` past the last frame.
    pub fn scene_of_frame(&self, frame: u64) -> Option<usize> {
        let after = self.scenes.partition_point(|scene| scene.first_frame <= frame);
        if frame < self.frame_count() { after.checked_sub(1) } else { None }
    }

    /// Index of the last scene that has begun at `timestamp`, `None` before the first.
    pub fn scene_at_time(&self, timestamp: i64) -> Option<usize> {
        self.scenes.partition_point(|scene| scene.first_timestamp <= timestamp).checked_sub(1)
    }
}

impl Payload for SceneTable {
    const KIND: PacketKind = PacketKind::SceneTable;

    fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self> {
        let mut table = Self { scenes: memory::reserved("scene table", reader.remaining() / 36)? };
        let mut end = 0;
        while reader.remaining() > 0 {
            let offset = reader.u64("offset of a scene")?;
            if offset < end {
                return Err(reader.corrupt("offset of a scene", format!("at least {end}"), offset));
            }
            let bytes = reader.u64("bytes of a scene")?;
            reader.limited("bytes of a scene", bytes, limits.max_scene_bytes)?;
            end = end_of(reader, offset, bytes)?;
            let first_frame = reader.u64("first frame of a scene")?;
            if first_frame != table.frame_count() {
                return Err(reader.corrupt("first frame of a scene", table.frame_count(), first_frame));
            }
            let frame_count = reader.u32("frames of a scene")?;
            if frame_count == 0 {
                return Err(reader.corrupt("frames of a scene", "at least 1", 0));
            }
            let frames = u64::from(frame_count);
            reader.limited("frames of a scene", frames, u64::from(limits.max_scene_frames))?;
            let first_timestamp = reader.i64("first timestamp of a scene")?;
            if let Some(last) = table.scenes.last()
                && first_timestamp <= last.first_timestamp
            {
                let expected = format!("more than {}", last.first_timestamp);
                return Err(reader.corrupt("first timestamp of a scene", expected, first_timestamp));
            }
            table.scenes.push(SceneEntry { offset, bytes, first_frame, frame_count, first_timestamp });
        }
        Ok(table)
    }

    fn write(&self, writer: &mut Writer) -> Result<()> {
        for scene in &self.scenes {
            writer.u64(scene.offset);
            writer.u64(scene.bytes);
            writer.u64(scene.first_frame);
            writer.u32(scene.frame_count);
            writer.i64(scene.first_timestamp);
        }
        Ok(())
    }
}

/// The first byte that cannot be of a scene.
fn end_of(reader: &Reader<'_>, offset: u64, bytes: u64) -> Result<u64> {
    let end = offset.checked_add(bytes.max(1));
    end.ok_or_else(|| reader.corrupt("end of a scene", "below 2^64", "a larger one"))
}

/// The table since version 1.3: what each scene adds to the one before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShortTable(pub SceneTable);

impl Payload for ShortTable {
    const KIND: PacketKind = PacketKind::ShortTable;

    fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self> {
        let (mut table, mut end) = (SceneTable::default(), 0_u64);
        while reader.remaining() > 0 {
            reader.limited("scenes in a table", table.scenes.len() as u64 + 1, limits.max_scenes.into())?;
            let gap = reader.varint("bytes before a scene")?;
            let offset = end.checked_add(gap);
            let offset =
                offset.ok_or_else(|| reader.corrupt("offset of a scene", "below 2^64", "a larger one"))?;
            let bytes = reader.varint("bytes of a scene")?;
            reader.limited("bytes of a scene", bytes, limits.max_scene_bytes)?;
            end = end_of(reader, offset, bytes)?;
            let frames = reader.varint("frames of a scene")?;
            if frames == 0 {
                return Err(reader.corrupt("frames of a scene", "at least 1", 0));
            }
            // At most what a `u32` limits.
            let frame_count =
                reader.limited("frames of a scene", frames, limits.max_scene_frames.into())? as u32;
            let first_frame = table.frame_count();
            let first_timestamp = match table.scenes.last().map(|last| last.first_timestamp) {
                None => reader.signed_varint("first timestamp of a scene")?,
                Some(before) => {
                    let later = reader.varint("first timestamp of a scene")?;
                    let time = before.checked_add_unsigned(later).filter(|_| later > 0);
                    let expected = "at least 1 more than before, below 2^63";
                    time.ok_or_else(|| reader.corrupt("first timestamp of a scene", expected, later))?
                }
            };
            memory::grow("scene table", &mut table.scenes, 1)?;
            table.scenes.push(SceneEntry { offset, bytes, first_frame, frame_count, first_timestamp });
        }
        Ok(Self(table))
    }

    fn write(&self, writer: &mut Writer) -> Result<()> {
        let (mut end, mut before) = (0, None);
        for scene in &self.0.scenes {
            let Some(gap) = scene.offset.checked_sub(end) else {
                return Err(Error::invalid("offset of a scene", format!("at least {end}"), scene.offset));
            };
            writer.varint(gap);
            writer.varint(scene.bytes);
            writer.varint(scene.frame_count.into());
            match before {
                None => writer.signed_varint(scene.first_timestamp),
                Some(before) => writer.varint(scene.first_timestamp.abs_diff(before)),
            }
            end = scene.offset.saturating_add(scene.bytes.max(1));
            before = Some(scene.first_timestamp);
        }
        Ok(())
    }
}

/// Closes the stream. Of fixed size, so that it is found from the end of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct End {
    /// Number of scenes in the stream.
    pub scene_count: u32,
    /// Number of frames in the stream.
    pub frame_count: u64,
    /// Offset of the SCENE_TABLE packet from the start of the stream.
    pub table_offset: u64,
}

impl End {
    /// Bytes of the whole packet.
    pub(super) const PACKET_BYTES: u64 = (PACKET_HEADER_BYTES + END_PAYLOAD_BYTES) as u64;
}

impl Payload for End {
    const KIND: PacketKind = PacketKind::End;

    fn read(reader: &mut Reader<'_>, _: &Limits) -> Result<Self> {
        Ok(Self {
            scene_count: reader.u32("number of scenes")?,
            frame_count: reader.u64("number of frames")?,
            table_offset: reader.u64("offset of the scene table")?,
        })
    }

    fn write(&self, writer: &mut Writer) -> Result<()> {
        writer.u32(self.scene_count);
        writer.u64(self.frame_count);
        writer.u64(self.table_offset);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_times_find_their_scene() {
        let entry = |first_frame, frame_count, first_timestamp| SceneEntry {
            offset: 100 * (first_frame + 1),
            bytes: 50,
            first_frame,
            frame_count,
            first_timestamp,
        };
        let table = SceneTable { scenes: vec![entry(0, 3, 10), entry(3, 1, 13), entry(4, 2, 20)] };
        let scenes: Vec<_> = (0..7).map(|frame| table.scene_of_frame(frame)).collect();
        assert_eq!(scenes, [Some(0), Some(0), Some(0), Some(1), Some(2), Some(2), None]);
        let times: Vec<_> = [9, 10, 12, 13, 19, 99].map(|time| table.scene_at_time(time)).into();
        assert_eq!(times, [None, Some(0), Some(0), Some(1), Some(1), Some(2)]);
        assert_eq!(SceneTable::default().scene_of_frame(0), None);
        let mut writer = Writer::default();
        ShortTable(table.clone()).write(&mut writer).unwrap();
        assert_eq!(writer.bytes.len(), 13, "two bytes for the second gap, one for all else");
        let mut reader = Reader::new(&writer.bytes, 0);
        assert_eq!(ShortTable::read(&mut reader, &Limits::default()).unwrap().0, table);
    }
}
