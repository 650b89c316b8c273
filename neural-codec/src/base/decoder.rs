//! AV1 decoding of one scene: temporal units in, frames out, one for one and in order.

use std::collections::VecDeque;
use std::ffi::{c_int, c_void};
use std::ptr::NonNull;
use std::sync::Arc;

use super::dav1d::{self, Data, Library, Picture};
use super::obu::{self, SequenceHeader};
use super::source::coded_size;
use crate::error::{Error, Place, Result};
use crate::frame::{
    BitDepth, Color, Frame, KeepsSpares, Layout, PixelFormat, Plane, Planes, Sample, check_size,
};

/// Calls after which a unit that is still not taken counts as damaged: far more than frames are in work at a time.
const MAX_TRIES: usize = 64;

/// What the units of a scene must hold.
#[derive(Debug, Clone, Copy)]
pub struct DecoderConfig {
    /// Width of the frames in pixels; the stream has them at [`coded_size`](super::coded_size).
    pub width: usize,
    /// Height of the frames in pixels.
    pub height: usize,
    /// Bits of a sample.
    pub depth: BitDepth,
    /// 4:2:0, which scenes are, or 4:4:4.
    pub layout: Layout,
    /// Color description that the frames get; what the AV1 stream says is not looked at.
    pub color: Color,
    /// Threads, at least 1. The frames do not depend on it.
    pub threads: usize,
    /// Refuses larger frames before anything is allocated.
    pub max_pixels: u64,
}

impl DecoderConfig {
    /// 8-bit frames of a given size on one thread, up to 8K.
    pub fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            depth: BitDepth::Eight,
            layout: Layout::Yuv420,
            color: Color::default(),
            threads: 1,
            max_pixels: 8192 * 4352,
        }
    }
}

/// What may be called next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Finished,
    Failed,
}

/// One instance of the decoder. Film grain is never applied: the encoder writes none.
///
/// Every unit is read by [`probe`](super::probe) first; the decoder itself sees only units of one frame of the
/// expected size and format. After an error the rest of the scene is lost, and calls say so.
#[derive(Debug)]
pub struct Av1Decoder {
    library: Arc<Library>,
    context: NonNull<c_void>,
    config: DecoderConfig,
    sequence: Option<SequenceHeader>,
    state: State,
    sent: u64,
    received: u64,
    /// Whether the decoder was asked for a picture since the last unit. Asked twice, it would stop working ahead.
    asked: bool,
    ready: VecDeque<Frame>,
    /// Frames that are done with serve again while it lives.
    _spares: KeepsSpares,
}

#[allow(unsafe_code)]
// SAFETY: a context is not tied to the thread that made it, and `&mut self` keeps calls from overlapping.
unsafe impl Send for Av1Decoder {}

impl Av1Decoder {
    /// Starts a decoder.
    ///
    /// # Errors
    ///
    /// `InvalidArgument`, `LimitExceeded`, `MissingLibrary`, `OutOfMemory`.
    pub fn new(config: &DecoderConfig) -> Result<Self> {
        Self::with_library(&Library::load()?, config)
    }

