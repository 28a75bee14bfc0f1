#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds alarms.swift on stage 09, and runs it.
set -eu
cd "$(dirname "$0")/../../.."

out=.build/exercises/09-01
root=$PWD
mkdir -p $out/Sources/alarms
for target in CLinux; do ln -sfn "$root/Sources/$target" $out/Sources/$target; done
ln -sfn "$root/Stages/09-timers/Asm" $out/Sources/Stage09Asm
ln -sfn "$root/Stages/09-timers/Runtime" $out/Sources/Stage09
ln -sf "$root/Exercises/09-timers/01-three-alarms/alarms.swift" $out/Sources/alarms/main.swift
cat > $out/Package.swift << 'END'
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "alarms",
  targets: [
    .target(name: "CLinux"),
    .target(name: "Stage09Asm"),
    .target(name: "Stage09", dependencies: ["Stage09Asm", "CLinux"]),
    .executableTarget(
      name: "alarms",
      dependencies: ["Stage09"],
      swiftSettings: [
        .swiftLanguageMode(.v5), .unsafeFlags(["-module-alias", "Stage=Stage09"]),
      ]
    ),
  ]
)
END
swift build --package-path $out --product alarms >&2
$out/.build/debug/alarms
