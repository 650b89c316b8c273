//! A stream decoded from front to back: the decoding agent's steps.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::item::Item;
use super::items::{AnyInput, Items, OpenUnits};
use super::layer::Decoded;
use super::photo::decode_photo;
use super::scene::{SceneDecoder, placed};
use super::settings::{DecoderSettings, OnDamage};
use crate::bitstream::{
    AudioPacket, PacketReader, PhotoPacket, SceneReader, StreamHeader, SubtitlePacket, Tracks,
};
use crate::device::Device;
use crate::error::Result;
use crate::frame::{AnyFrame, Frame, VideoInfo};
use crate::media::{FrameSource, Lost};
use crate::process;
use crate::simd::InstructionSet;

/// Decodes a stream as it is read; the input need not be able to seek.
///
/// ```
/// # use neural_codec::decoder::{DecoderSettings, StreamDecoder};
/// # use neural_codec::frame::{Color, Frame, PixelFormat, Rational, VideoInfo};
/// # let info = VideoInfo::new(64, 48, PixelFormat::YUV420_8, Rational::new(25, 1)?);
/// # let frames = (0..5).map(|i| Frame::new(64, 48, info.format, Color::default()).unwrap().with_timestamp(i));
/// # let mut settings = neural_codec::settings::Settings::default();
/// # settings.set("effort", "0")?;
/// # let mut agent = neural_codec::encoder::EncodingAgent::new(info, &settings)?;
/// # frames.into_iter().try_for_each(|frame| agent.send_frame(frame))?;
/// # agent.finish()?;
/// # let mut stream = Vec::new();
/// # while let Some(bytes) = agent.receive_packet()? { stream.extend(bytes) }
/// let mut decoder = StreamDecoder::new(stream.as_slice(), DecoderSettings::default())?;
/// let mut count = 0;
/// while let Some(frame) = decoder.decode_frame()? {
///     assert_eq!(frame.width(), decoder.header().info.width);
///     count += 1;
/// }
/// assert_eq!(count, 5);
/// # Ok::<(), neural_codec::Error>(())
/// ```
pub struct StreamDecoder<R> {
    items: Items<R>,
    settings: DecoderSettings,
    scene: Option<SceneDecoder>,
    /// Where filters run, once there was one.
    device: Option<Device>,
    /// Notes of the device that were taken.
    device_notes_taken: usize,
    audio: Vec<AudioPacket>,
    subtitles: Vec<SubtitlePacket>,
    last_duration: Option<u64>,
    /// What of a photo a clip has no place for.
    lost: Vec<Lost>,
    /// Frames of the whole stream, where that is known before the end.
    declared_frames: Option<u64>,
    /// How many bytes the input would give without a wait, where scenes are not waited for.
    early: Option<Waiting>,
    state: State,
}

/// How many bytes an input would give without a wait.
pub(super) type Waiting = Box<dyn Fn() -> u64 + Send>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    /// The last packet was unusable.
    Damaged,
    Ended,
}

impl StreamDecoder<AnyInput> {
    /// Finds out what the input is: a `.nvc` stream, or an ordinary video file that holds one, read from front to back.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); `Unsupported` for files that hold no AV1, and for an MP4 file whose index lies at its end.
    pub fn open(input: impl Read + Send + 'static, settings: DecoderSettings) -> Result<Self> {
        Ok(Self::of(Items::open(input, &settings)?, settings))
    }

    /// Opens a `.nvc` stream or an ordinary video file that holds one.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), with the file's name.
    pub fn open_file(path: &Path, settings: DecoderSettings) -> Result<Self> {
        let declared_frames = declared_frames(path, &settings);
        Ok(Self { declared_frames, ..Self::of(Items::open_file(path, &settings)?, settings) })
    }
}

impl<R: Read> StreamDecoder<R> {
    /// Reads the stream's header.
    ///
    /// # Errors
    ///
    /// `Corrupt` for what is not a `.nvc` stream, `Truncated`, `UnsupportedVersion`, `LimitExceeded`.
    pub fn new(input: R, settings: DecoderSettings) -> Result<Self> {
        process::check("new")?;
        InstructionSet::named()?;
        let reader = PacketReader::new(input, settings.limits.clone())?;
        Ok(Self::of(Items::Stream(Box::new(reader)), settings))
    }

    pub(super) fn of(items: Items<R>, settings: DecoderSettings) -> Self {
        let (audio, subtitles, last_duration) = (Vec::new(), Vec::new(), None);
        Self {
            items,
            settings,
            scene: None,
            device: None,
            device_notes_taken: 0,
            audio,
            subtitles,
            last_duration,
            lost: Vec::new(),
            declared_frames: None,
            early: None,
            state: State::Reading,
        }
    }

    /// The same, which gives frames as soon as their units came and does not wait for whole scenes.
    pub(super) fn early(self, waiting: Waiting) -> Self {
        Self { early: Some(waiting), ..self }
    }

    /// Whether the last frame was given before it could be checked, as [`DecodingAgent::is_provisional`](super::DecodingAgent::is_provisional).
    pub(super) fn is_provisional(&self) -> bool {
        self.scene.as_ref().is_some_and(SceneDecoder::is_provisional)
    }

    /// What holds for the whole stream.
    pub fn header(&self) -> &StreamHeader {
        self.items.header()
    }

