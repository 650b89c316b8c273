//! A photo as a neural still: the other candidate, trained to the floor that the AV1 met, with a filter over it where that brings it nearer.

use std::sync::{Arc, mpsc};
use std::thread;

use super::target::{PhotoMetric, PhotoTarget};
use crate::bitstream::{Limits, PhotoCode, PhotoFilter, PhotoPacket};
use crate::decoder::{filter_planes, frame_of_still};
use crate::defaults::PhotoSearch;
use crate::encoder::hooks::Hooks;
use crate::error::{Error, Place, Result};
use crate::filter::{Network, STILL_NETWORK, photo_network};
use crate::frame::{BitDepth, Frame, OwnColors, Plane, Planes, rgb_of_samples};
use crate::metrics::{Comparison, Measures};
use crate::progress::Progress;
use crate::settings::Settings;
use crate::still::{
    self, StillHeader, StillPicture, StillReader, StillSettings, StillTarget, training_bytes,
};
use crate::strategy::Strategy;
use crate::with_planes;

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
            && fits(packet.width.into(), packet.height.into(), settings)
            // A still of gray is not quite gray.
            && !packet.is_gray;
        Ok(Self { has_av1, still_floor: floor.filter(|_| is_tried) })
    }
}

fn fits(width: u64, height: u64, settings: &Settings) -> bool {
    settings.max_memory_bytes.is_none_or(|limit| training_bytes(width, height) <= limit)
}

/// A trained still.
pub(super) struct TrainedStill {
    pub(super) code: PhotoCode,
    /// Of its own samples.
    pub(super) depth: BitDepth,
    pub(super) macs_per_pixel: u64,
    /// What a reader will see.
    pub(super) decoded: Frame,
}

/// A source, and the filters that its still may have.
struct Filtering {
    source: Frame,
    filters: Vec<(PhotoFilter, Network)>,
    threads: usize,
}

/// A still as a reader will see it.
struct Seen<'a> {
    filter: Option<&'a (PhotoFilter, Network)>,
    picture: Frame,
    /// Units: dB; infinite where nothing differs.
    psnr_rgb: f64,
}

impl Filtering {
    fn new(source: &Frame, rules: &PhotoSearch, threads: usize) -> Result<Self> {
        let filter = |quantizer: u8| {
            let filter = PhotoFilter { network: STILL_NETWORK, quantizer };
            Ok((filter, photo_network(filter)?))
        };
        let filters = rules.still_filters.into_iter().map(filter).collect::<Result<_>>()?;
        Ok(Self { source: source.try_clone()?, filters, threads })
    }

    /// A decoded still with the filter that brings it nearest to the source, or none where none does.
    fn nearest(&self, still: StillPicture) -> Result<Seen<'_>> {
        let (still, depth) = (frame_of_still(still)?, self.source.format().depth);
        let planes = OwnColors::planes_of_still(&still)?;
        let mut nearest = self.seen(None, rounded_to(&still, depth)?)?;
        for filter in &self.filters {
            let filtered = filter_planes(&planes, &filter.1, self.threads)?;
            let seen = self.seen(Some(filter), OwnColors::OF_STILLS.rgb_of(&filtered, depth)?)?;
            if seen.psnr_rgb > nearest.psnr_rgb {
                nearest = seen;
            }
        }
        Ok(nearest)
    }

    fn seen<'a>(&self, filter: Option<&'a (PhotoFilter, Network)>, picture: Frame) -> Result<Seen<'a>> {
        let mut comparison = Comparison::new(self.source.format(), Measures::PSNR);
        comparison.push(&self.source, &picture)?;
        let psnr_rgb = comparison.finish().psnr_rgb.unwrap_or(f64::INFINITY);
        Ok(Seen { filter, picture, psnr_rgb })
    }
}

