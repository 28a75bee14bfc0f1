#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Hostile input: what reads the environment, the arguments of the tools, the text of
# files and traces gets whatever libFuzzer thinks of, and must do what it promises.
#   fuzz.sh STAGE SECONDS [TARGET]   every target for so long, or one
#
# From the environment: INPUT=FILE gives TARGET that file alone; MINIMIZE=1 takes the
# inputs that were found, as far as they reach something new, into corpus/TARGET.
#
# First every file of the corpus is tried. What is found goes to .build/fuzz/STAGE:
# work/TARGET, and for a crash, crashes/TARGET. Exit status: 1 after a crash.
set -eu

stage=$1
seconds=$2
target=${3-}
targets='godebug gomaxprocs arguments words trace'
folder=$(echo Stages/"$stage"-*)
here=Sources/fuzz
root=$(pwd)
out=.build/fuzz/$stage
# An input is less than a kilobyte, and a target has fewer files than that.
longest=1000
most=49

say() { echo "fuzz: $*"; }
die() {
  say "$*" >&2
  exit 1
}

case " $targets " in
  *" ${target:-words} "*) ;;
  *) die "there is no target $target; targets: $targets" ;;
esac
case $seconds in
  '' | *[!0-9]* | 0*) die "T=$seconds: a number of seconds from 1 is needed" ;;
esac

if [ -n "${INPUT-}" ]; then
  [ -n "$target" ] || die 'INPUT is of which TARGET?'
  [ -f "$INPUT" ] || die "there is no file $INPUT"
fi

# Makes the package in $out: the stage, the tools and the targets, as links.
package() {
  rm -rf "$out/Sources"
  mkdir -p "$out/Sources/SchedulesTool" "$out/Sources/TraceTool"
  for name in Arguments CLinux Goroutines TraceFile; do
    ln -sfn "$root/Sources/$name" "$out/Sources/$name"
  done
  ln -sfn "$root/$here/Wrap" "$out/Sources/Wrap"
  ln -sfn "$root/$folder/Asm" "$out/Sources/Stage${stage}Asm"
  ln -sfn "$root/$folder/Runtime" "$out/Sources/Stage$stage"
  ln -sfn "$root/Sources/bench" "$out/Sources/BenchTool"
  ln -sfn "$root/Sources/programs" "$out/Sources/ProgramsTool"
  ln -sfn "$root/Sources/stress" "$out/Sources/StressTool"
  ln -sfn "$root/Sources/tour" "$out/Sources/TourTool"
  # Of schedules what needs no stage of its own.
  ln -sf "$root/Sources/schedules/arguments.swift" "$out/Sources/SchedulesTool/"
  # Of trace what is no main program and needs no files of its own.
  for name in options output svg text words; do
    ln -sf "$root/Sources/trace/$name.swift" "$out/Sources/TraceTool/"
  done
  for name in $targets; do
    mkdir -p "$out/Sources/$name"
    ln -sf "$root/$here/support.swift" "$root/$here/$name.swift" "$out/Sources/$name/"
  done
  for name in godebug gomaxprocs; do
    ln -sf "$root/$here/environment.swift" "$out/Sources/$name/"
  done
  cat > "$out/Package.swift" << END
// swift-tools-version: 6.2
import PackageDescription

let alias = SwiftSetting.unsafeFlags(["-module-alias", "Stage=Stage$stage"])
let traces = ["cmp1", "cmp8", "const_cmp1", "const_cmp8"].map { "__sanitizer_cov_trace_\(\$0)" }
let wrap = (["read", "write"] + traces).flatMap { ["-Xlinker", "--wrap=\(\$0)"] }

/// A tool as a module: its main function is not the program's.
func tool(_ name: String, exclude: [String] = []) -> Target {
  .target(
    name: name,
    dependencies: ["Goroutines", "CLinux", "Arguments", "TraceFile"],
    exclude: exclude,
    swiftSettings: [
      alias,
      .unsafeFlags(["-Xfrontend", "-entry-point-function-name", "-Xfrontend", "\(name)_main"]),
    ]
  )
}

func fuzzer(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name,
    dependencies: dependencies + ["Wrap"],
    swiftSettings: [alias],
    linkerSettings: [.unsafeFlags(wrap)]
  )
}

let package = Package(
  name: "fuzz",
  targets: [
    .target(name: "Arguments"),
    .target(name: "CLinux"),
    .target(name: "TraceFile"),
    .target(name: "Wrap"),
    .target(name: "Stage${stage}Asm"),
    .target(name: "Stage$stage", dependencies: ["Stage${stage}Asm", "CLinux"]),
    .target(name: "Goroutines", dependencies: ["Stage$stage"]),
    tool("BenchTool", exclude: ["go"]),
    tool("ProgramsTool", exclude: ["programs.sh", "check.sh"]),
    tool("SchedulesTool"),
    tool("StressTool", exclude: ["stress.sh"]),
    tool("TourTool"),
    tool("TraceTool"),
    fuzzer("godebug", ["Stage$stage"]),
    fuzzer("gomaxprocs", ["Stage$stage"]),
    fuzzer(
      "arguments",
      [
        "Arguments", "BenchTool", "ProgramsTool", "SchedulesTool", "StressTool", "TourTool",
        "TraceTool",
      ]),
    fuzzer("words", ["TourTool"]),
    fuzzer("trace", ["TraceFile", "TraceTool"]),
  ]
)
END
}

