# Two commands are all that a newcomer needs: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BUF_VERSION := 1.75.0
BUF := .tools/node_modules/.bin/buf
SECONDS ?= 60
MINUTES ?= 30
SEED ?= 1
# How many tests run at once in `make test`; most of them wait for processes.
WORKERS ?= 3
# Compiled code is kept whatever the environment says: pytest rewrites 280 files, and the tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run accelerator test unit check coverage protos bench bench-cost bench-media bench-calls-death bench-calls-janus bench-calls-page bench-calls-loss soak-calls media-crashes ledger ledger-cluster simulate picture picture-calls buf
.DEFAULT_GOAL := help

help: ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

$(VENV)/.runs: pyproject.toml sdk/python/pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt -e 'sdk/python[cli,load,calls]' -e '.[media,calls]'
	command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null || $(BIN)/pip install -q -c constraints.txt -e '.[ffmpeg]'
	touch $@

$(VENV)/.tests: $(VENV)/.runs
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	touch $@

$(BUF):
	command -v npm >/dev/null || { apt-get update -q && apt-get install -qy npm; }
	mkdir -p .tools && npm install --silent --no-save --no-audit --no-fund --prefix .tools @bufbuild/buf@$(BUF_VERSION)

.tools/faketime:
	command -v faketime >/dev/null || { apt-get update -q && apt-get install -qy faketime; }
	mkdir -p .tools && touch $@

# The server's program alone: Debian's package redis-server would start a service on this machine, its twin redis-tools does not.
.tools/redis-server:
	command -v redis-server >/dev/null || command -v redis-check-rdb >/dev/null || { apt-get update -q && apt-get install -qy redis-tools; }
	mkdir -p .tools && ln -sf "$$(command -v redis-server || command -v redis-check-rdb)" $@

# The system's ffmpeg, which gets security fixes, and what its sandbox is made of.
.tools/ffmpeg:
	command -v ffmpeg >/dev/null && command -v bwrap >/dev/null || \
	  { apt-get update -q && apt-get install -qy --no-install-recommends ffmpeg bubblewrap; }
	mkdir -p .tools && touch $@

# A real browser for the tests of calls, and the relay. Debian's package would start the relay as a service: masked, it does not.
.tools/calls:
	command -v chromium >/dev/null && command -v turnserver >/dev/null || { \
	  mkdir -p /etc/systemd/system && [ -e /etc/systemd/system/coturn.service ] || ln -s /dev/null /etc/systemd/system/coturn.service; \
	  apt-get update -q && apt-get install -qy --no-install-recommends chromium coturn; }
	mkdir -p .tools && touch $@

# What the bench of calls is held beside. Its service, too, stays masked.
.tools/janus:
	command -v janus >/dev/null || { \
	  mkdir -p /etc/systemd/system && [ -e /etc/systemd/system/janus.service ] || ln -s /dev/null /etc/systemd/system/janus.service; \
	  apt-get update -q && apt-get install -qy --no-install-recommends janus; }
	mkdir -p .tools && touch $@

# The C fan-out of calls: optional, and needs a compiler.
calls/native/fan_out.so: calls/native/fan_out.c
	command -v cc >/dev/null || { apt-get update -q && apt-get install -qy --no-install-recommends gcc libc6-dev; }
	cc -O2 -fPIC -shared -std=c11 -Wall -Wextra -Wconversion -Werror -o $@ $<

accelerator: calls/native/fan_out.so ## build the C fan-out of calls, for those who set fan_out = compiled

# What reads the files under deploy/. Debian's package prometheus would start a service: its one program is taken out of it.
.tools/deploy:
	command -v docker-compose >/dev/null || { apt-get update -q && apt-get install -qy --no-install-recommends docker-compose; }
	command -v systemd-analyze >/dev/null || { apt-get update -q && apt-get install -qy --no-install-recommends systemd; }
	command -v openssl >/dev/null || { apt-get update -q && apt-get install -qy --no-install-recommends openssl; }
	mkdir -p .tools/prometheus
	cd .tools/prometheus && { apt-get download -q prometheus || { apt-get update -q && apt-get download -q prometheus; }; } && \
	  dpkg -x prometheus_*.deb . && mv usr/bin/promtool .. && cd .. && rm -r prometheus
	touch $@

# A real Cassandra for the tests: about 70 MB, kept outside the checkout.
CASSANDRA ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tidewire/cassandra-5.0.5
export TW_TESTS_CASSANDRA := $(CASSANDRA)

$(CASSANDRA)/lib: | $(VENV)/.tests
	$(BIN)/python -m tests.support.cassandra.fetch

# A real MinIO for the tests, built from source since that is how it comes: 150 MB, kept outside the checkout.
MINIO ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tidewire/minio-7aac2a2c5b7c
export TW_TESTS_MINIO := $(MINIO)

$(MINIO)/minio: | $(VENV)/.tests
	$(BIN)/python -m tests.support.minio.fetch

buf: $(BUF)

run: $(VENV)/.runs ## start a node with everything embedded, and say what to try
	$(BIN)/python -m server --with media,calls

# The SDK alone, on the oldest and the newest of what it depends on.
.venv-sdk-oldest/.done: sdk/python/pyproject.toml
	$(PYTHON) -m venv .venv-sdk-oldest
	.venv-sdk-oldest/bin/pip install -q grpcio==1.76.0 protobuf==6.31.1 -e sdk/python
	touch $@

