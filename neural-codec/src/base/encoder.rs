//! AV1 encoding of one scene by SVT-AV1, watched: frames in, temporal units out, in display order.
//!
//! SVT-AV1 3.1 and newer stall for good now and then, all their threads waiting for one another
//! (`docs/decisions/0007-stalls.md`). So the instance is driven by a thread of its own, and whoever waits for it
//! notices when nothing moves any more: an error then, and the instance is left behind.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

use super::activity::{Activity, Threads};
use super::config::EncoderConfig;
use super::instance::Instance;
use super::library::Library;
use super::temporal_unit::TemporalUnit;
use crate::error::{Error, Result};
use crate::frame::{Frame, Layout};
use crate::process;

/// The coarsest quantizer of a frame, in whole steps.
pub(crate) const MOST_OF_A_FRAME: u8 = 63;

/// Frames that may wait for the instance to take them.
const WAITING: usize = 2;

/// What the driving thread is told.
enum Command {
    Send(Arc<Frame>, u8),
    /// To be answered once so many units came out; nothing is sent before.
    Wait(u64),
    Finish,
}

/// What it answers.
enum Answer {
    /// A frame was taken.
    Taken,
    Unit(TemporalUnit),
    /// As many units came out as were waited for.
    Waited,
    /// The last unit was given.
    Ended,
    Failed(Error),
    /// The instance is gone.
    Closed,
}

/// When somebody who waits gives up.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// How often to look whether anything moves. Counted in looks rather than seconds, so that a process that
    /// was stopped for a while is not taken for one that stalls.
    tick: Duration,
    /// So many looks in a row without an answer, while the instance does next to nothing.
    idle_ticks: u32,
    /// So many looks in a row without an answer, whatever the instance does.
    most_ticks: u32,
}

/// Half a minute of silence, an hour of work without an answer.
const PATIENCE: Patience = Patience { tick: Duration::from_secs(1), idle_ticks: 30, most_ticks: 3600 };

/// How often to look for a unit of an instance that is not asked to finish.
const LOOK: Duration = Duration::from_millis(1);

/// Frames that an instance may hold, at most, without giving the unit of the first of them: its lookahead, a group of 32 frames and
/// what a group waits for.
pub(crate) const MOST_HELD: u64 = 80;

/// What the thread drives.
trait Engine: Send {
    /// Those that it starts with its first frame.
    fn threads(&self) -> Threads;
    fn send(&mut self, frame: &Frame, quantizer: u8) -> Result<()>;
    fn finish(&mut self) -> Result<()>;
    /// As [`SvtAv1Encoder::receive`].
    fn receive(&mut self) -> Result<Option<TemporalUnit>>;
}

impl Engine for Instance {
    fn threads(&self) -> Threads {
        Self::threads(self)
    }

    fn send(&mut self, frame: &Frame, quantizer: u8) -> Result<()> {
        Self::send(self, frame, quantizer)
    }

    fn finish(&mut self) -> Result<()> {
        Self::finish(self)
    }

    fn receive(&mut self) -> Result<Option<TemporalUnit>> {
        Self::receive(self)
    }
}

/// What may be called next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The end was signalled; units remain.
    Draining,
    Done,
    Failed,
}

/// One instance of SVT-AV1.
///
/// Units come out in display order, which for units is also decoding order: each shows exactly one frame, and
/// hidden frames travel in the unit of the next frame shown. No call waits for another call: `send` waits for the
/// instance to take frames, and `receive` waits only after `finish`. Every call returns `Stalled` where the instance
/// stalls.
#[derive(Debug)]
pub struct SvtAv1Encoder {
    config: EncoderConfig,
    /// None once nothing follows.
    commands: Option<Sender<Command>>,
    answers: Receiver<Answer>,
    /// Of the instance.
    threads: Threads,
    patience: Patience,
    state: State,
    /// Frames that the instance has not taken yet.
    waiting: usize,
    /// Whether a [`Command::Wait`] was not answered yet.
    is_waited_for: bool,
    ready: VecDeque<TemporalUnit>,
    /// Units taken from `ready`.
    received: u64,
}

