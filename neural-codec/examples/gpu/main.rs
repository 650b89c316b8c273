//! Speed and hashes of the CUDA back end on a real GPU: `gpu FOLDER` writes `table.txt` and `hashes.txt` there.
//!
//! The table begins with the bars: what should be reached, what was measured, and whether it was reached. Copy bandwidth is measured in the same
//! run, read and write counted. `gpu FOLDER small` tries the program itself, on a fake driver too. Part of `make gpu-test`.
#![allow(clippy::print_stdout, reason = "a program tells what it found")]

mod pictures;
mod resident;
mod scale;
mod table;
mod whole;

use std::path::Path;

use neural_codec::Result;
use neural_codec::device::Device;
use neural_codec::error::Error;
use neural_codec::filter::NetworkSize;

use scale::Scale;
use table::Table;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| "out/gpu".into());
    let scale = if arguments.next().as_deref() == Some("small") { &Scale::SMALL } else { &Scale::FULL };
    let device = Device::cuda(0)?;
    let gpu = device.gpu().ok_or_else(|| Error::internal("gpu", "a device without a GPU"))?;
    let (mut table, mut hashes) = (Table::default(), String::new());
    let size = format!("frames of {}x{}", scale.width, scale.height);
    table.line(&format!(
        "{device}, library {}, {size} where no other size is named",
        env!("CARGO_PKG_VERSION")
    ));
    table.part("metrics", |table| resident::metrics(gpu, scale, table));
    for (profile, bar) in [(NetworkSize::M, 2000.0), (NetworkSize::L, 800.0)] {
        table.part("filter", |table| resident::filter(gpu, scale, (profile, bar), table));
    }
    table.part("hashes", |table| {
        let all_equal = whole::hashes(&device, scale, &mut hashes)?;
        table.at_least("filtered frames are the CPU's, 1 for all", f64::from(u8::from(all_equal)), 1.0);
        Ok(())
    });
    table.part("scene analysis", |table| resident::scene(gpu, scale, table));
    for profile in [NetworkSize::M, NetworkSize::L] {
        table.part("training", |table| whole::training(&device, scale, profile, table));
    }
    table.part("single frames", |table| whole::single_frames(scale, table));
    table.part("conversion", |table| resident::conversion(gpu, scale, table));
    table.part("frames in host memory", |table| whole::frames(&device, scale, table));
    for note in device.notes() {
        table.line(&format!("note: {note}"));
    }
    let text = table.text();
    println!("{text}\n{hashes}");
    let folder = Path::new(&folder);
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| Error::io(&path, error))
    };
    std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
    write("table.txt", &text)?;
    write("hashes.txt", &hashes)?;
    if hashes.contains("DIFFERENT") || table.failures > 0 || !device.notes().is_empty() {
        let what = "the GPU failed or gives other frames than the CPU: see the tables";
        return Err(Error::internal("gpu", what));
    }
    Ok(())
}
