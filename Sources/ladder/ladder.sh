#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What is built on several stages: a package in .build/ladder, made of links, in which each
# stage is a module of its own, and is compiled once, whatever is built on it.
#
#   ladder.sh build NAME...    builds these: programs05, stress05, tour05, workloads05
#   ladder.sh path NAME        where `build` has put it
#   ladder.sh names [KIND]     all there are
#
# From the environment: CONFIG=debug. A stage gets those files of a kind that are named for
# it, for an earlier one, or for none; of the programs, programs.sh says which.
set -eu
cd "$(dirname "$0")/../.."

out=.build/ladder
config=${CONFIG:-release}
kinds='programs stress tour workloads'

die() {
  echo "ladder: $*" >&2
  exit 2
}

# The first stage that a kind is for: run(procs:) is new in 03, channels in 02.
first() {
  case $1 in
    stress) echo 03 ;;
    tour) echo 02 ;;
    *) echo 01 ;;
  esac
}

folder() {
  case $1 in
    workloads) echo Sources/benchstages/workloads ;;
    *) echo "Sources/$1" ;;
  esac
}

names() {
  for kind in ${1:-$kinds}; do
    for stage in Stages/[0-9][0-9]-*; do
      number=${stage#Stages/}
      number=${number%%-*}
      [ "$number" -lt "$(first "$kind")" ] || echo "$kind$number"
    done
  done
}

# The sources of $1 on stage $2.
sources() {
  if [ "$1" = programs ]; then
    sh Sources/programs/programs.sh sources "$2"
    return
  fi
  for file in "$(folder "$1")"/*.swift; do
    name=${file##*/}
    case $name in
      [0-9][0-9]-*) [ "${name%%-*}" -le "$2" ] || continue ;;
    esac
    echo "$file"
  done
}

# Makes the links of $1, and of the stage it is built on.
link() {
  kind=${1%[0-9][0-9]}
  number=${1#"$kind"}
  stage=$(echo Stages/"$number"-*)
  [ -d "$stage" ] || die "there is no stage $number; \`ls Stages\` shows those there are"
  case " $kinds " in *" $kind "*) ;; *) die "there is no $kind; there are: $kinds" ;; esac
  [ "$number" -ge "$(first "$kind")" ] || die "$kind is for stage $(first "$kind") and later"
  ln -sfn "../../../$stage/Asm" "$out/Sources/Stage${number}Asm"
  ln -sfn "../../../$stage/Runtime" "$out/Sources/Stage$number"
  rm -rf "${out:?}/Sources/$1"
  mkdir "$out/Sources/$1"
  sources "$kind" "$number" |
    while read -r file; do ln -s "../../../../$file" "$out/Sources/$1/"; done
}

package() {
  mkdir -p "$out/Sources"
  for target in Arguments CLinux; do
    ln -sfn "../../../Sources/$target" "$out/Sources/$target"
  done
  for name; do link "$name"; done
  # Whoever builds something else meanwhile finds the old one, which is the same, or this.
  cat >"$out/Package.swift.$$" <<'END'
// swift-tools-version: 6.2
import PackageDescription

let names = (Context.environment["LADDER"] ?? "").split(separator: " ")

let package = Package(
  name: "ladder",
  targets: [.target(name: "Arguments"), .target(name: "CLinux")]
    + Set(names.map { $0.suffix(2) }).sorted().flatMap { n -> [Target] in
      [
        .target(name: "Stage\(n)Asm"),
        .target(
          name: "Stage\(n)",
          dependencies: [.target(name: "Stage\(n)Asm"), .target(name: "CLinux")]
        ),
      ]
    }
    + names.map { name in
      let stage = "Stage\(name.suffix(2))"
      return .executableTarget(
        name: String(name),
        dependencies: [
          .target(name: stage), .target(name: "Arguments"), .target(name: "CLinux"),
        ],
        swiftSettings: [.unsafeFlags(["-module-alias", "Stage=\(stage)"])]
      )
    }
)
END
  if cmp -s "$out/Package.swift.$$" "$out/Package.swift"; then
    rm "$out/Package.swift.$$"
  else
    mv "$out/Package.swift.$$" "$out/Package.swift"
  fi
}

command=${1:-}
[ $# = 0 ] || shift
case $command in
  build)
    [ $# -gt 0 ] || die 'build what? `ladder.sh names` lists them'
    mkdir -p "$out"
    # One at a time, until the build has ended: links are made anew.
    exec 9>"$out/lock"
    flock 9
    package "$@"
    LADDER="$*" exec swift build -c "$config" --package-path "$out"
    ;;
  path) echo "$out/.build/$config/${1:?which?}" ;;
  names) names "$@" ;;
  *) die 'usage: ladder.sh build NAME... | path NAME | names [KIND]' ;;
esac
