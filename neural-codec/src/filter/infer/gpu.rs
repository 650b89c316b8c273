//! A filter network on the GPU: weights packed once, then frames.
//!
//! Integers throughout: what comes out is what every CPU gives.

use std::sync::Arc;

use cudarc::driver::PushKernelArg;

use crate::error::{Error, Result};
use crate::gpu::{Buffer, DeviceSample};
use crate::gpu::{Gpu, covering};

/// Taps of a convolution; outputs that a thread of kernels/filter_layer.cu makes; channels of a word of weights.
const TAPS: usize = 9;
const OUTPUTS: usize = 8;
const GROUP: usize = 4;
/// Rows and columns that a block of that kernel makes.
const ROWS: usize = 16;
const COLUMNS: u32 = 32;

/// One layer, as `neural::Layer` has it.
#[derive(Debug, Clone, Copy)]
pub struct FilterLayer<'a> {
    /// Channels in.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
    /// Shape `[outputs][inputs][3][3]`.
    pub weights: &'a [i8],
    /// Shape `[outputs]`.
    pub shift: &'a [u8],
    /// Shape `[kinds][outputs]`.
    pub gain: &'a [i16],
    /// Shape `[kinds][outputs]`.
    pub offset: &'a [i16],
}

/// Three planes of a 4:2:0 picture on the GPU: luma of `width` x `height`, chroma of half that, rounded up.
#[derive(Debug)]
pub struct FilterPlanes<T> {
    /// Y, U, V.
    pub planes: [Buffer<T>; 3],
    /// Luma samples in a row.
    pub width: usize,
    /// Rows of luma.
    pub height: usize,
    /// Bits of a sample, at most 13.
    pub bits: u32,
}

impl<T> FilterPlanes<T> {
    /// Columns and rows of sites.
    fn sites(&self) -> (usize, usize) {
        (self.width.div_ceil(2), self.height.div_ceil(2))
    }

    fn check(&self) -> Result<()> {
        let (columns, rows) = self.sites();
        let lengths = self.planes.each_ref().map(Buffer::len);
        let fits = i32::try_from(self.width).is_ok() && i32::try_from(self.height).is_ok();
        if fits
            && self.width * self.height > 0
            && lengths == [self.width * self.height, columns * rows, columns * rows]
            && (8..14).contains(&self.bits)
        {
            return Ok(());
        }
        let found = format!("planes of {lengths:?} samples for {}x{}", self.width, self.height);
        Err(Error::internal("cuda", found))
    }
}

/// A network in the memory of a GPU.
pub struct GpuFilter {
    gpu: Arc<Gpu>,
    layers: Vec<PackedLayer>,
}

struct PackedLayer {
    /// Groups of four channels in, of eight channels out.
    input_groups: usize,
    output_groups: usize,
    /// Shape `[output_groups][input_groups][9][8]`, four weights a word.
    weights: Buffer<i32>,
    /// For each kind of frame, shape `[outputs][4]`: shift, gain, offset, 0.
    scales: Vec<Buffer<i32>>,
}