impl SvtAv1Encoder {
    /// Starts an encoder.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` naming the option that is unknown or out of range,
    /// `OutOfMemory`.
    pub fn new(library: &Arc<Library>, config: &EncoderConfig) -> Result<Self> {
        let instance = Instance::new(library, config)?;
        Self::driving(Box::new(instance), config, PATIENCE)
    }

    fn driving(engine: Box<dyn Engine>, config: &EncoderConfig, patience: Patience) -> Result<Self> {
        let (commands, queue) = channel();
        let (sender, answers) = channel();
        let threads = engine.threads();
        std::thread::Builder::new()
            .name("neural-codec av1".into())
            .spawn(move || drive(engine, &queue, &sender))
            .map_err(Error::no_thread)?;
        Ok(Self {
            config: config.clone(),
            commands: Some(commands),
            answers,
            threads,
            patience,
            state: State::Open,
            waiting: 0,
            is_waited_for: false,
            ready: VecDeque::new(),
            received: 0,
        })
    }

    /// Hands one frame over.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a frame of another size or format, `WrongOrder` after
    /// [`finish`](Self::finish), `Stalled`.
    pub fn send(&mut self, frame: impl Into<Arc<Frame>>) -> Result<()> {
        if self.config.frame_quantizers {
            return Err(Error::WrongOrder { call: "send", reason: "every frame needs a quantizer".into() });
        }
        self.hand_over(frame.into(), 0)
    }

    /// Hands one frame over that is to be coded at this quantizer, a whole step from 0 to 63.
    ///
    /// # Errors
    ///
    /// As of [`send`](Self::send); `InvalidArgument` beyond 63, `WrongOrder` where the configuration does not leave
    /// quantizers to the frames.
    pub fn send_at(&mut self, frame: impl Into<Arc<Frame>>, quantizer: u8) -> Result<()> {
        if !self.config.frame_quantizers {
            let reason = "the configuration leaves no quantizers to the frames".into();
            return Err(Error::WrongOrder { call: "send_at", reason });
        }
        if quantizer > MOST_OF_A_FRAME {
            return Err(Error::invalid("quantizer of a frame", "0 to 63", quantizer));
        }
        self.hand_over(frame.into(), quantizer)
    }

    fn hand_over(&mut self, frame: Arc<Frame>, quantizer: u8) -> Result<()> {
        self.expect_open("send")?;
        self.check_frame(&frame)?;
        while self.waiting >= WAITING {
            self.wait()?;
        }
        self.waiting += 1;
        self.command(Command::Send(frame, quantizer))
    }

    /// Says that no more frames come.
    ///
    /// # Errors
    ///
    /// `WrongOrder` when called twice.
    pub fn finish(&mut self) -> Result<()> {
        self.expect_open("finish")?;
        self.command(Command::Finish)?;
        self.state = State::Draining;
        Ok(())
    }

    /// The next temporal unit. Before [`finish`](Self::finish) `None` means "not yet", afterwards "no more".
    ///
    /// # Errors
    ///
    /// What the instance met, `Stalled`.
    pub fn receive(&mut self) -> Result<Option<TemporalUnit>> {
        while let Ok(answer) = self.answers.try_recv() {
            self.take(answer)?;
        }
        while self.ready.is_empty() && self.state == State::Draining {
            self.wait()?;
        }
        let unit = self.ready.pop_front();
        self.received += u64::from(unit.is_some());
        Ok(unit)
    }

    /// The next temporal unit, waited for although more frames follow: to be called only while the instance holds more than
    /// [`MOST_HELD`] frames.
    ///
    /// # Errors
    ///
    /// As of [`receive`](Self::receive); `WrongOrder` after [`finish`](Self::finish).
    pub(crate) fn receive_early(&mut self) -> Result<TemporalUnit> {
        self.expect_open("receive_early")?;
        if let Some(unit) = self.receive()? {
            return Ok(unit);
        }
        self.is_waited_for = true;
        self.command(Command::Wait(self.received + 1))?;
        while self.is_waited_for {
            self.wait()?;
        }
        self.receive()?.ok_or_else(|| Error::internal("base encoder", "no unit where one was waited for"))
    }

