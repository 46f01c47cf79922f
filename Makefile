# make            the command line and the bench, optimised, in build/bin, the C libraries in build/lib
# make demo       the main job on a real directory of this machine; DEMO_DIR="/a /b" chooses another
# make test       builds everything with testing enabled and runs every test
# make libs       the C libraries and their header, into build/lib and build/include
# make test-c     the C libraries, from outside (part of make test)
# make install    into PREFIX (/usr/local) under DESTDIR: libraries, header, command line; make uninstall
# make dist       the same as a tarball for machines without Swift; make test-dist tries it on one
# make bench      measures; build/bin/bench --help says more
# make torture    every promise at length: SECONDS=7200 ONLY=power,kill SEED=7 (docs/RELIABILITY.md)
# make fuzz       libFuzzer over all decoders: SECONDS=600 ONLY=cbor
# make torture-edits  2,000 random edit scripts on files to 64 MiB (EDIT_SCRIPTS=n)
# make torture-defects  shows that the campaigns find what they are there for
# make lint       quick checks of the sources
# make clean      removes what was built
#
# demo, build and test install the Debian packages they miss (scripts/install-packages).

SWIFT ?= swift
# What scripts/build-libraries compiles is not compiled again: the flags are the same, in the same order.
BUILD = $(SWIFT) build -c release --scratch-path .build/dist -Xswiftc -static-stdlib -Xswiftc -use-ld=lld \
    -Xswiftc -Xfrontend -Xswiftc -function-sections --disable-local-rpath
TEST_FLAGS = -c release -Xswiftc -enable-testing --scratch-path .build-test --disable-xctest

.DEFAULT_GOAL := build
.PHONY: build demo test bench lint clean help packages build/bin/ipldstore build/bin/bench

build: build/bin/ipldstore build/bin/bench

# Swift's runtime is inside, so that they start quickly and run where no toolchain is.
build/bin/ipldstore build/bin/bench: build/bin/%: packages
	$(BUILD) --product $*
	@mkdir -p build/bin
	@cp -f "$$($(BUILD) --show-bin-path)/$*" $@
	@echo "$@ is built"

packages:
	@scripts/install-packages

bench: build/bin/bench
	build/bin/bench

-include mk/*.mk

demo: build/bin/ipldstore
	@scripts/demo build/bin/ipldstore

# The run of the tests comes last: its closing line says how many passed.
test: packages
	scripts/test-c
	@$(MAKE) test-install test-swift
	$(SWIFT) build $(TEST_FLAGS) --build-tests
	$(SWIFT) test --skip-build $(TEST_FLAGS)

lint:
	@scripts/lint

clean:
	rm -rf .build .build-* build

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile
