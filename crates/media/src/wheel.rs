//! A wheel of 20 slots of 1 ms that paces streams.
