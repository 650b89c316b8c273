//! HDR metadata as AV1 carries it: metadata OBUs of the mastering display and of the light levels (6.7.3, 6.7.4).

use crate::bitstream::{ContentLight, MasteringDisplay, Tracks};

/// Metadata type of content light levels.
pub(super) const HDR_CLL: u8 = 1;
/// Metadata type of the mastering display's color volume.
pub(super) const HDR_MDCV: u8 = 2;

/// Payloads of metadata OBUs, without the bits at their end, for what tracks say of HDR.
pub(super) fn hdr_payloads(tracks: &Tracks) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    if let Some(light) = tracks.light {
        let mut payload = vec![HDR_CLL];
        payload.extend(light.max.to_be_bytes());
        payload.extend(light.mean.to_be_bytes());
        payloads.push(payload);
    }
    if let Some(display) = tracks.mastering {
        let mut payload = vec![HDR_MDCV];
        for value in display.chromaticities.into_iter().flat_map(|(x, y)| [x, y]) {
            payload.extend((rescaled(value.into(), 50_000, 1 << 16) as u16).to_be_bytes());
        }
        payload.extend((rescaled(display.max_luminance, 10_000, 1 << 8)).to_be_bytes());
        payload.extend((rescaled(display.min_luminance, 10_000, 1 << 14)).to_be_bytes());
        payloads.push(payload);
    }
    payloads
}

/// Fills in what payloads of metadata OBUs say of HDR; what is too short says nothing.
pub fn read_hdr(payloads: &[Vec<u8>], tracks: &mut Tracks) {
    for payload in payloads {
        match payload.split_first() {
            Some((&HDR_CLL, rest)) => tracks.light = tracks.light.or_else(|| read_light(rest)),
            Some((&HDR_MDCV, rest)) => tracks.mastering = tracks.mastering.or_else(|| read_display(rest)),
            _ => {}
        }
    }
}

fn read_light(bytes: &[u8]) -> Option<ContentLight> {
    Some(ContentLight { max: u16_at(bytes, 0)?, mean: u16_at(bytes, 2)? })
}

fn read_display(bytes: &[u8]) -> Option<MasteringDisplay> {
    let point = |at: usize| {
        let value = |at| Some(rescaled(u16_at(bytes, at)?.into(), 1 << 16, 50_000) as u16);
        Some((value(at)?, value(at + 2)?))
    };
    let long = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    Some(MasteringDisplay {
        chromaticities: [point(0)?, point(4)?, point(8)?, point(12)?],
        max_luminance: rescaled(long(16)?, 1 << 8, 10_000),
        min_luminance: rescaled(long(20)?, 1 << 14, 10_000),
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// A number of units `from` to one in units `to` to one, rounded to nearest.
fn rescaled(value: u32, from: u64, to: u64) -> u32 {
    u32::try_from((u64::from(value) * to + from / 2) / from).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_and_its_light_come_back() {
        let tracks = Tracks {
            light: Some(ContentLight { max: 1000, mean: 400 }),
            mastering: Some(MasteringDisplay {
                chromaticities: [(34000, 16000), (13250, 34500), (7500, 3000), (15635, 16450)],
                max_luminance: 10_000_000,
                min_luminance: 50,
            }),
            ..Tracks::default()
        };
        let payloads = hdr_payloads(&tracks);
        assert_eq!(payloads.iter().map(Vec::len).collect::<Vec<_>>(), [5, 25]);
        let mut again = Tracks::default();
        read_hdr(&payloads, &mut again);
        assert_eq!(again, tracks);
        for length in 0..25 {
            read_hdr(&[payloads[1][..length].to_vec()], &mut Tracks::default());
        }
    }
}
