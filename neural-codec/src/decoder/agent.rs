//! The decoding agent: bytes in, frames out, for callers who push.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::settings::DecoderSettings;
use super::stream::StreamDecoder;
use crate::bitstream::{AudioPacket, StreamHeader};
use crate::error::{Error, Result};
use crate::frame::AnyFrame;
use crate::media::FrameSource;
use crate::process;

/// Bytes that may wait for the decoder while frames wait for the caller.
const WAITING_BYTES: usize = 16 << 20;

/// Bytes of sound that may wait for a caller who may not want any.
const WAITING_AUDIO_BYTES: usize = 16 << 20;

/// Decoded frames that may wait for the caller.
const WAITING_FRAMES: usize = 4;

/// What a call to [`DecodingAgent::receive_frame`] found.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "made once a frame, and matched at once")]
pub enum Received {
    /// The next frame, on the host unless the settings want it GPU-resident.
    Frame(AnyFrame),
    /// More bytes are needed first.
    NeedsData,
    /// The stream has ended; every frame was received.
    End,
}

/// Decodes bytes that the caller pushes, in pieces of any size.
///
/// ```
/// # use neural_codec::decoder::{DecoderSettings, DecodingAgent, Received};
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
/// # let mut pieces = stream.chunks(1000);
/// # let mut shown = 0;
/// let mut agent = DecodingAgent::new(DecoderSettings::default())?;
/// let mut piece = pieces.next();
/// loop {
///     match agent.receive_frame()? {
///         Received::Frame(frame) => shown += 1,
///         Received::NeedsData => match piece {
///             Some(bytes) if !agent.send_data(bytes)? => {} // receive first, then send again
///             Some(_) => piece = pieces.next(),
///             None => agent.finish()?,
///         },
///         Received::End => break,
///     }
/// }
/// # assert_eq!(shown, 5);
/// # Ok::<(), neural_codec::Error>(())
/// ```
pub struct DecodingAgent {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Whether the frame that was received last is provisional.
    is_provisional: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    input: VecDeque<u8>,
    /// No more bytes will come.
    finished: bool,
    /// The decoder waits for bytes.
    starving: bool,
    header: Option<StreamHeader>,
    /// Frames, and whether each is provisional.
    frames: VecDeque<Result<(AnyFrame, bool)>>,
    audio: VecDeque<AudioPacket>,
    /// Bytes of their payloads.
    audio_bytes: usize,
    /// The decoder has ended.
    ended: bool,
    /// The agent is being dropped.
    closed: bool,
}

impl State {
    /// Keeps packets until they are taken, as far as there is room: the oldest go first.
    fn take_audio(&mut self, packets: Vec<AudioPacket>) {
        self.audio_bytes += packets.iter().map(bytes_of).sum::<usize>();
        self.audio.extend(packets);
        while self.audio_bytes > WAITING_AUDIO_BYTES
            && let Some(packet) = self.audio.pop_front()
        {
            self.audio_bytes -= bytes_of(&packet);
        }
    }
}

