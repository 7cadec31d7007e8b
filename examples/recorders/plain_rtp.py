#!/usr/bin/env python3
"""A call recorder for a non-secure CUCM, to show what mixedmode needs of one: SIP over TCP, RTP in clear.

It answers the two recording INVITEs of each call with an offer (they come without one), takes the G.711 mu-law of each
leg, and when BYE comes writes a WAV file per leg, each packet at the place that its RTP timestamp gives it.
It is an example, not a product: one process, no authentication, everything in memory.
"""

import argparse
import asyncio
import os
import re
import struct
import wave

MU_LAW = []
for code in range(256):
    inverted = ~code & 0xFF
    value = (((inverted & 0x0F) << 3) + 0x84 << ((inverted & 0x70) >> 4)) - 0x84
    MU_LAW.append(struct.pack("<h", -value if inverted & 0x80 else value))


def write(path, channels, samples):
    """Whoever looks for the file finds it whole or not at all."""
    with wave.open(path + ".part", "wb") as file:
        file.setparams((channels, 2, 8000, 0, "NONE", ""))
        file.writeframes(samples)
    os.rename(path + ".part", path)


class Leg(asyncio.DatagramProtocol):
    """One voice of a call: the RTP packets of one dialog."""

    def __init__(self, name):
        self.name = name
        self.packets = {}

    def datagram_received(self, data, _):
        if len(data) < 12 or data[0] >> 6 != 2 or data[1] & 0x7F != 0:
            return
        start = 12 + 4 * (data[0] & 0x0F)
        if data[0] & 0x10 and len(data) >= start + 4:
            start += 4 + 4 * struct.unpack_from(">H", data, start + 2)[0]
        timestamp = struct.unpack_from(">I", data, 4)[0]
        self.packets.setdefault(timestamp, data[start:])

    def samples(self):
        """The audio from the first packet on."""
        first = next(iter(self.packets))
        # Signed distance from the first packet, so that a wrap of the timestamp and an early one are both right.
        place = {(t - first + 2**31) % 2**32 - 2**31: payload for t, payload in self.packets.items()}
        begin = min(place)
        length = max(at + len(payload) for at, payload in place.items()) - begin
        samples = bytearray(2 * length)
        for at, payload in place.items():
            offset = 2 * (at - begin)
            samples[offset : offset + 2 * len(payload)] = b"".join(MU_LAW[code] for code in payload)
        return samples

    def write(self, folder):
        if self.packets:
            write(os.path.join(folder, self.name + ".wav"), 1, self.samples())


class Recorder:
    def __init__(self, address, port, folder):
        self.address, self.port, self.folder = address, port, folder
        self.dialogs = {}

    async def serve(self):
        os.makedirs(self.folder, exist_ok=True)
        server = await asyncio.start_server(self.connection, self.address, self.port)
        print(f"listening on {self.address}:{self.port}", flush=True)
        await server.serve_forever()

    async def connection(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8", "replace").lstrip("\r\n")
                length = re.search(r"(?im)^(?:content-length|l)\s*:\s*(\d+)", head)
                await reader.readexactly(int(length.group(1)) if length else 0)
                answer = await self.answer(head)
                if answer:
                    writer.write(answer.encode())
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, head):
        method = head.split(" ", 1)[0]
        if method.startswith("SIP/") or method == "ACK":
            return None
        call_id = re.search(r"(?im)^(?:call-id|i)\s*:\s*(\S+)", head).group(1)
        if method == "INVITE":
            if call_id not in self.dialogs:
                self.dialogs[call_id] = await self.open(head)
            transport, _ = self.dialogs[call_id]
            return self.reply(head, "200 OK", self.offer(transport.get_extra_info("sockname")[1]))
        if method == "BYE" and call_id in self.dialogs:
            transport, leg = self.dialogs.pop(call_id)
            # Packets that were sent before the BYE may still be on their way.
            asyncio.get_running_loop().call_later(0.2, lambda: (transport.close(), leg.write(self.folder)))
        return self.reply(head, "200 OK")

    async def open(self, head):
        leg = self.leg(*self.told(head))
        loop = asyncio.get_running_loop()
        return await loop.create_datagram_endpoint(lambda: leg, local_addr=(self.address, 0))

    def told(self, head):
        """The refci of a recording INVITE, and whose voice it is for."""
        sender = re.search(r"(?im)^(?:from|f)\s*:.*$", head).group(0)
        refci = re.search(r"x-refci=(\d+)", sender)
        side = "near" if "x-nearend;" in sender else "far"
        return refci.group(1) if refci else "unknown", side

    def leg(self, refci, side):
        return Leg(f"{refci}-{side}")

    def offer(self, port):
        lines = ["v=0", f"o=- 1 1 IN IP4 {self.address}", "s=-", f"c=IN IP4 {self.address}", "t=0 0"]
        lines += [f"m=audio {port} RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=recvonly"]
        return "\r\n".join(lines) + "\r\n"

    def reply(self, head, status, body=""):
        lines = ["SIP/2.0 " + status]
        for line in head.split("\r\n"):
            name = line.split(":", 1)[0].strip().lower()
            if name in ("via", "v", "from", "f", "call-id", "i", "cseq", "record-route"):
                lines.append(line)
            elif name in ("to", "t"):
                lines.append(line if ";tag=" in line else line + ";tag=plain-rtp")
        lines.append(f"Contact: <sip:{self.address}:{self.port};transport=tcp>")
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines) + "\r\n\r\n" + body


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="A call recorder for a non-secure CUCM.")
    arguments.add_argument("--address", required=True)
    arguments.add_argument("--port", type=int, default=5060)
    arguments.add_argument("--folder", default="recordings")
    chosen = arguments.parse_args()
    try:
        asyncio.run(Recorder(chosen.address, chosen.port, chosen.folder).serve())
    except KeyboardInterrupt:
        pass
