#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What the compiler and the assembler made of a stage: the switcher, and the check of the
# stack guard with which a call into the runtime ends.
#
#   disasm.sh NN                       of stage NN
#   disasm.sh symbols FILE SYMBOL...   of these functions in a program
#   disasm.sh test NN...               whether the listings of these stages are whole
#
# From the environment: INSTALL=1 installs binutils where there is no objdump (as root, on
# Debian).
set -eu
cd "$(dirname "$0")/../.."

here=Sources/disasm
out=.build/disasm
case $(uname -m) in
  x86_64) processor=amd64 ;;
  *) processor=arm64 ;;
esac

say() { echo "disasm: $*"; }
die() {
  say "$*" >&2
  exit 1
}

# Those there are: the one that came with swift, or LLVM's in PATH, and that of the binutils.
objdumps() {
  swift=$(command -v swift) || die "there is no swift in PATH; run \`make doctor\`"
  llvm=$(dirname "$(readlink -f "$swift")")/llvm-objdump
  if [ -x "$llvm" ]; then echo "$llvm"; else command -v llvm-objdump || :; fi
  command -v objdump || :
}

# Sets objdump to the first of them.
find_objdump() {
  [ -z "${objdump:-}" ] || return 0
  objdump=$(objdumps | head -n 1)
  [ -z "$objdump" ] || return 0
  [ "${INSTALL:-}" = 1 ] ||
    die 'there is no llvm-objdump beside swift and no objdump in PATH; INSTALL=1 installs binutils'
  [ "$(id -u)" = 0 ] || die 'INSTALL=1 needs root; or run: sudo apt-get install binutils'
  command -v apt-get >/dev/null || die 'INSTALL=1 needs apt-get; install binutils by hand'
  say 'installing binutils'
  { apt-get update && apt-get install -y --no-install-recommends binutils; } \
    >$out/install.log 2>&1 || die "apt-get failed; see $out/install.log"
  objdump=$(command -v objdump) || die 'there is still no objdump'
}

# raw FILE SYMBOL...: as objdump prints them. By their sizes: what follows a function may
# have no symbol.
raw() {
  program=$1
  shift
  "$objdump" -t "$program" >$out/symbols
  for symbol; do
    # shellcheck disable=SC2046
    set -- $(awk -v symbol="$symbol" '$NF == symbol {
      print $1, $(NF - 1) ~ /^\./ ? $(NF - 2) : $(NF - 1)
    }' $out/symbols)
    [ $# = 2 ] || die "there is no $symbol in $program"
    "$objdump" -d -l --no-show-raw-insn --start-address="0x$1" \
      --stop-address="$((0x$1 + 0x$2))" "$program"
  done
}


symbols() {
  mkdir -p $out
  find_objdump
  raw "$@" | swift demangle --simplified | awk -f $here/listing.awk
}

# The functions of the switcher of stage $1, in the order of its files.
switcher() {
  sed -n "s/.*\.globl *SYMBOL(\(.*\))/stage$1_\1/p" "$folder"/Asm/*_$processor.S
}

has_check() { grep -q 'func checkpoint()' "$folder"/Runtime/api.swift; }

# The public function with nothing in it but the check.
check_symbol() { echo "\$s7Stage${1}10checkpointyyF"; }

# Builds the programs of these stages.
build() {
  mkdir -p $out
  sh Sources/programs/programs.sh build "$@" >$out/build.log 2>&1 ||
    { tail -n 40 $out/build.log >&2 && die 'the programs do not build'; }
}

# Sets program and folder of stage $1.
find_stage() {
  folder=$(echo Stages/"$1"-*)
  program=$(sh Sources/programs/programs.sh path "$1")
}

show() {
  find_objdump
  build "$1"
  find_stage "$1"
  echo "The switcher of stage $1 as it is in the program: address, instruction, and what"
  echo "$folder/Asm says of it."
  echo
  # shellcheck disable=SC2046
  symbols "$program" $(switcher "$1")
  echo
  if ! has_check; then
    echo "No call into the runtime ends with a check of the stack guard: 11-preemption"
    echo "introduces it."
    return
  fi
  echo 'The check of the stack guard, with which every call into the runtime ends'
  echo '(exitRuntime). Here is a call that does nothing else:'
  echo
  symbols "$program" "$(check_symbol "$1")"
}

# The comments of the switcher's files, but for those at the top.
comments() {
  for file in "$folder"/Asm/*_"$processor".S; do
    sed -n -e '1,/^ *\.text/d' -e '/\.section/d' -e 's/[ \t][ \t]*/ /g' -e 's,.*// *,// ,p' "$file"
  done
}

# expect COUNT PATTERN
: so many lines of the listing match.
expect() {
  found=$(grep -c -e "$2" "$listing" || :)
  [ "$found" = "$1" ] ||
    die "stage $stage, $objdump: '$2' is in $found lines of $listing, and should be in $1"
}

instructions() { grep -c '^ *[0-9a-f][0-9a-f]*[: ] ' "$1"; }

# The listing of stage $1 by $objdump.
test_stage() {
  stage=$1
  listing=$out/$stage.listing
  # shellcheck disable=SC2046
  set -- $(switcher "$stage")
  raw "$program" "$@" | tr '\t' ' ' >"$listing.raw"
  symbols "$program" "$@" >"$listing"
  for symbol; do expect 1 "^$symbol\$"; done
  [ "$(instructions "$listing")" = "$(instructions "$listing.raw")" ] ||
    die "stage $stage, $objdump: $listing has not as many instructions as $listing.raw"
  # Every comment of the source but those at the top of a file and those beside what is no
  # instruction.
  comments >"$listing.comments"
  tr -s " " <"$listing" >"$listing.squeezed"
  while read -r comment; do
    grep -q -F -e "$comment" "$listing.squeezed" ||
      die "stage $stage, $objdump: $listing lacks '$comment'"
  done <"$listing.comments"
  grep -q "the stack changes:" "$listing" || die "stage $stage: no stack changes in $listing"
  has_check || return 0
  symbols "$program" "$(check_symbol "$stage")" >"$listing"
  expect 1 '^checkpoint()$'
  expect 1 'stackguard0.load.*stackPreempt'
  expect 1 '^ .*<- .*stackguard0'
  expect 1 '<- the check: '
  expect 1 'newstack.*<- yes: newstack'
}

case ${1:-} in
  [0-9][0-9]) show "$1" ;;
  symbols) shift && symbols "$@" ;;
  test)
    shift
    find_objdump
    build "$@"
    for n; do
      find_stage "$n"
      for objdump in $(objdumps); do test_stage "$n"; done
      if has_check; then check=", and the check is found"; else check=; fi
      say "stage $n: the switcher is listed whole$check"
    done
    ;;
  *) die 'usage: disasm.sh NN | symbols FILE SYMBOL... | test NN...' ;;
esac
