"""SIPp in CUCM's place (Debian: sip-tester, built without TLS)."""

import re
import socket
import subprocess

from recorder import USER
from verdict import ROOT, folder, needs, run

SCENARIOS = ROOT / "tests/interop/sipp"
SPEECH = ROOT / "testdata/speech"
SECONDS = 4


def free_port():
    """An even port with the three above it free too, as SIPp's RTP wants them."""
    for _ in range(200):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1] & ~1
        if port < 65000 and all(is_free(port + more) for more in range(4)):
            return port
    raise AssertionError("no four free ports in a row")


def is_free(port):
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


class Played:
    """What one SIPp sent and saw: its folder, its messages, the voices that it played as 16-bit samples."""

    def __init__(self, at, transport, messages):
        self.folder, self.transport, self.messages = at, transport, messages

    def voice(self, side):
        return run("sox", "-t", "ul", "-r", "8000", "-c", "1", self.folder / f"{side}.ulaw", "-t", "s16", "-")


class Caller:
    """SIPp with everything a scenario needs in a folder of its own."""

    def __init__(self, port, transport, scenario, calls=1):
        sipp = needs("sipp")
        needs("sox")
        self.folder, self.transport = folder(), transport
        self.name = scenario
        for side, speaker in (("near", "agent"), ("far", "customer")):
            run("sox", SPEECH / f"{speaker}.wav", "-t", "ul", self.folder / f"{side}.ulaw", "trim", "0", f"{SECONDS * 8000}s")
        node = "e650e088-60ba-4195-8387-3dcc0127efdc"
        (self.folder / "calls.csv").write_text(
            f"SEQUENTIAL\nx-nearend;104958~{node}-19301629\nx-farend;104961~{node}-19301632\n"
        )
        command = [sipp, f"127.0.0.1:{port}", "-sf", SCENARIOS / f"{scenario}.xml", "-inf", "calls.csv"]
        command += ["-i", "127.0.0.1", "-p", free_port(), "-mp", free_port(), "-s", USER]
        command += ["-t", {"udp": "u1", "tcp": "t1"}[transport], "-m", calls, "-r", "1", "-rp", "300", "-nostdin"]
        command += ["-trace_err", "-error_file", "errors", "-trace_msg", "-message_file", "messages"]
        command += ["-timeout", "40s", "-timeout_error"]
        with open(self.folder / "screen", "w") as screen:
            self.process = subprocess.Popen(
                [str(word) for word in command], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen
            )

    def wait(self):
        """Waits for SIPp's own verdict on the calls."""
        try:
            code = self.process.wait(timeout=60)
        finally:
            self.process.kill()
        if code != 0:
            errors = self.folder / "errors"
            said = errors.read_text(errors="replace") if errors.exists() else (self.folder / "screen").read_text()[-400:]
            raise AssertionError(f"SIPp's scenario {self.name} over {self.transport} ended with {code}: {said[:500]}")
        return Played(self.folder, self.transport, self.received())

    def received(self):
        """The messages that came, whole."""
        text = (self.folder / "messages").read_text(errors="replace")
        blocks = re.split(r"^-{20,} .*$", text, flags=re.MULTILINE)
        return [block.split("\n\n", 1)[1] for block in blocks if re.match(r"\s*\w+ message received", block)]


def play(port, transport, scenario, calls=1):
    return Caller(port, transport, scenario, calls).wait()
