//! One instance of SVT-AV1: frames in, temporal units out, in display order. `encoder` watches over it.

use std::collections::VecDeque;
use std::ffi::CString;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::AtomicPtr;

use super::abi::{self, Component, InitHandle, Status};
use super::activity::Threads;
use super::aside::aside;
use super::config::EncoderConfig;
use super::copy::LoadedCopy;
use super::library::Library;
use super::source::with_picture;
use super::temporal_unit::TemporalUnit;
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::memory;

/// The OBU that begins a unit where nothing else does (AV1 specification, clause 5.6).
const TEMPORAL_DELIMITER: [u8; 2] = [0x12, 0];

/// What may be called next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Settings are accepted; threads and buffers come with the first frame.
    Idle,
    /// Frames may come.
    Open,
    /// The end was signalled; packets remain.
    Draining,
    /// The last packet was taken.
    Done,
    /// The library failed; only dropping is left.
    Failed,
}

/// One instance of SVT-AV1.
///
/// Units come out in display order, which for units is also decoding order: each shows exactly one frame, and
/// hidden frames travel in the unit of the next frame shown. No call waits for another call: `send` takes out
/// finished packets before it hands a picture over, and `receive` waits only after `finish`.
#[derive(Debug)]
pub(super) struct Instance {
    library: Arc<Library>,
    /// Keeps the code loaded until `drop` has stopped it; always there before.
    copy: Option<LoadedCopy>,
    api: abi::Api,
    component: NonNull<Component>,
    threads: Threads,
    state: State,
    sent: u64,
    ready: VecDeque<TemporalUnit>,
}

#[allow(unsafe_code)]
// SAFETY: the instance is not tied to the thread that made it, and `&mut self` keeps calls from overlapping.
unsafe impl Send for Instance {}

impl Instance {
    /// Starts an encoder.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` naming the option that is unknown or out of range,
    /// `OutOfMemory`.
    #[allow(unsafe_code)]
    pub(super) fn new(library: &Arc<Library>, config: &EncoderConfig) -> Result<Self> {
        config.check()?;
        let copy = library.load_copy()?;
        let api = copy.api;
        let mut settings = Box::new(abi::Config([0; _]));
        let (status, component) = init_handle(api, &mut settings)?;
        let component = match NonNull::new(component) {
            Some(component) if status == abi::OK => component,
            _ => return Err(failure("init_handle", status)),
        };
        // From here on the instance is freed whatever fails.
        let encoder = Self {
            library: library.clone(),
            copy: Some(copy),
            api,
            component,
            state: State::Idle,
            threads: Threads::default(),
            sent: 0,
            ready: VecDeque::new(),
        };
        for (name, value) in config.options() {
            encoder.set_option(&mut settings, &name, &value)?;
        }
        // SAFETY: the component is alive, and the settings are those that `init_handle` filled in.
        let status = unsafe { (api.set_parameter)(component.as_ptr(), &mut *settings) };
        if status != abi::OK {
            return Err(Error::invalid(
                "encoder settings",
                format!("a combination that SVT-AV1 {} takes", library.version()),
                format!(
                    "{}x{} at {} bits, quantizer {}, preset {} and {:?} (status {status:#x})",
                    config.width,
                    config.height,
                    config.depth.bits(),
                    config.quantizer,
                    config.preset,
                    config.extra
                ),
            ));
        }
        Ok(encoder)
    }

    /// Those that it starts with its first frame.
    pub(super) fn threads(&self) -> Threads {
        self.threads.clone()
    }

    /// Hands one frame over, of the size and format that were configured; the samples are copied. `quantizer` counts only where
    /// the configuration leaves quantizers to the frames.
    ///
    /// # Errors
    ///
    /// `WrongOrder` after [`finish`](Self::finish).
    #[allow(unsafe_code)]
    pub(super) fn send(&mut self, frame: &Frame, quantizer: u8) -> Result<()> {
        self.expect_open("send")?;
        self.start()?;
        self.take_packets(false)?;
        let (api, component) = (self.api, self.component.as_ptr());
        let status = with_picture(frame, self.sent as i64, quantizer, |picture| {
            // SAFETY: the component is initialized; the header and the planes it points to live for the call,
            // have the sizes the encoder was configured with, and are copied before it returns.
            api.layout.with_header(Some(picture), |header| unsafe { (api.send_picture)(component, header) })
        })?;
        self.guard(check(status, "send_picture"))?;
        self.sent += 1;
        Ok(())
    }

    /// Says that no more frames come.
    ///
    /// # Errors
    ///
    /// `WrongOrder` when called twice.
    #[allow(unsafe_code)]
    pub(super) fn finish(&mut self) -> Result<()> {
        self.expect_open("finish")?;
        if self.state == State::Idle {
            self.state = State::Done;
            return Ok(());
        }
        self.take_packets(false)?;
        let (api, component) = (self.api, self.component.as_ptr());
        // SAFETY: the component is initialized; an empty header with the end flag closes the stream.
        let status = api.layout.with_header(None, |header| unsafe { (api.send_picture)(component, header) });
        self.guard(check(status, "send_picture"))?;
        self.state = State::Draining;
        Ok(())
    }

    /// The next temporal unit. Before [`finish`](Self::finish) `None` means "not yet", afterwards "no more".
    pub(super) fn receive(&mut self) -> Result<Option<TemporalUnit>> {
        if self.ready.is_empty() {
            self.take_packets(self.state == State::Draining)?;
        }
        Ok(self.ready.pop_front())
    }

