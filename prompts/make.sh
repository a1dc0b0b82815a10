#!/usr/bin/env bash
# Makes Holdfast's spoken prompts from texts.tsv.
#
#   prompts/make.sh              make all
#   prompts/make.sh de           make the prompts of one language
#   prompts/make.sh de welcome   make one prompt
#
# texts.tsv holds one prompt a line: language, name and text, parted by tabs.
# Prompt NAME of language LANG becomes LANG/NAME.wav beside this script:
# 16 kHz, mono, 16 bit, silence trimmed, at about -20 dBFS RMS with peaks
# below -3 dBFS. The same table and engine always give the same bytes.
#
# Needs pico2wave (Debian and Ubuntu: libttspico-utils, in non-free or
# multiverse) and sox. Nothing is installed by this script.
set -euo pipefail
export LC_ALL=C.UTF-8
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

speed=94          # per cent of the voice's own pace: a little calmer
rms=-20           # dBFS wanted
ceiling=-3.5      # dBFS that no peak may pass

need() {
  command -v "$1" >/dev/null || { echo "make.sh: $1 is missing; install the package $2" >&2; exit 1; }
}
need pico2wave "libttspico-utils (Debian: component non-free; Ubuntu: multiverse)"
need sox sox

only_lang=${1:-} only_name=${2:-}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

voice() {
  case $1 in
    en) echo en-GB ;;
    de) echo de-DE ;;
    es) echo es-ES ;;
    fr) echo fr-FR ;;
    it) echo it-IT ;;
    *) echo "make.sh: no voice for language '$1'" >&2; return 1 ;;
  esac
}

# One figure of 'sox stats', e.g.  stat_of FILE 'RMS lev dB'
stat_of() {
  sox "$1" -n stats 2>&1 | awk -v key="$2" 'index($0, key) == 1 { print $NF }'
}

made=0
while IFS=$'\t' read -r lang name text; do
  [[ -z $lang || $lang == \#* ]] && continue
  [[ -n $only_lang && $lang != "$only_lang" ]] && continue
  [[ -n $only_name && $name != "$only_name" ]] && continue
  out=$lang/$name.wav
  mkdir -p "$(dirname "$out")"
  pico2wave -l "$(voice "$lang")" -w "$tmp/raw.wav" "<speed level=\"$speed\">$text</speed>"
  # Trim both ends (the second turn handles the tail), keep 40 ms of air,
  # round the edges, and drop the rumble that no telephone carries.
  sox -R -G "$tmp/raw.wav" -e float -b 32 "$tmp/trim.wav" \
    gain -6 highpass 90 \
    silence 1 0.01 -60d fade q 0.005 reverse \
    silence 1 0.01 -60d fade q 0.015 reverse pad 0.04 0.04
  # As loud as wanted, or as loud as the highest peak allows.
  gain=$(awk -v r="$(stat_of "$tmp/trim.wav" 'RMS lev dB')" -v p="$(stat_of "$tmp/trim.wav" 'Pk lev dB')" \
    -v rms="$rms" -v top="$ceiling" \
    'BEGIN { g = rms - r; if (p + g > top) g = top - p; printf "%.2f", g }')
  sox -R "$tmp/trim.wav" -r 16000 -c 1 -e signed-integer -b 16 "$out" gain "$gain"
  made=$((made + 1))
done < texts.tsv

# The beep: a soft 880 Hz tone with rounded edges, the same in every language.
if [[ -z $only_lang || $only_lang == beep ]]; then
  sox -R -n -r 16000 -c 1 -b 16 beep.wav synth 0.25 sine 880 fade h 0.03 0.25 0.08 gain -n -14 pad 0.02 0.02
  made=$((made + 1))
fi
echo "$made files made"