/// About what a packet takes in memory.
fn bytes_of(packet: &AudioPacket) -> usize {
    size_of::<AudioPacket>() + packet.data.len()
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

impl DecodingAgent {
    /// An agent that waits for its first bytes.
    ///
    /// # Errors
    ///
    /// `OutOfMemory` when the system refuses a thread.
    pub fn new(settings: DecoderSettings) -> Result<Self> {
        process::check("new")?;
        let shared = Arc::new(Shared::default());
        let worker = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("neural-codec decoder".into())
            .spawn(move || run(&worker, settings))
            .map_err(Error::no_thread)?;
        Ok(Self { shared, thread: Some(thread), is_provisional: false })
    }

    /// Takes bytes in. Returns false, and takes none, while enough bytes and frames wait: receive first.
    ///
    /// # Errors
    ///
    /// `WrongOrder` after [`finish`](Self::finish); `OutOfMemory`, with nothing taken.
    pub fn send_data(&mut self, bytes: &[u8]) -> Result<bool> {
        process::check("send_data")?;
        let mut state = self.shared.lock();
        if state.finished {
            return Err(Error::WrongOrder { call: "send_data", reason: "the stream was finished".into() });
        }
        if state.input.len() >= WAITING_BYTES && !state.frames.is_empty() {
            return Ok(false);
        }
        if !state.ended {
            let room = state.input.try_reserve(bytes.len());
            room.map_err(|_| Error::OutOfMemory { what: "bytes of the stream", bytes: bytes.len() as u64 })?;
            state.input.extend(bytes);
            state.starving = false;
        }
        self.shared.changed.notify_all();
        Ok(true)
    }

    /// Says that no more bytes will come.
    ///
    /// # Errors
    ///
    /// `WrongOrder` when called twice.
    pub fn finish(&mut self) -> Result<()> {
        process::check("finish")?;
        let mut state = self.shared.lock();
        if state.finished {
            return Err(Error::WrongOrder { call: "finish", reason: "the stream was finished".into() });
        }
        state.finished = true;
        state.starving = false;
        self.shared.changed.notify_all();
        Ok(())
    }

    /// The next frame, as soon as the bytes that it needs were sent; waits while the decoder is at work on them.
    ///
    /// # Errors
    ///
    /// As [`StreamDecoder::decode_frame`].
    pub fn receive_frame(&mut self) -> Result<Received> {
        process::check("receive_frame")?;
        let mut state = self.shared.lock();
        loop {
            if let Some(frame) = state.frames.pop_front() {
                self.shared.changed.notify_all();
                let (frame, is_provisional) = frame?;
                self.is_provisional = is_provisional;
                return Ok(Received::Frame(frame));
            }
            if state.ended {
                return Ok(Received::End);
            }
            if state.starving {
                return Ok(Received::NeedsData);
            }
            state = self.shared.wait(state);
        }
    }

    /// Whether the frame that was received last may still turn out to be wrong: it was given before the checksum of its scene had come
    /// and before the hash of its group of [`FRAMES_PER_HASH`](crate::bitstream::FRAMES_PER_HASH) frames could be compared.
    ///
    /// The next frame that is not provisional, which is the last of its group, says that those before it are right; an error in its
    /// place says that the provisional ones since the last such frame are not to be relied on. Never true for streams before
    /// version 1.3, for video files, and with [`DecoderSettings::whole_scenes`].
    pub fn is_provisional(&self) -> bool {
        self.is_provisional
    }

    /// The stream's header, once its bytes were sent and a frame was asked for.
    ///
    /// None in a forked child.
    pub fn header(&self) -> Option<StreamHeader> {
        if process::is_forked() {
            return None;
        }
        self.shared.lock().header.clone()
    }

    /// Audio packets met since the last call; none in a forked child. Where nobody takes them, the last 16 MiB are kept.
    pub fn take_audio(&mut self) -> Vec<AudioPacket> {
        if process::is_forked() {
            return Vec::new();
        }
        let mut state = self.shared.lock();
        state.audio_bytes = 0;
        std::mem::take(&mut state.audio).into()
    }
}

impl Drop for DecodingAgent {
    fn drop(&mut self) {
        if process::is_forked() {
            // The thread is the parent's, and its lock may be held for ever.
            std::mem::forget((Arc::clone(&self.shared), self.thread.take()));
            return;
        }
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // The thread catches its panics; there is nothing to report from a drop.
            let _ = thread.join();
        }
    }
}

fn run(shared: &Arc<Shared>, settings: DecoderSettings) {
    let work = std::panic::AssertUnwindSafe(|| decode_all(shared, settings));
    if std::panic::catch_unwind(work).is_err() {
        shared.lock().frames.push_back(Err(Error::internal("decoder thread", "panic")));
    }
    shared.lock().ended = true;
    shared.changed.notify_all();
}

fn decode_all(shared: &Arc<Shared>, settings: DecoderSettings) {
    let waits_for_scenes = settings.whole_scenes;
    let mut decoder = match StreamDecoder::open(Input(Arc::clone(shared)), settings) {
        Ok(decoder) => decoder,
        Err(error) => return shared.lock().frames.push_back(Err(error)),
    };
    if !waits_for_scenes {
        let input = Arc::clone(shared);
        decoder = decoder.early(Box::new(move || input.lock().input.len() as u64));
    }
    shared.lock().header = Some(decoder.header().clone());
    loop {
        let next = decoder.decode_any_frame().transpose();
        let audio = decoder.take_audio();
        // Nobody can ask for them.
        decoder.take_subtitles();
        let mut state = shared.lock();
        state.take_audio(audio);
        let Some(next) = next else { return };
        while state.frames.len() >= WAITING_FRAMES && !state.closed {
            state = shared.wait(state);
        }
        if state.closed {
            return;
        }
        state.frames.push_back(next.map(|frame| (frame, decoder.is_provisional())));
        shared.changed.notify_all();
    }
}

/// The bytes that were pushed, as a reader that waits for more.
struct Input(Arc<Shared>);

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        while state.input.is_empty() && !state.finished && !state.closed {
            state.starving = true;
            self.0.changed.notify_all();
            state = self.0.wait(state);
        }
        if state.closed {
            return Ok(0);
        }
        state.input.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitstream::Trim;

    #[test]
    fn sound_that_nobody_takes_does_not_pile_up() {
        let mut state = State::default();
        for timestamp in 0..100 {
            let data = vec![0; 1 << 20];
            let trim = Trim::default();
            state.take_audio(vec![AudioPacket { track: 0, timestamp, duration: 1, trim, data }]);
        }
        let times: Vec<i64> = state.audio.iter().map(|packet| packet.timestamp).collect();
        assert_eq!(times, (85..100).collect::<Vec<_>>());
        assert_eq!(state.audio_bytes, state.audio.iter().map(bytes_of).sum::<usize>());
    }
}