    #[allow(unsafe_code)]
    fn set_option(&self, settings: &mut abi::Config, name: &str, value: &str) -> Result<()> {
        let refused = || {
            let expected = format!("an option and value that SVT-AV1 {} takes", self.library.version());
            Error::invalid(name, expected, format!("{value:?}"))
        };
        let (Ok(c_name), Ok(c_value)) = (CString::new(name), CString::new(value)) else {
            return Err(refused());
        };
        // SAFETY: the settings were filled in by `init_handle`, and both strings end in a zero byte.
        let status = unsafe { (self.api.parse_parameter)(settings, c_name.as_ptr(), c_value.as_ptr()) };
        if status == abi::OK { Ok(()) } else { Err(refused()) }
    }

    /// Allocates buffers and starts threads, once.
    ///
    /// Done with the first frame and not before: SVT-AV1 cannot shut a started instance down that has had none.
    #[allow(unsafe_code)]
    fn start(&mut self) -> Result<()> {
        if self.state != State::Idle {
            return Ok(());
        }
        let (api, component) = (self.api, AtomicPtr::new(self.component.as_ptr()));
        // SAFETY: the component is alive and has its parameters, and no other call is made meanwhile.
        let init = || aside(|| unsafe { (api.init)(component.into_inner()) });
        let status = self.threads.started_by(init);
        self.guard(status.and_then(|status| check(status, "init")))?;
        self.state = State::Open;
        Ok(())
    }

    /// Moves finished packets to `ready`; waits for the next one if `wait`.
    #[allow(unsafe_code)]
    fn take_packets(&mut self, wait: bool) -> Result<()> {
        let api = self.api;
        while matches!(self.state, State::Open | State::Draining) && (self.ready.is_empty() || !wait) {
            let mut header = std::ptr::null_mut();
            // SAFETY: the component is initialized. With `wait` the call returns because the end was signalled
            // and its packet has not been taken yet.
            let status = unsafe { (api.get_packet)(self.component.as_ptr(), &mut header, u8::from(wait)) };
            if status == abi::EMPTY_QUEUE || (status == abi::OK && header.is_null()) {
                break;
            }
            self.guard(check(status, "get_packet"))?;
            // SAFETY: the library gave the header out and holds it until the release below.
            let packet = unsafe { api.layout.read_packet(header) };
            let data = if packet.len == 0 || packet.data.is_null() {
                Ok(Vec::new())
            } else {
                // SAFETY: the packet has `len` bytes until the release below.
                let unit = unsafe { std::slice::from_raw_parts(packet.data, packet.len) };
                // The packets of the stream say where units begin.
                memory::copied("AV1 unit", unit.strip_prefix(&TEMPORAL_DELIMITER).unwrap_or(unit))
            };
            // SAFETY: the header came from `get_packet`, and nothing of it is used after this.
            unsafe { (api.release_out_buffer)(&mut header) };
            let data = self.guard(data)?;
            if !data.is_empty() {
                self.ready.push_back(TemporalUnit {
                    data,
                    index: packet.pts as u64,
                    is_key: packet.is_key,
                    quantizer: packet.quantizer.min(63) as u8,
                    temporal_layer: packet.temporal_layer,
                });
            }
            if packet.flags & abi::FLAG_END != 0 {
                self.state = State::Done;
            }
        }
        Ok(())
    }

    fn expect_open(&self, call: &'static str) -> Result<()> {
        let reason = match self.state {
            State::Idle | State::Open => return Ok(()),
            State::Draining | State::Done => "the stream was finished",
            State::Failed => "the encoder failed before",
        };
        Err(Error::WrongOrder { call, reason: reason.into() })
    }

    /// Remembers a failure of the library.
    fn guard<T>(&mut self, result: Result<T>) -> Result<T> {
        if result.is_err() {
            self.state = State::Failed;
        }
        result
    }
}

impl Drop for Instance {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        if self.state == State::Open {
            // SVT-AV1 finishes the frames in flight before it can stop.
            let _ = self.finish();
        }
        while self.state == State::Draining {
            self.ready.clear();
            let _ = self.take_packets(true);
        }
        if self.state == State::Failed {
            // After a failure inside the library the frames in flight may never finish, and stopping would
            // wait for them. The instance is abandoned: memory is lost rather than the caller's thread.
            std::mem::forget(self.copy.take());
            return;
        }
        // SAFETY: the component is alive, has given its last packet or was never started, and is not used
        // afterwards.
        unsafe {
            (self.api.deinit)(self.component.as_ptr());
            (self.api.deinit_handle)(self.component.as_ptr());
        }
        memory::give_back();
    }
}

/// Makes a component and fills its settings in.
#[allow(unsafe_code)]
fn init_handle(api: abi::Api, settings: &mut abi::Config) -> Result<(Status, *mut Component)> {
    let (status, component) = aside(|| {
        let mut component = std::ptr::null_mut();
        // SAFETY: both addresses are writable for the call, and `settings` is larger than the structure of any
        // version that `Library` accepts. The library keeps nothing that belongs to the thread.
        let status = unsafe {
            match api.init_handle {
                InitHandle::Plain(init) => init(&mut component, settings),
                InitHandle::WithAppData(init) => init(&mut component, std::ptr::null_mut(), settings),
            }
        };
        (status, AtomicPtr::new(component))
    })?;
    Ok((status, component.into_inner()))
}

fn check(status: Status, call: &str) -> Result<()> {
    if status == abi::OK { Ok(()) } else { Err(failure(call, status)) }
}

fn failure(call: &str, status: Status) -> Error {
    if status == abi::INSUFFICIENT_RESOURCES {
        return Error::OutOfMemory { what: "SVT-AV1", bytes: 0 };
    }
    Error::internal("SVT-AV1", format!("svt_av1_enc_{call} returned {status:#x}"))
}
