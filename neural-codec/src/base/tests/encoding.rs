//! Properties of the encoder.

use super::clips::{clip, config, encode, libraries, library};
use crate::base::{EncoderConfig, MOST_HELD, Quantizer, SvtAv1Encoder};
use crate::error::Error;
use crate::frame::BitDepth;

#[test]
fn each_frame_gives_one_unit_in_display_order_and_the_first_is_a_key() {
    for library in libraries() {
        for count in [1, 2, 17, 48] {
            let frames = clip(96, 64, BitDepth::Eight, count);
            let units = encode(&library, &config(&frames), &frames).unwrap();
            let indices: Vec<_> = units.iter().map(|u| u.index).collect();
            assert_eq!(indices, (0..count as u64).collect::<Vec<_>>(), "{library:?}");
            let keys: Vec<_> = units.iter().filter(|u| u.is_key).map(|u| u.index).collect();
            assert_eq!(keys, [0], "{library:?}");
        }
    }
}

#[test]
fn output_does_not_depend_on_thread_count_or_run() {
    for library in libraries() {
        for depth in [BitDepth::Eight, BitDepth::Ten] {
            let frames = clip(208, 120, depth, 48);
            let with = |threads| EncoderConfig { threads, preset: 8, ..config(&frames) };
            let first = encode(&library, &with(1), &frames).unwrap();
            for threads in [1, 2, 4] {
                assert_eq!(
                    encode(&library, &with(threads), &frames).unwrap(),
                    first,
                    "{library:?} {threads}"
                );
            }
        }
    }
}

#[test]
fn receiving_only_at_the_end_changes_nothing() {
    for library in libraries() {
        let frames = clip(96, 64, BitDepth::Eight, 120);
        let mut encoder = SvtAv1Encoder::new(&library, &config(&frames)).unwrap();
        for frame in &frames {
            encoder.send(frame.clone()).unwrap();
        }
        encoder.finish().unwrap();
        let late: Vec<_> = std::iter::from_fn(|| encoder.receive().unwrap()).collect();
        assert_eq!(late, encode(&library, &config(&frames), &frames).unwrap(), "{library:?}");
        assert_eq!(encoder.receive().unwrap(), None);
    }
}

#[test]
fn a_higher_quantizer_takes_fewer_bytes() {
    for library in libraries() {
        let frames = clip(208, 120, BitDepth::Eight, 16);
        let bytes = |quantizer| -> usize {
            let config = EncoderConfig { quantizer: Quantizer::from(quantizer), ..config(&frames) };
            encode(&library, &config, &frames).unwrap().iter().map(|u| u.data.len()).sum()
        };
        let sizes: Vec<_> = [1, 10, 20, 32, 45, 63].map(bytes).into();
        assert!(sizes.is_sorted_by(|a, b| a > b), "{library:?} {sizes:?}");
    }
}

#[test]
fn key_frames_come_at_the_interval() {
    for library in libraries() {
        let frames = clip(96, 64, BitDepth::Eight, 20);
        let config = EncoderConfig { keyframe_interval: Some(8), ..config(&frames) };
        let units = encode(&library, &config, &frames).unwrap();
        let keys: Vec<_> = units.iter().filter(|u| u.is_key).map(|u| u.index).collect();
        assert_eq!(keys, [0, 8, 16], "{library:?}");
    }
}

