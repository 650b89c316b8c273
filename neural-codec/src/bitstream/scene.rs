//! SCENE and FRAME_HASHES: the packets that opened and closed a scene up to version 1.2, and what SCENE_HEAD took over from them.

use super::Limits;
use super::bytes::{Reader, Writer};
use super::kind::PacketKind;
use super::payload::Payload;
use crate::error::{Error, Result};
use crate::memory;
use crate::repeats::Repeats;
use crate::strategy::Strategy;

/// Opens a scene: which frames it holds, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SceneHeader {
    /// Index of the scene, from 0.
    pub index: u32,
    /// Index of its first frame in the clip.
    pub first_frame: u64,
    /// How it is coded.
    pub strategy: Strategy,
    /// When each frame is shown, strictly rising, at least one.
    /// Units: the stream's [`time_base`](crate::frame::VideoInfo::time_base).
    pub timestamps: Vec<i64>,
    /// Frames among them that are not coded, as they equal the one before.
    pub repeats: Repeats,
}

impl SceneHeader {
    /// Number of frames.
    pub fn frame_count(&self) -> usize {
        self.timestamps.len()
    }

    /// Number of frames that are coded, each as one temporal unit.
    pub fn coded_count(&self) -> usize {
        self.frame_count().saturating_sub(self.repeats.count())
    }
}

impl Payload for SceneHeader {
    const KIND: PacketKind = PacketKind::Scene;

    fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self> {
        let index = reader.u32("scene index")?;
        let first_frame = reader.u64("first frame of a scene")?;
        let frame_count = reader.u32("frames of a scene")?;
        if frame_count == 0 {
            return Err(reader.corrupt("frames of a scene", "at least 1", 0));
        }
        reader.limited("frames of a scene", u64::from(frame_count), u64::from(limits.max_scene_frames))?;
        let strategy = read_strategy(reader, index)?;
        let first = reader.i64("first timestamp")?;
        let timestamps = read_deltas(reader, first, frame_count)?;
        Ok(Self { index, first_frame, strategy, timestamps, repeats: Repeats::default() })
    }

    fn write(&self, writer: &mut Writer) -> Result<()> {
        writer.u32(self.index);
        writer.u64(self.first_frame);
        writer.size("frames of a scene", self.timestamps.len())?;
        writer.u8(self.strategy as u8);
        writer.i64(self.timestamps.first().copied().unwrap_or_default());
        write_deltas(writer, &self.timestamps)
    }
}

/// How scene `index` is coded.
pub(super) fn read_strategy(reader: &mut Reader<'_>, index: u32) -> Result<Strategy> {
    match reader.u8("strategy")? {
        1 => Ok(Strategy::Av1),
        2 => Ok(Strategy::Hybrid),
        code => Err(Error::Unsupported {
            what: format!("strategy {code} of scene {index}"),
            remedy: "a newer version of this library may read it".into(),
        }),
    }
}

/// The number of deltas, the deltas. One stands for all where they are equal.
pub(super) fn read_deltas(reader: &mut Reader<'_>, first: i64, frame_count: u32) -> Result<Vec<i64>> {
    let steps = u64::from(frame_count) - 1;
    let listed = reader.varint("number of timestamp deltas")?;
    if listed != steps && (listed != 1 || steps == 0) {
        let expected = format!("{} or {steps}", steps.min(1));
        return Err(reader.corrupt("number of timestamp deltas", expected, listed));
    }
    let mut timestamps = memory::reserved("timestamps", frame_count as usize)?;
    timestamps.push(first);
    let mut delta = 0;
    for step in 0..steps {
        if step < listed {
            delta = reader.varint("timestamp delta")?;
            if delta == 0 {
                return Err(reader.corrupt("timestamp delta", "at least 1", 0));
            }
        }
        let last = timestamps[timestamps.len() - 1];
        let next = last.checked_add_unsigned(delta);
        timestamps.push(next.ok_or_else(|| reader.corrupt("timestamp", "below 2^63", "a larger one"))?);
    }
    Ok(timestamps)
}

/// What `read_deltas` reads.
pub(super) fn write_deltas(writer: &mut Writer, timestamps: &[i64]) -> Result<()> {
    if timestamps.is_empty() {
        return Err(Error::invalid("timestamps", "at least 1", 0));
    }
    let mut deltas = memory::reserved("timestamps", timestamps.len())?;
    for pair in timestamps.windows(2) {
        if pair[1] <= pair[0] {
            let found = format!("{} after {}", pair[1], pair[0]);
            return Err(Error::invalid("timestamps", "strictly rising values", found));
        }
        deltas.push(pair[1].abs_diff(pair[0]));
    }
    if deltas.windows(2).all(|pair| pair[0] == pair[1]) {
        deltas.truncate(1);
    }
    writer.varint(deltas.len() as u64);
    deltas.into_iter().for_each(|delta| writer.varint(delta));
    Ok(())
}

/// Closes a scene: for every [`FRAMES_PER_HASH`](super::FRAMES_PER_HASH) frames, the last time for fewer, the XXH3-64 of their hashes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FrameHashes(pub Vec<u64>);

impl Payload for FrameHashes {
    const KIND: PacketKind = PacketKind::FrameHashes;

    fn read(reader: &mut Reader<'_>, _: &Limits) -> Result<Self> {
        let mut hashes = memory::reserved("frame hashes", reader.remaining() / 8)?;
        while reader.remaining() > 0 {
            hashes.push(reader.u64("frame hash")?);
        }
        Ok(Self(hashes))
    }

    fn write(&self, writer: &mut Writer) -> Result<()> {
        self.0.iter().for_each(|&hash| writer.u64(hash));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(timestamps: &[i64]) -> Vec<u8> {
        let mut writer = Writer::default();
        write_deltas(&mut writer, timestamps).unwrap();
        writer.bytes
    }

    #[test]
    fn a_constant_rate_costs_the_same_for_any_length() {
        let regular: Vec<i64> = (0..600).map(|frame| 90_000 + frame * 3003).collect();
        let bytes = written(&regular);
        assert_eq!(bytes.len(), 1 + 2);
        assert_eq!(read_deltas(&mut Reader::new(&bytes, 0), 90_000, 600).unwrap(), regular);
    }

    #[test]
    fn extreme_timestamps_read_back_and_overflow_is_an_error() {
        for case in [vec![i64::MIN, i64::MAX], vec![7], vec![-5, -3, 10]] {
            let bytes = written(&case);
            let count = case.len() as u32;
            assert_eq!(read_deltas(&mut Reader::new(&bytes, 0), case[0], count).unwrap(), case);
        }
        let bytes = written(&[0, i64::MAX]);
        assert!(read_deltas(&mut Reader::new(&bytes, 0), 0, 3).is_err());
    }

    #[test]
    fn timestamps_that_do_not_rise_cannot_be_written() {
        for case in [&[][..], &[1, 1], &[2, 1]] {
            assert!(write_deltas(&mut Writer::default(), case).is_err());
        }
    }
}
