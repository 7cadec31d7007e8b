#!/usr/bin/env python3
"""PJSUA2 (PyPI: pjsua2-python) calls `mixedmode record` over mutual TLS with SRTP it insists on."""

import importlib.util
import sys
from pathlib import Path

from recorder import Recorder, leg
from tls import Authority
from verdict import ROOT, Skipped, case, folder, holds, main, needs, run, same

SECONDS = 4


@case("pjsua2 records over mutual TLS with mandatory SRTP")
def _():
    if importlib.util.find_spec("pjsua2") is None:
        raise Skipped("pjsua2-python is not installed")
    voices, expected = folder(), {}
    for side, speaker in (("near", "agent"), ("far", "customer")):
        # Through mu-law and back, so that G.711 on the way changes nothing.
        code = run(needs("sox"), ROOT / f"testdata/speech/{speaker}.wav", "-t", "ul", "-", "trim", "0", f"{SECONDS * 8000}s")
        run("sox", "-t", "ul", "-r", "8000", "-c", "1", "-", "-b", "16", "-e", "signed", voices / f"{side}.wav", data=code)
        expected[side] = run("sox", voices / f"{side}.wav", "-t", "s16", "-")
    node = Authority().certificate("cucm-pub")
    recorder = Recorder(transports=["tls"])
    recorder.certs("create", "--address", "127.0.0.1")
    recorder.certs("import", node.pem)
    recorder.certs("export", recorder.folder / "exported.pem")
    with recorder:
        files = [node.pem, node.key, recorder.folder / "exported.pem", voices / "near.wav", voices / "far.wav"]
        caller = Path(__file__).with_name("pjsua_caller.py")
        said = run(sys.executable, caller, recorder.ports["tls"], *files, SECONDS + 2).decode(errors="replace")
        path, data = recorder.finished(1)[0]
    same("status", (data["status"], data["refci"], data["near"]["address"]), ("complete", "31", "1001"))
    suites = [line.split()[1] for line in said.splitlines() if line.startswith("suite ")]
    for side, suite in zip(("near", "far"), suites, strict=True):
        same("protection", leg(data, side)["protection"], "srtp")
        same("suite", suite, leg(data, side)["suite"])
        got = run("sox", path / f"{side}.wav", "-t", "s16", "-")
        holds(f"{side}.wav holds what was played", expected[side] in got)
        holds(f"{side}.wav is silent elsewhere", not any(got.replace(expected[side], b"", 1)))
    return f"{suites[0]}: near.wav and far.wav hold the {SECONDS} s played, sample for sample"


main()
