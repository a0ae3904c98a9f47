#!/usr/bin/env bash
# Makes an Asterisk (20 or newer) and sipp ready for the tests, without touching the machine they run on.
#
#   get_asterisk.sh [FOLDER]      default: ${XDG_CACHE_HOME:-$HOME/.cache}/tellerline/asterisk
#
# An Asterisk that the machine already has is taken, when it is new enough and has the modules that the tests load.
# Otherwise Debian's packages are downloaded with the machine's own apt configuration and unpacked into FOLDER: no
# maintainer script runs, no service starts, root is not needed, and `rm -r FOLDER` undoes all of it.
# What was found is written to FOLDER/layout, one `name=path` a line; tellerline.trying.asterisk_found reads it.
set -euo pipefail
. "$(dirname "$0")/debian.sh"

need_major=20
need_modules="chan_pjsip res_agi app_audiosocket res_audiosocket app_senddtmf res_pjsip_sdp_rtp codec_ulaw format_wav"
begin "${1:-${XDG_CACHE_HOME:-$HOME/.cache}/tellerline/asterisk}" 2

on_machine() { # prints the layout of the machine's own Asterisk, or fails
  local program major modules data module
  program=$(command -v asterisk) || program=$(first_existing /usr/sbin/asterisk /usr/local/sbin/asterisk) || return 1
  major=$("$program" -V 2>/dev/null | sed -n 's/^Asterisk \(GIT-\|certified[-/]\)\?\([0-9]\+\).*/\2/p')
  [ "${major:-0}" -ge "$need_major" ] || { say "$program is older than $need_major: not used"; return 1; }
  modules=$(first_existing /usr/lib/*/asterisk/modules /usr/lib64/asterisk/modules /usr/lib/asterisk/modules \
    /usr/local/lib/asterisk/modules) || return 1
  for module in $need_modules; do
    [ -e "$modules/$module.so" ] || { say "$program has no $module: not used"; return 1; }
  done
  data=$(first_existing /usr/share/asterisk /var/lib/asterisk /usr/local/share/asterisk) || return 1
  printf 'asterisk=%s\nmodules=%s\ndata=%s\n' "$program" "$modules" "$data"
}

packages=""
if machine=$(on_machine); then :; else machine=""; packages="asterisk asterisk-core-sounds-en-wav"; fi
sipp=$(command -v sipp || true)
[ -n "$sipp" ] || packages="$packages sip-tester"

if [ -n "$packages" ]; then
  # Debian 12 and 13 ship no Asterisk; newer suites do.
  # shellcheck disable=SC2086 # a list of package names
  if ! from_debian "forky sid" $packages; then
    say "no Asterisk $need_major or newer with sipp could be had. On Debian: check the network and apt's sources."
    say "Elsewhere: install Asterisk $need_major or newer and sipp (sip-tester) by your system's means and run this again."
    exit 2
  fi
fi
{
  if [ -n "$machine" ]; then
    echo "$machine"
  else
    wrapper run-asterisk usr/sbin/asterisk
    echo "asterisk=$folder/run-asterisk"
    echo "modules=$folder/root/$(cd "$work/root" && find usr/lib -type d -path '*/asterisk/modules' | head -1)"
    echo "data=$folder/root/usr/share/asterisk"
  fi
  if [ -n "$sipp" ]; then
    echo "sipp=$sipp"
  else
    wrapper run-sipp usr/bin/sipp
    echo "sipp=$folder/run-sipp"
  fi
} | finish
