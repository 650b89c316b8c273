//! The filter against its definition in words, written out sample by sample, and what it is for.

use std::sync::Arc;

use super::classes::CLASSES;
use super::code::MAX_GROUPS;
use super::taps::TAPS;
use super::*;
use crate::frame::{BitDepth, Color, Frame, FrameHash, PixelFormat, Planes};
use crate::random::Random;
use crate::simd::InstructionSet;
use crate::with_planes;

fn format(depth: BitDepth) -> PixelFormat {
    PixelFormat { depth, ..PixelFormat::YUV420_8 }
}

/// A picture of stripes and spots that moves by (3, 1) a frame, with noise of its own.
fn frame(number: usize, (width, height): (usize, usize), depth: BitDepth, noise: f64) -> Frame {
    let mut random = Random::new(7 + number as u64);
    let mut frame = Frame::new(width, height, format(depth), Color::default()).unwrap();
    let scale = f64::from(depth.max_value()) / 255.0;
    let level = |x: usize, y: usize, random: &mut Random| {
        let (x, y) = ((x + 400 - 3 * number) as f64, (y + 400 - number) as f64);
        let value = 128.0 + 60.0 * (x / 5.0).sin() * (y / 7.0).cos() + 30.0 * ((x + y) / 2.3).sin();
        ((value + noise * (f64::from(random.uniform()) * 2.0 - 1.0)) * scale).round().max(0.0) as u16
    };
    match frame.planes_mut() {
        Planes::U8(planes) => {
            for y in 0..height {
                for x in 0..width {
                    planes[0].row_mut(y)[x] = level(x, y, &mut random).min(255) as u8;
                }
            }
        }
        Planes::U16(planes) => {
            for y in 0..height {
                for x in 0..width {
                    planes[0].row_mut(y)[x] = level(x, y, &mut random).min(1023);
                }
            }
        }
    }
    frame
}

/// Every class in a group, weights of all sizes.
fn some_weights(seed: u64) -> WienerWeights {
    weights_reaching(Reach::Near, seed)
}

fn weights_reaching(reach: Reach, seed: u64) -> WienerWeights {
    let mut random = Random::new(seed);
    let mut weights = WienerWeights { reach, groups: [0; CLASSES], weights: Vec::new() };
    for _ in 0..MAX_GROUPS {
        let mut set = [0; TAPS];
        set[..reach.taps()].iter_mut().for_each(|weight| *weight = (random.uniform() * 80.0 - 30.0) as i16);
        weights.weights.push(set);
    }
    weights.weights[0][..reach.taps()].fill(511);
    weights.weights[1][..reach.taps()].fill(-511);
    weights.groups.iter_mut().enumerate().for_each(|(class, group)| *group = (class * 7 % 16) as u8);
    weights
}

fn run(weights: &WienerWeights, frames: &[Frame]) -> Vec<Frame> {
    let mut filter = WienerFilter::new(weights.clone());
    let mut filtered = Vec::new();
    for frame in frames {
        filtered.extend(filter.push(frame.clone()).unwrap());
    }
    while let Some(frame) = filter.finish().unwrap() {
        filtered.push(frame);
    }
    assert!(filter.finish().unwrap().is_none());
    filtered
}

/// `docs/BITSTREAM.md`, sample by sample.
mod words {
    use super::*;

    pub(super) struct Picture {
        pub(super) width: i64,
        pub(super) height: i64,
        pub(super) samples: Vec<i64>,
    }

    impl Picture {
        pub(super) fn of(frame: &Frame) -> Self {
            let samples = with_planes!(frame.planes(), planes => planes[0].samples().iter().map(|&s| i64::from(s)).collect());
            Self { width: frame.width() as i64, height: frame.height() as i64, samples }
        }

        fn at(&self, x: i64, y: i64) -> i64 {
            let (x, y) = (x.clamp(0, self.width - 1), y.clamp(0, self.height - 1));
            self.samples[(y * self.width + x) as usize]
        }
    }

