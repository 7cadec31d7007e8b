#!/usr/bin/env bash
# Installs what the recorders of examples/recorders are made of and is not there: Debian packages, and Python packages into
# the venv given. No daemon is started.
set -uo pipefail
venv=$1

declare -A package=(
    [sipp]=sip-tester [ffmpeg]=ffmpeg [baresip]=baresip-core [rtpengine]=rtpengine-daemon [python3]=python3
)
missing=() failed=0
for program in "${!package[@]}"; do
    command -v "$program" >/dev/null || missing+=("${package[$program]}")
done
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
    echo "installing ${missing[*]}"
    apt-get update -qq
    for one in "${missing[@]}"; do
        # Debian starts what it installs, where it can; rtpengine's ports are not to be taken by a daemon of the system's.
        RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "$one" >/dev/null || failed=1
    done
fi

[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install -q --disable-pip-version-check pjsua2-python==2.15.1.post1 || failed=1
"$venv/bin/pip" install -q --disable-pip-version-check 'pytest>=8' || failed=1
exit $failed
