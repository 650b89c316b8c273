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

/// Virtual machine code that every driver from 580 on turns into its GPU's own; `make kernels` writes it.
pub(super) const PTX: &str = include_str!("kernels.ptx");

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
            assert!(
                PTX.contains(&format!(".entry {name}(")),
                "{name} is not in the machine code: make kernels"
            );
        }
    }
}