    fn command(&mut self, command: Command) -> Result<()> {
        match self.commands.as_ref().map(|commands| commands.send(command)) {
            Some(Ok(())) => Ok(()),
            // The thread has ended: its last answer says why.
            _ => self.wait(),
        }
    }

    /// Waits for one answer.
    fn wait(&mut self) -> Result<()> {
        match next_answer(&self.answers, &self.patience, &self.threads) {
            Ok(answer) => self.take(answer),
            Err(error) => {
                self.state = State::Failed;
                Err(error)
            }
        }
    }

    fn take(&mut self, answer: Answer) -> Result<()> {
        match answer {
            Answer::Taken => self.waiting = self.waiting.saturating_sub(1),
            Answer::Unit(unit) => self.ready.push_back(unit),
            Answer::Waited => self.is_waited_for = false,
            Answer::Ended | Answer::Closed => self.state = State::Done,
            Answer::Failed(error) => {
                self.state = State::Failed;
                return Err(error);
            }
        }
        Ok(())
    }

    fn expect_open(&self, call: &'static str) -> Result<()> {
        let reason = match self.state {
            State::Open => return Ok(()),
            State::Draining | State::Done => "the stream was finished",
            State::Failed => "the encoder failed before",
        };
        Err(Error::WrongOrder { call, reason: reason.into() })
    }

    fn check_frame(&self, frame: &Frame) -> Result<()> {
        let EncoderConfig { width, height, depth, .. } = self.config;
        let format = frame.format();
        if (frame.width(), frame.height(), format.depth, format.layout)
            == (width, height, depth, Layout::Yuv420)
        {
            return Ok(());
        }
        Err(Error::invalid(
            "frame",
            format!("{width}x{height} in 4:2:0 at {} bits", depth.bits()),
            format!("{}x{} in {format}", frame.width(), frame.height()),
        ))
    }
}

impl Drop for SvtAv1Encoder {
    /// Waits until the instance is gone, so that its memory is free; leaves behind one that stalls.
    fn drop(&mut self) {
        if process::is_forked() {
            // The instance's threads are the parent's.
            std::mem::forget(self.commands.take());
            return;
        }
        self.commands = None;
        if self.state == State::Failed {
            return;
        }
        while let Ok(answer) = next_answer(&self.answers, &self.patience, &self.threads) {
            if matches!(answer, Answer::Closed) {
                break;
            }
        }
    }
}

/// Drives the engine until it is told no more, then lets it go.
fn drive(mut engine: Box<dyn Engine>, commands: &Receiver<Command>, answers: &Sender<Answer>) {
    let run = |engine: &mut dyn Engine| -> Result<()> {
        let mut given = 0;
        // Sending fails where nobody listens any more; the queue of commands ends then too.
        for command in commands {
            match command {
                Command::Send(frame, quantizer) => {
                    engine.send(&frame, quantizer)?;
                    let _ = answers.send(Answer::Taken);
                    given += give(engine, answers)?;
                }
                Command::Wait(wanted) => {
                    while given < wanted && matches!(commands.try_recv(), Err(TryRecvError::Empty)) {
                        match give(engine, answers)? {
                            0 => std::thread::sleep(LOOK),
                            some => given += some,
                        }
                    }
                    let _ = answers.send(Answer::Waited);
                }
                Command::Finish => {
                    engine.finish()?;
                    give(engine, answers)?;
                    let _ = answers.send(Answer::Ended);
                }
            }
        }
        Ok(())
    };
    if let Err(error) = run(engine.as_mut()) {
        let _ = answers.send(Answer::Failed(error));
    }
    drop(engine);
    let _ = answers.send(Answer::Closed);
}

/// Hands on the units that the engine has; how many those were.
fn give(engine: &mut dyn Engine, answers: &Sender<Answer>) -> Result<u64> {
    let mut given = 0;
    while let Some(unit) = engine.receive()? {
        let _ = answers.send(Answer::Unit(unit));
        given += 1;
    }
    Ok(given)
}

