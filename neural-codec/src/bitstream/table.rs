//! SCENE_TABLE and END: how a reader that can seek finds a scene.

use super::Limits;
use super::bytes::{Reader, Writer};
use super::kind::{END_PAYLOAD_BYTES, PACKET_HEADER_BYTES, PacketKind};
use super::payload::Payload;
use crate::error::Result;
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
            let Some(scene_end) = offset.checked_add(bytes.max(1)) else {
                return Err(reader.corrupt("end of a scene", "below 2^64", "a larger one"));
            };
            end = scene_end;
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
    }
}