    #[allow(unsafe_code)]
    pub(super) fn with_library(library: &Arc<Library>, config: &DecoderConfig) -> Result<Self> {
        check_size(config.width, config.height)?;
        if !matches!(config.layout, Layout::Yuv420 | Layout::Yuv444) {
            return Err(Error::invalid("layout", "4:2:0 or 4:4:4", format!("{:?}", config.layout)));
        }
        let (width, height) = coded_size(config.width, config.height);
        let pixels = width as u64 * height as u64;
        Error::within_limit("pixels", pixels, config.max_pixels, Place::default())?;
        if !(1..=256).contains(&config.threads) {
            return Err(Error::invalid("threads", "1 to 256", config.threads));
        }
        let api = library.api;
        let mut settings = api.settings();
        settings.threads = config.threads as c_int;
        settings.max_frame_delay = config.threads.min(2) as c_int;
        settings.apply_grain = 0;
        settings.operating_point = 0;
        settings.all_layers = 0;
        settings.frame_size_limit = u32::try_from(pixels).unwrap_or(u32::MAX);
        let mut context = std::ptr::null_mut();
        // SAFETY: both addresses are valid for the call, and the settings came from this library.
        let status = unsafe { (api.open)(&mut context, &settings) };
        let context = match NonNull::new(context) {
            Some(context) if status == 0 => context,
            // Where threads or memory are refused, and for nothing else with these settings.
            _ if [dav1d::NO_MEMORY, dav1d::AGAIN].contains(&status) => {
                return Err(Error::OutOfMemory { what: "dav1d", bytes: 0 });
            }
            _ => return Err(Error::internal("dav1d", format!("dav1d_open returned {status}"))),
        };
        Ok(Self {
            library: library.clone(),
            context,
            config: *config,
            sequence: None,
            state: State::Open,
            sent: 0,
            received: 0,
            asked: false,
            ready: VecDeque::new(),
            _spares: KeepsSpares::new(),
        })
    }

    /// Takes one temporal unit; the bytes are copied.
    ///
    /// # Errors
    ///
    /// `Corrupt` or `Truncated` with offset in the unit and index of the frame, `WrongOrder` after
    /// [`finish`](Self::finish) or an error.
    pub fn send(&mut self, unit: &[u8]) -> Result<()> {
        if self.state != State::Open {
            return Err(Error::WrongOrder { call: "send", reason: self.reason().into() });
        }
        let result = self.check_unit(unit).and_then(|()| self.send_checked(unit));
        self.guard(result)
    }

    /// Says that no more units come.
    ///
    /// # Errors
    ///
    /// `WrongOrder` when called twice or after an error.
    pub fn finish(&mut self) -> Result<()> {
        if self.state != State::Open {
            return Err(Error::WrongOrder { call: "finish", reason: self.reason().into() });
        }
        self.state = State::Finished;
        Ok(())
    }

    /// The next frame, its timestamp the index of its unit. Before [`finish`](Self::finish) `None` means "not
    /// yet", afterwards "no more".
    ///
    /// # Errors
    ///
    /// `Corrupt` with the index of the frame.
    pub fn receive(&mut self) -> Result<Option<Frame>> {
        if self.state == State::Failed {
            return Err(Error::WrongOrder { call: "receive", reason: self.reason().into() });
        }
        if self.ready.is_empty() && (self.state == State::Finished || !self.asked) {
            let result = self.take_picture();
            self.guard(result)?;
        }
        if let Some(frame) = self.ready.pop_front() {
            return Ok(Some(frame));
        }
        if self.state == State::Finished && self.received < self.sent {
            return self.too_few();
        }
        Ok(None)
    }

    /// The next frame of the units that were sent, `None` once each has given its own: for a caller who has no other unit yet. The
    /// decoder stops working ahead until the next unit.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive); `Corrupt` where a unit has given none.
    pub fn receive_sent(&mut self) -> Result<Option<Frame>> {
        for _ in 0..MAX_TRIES {
            if let Some(frame) = self.receive()? {
                return Ok(Some(frame));
            }
            if self.received == self.sent {
                return Ok(None);
            }
            // Asked again without a unit in between, it gives what it works on.
            let result = self.take_picture();
            self.guard(result)?;
        }
        self.too_few()
    }

