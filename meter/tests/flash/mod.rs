//! NOR flash whose supply may fail.
#![allow(dead_code)]

use meter::journal::{Flash, FlashError};

/// NOR flash whose supply fails after so many octets were written; a page erased counts as one.
#[derive(Clone)]
pub(crate) struct Pages {
    pub(crate) octets: Vec<u8>,
    pub(crate) left: usize,
    pub(crate) written: usize,
    pub(crate) erased: Vec<u32>,
    /// What was written when each write or erasure began.
    pub(crate) boundaries: Vec<usize>,
}

pub(crate) const PAGE: usize = 1024;

impl Pages {
    pub(crate) fn new(pages: usize) -> Self {
        // As it comes from the factory, or from a life before: anything.
        let octets = (0..pages * PAGE).map(|n| (n * 31 % 251) as u8).collect();
        Self { octets, left: usize::MAX, written: 0, erased: vec![0; pages], boundaries: Vec::new() }
    }

    fn spend(&mut self) -> Result<(), FlashError> {
        self.left = self.left.checked_sub(1).ok_or(FlashError)?;
        self.written += 1;
        Ok(())
    }
}

impl Flash for Pages {
    fn page_len(&self) -> usize {
        PAGE
    }

    fn pages(&self) -> usize {
        self.octets.len() / PAGE
    }

    fn read(&self, address: usize, octets: &mut [u8]) {
        for (n, octet) in octets.iter_mut().enumerate() {
            *octet = self.octets.get(address + n).copied().unwrap_or(0xFF);
        }
    }

    fn program(&mut self, address: usize, octets: &[u8]) -> Result<(), FlashError> {
        self.boundaries.push(self.written);
        for (n, &octet) in octets.iter().enumerate() {
            if self.spend().is_err() {
                // Torn: some bits of the octet under way have fallen, others not.
                self.octets[address + n] &= octet | 0x5A;
                return Err(FlashError);
            }
            self.octets[address + n] &= octet;
        }
        Ok(())
    }

    fn erase(&mut self, page: usize) -> Result<(), FlashError> {
        self.boundaries.push(self.written);
        let range = page * PAGE..(page + 1) * PAGE;
        if self.spend().is_err() {
            // Torn: the first half of the page has risen, the rest wavers.
            self.octets[range.clone()][..PAGE / 2].fill(0xFF);
            self.octets[range][PAGE / 2..].iter_mut().step_by(3).for_each(|octet| *octet |= 0x0F);
            return Err(FlashError);
        }
        self.octets[range].fill(0xFF);
        self.erased[page] += 1;
        Ok(())
    }
}
