//! The number of open connections, in total and per address, counted from accept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::net::address::Address;

/// The slots for connections.
pub(crate) struct ConnectionSlots {
    max_connections: usize,
    /// `None` for no limit.
    max_per_address: Option<usize>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    connections: usize,
    /// Only addresses with at least one.
    addresses: HashMap<Address, usize>,
}

/// A slot of a connection. Dropping it frees it.
pub(crate) struct Slot {
    slots: Arc<ConnectionSlots>,
    /// `None` for a slot of the total.
    address: Option<Address>,
}

impl ConnectionSlots {
    /// Makes the slots; `max_per_address` is 0 for no limit.
    pub(crate) fn new(max_connections: usize, max_per_address: usize) -> Arc<Self> {
        let max_per_address = Some(max_per_address).filter(|max| *max > 0);
        Arc::new(Self { max_connections, max_per_address, open: Mutex::default() })
    }

    /// Takes a slot of the total, if one is free.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Slot> {
        let mut open = self.lock();
        if open.connections >= self.max_connections {
            return None;
        }
        open.connections += 1;
        Some(Slot { slots: Arc::clone(self), address: None })
    }

    /// Takes a slot of an address, if one is free.
    pub(crate) fn take_from(self: &Arc<Self>, address: Address) -> Option<Slot> {
        let mut open = self.lock();
        let taken = open.addresses.get(&address).copied().unwrap_or_default();
        if self.max_per_address.is_some_and(|max| taken >= max) {
            return None;
        }
        open.addresses.insert(address, taken + 1);
        Some(Slot { slots: Arc::clone(self), address: Some(address) })
    }

    /// Says whether no slot is free.
    pub(crate) fn is_full(&self) -> bool {
        self.lock().connections >= self.max_connections
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.slots.lock();
        let Some(address) = self.address else {
            open.connections -= 1;
            return;
        };
        if let Some(taken) = open.addresses.get_mut(&address) {
            *taken -= 1;
            if *taken == 0 {
                open.addresses.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_and_come_back() {
        let slots = ConnectionSlots::new(2, 1);
        let places = [slots.take().unwrap(), slots.take().unwrap()];
        assert!(slots.take().is_none() && slots.is_full());

        drop(places);

        assert!(!slots.is_full() && slots.take().is_some());
    }

    #[test]
    fn addresses_have_places_of_their_own_and_are_forgotten() {
        let slots = ConnectionSlots::new(1, 2);
        let places = [1, 1, 2].map(|n| slots.take_from(address(n)).unwrap());
        assert!(slots.take_from(address(1)).is_none());

        drop(places);

        assert!(slots.lock().addresses.is_empty());
        assert!(slots.take_from(address(1)).is_some());
    }

    #[test]
    fn zero_is_no_limit_for_an_address() {
        let slots = ConnectionSlots::new(1, 0);

        let places: Vec<_> = (0..1000).map(|_| slots.take_from(address(1))).collect();

        assert!(places.iter().all(Option::is_some));
    }

    fn address(n: u8) -> Address {
        Address::of([192, 0, 2, n].into()).unwrap()
    }
}
