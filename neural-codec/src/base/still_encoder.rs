//! One picture of 4:4:4 as one AV1 key frame, by libaom.

use std::ffi::{CString, c_int, c_void};

use super::libaom::{
    ALL_INTRA, CONSTANT_QUALITY, Configuration, Context, FRAME_PACKET, HIGH_BIT_DEPTH, INTERFACES, Image,
    Libaom, NO_MEMORY, OK, OTHER_INTERFACE, PLANAR_444, SET_COLOR_RANGE,
};
use super::source::{coded_size, padded};
use super::version::Version;
use crate::error::{Error, Result};
use crate::frame::{BitDepth, Color, Frame, Layout, Planes};
use crate::memory;

/// A temporal delimiter, which units of this library go without.
const DELIMITER: [u8; 2] = [0x12, 0x00];

/// On one thread the library gives other bytes than on two or more, so that two are the least.
const FEWEST_THREADS: usize = 2;

/// What the encoder decides by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StillTune {
    /// Squared error.
    SquaredError,
    /// What people see, as SSIMULACRA 2 has it; the planes have to be Y, Cb and Cr. Libraries before 3.12 have none.
    Perception,
}

/// How a picture is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StillEncoder {
    /// Constant quality (`cq-level`), 1 (best) to 63.
    pub quantizer: u8,
    /// 0 (slowest) to 9.
    pub speed: u8,
    /// What it decides by.
    pub tune: StillTune,
    /// What players are told of the colors; none where the planes mean nothing to them.
    pub color: Option<Color>,
    /// Threads, at least 1.
    pub threads: usize,
}

impl StillEncoder {
    /// The fastest speed.
    pub const FASTEST: u8 = 9;

    /// Whether the library codes as is expected of it, by opening an encoder for a small picture.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a library that will not do, `OutOfMemory`.
    pub fn probe(library: &Libaom) -> Result<()> {
        let tune = if library.has_perception() { StillTune::Perception } else { StillTune::SquaredError };
        let small = Self { quantizer: 32, speed: Self::FASTEST, tune, color: None, threads: 1 };
        Open::new(library, small, coded_size(1, 1)).map(drop)
    }

    /// Codes a picture: 4:4:4 of ten bits, full range, whatever its planes mean.
    ///
    /// Gives one temporal unit without a delimiter, coded at [`coded_size`], the last column and row repeated.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for other formats, `OutOfMemory`, `Unsupported` for a library that will not do.
    pub fn encode(self, library: &Libaom, picture: &Frame) -> Result<Vec<u8>> {
        let (Planes::U16(planes), Layout::Yuv444, BitDepth::Ten) =
            (picture.planes(), picture.format().layout, picture.format().depth)
        else {
            return Err(Error::invalid("picture", "4:4:4 of ten bits", format!("{:?}", picture.format())));
        };
        let (width, height) = coded_size(picture.width(), picture.height());
        let mut samples = memory::reserved("samples of a photo", 3 * width * height)?;
        for plane in planes {
            samples.extend_from_slice(&padded(plane, width, height)?);
        }
        Open::new(library, self, (width, height))?.code(&mut samples, (width, height))
    }

    /// What is set by name: 64x64 superblocks save bytes at these sizes (docs/decisions/0023).
    fn options(self, library: &Libaom) -> Vec<(&'static str, String)> {
        let tune = match self.tune {
            StillTune::SquaredError => "psnr",
            StillTune::Perception if library.version() < Version(3, 13, 0) => "iq",
            StillTune::Perception => "ssimulacra2",
        };
        let mut options = vec![
            ("cpu-used", self.speed.to_string()),
            ("tune", tune.to_owned()),
            ("cq-level", self.quantizer.to_string()),
            ("sb-size", "64".to_owned()),
            ("row-mt", "1".to_owned()),
        ];
        // The names of the code points that photos have.
        for (code, point, option, name) in [
            (self.color.map(|color| color.primaries), 1, "color-primaries", "bt709"),
            (self.color.map(|color| color.transfer), 13, "transfer-characteristics", "srgb"),
            (self.color.map(|color| color.matrix), Color::BT601, "matrix-coefficients", "bt601"),
        ] {
            if code == Some(point) {
                options.push((option, name.to_owned()));
            }
        }
        options
    }
}

/// An encoder of the library.
struct Open<'a> {
    library: &'a Libaom,
    context: Box<Context>,
}

