//! Reading and writing WAV files.
