#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Opens every page of the site in a real browser, from files and from a server: none
# reports an error, each link leads to a page and a heading that are there, search finds
# findRunnable, and dark is dark. Leaves pictures of some pages.
#
#   check.sh FOLDER      after site.sh
#
# From the environment: INSTALL=1 installs chromium (as root, on Debian).
set -eu
cd "$(dirname "$0")/../.."

site=$1
out=.build/site/check
limit=1200 # seconds, for all pages

say() { echo "site-check: $*"; }
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

# open NAME URL OPTIONS...: as a new user sees it; what it says goes to $out/NAME.log.
open() {
  log=$out/$1.log
  url=$2
  shift 2
  timeout -k 5 $limit "$browser" --headless=new --no-sandbox --disable-gpu \
    --user-data-dir=$out/profile --enable-logging=stderr --hide-scrollbars \
    "$@" "$url" 2>"$log" || die "the browser failed; see $log"
  if grep -q CONSOLE "$log"; then
    grep CONSOLE "$log" | sort -u | head -n 20 >&2
    die "pages report errors; see $log"
  fi
}

value() { sed -n "s/.*<body[^>]* data-$1=\"\([^\"]*\)\".*/\1/p" "$2"; }

# check NAME URL BASE: every page below an address, from a page at another.
check() {
  sed -e "s|BASE|$3|" -e "s|PAGES|$(paste -sd ' ' "$site/pages.txt")|" \
    -e "s|FILES|$(cd "$site" && find . -type f | sed 's|^\./||' | paste -sd ' ' -)|" \
    Sources/site/check.html >"$out/$1.html"
  open "$1" "$2$1.html" --virtual-time-budget=60000000 --dump-dom >"$out/$1.dom"
  [ "$(value done "$out/$1.dom")" = yes ] || die "$1: the pages are not all opened; see $out/$1.dom"
  if [ "$(value problems "$out/$1.dom")" != 0 ]; then
    sed -n '/<pre id="problems">/,/<\/pre>/p' "$out/$1.dom" | sed 's/<[^>]*>//g' >&2
    die "$1: $(value problems "$out/$1.dom") problems"
  fi
  say "$1: $(value pages "$out/$1.dom") pages opened, $(value links "$out/$1.dom") links lead somewhere"
}

# picture NAME PAGE SIZE OPTIONS...
picture() {
  name=$1 page=$2 size=$3
  shift 3
  open "$name" "file://$site/$page" --window-size="$size" --virtual-time-budget=2000 \
    --screenshot="$out/$name.png" "$@" >/dev/null
  [ "$(wc -c <"$out/$name.png")" -gt 10000 ] || die "$name: nothing to see"
}

[ -s "$site/pages.txt" ] || die "there is no site in $site: make site"
site=$(cd "$site" && pwd)
mkdir -p $out
rm -f $out/address
if ! find_browser; then
  [ "${INSTALL:-}" = 1 ] || die "there is no chromium; apt-get install chromium, or make site-check INSTALL=1"
  install
fi

check files "file://$PWD/$out/" "file://$site/"

# A page from elsewhere may not look at this machine: that which looks is served, too.
ln -sfn "$site" $out/site
.build/debug/course serve --out "$PWD/$out" >$out/address 2>$out/serve.log &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  [ -s $out/address ] && break
  sleep 1
done
[ -s $out/address ] || die "the server does not start; see $out/serve.log"
check server "$(cat $out/address)" site/

# What a browser that prefers dark pages shows.
for theme in 0 1; do
  open theme$theme "file://$site/index.html#site-check" --blink-settings=preferredColorScheme=$theme \
    --virtual-time-budget=3000 --dump-dom >"$out/theme$theme.dom"
  sed -n 's/.*data-background="\([^"]*\)".*/\1/p' "$out/theme$theme.dom" >"$out/theme$theme"
  [ -s $out/theme$theme ] || die "the first page does not say its colour"
done
! cmp -s $out/theme0 $out/theme1 || die "a browser that prefers dark gets a light page"
say "dark: $(cat $out/theme0); light: $(cat $out/theme1)"

for page in $(cat "$site/pages.txt"); do
  case $page in
    index.html | 05-processors.html | 05-stage.html | 04-05-step.html | 05-timeline.html | \
      numbers.html | 00-glossary.html | 00-go-map.html)
      picture "${page%.html}-light" "$page" 1440,1000 --blink-settings=preferredColorScheme=1
      picture "${page%.html}-dark" "$page" 1440,1000 --blink-settings=preferredColorScheme=0
      ;;
  esac
done
picture narrow index.html 480,900
say "pictures of some pages are in $out"
