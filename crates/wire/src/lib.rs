//! The only sockets: TLS, TCP and UDP over the operating system's network or a simulated one, impairments, the tap and pcapng.
