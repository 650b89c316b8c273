//! What a decoder handle holds: settings until the stream begins, then what decodes it, and its last frame.

use std::collections::VecDeque;
use std::path::Path;

use neural_codec::bitstream::{AudioPacket, StreamHeader};
use neural_codec::decoder::{DecoderSettings, DecodingAgent, OnDamage, ReadSeek, Received, SeekingDecoder};
use neural_codec::frame::{Frame, VideoInfo};
use neural_codec::{Error, Result};

use crate::audio::ReadableTrack;
use crate::status::{NCODEC_AGAIN, NCODEC_END, NCODEC_OK};

/// Everything behind a decoder handle.
#[derive(Default)]
pub(crate) struct DecoderState {
    settings: DecoderSettings,
    input: Input,
    frame: Option<Frame>,
    tracks: Option<Vec<ReadableTrack>>,
    audio: VecDeque<AudioPacket>,
    /// What the caller reads until its next call.
    packet: Option<AudioPacket>,
}

/// Where the stream comes from; settings may change until it does.
#[derive(Default)]
enum Input {
    #[default]
    None,
    Pushed(DecodingAgent),
    File(Box<SeekingDecoder<Box<dyn ReadSeek>>>),
    /// The file's decoding ended by an error; a seek continues it.
    Ended(Box<SeekingDecoder<Box<dyn ReadSeek>>>),
}

impl DecoderState {
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<i32> {
        if !matches!(self.input, Input::None) {
            let reason = "the stream was begun".into();
            return Err(Error::WrongOrder { call: "ncodec_decoder_set", reason });
        }
        self.settings.set(key, value)?;
        Ok(NCODEC_OK)
    }

    pub(super) fn send_data(&mut self, bytes: &[u8]) -> Result<i32> {
        Ok(if self.agent("ncodec_decoder_send_data")?.send_data(bytes)? { NCODEC_OK } else { NCODEC_AGAIN })
    }

    pub(super) fn finish(&mut self) -> Result<i32> {
        self.agent("ncodec_decoder_finish")?.finish()?;
        Ok(NCODEC_OK)
    }

    pub(super) fn open_file(&mut self, path: &Path) -> Result<i32> {
        if !matches!(self.input, Input::None) {
            let reason = "the stream was begun".into();
            return Err(Error::WrongOrder { call: "ncodec_decoder_open_file", reason });
        }
        let decoder = SeekingDecoder::open_file(path, self.settings.clone())?;
        self.input = Input::File(Box::new(decoder));
        Ok(NCODEC_OK)
    }

    /// The file that was opened.
    pub(super) fn file(&mut self, call: &'static str) -> Result<&mut SeekingDecoder<Box<dyn ReadSeek>>> {
        match &mut self.input {
            Input::File(decoder) | Input::Ended(decoder) => Ok(decoder),
            _ => Err(Error::WrongOrder { call, reason: "call ncodec_decoder_open_file first".into() }),
        }
    }

    pub(super) fn seek(&mut self, frame: u64) -> Result<i32> {
        self.file("ncodec_decoder_seek")?.seek(frame)?;
        self.frame = None;
        self.input = match std::mem::take(&mut self.input) {
            Input::Ended(decoder) => Input::File(decoder),
            input => input,
        };
        Ok(NCODEC_OK)
    }

    pub(super) fn receive_frame(&mut self) -> Result<i32> {
        self.frame = None;
        let received = match &mut self.input {
            // Nothing was sent yet, and settings may still change.
            Input::None => Received::NeedsData,
            Input::Pushed(agent) => agent.receive_frame()?,
            Input::File(_) => self.receive_from_file()?,
            Input::Ended(_) => Received::End,
        };
        Ok(match received {
            Received::Frame(frame) => {
                self.frame = Some(frame.into_host()?);
                NCODEC_OK
            }
            Received::NeedsData => NCODEC_AGAIN,
            Received::End => NCODEC_END,
        })
    }

    /// As an agent does it: an error ends the stream, or is told once and costs its scene.
    fn receive_from_file(&mut self) -> Result<Received> {
        let skips = self.settings.on_damage == OnDamage::SkipScene;
        let decoder = self.file("ncodec_decoder_receive_frame")?;
        match decoder.decode_frame() {
            Ok(frame) => Ok(frame.map_or(Received::End, |frame| Received::Frame(frame.into()))),
            Err(error) if skips => {
                decoder.seek(decoder.scene_end(decoder.position()))?;
                Err(error)
            }
            Err(error) => {
                if let Input::File(decoder) = std::mem::take(&mut self.input) {
                    self.input = Input::Ended(decoder);
                }
                Err(error)
            }
        }
    }

    /// The frame that was received last.
    pub(super) fn frame(&self, call: &'static str) -> Result<&Frame> {
        let reason = "call ncodec_decoder_receive_frame first";
        self.frame.as_ref().ok_or_else(|| Error::WrongOrder { call, reason: reason.into() })
    }

    /// Whether that frame may still turn out to be wrong.
    pub(super) fn is_provisional(&self) -> Result<bool> {
        self.frame("ncodec_decoder_is_provisional")?;
        Ok(matches!(&self.input, Input::Pushed(agent) if agent.is_provisional()))
    }

    pub(super) fn video_info(&self) -> Option<VideoInfo> {
        Some(self.header()?.info)
    }

    fn header(&self) -> Option<StreamHeader> {
        match &self.input {
            Input::None => None,
            Input::Pushed(agent) => agent.header(),
            Input::File(decoder) | Input::Ended(decoder) => Some(decoder.header().clone()),
        }
    }

    /// The stream's audio tracks, once its header is known.
    pub(super) fn audio_tracks(&mut self) -> Result<Option<&[ReadableTrack]>> {
        if self.tracks.is_none()
            && let Some(header) = self.header()
        {
            let tracks = header.audio_tracks.into_iter().map(ReadableTrack::new);
            self.tracks = Some(tracks.collect::<Result<_>>()?);
        }
        Ok(self.tracks.as_deref())
    }

    pub(super) fn receive_audio(&mut self) -> Option<&AudioPacket> {
        if self.audio.is_empty()
            && let Input::Pushed(agent) = &mut self.input
        {
            self.audio.extend(agent.take_audio());
        }
        self.packet = self.audio.pop_front();
        self.packet.as_ref()
    }

    /// The agent, started with the settings at its first use.
    fn agent(&mut self, call: &'static str) -> Result<&mut DecodingAgent> {
        if matches!(self.input, Input::None) {
            self.input = Input::Pushed(DecodingAgent::new(self.settings.clone())?);
        }
        match &mut self.input {
            Input::Pushed(agent) => Ok(agent),
            _ => Err(Error::WrongOrder { call, reason: "the decoder reads a file by itself".into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_decoder_may_move_between_threads() {
        fn moves<T: Send>() {}
        moves::<super::DecoderState>();
    }
}
