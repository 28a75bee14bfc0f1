# SPDX-License-Identifier: Apache-2.0
#
# The face of the repository. A line that begins with two number signs is what
# `make` prints about the target below it, one with three a heading.

SHELL = /bin/sh
.NOTPARALLEL:
.SUFFIXES:

# Those there are; make bench-stages takes those it is told.
STAGES = $(notdir $(wildcard Stages/[0-9][0-9]-*))
NUMBERS = $(foreach stage,$(STAGES),$(firstword $(subst -, ,$(stage))))
LAST = $(lastword $(sort $(NUMBERS)))

# What the commands below take on the command line.
DIR = .
N = $(LAST)
PROGRAM =
ARGS =
INSTALL =
T = 20
PARTS =
TARGET =
INPUT =
MINIMIZE =
CONFIG = release
SCENARIO =
WAY =
SEED =
MODEL =
DEBUGGER =
KEY =
MUTANT =
TRACE =
FILE =
COMPARE =
TEXT =
FROM =
TO =
A =
B =
SIDE =
WORDS =
COLOR =
KEEP_GOING =
SINCE =
ROUNDS =
WORKLOADS =
QUICK =
OUT =
DRAW =
E =
IMPL = mine
AGAIN =
ALL =
BUG =
SITE = .build/site/html
SCRATCH = .build
TIMELINES =

SWIFT_FILES = Package.swift Sources Stages Tests Exercises
PROGRAMS = sh Sources/programs/programs.sh
SWITCHER = sh Sources/switcher/switcher.sh
SWIFT_TEST = swift test --disable-xctest

# An error, and what to do about it, unless there is a stage $(1).
require_stage = @case " $(NUMBERS) " in *" $(1) "*) ;; *) \
	  echo "make: there is no stage $(1) here; stages: $(NUMBERS)" >&2; exit 1 ;; esac

.PHONY: help
help:
	@echo 'Goroutines in stages, in Swift. Commands:'
	@echo
	@sed -n 's/^##\(# \| \)/\1/p' Makefile | awk -F ' [|] ' \
	  '/^#/ { printf "%s%s\n", (NR > 1 ? "\n" : ""), substr($$0, 3); next } \
	  { sub(/^ /, ""); printf "  make %-32s%s%s\n", $$1, (length($$1) > 32 ? sprintf("\n%40s", "") : " "), $$2 }'
	@echo
	@echo 'Stages here: $(NUMBERS). First time: make doctor, then make tour.'

### See a scheduler at work

## tour [DIR=.] | one real workload on every stage: counts the words under DIR, and draws a page of how
.PHONY: tour
tour:
	@sh Sources/tour/tour.sh "$(DIR)" $(ARGS)
	swift build -c release --product trace
	@.build/release/trace --tour .build/tour
	@echo; echo 'to look at: .build/tour/index.html'

## run [N=15] PROGRAM=sieve [ARGS=] | runs one of the programs on a stage; without PROGRAM, lists them
.PHONY: run
run:
	$(call require_stage,$(N))
	@$(PROGRAMS) run $(N) $(PROGRAM) $(ARGS)

## programs | every program on every stage: runs it, or says which stage it needs
.PHONY: programs
programs:
	@sh Sources/programs/check.sh $(NUMBERS)

## trace [N=15] PROGRAM=sieve [ARGS=] | draws what the scheduler does: a page, JSON, SVG; TEXT=1: here, too
## trace N=15 PROGRAM=sieve COMPARE=14 | beside it the same program on another stage
## trace FILE=a.trace [COMPARE=b.trace] | draws a trace, or two; FROM=, TO=: milliseconds
.PHONY: trace
trace:
	$(call require_stage,$(N))
	$(if $(COMPARE:%.trace=),$(call require_stage,$(COMPARE)))
	swift build -c release --product trace
	@COMPARE='$(COMPARE)' TEXT='$(TEXT)' FROM='$(FROM)' TO='$(TO)' sh Sources/trace/trace.sh \
	  $(if $(FILE),file '$(FILE)',$(N) $(PROGRAM) $(ARGS))