    /// The neighbor as the frame shows it, at any place within whole blocks of 8x8; elsewhere the frame itself.
    fn aligned(frame: &Picture, neighbor: Option<&Picture>, shift: u32) -> impl Fn(i64, i64) -> i64 {
        let (columns, rows) = (frame.width.div_euclid(8) + i64::from(frame.width % 8 > 0), {
            frame.height.div_euclid(8) + i64::from(frame.height % 8 > 0)
        });
        let mut vectors: Vec<(i64, i64)> = Vec::new();
        if let Some(neighbor) = neighbor {
            for row in 0..rows {
                for column in 0..columns {
                    let cost = |(dx, dy): (i64, i64)| {
                        let mut sum = 2 * (dx.abs() + dy.abs());
                        for y in (0..16).step_by(2) {
                            for x in 0..16 {
                                let (x, y) = (column * 8 - 4 + x, row * 8 - 4 + y);
                                sum += ((frame.at(x, y) >> shift) - (neighbor.at(x + dx, y + dy) >> shift))
                                    .abs();
                            }
                        }
                        sum
                    };
                    let mut best = (cost((0, 0)), (0, 0));
                    let look = |vector, best: &mut (i64, (i64, i64))| {
                        let found = cost(vector);
                        if found < best.0 {
                            *best = (found, vector);
                        }
                    };
                    if best.0 >= 64 {
                        let at = |column: i64, row: i64| vectors[(row * columns + column) as usize];
                        if column > 0 {
                            look(at(column - 1, row), &mut best);
                        }
                        if row > 0 {
                            look(at(column, row - 1), &mut best);
                            look(at((column + 1).min(columns - 1), row - 1), &mut best);
                        }
                    }
                    for step in [4, 2, 1] {
                        if best.0 < 64 || (step == 4 && best.0 < 512) {
                            continue;
                        }
                        let (x, y) = best.1;
                        for dy in -1..=1 {
                            for dx in -1..=1 {
                                let vector = (x + step * dx, y + step * dy);
                                if (dx, dy) != (0, 0) && vector.0.abs() <= 15 && vector.1.abs() <= 15 {
                                    look(vector, &mut best);
                                }
                            }
                        }
                    }
                    vectors.push(best.1);
                }
            }
        }
        let mut shown = Vec::new();
        for y in 0..rows * 8 {
            for x in 0..columns * 8 {
                let vector = vectors.get((y / 8 * columns + x / 8) as usize).copied();
                shown.push(match (neighbor, vector) {
                    (Some(neighbor), Some((dx, dy))) => neighbor.at(x + dx, y + dy),
                    _ => frame.at(x, y),
                });
            }
        }
        let outside = Picture { width: frame.width, height: frame.height, samples: frame.samples.clone() };
        move |x, y| {
            if (0..columns * 8).contains(&x) && (0..rows * 8).contains(&y) {
                shown[(y * columns * 8 + x) as usize]
            } else {
                outside.at(x, y)
            }
        }
    }

