#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Checks whether this machine can build and run everything, and says what to do
# where it cannot. Exit status 0: what is required is here; 1: it is not.
set -eu

missing=0

ok() { printf '  ok       %-22s %s\n' "$1" "$2"; }
no() { printf '  MISSING  %-22s %s\n' "$1" "$2" && missing=$((missing + 1)); }
info() { printf '           %-22s %s\n' "$1" "$2"; }

# Is version $1 (as in 6.18.3-rc1) at least $2 (as in 5.10)?
atleast() {
  echo "$1 $2" | awk '{
    split($1, a, /[^0-9]+/); split($2, b, ".")
    exit !(a[1] > b[1] || (a[1] == b[1] && a[2] + 0 >= b[2] + 0))
  }'
}

# Line 1 of what a command prints about itself, or nothing.
first() { "$@" 2>/dev/null | head -n 1 || true; }

echo 'Required:'

if command -v swift >/dev/null; then
  # "Swift version 6.2.1 (...)" or "Apple Swift version ...".
  v=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
  if [ -z "$v" ]; then
    no swift "does not run; try: swift --version"
  elif atleast "$v" 6.2; then
    ok swift "$v"
  else
    no swift "$v is too old; install Swift 6.2 or later (swift.org/install)"
  fi
  if swift format --version >/dev/null 2>&1; then
    ok 'swift format' "$(first swift format --version)"
  else
    no 'swift format' 'part of the toolchain since 6.0; install the whole toolchain'
  fi
  clang=$(dirname "$(readlink -f "$(command -v swift)")")/clang
  if [ -x "$clang" ]; then
    ok clang "$(first "$clang" --version | sed 's/ (.*//'), the toolchain's"
  elif command -v clang >/dev/null; then
    ok clang "$(first clang --version | sed 's/ (.*//')"
  else
    no clang 'part of the toolchain; install the whole toolchain'
  fi
else
  no swift 'install Swift 6.2 or later (swift.org/install) and put it into PATH'
fi

if command -v git >/dev/null; then
  ok git "$(first git --version | sed 's/git version //')"
else
  no git 'on Debian: apt-get install git'
fi
if command -v make >/dev/null; then
  ok make "$(first make --version | sed 's/^GNU Make //')"
else
  no make 'on Debian: apt-get install make'
fi

system=$(uname -s)
release=$(uname -r)
machine=$(uname -m)
if [ "$system" != Linux ]; then
  no Linux "this is $system; use a Linux machine, virtual or not"
elif atleast "$release" 5.10; then
  ok Linux "$release"
else
  no Linux "$release is older than 5.10; use a newer kernel"
fi
case $machine in
  x86_64) ok processor "$machine, $(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1) online" ;;
  aarch64) ok processor "$machine: the switcher is tested here, the rest hardly" ;;
  *) no processor "$machine; the switcher exists for x86_64 and aarch64 only" ;;
esac

echo
echo 'What the runtime finds here:'

if [ "$system" = Linux ]; then
  if atleast "$release" 6.13; then
    info 'MADV_GUARD_INSTALL' 'yes: a guard costs no mapping'
  else
    info 'MADV_GUARD_INSTALL' 'no (Linux 6.13): guards by mprotect, two mappings a stack'
  fi
  if atleast "$release" 5.11; then
    info 'epoll_pwait2' 'yes: waits in nanoseconds'
  else
    info 'epoll_pwait2' 'no (Linux 5.11): waits are rounded up to milliseconds'
  fi
  maps=$(cat /proc/sys/vm/max_map_count 2>/dev/null || echo 65530)
  if atleast "$release" 6.13; then
    info 'vm.max_map_count' "$maps; not a limit here"
  else
    info 'vm.max_map_count' "$maps: about $((maps / 2)) goroutines; raise it with sysctl -w"
  fi
  kb=$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)
  info memory "$((kb / 1024)) MB"
  if [ "$kb" -lt 4000000 ]; then
    info '' 'little for a release build; if it is killed: swift build -j 1 first'
  fi
  # shellcheck disable=SC3045
  limit=$(ulimit -v 2>/dev/null || echo unlimited)
  [ "$limit" = unlimited ] ||
    info 'ulimit -v' "$limit KB: stacks reserve address space; run: ulimit -v unlimited"
fi

echo
echo 'Optional:'

optional() { # COMMANDS WHAT-FOR PACKAGES
  for c in $1; do
    command -v "$c" >/dev/null && ok "$c" "$2" && return
  done
  printf '  absent   %-22s %s\n' "${1%% *}" "$2; on Debian: apt-get install $3"
}
optional gdb 'looks at goroutines, running or not: Notes/debuggers.md' gdb
# Linked with the Python of the system that the toolchain was built for.
lldb=$(dirname "${clang:-/}")/lldb
if [ -x "$lldb" ]; then
  if why=$("$lldb" --version 2>&1); then
    ok lldb 'looks at goroutines, too'
  else
    why=$(echo "$why" | sed -n 's/.*libraries: \([^:]*\):.*/\1/p')
    printf '  absent   %-22s %s\n' lldb "the toolchain's needs ${why:-Python}: install that Python"
  fi
fi
optional 'qemu-aarch64-static qemu-aarch64' 'make arm64 runs the arm64 switcher' qemu-user-static
optional aarch64-linux-gnu-gcc 'make arm64 builds the test it runs' \
  'gcc-aarch64-linux-gnu libc6-dev-arm64-cross'
optional spin 'checks the models of the wake-up protocol' spin
optional 'chromium chromium-browser google-chrome' 'make browser tries the pages of traces' chromium
optional lldb 'make host looks at goroutines with it' lldb
optional perf 'make host profiles goroutines' linux-perf
optional strace 'make host follows system calls' strace
optional valgrind 'make host looks for errors of memory' valgrind
optional go 'make bench-go compares with Go (it can fetch one itself)' golang

echo
if [ "$missing" -gt 0 ]; then
  echo "doctor: $missing required things are missing; see MISSING above"
  exit 1
fi
echo 'doctor: all that is required is here; next: make tour'