## trace-check FILE=a.trace | proves what a trace can prove: nobody in two places, no work left
.PHONY: trace-check
trace-check:
	@test -n '$(FILE)' || { \
	  echo 'make trace-check: which trace? FILE=some.trace; make trace PROGRAM=sieve makes one' >&2; \
	  exit 1; }
	swift build -c release --product trace
	@.build/release/trace --check '$(FILE)'

## browser [INSTALL=1] | opens such pages in chromium and tries them
.PHONY: browser
browser:
	swift build -c release --product programs
	swift build -c release --product trace
	@INSTALL='$(INSTALL)' sh Sources/trace/browser.sh

## disasm [N=15] [INSTALL=1] | the compiled switcher, and a stack check, with what each part does
.PHONY: disasm
disasm:
	$(call require_stage,$(N))
	@INSTALL='$(INSTALL)' sh Sources/disasm/disasm.sh $(N)

## test-disasm | whether these listings are whole, on every stage
.PHONY: test-disasm
test-disasm:
	@INSTALL='$(INSTALL)' sh Sources/disasm/disasm.sh test $(NUMBERS)

## prologue WAY=1 [N=15] [INSTALL=1] | three ways to have stack checks in Swift code: 1, 2, 3; WAY=test
.PHONY: prologue
prologue:
	$(call require_stage,$(N))
	@INSTALL='$(INSTALL)' sh Sources/prologue/prologue.sh $(N) $(WAY)

### Test and prove

## test | every test of every stage, one process each
.PHONY: test
test: $(NUMBERS:%=test-%) test-trace test-course
	@echo "make test: stages $(NUMBERS), trace and course passed"

## test-trace | the tests of the tool that draws traces
.PHONY: test-trace
test-trace:
	STAGE=tools $(SWIFT_TEST) --filter '^TraceTests\.'

## test-course | the tests of the tools that keep stages an idea apart
.PHONY: test-course
test-course:
	STAGE=tools $(SWIFT_TEST) --filter '^CourseTests\.'

## test-15 [SCRATCH=DIR] | what one stage promises, and nothing else; built in DIR, not in .build
test-%:
	$(call require_stage,$*)
	STAGE=$* $(SWIFT_TEST) --scratch-path '$(SCRATCH)' --filter '^Stage$*Tests\.'
	@$(SWITCHER) native $*

## test-release | the same tests, compiled for speed
.PHONY: test-release
test-release: $(NUMBERS:%=test-release-%)

test-release-%:
	$(call require_stage,$*)
	STAGE=$* $(SWIFT_TEST) -c release -Xswiftc -enable-testing --scratch-path .build-release \
	  --filter '^Stage$*Tests\.'

## switcher | the C test of the switcher, on this processor
.PHONY: switcher
switcher:
	@$(SWITCHER) native $(NUMBERS)

## arm64 [INSTALL=1] | assembles the arm64 switcher, runs its test under qemu
.PHONY: arm64
arm64:
	@INSTALL='$(INSTALL)' $(SWITCHER) arm64 $(NUMBERS)

## models [N=07] [MODEL=wakeup] [MUTANT=2 TRACE=1] [INSTALL=1] | checks the models with spin, all or a stage's
.PHONY: models
models: N = all
models:
	$(if $(N:all=),$(call require_stage,$(N)))
	@INSTALL='$(INSTALL)' MUTANT='$(MUTANT)' TRACE='$(TRACE)' \
	  sh Sources/models/models.sh '$(N)' $(MODEL)

## tsan | all tests under ThreadSanitizer
.PHONY: tsan
tsan: $(NUMBERS:%=tsan-%)

## asan | all tests under AddressSanitizer
.PHONY: asan
asan: $(NUMBERS:%=asan-%)

## ubsan | all tests, the C parts stopping where behaviour is undefined
.PHONY: ubsan
ubsan: $(NUMBERS:%=ubsan-%)