/// RGB at so many bits, white and black as they are.
fn rounded_to(picture: &Frame, depth: BitDepth) -> Result<Frame> {
    let [of, most] = [picture.format().depth, depth].map(|depth| u32::from(depth.max_value()));
    with_planes!(picture.planes(), planes => {
        rgb_of_samples((picture.width(), picture.height()), depth, |channel| {
            let samples = planes[channel].samples().iter();
            samples.map(move |&sample| ((u32::from(sample) * most + of / 2) / of) as u16)
        })
    })
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
    let [width, height] = [source.width(), source.height()].map(|side| side as u64);
    if !fits(width, height, settings) {
        let (limit, found) = (settings.max_memory_bytes.unwrap_or(u64::MAX), training_bytes(width, height));
        let what = "memory of a still in training";
        return Err(Error::LimitExceeded { what, limit, found, place: Place::default() });
    }
    let threads = settings.thread_count();
    let picture = picture_of(source)?;
    let rules = &settings.defaults.photo;
    let filtering = Arc::new(Filtering::new(source, rules, threads)?);
    let judge = Arc::clone(&filtering);
    let asked = StillSettings {
        threads,
        cancel: hooks.cancel.clone(),
        reader: Some(StillReader {
            psnr_rgb: Arc::new(move |still| Ok(judge.nearest(still)?.psnr_rgb)),
            expected_gain: rules.still_filter_gain,
        }),
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
    let decoded = |code: &[u8]| {
        let limits = Limits { max_pixels: u64::MAX, max_memory_bytes: u64::MAX, ..Limits::default() };
        still::decode(code, &limits, threads)
    };
    let multiplications = u64::from(StillHeader::read(&code)?.multiplications);
    let Seen { filter, picture, .. } = filtering.nearest(decoded(&code)?)?;
    Ok(match filter {
        Some((filter, network)) => TrainedStill {
            code: PhotoCode::Neural { filter: Some(*filter), code },
            depth: BitDepth::Ten,
            macs_per_pixel: multiplications + network.macs_per_pixel() as u64,
            decoded: picture,
        },
        None => {
            let depth = source.format().depth;
            let code = StillHeader::with_bit_depth(code, depth.bits());
            let decoded = frame_of_still(decoded(&code)?)?;
            let code = PhotoCode::Neural { filter: None, code };
            TrainedStill { code, depth, macs_per_pixel: multiplications, decoded }
        }
    })
}

/// RGB of ten bits, as a still with a filter over it is coded from.
fn picture_of(frame: &Frame) -> Result<StillPicture> {
    let Planes::U16(planes) = rounded_to(frame, BitDepth::Ten)?.into_planes() else {
        return Err(Error::internal("still", "a picture of ten bits has eight"));
    };
    let (width, height) = (frame.width() as u32, frame.height() as u32);
    let planes = planes.map(Plane::into_samples);
    Ok(StillPicture { width, height, bit_depth: BitDepth::Ten.bits(), planes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Color, PixelFormat, Plane};
    use crate::random::Random;

    #[test]
    fn a_filter_is_taken_only_where_it_brings_a_still_nearer() {
        let mut random = Random::new(5);
        let mut plane = |_| {
            let samples = (0..48 * 32).map(|at: usize| (at / 48 * 5 + random.below(3)) as u8).collect();
            Plane::from_samples(48, 32, samples).unwrap()
        };
        let planes = Planes::U8([0, 1, 2].map(&mut plane));
        let source = Frame::from_planes(planes, PixelFormat::RGB_8, Color::default().as_rgb()).unwrap();
        let filtering = Filtering::new(&source, &crate::defaults::Defaults::default().photo, 1).unwrap();
        let exact = filtering.nearest(picture_of(&source).unwrap()).unwrap();
        assert!(exact.filter.is_none() && exact.psnr_rgb == f64::INFINITY && exact.picture == source);
        // Noise is what it takes away.
        let mut noisy = picture_of(&source).unwrap();
        for sample in noisy.planes.iter_mut().flatten() {
            *sample = (f32::from(*sample) + 12.0 * random.normal()).clamp(0.0, 1023.0) as u16;
        }
        let plain = filtering
            .seen(None, rounded_to(&frame_of_still(noisy.clone()).unwrap(), BitDepth::Eight).unwrap());
        let seen = filtering.nearest(noisy).unwrap();
        let plain = plain.unwrap().psnr_rgb;
        assert!(seen.filter.is_some() && seen.psnr_rgb > plain, "{} over {plain}", seen.psnr_rgb);
    }
}
