//! What is decoded, whatever holds it: scenes and packets of other tracks, out of a stream or an ordinary video file.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::Path;

#[cfg(feature = "ffmpeg")]
use super::file_scenes::FileScenes;
use super::item::{FoundScene, Item};
use super::photo::header_of;
use super::settings::DecoderSettings;
use super::unit_feed::UnitInput;
use crate::bitstream::{EarlyItem, PacketReader, PhotoPacket, SIGNATURE, StreamHeader, StreamItem, Tracks};
use crate::error::{Error, Result};

/// Bytes of any input.
pub(super) type AnyInput = Box<dyn Read + Send>;

/// A stream or a file, read from front to back.
pub(super) enum Items<R> {
    Stream(Box<PacketReader<R>>),
    #[cfg(feature = "ffmpeg")]
    File(Box<FileScenes>),
    Photo {
        header: Box<StreamHeader>,
        photo: Option<Box<PhotoPacket>>,
        bytes: u64,
    },
}

impl Items<AnyInput> {
    /// Finds out what the input is.
    pub(super) fn open(mut input: impl Read + Send + 'static, settings: &DecoderSettings) -> Result<Self> {
        let mut head = Vec::new();
        input.by_ref().take(PhotoPacket::HEAD_BYTES as u64).read_to_end(&mut head)?;
        let is_stream = head.starts_with(&SIGNATURE);
        let whole: AnyInput = Box::new(Cursor::new(head.clone()).chain(input));
        if PhotoPacket::begins(&head) {
            return Self::photo(whole, settings);
        }
        if is_stream || !begins_like_a_file(&head) {
            return Ok(Self::Stream(Box::new(PacketReader::new(whole, settings.limits.clone())?)));
        }
        #[cfg(feature = "ffmpeg")]
        return Ok(Self::File(Box::new(FileScenes::streamed(whole, settings.limits.clone())?)));
        #[cfg(not(feature = "ffmpeg"))]
        Err(no_files())
    }
}

impl<R> Items<R> {
    /// A photo, read to its end.
    pub(super) fn photo(mut input: impl Read, settings: &DecoderSettings) -> Result<Self> {
        let mut counted = Counted { input: &mut input, bytes: 0 };
        let photo = PhotoPacket::read_file(&mut counted, &settings.limits)?;
        let (header, bytes) = (Box::new(header_of(&photo)), counted.bytes);
        Ok(Self::Photo { header, photo: Some(Box::new(photo)), bytes })
    }

    /// The same where it is a clip.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a photo.
    #[cfg(feature = "ffmpeg")]
    pub(super) fn expect_clip(self) -> Result<Self> {
        match self {
            Self::Photo { .. } => Err(Error::Unsupported {
                what: "a photo in a video file".into(),
                remedy: "decode it into .png or .tiff, or encode its source into .avif".into(),
            }),
            clip => Ok(clip),
        }
    }
}

/// Counts what is read.
struct Counted<R> {
    input: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.bytes += count as u64;
        Ok(count)
    }
}

impl Items<AnyInput> {
    /// Opens a file, a stream or another.
    pub(super) fn open_file(path: &Path, settings: &DecoderSettings) -> Result<Self> {
        let failed = |source| Error::io(path, source);
        let mut file = File::open(path).map_err(failed)?;
        let mut head = Vec::new();
        file.by_ref().take(PhotoPacket::HEAD_BYTES as u64).read_to_end(&mut head).map_err(failed)?;
        #[cfg(feature = "ffmpeg")]
        if begins_like_a_file(&head) {
            return Ok(Self::File(Box::new(FileScenes::open(path, settings)?)));
        }
        let is_photo = PhotoPacket::begins(&head);
        let whole: AnyInput = Box::new(BufReader::new(Cursor::new(head).chain(file)));
        if is_photo {
            return Self::photo(whole, settings);
        }
        Ok(Self::Stream(Box::new(PacketReader::new(whole, settings.limits.clone())?)))
    }
}

