//! The loop between demuxer and decoder: packets in, frames out, nothing lost in silence.

use ffmpeg_next::codec::decoder::Opened;
use ffmpeg_next::error::EAGAIN;
use ffmpeg_next::format::context::Input;
use ffmpeg_next::{Error as Ffmpeg, Packet, frame};

use super::super::SourceDamage;
use super::audio::AudioReader;
use super::read_error;
use crate::bitstream::AudioPacket;
use crate::error::{Error, Place, Result};

/// Errors between two frames after which a file is given up even where damage is to be kept.
const MOST_FAILURES: u32 = 10_000;

/// A file that is being decoded.
pub(super) struct Decoding {
    // The decoder goes before the file it reads from.
    decoder: Opened,
    input: Input,
    stream: usize,
    audio: AudioReader,
    on_damage: SourceDamage,
    damaged: u64,
    /// Errors since the last frame.
    failures: u32,
    draining: bool,
}

impl Decoding {
    pub(super) fn new(
        input: Input,
        decoder: Opened,
        stream: usize,
        audio: AudioReader,
        on_damage: SourceDamage,
    ) -> Self {
        Self { decoder, input, stream, audio, on_damage, damaged: 0, failures: 0, draining: false }
    }

    pub(super) fn input(&self) -> &Input {
        &self.input
    }

    pub(super) fn audio(&self) -> &AudioReader {
        &self.audio
    }

    pub(super) fn take_audio(&mut self) -> Vec<AudioPacket> {
        self.audio.take()
    }

    /// Errors met and damaged frames kept so far.
    pub(super) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Decodes into `frame`; false after the last. `index` is the frame's number, for errors.
    ///
    /// # Errors
    ///
    /// `Corrupt` or `Truncated` for bytes that do not decode, and for frames that the decoder had to patch up,
    /// unless [`SourceDamage::Keep`] asks for them.
    pub(super) fn next(&mut self, frame: &mut frame::Video, index: u64) -> Result<bool> {
        let place = Place::at_frame(index);
        loop {
            match self.decoder.receive_frame(frame) {
                Ok(()) => {
                    if frame.is_corrupt() || frame.has_decode_errors() {
                        let found = format!("damage ({:?})", frame.decode_error_flags());
                        self.damage(Error::corrupt("frame", "all of its data", found, place))?;
                    }
                    self.failures = 0;
                    return Ok(true);
                }
                Err(Ffmpeg::Other { errno: EAGAIN }) => self.feed(place)?,
                Err(Ffmpeg::Eof) => return Ok(false),
                Err(error) => self.damage(read_error("frame", error, place))?,
            }
        }
    }

    /// Gives the decoder one more packet of its stream, or the end.
    fn feed(&mut self, place: Place) -> Result<()> {
        loop {
            let mut packet = Packet::empty();
            match packet.read(&mut self.input) {
                // A packet without bytes would tell the decoder that the stream ends.
                Ok(()) if packet.size() == 0 => {}
                Ok(()) if packet.stream() == self.stream => {
                    if packet.is_corrupt() {
                        self.damage(Error::corrupt("packet", "all of its bytes", "fewer", place))?;
                    }
                    return match self.decoder.send_packet(&packet) {
                        Ok(()) => Ok(()),
                        Err(error) => self.damage(read_error("frame", error, place)),
                    };
                }
                Ok(()) => self.audio.push(&packet),
                Err(error) => {
                    if error != Ffmpeg::Eof {
                        self.damage(read_error("video file", error, place))?;
                    }
                    return self.drain(place);
                }
            }
        }
    }

    fn drain(&mut self, place: Place) -> Result<()> {
        if std::mem::replace(&mut self.draining, true) {
            return Err(Error::internal("FFmpeg", "the decoder wants more after the end"));
        }
        self.decoder.send_eof().map_err(|error| read_error("frame", error, place))
    }

    /// What to do about damage: the error, or nothing where damaged frames are to be kept.
    fn damage(&mut self, error: Error) -> Result<()> {
        self.damaged += 1;
        self.failures += 1;
        match self.on_damage {
            SourceDamage::Keep if self.failures <= MOST_FAILURES => Ok(()),
            _ => Err(error),
        }
    }
}
