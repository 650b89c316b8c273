//! Scenes out of an ordinary video file: temporal units, and the neural layers that travel in them.
//!
//! A key frame begins a scene. One whose unit holds no neural layer begins a scene of AV1 alone, so that fragments that
//! were joined are never filtered with the weights of what came before.

use std::collections::VecDeque;
use std::io::{Read, Seek};
use std::path::Path;

use super::item::{FoundScene, Item};
use super::settings::{DecoderSettings, OnDamage};
use crate::base::{self, SequenceHeader, coded_size, probe, sequence_header_obu, take_apart};
use crate::bitstream::{
    BaseLayer, FormatVersion, LAYER_UUID, Limits, NeuralLayer, Repeats, SceneEntry, SceneHeader,
    ScenePackets, SceneTable, StreamHeader, Tracks,
};
use crate::error::{Error, Place, Result};
use crate::frame::{BitDepth, Layout, PixelFormat, Rational, VideoInfo, check_size};
use crate::media::{FileItem, SourceDamage, TrackUnit, UnitReader};
use crate::strategy::Strategy;

/// A file as scenes.
pub(super) struct FileScenes {
    units: UnitReader,
    limits: Limits,
    header: StreamHeader,
    tracks: Tracks,
    has_layer: bool,
    open: Option<OpenScene>,
    ready: VecDeque<Result<Item>>,
    index: u32,
    next_frame: u64,
    /// Units are left out until the next key frame, because the last one could not be used.
    skipping: bool,
    ended: bool,
    last_duration: u64,
    notes: Vec<String>,
}

/// A scene whose units come in.
struct OpenScene {
    layer: Option<NeuralLayer>,
    sequence: SequenceHeader,
    base: BaseLayer,
    timestamps: Vec<i64>,
}

/// A unit of a file, read.
struct ReadUnit {
    data: Vec<u8>,
    layer: Option<NeuralLayer>,
    /// The sequence header, where the unit begins a scene.
    key: Option<SequenceHeader>,
}

impl FileScenes {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// As [`UnitReader::open`]; `Corrupt` for pictures that this library would not write.
    pub(super) fn open(path: &Path, settings: &DecoderSettings) -> Result<Self> {
        let on_damage = match settings.on_damage {
            OnDamage::Stop => SourceDamage::Fail,
            OnDamage::SkipScene => SourceDamage::Keep,
        };
        Self::new(UnitReader::open(path, on_damage)?, settings.limits.clone())
    }

    /// Opens an input that can seek.
    pub(super) fn seekable(input: impl Read + Seek + Send + 'static, limits: Limits) -> Result<Self> {
        Self::new(UnitReader::seekable(input)?, limits)
    }

    /// Opens an input that is read from front to back.
    pub(super) fn streamed(input: impl Read + Send + 'static, limits: Limits) -> Result<Self> {
        Self::new(UnitReader::streamed(input)?, limits)
    }

    fn new(mut units: UnitReader, limits: Limits) -> Result<Self> {
        let (mut before, mut first) = (Vec::new(), None);
        while let Some(item) = units.next_item()? {
            match item {
                FileItem::Unit(unit) => {
                    first = Some(unit);
                    break;
                }
                other => before.push(other),
            }
        }
        let Some(first) = first else {
            return Err(Error::corrupt("video file", "at least one picture", "none", Place::default()));
        };
        let mut tracks = units.tracks().clone();
        let info = VideoInfo::new(1, 1, PixelFormat::YUV420_8, units.frame_rate());
        let encoder = tracks.tags.iter().find(|(name, _)| name == "encoder").map(|(_, value)| value.clone());
        tracks.tags.retain(|(name, _)| name != "encoder");
        let mut scenes = Self {
            limits,
            header: StreamHeader {
                version: FormatVersion::CURRENT,
                info,
                encoder: encoder.unwrap_or_default().chars().take(60).collect(),
                audio_tracks: tracks.audio.clone(),
            },
            tracks,
            has_layer: false,
            open: None,
            ready: VecDeque::new(),
            index: 0,
            next_frame: 0,
            skipping: false,
            ended: false,
            last_duration: 0,
            notes: units.note().into_iter().collect(),
            units,
        };
        let read = scenes.read_unit(&first)?;
        let Some(sequence) = read.key else {
            return Err(Error::corrupt("video file", "a key frame first", "another", Place::default()));
        };
        scenes.has_layer = read.layer.is_some();
        scenes.header.info = scenes.described(&read, &sequence)?;
        scenes.take_unit(first);
        for item in before {
            scenes.take_other(item);
        }
        Ok(scenes)
    }

