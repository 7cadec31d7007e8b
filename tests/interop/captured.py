"""What `mixedmode run` leaves behind, made once for all checks: captures, recordings, and tshark to look at them."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from recorder import BINARY
from verdict import ROOT, folder, holds, needs, run

SCENARIOS = ["plain-call.yaml", "udp-trunk.yaml", "refused"] + [
    f"suite-{suite}.yaml"
    for suite in ("aead-aes-256-gcm", "aead-aes-128-gcm", "aes-cm-128-sha1-80", "aes-cm-128-sha1-32")
]
RUN = Path(os.environ["INTEROP_RUN"]) if "INTEROP_RUN" in os.environ else folder()


INCONCLUSIVE = 5


def made():
    """Runs the scenarios on real sockets, unless another check did; the folder of captures and recordings."""
    if not (RUN / "done").exists():
        paths = [f"scenarios/{name}" for name in SCENARIOS]
        command = [BINARY, "run", *paths, "--pcapng", RUN / "captures", "--keep", RUN / "kept"]
        # A machine that was too busy to keep time says nothing about the recorder; it gets two more chances.
        for _ in range(3):
            shutil.rmtree(RUN / "kept", ignore_errors=True)
            ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
            if ended.returncode != INCONCLUSIVE:
                break
        holds(f"`mixedmode run` ended with {ended.returncode}: {ended.stdout[-800:]}{ended.stderr[-200:]}", ended.returncode == 0)
        (RUN / "done").touch()
    return RUN


def capture(name):
    """The capture of a scenario; `refused-forged` for scenarios/refused/forged.yaml."""
    return made() / "captures" / f"{name}.pcapng"


def captures():
    return sorted((made() / "captures").glob("*.pcapng"))


def recording(name):
    """The folder and the metadata of a scenario's only recording."""
    found = list((made() / "kept" / name).glob("*/*/recording.json"))
    holds(f"{name} left {len(found)} recordings, expected 1", len(found) == 1)
    return found[0].parent, json.loads(found[0].read_text())


def tshark(path, display_filter, *fields, occurrence="a"):
    """The fields of the frames that pass; no option that helps to decrypt or to decode. Fields that occur several times
    in a frame are joined by `|`."""
    wanted = [word for field in fields for word in ("-e", field)]
    options = ["-Y", display_filter, "-T", "fields", "-E", f"occurrence={occurrence}", "-E", "aggregator=|"]
    lines = run(needs("tshark"), "-r", path, *options, *wanted).decode(errors="replace").splitlines()
    return [line.split("\t") for line in lines]
