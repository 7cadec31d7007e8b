#!/usr/bin/env bash
# Recorders that were made of foreign programs, examples/recorders/*, meet the scenarios that their expected.txt names: installs
# what they are made of and compares. `run.sh ffmpeg sipp` runs those two. A program that is not to be had makes its recorder
# SKIPPED, which fails the run unless FOREIGN_MAY_SKIP names it, as in FOREIGN_MAY_SKIP="rtpengine baresip".
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-$PWD/target}
tests/foreign/install.sh "$target/foreign-venv" || echo "foreign: not everything could be installed" >&2
if [ -z "${MIXEDMODE:-}" ]; then
    cargo build --release --quiet --bin mixedmode
    export MIXEDMODE=$target/release/mixedmode
fi
# The recorders' `python3` is that of the venv, as if it were activated.
export PATH=$target/foreign-venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1
if [ $# -eq 0 ]; then
    tests/foreign/check_pytest.sh "$target/foreign-venv/bin/pytest" "$MIXEDMODE"
fi
exec python3 tests/foreign/check.py "$@"
