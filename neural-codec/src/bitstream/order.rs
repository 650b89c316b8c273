//! Which packet may follow which, and what packets say about one another.
//!
//! Reader and writer pass every packet through the same check, so the one cannot write what the other refuses.

use std::ops::Range;

use super::{
    End, FRAMES_PER_HASH, Limits, Packet, PacketKind, SceneEntry, SceneHeader, SceneTable, ShortTable,
};
use crate::error::{Error, Place, Result};

/// Where in the sequence of packets the next one lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Before, between or after scenes.
    BetweenScenes,
    /// After SCENE.
    BaseLayer,
    /// After BASE_LAYER, with or without a filter.
    FilterOrHashes,
    /// After the layers of a scene.
    FrameHashes,
    /// After SCENE_HEAD.
    Units,
    /// After SCENE_TABLE, which lies at this offset.
    End { table_offset: u64 },
    /// After END.
    Nothing,
}

/// The sequence of packets so far.
pub(super) struct Order {
    max_scene_bytes: u64,
    max_scenes: u32,
    pub(super) step: Step,
    /// Scenes seen to their end. Entry `k` is scene `k` as long as nothing was lost.
    pub(super) seen: SceneTable,
    /// The scene that is open; its `bytes` are not yet known.
    open: Option<SceneEntry>,
    /// Frames of it that are coded.
    coded: usize,
    /// Index of the next scene, or of the one that is open.
    index: u32,
    next_frame: u64,
    last_timestamp: Option<i64>,
    /// Whether scenes may be missing before the next one.
    gap: bool,
    /// Whether there ever was a gap.
    lossy: bool,
}

/// Checks that a scene begins after the one before has ended; for readers from front to back and those that seek.
///
/// # Errors
///
/// `Corrupt`.
pub(super) fn check_first_timestamp(first: i64, before: Option<i64>, place: Place) -> Result<()> {
    match before {
        Some(before) if first <= before => {
            Err(Error::corrupt("first timestamp", format!("more than {before}"), first, place))
        }
        _ => Ok(()),
    }
}

