# The campaigns can fail: each deliberate defect of an engine that is built with them is found. Included by
# the Makefile.
.PHONY: torture-defects

# ONLY chooses one of the defects of Sources/Engine/Storage/Defect.swift.
torture-defects: packages
	$(SWIFT) build -c release -Xswiftc -enable-testing -Xswiftc -DDEFECTS --scratch-path .build-defects \
	    --disable-xctest --build-tests
	scripts/fuzz --build
	.build-defects/release/fault-worker defects --seed $(SEED) $(if $(ONLY),--only $(ONLY))
