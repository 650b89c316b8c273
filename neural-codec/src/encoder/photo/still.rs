//! A photo as a neural still: the other candidate, trained to the floor that the AV1 met.

use std::sync::mpsc;
use std::thread;

use super::target::{PhotoMetric, PhotoTarget};
use crate::bitstream::{Limits, PhotoPacket};
use crate::decoder::frame_of_still;
use crate::defaults::PhotoSearch;
use crate::encoder::hooks::Hooks;
use crate::error::{Error, Place, Result};
use crate::frame::{Frame, Planes};
use crate::memory;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::still::{self, StillHeader, StillPicture, StillSettings, StillTarget};
use crate::strategy::Strategy;

/// Which candidates a photo has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidates {
    pub(super) has_av1: bool,
    /// The floor of psnr_rgb that a still is trained to, where one is tried. Units: dB.
    pub(super) still_floor: Option<f64>,
}

impl Candidates {
    /// What the settings allow, and what is worth its time: stills are trained for squared error in RGB, so they are tried for a floor of psnr_rgb alone.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` where only stills are allowed and cannot be what is stored.
    pub(super) fn of(
        settings: &Settings,
        target: &PhotoTarget,
        packet: &PhotoPacket,
        holds_stills: bool,
    ) -> Result<Self> {
        let allowed = |strategy| settings.strategies.contains(&strategy);
        let has_av1 = allowed(Strategy::Av1) || allowed(Strategy::Hybrid);
        let floor = match target {
            PhotoTarget::Floor(floors) => match floors[..] {
                [(PhotoMetric::PsnrRgb, floor)] => Some(floor),
                _ => None,
            },
            _ => None,
        };
        if !has_av1 {
            let expected = match (holds_stills, floor) {
                (false, _) => "av1 for an .avif",
                (true, None) => "av1 too, or min_psnr as the only target",
                (true, Some(_)) => return Ok(Self { has_av1, still_floor: floor }),
            };
            return Err(Error::invalid("strategies", expected, "still alone"));
        }
        let PhotoSearch { still_from_effort, still_pixels, .. } = settings.defaults.photo;
        let pixels = u64::from(packet.width) * u64::from(packet.height);
        let is_tried = allowed(Strategy::Still)
            && holds_stills
            && settings.effort >= still_from_effort
            && pixels <= still_pixels
            && fits(pixels, settings)
            // A still of gray is not quite gray.
            && !packet.is_gray;
        Ok(Self { has_av1, still_floor: floor.filter(|_| is_tried) })
    }
}

/// Bytes a pixel that training takes at most.
const TRAINING_BYTES: u64 = 400;

fn fits(pixels: u64, settings: &Settings) -> bool {
    settings.max_memory_bytes.is_none_or(|limit| pixels * TRAINING_BYTES <= limit)
}

/// A trained still.
pub(super) struct TrainedStill {
    pub(super) code: Vec<u8>,
    pub(super) macs_per_pixel: u64,
    /// What a reader will see.
    pub(super) decoded: Frame,
}

/// Trains a still of `source`, RGB, to a floor of psnr_rgb in dB. `progress`: where the encode stands; each step counts as a frame coded.
///
/// # Errors
///
/// `Cancelled`, `OutOfMemory`, `LimitExceeded` for more memory than is allowed.
pub(super) fn train_still(
    source: &Frame,
    floor: f64,
    settings: &Settings,
    progress: Progress,
    hooks: &mut Hooks<'_>,
) -> Result<TrainedStill> {
    let picture = picture_of(source)?;
    let pixels = u64::from(picture.width) * u64::from(picture.height);
    if !fits(pixels, settings) {
        let (limit, found) = (settings.max_memory_bytes.unwrap_or(u64::MAX), pixels * TRAINING_BYTES);
        let what = "memory of a still in training";
        return Err(Error::LimitExceeded { what, limit, found, place: Place::default() });
    }
    let asked = StillSettings {
        threads: settings.thread_count(),
        cancel: hooks.cancel.clone(),
        ..StillSettings::new(settings.effort.min(9), StillTarget::MinPsnr(floor))
    };
    // Hooks are called on the caller's thread, training runs on others.
    let (said, heard) = mpsc::channel();
    let code = thread::scope(|scope| {
        let worker = thread::Builder::new().spawn_scoped(scope, move || {
            // Nobody hears what is said once the caller has its result.
            let mut tell = |at: still::StillProgress| said.send(at.step).unwrap_or(());
            still::encode(&picture, &asked, &mut tell)
        });
        let worker = worker.map_err(Error::no_thread)?;
        let mut told = Ok(());
        for step in heard {
            if told.is_ok() {
                told = hooks
                    .report(Progress { frames_coded: progress.frames_coded + u64::from(step), ..progress });
            }
        }
        let code =
            worker.join().map_err(|_| Error::internal("still", "training stopped without a result"))?;
        told.and(code)
    })?;
    let macs_per_pixel = StillHeader::read(&code)?.multiplications.into();
    let limits = Limits { max_pixels: u64::MAX, max_memory_bytes: u64::MAX, ..Limits::default() };
    let decoded = frame_of_still(still::decode(&code, &limits, settings.thread_count())?)?;
    Ok(TrainedStill { code, macs_per_pixel, decoded })
}

/// RGB as a still is coded from.
fn picture_of(frame: &Frame) -> Result<StillPicture> {
    let planes = match frame.planes() {
        Planes::U8(planes) => {
            let wide =
                |at: usize| memory::collected("samples", planes[at].samples().iter().map(|&s| u16::from(s)));
            [wide(0)?, wide(1)?, wide(2)?]
        }
        Planes::U16(planes) => {
            let copy = |at: usize| memory::copied("samples", planes[at].samples());
            [copy(0)?, copy(1)?, copy(2)?]
        }
    };
    let (width, height) = (frame.width() as u32, frame.height() as u32);
    Ok(StillPicture { width, height, bit_depth: frame.format().depth.bits(), planes })
}
