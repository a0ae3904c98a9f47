# Sourced by the get_*.sh scripts: unpacks Debian packages into a folder of its own.
#
# Packages come through the machine's own apt configuration and are unpacked, not installed: no maintainer script
# runs, no service starts, root is not needed, and removing the folder undoes all of it.
#   $work    the folder being filled: $work/root gets the files, $work/packages their names

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }

first_existing() { for path in "$@"; do [ -e "$path" ] && { echo "$path"; return 0; }; done; return 1; }

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

library_folder() { # where the unpacked C library lies, relative to the root
  (cd "$work/root" && dirname "$(find usr/lib -name libc.so.6 | head -1)")
}

wrapper() { # wrapper NAME PROGRAM: a script $work/NAME that runs PROGRAM with the C library it was unpacked with
  local library loader
  library=$(library_folder)
  loader=$(cd "$work/root" && find "$library" -maxdepth 1 -name 'ld-linux*.so.*' | head -1)
  cat >"$work/$1" <<RUN
#!/bin/sh
here=\$(dirname "\$(readlink -f "\$0")")
lib=\$here/root/$library
TERMINFO=\$here/root/usr/lib/terminfo; export TERMINFO
exec "\$here/root/$loader" --library-path "\$lib:\$lib/pulseaudio" --argv0 "$(basename "$2")" "\$here/root/$2" "\$@"
RUN
  chmod +x "$work/$1"
}

from_debian() { # from_debian SUITES PACKAGE...: the first of the suites that has them; '-' is the machine's own
  local id codename mirror suite keyring suites=$1
  shift
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
  id=$(. /etc/os-release && echo "${ID:-}")
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  mirror=${DEBIAN_MIRROR:-$(machines_mirror "$codename")}
  [ -n "$mirror" ] || { say "no mirror for '$codename' in the apt configuration: set DEBIAN_MIRROR"; return 1; }
  [ "$id" = debian ] || suites=-
  keyring=$(first_existing "/usr/share/keyrings/$id-archive-keyring.gpg" /usr/share/keyrings/debian-archive-keyring.gpg) || return 1
  for suite in ${DEBIAN_SUITE:-$suites}; do
    [ "$suite" != - ] || suite=$codename
    prepare_apt
    echo "deb [signed-by=$keyring] $mirror $suite main$([ "$id" = ubuntu ] && echo ' universe')" >"$work/apt/sources.list"
    from_sources "$work/apt/sources.list"
    say "unpacking $* of $id $suite (some 20 seconds)"
    if apt-get "${apt_opts[@]}" update >"$work/apt.log" 2>&1 && unpack "$@"; then
      rm -rf "$work/apt" "$work/apt.log"
      return 0
    fi
    tail -5 "$work/apt.log" >&2
    rm -rf "$work/apt" "$work/root"
  done
  return 1
}

begin() { # begin FOLDER EDITION: exits when FOLDER is ready; else takes its lock and opens $work
  folder=$(realpath -m "$1")
  edition=$2
  is_ready && { say "ready: $folder"; exit 0; }
  mkdir -p "$(dirname "$folder")" || { say "cannot write $(dirname "$folder"): name another folder"; exit 2; }
  exec 9>"$folder.lock" # two test runs at once: the second waits for the first one's result
  flock 9
  is_ready && { say "ready: $folder"; exit 0; }
  work=$folder.partial
  rm -rf "$work"
  mkdir -p "$work"
  trap 'rm -rf "$work"' EXIT
}

is_ready() { # whether $folder was made by this edition and all that its layout names is still there
  [ -s "$folder/layout" ] && [ "$(sed -n 's/^made_by=//p' "$folder/layout")" = "$edition" ] || return 1
  local path
  while IFS== read -r _ path; do
    [ "$path" = "$edition" ] || [ -e "$path" ] || { say "$path is gone: making $folder anew"; return 1; }
  done <"$folder/layout"
}

finish() { # finish: what standard input says becomes $folder/layout, one name=path a line
  { echo "made_by=$edition"; cat; } >"$work/layout"
  rm -rf "$folder"
  mv "$work" "$folder"
  trap - EXIT
  say "ready: $folder ($(du -sh "$folder" | cut -f1))"
}
