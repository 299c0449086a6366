//! What values of the file may look like.

use crate::{bounded, hex};
use plc_core::{Eui64, PanId};
use std::fmt;
use std::path::Path;
use std::time::Duration;
use toml::de::DeValue;

/// A 128-bit key. Never printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key128(pub [u8; 16]);

impl fmt::Debug for Key128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key128(..)")
    }
}

/// An integer in a range.
pub(super) fn integer(value: &DeValue<'_>, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok().filter(|number| range.contains(number))
}

/// Whole seconds in a range.
pub(super) fn seconds(value: &DeValue<'_>, range: std::ops::RangeInclusive<i64>) -> Option<Duration> {
    integer(value, range).map(|seconds| Duration::from_secs(seconds.unsigned_abs()))
}

/// Text that is not empty.
pub(super) fn text(value: &DeValue<'_>) -> Option<String> {
    value.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// A PAN identifier that every edition of the standard accepts: bits 0x0300 clear, not the broadcast one.
pub(super) fn pan_id(value: &DeValue<'_>) -> Option<PanId> {
    let number = u16::try_from(integer(value, 0..=0xFFFF)?).ok()?;
    (number & 0x0300 == 0).then_some(PanId(number))
}

/// `unix:/path` or `tcp:host:port`.
pub(super) fn front_end(value: &DeValue<'_>) -> Option<String> {
    let address = text(value)?;
    let valid = match address.split_once(':')? {
        ("unix", path) => Path::new(path).is_absolute(),
        ("tcp", host) => host
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)),
        _ => false,
    };
    valid.then_some(address)
}

/// Sixteen hexadecimal digits.
pub(super) fn eui64(value: &DeValue<'_>) -> Option<Eui64> {
    Eui64::parse_hex(value.as_str()?)
}

/// Thirty-two hexadecimal digits, or `file:` and the path of a file that holds them.
pub(super) fn key(value: &DeValue<'_>, folder: &Path) -> Option<Key128> {
    let digits = match value.as_str()?.split_once(':') {
        Some(("file", path)) => bounded::text(folder.join(path)).ok()?,
        _ => value.as_str()?.to_owned(),
    };
    hex::array(digits.trim()).map(Key128)
}
