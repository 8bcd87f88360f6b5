# The targets name what there is to do; each is one command that also works alone.
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -E '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort

run: ## run the whole bus on this machine
	go run ./cmd/eventbus dev

check: ## formatting, vet, staticcheck, tidy modules
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	go mod tidy -diff
	for module in interop/go examples/go; do (cd $$module && go vet ./... && go mod tidy -diff) || exit 1; done

test: ## the tests; what needs more than Go skips with a reason
	go test ./...

e2e: ## the journeys of the command line
	go test -count=1 -run TestScripts ./cmd/eventbus

interop: ## stock clients, Apache Kafka and Avro, Schemathesis and a Backstage (installs them)
	EVENTBUS_REQUIRE=java EVENTBUS_SOAK=1 go test -count=1 -timeout 20m -v -run TestAgainstJava ./internal/registry/avro
	cd interop/go && EVENTBUS_REQUIRE=all go test -count=1 -p 1 -timeout 40m ./...

image: ## start the root file system of the container image in a chroot (needs root)
	deploy/check-rootfs.sh

bench: ## the benchmarks of the packages
	go test -run '^$$' -bench . -benchmem ./...

soak: ## property tests, walks and kills at full count; the seed is printed
	EVENTBUS_SOAK=1 EVENTBUS_REQUIRE=java go test -count=1 -timeout 120m ./internal/iam/... ./internal/registry/... ./internal/cluster ./internal/onboarding ./internal/server ./cmd/eventbus
	cd interop/go && EVENTBUS_SOAK=1 EVENTBUS_REQUIRE=all go test -count=1 -timeout 60m -v ./serve

.PHONY: help run check test e2e interop image bench soak
