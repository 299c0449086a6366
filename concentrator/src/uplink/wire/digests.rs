//! Digests, in the messages of the interface and back, for both ends.

use super::Malformed;
use backhaul::{Digested, Digests};
use concentrator_proto::v1;

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

/// Digests as an answer.
pub fn emit_digests(of: Digested, digests: &Digests) -> v1::LedgerDigestsResponse {
    let digests = digests.iter().map(|((meter, from), digest)| v1::RangeDigest {
        eui64: meter.as_u64(),
        from_ms: from.as_millis(),
        count: digest.count,
        sum: digest.sum.to_be_bytes().to_vec(),
    });
    v1::LedgerDigestsResponse { digests: digests.collect(), lot: emit_digested(of).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

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
