//! The ledger of what was sent.
