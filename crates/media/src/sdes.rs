//! Security descriptions in SDP (RFC 4568).
