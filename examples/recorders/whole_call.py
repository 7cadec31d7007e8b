#!/usr/bin/env python3
"""A call recorder that writes one file per call, stereo or both voices in one channel, however often the call was on hold.

CUCM ends the recording of a call at the hold and begins another one at the resume, with the same x-refci. This recorder
puts them one behind the other into REFCI.wav, near left and far right: with the time on hold as silence, or closed up.
SIP and RTP are those of plain_rtp.py beside it.
"""

import argparse
import asyncio
import os
import time
from array import array

from plain_rtp import Leg, Recorder, write


class TimedLeg(Leg):
    """A leg that knows when its first sample was said."""

    def __init__(self, call):
        super().__init__("")
        self.call = call
        self.began = self.first = None

    def datagram_received(self, data, address):
        super().datagram_received(data, address)
        if self.packets:
            timestamp = int.from_bytes(data[4:8], "big")
            self.first = timestamp if self.first is None else self.first
            since = ((timestamp - self.first + 2**31) % 2**32 - 2**31) / 8000
            # The packet that was least on its way tells best.
            began = time.monotonic() - since
            self.began = began if self.began is None else min(self.began, began)

    def write(self, folder):
        self.call.write(folder)


class Call:
    """The recordings of a call, each a near and a far leg."""

    def __init__(self, refci, pauses, mix):
        self.refci, self.pauses, self.mix = refci, pauses, mix
        self.recordings = []

    def leg(self, side):
        if not self.recordings or side in self.recordings[-1]:
            self.recordings.append({})
        leg = self.recordings[-1][side] = TimedLeg(self)
        return leg

    def write(self, folder):
        near, far = bytearray(), bytearray()
        heard = [[leg for leg in legs.values() if leg.packets] for legs in self.recordings]
        begun = [min(leg.began for leg in legs) for legs in heard if legs]
        for legs, began in zip([legs for legs in self.recordings if any(leg.packets for leg in legs.values())], begun):
            at = len(near)
            if self.pauses == "kept":
                at = max(at, 2 * round((began - begun[0]) * 8000))
            for side, channel in (("near", near), ("far", far)):
                channel.extend(bytes(at - len(channel)))
                leg = legs.get(side)
                if leg and leg.packets:
                    channel.extend(bytes(2 * round((leg.began - began) * 8000)))
                    channel.extend(leg.samples())
            length = max(len(near), len(far))
            near.extend(bytes(length - len(near)))
            far.extend(bytes(length - len(far)))
        if self.mix:
            sums = (a + b for a, b in zip(array("h", bytes(near)), array("h", bytes(far))))
            mixed = array("h", (max(-32768, min(32767, both)) for both in sums))
            write(os.path.join(folder, self.refci + ".wav"), 1, mixed.tobytes())
            return
        both = bytearray(2 * len(near))
        for byte in (0, 1):
            both[byte::4], both[2 + byte :: 4] = near[byte::2], far[byte::2]
        write(os.path.join(folder, self.refci + ".wav"), 2, both)


class CallRecorder(Recorder):
    def __init__(self, address, port, folder, pauses, mix):
        super().__init__(address, port, folder)
        self.pauses, self.mix, self.calls = pauses, mix, {}

    def leg(self, refci, side):
        return self.calls.setdefault(refci, Call(refci, self.pauses, self.mix)).leg(side)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="A recorder that writes a file per call.")
    arguments.add_argument("--address", required=True)
    arguments.add_argument("--port", type=int, default=5060)
    arguments.add_argument("--folder", default="recordings")
    arguments.add_argument("--pauses", choices=("kept", "closed"), default="kept")
    arguments.add_argument("--mix", action="store_true", help="both voices in one channel")
    chosen = arguments.parse_args()
    try:
        asyncio.run(CallRecorder(chosen.address, chosen.port, chosen.folder, chosen.pauses, chosen.mix).serve())
    except KeyboardInterrupt:
        pass
