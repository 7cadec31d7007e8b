#!/usr/bin/env python3
"""A call recorder whose media is rtpengine's: it decrypts each leg and writes it to a pcap file, from which WAV files are made.

rtpengine stands between two parties. One is CUCM; the other is a dummy that asks for RTP in clear and throws it away.
"""

import argparse
import asyncio
import atexit
import contextlib
import glob
import os
import secrets
import struct
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import plain_rtp
import sip_front

NG_PORT = 2223


class Leg:
    engine = None

    def __init__(self, front, name):
        self.front, self.name, self.body, self.offered = front, name, "", False

    async def sdp(self, offered):
        if self.body:
            return self.body
        self.offered = bool(offered)
        crypto = {"transport-protocol": "RTP/SAVP" if self.front.chosen.certificate else "RTP/AVP"}
        if offered:
            await self.ask("offer", offered, "cucm", {"transport-protocol": "RTP/AVP"})
            self.body = await self.ask("answer", self.dummy(), "cucm", {"to-tag": "dummy"})
        else:
            self.body = await self.ask("offer", self.dummy(), "dummy", crypto)
        return self.body

    async def learn(self, body):
        if body and not self.offered:
            self.offered = True
            await self.ask("answer", body, "dummy", {"to-tag": "cucm"})

    async def end(self):
        await Leg.engine.ask({"command": "delete", "call-id": self.name, "from-tag": "", "delete-delay": 0})
        voice = plain_rtp.Leg(self.name)
        pcaps = os.path.join(glob.escape(Leg.engine.folder), "pcaps", urllib.parse.quote(self.name) + "*.pcap")
        for path in glob.glob(pcaps):
            for packet in udp_of(path):
                voice.datagram_received(packet, None)
        voice.write(self.front.chosen.folder)

    def dummy(self):
        """Somebody who takes RTP in clear, on the port of the discard service."""
        address = self.front.chosen.address
        lines = ["v=0", f"o=- 1 1 IN IP4 {address}", "s=-", f"c=IN IP4 {address}", "t=0 0"]
        return "\r\n".join([*lines, "m=audio 9 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=recvonly"]) + "\r\n"

    async def ask(self, command, sdp, tag, more):
        request = {"command": command, "call-id": self.name, "from-tag": tag, "sdp": sdp, "record call": "on", **more}
        request |= {"ICE": "remove", "DTLS": "off", "rtcp-mux": ["demux"], "replace": ["origin", "session-connection"]}
        return (await Leg.engine.ask(request)).get("sdp", "")


class Engine(asyncio.DatagramProtocol):
    """rtpengine as a process of ours, spoken to in its `ng` protocol: UDP, a cookie, a bencoded dictionary."""

    @classmethod
    async def start(cls, chosen):
        engine = cls()
        engine.folder, engine.answers = os.path.join(chosen.folder, "rtpengine"), {}
        os.makedirs(engine.folder, exist_ok=True)
        command = ["rtpengine", "--foreground", "--log-stderr", "--log-level=5", "--table=-1", "--num-threads=2"]
        command += [f"--interface={chosen.address}", f"--listen-ng={chosen.address}:{NG_PORT}"]
        command += ["--config-file=none", f"--listen-cli={chosen.address}:{NG_PORT + 1}"]
        command += ["--port-min=20000", "--port-max=29998"]
        command += [f"--recording-dir={engine.folder}", "--recording-method=pcap", "--recording-format=raw"]
        engine.process = await asyncio.create_subprocess_exec(*command)
        atexit.register(engine.end)
        loop = asyncio.get_running_loop()
        remote = (chosen.address, NG_PORT)
        engine.transport, _ = await loop.create_datagram_endpoint(lambda: engine, remote_addr=remote)
        await engine.ask({"command": "ping"})
        Leg.engine = engine

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()

    def datagram_received(self, data, _):
        cookie, _, answer = data.partition(b" ")
        waiting = self.answers.pop(cookie, None)
        if waiting and not waiting.done():
            waiting.set_result(unbencode(answer)[0])

    def error_received(self, _):
        """It does not listen yet."""

    async def ask(self, request):
        cookie = secrets.token_hex(8).encode()
        for _ in range(50):
            waiting = self.answers[cookie] = asyncio.get_running_loop().create_future()
            self.transport.sendto(cookie + b" " + bencode(request))
            try:
                answer = await asyncio.wait_for(waiting, 0.2)
            except asyncio.TimeoutError:
                continue
            if answer.get("result") in ("ok", "pong"):
                return answer
            print(f"rtpengine refuses {request['command']}: {answer}", flush=True)
            return {}
        raise SystemExit("rtpengine does not answer")


def bencode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        return b"%d:%s" % (len(value.encode()), value.encode())
    if isinstance(value, list):
        return b"l" + b"".join(map(bencode, value)) + b"e"
    return b"d" + b"".join(bencode(key) + bencode(value[key]) for key in sorted(value)) + b"e"


def unbencode(data):
    """The first value, and what follows it."""
    if data[:1] == b"i":
        number, _, rest = data[1:].partition(b"e")
        return int(number), rest
    if data[:1] in (b"l", b"d"):
        kind, items, data = data[:1], [], data[1:]
        while data[:1] != b"e":
            item, data = unbencode(data)
            items.append(item)
        return (items if kind == b"l" else dict(zip(items[::2], items[1::2]))), data[1:]
    length, _, rest = data.partition(b":")
    return rest[: int(length)].decode("utf-8", "replace"), rest[int(length) :]


def udp_of(path):
    """The payloads of a pcap file of bare IPv4 packets."""
    with open(path, "rb") as file:
        data = file.read()
    order, at = "<" if data[:4] == b"\xd4\xc3\xb2\xa1" else ">", 24
    while at + 16 <= len(data):
        length = struct.unpack_from(order + "I", data, at + 8)[0]
        packet = data[at + 16 : at + 16 + length]
        yield packet[4 * (packet[0] & 0x0F) + 8 :]
        at += 16 + length


sip_front.main(Leg, argparse.ArgumentParser(description=__doc__.splitlines()[0]), Engine.start)