impl<'a> Open<'a> {
    #[allow(unsafe_code)]
    fn new(library: &'a Libaom, asked: StillEncoder, (width, height): (usize, usize)) -> Result<Self> {
        let api = library.api;
        // SAFETY: it takes nothing, and gives a constant of the library.
        let interface = unsafe { (api.interface)() };
        let mut configuration = Box::new(Configuration::EMPTY);
        // SAFETY: the address is valid, and behind the fields there is more room than any version fills.
        let status = unsafe { (api.defaults)(interface, &mut *configuration, ALL_INTRA) };
        if status != OK || !configuration.is_known() {
            return Err(unsupported(library, "its defaults are not those of a known version"));
        }
        configuration.usage = ALL_INTRA;
        configuration.threads = asked.threads.clamp(FEWEST_THREADS, 64) as u32;
        configuration.profile = 1;
        (configuration.width, configuration.height) = (width as u32, height as u32);
        configuration.limit = 1;
        (configuration.bit_depth, configuration.input_bit_depth) = (10, 10);
        configuration.lag = 0;
        configuration.rate_control = CONSTANT_QUALITY;
        for version in INTERFACES {
            let mut context = Box::new(Context([0; 32]));
            // SAFETY: both structures have the layout, and more room than, those of the library have.
            let status =
                unsafe { (api.init)(&mut *context, interface, &*configuration, HIGH_BIT_DEPTH, version) };
            match status {
                OK => {
                    let mut open = Self { library, context };
                    open.set(asked)?;
                    return Ok(open);
                }
                OTHER_INTERFACE => {}
                NO_MEMORY => return Err(out_of_memory()),
                other => return Err(unsupported(library, &format!("its encoder does not open ({other})"))),
            }
        }
        Err(unsupported(library, "its interface is not known"))
    }

    #[allow(unsafe_code)]
    fn set(&mut self, asked: StillEncoder) -> Result<()> {
        let api = self.library.api;
        for (name, value) in asked.options(self.library) {
            let text = |text: &str| {
                CString::new(text).map_err(|_| Error::internal("libaom", "an option with a zero byte"))
            };
            let (key, given) = (text(name)?, text(&value)?);
            // SAFETY: the context is open, and both are strings that end in a zero byte.
            let status = unsafe { (api.set_option)(&mut *self.context, key.as_ptr(), given.as_ptr()) };
            if status != OK {
                return Err(unsupported(self.library, &format!("it refuses {name}={value} ({status})")));
            }
        }
        // SAFETY: the context is open, and this control takes an int.
        match unsafe { (api.control)(&mut *self.context, SET_COLOR_RANGE, 1 as c_int) } {
            OK => Ok(()),
            status => Err(unsupported(self.library, &format!("it refuses full range ({status})"))),
        }
    }

    /// The unit of a picture whose planes of `width x height` samples follow one another.
    #[allow(unsafe_code)]
    fn code(&mut self, samples: &mut [u16], (width, height): (usize, usize)) -> Result<Vec<u8>> {
        let api = self.library.api;
        let mut image = Box::new(Image::EMPTY);
        // SAFETY: the samples are as many as a picture of this format, size and alignment has, and live beyond the last use of the image.
        let wrapped = unsafe {
            (api.wrap)(&mut *image, PLANAR_444, width as u32, height as u32, 1, samples.as_mut_ptr().cast())
        };
        if wrapped.is_null() {
            return Err(unsupported(self.library, "it takes no picture of this size"));
        }
        image.bit_depth = 10;
        let mut unit = Vec::new();
        for picture in [&raw const *image, std::ptr::null()] {
            // SAFETY: the context is open; the image was filled in above, and none says that there are no more.
            match unsafe { (api.encode)(&mut *self.context, picture, 0, 1, 0) } {
                OK => self.take(&mut unit)?,
                NO_MEMORY => return Err(out_of_memory()),
                status => return Err(Error::internal("libaom", format!("encoding ended with {status}"))),
            }
        }
        if unit.starts_with(&DELIMITER) {
            unit.drain(..DELIMITER.len());
        }
        if unit.is_empty() {
            return Err(Error::internal("libaom", "a picture gave no bytes"));
        }
        Ok(unit)
    }

    /// Adds what is ready.
    #[allow(unsafe_code)]
    fn take(&mut self, unit: &mut Vec<u8>) -> Result<()> {
        let mut place: *const c_void = std::ptr::null();
        loop {
            // SAFETY: the context is open; a packet lives until the next call that codes.
            let Some(packet) =
                (unsafe { (self.library.api.packet)(&mut *self.context, &mut place).as_ref() })
            else {
                return Ok(());
            };
            if packet.kind == FRAME_PACKET {
                // SAFETY: a packet with a frame names as many bytes as there are.
                let bytes = unsafe { std::slice::from_raw_parts(packet.data, packet.len) };
                memory::grow("AV1 of a photo", unit, bytes.len())?;
                unit.extend_from_slice(bytes);
            }
        }
    }
}

impl Drop for Open<'_> {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: the context is open and is not used afterwards.
        unsafe { (self.library.api.destroy)(&mut *self.context) };
    }
}

fn out_of_memory() -> Error {
    Error::OutOfMemory { what: "libaom", bytes: 0 }
}

fn unsupported(library: &Libaom, why: &str) -> Error {
    Error::Unsupported {
        what: format!("libaom {}: {why}", library.version()),
        remedy: "set NEURAL_CODEC_AOM to a libaom of version 3.2 or newer".into(),
    }
}
