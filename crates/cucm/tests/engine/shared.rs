//! Shared lines: one number on several phones.
