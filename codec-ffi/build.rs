//! Gives the shared library its SONAME and hides what it is made of.
//!
//! docs/C.md says when the number in the SONAME changes. The AV1 decoder inside has the names of libdav1d, which FFmpeg
//! loads into the same process: were they exported, either would call the other's functions.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libneuralcodec.so.1");
        println!("cargo:rustc-cdylib-link-arg=-Wl,--exclude-libs,ALL");
    }
}
