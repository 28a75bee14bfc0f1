#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds the random programs for a stage, and runs them.
#   stress.sh NN debug|release [ARGUMENT]...
#
# They are made of what the stage has: of the files here that are named for a stage only
# those up to this one are compiled. For the last stage they are the product `stress` of
# this package; for others one of the package that ladder.sh makes.
set -eu
cd "$(dirname "$0")/../.."

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
  export CONFIG="$config"
  sh Sources/ladder/ladder.sh build "stress$stage"
  program=$(sh Sources/ladder/ladder.sh path "stress$stage")
fi
exec "$program" "$@"
