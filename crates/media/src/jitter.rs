//! A reorder buffer for playing out.
