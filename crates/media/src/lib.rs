//! SDP, SDES, RTP, SRTP, codecs, WAV, test signals and the ledger of what was said, without sockets or clock.
