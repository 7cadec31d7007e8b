#!/usr/bin/env bash
# Installs what the checks need and is not there: Debian packages, and Python packages into the venv given.
set -uo pipefail
venv=$1

declare -A package=(
    [tshark]=tshark [sipp]=sip-tester [socat]=socat [openssl]=openssl [ffmpeg]=ffmpeg [sox]=sox [python3]=python3
)
missing=() failed=0
for program in "${!package[@]}"; do
    command -v "$program" >/dev/null || missing+=("${package[$program]}")
done
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ ! -d /usr/lib/postgresql ]; then
    missing+=(postgresql)
    # A cluster of its own is all that is wanted of it, not one of the system's.
    mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
fi
if [ ${#missing[@]} -gt 0 ]; then
    echo "installing ${missing[*]}"
    apt-get update -qq
    for one in "${missing[@]}"; do
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$one" >/dev/null || failed=1
    done
fi

[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
for module in pylibsrtp==1.0.0 pjsua2-python==2.15.1.post1 'moto[s3,iam,server]==5.2.1'; do
    "$venv/bin/pip" install -q --disable-pip-version-check "$module" || failed=1
done
exit $failed
