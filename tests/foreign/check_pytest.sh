#!/usr/bin/env bash
# examples/pytest: a scenario that passes is a test that passes, one with a finding fails with its rule, and a program that is not there is named.
# `check_pytest.sh PYTEST MIXEDMODE`.
set -euo pipefail
pytest=$1 mixedmode=$2
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
mkdir "$folder/scenarios"
cp examples/pytest/conftest.py "$folder"
smoke=crates/cli/templates/ci/scenarios/smoke.yaml
cp "$smoke" "$folder/scenarios/whole.yaml"
sed 's/^steps:/recorder: { fault: swap-channels }\nsteps:/' "$smoke" >"$folder/scenarios/swapped.yaml"
cd "$folder"

fails() { echo "FAIL pytest: $1"; cat said; exit 1; }
"$pytest" -p no:cacheprovider scenarios --mixedmode="$mixedmode" --mixedmode-network=simulated >said 2>&1 && fails "a finding passed"
grep -q '1 failed, 1 passed' said || fails "not one test each"
grep -q '^swapped-legs$' said || fails "the rule is not told"
"$pytest" -p no:cacheprovider scenarios --mixedmode="$mixedmode" --mixedmode-network=simulated -k whole >said 2>&1 || fails "the whole call failed"
"$pytest" -p no:cacheprovider scenarios --mixedmode=/no/such/program -k whole >said 2>&1 && fails "no program, and it passed"
grep -q '/no/such/program cannot be run' said || fails "the program is not named"
echo "PASS pytest: scenario files are tests"
