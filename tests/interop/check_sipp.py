#!/usr/bin/env python3
"""SIPp in CUCM's place against `mixedmode record`: the pair of recording INVITEs with RTP, and what goes wrong."""

import signal
import time

from recorder import Recorder, leg
from sipp import SECONDS, Caller, free_port, play
from tls import Authority, relay
from verdict import case, holds, main, run, same


def samples(path, *effects):
    return run("sox", path, "-t", "s16", "-", *effects)


def check_recording(recording, played, protection="rtp"):
    """The recording is whole, and holds what was played, sample for sample."""
    path, data = recording
    same("status", data["status"], "complete")
    for side in ("near", "far"):
        voice = played.voice(side)
        same(f"{side}.wav is what was played", samples(path / f"{side}.wav") == voice, True)
        of_leg = leg(data, side)
        same(f"{side} packets", of_leg["packets"]["stored"], SECONDS * 50)
        same(f"{side} protection", of_leg["protection"], protection)
        same(f"{side} end", of_leg["end_reason"], "Q.850;cause=16")
        channel = samples(path / "stereo.wav", "remix", "1" if side == "near" else "2")
        at = 2 * data["stereo"][f"{side}_offset"]
        same(f"{side} in stereo.wav", channel[at : at + len(voice)] == voice, True)
        holds(f"{side} in stereo.wav is silent elsewhere", not any(channel[:at]) and not any(channel[at + len(voice) :]))
    same("near address", data["near"]["address"], "1001")
    same("near device", data["near"]["device"], "SEP6C416A369525")
    same("far address", data["far"]["address"], "1000")
    same("refci", (data["refci"], data["farend_refci"]), ("19301625", "19301624"))


def recorded(transport):
    with Recorder(transports=[transport], srtp="off") as recorder:
        played = play(recorder.ports[transport], transport, "recording", calls=2)
        check_recording(recorder.finished(1)[0], played)
        recorder.stop()
    return f"near, far and stereo.wav hold the {SECONDS} s played, sample for sample"


@case("sipp records over TCP")
def _():
    return recorded("tcp")


@case("sipp records over UDP")
def _():
    return recorded("udp")


@case("sipp records over mutual TLS, falling back to RTP")
def _():
    recorder = Recorder(transports=["tls"], srtp="fallback")
    authority = Authority()
    recorder.certs("create", "--address", "127.0.0.1")
    recorder.certs("import", authority.certificate("cucm-pub").pem)
    recorder.certs("export", recorder.folder / "exported.pem")
    with recorder, relay(recorder, authority.certificate("cucm-pub"), recorder.folder / "exported.pem") as port:
        played = play(port, "tcp", "recording", calls=2)
        check_recording(recorder.finished(1)[0], played)
    offer = next(m for m in played.messages if "m=audio" in m)
    holds("SRTP was offered", "RTP/SAVP" in offer and "a=crypto:" in offer)
    return "SRTP offered, RTP answered and recorded: X-cisco-srtp-fallback"


@case("sipp pings with OPTIONS")
def _():
    for transport in ("udp", "tcp"):
        with Recorder(transports=[transport]) as recorder:
            play(recorder.ports[transport], transport, "options")
    return "200 over UDP and TCP, with Max-Forwards 0"


@case("sipp calls an unknown user")
def _():
    with Recorder(transports=["udp"]) as recorder:
        play(recorder.ports["udp"], "udp", "unknown-user")
        same("recordings", recorder.recordings(), [])
    return "404, nothing recorded"


@case("sipp cancels before the answer")
def _():
    for transport in ("udp", "tcp"):
        with Recorder(transports=[transport], answer_after="5s") as recorder:
            play(recorder.ports[transport], transport, "cancel")
            reason = recorder.finished(1)[0][1]
            same("status", reason["status"], "failed")
    return "200 to the CANCEL and 487 to the INVITE, over UDP and TCP"


@case("sipp sends BYE in place of the ACK")
def _():
    with Recorder(transports=["udp"]) as recorder:
        play(recorder.ports["udp"], "udp", "bye-before-ack")
        recorder.finished(1)
    return "200, and 481 to another BYE"


@case("sipp retransmits the INVITE")
def _():
    with Recorder(transports=["udp"], srtp="off") as recorder:
        played = play(recorder.ports["udp"], "udp", "retransmitted")
        (_, data), = recorder.finished(1)
    answers = [m for m in played.messages if m.startswith("SIP/2.0 200") and "101 INVITE" in m]
    holds(f"the 200 was repeated until the ACK, got {len(answers)}", len(answers) >= 2)
    same("different answers", len(set(answers)), 1)
    same("legs", len(data["legs"]), 1)
    return f"one dialog and one leg, the same 200 {len(answers)} times until the ACK"


@case("sipp sends what is no SIP")
def _():
    with Recorder(transports=["udp"]) as recorder:
        play(recorder.ports["udp"], "udp", "malformed")
        same("recordings", recorder.recordings(), [])
    return "four malformed datagrams, then OPTIONS answered 200"


@case("sipp records, and the recorder is killed")
def _():
    port = free_port()
    recorder = Recorder(transports=["udp"], srtp="off", plain_port=port)
    with recorder:
        caller = Caller(port, "udp", "recording", calls=2)
        try:
            time.sleep(3.5)
            recorder.stop(signal.SIGKILL)
        finally:
            caller.process.kill()
            caller.process.wait()
    with recorder:
        path, data = recorder.finished(1)[0]
        same("status", data["status"], "recovered")
        for side in ("near", "far"):
            got = samples(path / f"{side}.wav")
            voice = run("sox", "-t", "ul", "-r", "8000", "-c", "1", caller.folder / f"{side}.ulaw", "-t", "s16", "-")
            holds(f"{side}: at least 1 s was on disk, got {len(got) // 16} ms", len(got) >= 16000)
            same(f"{side} is the beginning of what was played", voice.startswith(got), True)
    return "the next start made files that hold the beginning of what was played"


main()
