//! Frames that lie in the memory of the device: metrics, filters, scene analysis, conversion.

use std::sync::Arc;
use std::time::Instant;

use neural_codec::Result;
use neural_codec::filter::NetworkSize;
use neural_codec::filter::{FilterLayer, FilterPlanes, GpuFilter};
use neural_codec::frame::{Color, GpuFrame, PixelFormat};
use neural_codec::gpu::Gpu;
use neural_codec::scene::ScenePlanes;

use crate::pictures::{eight, network, picture};
use crate::scale::Scale;
use crate::table::Table;

/// 2 C1 and 2 C2 of SSIM at 8 bits.
const CONSTANTS: (f32, f32) = (2.0 * 2.55 * 2.55, 2.0 * 7.65 * 7.65);

/// Seconds a call of what is only queued, all calls done at the end.
fn seconds(gpu: &Gpu, scale: &Scale, mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut of = |calls: u32| -> Result<f64> {
        gpu.synchronize()?;
        let start = Instant::now();
        for _ in 0..calls {
            call()?;
        }
        gpu.synchronize()?;
        Ok(start.elapsed().as_secs_f64() / f64::from(calls))
    };
    of(1)?;
    let first = of(1)?;
    // A tenth of the time to warm up.
    let guess = if first < scale.seconds { of((scale.seconds / 10.0 / first).ceil() as u32)? } else { first };
    of((scale.seconds / guess).ceil() as u32)
}

/// Shares of the copy bandwidth of the same run; each plane counts as read once.
pub(crate) fn metrics(gpu: &Gpu, scale: &Scale, table: &mut Table) -> Result<()> {
    let large = gpu.zeros::<u8>(scale.copied)?;
    let copy = 2.0 * large.len() as f64 / seconds(gpu, scale, || gpu.copy(&large).map(drop))?;
    drop(large);
    table.line(&format!("copy bandwidth, read and write: {:.0} GB/s", copy / 1e9));
    let (frame, other) =
        (picture(scale, PixelFormat::YUV420_8, 1)?, picture(scale, PixelFormat::YUV420_8, 9)?);
    let (x, y) = (gpu.upload(eight(&frame)?[0].samples())?, gpu.upload(eight(&other)?[0].samples())?);
    let mut row = |name: &str, seconds: f64| {
        let read = 2.0 * scale.samples() as f64 / seconds;
        let share = 100.0 * read / copy;
        let numbers = format!("{:.0} fps, {:.1} GB/s read, {share:.1} % of copy", 1.0 / seconds, read / 1e9);
        table.line(&format!("{name}, luma on the device: {numbers}"));
        share
    };
    let psnr = || gpu.squared_error(&x, &y).map(drop);
    let ssim = || gpu.similarity([&x, &y], scale.width, CONSTANTS).map(drop);
    row("psnr", seconds(gpu, scale, psnr)?);
    row("ssim", seconds(gpu, scale, ssim)?);
    let share = row("psnr and ssim", seconds(gpu, scale, || psnr().and_then(|()| ssim()))?);
    table.at_least("psnr and ssim of resident luma, % of the copy bandwidth", share, 50.0);
    Ok(())
}

pub(crate) fn filter(
    gpu: &Arc<Gpu>,
    scale: &Scale,
    (profile, bar): (NetworkSize, f64),
    table: &mut Table,
) -> Result<()> {
    let network = network(profile)?;
    let layers: Vec<FilterLayer<'_>> = network.layers().iter().map(FilterLayer::from).collect();
    let filter = GpuFilter::new(gpu, &layers)?;
    let frame = picture(scale, PixelFormat::YUV420_8, 1)?;
    let [y, u, v] = eight(&frame)?;
    let planes = [gpu.upload(y.samples())?, gpu.upload(u.samples())?, gpu.upload(v.samples())?];
    let picture = FilterPlanes { planes, width: scale.width, height: scale.height, bits: 8 };
    let blocks = vec![1; scale.width.div_ceil(64) * scale.height.div_ceil(64)];
    let seconds = seconds(gpu, scale, || filter.apply(&picture, 1, &blocks).map(drop))?;
    let multiplications = network.macs_per_pixel() * scale.samples() as f64 / seconds;
    let numbers = format!("{:.0} fps, {:.2} T multiplications/s", 1.0 / seconds, multiplications / 1e12);
    table.line(&format!("filter {}, on the device: {numbers}", profile.name()));
    table.at_least(&format!("filter {} of resident frames, fps", profile.name()), 1.0 / seconds, bar);
    Ok(())
}

/// All that cuts and profile need of each frame, once as it is queued and once with its measurements waited for.
pub(crate) fn scene(gpu: &Gpu, scale: &Scale, table: &mut Table) -> Result<()> {
    let frame = picture(scale, PixelFormat::YUV420_8, 9)?;
    let planes = eight(&frame)?;
    let [y, u, v] = planes.each_ref().map(|plane| gpu.upload(plane.samples()));
    let (y, u, v) = (y?, u?, v?);
    let sizes = planes.each_ref().map(|plane| (plane.width(), plane.height()));
    let planes = ScenePlanes { planes: [&y, &u, &v], sizes, shift: 0, is_rgb: false };
    let before = gpu.measure_picture(&planes, None)?;
    let queued = 1.0 / seconds(gpu, scale, || gpu.measure_picture(&planes, Some(&before)).map(drop))?;
    let waited = 1.0
        / seconds(gpu, scale, || gpu.measurements(&gpu.measure_picture(&planes, Some(&before))?).map(drop))?;
    table.line(&format!(
        "scene analysis, on the device: {queued:.0} fps queued, {waited:.0} fps with measurements on the host"
    ));
    table.at_least("the profile of resident frames, fps with measurements on the host", waited, 3000.0);
    Ok(())
}

/// Between RGB and 4:2:0.
pub(crate) fn conversion(gpu: &Arc<Gpu>, scale: &Scale, table: &mut Table) -> Result<()> {
    let color = Color { matrix: Color::BT709, ..Color::default() };
    for (from, to) in
        [(PixelFormat::YUV420_8, PixelFormat::RGB_8), (PixelFormat::RGB_8, PixelFormat::YUV420_8)]
    {
        let frame = GpuFrame::upload(gpu, &picture(scale, from, 9)?)?;
        let fps = 1.0 / seconds(gpu, scale, || frame.convert(to, color).map(drop))?;
        table.line(&format!("{from} to {to}, on the device: {fps:.0} fps"));
    }
    Ok(())
}