# One product, or everything. Of several --sanitize swift keeps the last, so the second
# one is told to the compilers.
build() {
  swift build -c release --package-path "$out" ${target:+--product "$target"} \
    --sanitize fuzzer -Xswiftc -sanitize=fuzzer,address -Xcc -fsanitize=address \
    -Xswiftc -enable-testing -Xswiftc -parse-as-library
}

# Runs a target with these arguments, in $out.
run() {
  name=$1
  shift
  (cd "$out" && TMPDIR=$scratch SWIFT_BACKTRACE=enable=no exec ".build/release/$name" \
    -max_len=$longest -timeout=20 -rss_limit_mb=2048 -verbosity="${verbosity-1}" \
    -artifact_prefix="crashes/$name/" "$@")
}

# What went wrong, from $log, and how to see it again with the input $2.
crashed() {
  say "$1 fails:"
  grep -E '^(ERROR|SUMMARY)|Fatal error|ERROR: (Addr|Leak|libF)' "$log" | cut -c 1-300 |
    sed 's/^/  /' | head -5
  # Why, if a check of the language ended it; and where: the first function of ours.
  sed -n 's,.* in \(Swift runtime failure: .*\) /.*,  \1,p' "$log" | head -1
  sed -n 's,^ *#[0-9]* 0x[0-9a-f]* in \(.*\) [^ ]*/Sources/\([^ ]*\)$,  in \1 (\2),p' "$log" |
    grep -v '/support.swift' | swift demangle --simplified | head -1
  echo "  the input: $2"
  echo "  again:     make fuzz TARGET=$1 INPUT=$2"
  echo "  all of it: $log"
  exit 1
}

# Every file of the corpus, once.
replay() {
  log=$out/$1.replay.log
  run "$1" "$root/$here/corpus/$1"/* > "$log" 2>&1 ||
    crashed "$1" "$(sed -n "s,^Running: $root/,,p" "$log" | tail -1)"
}

progress() {
  [ -t 2 ] || return 0
  line=$(grep -E '^#[0-9]' "$log" | tail -1)
  found=$(echo "$line" | sed -n 's/^#\([0-9]*\).* corp: \([0-9]*\).*/\1 inputs, \2 kept/p')
  printf '\r\033[Kfuzz: %s: %s of %s s, %s' "$1" "$2" "$seconds" "$found" >&2
}

# libFuzzer for so many seconds.
search() {
  log=$out/$1.log
  run "$1" -max_total_time="$seconds" -print_final_stats=1 \
    -entropic_scale_per_exec_time=1 -dict="$root/$here/$1.dict" \
    "work/$1" "$root/$here/corpus/$1" > "$log" 2>&1 &
  pid=$!
  trap 'kill $pid 2>/dev/null; exit 130' INT TERM
  took=0
  while kill -0 $pid 2>/dev/null; do
    progress "$1" $took
    sleep 1
    took=$((took + 1))
  done
  [ ! -t 2 ] || printf '\r\033[K' >&2
  status=0
  wait $pid || status=$?
  trap - INT TERM
  if [ $status != 0 ]; then
    artifact=$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)
    [ -n "$artifact" ] || die "$1: libFuzzer failed; see $log"
    crashed "$1" "$out/$artifact"
  fi
  n=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  say "$1: $n inputs in $seconds s, none fails;" \
    "corpus: $(count "$here/corpus/$1") files, $(count "$out/work/$1") more found"
}

count() { find "$1" -type f | wc -l; }

# What was found and reaches code that the named files of the corpus do not reach. Those
# without a name of their own begin with found-.
minimize() {
  log=$out/$1.merge.log
  corpus=$here/corpus/$1
  new=$out/merged
  rm -rf "$new"
  mkdir -p "$new"
  find "$corpus" -type f ! -name 'found-*' -exec cp {} "$new" \;
  run "$1" -set_cover_merge=1 -use_counters=0 -use_cmp=0 \
    merged "$root/$corpus" "work/$1" > "$log" 2>&1 ||
    die "$1: the merge failed; see $log"
  rm -f "$corpus"/found-*
  for file in "$new"/*; do
    name=$(basename "$file")
    [ ! -e "$corpus/$name" ] || continue
    [ "$(count "$corpus")" -lt $most ] || break
    cp "$file" "$corpus/found-$(echo "$name" | cut -c 1-8)"
  done
  say "$1: $(count "$corpus") files in $corpus"
}

package
build > "$out/build.log" 2>&1 &
pid=$!
# For files that come and go: in memory, if there is room for them.
scratch=$(mktemp -d /dev/shm/fuzz.XXXXXX 2>/dev/null || mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'kill $pid 2>/dev/null; exit 130' INT TERM
say 'building'
wait $pid || {
  cat "$out/build.log" >&2
  exit 1
}
trap - INT TERM
total=0
for name in ${target:-$targets}; do
  mkdir -p "$out/work/$name" "$out/crashes/$name"
  if [ -n "${INPUT-}" ]; then
    run "$name" "$(realpath "$INPUT")" || die "$name fails"
    say "$name does not fail"
  elif [ -n "${MINIMIZE-}" ]; then
    minimize "$name"
  else
    replay "$name"
    search "$name"
    total=$((total + n))
  fi
done
[ $total = 0 ] || say "$total inputs, none fails"
