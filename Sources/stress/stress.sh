#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds the random programs for a stage, and runs them.
#   stress.sh NN debug|release [ARGUMENT]...
#
# They are made of what the stage has: of the files here that are named for a stage only
# those up to this one are compiled. For the last stage they are the product `stress` of
# this package; any other has a package of its own in .build/stress/NN, made of links.
set -eu
cd "$(dirname "$0")/../.."

here=Sources/stress
stage=$1
config=$2
shift 2

# The stage that has several Ps to run on.
first=03-global-queue

die() {
  echo "stress: $*" >&2
  exit 2
}

is_later() { expr "$1" '>' "$stage" >/dev/null; }

package() {
  root=$(pwd)
  rm -rf "$out/Sources"
  mkdir -p "$out/Sources/stress"
  for target in Arguments CLinux; do
    ln -s "$root/Sources/$target" "$out/Sources/$target"
  done
  ln -s "$root/$folder/Asm" "$out/Sources/Stage${stage}Asm"
  ln -s "$root/$folder/Runtime" "$out/Sources/Stage$stage"
  for file in "$root/$here"/*.swift; do
    name=$(basename "$file")
    case $name in
      [0-9][0-9]-*) if is_later "${name%%-*}"; then continue; fi ;;
    esac
    ln -s "$file" "$out/Sources/stress/"
  done
  cat > "$out/Package.swift" << END
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "stress",
  targets: [
    .target(name: "Arguments"),
    .target(name: "CLinux"),
    .target(name: "Stage${stage}Asm"),
    .target(name: "Stage$stage", dependencies: ["Stage${stage}Asm", "CLinux"]),
    .executableTarget(
      name: "stress",
      dependencies: ["Stage$stage", "Arguments"],
      swiftSettings: [.unsafeFlags(["-module-alias", "Stage=Stage$stage"])]
    ),
  ]
)
END
}

folder=$(echo Stages/"$stage"-*)
[ -d "$folder" ] || die "there is no stage $stage; \`ls Stages\` shows those there are"
if is_later "${first%%-*}"; then
  die "needs stage $first or later (run(procs:)); this is stage $stage"
fi
set -- Stages/[0-9][0-9]-* -- "$@"
while [ "$2" != -- ]; do shift; done
last=$1
shift 2
if [ "$folder" = "$last" ]; then
  swift build -c "$config" --product stress
  program=.build/$config/stress
else
  out=.build/stress/$stage
  package
  swift build -c "$config" --package-path "$out" --product stress
  program=$out/.build/$config/stress
fi
exec "$program" "$@"
