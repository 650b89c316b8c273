# neural-codec: every task is one target; `make` lists them.
PYTHON := .venv/bin/python
MSRV := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
# Without the packages that have no Rust tests, which would select other features of what all share. codec-ffi/tests/run.sh and
# codec-py/tests/test_readme.py build the C library with the same, so that the codec is not compiled again.
RUST_TESTS := --workspace --exclude codec-py --exclude benches --all-features
RUST_REPORT := $(or $(CARGO_TARGET_DIR),target)/nextest/default/junit.xml
# Tests of Python that measure time or memory, which others beside them would change.
ALONE := $(addprefix codec-py/tests/,test_any_order.py test_memory.py test_process.py test_real_gpu.py experiments/test_jail.py experiments/test_live.py)
export CARGO_TERM_COLOR ?= auto
# Targets share folders, such as .venv and dist, and cargo has threads of its own.
.NOTPARALLEL:

.PHONY: help picture deny msrv features semver package setup demo test test-rust test-c test-python cluster-test gpu-test arm-test kernels lint docs bench overhead rd ladder exhaustive searchers rates stills still-crops profiles filters rules worker-numbers cluster-numbers base-networks still-networks photo-network still-filter fuzz python wheel capi header

help: ## List the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: ## Install what building and testing needs and is missing.
	@scripts/setup.sh tests

demo: ## Encode, decode and measure a real clip (VIDEO=path names another).
	@scripts/setup.sh
	@scripts/wheel.sh
	@$(PYTHON) -m neural_codec demo $(if $(VIDEO),"$(VIDEO)") --output out/demo

test: setup test-rust test-c test-python ## Install what is missing and run every test there is.

test-rust: ## Run the Rust tests, and say which left something out.
	@rm -f $(RUST_REPORT)
	cargo nextest run $(RUST_TESTS) --no-fail-fast; status=$$?; python3 scripts/skipped.py $(RUST_REPORT); exit $$status
	# As the line above builds them, so that nothing is compiled again; the blocks of codec-ffi are C.
	cargo test $(RUST_TESTS) --exclude codec-ffi --doc

test-c: ## Build the C examples and tests against the header and run them.
	codec-ffi/tests/run.sh

test-python: ## Build the wheel, install it in .venv and run its tests.
	@scripts/wheel.sh
	$(PYTHON) -m pytest -q -n 2 --dist loadfile $(addprefix --ignore=,$(ALONE)) codec-py/tests; status=$$?; \
		$(PYTHON) -m pytest -q $(ALONE) || status=$$?; exit $$status

cluster-test: ## Install Ray into .venv and test a cluster of two nodes on this machine.
	@scripts/setup.sh tests
	@scripts/wheel.sh
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -c codec-py/requirements-constraints.txt "ray[client]==2.60.0"
	$(PYTHON) -m pytest codec-py/tests/test_cluster.py codec-py/tests/experiments/test_launch.py

gpu-test: ## Test and measure on a real GPU; tables and hashes go to out/gpu (or OUT). Fails where there is no GPU.
	@scripts/gpu-test.sh build
	@scripts/gpu-test.sh run

arm-test: ## Test in an emulator that 64-bit ARM gives the same bits.
	scripts/arm-test.sh

kernels: setup ## Compile the CUDA kernels anew into neural-codec/src/gpu/ (PTX and machine code).
	NEURAL_CODEC_WRITE_KERNELS=1 cargo test -p neural-codec --test cuda_kernels the_embedded

lint: ## Check formatting, lints, the crate without its features, the links of the API documentation, and that Cargo.lock is what the manifests ask for.
	@cargo metadata --locked --format-version 1 --filter-platform "$$(rustc --print host-tuple)" >/dev/null
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features -- -D warnings
	cargo check --quiet -p neural-codec --no-default-features
	@if cargo deny --version >/dev/null 2>&1; then $(MAKE) --no-print-directory deny; else echo "skipped licenses and sources: make deny installs cargo-deny"; fi
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps -p neural-codec -p codec-ffi --all-features

deny: ## Check licenses, duplicates and sources of all dependencies (deny.toml).
	@scripts/cargo-tool.sh cargo-deny 0.20.2
	cargo deny --all-features check licenses bans sources

msrv: ## Check that everything builds with the oldest Rust that Cargo.toml promises.
	@case "$$(rustc --version)" in "rustc $(MSRV)."*) cargo check --workspace --all-targets --all-features ;; \
		*) rustup toolchain install --profile minimal $(MSRV) && cargo +$(MSRV) check --workspace --all-targets --all-features ;; esac

features: ## Check that every set of features builds.
	@scripts/cargo-tool.sh cargo-hack 0.6.46
	cargo hack check -p neural-codec --feature-powerset --all-targets