.venv-sdk-newest/.done: sdk/python/pyproject.toml
	$(PYTHON) -m venv .venv-sdk-newest
	.venv-sdk-newest/bin/pip install -q --upgrade grpcio protobuf -e sdk/python
	touch $@

test: $(VENV)/.tests $(BUF) accelerator .venv-sdk-oldest/.done .venv-sdk-newest/.done .tools/faketime .tools/redis-server .tools/ffmpeg .tools/deploy .tools/calls $(CASSANDRA)/lib $(MINIO)/minio ## install what the tests need, check, and run all of them
	$(MAKE) check coverage
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder

unit: $(VENV)/.tests ## the tests that need no process
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder -m 'not process'

coverage: $(VENV)/.tests ## the playbooks take every branch of all domains
	$(BIN)/python -m coverage run -m pytest tests/server/domain tests/server/test_codec.py tests/sdk/test_outbox.py \
	  tests/media/rules tests/media/domain tests/calls/domain
	$(BIN)/python -m coverage report

check: $(VENV)/.tests $(BUF) ## style, types, layers, contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=sdk/python $(BIN)/lint-imports
	cd protos && ../$(BUF) lint
	cd protos && if git rev-parse -q --verify HEAD~1:protos >/dev/null; then \
	  ../$(BUF) breaking --against '../.git#branch=main,ref=HEAD~1,subdir=protos'; fi
	$(MAKE) -s generated

.PHONY: generated
generated: .venv-protos/.done
	@rm -rf .tools/gen && mkdir -p .tools/gen
	@cd protos && ../.venv-protos/bin/python -m grpc_tools.protoc -I. --python_out=../.tools/gen --pyi_out=../.tools/gen \
	  --grpc_python_out=../.tools/gen tidewire/v1/*.proto tidewire/internal/v1/*.proto
	@cd .tools/gen && for f in tidewire/v1/* tidewire/internal/v1/*; do cmp $$f ../../sdk/python/$$f || \
	  { echo "generated code is stale: run 'make protos'"; exit 1; }; done

.venv-protos/.done: Makefile
	$(PYTHON) -m venv .venv-protos
	.venv-protos/bin/pip install -q grpcio-tools==1.76.0 protobuf==6.31.1 setuptools==80.9.0
	touch $@

protos: .venv-protos/.done ## write sdk/python/tidewire/v1 and internal/v1 from protos/, with the oldest tools that the SDK supports
	find sdk/python/tidewire/v1 sdk/python/tidewire/internal/v1 -name '*_pb2*' -delete
	cd protos && ../.venv-protos/bin/python -m grpc_tools.protoc -I. --python_out=../sdk/python --pyi_out=../sdk/python \
	  --grpc_python_out=../sdk/python tidewire/v1/*.proto tidewire/internal/v1/*.proto

bench: $(VENV)/.tests ## figures per server CPU-second, one JSON line each
	$(BIN)/python -m tests.bench.chat

bench-cost: $(VENV)/.tests $(CASSANDRA)/lib ## rows and statements per message on a CQL database
	$(BIN)/python -m tests.bench.cost

bench-media: $(VENV)/.tests .tools/ffmpeg $(MINIO)/minio ## figures of the media worker beside ffmpeg, a bare stream and the S3 SDK
	$(BIN)/python -m tests.bench.media

bench-calls-death: $(VENV)/.tests .tools/redis-server ## how soon media is back when the process of a call of eight is killed
	$(BIN)/python -m tests.bench.calls_death 8 5

bench-calls-janus: $(VENV)/.tests .tools/janus ## the forwarding unit beside Janus, the same load in turns; rows are kept in .tools/calls-bench.jsonl
	$(BIN)/python -m tests.bench.forwarders --out .tools/calls-bench.jsonl

bench-calls-loss: $(VENV)/.tests .tools/janus ## freezes and gaps in the sound under loss and jitter, the unit and Janus in turns
	$(BIN)/python -m tests.bench.forwarders.loss

soak-calls: $(VENV)/.tests ## people join and leave for MINUTES (default 30): descriptors, threads and memory, and whether they grow
	$(BIN)/python -m tests.bench.forwarders.soak $(MINUTES)

bench-calls-page: $(VENV)/.tests ## docs/calls-bench.md from those rows
	$(BIN)/python -m tests.bench.forwarders.page .tools/calls-bench.jsonl

ledger: $(VENV)/.tests .tools/faketime ## the long ledger: at least 2,000 cuts; SEED=N for another plan
	$(BIN)/python -m pytest tests/ledger --cuts 2000 --seed $(SEED)

media-crashes: $(VENV)/.tests .tools/ffmpeg $(MINIO)/minio ## the media worker dies at every moment of uploads of every kind, over a folder and over S3
	$(BIN)/python -m pytest tests/media/test_crashes.py --crash-step 1 -s

ledger-cluster: $(VENV)/.tests .tools/redis-server $(CASSANDRA)/lib ## three nodes, Redis and a database of three lose a part every few seconds, for SECONDS
	$(BIN)/python -m pytest tests/cluster_ledger/test_cluster_ledger.py --seconds $(SECONDS) --seed $(SEED)

simulate: $(VENV)/.tests ## random schedules of nodes and devices for SECONDS (default 60)
	$(BIN)/python -m tests.simulation.run --seconds $(SECONDS)

picture: $(VENV)/.tests ## docs/chat.svg, taken from the real chat
	$(BIN)/python -m docs.picture

picture-calls: $(VENV)/.tests .tools/calls ## docs/calls.png, taken from the page in a real browser
	$(BIN)/python -m docs.calls_picture
