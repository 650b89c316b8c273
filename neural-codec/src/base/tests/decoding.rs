//! Properties of the decoder, on every engine that is there.

use std::sync::Arc;

use super::clips::{clip, config, encode, libraries, library};
use crate::base::dav1d::{FINDER, Library};
use crate::base::{Av1Decoder, DecoderConfig, EncoderConfig, Quantizer, TemporalUnit};
use crate::error::{Error, Result};
use crate::frame::{BitDepth, Color, ColorRange, Frame, Planes};
use crate::with_planes;

/// The dav1d that is there.
fn engines() -> Vec<Arc<Library>> {
    vec![Library::load().expect("the tests of the base layer need dav1d")]
}

fn decoder_config(frames: &[Frame]) -> DecoderConfig {
    DecoderConfig {
        depth: frames[0].format().depth,
        color: frames[0].color(),
        ..DecoderConfig::new(frames[0].width(), frames[0].height())
    }
}

fn decode<'a>(
    engine: &Arc<Library>,
    config: &DecoderConfig,
    units: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<Frame>> {
    let mut decoder = Av1Decoder::with_library(engine, config)?;
    let mut frames = Vec::new();
    for unit in units {
        decoder.send(unit)?;
        frames.extend(decoder.receive()?);
    }
    decoder.finish()?;
    while let Some(frame) = decoder.receive()? {
        frames.push(frame);
    }
    Ok(frames)
}

fn bytes(units: &[TemporalUnit]) -> impl Iterator<Item = &[u8]> {
    units.iter().map(|u| u.data.as_slice())
}

