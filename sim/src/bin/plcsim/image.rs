//! `plcsim image`.

use crate::ImageArgs;
use crate::street::Failure;
use sim::street::firmware::image;

/// Writes the file.
pub(crate) fn write(args: &ImageArgs) -> Result<(), Failure> {
    let octets = image(args.seed, &args.release, !args.fails, args.octets as usize);
    let failed = |source| Failure::File { path: args.file.clone(), expected: "a file to write", source };
    std::fs::write(&args.file, octets).map_err(failed)
}
