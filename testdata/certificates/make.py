#!/usr/bin/env python3
"""Makes the certificates and the CTL in this folder with the openssl command line, which can do what the product's own
maker refuses to: X.509 v1, SHA-1, RSA-1024, a critical extension nobody knows. Run it here: python3 make.py
The CTL is laid out by this script, so that it is an independent check of the parser. Keys are thrown away."""
import os, struct, subprocess, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SUBJECT = [("CN", "cucm-pub"), ("OU", "TAC"), ("O", "Example"), ("L", "Boxborough"), ("ST", "MA"), ("C", "US")]
CN_17 = "cucm-1051-pub-001"


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, check=True, stdout=subprocess.PIPE).stdout


def certificate(name, folder, bits=2048, digest="sha256", extensions="", version1=False, cn="cucm-pub"):
    key, request, out = (os.path.join(folder, name + suffix) for suffix in (".key", ".csr", ".pem"))
    subject = "".join(f"/{kind}={cn if kind == 'CN' else text}" for kind, text in SUBJECT)
    openssl("genrsa", "-out", key, str(bits))
    openssl("req", "-new", "-key", key, "-subj", subject, "-out", request)
    options = ["-req", "-in", request, "-signkey", key, f"-{digest}", "-days", "36500", "-set_serial", "0x5A0102030405060708090A0B0C0D0E0F", "-out", out]
    if not version1:
        config = os.path.join(folder, name + ".cnf")
        with open(config, "w") as file:
            file.write(extensions)
        options += ["-extfile", config]
    openssl("x509", *options)
    with open(out) as source, open(os.path.join(HERE, name + ".pem"), "w") as target:
        target.write(source.read())
    return key, out


def item(tag, value):
    return struct.pack(">BH", tag, len(value)) + value


def text(tag, value):
    return item(tag, value.encode() + b"\0")


def ctl(key, pem, digest_code, digest, modulus_code, signature_length):
    der = openssl("x509", "-in", pem, "-outform", "DER")
    public = openssl("rsa", "-in", key, "-RSAPublicKey_out", "-outform", "DER")
    name = ";".join(f"{kind}={CN_17 if kind == 'CN' else part}" for kind, part in SUBJECT)
    serial = bytes.fromhex("5A0102030405060708090A0B0C0D0E0F")
    records = b""
    for role in (0, 2):
        body = text(2, "cucm-pub") + text(3, name) + item(4, struct.pack(">H", role)) + text(5, name) + item(6, serial)
        body += item(7, public) + item(9, der) + item(10, bytes([192, 0, 2, 10]))
        records += item(1, struct.pack(">H", len(body) + 5)) + body
    signer = text(4, name) + text(6, name) + item(5, serial)  # 6 before 5, as some writers have it
    info = item(8, bytes([digest_code])) + item(9, item(10, b"\0") + item(11, bytes([modulus_code])))
    before = item(3, signer) + item(7, info)
    after = text(14, "CTLFile.tlv") + item(15, struct.pack(">I", 1400000000))
    length = 10 + len(before) + 3 + signature_length + len(after)
    after += b"\x0d" * (-length % 4)
    before = item(1, b"\x01\x02") + item(2, struct.pack(">H", length + -length % 4)) + before
    signature = openssl("dgst", f"-{digest}", "-sign", key, data=before + after + records)
    assert len(signature) == signature_length
    return before + item(12, signature) + after + records


def main():
    usage = "keyUsage=digitalSignature,keyEncipherment,dataEncipherment,keyAgreement,keyCertSign\n"
    usage += "extendedKeyUsage=serverAuth,clientAuth,1.3.6.1.5.5.7.3.5\nsubjectKeyIdentifier=hash\n"
    with tempfile.TemporaryDirectory() as folder:
        certificate("version1", folder, version1=True)
        certificate("critical-extension", folder, extensions=usage + "1.2.3.4.5=critical,ASN1:NULL\n")
        certificate("cucm-2018", folder, digest="sha1", extensions=usage)
        # The subject's text form has 61 characters, as in the file whose header has 336 bytes.
        key, pem = certificate("rsa1024", folder, bits=1024, digest="sha1", extensions=usage, cn=CN_17)
        with open(os.path.join(HERE, "ctl-sha1-rsa1024.tlv"), "wb") as file:
            file.write(ctl(key, pem, 1, "sha1", 1, 128))


main()
