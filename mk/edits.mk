# Random edits of files, many more than `make test` runs. Included by the Makefile.
.PHONY: torture-edits
EDIT_SCRIPTS ?= 2000

# 2,000 random edit scripts on files of 0 B to 64 MiB; EDIT_SCRIPTS and IPLDSTORE_EDIT_SEED choose others.
torture-edits: packages
	$(SWIFT) build --build-tests $(TEST_FLAGS)
	IPLDSTORE_EDIT_SCRIPTS=$(EDIT_SCRIPTS) $(SWIFT) test --skip-build $(TEST_FLAGS) --filter EditPropertyTests
