//! One run of libvmaf over consecutive frames.

use std::ffi::{CStr, c_int, c_void};
use std::sync::Arc;

use super::library::{Configuration, LUMA_ALONE, Library, ModelConfig, Picture};
use crate::error::{Error, Result};
use crate::frame::{Frame, Planes, Sample, VideoInfo};

/// The smallest side of a picture that VMAF is measured of: a safe distance above where libvmaf 3.2 was seen to read beyond what it
/// filled in, which gave other values from run to run (up to 67 samples), and to crash (16).
pub const VMAF_SMALLEST_SIDE: usize = 80;

const MODEL: &CStr = c"vmaf_v0.6.1";

/// Threads that libvmaf may use. The values do not depend on it.
const MOST_THREADS: usize = 8;

/// libvmaf at work. Scores are known at the end: a frame's depends on the one after it.
#[derive(Debug)]
pub(in crate::metrics) struct VmafRun {
    library: Arc<Library>,
    context: *mut c_void,
    model: *mut c_void,
    width: u32,
    height: u32,
    bits: u32,
    count: u32,
}

// SAFETY: libvmaf ties neither contexts nor models to a thread, and a run is used by one thread at a time.
#[allow(unsafe_code)]
unsafe impl Send for VmafRun {}

impl VmafRun {
    /// # Errors
    ///
    /// `MissingLibrary` with the remedy; `Internal` with what libvmaf reports.
    #[allow(unsafe_code)]
    pub(in crate::metrics) fn new(info: &VideoInfo) -> Result<Self> {
        let library = Library::load()?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS) as u32;
        let mut run = Self {
            library,
            context: std::ptr::null_mut(),
            model: std::ptr::null_mut(),
            width: info.width as u32,
            height: info.height as u32,
            bits: info.format.depth.bits().into(),
            count: 0,
        };
        let api = run.library.api;
        let configuration = Configuration { log_level: 0, threads, subsample: 1, cpu_mask: 0, gpu_mask: 0 };
        // SAFETY: the place for the handle is ours; what is made is closed by `drop`.
        check("vmaf_init", unsafe { (api.init)(&mut run.context, configuration) })?;
        let mut config = ModelConfig { name: std::ptr::null(), flags: 0 };
        // SAFETY: as above; the name ends in a zero byte and libvmaf copies what it keeps.
        check("vmaf_model_load", unsafe { (api.model_load)(&mut run.model, &mut config, MODEL.as_ptr()) })?;
        // SAFETY: both handles are valid.
        check("vmaf_use_features_from_model", unsafe { (api.use_features)(run.context, run.model) })?;
        Ok(run)
    }

    /// The next pair of frames, of the size and depth that the run was made for.
    ///
    /// # Errors
    ///
    /// `Internal` with what libvmaf reports.
    #[allow(unsafe_code)]
    pub(in crate::metrics) fn push(&mut self, source: &Frame, decoded: &Frame) -> Result<()> {
        let mut source = self.picture(source)?;
        let mut decoded = match self.picture(decoded) {
            Ok(picture) => picture,
            Err(error) => {
                // SAFETY: the picture was allocated, and nobody else has it.
                unsafe { (self.library.api.picture_unref)(&mut source) };
                return Err(error);
            }
        };
        // SAFETY: the context is open, and takes both pictures over.
        let done =
            unsafe { (self.library.api.read_pictures)(self.context, &mut source, &mut decoded, self.count) };
        check("vmaf_read_pictures", done)?;
        self.count += 1;
        Ok(())
    }

    /// The score of each frame, in order.
    ///
    /// # Errors
    ///
    /// `Internal` with what libvmaf reports.
    #[allow(unsafe_code)]
    pub(in crate::metrics) fn finish(self) -> Result<Vec<f64>> {
        if self.count == 0 {
            return Ok(Vec::new());
        }
        let api = self.library.api;
        // SAFETY: two nulls say that no picture will follow.
        let done =
            unsafe { (api.read_pictures)(self.context, std::ptr::null_mut(), std::ptr::null_mut(), 0) };
        check("vmaf_read_pictures", done)?;
        let score = |index| {
            let mut score = f64::NAN;
            // SAFETY: both handles are valid, and the place for the score is ours.
            check("vmaf_score_at_index", unsafe {
                (api.score_at)(self.context, self.model, &mut score, index)
            })?;
            if score.is_finite() {
                Ok(score)
            } else {
                Err(Error::internal("libvmaf", "a score that is no number"))
            }
        };
        (0..self.count).map(score).collect()
    }

    /// A frame's luma as libvmaf holds it.
    #[allow(unsafe_code)]
    fn picture(&self, frame: &Frame) -> Result<Picture> {
        let (width, height) = (frame.width(), frame.height());
        if (width as u32, height as u32) != (self.width, self.height)
            || u32::from(frame.format().depth.bits()) != self.bits
        {
            let expected = format!("{}x{} of {} bits", self.width, self.height, self.bits);
            return Err(Error::invalid(
                "frame for vmaf",
                expected,
                format!("{width}x{height} in {}", frame.format()),
            ));
        }
        let mut picture = Picture::EMPTY;
        // SAFETY: the structure is larger than that of any version that `Library` takes.
        check("vmaf_picture_alloc", unsafe {
            (self.library.api.picture_alloc)(&mut picture, LUMA_ALONE, self.bits, self.width, self.height)
        })?;
        match frame.planes() {
            Planes::U8([luma, ..]) => copy(luma.samples(), width, &picture),
            Planes::U16([luma, ..]) => copy(luma.samples(), width, &picture),
        }
        Ok(picture)
    }
}

/// Copies samples into a picture of their size and depth; what pads its rows becomes 0.
#[allow(unsafe_code)]
fn copy<T: Sample>(samples: &[T], width: usize, picture: &Picture) {
    let (Ok(stride), start) = (usize::try_from(picture.strides[0]), picture.data[0].cast::<u8>()) else {
        return;
    };
    for (row, samples) in samples.chunks_exact(width).enumerate() {
        // SAFETY: libvmaf allocated `stride` bytes for each of the rows, at least those of `width` samples, which are as many bytes
        // wide as `T` is: one up to 8 bits and two above.
        unsafe {
            let to = start.add(row * stride);
            std::ptr::copy_nonoverlapping(samples.as_ptr().cast::<u8>(), to, size_of_val(samples));
            to.add(size_of_val(samples)).write_bytes(0, stride - size_of_val(samples));
        }
    }
}

fn check(call: &str, code: c_int) -> Result<()> {
    if code == 0 { Ok(()) } else { Err(Error::internal("libvmaf", format!("{call} gave {code}"))) }
}

impl Drop for VmafRun {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        let api = self.library.api;
        // SAFETY: handles that are not null are valid, and nobody uses them again.
        unsafe {
            if !self.model.is_null() {
                (api.model_destroy)(self.model);
            }
            if !self.context.is_null() {
                (api.close)(self.context);
            }
        }
    }
}
