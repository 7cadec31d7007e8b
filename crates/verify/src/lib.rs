//! Is the audio right? Pure functions over samples and the ledger.
