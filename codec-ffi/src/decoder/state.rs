//! What a decoder handle holds: settings until the first bytes, then a decoding agent and its last frame.

use std::collections::VecDeque;

use neural_codec::bitstream::AudioPacket;
use neural_codec::decoder::{DecoderSettings, DecodingAgent, Received};
use neural_codec::frame::{Frame, VideoInfo};
use neural_codec::{Error, Result};

use crate::audio::ReadableTrack;
use crate::status::{NCODEC_AGAIN, NCODEC_END, NCODEC_OK};

/// Everything behind a decoder handle.
#[derive(Default)]
pub(crate) struct DecoderState {
    settings: DecoderSettings,
    agent: Option<DecodingAgent>,
    frame: Option<Frame>,
    tracks: Option<Vec<ReadableTrack>>,
    audio: VecDeque<AudioPacket>,
    /// What the caller reads until its next call.
    packet: Option<AudioPacket>,
}

impl DecoderState {
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<i32> {
        if self.agent.is_some() {
            let reason = "the first bytes were sent".into();
            return Err(Error::WrongOrder { call: "ncodec_decoder_set", reason });
        }
        self.settings.set(key, value)?;
        Ok(NCODEC_OK)
    }

    pub(super) fn send_data(&mut self, bytes: &[u8]) -> Result<i32> {
        Ok(if self.agent()?.send_data(bytes)? { NCODEC_OK } else { NCODEC_AGAIN })
    }

    pub(super) fn finish(&mut self) -> Result<i32> {
        self.agent()?.finish()?;
        Ok(NCODEC_OK)
    }

    pub(super) fn receive_frame(&mut self) -> Result<i32> {
        self.frame = None;
        // Without an agent nothing was sent yet, and settings may still change.
        let Some(agent) = &mut self.agent else { return Ok(NCODEC_AGAIN) };
        Ok(match agent.receive_frame()? {
            Received::Frame(frame) => {
                self.frame = Some(frame);
                NCODEC_OK
            }
            Received::NeedsData => NCODEC_AGAIN,
            Received::End => NCODEC_END,
        })
    }

    /// The frame that was received last.
    pub(super) fn frame(&self) -> Result<&Frame> {
        self.frame.as_ref().ok_or_else(|| Error::WrongOrder {
            call: "ncodec_decoder_copy_frame",
            reason: "call ncodec_decoder_receive_frame first".into(),
        })
    }

    pub(super) fn video_info(&self) -> Option<VideoInfo> {
        Some(self.agent.as_ref()?.header()?.info)
    }

    /// The stream's audio tracks, once its header is known.
    pub(super) fn audio_tracks(&mut self) -> Result<Option<&[ReadableTrack]>> {
        if self.tracks.is_none()
            && let Some(header) = self.agent.as_ref().and_then(DecodingAgent::header)
        {
            let tracks = header.audio_tracks.into_iter().map(ReadableTrack::new);
            self.tracks = Some(tracks.collect::<Result<_>>()?);
        }
        Ok(self.tracks.as_deref())
    }

    pub(super) fn receive_audio(&mut self) -> Option<&AudioPacket> {
        if self.audio.is_empty() {
            self.audio.extend(self.agent.as_mut()?.take_audio());
        }
        self.packet = self.audio.pop_front();
        self.packet.as_ref()
    }

    /// The agent, started with the settings at its first use.
    fn agent(&mut self) -> Result<&mut DecodingAgent> {
        let agent = match self.agent.take() {
            Some(agent) => agent,
            None => DecodingAgent::new(self.settings.clone())?,
        };
        Ok(self.agent.insert(agent))
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
