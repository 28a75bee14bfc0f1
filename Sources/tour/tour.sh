#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The tour: the words of a directory, counted on every stage that has channels, with a
# table, and a page of what the schedulers did.
#   tour.sh DIR [ARGUMENT]...     arguments are for the last stage's report
set -eu
cd "$(dirname "$0")/../.."

out=.build/tour
dir=$1
shift

names=$(sh Sources/ladder/ladder.sh names tour)
stages=$(echo "$names" | sed 's/^tour//')
last=$(echo "$stages" | tail -n 1)
# shellcheck disable=SC2086
echo "tour: building stages" $stages
# shellcheck disable=SC2086
sh Sources/ladder/ladder.sh build $names
mkdir -p "$out"
rm -f "$out"/*.html "$out"/*.trace "$out"/*.tsv
# Stages 03 and 04 run one goroutine at a time unless they are told otherwise.
GOMAXPROCS=${GOMAXPROCS:-$(getconf _NPROCESSORS_ONLN)}
export GOMAXPROCS
for number in $stages; do
  program=$(sh Sources/ladder/ladder.sh path "tour$number")
  if [ "$number" = "$last" ]; then
    "$program" --record "$out/$number" "$@" "$dir"
  else
    "$program" --brief --record "$out/$number" "$dir"
  fi
done
# The columns of the file beside each trace.
echo
{
  printf 'stage\tplain, ms\tgoroutines, ms\tthreads\tgoroutines\tswitches\tsteals\thand-offs\tpreemptions\n'
  for number in $stages; do
    folder=$(echo Stages/"$number"-*)
    printf '%s\t' "$(basename "$folder")"
    cat "$out/$number.tsv"
  done
} | awk -F '\t' '{
  printf "%-17s", $1
  for (i = 2; i <= NF; i++) printf " %*s", (i == 3 ? 14 : i == 4 || i == 7 ? 7 : 11), $i
  print ""
}'
