#!/usr/bin/env python3
"""What Debian's baresip 1.0.0 lacks as a recorder, in front of two of it: one for near legs, one for far legs.

It asks CUCM for its certificate, which this baresip does not, and takes the TLS off. It hands each dialog to the baresip of its
side, whose files are named by the second and would be one for two legs. And it turns CUCM's `sendonly` into `sendrecv`, since
this baresip takes its file writer off streams that are not both ways. All else, SIP, SDES, SRTP and WAV, is baresip's.
"""

import argparse
import asyncio
import os
import re
import signal
import ssl
import sys

PORTS = {"near": 5070, "far": 5080}
CONFIG = """
sip_listen {address}:{port}
net_interface {address}
rtp_ports {rtp}
rtp_timeout 0
call_max_calls 4
audio_source aubridge,{side}
audio_player aubridge,{side}
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
module_path /usr/lib/baresip/modules
module g711.so
module aubridge.so
module sndfile.so
module srtp.so
module_tmp account.so
module_app menu.so
snd_path {recordings}
"""
ACCOUNT = "<sip:{user}@{address}>;regint=0;answermode=auto;mediaenc=srtp-mand;audio_codecs=PCMU/8000/1,PCMA/8000/1\n"


async def baresip(side, chosen):
    """Starts one and waits until it listens."""
    folder, recordings = os.path.join(chosen.folder, side), os.path.join(chosen.folder, side, "recordings")
    os.makedirs(recordings)
    port = PORTS[side]
    values = {"address": chosen.address, "side": side, "port": port, "recordings": recordings, "user": chosen.user}
    values["rtp"] = f"{port}0-{port}9"
    for name, text in (("config", CONFIG), ("accounts", ACCOUNT)):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text.format(**values))
    process = await asyncio.create_subprocess_exec("baresip", "-f", folder)
    while process.returncode is None:
        try:
            (await asyncio.open_connection(chosen.address, port))[1].close()
            return process
        except ConnectionError:
            await asyncio.sleep(0.05)
    raise SystemExit(f"baresip ended with {process.returncode}")


async def message(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head)
    return head + await reader.readexactly(int(length.group(1)) if length else 0)


class Connection:
    """One of CUCM's, and what of it goes to each baresip."""

    def __init__(self, address):
        self.address, self.sides, self.ways = address, {}, {}

    async def serve(self, reader, writer):
        try:
            while True:
                data = await message(reader)
                call_id = re.search(rb"(?im)^(?:call-id|i)\s*:\s*(\S+)", data).group(1)
                side = self.sides.setdefault(call_id, "near" if re.search(rb";x-nearend[;>]", data) else "far")
                if side not in self.ways:
                    back, self.ways[side] = await asyncio.open_connection(self.address, PORTS[side])
                    asyncio.ensure_future(self.answer(back, writer))
                self.ways[side].write(data.replace(b"a=sendonly", b"a=sendrecv"))
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            for way in (writer, *self.ways.values()):
                way.close()

    async def answer(self, back, writer):
        try:
            while True:
                writer.write(await message(back))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def serve(chosen):
    running = [await baresip(side, chosen) for side in PORTS]
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(chosen.certificate, chosen.key)
    tls.load_verify_locations(chosen.trusted)
    tls.verify_mode = ssl.CERT_REQUIRED
    take = lambda reader, writer: Connection(chosen.address).serve(reader, writer)
    server = await asyncio.start_server(take, chosen.address, chosen.port, ssl=tls)
    print("ready for calls", flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    server.close()
    for process in running:
        process.terminate()
    for process in running:
        await process.wait()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--address", "--user", "--certificate", "--key", "--trusted", "--folder"):
        arguments.add_argument(name, required=True)
    arguments.add_argument("--port", type=int, required=True)
    asyncio.run(serve(arguments.parse_args()))


sys.exit(main())