    /// Reads the unit's headers and compares them with what the scene is said to hold.
    fn check_unit(&mut self, unit: &[u8]) -> Result<()> {
        let place = Place::at_frame(self.sent);
        let info = obu::probe(unit, self.sequence).map_err(|e| e.within(place))?;
        if self.sent == 0 && !info.is_key {
            return Err(Error::corrupt("AV1 scene", "a key frame at its start", "another frame", place));
        }
        if let Some(found) = info.sequence {
            let (width, height) = coded_size(self.config.width, self.config.height);
            // Profile 1 has chroma at full size or RGB, of which samples are taken as they are.
            let is_420 = self.config.layout == Layout::Yuv420;
            let expected = (width as u32, height as u32, self.config.depth.bits(), is_420, u8::from(!is_420));
            let found_all = (found.width, found.height, found.bits, found.is_420, found.profile);
            if found_all != expected {
                let describe = |(w, h, bits, is_420, profile): (u32, u32, u8, bool, u8)| {
                    format!("{w}x{h}, {bits} bits, 4:2:0 {is_420}, profile {profile}")
                };
                return Err(Error::corrupt(
                    "AV1 sequence header",
                    describe(expected),
                    describe(found_all),
                    place,
                ));
            }
            self.sequence = Some(found);
        }
        Ok(())
    }

    #[allow(unsafe_code)]
    fn send_checked(&mut self, unit: &[u8]) -> Result<()> {
        let api = self.library.api;
        let mut data = Data::EMPTY;
        // SAFETY: `data` is larger than the structure of any version.
        let bytes = unsafe { (api.data_create)(&mut data, unit.len()) };
        if bytes.is_null() {
            return Err(Error::OutOfMemory { what: "AV1 unit", bytes: unit.len() as u64 });
        }
        // SAFETY: the library has just allocated that many bytes there.
        unsafe { std::ptr::copy_nonoverlapping(unit.as_ptr(), bytes, unit.len()) };
        data.timestamp = self.sent as i64;
        self.sent += 1;
        let result = self.push(&mut data);
        if data.size > 0 {
            // SAFETY: `data` came from `data_create` and was not taken whole.
            unsafe { (api.data_unref)(&mut data) };
        }
        self.asked = false;
        result
    }

    /// Hands data over until all is taken, making room by taking pictures out.
    ///
    /// A decoder that works ahead can answer "again" both ways while it drains, but not for longer than it has
    /// frames in work.
    #[allow(unsafe_code)]
    fn push(&mut self, data: &mut Data) -> Result<()> {
        for _ in 0..MAX_TRIES {
            // SAFETY: the context is open, and `data` is owned here.
            let status = unsafe { (self.library.api.send_data)(self.context.as_ptr(), data) };
            match status {
                0 if data.size == 0 => return Ok(()),
                0 | dav1d::AGAIN => self.take_picture()?,
                error => return Err(self.failure(error)),
            }
        }
        Err(self.corrupt("data that can be decoded", "data left over".into()))
    }

    /// Moves one picture to `ready`, if there is one.
    #[allow(unsafe_code)]
    fn take_picture(&mut self) -> Result<()> {
        let api = self.library.api;
        self.asked = true;
        let mut picture = Picture::EMPTY;
        // SAFETY: the context is open, and `picture` is larger than the structure of any version.
        match unsafe { (api.get_picture)(self.context.as_ptr(), &mut picture) } {
            0 => {}
            dav1d::AGAIN => return Ok(()),
            error => return Err(self.failure(error)),
        }
        let frame = self.expect_due(picture.timestamp).and_then(|()| self.convert(&picture));
        // SAFETY: the picture came from `get_picture`; its samples have been copied.
        unsafe { (api.picture_unref)(&mut picture) };
        self.ready.push_back(frame?.with_timestamp(self.received as i64));
        self.received += 1;
        Ok(())
    }

