#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The notes as pages for a browser; after `swift build --product course`.
#
#   site.sh FOLDER [STAGES]
#
# From the environment: TIMELINES=1 also makes a timeline of a small program on each of
# the stages, which builds the programs once for each of them.
set -eu
cd "$(dirname "$0")/../.."

timelines=.build/site/timelines
out=$1
shift

say() { echo "site: $*"; }
die() {
  say "$*" >&2
  exit 1
}

command -v docc >/dev/null || die "there is no docc, which is a part of the Swift toolchain: make doctor"

# A program that shows what a stage is about, and is over soon.
program() {
  case $1 in
    01) echo turns ;;
    02 | 03) echo sieve 5 ;;
    04) echo blockers 4 ;;
    05 | 06 | 07 | 08) echo four-prints ;;
    09) echo sieve 10 ;;
    *) echo echo 4 ;;
  esac
}

if [ "${TIMELINES:-}" = 1 ]; then
  mkdir -p $timelines
  swift build -c release --product trace
  for stage; do
    # Word splitting separates the arguments.
    # shellcheck disable=SC2046
    set -- $(program "$stage")
    if [ ! -s "$timelines/$stage-$1.html" ]; then
      sh Sources/trace/trace.sh "$stage" "$@" >.build/site/trace.log 2>&1 ||
        die "stage $stage: no timeline of $1; see .build/site/trace.log"
      cp ".build/traces/$stage-$1.html" "$timelines/"
      say "stage $stage: a timeline of $1"
    fi
  done
fi

if [ -d $timelines ]; then
  exec .build/debug/course site --out "$out" --timelines $timelines
fi
exec .build/debug/course site --out "$out"
