//! What an encoder handle goes through: settings, an open clip, its end, or a failure.

use std::ops::ControlFlow;

use neural_codec::bitstream::{AudioPacket, AudioTrack, check_tracks};
use neural_codec::encoder::EncodingAgent;
use neural_codec::frame::{Frame, VideoInfo};
use neural_codec::progress::{CancelToken, Progress};
use neural_codec::{Error, Result};

use crate::log::Logger;
use crate::options::Options;
use crate::progress::Listener;
use crate::status::{NCODEC_AGAIN, NCODEC_END, NCODEC_OK};

/// Everything behind an encoder handle.
pub(crate) struct EncoderState {
    options: Options,
    audio_tracks: Vec<AudioTrack>,
    cancel: CancelToken,
    listener: Listener,
    logger: Logger,
    /// Whether the end was is_reported to the logger.
    is_reported: bool,
    stage: Stage,
    /// What the caller reads until its next call.
    packet: Vec<u8>,
}

enum Stage {
    Setting,
    Open {
        agent: Box<EncodingAgent>,
        info: VideoInfo,
    },
    /// Why nothing but the close is left.
    Failed(String),
}

impl EncoderState {
    pub(super) fn new(cancel: CancelToken) -> Self {
        Self {
            options: Options::default(),
            audio_tracks: Vec::new(),
            cancel,
            listener: Listener::new(None, std::ptr::null_mut()),
            logger: Logger::SILENT,
            is_reported: false,
            stage: Stage::Setting,
            packet: Vec::new(),
        }
    }

    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<i32> {
        self.expect_setting("ncodec_encoder_set")?;
        self.options.set(key, value)?;
        Ok(NCODEC_OK)
    }

    pub(super) fn set_progress(&mut self, listener: Listener) -> Result<i32> {
        self.listener = listener;
        Ok(NCODEC_OK)
    }

    pub(super) fn set_logger(&mut self, logger: Logger) -> Result<i32> {
        self.logger = logger;
        Ok(NCODEC_OK)
    }

    pub(super) fn add_audio_track(&mut self, track: AudioTrack) -> Result<i32> {
        self.expect_setting("ncodec_encoder_add_audio_track")?;
        let mut tracks = self.audio_tracks.clone();
        tracks.push(track);
        check_tracks(&tracks)?;
        self.audio_tracks = tracks;
        Ok(NCODEC_OK)
    }

    pub(super) fn open(&mut self, info: VideoInfo) -> Result<i32> {
        self.expect_setting("ncodec_encoder_open")?;
        self.cancel.check()?;
        let mut agent = EncodingAgent::new(info, &self.options.settings)?
            .with_cancel(self.cancel.clone())
            .with_audio(self.audio_tracks.clone())?;
        if let Some(scenes) = self.options.scenes.clone() {
            agent = agent.with_scenes(scenes)?;
        }
        self.stage = Stage::Open { agent: Box::new(agent), info };
        Ok(NCODEC_OK)
    }

    /// The clip that is open.
    pub(super) fn info(&self, call: &'static str) -> Result<&VideoInfo> {
        match &self.stage {
            Stage::Open { info, .. } => Ok(info),
            stage => Err(stage.not_open(call)),
        }
    }

    pub(super) fn send_frame(&mut self, frame: Frame) -> Result<i32> {
        let mut on_progress = self.on_progress();
        self.work("ncodec_encoder_send_frame", |agent| {
            agent.send_frame(frame)?;
            if on_progress(agent.progress()).is_break() { Err(Error::Cancelled) } else { Ok(()) }
        })?;
        Ok(NCODEC_OK)
    }

    pub(super) fn send_audio(&mut self, packet: AudioPacket) -> Result<i32> {
        self.work("ncodec_encoder_send_audio", |agent| agent.send_audio(packet))?;
        Ok(NCODEC_OK)
    }

    pub(super) fn finish(&mut self) -> Result<i32> {
        self.work("ncodec_encoder_finish", EncodingAgent::finish)?;
        Ok(NCODEC_OK)
    }

    pub(super) fn receive(&mut self) -> Result<i32> {
        let on_progress = self.on_progress();
        let (packet, ended) = self.work("ncodec_encoder_receive", |agent| {
            let packet = agent.wait_packet(on_progress)?;
            Ok((packet, agent.report().is_some()))
        })?;
        match packet {
            Some(packet) => {
                self.packet = packet;
                Ok(NCODEC_OK)
            }
            None if ended => {
                self.report_end();
                Ok(NCODEC_END)
            }
            None => Ok(NCODEC_AGAIN),
        }
    }

    /// Reports the whole encode to the logger, once.
    fn report_end(&mut self) {
        if let Stage::Open { agent, .. } = &self.stage
            && let Some(report) = agent.report()
            && !std::mem::replace(&mut self.is_reported, true)
        {
            self.logger.log_report(report);
        }
    }

    /// The bytes that the last [`receive`](Self::receive) found.
    pub(super) fn packet(&self) -> &[u8] {
        &self.packet
    }

    pub(super) fn report(&self) -> Result<String> {
        const CALL: &str = "ncodec_encoder_report";
        match &self.stage {
            Stage::Open { agent, .. } => agent.report().map(|report| report.to_json()).ok_or_else(|| {
                Error::WrongOrder { call: CALL, reason: "the end of the stream was not received yet".into() }
            }),
            stage => Err(stage.not_open(CALL)),
        }
    }

    /// Reports to the caller how far the work is; a caller that says so cancels it.
    fn on_progress(&self) -> impl FnMut(Progress) -> ControlFlow<()> + use<> {
        let (listener, cancel) = (self.listener, self.cancel.clone());
        move |progress| {
            if listener.report(progress).is_break() {
                cancel.cancel();
            }
            if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }

    /// Lets the agent work. An error that may have left it half done ends it.
    fn work<T>(
        &mut self,
        call: &'static str,
        work: impl FnOnce(&mut EncodingAgent) -> Result<T>,
    ) -> Result<T> {
        self.cancel.check()?;
        let Stage::Open { agent, .. } = &mut self.stage else {
            return Err(self.stage.not_open(call));
        };
        let result = work(agent);
        match &result {
            Ok(_) | Err(Error::InvalidArgument { .. } | Error::WrongOrder { .. } | Error::Cancelled) => {}
            Err(error) => self.stage = Stage::Failed(error.to_string()),
        }
        result
    }

    fn expect_setting(&self, call: &'static str) -> Result<()> {
        match &self.stage {
            Stage::Setting => Ok(()),
            Stage::Open { .. } => Err(Error::WrongOrder { call, reason: "the encoder is open".into() }),
            stage => Err(stage.not_open(call)),
        }
    }
}

impl Stage {
    fn not_open(&self, call: &'static str) -> Error {
        let reason = match self {
            Self::Failed(error) => format!("the encoder stopped after an error: {error}"),
            _ => "call ncodec_encoder_open first".into(),
        };
        Error::WrongOrder { call, reason }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_encoder_may_move_between_threads() {
        fn moves<T: Send>() {}
        moves::<super::EncoderState>();
    }
}
