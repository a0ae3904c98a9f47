#!/usr/bin/env bash
# Makes Kannel (bearerbox, smsbox) and tshark ready for the tests, without touching the machine they run on.
#
#   get_sms_peers.sh [FOLDER]     default: ${XDG_CACHE_HOME:-$HOME/.cache}/tellerline/sms_peers
#
# What the machine already has is taken; the rest is unpacked from Debian's packages into FOLDER (see debian.sh).
# What was found is written to FOLDER/layout, one `name=path` a line; tests/peers/availability.py reads it.
set -euo pipefail
. "$(dirname "$0")/debian.sh"
begin "${1:-${XDG_CACHE_HOME:-$HOME/.cache}/tellerline/sms_peers}" 2

program() { # program NAME: the machine's own
  PATH=$PATH:/usr/sbin:/usr/local/sbin command -v "$1" || true
}

packages=""
{ [ -n "$(program bearerbox)" ] && [ -n "$(program smsbox)" ]; } || packages="$packages kannel"
{ [ -n "$(program tshark)" ] && [ -n "$(program dumpcap)" ]; } || packages="$packages tshark"
if [ -n "$packages" ]; then
  # shellcheck disable=SC2086 # a list of package names
  if ! from_debian - $packages; then
    say "$packages could not be had. On Debian: check the network and apt's sources, or apt-get install$packages."
    say "Elsewhere: install Kannel and tshark by your system's means and run this again."
    exit 2
  fi
fi

layout() { # layout NAME PATH-IN-PACKAGE
  if [ -e "$work/root/$2" ]; then
    wrapper "run-$1" "$2"
    echo "$1=$folder/run-$1"
  else
    echo "$1=$(program "$1")"
  fi
}

{
  layout bearerbox usr/sbin/bearerbox
  layout smsbox usr/sbin/smsbox
  layout dumpcap usr/bin/dumpcap
  layout tshark usr/bin/tshark
  # tshark looks for dumpcap beside the program that runs it, which here is the unpacked loader
  if [ -e "$work/run-dumpcap" ]; then
    printf '#!/bin/sh\nexec "%s" "$@"\n' "$folder/run-dumpcap" >"$work/root/$(library_folder)/dumpcap"
    chmod +x "$work/root/$(library_folder)/dumpcap"
  fi
} | finish
