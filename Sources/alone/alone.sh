#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A stage by itself: a package in an empty folder, with copies of what the stage is made
# of, and a program that runs a goroutine on it.
#   alone.sh NN FOLDER
set -eu
cd "$(dirname "$0")/../.."

die() {
  echo "make alone: $*" >&2
  exit 1
}

stage=$(echo Stages/"$1"-*)
[ -d "$stage" ] || die "there is no stage $1; \`ls Stages\` shows those there are"
out=$2
if [ -e "$out" ] && [ -n "$(ls -A "$out")" ]; then
  die "$out is not empty; name another folder: DIR=..."
fi
mkdir -p "$out/Sources/hello"
cp -R "$stage" "$out/$(basename "$stage")"
cp -R Sources/CLinux "$out/Sources/CLinux"
cp LICENSE "$out/"
cat > "$out/Sources/hello/hello.swift" << END
// SPDX-License-Identifier: Apache-2.0

import Stage$1

@main struct Hello {
  static func main() throws {
    try run {
      go { print("hello from goroutine \(goroutineID())") }
      while numGoroutine() > 1 { gosched() }
      print("goodbye from goroutine \(goroutineID())")
    }
  }
}
END
cat > "$out/Package.swift" << END
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "$(basename "$stage")",
  products: [.library(name: "Stage$1", targets: ["Stage$1"])],
  targets: [
    .target(name: "CLinux"),
    .target(name: "Stage$1Asm", path: "$(basename "$stage")/Asm"),
    .target(
      name: "Stage$1",
      dependencies: ["Stage$1Asm", "CLinux"],
      path: "$(basename "$stage")/Runtime"
    ),
    .executableTarget(name: "hello", dependencies: ["Stage$1"]),
  ]
)
END
swift run --package-path "$out" hello
echo "make alone: stage $1 is a package in $out; \`swift run\` there runs Sources/hello"
