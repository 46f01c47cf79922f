# Every promise, for as long as one likes (docs/RELIABILITY.md). Included by the Makefile.
.PHONY: torture fuzz
SECONDS ?= 600
SEED ?= 1

# SECONDS for all rows together, ONLY=power,kill for some of them, SEED for others of their points, RECORD=1
# to add the totals to docs/RELIABILITY.md. A failure prints the command that replays it.
torture: packages
	$(SWIFT) build $(TEST_FLAGS) --build-tests
	scripts/fuzz --build
	scripts/build-libraries --when-older
	.build-test/release/fault-worker torture --seconds $(SECONDS) --seed $(SEED) $(if $(ONLY),--only $(ONLY)) \
	    $(if $(RECORD),--record docs/RELIABILITY.md --date $$(date +%F) \
	    --commit $$(git describe --always --dirty --exclude '*'))

# The fuzz targets alone: SECONDS for all, ONLY for one.
fuzz: packages
	scripts/fuzz $(SECONDS) $(SEED) $(ONLY)
