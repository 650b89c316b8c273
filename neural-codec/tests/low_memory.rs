//! Every large allocation may fail: each is an error then, and the process lives on.
#![allow(clippy::unwrap_used, reason = "a test stops at the first error")]
#![allow(unsafe_code, reason = "an allocator that fails")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{self, Cursor, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use neural_codec::bitstream::Limits;
use neural_codec::decoder::{
    DecoderSettings, DecodingAgent, Received, SeekingDecoder, StreamDecoder, inspect_any,
};
use neural_codec::encoder::{Hooks, encode};
use neural_codec::error::{Error, Result};
use neural_codec::frame::PixelFormat;
use neural_codec::media::FrameSource;
use neural_codec::metrics::{Measures, ssimulacra2};
use neural_codec::settings::Settings;
use neural_codec::still::{self, StillPicture, StillSettings, StillTarget};
use support::Clip;
use support::streams::WEIGHTS_ANYWHERE;

/// Allocations of fewer bytes never fail.
const LARGE: usize = 1 << 16;

/// Large allocations until the one that fails.
static LEFT: AtomicUsize = AtomicUsize::new(usize::MAX);

/// The system's allocator, of which one large allocation fails.
struct FailsOnce;

#[global_allocator]
static ALLOCATOR: FailsOnce = FailsOnce;

fn fails(bytes: usize) -> bool {
    let next = |left: usize| if left == usize::MAX { None } else { Some(left.wrapping_sub(1)) };
    bytes >= LARGE && LEFT.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next) == Ok(0)
}

// SAFETY: every call goes to the system's allocator, or gives nothing, which every caller has to expect.
unsafe impl GlobalAlloc for FailsOnce {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the contract is this function's own.
        if fails(layout.size()) { std::ptr::null_mut() } else { unsafe { System.alloc(layout) } }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        if fails(layout.size()) { std::ptr::null_mut() } else { unsafe { System.alloc_zeroed(layout) } }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        if fails(size) { std::ptr::null_mut() } else { unsafe { System.realloc(pointer, layout, size) } }
    }
}

/// The tests share one allocator.
static TURN: Mutex<()> = Mutex::new(());

/// Which large allocations fail, one a run: every one, or where a run takes long and the variable does not ask for all,
/// fewer and fewer.
const EVERY: &str = "NEURAL_CODEC_EVERY_ALLOCATION";

/// Does the work with the n-th large allocation failing, for every n until none fails; each failure is `OutOfMemory`, or
/// the work needs it not.
fn survives(what: &str, slow_down: usize, mut work: impl FnMut() -> Result<()>) {
    let is_every = std::env::var_os(EVERY).is_some();
    let mut next = 0;
    loop {
        let n = next;
        // Long runs make longer and longer steps.
        next += if is_every { 1 } else { 1 + n * slow_down / 4 };
        LEFT.store(n, Ordering::SeqCst);
        let result = work();
        let left = LEFT.swap(usize::MAX, Ordering::SeqCst);
        match result {
            // Counted down to the failure, which wraps around to the largest number and stays there.
            Err(Error::OutOfMemory { .. }) if left == usize::MAX => {}
            Ok(()) if left != usize::MAX => {
                assert!(n > 0, "{what}: no large allocation at all");
                return;
            }
            // A frame that was decoded ahead and then not asked for.
            Ok(()) if what == "seek" => {}
            Ok(()) => panic!("{what}: allocation {n} failed and nobody said so"),
            Err(error) => panic!("{what}: allocation {n}: {error}"),
        }
    }
}

/// A sink that keeps nothing.
struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Frames whose planes are large allocations, and whose thumbnails are not: those have a fixed largest size.
fn clip(format: PixelFormat) -> Clip {
    Clip::new(800, 400, format, 4, 2)
}

/// A source whose frames are made with memory that does not fail, as a caller's would be.
struct Prepared(Clip, Vec<neural_codec::frame::Frame>);

impl Prepared {
    fn new(clip: Clip) -> Self {
        let frames = (0..clip.frames).rev().map(|index| clip.frame(index)).collect();
        Self(clip, frames)
    }
}

impl FrameSource for Prepared {
    fn info(&self) -> &neural_codec::frame::VideoInfo {
        &self.0.info
    }

    fn next_frame(&mut self) -> Result<Option<neural_codec::frame::Frame>> {
        Ok(self.1.pop())
    }
}

const PLAIN: &[(&str, &str)] = &[("effort", "0"), ("threads", "1"), ("quantizer", "50")];
const FLOOR: &[(&str, &str)] = &[("effort", "0"), ("threads", "1"), ("min_psnr_y", "34")];
const HYBRID: &[(&str, &str)] =
    &[("effort", "3"), ("threads", "1"), ("strategies", "hybrid"), ("min_psnr_y", "34")];
const WIENER: &[(&str, &str)] =
    &[("effort", "0"), ("threads", "1"), ("min_psnr_y", "34"), ("defaults", WEIGHTS_ANYWHERE)];

