# Installing, and what is given to other machines; part of the Makefile.
.PHONY: install uninstall dist test-install test-dist test-swift

PREFIX ?= /usr/local
export PREFIX DESTDIR LIBDIR

# Header, libraries, pkg-config file, command line and manual page, as they were last built: a superuser
# need not have a compiler. What was never built is built.
install:
	@[ -e build/bin/ipldstore ] && [ -e build/lib/libipldstore.a ] || $(MAKE) build/bin/ipldstore libs
	@scripts/install

uninstall:
	@scripts/install --remove

# The same as a tarball, in build/, for machines without Swift.
dist: build/bin/ipldstore libs
	@scripts/dist

# Programs in C, C++, Rust, Python and Swift outside the tree, against what install installs.
test-install: build/bin/ipldstore
	scripts/test-install

# The tarball on a fresh Debian 12 that has only the packages which INSTALL names. As root, with debootstrap.
test-dist: dist
	scripts/test-dist

# A Swift package outside the tree that imports the engine: compiles it once more, into build/swift-sample.
test-swift: packages
	scripts/test-swift
