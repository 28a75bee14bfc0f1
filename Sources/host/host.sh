#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Checks every line of Notes/host.md: that goroutines get on with what knows nothing
# of them as the line says.
#
#   host.sh NN [KEY]...      all lines, or those with these keys; NN: the stage
#
# The keys are in the first column of the notes. A line about library code has a test
# in Tests/NN-*/hostTests*.swift whose name begins with its key; every other one has a
# function below, check_KEY. INSTALL=1 installs the tools that are missing. Exit
# status 1: a check failed, or lines and checks do not correspond.
set -eu
cd "$(dirname "$0")/../.."

number=$1
shift
notes=Notes/host.md
tests=$(echo Tests/"$number"-*/hostTests*.swift)
out=.build/host
host=$out/plain/debug/host
limit='timeout -k 5 120'

say() { echo "host: $*"; }
die() {
  say "$*" >&2
  exit 1
}

# The keys of the lines, of the tests, of the functions below.
# shellcheck disable=SC2016
line_keys() { sed -n 's/^| `\([a-z-]*\)` |.*/\1/p' $notes; }
# shellcheck disable=SC2086
test_keys() { sed -n 's/.*func `\([a-z-]*\): .*/\1/p' $tests; }
function_keys() { sed -n 's/^check_\([a-z_]*\)() .*/\1/p' Sources/host/host.sh | tr _ -; }

# Every line has one check, every check a line.
correspond() {
  line_keys | sort >$out/lines
  { test_keys && function_keys; } | sort >$out/checks
  cmp -s $out/lines $out/checks ||
    die "$notes and the checks differ (<: a line without a check, >: a check without a line):
$(diff $out/lines $out/checks | grep '^[<>]')"
}

# What the line of key $1 says: its third column.
sentence() { sed -n "s/^| \`$1\` |[^|]*| *\([^|]*[^| ]\) *|.*/\1/p" $notes; }

# Tools.

# Installs what is missing.
install() {
  packages=
  for item in gdb:gdb lldb:lldb perf:linux-perf strace:strace valgrind:valgrind; do
    works "${item%:*}" || packages="$packages ${item#*:}"
  done
  [ -n "$packages" ] || return 0
  [ "$(id -u)" = 0 ] || die "INSTALL=1 needs root; or run: sudo apt-get install$packages"
  command -v apt-get >/dev/null || die "INSTALL=1 needs apt-get; install by hand:$packages"
  say "installing$packages"
  # shellcheck disable=SC2086
  { apt-get update && DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends $packages; } >$out/install.log 2>&1 ||
    die "apt-get failed; see $out/install.log"
}

works() { tool "$1" >/dev/null 2>&1; }

# The first program of this name that starts: the toolchain's lldb may lack a library.
tool() {
  for path in $(command -v "$1") /usr/bin/"$1"; do
    [ -x "$path" ] && "$path" --version >/dev/null 2>&1 && echo "$path" && return
  done
  return 1
}

# skip WHY: ends a check that cannot be made here.
skip() {
  echo "skip: $*"
  exit 77
}
need() { works "$1" || skip "$1 is not installed, or does not start; make host INSTALL=1"; }

# The program.

# start MODE: runs it in the background; sets pid when its goroutines are there.
start() {
  rm -f $out/stdin
  mkfifo $out/stdin
  $host "$1" <$out/stdin >$out/stdout 2>&1 &
  pid=$!
  trap 'kill -9 $pid 2>/dev/null || :' EXIT
  exec 3>$out/stdin
  while kill -0 "$pid" && ! grep -q ready $out/stdout; do sleep 0.1; done
}

# stop: lets it end, and gives its exit status.
stop() {
  exec 3>&-
  wait "$pid"
}

# expect FILE TEXT...: whether the file has each of the texts, and shows it if not.
expect() {
  file=$1
  shift
  for text; do
    grep -q -e "$text" "$file" && continue
    echo "there is no '$text' in this:"
    cat "$file"
    return 1
  done
}

# A goroutine's frames, from what it runs down to the first, and none below that.
expect_goroutine() {
  expect "$1" burnHere gomain stage"$number"_gostart || return 1
  ! awk 'below && /(^|frame )#[0-9]/ { found = 1 } { below = /_gostart/ } END { exit !found }' "$1" ||
    { echo 'there are frames below gostart:' && cat "$1" && return 1; }
}

gdb_() { $limit "$(tool gdb)" -q -batch -nx -iex 'set debuginfod enabled off' "$@"; }

# The checks. Each runs in a shell of its own; what it prints is shown if it fails.

