#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Checks the models of Notes/models with spin. Each is searched to the end and must
# hold; then each of its mutants, one mistake each, must be rejected, and so must what
# it says more than the stage keeps, its gaps.
#
#   models.sh all|NN [NAME]      all models, those of a stage, or one
#   models.sh all|NN list        their names
#
# From the environment: MUTANT=2 only that mutant of NAME (0: the model itself), or
# that gap; TRACE=1 its shortest counterexample, a column per process; INSTALL=1
# installs spin and a C compiler. What a model's header says is read from there, after
# "Stages:", of which it is a model, first and last, "Columns:", "Variant:", with the
# first stage of it where that is a later one, "Gap NAME:" and "Mutant N:".
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

# Is stage $stage, or any, one that model $1 is of?
covers() {
  [ "$stage" != all ] || return 0
  range=$(header "$1" Stages)
  ! expr "$stage" '<' "${range%-*}" >/dev/null && ! expr "$stage" '>' "${range#*-}" >/dev/null
}

# The variants of model $1 that stage $stage has.
variants() {
  header "$1" Variant | while read -r name from; do
    if [ "$stage" != all ] && expr "$stage" '<' "${from:-00}" >/dev/null; then continue; fi
    echo "$name"
  done
}

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

# A gap must be found, like a mutant.
gap() {
  search "$1" 0 "-D$2" -O0 -DBFS -DNOREDUCE
  [ "$errors" != 0 ] || die "$1, gap $2, holds: the stage keeps more than the model says"
  count=$(steps | wc -l)
  printf 'models:   gap %-5s       found     %9s states, %3d steps, %3d s  %s\n' \
    "$2" "$states" "$count" "$seconds" "$(header "$1" "Gap $2")"
  [ "${TRACE:-}" != 1 ] || trace
  gaps=$((gaps + 1))
}

check() {
  [ -e "$models/$1.pml" ] || die "there is no model $1; there are: $all"
  if [ -z "${MUTANT:-}" ] || [ "$MUTANT" = 0 ]; then
    hold "$1" ''
    for variant in $(variants "$1"); do hold "$1" "$variant"; done
    holding=$((holding + 1))
  fi
  for m in $(sed -n 's/^ \* Gap \([A-Z]*\):.*/\1/p' "$models/$1.pml"); do
    [ "${MUTANT:-$m}" != "$m" ] || gap "$1" "$m"
  done
  for m in $(sed -n 's/^ \* Mutant \([0-9]*\):.*/\1/p' "$models/$1.pml"); do
    [ "${MUTANT:-$m}" != "$m" ] || reject "$1" "$m"
  done
}

stage=$1
shift
all=
for file in "$models"/*.pml; do
  model=$(basename "$file" .pml)
  if covers "$model"; then all="$all $model"; fi
done
[ -n "$all" ] || die "there are no models of stage $stage"
if [ "${1:-}" = list ]; then
  echo "${all# }"
  exit
fi
mkdir -p $out
find_tools
if [ -n "${MUTANT:-}${TRACE:-}" ] && [ -z "${1:-}" ]; then
  die "which model? make models MODEL=wakeup MUTANT=1 TRACE=1; there are:$all"
fi
if [ -n "${1:-}" ] && [ -e "$models/$1.pml" ] && ! covers "$1"; then
  die "$1 is of stages $(header "$1" Stages); of stage $stage there are:$all"
fi
if [ -n "${1:-}" ]; then
  holding=0 mutants=0 gaps=0
  check "$1"
  [ "$holding$mutants$gaps" != 000 ] || die "$1 has no mutant $MUTANT"
else
  # As many at a time as there are processors; each is heard when it is over.
  rm -f $out/*.log
  # shellcheck disable=SC2016,SC2086
  printf '%s\n' $all | xargs -P "$(getconf _NPROCESSORS_ONLN)" -I MODEL sh -c '
    sh Sources/models/models.sh "$1" MODEL >"$2/MODEL.log" 2>&1 && status=0 || status=1
    sed \$d "$2/MODEL.log"
    [ $status = 0 ] || { tail -n 1 "$2/MODEL.log" >&2; exit 1; }' sh "$stage" $out ||
    die 'not all models are as they should be; see above'
  holding=$(cat $out/*.log | grep -c '^models: [a-z]* *holds')
  mutants=$(cat $out/*.log | grep -c '^models:   mutant .* rejected') || :
  gaps=$(cat $out/*.log | grep -c '^models:   gap .* found') || :
fi
say "$holding models hold, $mutants mutants rejected, $gaps gaps found"
