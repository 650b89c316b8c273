//! The networks over decoded photos in colors of their own, trained once on many photos and compiled in: nothing of them is stored.
//!
//! Made by `eval/python/photo_network.py`; their files are laid out as those of scenes' base networks.

use std::sync::OnceLock;

use super::base_network::BaseNetwork;
use super::network::{Network, SITE_CHANNELS_444};
use crate::bitstream::PhotoFilter;
use crate::error::{Error, Result};

/// The number of the network that encoders use.
pub const PHOTO_NETWORK: u8 = 1;

const FIRST: &[u8] = include_bytes!("base_networks/photo.bin");

/// The network of a photo's filter, with the gains for its quantizer.
///
/// # Errors
///
/// `Unsupported` for a number that this version has no network for, `Internal` for a damaged library.
pub fn photo_network(filter: PhotoFilter) -> Result<Network> {
    static PARSED: OnceLock<Option<BaseNetwork>> = OnceLock::new();
    if filter.network != PHOTO_NETWORK {
        return Err(Error::Unsupported {
            what: format!("network {} of a photo", filter.network),
            remedy: "a newer version of this library may read it".into(),
        });
    }
    let parsed = PARSED.get_or_init(|| BaseNetwork::between(SITE_CHANNELS_444, FIRST).ok());
    let base = parsed.as_ref().ok_or_else(|| Error::internal("network of photos", "it is damaged"))?;
    base.network(4 * u16::from(filter.quantizer))
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;
    use crate::frame::Layout;

    #[test]
    fn the_network_that_is_compiled_in_is_one_for_every_quantizer_and_never_changes() {
        assert_eq!(
            xxh3_64(FIRST),
            13_630_063_692_368_160_964,
            "stored photos are decoded by it: another one has another number"
        );
        for quantizer in [0, 1, 18, 31, 54, 63, 255] {
            let network = photo_network(PhotoFilter { network: PHOTO_NETWORK, quantizer }).unwrap();
            assert_eq!((network.layout(), network.macs_per_pixel()), (Layout::Yuv444, 10_944.0));
        }
        let unknown = photo_network(PhotoFilter { network: 2, quantizer: 30 }).unwrap_err();
        assert!(matches!(unknown, Error::Unsupported { .. }), "{unknown}");
    }

    #[test]
    fn its_file_is_for_twelve_channels_alone() {
        assert!(BaseNetwork::from_bytes(FIRST).is_err());
    }
}
