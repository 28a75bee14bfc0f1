#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds and runs the C test of the switcher of each stage NN.
#
#   switcher.sh native NN...     for this processor
#   switcher.sh thread NN...     the same with ThreadSanitizer
#   switcher.sh address NN...    the same with AddressSanitizer
#   switcher.sh arm64 NN...      assembles the arm64 switcher with the toolchain's
#                                clang; builds and runs its test where a gcc for
#                                arm64 and qemu are. INSTALL=1 installs them.
#   switcher.sh install          installs these two, unless they are here
set -eu
cd "$(dirname "$0")/../.."

gcc=aarch64-linux-gnu-gcc
packages='qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross'

say() { echo "switcher: $*"; }
die() {
  say "$*" >&2
  exit 1
}

# The clang that came with swift, or any other.
find_clang() {
  swift=$(command -v swift) || die "there is no swift in PATH; run \`make doctor\`"
  clang=$(dirname "$(readlink -f "$swift")")/clang
  [ -x "$clang" ] || clang=$(command -v clang) ||
    die "there is no clang beside $swift and none in PATH; install the whole Swift toolchain"
}

# Sets stage to the folder name of stage $1, and its sources.
find_stage() {
  stage=
  for folder in "Stages/$1"-*; do
    [ -d "$folder" ] && stage=${folder#Stages/}
  done
  [ -n "$stage" ] || die "there is no stage $1; \`ls Stages\` shows those there are"
  asm=Stages/$stage/Asm
  test=Tests/$stage/switcher
}

# build COMPILER OUTPUT FLAGS...
build() {
  compiler=$1 output=$2
  shift 2
  "$compiler" -O2 -g -Wall -Wextra -fno-omit-frame-pointer -fno-optimize-sibling-calls \
    -funwind-tables -ffunction-sections -I "$asm/include" -I Sources/CLinux/include "$@" \
    "$test"/*.c "$test"/*.S "$asm"/*.S "$asm"/*.c Sources/CLinux/linux.c \
    -Wl,--gc-sections -pthread -o "$output"
}

native() {
  find_clang
  out=.build/switcher
  mkdir -p "$out"
  for n; do
    find_stage "$n"
    [ -d "$test" ] || continue
    say "stage $n, $(uname -m)${flags:+, $flags}"
    # shellcheck disable=SC2086
    build "$clang" "$out/$n" ${flags:-}
    "$out/$n" || die "failed; run one check alone, as under a debugger: $out/$n NAME"
  done
}

# ThreadSanitizer's runtime, as the toolchain has it, needs libdispatch.
thread() {
  find_clang
  libraries=$(dirname "$clang")/../lib/swift/linux
  flags="-fsanitize=thread -L$libraries -ldispatch -lBlocksRuntime -Wl,-rpath,$libraries"
  native "$@"
}

address() {
  flags=-fsanitize=address
  native "$@"
}

# Undefined behaviour in C ends the program where it is.
undefined() {
  flags='-fsanitize=undefined -fsanitize-trap=undefined'
  native "$@"
}

# Whether the arm64 test can be built and run; sets qemu.
runnable() {
  qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64) &&
    command -v $gcc >/dev/null
}

install() {
  runnable && return
  mkdir -p .build/switcher
  [ "$(id -u)" = 0 ] || die "INSTALL=1 needs root; or run: sudo apt-get install $packages"
  command -v apt-get >/dev/null || die "INSTALL=1 needs apt-get; install by hand: $packages"
  say "installing $packages"
  # shellcheck disable=SC2086
  { apt-get update && DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends $packages; } >.build/switcher/install.log 2>&1 ||
    die "apt-get failed; see .build/switcher/install.log"
}

arm64() {
  find_clang
  out=.build/switcher/arm64
  mkdir -p "$out"
  for n; do
    find_stage "$n"
    for target in aarch64-linux-gnu arm64-apple-macos; do
      for source in "$asm"/*.S; do
        "$clang" --target=$target -I "$asm/include" -c "$source" \
          -o "$out/$n-$target-$(basename "$source" .S).o"
      done
      say "stage $n assembles for $target"
    done
  done

  [ "${INSTALL:-}" != 1 ] || install
  if ! runnable; then
    say "assembled, not run: there is no qemu-aarch64 or no $gcc"
    say "on Debian: apt-get install $packages, or make arm64 INSTALL=1 as root"
    return 0
  fi

  # One instruction at a time, so that a signal can arrive at any of them.
  export QEMU_SINGLESTEP=1 QEMU_ONE_INSN_PER_TB=1
  for n; do
    find_stage "$n"
    [ -d "$test" ] || continue
    say "stage $n, arm64 under $qemu"
    build $gcc "$out/$n" -static -D_Nonnull= -D_Nullable=
    "$qemu" "$out/$n" || die "failed; run one check alone: $qemu $out/$n NAME"
  done
}

case ${1:-} in
  native | thread | address | undefined | arm64 | install) "$@" ;;
  *) die "usage: switcher.sh native|thread|address|undefined|arm64 NN... or: switcher.sh install" ;;
esac
