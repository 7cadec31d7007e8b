#!/usr/bin/env bash
# The HTML report in a real headless Chromium, which is installed if it is not there; pictures of what was seen are left in
# target/browser. Every case is a line, as in tests/interop.
set -euo pipefail
cd "$(dirname "$0")/../.."

missing=()
for program in chromium:chromium chromedriver:chromium-driver python3:python3; do
    command -v "${program%%:*}" >/dev/null || missing+=("${program##*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

target=${CARGO_TARGET_DIR:-$PWD/target}
seen=$target/browser
export PYTHONDONTWRITEBYTECODE=1
cargo build --release --quiet --bin mixedmode
mixedmode=$target/release/mixedmode
mkdir -p "$seen"

status=0
sed 's/^steps:/recorder: { fault: { lose-every: 37 } }\nsteps:/' scenarios/plain-call.yaml >"$seen/loses-frames.yaml"
# A call whose files were stored lossily, judged again from what was kept.
rm -rf "$seen/kept"
"$mixedmode" run scenarios/plain-call.yaml --network simulated --keep "$seen/kept" >/dev/null
for leg in near far; do
    file=$(find "$seen/kept" -name $leg.wav)
    python3 - "$file" <<'ALTER'
import random, struct, sys, wave
random.seed(1)
with wave.open(sys.argv[1], "rb") as read:
    params, said = read.getparams(), read.readframes(read.getnframes())
said = [0 if 16000 <= at < 24000 else s for at, s in enumerate(struct.unpack(f"<{len(said) // 2}h", said))]
with wave.open(sys.argv[1], "wb") as written:
    written.setparams(params)
    written.writeframes(struct.pack(f"<{len(said)}h", *(max(-32768, min(32767, s + random.randint(-16, 16))) for s in said)))
ALTER
done
"$mixedmode" verify "$seen"/kept/*/ledger.json $(find "$seen/kept" -name near.wav -o -name far.wav) --report-bundle "$seen/altered.json" >/dev/null || [ $? -eq 4 ]
# It ends with 4, since one of the recorders is wrong on purpose.
"$mixedmode" run "$seen/loses-frames.yaml" scenarios/plain-call.yaml scenarios/hold-resume.yaml scenarios/loss-and-reordering.yaml \
    --network simulated --report-bundle "$seen/runs.json" >/dev/null || [ $? -eq 4 ]
"$mixedmode" report merge "$seen/runs.json" "$seen/altered.json" --report-html "$seen/report.html" >/dev/null || [ $? -eq 4 ]
python3 tests/browser/check_report.py "$seen/report.html" "$seen" || status=1
python3 tests/browser/check_figures.py "$mixedmode" "$seen" || status=1
echo "browser: pictures in $seen"
exit $status
