//! What jobs want of the application, meter by meter.

use super::kind::JobKind;
use super::{Item, Job, JobError, Jobs};
use crate::entropy;
use collector::{Image, ImageProgress, ImageStage, MeterKeys, Order, Work};
use plc_core::sap::Key;
use plc_core::time::Duration;
use plc_core::{Eui64, Instant, Utc};

/// What the application shall do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// Hand this order to the collector.
    Order(Order),
    /// Tell this meter to leave the network; the number ends the item.
    Remove(i64, Eui64),
    /// Give this meter new keys.
    Rekey(NewKeys),
}

/// New keys for a meter, from the entropy of the machine. Never printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewKeys {
    /// The item to end.
    pub item: i64,
    /// The meter.
    pub meter: Eui64,
    /// Names the wish, also where the database of jobs has begun anew.
    pub mark: i64,
    /// The keys.
    pub keys: MeterKeys,
    /// Of the order.
    pub priority: u8,
    /// When it is given up.
    pub until: Instant,
}

impl Jobs {
    /// What the application shall do for an item.
    pub(super) fn wanted_of(
        &self,
        job: &Job,
        item: &Item,
        now: Utc,
        at: Instant,
    ) -> Result<Wanted, JobError> {
        let work = match (&job.kind, job.kind.work()) {
            (_, Some(work)) => work,
            (JobKind::Firmware(firmware), None) => Work::Image(Image {
                identifier: firmware.identifier.clone().into_bytes(),
                octets: self.images().give(&firmware.image)?,
                activate_from: at + until(now, firmware.activate_from),
                progress: item.progress.clone(),
            }),
            (JobKind::Rekey, None) => {
                return new_keys(job, item, at + until(now, job.until)).map(Wanted::Rekey);
            }
            (_, None) => return Ok(Wanted::Remove(item.id, item.meter)),
        };
        Ok(Wanted::Order(Order {
            number: item.id.cast_unsigned(),
            meter: item.meter,
            work,
            priority: job.kind.priority(),
            until: at + until(now, job.until),
        }))
    }
}

/// How far an image is, for people.
pub(super) fn how_far(progress: &ImageProgress) -> String {
    let ImageProgress { stage, done, all, version } = progress;
    let before = version.escape_ascii();
    match stage {
        ImageStage::New => format!("about to begin; firmware {before} runs"),
        ImageStage::Begun => format!("{done} of {all} blocks; firmware {before} runs"),
        ImageStage::Verified => format!("verified, not activated yet; firmware {before} runs"),
        ImageStage::Activating => format!("told to activate; firmware {before} ran before"),
    }
}

/// How long it is until then; no time when that has passed.
fn until(now: Utc, then: Utc) -> Duration {
    Duration::from_millis(u64::try_from(then.as_millis().saturating_sub(now.as_millis())).unwrap_or(0))
}

/// Keys that nobody has had.
fn new_keys(job: &Job, item: &Item, until: Instant) -> Result<NewKeys, JobError> {
    let (mut encryption, mut authentication) = ([0; 16], [0; 16]);
    let entropy = entropy::seed()?.0;
    encryption.copy_from_slice(&entropy[..16]);
    authentication.copy_from_slice(&entropy[16..]);
    let keys = MeterKeys { encryption: Key(encryption), authentication: Key(authentication) };
    let mark = job.created.as_millis().wrapping_mul(4096).wrapping_add(item.id % 4096).max(1);
    let (item, meter, priority) = (item.id, item.meter, job.kind.priority());
    Ok(NewKeys { item, meter, mark, keys, priority, until })
}
