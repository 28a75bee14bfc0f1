#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Opens the pages that `trace` writes in a real browser, and looks at what is in them:
# no error, as many lanes and arrows as the trace has, and keys, wheel and search do
# what they should. After `swift build -c release` of programs and trace.
#
# From the environment: INSTALL=1 installs chromium (as root, on Debian).
set -eu
cd "$(dirname "$0")/../.."

out=.build/traces/browser
tool=.build/release/trace
limit=120 # seconds, for a page

say() { echo "browser: $*"; }
die() {
  say "$*" >&2
  exit 1
}

find_browser() {
  for browser in chromium chromium-browser google-chrome; do
    browser=$(command -v "$browser") && return
  done
  return 1
}

install() {
  [ "$(id -u)" = 0 ] || die "INSTALL=1 needs root; or run: sudo apt-get install chromium"
  command -v apt-get >/dev/null || die "INSTALL=1 needs apt-get; install chromium by hand"
  say "installing chromium"
  { apt-get update && DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends chromium; } >$out/install.log 2>&1 ||
    die "apt-get failed; see $out/install.log"
  find_browser || die "there is still no chromium"
}

# open NAME FRAGMENT OPTIONS...: the page, as a new user sees it; sets log.
open() {
  log=$out/$1.log
  url="file://$PWD/$out/$1.html#$2"
  shift 2
  timeout -k 5 $limit "$browser" --headless=new --no-sandbox --disable-gpu \
    --user-data-dir=$out/profile --enable-logging=stderr --hide-scrollbars \
    --window-size=1400,900 "$@" "$url" 2>"$log" || die "the browser failed; see $log"
  if grep -q CONSOLE "$log"; then
    grep CONSOLE "$log" >&2
    die "the page reports errors; see $log"
  fi
}

# The attributes of the paragraphs in FILE that match PATTERN, a line each: name value.
attributes() {
  grep -o "<p [^>]*$2[^>]*>" "$1" | grep -o 'data-[a-z]*="[^"]*"' |
    sed 's/^data-\([a-z]*\)="\(.*\)"$/\1 \2/'
}

# expect NAME VALUE: what the page says of itself after the test.
expect() {
  found=$(sed -n "s/^$1 //p" "$out/tested")
  [ "$found" = "$2" ] || die "$page: $1 is '$found', and should be '$2'"
}

# check NAME FILE [FILE]: a page of one trace, or of two.
check() {
  page=$1
  $tool "$2" ${3:+--compare "$3"} -o "$out/$page.html"
  for trace in "$2" ${3:+"$3"}; do $tool "$trace" --counts; done >"$out/expected"
  open "$page" test --dump-dom >"$out/$page.dom"
  grep -q '<html[^>]*data-ready="yes"' "$out/$page.dom" || die "$page: it does not get ready"
  attributes "$out/$page.dom" 'class="counts"' >"$out/counted"
  diff "$out/expected" "$out/counted" >&2 || die "$page: < is in the trace, > in the page"
  attributes "$out/$page.dom" 'id="tested"' >"$out/tested"
  expect keys 0.343
  expect wheel 0.267
  expect all 1.000
  expect tip true
  expect selected true
  expect detail true
  expect lanes true
  expect cleared true
  for theme in light dark; do
    open "$page" "theme=$theme" --virtual-time-budget=2000 \
      --screenshot="$out/$page-$theme.png" >/dev/null
    [ "$(wc -c <"$out/$page-$theme.png")" -gt 10000 ] || die "$page: nothing to see in $theme"
  done
  value() { sed -n "s/^$1 //p" "$out/tested"; }
  printf 'browser: %-10s %9s events, %5s KB: opens in %5s ms, a frame %5s ms, at most %6s ms\n' \
    "$page" "$(sed -n 's/^events //p' "$out/expected" | head -n 1)" \
    "$(($(wc -c <"$out/$page.html") / 1024))" "$(value load)" "$(value frame)" "$(value slowest)"
}

# record FILE PROGRAM [ARGUMENTS]
record() {
  file=$1
  shift
  GOTRACE=$file .build/release/programs "$@" >/dev/null
}

mkdir -p $out
if ! find_browser; then
  [ "${INSTALL:-}" = 1 ] || die "there is no chromium; apt-get install chromium, or make browser INSTALL=1"
  install
fi
record $out/sieve.trace sieve 100
record $out/blockers.trace blockers
record $out/echo.trace echo 20
record $out/million.trace skynet 115000
events=$($tool $out/million.trace --counts | sed -n 's/^events //p')
[ "$events" -ge 1000000 ] || die "the large trace has $events events only"

check sieve $out/sieve.trace
check echo $out/echo.trace
check compared $out/blockers.trace $out/sieve.trace
check million $out/million.trace
open sieve 'from=0.5&to=1&g=1' --no-pdf-header-footer --print-to-pdf="$out/sieve.pdf" >/dev/null
[ "$(wc -c <"$out/sieve.pdf")" -gt 10000 ] || die "sieve: nothing is printed"
say "4 pages opened and tried; pictures of them are in $out"
