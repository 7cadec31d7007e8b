#!/usr/bin/env python3
"""tshark, given no option, reads the captures: TLS decrypted, SIP and SDP whole, RTP counted, nothing malformed."""

from captured import capture, captures, recording, tshark
from recorder import leg
from verdict import ROOT, case, holds, main, needs, run, same

PARAMETERS = [
    "x-refci", "x-nearendclusterid", "x-nearenddevice", "x-nearendaddr",
    "x-farendrefci", "x-farendclusterid", "x-farenddevice", "x-farendaddr",
]  # fmt: skip
ALERTS = {
    "refused-cucm-unknown": ("recorder", "48"),
    "refused-no-client-certificate": ("recorder", "116"),
    "refused-recorder-expired": ("cucm", "45"),
    "refused-recorder-not-in-callmanager-trust": ("cucm", "48"),
    "refused-recorder-wrong-name": ("cucm", "42"),
}


def recording_invites(name):
    """Call-ID and From URI parameters of the INVITEs to the recorder, in order."""
    rows = tshark(
        capture(name),
        'sip.Method == "INVITE" && sip contains "x-refci"',
        "sip.Call-ID", "sip.from.param", "sdp.version", "ip.dst",
    )  # fmt: skip
    return [(call_id, params.split("|"), sdp, to) for call_id, params, sdp, to in rows]


@case("tshark decrypts the recording INVITEs")
def _():
    invites = recording_invites("plain-call")
    same("recording INVITEs", len(invites), 2)
    _, data = recording("plain-call")
    for (call_id, params, sdp, _), side in zip(invites, ("near", "far")):
        same("the first parameter", params[0], f"x-{side}end")
        same("the other parameters", [param.split("=")[0] for param in params[1:]], PARAMETERS)
        same("an SDP in the INVITE", sdp, "")
        stored = [(p["name"], p["value"]) for p in leg(data, side)["parameters"]]
        same("the recorder's note of them", [n if v is None else f"{n}={v}" for n, v in stored], params)
        same("the recorder's Call-ID", leg(data, side)["call_id"], call_id)
    return "near, then far, without SDP, each with all nine x- parameters, as recording.json has them"


@case("tshark sees the keys agreed")
def _():
    for call_id, *_ in recording_invites("plain-call"):
        of_call = f'sip.Call-ID == "{call_id}" && sdp'
        (offer, answer) = tshark(capture("plain-call"), of_call, "sip.Status-Code", "sip.Method", "sdp.media.proto", "sdp.media_attr")
        same("who offers", offer[0], "200")
        same("who answers", answer[1], "ACK")
        same("profiles", (offer[2], answer[2]), ("RTP/SAVP", "RTP/SAVP"))
        offered = [a.split()[1] for a in offer[3].split("|") if a.startswith("crypto:")]
        agreed = [a.split()[1] for a in answer[3].split("|") if a.startswith("crypto:")]
        same("suites offered", len(offered), 4)
        same("the suite agreed", agreed, offered[:1])
        holds("the direction is sendonly", "sendonly" in answer[3].split("|"))
    return "four suites offered in each 200, the first taken in each ACK, RTP/SAVP"


@case("tshark sees mutual TLS")
def _():
    certificates = tshark(capture("plain-call"), "tls.handshake.type == 11", "tcp.srcport", "ip.src", "ip.dst", "tls.handshake.certificates_length")
    proofs = tshark(capture("plain-call"), "tls.handshake.type == 15", "ip.src", "ip.dst")
    requests = tshark(capture("plain-call"), "tls.handshake.type == 13", "ip.src", "ip.dst")
    same("connections whose client was asked, and proved its key", len(proofs), len(requests))
    same("certificates, two a connection", len(certificates), 2 * len(requests))
    same("connections", len(requests), 3)
    holds("none is empty", all(int(row[3]) > 300 for row in certificates))
    return "3 connections, each with a server's and a client's certificate, and CertificateVerify"


@case("tshark sees phones fetch their files")
def _():
    rows = tshark(capture("plain-call"), "tftp.opcode == 1", "tftp.source_file", "tftp.type")
    files = sorted(row[0] for row in rows)
    same("files read", [f.replace("SEP38ED1855000", "SEP.") for f in files], ["CTLSEP.0.tlv", "CTLSEP.1.tlv", "SEP.0.cnf.xml", "SEP.1.cnf.xml"])
    same("last blocks", len(tshark(capture("plain-call"), "tftp.opcode == 3 && udp.length < 524", "tftp.block")), 4)
    return "CTL and configuration of both phones, each to its last block"