    pub(super) fn filtered(
        weights: &WienerWeights,
        frame: &Picture,
        neighbors: &[Option<&Picture>],
        depth: BitDepth,
    ) -> Vec<i64> {
        let shift = u32::from(depth.bits()) - 8;
        let shown: Vec<_> = neighbors.iter().map(|neighbor| aligned(frame, *neighbor, shift)).collect();
        let (columns, rows) = ((frame.width + 3) / 4, (frame.height + 3) / 4);
        let sums = |column: i64, row: i64| {
            let (mut across, mut down, mut change) = (0, 0, 0);
            for y in row * 4..row * 4 + 4 {
                for x in column * 4..column * 4 + 4 {
                    let here = frame.at(x, y);
                    across += (2 * here - frame.at(x - 1, y) - frame.at(x + 1, y)).abs();
                    down += (2 * here - frame.at(x, y - 1) - frame.at(x, y + 1)).abs();
                    change += (here - shown[0](x, y)).abs().min((here - shown[1](x, y)).abs());
                }
            }
            [across, down, change]
        };
        let class = |column: i64, row: i64| {
            let mut total = sums(column, row).map(|sum| 4 * sum);
            for (dx, dy) in [(-1, 0), (1, 0), (0, -1), (0, 1)] {
                let (x, y) = (column + dx, row + dy);
                let inside = (0..columns).contains(&x) && (0..rows).contains(&y);
                let beside = if inside { sums(x, y) } else { sums(column, row) };
                (0..3).for_each(|i| total[i] += beside[i]);
            }
            let unit = 16 << shift;
            let steps = |bounds: &[i64], value: i64| bounds.iter().filter(|&&b| value >= b * unit).count();
            let detail = steps(&[8, 20, 48, 112], total[0] + total[1]);
            let direction = match total {
                [across, down, _] if across > 2 * down => 1,
                [across, down, _] if down > 2 * across => 2,
                _ => 0,
            };
            detail * 9 + direction * 3 + steps(&[6, 20], total[2])
        };
        let most = 6 << shift;
        let mut result = Vec::new();
        for y in 0..frame.height {
            for x in 0..frame.width {
                let here = frame.at(x, y);
                let group = usize::from(weights.groups[class(x / 4, y / 4)]);
                if group == 0 {
                    result.push(here);
                    continue;
                }
                let pairs = [
                    (1, 0),
                    (2, 0),
                    (3, 0),
                    (-2, 1),
                    (-1, 1),
                    (0, 1),
                    (1, 1),
                    (2, 1),
                    (-1, 2),
                    (0, 2),
                    (1, 2),
                    (0, 3),
                ];
                let mut taps: Vec<i64> = pairs
                    .iter()
                    .map(|&(dx, dy)| frame.at(x + dx, y + dy) + frame.at(x - dx, y - dy) - 2 * here)
                    .collect();
                for shown in &shown {
                    let bounded = |dx: i64, dy: i64| (shown(x + dx, y + dy) - here).clamp(-most, most);
                    taps.push(bounded(0, 0));
                    taps.push(bounded(-1, 0) + bounded(1, 0) + bounded(0, -1) + bounded(0, 1));
                }
                let weights = &weights.weights[group - 1];
                let sum: i64 = taps.iter().zip(weights).map(|(&tap, &weight)| tap * i64::from(weight)).sum();
                result.push((here + ((sum + 128) >> 8)).clamp(0, i64::from(depth.max_value())));
            }
        }
        result
    }
}

#[test]
fn it_does_what_the_words_say_at_any_size_depth_and_instruction_set() {
    for (size, depth) in [
        ((1, 1), BitDepth::Eight),
        ((5, 3), BitDepth::Ten),
        ((64, 48), BitDepth::Eight),
        ((83, 61), BitDepth::Ten),
        ((83, 61), BitDepth::Eight),
    ] {
        for reach in [Reach::Near, Reach::Far] {
            let weights = weights_reaching(reach, 3);
            let frames: Vec<Frame> = (0..5).map(|number| frame(number, size, depth, 12.0)).collect();
            let pictures: Vec<words::Picture> = frames.iter().map(words::Picture::of).collect();
            let expected: Vec<Vec<i64>> = (0..5)
                .map(|i| words::filtered(&weights, &pictures[i], &beside(&pictures, i, reach), depth))
                .collect();
            for set in InstructionSet::available() {
                assert!(set.force());
                let found = run(&weights, &frames);
                assert_eq!(found.len(), 5);
                for (found, expected) in found.iter().zip(&expected) {
                    assert_eq!(
                        &words::Picture::of(found).samples,
                        expected,
                        "{size:?} {depth:?} {reach:?} {set:?}"
                    );
                }
            }
        }
    }
}

/// The pictures beside one: before, after, two before, two after.
fn beside(pictures: &[words::Picture], index: usize, reach: Reach) -> Vec<Option<&words::Picture>> {
    let both = |away: usize| [index.checked_sub(away), Some(index + away)];
    (1..=reach.frames()).flat_map(both).map(|index| pictures.get(index?)).collect()
}

