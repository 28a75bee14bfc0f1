#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Checks the models of Notes/models with spin. Each is searched to the end and must
# hold; then each of its mutants, one mistake each, must be rejected.
#
#   models.sh [NAME]      all models, or one
#
# From the environment: MUTANT=2 only that mutant of NAME (0: the model itself);
# TRACE=1 its shortest counterexample, a column per process; INSTALL=1 installs spin
# and a C compiler. What a model's header says after "Columns:", "Variant:" and
# "Mutant N:" is read from there.
set -eu
cd "$(dirname "$0")/../.."

models=Notes/models
out=.build/models
memory=2000   # MB, of one search
limit=600     # seconds, of one search

say() { echo "models: $*"; }
die() {
  say "$*" >&2
  exit 1
}

# Sets cc to a C compiler: any, or the one that came with swift.
find_cc() {
  for cc in cc gcc clang; do
    cc=$(command -v "$cc") && return
  done
  swift=$(command -v swift) && cc=$(dirname "$(readlink -f "$swift")")/clang && [ -x "$cc" ]
}

find_tools() {
  missing=
  command -v spin >/dev/null || missing=spin
  find_cc || missing="$missing gcc libc6-dev"
  [ -n "$missing" ] || return 0
  if [ "${INSTALL:-}" = 1 ]; then
    [ "$(id -u)" = 0 ] || die "INSTALL=1 needs root; or run: sudo apt-get install $missing"
    command -v apt-get >/dev/null || die "INSTALL=1 needs apt-get; install by hand: $missing"
    say "installing $missing"
    # shellcheck disable=SC2086
    { apt-get update && DEBIAN_FRONTEND=noninteractive \
      apt-get install -y --no-install-recommends $missing; } >$out/install.log 2>&1 ||
      die "apt-get failed; see $out/install.log"
    find_cc || die "there is still no C compiler"
    return 0
  fi
  say "what checks the models is missing: $missing" >&2
  die "on Debian: apt-get install $missing, or make models INSTALL=1 as root"
}

# What the header of model $1 says after "$2:", a line each.
header() { sed -n "s/^ \* $2: *//p" "$models/$1.pml"; }

# search MODEL MUTANT FLAGS COMPILER-FLAGS...: runs one search in $out/MODEL-N and
# sets errors, states, depth, seconds.
search() {
  model=$1 mutant=$2 flags=$3
  shift 3
  dir=$out/$model-$mutant${flags:+-${flags#-D}}
  rm -rf "$dir"
  mkdir -p "$dir"
  source=$PWD/$models/$model.pml
  (
    cd "$dir"
    # shellcheck disable=SC2086
    spin -DMUTANT="$mutant" $flags -a "$source" >spin.log 2>&1 && [ -s pan.c ] &&
      "$cc" -O2 -w -DSAFETY -DMEMLIM=$memory -o pan pan.c "$@" >cc.log 2>&1
  ) || die "$model is not accepted by spin or cc; see $dir/spin.log and cc.log"
  began=$(date +%s)
  (cd "$dir" && nice -n 10 timeout -k 5 $limit ./pan -m1000000 -w23 >pan.log 2>&1) || :
  seconds=$(($(date +%s) - began))
  errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' "$dir/pan.log")
  states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$dir/pan.log")
  depth=$(sed -n 's/.*depth reached \([0-9]*\).*/\1/p' "$dir/pan.log")
  [ -n "$errors" ] || die "$model: the search broke off; see $dir/pan.log"
  if [ "$errors" = 0 ] && grep -q 'not completed\|max search depth too small' "$dir/pan.log"
  then
    die "$model, mutant $mutant: out of memory ($memory MB) or depth; see $dir/pan.log"
  fi
}

# The counterexample in $dir, a line per step: a process number and what it did.
steps() {
  # shellcheck disable=SC2086
  (cd "$dir" && spin -DMUTANT="$mutant" $flags -t -k "$model.pml.trail" "$source") |
    sed -n 's/^ *@\([0-9]*\) \(.*\)/\1 \2/p'
}

# The same, a column per process.
trace() {
  steps | awk -v names="$(header "$model" Columns)" -v columns="${COLUMNS:-120}" '
    BEGIN {
      n = split(names, name, " ")
      w = int((columns - 5) / n)
      if (w < 24) w = 24
      printf "%4s ", ""
      for (i = 1; i <= n; i++) printf "%-*s", w, name[i]
      printf "\n"
    }
    {
      p = $1 + 0
      sub(/^[0-9]+ /, "")
      if (p >= n) printf "%4d -- %s\n", NR, $0
      else printf "%4d %*s%s\n", NR, p * w, "", $0
    }'
  sed -n 's/^pan:[0-9]*: \(.*\) (at depth .*/     then: \1/p' "$dir/pan.log"
}

# The model itself must hold.
hold() {
  search "$1" 0 "${2:+-D$2}"
  name="$1${2:+, $2}"
  if [ "$errors" != 0 ]; then
    # Once more, for the shortest one.
    search "$1" 0 "${2:+-D$2}" -DBFS -DNOREDUCE
    trace
    die "$name does not hold"
  fi
  printf 'models: %-18s holds     %9s states, depth %4s, %3d s\n' \
    "$name" "$states" "$depth" "$seconds"
}

# A mutant must be rejected. Breadth first: the counterexample is a shortest one. Without
# optimization: most are found sooner than an optimized search is compiled.
reject() {
  search "$1" "$2" '' -O0 -DBFS -DNOREDUCE
  [ "$errors" != 0 ] || die "$1, mutant $2, is not rejected: the model says too little"
  count=$(steps | wc -l)
  printf 'models:   mutant %-2s       rejected  %9s states, %3d steps, %3d s  %s\n' \
    "$2" "$states" "$count" "$seconds" "$(header "$1" "Mutant $2")"
  [ "${TRACE:-}" != 1 ] || trace
  mutants=$((mutants + 1))
}

check() {
  [ -e "$models/$1.pml" ] || die "there is no model $1; there are: $all"
  if [ -z "${MUTANT:-}" ] || [ "$MUTANT" = 0 ]; then
    hold "$1" ''
    for variant in $(header "$1" Variant); do hold "$1" "$variant"; done
    holding=$((holding + 1))
  fi
  for m in $(sed -n 's/^ \* Mutant \([0-9]*\):.*/\1/p' "$models/$1.pml"); do
    [ "${MUTANT:-$m}" != "$m" ] || reject "$1" "$m"
  done
}

mkdir -p $out
find_tools
all=
for file in "$models"/*.pml; do all="$all $(basename "$file" .pml)"; done
if [ -n "${MUTANT:-}${TRACE:-}" ] && [ -z "${1:-}" ]; then
  die "which model? make models MODEL=wakeup MUTANT=1 TRACE=1; there are:$all"
fi
holding=0 mutants=0
# shellcheck disable=SC2086
for model in ${1:-$all}; do check "$model"; done
[ "$holding$mutants" != 00 ] || die "$1 has no mutant $MUTANT"
say "$holding models hold, $mutants mutants rejected"