#[test]
fn dropping_an_encoder_at_any_moment_ends_it() {
    for library in libraries() {
        let frames = clip(96, 64, BitDepth::Eight, 40);
        for sent in [0, 1, 5, 40] {
            let mut encoder = SvtAv1Encoder::new(&library, &config(&frames)).unwrap();
            for frame in &frames[..sent] {
                encoder.send(frame.clone()).unwrap();
            }
            drop(encoder);
        }
        let mut encoder = SvtAv1Encoder::new(&library, &config(&frames)).unwrap();
        frames.iter().for_each(|frame| encoder.send(frame.clone()).unwrap());
        encoder.finish().unwrap();
        assert!(encoder.receive().unwrap().is_some());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_thread_comes_before_the_rest_of_the_machine() {
    // Field 41 of `stat`: 1 and 2 are the real-time policies. Only as root does SVT-AV1 ask for one.
    let policies = || -> Vec<String> {
        let stat = |task: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap_or_default()
        };
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().map(stat);
        let fields =
            |stat: String| stat.rsplit(')').next().unwrap().split_whitespace().nth(38).map(str::to_owned);
        tasks.filter_map(fields).collect()
    };
    for library in libraries() {
        let frames = clip(96, 64, BitDepth::Eight, 5);
        let mut encoder = SvtAv1Encoder::new(&library, &config(&frames)).unwrap();
        frames.iter().for_each(|frame| encoder.send(frame.clone()).unwrap());
        encoder.finish().unwrap();
        assert!(encoder.receive().unwrap().is_some());
        let policies = policies();
        assert!(policies.len() > 5, "{policies:?}");
        assert!(policies.iter().all(|policy| policy == "0"), "{library:?} {policies:?}");
    }
}

#[test]
fn an_encoder_without_frames_ends_without_units() {
    for library in libraries() {
        let frames = clip(96, 64, BitDepth::Eight, 1);
        let mut encoder = SvtAv1Encoder::new(&library, &config(&frames)).unwrap();
        encoder.finish().unwrap();
        assert_eq!(encoder.receive().unwrap(), None);
    }
}

#[test]
fn calls_in_the_wrong_order_are_errors() {
    let frames = clip(96, 64, BitDepth::Eight, 1);
    let mut encoder = SvtAv1Encoder::new(&library(), &config(&frames)).unwrap();
    encoder.send(frames[0].clone()).unwrap();
    encoder.finish().unwrap();
    assert!(matches!(encoder.send(frames[0].clone()), Err(Error::WrongOrder { .. })));
    assert!(matches!(encoder.finish(), Err(Error::WrongOrder { .. })));
}

#[test]
fn a_frame_that_does_not_fit_is_an_error() {
    let mut encoder = SvtAv1Encoder::new(&library(), &config(&clip(96, 64, BitDepth::Eight, 1))).unwrap();
    for frame in [&clip(98, 64, BitDepth::Eight, 1)[0], &clip(96, 64, BitDepth::Ten, 1)[0]] {
        assert!(matches!(encoder.send(frame.clone()), Err(Error::InvalidArgument { .. })));
    }
}

#[test]
fn settings_that_are_unknown_or_out_of_range_are_errors_that_name_them() {
    for library in libraries() {
        let good = config(&clip(96, 64, BitDepth::Eight, 1));
        let extra = |name: &str, value: &str| EncoderConfig {
            extra: vec![(name.into(), value.into())],
            ..good.clone()
        };
        for (bad, name) in [
            (extra("no-such-option", "1"), "no-such-option"),
            (extra("lookahead", "many"), "lookahead"),
            (extra("pred-struct", "1"), "pred-struct"),
            (extra("zero\0byte", "1"), "zero"),
            (extra("hierarchical-levels", "77"), "hierarchical-levels"),
            (EncoderConfig { preset: 14, ..good.clone() }, "preset"),
            (EncoderConfig { threads: 0, ..good.clone() }, "threads"),
            (EncoderConfig { width: 0, ..good.clone() }, "width"),
        ] {
            let error = SvtAv1Encoder::new(&library, &bad).unwrap_err();
            assert!(matches!(error, Error::InvalidArgument { .. }), "{library:?} {error}");
            assert!(error.to_string().contains(name), "{library:?} {error}");
        }
    }
}

#[test]
fn instances_do_not_disturb_one_another() {
    for library in libraries() {
        let jobs: Vec<_> =
            [(96, 64, 12), (640, 360, 4), (208, 120, 8), (416, 240, 6), (96, 64, 2), (640, 360, 10)]
                .map(|(width, height, preset)| {
                    let frames = clip(width, height, BitDepth::Eight, 5);
                    (EncoderConfig { preset, ..config(&frames) }, frames)
                })
                .into();
        let alone: Vec<_> = jobs.iter().map(|(c, f)| encode(&library, c, f).unwrap()).collect();
        for round in 0..2 {
            let together: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> =
                    jobs.iter().map(|(c, f)| scope.spawn(|| encode(&library, c, f).unwrap())).collect();
                threads.into_iter().map(|t| t.join().unwrap()).collect()
            });
            for ((config, _), (alone, together)) in jobs.iter().zip(alone.iter().zip(&together)) {
                assert!(alone == together, "{library:?} round {round} {config:?}");
            }
        }
    }
}

#[test]
fn units_come_while_frames_are_sent_no_more_than_so_many_behind() {
    for library in libraries() {
        for preset in [5, 8, 10] {
            let frames = clip(96, 64, BitDepth::Ten, 150);
            let config = EncoderConfig { preset, frame_quantizers: true, ..config(&frames) };
            let send_all = |is_early: bool| {
                let mut encoder = SvtAv1Encoder::new(&library, &config).unwrap();
                let mut units = Vec::new();
                for (sent, frame) in (1..).zip(&frames) {
                    encoder.send_at(frame.clone(), 40 + (sent % 7) as u8).unwrap();
                    while is_early && (units.len() as u64 + MOST_HELD) < sent {
                        units.push(encoder.receive_early().unwrap());
                    }
                }
                encoder.finish().unwrap();
                assert!(matches!(encoder.receive_early(), Err(Error::WrongOrder { .. })));
                units.extend(std::iter::from_fn(|| encoder.receive().unwrap()));
                units
            };
            assert_eq!(send_all(true), send_all(false), "{library:?} {preset}");
        }
    }
}
