//! A scene's filter as its packet tells it, at work on decoded frames.

use super::base_network::NetworkSize;
use super::code::blocks::{MapReader, MapWriter};
use super::infer::{Filter, block_count};
use super::network::temporal_layer;
use super::scene_network::SceneNetwork;
use crate::bitstream::NeuralFilter;
use crate::device::Device;
use crate::error::{Error, Place, Result};
use crate::frame::{Frame, GpuFrame};

/// The filter of a scene of which only the first `frames` are left. Size: width and height in pixels.
///
/// # Errors
///
/// `Corrupt` for block maps that cannot be.
pub fn cut_filter(
    packet: &NeuralFilter,
    (width, height): (usize, usize),
    frames: usize,
) -> Result<NeuralFilter> {
    if packet.blocks.is_empty() {
        return Ok(packet.clone());
    }
    let size = block_count(width, height);
    // Far more than any bit costs, so that the map stays as it is.
    const WANTED: f64 = 1e12;
    let (mut reader, mut writer) = (MapReader::new(&packet.blocks)?, MapWriter::new(1.0));
    for _ in 0..frames {
        let changes: Vec<f64> = reader
            .next(size)?
            .into_iter()
            .map(|is_filtered| if is_filtered { -WANTED } else { WANTED })
            .collect();
        writer.next(size.0, &changes)?;
    }
    Ok(NeuralFilter { blocks: writer.finish()?, ..packet.clone() })
}

/// Filters the frames of a scene, first to last.
pub struct SceneFilter {
    filter: Filter,
    macs_per_pixel: f64,
    maps: Option<MapReader>,
    frames: usize,
}

impl SceneFilter {
    /// # Errors
    ///
    /// `Corrupt` naming the field that cannot be, `Unsupported` for a profile that this version lacks.
    pub fn new(packet: &NeuralFilter) -> Result<Self> {
        Self::with_device(packet, &Device::cpu())
    }

    /// As [`new`](Self::new), at work on a device where frames are large enough for it; what it gives is the same.
    pub fn with_device(packet: &NeuralFilter, device: &Device) -> Result<Self> {
        let profile = NetworkSize::from_code(packet.profile).ok_or_else(|| Error::Unsupported {
            what: format!("profile {} of a filter", packet.profile),
            remedy: "a newer version of this library may read it".into(),
        })?;
        if !(4..=280).contains(&packet.quantizer) {
            let place = Place::default();
            return Err(Error::corrupt("quantizer of a filter", "4 to 280", packet.quantizer, place));
        }
        let network =
            SceneNetwork::from_bytes(profile, packet.quantizer, &packet.steps, &packet.differences)?
                .network()?;
        let maps = if packet.blocks.is_empty() { None } else { Some(MapReader::new(&packet.blocks)?) };
        Ok(Self {
            filter: Filter::with_device(&network, device),
            macs_per_pixel: network.macs_per_pixel(),
            maps,
            frames: 0,
        })
    }

    /// Multiplications a luma pixel, where no block is left out.
    pub fn macs_per_pixel(&self) -> f64 {
        self.macs_per_pixel
    }

    /// The next frame of the scene, filtered, and where a GPU made it, the same picture in the GPU's memory.
    ///
    /// # Errors
    ///
    /// `Corrupt` for a map that cannot be.
    pub fn next(&mut self, frame: &Frame) -> Result<(Frame, Option<GpuFrame>)> {
        let size = block_count(frame.width(), frame.height());
        let map = self.maps.as_mut().map(|maps| maps.next(size)).transpose()?;
        let kind = temporal_layer(self.frames);
        self.frames += 1;
        self.filter.apply_gpu_resident(frame, kind, map.as_deref())
    }

    /// # Errors
    ///
    /// `Corrupt` where block maps are left after the last frame.
    pub fn finish(&self) -> Result<()> {
        self.maps.as_ref().map_or(Ok(()), MapReader::expect_end)
    }
}
