#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Looks at a program with the debuggers there are, and compares what they say of its
# goroutines with what the program says (Sources/programs/states.swift): live and in a
# core file, built for debugging and for speed.
#
#   test.sh [gdb|lldb]    both, or one
#
# INSTALL=1 installs gdb. LLDB=PATH is the lldb to take; else the toolchain's, or one in
# PATH, whichever can run Python. What the debuggers printed is kept in .build/debuggers.
# Programs of awk are in single quotes:
# shellcheck disable=SC2016
set -eu
cd "$(dirname "$0")/../.."

out=.build/debuggers
load=Sources/debug/goroutines.py
failed=0 passed=0
limit='timeout -k 5 120'

say() { echo "debuggers: $*"; }
die() {
  say "$*" >&2
  exit 1
}
ok() {
  passed=$((passed + 1))
  printf '  ok    %s\n' "$*"
}
fail() {
  failed=$((failed + 1))
  printf '  FAIL  %s\n' "$*"
}
skip() { printf '  skip  %s\n' "$*"; }

# check WHAT COMMAND...: ok if the command succeeds.
check() {
  what=$1
  shift
  if "$@"; then ok "$what"; else fail "$what"; fi
}

has() { grep -q -e "$2" "$1" || { echo "        $1 has no line: $2" && false; }; }

# The program.

pid=
trap '[ -z "$pid" ] || kill -9 $pid 2>/dev/null' EXIT

# start CONFIG [N]: runs the program until all its goroutines are where they are to be.
start() {
  known=$PWD/$out/known
  rm -f "$known.err" $out/core*
  (
    cd $out
    # shellcheck disable=SC3045
    ulimit -c unlimited 2>/dev/null || :
    exec "$PWD/../$1/programs" states "${2:-0}"
  ) >"$known" 2>"$known.err" &
  pid=$!
  tries=0
  until grep -qs 'until you press' "$known.err"; do
    tries=$((tries + 1))
    if [ $tries -gt 1200 ] || ! kill -0 "$pid" 2>/dev/null; then
      die "the program does not get ready; see $known.err"
    fi
    sleep 0.1
  done
}

stop() {
  { kill -9 $pid && wait $pid; } 2>/dev/null || :
  pid=
}

# Ends the program with a core file; sets core, or says why there is none.
dump() {
  pattern=$(cat /proc/sys/kernel/core_pattern 2>/dev/null || echo '|')
  { kill -SYS $pid && wait $pid; } 2>/dev/null || :
  pid=
  core=$(find $out -name 'core*' | head -n 1)
  [ -n "$core" ] && return
  skip "$debugger, core: none was written here (core_pattern: $pattern)"
  return 1
}

# What is to be seen. Every check below reads the known file, of lines such as
# "goroutine 7: accepts: IO wait", and then what a debugger printed.

judge() { # WHAT AWK-PROGRAM FILE
  check "$debugger, $where: $1" awk '
    function wrong(text) { print "        " text; bad = 1 }
    function states(id, state) {
      return want[id] == state || name[id] == "loops" && state == "runnable"
    }
    FNR == NR {
      k = $2 + 0
      split($0, part, ": ")
      name[k] = part[2]
      want[k] = substr($0, length(part[1] part[2]) + 5)
      count++
      next
    }
    '"$2"'
    END { exit bad }' "$known" "$3"
}

list() {
  judge 'goroutines: number, state, place, a star where there is a thread' '
    /^[* ] +[0-9]+  / {
      text = substr($0, 2)
      sub(/^ +/, "", text)
      id = text + 0
      sub(/^[0-9]+  /, "", text)
      state = text
      sub(/  .*/, "", state)
      seen[id]++
      star = $0 ~ /^\*/
      if (!(id in name)) { wrong("unknown: " $0); next }
      if (!states(id, state)) wrong(id " is to be " want[id] ": " $0)
      at = name[id]
      if (at == "main") at = "awaitsGroup"
      if (at == "keepsThread" || at == "descends") at = "receives"
      if (text !~ at "\\(") wrong(id " is in " at ": " $0)
      if (text ~ "states.swift:[0-9]+ in ") lines++
      if (star != (state == "running" || state == "syscall")) wrong("star: " $0)
      if (star && $0 !~ /  M[0-9]+/) wrong("no M: " $0)
      if (state == "running" && $0 !~ / P[0-9]+$/) wrong("no P: " $0)
    }
    /^[0-9]+ goroutines$/ { total = $1 }
    END {
      for (id in name) if (seen[id] != 1) wrong(id " is listed " seen[id] + 0 " times")
      if (total != count) wrong("total: " total)
      # lldb knows no line of a few places.
      if (lines < count - 3) wrong("only " lines + 0 " are in states.swift")
    }' "$1"
}

