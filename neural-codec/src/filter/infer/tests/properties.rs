use super::*;
use crate::filter::MAX_CHANNELS;
use crate::frame::{Plane, Sample};

const FORMATS: [PixelFormat; 2] = [PixelFormat::YUV420_8, PixelFormat::YUV420_10];
const FORMATS_444: [PixelFormat; 2] = [
    PixelFormat { layout: Layout::Yuv444, depth: BitDepth::Eight },
    PixelFormat { layout: Layout::Yuv444, depth: BitDepth::Ten },
];

/// What a frame is filtered with.
struct Case {
    network: Network,
    frame: Frame,
    temporal_layer: usize,
    blocks: Option<Vec<bool>>,
}

impl Case {
    fn new(numbers: &mut Numbers, hidden: &[usize], width: usize, height: usize) -> Self {
        let mut size = || if numbers.below(3) == 0 { Size::Extreme } else { Size::Usual };
        let sizes = [size(), size()];
        let (columns, rows) = block_count(width, height);
        let format = [FORMATS, FORMATS_444].concat()[numbers.below(4)];
        let channels = if format.layout == Layout::Yuv444 { SITE_CHANNELS_444 } else { SITE_CHANNELS };
        Self {
            network: network_of(numbers, channels, hidden, sizes[0]),
            frame: frame(numbers, width, height, format, sizes[1]),
            temporal_layer: numbers.below(TEMPORAL_LAYERS),
            blocks: (numbers.below(2) == 0)
                .then(|| (0..columns * rows).map(|_| numbers.below(3) > 0).collect()),
        }
    }

    fn expected(&self) -> Frame {
        reference::apply(&self.network, &self.frame, self.temporal_layer, self.blocks.as_deref()).unwrap()
    }

    fn filtered(&self, kernel: Kernel) -> Frame {
        let filter = Filter::with_kernel(&self.network, kernel).unwrap();
        filter.apply(&self.frame, self.temporal_layer, self.blocks.as_deref()).unwrap()
    }
}

fn assert_kernels_follow_the_reference(numbers: &mut Numbers, hidden: &[usize], width: usize, height: usize) {
    let case = Case::new(numbers, hidden, width, height);
    let expected = case.expected();
    for kernel in Kernel::available() {
        assert!(case.filtered(kernel) == expected, "{kernel:?}: {hidden:?} at {width}x{height}");
    }
}

#[test]
fn every_kernel_gives_what_the_reference_gives_for_every_number_of_channels() {
    let mut numbers = Numbers(1);
    for channels in 1..=MAX_CHANNELS {
        let (width, height) = (1 + numbers.below(120), 1 + numbers.below(20));
        assert_kernels_follow_the_reference(
            &mut numbers,
            &[channels, MAX_CHANNELS + 1 - channels],
            width,
            height,
        );
    }
}

#[test]
fn every_kernel_gives_what_the_reference_gives_for_every_size() {
    let mut numbers = Numbers(2);
    for (width, height) in
        [(1, 1), (1, 9), (2, 3), (5, 7), (33, 2), (63, 65), (64, 64), (130, 70), (257, 131)]
    {
        for hidden in [&[][..], &[3], &[8, 5]] {
            assert_kernels_follow_the_reference(&mut numbers, hidden, width, height);
        }
    }
}

#[test]
fn every_kernel_gives_what_the_reference_gives_for_random_shapes() {
    let mut numbers = Numbers(3);
    for _ in 0..60 {
        let hidden: Vec<usize> = (0..numbers.below(6)).map(|_| 1 + numbers.below(20)).collect();
        let (width, height) = (1 + numbers.below(140), 1 + numbers.below(80));
        assert_kernels_follow_the_reference(&mut numbers, &hidden, width, height);
    }
}

#[test]
fn the_result_depends_on_neither_threads_nor_strips() {
    let mut numbers = Numbers(4);
    let case = Case::new(&mut numbers, &[7, 9, 4], 150, 211);
    let (expected, filter) = (case.expected(), Filter::new(&case.network));
    for threads in 1..=3 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for rows in [1, 5, 32, 64, 1000] {
            let filtered = pool.install(|| {
                filter.apply_in_strips(&case.frame, case.temporal_layer, case.blocks.as_deref(), rows)
            });
            assert!(filtered.unwrap() == expected, "{threads} threads, strips of {rows} rows");
        }
        let filtered =
            pool.install(|| filter.apply(&case.frame, case.temporal_layer, case.blocks.as_deref()));
        assert!(filtered.unwrap() == expected, "{threads} threads");
    }
}

