#!/usr/bin/env bash
# Makes an Asterisk (20 or newer) and sipp ready for the tests, without touching the machine they run on.
#
#   get_asterisk.sh [FOLDER]      default: ${XDG_CACHE_HOME:-$HOME/.cache}/tellerline/asterisk
#
# An Asterisk that the machine already has is taken, when it is new enough and has the modules that the tests load.
# Otherwise Debian's packages are downloaded with the machine's own apt configuration and unpacked into FOLDER: no
# maintainer script runs, no service starts, root is not needed, and `rm -r FOLDER` undoes all of it.
# What was found is written to FOLDER/layout, one `name=path` a line; tellerline.trying.asterisk_host reads it.
set -euo pipefail

need_major=20
need_modules="chan_pjsip res_agi app_mixmonitor res_pjsip_sdp_rtp codec_ulaw format_wav"
folder=$(realpath -m "${1:-${XDG_CACHE_HOME:-$HOME/.cache}/tellerline/asterisk}")
say() { printf 'get_asterisk: %s\n' "$*" >&2; }

if [ -s "$folder/layout" ] && [ "$(sed -n 's/^made_by=//p' "$folder/layout")" = 2 ]; then
  say "ready: $folder"
  exit 0
fi

if ! mkdir -p "$(dirname "$folder")"; then
  say "cannot write $(dirname "$folder"): name another folder as the first argument"
  exit 2
fi
exec 9>"$folder.lock" # two test runs at once: the second waits for the first one's result
flock 9
if [ -s "$folder/layout" ] && [ "$(sed -n 's/^made_by=//p' "$folder/layout")" = 2 ]; then
  say "ready: $folder"
  exit 0
fi
work=$folder.partial
rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT

first_existing() { for path in "$@"; do [ -e "$path" ] && { echo "$path"; return 0; }; done; return 1; }

# --- what the machine has ----------------------------------------------------------------------------------------

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

# --- what Debian has ---------------------------------------------------------------------------------------------

apt_opts=()
prepare_apt() { # a private, empty package state: the machine's own is neither read nor written
  mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
  : >"$work/apt/status"
  apt_opts=(-q -o Dir::State="$work/apt" -o Dir::State::Lists="$work/apt/lists" -o Dir::State::status="$work/apt/status"
    -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o Acquire::Retries=3
    -o APT::Install-Recommends=false -o Debug::NoLocking=1
    -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false)
}

from_sources() { # from_sources FILE: apt reads this source list only
  apt_opts+=(-o Dir::Etc::SourceList="$1" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null)
}

machines_mirror() { # the place that this machine takes its own release from, out of its own apt configuration
  local codename=$1 format='$(REPO_URI) $(CODENAME) $(SUITE)'
  { apt-get indextargets --format "$format" 'Created-By: Packages' 2>/dev/null
    apt-get indextargets --no-release-info --format "$format" 'Created-By: Packages' 2>/dev/null
    sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*\) \([^ ]*\) .*/\2 \3/p' /etc/apt/sources.list 2>/dev/null
    awk 'tolower($1) == "uris:" {uri = $2} tolower($1) == "suites:" {for (i = 2; i <= NF; i++) print uri, $i}' \
      /etc/apt/sources.list.d/*.sources 2>/dev/null
  } | awk -v name="$codename" '$2 == name || $3 == name {print $1; exit}'
}

unpack() { # unpack PACKAGE...: downloads them with all they need and unpacks them into $work/root
  local deb part
  apt-get "${apt_opts[@]}" -y --download-only install "$@" >"$work/apt.log" 2>&1 || return 1
  for part in bin sbin lib lib64; do
    mkdir -p "$work/root/usr/$part"
    [ -e "$work/root/$part" ] || ln -s "usr/$part" "$work/root/$part"
  done
  for deb in "$work"/apt/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work/root" --no-same-owner --no-same-permissions \
      --keep-directory-symlink --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' \
      --exclude='./usr/share/locale/*' --exclude='./dev/*'
    basename "$deb"
  done >"$work/packages"
}

wrapper() { # wrapper NAME PROGRAM: a script that runs PROGRAM with the C library it was unpacked with
  local loader triplet
  triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || basename "$(dirname "$(find "$work/root/usr/lib" -name libc.so.6 | head -1)")")
  loader=$(cd "$work/root" && find usr/lib usr/lib64 -maxdepth 2 -name 'ld-linux*.so.*' | head -1)
  cat >"$work/$1" <<RUN
#!/bin/sh
here=\$(dirname "\$(readlink -f "\$0")")
lib=\$here/root/usr/lib/$triplet
TERMINFO=\$here/root/usr/lib/terminfo; export TERMINFO
exec "\$here/root/$loader" --library-path "\$lib:\$lib/pulseaudio" --argv0 "$1" "\$here/root/$2" "\$@"
RUN
  chmod +x "$work/$1"
}

from_debian() { # from_debian PACKAGE...
  local id codename mirror suites suite keyring
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
  id=$(. /etc/os-release && echo "${ID:-}")
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  mirror=${DEBIAN_MIRROR:-$(machines_mirror "$codename")}
  [ -n "$mirror" ] || { say "no mirror for '$codename' in the apt configuration: set DEBIAN_MIRROR"; return 1; }
  # Debian 12 and 13 ship no Asterisk; newer suites do. Others that use dpkg: their own release first.
  if [ "$id" = debian ]; then suites="${DEBIAN_SUITE:-forky sid}"; else suites="${DEBIAN_SUITE:-$codename}"; fi
  keyring=$(first_existing "/usr/share/keyrings/$id-archive-keyring.gpg" /usr/share/keyrings/debian-archive-keyring.gpg) || return 1
  for suite in $suites; do
    prepare_apt
    echo "deb [signed-by=$keyring] $mirror $suite main$([ "$id" = ubuntu ] && echo ' universe')" >"$work/apt/sources.list"
    from_sources "$work/apt/sources.list"
    say "unpacking $* of $id $suite (about 20 seconds)"
    if apt-get "${apt_opts[@]}" update >"$work/apt.log" 2>&1 && unpack "$@"; then return 0; fi
    tail -5 "$work/apt.log" >&2
    rm -rf "$work/apt" "$work/root"
  done
  return 1
}

# --- put together ------------------------------------------------------------------------------------------------

packages=""
if machine=$(on_machine); then :; else machine=""; packages="asterisk asterisk-core-sounds-en-wav"; fi
sipp=$(command -v sipp || true)
[ -n "$sipp" ] || packages="$packages sip-tester"

if [ -n "$packages" ]; then
  # shellcheck disable=SC2086 # a list of package names
  if ! from_debian $packages; then
    say "no Asterisk $need_major or newer with sipp could be had. On Debian: check the network and apt's sources."
    say "Elsewhere: install Asterisk $need_major or newer and sipp (sip-tester) by your system's means and run this again."
    exit 2
  fi
  rm -rf "$work/apt"
fi
{
  echo made_by=2
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
} >"$work/layout"
rm -f "$work/apt.log"
rm -rf "$folder"
mv "$work" "$folder"
trap - EXIT
say "ready: $folder ($(du -sh "$folder" | cut -f1))"
