#!/usr/bin/env python3
"""A call recorder made of FFmpeg, one for each leg, behind a SIP front of Python's standard library.

FFmpeg is told its SRTP key when it starts, and CUCM tells it only in its ACK. So the port that the offer names is ours:
what comes there is kept until FFmpeg listens, and then handed on as it is, encrypted.
"""

import argparse
import asyncio
import os
import socket
import sys
import time
import wave

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import sip_front

COMMAND = "ffmpeg -nostdin -hide_banner -loglevel warning -protocol_whitelist file,udp,rtp,srtp"
# What FFmpeg's clock of samples lacks against the RTP timestamps is filled with silence, from 10 ms on.
COMMAND += " -analyzeduration 0 -i {sdp} -af aresample=async=1:min_hard_comp=0.01 -f s16le -flush_packets 1 pipe:1"


class Leg(sip_front.SdesLeg, asyncio.DatagramProtocol):
    def __init__(self, front, name):
        super().__init__(front, name)
        self.waiting, self.ffmpeg, self.to = [], None, None

    async def open(self):
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, 0))
        return self.transport.get_extra_info("sockname")[1]

    def datagram_received(self, packet, _):
        if self.waiting is None:
            self.transport.sendto(packet, self.to)
        else:
            self.waiting.append(packet)

    async def start(self, codec, keys):
        to = (self.address, free_port(self.address))
        number = 0 if codec == "PCMU" else 8
        profile, crypto = ("SAVP", f"a=crypto:1 {keys[0]} inline:{keys[1]}\n") if keys else ("AVP", "")
        with open(self.path + ".sdp", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as sdp:
            sdp.write(f"v=0\no=- 0 0 IN IP4 {to[0]}\ns=-\nc=IN IP4 {to[0]}\nt=0 0\n")
            sdp.write(f"m=audio {to[1]} RTP/{profile} {number}\na=rtpmap:{number} {codec}/8000\n{crypto}")
        words = [word.format(sdp=self.path + ".sdp") for word in COMMAND.split()]
        self.ffmpeg = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
        self.tasks = [asyncio.ensure_future(self.hand_on(to)), asyncio.ensure_future(self.write())]

    async def hand_on(self, to):
        end = time.monotonic() + 10
        while not listens(to[1]) and time.monotonic() < end:
            await asyncio.sleep(0.01)
        for packet in self.waiting:
            self.transport.sendto(packet, to)
        self.to, self.waiting = to, None

    async def end(self):
        self.transport.close()
        if self.ffmpeg:
            # Asked nicely it waits for another packet, ten seconds long; asked twice it would not finish a WAV file.
            self.ffmpeg.kill()
            await self.tasks[1]
            os.remove(self.path + ".sdp")
            # Whoever looks for the file finds it whole or not at all.
            os.rename(self.path + ".part", self.path)

    async def write(self):
        with wave.open(self.path + ".part", "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            while samples := await self.ffmpeg.stdout.read(16000):
                file.writeframes(samples)


def free_port(address):
    """An even port whose next one is free too: FFmpeg takes that for RTCP."""
    while True:
        with socket.socket(type=socket.SOCK_DGRAM) as rtp, socket.socket(type=socket.SOCK_DGRAM) as rtcp:
            rtp.bind((address, 0))
            port = rtp.getsockname()[1]
            try:
                rtcp.bind((address, port + 1))
            except OSError:
                continue
            if port % 2 == 0:
                return port


def listens(port):
    with open("/proc/net/udp") as table:
        return any(line.split()[1].endswith(f":{port:04X}") for line in list(table)[1:])


sip_front.main(Leg, argparse.ArgumentParser(description=__doc__.splitlines()[0]))