#[test]
fn extreme_samples_and_weights_stay_in_range() {
    for depth in [BitDepth::Eight, BitDepth::Ten] {
        let mut frames: Vec<Frame> = (0..5).map(|number| frame(number, (40, 24), depth, 0.0)).collect();
        for (number, frame) in frames.iter_mut().enumerate() {
            let max = depth.max_value();
            with_planes!(frame.planes_mut(), planes => {
                for (at, sample) in planes[0].samples_mut().iter_mut().enumerate() {
                    let on = (at + at / 40 + number) % 2 == 0;
                    *sample = crate::frame::Sample::saturating_from(if on { max } else { 0 });
                }
            });
        }
        let pictures: Vec<words::Picture> = frames.iter().map(words::Picture::of).collect();
        for reach in [Reach::Near, Reach::Far] {
            let weights = weights_reaching(reach, 5);
            let expected = words::filtered(&weights, &pictures[2], &beside(&pictures, 2, reach), depth);
            assert_eq!(words::Picture::of(&run(&weights, &frames)[2]).samples, expected);
        }
    }
}

/// The format: what this filter gives may never change.
#[test]
fn a_stored_filter_gives_the_same_for_ever() {
    let mut frames: Vec<Frame> = (0..4).map(|number| frame(number, (70, 50), BitDepth::Ten, 0.0)).collect();
    for (number, frame) in frames.iter_mut().enumerate() {
        let mut random = Random::new(number as u64);
        with_planes!(frame.planes_mut(), planes => for (at, sample) in planes[0].samples_mut().iter_mut().enumerate() {
            let (x, y) = (at % 70 + 2 * number, at / 70 + number);
            let level = 300 + 9 * (x % 13) + 17 * (y % 7) + (random.bits() % 24) as usize;
            *sample = crate::frame::Sample::saturating_from(level as u16);
        });
    }
    for (reach, expected) in [(Reach::Near, "8825d724915b5723"), (Reach::Far, "df8b5cfdfada7227")] {
        let bytes = weights_reaching(reach, 11).to_bytes().unwrap();
        let weights = WienerWeights::from_bytes(&bytes, reach).unwrap();
        let hashes: Vec<FrameHash> = run(&weights, &frames).iter().map(FrameHash::of).collect();
        assert_eq!(format!("{:016x}", FrameHash::of_group(&hashes)), expected);
    }
}

#[test]
fn weights_read_back_and_damage_is_an_error_or_other_weights() {
    for seed in 0..8 {
        let reach = if seed % 2 == 0 { Reach::Near } else { Reach::Far };
        let weights = weights_reaching(reach, seed);
        let bytes = weights.to_bytes().unwrap();
        assert_eq!(WienerWeights::from_bytes(&bytes, reach).unwrap(), weights);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            if let Ok(read) = WienerWeights::from_bytes(&damaged, reach) {
                assert!(read.groups.iter().all(|&group| usize::from(group) <= read.weights.len()));
                assert!(read.weights.iter().flatten().all(|weight| weight.abs() <= 511));
            }
        }
    }
    for (profile, reach) in [(16, Reach::Near), (17, Reach::Far)] {
        let none = WienerWeights { reach, groups: [0; CLASSES], weights: Vec::new() };
        assert_eq!(WienerWeights::from_bytes(&none.to_bytes().unwrap(), reach).unwrap(), none);
        assert!(WienerWeights::from_bytes(&[0; 3], reach).is_err());
        let mut packet = packet_of(&none, 100).unwrap();
        assert_eq!((packet.profile, reach_of(profile)), (profile, Some(reach)));
        assert_eq!(weights_of(&packet).unwrap(), Some(none));
        packet.steps = vec![9];
        assert!(matches!(weights_of(&packet), Err(crate::Error::Unsupported { .. })));
        packet.profile = 1;
        assert_eq!(weights_of(&packet).unwrap(), None);
    }
}

fn squared_error(a: &Frame, b: &Frame) -> f64 {
    let (a, b) = (words::Picture::of(a), words::Picture::of(b));
    a.samples.iter().zip(&b.samples).map(|(a, b)| ((a - b) * (a - b)) as f64).sum()
}

/// Frames side by side, one pair after the other.
fn pairs(
    source: &[Frame],
    decoded: &[Frame],
) -> impl FnMut() -> crate::error::Result<(Arc<Frame>, Arc<Frame>)> {
    let mut pairs = source.iter().zip(decoded);
    move || {
        let (source, decoded) = pairs.next().unwrap();
        Ok((Arc::new(source.clone()), Arc::new(decoded.clone())))
    }
}

