//! Firmware of the emulated meters: what an image says, who signs it, and the restart into it or back.
//!
//! An image is a line `firmware <version> <verdict>`, ballast, and the signature of the street's maker. The verdict is what the self-check
//! of the image will find: `passes`, or anything else.

use crate::world::Pages;
use dlms::security::{Curve, PrivateKey};
use meter::{Activation, Bank, BootReport, Firmware, MeterApplication, MeterConfig, MeterState, self_check};
use plc_core::Seed;

/// The key of who makes the meters of the street of this seed: signs what they may run.
pub fn maker(seed: u64) -> PrivateKey {
    PrivateKey::random(Curve::P256, &mut Seed::from_u64(seed).derive("image key", 0).stream())
}

/// A signed image of so many octets, or as many as it needs, for the meters of the street of this seed.
pub fn image(seed: u64, version: &str, passes: bool, octets: usize) -> Vec<u8> {
    let verdict = if passes { PASSES } else { "fails" };
    let mut image = format!("{HEAD} {version} {verdict}\n").into_bytes();
    let end = octets.saturating_sub(Curve::P256.pair_len()).max(image.len());
    image.extend((image.len()..end).map(|n| (n % 251) as u8));
    let signature = maker(seed).sign(&image);
    image.extend_from_slice(&signature);
    image
}

/// The banks of a meter, and what runs.
#[derive(Debug)]
pub(crate) struct Banks {
    record: Firmware<Pages>,
    running: String,
}

impl Banks {
    /// A meter as it was made, which runs this version.
    pub(crate) fn new(version: &str) -> Self {
        Self { record: Firmware::open(Pages::new()), running: version.to_owned() }
    }

    /// What runs.
    pub(crate) fn running(&self) -> &str {
        &self.running
    }

    /// What the boot record says to the image that runs.
    pub(crate) const fn report(&self) -> BootReport {
        self.record.report()
    }

    /// The meter restarts to try the image that it was told to activate: the application that runs in the end, which learns from the
    /// boot record what has become of the image.
    ///
    /// # Errors
    /// No application can be built, in words.
    pub(crate) fn restart(
        &mut self,
        config: &MeterConfig,
        kept: &MeterState,
    ) -> Result<MeterApplication, String> {
        let (version, passes) = read(&kept.image.octets).unwrap_or_default();
        self.record.begin_trial().map_err(|error| error.to_string())?;
        let before = self.record.confirmed();
        let sound = |bank: Bank| bank == before || !version.is_empty();
        if self.record.boot(sound).map_err(|error| error.to_string())? != before {
            let mut tried = self.build(&version, config, kept)?;
            let passed = passes && self_check(&mut tried, kept).is_ok();
            let outcome = self.record.on_self_check(passed).map_err(|error| error.to_string())?;
            if outcome == Activation::Committed {
                self.running = version;
            }
        }
        self.build(&self.running, config, kept)
    }

    fn build(
        &self,
        version: &str,
        config: &MeterConfig,
        kept: &MeterState,
    ) -> Result<MeterApplication, String> {
        let (firmware, boot) = (version.to_owned().into(), Some(self.report()));
        let config = MeterConfig { firmware, boot, state: kept.clone(), ..config.clone() };
        MeterApplication::new(config).map_err(|error| error.to_string())
    }
}

/// The version of an image, and whether it will pass.
fn read(image: &[u8]) -> Option<(String, bool)> {
    let line = std::str::from_utf8(image.split(|octet| *octet == b'\n').next()?).ok()?;
    let (version, verdict) = line.strip_prefix(HEAD)?.trim().split_once(' ')?;
    Some((version.to_owned(), verdict == PASSES))
}

const HEAD: &str = "firmware";
const PASSES: &str = "passes";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_says_its_version_and_verdict_and_is_signed_by_the_maker() {
        for (passes, octets) in [(true, 0), (false, 5000)] {
            let image = image(7, "2.1.0", passes, octets);
            assert!(image.len() == octets || octets == 0);
            assert_eq!(read(&image), Some((String::from("2.1.0"), passes)));
            let (body, signature) = image.split_at(image.len() - 64);
            assert!(maker(7).public_key().verify(body, signature));
            assert!(!maker(8).public_key().verify(body, signature));
        }
        assert_eq!(read(b"something else"), None);
    }
}