impl Order {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            max_scene_bytes: limits.max_scene_bytes,
            max_scenes: limits.max_scenes,
            step: Step::BetweenScenes,
            seen: SceneTable::default(),
            open: None,
            coded: 0,
            index: 0,
            next_frame: 0,
            last_timestamp: None,
            gap: false,
            lossy: false,
        }
    }

    /// Gives up what is open and lets packets be missing from here on.
    pub(super) fn lose(&mut self) {
        if self.open.take().is_some() {
            self.index += 1;
        }
        self.gap = true;
        self.lossy = true;
        if !matches!(self.step, Step::End { .. } | Step::Nothing) {
            self.step = Step::BetweenScenes;
        }
    }

    /// The scene that is open or due next, as far as it is known.
    pub(super) fn scene(&self) -> Option<u32> {
        match self.step {
            Step::BetweenScenes if self.gap => None,
            Step::End { .. } | Step::Nothing => None,
            _ => Some(self.index),
        }
    }

    /// Takes the next packet, whose bytes lie at `span`.
    ///
    /// # Errors
    ///
    /// `Corrupt` or `LimitExceeded`, changing nothing.
    pub(super) fn accept(&mut self, packet: &Packet, span: Range<u64>) -> Result<()> {
        let place = Place::at_offset(span.start);
        match (self.step, packet) {
            (Step::BetweenScenes, Packet::Audio(_) | Packet::Tracks(_)) => Ok(()),
            (Step::BetweenScenes, Packet::Scene(scene)) => {
                self.open_scene(scene, span.start, Step::BaseLayer)
            }
            (Step::BetweenScenes, Packet::SceneHead(head)) => {
                self.open_scene(&head.header, span.start, Step::Units)?;
                self.check_open_bytes(&span).map(drop)
            }
            (Step::Units, Packet::Units(units)) => {
                let entry = self.check_units(units.count(), &span)?;
                self.close_scene(entry);
                Ok(())
            }
            (Step::BaseLayer, Packet::BaseLayer(base)) => {
                self.check_units(base.units().len(), &span)?;
                self.step = Step::FilterOrHashes;
                Ok(())
            }
            (Step::FilterOrHashes, Packet::NeuralFilter(_)) => {
                self.check_open_bytes(&span)?;
                self.step = Step::FrameHashes;
                Ok(())
            }
            (Step::FilterOrHashes | Step::FrameHashes, Packet::FrameHashes(hashes)) => {
                let frames = self.open.map_or(0, |open| open.frame_count as usize);
                let expected = frames.div_ceil(FRAMES_PER_HASH);
                let entry = self.check_open(hashes.0.len(), expected, "frame hashes of a scene", &span)?;
                self.close_scene(entry);
                Ok(())
            }
            (Step::BetweenScenes, Packet::SceneTable(table) | Packet::ShortTable(ShortTable(table))) => {
                self.check_table(table, span.start)?;
                self.step = Step::End { table_offset: span.start };
                Ok(())
            }
            (Step::BetweenScenes, Packet::End(end)) if self.lossy => self.end(end, end.table_offset, place),
            (Step::End { table_offset }, Packet::End(end)) => self.end(end, table_offset, place),
            (_, packet) => Err(self.out_of_order(packet.kind(), place)),
        }
    }

    /// The error that a packet of this kind does not follow.
    pub(super) fn out_of_order(&self, kind: PacketKind, place: Place) -> Error {
        let expected = match self.step {
            Step::BetweenScenes => "a scene, audio or the scene table",
            Step::BaseLayer => "BaseLayer",
            Step::FilterOrHashes => "NeuralFilter or FrameHashes",
            Step::FrameHashes => "FrameHashes",
            Step::Units => "Units",
            Step::End { .. } => "End",
            Step::Nothing => "the end of the stream",
        };
        Error::corrupt("order of packets", expected, format!("{kind:?}"), place)
    }

    /// The open scene as it is once its UNITS, which lie at `span`, are read to their end.
    ///
    /// # Errors
    ///
    /// `Corrupt` or `LimitExceeded`.
    pub(super) fn check_units(&self, count: usize, span: &Range<u64>) -> Result<SceneEntry> {
        self.check_open(count, self.coded, "temporal units of a scene", span)
    }

    /// Takes an unknown optional packet, whose bytes lie at `span`.
    pub(super) fn skip(&mut self, span: Range<u64>) -> Result<()> {
        if let Step::End { .. } = self.step {
            let place = Place::at_offset(span.start);
            return Err(Error::corrupt("order of packets", "End", "an unknown type", place));
        }
        self.open.map_or(Ok(()), |open| self.check_bytes(&open, span.end))
    }

    fn open_scene(&mut self, scene: &SceneHeader, offset: u64, next: Step) -> Result<()> {
        let place = Place { offset: Some(offset), scene: Some(scene.index), frame: None };
        let wrong = |what, expected: String, found: String| Err(Error::corrupt(what, expected, found, place));
        // Each lost scene held at least one frame; where none was lost, no frame was.
        let lost_scenes = scene.index.checked_sub(self.index);
        let lost_frames = scene.first_frame.checked_sub(self.next_frame);
        match lost_scenes {
            Some(0) => {}
            Some(_) if self.gap => {}
            _ => return wrong("scene index", self.index.to_string(), scene.index.to_string()),
        }
        let possible = match (lost_scenes, lost_frames) {
            (Some(0), lost) => lost == Some(0),
            (Some(scenes), Some(frames)) => frames >= u64::from(scenes),
            _ => false,
        };
        if !possible {
            let expected = self.next_frame.saturating_add(u64::from(lost_scenes.unwrap_or(0)));
            return wrong("first frame of a scene", expected.to_string(), scene.first_frame.to_string());
        }
        let Some(next_frame) = scene.first_frame.checked_add(scene.frame_count() as u64) else {
            return wrong("first frame of a scene", "below 2^64".into(), scene.first_frame.to_string());
        };
        let scenes = u64::from(scene.index) + 1;
        Error::within_limit("number of scenes", scenes, self.max_scenes.into(), place)?;
        let (Some(&first), Some(&last)) = (scene.timestamps.first(), scene.timestamps.last()) else {
            return wrong("frames of a scene", "at least 1".into(), "0".into());
        };
        check_first_timestamp(first, self.last_timestamp, place)?;
        self.open = Some(SceneEntry {
            offset,
            bytes: 0,
            first_frame: scene.first_frame,
            frame_count: scene.frame_count() as u32,
            first_timestamp: first,
        });
        self.coded = scene.coded_count();
        self.gap = false;
        self.index = scene.index;
        self.next_frame = next_frame;
        self.last_timestamp = Some(last);
        self.step = next;
        Ok(())
    }

    /// The open scene as it is once its packet at `span` is taken, if so many items were found in it as expected.
    fn check_open(
        &self,
        found: usize,
        expected: usize,
        what: &'static str,
        span: &Range<u64>,
    ) -> Result<SceneEntry> {
        let open = self.check_open_bytes(span)?;
        if found != expected {
            return Err(Error::corrupt(what, expected, found, Place::at_offset(span.start)));
        }
        Ok(SceneEntry { bytes: span.end - open.offset, ..open })
    }

    /// The open scene, if the packet at `span` does not make it too long.
    fn check_open_bytes(&self, span: &Range<u64>) -> Result<SceneEntry> {
        let Some(open) = self.open else {
            return Err(Error::internal("packet order", "a layer is due but no scene is open"));
        };
        self.check_bytes(&open, span.end)?;
        Ok(open)
    }

    fn check_bytes(&self, open: &SceneEntry, end: u64) -> Result<()> {
        let place = Place::at_offset(open.offset);
        Error::within_limit("bytes of a scene", end - open.offset, self.max_scene_bytes, place)
    }

    /// Ends the scene that is open.
    pub(super) fn close_scene(&mut self, entry: SceneEntry) {
        self.seen.scenes.push(entry);
        self.open = None;
        self.index += 1;
        self.step = Step::BetweenScenes;
    }

    /// Compares the table with the scenes that were seen; where some were lost, with what is left to compare.
    fn check_table(&mut self, table: &SceneTable, offset: u64) -> Result<()> {
        let agrees = if self.lossy {
            let same = |seen: &SceneEntry| {
                let found = table.scenes.binary_search_by_key(&seen.first_frame, |scene| scene.first_frame);
                found.is_ok_and(|k| {
                    let scene = &table.scenes[k];
                    (scene.frame_count, scene.first_timestamp) == (seen.frame_count, seen.first_timestamp)
                })
            };
            table.frame_count() >= self.next_frame && self.seen.scenes.iter().all(same)
        } else {
            table == &self.seen
        };
        if !agrees || table.scenes.len() < self.index as usize {
            let found = format!("{} others", table.scenes.len());
            let expected = format!("the {} scenes before it", self.index);
            return Err(Error::corrupt("scene table", expected, found, Place::at_offset(offset)));
        }
        self.index = table.scenes.len() as u32;
        self.next_frame = table.frame_count();
        Ok(())
    }

    fn end(&mut self, end: &End, table_offset: u64, place: Place) -> Result<()> {
        let expected = End { scene_count: self.index, frame_count: self.next_frame, table_offset };
        let table_lost = self.step == Step::BetweenScenes;
        let agrees = if table_lost {
            end.scene_count >= expected.scene_count && end.frame_count >= expected.frame_count
        } else {
            let offset_agrees = self.lossy || end.table_offset == table_offset;
            (end.scene_count, end.frame_count) == (self.index, self.next_frame) && offset_agrees
        };
        if !agrees {
            return Err(Error::corrupt("END", format!("{expected:?}"), format!("{end:?}"), place));
        }
        self.step = Step::Nothing;
        Ok(())
    }
}
