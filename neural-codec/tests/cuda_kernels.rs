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

use neural_codec::compute::cuda::KERNELS;
use nvrtc::Nvrtc;

/// Set to write the embedded code anew; `make kernels` does.
const WRITE: &str = "NEURAL_CODEC_WRITE_KERNELS";

/// Turing to Blackwell.
const ARCHITECTURES: &[&str] = &["sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120"];

/// The compiler, or word that the test is skipped.
fn compiler() -> Option<Nvrtc> {
    let found = Nvrtc::find();
    if found.is_none() {
        assert!(std::env::var_os(WRITE).is_none(), "no NVRTC: run make setup");
        eprintln!("SKIPPED: no NVRTC; `make setup` installs it, or NEURAL_CODEC_NVRTC names it");
    }
    found
}

#[test]
fn every_kernel_compiles_for_every_architecture() {
    let Some(compiler) = compiler() else { return };
    for architecture in ARCHITECTURES {
        let code = compiler.compile(architecture).unwrap_or_else(|log| panic!("{architecture}: {log}"));
        let holds = |name: &str| code.windows(name.len()).any(|bytes| bytes == name.as_bytes());
        for name in KERNELS {
            assert!(holds(&format!(".text.{name}")), "{architecture}: no {name}");
        }
    }
}

#[test]
fn the_embedded_code_is_that_of_the_source() {
    let Some(compiler) = compiler() else { return };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/compute/cuda/kernels.ptx");
    let compiled = String::from_utf8(compiler.compile("compute_75").unwrap()).unwrap();
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &compiled).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap() == compiled, "kernels.ptx is old: run make kernels");
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
