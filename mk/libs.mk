# The C libraries and their tests; part of the Makefile.
.PHONY: libs test-c

build: libs

# build/lib/libipldstore.so.1, build/lib/libipldstore.a, build/include/ipldstore.h
libs: packages
	scripts/build-libraries

# Examples and checks, from C, against those libraries.
test-c: packages
	scripts/test-c
