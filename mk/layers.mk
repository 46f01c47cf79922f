# Stores over stores whose users die, for many more rounds than `make test` has. Included by the Makefile.
.PHONY: torture-layers
ROUNDS ?= 1000
SEED ?= 1

# SEED chooses other rounds.
torture-layers: packages
	$(SWIFT) build $(TEST_FLAGS) --product fault-worker
	.build-test/release/fault-worker layers --points $(ROUNDS) --seed $(SEED)
