"""Certificates made by OpenSSL, and socat as a TLS client for programs that speak TCP only."""

import contextlib
import socket
import subprocess
import time

from verdict import folder, needs, run


class Certificate:
    def __init__(self, pem, key):
        self.pem, self.key = pem, key


class Authority:
    """Self-signed certificates in CUCM's shape; asked twice for one name it gives the same."""

    def __init__(self):
        self.folder = folder()
        self.made = {}

    def certificate(self, name, algorithm="rsa:2048", usage="serverAuth,clientAuth", label=None, days=30):
        label = label or name
        if label not in self.made:
            pem, key = self.folder / f"{label}.pem", self.folder / f"{label}.key"
            curve = ["-pkeyopt", "ec_paramgen_curve:P-256"] if algorithm == "ec" else []
            run(
                needs("openssl"), "req", "-x509", "-newkey", algorithm, *curve, "-nodes", "-keyout", key, "-out", pem,
                "-subj", f"/CN={name}", "-days", days, "-addext", f"extendedKeyUsage={usage}",
            )  # fmt: skip
            self.made[label] = Certificate(pem, key)
        return self.made[label]


@contextlib.contextmanager
def relay(recorder, own, trusted):
    """A TCP port whose one connection socat carries over TLS to the recorder, which it verifies."""
    socat = needs("socat")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    to = f"OPENSSL:127.0.0.1:{recorder.ports['tls']},cert={own.pem},key={own.key},cafile={trusted}"
    listen = f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr"
    process = subprocess.Popen([socat, listen, f"{to},commonname=127.0.0.1"], stderr=subprocess.PIPE, text=True)
    try:
        wait_until_listening(port, process)
        yield port
    finally:
        process.kill()
        process.wait()


def wait_until_listening(port, process):
    """By the kernel's table, since a trial connection would be the one that is relayed."""
    for _ in range(200):
        with open("/proc/net/tcp") as table:
            if any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in list(table)[1:]):
                return
        if process.poll() is not None:
            raise AssertionError(f"socat ended: {process.stderr.read()}")
        time.sleep(0.02)
    raise AssertionError("socat does not listen after 4 s")