# The same text with and without `await`: only the first is refused.
compile() {
  cat >$out/source.swift <<END
import Foundation
import Goroutines
func f() async -> Int { 1 }
func g() throws {
  try Goroutines.run {
    let c = Channel<Int>()
    let d = Channel<Int>()
    go { c.send(1) }
    select {
      receive(from: c) { _ in }
      send(1, to: d)
      otherwise {}
    }
    sleep(for: .seconds(1))
    _ = after(.seconds(1))
    $1
  }
}
END
  modules=$out/plain/debug
  swiftc -typecheck -swift-version 6 -I $modules/Modules \
    -Xcc -fmodule-map-file=$modules/CLinux.build/module.modulemap \
    -Xcc -fmodule-map-file=$modules/Stage"$number"Asm.build/module.modulemap \
    $out/source.swift >$out/compiler 2>&1
}

check_names() { compile '' || { cat $out/compiler && return 1; }; }

check_await() {
  if compile 'go { _ = await f() }'; then echo 'it compiles' && return 1; fi
  expect $out/compiler 'error: cannot pass function of type'
}

check_xctest() {
  STAGE=$number $limit swift test --disable-swift-testing --filter HostXCTests >$out/xctest 2>&1
  expect $out/xctest 'Executed 2 tests, with 0 failures'
}

check_backtracer() {
  SWIFT_BACKTRACE=enable=yes,color=no,output-to=stderr $limit $host crash >$out/frames 2>&1
  [ $? = 132 ] && expect $out/frames ' crashed:' crashHere callsCrash stage"$number"_gostart
}

check_gdb() {
  need gdb
  start wait
  gdb_ -p $pid -ex 'thread apply all backtrace' >$out/frames 2>&1
  if grep -q 'Operation not permitted' $out/frames; then
    skip 'attaching is not allowed; try as root: sysctl -w kernel.yama.ptrace_scope=0'
  fi
  expect_goroutine $out/frames && stop
}

check_gdb_run() {
  need gdb
  # As it comes, gdb stops where a stack grows.
  gdb_ -ex run --args $host work >$out/stopped 2>&1
  gdb_ -ex 'handle SIGSEGV nostop noprint pass' -ex run --args $host work >$out/went 2>&1
  gdb_ -ex 'handle SIGSEGV nostop noprint pass' -ex 'rbreak crashHere' -ex run -ex backtrace \
    --args $host crash >$out/frames 2>&1
  if grep -q 'Operation not permitted' $out/frames; then skip 'ptrace is not allowed'; fi
  expect $out/stopped 'received signal SIGSEGV' && expect $out/went '^ok' 'exited normally' &&
    expect $out/frames 'Breakpoint 1, ' callsCrash stage"$number"_gostart
}

