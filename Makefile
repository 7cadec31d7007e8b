.DEFAULT_GOAL := help
.PHONY: help build check test scenarios bench mutants oracles interop browser foreign doc book deny ci clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

build: ## the release binary
	cargo build --release --bin mixedmode

check: ## formatting, lints and documentation, all warnings denied
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

test: ## every test, every scenario by name
	cargo test --workspace

scenarios: ## every scenario on real loopback sockets
	cargo run --release -- run scenarios

bench: ## the figures the project promises, measured here
	cargo bench -p media -p verify -p wire -p tests

mutants: ## every kind of damage under 200 seeds into docs/mutants.md, and 10,000 clean runs
	MUTANT_SEEDS=200 MUTANT_TABLE=$(CURDIR)/docs/mutants.md cargo test --release -p verify --test proof -- mutants
	CLEAN_RUNS=1000 cargo test --release -p verify --test proof -- clean

oracles: ## our SRTP beside rtc-srtp and webrtc-srtp by speed, beside libsrtp to the byte
	cd tests/oracles && cargo run --release --bin srtp_bench
	tests/interop/run.sh oracles

interop: ## against SIPp, PJSIP, tshark, OpenSSL, libsrtp, ffmpeg, sox; installs them
	tests/interop/run.sh

foreign: ## recorders made of PJSIP, FFmpeg, rtpengine, baresip, SIPp do as their tables say; installs them
	tests/foreign/run.sh

browser: ## the HTML report in a real headless Chromium, which it installs
	tests/browser/run.sh

deny: ## licences, advisories and sources of all dependencies
	cargo deny --offline check bans licenses sources

doc: ## the documentation of all crates, in a browser
	cargo doc --workspace --no-deps --open

book: ## docs/ as a book in target/book; installs mdbook
	command -v mdbook >/dev/null || cargo install --locked mdbook
	mdbook build

ci: check test ## what CI runs

clean: ## removes what was built
	cargo clean
