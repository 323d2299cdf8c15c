# Casemate: the commands of every day. `make help` lists them.

# One set of flags for building and testing, so that nothing is built twice.
FLAGS := -c release
CASEMATE := .build/release/casemate
SOURCES := Sources Tests Package.swift

REPORT := casemate-report
DEMO := Examples/mortgage/casemate.yaml

.DEFAULT_GOAL := help
.PHONY: help setup build test demo demo-guard lint format clean coverage asan tsan bench

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is missing: system packages, native engines
	@Scripts/setup

build: setup ## Build everything once, tests included, in release
	swift build $(FLAGS) --build-tests

# The tests of the guard have deadlines and servers in them, so they do not share the machine with those that compute.
test: build ## Run every test
	swift test $(FLAGS) --skip-build --skip CasemateGuardTests
	swift test $(FLAGS) --skip-build --filter CasemateGuardTests

demo: build ## Audit the bundled credit model; its verdict is expected to be "failed"
	@status=0; $(CASEMATE) audit $(DEMO) --output $(REPORT) || status=$$?; \
	if [ $$status -eq 1 ]; then \
	  echo "demo: the audit found what it is meant to find (exit status 1); the report: $(REPORT)/report.html"; \
	else \
	  echo "demo: the audit ended with exit status $$status where 1 is expected: the example model breaks its policy." >&2; \
	  echo "demo: 0 means that nothing was found, 2 that the audit could not do its work (see above)." >&2; \
	  exit 1; \
	fi

demo-guard: build ## Serve the bundled model, attack it, show who was caught
	@Scripts/demo-guard $(CASEMATE)

lint: ## Check the format of the Swift sources
	swift format lint --strict --recursive --parallel $(SOURCES)

format: ## Format the Swift sources
	swift format --in-place --recursive --parallel $(SOURCES)

coverage: setup ## Run the tests with coverage and print it by file
	swift test --enable-code-coverage --scratch-path .build-coverage
	@bin=$$(swift build --scratch-path .build-coverage --show-bin-path) && \
	tools=$$(dirname "$$(readlink -f "$$(command -v swift)")") && \
	"$$tools/llvm-cov" report "$$bin/casematePackageTests.xctest" -instr-profile="$$bin/codecov/default.profdata" \
	  -ignore-filename-regex='(^|/)(\.build|Tests)|\.pb\.swift$$'

# The runner of XCTest leaks by itself, so it is left out. Leaks are not looked for: globals that hold indirect enums are
# reported as such although they live as long as the program.
asan: setup ## Run the tests with the address sanitizer
	ASAN_OPTIONS=detect_leaks=0 swift test --sanitize=address --disable-xctest --scratch-path .build-asan

TSAN_TESTS := CasemateCoreTests|CasemateGuardTests
tsan: setup ## Run the tests of Core and Guard with the thread sanitizer
	TSAN_OPTIONS=suppressions=$(CURDIR)/Scripts/tsan-suppressions.txt \
	  swift test --sanitize=thread --disable-xctest --scratch-path .build-tsan --filter '$(TSAN_TESTS)'

bench: build ## Run the benchmarks beside their peers
	Benchmarks/run

clean: ## Remove what was built, the report and the engines
	rm -rf .build .build-* .engines $(REPORT) casemate-guard-demo
