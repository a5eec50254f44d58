//! A hash of 128 bits, quick to make.

use std::hash::Hasher;

pub(crate) fn fingerprint(hash: impl Fn(&mut Twice)) -> u128 {
    let mut twice = Twice(1, 2);
    hash(&mut twice);
    u128::from(twice.0) << 64 | u128::from(twice.1)
}

/// Two simple hashers at once: nobody here chooses keys to collide.
pub(crate) struct Twice(u64, u64);

impl Hasher for Twice {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(byte.into());
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(word.into());
    }

    fn write_u64(&mut self, word: u64) {
        let fold = |state: u64, key: u64| {
            let product = u128::from(state ^ word) * u128::from(key);
            (product >> 64) as u64 ^ product as u64 ^ state.rotate_left(29)
        };
        self.0 = fold(self.0, 0x9e37_79b9_7f4a_7c15);
        self.1 = fold(self.1, 0xd6e8_feb8_6659_fd93);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
