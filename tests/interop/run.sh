#!/usr/bin/env bash
# Programs that nobody here wrote look at what this one does: installs them, runs every check_*.py, sums up.
# `run.sh sipp tshark` runs those two alone. A program that is not to be had makes its cases SKIPPED, which fails the run
# unless INTEROP_MAY_SKIP names it, as in INTEROP_MAY_SKIP="pjsua2-python sipp".
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-$PWD/target}
export MIXEDMODE=$target/release/mixedmode PYTHONDONTWRITEBYTECODE=1
tests/interop/install.sh "$target/interop-venv" || echo "interop: not everything could be installed" >&2
cargo build --release --quiet --bin mixedmode

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export INTEROP_RUN=$work/run
mkdir "$INTEROP_RUN"

python=$target/interop-venv/bin/python
[ -x "$python" ] || python=python3
checks=(tests/interop/check_*.py)
[ $# -eq 0 ] || { checks=("${@/#/tests/interop/check_}") && checks=("${checks[@]/%/.py}"); }
for check in "${checks[@]}"; do
    "$python" "$check" >"$work/one" || grep -q '^FAIL' "$work/one" || echo "FAIL $check: ended without a verdict" >>"$work/one"
    tee -a "$work/all" <"$work/one"
done

count() { grep -c "^$1 " "$work/all" || true; }
while read -r program; do
    [[ " ${INTEROP_MAY_SKIP:-} " == *" $program "* ]] || unasked=1
done < <(sed -n 's/^SKIPPED .*: \(.*\) is not installed$/\1/p' "$work/all")
passed=$(count PASS) failed=$(count FAIL) skipped=$(count SKIPPED)
echo "interop: $passed passed, $failed failed, $skipped skipped"
[ "$passed" -gt 0 ] && [ "$failed" -eq 0 ] && [ -z "${unasked:-}" ]
