#!/usr/bin/env bash
# Programs that nobody here wrote look at what this one does. Installs what it needs.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! command -v tshark >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq tshark >/dev/null
fi

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cargo run --release --quiet -- run scenarios/plain-call.yaml --pcapng "$out"

# tshark, given no option, must decrypt the capture and see both recording INVITEs with all their parameters.
capture=$(ls "$out"/*.pcapng)
invites=$(tshark -r "$capture" -Y 'sip.Method == "INVITE" && sip.from.user && sip contains "x-refci"' -T fields -e sip.CSeq.method 2>/dev/null | wc -l)
near=$(tshark -r "$capture" -Y 'sip.Method == "INVITE" && sip contains "x-nearend;"' 2>/dev/null | wc -l)
far=$(tshark -r "$capture" -Y 'sip.Method == "INVITE" && sip contains "x-farend;"' 2>/dev/null | wc -l)
malformed=$(tshark -r "$capture" -Y '_ws.malformed' 2>/dev/null | wc -l)
echo "tshark: $invites recording INVITEs, $near near, $far far, $malformed malformed"
[ "$near" -ge 1 ] && [ "$far" -ge 1 ] && [ "$malformed" -eq 0 ]
echo "interop: 1 passed"
