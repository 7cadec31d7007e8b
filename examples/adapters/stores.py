#!/usr/bin/env python3
"""Recorders whose recordings are not in a folder: the recorder of examples/recorders/plain_rtp.py, which keeps its books in SQLite,
tells of its recordings over HTTP, or puts them into a bucket. mixedmode.toml beside this has the profile of each.
Needs Python's standard library only."""

import argparse
import asyncio
import http.server
import io
import json
import os
import pathlib
import sqlite3
import sys
import threading
import urllib.request
import wave

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "recorders"))

from plain_rtp import Leg, Recorder  # noqa: E402


class Books:
    """A row of a table for each file: `SELECT file, side FROM recordings WHERE refci = …`."""

    def __init__(self, folder, _):
        self.folder = folder
        self.database = sqlite3.connect(os.path.join(folder, "books.sqlite"))
        self.database.execute("CREATE TABLE recordings (refci INTEGER, side TEXT, file TEXT, seconds REAL)")

    def put(self, refci, side, content, seconds):
        name = f"{os.urandom(8).hex()}.wav"
        pathlib.Path(self.folder, name).write_bytes(content)
        with self.database:
            self.database.execute("INSERT INTO recordings VALUES (?, ?, ?, ?)", (int(refci), side, name, seconds))


class Service:
    """`/calls?refci=…` tells of the legs of a call, `/audio/N` has the sound of one."""

    def __init__(self, _, endpoint):
        self.legs = legs = []

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                refci, _, number = self.path.partition("refci=")[2], None, self.path.rpartition("/")[2]
                if refci:
                    told = [{"id": n, **leg["told"]} for n, leg in enumerate(legs) if leg["told"]["refci"] == refci]
                    self.answer(200, json.dumps({"legs": told, "whole": len(told) == 2}).encode())
                elif number.isdecimal() and int(number) < len(legs):
                    self.answer(200, legs[int(number)]["content"])
                else:
                    self.answer(404, b"")

            def answer(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        host, port = endpoint.split(":")
        server = http.server.ThreadingHTTPServer((host, int(port)), Answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def put(self, refci, side, content, seconds):
        told = {"refci": refci, "side": side, "seconds": seconds}
        self.legs.append({"told": told, "content": content})


class Bucket:
    """`REFCI/SIDE.wav` in a bucket of whatever speaks S3 and lets anybody write. Keys to read with stand in the profile, if they
    are needed: `access_key` and `secret_key`."""

    def __init__(self, _, endpoint):
        self.endpoint = endpoint

    def put(self, refci, side, content, _):
        headers = {"Content-Type": "audio/wav", "x-amz-acl": "public-read"}
        url = f"{self.endpoint}/{refci}/{side}.wav"
        request = urllib.request.Request(url, data=content, headers=headers, method="PUT")
        urllib.request.urlopen(request, timeout=5).close()


class StoredLeg(Leg):
    def __init__(self, refci, side, store):
        super().__init__("")
        self.refci, self.side, self.store = refci, side, store

    def write(self, _):
        if not self.packets:
            return
        samples, content = self.samples(), io.BytesIO()
        with wave.open(content, "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(samples)
        self.store.put(self.refci, self.side, content.getvalue(), len(samples) / 2 / 8000)


class StoringRecorder(Recorder):
    def __init__(self, address, port, folder, store):
        super().__init__(address, port, folder)
        self.store = store

    def leg(self, refci, side):
        return StoredLeg(refci, side, self.store)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="A recorder whose recordings are not in a folder.")
    arguments.add_argument("--address", required=True)
    arguments.add_argument("--port", type=int, default=5060)
    arguments.add_argument("--folder", default="recordings")
    arguments.add_argument("--store", choices=("sqlite", "http", "s3"), required=True)
    arguments.add_argument("--endpoint", help="where to serve (http: ADDRESS:PORT) or to put (s3: URL with the bucket)")
    chosen = arguments.parse_args()
    os.makedirs(chosen.folder, exist_ok=True)
    store = {"sqlite": Books, "http": Service, "s3": Bucket}[chosen.store](chosen.folder, chosen.endpoint)
    try:
        asyncio.run(StoringRecorder(chosen.address, chosen.port, chosen.folder, store).serve())
    except KeyboardInterrupt:
        pass
