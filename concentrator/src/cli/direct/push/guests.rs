//! The connections of a listener: a bounded number.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, PoisonError};

/// Connections, by numbers that are never given again, each with when it was heard last.
#[derive(Default)]
pub(super) struct Guests(Mutex<Table<TcpStream>>);

impl Guests {
    /// Takes a connection in; whoever is silent for longest makes room where there is none, and is closed. Returns its number.
    pub(super) fn admit(&self, stream: TcpStream) -> u64 {
        let (number, displaced) = self.with(|table| table.admit(stream));
        // Its reader sees the end.
        let _ = displaced.map(|stream| stream.shutdown(Shutdown::Both));
        number
    }

    /// Something has come over it.
    pub(super) fn on_heard(&self, number: u64) {
        self.with(|table| table.on_heard(number));
    }

    /// It is gone.
    pub(super) fn leave(&self, number: u64) {
        self.with(|table| table.held.remove(&number));
    }

    fn with<T>(&self, what: impl FnOnce(&mut Table<TcpStream>) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Table<T> {
    /// The next number, of a connection or of something heard.
    next: u64,
    /// When each was heard last, and the connection.
    held: BTreeMap<u64, (u64, T)>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { next: 0, held: BTreeMap::new() }
    }
}

impl<T> Table<T> {
    fn admit(&mut self, connection: T) -> (u64, Option<T>) {
        let full = self.held.len() >= CONNECTIONS_MAX;
        let silent = self.held.iter().min_by_key(|(_, (heard, _))| *heard).map(|(&number, _)| number);
        let displaced = silent.filter(|_| full).and_then(|number| self.held.remove(&number));
        self.next += 1;
        self.held.insert(self.next, (self.next, connection));
        (self.next, displaced.map(|(_, connection)| connection))
    }

    fn on_heard(&mut self, number: u64) {
        self.next += 1;
        if let Some((heard, _)) = self.held.get_mut(&number) {
            *heard = self.next;
        }
    }
}

/// Connections at the same time, or senders of datagrams whose blocks are joined.
pub(super) const CONNECTIONS_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_silent_for_longest_makes_room_and_who_speaks_keeps_his_place() {
        let mut table = Table::default();
        let speaker = table.admit("speaks").0;
        let idle = table.admit("idle").0;
        for _ in 2..CONNECTIONS_MAX {
            assert_eq!(table.admit("idle").1, None);
        }
        table.on_heard(speaker);
        for _ in 0..CONNECTIONS_MAX - 1 {
            assert_eq!(table.admit("meter").1, Some("idle"));
            assert!(table.held.contains_key(&speaker) && !table.held.contains_key(&idle));
            assert_eq!(table.held.len(), CONNECTIONS_MAX);
        }
        assert_eq!(table.admit("meter").1, Some("speaks"), "nothing came of it for longest now");
    }
}
