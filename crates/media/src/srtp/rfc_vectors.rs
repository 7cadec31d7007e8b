//! Vectors of RFC 3711 appendix B and RFC 7714 §16, §17.