backtraces() {
  judge 'goroutine all bt: every one from where it is to gostart' '
    /^goroutine [0-9]+ \[.*\]:$/ {
      if (id) finish()
      id = $2 + 0
      # One that was asked for by itself.
      if (seen[id]++) { id = 0; next }
      state = $0
      sub(/^[^[]*\[/, "", state)
      sub(/\]:$/, "", state)
      if (!(id in name)) wrong("unknown: " $0)
      if (!states(id, state)) wrong(id " is to be " want[id] ": " $0)
      found = frames = preempted = descends = 0
      next
    }
    id && /^ *(\* )?(frame )?#[0-9]+/ {
      frames++
      last = $0
      at = name[id] == "main" ? "states" : name[id]
      if ($0 ~ "[^A-Za-z]" at "\\(") found = 1
      # To gdb asyncPreempt is a handler of a signal.
      if ($0 ~ /asyncPreempt( |$)|<signal handler called>.*preempt_/) preempted = 1
      if ($0 ~ /descends\(/) descends++
    }
    function finish() {
      if (!found) wrong(id " is not in " name[id])
      if (last !~ /gostart/) wrong(id " ends with: " last)
      if (name[id] == "loops" && state == "runnable" && preempted) async++
      if (name[id] == "descends" && descends != 1001) wrong(descends " of 1001 descends")
    }
    END {
      if (id) finish()
      for (id in name) if (!seen[id]) wrong(id " is missing")
      if (!async) wrong("none was preempted by a signal")
    }' "$1"
}

ps_and_ms() {
  judge 'info P: two Ps with their goroutines; the third that loops is in a queue' '
    /^  *P  status/ { table = 1; next }
    /^  *M  *thread/ { table = 0 }
    table && /^ *[01]  (running|idle)/ {
      ps++
      if ($2 == "running" && NF >= 4 && name[$4] == "loops") held[$4] = 1
    }
    table {
      text = $0
      while (match(text, /(: |next | )[0-9]+/)) {
        id = substr(text, RSTART, RLENGTH)
        sub(/[^0-9]*/, "", id)
        if (/next|[0-9]: |queue: /) queued[id + 0] = 1
        text = substr(text, RSTART + RLENGTH)
      }
    }
    END {
      if (ps != 2) wrong(ps + 0 " Ps")
      for (id in name) {
        if (name[id] == "loops" && !(id in held) && !(id in queued)) wrong(id " is nowhere")
      }
    }' "$1"
  judge 'info M: the M of the locked goroutine, of the blocking one, sysmon' '
    /^  *M  *thread/ { table = 1; next }
    table && /locked to goroutine [0-9]+/ {
      id = $0
      sub(/.*locked to goroutine /, "", id)
      if (name[id + 0] == "keepsThread") locked = 1
    }
    table && /^ *[0-9]+ +[0-9]+ +[0-9]+$/ && name[$3] == "blocks" { blocks = 1 }
    table && /in .*sysmon/ { sysmon = 1 }
    END {
      if (!locked) wrong("nobody is locked to keepsThread")
      if (!blocks) wrong("nobody runs blocks")
      if (!sysmon) wrong("no sysmon")
    }' "$1"
}

# The number of the goroutine in function $1.
id_of() { sed -n "s/^goroutine \([0-9]*\): $1:.*/\1/p" "$known"; }

# ask FILE COMMAND...: gdb or lldb on the process, or on $core if where is "core".
ask() {
  answer=$out/$1
  shift
  ask_"$debugger" "$@" >"$answer" 2>&1 || [ "$debugger" = lldb ] || {
    echo "        $debugger failed; see $answer"
    return 1
  }
}

ask_gdb() {
  set -- "$@" detach
  for command; do
    set -- "$@" -ex "$command"
    shift
  done
  case $where in
    core*) $limit "$gdb" -nx -q -batch -x $load "$@" "$program" "$core" ;;
    *) $limit "$gdb" -nx -q -batch -x $load "$@" -p "$pid" ;;
  esac
}

ask_lldb() {
  for command; do
    set -- "$@" -o "$command"
    shift
  done
  case $where in
    core*) $limit "$lldb" -x -b -c "$core" -o "command script import $load" "$@" "$program" ;;
    *) $limit "$lldb" -x -b -p "$pid" -o "command script import $load" "$@" ;;
  esac
}