fn encode_to(format: PixelFormat, pairs: &[(&str, &str)], mut output: impl Write) -> Result<()> {
    let mut settings = Settings::default();
    pairs.iter().for_each(|(name, value)| settings.set(name, value).unwrap());
    let left = LEFT.swap(usize::MAX, Ordering::SeqCst);
    let mut source = Prepared::new(clip(format));
    LEFT.store(left, Ordering::SeqCst);
    encode(&mut source, &mut output, &settings, Hooks::default()).map(drop)
}

fn stream(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_to(PixelFormat::YUV420_8, pairs, &mut bytes).unwrap();
    bytes
}

fn decode(bytes: &[u8]) -> Result<()> {
    let mut decoder = StreamDecoder::new(bytes, DecoderSettings::default().with_threads(1))?;
    while decoder.decode_frame()?.is_some() {}
    Ok(())
}

fn seek(bytes: &[u8]) -> Result<()> {
    let mut decoder = SeekingDecoder::open(Cursor::new(bytes), DecoderSettings::default().with_threads(1))?;
    for frame in [3, 1] {
        decoder.seek(frame)?;
        decoder.decode_frame()?;
    }
    Ok(())
}

fn push(bytes: &[u8]) -> Result<()> {
    let mut agent = DecodingAgent::new(DecoderSettings::default().with_threads(1))?;
    assert!(agent.send_data(bytes)?);
    agent.finish()?;
    while !matches!(agent.receive_frame()?, Received::End) {}
    Ok(())
}

#[test]
fn encoding_survives_every_failed_allocation() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    survives("encode", 0, || encode_to(PixelFormat::YUV420_8, PLAIN, Nowhere));
    survives("encode RGB", 1, || encode_to(PixelFormat::RGB_10, PLAIN, Nowhere));
    survives("encode for a floor", 1, || encode_to(PixelFormat::YUV420_8, FLOOR, Nowhere));
    survives("encode with weights", 1, || encode_to(PixelFormat::YUV420_8, WIENER, Nowhere));
}

#[test]
fn training_a_filter_survives_every_failed_allocation() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    survives("hybrid encode", 8, || encode_to(PixelFormat::YUV420_8, HYBRID, Nowhere));
}

#[test]
fn training_a_still_survives_every_failed_allocation() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // No larger than it must be for a plane of floats to be a large allocation.
    const WIDTH: u32 = 136;
    const HEIGHT: u32 = 124;
    let plane = |color: u32| {
        (0..WIDTH * HEIGHT).map(|at| (at % WIDTH * (color + 1) + at / WIDTH) as u16 % 256).collect()
    };
    let planes = [plane(0), plane(1), plane(2)];
    let picture = StillPicture { width: WIDTH, height: HEIGHT, bit_depth: 8, planes };
    assert!((LARGE..LARGE * 5 / 4).contains(&((WIDTH * HEIGHT) as usize * size_of::<f32>())));
    // With a first guess of the latents, and without.
    for (effort, slow_down) in [(3, 8), (0, 2)] {
        let settings = StillSettings::new(effort, StillTarget::MinPsnr(20.0));
        survives("still", slow_down, || {
            let bytes = still::encode(&picture, &settings, &mut |_| {})?;
            still::decode(&bytes, &Limits::default(), 0).map(drop)
        });
    }
}

#[test]
fn decoding_survives_every_failed_allocation() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for pairs in [PLAIN, HYBRID, WIENER] {
        let bytes = stream(pairs);
        let summary = inspect_any(Cursor::new(bytes.clone()), Limits::default()).unwrap();
        assert_eq!(summary.scenes.iter().any(|scene| scene.filter_bytes > 0), pairs != PLAIN, "{pairs:?}");
        survives("decode", 0, || decode(&bytes));
        survives("seek", 0, || seek(&bytes));
        survives("push", 0, || push(&bytes));
    }
}

#[test]
fn measuring_survives_every_failed_allocation() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let bytes = stream(PLAIN);
    survives("compare", 0, || {
        let left = LEFT.swap(usize::MAX, Ordering::SeqCst);
        let mut source = Prepared::new(clip(PixelFormat::YUV420_8));
        LEFT.store(left, Ordering::SeqCst);
        let mut decoder = StreamDecoder::new(bytes.as_slice(), DecoderSettings::default().with_threads(1))?;
        neural_codec::decoder::compare(&mut source, &mut decoder, Measures::MS_SSIM).map(drop)
    });
    let clip = clip(PixelFormat::YUV420_8);
    let pair = [0, 3].map(|index| clip.frame(index));
    survives("ssimulacra2", 0, || ssimulacra2(&pair[0], &pair[1]).map(drop));
}

#[test]
fn a_stream_that_needs_more_memory_than_the_limits_allow_is_refused_before_it_is_decoded() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let bytes = stream(PLAIN);
    let mut settings = DecoderSettings::default();
    settings.set("max_memory_bytes", "1000000").unwrap();
    let mut decoder = StreamDecoder::new(bytes.as_slice(), settings).unwrap();
    let error = decoder.decode_frame().unwrap_err();
    assert!(matches!(error, Error::LimitExceeded { limit: 1_000_000, .. }), "{error}");
    assert_eq!(error.place().scene, Some(0));
}
