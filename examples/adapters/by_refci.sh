#!/bin/sh
# An adapter of `adapter = "exec"`: names stereo files whose folder has the refci of the call in its name, as in
# 20260531-101500-000-17451773-ab12/stereo.wav, below the folder that is named on the command line. Needs jq.
set -eu
found=0 wanted=0 recordings=
for refci in $(jq -r '.calls[].refci'); do
    wanted=$((wanted + 1))
    for file in "$1"/*/*-"$refci"-*/stereo.wav; do
        # The recorder writes recording.json last.
        test -e "$(dirname "$file")/recording.json" || continue
        found=$((found + 1))
        recordings="$recordings${recordings:+,}$(jq -nc --argjson refci "$refci" --arg path "$file" \
            '{ refci: $refci, files: [{ path: $path, content: "stereo", left: "near" }] }')"
    done
done
complete=false
test "$found" -lt "$wanted" || complete=true
echo "{ \"recordings\": [$recordings], \"complete\": $complete }"