#[test]
fn a_map_decides_block_by_block_between_the_filtered_frame_and_the_frame() {
    let mut numbers = Numbers(5);
    let filter = Filter::new(&network(&mut numbers, &[8, 8], Size::Usual));
    let source = frame(&mut numbers, 150, 130, PixelFormat::YUV420_8, Size::Usual);
    let blocks: Vec<bool> = (0..9).map(|block| block % 4 == 1).collect();
    let everywhere = filter.apply(&source, 0, None).unwrap();
    let here = filter.apply(&source, 0, Some(&blocks)).unwrap();
    with_planes!(here.planes(), here => for (plane, here) in here.iter().enumerate() {
        let side = if plane == 0 { BLOCK_SIDE } else { BLOCK_SIDE / 2 };
        for y in 0..here.height() {
            for x in 0..here.width() {
                let from = if blocks[y / side * 3 + x / side] { &everywhere } else { &source };
                let expected = with_planes!(from.planes(), p => value(&p[plane], y, x));
                assert_eq!(value(here, y, x), expected, "plane {plane}, row {y}, column {x}");
            }
        }
    });
}

#[test]
fn a_frame_without_filtered_blocks_stays_as_it_is() {
    let mut numbers = Numbers(6);
    let filter = Filter::new(&network(&mut numbers, &[4], Size::Usual));
    for format in FORMATS {
        let frame = frame(&mut numbers, 100, 70, format, Size::Usual);
        assert_eq!(filter.apply(&frame, 1, Some(&[false; 4])).unwrap(), frame);
    }
}

#[test]
fn a_network_of_zeros_leaves_every_frame_as_it_is() {
    let mut numbers = Numbers(7);
    let silent = Layer { weights: vec![0; 6 * 6 * TAPS], ..usual_layer(&mut numbers) };
    let silent = Layer { offset: vec![0; 6 * TEMPORAL_LAYERS], ..silent };
    let filter = Filter::new(&Network::new(vec![silent]).unwrap());
    for (width, height) in [(1, 1), (33, 47)] {
        for format in FORMATS {
            let frame = frame(&mut numbers, width, height, format, Size::Extreme);
            assert_eq!(filter.apply(&frame, 2, None).unwrap(), frame);
        }
    }
}

#[test]
fn an_offset_of_one_level_brightens_by_one_level() {
    let mut numbers = Numbers(8);
    let mut brighter = usual_layer(&mut numbers);
    brighter.weights = vec![0; 6 * 6 * TAPS];
    brighter.offset = (0..6 * TEMPORAL_LAYERS).map(|index| if index / 6 == 3 { 64 } else { 0 }).collect();
    let filter = Filter::new(&Network::new(vec![brighter]).unwrap());
    let frame = frame(&mut numbers, 13, 9, PixelFormat::YUV420_8, Size::Usual);
    let filtered = filter.apply(&frame, 3, None).unwrap();
    let mut expected = frame.clone();
    with_planes!(expected.planes_mut(), planes => for sample in planes.iter_mut().flat_map(|p| p.samples_mut()) {
        *sample = sample.saturating_add(1);
    });
    assert_eq!(filtered, expected);
    assert_eq!(filter.apply(&frame, 2, None).unwrap(), frame);
}

fn value<T: Sample>(plane: &Plane<T>, y: usize, x: usize) -> u16 {
    plane.row(y)[x].into()
}

fn usual_layer(numbers: &mut Numbers) -> Layer {
    layer(numbers, SITE_CHANNELS, SITE_CHANNELS, Size::Usual)
}

#[test]
fn what_cannot_be_filtered_is_named() {
    let mut numbers = Numbers(9);
    let network = network(&mut numbers, &[], Size::Usual);
    let filter = Filter::new(&network);
    let frame = |format| frame(&mut Numbers(1), 65, 64, format, Size::Usual);
    let refused = |frame: &Frame, kind, blocks: Option<&[bool]>, name: &str| {
        for result in [filter.apply(frame, kind, blocks), reference::apply(&network, frame, kind, blocks)] {
            let error = result.unwrap_err();
            assert!(matches!(error, crate::Error::InvalidArgument { .. }));
            assert!(error.to_string().contains(name), "{error}");
        }
    };
    refused(&frame(PixelFormat::RGB_8), 0, None, "layout");
    refused(&frame(FORMATS_444[1]), 0, None, "layout");
    refused(&frame(PixelFormat::YUV420_8), 6, None, "temporal layer");
    refused(&frame(PixelFormat::YUV420_8), 0, Some(&[true]), "block map: expected 2 x 1");
}