    /// What the first scene says of the pictures.
    fn described(&self, read: &ReadUnit, sequence: &SequenceHeader) -> Result<VideoInfo> {
        let mut info = VideoInfo {
            time_base: self.units.time_base(),
            pixel_aspect: self.units.pixel_aspect().unwrap_or(Rational { num: 1, den: 1 }),
            color: self.units.color(),
            ..self.header.info
        };
        match &read.layer {
            Some(layer) => {
                (info.width, info.height) = (layer.width as usize, layer.height as usize);
                (info.format, info.color) = (layer.format, layer.color);
                (info.frame_rate, info.time_base) = (layer.frame_rate, layer.time_base);
            }
            None => {
                (info.width, info.height) = (sequence.width as usize, sequence.height as usize);
                info.format = PixelFormat { layout: Layout::Yuv420, depth: depth_of(sequence)? };
            }
        }
        let (width, height) = (info.width as u64, info.height as u64);
        Error::within_limit("width", width, self.limits.max_width.into(), Place::default())?;
        Error::within_limit("height", height, self.limits.max_height.into(), Place::default())?;
        Error::within_limit(
            "pixels of a picture",
            width.saturating_mul(height),
            self.limits.max_pixels,
            Place::default(),
        )?;
        check_size(info.width, info.height)?;
        if info.format.layout != Layout::Yuv420 {
            return Err(Error::Unsupported {
                what: format!("scene of {}", info.format),
                remedy: "a newer version of this library may read it".into(),
            });
        }
        Ok(info)
    }

    /// What holds for the whole file.
    pub(super) fn header(&self) -> &StreamHeader {
        &self.header
    }

    /// What the file holds beside its pictures.
    pub(super) fn tracks(&self) -> &Tracks {
        &self.tracks
    }

    /// Whether the first scene has a neural layer, as those have that this library wrote.
    pub(super) fn has_layer(&self) -> bool {
        self.has_layer
    }

    /// Bytes of packets read so far.
    pub(super) fn position(&self) -> u64 {
        self.units.position()
    }

