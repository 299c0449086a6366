//! Compiles the interface, in Rust alone: no `protoc` is needed.

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is set by cargo")?);
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true);
    for name in [
        "concentrator",
        "meters",
        "readings",
        "network",
        "events",
        "jobs",
        "tasks",
        "config",
        "ledger",
        "backhaul",
    ] {
        compiler.open_file(format!("concentrator/v1/{name}.proto"))?;
    }
    std::fs::write(out.join("descriptor.bin"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure().compile_fds(compiler.file_descriptor_set())?;
    println!("cargo:rerun-if-changed=proto");
    Ok(())
}
