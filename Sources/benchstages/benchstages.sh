#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds the workloads for every stage, and measures them.
#
#   benchstages.sh measure NN...   builds them for these stages, measures, draws
#   benchstages.sh test NN...      whether every workload runs where it should
#   benchstages.sh draw            draws again what was measured last
#   benchstages.sh build NN...     only builds them
#
# In the environment: ROUNDS, WORKLOADS, QUICK, OUT; `benchstages --help`
# says what they are.
set -eu
cd "$(dirname "$0")/../.."

here=Sources/benchstages
out=.build/benchstages
tool=.build/release/benchstages

say() { echo "bench-stages: $*"; }
die() {
  say "$*" >&2
  exit 1
}

later() { expr "$1" '>' "$2" >/dev/null; }

program() { sh Sources/ladder/ladder.sh path "workloads$1"; }

# Before anything is built that takes long.
check_arguments() {
  [ $# -gt 0 ] || die "which stages? $command NN..."
  for stage; do
    [ -d "$(echo Stages/"$stage"-*)" ] ||
      die "there is no stage $stage; \`ls Stages\` shows those there are"
  done
}

build() {
  say "building the workloads"
  # shellcheck disable=SC2046
  sh Sources/ladder/ladder.sh build $(printf 'workloads%s ' "$@") >"$out/build.log" 2>&1 || {
    tail -n 40 "$out/build.log" >&2
    die "the workloads do not build"
  }
}

build_tool() {
  say "building what measures them"
  swift build -c release --product benchstages >"$out/build.log" 2>&1 || {
    tail -n 40 "$out/build.log" >&2
    die "the tool does not build"
  }
}

failed=0

# Says what is wrong, and shows the file $2 if there is one.
wrong() {
  say "FAILED: $1" >&2
  [ -z "${2:-}" ] || sed 's/^/  | /' "$2" | tail -n 20 >&2
  failed=$((failed + 1))
}

# Whether a program on the stage in folder $1 can name $2: a function, a class, a parameter.
has() {
  grep -qE "^public (final class|func) $2\b|^  $2: " "$1"/Runtime/api*.swift
}

# What workload $1 needs is $2, which the stage called $3 introduces.
check_need() {
  grep -qF "| [$3](" README.md || wrong "$1 needs stage $3, which README.md does not have"
  first=
  before=
  for folder in Stages/[0-9][0-9]-*; do
    if [ -z "$first" ] && ! later "$3" "${folder#Stages/}"; then
      first=$folder
    elif [ -z "$first" ]; then
      before=$folder
    fi
  done
  [ -n "$first" ] || wrong "$1 needs a stage that is not here: $3"
  has "$first" "$2" || wrong "$1 needs $2, which is not in $first"
  if [ -n "$before" ] && has "$before" "$2"; then
    wrong "$1 needs $2, which is in $before already: the catalogue says $3"
  fi
}

# A stage says of a workload that it does not have where to find it.
check_refusals() {
  for stage; do
    "$(program "$stage")" list | awk -F '\t' '$2 == "later" { print $1, $3, $4 }' |
      while read -r name first need; do
        status=0
        "$(program "$stage")" "$name" >"$out/test.log" 2>&1 || status=$?
        echo "workloads: $name needs stage $first or later ($need); this is stage $stage" |
          cmp -s - "$out/test.log" && [ $status = 2 ] ||
          echo "stage $stage: $name is not refused in its line, but with status $status"
      done
  done >"$out/refusals.log"
  [ ! -s "$out/refusals.log" ] || wrong 'workloads that a stage lacks' "$out/refusals.log"
}

# Numbers that were made up: what is said of them, and drawn.
check_drawing() {
  {
    printf 'about\tcommand\tmake\nabout\trounds\t3\nabout\tmeanwhile\t1 0\n'
    printf 'stage\t%s\n' '05	05-a' '06	06-b' '07	07-c'
    printf 'workload\tw\t05-a\tneed\t2\tless\tns a call\twhat it does\n'
    for round in 1 2 3; do
      printf 'run\t%s\tw\t05\t%s\n' $round $((200 + round))
      printf 'run\t%s\tw\t06\t%s\n' $round $((100 - round))
      printf 'run\t%s\tw\t07\t%s\n' $round $((150 + 10 * round))
    done
    printf 'run\t4\tw\t07\tfailed\n'
  } >"$out/made-up/numbers.tsv"
  OUT="$out/made-up" "$tool" draw >"$out/test.log" 2>&1 ||
    wrong 'made-up numbers are not drawn' "$out/test.log"
  while read -r line; do
    grep -qxF -e "$line" "$out/made-up/numbers.md" ||
      wrong "of made-up numbers it is not said: $line" "$out/made-up/numbers.md"
  done << END
| 05-a | 202 | 201..203 |  |  |
| 06-b | 98.0 | 97.0..99.0 | 0.485 (0.478..0.493) | better |
| 07-c | 170 | 160..180 | 1.73 (1.62..1.86) | worse |
END
  [ "$(grep -c '<g class="[a-z]*"><title>' "$out/made-up/numbers.svg")" = 3 ] ||
    wrong 'three made-up numbers are not three points' "$out/made-up/numbers.svg"
  grep -q 'w: stage 07 is worse' "$out/test.log" ||
    wrong 'it is not said that why.md lacks a reason' "$out/test.log"
}

# What stands in Notes is what is drawn of the raw numbers there, and of why.md.
check_fresh() {
  cp Notes/numbers.tsv "$out/fresh/"
  OUT="$out/fresh" "$tool" draw >"$out/test.log" 2>&1 ||
    wrong "the numbers in Notes are not drawn" "$out/test.log"
  for file in numbers.md numbers.svg; do
    cmp -s "Notes/$file" "$out/fresh/$file" ||
      wrong "Notes/$file is stale; make bench-stages DRAW=1 writes it again"
  done
}

# Every workload on every stage that has what it needs, in short.
check_runs() {
  for stage; do
    "$(program "$stage")" list | awk -F '\t' -v s="$stage" '$2 == "here" { print $1, s }'
  done | sort >"$out/test/expected"
  for stage; do
    set -- "$@" "$stage=$(program "$stage")"
    shift
  done
  : >"$out/test/numbers.tsv"
  OUT="$out/test" QUICK=1 ROUNDS=1 WORKLOADS='' \
    "$tool" measure "$@" 2>&1 | tee "$out/test.log" || :
  awk -F '\t' '$1 == "run" && $5 + 0 == $5 && $5 >= 0 { print $3, $4 }' "$out/test/numbers.tsv" |
    sort >"$out/test/ran"
  diff "$out/test/expected" "$out/test/ran" >"$out/test/differences" ||
    wrong 'no number (<: workload, stage)' "$out/test/differences"
  say "$(wc -l <"$out/test/ran") numbers of $(wc -l <"$out/test/expected")"
}

check_why() {
  sed -n "s/^## //p" "$here/why.md" >"$out/test/explained"
  while read -r name; do
    grep -q "^    \"$name\",\$" $here/workloads/catalogue.swift ||
      wrong "why.md has a section of $name, which is no workload"
  done <"$out/test/explained"
}

test_all() {
  build "$@"
  build_tool
  mkdir -p "$out/test" "$out/made-up" "$out/fresh"
  for stage; do :; done
  "$(program "$stage")" list >"$out/test/catalogue"
  while IFS='	' read -r name _ first need _; do
    check_need "$name" "$need" "$first"
  done <"$out/test/catalogue"
  check_why
  check_refusals "$@"
  check_drawing
  check_fresh
  check_runs "$@"
  [ $failed = 0 ] || die "$failed checks failed"
}

mkdir -p "$out"
command=${1:-}
[ $# = 0 ] || shift
case $command in
  measure)
    check_arguments "$@"
    build_tool
    "$tool" check
    build "$@"
    for stage; do
      set -- "$@" "$stage=$(program "$stage")"
      shift
    done
    exec "$tool" measure "$@"
    ;;
  draw)
    build_tool
    exec "$tool" draw
    ;;
  build)
    check_arguments "$@"
    build "$@"
    ;;
  test)
    check_arguments "$@"
    test_all "$@"
    ;;
  *) die "usage: benchstages.sh measure|test|build NN... or: draw" ;;
esac