semver: ## Compare the public Rust API with that of BASELINE (a revision, default main).
	@scripts/cargo-tool.sh cargo-semver-checks 0.51.0
	cargo semver-checks -p neural-codec --all-features --baseline-rev $(or $(BASELINE),main)

package: ## Check that the crate that would be published is whole: builds from what is packed.
	cargo package -p neural-codec --allow-dirty

docs: ## Write the API pages of Rust (target/doc) and Python (out/docs); C's are include/neural_codec.h itself.
	cargo doc --no-deps -p neural-codec --all-features
	@scripts/wheel.sh
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -c codec-py/requirements-constraints.txt pdoc==16.0.0
	$(PYTHON) -m pdoc --docformat markdown --output-directory out/docs neural_codec neural_codec.records

bench: ## Run the criterion benches.
	cargo bench --workspace --all-features

overhead: ## Time the same encode of CLIP in Rust, C and Python.
	@scripts/setup.sh
	@scripts/wheel.sh
	cargo build --release -p eval --bin time_encode
	cargo build --release -p codec-ffi
	$(PYTHON) eval/bindings/compare.py $(or $(CLIP),$(error name a clip: make overhead CLIP=a.mp4))

picture: ## Draw the picture of the README from its table (docs/images/).
	python3 eval/python/floor_picture.py docs/images/floor.tsv docs/images/floor.svg

rd: ## Compare with SVT-AV1, x265, x264 and ab-av1 at a quality floor (CLIPS="a.mp4 b.mkv"; RD=--curves for BD-rates).
	@scripts/setup.sh
	@scripts/wheel.sh
	$(PYTHON) eval/python/rd.py $(or $(CLIPS),$(error name clips: make rd CLIPS="a.mp4 b.mkv")) $(RD)

ladder: ## What each effort takes and saves beside presets that are told their quantizer (CLIPS="a.mp4 b.mkv"; LADDER=--efforts 3,5).
	@scripts/setup.sh
	@scripts/wheel.sh
	cargo build --release -p eval --bin grid --bin encode
	$(PYTHON) eval/python/ladder.py $(or $(CLIPS),$(error name clips: make ladder CLIPS="a.mp4 b.mkv")) $(LADDER)

exhaustive: ## How far from the coarsest quantizer that meets the floor scenes are stored (CLIPS="a.mp4 b.mkv"; EXHAUSTIVE=--effort 5).
	@scripts/setup.sh
	@scripts/wheel.sh
	cargo build --release -p eval --bin grid --bin encode
	$(PYTHON) eval/python/exhaustive.py $(or $(CLIPS),$(error name clips: make exhaustive CLIPS="a.mp4 b.mkv")) $(EXHAUSTIVE)

searchers: ## Compare with ab-av1 and Av1an, which search quantizers for a VMAF or XPSNR (CLIPS="a.mp4 b.mkv"; SEARCHERS="--frames 100 --av1an 6").
	@scripts/setup.sh
	@scripts/wheel.sh
	$(PYTHON) eval/python/searchers.py $(or $(CLIPS),$(error name clips: make searchers CLIPS="a.mp4 b.mkv")) $(SEARCHERS)

rates: ## Compare bitrate targets with SVT-AV1's own two-pass VBR (CLIPS="a.mp4 b.mkv"; RATES=--presets 8).
	@scripts/setup.sh
	@scripts/wheel.sh
	cargo build --release -p eval --bin encode
	$(PYTHON) eval/python/rates.py $(or $(CLIPS),$(error name clips: make rates CLIPS="a.mp4 b.mkv")) $(RATES)

stills: ## Compare still pictures with AVIF, JPEG XL and WebP (PICTURES="a.png b.png", or NEURAL_CODEC_MEDIA with kodak/; STILLS="--only neural").
	@scripts/setup.sh
	@scripts/wheel.sh
	$(PYTHON) eval/python/stills.py $(PICTURES) --output out/stills $(STILLS)
	$(PYTHON) eval/python/stills_picture.py out/stills/points.tsv out/stills/means.tsv out/stills/curves.svg

still-crops: ## Write out/stills/crops.png: PICTURES="a.png b.png" coded, beside AVIF of as many bytes (CROPS="--settings effort=9 min_psnr=33").
	@scripts/setup.sh
	@scripts/wheel.sh
	$(PYTHON) eval/python/still_crops.py $(or $(PICTURES),$(error name pictures: make still-crops PICTURES="a.png b.png")) $(CROPS)

profiles: ## Write out/profiles.html: a frame, the class and the metrics of every scene of CLIPS.
	@scripts/setup.sh
	@scripts/wheel.sh
	$(PYTHON) eval/python/profiles.py $(or $(CLIPS),$(error name clips: make profiles CLIPS="a.mp4 b.mkv"))