fn mean_squared_error(a: &Frame, b: &Frame) -> f64 {
    let samples = |f: &Frame| -> Vec<f64> {
        with_planes!(f.planes(), p => p[0].samples().iter().map(|&v| f64::from(v)).collect())
    };
    let (a, b) = (samples(a), samples(b));
    a.iter().zip(&b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>() / a.len() as f64
}

#[test]
fn every_size_and_depth_comes_back_whole_and_close() {
    for library in libraries() {
        for (width, height) in [(1, 1), (5, 3), (97, 65), (416, 240)] {
            for depth in [BitDepth::Eight, BitDepth::Ten] {
                let source = clip(width, height, depth, 6);
                let settings = EncoderConfig { quantizer: Quantizer::from(8), ..config(&source) };
                let units = encode(&library, &settings, &source).unwrap();
                for engine in engines() {
                    let frames = decode(&engine, &decoder_config(&source), bytes(&units)).unwrap();
                    assert_eq!(frames.len(), source.len());
                    for (index, (frame, source)) in frames.iter().zip(&source).enumerate() {
                        assert!(frame.same_shape(source));
                        assert_eq!(frame.timestamp, index as i64);
                        let scale = f64::from(depth.max_value()) / 255.0;
                        let error = mean_squared_error(frame, source) / (scale * scale);
                        // SVT-AV1 4.1 is off by six levels of 8 bits where the whole picture is one pixel of 10 bits.
                        let most = if width * height == 1 { 50.0 } else { 25.0 };
                        assert!(
                            error < most,
                            "{library:?} {width}x{height} {depth:?} frame {index}: {error}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_higher_quantizer_is_further_from_the_source() {
    for library in libraries() {
        let source = clip(208, 120, BitDepth::Eight, 8);
        let errors: Vec<f64> = [5, 20, 35, 50, 63]
            .map(|quantizer| {
                let settings = EncoderConfig { quantizer: Quantizer::from(quantizer), ..config(&source) };
                let units = encode(&library, &settings, &source).unwrap();
                let frames = decode(&engines()[0], &decoder_config(&source), bytes(&units)).unwrap();
                frames.iter().zip(&source).map(|(a, b)| mean_squared_error(a, b)).sum()
            })
            .into();
        assert!(errors.is_sorted_by(|a, b| a < b), "{library:?} {errors:?}");
    }
}

#[test]
fn frames_do_not_depend_on_thread_count_or_engine() {
    for depth in [BitDepth::Eight, BitDepth::Ten] {
        let source = clip(416, 240, depth, 20);
        let units = encode(&library(), &config(&source), &source).unwrap();
        let first = decode(&engines()[0], &decoder_config(&source), bytes(&units)).unwrap();
        for engine in engines() {
            for threads in [1, 2, 3, 8] {
                let config = DecoderConfig { threads, ..decoder_config(&source) };
                assert!(decode(&engine, &config, bytes(&units)).unwrap() == first, "{engine:?} {threads}");
            }
        }
    }
}

#[test]
fn receiving_only_at_the_end_changes_nothing() {
    let source = clip(96, 64, BitDepth::Eight, 40);
    let units = encode(&library(), &config(&source), &source).unwrap();
    for engine in engines() {
        for threads in [1, 2] {
            let config = DecoderConfig { threads, ..decoder_config(&source) };
            let mut decoder = Av1Decoder::with_library(&engine, &config).unwrap();
            bytes(&units).for_each(|unit| decoder.send(unit).unwrap());
            decoder.finish().unwrap();
            let late: Vec<_> = std::iter::from_fn(|| decoder.receive().unwrap()).collect();
            assert!(late == decode(&engine, &config, bytes(&units)).unwrap());
        }
    }
}

#[test]
fn frames_get_the_color_that_the_caller_names() {
    let color = Color { range: ColorRange::Full, primaries: 9, transfer: 16, matrix: 9, ..Color::default() };
    for library in libraries() {
        let source: Vec<_> =
            clip(96, 64, BitDepth::Ten, 2).into_iter().map(|f| f.with_color(color)).collect();
        let units = encode(&library, &EncoderConfig { color, ..config(&source) }, &source).unwrap();
        let frames = decode(&engines()[0], &decoder_config(&source), bytes(&units)).unwrap();
        assert_eq!(frames[1].color(), color);
    }
}

#[test]
fn units_of_another_size_or_depth_are_errors() {
    let source = clip(96, 64, BitDepth::Eight, 2);
    let units = encode(&library(), &config(&source), &source).unwrap();
    let good = decoder_config(&source);
    for bad in [
        DecoderConfig { width: 98, ..good },
        DecoderConfig { height: 120, ..good },
        DecoderConfig { depth: BitDepth::Ten, ..good },
    ] {
        let error = decode(&engines()[0], &bad, bytes(&units)).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
        assert_eq!(error.place().frame, Some(0));
    }
}

#[test]
fn settings_out_of_range_are_errors() {
    let new = |config: DecoderConfig| Av1Decoder::new(&config).unwrap_err();
    let good = DecoderConfig::new(96, 64);
    assert!(matches!(new(DecoderConfig { threads: 0, ..good }), Error::InvalidArgument { .. }));
    assert!(matches!(new(DecoderConfig { width: 0, ..good }), Error::InvalidArgument { .. }));
    assert!(matches!(new(DecoderConfig { max_pixels: 96 * 64 - 1, ..good }), Error::LimitExceeded { .. }));
}

#[test]
fn a_missing_decoder_is_an_error_that_names_file_and_remedy() {
    let error = FINDER.find(Some("/nonsense/libdav1d.so".as_ref())).unwrap_err();
    assert!(matches!(error, Error::MissingLibrary { .. }));
    assert!(error.to_string().contains("/nonsense/libdav1d.so") && error.to_string().contains("apt install"));
}

#[test]
fn a_scene_starts_with_a_key_frame_and_stops_at_an_error() {
    let source = clip(96, 64, BitDepth::Eight, 3);
    let units = encode(&library(), &config(&source), &source).unwrap();
    let mut decoder = Av1Decoder::new(&decoder_config(&source)).unwrap();
    assert!(matches!(decoder.send(&units[1].data), Err(Error::Corrupt { .. })));
    assert!(matches!(decoder.send(&units[0].data), Err(Error::WrongOrder { .. })));
    assert!(matches!(decoder.receive(), Err(Error::WrongOrder { .. })));
}

/// A stream with the tools that small units can show: inter frames, hidden frames, frames shown again.
fn small_stream() -> (DecoderConfig, Vec<Vec<u8>>) {
    let source = clip(64, 64, BitDepth::Eight, 9);
    let settings = EncoderConfig { quantizer: Quantizer::from(40), preset: 6, ..config(&source) };
    let units = encode(&library(), &settings, &source).unwrap();
    (decoder_config(&source), units.into_iter().map(|u| u.data).collect())
}

#[test]
fn a_flipped_byte_anywhere_is_an_error_or_frames_of_the_right_shape() {
    let (config, units) = small_stream();
    let total: usize = units.iter().map(Vec::len).sum();
    for engine in engines() {
        let mut errors = 0;
        for mask in [0xff_u8, 0x01, 0x80] {
            for (index, unit) in units.iter().enumerate() {
                for at in 0..unit.len() {
                    let mut damaged = units.clone();
                    damaged[index][at] ^= mask;
                    match decode(&engine, &config, damaged.iter().map(Vec::as_slice)) {
                        Ok(frames) => {
                            assert_eq!(frames.len(), units.len());
                            for frame in frames {
                                let Planes::U8(planes) = frame.planes() else { unreachable!() };
                                assert_eq!((planes[0].width(), planes[0].height()), (64, 64));
                            }
                        }
                        Err(Error::Corrupt { .. } | Error::Truncated { .. }) => errors += 1,
                        Err(other) => panic!("unit {index} byte {at}: {other}"),
                    }
                }
            }
        }
        assert!(errors > total / 4, "only {errors} of {} damaged streams are refused", 3 * total);
    }
}

#[test]
fn a_unit_cut_anywhere_is_an_error() {
    let (config, units) = small_stream();
    for engine in engines() {
        for at in 0..units[0].len() {
            let error = decode(&engine, &config, [&units[0][..at]]).unwrap_err();
            assert!(matches!(error, Error::Corrupt { .. } | Error::Truncated { .. }), "{error}");
        }
    }
}

#[test]
fn a_lost_repeated_or_moved_unit_never_changes_the_number_of_frames() {
    let (config, units) = small_stream();
    for engine in engines() {
        for (a, b) in (0..units.len()).flat_map(|a| (0..units.len()).map(move |b| (a, b))) {
            let mut damaged = units.clone();
            damaged[a] = units[b].clone();
            if let Ok(frames) = decode(&engine, &config, damaged.iter().map(Vec::as_slice)) {
                assert_eq!(frames.len(), units.len());
            }
        }
    }
}
