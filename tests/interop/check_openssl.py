#!/usr/bin/env python3
"""OpenSSL's s_client in CUCM's place against `mixedmode record`: who is let in, by which version, and what the others are told."""

import contextlib
import re
import subprocess
import threading

from recorder import Recorder
from tls import Authority
from verdict import case, holds, main, needs, run, same

OPTIONS = (
    "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:5061;branch=z9hG4bK3220cd6291\r\n"
    "From: <sip:127.0.0.1>;tag=471242191\r\nTo: <sip:127.0.0.1>\r\nCall-ID: 1e55d000-1ef16899-13-6450a8c0@127.0.0.1\r\n"
    "CSeq: 101 OPTIONS\r\nMax-Forwards: 0\r\nContent-Length: 0\r\n\r\n"
).encode()
AUTHORITY = Authority()
VERSIONS = {"TLS 1.2": ["-tls1_2"], "TLS 1.3": ["-tls1_3"]}


def secure_recorder(*trusted):
    recorder = Recorder(transports=["tls"])
    recorder.certs("create", "--address", "127.0.0.1")
    recorder.certs("export", recorder.folder / "exported.pem")
    for certificate in trusted:
        recorder.certs("import", certificate.pem)
    return recorder


def client(recorder, certificate=None, *options):
    """All that s_client prints after it sent OPTIONS and waited for an answer or the end of the connection."""
    command = [needs("openssl"), "s_client", "-connect", f"127.0.0.1:{recorder.ports['tls']}", "-CAfile"]
    command += [str(recorder.folder / "exported.pem"), "-verify_return_error", "-ign_eof", *options]
    if certificate:
        command += ["-cert", str(certificate.pem), "-key", str(certificate.key)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    watchdog = threading.Timer(15, process.kill)
    watchdog.start()
    said = b""
    try:
        # A client that was refused has gone before it reads what it is to send.
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(OPTIONS)
            process.stdin.flush()
        while b"CSeq: 101 OPTIONS\r\n" not in said and (more := process.stdout.read1(4096)):
            said += more
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
    return said.decode(errors="replace")


def alert(said):
    found = re.search(r"SSL alert number (\d+)", said)
    holds(f"no alert: {said[-200:]}", found)
    return int(found.group(1))


def let_in(recorder, certificate, *options):
    said = client(recorder, certificate, *options)
    holds(f"OPTIONS was not answered: {said[-300:]}", "SIP/2.0 200 OK" in said)
    holds("OpenSSL verified the exported certificate", "Verification: OK" in said or "Verify return code: 0 (ok)" in said)
    return said


@case("openssl with an imported certificate")
def _():
    rsa, ec = AUTHORITY.certificate("cucm-pub"), AUTHORITY.certificate("cucm-sub", algorithm="ec")
    with secure_recorder(rsa, ec) as recorder:
        for name, version in VERSIONS.items():
            for certificate in (rsa, ec):
                said = let_in(recorder, certificate, *version)
                holds(f"{name} was not agreed", f"New, {name.replace(' ', 'v')}" in said)
    return "OPTIONS answered 200, over TLS 1.2 and 1.3, with RSA and P-256 certificates; ours verified"


@case("openssl without a certificate")
def _():
    with secure_recorder(AUTHORITY.certificate("cucm-pub")) as recorder:
        for version in VERSIONS.values():
            said = client(recorder, None, *version)
            holds("an answer", "SIP/2.0" not in said)
            holds("certificate required or handshake failure", alert(said) in (116, 40))
    return "alert certificate_required, over TLS 1.2 and 1.3"


@case("openssl with an unknown certificate")
def _():
    with secure_recorder(AUTHORITY.certificate("cucm-pub")) as recorder:
        for version in VERSIONS.values():
            said = client(recorder, AUTHORITY.certificate("stranger"), *version)
            holds("an answer", "SIP/2.0" not in said)
            same("alert unknown_ca", alert(said), 48)
            said = client(recorder, AUTHORITY.certificate("cucm-pub", label="impostor"), *version)
            holds("an answer to the trusted name with another key", "SIP/2.0" not in said)
            holds("bad_certificate, unknown_ca or decrypt_error", alert(said) in (42, 48, 51))
    return "alert unknown_ca to a stranger, and one to another key under a trusted name"


@case("openssl with a certificate that must not be used")
def _():
    server_only = AUTHORITY.certificate("server-only", usage="serverAuth")
    with secure_recorder(server_only) as recorder:
        for version in VERSIONS.values():
            said = client(recorder, server_only, *version)
            holds("an answer", "SIP/2.0" not in said)
            alert(said)
    return "alert to a trusted certificate that is not for clients"


@case("openssl with what is too old")
def _():
    own = AUTHORITY.certificate("cucm-pub")
    with secure_recorder(own) as recorder:
        for options in (["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], ["-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"]):
            said = client(recorder, own, *options)
            holds("an answer", "SIP/2.0 200" not in said)
            holds("handshake_failure or protocol_version", alert(said) in (40, 70))
        let_in(recorder, own)
    return "alert to TLS 1.1 and to RSA key exchange; the next client is let in"


@case("openssl reads the recorder's certificate")
def _():
    recorder = secure_recorder()
    text = run("openssl", "x509", "-in", recorder.folder / "exported.pem", "-noout", "-subject", "-ext", "extendedKeyUsage").decode()
    holds(f"the common name is the address: {text}", "CN = 127.0.0.1" in text)
    for usage in ("TLS Web Server Authentication", "TLS Web Client Authentication"):
        holds(f"{usage} is not among the usages", usage in text)
    holds("the key was exported", "PRIVATE" not in (recorder.folder / "exported.pem").read_text())
    run("openssl", "verify", "-CAfile", recorder.folder / "exported.pem", recorder.folder / "exported.pem")
    return "common name = address, for servers and clients, self-signature verified, no key"


main()
