//! An image in pieces, as a client sends it.

use crate::jobs::images::{self, ImageHash};
use crate::words::Quoted;
use collector::IMAGE_LEN_MAX;
use concentrator_proto::v1;
use std::time::Duration;
use tokio_stream::{Stream, StreamExt};
use tonic::Status;

/// Takes all pieces, and what was announced of the whole.
///
/// # Errors
/// A piece is empty or too long, or all of them are; nothing was announced; it takes too long; the client has gone.
pub(super) async fn receive(
    pieces: impl Stream<Item = Result<v1::UploadImageRequest, Status>> + Unpin,
) -> Result<(Vec<u8>, ImageHash), Status> {
    let late = |_| Status::deadline_exceeded("image: took more than ten minutes");
    tokio::time::timeout(LONGEST, collect(pieces)).await.map_err(late)?
}

async fn collect(
    mut pieces: impl Stream<Item = Result<v1::UploadImageRequest, Status>> + Unpin,
) -> Result<(Vec<u8>, ImageHash), Status> {
    let (mut octets, mut expected) = (Vec::new(), None);
    while let Some(piece) = pieces.next().await {
        let v1::UploadImageRequest { octets: more, sha256 } = piece?;
        if !(1..=PIECE_MAX).contains(&more.len()) {
            return Err(Status::invalid_argument(format!(
                "piece of {} octets: expected 1 to {PIECE_MAX}",
                more.len()
            )));
        }
        if octets.len() + more.len() > IMAGE_LEN_MAX {
            return Err(Status::invalid_argument(format!("image: expected at most {IMAGE_LEN_MAX} octets")));
        }
        if expected.is_none() {
            expected = Some(images::unhex(&sha256).ok_or_else(|| announcement(&sha256))?);
        }
        octets.extend_from_slice(&more);
    }
    // A stream that breaks off may look like one that ends: what has come is the whole only if it is what was announced.
    Ok((octets, expected.ok_or_else(|| announcement(""))?))
}

fn announcement(sha256: &str) -> Status {
    let text = format!(
        "sha256 {}: expected that of the whole image, 64 hexadecimal digits, in the first piece",
        Quoted(sha256)
    );
    Status::invalid_argument(text)
}

/// Octets of a piece.
pub(crate) const PIECE_MAX: usize = 1 << 16;
const LONGEST: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    fn collected(pieces: &[(usize, &str)]) -> Result<(Vec<u8>, ImageHash), String> {
        let piece = |&(len, sha256): &(usize, &str)| {
            Ok(v1::UploadImageRequest { octets: vec![7; len], sha256: sha256.to_owned() })
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let pieces: Vec<_> = pieces.iter().map(piece).collect();
        runtime.block_on(collect(tokio_stream::iter(pieces))).map_err(|status| status.message().to_owned())
    }

    #[test]
    fn pieces_become_the_whole_and_the_first_announces_it() {
        let name = images::hex(&[9; 32]);
        assert_eq!(collected(&[(5, &name), (6, "")]), Ok((vec![7; 11], [9; 32])));
        for unannounced in [&[(5, ""), (6, &name)][..], &[]] {
            assert!(collected(unannounced).unwrap_err().contains("in the first piece"));
        }
    }

    #[test]
    fn pieces_that_are_empty_or_too_long_and_too_many_are_refused() {
        let name = images::hex(&[9; 32]);
        assert!(collected(&[(5, &name), (0, "")]).unwrap_err().contains("expected 1 to 65536"));
        assert!(collected(&[(PIECE_MAX + 1, &name)]).unwrap_err().contains("65537 octets"));
        assert!(collected(&[(5, "abc")]).unwrap_err().contains("64 hexadecimal digits"));
        let many = vec![(PIECE_MAX, name.as_str()); IMAGE_LEN_MAX / PIECE_MAX + 1];
        assert!(collected(&many).unwrap_err().contains("at most 8388608"));
        assert_eq!(collected(&many[1..]).unwrap().0.len(), IMAGE_LEN_MAX);
    }
}
