#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Shows how Swift code can have the check of the stack guard at which a goroutine yields.
#   prologue.sh NN WAY    on stage NN, way 1, 2 or 3 (prologue.swift says what they are)
#   prologue.sh NN test   all of them; demands what should be seen
#
# Signals do not preempt here (GODEBUG=asyncpreemptoff=1), so only a check can. The checks
# are disassembled by the tool of `make disasm`; INSTALL=1 is for that.
set -eu
cd "$(dirname "$0")/../.."

here=Sources/prologue

say() { echo "prologue: $*"; }
die() {
  say "$*" >&2
  exit 2
}

# A tool that came with swift, or any other.
tool() {
  swift=$(command -v swift) || die "there is no swift in PATH; run \`make doctor\`"
  path=$(dirname "$(readlink -f "$swift")")/$1
  if [ -x "$path" ]; then echo "$path"; else command -v "$1"; fi
}

# Makes the package: two targets of loop.swift, which differ in how they are compiled, and
# one of what becomes of splitStack.swift.
package() {
  root=$(pwd)
  sources=$out/Sources
  mkdir -p "$sources/prologue" "$sources/Plain" "$sources/Covered" "$sources/Morestack"
  ln -sfn "$root/Sources/CLinux" "$sources/CLinux"
  ln -sfn "$root/$folder/Asm" "$sources/Stage${stage}Asm"
  ln -sfn "$root/$folder/Runtime" "$sources/Stage$stage"
  ln -sf "$root/$here/prologue.swift" "$sources/prologue/"
  ln -sf "$root/$here/loop.swift" "$sources/Plain/"
  ln -sf "$root/$here/loop.swift" "$sources/Covered/"
  for file in "$root/$here"/Morestack/*; do ln -sfn "$file" "$sources/Morestack/"; done
  cat > "$out/Package.swift" << END
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "prologue",
  targets: [
    .target(name: "CLinux"),
    .target(name: "Stage${stage}Asm"),
    .target(name: "Stage$stage", dependencies: ["Stage${stage}Asm", "CLinux"]),
    .target(name: "Plain", swiftSettings: [.unsafeFlags(["-Osize"])]),
    .target(
      name: "Covered",
      swiftSettings: [
        .unsafeFlags([
            "-Osize", "-sanitize=fuzzer", "-sanitize-coverage=edge,trace-pc-guard",
          ])
      ]
    ),
    .target(name: "Morestack"),
    .executableTarget(
      name: "prologue",
      dependencies: ["Stage$stage", "Plain", "Covered", "Morestack"],
      swiftSettings: [.unsafeFlags(["-module-alias", "Stage=Stage$stage", "-I", "$root/$out/Modules"])]
    ),
  ]
)
END
}

# splitStack.swift as assembly, by way of LLVM's own language: there every function gets
# the attribute that swiftc has no option for.
split_stack() {
  mkdir -p "$out/Modules"
  swiftc -Osize -g -parse-as-library -module-name SplitStack $here/splitStack.swift \
    -emit-ir -o "$out/plain.ll" -emit-module-path "$out/Modules/SplitStack.swiftmodule"
  sed 's/^attributes #[0-9]* = {/& "split-stack"/' "$out/plain.ll" > "$out/split.ll"
  "$(tool clang)" -Oz -S -fno-verbose-asm "$out/split.ll" -o "$out/noted.s"
  # The note asks the linker to make room for callees without a check. No stack is grown
  # here, and some linkers cannot.
  sed "/note.GNU-.*split-stack/d" "$out/noted.s" > "$out/split.s"
  cmp -s "$out/split.s" "$out/Sources/Morestack/splitStack.S" ||
    cp "$out/split.s" "$out/Sources/Morestack/splitStack.S"
}

build() {
  mkdir -p "$out/Sources/Morestack"
  package
  split_stack
  swift build -c release --package-path "$out" --product prologue >"$out/log" 2>&1 || {
    cat "$out/log" >&2
    exit 1
  }
}

stage=$1
way=${2:-}
folder=$(echo Stages/"$stage"-*)
out=.build/prologue/$stage
program=$out/.build/release/prologue
case $way in
  1 | 2 | 3 | test) ;;
  *) die 'which way? make prologue WAY=1, 2 or 3' ;;
esac
grep -q 'func checkpoint()' "$folder"/Runtime/api.swift ||
  die "stage $stage has no checks: N=11 or later, 11-preemption introduces them"
[ "$(uname -m)" = x86_64 ] ||
  die 'the prologues are those of x86-64: the compiler has no split stacks elsewhere'
# Where there are signals that preempt.
if grep -q asyncpreemptoff "$folder"/Runtime/*.swift; then export GODEBUG=asyncpreemptoff=1; fi

# What way $1 is.
describe() {
  case $1 in
    1) echo 'checkpoint(), written by hand.' ;;
    2) cat << END ;;
safe points that the compiler puts in. Told to trace edges
(-sanitize-coverage=edge,trace-pc-guard), it calls a function at every entry and on every
way round a loop. Here that function is: { checkpoint() }.
END
    3) cat << END ;;
the prologue that a Go function has. With LLVM's attribute "split-stack" a
function that has a frame first compares the stack pointer with the thread's guard, at
%fs:0x70, and calls __morestack if that is above. A leaf without a frame has no check.
The runtime's own guard is a field of G: for the thread's a thread of this program does what
sysmon does, again and again, and __morestack leaves it to checkpoint() whether to yield.
END
  esac
}

explain() {
  cat << END
A goroutine that has run for 10 ms is asked to yield, and yields at its next check, if it
has one. Here are two loops on the only P, without preemption by signals. Each is asked
five times while another goroutine waits for its turn. If a loop has a check, the other
goroutine runs while it does, else only at the check behind it.

END
  printf 'Stage %s, way %s: ' "$stage" "$1"
  describe "$1"
  echo
}


listing() { sh Sources/disasm/disasm.sh symbols "$program" "$@"; }

# The functions of which way $1 is made.
functions() {
  case $1 in
    1) echo "\$s7Stage${stage}10checkpointyyF" ;;
    2) echo "\$s7Covered4loopyS2iF" ;;
    3) echo "\$s10SplitStack4stepyS2i_SitF \$s10SplitStack4leafyS2iF" ;;
  esac
}

show() {
  explain "$1"
  "$program" "$1" || return 1
  echo
  echo 'As compiled:'
  echo
  # shellcheck disable=SC2046
  listing $(functions "$1")
}

# expect FILE PATTERN COUNT: at least so many lines; 0: none.
expect() {
  found=$(grep -c -e "$2" "$1" || :)
  if [ "$found" -lt "$3" ] || { [ "$3" = 0 ] && [ "$found" != 0 ]; }; then
    say "$found lines of $1 have '$2'" >&2
    exit 1
  fi
}

# What stands in the listings; what is counted the program itself looks at.
try() {
  for way in 1 2 3; do
    show "$way" >"$out/$way.shown" || {
      cat "$out/$way.shown" >&2
      exit 1
    }
  done
  expect "$out/1.shown" '<- the check: is .*stackPreempt' 1
  expect "$out/2.shown" '<- a safe point' 2
  expect "$out/3.shown" '<- the check: is the stack pointer above' 1
  sed '1,/^leaf(_:)/d' "$out/3.shown" >"$out/leaf"
  expect "$out/leaf" 'cmp.*%fs\|call' 0
  say "stage $stage: three ways to a check, three preempted loops, and three without"
}

say "building, on stage $stage" >&2
build
if [ "$way" = test ]; then try; else show "$way"; fi
