//! The devices that may join, and their addresses.

use crate::counters::Drop;
use crate::specs;
use alloc::vec::Vec;
use plc_core::sap::Key;
use plc_core::{Eui64, ShortAddress};

/// A device that may join.
#[derive(Clone, Copy, Debug)]
pub(super) struct Device {
    pub(super) eui64: Eui64,
    pub(super) psk: Key,
    pub(super) short: Option<ShortAddress>,
    /// Whether it has the group key that is being handed out.
    pub(super) held: bool,
    /// Whether it has missed a change of the group key.
    pub(super) missed: bool,
}

/// The devices that may join, sorted by address, and the addresses given out.
#[derive(Debug)]
pub(super) struct Registry {
    devices: Vec<Device>,
    /// Short addresses in use and whose they are, sorted.
    shorts: Vec<(ShortAddress, Eui64)>,
    /// Devices that have missed a change of the group key.
    missed: usize,
    limit: usize,
    /// The address given out last; the next one is above it, so that freed ones rest for a while.
    last: ShortAddress,
}

impl Registry {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            devices: Vec::with_capacity(limit),
            shorts: Vec::with_capacity(limit),
            missed: 0,
            limit,
            last: ShortAddress::COORDINATOR,
        }
    }

    /// Lets a device join with this key, perhaps with the address that it had.
    pub(super) fn allow(&mut self, eui64: Eui64, psk: Key, short: Option<ShortAddress>) -> Result<(), Drop> {
        let usable = |short: ShortAddress| short.is_device() && self.locate_short(short).is_err();
        match self.locate(eui64) {
            Ok(at) => {
                self.devices[at].psk = psk;
                if short.is_none() || self.devices[at].short == short {
                    return Ok(());
                }
                return Err(Drop::Misuse);
            }
            Err(_) if self.devices.len() >= self.limit => return Err(Drop::DeviceTableFull),
            Err(_) if short.is_some_and(|short| !usable(short)) => return Err(Drop::Misuse),
            Err(at) => self.devices.insert(at, Device { eui64, psk, short, held: false, missed: false }),
        }
        if let Some(short) = short {
            self.occupy(short, eui64);
            self.last = self.last.max(short);
        }
        Ok(())
    }

    pub(super) fn find(&self, eui64: Eui64) -> Option<&Device> {
        self.locate(eui64).ok().map(|at| &self.devices[at])
    }

    /// The address of a device and whether it is new; `None` when there is no free one.
    pub(super) fn assign(&mut self, eui64: Eui64) -> Option<(ShortAddress, bool)> {
        let at = self.locate(eui64).ok()?;
        if let Some(short) = self.devices[at].short {
            return Some((short, false));
        }
        let short = self.next_free()?;
        self.occupy(short, eui64);
        self.last = short;
        self.devices[at].short = Some(short);
        Some((short, true))
    }

    /// The address under which a device has joined.
    pub(super) fn joined(&self, eui64: Eui64) -> Option<ShortAddress> {
        self.find(eui64)?.short
    }

    /// Frees the address of a device, which may join again; returns whether it had one.
    pub(super) fn release(&mut self, eui64: Eui64) -> bool {
        let short = self.locate(eui64).ok().and_then(|at| self.devices[at].short.take());
        if let Some(short) = short {
            self.vacate(short);
        }
        short.is_some()
    }

    /// Forgets a device.
    pub(super) fn remove(&mut self, eui64: Eui64) -> Option<Device> {
        self.set_missed(eui64, false);
        let device = self.devices.remove(self.locate(eui64).ok()?);
        if let Some(short) = device.short {
            self.vacate(short);
        }
        Some(device)
    }

    /// Whose address this is.
    pub(super) fn eui64_of(&self, short: ShortAddress) -> Option<Eui64> {
        self.locate_short(short).ok().map(|at| self.shorts[at].1)
    }

    /// The device at this place of the order.
    pub(super) fn at(&self, place: usize) -> Option<&Device> {
        self.devices.get(place)
    }

    /// Every device is changed.
    pub(super) fn each(&mut self, change: impl FnMut(&mut Device)) {
        self.devices.iter_mut().for_each(change);
    }

    /// The device has the group key that is being handed out.
    pub(super) fn set_held(&mut self, eui64: Eui64) {
        if let Ok(at) = self.locate(eui64) {
            self.devices[at].held = true;
        }
    }

    /// The device has missed a change of the group key, or has made up for it.
    pub(super) fn set_missed(&mut self, eui64: Eui64, missed: bool) {
        if let Ok(at) = self.locate(eui64) {
            self.missed -= usize::from(self.devices[at].missed);
            self.missed += usize::from(missed);
            self.devices[at].missed = missed;
        }
    }

    /// Devices that have missed a change of the group key.
    pub(super) const fn missed(&self) -> usize {
        self.missed
    }

    pub(super) fn occupancy(&self) -> (usize, usize) {
        (self.devices.len(), self.limit)
    }

    /// Octets on the heap.
    pub(super) fn footprint(&self) -> usize {
        self.devices.capacity() * size_of::<Device>()
            + self.shorts.capacity() * size_of::<(ShortAddress, Eui64)>()
    }

    fn locate(&self, eui64: Eui64) -> Result<usize, usize> {
        self.devices.binary_search_by_key(&eui64, |device| device.eui64)
    }

    fn next_free(&self) -> Option<ShortAddress> {
        let above = self.last.0 + 1..=specs::LAST_DEVICE_ADDRESS;
        let below = 1..=self.last.0;
        above.chain(below).map(ShortAddress).find(|&short| self.locate_short(short).is_err())
    }

    fn locate_short(&self, short: ShortAddress) -> Result<usize, usize> {
        self.shorts.binary_search_by_key(&short, |&(short, _)| short)
    }

    fn occupy(&mut self, short: ShortAddress, eui64: Eui64) {
        if let Err(at) = self.locate_short(short) {
            self.shorts.insert(at, (short, eui64));
        }
    }

    fn vacate(&mut self, short: ShortAddress) {
        if let Ok(at) = self.locate_short(short) {
            self.shorts.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PSK: Key = Key([1; 16]);

    fn eui(n: u64) -> Eui64 {
        Eui64::from_u64(n)
    }

    #[test]
    fn addresses_are_sequential_and_stay_with_their_device() {
        let mut registry = Registry::new(4);
        (1..=3).for_each(|n| registry.allow(eui(n), PSK, None).unwrap());
        assert_eq!(registry.assign(eui(2)), Some((ShortAddress(1), true)));
        assert_eq!(registry.assign(eui(1)), Some((ShortAddress(2), true)));
        assert_eq!(registry.assign(eui(2)), Some((ShortAddress(1), false)));
        assert_eq!(registry.assign(eui(9)), None);
    }

    #[test]
    fn a_restored_address_is_never_given_to_another() {
        let mut registry = Registry::new(4);
        registry.allow(eui(1), PSK, Some(ShortAddress(1))).unwrap();
        registry.allow(eui(2), PSK, Some(ShortAddress(7))).unwrap();
        assert_eq!(registry.allow(eui(3), PSK, Some(ShortAddress(7))), Err(Drop::Misuse));
        registry.allow(eui(3), PSK, None).unwrap();
        assert_eq!(registry.assign(eui(3)), Some((ShortAddress(8), true)));
    }

    #[test]
    fn a_freed_address_rests_until_the_others_are_used_up() {
        let mut registry = Registry::new(4);
        registry.allow(eui(1), PSK, None).unwrap();
        registry.assign(eui(1));
        assert!(registry.release(eui(1)));
        assert_eq!(registry.assign(eui(1)), Some((ShortAddress(2), true)));
        registry.allow(eui(2), PSK, Some(ShortAddress(0x7FFF))).unwrap();
        registry.allow(eui(3), PSK, None).unwrap();
        assert_eq!(registry.assign(eui(3)), Some((ShortAddress(1), true)));
    }

    #[test]
    fn a_full_table_refuses_and_a_removed_device_makes_room() {
        let mut registry = Registry::new(1);
        registry.allow(eui(1), PSK, None).unwrap();
        assert_eq!(registry.allow(eui(2), PSK, None), Err(Drop::DeviceTableFull));
        assert!(registry.remove(eui(1)).is_some());
        registry.allow(eui(2), PSK, None).unwrap();
        assert!(registry.find(eui(1)).is_none());
    }
}
