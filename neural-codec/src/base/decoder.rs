//! AV1 decoding of one scene by dav1d: temporal units in, frames out, in display order.

use std::collections::VecDeque;
use std::ffi::c_int;
use std::ptr::NonNull;
use std::sync::Arc;

use super::coded_size;
use super::dav1d::{self, Context, Data, Dav1d, Picture, Settings};
use crate::error::{Error, Place, Result};
use crate::frame::{BitDepth, Color, Frame, Layout, PixelFormat, Plane, Planes, check_size};

/// What a scene says about its AV1 stream.
#[derive(Debug, Clone)]
pub struct DecoderConfig {
    /// Width of the frames to give out: the left part of the coded picture.
    pub width: usize,
    /// Height of the frames to give out: the top part of the coded picture.
    pub height: usize,
    /// Width of the coded picture in pixels.
    pub coded_width: usize,
    /// Height of the coded picture in pixels.
    pub coded_height: usize,
    /// Bits of a coded sample.
    pub depth: BitDepth,
    /// Colour description that the frames get.
    pub color: Color,
    /// Threads, at least 1. The frames do not depend on it.
    pub threads: usize,
}

impl DecoderConfig {
    /// For frames of 8 bits as this library's encoder codes them, with one thread.
    pub fn new(width: usize, height: usize) -> Self {
        let (coded_width, coded_height) = coded_size(width, height);
        Self {
            width,
            height,
            coded_width,
            coded_height,
            depth: BitDepth::Eight,
            color: Color::default(),
            threads: 1,
        }
    }

    fn check(&self) -> Result<()> {
        check_size(self.coded_width, self.coded_height)?;
        let fits =
            (1..=self.coded_width).contains(&self.width) && (1..=self.coded_height).contains(&self.height);
        if !fits {
            let expected = format!("1x1 to {}x{}", self.coded_width, self.coded_height);
            return Err(Error::invalid("frame size", expected, format!("{}x{}", self.width, self.height)));
        }
        if self.threads == 0 {
            return Err(Error::invalid("threads", "at least 1", 0));
        }
        Ok(())
    }
}

/// One instance of dav1d.
///
/// After each [`send`](Self::send) take out what [`receive`](Self::receive) gives. Film grain is not applied.
pub struct Av1Decoder {
    library: Arc<Dav1d>,
    context: NonNull<Context>,
    config: DecoderConfig,
    ready: VecDeque<Frame>,
}

#[allow(unsafe_code)]
// SAFETY: a context is not tied to the thread that made it, and `&mut self` keeps calls from overlapping.
unsafe impl Send for Av1Decoder {}

impl Av1Decoder {
    /// Starts a decoder.
    ///
    /// Errors: `MissingLibrary` without dav1d, `InvalidArgument` for sizes that do not fit, `OutOfMemory`.
    #[allow(unsafe_code)]
    pub fn new(config: &DecoderConfig) -> Result<Self> {
        config.check()?;
        let library = Dav1d::load()?;
        let mut settings = Settings::zeroed();
        // SAFETY: the structure has room for that of any version.
        unsafe { (library.api.default_settings)(&mut *settings) };
        settings.n_threads = config.threads.min(64) as c_int;
        settings.apply_grain = 0;
        settings.all_layers = 0;
        settings.frame_size_limit =
            u32::try_from(config.coded_width * config.coded_height).unwrap_or(u32::MAX);
        settings.logger_callback = std::ptr::null_mut();
        let mut context = std::ptr::null_mut();
        // SAFETY: both addresses are valid for the call.
        let status = unsafe { (library.api.open)(&mut context, &*settings) };
        let context = NonNull::new(context).ok_or_else(|| failure(status))?;
        Ok(Self { library, context, config: config.clone(), ready: VecDeque::new() })
    }

    /// Decodes one temporal unit.
    ///
    /// Errors: `Corrupt` for what is not AV1 or not as configured; the decoder is then of no more use.
    #[allow(unsafe_code)]
    pub fn send(&mut self, unit: &[u8]) -> Result<()> {
        if unit.is_empty() {
            return Err(Error::corrupt("AV1 temporal unit", "at least 1 byte", 0, Place::default()));
        }
        let library = Arc::clone(&self.library);
        let mut data = Input::new(&library, unit)?;
        let mut idle = 0;
        while idle < 2 {
            // SAFETY: the context is open, and the data was made by this library.
            let status = unsafe { (library.api.send_data)(self.context.as_ptr(), &mut *data.data) };
            if status != 0 && status != dav1d::AGAIN {
                return Err(failure(status));
            }
            // Asked once after data, not until it is empty: asking twice would drain the frame threads.
            let found = self.take_picture()?;
            if data.data.size == 0 {
                return Ok(());
            }
            // Data refused without a picture given: what was left of the unit before is now parsed.
            idle = if found { 0 } else { idle + 1 };
        }
        Err(Error::internal("dav1d", "takes no data and gives no picture"))
    }

