use super::*;
use crate::frame::FrameHash;

fn hashes(hidden: &[usize]) -> [String; 2] {
    let network = network(&mut Numbers(2026), hidden, Size::Usual);
    [PixelFormat::YUV420_8, PixelFormat::YUV420_10].map(|format| {
        let frame = frame(&mut Numbers(1080), 201, 149, format, Size::Usual);
        let results: Vec<FrameHash> = Kernel::available()
            .into_iter()
            .map(|kernel| Filter::with_kernel(&network, kernel).unwrap().apply(&frame, 2, None).unwrap())
            .map(|filtered| FrameHash::of(&filtered))
            .collect();
        assert!(results.iter().all(|hash| *hash == results[0]), "{results:x?}");
        results[0].to_string()
    })
}

/// A change here is a change of what every stream decodes to.
#[test]
fn two_fixed_networks_give_known_frames() {
    assert_eq!(
        [hashes(&[16, 16]), hashes(&[24, 24, 24])].concat(),
        ["4da54c36b4eba4cd", "2705439970849d48", "9aa231a76043f5eb", "00e26d3b955b3ccc"]
    );
}
