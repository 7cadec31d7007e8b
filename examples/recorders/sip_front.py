"""As little of SIP as a recorder needs of a CUCM that it trusts: TLS or TCP, no state machine.

`main(Leg, parser)` serves. A `Leg` is made for each recording dialog, `Leg(front, name)`, and asked for

    await leg.sdp(offered)     the body of 200: an offer where CUCM's INVITE has none, else the answer to it
    await leg.learn(body)      the SDP of an INVITE or ACK, "" where there is none
    await leg.end()            BYE came

`SdesLeg` does the first two for legs that decrypt by themselves.
An example, not a product: whoever sends malformed messages loses the connection.
"""

import asyncio
import os
import re
import secrets
import signal
import ssl
import sys
from base64 import b64encode

# By RTP payload type; both are 8 kHz.
CODECS = {"0": "PCMU", "8": "PCMA"}
SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")


class Front:
    def __init__(self, leg, chosen):
        self.leg, self.chosen, self.legs, self.ending = leg, chosen, {}, []

    async def serve(self, prepare):
        os.makedirs(self.chosen.folder, exist_ok=True)
        if prepare:
            await prepare(self.chosen)
        tls = None
        if self.chosen.certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(self.chosen.certificate, self.chosen.key)
            tls.load_verify_locations(self.chosen.trusted)
            tls.verify_mode = ssl.CERT_REQUIRED
        server = await asyncio.start_server(self.connection, self.chosen.address, self.chosen.port, ssl=tls)
        print(f"ready for calls on {self.chosen.address}:{self.chosen.port}", flush=True)
        await server.serve_forever()

    async def connection(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8", "replace").lstrip("\r\n")
                body = (await reader.readexactly(int(header(head, "content-length|l") or 0))).decode()
                answer = await self.answer(head, body)
                if answer:
                    writer.write(answer.encode())
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def answer(self, head, body):
        method, call_id = head.split(" ", 1)[0], header(head, "call-id|i")
        if method == "INVITE":
            if call_id not in self.legs:
                self.legs[call_id] = self.leg(self, name_of(head, call_id))
            sdp = await self.legs[call_id].sdp(body)
            await self.legs[call_id].learn(body)
            return self.reply(head, "200 OK", sdp)
        if method == "ACK" and call_id in self.legs:
            await self.legs[call_id].learn(body)
        if method == "BYE" and call_id in self.legs:
            self.ending.append(asyncio.ensure_future(end(self.legs.pop(call_id))))
        return None if method == "ACK" or method.startswith("SIP/") else self.reply(head, "200 OK")

    def reply(self, head, status, body=""):
        lines = ["SIP/2.0 " + status]
        for line in head.split("\r\n"):
            name = line.split(":", 1)[0].strip().lower()
            if name in ("via", "v", "from", "f", "call-id", "i", "cseq", "record-route"):
                lines.append(line)
            elif name in ("to", "t"):
                lines.append(line if ";tag=" in line else line + ";tag=recorder")
        transport = "tls" if self.chosen.certificate else "tcp"
        lines.append(f"Contact: <sip:{self.chosen.address}:{self.chosen.port};transport={transport}>")
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines) + "\r\n\r\n" + body


class SdesLeg:
    """A leg that has

    await leg.open()                the port that its audio shall come to
    await leg.start(codec, keys)    "PCMU" or "PCMA"; suite and key of CUCM's `a=crypto`, `None` for RTP: audio comes now
    """

    def __init__(self, front, name):
        self.address, self.path = front.chosen.address, os.path.join(front.chosen.folder, name + ".wav")
        self.crypto = [
            f"a=crypto:{tag} {suite} inline:{b64encode(secrets.token_bytes(30)).decode()}"
            for tag, suite in enumerate(SUITES if front.chosen.certificate else (), 1)
        ]
        self.port, self.started = None, False

    async def sdp(self, offered):
        self.port = self.port or await self.open()
        codec, theirs, ours = codec_of(offered), crypto_of(offered), self.crypto
        if theirs and ours:
            ours = [re.sub(r"(?<=crypto:)\d+", theirs[0], ours[SUITES.index(theirs[1])])]
        numbers = " ".join(number for number in CODECS if codec in (None, CODECS[number]))
        lines = ["v=0", f"o=- 1 1 IN IP4 {self.address}", "s=-", f"c=IN IP4 {self.address}", "t=0 0"]
        lines += [f"m=audio {self.port} RTP/{'SAVP' if ours else 'AVP'} {numbers}", "a=ptime:20", *ours, "a=recvonly"]
        return "\r\n".join(lines) + "\r\n"

    async def learn(self, body):
        codec, theirs = codec_of(body), crypto_of(body)
        if codec and not self.started and (theirs or not self.crypto):
            self.started = True
            await self.start(codec, theirs[1:] if theirs else None)


async def end(leg):
    # What was sent before the BYE may still be on its way.
    await asyncio.sleep(0.3)
    await leg.end()


def name_of(head, call_id):
    """What a leg's file is called. A call that was on hold has its refci again, but never its Call-ID."""
    sender = re.search(r"(?im)^(?:from|f)\s*:.*$", head).group(0)
    refci = re.search(r"x-refci=(\d+)", sender)
    side = "near" if re.search(r";x-nearend[;>]", sender) else "far"
    return f"{refci.group(1) if refci else 'unknown'}-{call_id}-{side}"


def header(head, names):
    found = re.search(rf"(?im)^(?:{names})\s*:\s*(\S+)", head)
    return found.group(1) if found else ""


def codec_of(sdp):
    """The first codec of CUCM's that we know."""
    media = re.search(r"(?m)^m=audio \d+ \S+ (.*)$", sdp)
    return next((CODECS[number] for number in media.group(1).split() if number in CODECS), None) if media else None


def crypto_of(sdp):
    """Tag, suite and key of the first `a=crypto` line that we know."""
    lines = re.findall(r"(?m)^a=crypto:(\d+) (\S+) inline:([A-Za-z0-9+/=]+)", sdp)
    return next((line for line in lines if line[1] in SUITES), None)


def arguments(parser):
    """What mixedmode.toml gives any recorder with this front."""
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--certificate", help="with this: TLS and SRTP, without: TCP and RTP")
    parser.add_argument("--key")
    parser.add_argument("--trusted", help="CallManager.pem")
    parser.add_argument("--folder", default="recordings")
    return parser


def main(leg, parser, prepare=None):
    """Serves until SIGTERM. `prepare(chosen)` is awaited before it is ready for calls."""
    # Ends as a program that has come to its end, so that what it has started is ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    asyncio.run(Front(leg, arguments(parser).parse_args()).serve(prepare))
