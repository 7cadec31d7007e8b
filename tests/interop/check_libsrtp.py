#!/usr/bin/env python3
"""libsrtp (pylibsrtp) opens what the phones sent, with keys that tshark read in the decrypted SIP; sox decodes it; the
recorder's files hold the same samples."""

import base64

from captured import capture, recording, tshark
from recorder import leg
from verdict import Skipped, case, holds, main, needs, run, same

SUITES = {
    "AEAD_AES_256_GCM": "aead-aes-256-gcm",
    "AEAD_AES_128_GCM": "aead-aes-128-gcm",
    "AES_CM_128_HMAC_SHA1_80": "aes-cm-128-sha1-80",
    "AES_CM_128_HMAC_SHA1_32": "aes-cm-128-sha1-32",
}
HEADER = 12


def libsrtp():
    try:
        import pylibsrtp
    except ImportError:
        raise Skipped("pylibsrtp is not installed") from None
    return pylibsrtp


def agreed(name, call_id):
    """Suite and key of the ACK's answer: those CUCM's side sends with."""
    ((attributes,),) = tshark(capture(name), f'sip.Method == "ACK" && sip.Call-ID == "{call_id}"', "sdp.media_attr")
    (crypto,) = [a for a in attributes.split("|") if a.startswith("crypto:")]
    _, suite, key = crypto.split()[:3]
    return suite, base64.b64decode(key.removeprefix("inline:").split("|")[0])


def session(suite, key):
    srtp = libsrtp()
    profiles = {
        "AEAD_AES_256_GCM": srtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
        "AEAD_AES_128_GCM": srtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
        "AES_CM_128_HMAC_SHA1_80": srtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
        "AES_CM_128_HMAC_SHA1_32": srtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    }
    return srtp.Session(srtp.Policy(key=key, ssrc_type=srtp.Policy.SSRC_ANY_INBOUND, srtp_profile=profiles[suite]))


def sent_to(name, received_on):
    address, port = received_on.rsplit(":", 1)
    rows = tshark(capture(name), f"udp && ip.dst == {address} && udp.dstport == {port}", "udp.payload")
    return [bytes.fromhex(row[0]) for row in rows]


def opened(name, of_leg):
    """The samples of a leg, without any of our code: tshark, libsrtp, sox."""
    suite, key = agreed(name, of_leg["call_id"])
    same("the suite that the recorder notes", of_leg["suite"], suite)
    inbound = session(suite, key)
    packets = [inbound.unprotect(packet) for packet in sent_to(name, of_leg["received_on"])]
    holds("there are two seconds of packets", len(packets) > 100)
    same("packets that the recorder stored", of_leg["packets"]["stored"], len(packets))
    payloads = b"".join(packet[HEADER:] for packet in packets)
    return suite, run(needs("sox"), "-t", "ul", "-r", "8000", "-c", "1", "-", "-t", "s16", "-", data=payloads)


def check(name):
    libsrtp()
    path, data = recording(name)
    length = 0
    for side in ("near", "far"):
        suite, expected = opened(name, leg(data, side))
        got = run("sox", path / f"{side}.wav", "-t", "s16", "-")
        same(f"{side}.wav holds the {len(expected) // 2} samples", got == expected, True)
        holds(f"{side}.wav is not silent", len(set(got)) > 100)
        length += len(expected) // 2
    return suite, length


@case("libsrtp opens the plain call")
def _():
    suite, length = check("plain-call")
    return f"{suite}: {length:,} samples of both legs, as in near.wav and far.wav"


@case("libsrtp opens every suite")
def _():
    for suite, name in SUITES.items():
        same("suite", check(f"suite-{name}")[0], suite)
    return ", ".join(SUITES)


@case("libsrtp refuses what the recorder refuses")
def _():
    srtp = libsrtp()
    shown = []
    for name, count in (("refused-flipped-tag", "auth_failed"), ("refused-forged", "auth_failed"), ("refused-replayed", "replayed")):
        _, data = recording(name)
        for side in ("near", "far"):
            of_leg = leg(data, side)
            inbound = session(*agreed(name, of_leg["call_id"]))
            refused = 0
            for packet in sent_to(name, of_leg["received_on"]):
                try:
                    inbound.unprotect(packet)
                except srtp.Error:
                    refused += 1
            same(f"{name}, {side}: packets that libsrtp refused", refused, of_leg["packets"][count])
            shown.append(refused)
    holds(f"something was refused: {shown}", all(shown))
    return f"{sum(shown):,} forged, altered and replayed packets, leg by leg as the recorder counted"


main()
