#!/bin/sh
# Makes agent.wav and customer.wav anew: needs espeak-ng and sox (`apt-get install espeak-ng sox`).
# With espeak-ng 1.51 and sox 14.4.2 the result is the same to the byte on every run.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# speak NAME VOICE SPEED PITCH TEXT: 8 kHz mono 16 bit, telephone band, pauses cut to 0.2 s, -20 dBFS RMS.
speak() {
    espeak-ng -v "$2" -s "$3" -p "$4" -w "$work/raw.wav" "$5"
    sox -D "$work/raw.wav" -b 16 "$work/band.wav" gain -6 rate -v 8000 highpass 120 lowpass 3400 \
        silence -l 1 0.05 -45d -1 0.2 -45d
    level=$(sox "$work/band.wav" -n stats 2>&1 | awk '/^RMS lev dB/ { print $4 }')
    sox -D "$work/band.wav" -b 16 "$1" gain "$(awk -v level="$level" 'BEGIN { printf "%.2f", -20 - level }')"
}

speak agent.wav en-us 165 45 "Good morning, you have reached the service desk, this is Robin speaking.
I see your order from last Tuesday: two desk lamps, one of them with a broken switch. I am sorry about that.
We can send you a new lamp today, and you may keep the old one. May I read the address back to you?
It is seventeen Harbour Lane, on the second floor. The parcel will arrive on Thursday before noon.
Is there anything else that I can do for you?"

speak customer.wav en-gb+f3 150 62 "Hello Robin, thank you for picking up so quickly.
Yes, the larger lamp flickers whenever I touch the switch, and yesterday evening it went dark altogether.
A new one would be lovely. The address is right, but please ring the upper bell, the lower one has been out of order for weeks.
Thursday suits me well, I shall be at home until three. No, that was all. Goodbye, and have a pleasant day."