# One process or core file.
look() {
  ask "$debugger-$where" goroutines 'goroutines all' 'info P' 'info M' 'goroutine all bt' \
    "goroutine $(id_of sends)" "goroutine $(id_of receives) bt 1" ||
    { fail "$debugger, $where" && return; }
  # `goroutines all` lists them again.
  sed '/^[0-9]* goroutines$/q' "$answer" >"$answer.list"
  list "$answer.list"
  backtraces "$answer"
  ps_and_ms "$answer"
  check "$debugger, $where: goroutine N, goroutine N bt 1" awk -v sends="$(id_of sends)" \
    -v receives="$(id_of receives)" '
    /^goroutine [0-9]+ \[/ {
      headers[$2]++
      alone = headers[$2] == 2
      next
    }
    alone && /^ *(\* )?(frame )?#[0-9]+/ { frames[headers[sends] headers[receives]]++ }
    END { exit !(frames["21"] > 9 && frames["22"] == 1) }' "$answer"
  check "$debugger, $where: goroutines all: addresses, the collector" \
    has "$answer" "  0  collector.*0x[0-9a-f]*.*the runtime's own"
}

look_twice() {
  for config in debug release; do
    program=.build/$config/programs
    start $config
    where="live-$config"
    look
    if dump; then
      where="core-$config"
      look
    fi
  done
}

# What goes wrong is one line.
wrong_gdb() {
  program=.build/debug/programs
  where=errors
  start debug
  id=$(id_of naps)
  ask gdb-minutes "python
import gdb, goroutines_gdb, goroutines_runtime, time
runtime = goroutines_runtime.Runtime(goroutines_gdb.Gdb())
place = runtime.at('G', runtime.find('$id').address, 'waitsince')
then = time.clock_gettime_ns(time.CLOCK_MONOTONIC) - 301 * 10**9
gdb.selected_inferior().write_memory(place, then.to_bytes(8, 'little'))" goroutines || :
  check 'gdb: minutes of waiting' has "$answer" " $id  sleep, 5 minutes  "
  address=$(sed -n 's/^ *[0-9]*  dead *\(0x[0-9a-f]*\).*/\1/p' "$out/gdb-live-debug" | head -n 1)
  ask gdb-errors 'thread 2' 'frame 1' 'goroutine 99999' 'goroutine x' goroutine 'goroutines -n' \
    'goroutine 1 nonsense' 'goroutine 1 bt 1' "goroutine $(id_of blocks) bt 1" \
    "goroutine ${address:-0x10}" frame \
    'set *(unsigned long *) &clinux_debugtable = 8' goroutines || :
  check 'gdb: no such goroutine' has "$answer" '^goroutine: there is no goroutine 99999; '
  check 'gdb: no number' has "$answer" "^goroutine: 'x' is no goroutine's number"
  check 'gdb: usage' has "$answer" '^goroutines: usage: '
  check 'gdb: a command that gdb does not know' has "$answer" '^goroutine: gdb says: Undefined'
  check 'gdb: memory that was overwritten' has "$answer" '^goroutines: cannot read memory at 0x8'
  check 'gdb: the selected thread and frame stay selected' awk '
    /^#1 .*futexsleep/ { n++ }
    END { exit n != 2 }' "$answer"
  stop
  $limit "$gdb" -nx -q -batch -x $load -ex goroutines "$program" >"$out/gdb-none" 2>&1 || :
  check 'gdb: no process' has "$out/gdb-none" '^goroutines: there is no process'
  $limit "$gdb" -nx -q -batch -x $load -ex 'break main' -ex 'run' -ex goroutines \
    "$program" >"$out/gdb-early" 2>&1 || :
  check 'gdb: too early' has "$out/gdb-early" '^goroutines: the runtime has not started yet'
  $limit "$gdb" -nx -q -batch -x $load -ex 'break exit' -ex run -ex goroutines \
    "$(command -v true)" >"$out/gdb-other" 2>&1 || :
  check 'gdb: another program' has "$out/gdb-other" '^goroutines: no runtime in this program'
}

# lldb hears of goroutines when one is first looked at, and ends at the first error.
first_lldb() {
  program=.build/debug/programs
  where=first
  start debug
  ask lldb-first "goroutine $(id_of sends)" 'goroutine 99999' || :
  check 'lldb: the first goroutine that is looked at' has "$answer" ' frame #.*sends('
  check 'lldb: no such goroutine' has "$answer" '^error: goroutine: there is no goroutine 99999'
  stop
}

# Stops where a goroutine has just been made runnable: all that are runnable are in queues.
queues_gdb() {
  program=.build/debug/programs
  $limit "$gdb" -nx -q -batch -x $load -ex "break \$s7Stage155wakepyyF" -ex 'ignore 1 4' \
    -ex run -ex 'goroutines all' -ex 'info P' --args $program four-prints \
    >"$out/gdb-queues" 2>&1 || :
  check 'gdb: info P: who is runnable is in a queue' awk '
    /^[* ] +[0-9]+  runnable[ ,]/ { runnable[$1]++; n++ }
    /^  *P  status/ { table = 1; next }
    table && (/^ +[0-9]+  running/ || /^global queue: [0-9]/) {
      if (/running/) $0 = substr($0, 55)
      gsub(/next|then|global queue:|[0-9]+:|,/, "")
      for (i = 1; i <= NF; i++) queued[$i]++
    }
    END {
      for (id in runnable) if (queued[id] != 1) exit 1
      for (id in queued) if (runnable[id] != 1) exit 1
      exit n == 0
    }' "$out/gdb-queues"
}

# A stack that grows does not stop the program; one that cannot does.
faults_gdb() {
  for depth in 50000 overflow; do
    $limit "$gdb" -nx -q -batch -x $load -ex run -ex bt \
      --args "$program" deep-recursion $depth >"$out/gdb-$depth" 2>&1 || :
  done
  check 'gdb: a stack grows' has "$out/gdb-50000" 'exited normally'
  check 'gdb: a stack that cannot grow' awk '
    /clinux_debugfault/ { n = 1 }
    n == 1 && /signal handler called/ { n = 2 }
    n == 2 && /alternate|descend|deep/ { n = 3 }
    END { exit n != 3 }' "$out/gdb-overflow"
}

many_gdb() {
  where=many
  start release 100000
  ask gdb-many goroutines 'goroutines -n 0' || :
  check 'gdb: 100,000 goroutines, of which 1000 are listed' \
    has "$answer" '^1000 of 100017 goroutines; '
  check 'gdb: all of them' has "$answer" '^100017 goroutines$'
  stop
}

# The debuggers.

find_gdb() {
  gdb=$(command -v gdb) && return
  if [ "${INSTALL:-}" = 1 ]; then
    [ "$(id -u)" = 0 ] || die 'INSTALL=1 needs root; or run: sudo apt-get install gdb'
    command -v apt-get >/dev/null || die 'INSTALL=1 needs apt-get; install by hand: gdb'
    say 'installing gdb'
    { apt-get update && DEBIAN_FRONTEND=noninteractive \
      apt-get install -y --no-install-recommends gdb; } >$out/install.log 2>&1 ||
      die "apt-get failed; see $out/install.log"
    gdb=$(command -v gdb) && return
  fi
  skip 'gdb: not here; on Debian: apt-get install gdb, or make debuggers INSTALL=1 as root'
  return 1
}

# Whether this debugger may look at another process.
may_attach() {
  sleep 60 &
  case $debugger in
    gdb) $limit "$gdb" -nx -q -batch -p $! -ex 'info threads' ;;
    lldb) $limit "$lldb" -x -b -p $! -o 'thread list' ;;
  esac >$out/attach 2>&1 || :
  kill $!
  grep -q '^\* ' $out/attach && return
  skip "$debugger: may not attach to a process here: $(grep -i 'ptrace\|error' $out/attach)"
  return 1
}