@case("tshark counts the RTP")
def _():
    _, data = recording("plain-call")
    shown = []
    for side in ("near", "far"):
        of_leg = leg(data, side)
        address, port = of_leg["received_on"].rsplit(":", 1)
        rows = tshark(capture("plain-call"), f"frame.interface_id == 0 && rtp && ip.dst == {address} && udp.dstport == {port}", "rtp.ssrc", "rtp.seq", "rtp.timestamp")
        same(f"{side} packets", len(rows), of_leg["packets"]["received"])
        same(f"{side} sources", {int(row[0], 16) for row in rows}, set(of_leg["ssrcs"]))
        numbers = [int(row[1]) for row in rows]
        same(f"{side} sequence", [(b - a) & 0xFFFF for a, b in zip(numbers, numbers[1:])], [1] * (len(rows) - 1))
        times = [int(row[2]) for row in rows]
        same(f"{side} timestamps", {(b - a) & 0xFFFFFFFF for a, b in zip(times, times[1:])}, {160})
        shown.append(f"{len(rows)} {side}")
    streams = run(needs("tshark"), "-r", capture("plain-call"), "-q", "-z", "rtp,streams").decode().splitlines()
    lost = [line.split("(")[1].split("%")[0] for line in streams if "%" in line]
    same("loss of each stream, percent", lost, ["0.0"] * 8)
    return f"{' and '.join(shown)}, as the recorder counted; 4 streams without loss, each also in clear"


def rtp_of(name, interface, field):
    """SSRC, sequence number and another field of the RTP that one interface has."""
    return tshark(capture(name), f"frame.interface_id == {interface} && rtp", "rtp.ssrc", "rtp.seq", "rtp.timestamp", field)


@case("tshark has all RTP in clear on the second interface")
def _():
    shown = []
    for name in ("plain-call", "suite-aes-cm-128-sha1-32"):
        sealed, clear = rtp_of(name, 0, "srtp.enc_payload"), rtp_of(name, 1, "rtp.payload")
        holds(f"{name}: SRTP was captured", len(sealed) > 1000)
        same(f"{name}: packets", len(clear), len(sealed))
        same(f"{name}: sources, numbers and times", sorted(row[:3] for row in clear), sorted(row[:3] for row in sealed))
        same(f"{name}: dissected as", {row[0] for row in tshark(capture(name), "frame.interface_id == 1", "_ws.col.Protocol")}, {"RTP"})
        same(f"{name}: bytes of a packet of 20 ms", {len(row[3]) // 2 for row in clear}, {160})
        holds(f"{name}: what is sealed is not what is clear", all(a[3][:320] != b[3] for a, b in zip(sealed, clear)))
        shown.append(f"{len(clear)} in {name}")
    return f"one packet in clear for each sealed one, {', '.join(shown)}"


@case("tshark shows what line of the scenario was played")
def _():
    rows = tshark(capture("plain-call"), "frame.comment", "frame.comment", "_ws.col.Protocol", "sip.Method")
    source = (ROOT / "scenarios/plain-call.yaml").read_text().splitlines()
    for comment, *_ in rows:
        place, _, words = comment.partition(" ")
        line = int(place.removeprefix("scenarios/plain-call.yaml:"))
        same("the comment's line", source[line - 1].strip(), f"- {words}")
    steps = [line.strip()[2:] for line in source if line.startswith("  - ")]
    same("steps", sorted({row[0].split(" ", 1)[1] for row in rows}), sorted(steps))
    return f"{len(rows)} packets bear the line and words of {len(steps)} steps"


@case("tshark finds no fault in any capture")
def _():
    frames = 0
    wrong = "_ws.malformed || tcp.analysis.flags || sdp.invalid || ip.checksum.status == 0 || udp.checksum.status == 0 || tcp.checksum.status == 0"
    for path in captures():
        checked = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"]
        out = run("tshark", "-r", path, *checked, "-Y", wrong, "-T", "fields", "-e", "frame.number", "-e", "_ws.col.Info")
        same(f"{path.name}: frames at fault", out.decode().splitlines(), [])
        deltas = [float(row[0]) for row in tshark(path, "frame", "frame.time_delta")]
        holds(f"{path.name}: times never run backwards", min(deltas) >= 0)
        frames += len(deltas)
    return f"{len(captures())} captures, {frames:,} frames: none malformed, no checksum, TCP sequence or clock wrong"


@case("tshark shows why a connection was refused")
def _():
    for name, (who, code) in ALERTS.items():
        rows = tshark(capture(name), "tls.alert_message.level == 2", "ip.src", "tls.alert_message.desc")
        holds(f"{name}: no fatal alert in clear or decrypted", rows)
        ends = {"recorder": ".30", "cucm": ".5"}
        for source, alert in rows:
            same(f"{name}: the alert", (source[source.rindex(".") :], alert), (ends[who], code))
    return f"the fatal alert, by the right side, in {len(ALERTS)} captures"


main()
