//! The networks over decoded photos in colors of their own and over decoded stills, trained once on many photos and compiled in: nothing
//! of them is stored.
//!
//! Made by `eval/python/photo_network.py`; their files are laid out as those of scenes' base networks.

use std::sync::OnceLock;

use super::base_network::BaseNetwork;
use super::network::{Network, SITE_CHANNELS_444};
use crate::bitstream::PhotoFilter;
use crate::error::{Error, Result};

/// The number of the network that encoders use over AV1 in colors of a photo's own.
pub const PHOTO_NETWORK: u8 = 1;

/// The number of the one that encoders use over stills. Number 2, which is smaller, is read.
pub const STILL_NETWORK: u8 = 3;

/// The networks, from number 1 on.
const FILES: [&[u8]; 3] = [
    include_bytes!("base_networks/photo.bin"),
    include_bytes!("base_networks/still.bin"),
    include_bytes!("base_networks/still_wide.bin"),
];

/// The network of a photo's filter, with the gains for its quantizer.
///
/// # Errors
///
/// `Unsupported` for a number that this version has no network for, `Internal` for a damaged library.
pub fn photo_network(filter: PhotoFilter) -> Result<Network> {
    static PARSED: [OnceLock<Option<BaseNetwork>>; FILES.len()] = [const { OnceLock::new() }; FILES.len()];
    let number = usize::from(filter.network).wrapping_sub(1);
    let (Some(file), Some(cell)) = (FILES.get(number), PARSED.get(number)) else {
        return Err(Error::Unsupported {
            what: format!("network {} of a photo", filter.network),
            remedy: "a newer version of this library may read it".into(),
        });
    };
    let parsed = cell.get_or_init(|| BaseNetwork::between(SITE_CHANNELS_444, file).ok());
    let base = parsed.as_ref().ok_or_else(|| Error::internal("network of photos", "it is damaged"))?;
    base.network(4 * u16::from(filter.quantizer))
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;
    use crate::frame::Layout;

    #[test]
    fn the_networks_that_are_compiled_in_are_for_every_quantizer_and_never_change() {
        let hashes = FILES.map(xxh3_64);
        let expected = [13_630_063_692_368_160_964, 3_531_954_710_942_390_905, 14_474_138_100_738_829_799];
        assert_eq!(hashes, expected, "stored photos are decoded by them: another one has another number");
        let costs = [(PHOTO_NETWORK, 10_944.0), (2, 10_944.0), (STILL_NETWORK, 33_696.0)];
        for (network, macs_per_pixel) in costs {
            for quantizer in [0, 1, 18, 31, 54, 63, 255] {
                let network = photo_network(PhotoFilter { network, quantizer }).unwrap();
                assert_eq!((network.layout(), network.macs_per_pixel()), (Layout::Yuv444, macs_per_pixel));
            }
        }
        for network in [0, 4, 255] {
            let unknown = photo_network(PhotoFilter { network, quantizer: 30 }).unwrap_err();
            assert!(matches!(unknown, Error::Unsupported { .. }), "{unknown}");
        }
    }

    #[test]
    fn their_files_are_for_twelve_channels_alone() {
        assert!(FILES.iter().all(|file| BaseNetwork::from_bytes(file).is_err()));
    }
}
