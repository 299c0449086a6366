//! The flash of a meter, of which only the pages exist that were written.

use meter::journal::{Flash, FlashError};

/// Pages of NOR flash in memory.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    pages: Vec<Option<Box<[u8; PAGE]>>>,
}

const PAGE: usize = 4096;
/// Two halves of 256 kB, as [`meter::journal`] says.
const PAGES: usize = 128;

impl Pages {
    /// All erased.
    pub(crate) fn new() -> Self {
        Self { pages: vec![None; PAGES] }
    }
}

impl Flash for Pages {
    fn page_len(&self) -> usize {
        PAGE
    }

    fn pages(&self) -> usize {
        PAGES
    }

    fn read(&self, address: usize, octets: &mut [u8]) {
        for (n, octet) in octets.iter_mut().enumerate() {
            let (page, at) = ((address + n) / PAGE, (address + n) % PAGE);
            *octet = self.pages.get(page).and_then(Option::as_ref).map_or(0xFF, |page| page[at]);
        }
    }

    fn program(&mut self, address: usize, octets: &[u8]) -> Result<(), FlashError> {
        for (n, octet) in octets.iter().enumerate() {
            let (page, at) = ((address + n) / PAGE, (address + n) % PAGE);
            let page = self.pages.get_mut(page).ok_or(FlashError)?;
            page.get_or_insert_with(|| Box::new([0xFF; PAGE]))[at] &= octet;
        }
        Ok(())
    }

    fn erase(&mut self, page: usize) -> Result<(), FlashError> {
        *self.pages.get_mut(page).ok_or(FlashError)? = None;
        Ok(())
    }
}