python_in() {
  $limit "$1" -x -b -o 'script print("python" + " is here")' 2>$out/lldb.err |
    grep -q '^python is here'
}

find_lldb() {
  swift=$(command -v swift) || die 'there is no swift in PATH; run `make doctor`'
  for lldb in "${LLDB:-}" "$(dirname "$(readlink -f "$swift")")/lldb" "$(command -v lldb)"; do
    [ -x "$lldb" ] || continue
    python_in "$lldb" && return
    skip "lldb: $lldb cannot run Python: $(grep -v '^Traceback\|^ ' $out/lldb.err | head -n 1)"
  done
  return 1
}

case ${1:-} in
  '' | gdb | lldb) ;;
  *) die 'usage: test.sh [gdb|lldb]' ;;
esac
mkdir -p $out
for config in debug release; do
  say "building, $config"
  swift build -c $config --product programs >$out/build.log 2>&1 ||
    die "swift build failed; see $out/build.log"
done
if [ "${1:-gdb}" = gdb ] && debugger=gdb && find_gdb && may_attach; then
  say "$("$gdb" --version | head -n 1)"
  look_twice
  wrong_gdb
  queues_gdb
  faults_gdb
  many_gdb
fi
if [ "${1:-lldb}" = lldb ] && debugger=lldb && find_lldb && may_attach; then
  say "$("$lldb" --version | head -n 1)"
  look_twice
  first_lldb
fi
say "$passed checks passed, $failed failed"
[ $failed = 0 ]
