//! A filter on a GPU: frames go there and come back.

use std::sync::{Arc, OnceLock};

use super::blocks::block_count;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::filter::{FilterLayer, FilterPlanes, GpuFilter};
use crate::filter::{Layer, Network};
use crate::frame::Samples;
use crate::frame::{BitDepth, Frame, GpuFrame, Layout, Plane, Planes, Sample};
use crate::gpu::{Buffer, DeviceSample, Gpu};
use crate::memory;

/// A network for a device, uploaded when the first frame that is large enough comes.
pub(super) struct OnDevice {
    device: Device,
    network: Network,
    filter: OnceLock<GpuFilter>,
}

impl OnDevice {
    /// `None` for the CPU, and for networks of 4:4:4, which a GPU has no kernels for.
    pub(super) fn new(device: &Device, network: &Network) -> Option<Self> {
        device.gpu().filter(|_| network.layout() == Layout::Yuv420)?;
        Some(Self { device: device.clone(), network: network.clone(), filter: OnceLock::new() })
    }

    /// The frame filtered, by `on_cpu` where the CPU has to do it, else also GPU-resident. What the caller gives was checked.
    pub(super) fn apply(
        &self,
        frame: &Frame,
        temporal_layer: usize,
        blocks: Option<&[bool]>,
        on_cpu: impl FnOnce() -> Result<Frame>,
    ) -> Result<(Frame, Option<GpuFrame>)> {
        let (columns, rows) = block_count(frame.width(), frame.height());
        let map: Vec<u8> = match blocks {
            Some(blocks) => memory::collected("blocks of a frame", blocks.iter().map(|&on| u8::from(on)))?,
            None => memory::filled("blocks of a frame", columns * rows, 1)?,
        };
        // A frame without a filtered block would prove a filter that it does not show.
        if !map.contains(&1) {
            return Ok((on_cpu()?, None));
        }
        let depth = frame.format().depth;
        let what = if depth == BitDepth::Eight { "filter" } else { "filter of 10 bits" };
        let mut resident = None;
        let on_gpu = |gpu: &Arc<Gpu>| {
            let filter = match self.filter.get() {
                Some(filter) => filter,
                None => {
                    let layers: Vec<_> = self.network.layers().iter().map(FilterLayer::from).collect();
                    let filter = GpuFilter::new(gpu, &layers)?;
                    self.filter.get_or_init(|| filter)
                }
            };
            let mut filtered = Frame::new(frame.width(), frame.height(), frame.format(), frame.color())?
                .with_timestamp(frame.timestamp);
            let bits = depth.bits().into();
            let planes = match (frame.planes(), filtered.planes_mut()) {
                (Planes::U8(from), Planes::U8(to)) => {
                    run(gpu, filter, from, to, bits, temporal_layer, &map)?.map(Samples::U8)
                }
                (Planes::U16(from), Planes::U16(to)) => {
                    run(gpu, filter, from, to, bits, temporal_layer, &map)?.map(Samples::U16)
                }
                _ => return Err(Error::internal("filter", "planes of two sample types in one format")),
            };
            let size = (frame.width(), frame.height());
            let picture = GpuFrame::assembled(gpu, size, planes, frame.format(), frame.color())?;
            resident = Some(picture.with_timestamp(frame.timestamp));
            Ok(filtered)
        };
        let filtered = self.device.agreed(what, frame.width() * frame.height(), on_gpu, on_cpu)?;
        // One that differs from the CPU's is none.
        Ok((filtered, resident.filter(|picture| !picture.gpu().is_lost())))
    }
}

impl<'a> From<&'a Layer> for FilterLayer<'a> {
    fn from(layer: &'a Layer) -> Self {
        let Layer { inputs, outputs, weights, shift, gain, offset } = layer;
        FilterLayer { inputs: *inputs, outputs: *outputs, weights, shift, gain, offset }
    }
}

fn run<T: Sample + DeviceSample>(
    gpu: &Gpu,
    filter: &GpuFilter,
    from: &[Plane<T>; 3],
    to: &mut [Plane<T>; 3],
    bits: u32,
    temporal_layer: usize,
    map: &[u8],
) -> Result<[Buffer<T>; 3]> {
    let [y, u, v] = from;
    let planes = [gpu.upload(y.samples())?, gpu.upload(u.samples())?, gpu.upload(v.samples())?];
    let picture = FilterPlanes { planes, width: y.width(), height: y.height(), bits };
    let filtered = filter.apply(&picture, temporal_layer, map)?;
    for (plane, filtered) in to.iter_mut().zip(&filtered) {
        gpu.download_to(filtered, plane.samples_mut())?;
    }
    Ok(filtered)
}
