"""A parser of CTL files of its own, after the byte layout of usecallmanager.nz's certutils; shares nothing with ours."""

HEADER = {
    1: "version", 2: "header length", 3: "signer id", 4: "signer name", 5: "serial number", 6: "ca name",
    7: "signature info", 8: "digest algorithm", 9: "signature algorithm info", 10: "signature algorithm",
    11: "signature modulus", 12: "signature", 14: "file name", 15: "timestamp", 28: "signer version",
}  # fmt: skip
RECORD = {
    1: "record length", 2: "dns name", 3: "subject name", 4: "function", 5: "issuer name", 6: "serial number",
    7: "public key", 8: "signature", 9: "certificate", 10: "ip address", 11: "hash", 12: "hash algorithm",
}  # fmt: skip
FUNCTIONS = {0: "SAST", 1: "CCM", 2: "CCM+TFTP", 3: "TFTP", 4: "CAPF", 21: "TVS"}
PADDING = 13
# Their length is that of the fields that follow, which lie in them.
CONTAINERS = (3, 7, 9)


def parse(data):
    """The header, the records, and the bytes under the signature: the whole file but for the signature's TLV."""
    header, signed = {}, b""
    at = 0
    length = int.from_bytes(data[8:10], "big")
    while at < length:
        if data[at] == PADDING:
            signed += data[at : at + 1]
            at += 1
            continue
        tag, value, after = tlv(data, at)
        if tag in CONTAINERS:
            after = at + 3
        header[HEADER[tag]] = value
        if HEADER[tag] != "signature":
            signed += data[at:after]
        at = after
    assert at == length, f"the header ends at {at}, expected {length}"
    signed += data[length:]
    records = []
    while at < len(data):
        end = at + int.from_bytes(data[at + 3 : at + 5], "big")
        record = {}
        while at < end:
            tag, value, at = tlv(data, at)
            record[RECORD[tag]] = value
        assert at == end, f"a record ends at {at}, expected {end}"
        record["function"] = FUNCTIONS[int.from_bytes(record["function"], "big")]
        records.append(record)
    return header, records, signed


def tlv(data, at):
    start = at + 3
    end = start + int.from_bytes(data[at + 1 : start], "big")
    assert end <= len(data), f"a value ends at {end}, beyond the file"
    return data[at], data[start:end], end
