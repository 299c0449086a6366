//! The memory of a meter with arbitrary octets in it, whole and with records behind them: it is opened, and what is kept from then on is
//! there when it is opened again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use meter::journal::{Flash, FlashError, ImageBank, Journal};
use meter::{MeterPersist, ProfileSizes};

const PAGE: usize = 4096;
const PAGES: usize = 16;

struct Memory(Vec<u8>);

impl Flash for Memory {
    fn page_len(&self) -> usize {
        PAGE
    }

    fn pages(&self) -> usize {
        PAGES
    }

    fn read(&self, address: usize, octets: &mut [u8]) {
        octets.fill(0xFF);
        let held = self.0.get(address..).unwrap_or_default();
        let len = held.len().min(octets.len());
        octets[..len].copy_from_slice(&held[..len]);
    }

    fn program(&mut self, address: usize, octets: &[u8]) -> Result<(), FlashError> {
        let place = self.0.get_mut(address..address + octets.len()).ok_or(FlashError)?;
        place.iter_mut().zip(octets).for_each(|(held, octet)| *held &= octet);
        Ok(())
    }

    fn erase(&mut self, page: usize) -> Result<(), FlashError> {
        self.0.get_mut(page * PAGE..(page + 1) * PAGE).ok_or(FlashError)?.fill(0xFF);
        Ok(())
    }
}

fn memory(octets: &[u8]) -> Memory {
    let mut held = vec![0xFF; PAGE * PAGES];
    let len = octets.len().min(held.len());
    held[..len].copy_from_slice(&octets[..len]);
    Memory(held)
}

fuzz_target!(|octets: &[u8]| {
    let sizes = ProfileSizes { capture_period_s: 60, load: 20, daily: 5, monthly: 5 };
    let mut journal = Journal::open(memory(octets), sizes);
    let wanted = MeterPersist::ImageWanted { trials: 7 };
    if journal.begin().and_then(|()| journal.append(&wanted)) == Ok(true) {
        let again = Journal::open(journal.into_flash(), sizes);
        assert!(again.is_begun() && again.state().wanted == Some(7));
    }
    let kept = ImageBank::open(memory(octets)).image();
    assert!(kept.octets.len() <= PAGE * PAGES);
});