/// Whether the first bytes may be those of a container with AV1: Matroska, MP4, IVF, or OBUs.
pub(super) fn begins_like_a_file(head: &[u8]) -> bool {
    head.starts_with(b"\x1A\x45\xDF\xA3")
        || head.get(4..8).is_some_and(|kind| matches!(kind, b"ftyp" | b"styp" | b"moov" | b"free" | b"mdat"))
        || head.starts_with(b"DKIF")
        || head.starts_with(b"\x12\x00\x0A")
}

#[cfg(not(feature = "ffmpeg"))]
pub(super) fn no_files() -> Error {
    Error::Unsupported {
        what: "video files other than .nvc".into(),
        remedy: "build with the cargo feature `ffmpeg`".into(),
    }
}

impl<R: Read> Items<R> {
    /// What holds for all of it.
    pub(super) fn header(&self) -> &StreamHeader {
        match self {
            Self::Stream(reader) => reader.header(),
            #[cfg(feature = "ffmpeg")]
            Self::File(scenes) => scenes.header(),
            Self::Photo { header, .. } => header,
        }
    }

    /// What there is beside the pictures.
    pub(super) fn tracks(&self) -> &Tracks {
        match self {
            Self::Stream(reader) => reader.tracks(),
            #[cfg(feature = "ffmpeg")]
            Self::File(scenes) => scenes.tracks(),
            Self::Photo { .. } => const { &Tracks::NONE },
        }
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> u64 {
        match self {
            Self::Stream(reader) => reader.position(),
            #[cfg(feature = "ffmpeg")]
            Self::File(scenes) => scenes.position(),
            Self::Photo { bytes, .. } => *bytes,
        }
    }

    /// What a person should know, met since the last call.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        match self {
            Self::Stream(_) | Self::Photo { .. } => Vec::new(),
            #[cfg(feature = "ffmpeg")]
            Self::File(scenes) => scenes.take_notes(),
        }
    }

    /// The next item, `None` at the end.
    pub(super) fn next_item(&mut self) -> Result<Option<Item>> {
        match self {
            Self::Stream(reader) => Ok(reader.next_item()?.map(whole)),
            #[cfg(feature = "ffmpeg")]
            Self::File(scenes) => scenes.next_item(),
            Self::Photo { photo, .. } => Ok(photo.take().map(Item::Photo)),
        }
    }

    /// As [`next_item`](Self::next_item), but scenes of a stream as soon as they begin, where its version allows that.
    pub(super) fn next_early_item(&mut self) -> Result<Option<Item>> {
        let Self::Stream(reader) = self else { return self.next_item() };
        Ok(reader.next_early_item()?.map(|item| match item {
            EarlyItem::Whole(item) => whole(item),
            EarlyItem::Opened(head) => Item::Scene(Box::new(FoundScene::opened(*head))),
        }))
    }

    /// After an error: steps to what is intact; false if there is nothing.
    pub(super) fn resync(&mut self) -> Result<bool> {
        match self {
            Self::Stream(reader) => reader.resync(),
            #[cfg(feature = "ffmpeg")]
            Self::File(scenes) => Ok(scenes.resync()),
            Self::Photo { .. } => Ok(false),
        }
    }
}

fn whole(item: StreamItem) -> Item {
    match item {
        StreamItem::Scene(scene) => Item::Scene(Box::new(FoundScene::whole(scene))),
        StreamItem::Audio(packet) => Item::Audio(packet),
        StreamItem::Subtitle(packet) => Item::Subtitle(packet),
        StreamItem::LastDuration(duration) => Item::LastDuration(duration),
    }
}

/// The units of the scene of a stream that is open.
pub(super) struct OpenUnits<'a, R> {
    pub(super) items: &'a mut Items<R>,
    /// Bytes that the source gives at once.
    pub(super) waiting: u64,
}

impl<R: Read> UnitInput for OpenUnits<'_, R> {
    fn next_unit(&mut self) -> Result<Option<Vec<u8>>> {
        match self.items {
            Items::Stream(reader) => reader.next_unit(),
            _ => Ok(None),
        }
    }

    fn is_at_hand(&self) -> bool {
        match &*self.items {
            Items::Stream(reader) => reader.unit_is_at_hand(self.waiting),
            _ => true,
        }
    }
}
