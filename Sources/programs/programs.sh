#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The programs, built for a stage. What they need is in catalogue.swift, and a stage gets
# the files of those whose first stage is not later.
#
#   programs.sh build NN                     builds them
#   programs.sh path NN                      where `build` has put them
#   programs.sh run NN [PROGRAM [ARGUMENTS]] builds them and runs one, or lists them
#   programs.sh catalogue                    a line for each: its name, what it needs, and
#                                            the stage that introduces that
#
# The last stage's are the product `programs` of this package. Any other stage has a
# package of its own in .build/programs/NN, made of links: two targets of a package may
# not have files in common.
set -eu
cd "$(dirname "$0")/../.."

here=Sources/programs

say() { echo "programs: $*"; }
die() {
  say "$*" >&2
  exit 1
}

# The folder of stage $1.
folder() {
  set -- Stages/"$1"-*
  [ -d "$1" ] || die "there is no such stage; \`ls Stages\` shows those there are"
  echo "$1"
}

last() {
  set -- Stages/[0-9][0-9]-*
  shift $(($# - 1))
  basename "$1" | cut -c 1-2
}

catalogue() {
  sed -n -e 's/^    static let name = "\(.*\)"$/\1/p' \
    -e 's/^    static let needs = Need("\(.*\)", from: "\(.*\)")$/\1 \2/p' \
    $here/catalogue.swift | paste -d ' ' - -
}

# The name of a program's files begins so: four-prints becomes fourPrints.
files() {
  echo "$1" | awk -F - '{
    for (i = 2; i <= NF; i++) $1 = $1 toupper(substr($i, 1, 1)) substr($i, 2)
    print $1
  }'
}

# Makes the package of stage $1 in $2.
package() {
  stage=$(folder "$1")
  sources=$2/Sources
  rm -rf "$sources"
  mkdir -p "$sources/programs"
  for target in Arguments CLinux; do
    ln -s "$PWD/Sources/$target" "$sources/$target"
  done
  ln -s "$PWD/$stage/Asm" "$sources/Stage$1Asm"
  ln -s "$PWD/$stage/Runtime" "$sources/Stage$1"
  for file in "$PWD/$here"/*; do
    case $file in
      *.sh) ;;
      *) ln -s "$file" "$sources/programs/" ;;
    esac
  done
  catalogue | while read -r name _ first; do
    if expr "${first%%-*}" '>' "$1" >/dev/null; then
      rm -f "$sources/programs/$(files "$name")"*
    fi
  done
  cat > "$2/Package.swift" << END
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "programs",
  targets: [
    .target(name: "Arguments"),
    .target(name: "CLinux"),
    .target(name: "Stage$1Asm"),
    .target(name: "Stage$1", dependencies: ["Stage$1Asm", "CLinux"]),
    .executableTarget(
      name: "programs",
      dependencies: ["Stage$1", "CLinux", "Arguments"],
      swiftSettings: [.unsafeFlags(["-module-alias", "Stage=Stage$1"])]
    ),
  ]
)
END
}

path() {
  if [ "$1" = "$(last)" ]; then
    echo .build/release/programs
  else
    echo ".build/programs/$1/.build/release/programs"
  fi
}

build() {
  if [ "$1" = "$(last)" ]; then
    swift build -c release --product programs
  else
    package "$1" ".build/programs/$1"
    swift build -c release --package-path ".build/programs/$1" --product programs
  fi
}

run() {
  build "$1"
  program=$(path "$1")
  shift
  exec "$program" "$@"
}

case ${1:-} in
  catalogue) catalogue ;;
  build | path) "$1" "${2:?which stage?}" ;;
  run) shift && run "$@" ;;
  *) die "usage: programs.sh build|path|run NN ... or: programs.sh catalogue" ;;
esac
