"""The bundled recorder as a program of its own, `mixedmode record`, on free ports of the loopback."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from verdict import folder, run

BINARY = os.environ["MIXEDMODE"]
USER = "7878"


class Recorder:
    """Runs while the `with` block does. Settings are those of recorder.toml."""

    def __init__(self, **settings):
        self.folder = folder()
        self.settings = {"address": "127.0.0.1", "local_port": 0, "plain_port": 0, "user": USER, **settings}
        self.ports = {}
        self.process = None
        self.said = ""

    def certs(self, *words):
        return run(BINARY, "certs", "--store", self.folder / "certificates", *words)

    def __enter__(self):
        lines = [f"{key} = {json.dumps(value)}" for key, value in self.settings.items()]
        (self.folder / "recorder.toml").write_text("\n".join(lines) + "\n")
        self.complaints = open(self.folder / "stderr", "w+")
        self.process = subprocess.Popen(
            [BINARY, "record", "--config", str(self.folder / "recorder.toml")],
            stdout=subprocess.PIPE,
            stderr=self.complaints,
            text=True,
        )
        for line in self.process.stdout:
            if line.startswith("listening on "):
                address, transport = line.split()[2:4]
                self.ports[transport.strip("()").lower()] = int(address.rsplit(":", 1)[1])
            if line.startswith("recordings go to"):
                return self
        raise AssertionError(f"the recorder did not start: {(self.folder / 'stderr').read_text().strip()}")

    def __exit__(self, *_):
        self.stop()

    def stop(self, how=signal.SIGTERM):
        """Ends it and keeps what it said last."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.said = self.process.communicate(timeout=20)[0]
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("the recorder did not end within 20 s of its SIGTERM") from None
        return self.said

    def recordings(self):
        """Folders of the recordings whose files stand, in order of their names."""
        return sorted(path.parent for path in self.folder.glob("recordings/*/*/recording.json"))

    def finished(self, count, seconds=10):
        """Waits until so many recordings are finished; their folders and metadata."""
        end = time.monotonic() + seconds
        while True:
            found = [(path, metadata(path)) for path in self.recordings()]
            found = [(path, data) for path, data in found if data and data["ended"]]
            if len(found) >= count:
                return found
            if time.monotonic() > end:
                raise AssertionError(f"got {len(found)} finished recordings after {seconds} s, expected {count}")
            time.sleep(0.05)


def metadata(recording: Path):
    """recording.json; nothing while it is being replaced."""
    try:
        return json.loads((recording / "recording.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def leg(data, side):
    return next(leg for leg in data["legs"] if leg["side"] == side)