    /// Copies a picture, without the rows and columns that were added before encoding.
    fn convert(&self, picture: &Picture) -> Result<Frame> {
        let DecoderConfig { width, height, depth, layout, color, .. } = self.config;
        let (code, name) = match layout {
            Layout::Yuv420 => (dav1d::LAYOUT_420, "4:2:0"),
            _ => (dav1d::LAYOUT_444, "4:4:4"),
        };
        let coded = coded_size(width, height);
        let found = (picture.width as usize, picture.height as usize);
        if found != coded
            || picture.layout != code
            || picture.bits != c_int::from(depth.bits())
            || picture.planes.contains(&std::ptr::null())
        {
            let expected = format!("{name} at {} bits, {}x{}", depth.bits(), coded.0, coded.1);
            let found =
                format!("layout {} at {} bits, {}x{}", picture.layout, picture.bits, found.0, found.1);
            return Err(self.corrupt(expected, found));
        }
        let format = PixelFormat { layout, depth };
        let mut frame = Frame::to_fill(width, height, format, color)?;
        match frame.planes_mut() {
            Planes::U8(planes) => {
                for (index, plane) in planes.iter_mut().enumerate() {
                    copy_plane(picture, index, plane);
                }
            }
            Planes::U16(planes) => {
                for (index, plane) in planes.iter_mut().enumerate() {
                    copy_plane(picture, index, plane);
                }
            }
        }
        Ok(frame)
    }

    /// Fewer frames than units.
    fn too_few<T>(&mut self) -> Result<T> {
        let error = self.missing(&format!("{} of {}", self.received, self.sent));
        self.guard(Err(error))
    }

    /// A picture that is missing is found by the next one, before that is taken for it.
    fn expect_due(&self, unit: i64) -> Result<()> {
        let due = self.received as i64;
        if unit == due {
            Ok(())
        } else {
            Err(self.missing(&format!("unit {unit}'s in the place of unit {due}'s")))
        }
    }

    /// No frame where one was due. dav1d 1.0 on several threads says no more than that where a picture was refused its memory.
    fn missing(&self, found: &str) -> Error {
        let hides = self.config.threads > 1 && self.library.version.starts_with("1.0.");
        let hint = if hides {
            "; it may be memory that ran out, which dav1d 1.0 says with threads=1 alone"
        } else {
            ""
        };
        self.corrupt("a frame for each unit", format!("{found}{hint}"))
    }

    /// What an error code of dav1d says: there is no memory, or the data is damaged.
    fn failure(&self, code: c_int) -> Error {
        if code == dav1d::NO_MEMORY {
            let bytes = self.config.width as u64 * self.config.height as u64 * 3 / 2;
            return Error::OutOfMemory { what: "a frame that dav1d decodes", bytes };
        }
        self.corrupt("data that can be decoded", format!("error {code}"))
    }

    fn corrupt(&self, expected: impl std::fmt::Display, found: String) -> Error {
        Error::corrupt("AV1 data", expected, found, Place::at_frame(self.received))
    }

    fn reason(&self) -> &'static str {
        if self.state == State::Failed { "the scene is damaged" } else { "the scene was finished" }
    }

    /// Remembers a failure.
    fn guard<T>(&mut self, result: Result<T>) -> Result<T> {
        if result.is_err() {
            self.state = State::Failed;
        }
        result
    }
}

impl Drop for Av1Decoder {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        let mut context = self.context.as_ptr();
        // SAFETY: the context is open and is not used afterwards; closing stops its threads.
        unsafe { (self.library.api.close)(&mut context) };
    }
}

/// Copies the rows of one plane that the frame keeps.
#[allow(unsafe_code)]
fn copy_plane<T: Sample>(picture: &Picture, index: usize, plane: &mut Plane<T>) {
    let (start, stride) = (picture.planes[index], picture.strides[usize::from(index > 0)]);
    for y in 0..plane.height() {
        let row = plane.row_mut(y);
        // SAFETY: `convert` has compared size and sample type of the picture, of which the plane keeps at most
        // all; its rows lie `stride` bytes apart, aligned for their samples.
        unsafe {
            let source = start.offset(y as isize * stride).cast::<T>();
            std::ptr::copy_nonoverlapping(source, row.as_mut_ptr(), row.len());
        }
    }
}