/// Clean frames as source, noisy ones as what was decoded.
fn trained(
    frames: usize,
    size: (usize, usize),
    byte_price: f64,
    reach: Reach,
) -> (Vec<Frame>, Vec<Frame>, Option<train::TrainedWiener>) {
    let source: Vec<Frame> = (0..frames).map(|number| frame(number, size, BitDepth::Eight, 0.0)).collect();
    let decoded: Vec<Frame> = (0..frames).map(|number| frame(number, size, BitDepth::Eight, 10.0)).collect();
    let (frame_samples, samples) = (size.0 * size.1, 1 << 20);
    let plan = WienerPlan { reach, frames, frame_samples, byte_price, samples, sharpening: 0 };
    let trained = train_wiener(&plan, &mut pairs(&source, &decoded)).unwrap();
    (source, decoded, trained)
}

#[test]
fn noise_that_differs_from_frame_to_frame_is_taken_away_although_the_picture_moves() {
    let left = [Reach::Near, Reach::Far].map(noise_left);
    assert!(left[1] < 0.97 * left[0], "{left:?}");
}

/// The share of the error that is left by weights that reach so far.
fn noise_left(reach: Reach) -> f64 {
    let (source, decoded, trained) = trained(8, (160, 96), 1e-5, reach);
    let trained = trained.unwrap();
    let filtered = run(&trained.weights, &decoded);
    let error =
        |frames: &[Frame]| -> f64 { source.iter().zip(frames).map(|(a, b)| squared_error(a, b)).sum() };
    let left = error(&filtered) / error(&decoded);
    assert!(left < 0.2, "{left}");
    // A frame without its neighbors keeps more of it.
    let alone: Vec<Frame> =
        decoded.iter().flat_map(|frame| run(&trained.weights, std::slice::from_ref(frame))).collect();
    let left_alone = error(&alone) / error(&decoded);
    assert!(left_alone > 1.3 * left, "{left_alone} alone, {left} with neighbors");
    // Running it with the motion that training found is the same as finding it anew.
    let mut again = Vec::new();
    trained
        .run(&mut pairs(&source, &decoded), |_, frame| {
            again.push(frame);
            Ok(())
        })
        .unwrap();
    assert_eq!(again, filtered);
    left
}

#[test]
fn dear_bytes_buy_fewer_weights_and_at_last_none() {
    let bytes = |price: f64| {
        trained(4, (96, 64), price, Reach::Near)
            .2
            .map_or(0, |trained| trained.weights.to_bytes().unwrap().len())
    };
    let found = [1e-6, 1e-4, 1e-3, 0.1].map(bytes);
    assert!(found[0] > found[2] && found.is_sorted_by(|a, b| a >= b), "{found:?}");
    assert_eq!(found[3], 0);
}

#[test]
fn a_frame_of_another_size_is_refused() {
    let mut filter = WienerFilter::new(some_weights(1));
    assert!(filter.push(frame(0, (40, 24), BitDepth::Eight, 0.0)).unwrap().is_none());
    let error = filter.push(frame(0, (24, 40), BitDepth::Eight, 0.0)).unwrap_err();
    assert!(error.to_string().starts_with("frame: expected 40x24"), "{error}");
}

/// The format: bytes that are stored may never come to mean something else.
#[test]
fn weights_are_stored_as_ever() {
    let bytes = some_weights(11).to_bytes().unwrap();
    assert_eq!((bytes.len(), crc32c::crc32c(&bytes)), (372, 3_914_350_238));
}

#[test]
fn a_frame_of_one_sample_and_a_scene_of_one_frame_have_no_equations_but_pass() {
    let (.., none) = trained(1, (1, 1), 1e-3, Reach::Far);
    assert!(none.is_none());
    let (_, decoded, one) = trained(1, (64, 64), 1e-6, Reach::Far);
    assert_eq!(run(&one.unwrap().weights, &decoded).len(), 1);
}
