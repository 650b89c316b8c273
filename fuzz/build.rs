//! Makes the sanitizer's entry visible to the loader of C libraries, which by it knows not to ask for `RTLD_DEEPBIND`.

fn main() {
    println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol=__asan_init");
}