filters: ## What neural filters gain on CLIPS (FILTERS="--effort 9" and the like).
	@scripts/setup.sh
	@scripts/wheel.sh
	$(PYTHON) eval/python/filters.py $(or $(CLIPS),$(error name clips: make filters CLIPS="a.mp4 b.mkv")) $(FILTERS)

rules: ## Compare planners of rules on the measured grid, and run the best for real (needs NEURAL_CODEC_MEDIA and ffmpeg).
	@scripts/setup.sh
	@scripts/wheel.sh
	mkdir -p out/rules
	cp -n docs/experiments/rules/grid.* out/rules/
	$(PYTHON) eval/python/rule_search.py grid out/rules/grid.tsv out/rules/excerpts
	$(PYTHON) eval/python/rule_search.py search out/rules/grid.tsv out/rules/found.json
	$(PYTHON) eval/python/rule_search.py real out/rules/grid.tsv out/rules/excerpts out/rules/found.json
	$(PYTHON) eval/python/rule_search.py picture out/rules/found.json out/rules/best-so-far.svg

worker-numbers: ## Measure what the experiment system costs and whether it loses jobs; the table goes to out/worker-numbers.md (WORKER=scaling).
	@scripts/setup.sh tests
	@scripts/wheel.sh
	$(PYTHON) benches/experiments/measure.py $(WORKER) --table out/worker-numbers.md

cluster-numbers: ## Measure how CLIPS, joined, spread over simulated nodes of a Ray cluster; the table goes to out/cluster-numbers.md.
	@scripts/setup.sh tests
	@scripts/wheel.sh
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -c codec-py/requirements-constraints.txt "ray[client]==2.60.0"
	$(PYTHON) benches/cluster/efficiency.py --table out/cluster-numbers.md $(if $(EFFORT),--effort $(EFFORT)) $(or $(CLIPS),$(error name clips: CLIPS="a.mp4 b.mkv"))

base-networks: ## Train the networks that filters begin with anew, on CLIPS and PHOTOS.
	scripts/pan_photos.sh target/photos $(or $(PHOTOS),$(error name photographs: PHOTOS="a.jpg b.jpg"))
	cargo run --release -p eval --bin train_base -- neural-codec/src/filter/base_networks \
		$(or $(CLIPS),$(error name clips: CLIPS="a.mp4 b.mkv")) target/photos/*.y4m

still-networks: ## Train the networks that neural stills begin with anew, on PHOTOS (hours; needs jax, optax and pillow).
	$(PYTHON) eval/python/still_networks.py neural-codec/src/still/base_networks \
		$(or $(PHOTOS),$(error name photographs: PHOTOS="a.jpg b.jpg"))

photo-network: ## Train the filter of photos anew, on PHOTOS (hours; needs torch and pillow).
	$(PYTHON) eval/python/photo_copies.py target/photo-network/photos $(or $(PHOTOS),$(error name photographs: PHOTOS="a.jpg b.jpg"))
	mkdir -p target/photo-network/planes
	cargo run --release -p eval --bin photo_planes -- target/photo-network/planes psnr 4 10,18,27,36,45,54 target/photo-network/photos/*.png
	$(PYTHON) eval/python/photo_network.py neural-codec/src/filter/base_networks/photo.bin target/photo-network/planes

still-filter: ## Train the filter over neural stills anew, on PHOTOS (hours; needs torch).
	mkdir -p target/still-filter/planes
	cargo run --release -p eval --bin still_planes -- target/still-filter/planes 7 256 18=3e-4,27=1e-3,36=3e-3 \
		$(or $(PHOTOS),$(error name photographs: PHOTOS="a.jpg b.jpg"))
	$(PYTHON) eval/python/photo_network.py neural-codec/src/filter/base_networks/still_wide.bin target/still-filter/planes \
		--start neural-codec/src/filter/base_networks/still.bin --hidden 48 --layers 8 --steps 12000

fuzz: ## Run each fuzz target for 10 minutes (needs a nightly toolchain and cargo-fuzz).
	scripts/fuzz.sh 600

python: ## Build the Python package against the system's FFmpeg and install it in .venv.
	@scripts/setup.sh
	@scripts/wheel.sh

wheel: ## Build the wheel that carries its libraries, and the sdist, into dist/portable, and try it.
	@scripts/setup.sh
	@scripts/portable-wheel.sh

capi: ## Install the C library, its header and its pkg-config file under PREFIX (default /usr/local).
	@scripts/setup.sh compilers
	@scripts/capi.sh "$(or $(PREFIX),/usr/local)"

header: ## Write include/neural_codec.h anew from codec-ffi.
	NEURAL_CODEC_WRITE_HEADER=1 cargo test -p codec-ffi --test header
