//! The source of all kernels, which lie beside the stages that launch them: together one module.

/// Headers first; the order is that in which the embedded machine code was compiled.
const FILES: &[&str] = &[
    include_str!("../../src/gpu/kernels/reduce.cuh"),
    include_str!("../../src/metrics/kernels/squared_error.cu"),
    include_str!("../../src/metrics/kernels/similarity.cu"),
    include_str!("../../src/metrics/kernels/halve.cu"),
    include_str!("../../src/filter/infer/kernels/filter_sites.cu"),
    include_str!("../../src/filter/infer/kernels/filter_layer.cu"),
    include_str!("../../src/filter/infer/kernels/filter_correct.cu"),
    include_str!("../../src/frame/convert/kernels/convert.cu"),
    include_str!("../../src/scene/kernels/scene_shape.cuh"),
    include_str!("../../src/scene/kernels/scene_small.cu"),
    include_str!("../../src/scene/kernels/scene_texture.cu"),
    include_str!("../../src/scene/kernels/scene_information.cu"),
    include_str!("../../src/scene/kernels/scene_motion.cu"),
    include_str!("../../src/filter/train/kernels/train_convolve.cuh"),
    include_str!("../../src/filter/train/kernels/train_forward.cu"),
    include_str!("../../src/filter/train/kernels/train_backward.cu"),
    include_str!("../../src/filter/train/kernels/train_rule.cuh"),
    include_str!("../../src/filter/train/kernels/train_step.cu"),
];

/// The source, as one text.
pub(crate) fn kernel_source() -> String {
    FILES.concat()
}
