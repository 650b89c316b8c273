//! Frames in any order, from a stream that can seek.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

#[cfg(feature = "ffmpeg")]
use super::file_scenes::FileScenes;
use super::item::FoundScene;
use super::items::begins_like_a_file;
use super::layer::Decoded;
use super::photo::{decode_photo, header_of};
use super::scene::{SceneDecoder, placed};
use super::settings::DecoderSettings;
use crate::bitstream::{PhotoPacket, SIGNATURE, SceneEntry, SceneReader, SceneTable, StreamHeader};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::frame::{AnyFrame, Frame};
use crate::process;
use crate::simd::InstructionSet;

/// Decodes a whole stream from any frame on.
///
/// A scene decodes by itself, from its first frame; so going to a frame costs the decoding of those before it in its scene,
/// and going on from where it is costs nothing. Audio is read from front to back with
/// [`StreamDecoder`](super::StreamDecoder).
///
/// ```
/// # use neural_codec::decoder::{DecoderSettings, SeekingDecoder};
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
/// let mut decoder = SeekingDecoder::open(std::io::Cursor::new(stream), DecoderSettings::default())?;
/// decoder.seek(3)?;
/// assert_eq!(decoder.decode_frame()?.unwrap().timestamp, 3);
/// # Ok::<(), neural_codec::Error>(())
/// ```
pub struct SeekingDecoder<R> {
    scenes: Scenes<R>,
    settings: DecoderSettings,
    /// The scene that is open and the index in the clip of the frame it gives next.
    open: Option<(SceneDecoder, u64)>,
    /// Where filters run, once there was one.
    device: Option<Device>,
    /// The frame that comes next.
    next: u64,
}

/// Scenes by their number.
enum Scenes<R> {
    Stream(Box<SceneReader<R>>),
    #[cfg(feature = "ffmpeg")]
    File(Box<FileScenes>, SceneTable),
    /// One picture, which is decoded anew each time it is asked for.
    Photo(Box<StreamHeader>, SceneTable, Box<PhotoPacket>),
}

impl<R: Read + Seek> Scenes<R> {
    fn header(&self) -> &StreamHeader {
        match self {
            Self::Stream(reader) => reader.header(),
            #[cfg(feature = "ffmpeg")]
            Self::File(scenes, _) => scenes.header(),
            Self::Photo(header, ..) => header,
        }
    }

    fn table(&self) -> &SceneTable {
        match self {
            Self::Stream(reader) => reader.table(),
            #[cfg(feature = "ffmpeg")]
            Self::File(_, table) => table,
            Self::Photo(_, table, _) => table,
        }
    }

    fn scene(&mut self, index: usize) -> Result<FoundScene> {
        match self {
            Self::Stream(reader) => reader.scene(index).map(FoundScene::whole),
            #[cfg(feature = "ffmpeg")]
            Self::File(scenes, table) => scenes.scene(index, &table.scenes[index]),
            Self::Photo(..) => Err(Error::internal("photo", "it has no scenes")),
        }
    }
}

/// Bytes of any input that can seek.
pub trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

impl SeekingDecoder<Box<dyn ReadSeek>> {
    /// Finds out what the input is: a `.nvc` stream, or an ordinary video file that holds one, which is read once to find its
    /// scenes.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); `Unsupported` for files that hold no AV1.
    pub fn open_any(mut input: impl ReadSeek + 'static, settings: DecoderSettings) -> Result<Self> {
        let mut head = Vec::new();
        input.by_ref().take(SIGNATURE.len() as u64).read_to_end(&mut head)?;
        input.seek(SeekFrom::Start(0))?;
        if !begins_like_a_file(&head) {
            return Self::open(Box::new(input), settings);
        }
        #[cfg(feature = "ffmpeg")]
        {
            let mut scenes = FileScenes::seekable(input, settings.limits.clone())?;
            let table = scenes.scan()?;
            Ok(Self::of(Scenes::File(Box::new(scenes), table), settings))
        }
        #[cfg(not(feature = "ffmpeg"))]
        Err(super::items::no_files())
    }

    /// As [`open_any`](Self::open_any), a file.
    ///
    /// # Errors
    ///
    /// As [`open_any`](Self::open_any), with the file's name.
    pub fn open_file(path: &Path, settings: DecoderSettings) -> Result<Self> {
        let file = File::open(path).map_err(|source| Error::io(path, source))?;
        Self::open_any(BufReader::new(file), settings).map_err(|error| match error {
            Error::Io { path: None, source } => Error::io(path, source),
            other => other,
        })
    }
}

