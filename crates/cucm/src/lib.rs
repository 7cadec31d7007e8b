//! A Cisco Unified Communications Manager cluster: registration, call control, recording and the SIP trunk.
