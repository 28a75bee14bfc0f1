#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Runs every program on every stage that has what it needs, and looks at what it prints;
# on any other the program must be refused in one line. And what a program is said to
# need must be in the stage that is said to introduce it, and not in the one before.
#
#   check.sh NN...
set -eu
cd "$(dirname "$0")/../.."

out=.build/programs
limit='timeout -k 5 60'
failed=0

say() { echo "programs: $*"; }
die() {
  say "$*" >&2
  exit 1
}

# Says what is wrong, and shows the file $2 if there is one.
wrong() {
  say "FAILED: $1" >&2
  [ -z "${2:-}" ] || sed 's/^/  | /' "$2" | tail -n 20 >&2
  failed=$((failed + 1))
}

catalogue() { sh Sources/programs/programs.sh catalogue; }

# Whether the stage in folder $1 declares $2.
has() {
  cat "$1"/Runtime/*.swift "$1"/Asm/*.S | sed 's,//.*,,' |
    grep -qE "(func|class|struct|let|var) $2([^A-Za-z0-9_]|\$)|SYMBOL[(]$2[)]"
}

# What program $1 needs is $2, which the stage called $3 introduces.
check_need() {
  grep -qF "| [$3](" README.md || wrong "$1 needs stage $3, which README.md does not have"
  first=
  before=
  for folder in Stages/[0-9][0-9]-*; do
    if [ -z "$first" ] && ! expr "${folder#Stages/}" '<' "$3" >/dev/null; then
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

# expect NAME STATUS TEXT [ARGUMENTS]: runs it; every line of TEXT must be printed.
expect() {
  name=$1 wanted=$2 text=$3
  shift 3
  status=0
  $limit "$program" "$name" "$@" >"$log" 2>&1 </dev/null || status=$?
  [ $status = "$wanted" ] || wrong "stage $stage: $name $* ended with status $status" "$log"
  echo "$text" | while read -r line; do
    grep -q -e "$line" "$log" || echo "$line"
  done >"$log.missing"
  [ ! -s "$log.missing" ] ||
    wrong "stage $stage: $name $* does not print '$(head -n 1 "$log.missing")'" "$log"
}

# await FILE TEXT: until the file has it, or the program in the background has ended.
await() {
  until grep -q "$2" "$1"; do
    kill -0 $pid 2>/dev/null || break
    sleep 0.05
  done
}

# Starts a program that does not end by itself; its limit ends it if it hangs.
start() {
  $limit "$program" "$@" >"$log.background" 2>&1 </dev/null &
  pid=$!
}

stop() {
  kill $pid 2>/dev/null || :
  wait $pid 2>/dev/null || :
}

# The server and the client are tried together.
try_server() {
  start echo-server 0
  await "$log.background" 'port [0-9]'
  port=$(sed -n 's/.*port \([0-9]*\)$/\1/p' "$log.background")
  echo 'there and back' | $limit "$program" echo-client 127.0.0.1 "${port:-1}" >"$log" 2>&1 || :
  stop
  grep -qx 'there and back' "$log" || wrong "stage $stage: echo-client does not get its echo" "$log"
}

try_states() {
  start states
  await "$log.background" 'until you press'
  stop
  for text in 'selectsNothing: select (no cases)' 'goroutines, until you press'; do
    grep -q "$text" "$log.background" ||
      wrong "stage $stage: states does not get there" "$log.background"
  done
}

# Runs the program $1 in short.
try() {
  case $1 in
    turns) expect turns 0 'a1 .*b1 .*a2' 2 ;;
    sieve) expect sieve 0 ' 541$' 100 ;;
    ping-pong) expect ping-pong 0 '^1,000 round trips' 1000 ;;
    skynet) expect skynet 0 ' 499,500,' 1000 ;;
    pool) expect pool 0 'squares: 1 4 9 16' 100 ;;
    maps) expect maps 0 'both maps agree' 1000 ;;
    keyed-channel) expect keyed-channel 0 'receive("circle") is 6
receive("line") is 4' ;;
    threads) expect threads 0 '^switch ' 100 ;;
    blockers) expect blockers 0 '^3 x 200 ms' 3 ;;
    four-prints)
      expect four-prints 0 4
      printf '4\n1\n2\n3\n' | cmp -s - "$log" ||
        wrong "stage $stage: four-prints does not print 4 1 2 3" "$log"
      ;;
    echo) expect echo 0 '^50 of 50 echoes' 50 ;;
    echo-server) ;;
    echo-client) try_server ;;
    styles) expect styles 0 'threads  111  222  333  444
callbacks  *111  222  333  444
goroutines  *111  222  333  444' ;;
    hog) expect hog 0 '^tick 5
went round' ;;
    leak-check) expect leak-check 0 '^without: 2 left
chan send' ;;
    states) try_states ;;
    deep-recursion)
      expect deep-recursion 0 '10,000 calls deep' 10000
      expect deep-recursion 2 'stack overflow' overflow
      ;;
    *) wrong "$1: check.sh does not know how to try it" ;;
  esac
}

# What stage $stage says of the program $1, which needs $2 from stage $3.
check_refusal() {
  wanted="programs: $1 needs stage $3 or later ($2); this is stage $stage"
  status=0
  case $1 in
    echo-client) $limit "$program" "$1" 127.0.0.1 1 >"$log" 2>&1 || status=$? ;;
    *) $limit "$program" "$1" >"$log" 2>&1 || status=$? ;;
  esac
  [ $status = 2 ] || wrong "stage $stage: $1 ended with status $status" "$log"
  echo "$wanted" | cmp -s - "$log" || wrong "stage $stage: $1 is not refused by '$wanted'" "$log"
}

[ $# -gt 0 ] || die 'usage: check.sh NN...'
mkdir -p $out
catalogue | while read -r name what first; do
  check_need "$name" "$what" "$first"
  [ $failed = 0 ] || exit 1
done
say 'building them'
sh Sources/programs/programs.sh build "$@" >"$out/build.log" 2>&1 ||
  { tail -n 40 "$out/build.log" >&2 && die 'the programs do not build'; }
for stage; do
  program=$(sh Sources/programs/programs.sh path "$stage")
  log=$out/$stage.out
  ran=0
  refused=0
  catalogue >"$out/catalogue"
  while read -r name what first <&3; do
    if expr "${first%%-*}" '>' "$stage" >/dev/null; then
      check_refusal "$name" "$what" "$first"
      refused=$((refused + 1))
    else
      try "$name"
      ran=$((ran + 1))
    fi
  done 3<"$out/catalogue"
  $program --help >"$log"
  [ "$(grep -c '^  [a-z]' "$log")" = $((ran + refused)) ] ||
    wrong "stage $stage: the list has more or fewer programs than the catalogue" "$log"
  say "stage $stage: $ran programs ran, $refused refused"
done
[ $failed = 0 ] || die "$failed checks failed"
