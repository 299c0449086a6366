//! New keys for meters: durable before they are sent, and until it is certain which the meter has.

use super::{Application, MeterAccess, Observer};
use crate::jobs::NewKeys;
use crate::store::{EventKind, KeptKeys, StoreError};
use collector::{CollectorInput, MeterKeys, Order, OrderEnd, Rekey, Work};
use plc_core::{Eui64, Instant, Machine};

impl<O: Observer> Application<'_, O> {
    /// The keys of a meter, as far as they are certain, and those that it may have instead.
    pub(super) fn keys(&mut self, access: &MeterAccess) -> Result<KeptKeys, StoreError> {
        self.store.keys(access.eui64, &configured(access))
    }

    /// Gives a meter new keys. Where some may have been sent before, it is found out first what became of them.
    pub(super) fn rekey(&mut self, now: Instant, wanted: &NewKeys) -> Result<(), StoreError> {
        let NewKeys { item, meter, mark, keys, priority, until } = *wanted;
        let Some(access) = self.access.get(&meter).cloned() else {
            return self.refuse(now, item, &OrderEnd::NoMeter);
        };
        let Some(master) = access.master_key else { return self.refuse(now, item, &OrderEnd::NoMasterKey) };
        let kept = self.keys(&access)?;
        if kept.renewed.is_none() && kept.mark == mark {
            // They were made for this, and settled: the meter has them, or it was told that it has not.
            let end = if kept.taken { OrderEnd::Done(Vec::new()) } else { OrderEnd::NotTaken };
            self.store.forget_mark(meter)?;
            return self.refuse(now, item, &end);
        }
        let (keys, sent) = match kept.renewed {
            Some(renewed) => (renewed.keys, true),
            None => {
                self.store.renew_keys(meter, &configured(&access), (&kept.keys, mark), &keys)?;
                (keys, false)
            }
        };
        let work = Work::Rekey(Rekey::new(master, keys, sent));
        let order = Order { number: item.cast_unsigned(), meter, work, priority, until };
        self.collector.handle(now, CollectorInput::Order(order));
        Ok(())
    }

    /// It is certain which keys a meter has.
    pub(super) fn on_keys_settled(
        &mut self,
        now: Instant,
        meter: Eui64,
        renewed: bool,
    ) -> Result<(), StoreError> {
        // What was counted under the old keys must not be taken for counters of the new ones.
        self.waiting.counters.remove(&meter);
        self.store.settle_keys(meter, renewed)?;
        let text = if renewed { "keys renewed" } else { "keys not renewed, the old ones hold" };
        self.export_keys();
        self.record(now, EventKind::Keys, Some(meter), text.into())
    }

    /// Writes the keys in force beside the store, for backups. The store has them, whatever becomes of that.
    pub(super) fn export_keys(&self) {
        if let Err(error) = self.store.export_keys() {
            tracing::error!("{error}");
        }
    }

    fn refuse(&mut self, now: Instant, item: i64, end: &OrderEnd) -> Result<(), StoreError> {
        self.observer.ended(self.anchor.utc(now), item, end);
        Ok(())
    }
}

const fn configured(access: &MeterAccess) -> MeterKeys {
    MeterKeys { encryption: access.encryption_key, authentication: access.authentication_key }
}
