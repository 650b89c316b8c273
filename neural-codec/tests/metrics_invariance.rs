//! Metrics depend on neither the instruction set nor the thread count. One test, as the choice is process-wide.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod pictures;

use neural_codec::frame::{BitDepth, Layout, PixelFormat};
use neural_codec::metrics::{Comparison, FrameMetrics, Measures};
use neural_codec::simd::InstructionSet;
use pictures::{Kind, Recipe};

fn measure(recipe: &Recipe) -> FrameMetrics {
    let (source, decoded) = recipe.frames(0);
    Comparison::new(recipe.format, Measures::MS_SSIM).push(&source, &decoded).unwrap()
}

#[test]
fn output_does_not_depend_on_instruction_set_or_thread_count() {
    let formats = [
        PixelFormat::YUV420_8,
        PixelFormat::YUV420_10,
        PixelFormat { layout: Layout::Yuv444, depth: BitDepth::Eight },
    ];
    let mut recipes = Vec::new();
    for format in formats {
        for (width, height, noise) in [(640, 360, 3), (333, 177, 40), (11, 13, 5), (129 + 10, 43, 2)] {
            recipes.push(Recipe { kind: Kind::Textured, format, width, height, noise, quantum: 4 });
        }
    }
    for recipe in recipes {
        let mut expected: Option<FrameMetrics> = None;
        for set in InstructionSet::available() {
            assert!(set.force());
            for threads in [1, 2, 5] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let found = pool.install(|| measure(&recipe));
                assert_eq!(*expected.get_or_insert(found), found, "{recipe:?}, {set:?}, {threads} threads");
            }
        }
    }
}