    /// Says that no unit will follow, so that the last frames come out.
    ///
    /// Errors: as [`send`](Self::send).
    pub fn finish(&mut self) -> Result<()> {
        // The first request after data may only switch to draining.
        let mut idle = 0;
        while idle < 2 {
            idle = if self.take_picture()? { 0 } else { idle + 1 };
        }
        Ok(())
    }

    /// The next frame, if one is ready. Errors: none.
    pub fn receive(&mut self) -> Result<Option<Frame>> {
        Ok(self.ready.pop_front())
    }

    /// Moves a finished picture to `ready`; false if there is none.
    #[allow(unsafe_code)]
    fn take_picture(&mut self) -> Result<bool> {
        let api = self.library.api;
        let mut picture = Picture::zeroed();
        // SAFETY: the context is open, and the picture has room for that of any version.
        let status = unsafe { (api.get_picture)(self.context.as_ptr(), &mut *picture) };
        match status {
            0 => {}
            dav1d::AGAIN => return Ok(false),
            _ => return Err(failure(status)),
        }
        let frame = self.frame(&picture);
        // SAFETY: the library filled the picture in, and nothing of it is used after this.
        unsafe { (api.picture_unref)(&mut *picture) };
        self.ready.push_back(frame?);
        Ok(true)
    }

    /// The visible part of a picture, copied.
    fn frame(&self, picture: &Picture) -> Result<Frame> {
        let config = &self.config;
        let expected =
            (config.coded_width, config.coded_height, dav1d::LAYOUT_I420, c_int::from(config.depth.bits()));
        let found = (picture.width as usize, picture.height as usize, picture.layout, picture.bits);
        if found != expected {
            let text = |(w, h, layout, bits): (usize, usize, c_int, c_int)| {
                format!("{w}x{h}, {} at {bits} bits", if layout == 1 { "4:2:0" } else { "another layout" })
            };
            return Err(Error::corrupt("AV1 picture", text(expected), text(found), Place::default()));
        }
        let format = PixelFormat { layout: Layout::Yuv420, depth: config.depth };
        let mut frame = Frame::new(config.width, config.height, format, config.color)?;
        match frame.planes_mut() {
            Planes::U8(planes) => copy_planes(picture, planes),
            Planes::U16(planes) => copy_planes(picture, planes),
        }
        Ok(frame)
    }
}

impl Drop for Av1Decoder {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        let mut context = self.context.as_ptr();
        // SAFETY: the context is open and is not used afterwards; closing joins its threads.
        unsafe { (self.library.api.close)(&mut context) };
    }
}

/// Bytes of one unit in the library's own memory.
struct Input<'a> {
    library: &'a Dav1d,
    data: Box<Data>,
}

impl<'a> Input<'a> {
    #[allow(unsafe_code)]
    fn new(library: &'a Dav1d, unit: &[u8]) -> Result<Self> {
        let mut data = Data::zeroed();
        // SAFETY: the structure has room for that of any version.
        let room = unsafe { (library.api.data_create)(&mut *data, unit.len()) };
        if room.is_null() {
            return Err(Error::OutOfMemory { what: "an AV1 temporal unit", bytes: unit.len() as u64 });
        }
        // SAFETY: the library gave `unit.len()` bytes of its own at `room`.
        unsafe { std::ptr::copy_nonoverlapping(unit.as_ptr(), room, unit.len()) };
        Ok(Self { library, data })
    }
}

impl Drop for Input<'_> {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: the data was made by this library; what it took over it has cleared.
        unsafe { (self.library.api.data_unref)(&mut *self.data) };
    }
}

#[allow(unsafe_code)]
fn copy_planes<T: crate::frame::Sample>(picture: &Picture, planes: &mut [Plane<T>; 3]) {
    for (index, plane) in planes.iter_mut().enumerate() {
        let stride = picture.strides[index.min(1)];
        let width = plane.width();
        for y in 0..plane.height() {
            // SAFETY: the caller checked layout, depth and size: the picture has at least `plane.height()` rows
            // of at least `width` samples of this type, `stride` bytes apart, until it is released. dav1d
            // aligns its rows to 64 bytes.
            let row = unsafe {
                std::slice::from_raw_parts(
                    picture.planes[index].cast::<u8>().offset(stride * y as isize).cast::<T>().cast_const(),
                    width,
                )
            };
            plane.row_mut(y).copy_from_slice(row);
        }
    }
}

fn failure(status: c_int) -> Error {
    if status == dav1d::NO_MEMORY {
        return Error::OutOfMemory { what: "AV1 decoding", bytes: 0 };
    }
    let reason = std::io::Error::from_raw_os_error(-status);
    Error::corrupt("AV1 data", "a decodable temporal unit", reason, Place::default())
}
