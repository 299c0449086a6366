//! Files that somebody names: read as far as anything can be that is expected there, and no further. A device that never ends is refused.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// Octets of a text at most: a configuration of ten thousand meters has three million.
pub const TEXT: usize = 16 << 20;

/// The text of a file that has at most [`TEXT`] octets. What waits for a writer or never ends is none: nobody who reads a configuration may be
/// held up by it.
///
/// # Errors
/// It is no regular file, cannot be read, is no text, or has more.
pub fn text(path: impl AsRef<Path>) -> io::Result<String> {
    into_text(octets(path, TEXT)?)
}

/// The octets of a regular file that has at most so many.
///
/// # Errors
/// It is none, cannot be read, or has more.
pub fn octets(path: impl AsRef<Path>, at_most: usize) -> io::Result<Vec<u8>> {
    let kind = std::fs::metadata(&path)?.file_type();
    match kind.is_file() {
        true => piped(path, at_most),
        false if kind.is_dir() => Err(ErrorKind::IsADirectory.into()),
        false => Err(io::Error::new(ErrorKind::InvalidInput, "it is a device, a pipe or a socket")),
    }
}

/// The text of what a user names on the command line, which may be a pipe.
///
/// # Errors
/// It cannot be read, is no text, or has more than [`TEXT`] octets.
pub fn piped_text(path: impl AsRef<Path>) -> io::Result<String> {
    into_text(piped(path, TEXT)?)
}

/// The octets of what a user names on the command line, which may be a pipe.
///
/// # Errors
/// It cannot be read, or has more than so many.
pub fn piped(path: impl AsRef<Path>, at_most: usize) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    File::open(path)?.take(at_most as u64 + 1).read_to_end(&mut read)?;
    match read.len() > at_most {
        true => Err(io::Error::new(ErrorKind::FileTooLarge, format!("more than {at_most} octets"))),
        false => Ok(read),
    }
}

fn into_text(octets: Vec<u8>) -> io::Result<String> {
    String::from_utf8(octets).map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not text in UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_up_to_its_limit() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, [b'x'; 9]).unwrap();
        assert_eq!(octets(&file, 9).unwrap(), [b'x'; 9]);
        assert_eq!(octets(&file, 8).unwrap_err().to_string(), "more than 8 octets");
        assert_eq!(
            (text(&file).unwrap(), piped_text(&file).unwrap()),
            (String::from("xxxxxxxxx"), "x".repeat(9))
        );
        std::fs::write(&file, [0xFF]).unwrap();
        assert_eq!(text(&file).unwrap_err().kind(), ErrorKind::InvalidData);
    }

    #[test]
    fn what_never_ends_is_refused_and_what_waits_for_a_writer_is_not_waited_for() {
        assert_eq!(piped_text("/dev/zero").unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert!(text("/dev/zero").unwrap_err().to_string().contains("a device"));
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(text(folder.path()).unwrap_err().kind(), ErrorKind::IsADirectory);
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
            .unwrap();
        assert!(text(&pipe).unwrap_err().to_string().contains("a pipe"));
    }
}
