//! Whole encodes and decodes, beside the bare encoder and decoder over the same scene.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench stops at the first error")]

use std::hint::black_box;

use benches::MemoryClip;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use neural_codec::base::{Av1Decoder, DecoderConfig, EncoderConfig, Library, Quantizer, SvtAv1Encoder};
use neural_codec::decoder::{DecoderSettings, StreamDecoder};
use neural_codec::encoder::{Hooks, encode};
use neural_codec::media::FrameSource;
use neural_codec::settings::Settings;

const SIZES: [(&str, usize, usize, usize); 2] = [("360p", 640, 360, 48), ("1080p", 1920, 1080, 24)];

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.set("preset", "8").unwrap();
    settings.set("quantizer", "40").unwrap();
    settings.set("bit_depth", "8").unwrap();
    settings
}

/// SVT-AV1 with nothing around it.
fn encode_bare(clip: &MemoryClip) -> Vec<Vec<u8>> {
    let info = clip.info();
    let mut config = EncoderConfig::new(info.width, info.height, info.frame_rate);
    config.quantizer = Quantizer::from(40);
    config.preset = 8;
    config.threads = Settings::default().thread_count();
    let mut encoder = SvtAv1Encoder::new(&Library::load(None).unwrap(), &config).unwrap();
    let mut units = Vec::new();
    for frame in clip.frames() {
        encoder.send(frame.clone()).unwrap();
        while let Some(unit) = encoder.receive().unwrap() {
            units.push(unit.data);
        }
    }
    encoder.finish().unwrap();
    while let Some(unit) = encoder.receive().unwrap() {
        units.push(unit.data);
    }
    units
}

fn decode_bare(clip: &MemoryClip, units: &[Vec<u8>]) -> usize {
    let info = clip.info();
    let threads = Settings::default().thread_count();
    let config = DecoderConfig { threads, ..DecoderConfig::new(info.width, info.height) };
    let mut decoder = Av1Decoder::new(&config).unwrap();
    let mut frames = 0;
    for unit in units {
        decoder.send(unit).unwrap();
        while let Some(frame) = decoder.receive().unwrap() {
            frames += usize::from(black_box(frame).width() > 0);
        }
    }
    decoder.finish().unwrap();
    while decoder.receive().unwrap().is_some() {
        frames += 1;
    }
    frames
}

fn whole_encode(clip: &mut MemoryClip) -> Vec<u8> {
    clip.rewind();
    let mut bytes = Vec::new();
    encode(clip, &mut bytes, &settings(), Hooks::default()).unwrap();
    bytes
}

fn whole_decode(bytes: &[u8]) -> usize {
    let mut decoder = StreamDecoder::new(bytes, DecoderSettings::default()).unwrap();
    std::iter::from_fn(|| decoder.decode_frame().unwrap()).count()
}

fn codec(criterion: &mut Criterion) {
    for (name, width, height, frames) in SIZES {
        let mut clip = MemoryClip::generate(width, height, frames).unwrap();
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10).throughput(Throughput::Elements(frames as u64));
        group.bench_function("encode_svt_av1_bare", |b| b.iter(|| encode_bare(&clip)));
        group.bench_function("encode", |b| b.iter(|| whole_encode(&mut clip)));
        let units = encode_bare(&clip);
        let bytes = whole_encode(&mut clip);
        group.bench_function("decode_av1_bare", |b| b.iter(|| decode_bare(&clip, &units)));
        group.bench_function("decode", |b| b.iter(|| whole_decode(&bytes)));
        group.throughput(Throughput::Elements((width * height * frames) as u64));
        group.bench_function("decode_pixels", |b| b.iter(|| whole_decode(&bytes)));
        group.finish();
    }
}

criterion_group!(benches, codec);
criterion_main!(benches);