check_gdb_core() {
  need gdb
  case $(cat /proc/sys/kernel/core_pattern) in
    '|'* | /*) skip 'the kernel writes no core file here; see /proc/sys/kernel/core_pattern' ;;
  esac
  rm -rf $out/core
  mkdir $out/core
  program=$PWD/$host
  # shellcheck disable=SC3045
  (cd $out/core && ulimit -c unlimited && $limit "$program" crash >/dev/null 2>&1) || :
  set -- $out/core/*
  [ -e "$1" ] || skip 'no core file was written; is there a limit? ulimit -Hc'
  gdb_ -ex backtrace $host "$1" >$out/frames 2>&1
  du -k "$1" >$out/size
  rm -rf $out/core
  read -r size _ <$out/size
  [ "$size" -lt 100000 ] || { echo "it takes $size KB of disk" && return 1; }
  expect $out/frames crashHere callsCrash stage"$number"_gostart
}

check_gdb_gcore() {
  need gdb
  [ "$(df -k $out | awk 'END { print $4 }')" -gt 10000000 ] || skip 'needs 10 GB of disk'
  start wait
  gdb_ -p $pid -ex "gcore $out/gcore" >$out/copy 2>&1
  [ -e $out/gcore ] || skip 'attaching is not allowed'
  gdb_ -ex 'thread apply all backtrace' $host $out/gcore >$out/frames 2>&1
  rm -f $out/gcore
  if grep -q stage"$number"_gostart $out/frames; then
    grep -q 'section, 1048576 bytes' $out/copy || skip 'guards are mappings of their own here'
    echo 'the frames are there:' && cat $out/frames && return 1
  fi
  expect $out/copy 'Memory read failed for corefile section, 1048576 bytes' && stop
}

check_lldb() {
  need lldb
  start wait
  $limit "$(tool lldb)" --batch -p $pid -o 'thread backtrace all' -o detach >$out/frames 2>&1
  if grep -q 'not permitted' $out/frames; then skip 'attaching is not allowed'; fi
  expect_goroutine $out/frames && stop
}

check_perf() {
  need perf
  swift build -c release --product host >/release.log 2>&1
  host=.build/release/host
  start compute
  $limit "$(tool perf)" record -q -g -o $out/perf.data -p $pid -- sleep 1 >$out/record 2>&1 ||
    skip "perf record: $(head -n 1 $out/record); try sysctl -w kernel.perf_event_paranoid=1"
  "$(tool perf)" report -i $out/perf.data --no-children -g caller --stdio >$out/frames 2>&1
  expect_goroutine $out/frames && stop
}

check_strace() {
  need strace
  $limit strace -f -o $out/calls $host work >$out/output 2>&1
  if grep -q 'not permitted' $out/output; then skip 'ptrace is not allowed'; fi
  expect $out/output '^ok' && expect $out/calls epoll_ctl clone madvise 'SIGSEGV {'
}

memcheck() {
  GODEBUG=asyncpreemptoff=1,stackmin=1000000 $limit valgrind --leak-check=no $host "$1" \
    >$out/output 2>&1
}

check_valgrind() {
  need valgrind
  memcheck work
  expect $out/output '^ok' 'ERROR SUMMARY: 0 errors' || return 1
  memcheck overrun
  expect $out/output 'Invalid write of size 1' overrunHere gomain
}

# static NAME FLAGS...: builds the program like that, and runs it.
static() {
  name=$1
  shift
  swift build --product host --scratch-path $out/"$name" --static-swift-stdlib "$@" \
    >$out/"$name".log 2>&1 || { cat $out/"$name".log && return 1; }
  host=$out/$name/debug/host
  $host work >$out/output 2>&1
  expect $out/output '^ok' || return 1
  # Three Ps: two goroutines do not give way.
  export GOMAXPROCS=3
  start compute && sleep 0.3 && stop
  expect $out/stdout 'made to yield by signals: 0$'
}

check_static_stdlib() { static static; }
check_static_executable() { static executable -Xswiftc -static-executable; }

# Running them.

# report RESULT KEY TEXT
report() { printf '%-5s %-18s %s\n' "$1" "$2" "$3"; }

failed=0 passed=0 skipped=0

# Checks the line of key $1 by the function below.
check() {
  log=$out/$1.log
  status=0
  (
    set +e
    "check_$(echo "$1" | tr - _)"
  ) >"$log" 2>&1 || status=$?
  case $status in
    0) pass "$1" ;;
    77) report skip "$1" "$(sed -n 's/^skip: //p' "$log")" && skipped=$((skipped + 1)) ;;
    *) fail "$1" "$log" ;;
  esac
}

pass() {
  report ok "$1" "$(sentence "$1")"
  passed=$((passed + 1))
}

fail() {
  report FAIL "$1" "$(sentence "$1")"
  sed 's/^/      | /' "$2" | tail -n 40
  failed=$((failed + 1))
}

# Runs the tests of these keys, and reports each.
run_tests() {
  log=$out/tests.log
  pattern=$(echo "$*" | tr ' ' '|')
  STAGE=$number timeout -k 5 600 swift test --disable-xctest \
    --filter "^Stage$number"'Tests\.RuntimeTests/HostTests/.?('"$pattern"'): ' >$log 2>&1 || :
  for key; do
    if grep -q "Test \"$key: .* passed after" $log; then pass "$key"; else fail "$key" $log; fi
  done
}

mkdir -p $out
correspond
[ "${INSTALL:-}" != 1 ] || install
for key in "$@"; do
  line_keys | grep -qx -e "$key" ||
    die "there is no line $key in $notes; there are: $(line_keys | tr '\n' ' ')"
done
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(line_keys)

# DWARF 4: older valgrinds give up on what the toolchain's C compiler writes otherwise.
say 'building'
swift build --product host --scratch-path $out/plain -Xcc -gdwarf-4 >$out/build.log 2>&1 ||
  { cat $out/build.log && die 'the program does not build'; }
tested=
for key in "$@"; do
  if test_keys | grep -qx -e "$key"; then tested="$tested $key"; fi
done
# shellcheck disable=SC2086
[ -z "$tested" ] || run_tests $tested
for key in "$@"; do
  if function_keys | grep -qx -e "$key"; then check "$key"; fi
done
say "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