impl GpuFilter {
    /// Packs and uploads the layers.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, `Device`.
    pub fn new(gpu: &Arc<Gpu>, layers: &[FilterLayer<'_>]) -> Result<Self> {
        let layers = layers.iter().map(|layer| PackedLayer::new(gpu, layer)).collect::<Result<_>>()?;
        Ok(Self { gpu: gpu.clone(), layers })
    }

    /// A picture filtered with the gains of a kind of frame, where `blocks`, one byte for each 64x64 luma samples, says 1.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`, `Device`.
    pub fn apply<T: DeviceSample>(
        &self,
        picture: &FilterPlanes<T>,
        kind: usize,
        blocks: &[u8],
    ) -> Result<[Buffer<T>; 3]> {
        picture.check()?;
        let block_columns = picture.width.div_ceil(64);
        if blocks.len() != block_columns * picture.height.div_ceil(64) {
            return Err(Error::internal("cuda", format!("{} blocks in a map", blocks.len())));
        }
        let mut sites = self.sites(picture)?;
        for (index, layer) in self.layers.iter().enumerate() {
            sites = self.through(layer, &sites, kind, index + 1 == self.layers.len())?;
        }
        let blocks = self.gpu.upload(blocks)?;
        self.correct(&sites, picture, &blocks, block_columns)
    }

    fn sites<T: DeviceSample>(&self, picture: &FilterPlanes<T>) -> Result<Activations> {
        let border = self.layers.len();
        let (columns, rows) = picture.sites();
        let (width, height) = (columns + 2 * border, rows + 2 * border);
        let mut pairs = self.gpu.alloc::<i32>(4 * width * height)?;
        let launch = covering(&self.gpu, (width, height, 1), (32, 8, 1))?;
        let numbers = [picture.width, picture.height, border, 14 - picture.bits as usize].map(|n| n as i32);
        let function = self.gpu.function(&format!("filter_sites_{}", T::SUFFIX))?;
        let mut call = self.gpu.stream().launch_builder(function);
        picture.planes.iter().for_each(|plane| {
            call.arg(&plane.0);
        });
        numbers.iter().for_each(|number| {
            call.arg(number);
        });
        call.arg(&mut pairs.0);
        // SAFETY: arguments are the kernel's; `check` found the planes' sizes right, and each of 4 x width x height words
        // is written.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        self.gpu.checked(launched, "filter_sites", 0)?;
        Ok(Activations { pairs, groups: 2, width, height })
    }

    fn through(
        &self,
        layer: &PackedLayer,
        input: &Activations,
        kind: usize,
        is_last: bool,
    ) -> Result<Activations> {
        let scales = layer.scales.get(kind).filter(|_| layer.input_groups <= input.groups);
        let scales = scales.ok_or_else(|| Error::internal("cuda", "a layer that does not fit"))?;
        let (width, height) = (input.width - 2, input.height - 2);
        let mut pairs = self.gpu.alloc::<i32>(layer.output_groups * OUTPUTS / 2 * width * height)?;
        let mut launch =
            covering(&self.gpu, (width, height.div_ceil(ROWS), layer.output_groups), (COLUMNS, 1, 1))?;
        launch.block_dim = (COLUMNS, 4, 1);
        let (input_width, input_height) = (input.width as i32, input.height as i32);
        let (input_groups, is_last) = (layer.input_groups as i32, i32::from(is_last));
        let mut call = self.gpu.stream().launch_builder(self.gpu.function("filter_layer")?);
        call.arg(&input.pairs.0).arg(&input_groups).arg(&input_width).arg(&input_height);
        call.arg(&layer.weights.0).arg(&scales.0).arg(&is_last).arg(&mut pairs.0);
        // SAFETY: arguments are the kernel's; the input has at least the groups that the layer reads, and each of
        // 4 x output_groups x width x height words is written.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        self.gpu.checked(launched, "filter_layer", 0)?;
        Ok(Activations { pairs, groups: 2 * layer.output_groups, width, height })
    }

    fn correct<T: DeviceSample>(
        &self,
        residual: &Activations,
        picture: &FilterPlanes<T>,
        blocks: &Buffer<u8>,
        block_columns: usize,
    ) -> Result<[Buffer<T>; 3]> {
        let gpu = &self.gpu;
        let (columns, rows) = picture.sites();
        let [y, u, v] = picture.planes.each_ref().map(Buffer::len);
        let (mut y, mut u, mut v) = (gpu.alloc::<T>(y)?, gpu.alloc::<T>(u)?, gpu.alloc::<T>(v)?);
        let launch = covering(gpu, (columns, rows, 1), (32, 8, 1))?;
        let numbers = [picture.width, picture.height, 14 - picture.bits as usize].map(|n| n as i32);
        let block_columns = block_columns as i32;
        let function = gpu.function(&format!("filter_correct_{}", T::SUFFIX))?;
        let mut call = gpu.stream().launch_builder(function);
        call.arg(&residual.pairs.0);
        picture.planes.iter().for_each(|plane| {
            call.arg(&plane.0);
        });
        numbers.iter().for_each(|number| {
            call.arg(number);
        });
        call.arg(&blocks.0).arg(&block_columns).arg(&mut y.0).arg(&mut u.0).arg(&mut v.0);
        // SAFETY: arguments are the kernel's; after as many layers as the border has sites the residual has
        // columns x rows sites, the map's length was checked, and each sample is written.
        #[allow(unsafe_code)]
        let launched = unsafe { call.launch(launch) };
        gpu.checked(launched, "filter_correct", 0)?;
        Ok([y, u, v])
    }
}

/// Pairs of channels, shape `[2 groups][height][width]`.
struct Activations {
    pairs: Buffer<i32>,
    groups: usize,
    width: usize,
    height: usize,
}

impl PackedLayer {
    fn new(gpu: &Gpu, layer: &FilterLayer<'_>) -> Result<Self> {
        let kinds = layer.gain.len() / layer.outputs.max(1);
        let fits = layer.outputs > 0
            && layer.weights.len() == layer.outputs * layer.inputs * TAPS
            && layer.shift.len() == layer.outputs
            && layer.gain.len() == kinds * layer.outputs
            && layer.offset.len() == layer.gain.len();
        if !fits {
            return Err(Error::internal("cuda", format!("a layer whose parts differ in size: {layer:?}")));
        }
        let scales = (0..kinds).map(|kind| gpu.upload(&scales(layer, kind))).collect::<Result<_>>()?;
        Ok(Self {
            input_groups: layer.inputs.div_ceil(GROUP),
            output_groups: layer.outputs.div_ceil(OUTPUTS),
            weights: gpu.upload(&weights(layer))?,
            scales,
        })
    }
}

/// Weights in words of four inputs; zero where there is no such input or output.
fn weights(layer: &FilterLayer<'_>) -> Vec<i32> {
    let groups = layer.inputs.div_ceil(GROUP);
    let mut words = Vec::with_capacity(layer.outputs.div_ceil(OUTPUTS) * groups * TAPS * OUTPUTS);
    for output_group in 0..layer.outputs.div_ceil(OUTPUTS) {
        for group in 0..groups {
            for tap in 0..TAPS {
                words.extend((0..OUTPUTS).map(|output| {
                    let output = output_group * OUTPUTS + output;
                    i32::from_le_bytes(std::array::from_fn(|channel| {
                        let input = group * GROUP + channel;
                        let is_there = output < layer.outputs && input < layer.inputs;
                        if is_there {
                            layer.weights[(output * layer.inputs + input) * TAPS + tap] as u8
                        } else {
                            0
                        }
                    }))
                }));
            }
        }
    }
    words
}

/// Shift, gain and offset of each output for a kind of frame; zero where there is no such output.
fn scales(layer: &FilterLayer<'_>, kind: usize) -> Vec<i32> {
    let of = |output: usize| {
        let at = kind * layer.outputs + output;
        [i32::from(layer.shift[output]), layer.gain[at].into(), layer.offset[at].into(), 0]
    };
    let padded = layer.outputs.next_multiple_of(OUTPUTS);
    (0..padded).flat_map(|output| if output < layer.outputs { of(output) } else { [0; 4] }).collect()
}