/// The next answer.
///
/// # Errors
///
/// `Stalled` where none comes and nothing moves.
fn next_answer(answers: &Receiver<Answer>, patience: &Patience, threads: &Threads) -> Result<Answer> {
    let (mut idle, start, mut activity) = (0, Instant::now(), None);
    for _ in 0..patience.most_ticks {
        match answers.recv_timeout(patience.tick) {
            Ok(answer) => return Ok(answer),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::internal("SVT-AV1", "its thread has ended"));
            }
            Err(RecvTimeoutError::Timeout) => {
                // Who gets an answer soon never looks at the threads.
                let is_idle = match &mut activity {
                    Some(activity) => Activity::was_idle(activity),
                    none => {
                        *none = Some(Activity::of(threads));
                        false
                    }
                };
                idle = if is_idle { idle + 1 } else { 0 };
                if idle >= patience.idle_ticks {
                    break;
                }
            }
        }
    }
    Err(Error::Stalled { what: "SVT-AV1", seconds: start.elapsed().as_secs() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{BitDepth, Color, PixelFormat, Rational};

    const HASTE: Patience = Patience { tick: Duration::from_millis(10), idle_ticks: 5, most_ticks: 3600 };

    /// Takes so many frames and then stalls.
    struct StandsStill(u32);

    impl Engine for StandsStill {
        fn threads(&self) -> Threads {
            Threads::default()
        }

        fn send(&mut self, _: &Frame, _: u8) -> Result<()> {
            if self.0 == 0 {
                loop {
                    std::thread::park();
                }
            }
            self.0 -= 1;
            Ok(())
        }

        fn finish(&mut self) -> Result<()> {
            Ok(())
        }

        fn receive(&mut self) -> Result<Option<TemporalUnit>> {
            Ok(None)
        }
    }

    fn config() -> EncoderConfig {
        EncoderConfig { depth: BitDepth::Eight, ..EncoderConfig::new(64, 64, Rational { num: 25, den: 1 }) }
    }

    fn frame() -> Frame {
        Frame::new(64, 64, PixelFormat::YUV420_8, Color::default()).unwrap()
    }

    #[test]
    fn an_instance_that_stands_still_is_an_error_and_not_a_hang() {
        let mut encoder = SvtAv1Encoder::driving(Box::new(StandsStill(3)), &config(), HASTE).unwrap();
        let error = (0..10).find_map(|_| encoder.send(frame()).err()).unwrap();
        assert!(matches!(error, Error::Stalled { .. }), "{error}");
        assert!(matches!(encoder.send(frame()), Err(Error::WrongOrder { .. })));
        drop(encoder);
    }

    #[test]
    fn dropping_waits_no_longer_for_one_that_stands_still() {
        let mut encoder = SvtAv1Encoder::driving(Box::new(StandsStill(0)), &config(), HASTE).unwrap();
        encoder.send(frame()).unwrap();
        drop(encoder);
    }

    #[test]
    fn work_is_not_taken_for_stillness_and_that_of_others_not_for_work() {
        let (sender, answers) = channel();
        let work = move || {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(800) {
                std::hint::black_box(start.elapsed());
            }
            sender.send(Answer::Taken).unwrap();
        };
        // Time of processors is counted in steps of 10 ms, and that of a thread that others keep waiting grows slowly.
        let patience = Patience { tick: Duration::from_millis(50), ..HASTE };
        let threads = Threads::default();
        let busy = threads.started_by(|| std::thread::spawn(work.clone()));
        assert!(matches!(next_answer(&answers, &patience, &threads), Ok(Answer::Taken)));
        busy.join().unwrap();
        #[cfg(target_os = "linux")]
        {
            let threads = Threads::default();
            let idle = threads.started_by(|| std::thread::spawn(std::thread::park));
            let elsewhere = std::thread::spawn(work);
            let stalled = next_answer(&answers, &patience, &threads);
            assert!(matches!(stalled, Err(Error::Stalled { .. })));
            elsewhere.join().unwrap();
            idle.thread().unpark();
            idle.join().unwrap();
        }
    }
}
