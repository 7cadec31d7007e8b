//! A Cisco IP phone: boots, registers, talks, and forks both voices through its built-in bridge.
