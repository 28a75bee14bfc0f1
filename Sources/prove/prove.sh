#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The long form of every proof, one after another; a failure does not stop the rest.
#   prove.sh SECONDS all|NN [PART]...
# SECONDS is how long the parts take that could go on for ever, or a tenth of it where
# there is one for each stage; NN is a stage, whose proofs are those that need no other.
# What each part prints is kept in .build/prove; in the end, a line for each. Exit status
# 1 if one failed.
set -u

seconds=$1
stage=$2
shift 2

# The stages that schedules can run, and those it has mistakes for.
with_mutants=$(ls Sources/schedules/mutants)
with_schedules=$(ls Stages | sed -n 's/^\([0-9][0-9]\)-.*/\1/p' |
  awk -v first="$(sed -n 's/^first=\([0-9]*\).*/\1/p' Sources/schedules/schedules.sh)" '$1 >= first')

# Is $1 among the others?
among() {
  wanted=$1
  shift
  for one in "$@"; do [ "$one" != "$wanted" ] || return 0; done
  return 1
}

if [ "$stage" = all ]; then
  all='test test-release switcher arm64 tsan asan ubsan models'
  for number in $with_schedules; do all="$all schedules-$number"; done
  for number in $with_mutants; do all="$all mutants-$number"; done
  all="$all programs test-disasm prologue stress stress-debug fuzz browser debuggers host format-check drift readmes chapters"
  all="$all prove-exercises"
else
  all='test test-release tsan asan ubsan'
  # shellcheck disable=SC2086
  if among "$stage" $with_schedules; then all="$all schedules"; fi
  # shellcheck disable=SC2086
  if among "$stage" $with_mutants; then all="$all mutants"; fi
  if sh Sources/models/models.sh "$stage" list >/dev/null 2>&1; then all="$all models"; fi
  # Random programs want several threads, as schedules do.
  # shellcheck disable=SC2086
  if among "$stage" $with_schedules; then all="$all stress stress-debug"; fi
  all="$all prove-exercises"
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
    all-schedules-* | all-mutants-*) of="N=${part#*-}" ;;
    all-*) of= ;;
    *-stress* | *-schedules | *-mutants | *-models | *-exercises) of="N=$stage" ;;
    *) part=$part-$stage of= ;;
  esac
  case $part in
    prologue) command="prologue WAY=test" ;;
    stress-debug) command="stress CONFIG=debug T=$seconds $of" ;;
    schedules-*) command="schedules T=$((seconds / 10 + 1)) $of" ;;
    mutants-*) command="mutants $of" ;;
    mutants | models | prove-exercises) command="$part $of" ;;
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
