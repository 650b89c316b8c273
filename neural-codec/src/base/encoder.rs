//! AV1 encoding of one scene by SVT-AV1: frames in, temporal units out, in display order.

use std::collections::VecDeque;
use std::ffi::CString;
use std::ptr::NonNull;
use std::sync::Arc;

use super::abi::{self, Component, InitHandle, Status};
use super::library::Library;
use super::source::{coded_size, with_picture};
use crate::error::{Error, Result};
use crate::frame::{BitDepth, ChromaLocation, Color, ColorRange, Frame, Layout, Rational, check_size};

/// Settings of one encoder.
#[derive(Debug, Clone)]
pub struct EncoderConfig {
    /// Width of the frames in pixels; coded at [`coded_size`](super::coded_size).
    pub width: usize,
    /// Height of the frames in pixels.
    pub height: usize,
    /// Bits of a sample.
    pub depth: BitDepth,
    /// Colour description that the AV1 stream carries. Units: H.273 code points.
    pub color: Color,
    /// Frames a second.
    pub frame_rate: Rational,
    /// Constant quality (CRF), 1 (best) to 63.
    pub quantizer: u8,
    /// Speed, 0 (slowest) to 13. Not comparable between versions of the library.
    pub preset: i8,
    /// SVT-AV1's `lp`, at least 1: more threads, and more memory. The bytes do not depend on it.
    pub threads: usize,
    /// Frames from one key frame to the next; `None` for a key frame at the start only.
    pub keyframe_interval: Option<u32>,
    /// More options, by SVT-AV1's name and value.
    pub extra: Vec<(String, String)>,
}

impl EncoderConfig {
    /// Constant quality 32 at preset 8 with one thread, for 8-bit frames of a given size and rate.
    pub fn new(width: usize, height: usize, frame_rate: Rational) -> Self {
        Self {
            width,
            height,
            depth: BitDepth::Eight,
            color: Color::default(),
            frame_rate,
            quantizer: 32,
            preset: 8,
            threads: 1,
            keyframe_interval: None,
            extra: Vec::new(),
        }
    }

    /// Every option by SVT-AV1's name, in the order in which it is set.
    fn options(&self) -> Vec<(String, String)> {
        let (width, height) = coded_size(self.width, self.height);
        let number = |name: &str, value: i64| (name.to_owned(), value.to_string());
        let mut options = vec![
            number("width", width as i64),
            number("height", height as i64),
            number("input-depth", i64::from(self.depth.bits())),
            number("fps-num", i64::from(self.frame_rate.num)),
            number("fps-denom", i64::from(self.frame_rate.den)),
            number("preset", i64::from(self.preset)),
            number("crf", i64::from(self.quantizer)),
            number("lp", self.threads as i64),
            // 2: a closed group of pictures, so that nothing refers across a key frame.
            number("irefresh-type", 2),
            // Scenes are cut before they come here.
            number("scd", 0),
            number("keyint", self.keyframe_interval.map_or(-1, i64::from)),
            number("color-primaries", i64::from(self.color.primaries)),
            number("transfer-characteristics", i64::from(self.color.transfer)),
            number("color-range", i64::from(self.color.range == ColorRange::Full)),
        ];
        // AV1 has no 4:2:0 with the identity matrix, which is what 0 means.
        if self.color.matrix != 0 {
            options.push(number("matrix-coefficients", i64::from(self.color.matrix)));
        }
        // EB_CSP_VERTICAL and EB_CSP_COLOCATED; AV1 has no code for the centre.
        match self.color.chroma_location {
            ChromaLocation::Left => options.push(number("chroma-sample-position", 1)),
            ChromaLocation::TopLeft => options.push(number("chroma-sample-position", 2)),
            ChromaLocation::Unspecified | ChromaLocation::Center => {}
        }
        options.extend(self.extra.iter().cloned());
        options
    }

    fn check(&self) -> Result<()> {
        check_size(self.width, self.height)?;
        if !(1..=63).contains(&self.quantizer) {
            return Err(Error::invalid("quantizer", "1 to 63", self.quantizer));
        }
        if !(0..=13).contains(&self.preset) {
            return Err(Error::invalid("preset", "0 to 13", self.preset));
        }
        if self.threads == 0 {
            return Err(Error::invalid("threads", "at least 1", 0));
        }
        if self.keyframe_interval == Some(0) {
            return Err(Error::invalid("keyframe interval", "at least 1 frame", 0));
        }
        if let Some((name, value)) = self.extra.iter().find(|(name, _)| RESERVED.contains(&name.as_str())) {
            return Err(Error::invalid(name, "an option that may be changed", format!("{value:?}")));
        }
        Ok(())
    }
}

