//! The kernels: their source, their names, and the machine code that is loaded. Rank 0.

/// Headers first; together one module.
const FILES: &[&str] = &[
    include_str!("kernels/reduce.cuh"),
    include_str!("kernels/squared_error.cu"),
    include_str!("kernels/similarity.cu"),
    include_str!("kernels/halve.cu"),
    include_str!("kernels/filter_sites.cu"),
    include_str!("kernels/filter_layer.cu"),
    include_str!("kernels/filter_correct.cu"),
    include_str!("kernels/convert.cu"),
    include_str!("kernels/scene_shape.cuh"),
    include_str!("kernels/scene_small.cu"),
    include_str!("kernels/scene_texture.cu"),
    include_str!("kernels/scene_information.cu"),
    include_str!("kernels/scene_motion.cu"),
    include_str!("kernels/train_convolve.cuh"),
    include_str!("kernels/train_forward.cu"),
    include_str!("kernels/train_backward.cu"),
    include_str!("kernels/train_rule.cuh"),
    include_str!("kernels/train_step.cu"),
];

/// Names of all kernels.
pub const KERNELS: &[&str] = &[
    "squared_error_u8",
    "squared_error_u16",
    "similarity",
    "halve_u8",
    "halve_u16",
    "halve_f32",
    "filter_sites_u8",
    "filter_sites_u16",
    "filter_layer",
    "filter_correct_u8",
    "filter_correct_u16",
    "convert_map",
    "convert_to_rgb",
    "convert_from_rgb",
    "convert_raise",
    "convert_lower_rows",
    "convert_lower_columns",
    "convert_deinterleave",
    "convert_interleave",
    "convert_count_over",
    "scene_cells_u8",
    "scene_cells_u16",
    "scene_rgb",
    "scene_outline",
    "scene_texture_u8",
    "scene_texture_u16",
    "scene_spatial",
    "scene_sums",
    "scene_level",
    "scene_search",
    "train_gather",
    "train_forward",
    "train_loss",
    "train_slopes",
    "train_weights",
    "train_back",
    "train_begin",
    "train_total",
    "train_adam",
];

/// Virtual machine code that drivers from 570 on turn into their GPU's own; `make kernels` writes it, and the machine code below.
pub(super) const PTX: &str = include_str!("kernels.ptx");

/// Machine code, and the compute capability that it was made for.
const MACHINE_CODE: &[((i32, i32), &[u8])] = &[
    ((7, 5), include_bytes!("machine_code/sm_75.cubin")),
    ((8, 0), include_bytes!("machine_code/sm_80.cubin")),
    ((9, 0), include_bytes!("machine_code/sm_90.cubin")),
    ((10, 0), include_bytes!("machine_code/sm_100.cubin")),
    ((12, 0), include_bytes!("machine_code/sm_120.cubin")),
];

/// Machine code for a GPU of this compute capability: it runs on all of the same major number and no smaller minor one.
///
/// Source: CUDA C++ Programming Guide, "Binary Compatibility".
pub(super) fn machine_code((major, minor): (i32, i32)) -> Option<&'static [u8]> {
    let runs = |made_for: (i32, i32)| made_for.0 == major && made_for.1 <= minor;
    MACHINE_CODE.iter().rfind(|(made_for, _)| runs(*made_for)).map(|(_, code)| *code)
}

/// The source of all kernels, as one text.
pub fn source() -> String {
    FILES.concat()
}

/// Options that the source has to be compiled with by NVRTC, for an architecture such as `sm_90` or `compute_75`.
///
/// No product is fused with a sum unless the source says so: CPU and GPU round alike.
pub fn options(architecture: &str) -> Vec<String> {
    vec![format!("--gpu-architecture={architecture}"), "--fmad=false".into(), "--std=c++17".into()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_of_the_source_is_listed_and_in_the_machine_code() {
        let source = source();
        assert_eq!(source.matches("__global__").count(), KERNELS.len());
        for name in KERNELS {
            assert!(source.contains(&format!("{name}(")), "{name} is not in the source");
            assert!(PTX.contains(&format!(".entry {name}(")), "{name} is not in the PTX: make kernels");
            let section = format!(".text.{name}\0");
            for (made_for, code) in MACHINE_CODE {
                let holds = code.windows(section.len()).any(|bytes| bytes == section.as_bytes());
                assert!(holds, "{name} is not in the machine code for {made_for:?}: make kernels");
            }
        }
    }

    #[test]
    fn machine_code_is_that_of_the_same_major_capability() {
        let found =
            |capability| MACHINE_CODE.iter().find(|(_, code)| Some(*code) == machine_code(capability));
        let made_for = |capability| found(capability).map(|(made_for, _)| *made_for);
        assert_eq!(made_for((7, 5)), Some((7, 5)));
        assert_eq!((made_for((8, 0)), made_for((8, 9))), (Some((8, 0)), Some((8, 0))));
        assert_eq!((made_for((9, 0)), made_for((10, 3))), (Some((9, 0)), Some((10, 0))));
        assert_eq!(made_for((12, 1)), Some((12, 0)));
        assert_eq!((made_for((7, 0)), made_for((11, 0)), made_for((13, 0))), (None, None, None));
    }
}
