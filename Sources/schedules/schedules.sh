#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds a stage whose threads run one at a time, and runs it under many schedules.
#   schedules.sh NN [ARGUMENT]...        see main.swift
#   schedules.sh NN mutants [SECONDS]    plants each mistake of mutants/NN in a copy of the
#                                        stage, and demands that it is found
#   schedules.sh NN fit                  whether each of them fits the stage
#
# What is run is made of what the stage has: of the files here that are named for a stage
# only those up to this one are compiled. A mistake that fits several stages stands in the
# folder of the first one, and is a link in others.
set -eu
cd "$(dirname "$0")/../.."

here=Sources/schedules
stage=$1
shift

# The stage that has several threads.
first=03-global-queue

die() {
  echo "schedules: $*" >&2
  exit 2
}

is_later() { expr "$1" '>' "$stage" >/dev/null; }

# Makes a package in $1: the stage's files and ours, as links.
package() {
  rm -rf "$1/Sources"
  mkdir -p "$1/Sources/Stage$stage" "$1/Sources/schedules"
  root=$(pwd)
  for target in Arguments CLinux; do
    ln -s "$root/Sources/$target" "$1/Sources/$target"
  done
  ln -s "$root/$here/Controlled" "$1/Sources/Controlled"
  ln -s "$root/$folder/Asm" "$1/Sources/Stage${stage}Asm"
  for file in "$root/$folder"/Runtime/*.swift "$root/$here/controlled.swift"; do
    ln -s "$file" "$1/Sources/Stage$stage/"
  done
  for file in "$root/$here"/*.swift; do
    name=$(basename "$file")
    case $name in
      controlled.swift) continue ;;
      [0-9][0-9]-*) if is_later "${name%%-*}"; then continue; fi ;;
    esac
    ln -s "$file" "$1/Sources/schedules/"
  done
  cat > "$1/Package.swift" << END
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "schedules",
  targets: [
    .target(name: "Arguments"),
    .target(name: "CLinux"),
    .target(
      name: "Controlled",
      cSettings: [.unsafeFlags(["-fno-omit-frame-pointer"])]
    ),
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

# Puts the stage's own files back into the package of mutants, but for those that the
# patch $1 changes: these are copies, with the change.
plant() {
  for file in "$folder"/Runtime/*.swift; do
    copy=$out/Sources/Stage$stage/$(basename "$file")
    [ -h "$copy" ] || cmp -s "$file" "$copy" && continue
    rm -f "$copy"
    cp "$file" "$copy"
  done
  for file in $(sed -n 's,^+++ b/,,p' "$1"); do
    copy=$out/Sources/Stage$stage/$file
    rm -f "$copy"
    cp "$folder/Runtime/$file" "$copy"
  done
  git apply --unsafe-paths --directory="$out/Sources/Stage$stage" "$1" ||
    die "$1 no longer fits the stage: make it anew"
}

# Whether each mistake can be planted, without building it.
fit() {
  out=.build/schedules/$stage-fit
  count=0
  mkdir -p "$out/Sources/Stage$stage"
  for mutant in "$here/mutants/$stage"/*.patch; do
    plant "$mutant"
    count=$((count + 1))
  done
  echo "schedules: stage $stage: $count mistakes fit"
}

folder=$(echo Stages/"$stage"-*)
[ -d "$folder" ] || die "there is no stage $stage; \`ls Stages\` shows those there are"
if is_later "${first%%-*}"; then
  die "needs stage $first or later (several threads); this is stage $stage"
fi

if [ "${1-}" = fit ]; then
  fit
  exit
fi
if [ "${1-}" != mutants ]; then
  out=.build/schedules/$stage
  package "$out"
  swift build -c release --package-path "$out" --product schedules >&2
  exec "$out/.build/release/schedules" "$@"
fi

# All in one package, one after the other, and not compiled for speed, so that only
# the files that differ are compiled again.
seconds=${2-60}
[ -d "$here/mutants/$stage" ] ||
  die "no mistakes for stage $stage; there are for" $(ls "$here/mutants")
out=.build/schedules/$stage-mutants
found=0
missed=0
package "$out"
for mutant in "$here/mutants/$stage"/*.patch; do
  plant "$mutant"
  swift build --package-path "$out" --product schedules > "$out/log" 2>&1 || {
    cat "$out/log" >&2
    exit 1
  }
  echo "stage $stage: $(head -1 "$mutant")"
  began=$(date +%s)
  if "$out/.build/debug/schedules" -t "$seconds" > "$out/log" 2>&1; then
    echo "  NOT FOUND in $seconds seconds"
    missed=$((missed + 1))
  elif grep -q ' fails without any switch' "$out/log"; then
    sed 's/^/  /' "$out/log"
    echo "  found in $(($(date +%s) - began)) s"
    found=$((found + 1))
  elif ! grep -q ' of them will do' "$out/log" || grep -q '^NOT REPEATED' "$out/log"; then
    sed 's/^/  | /' "$out/log"
    echo '  FOUND, but not repeated by its seed, or not shrunk'
    missed=$((missed + 1))
  else
    sed -n '/ fails/,/^and then/p' "$out/log" | sed '$d; s/^/  /'
    echo "  found, repeated and shrunk in $(($(date +%s) - began)) s"
    found=$((found + 1))
  fi
done
echo "schedules: stage $stage: $found mistakes found, $missed not"
[ "$missed" = 0 ]