/// The coded form of one frame, with whatever hidden frames it needs first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemporalUnit {
    /// AV1 low-overhead bytes, beginning with a temporal delimiter.
    pub data: Vec<u8>,
    /// Index of the frame it shows, counted from 0 in the order in which frames were sent.
    pub index: u64,
    /// Whether decoding can begin here.
    pub is_key: bool,
    /// Quantizer of the shown frame on the scale of [`EncoderConfig::quantizer`], as SVT-AV1 reports it.
    pub quantizer: u8,
    /// Temporal layer of the shown frame, 0 lowest; only version 3 and newer say it.
    pub temporal_layer: Option<u8>,
}

/// Options that would break what this module promises: one size, one frame a unit, calls that never wait.
const RESERVED: [&str; 10] = [
    "width",
    "w",
    "height",
    "h",
    "input-depth",
    "color-format",
    "pred-struct",
    "pass",
    "resize-mode",
    "recon",
];

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
pub struct SvtAv1Encoder {
    library: Arc<Library>,
    component: NonNull<Component>,
    config: EncoderConfig,
    state: State,
    sent: u64,
    ready: VecDeque<TemporalUnit>,
}

#[allow(unsafe_code)]
// SAFETY: the instance is not tied to the thread that made it, and `&mut self` keeps calls from overlapping.
unsafe impl Send for SvtAv1Encoder {}

impl SvtAv1Encoder {
    /// Starts an encoder. Errors: `InvalidArgument` naming the option that is unknown or out of range,
    /// `OutOfMemory`.
    #[allow(unsafe_code)]
    pub fn new(library: &Arc<Library>, config: &EncoderConfig) -> Result<Self> {
        config.check()?;
        let api = &library.api;
        let mut settings = Box::new(abi::Config([0; _]));
        let mut component = std::ptr::null_mut();
        // SAFETY: both addresses are writable for the call, and `settings` is larger than the structure of any
        // version that `Library` accepts.
        let status = unsafe {
            match api.init_handle {
                InitHandle::Plain(init) => init(&mut component, &mut *settings),
                InitHandle::WithAppData(init) => init(&mut component, std::ptr::null_mut(), &mut *settings),
            }
        };
        check(status, "init_handle")?;
        let component = NonNull::new(component).ok_or_else(|| failure("init_handle", status))?;
        // From here on the instance is freed whatever fails.
        let encoder = Self {
            library: library.clone(),
            component,
            config: config.clone(),
            state: State::Idle,
            sent: 0,
            ready: VecDeque::new(),
        };
        for (name, value) in config.options() {
            set_option(library, &mut settings, &name, &value)?;
        }
        // SAFETY: the component is alive, and the settings are those that `init_handle` filled in.
        let status = unsafe { (api.set_parameter)(component.as_ptr(), &mut *settings) };
        if status != abi::OK {
            return Err(Error::invalid(
                "encoder settings",
                format!("a combination that SVT-AV1 {} takes", library.version()),
                format!("{:?} (status {status:#x})", config.options()),
            ));
        }
        Ok(encoder)
    }

    /// Hands one frame over; the samples are copied.
    ///
    /// Errors: `InvalidArgument` for a frame of another size or format, `WrongOrder` after
    /// [`finish`](Self::finish).
    #[allow(unsafe_code)]
    pub fn send(&mut self, frame: &Frame) -> Result<()> {
        self.expect_open("send")?;
        self.check_frame(frame)?;
        self.start()?;
        self.take_packets(false)?;
        let (api, component) = (&self.library.api, self.component.as_ptr());
        let status = with_picture(frame, self.sent as i64, |picture| {
            // SAFETY: the component is initialised; the header and the planes it points to live for the call,
            // have the sizes the encoder was configured with, and are copied before it returns.
            api.layout.with_header(Some(picture), |header| unsafe { (api.send_picture)(component, header) })
        });
        self.guard(check(status, "send_picture"))?;
        self.sent += 1;
        Ok(())
    }

