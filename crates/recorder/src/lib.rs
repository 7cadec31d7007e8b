//! The reference recorder: sessions, legs, journal, files, metadata and certificates.

mod fault;
mod journal;
mod metadata;
mod timeline;
