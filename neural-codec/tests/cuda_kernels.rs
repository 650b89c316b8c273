//! Every kernel compiles for every architecture that is served, and the code that is embedded is that of the source.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops at the first error"
)]

mod nvrtc;

use std::fs;
use std::path::Path;

use neural_codec::gpu::kernel_names;
use nvrtc::Nvrtc;

/// Set to write the embedded code anew; `make kernels` does.
const WRITE: &str = "NEURAL_CODEC_WRITE_KERNELS";

/// The version that writes what is embedded; others write other code of the same meaning.
const VERSION: (i32, i32) = (12, 8);

/// Turing to Blackwell, and whether machine code for it is embedded: it runs on all of the same major capability.
const ARCHITECTURES: &[(&str, bool)] = &[
    ("sm_75", true),
    ("sm_80", true),
    ("sm_86", false),
    ("sm_89", false),
    ("sm_90", true),
    ("sm_100", true),
    ("sm_120", true),
];

/// The compiler, or word that the test is skipped.
fn compiler() -> Option<Nvrtc> {
    let found = Nvrtc::find();
    if found.is_none() {
        assert!(std::env::var_os(WRITE).is_none(), "no NVRTC: run make setup");
        eprintln!("SKIPPED: no NVRTC; `make setup` installs it, or NEURAL_CODEC_NVRTC names it");
    }
    found
}

/// What is embedded under a name has to be `code`, or becomes it.
fn expect_embedded(compiler: &Nvrtc, name: &str, code: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gpu").join(name);
    let is_written = std::env::var_os(WRITE).is_some();
    if compiler.version() != VERSION {
        assert!(
            !is_written,
            "NVRTC {:?} writes other code than {VERSION:?}: run make setup",
            compiler.version()
        );
        eprintln!("SKIPPED: {name} is that of NVRTC {VERSION:?}; `make setup` installs it");
        return;
    }
    if is_written {
        fs::write(&path, code).unwrap();
    }
    assert!(fs::read(&path).unwrap() == code, "{name} is old: run make kernels");
}

#[test]
fn every_kernel_compiles_for_every_architecture_and_the_embedded_machine_code_is_that() {
    let Some(compiler) = compiler() else { return };
    for (architecture, is_embedded) in ARCHITECTURES {
        let code = compiler.compile(architecture).unwrap_or_else(|log| panic!("{architecture}: {log}"));
        let holds = |name: &str| code.windows(name.len()).any(|bytes| bytes == name.as_bytes());
        for name in kernel_names() {
            assert!(holds(&format!(".text.{name}")), "{architecture}: no {name}");
        }
        if *is_embedded {
            expect_embedded(&compiler, &format!("machine_code/{architecture}.cubin"), &code);
        }
    }
}

#[test]
fn the_embedded_ptx_is_that_of_the_source_and_fuses_nothing_but_training() {
    let Some(compiler) = compiler() else { return };
    let compiled = String::from_utf8(compiler.compile("compute_75").unwrap()).unwrap();
    expect_embedded(&compiler, "kernels.ptx", compiled.as_bytes());
    // A fused product rounds otherwise than the CPU; training alone may.
    let mut function = "";
    for line in compiled.lines() {
        if line.contains(".entry ") || line.contains(".func ") {
            function = line;
        }
        assert!(!line.contains("fma.rn") || function.contains("train_"), "fused in {function}: {line}");
    }
}

#[test]
fn what_does_not_compile_is_refused_with_the_compilers_words() {
    let Some(compiler) = compiler() else { return };
    let log = compiler.compile("sm_1").unwrap_err();
    assert!(log.contains("gpu-architecture"), "{log}");
}
