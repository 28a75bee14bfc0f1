#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Runs a program with a trace and draws it; or draws a trace that there is.
#
#   trace.sh STAGE PROGRAM [ARGUMENTS]    after `swift build` of trace
#   trace.sh file FILE
#
# From the environment: COMPARE=NN the same program on another stage, on the same page
# (or COMPARE=FILE); FROM=, TO=: milliseconds; TEXT=1 prints the trace, too.
set -eu
cd "$(dirname "$0")/../.."

traces=.build/traces
tool=.build/release/trace

say() { echo "trace: $*"; }
die() {
  say "$*" >&2
  exit 1
}

# prepare STAGE PROGRAM [ARGUMENTS]: builds it, unless the stage cannot run it.
prepare() {
  sh Sources/programs/programs.sh build "$1"
  program=$(sh Sources/programs/programs.sh path "$1")
  shift
  "$program" --check "$@" || exit 2
}

# record FILE STAGE PROGRAM [ARGUMENTS]
record() {
  file=$1 stage=$2
  shift 2
  rm -f "$file"
  say "stage $stage: $*"
  GOTRACE=$file "$(sh Sources/programs/programs.sh path "$stage")" "$@" ||
    say "$1 ended with status $?; what it did until then is in the trace"
  [ -s "$file" ] || die "there is no trace: does stage $stage write one?"
}

# About how large a file is.
size() { du -h "$1" | cut -f 1; }

mkdir -p $traces
stage=$1
shift
if [ "$stage" = file ]; then
  [ -n "${1:-}" ] || die "which file? make trace FILE=some.trace"
  first=$1
  base=$traces/$(basename "$first" .trace)
else
  [ -n "${1:-}" ] || die "which program? make trace PROGRAM=sieve; make run lists them"
  base=$traces/$stage-$1
  first=$base.trace
  prepare "$stage" "$@"
  case ${COMPARE:-} in
    [0-9][0-9]) prepare "$COMPARE" "$@" ;;
  esac
  record "$first" "$stage" "$@"
fi

second=
case ${COMPARE:-} in
  '') ;;
  [0-9][0-9])
    [ "$stage" != file ] || die "with FILE=, COMPARE= is a file, too"
    second=$base-compared.trace
    record "$second" "$COMPARE" "$@"
    ;;
  *) second=$COMPARE ;;
esac

window=
[ -z "${FROM:-}" ] || window="--from $FROM"
[ -z "${TO:-}" ] || window="$window --to $TO"
# Word splitting separates the options.
# shellcheck disable=SC2086
if [ -n "$second" ]; then
  $tool "$first" --compare "$second" -o "$base.html" --json "$base.json" --svg "$base.svg" $window
else
  $tool "$first" -o "$base.html" --json "$base.json" --svg "$base.svg" $window
fi
# shellcheck disable=SC2086
[ "${TEXT:-}" != 1 ] || $tool "$first" --text $window
say "a page for a browser  $base.html ($(size "$base.html"))"
say "a picture for a text  $base.svg"
say "for ui.perfetto.dev   $base.json ($(size "$base.json"))"
say "in this terminal      $tool $first"
