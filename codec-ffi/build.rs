//! Gives the shared library its SONAME and hides what it is made of.
//!
//! docs/C.md says when the number in the SONAME changes. Names of what is linked in stay inside, so that they can never
//! stand in for those of another library in the same process.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libneuralcodec.so.1");
        println!("cargo:rustc-cdylib-link-arg=-Wl,--exclude-libs,ALL");
    }
}
