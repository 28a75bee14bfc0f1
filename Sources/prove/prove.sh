#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The long form of every proof, one after another; a failure does not stop the rest.
#   prove.sh SECONDS all|NN [PART]...
# SECONDS is how long the parts take that could go on for ever; NN is a stage, whose
# proofs are those that need no other. What each part prints is kept in .build/prove; in
# the end, a line for each. Exit status 1 if one failed.
set -u

seconds=$1
stage=$2
shift 2
if [ "$stage" = all ]; then
  all='test test-release switcher arm64 tsan asan ubsan models schedules mutants'
  all="$all programs test-disasm prologue stress stress-debug fuzz browser debuggers host format-check drift readmes"
else
  all='test test-release tsan asan ubsan stress stress-debug'
fi
for part in "$@"; do
  case " $all " in
    *" $part "*) ;;
    *)
      echo "prove: there is no part $part; parts: $all" >&2
      exit 2
      ;;
  esac
done
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $all

# What make was told is not for the parts.
unset MAKEFLAGS MFLAGS

logs=.build/prove
mkdir -p "$logs"
trap 'kill $! 2>/dev/null; exit 130' INT TERM

# The line of a log that says how its part ended.
closing() {
  if grep -q 'Test run with' "$1"; then grep 'Test run with' "$1"; else tail -n 1 "$1"; fi |
    tail -n 1 | cut -c 1-100
}

summary=
failed=0
number=0
for part in "$@"; do
  number=$((number + 1))
  case $stage-$part in
    all-*) of= ;;
    *stress*) of="N=$stage" ;;
    *) part=$part-$stage of= ;;
  esac
  case $part in
    prologue) command="prologue WAY=test" ;;
    stress-debug) command="stress CONFIG=debug T=$seconds $of" ;;
    schedules | stress | fuzz) command="$part T=$seconds $of" ;;
    *) command=$part ;;
  esac
  echo "prove: $number of $#: make $command"
  began=$(date +%s)
  # Word splitting separates the target from its variables.
  # shellcheck disable=SC2086
  make --no-print-directory $command > "$logs/$part.log" 2>&1 &
  wait $!
  status=$?
  took=$(($(date +%s) - began))
  result=passed
  if [ $status -ne 0 ]; then
    result=FAILED
    failed=$((failed + 1))
    tail -n 20 "$logs/$part.log" | sed 's/^/  | /'
    echo "  all of it: $logs/$part.log"
  fi
  line=$(printf '%-13s %-6s %6d s  %s' "$part" $result $took "$(closing "$logs/$part.log")")
  echo "  $line"
  summary="$summary$line
"
done

echo
printf '%s' "$summary"
if [ $failed -gt 0 ]; then
  echo "prove: $failed of $# failed" >&2
  exit 1
fi
echo "prove: all $# passed"
