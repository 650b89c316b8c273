//! A still there and back.

use super::*;
use crate::random::Random;
use crate::simd::InstructionSet;

fn picture(width: u32, height: u32) -> StillPicture {
    let plane = |color: u32| {
        let at = |i: u32| {
            (128.0 + 90.0 * f64::from(i % width * (color + 1)).sin() * 0.3 + f64::from(i / width)) as u16
        };
        (0..width * height).map(|i| at(i).min(255)).collect()
    };
    StillPicture { width, height, bit_depth: 8, planes: [plane(0), plane(1), plane(2)] }
}

/// Smooth waves of three colors.
pub(super) fn waves(width: u32, height: u32) -> StillPicture {
    let plane = |color: u32| {
        let at = |i: u32| {
            let across = f64::from(i % width) * 0.15 * (f64::from(color) * 0.2 + 1.0);
            (127.5 + 76.5 * (across + f64::from(i / width) * 0.07).sin()).round() as u16
        };
        (0..width * height).map(at).collect()
    };
    StillPicture { width, height, bit_depth: 8, planes: [plane(0), plane(1), plane(2)] }
}

#[test]
fn a_still_decodes_to_about_what_was_coded() {
    let picture = picture(70, 45);
    let settings = StillSettings::new(1, StillTarget::Lambda(1e-3));
    let bytes = encode(&picture, &settings, &mut |_| {}).unwrap();
    let decoded = decode(&bytes, &Limits::default(), 1).unwrap();
    let psnr = picture.psnr_rgb(&decoded).unwrap();
    assert!(psnr > 18.0, "{psnr} dB in {} bytes", bytes.len());
}

#[test]
fn training_leaves_no_memory_however_it_ends() {
    let picture = picture(70, 45);
    let mut settings = StillSettings::new(1, StillTarget::Lambda(1e-3));
    encode(&picture, &settings, &mut |_| {}).unwrap();
    assert_eq!(train::spare_bytes(), 0);
    let cancel = crate::progress::CancelToken::new();
    settings.cancel = cancel.clone();
    let mut spare = 0;
    let ended = encode(&picture, &settings, &mut |_| {
        spare = train::spare_bytes();
        if spare > 0 {
            cancel.cancel();
        }
    });
    assert!(matches!(ended, Err(Error::Cancelled)) && spare > 0, "{ended:?}, {spare} bytes");
    assert_eq!(train::spare_bytes(), 0);
}

/// A flat picture comes out without an error after a correction; that is what is stored.
#[test]
fn a_still_without_an_error_is_kept() {
    let flat =
        StillPicture { width: 8, height: 8, bit_depth: 8, planes: [vec![9; 64], vec![7; 64], vec![8; 64]] };
    for (effort, floor) in [(6, 30.0), (9, 45.0)] {
        let settings = StillSettings::new(effort, StillTarget::MinPsnr(floor));
        let bytes = encode(&flat, &settings, &mut |_| {}).unwrap();
        let decoded = decode(&bytes, &Limits::default(), 0).unwrap();
        let psnr = flat.psnr_rgb(&decoded).unwrap();
        assert!(psnr >= floor, "{psnr} dB of {floor}");
    }
}

/// A payload of random parameters and latents, which no training would give: sums wrap, values are clipped.
fn random_payload(network: StillNetwork) -> Vec<u8> {
    let plan = plan::Plan::new(83, 61, network).unwrap();
    let mut random = Random::new(9);
    let parameters =
        (0..plan.parameters).map(|_| i32::from(random.bits() as i16) >> (random.bits() % 8)).collect();
    let latents: Vec<Vec<i16>> = plan
        .grids
        .iter()
        .map(|grid| (0..grid.width * grid.height).map(|_| random.below(128) as i16 - 64).collect())
        .collect();
    let bounds = vec![(-64, 63); plan.grids.len()];
    let payload =
        payload::Payload { plan, network, depth: 10, base: 0, shifts: [0; 7], parameters, bounds, latents };
    payload.write().unwrap()
}

#[test]
fn samples_do_not_depend_on_instruction_set_or_threads() {
    for network in StillNetwork::ALL {
        let bytes = random_payload(network);
        let before = InstructionSet::current();
        let mut decoded = Vec::new();
        for set in InstructionSet::available() {
            assert!(set.force());
            decoded.extend([1, 2].map(|threads| decode(&bytes, &Limits::default(), threads).unwrap()));
        }
        before.force();
        assert!(decoded.windows(2).all(|pair| pair[0] == pair[1]), "{network:?}");
    }
}

#[test]
fn bytes_do_not_depend_on_threads() {
    let coded = [1, 2].map(|threads| {
        let mut settings = StillSettings::new(0, StillTarget::Lambda(1e-3));
        settings.threads = threads;
        encode(&picture(70, 45), &settings, &mut |_| {}).unwrap()
    });
    assert_eq!(coded[0], coded[1]);
}

#[test]
fn damaged_bytes_are_an_error_or_a_picture() {
    let bytes = random_payload(StillNetwork::Small);
    let limits = Limits { max_pixels: 1 << 14, ..Limits::default() };
    let mut random = Random::new(4);
    for round in 0..200 {
        let mut bytes = bytes.clone();
        let most = if round % 2 == 0 { 40 } else { bytes.len() };
        bytes[random.below(most)] ^= 1 << random.below(8);
        bytes.truncate(if round % 5 == 0 { random.below(bytes.len()) } else { bytes.len() });
        let _ = decode(&bytes, &limits, 1);
    }
    assert!(decode(&[], &limits, 1).is_err());
}
