#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds the workloads for every stage, and measures them.
#
#   benchstages.sh measure NN...   builds them for these stages, measures, draws
#   benchstages.sh test NN...      whether every workload runs where it should
#   benchstages.sh draw            draws again what was measured last
#
# In the environment, for `measure`: ROUNDS, WORKLOADS, QUICK, OUT; `benchstages --help`
# says what they are. A stage gets those files of workloads/ whose number is not higher than
# its own, in a target of its own of the package .build/benchstages, made of links.
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

program() { echo "$out/.build/release/workloads$1"; }

# The sources of stage $1, and what Package.swift says of them.
target() {
  stage=$(echo Stages/"$1"-*)
  [ -d "$stage" ] || die "there is no stage $1; \`ls Stages\` shows those there are"
  ln -s "$PWD/$stage/Asm" "$out/Sources/Stage$1Asm"
  ln -s "$PWD/$stage/Runtime" "$out/Sources/Stage$1"
  mkdir "$out/Sources/workloads$1"
  for file in "$here"/workloads/*.swift; do
    name=$(basename "$file")
    case $name in
      [0-9][0-9]-*) if later "${name%%-*}" "$1"; then continue; fi ;;
    esac
    ln -s "$PWD/$file" "$out/Sources/workloads$1/"
  done
  cat << END
    .target(name: "Stage$1Asm"),
    .target(name: "Stage$1", dependencies: ["Stage$1Asm", "CLinux"]),
    .executableTarget(
      name: "workloads$1",
      dependencies: ["Stage$1", "CLinux"],
      swiftSettings: [.unsafeFlags(["-module-alias", "Stage=Stage$1"])]
    ),
END
}

# All stages are in the package, whichever are built.
package() {
  rm -rf "$out/Sources"
  mkdir -p "$out/Sources"
  ln -s "$PWD/Sources/CLinux" "$out/Sources/CLinux"
  {
    cat << END
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "workloads",
  targets: [
    .target(name: "CLinux"),
END
    for folder in Stages/[0-9][0-9]-*; do
      number=${folder#Stages/}
      target "${number%%-*}"
    done
    printf '  ]\n)\n'
  } >"$out/Package.swift"
}

build() {
  package
  for stage; do
    say "building the workloads for stage $stage"
    swift build -c release --package-path "$out" --product "workloads$stage" \
      >"$out/build.log" 2>&1 || {
      tail -n 40 "$out/build.log" >&2
      die "stage $stage: the workloads do not build"
    }
  done
}

build_tool() {
  swift build -c release --product benchstages >"$out/build.log" 2>&1 || {
    tail -n 40 "$out/build.log" >&2
    die "the tool does not build"
  }
}

mkdir -p "$out"
command=${1:-}
[ $# = 0 ] || shift
case $command in
  measure)
    [ $# -gt 0 ] || die 'which stages? measure NN...'
    build_tool
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
  build) build "$@" ;;
  *) die 'usage: benchstages.sh measure NN... or: test NN... or: draw' ;;
esac
