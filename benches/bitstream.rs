//! Speed of the container alone: bytes of a stream written, read, and searched after damage, a second.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::io::Cursor;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use neural_codec::bitstream::{
    BaseLayer, FRAMES_PER_HASH, Limits, PacketReader, Repeats, SceneHeader, ScenePackets, SceneReader,
    Strategy, StreamHeader, concat,
};
use neural_codec::frame::{BitDepth, PixelFormat, Rational, VideoInfo};

const SCENES: u32 = 16;
const FRAMES: u64 = 150;
const UNIT_BYTES: usize = 7000;

/// Noise, so that a search finds no long runs to hurry over.
fn noise(length: usize, mut state: u64) -> Vec<u8> {
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn scene(index: u32) -> ScenePackets {
    let first_frame = u64::from(index) * FRAMES;
    let timestamps = (first_frame..first_frame + FRAMES).map(|frame| frame as i64).collect();
    let mut base = BaseLayer::new(1280, 720, BitDepth::Ten);
    for frame in 0..FRAMES {
        base.push_unit(&noise(UNIT_BYTES, first_frame + frame)).unwrap();
    }
    let header =
        SceneHeader { index, first_frame, strategy: Strategy::Av1, timestamps, repeats: Repeats::default() };
    ScenePackets {
        header,
        base,
        filter: None,
        hashes: vec![index.into(); (FRAMES as usize).div_ceil(FRAMES_PER_HASH)],
    }
}

/// Number of scenes read, past all damage.
fn read(stream: &[u8]) -> usize {
    let mut reader = PacketReader::new(stream, Limits::default()).unwrap();
    let mut count = 0;
    loop {
        match reader.next_item() {
            Ok(Some(item)) => {
                black_box(item);
                count += 1;
            }
            Ok(None) => return count,
            Err(_) => {
                if !reader.resync().unwrap() {
                    return count;
                }
            }
        }
    }
}

fn bitstream(criterion: &mut Criterion) {
    let info = VideoInfo::new(1280, 720, PixelFormat::YUV420_8, Rational { num: 30, den: 1 });
    let header = StreamHeader::new(info);
    let scenes: Vec<_> = (0..SCENES).map(scene).collect();
    let blobs: Vec<_> = scenes.iter().map(|scene| scene.to_bytes().unwrap()).collect();
    let stream = concat(&header, &blobs, Limits::default()).unwrap();
    // The header of each UNITS packet is damaged, so that every payload has to be searched.
    let mut damaged = stream.clone();
    for scene in &SceneReader::open(Cursor::new(&stream), Limits::default()).unwrap().table().scenes {
        let start = scene.offset as usize;
        let length = u32::from_le_bytes(stream[start + 4..][..4].try_into().unwrap()) as usize;
        damaged[start + 16 + length] ^= 1;
    }
    assert_eq!((read(&stream), read(&damaged)), (SCENES as usize, 0));

    let mut group = criterion.benchmark_group("bitstream");
    group.throughput(Throughput::Bytes(stream.len() as u64)).sample_size(10);
    group.bench_function("scenes to bytes", |b| {
        b.iter(|| scenes.iter().map(|scene| scene.to_bytes().unwrap().len()).sum::<usize>())
    });
    group.bench_function("concat", |b| b.iter(|| concat(&header, &blobs, Limits::default()).unwrap()));
    group.bench_function("read", |b| b.iter(|| read(black_box(&stream))));
    group.bench_function("search after damage", |b| b.iter(|| read(black_box(&damaged))));
    group.finish();
}

criterion_group!(benches, bitstream);
criterion_main!(benches);
