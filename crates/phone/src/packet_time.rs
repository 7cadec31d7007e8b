//! How much of a voice one packet holds.

/// The time of one packet, `a=ptime` (RFC 4566 §6). Phones send 20 ms unless told otherwise; a CUCM was seen to write 30.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PacketTime {
    /// 10 ms.
    Ms10,
    /// 20 ms, the default of G.711 (RFC 3551 §4.5).
    #[default]
    Ms20,
    /// 30 ms.
    Ms30,
    /// 40 ms.
    Ms40,
    /// 60 ms.
    Ms60,
}

impl PacketTime {
    /// All of them, the shortest first.
    pub const ALL: [Self; 5] = [Self::Ms10, Self::Ms20, Self::Ms30, Self::Ms40, Self::Ms60];

    /// In milliseconds.
    pub const fn ms(self) -> u32 {
        match self {
            Self::Ms10 => 10,
            Self::Ms20 => 20,
            Self::Ms30 => 30,
            Self::Ms40 => 40,
            Self::Ms60 => 60,
        }
    }

    /// In samples at 8000 Hz.
    pub const fn samples(self) -> usize {
        self.ms() as usize * 8
    }
}
