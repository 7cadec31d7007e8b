#!/usr/bin/env python3
"""The CTL file as tshark puts it together out of TFTP, laid open by a parser of this folder and verified by OpenSSL."""

from captured import capture, tshark
from ctl import parse
from verdict import case, folder, holds, main, needs, run, same


def fetched():
    """The CTL files that the phones of the plain call got."""
    objects = folder()
    run(needs("tshark"), "-r", capture("plain-call"), "-q", "--export-objects", f"tftp,{objects}")
    files = sorted(objects.glob("CTL*.tlv"))
    same("CTL files", len(files), 2)
    return [file.read_bytes() for file in files]


def x509(der, *options):
    return run(needs("openssl"), "x509", "-inform", "DER", "-noout", *options, data=der)


def verifies(key, digest, signature, signed):
    """What `openssl dgst` says of the signature."""
    at = folder()
    for name, content in (("key", key), ("signature", signature), ("signed", signed)):
        (at / name).write_bytes(content)
    said = run("openssl", "dgst", digest, "-verify", at / "key", "-signature", at / "signature", at / "signed", may_fail=True)
    return said.strip() == b"Verified OK"


def with_role(records, role):
    found = [record for record in records if record["function"] == role]
    same(f"records with the role {role}", len(found), 1)
    return found[0]


@case("openssl verifies the CTL's signature")
def _():
    for data in fetched():
        header, records, signed = parse(data)
        same("version", header["version"], b"\x01\x02")
        same("digest and algorithm", (header["digest algorithm"], header["signature algorithm"]), (b"\x03", b"\x00"))
        signer = with_role(records, "SAST")
        same("the signer's serial number", header["serial number"], signer["serial number"])
        key = x509(signer["certificate"], "-pubkey")
        holds("Verified OK", verifies(key, "-sha512", header["signature"], signed))
        for at in (0, len(signed) // 2, len(signed) - 1):
            changed = bytearray(signed)
            changed[at] ^= 1
            holds(f"a bit changed at {at} is found", not verifies(key, "-sha512", header["signature"], bytes(changed)))
        holds("another digest does not fit", not verifies(key, "-sha256", header["signature"], signed))
    return "SHA-512 with RSA of the SAST's key, over the file without the signature; three changed bits found"


@case("openssl reads the CTL's certificates")
def _():
    _, records, _ = parse(fetched()[0])
    for record in records:
        der = record["certificate"]
        serial = x509(der, "-serial").decode().strip().partition("=")[2]
        same("serial number", int.from_bytes(record["serial number"], "big"), int(serial, 16))
        spki = run("openssl", "rsa", "-RSAPublicKey_in", "-inform", "DER", "-pubout", data=record["public key"])
        same("public key", spki, x509(der, "-pubkey"))
        subject = x509(der, "-subject", "-nameopt", "sep_comma_plus,sname,dn_rev").decode().strip().partition("=")[2]
        named = record["subject name"].rstrip(b"\0").decode()
        same("subject", sorted(named.split(";")), sorted(subject.split(",")))
    return f"{len(records)} records: serial number, public key and subject are the certificate's"


@case("openssl finds in the CTL what CUCM presents")
def _():
    _, records, _ = parse(fetched()[0])
    node = with_role(records, "CCM+TFTP")
    address = ".".join(str(byte) for byte in node["ip address"])
    filters = f"tls.handshake.certificate && ip.src == {address} && tcp.srcport == 5061"
    presented = {row[0].split("|")[0].lower() for row in tshark(capture("plain-call"), filters, "tls.handshake.certificate")}
    same("certificates presented by the node", presented, {node["certificate"].hex()})
    return "the certificate of the CCM+TFTP record is the one of the TLS handshakes at port 5061"


main()