    /// What a person should know, met since the last call.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// The next item, `None` at the end.
    pub(super) fn next_item(&mut self) -> Result<Option<Item>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return item.map(Some);
            }
            if self.ended {
                return Ok(None);
            }
            match self.units.next_item() {
                Ok(Some(FileItem::Unit(unit))) => self.take_unit(unit),
                Ok(Some(other)) => self.take_other(other),
                Ok(None) => {
                    self.ended = true;
                    self.close();
                    if self.last_duration > 0 {
                        self.ready.push_back(Ok(Item::LastDuration(self.last_duration)));
                    }
                }
                Err(error) => {
                    self.ended = true;
                    self.close();
                    self.ready.push_back(Err(error));
                }
            }
        }
    }

    /// After an error: whether anything may follow.
    pub(super) fn resync(&self) -> bool {
        !self.ended || !self.ready.is_empty()
    }

    fn take_other(&mut self, item: FileItem) {
        match item {
            FileItem::Audio(packet) => self.ready.push_back(Ok(Item::Audio(packet))),
            FileItem::Subtitle(packet) => self.ready.push_back(Ok(Item::Subtitle(packet))),
            FileItem::Unit(unit) => self.take_unit(unit),
        }
    }

    /// Takes a unit to its scene.
    fn take_unit(&mut self, unit: TrackUnit) {
        self.last_duration = self.time_of(i64::try_from(unit.duration).unwrap_or(0)).unsigned_abs();
        if let Err(error) = self.place_unit(&unit) {
            // What came of the scene before is whole as far as it goes; of this one nothing can be used.
            self.skipping = true;
            let place = Place { scene: Some(self.index), frame: Some(self.next_frame), offset: None };
            self.ready.push_back(Err(error.within(place)));
        }
    }

    fn place_unit(&mut self, unit: &TrackUnit) -> Result<()> {
        let mut read = match self.read_unit(unit) {
            Ok(read) => read,
            Err(_) if self.skipping && !unit.is_key => return Ok(()),
            Err(error) => {
                self.open = None;
                return Err(error);
            }
        };
        let Some(sequence) = read.key else {
            if self.skipping {
                return Ok(());
            }
            let timestamp = self.time_of(unit.timestamp);
            return self.continue_scene(&read.data, timestamp);
        };
        self.close();
        self.skipping = false;
        Error::within_limit(
            "scenes",
            u64::from(self.index) + 1,
            self.limits.max_scenes.into(),
            Place::default(),
        )?;
        Error::within_limit(
            "bytes of a scene",
            read.data.len() as u64,
            self.limits.max_scene_bytes,
            Place::default(),
        )?;
        self.check(&mut read, &sequence)?;
        let mut base = BaseLayer::new(sequence.width, sequence.height, depth_of(&sequence)?);
        base.push_unit(&read.data)?;
        let timestamps = vec![self.time_of(unit.timestamp)];
        self.open = Some(OpenScene { layer: read.layer, sequence, base, timestamps });
        Ok(())
    }

    fn continue_scene(&mut self, data: &[u8], timestamp: i64) -> Result<()> {
        let Some(open) = &mut self.open else {
            return Err(Error::corrupt("unit", "a key frame first", "another", Place::default()));
        };
        let most = match &open.layer {
            Some(layer) => layer.frames.min(self.limits.max_scene_frames),
            None => self.limits.max_scene_frames,
        };
        if open.timestamps.len() >= most as usize {
            self.close();
            return Err(Error::corrupt(
                "frames of a scene",
                format!("at most {most}"),
                "more",
                Place::default(),
            ));
        }
        let bytes = (open.base.byte_len() + data.len()) as u64;
        if let Err(error) =
            Error::within_limit("bytes of a scene", bytes, self.limits.max_scene_bytes, Place::default())
        {
            self.close();
            return Err(error);
        }
        open.base.push_unit(data)?;
        // Coarse clocks may give two frames one time.
        let last = open.timestamps.last().copied().unwrap_or(i64::MIN);
        open.timestamps.push(timestamp.max(last.saturating_add(1)));
        Ok(())
    }

    /// A time of the file in the stream's time base: that of the nearest frame of the nominal rate, where the file's clock is too
    /// coarse to tell.
    fn time_of(&self, time: i64) -> i64 {
        let (from, info) = (self.units.time_base(), &self.header.info);
        let to = info.time_base;
        if from == to {
            return time;
        }
        let (num, den) =
            (i128::from(from.num) * i128::from(to.den), i128::from(from.den) * i128::from(to.num));
        let exact = i128::from(time) * num;
        let nearest = (exact + den / 2).div_euclid(den);
        // Units of a frame, where they are whole.
        let rate = info.frame_rate;
        let (frame, of) =
            (i128::from(rate.den) * i128::from(to.den), i128::from(rate.num) * i128::from(to.num));
        if frame % of == 0 && frame >= of {
            let frame = frame / of;
            let snapped = (nearest + frame / 2).div_euclid(frame) * frame;
            if (snapped * den - exact).abs() <= num.abs() && num < frame * den {
                return snapped.clamp(i128::from(i64::MIN / 4), i128::from(i64::MAX / 4)) as i64;
            }
        }
        nearest.clamp(i128::from(i64::MIN / 4), i128::from(i64::MAX / 4)) as i64
    }

    /// Takes a unit apart.
    fn read_unit(&mut self, unit: &TrackUnit) -> Result<ReadUnit> {
        let found = take_apart(&unit.data, &LAYER_UUID)?;
        let mut data = found.data;
        if unit.is_key && sequence_header_obu(&data).is_err() {
            // Matroska lets a writer leave out what the whole track has.
            let mut whole = sequence_header_obu(self.units.setup())?.to_vec();
            whole.append(&mut data);
            data = whole;
        }
        let in_force = self.open.as_ref().map(|open| open.sequence);
        let begins = sequence_header_obu(&data).is_ok();
        let info = probe(&data, in_force.filter(|_| !begins))?;
        let key = info.sequence.filter(|_| info.is_key);
        let mut layer = None;
        for message in found.messages.iter().filter(|_| key.is_some()) {
            match NeuralLayer::from_bytes(message, &self.limits) {
                Ok(found) => layer = layer.or(found),
                Err(error) => self.notes.push(format!(
                    "Scene {} is given as AV1 alone, because its neural layer cannot be used: {error}.",
                    self.index
                )),
            }
        }
        if key.is_some() {
            base::read_hdr(&found.hdr, &mut self.tracks);
        }
        Ok(ReadUnit { data, layer, key })
    }

    /// Whether a scene fits the file.
    ///
    /// A layer for other pictures, which a file that was joined may hold, is left out.
    fn check(&mut self, read: &mut ReadUnit, sequence: &SequenceHeader) -> Result<()> {
        let info = &self.header.info;
        if let Some(layer) = &read.layer {
            let (expected, found) = (
                (info.width, info.height, info.format),
                (layer.width as usize, layer.height as usize, layer.format),
            );
            if expected != found {
                let text = |(w, h, format): (usize, usize, PixelFormat)| format!("{w}x{h} {format}");
                self.notes.push(format!(
                    "Scene {} is given as AV1 alone, because its neural layer is for {} and the file is {}.",
                    self.index,
                    text(found),
                    text(expected)
                ));
                read.layer = None;
            }
        }
        let (found, expected) =
            ((sequence.width as usize, sequence.height as usize), coded_size(info.width, info.height));
        if found != expected {
            let text = |(width, height)| format!("{width}x{height}");
            return Err(Error::corrupt("coded size", text(expected), text(found), Place::default()));
        }
        if depth_of(sequence)? < info.format.depth {
            let expected = format!("at least {} bits", info.format.depth.bits());
            return Err(Error::corrupt("coded depth", expected, sequence.bits, Place::default()));
        }
        Ok(())
    }

    /// A time of the stream in the file's time base, rather too late than too early.
    fn file_time_of(&self, time: i64) -> i64 {
        let (to, from) = (self.units.time_base(), self.header.info.time_base);
        let (num, den) =
            (i128::from(from.num) * i128::from(to.den), i128::from(from.den) * i128::from(to.num));
        let units = (i128::from(time) * num + den - 1).div_euclid(den) + i128::from(from != to);
        units.clamp(i128::from(i64::MIN / 4), i128::from(i64::MAX / 4)) as i64
    }

    /// Ends the scene that is open.
    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let covered = open.layer.as_ref().map_or(0, |layer| layer.frames as usize);
        let (strategy, filter, hashes) = match open.layer {
            Some(layer) => (layer.strategy, layer.filter, layer.hashes),
            None => (Strategy::Av1, None, Vec::new()),
        };
        let frames = open.timestamps.len() as u64;
        let header = SceneHeader {
            index: self.index,
            first_frame: self.next_frame,
            strategy,
            timestamps: open.timestamps,
            repeats: Repeats::default(),
        };
        let packets = ScenePackets { header, base: open.base, filter, hashes };
        self.index += 1;
        self.next_frame += frames;
        self.ready.push_back(Ok(Item::Scene(Box::new(FoundScene { packets, covered, is_open: false }))));
    }

    /// Reads the whole file to find out where its scenes lie. What is damaged is left out.
    ///
    /// # Errors
    ///
    /// `Corrupt` where there is no scene at all.
    pub(super) fn scan(&mut self) -> Result<SceneTable> {
        let mut table = SceneTable::default();
        loop {
            match self.next_item() {
                Ok(Some(Item::Scene(scene))) => {
                    let header = &scene.packets.header;
                    table.scenes.push(SceneEntry {
                        offset: 0,
                        bytes: scene.packets.base.byte_len() as u64,
                        first_frame: header.first_frame,
                        frame_count: header.frame_count() as u32,
                        first_timestamp: header.timestamps.first().copied().unwrap_or(0),
                    });
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => self.notes.push(format!("A part of the file cannot be used: {error}.")),
            }
        }
        if table.scenes.is_empty() {
            return Err(Error::corrupt("video file", "at least one scene", "none", Place::default()));
        }
        Ok(table)
    }

    /// Goes to a scene of the table and reads it.
    ///
    /// # Errors
    ///
    /// `Corrupt` where it is no longer there; those of the file.
    pub(super) fn scene(&mut self, index: usize, entry: &SceneEntry) -> Result<FoundScene> {
        self.units.seek(self.file_time_of(entry.first_timestamp))?;
        (self.open, self.ended, self.skipping) = (None, false, true);
        self.ready.clear();
        let place = Place::in_scene(index as u32);
        while let Some(item) = self.next_item()? {
            let Item::Scene(mut scene) = item else { continue };
            let header = &mut scene.packets.header;
            match header.timestamps.first() {
                Some(&first) if first < entry.first_timestamp => {}
                Some(&first) if first == entry.first_timestamp => {
                    (header.index, header.first_frame) = (index as u32, entry.first_frame);
                    if header.frame_count() != entry.frame_count as usize {
                        let (expected, found) = (entry.frame_count, header.frame_count());
                        return Err(Error::corrupt("frames of a scene", expected, found, place));
                    }
                    return Ok(*scene);
                }
                _ => break,
            }
        }
        Err(Error::corrupt("scene", format!("one at {}", entry.first_timestamp), "none", place))
    }
}

fn depth_of(sequence: &SequenceHeader) -> Result<BitDepth> {
    let found = format!("profile {}, {} bits, 4:2:0 {}", sequence.profile, sequence.bits, sequence.is_420);
    match (sequence.profile, sequence.is_420) {
        (0, true) => BitDepth::try_from(sequence.bits)
            .map_err(|_| Error::corrupt("AV1 pictures", "8 or 10 bits", &found, Place::default())),
        _ => Err(Error::Unsupported {
            what: format!("AV1 of {found}"),
            remedy: "decode it with FFmpeg: this library's neural layer is for 4:2:0 of the main profile"
                .into(),
        }),
    }
}