    /// Says that no more frames come. Errors: `WrongOrder` when called twice.
    #[allow(unsafe_code)]
    pub fn finish(&mut self) -> Result<()> {
        self.expect_open("finish")?;
        if self.state == State::Idle {
            self.state = State::Done;
            return Ok(());
        }
        self.take_packets(false)?;
        let (api, component) = (&self.library.api, self.component.as_ptr());
        // SAFETY: the component is initialised; an empty header with the end flag closes the stream.
        let status = api.layout.with_header(None, |header| unsafe { (api.send_picture)(component, header) });
        self.guard(check(status, "send_picture"))?;
        self.state = State::Draining;
        Ok(())
    }

    /// The next temporal unit. Before [`finish`](Self::finish) `None` means "not yet", afterwards "no more".
    pub fn receive(&mut self) -> Result<Option<TemporalUnit>> {
        if self.ready.is_empty() {
            self.take_packets(self.state == State::Draining)?;
        }
        Ok(self.ready.pop_front())
    }

    /// Allocates buffers and starts threads, once.
    ///
    /// Done with the first frame and not before: SVT-AV1 cannot shut a started instance down that has had none.
    #[allow(unsafe_code)]
    fn start(&mut self) -> Result<()> {
        if self.state != State::Idle {
            return Ok(());
        }
        // SAFETY: the component is alive and has its parameters.
        let status = unsafe { (self.library.api.init)(self.component.as_ptr()) };
        self.guard(check(status, "init"))?;
        self.state = State::Open;
        Ok(())
    }

    /// Moves finished packets to `ready`; waits for the next one if `wait`.
    #[allow(unsafe_code)]
    fn take_packets(&mut self, wait: bool) -> Result<()> {
        let api = self.library.api;
        while matches!(self.state, State::Open | State::Draining) && !(wait && !self.ready.is_empty()) {
            let mut header = std::ptr::null_mut();
            // SAFETY: the component is initialised. With `wait` the call returns because the end was signalled
            // and its packet has not been taken yet.
            let status = unsafe { (api.get_packet)(self.component.as_ptr(), &mut header, u8::from(wait)) };
            if status == abi::EMPTY_QUEUE || (status == abi::OK && header.is_null()) {
                break;
            }
            self.guard(check(status, "get_packet"))?;
            // SAFETY: the library gave the header out and holds it until the release below.
            let packet = unsafe { api.layout.read_packet(header) };
            let data = if packet.len == 0 || packet.data.is_null() {
                Vec::new()
            } else {
                // SAFETY: the packet has `len` bytes until the release below.
                unsafe { std::slice::from_raw_parts(packet.data, packet.len) }.to_vec()
            };
            // SAFETY: the header came from `get_packet`, and nothing of it is used after this.
            unsafe { (api.release_out_buffer)(&mut header) };
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

    /// Remembers a failure of the library.
    fn guard<T>(&mut self, result: Result<T>) -> Result<T> {
        if result.is_err() {
            self.state = State::Failed;
        }
        result
    }
}

impl Drop for SvtAv1Encoder {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        let api = &self.library.api;
        if self.state == State::Failed {
            // Shutting down first finishes the frames in flight. After a failure inside the library they may
            // never finish, so that the instance is abandoned: memory is lost rather than the caller's thread.
            return;
        }
        // SAFETY: the component is alive and is not used afterwards. `deinit` finishes the frames in flight,
        // then stops the threads; on an instance that was not started it does nothing.
        unsafe {
            (api.deinit)(self.component.as_ptr());
            (api.deinit_handle)(self.component.as_ptr());
        }
    }
}

#[allow(unsafe_code)]
fn set_option(library: &Library, settings: &mut abi::Config, name: &str, value: &str) -> Result<()> {
    let refused = || {
        let expected = format!("an option and value that SVT-AV1 {} takes", library.version());
        Error::invalid(name, expected, format!("{value:?}"))
    };
    let (Ok(c_name), Ok(c_value)) = (CString::new(name), CString::new(value)) else {
        return Err(refused());
    };
    // SAFETY: the settings were filled in by `init_handle`, and both strings end in a zero byte.
    let status = unsafe { (library.api.parse_parameter)(settings, c_name.as_ptr(), c_value.as_ptr()) };
    if status == abi::OK { Ok(()) } else { Err(refused()) }
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
