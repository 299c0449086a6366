//! Digests, in the messages of the interface and back, for both ends.

use super::Malformed;
use backhaul::{Digested, Digests};
use concentrator_proto::v1;
use plc_core::time::Duration;
use plc_core::{Eui64, Utc};
use tonic::Status;

/// Of what digests are asked for, or are. Who does not say it, as clients and servers from before there were digests of values,
/// means readings.
///
/// # Errors
/// There are no digests of that.
pub fn parse_digested(lot: i32) -> Result<Digested, Malformed> {
    match v1::Lot::try_from(lot) {
        Ok(v1::Lot::Unspecified | v1::Lot::Readings) => Ok(Digested::Readings),
        Ok(v1::Lot::Values) => Ok(Digested::Values),
        _ => Err(Malformed::NotDigested(lot)),
    }
}

/// Of what digests are.
pub const fn emit_digested(of: Digested) -> v1::Lot {
    match of {
        Digested::Readings => v1::Lot::Readings,
        Digested::Values => v1::Lot::Values,
    }
}

/// Digests that an answer has at most.
pub const DIGESTS_MAX: u32 = 20_000;

/// Milliseconds of a bucket at most.
pub const BUCKET_MS_MAX: u64 = (1 << 32) * 1000;

/// The page that is asked for, empty.
///
/// # Errors
/// Its bucket is none.
pub fn page(request: &v1::LedgerDigestsRequest) -> Result<Digests, Status> {
    let bucket_ms = request.bucket_ms;
    if !(1..=BUCKET_MS_MAX).contains(&bucket_ms) {
        return Err(Status::invalid_argument(format!(
            "bucket_ms {bucket_ms}: expected 1 to {BUCKET_MS_MAX}"
        )));
    }
    let after =
        request.after_from_ms.map(|from| (Eui64::from_u64(request.after_eui64), Utc::from_millis(from)));
    let limit = if request.limit == 0 { DIGESTS_MAX } else { request.limit.min(DIGESTS_MAX) };
    Ok(Digests::page(Duration::from_millis(bucket_ms), after, limit as usize))
}

/// Digests as an answer to who wants at most `limit`.
///
/// # Errors
/// Who has told no limit does not know of pages, and there are more than fit into one.
pub fn emit_digests(
    of: Digested,
    digests: &Digests,
    limit: u32,
) -> Result<v1::LedgerDigestsResponse, Status> {
    let more = digests.has_more();
    if more && limit == 0 {
        let text =
            format!("more than {DIGESTS_MAX} digests: expected a limit, a longer bucket, or a shorter time");
        return Err(Status::resource_exhausted(text));
    }
    let digests = digests.iter().map(|((meter, from), digest)| v1::RangeDigest {
        eui64: meter.as_u64(),
        from_ms: from.as_millis(),
        count: digest.count,
        sum: digest.sum.to_be_bytes().to_vec(),
    });
    Ok(v1::LedgerDigestsResponse { digests: digests.collect(), lot: emit_digested(of).into(), more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_that_no_time_fills_is_refused_by_name() {
        let of = |bucket_ms| page(&v1::LedgerDigestsRequest { bucket_ms, ..Default::default() });
        assert!(of(1).is_ok() && of(BUCKET_MS_MAX).is_ok());
        for bad in [0, BUCKET_MS_MAX + 1, u64::MAX] {
            assert_eq!(
                of(bad).unwrap_err().message(),
                format!("bucket_ms {bad}: expected 1 to {BUCKET_MS_MAX}")
            );
        }
    }

    #[test]
    fn who_does_not_say_of_what_means_readings_and_of_events_there_are_no_digests() {
        for of in Digested::ALL {
            assert_eq!(parse_digested(emit_digested(of).into()), Ok(of));
        }
        assert_eq!(parse_digested(0), Ok(Digested::Readings));
        for lot in [v1::Lot::Events.into(), 4, -1] {
            assert_eq!(parse_digested(lot), Err(Malformed::NotDigested(lot)));
        }
        let text = Malformed::NotDigested(1).to_string();
        assert_eq!(text, "lot 1: expected 2 (readings) or 3 (values): there are no digests of others");
    }
}
