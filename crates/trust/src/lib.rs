//! What a phone must fetch and believe before it registers: certificates, trust lists, CTL files, TFTP, phone configuration.
