#!/usr/bin/env python3
"""Byte equality of our SRTP with libsrtp (PyPI: pylibsrtp), both directions, over seeded random packets.

Usage: check.py PATH_OF_srtp_pipe [PACKETS_PER_SUITE] [SEED]

Per suite: what both seal is equal to the byte; what a bad network delivers of it (lost, reordered beyond the replay
window, repeated, altered, over several roll-overs of four sources) both open to the same bytes or both refuse.
"""

import base64
import random
import struct
import subprocess
import sys

from pylibsrtp import Error, Policy, Session

SUITES = {
    "AES_CM_128_HMAC_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
    "AES_CM_128_HMAC_SHA1_32": (Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 30),
    "AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    "AEAD_AES_256_GCM": (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
}
SOURCES = 4


class Ours:
    """Our side of the pipe; commands are sent in batches."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, commands):
        """The answer to each command: bytes, or None where it was refused."""
        answers = []
        for start in range(0, len(commands), 100):
            batch = commands[start : start + 100]
            self.process.stdin.write("\n".join(batch) + "\nflush\n")
            self.process.stdin.flush()
            for _ in batch:
                word, _, rest = self.process.stdout.readline().strip().partition(" ")
                answers.append(bytes.fromhex(rest) if word == "ok" else None)
        return answers


def libsrtp(direction, profile, key):
    policy = Policy(key=key, ssrc_type=direction, srtp_profile=profile)
    policy.window_size = 128
    return Session(policy)


def theirs(call, packet):
    try:
        return call(packet)
    except Error:
        return None


def rtp(rng, ssrc, sequence):
    csrcs = rng.choice([0, 0, rng.randrange(16)])
    extension, padding = rng.random() < 0.3, rng.random() < 0.25
    packet = bytes([0x80 | padding << 5 | extension << 4 | csrcs, rng.randrange(256)])
    packet += struct.pack(">HII", sequence, rng.randrange(1 << 32), ssrc) + rng.randbytes(4 * csrcs)
    if extension:
        words = rng.randrange(8)
        packet += struct.pack(">HH", rng.choice([0xBEDE, 0x1000, rng.randrange(65536)]), words)
        packet += rng.randbytes(4 * words)
    packet += rng.randbytes(rng.choice([160, 160, rng.randrange(300), rng.randrange(3), 1200]))
    if padding:
        count = 1 + rng.randrange(20)
        packet += bytes(count - 1) + bytes([count])
    return packet


def rtcp(rng, ssrc):
    words = 1 + rng.randrange(30)
    return struct.pack(">BBHI", 0x80, rng.choice([200, 201, 203]), words, ssrc) + rng.randbytes(4 * (words - 1))


def network(rng, packets):
    """What arrives: mostly in order, some lost, late by up to 400, twice, or altered. The first one arrives first."""
    due = []
    for at, packet in enumerate(packets):
        if at < SOURCES:
            due.append((at, packet))
            continue
        if rng.random() < 0.1:
            continue
        late = rng.choice([0, 0, 0, 0, rng.randrange(20), rng.randrange(400)])
        due.append((at + late, packet))
        if rng.random() < 0.1:
            due.append((at + rng.randrange(1, 800), packet))
        if rng.random() < 0.1:
            changed = bytearray(packet)
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
            due.append((at + rng.randrange(40), bytes(changed[: rng.choice([len(changed), rng.randrange(len(changed) + 1)])])))
    due.sort(key=lambda item: item[0])
    return [packet for _, packet in due]


def check(ours, rng, suite, count):
    profile, length = SUITES[suite]
    key = rng.randbytes(length)
    inline = base64.b64encode(key).decode()
    ours.run([f"new {name} {suite} {inline}" for name in ("send", "receive")])
    sealer = libsrtp(Policy.SSRC_ANY_OUTBOUND, profile, key)
    opener = libsrtp(Policy.SSRC_ANY_INBOUND, profile, key)
    tally = dict(sealed=0, opened=0, refused=0)
    for kind in ("", "_rtcp"):
        sequence = [rng.randrange(65536) for _ in range(SOURCES)]
        plain = []
        for at in range(count):
            source = at % SOURCES
            sequence[source] = (sequence[source] + rng.choice([1, 1, 1, 1, rng.randrange(1, 60), rng.randrange(1, 2000)])) % 65536
            plain.append(rtcp(rng, source + 1) if kind else rtp(rng, source + 1, sequence[source]))
        sealed = ours.run([f"protect{kind} send {packet.hex()}" for packet in plain])
        for packet, mine in zip(plain, sealed):
            other = theirs(getattr(sealer, "protect" + kind), packet)
            assert mine is not None and mine == other, (suite, kind, packet.hex(), mine, other)
        tally["sealed"] += count
        arriving = network(rng, sealed)
        opened = ours.run([f"unprotect{kind} receive {packet.hex()}" for packet in arriving])
        for at, (packet, mine) in enumerate(zip(arriving, opened)):
            other = theirs(getattr(opener, "unprotect" + kind), packet)
            assert mine == other, (suite, kind, at, packet.hex(), mine, other)
            tally["opened" if mine is not None else "refused"] += 1
    assert tally["opened"] > count and tally["refused"] > count / 20, tally
    return tally


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    ours = Ours(sys.argv[1])
    for suite in SUITES:
        tally = check(ours, random.Random(f"{seed} {suite}"), suite, count)
        print(f"{suite:<24} {tally['sealed']} sealed alike, {tally['opened']} opened alike, {tally['refused']} refused by both")


main()
