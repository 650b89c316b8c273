//! Color conversion on a GPU, or on the fake driver for one: the CPU's samples, for all formats and odd sizes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first error")]

mod fake_driver;

use std::sync::Arc;

use fake_driver::device;
use neural_codec::Error;
use neural_codec::frame::{
    AnyFrame, BitDepth, ChromaLocation, Color, ColorRange, Frame, GpuFrame, Layout, PixelFormat, convert,
    from_rgb8_interleaved, from_rgb10_interleaved, rgb8_interleaved, rgb10_interleaved,
};
use neural_codec::gpu::Gpu;
use neural_codec::with_planes;

/// Noise of which a third lies at the ends, so that sums reach their bounds.
fn noise(width: usize, height: usize, format: PixelFormat, seed: u32) -> Frame {
    let mut frame = Frame::new(width, height, format, Color::default()).unwrap().with_timestamp(77);
    let (mut state, max) = (seed, u32::from(format.depth.max_value()));
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        match (state >> 28) % 6 {
            0 => 0,
            1 => max,
            _ => (state >> 12) % (max + 1),
        }
    };
    with_planes!(frame.planes_mut(), planes => {
        planes.iter_mut().for_each(|plane| plane.samples_mut().fill_with(|| next() as _));
    });
    frame
}

fn gpu() -> Arc<Gpu> {
    device().gpu().unwrap().clone()
}

fn color(matrix: u8, range: ColorRange, chroma_location: ChromaLocation) -> Color {
    Color { matrix, range, chroma_location, ..Color::default() }
}

fn assert_same(gpu: &Arc<Gpu>, frame: &Frame, to: PixelFormat, yuv: Color) {
    let found = GpuFrame::upload(gpu, frame).unwrap().convert(to, yuv).unwrap().download().unwrap();
    let what = (frame.width(), frame.height(), frame.format(), to, yuv);
    assert!(found == convert(frame, to, yuv).unwrap(), "{what:?}");
}

#[test]
fn every_conversion_is_the_cpus_to_the_last_bit() {
    let gpu = gpu();
    for (seed, from) in PixelFormat::ALL.into_iter().enumerate() {
        let frame = noise(23, 17, from, seed as u32);
        for to in PixelFormat::ALL {
            for location in [ChromaLocation::Left, ChromaLocation::Center, ChromaLocation::TopLeft] {
                for range in [ColorRange::Limited, ColorRange::Full] {
                    assert_same(&gpu, &frame, to, color(1, range, location));
                }
            }
        }
    }
}

#[test]
fn odd_and_tiny_sizes_and_other_matrices_convert_alike() {
    let gpu = gpu();
    let sizes = [(1, 1), (2, 1), (1, 2), (3, 5), (4, 4), (33, 9), (65, 2)];
    for (seed, (width, height)) in sizes.into_iter().enumerate() {
        for from in PixelFormat::ALL {
            let frame = noise(width, height, from, seed as u32 + 9);
            for to in [PixelFormat::YUV420_8, PixelFormat::YUV420_10, PixelFormat::RGB_8, PixelFormat::ALL[4]]
            {
                assert_same(&gpu, &frame, to, color(9, ColorRange::Limited, ChromaLocation::Left));
                assert_same(&gpu, &frame, to, color(6, ColorRange::Full, ChromaLocation::TopLeft));
            }
        }
    }
}

#[test]
fn depths_change_by_shifts_as_on_the_cpu() {
    let gpu = gpu();
    for format in PixelFormat::ALL {
        let frame = noise(21, 7, format, 3);
        for depth in [BitDepth::Eight, BitDepth::Ten] {
            let shifted = GpuFrame::upload(&gpu, &frame).unwrap().shifted_to(depth).unwrap();
            assert_eq!(shifted.download().unwrap(), frame.shifted_to(depth).unwrap(), "{format}");
        }
    }
}

#[test]
fn pixels_side_by_side_become_planes() {
    let gpu = gpu();
    let frame = noise(13, 7, PixelFormat::RGB_8, 4);
    let pixels = gpu.upload(&rgb8_interleaved(&frame).unwrap()).unwrap();
    let there = GpuFrame::from_rgb8_interleaved(&gpu, &pixels, 13, 7).unwrap();
    let host = from_rgb8_interleaved(&gpu.download(&pixels).unwrap(), 13, 7).unwrap();
    assert_eq!(there.download().unwrap(), host);
    let frame = noise(13, 7, PixelFormat { layout: Layout::Rgb, depth: BitDepth::Ten }, 5);
    let pixels = gpu.upload(&rgb10_interleaved(&frame).unwrap()).unwrap();
    let there = GpuFrame::from_rgb10_interleaved(&gpu, &pixels, 13, 7).unwrap();
    let host = from_rgb10_interleaved(&gpu.download(&pixels).unwrap(), 13, 7).unwrap();
    assert_eq!(there.download().unwrap(), host);
    assert!(GpuFrame::from_rgb10_interleaved(&gpu, &pixels, 13, 8).is_err());
}

#[test]
fn a_device_converts_as_the_cpu_and_refuses_what_it_refuses() {
    let device = device();
    let frame = noise(40, 30, PixelFormat::RGB_8, 6);
    let yuv = color(1, ColorRange::Limited, ChromaLocation::Left);
    // The first result of a kind is the CPU's, the second the GPU's own.
    for _ in 0..2 {
        let found = AnyFrame::Host(frame.clone())
            .convert(&device, PixelFormat::YUV420_8, yuv)
            .unwrap()
            .into_host()
            .unwrap();
        assert_eq!(found, convert(&frame, PixelFormat::YUV420_8, yuv).unwrap());
    }
    assert_eq!(device.notes(), Vec::<String>::new());
    let open = AnyFrame::Host(frame.clone()).convert(&device, PixelFormat::YUV420_8, Color::default());
    assert!(matches!(open, Err(Error::InvalidArgument { .. })));
    let there = GpuFrame::upload(&gpu(), &frame).unwrap();
    assert!(matches!(
        there.convert(PixelFormat::YUV420_8, Color::default()),
        Err(Error::InvalidArgument { .. })
    ));
    assert_eq!(device.notes(), Vec::<String>::new());
}