impl<R: Read + Seek> SeekingDecoder<R> {
    /// Reads the header, and the table of scenes at the stream's end.
    ///
    /// # Errors
    ///
    /// As [`SceneReader::open`].
    pub fn open(input: R, settings: DecoderSettings) -> Result<Self> {
        process::check("open")?;
        InstructionSet::named()?;
        let mut input = input;
        let (start, mut head) = (input.stream_position()?, Vec::new());
        input.by_ref().take(PhotoPacket::HEAD_BYTES as u64).read_to_end(&mut head)?;
        input.seek(SeekFrom::Start(start))?;
        if PhotoPacket::begins(&head) {
            let photo = PhotoPacket::read_file(input, &settings.limits)?;
            let entry =
                SceneEntry { offset: 0, bytes: 0, first_frame: 0, frame_count: 1, first_timestamp: 0 };
            let scenes = SceneTable { scenes: vec![entry] };
            return Ok(Self::of(
                Scenes::Photo(Box::new(header_of(&photo)), scenes, Box::new(photo)),
                settings,
            ));
        }
        let reader = SceneReader::open(input, settings.limits.clone())?;
        Ok(Self::of(Scenes::Stream(Box::new(reader)), settings))
    }

    fn of(scenes: Scenes<R>, settings: DecoderSettings) -> Self {
        Self { scenes, settings, open: None, device: None, next: 0 }
    }

    /// What holds for the whole stream.
    pub fn header(&self) -> &StreamHeader {
        self.scenes.header()
    }

    /// Number of frames in the stream.
    pub fn frame_count(&self) -> u64 {
        self.scenes.table().frame_count()
    }

    /// The first frame behind the scene that holds `frame`: the number of frames for the last scene, and past it.
    pub fn scene_end(&self, frame: u64) -> u64 {
        let table = self.scenes.table();
        let entry = table.scene_of_frame(frame).and_then(|scene| table.scenes.get(scene));
        entry.map_or(self.frame_count(), |entry| entry.first_frame + u64::from(entry.frame_count))
    }

    /// Index in the clip of the frame that comes next.
    pub fn position(&self) -> u64 {
        self.next
    }

    /// Goes to a frame, which the next call of [`decode_frame`](Self::decode_frame) gives.
    ///
    /// Nothing is decoded yet. The number of frames itself is the end.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` past that.
    pub fn seek(&mut self, frame: u64) -> Result<()> {
        process::check("seek")?;
        let count = self.frame_count();
        if frame > count {
            return Err(Error::invalid("frame", format!("at most {count}, the number of frames"), frame));
        }
        self.next = frame;
        Ok(())
    }

    /// The frame that comes next, `None` after the last.
    ///
    /// # Errors
    ///
    /// As [`StreamDecoder::decode_frame`](super::StreamDecoder::decode_frame). After one, seek to a frame of
    /// another scene; asked again, the same frame fails again.
    pub fn decode_frame(&mut self) -> Result<Option<Frame>> {
        Ok(self.decode()?.map(|decoded| decoded.frame))
    }

    /// The frame that comes next where it lies, as [`StreamDecoder::decode_any_frame`](super::StreamDecoder::decode_any_frame).
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
        let Some(scene) = self.scenes.table().scene_of_frame(self.next) else { return Ok(None) };
        if let Scenes::Photo(_, _, photo) = &self.scenes {
            let frame = decode_photo(photo, &self.settings)?;
            self.next += 1;
            return Ok(Some(Decoded::on_host(frame)));
        }
        let entry = self.scenes.table().scenes[scene];
        let is_same_run =
            self.open.as_ref().is_some_and(|&(_, at)| at >= entry.first_frame && at <= self.next);
        let (mut decoder, mut at) = match self.open.take().filter(|_| is_same_run) {
            Some(open) => open,
            None => {
                let info = self.scenes.header().info;
                let scene = self.scenes.scene(scene)?;
                (SceneDecoder::new(scene, info, &self.settings, &mut self.device)?, entry.first_frame)
            }
        };
        let end = entry.first_frame + u64::from(entry.frame_count);
        while let Some(decoded) = decoder.next_frame()? {
            at += 1;
            if at > self.next {
                self.next = at;
                // A scene that is through needs its decoder no longer.
                self.open = (at < end).then_some((decoder, at));
                return Ok(Some(decoded));
            }
        }
        Err(Error::internal("scene decoder", format!("scene {scene} ended before frame {}", self.next)))
    }
}
