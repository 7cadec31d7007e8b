//! Lossless SIP messages, stream framing, typed views, transactions and dialogs (RFC 3261), without sockets or clock.
