//! A network made ready to run on this machine.

use std::ops::Range;

use rayon::prelude::*;

use super::blocks::{Map, check};
use super::on_device::OnDevice;
use super::packed::{PackedLayer, pack};
use super::samples::{Filtered, pairs};
use super::simd::Kernel;
use super::strip::{Strip, Task};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::filter::Network;
use crate::frame::{Frame, GpuFrame, Layout, Plane, Planes};

/// Strips a thread makes of a frame, so that one that comes late is helped by the others.
const STRIPS_PER_THREAD: usize = 2;
/// Rows of sites below which a strip is not cut further: the rows around it are computed twice.
const SMALLEST_STRIP: usize = 32;

/// A network made ready to run on this machine. Cheap to share between threads.
pub struct Filter {
    kernel: Kernel,
    layout: Layout,
    layers: Vec<PackedLayer>,
    on_device: Option<OnDevice>,
}

impl Filter {
    /// Packs the weights for the fastest kernel of the instruction set that is current.
    pub fn new(network: &Network) -> Self {
        Self::packed_for(network, Kernel::current())
    }

    /// Packs the weights for a given kernel.
    ///
    /// # Errors
    ///
    /// `Unsupported` where the machine cannot run it.
    pub fn with_kernel(network: &Network, kernel: Kernel) -> Result<Self> {
        if !kernel.is_supported() {
            let remedy = "use one of Kernel::available".into();
            return Err(Error::Unsupported { what: format!("kernel {kernel:?} on this machine"), remedy });
        }
        Ok(Self::packed_for(network, kernel))
    }

    /// As [`new`](Self::new), at work on a device where frames are large enough for it; what it gives is the same.
    pub fn with_device(network: &Network, device: &Device) -> Self {
        Self { on_device: OnDevice::new(device, network), ..Self::new(network) }
    }

    fn packed_for(network: &Network, kernel: Kernel) -> Self {
        let layers = pack(network, kernel.group());
        Self { kernel, layout: network.layout(), layers, on_device: None }
    }

    /// The frame filtered.
    ///
    /// `temporal_layer`: the kind of frame, below [`TEMPORAL_LAYERS`](crate::filter::TEMPORAL_LAYERS). `blocks`: which
    /// blocks of 64x64 luma samples are filtered, row by row ([`block_count`](super::block_count)); `None`: all.
    /// The result does not depend on kernel or threads. Works in the current pool of rayon.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a layout other than the network's, an unknown kind, a map of the wrong length; `OutOfMemory`.
    pub fn apply(&self, frame: &Frame, temporal_layer: usize, blocks: Option<&[bool]>) -> Result<Frame> {
        self.apply_gpu_resident(frame, temporal_layer, blocks).map(|(filtered, _)| filtered)
    }

    /// As [`apply`](Self::apply), and where a GPU made it, the same picture in the GPU's memory.
    pub fn apply_gpu_resident(
        &self,
        frame: &Frame,
        temporal_layer: usize,
        blocks: Option<&[bool]>,
    ) -> Result<(Frame, Option<GpuFrame>)> {
        let on_cpu = || self.apply_on_cpu(frame, temporal_layer, blocks);
        let Some(on_device) = &self.on_device else { return Ok((on_cpu()?, None)) };
        check(self.layout, frame, temporal_layer, blocks)?;
        on_device.apply(frame, temporal_layer, blocks, on_cpu)
    }

    fn apply_on_cpu(&self, frame: &Frame, temporal_layer: usize, blocks: Option<&[bool]>) -> Result<Frame> {
        let threads = rayon::current_num_threads();
        let rows = frame.height().div_ceil(2);
        let many = rows.div_ceil(threads * STRIPS_PER_THREAD);
        let strip = if many < SMALLEST_STRIP { rows.div_ceil(threads).min(SMALLEST_STRIP) } else { many };
        self.apply_in_strips(frame, temporal_layer, blocks, strip)
    }

    /// As [`apply`](Self::apply), with strips of `rows` rows of sites.
    pub(super) fn apply_in_strips(
        &self,
        frame: &Frame,
        temporal_layer: usize,
        blocks: Option<&[bool]>,
        rows: usize,
    ) -> Result<Frame> {
        check(self.layout, frame, temporal_layer, blocks)?;
        let mut filtered = frame.try_clone()?;
        let sites = (frame.width().div_ceil(2), frame.height().div_ceil(2));
        let job = Job { temporal_layer, map: Map::new(blocks, frame.width()), sites, rows };
        let shift = 14 - u32::from(frame.format().depth.bits());
        match (frame.planes(), filtered.planes_mut()) {
            (Planes::U8(from), Planes::U8(to)) => self.run(&job, from, to, shift)?,
            (Planes::U16(from), Planes::U16(to)) => self.run(&job, from, to, shift)?,
            _ => return Err(Error::internal("filter", "planes of two sample types in one format")),
        }
        Ok(filtered)
    }

    fn run<T: Filtered>(
        &self,
        job: &Job<'_>,
        from: &[Plane<T>; 3],
        to: &mut [Plane<T>; 3],
        shift: u32,
    ) -> Result<()> {
        let task = Task {
            kernel: self.kernel,
            layers: &self.layers,
            planes: from,
            pairs: pairs(self.layout),
            sites: job.sites,
            map: job.map,
            temporal_layer: job.temporal_layer,
            shift,
        };
        strips(to, self.layout, job).into_par_iter().try_for_each(|strip| task.run(strip))
    }
}

/// What is asked of a filter.
struct Job<'a> {
    temporal_layer: usize,
    map: Map<'a>,
    /// Sites in a row, and rows.
    sites: (usize, usize),
    /// Rows of sites in a strip.
    rows: usize,
}

/// Cuts a picture into strips.
fn strips<'a, T: Filtered>(
    planes: &'a mut [Plane<T>; 3],
    layout: Layout,
    job: &Job<'_>,
) -> Vec<Strip<'a, T>> {
    let (height, rows) = (job.sites.1, job.rows);
    // Rows of each plane that belong to a row of sites.
    let of_sites = if layout == Layout::Yuv444 { [2, 2, 2] } else { [2, 1, 1] };
    let strides: [usize; 3] = std::array::from_fn(|plane| of_sites[plane] * planes[plane].width());
    let mut rest = planes.each_mut().map(Plane::samples_mut);
    let mut cut = |rows: &Range<usize>| {
        let mut planes: [&mut [T]; 3] = Default::default();
        for ((plane, rest), stride) in planes.iter_mut().zip(&mut rest).zip(strides) {
            let all = std::mem::take(rest);
            let at = (rows.len() * stride).min(all.len());
            (*plane, *rest) = all.split_at_mut(at);
        }
        planes
    };
    (0..height)
        .step_by(rows)
        .map(|first| {
            let rows = first..(first + rows).min(height);
            Strip { planes: cut(&rows), rows }
        })
        .collect()
}
