//! Files that somebody names: read as far as anything can be that is expected there, and no further. A device that never ends is refused.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// Octets of a text at most: a configuration of ten thousand meters has three million.
pub const TEXT: usize = 16 << 20;

/// The octets of a file that has at most so many.
///
/// # Errors
/// It cannot be read, or has more.
pub fn octets(path: impl AsRef<Path>, at_most: usize) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    File::open(path)?.take(at_most as u64 + 1).read_to_end(&mut read)?;
    match read.len() > at_most {
        true => Err(io::Error::new(ErrorKind::FileTooLarge, format!("more than {at_most} octets"))),
        false => Ok(read),
    }
}

/// The text of a file that has at most [`TEXT`] octets.
///
/// # Errors
/// It cannot be read, is no text, or has more.
pub fn text(path: impl AsRef<Path>) -> io::Result<String> {
    String::from_utf8(octets(path, TEXT)?)
        .map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not text in UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_up_to_its_limit_and_one_without_end_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, [b'x'; 9]).unwrap();
        assert_eq!(octets(&file, 9).unwrap(), [b'x'; 9]);
        assert_eq!(octets(&file, 8).unwrap_err().to_string(), "more than 8 octets");
        assert_eq!(text(&file).unwrap(), "xxxxxxxxx");
        assert_eq!(text("/dev/zero").unwrap_err().kind(), ErrorKind::FileTooLarge);
        std::fs::write(&file, [0xFF]).unwrap();
        assert_eq!(text(&file).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