# No preemption by signals: it would interrupt the sanitizer itself, whose code is
# part of the program.
# What is wrapped is in the stage's C files.
TSAN = --sanitize=thread --scratch-path .build-tsan \
  $(foreach name,external_write func_entry,$(if $(shell grep -l __wrap___tsan_$(name) \
  Stages/$*-*/Asm/*.c),-Xlinker --wrap=__tsan_$(name)))

# The tests alone: programs without a stage lack what is wrapped.
tsan-%:
	$(call require_stage,$*)
	STAGE=$* swift build --product GoroutinesPackageTests $(TSAN)
	STAGE=$* GODEBUG=asyncpreemptoff=1 $(SWIFT_TEST) --skip-build $(TSAN) --filter '^Stage$*Tests\.'
	@$(SWITCHER) thread $*

asan-%:
	$(call require_stage,$*)
	STAGE=$* GODEBUG=asyncpreemptoff=1 $(SWIFT_TEST) --sanitize=address --scratch-path .build-asan \
	  --filter '^Stage$*Tests\.'
	@$(SWITCHER) address $*

## debuggers [DEBUGGER=gdb] [INSTALL=1] | checks goroutines as gdb and lldb show them
.PHONY: debuggers
debuggers:
	@INSTALL='$(INSTALL)' sh Sources/debug/test.sh $(DEBUGGER)

## host [KEY=gdb] [INSTALL=1] | goroutines with Foundation, Dispatch, async, gdb, perf, ...
.PHONY: host
host:
	$(call require_stage,$(N))
	@INSTALL='$(INSTALL)' sh Sources/host/host.sh $(N) $(KEY)

## schedules [N=15] [T=20] [SCENARIO= SEED=] | small programs under many orders of their threads' steps
.PHONY: schedules
schedules:
	$(call require_stage,$(N))
	@sh Sources/schedules/schedules.sh $(N) -t $(T) $(if $(SEED),-s $(SEED)) \
	  $(if $(SCENARIO),'$(SCENARIO)')

## mutants [N=15] [T=60] | mistakes planted in a stage, which schedules must find
.PHONY: mutants
mutants: T = 60
mutants:
	$(call require_stage,$(N))
	@sh Sources/schedules/schedules.sh $(N) mutants $(T)

## mutants-fit | whether each of these mistakes still fits its stage, without building it
.PHONY: mutants-fit
mutants-fit:
	@for n in $(notdir $(wildcard Sources/schedules/mutants/[0-9][0-9])); do \
	  sh Sources/schedules/schedules.sh $$n fit || exit 1; done

ubsan-%:
	$(call require_stage,$*)
	STAGE=$* $(SWIFT_TEST) -Xcc -fsanitize=undefined -Xcc -fsanitize-trap=undefined \
	  --scratch-path .build-ubsan --filter '^Stage$*Tests\.'
	@$(SWITCHER) undefined $*

## fuzz [TARGET=godebug] [T=20] [INPUT=FILE] [MINIMIZE=1] | hostile environments, arguments, texts, traces
.PHONY: fuzz
fuzz:
	@INPUT='$(INPUT)' MINIMIZE='$(MINIMIZE)' sh Sources/fuzz/fuzz.sh $(LAST) '$(T)' $(TARGET)

## stress [N=15] [T=20] [CONFIG=debug] [SEED=] | random programs on 1 to 16 Ps, every value accounted for
.PHONY: stress
stress:
	$(call require_stage,$(N))
	@sh Sources/stress/stress.sh $(N) $(CONFIG) -t $(T) $(if $(SEED),-s $(SEED)) $(ARGS)

## prove [N=07] [T=600] [PARTS='tsan stress'] | the long form of all proofs, or of one stage's
.PHONY: prove
prove: T = 600
prove: N = all
prove:
	$(if $(N:all=),$(call require_stage,$(N)))
	@sh Sources/prove/prove.sh $(T) $(N) $(PARTS)

### Measure

## bench [ARGS='chan-pingpong'] | measures the workloads, or those named
.PHONY: bench
bench:
	swift build -c release --product bench
	@.build/release/bench compare $(ARGS)

## bench-go [ARGS='chan-pingpong'] | the same beside Go, as ratios; fetches a Go if there is none
.PHONY: bench-go
bench-go:
	swift build -c release --product bench
	@sh Sources/bench/go/build.sh
	@.build/release/bench compare .build/bench-go $(ARGS)

## bench-stages [STAGES='05 06'] [WORKLOADS='burst spawn'] [ROUNDS=5] [QUICK=1] | what each idea bought: Notes/numbers.md, numbers.svg
## bench-stages DRAW=1 | writes them again, with what why.md says now
.PHONY: bench-stages
bench-stages:
	@STAGES='$(if $(filter command,$(origin STAGES)),$(STAGES))' ROUNDS='$(ROUNDS)' \
	  WORKLOADS='$(WORKLOADS)' QUICK='$(QUICK)' OUT='$(OUT)' \
	  sh Sources/benchstages/benchstages.sh $(if $(DRAW),draw,measure $(NUMBERS))

## test-bench-stages | whether each of these runs on every stage that has what it needs
.PHONY: test-bench-stages
test-bench-stages:
	@sh Sources/benchstages/benchstages.sh test $(NUMBERS)

# What neighbouring stages may differ in, and the course. Compiled for debugging, which is
# done sooner, and silently, unless it is the first time. The build's own words
# go to the terminal, so that what is compared can be kept in a file.
COURSE = swift build $(if $(wildcard .build/debug/course),--quiet) --product course >&2 \
  && .build/debug/course

### Compare stages, and change them

## diff A=05 B=06 [FILE=Runtime/proc.swift] [SIDE=1] [WORDS=1] | what differs between stages, in colours on a terminal or with COLOR=1
.PHONY: diff
diff:
	@test -n '$(B)' || { \
	  echo 'make diff: which stages? A=05 B=06; stages: $(NUMBERS)' >&2; exit 1; }
	@$(COURSE) diff $(if $(A),'$(A)') '$(B)' $(if $(FILE),--file '$(FILE)') \
	  $(if $(SIDE),--side) $(if $(WORDS),--words) $(if $(COLOR),--color)

## diffs | writes what differs between neighbours into Notes/diffs
.PHONY: diffs
diffs:
	@$(COURSE) diffs

## drift | fails if neighbours differ in more than their idea, or Notes/diffs is stale
.PHONY: drift
drift:
	@$(COURSE) drift

## readmes | fails if a stage's README lacks a part
.PHONY: readmes
readmes:
	@$(COURSE) readmes

## chapters [N=05] | fails if a chapter of Notes lacks a part, or names what is not there
.PHONY: chapters
chapters: N =
chapters:
	$(if $(N),$(call require_stage,$(N)))
	@$(COURSE) chapters $(N)

## site [SITE=DIR] [TIMELINES=1] | the notes, stages and diffs as pages for a browser
.PHONY: site
site:
	swift build --product course
	@TIMELINES='$(TIMELINES)' sh Sources/site/site.sh '$(SITE)' $(NUMBERS)

## site-check [SITE=DIR] [INSTALL=1] | opens each of them in chromium, and follows its links
.PHONY: site-check
site-check: site
	@INSTALL='$(INSTALL)' sh Sources/site/check.sh '$(SITE)'

## propagate FROM=05 FILE=Runtime/chan.swift [KEEP_GOING=1] [SINCE=HEAD] | carries a change into later stages
.PHONY: propagate
propagate:
	@test -n '$(FROM)' && test -n '$(FILE)' || { \
	  echo 'make propagate: what? FROM=05 FILE=Runtime/chan.swift; stages: $(NUMBERS)' >&2; \
	  exit 1; }
	@$(COURSE) propagate '$(FROM)' '$(FILE)' $(if $(KEEP_GOING),--keep-going) \
	  $(if $(SINCE),--since '$(SINCE)')

## parity [SINCE=HEAD] | for what has changed, the stages that hold the old text
.PHONY: parity
parity:
	@$(COURSE) parity $(if $(SINCE),--since '$(SINCE)')

## alone N=05 DIR=FOLDER | lays a stage out as a package of its own in an empty folder, builds and runs it
.PHONY: alone
alone:
	$(call require_stage,$(N))
	@test '$(DIR)' != . || { echo 'make alone: where? DIR=some/empty/folder' >&2; exit 1; }
	@sh Sources/alone/alone.sh $(N) '$(DIR)'

## test-alone | whether each stage builds and runs so
.PHONY: test-alone
test-alone:
	@rm -rf .build/alone
	@for n in $(NUMBERS); do sh Sources/alone/alone.sh $$n .build/alone/$$n || exit 1; \
	  rm -rf .build/alone/$$n; done

# Exercises, and bugs to look at.
# A stage that was named on the command line.
ASKED = $(if $(filter command,$(origin N)),'$(N)')
require_exercise = @test -n '$(E)' && test -n "$(ASKED)" || { \
	  echo 'make $(1): which exercise? N=05 E=02; make exercises lists them' >&2; exit 1; }

### Exercises and the museum of bugs

## exercises [N=05] | lists the exercises: number, kind, minutes, and how far you are
.PHONY: exercises
exercises:
	@$(COURSE) exercises $(ASKED)

## start N=05 E=02 | makes a working copy of a stage with a part taken out, in Workbench
.PHONY: start
start:
	$(call require_exercise,start)
	@$(COURSE) start $(ASKED) '$(E)'

## check N=05 E=02 [IMPL=ref] [ALL=1] | runs the tests that decide on your copy, or on the reference
.PHONY: check
check:
	$(call require_exercise,check)
	@case '$(IMPL)' in mine | ref) ;; *) \
	  echo 'make check: IMPL is mine or ref' >&2; exit 1 ;; esac
	@$(COURSE) check $(ASKED) '$(E)' $(if $(filter ref,$(IMPL)),--reference) $(if $(ALL),--all)

## hint N=05 E=02 [AGAIN=1] | the next of three hints, or the last one again
.PHONY: hint
hint:
	$(call require_exercise,hint)
	@$(COURSE) hint $(ASKED) '$(E)' $(if $(AGAIN),--again)

## reset N=05 E=02 | puts your copy aside, and makes it anew
.PHONY: reset
reset:
	$(call require_exercise,reset)
	@$(COURSE) reset $(ASKED) '$(E)'

## progress | how many exercises you have done, and what is next
.PHONY: progress
progress:
	@$(COURSE) progress

## museum [N=05] [BUG=slug] | bugs that somebody really makes: lists them, finds those of a stage, shows one
.PHONY: museum
museum:
	@$(COURSE) museum $(ASKED) $(if $(BUG),--bug '$(BUG)')

## prove-exercises [N=05] | each fails untouched and passes solved; each bug is found
.PHONY: prove-exercises
prove-exercises:
	@$(COURSE) prove-exercises $(ASKED)

### Build

## build | builds everything for debugging, tests included
.PHONY: build
build:
	swift build --build-tests

## release | builds everything for speed
.PHONY: release
release:
	swift build -c release

## doctor | checks this machine, and says what to do
.PHONY: doctor
doctor:
	@sh Sources/doctor/doctor.sh

## format | formats every Swift file
.PHONY: format
format:
	swift format --in-place --recursive --parallel $(SWIFT_FILES)

## format-check | fails if a Swift file is not formatted
.PHONY: format-check
format-check:
	@swift format lint --strict --recursive --parallel $(SWIFT_FILES) || { \
	  echo 'make format-check: run `make format`; shorten by hand what it leaves too long' >&2; \
	  exit 1; }
	@echo 'make format-check: all Swift files are formatted'

## clean | removes everything that was built
.PHONY: clean
clean:
	rm -rf .build .build-*
