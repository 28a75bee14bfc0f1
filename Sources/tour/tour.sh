#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The tour: the words of a directory, counted on every stage that has channels, with a
# table, and a page of what the schedulers did.
#   tour.sh DIR [ARGUMENT]...     arguments are for the last stage's report
#
# All stages are built in one package in .build/tour/package, made of links: two targets of
# a package may not have files in common. A stage gets the files that are named for it or
# for an earlier one.
set -eu
cd "$(dirname "$0")/../.."

here=Sources/tour
out=.build/tour
package=$out/package
root=$(pwd)
dir=$1
shift

# The stage that has channels.
first=02

stages=
for folder in Stages/[0-9][0-9]-*; do
  last=$(basename "$folder" | cut -c 1-2)
  if expr "$last" '>=' $first >/dev/null; then stages="${stages:+$stages }$last"; fi
done

rm -rf "$package/Sources"
mkdir -p "$package/Sources"
for target in Arguments CLinux; do
  ln -s "$root/Sources/$target" "$package/Sources/$target"
done
{
  cat << END
// swift-tools-version: 6.2
import PackageDescription

let stages = "$stages".split(separator: " ").map(String.init)

let package = Package(
  name: "tour",
  targets: [.target(name: "Arguments"), .target(name: "CLinux")]
    + stages.flatMap { n -> [Target] in
      [
        .target(name: "Stage\(n)Asm"),
        .target(
          name: "Stage\(n)",
          dependencies: [.target(name: "Stage\(n)Asm"), .target(name: "CLinux")]
        ),
        .executableTarget(
          name: "tour\(n)",
          dependencies: [.target(name: "Stage\(n)"), .target(name: "Arguments")],
          swiftSettings: [.unsafeFlags(["-module-alias", "Stage=Stage\(n)"])]
        ),
      ]
    }
)
END
} > "$package/Package.swift"
for number in $stages; do
  folder=$(echo Stages/"$number"-*)
  ln -s "$root/$folder/Asm" "$package/Sources/Stage${number}Asm"
  ln -s "$root/$folder/Runtime" "$package/Sources/Stage$number"
  mkdir "$package/Sources/tour$number"
  for file in "$here"/*.swift; do
    name=$(basename "$file")
    case $name in
      [0-9][0-9]-*) if expr "${name%%-*}" '>' "$number" >/dev/null; then continue; fi ;;
    esac
    ln -s "$root/$file" "$package/Sources/tour$number/"
  done
done

echo "tour: building stages $stages"
swift build -c release --package-path "$package"
rm -f "$out"/*.html "$out"/*.trace "$out"/*.tsv
# Stages 03 and 04 run one goroutine at a time unless they are told otherwise.
GOMAXPROCS=${GOMAXPROCS:-$(getconf _NPROCESSORS_ONLN)}
export GOMAXPROCS
for number in $stages; do
  program=$package/.build/release/tour$number
  if [ "$number" = "$last" ]; then
    "$program" --record "$out/$number" "$@" "$dir"
  else
    "$program" --brief --record "$out/$number" "$dir"
  fi
done
# The columns of the file beside each trace.
echo
{
  printf 'stage\tplain, ms\tgoroutines, ms\tthreads\tgoroutines\tswitches\tsteals\thand-offs\tpreemptions\n'
  for number in $stages; do
    folder=$(echo Stages/"$number"-*)
    printf '%s\t' "$(basename "$folder")"
    cat "$out/$number.tsv"
  done
} | awk -F '\t' '{
  printf "%-17s", $1
  for (i = 2; i <= NF; i++) printf " %*s", (i == 3 ? 14 : i == 4 || i == 7 ? 7 : 11), $i
  print ""
}'
