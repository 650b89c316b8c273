//! Where heavy work runs: the setting, as text and as the devices that it names.

use std::fmt;
use std::str::FromStr;

use crate::device::{self, FEWEST_SAMPLES};
use crate::error::{Error, Result};

/// Where heavy work runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// A GPU where a usable one is there, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA device of this index.
    Cuda(u32),
    /// Several CUDA devices: scenes are spread over them.
    CudaEach(Devices),
}

/// Indices of CUDA devices, below 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Devices(u64);

impl Devices {
    /// A set of indices. `None` where there are none, one is named twice, or one is 64 or more.
    pub fn new(indices: &[u32]) -> Option<Self> {
        let mut set = 0_u64;
        for &index in indices {
            let bit = 1_u64.checked_shl(index)?;
            if set & bit != 0 {
                return None;
            }
            set |= bit;
        }
        (set != 0).then_some(Self(set))
    }

    /// The indices, in rising order.
    pub fn indices(self) -> impl Iterator<Item = u32> {
        (0..u64::BITS).filter(move |index| self.0 >> index & 1 == 1)
    }
}

impl DeviceChoice {
    /// The device for frames of `samples` luma samples, of several the first; none is opened on a guess where frames are
    /// too small for it.
    ///
    /// # Errors
    ///
    /// `Device` with the remedy, `OutOfMemory`; never for `Auto` and `Cpu`.
    pub fn open(self, samples: usize) -> Result<device::Device> {
        match self {
            Self::Auto if samples >= FEWEST_SAMPLES => Ok(device::Device::auto()),
            Self::Auto | Self::Cpu => Ok(device::Device::cpu()),
            Self::Cuda(index) => device::Device::cuda(index),
            Self::CudaEach(devices) => device::Device::cuda(devices.indices().next().unwrap_or_default()),
        }
    }

    /// As [`open`](Self::open), all devices that are named, at least one; they share their notes.
    pub fn open_each(self, samples: usize) -> Result<Vec<device::Device>> {
        match self {
            Self::CudaEach(devices) => device::Device::cuda_each(devices.indices()),
            one => Ok(vec![one.open(samples)?]),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
            Self::CudaEach(devices) => {
                let indices: Vec<String> = devices.indices().map(|index| index.to_string()).collect();
                write!(f, "cuda:{}", indices.join(","))
            }
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => text
                .strip_prefix("cuda:")
                .and_then(Self::of_list)
                .ok_or_else(|| Error::invalid("device", "auto, cpu, cuda, cuda:N or cuda:N,M", text)),
        }
    }
}

impl DeviceChoice {
    /// Of `N`, `N,M` or `N,cuda:M`.
    fn of_list(text: &str) -> Option<Self> {
        let index = |part: &str| {
            let part = part.trim();
            part.strip_prefix("cuda:").unwrap_or(part).parse::<u32>().ok()
        };
        let indices: Vec<u32> = text.split(',').map(index).collect::<Option<_>>()?;
        match indices[..] {
            [one] => Some(Self::Cuda(one)),
            _ => Devices::new(&indices).map(Self::CudaEach),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_devices_are_a_set() {
        let read = |text: &str| text.parse::<DeviceChoice>();
        for text in ["cuda:1,0", "cuda:0,1", "cuda:0,cuda:1", "cuda:0, 1"] {
            assert_eq!(read(text).unwrap().to_string(), "cuda:0,1");
        }
        assert_eq!(read("cuda:3").unwrap(), DeviceChoice::Cuda(3));
        for text in ["cuda:", "cuda:0,", "cuda:0,0", "cuda:0,64", "cuda:0,cpu", "cuda:-1", "0,1"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
