//! The reference recorder: sessions, legs, journal, files, metadata and certificates.
