#!/usr/bin/env python3
"""ffmpeg and sox read what the recorder wrote, and `mixedmode verify` reads what they wrote of it."""

import json
import wave

from captured import made, recording
from recorder import BINARY
from verdict import case, folder, main, needs, run, same

NAMES = ["plain-call", "udp-trunk", "suite-aes-cm-128-sha1-80"]


def by_sox(path, *effects):
    return run(needs("sox"), path, "-t", "s16", "-", *effects)


def by_ffmpeg(path):
    """Samples; whatever ffmpeg finds odd about the file is an error."""
    return run(needs("ffmpeg"), "-v", "warning", "-xerror", "-i", path, "-f", "s16le", "-c:a", "pcm_s16le", "-")


def judged(file):
    """The rules that `mixedmode verify` finds broken by a file of the plain call; `proven` where it passes."""
    report = folder() / "outcome.json"
    run(BINARY, "verify", made() / "kept/plain-call/ledger.json", file, "--report-json", report, may_fail=True)
    (outcome,) = json.loads(report.read_text())["scenarios"]
    return {finding["rule"] for finding in outcome["findings"]} or {outcome["verdict"].replace("pass", "proven")}


@case("soxi and ffprobe agree with recording.json")
def _():
    count = 0
    for name in NAMES:
        path, data = recording(name)
        for file in data["files"]:
            channels = 2 if file["content"] == "stereo" else 1
            wav = path / file["name"]
            sox = [run(needs("soxi"), option, wav).decode().strip() for option in ("-r", "-c", "-s", "-b", "-e")]
            expected = [str(file["rate"]), str(channels), str(file["samples"]), "16", "Signed Integer PCM"]
            same(f"{name}/{file['name']} by soxi", sox, expected)
            entries = "stream=sample_rate,channels,duration_ts,codec_name"
            probed = run(needs("ffprobe"), "-v", "error", "-show_entries", entries, "-of", "json", wav)
            (stream,) = json.loads(probed)["streams"]
            got = [stream[key] for key in ("sample_rate", "channels", "duration_ts", "codec_name")]
            same(f"{name}/{file['name']} by ffprobe", got, [str(file["rate"]), channels, file["samples"], "pcm_s16le"])
            same("bytes", wav.stat().st_size, file["bytes"])
            count += 1
    return f"{count} files: rate, channels, length, encoding"


@case("sox, ffmpeg and Python decode the same samples")
def _():
    total = 0
    for name in NAMES:
        path, data = recording(name)
        for file in data["files"]:
            wav = path / file["name"]
            samples = by_sox(wav)
            same(f"{wav.name} by ffmpeg", by_ffmpeg(wav) == samples, True)
            with wave.open(str(wav)) as reader:
                same(f"{wav.name} by Python", reader.readframes(reader.getnframes()) == samples, True)
            total += len(samples) // 2
        for channel, side in (("1", "near"), ("2", "far")):
            alone = by_sox(path / f"{side}.wav")
            at = 2 * data["stereo"][f"{side}_offset"]
            same(f"{side} in stereo.wav", by_sox(path / "stereo.wav", "remix", channel)[at : at + len(alone)] == alone, True)
    return f"{total:,} samples; near.wav and far.wav are in stereo.wav at their offsets, near on the left"


def judge_all(commands):
    """Makes each file of the plain call's recording, and compares what `verify` says with what is expected."""
    path, _ = recording("plain-call")
    at = folder()
    for name, (source, command, expected) in commands.items():
        program, *options = command
        needs(program)
        into = ["-v", "error", "-i", path / source] if program == "ffmpeg" else ["-D", path / source]
        # sox names the effects behind the file that it writes, ffmpeg all options before it.
        before, after = (options, []) if program == "ffmpeg" else (options[: options.index("|")], options[options.index("|") + 1 :])
        run(program, *into, *before, at / name, *after)
        same(f"the verdict on {name}", judged(at / name), {expected})


@case("verify reads what sox and ffmpeg write")
def _():
    judge_all(
        {
            "sox-mulaw-near.wav": ("near.wav", ["sox", "-e", "mu-law", "|"], "proven"),
            "sox-24-bit-far.wav": ("far.wav", ["sox", "-b", "24", "|"], "proven"),
            "ffmpeg-mulaw-near.wav": ("near.wav", ["ffmpeg", "-c:a", "pcm_mulaw", "-metadata", "title=a LIST"], "proven"),
            "ffmpeg-rf64-stereo.wav": ("stereo.wav", ["ffmpeg", "-rf64", "always"], "proven"),
        }
    )
    return "mu-law, 24 bits, a LIST chunk, RF64: every frame proven"


@case("verify finds what sox and ffmpeg did to a recording")
def _():
    judge_all(
        {
            "swapped-stereo.wav": ("stereo.wav", ["sox", "|", "remix", "2", "1"], "swapped-legs"),
            "cut-near.wav": ("near.wav", ["sox", "|", "trim", "0", "4", "5"], "splice"),
            "misnamed-far.wav": ("near.wav", ["sox", "|"], "wrong-leg"),
            "mute-near.wav": ("near.wav", ["sox", "|", "vol", "0"], "silent-channel"),
            "a-law-near.wav": ("near.wav", ["sox", "-e", "a-law", "|"], "recoded-audio"),
            "filtered-far.wav": ("far.wav", ["ffmpeg", "-af", "highpass=f=300"], "altered-audio"),
        }
    )
    return "channels swapped, 5 s cut out, the wrong leg, muted, A-law, filtered: each found and named"


main()
