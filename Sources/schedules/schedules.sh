#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds a stage whose threads run one at a time, and runs it under many schedules.
#   schedules.sh STAGE [ARGUMENT]...      see main.swift
#   schedules.sh STAGE mutants [SECONDS]  plants each mistake in a copy of the stage,
#                                         and demands that it is found
set -eu

stage=$1
shift
folder=$(echo Stages/"$stage"-*)
here=Sources/schedules

# Makes a package in $1: the stage's files and ours, as links.
package() {
  mkdir -p "$1/Sources/Stage$stage" "$1/Sources/schedules"
  root=$(pwd)
  for target in Arguments CLinux; do
    ln -sfn "$root/Sources/$target" "$1/Sources/$target"
  done
  ln -sfn "$root/$here/Controlled" "$1/Sources/Controlled"
  ln -sfn "$root/$folder/Asm" "$1/Sources/Stage${stage}Asm"
  for file in "$root/$folder"/Runtime/*.swift "$root/$here/controlled.swift"; do
    ln -sf "$file" "$1/Sources/Stage$stage/"
  done
  for file in main arguments scenarios; do
    ln -sf "$root/$here/$file.swift" "$1/Sources/schedules/"
  done
  cat > "$1/Package.swift" << END
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "schedules",
  targets: [
    .target(name: "Arguments"),
    .target(name: "CLinux"),
    .target(name: "Controlled"),
    .target(name: "Stage${stage}Asm"),
    .target(name: "Stage$stage", dependencies: ["Stage${stage}Asm", "CLinux", "Controlled"]),
    .executableTarget(
      name: "schedules",
      dependencies: ["Stage$stage", "Arguments", "CLinux", "Controlled"],
      swiftSettings: [.unsafeFlags(["-module-alias", "Stage=Stage$stage"])]
    ),
  ]
)
END
}

build() {
  swift build -c release --package-path "$1" --product schedules
}

out=.build/schedules/$stage
package "$out"
if [ "${1-}" != mutants ]; then
  build "$out" >&2
  exec "$out/.build/release/schedules" "$@"
fi

# Each mistake in a copy of the stage, in one package, so that only what differs is
# compiled again.
seconds=${2-60}
out=$out-mutants
found=0
missed=0
package "$out"
for mutant in "$here"/mutants/*.patch; do
  for file in "$folder"/Runtime/*.swift; do
    copy=$out/Sources/Stage$stage/$(basename "$file")
    [ -h "$copy" ] || cmp -s "$file" "$copy" && continue
    rm -f "$copy"
    cp "$file" "$copy"
  done
  for file in $(sed -n 's,^+++ b/,,p' "$mutant"); do
    copy=$out/Sources/Stage$stage/$file
    rm -f "$copy"
    cp "$folder/Runtime/$file" "$copy"
  done
  if ! git apply --unsafe-paths --directory="$out/Sources/Stage$stage" "$mutant"; then
    echo "schedules: $mutant no longer fits the stage: make it anew" >&2
    exit 1
  fi
  build "$out" > "$out/log" 2>&1 || {
    cat "$out/log" >&2
    exit 1
  }
  head -1 "$mutant"
  if "$out/.build/release/schedules" -t "$seconds" > "$out/log" 2>&1; then
    echo "  NOT FOUND in $seconds seconds"
    missed=$((missed + 1))
  else
    sed -n '/ fails/,/^and then/p' "$out/log" | sed '$d; s/^/  /'
    found=$((found + 1))
  fi
done
echo "schedules: $found mistakes found, $missed not"
[ "$missed" = 0 ]
