#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The programs, built for a stage. What they need is in catalogue.swift, and a stage gets
# the files of those whose first stage is not later.
#
#   programs.sh build NN...                  builds them
#   programs.sh path NN                      where `build` has put them
#   programs.sh sources NN                   what they are made of
#   programs.sh run NN [PROGRAM [ARGUMENTS]] builds them and runs one, or lists them
#   programs.sh catalogue                    a line for each: its name, what it needs, and
#                                            the stage that introduces that
#
# The last stage's are the product `programs` of this package, those of the others are
# products of the one that ladder.sh makes: two targets of a package may not have files
# in common.
set -eu
cd "$(dirname "$0")/../.."

here=Sources/programs

say() { echo "programs: $*"; }
die() {
  say "$*" >&2
  exit 1
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

# The files of the programs that stage $1 can have.
sources() {
  later=$(catalogue | while read -r name _ first; do
    [ "${first%%-*}" -le "$1" ] || files "$name"
  done)
  for file in "$here"/*; do
    case $file in *.sh) continue ;; esac
    for program in $later; do
      case ${file##*/} in "$program"*) continue 2 ;; esac
    done
    echo "$file"
  done
}

path() {
  if [ "$1" = "$(last)" ]; then
    echo .build/release/programs
  else
    sh Sources/ladder/ladder.sh path "programs$1"
  fi
}

build() {
  names=
  for stage; do
    if [ "$stage" = "$(last)" ]; then
      swift build -c release --product programs
    else
      names="$names programs$stage"
    fi
  done
  # shellcheck disable=SC2086
  [ -z "$names" ] || sh Sources/ladder/ladder.sh build $names
}

run() {
  build "$1"
  program=$(path "$1")
  shift
  exec "$program" "$@"
}

case ${1:-} in
  catalogue) catalogue ;;
  build)
    shift
    [ $# -gt 0 ] || die 'build them for which stages?'
    build "$@"
    ;;
  path | sources) "$1" "${2:?which stage?}" ;;
  run) shift && run "$@" ;;
  *) die "usage: programs.sh build|path|sources|run NN ... or: programs.sh catalogue" ;;
esac
