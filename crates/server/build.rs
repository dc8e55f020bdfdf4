//! A release holds the console's built files: it is built again when they change.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // A debug build reads them while it runs.
    let dist = std::path::Path::new("../../console/dist");
    if std::env::var("PROFILE").as_deref() == Ok("release") && dist.is_dir() {
        println!("cargo:rerun-if-changed={}", dist.display());
    }
}