    /// Bytes read so far.
    pub fn position(&self) -> u64 {
        self.items.position()
    }

    /// What a person should know about what was read since the last call, such as a neural layer that cannot be used, or a filter that
    /// ran on the CPU after all.
    pub fn take_notes(&mut self) -> Vec<String> {
        let mut notes = self.items.take_notes();
        let of_device = self.device.as_ref().map(Device::notes).unwrap_or_default();
        let before = std::mem::replace(&mut self.device_notes_taken, of_device.len());
        notes.extend(of_device.into_iter().skip(before));
        notes
    }

    /// The next frame, `None` after the last.
    ///
    /// # Errors
    ///
    /// `Corrupt`, `Truncated` and the like with byte offset, scene and frame. With
    /// [`OnDamage::SkipScene`] the call after an error continues with the next scene that is intact.
    pub fn decode_frame(&mut self) -> Result<Option<Frame>> {
        Ok(self.decode()?.map(|decoded| decoded.frame))
    }

    /// The next frame where it lies: on the GPU where the settings keep frames there and it has room, else in the memory of the host.
    ///
    /// # Errors
    ///
    /// As [`decode_frame`](Self::decode_frame).
    pub fn decode_any_frame(&mut self) -> Result<Option<AnyFrame>> {
        let Some(decoded) = self.decode()? else { return Ok(None) };
        let info = self.header().info;
        placed(decoded, &self.settings, &info, &mut self.device).map(Some)
    }

    fn decode(&mut self) -> Result<Option<Decoded>> {
        process::check("decode_frame")?;
        let result = self.advance();
        if result.is_err() {
            self.scene = None;
            self.state = match self.settings.on_damage {
                OnDamage::Stop => State::Ended,
                OnDamage::SkipScene => State::Damaged,
            };
        }
        result
    }

    fn advance(&mut self) -> Result<Option<Decoded>> {
        loop {
            if let Some(scene) = &mut self.scene {
                let waiting = self.early.as_ref().map_or(0, |waiting| waiting());
                if let Some(decoded) =
                    scene.next_coming(&mut OpenUnits { items: &mut self.items, waiting })?
                {
                    return Ok(Some(decoded));
                }
                self.scene = None;
            }
            match self.next_item()? {
                None => return Ok(None),
                Some(Item::Audio(packet)) => self.audio.push(packet),
                Some(Item::Subtitle(packet)) => self.subtitles.push(packet),
                Some(Item::LastDuration(duration)) => self.last_duration = Some(duration),
                Some(Item::Photo(photo)) => {
                    let frame = decode_photo(&photo, &self.settings)?;
                    self.lost = lost_of_clip(&photo);
                    return Ok(Some(Decoded::on_host(frame)));
                }
                Some(Item::Scene(scene)) => {
                    let info = self.header().info;
                    self.scene = Some(SceneDecoder::new(*scene, info, &self.settings, &mut self.device)?);
                }
            }
        }
    }

    fn next_item(&mut self) -> Result<Option<Item>> {
        match self.state {
            State::Ended => return Ok(None),
            State::Damaged if !self.items.resync()? => {
                self.state = State::Ended;
                return Ok(None);
            }
            State::Damaged | State::Reading => self.state = State::Reading,
        }
        let item = match self.early {
            Some(_) => self.items.next_early_item()?,
            None => self.items.next_item()?,
        };
        if item.is_none() {
            self.state = State::Ended;
        }
        Ok(item)
    }
}

impl<R: Read + Send> FrameSource for StreamDecoder<R> {
    fn info(&self) -> &VideoInfo {
        &self.items.header().info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>> {
        self.decode_frame()
    }

    fn next_any_frame(&mut self) -> Result<Option<AnyFrame>> {
        self.decode_any_frame()
    }

    fn declared_frame_count(&self) -> Option<u64> {
        self.declared_frames
    }

    fn tracks(&self) -> &Tracks {
        self.items.tracks()
    }

    fn lost(&self) -> Vec<Lost> {
        self.lost.clone()
    }

    fn last_duration(&self) -> Option<u64> {
        self.last_duration
    }

    fn take_subtitles(&mut self) -> Vec<SubtitlePacket> {
        std::mem::take(&mut self.subtitles)
    }

    fn take_audio(&mut self) -> Vec<AudioPacket> {
        std::mem::take(&mut self.audio)
    }
}

/// What belongs to a photo, where it is read as a clip of one frame.
fn lost_of_clip(photo: &PhotoPacket) -> Vec<Lost> {
    let tags = &photo.tags;
    let kinds = [("alpha", &photo.alpha), ("profile", &tags.icc), ("exif", &tags.exif), ("xmp", &tags.xmp)];
    let kept = kinds.into_iter().filter(|(_, bytes)| !bytes.is_empty());
    kept.map(|(what, _)| Lost::new(what, "a clip has no place for what a photo has; .png has")).collect()
}

/// Frames of a `.nvc` file by its table of scenes; none where that cannot be read, and of other files.
fn declared_frames(path: &Path, settings: &DecoderSettings) -> Option<u64> {
    // A pipe is read once.
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let input = BufReader::new(File::open(path).ok()?);
    let reader = SceneReader::open(input, settings.limits.clone()).ok()?;
    Some(reader.table().frame_count())
}
