//! How many scenes are coded at once, and with how many threads each, so that an encode stays within its memory. Settled before the
//! first frame; none of it changes a byte.

use crate::error::{Error, Place, Result};
use crate::frame::{BitDepth, VideoInfo};

/// Bytes of frames that may wait in memory, for their encoder or for a filter: 43 frames of 1080p.
const WAITING_BYTES: u64 = 128 << 20;

/// Bytes that the base encoders of all scenes may take where the caller names no limit; one scene is always coded.
const DEFAULT_ENCODER_BYTES: u64 = 1 << 30;

/// What an encode takes beside frames and base encoders, in bytes.
const FIXED_BYTES: u64 = 80 << 20;

/// More threads than these take no more memory: SVT-AV1 has no higher level of parallelism.
const MOST_THREADS: usize = 8;

/// What a base encoder takes for each doubling of its threads whatever the size of the picture, in bytes.
const DOUBLING_BYTES: u64 = 75 << 20;

/// What one base encoder takes with the frames it holds back, in bytes a pixel of the picture: with one thread, and more for each doubling of
/// threads. Upper bounds of what was measured (`docs/decisions/0015-the-host-lives-on.md`).
#[derive(Clone, Copy)]
struct BytesPerPixel {
    one_thread: u64,
    doubling: u64,
}

impl BytesPerPixel {
    fn of(preset: i8, depth: BitDepth) -> Self {
        match (preset, depth) {
            (_, BitDepth::Ten) => Self { one_thread: 600, doubling: 150 },
            (..9, BitDepth::Eight) => Self { one_thread: 400, doubling: 80 },
            (_, BitDepth::Eight) => Self { one_thread: 250, doubling: 60 },
        }
    }
}

/// Bytes of one base encoder.
fn encoder_bytes(pixels: u64, (preset, depth): (i8, BitDepth), threads: usize) -> u64 {
    let BytesPerPixel { one_thread, doubling } = BytesPerPixel::of(preset, depth);
    let doublings = u64::from(threads.clamp(1, MOST_THREADS).next_power_of_two().ilog2());
    pixels * (one_thread + doublings * doubling) + doublings * DOUBLING_BYTES
}

/// What runs side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MemoryPlan {
    /// Scenes that are coded at the same time: two at most, as each uses all threads, or one a device.
    pub(super) scenes_at_once: usize,
    /// Threads of the base encoder of each scene.
    pub(super) encoder_threads: usize,
    /// Bytes of frames that may wait in memory; others wait on disk.
    pub(super) waiting_bytes: usize,
}

impl MemoryPlan {
    /// The fastest plan that fits: first fewer scenes at once, then fewer threads. `stored` is the preset and depth that take most.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` where one scene with one thread takes more than `limit` bytes.
    pub(super) fn new(
        info: &VideoInfo,
        stored: (i8, BitDepth),
        threads: usize,
        devices: usize,
        limit: Option<u64>,
    ) -> Result<Self> {
        let pixels = info.width as u64 * info.height as u64;
        let need = |threads| encoder_bytes(pixels, stored, threads);
        let most_scenes = threads.clamp(1, devices.max(2));
        let plan = |scenes_at_once, encoder_threads, waiting: u64| Self {
            scenes_at_once,
            encoder_threads,
            waiting_bytes: usize::try_from(waiting).unwrap_or(usize::MAX),
        };
        let Some(limit) = limit else {
            let fitting = usize::try_from(DEFAULT_ENCODER_BYTES / need(threads)).unwrap_or(usize::MAX);
            return Ok(plan(fitting.clamp(1, most_scenes), threads, WAITING_BYTES));
        };
        let waiting = WAITING_BYTES.min(limit / 8);
        let encoders = limit.saturating_sub(FIXED_BYTES + waiting);
        if let Some(scenes) =
            (1..=most_scenes).rev().find(|&scenes| need(threads) * scenes as u64 <= encoders)
        {
            return Ok(plan(scenes, threads, waiting));
        }
        let fewer = std::iter::successors(Some(threads / 2), |threads| Some(threads / 2))
            .take_while(|&threads| threads > 0);
        if let Some(threads) = fewer.into_iter().find(|&threads| need(threads) <= encoders) {
            return Ok(plan(1, threads, waiting));
        }
        // The least limit that leaves `need(1)` beside an eighth, or beside the most that waits.
        let fixed = FIXED_BYTES + need(1);
        let found = (fixed * 8).div_ceil(7).min(fixed + WAITING_BYTES);
        Err(Error::LimitExceeded {
            what: "memory that this encode takes at least",
            limit,
            found,
            place: Place::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{PixelFormat, Rational};

    const SLOW: (i8, BitDepth) = (4, BitDepth::Ten);

    fn plan(width: usize, height: usize, threads: usize, limit: Option<u64>) -> Result<MemoryPlan> {
        MemoryPlan::new(
            &VideoInfo::new(width, height, PixelFormat::YUV420_8, Rational { num: 25, den: 1 }),
            SLOW,
            threads,
            1,
            limit,
        )
    }

    #[test]
    fn small_pictures_are_coded_two_scenes_at_once_and_large_ones_alone() {
        let at_once = |width, height| plan(width, height, 2, None).unwrap().scenes_at_once;
        assert_eq!((at_once(640, 360), at_once(1920, 1080), at_once(7680, 4320)), (2, 1, 1));
    }

    #[test]
    fn less_memory_takes_scenes_first_and_threads_then() {
        let found: Vec<_> = [9_000, 5_000, 3_000, 2_300, 1_900, 1_600]
            .map(|mb| {
                plan(1920, 1080, 8, Some(mb * 1_000_000))
                    .map(|p| (p.scenes_at_once, p.encoder_threads))
                    .unwrap()
            })
            .into();
        assert_eq!(found, [(2, 8), (1, 8), (1, 8), (1, 4), (1, 2), (1, 1)]);
    }

    #[test]
    fn too_little_is_an_error_that_says_how_much_would_do() {
        for (width, height) in [(64, 64), (1920, 1080), (3840, 2160)] {
            let Err(Error::LimitExceeded { limit: 50_000_000, found, .. }) =
                plan(width, height, 4, Some(50_000_000))
            else {
                panic!("{width}x{height} fits 50 MB")
            };
            assert!(plan(width, height, 4, Some(found)).is_ok(), "{width}x{height}: {found}");
            assert!(plan(width, height, 4, Some(found - 2)).is_err(), "{width}x{height}: {found}");
        }
    }
}
