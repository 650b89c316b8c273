//! Properties of the profile, on generated clips.

use super::cut_properties::{Picture, RATE, hash, landscape, render};
use super::{Profile, Profiler, SceneClass};
use crate::frame::{Frame, PixelFormat, Planes};
use crate::simd::InstructionSet;

fn profile_of(frames: impl IntoIterator<Item = Frame>) -> Profile {
    let mut profiler = Profiler::new(RATE);
    for frame in frames {
        profiler.push(&frame).unwrap();
    }
    profiler.finish().unwrap()
}

fn profile_in<'a>(count: usize, picture: impl Fn(usize) -> Picture<'a>) -> Profile {
    profile_of((0..count).map(|n| render(&picture(n), PixelFormat::YUV420_8)))
}

/// A pan over a landscape by so many samples a frame.
fn pan(speed: f32) -> Profile {
    let scene = &landscape(1);
    profile_in(24, |n| Box::new(move |x, y| scene(x + speed * n as f32, y)))
}

#[test]
fn a_still_picture_is_static_and_repeated() {
    let profile = pan(0.0);
    assert_eq!(profile.evidence.class, SceneClass::Static);
    assert_eq!(profile.repeated_frames, 23);
    assert_eq!(profile.temporal_information.max, 0.0);
}

#[test]
fn motion_is_measured_in_widths_a_second_and_known_as_global() {
    for speed in [1.0, 3.0, -3.0] {
        let profile = pan(speed);
        // Content moves against the pan; the match lies with it. Frames are 160 wide, 25 a second.
        let expected = speed * 25.0 / 160.0;
        assert!((profile.motion_direction[0] - expected).abs() < 0.02, "{speed}: {profile:?}");
        // Blocks too plain to change count as still, so the mean lies below.
        let share = profile.motion / expected.abs();
        assert!((0.3..1.05).contains(&share), "{speed}: {profile:?}");
        assert!(profile.global_motion > 0.8, "{speed}: {profile:?}");
    }
}

#[test]
fn a_fast_pan_is_high_motion() {
    assert_eq!(pan(4.0).evidence.class, SceneClass::HighMotion);
}

#[test]
fn grain_is_measured() {
    let noisy = |amplitude: f32| {
        profile_in(4, |n| {
            Box::new(move |x, y| 128.0 + amplitude * (hash(x as i32, y as i32, n as u32) - 0.5))
        })
    };
    // Evenly distributed noise deviates by its width over the root of 12.
    for amplitude in [10.0_f32, 30.0] {
        let expected = amplitude / 12.0_f32.sqrt();
        let found = noisy(amplitude).grain;
        assert!((found / expected - 1.0).abs() < 0.15, "{found} for {expected}");
    }
    assert_eq!(noisy(0.0).grain, 0.0);
}

#[test]
fn text_on_white_is_synthetic() {
    let page = |n: usize| -> Picture<'static> {
        let ink = move |x: f32, y: f32| {
            y as usize % 12 < 8 && hash(x as i32 / 2, y as i32 / 2, 4) > 0.7 && x < n as f32 * 8.0
        };
        Box::new(move |x, y| if ink(x, y) { 20.0 } else { 250.0 })
    };
    let profile = profile_in(24, page);
    assert_eq!(profile.evidence.class, SceneClass::Synthetic, "{profile:?}");
}

#[test]
fn a_moving_mouth_in_a_skin_coloured_oval_is_a_talking_head() {
    let frames = (0..24).map(|n: usize| {
        let scene = landscape(2);
        let oval = |x: f32, y: f32| ((x - 80.0) / 40.0).powi(2) + ((y - 45.0) / 40.0).powi(2) < 1.0;
        let open = n % 6;
        let mouth =
            move |x: f32, y: f32| (60.0..60.0 + open as f32 * 2.0).contains(&y) && (65.0..95.0).contains(&x);
        let luma = |x: f32, y: f32| {
            if mouth(x, y) {
                60.0
            } else if oval(x, y) {
                150.0 + scene(x, y) / 8.0
            } else {
                scene(x, y)
            }
        };
        let mut frame = render(&luma, PixelFormat::YUV420_8);
        if let Planes::U8(planes) = frame.planes_mut() {
            for (plane, (skin, other)) in planes[1..].iter_mut().zip([(105, 128), (150, 128)]) {
                for (index, sample) in plane.samples_mut().iter_mut().enumerate() {
                    let (x, y) = ((2 * (index % 80)) as f32, (2 * (index / 80)) as f32);
                    *sample = if oval(x, y) { skin } else { other };
                }
            }
        }
        frame
    });
    let profile = profile_of(frames);
    assert_eq!(profile.evidence.class, SceneClass::TalkingHead, "{profile:?}");
}

#[test]
fn fades_and_black_frames_are_counted() {
    let profile = profile_in(40, |n| {
        let (scene, gain) = (landscape(3), ((n as f32 - 4.0) / 10.0).clamp(0.0, 1.0));
        Box::new(move |x, y| 16.0 + gain * (scene(x, y) - 16.0))
    });
    assert!(profile.fades_in && !profile.fades_out);
    assert_eq!(profile.black_frames, 5);
}

#[test]
fn profile_does_not_depend_on_instruction_set() {
    let mut all = InstructionSet::available().into_iter().map(|set| {
        assert!(set.force());
        pan(2.0)
    });
    let first = all.next().unwrap();
    assert!(all.all(|other| other == first));
}

#[test]
fn a_scene_without_frames_is_an_error_and_one_sample_is_enough() {
    assert!(Profiler::new(RATE).finish().is_err());
    for format in PixelFormat::ALL {
        let frame = || Frame::new(1, 1, format, crate::frame::Color::default()).unwrap();
        assert_eq!(profile_of([frame(), frame()]).frames, 2);
    }
}

#[test]
fn class_names_differ() {
    let names: std::collections::HashSet<_> = SceneClass::ALL.iter().map(|class| class.name()).collect();
    assert_eq!(names.len(), SceneClass::ALL.len());
}
