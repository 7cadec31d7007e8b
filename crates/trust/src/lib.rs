//! What a phone, a CUCM and a recorder must fetch and believe before a call can be secret.
//!
//! - [`cert`]: certificates and keys in the shapes that CUCM, its phones and a recorder use: made, issued, read, written as PEM.
//! - [`rule`]: whom to believe: pinned certificates, listed CAs, CUCM's X.509 subject rule, validity and usage.
//! - [`ctl`]: the certificate trust list that a phone fetches at its first boot and keeps.
//! - [`tftp`]: the transfers by which it fetches it (RFC 1350), as machines without sockets.
//! - [`phone_config`]: `SEP<MAC>.cnf.xml`, the configuration CUCM serves to one phone.
//!
//! Nothing here reads a clock, opens a socket or starts a task: wall time and bytes come in as arguments.
//! The TLS library's own name and chain rules are absent on purpose: certificates of CUCM have no subject
//! alternative name and are their own issuers, which a web client's rules refuse.

pub mod cert;
pub mod ctl;
pub mod phone_config;
pub mod rule;
pub mod tftp;
