# SPDX-License-Identifier: MIT
#
# The everyday commands; each does its own set-up and works in a fresh clone.
# The build itself is CMakeLists.txt, with CMakePresets.json.

PREFIX ?= /usr/local
# What `make test` builds and tests: configure presets.
PRESETS ?= release debug
# The claims that `make bench` measures; default: every one.
BENCH ?=
# `make compare QUICK=1`: two cells, three runs each; and options of tools/compare.py.
QUICK ?=
COMPARE ?=
# How long `make fuzz` runs each fuzzer.
SECONDS ?= 60
MAKEFLAGS += --no-print-directory
COIR = build/release/bin/coir

.PHONY: help run test proof coverage fuzz bench bench-build compare lint install clean
.DEFAULT_GOAL := help

help:
	@echo 'make run       serve the echo protocol on port 7007'
	@echo 'make test      build and run every test, optimised and with sanitizers'
	@echo 'make proof     test every build: tools, compilers, machines; docs/proof.md has the table'
	@echo 'make coverage  tell which lines and branches the tests reach, and which not'
	@echo 'make fuzz      feed parsers and sessions with nonsense, SECONDS=60 each'
	@echo 'make bench     measure every claim, or BENCH="switch spawn"'
	@echo 'make compare   compare echo servers, ours and others; half an hour, QUICK=1 three minutes'
	@echo 'make lint      check format, rules and common mistakes'
	@echo 'make install   to PREFIX=$(PREFIX), below DESTDIR if that is set'
	@echo 'make clean     remove build/'

run:
	@tools/setup.sh run
	@tools/build.sh release coir-command
	@echo 'to try it, in another terminal:  printf hello | socat -t2 - TCP:localhost:7007'
	@exec $(COIR) echo --listen tcp://:7007 --listen udp://:7007

test:
	@tools/setup.sh test
	@tools/test.sh $(PRESETS)

proof:
	@for set in test tools machines; do tools/setup.sh $$set || exit; done
	@tools/legs.py --whole

coverage:
	@tools/setup.sh coverage
	@tools/coverage.sh

fuzz:
	@tools/setup.sh fuzz
	@tools/build.sh fuzz fuzz
	@tools/fuzz.sh $(SECONDS)

bench-build:
	@tools/setup.sh run
	@tools/build.sh release bench

bench: bench-build
	@tools/bench.sh $(BENCH)

# What of its set cannot be installed is left out, and the report says so.
compare:
	@tools/setup.sh run
	@tools/setup.sh compare || echo 'compare: goes on with what is there'
	@for part in coir-command examples peers; do tools/build.sh release $$part || exit; done
	@tools/compare.py $(if $(filter-out 0,$(QUICK)),--quick) $(COMPARE)

lint:
	@tools/setup.sh lint
	@tools/build.sh release
	@tools/lint.sh build/release

install:
	@tools/setup.sh run
	@tools/build.sh release install-parts
	@cmake --install build/release --prefix '$(PREFIX)'

clean:
	rm -rf build
