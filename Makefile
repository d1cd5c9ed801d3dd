# What a person does with pxebox, a target each. "make" alone lists them.

# A workspace around the checkout would hide the pinned modules.
export GOWORK := off

STATICCHECK := go tool -modfile=tools/go.mod staticcheck
IMAGE       := build/pxebox-amd64.img
PI_IMAGE    := build/pxebox-rpi.img
INSTALLER   := build/cache/debian-installer

# An update of a box with UEFI, new roots that never serve, which a box gives up
# after two minutes, both of these with the image for the Raspberry Pi, and what
# a restart of the machine has to heal.
LONG := TestUpdateForthAndBack/UEFI|TestBrokenUpdateFallsBack|TestUpdateRaspberryPi|TestPxedThatNeverAnswers|TestInitHangs

# gcc and libc6-dev are for the race detector; the rest boots the image:
# QEMU with iPXE as the network card's ROM, nasm and gnu-efi for the stand-ins
# of wdsnbp.com and wdsmgfw.efi, sbsigntool to sign the latter, busybox for a
# DHCP client that is not ours, grub-common for its check of a GRUB script,
# mtools to write the image's volume for settings, openssh-client to upload.
# Only where there is a display does make run want a QEMU that can open a window.
PACKAGES := busybox-static ca-certificates curl e2fsprogs gcc git gnu-efi grub-common \
	ipxe-qemu libc6-dev mtools nasm openssh-client ovmf qemu-efi-aarch64 \
	qemu-system-arm qemu-system-x86 sbsigntool \
	$(if $(DISPLAY)$(WAYLAND_DISPLAY),qemu-system-gui)

# The DHCP programs of others that ours is tried with. Debian starts Kea's
# server and the relay agent, but as they come they serve no network.
PEER_PACKAGES := busybox-static curl dhcpcd-base dnsmasq-base iproute2 isc-dhcp-client \
	isc-dhcp-relay kea-admin kea-dhcp4-server procps

# Where those of them are that are not installed.
UNPACKED := build/peers

# The packages that are tried with them on their own.
PEERED := $(addprefix ./,$(dir $(wildcard internal/*/*_peers_test.go)))

# Network namespaces need root.
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

.PHONY: deps
deps: go ## install the Debian packages that the other targets need
	@command -v apt-get >/dev/null || { echo "this is no Debian machine; needed: $(PACKAGES)" >&2; exit 1; }; \
	missing=$$(for p in $(PACKAGES); do \
		dpkg-query -W -f '$${db:Status-Status}' $$p 2>/dev/null | grep -qx installed || echo $$p; done); \
	[ -n "$$missing" ] || exit 0; \
	sudo=; \
	if [ $$(id -u) != 0 ]; then \
		command -v sudo >/dev/null || { echo "missing packages, and no sudo to install them:" $$missing >&2; exit 1; }; \
		sudo=sudo; \
	fi; \
	echo "installing:" $$missing; \
	$$sudo apt-get -qq update && $$sudo env DEBIAN_FRONTEND=noninteractive \
		apt-get -qq install -y --no-install-recommends $$missing

.PHONY: peer-deps
peer-deps:
	@[ -z "$(SUDO)" ] || command -v sudo >/dev/null || { echo "network namespaces need root, and there is no sudo" >&2; exit 1; }
	@$(MAKE) -s deps PACKAGES="$(PEER_PACKAGES)"

# Debian 12's own Go is too old to read go.mod; go.dev has the right one.
.PHONY: go
go:
	@want=$$(sed -n 's/^go //p' go.mod); \
	got=$$(go version 2>/dev/null | sed -n 's/.* go\([0-9.]*\).*/\1/p'); \
	[ -n "$$got" ] && printf '%s\n' "$$want" "$$got" | sort -CV || \
	{ echo "Go $$want or newer is needed ($${got:-none} found): https://go.dev/doc/install" >&2; exit 1; }

.PHONY: assets
assets: go ## fetch the boot loaders from Debian's packages, and verify them (REFRESH=1: the current ones)
	@go run ./assets/fetch $(if $(REFRESH),-refresh)

.PHONY: tested
tested: ## after make test has passed: note the boot loaders' versions in assets/tested.txt
	@go run ./assets/fetch -tested

.PHONY: build
build: assets ## build both daemons into build/bin
	CGO_ENABLED=0 go build -trimpath -o build/bin/ ./cmd/pxed ./cmd/menuwatch

.PHONY: image
image: deps assets ## build the appliance's disk image, build/pxebox-amd64.img
	@gokrazy/image.sh pxebox-amd64 $(IMAGE)

.PHONY: image-rpi
image-rpi: deps assets ## build it for the Raspberry Pi 3, 4, 5 and Zero 2 W, build/pxebox-rpi.img
	@gokrazy/image.sh pxebox-rpi $(PI_IMAGE)

.PHONY: run
run: image ## boot the image and a client in QEMU: firmware, menu, WDS (UEFI=1: no BIOS; KEEP=1 leaves them up)
	go run ./e2e/cmd/lab -image $(IMAGE) $(if $(UEFI),-uefi) $(if $(KEEP),-keep)

.PHONY: screenshot
screenshot: image ## make docs/menu.png and docs/menu-uefi.png anew, the menu on clients' screens
	go run ./e2e/cmd/lab -image $(IMAGE) -screenshot docs/menu.png
	go run ./e2e/cmd/lab -image $(IMAGE) -uefi -screenshot docs/menu-uefi.png

.PHONY: test
test: lint unit e2e peers ## lint, unit, e2e and peers: everything but what takes long

.PHONY: lint
lint: deps assets ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "run gofmt -w on:" $$unformatted >&2; exit 1; }
	go vet ./...
	go vet -tags e2e ./...
	go vet -tags peers ./...
	go -C tools vet ./...
	$(STATICCHECK) ./...
	$(STATICCHECK) -tags e2e ./...
	$(STATICCHECK) -tags peers ./...
	go -C tools tool staticcheck ./...

.PHONY: unit
unit: deps assets ## the tests of the packages, with the race detector
	go test -race ./...
	go -C tools test -race ./...

.PHONY: e2e
e2e: image image-rpi $(INSTALLER) ## boot the image and clients in QEMU, and watch them reach WDS
	go test -tags e2e -count=1 -v -timeout 35m -skip '$(LONG)' ./e2e/...

.PHONY: e2e-long
e2e-long: image image-rpi ## what make e2e leaves out, for it takes long and fails seldom
	go test -tags e2e -count=1 -v -timeout 45m -run '$(LONG)' ./e2e

.PHONY: power-cuts
power-cuts: image ## cut the power of boxes at work, CUTS=200 times (SEED=1 PHASES=settings,leases)
	go test -tags e2e -count=1 -v -timeout 12h -run 'TestPowerCuts' ./e2e -cuts $(or $(CUTS),200) -cut-seed $(or $(SEED),1) -cut-phases '$(PHASES)'

.PHONY: peers
peers: peer-deps build $(UNPACKED) ## try the programs with the DHCP clients, relays and servers of others
	go test -tags peers $(if $(SUDO),-exec $(SUDO)) -count=1 -v -timeout 20m -p 1 ./peers/... $(PEERED)

.PHONY: bench-dhcp
bench-dhcp: peer-deps build ## DHCP servers side by side, into docs/performance.md (RUNS=1 is quick; SERVER=pxed: one, to the screen)
	go build -o build/bin/ ./peers/cmd/bench-dhcp
	$(SUDO) build/bin/bench-dhcp -runs $(or $(RUNS),3) $(if $(SERVER),-server '$(SERVER)',-write docs/performance.md)

# Debian's network installer, the live system that e2e boots. Its files change
# with each point release, so no sum is pinned: apt checks the package against
# the archive's signature, and it is never part of an image.
$(INSTALLER):
	rm -rf $@.new
	assets/unpack.sh $@.new debian-installer-12-netboot-amd64
	mv $@.new/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64 $@
	rm -rf $@.new

# The servers and clients that are tried from where they are unpacked: to
# install a server's package would start it, and two of these exclude each
# other. apt checks them; they are never part of an image.
$(UNPACKED):
	rm -rf $@.new
	assets/unpack.sh $@.new atftp atftpd libluajit-5.1-2 libwrap0 nginx tftp-hpa tftpd-hpa wrk
	mv $@.new $@

.PHONY: bench-tftp
bench-tftp: peer-deps build $(UNPACKED) ## TFTP servers side by side, into docs/performance.md (RUNS=1 is quick)
	go build -o build/bin/ ./peers/cmd/bench-tftp
	$(SUDO) build/bin/bench-tftp -runs $(or $(RUNS),5) -write docs/performance.md

.PHONY: bench-http
bench-http: peer-deps build $(UNPACKED) ## HTTP beside nginx, into docs/performance.md (RUNS=1 is quick)
	go build -o build/bin/ ./peers/cmd/bench-http
	$(SUDO) build/bin/bench-http -runs $(or $(RUNS),5) -write docs/performance.md

.PHONY: structure
structure: go ## print how the code is built: lines, packages, imports between wings, long functions
	@go -C tools run ./structure $(CURDIR)

.PHONY: measure
measure: image image-rpi ## how fast the box boots and how small it is, into README.md
	go run ./e2e/cmd/measure -write README.md

.PHONY: check
check: assets ## check a configuration: make check CONFIG=pxebox.toml
	@[ -n "$(CONFIG)" ] || { echo "which file? make check CONFIG=pxebox.toml" >&2; exit 1; }
	go run ./cmd/menuwatch -check $(CONFIG)

.PHONY: update
update: image ## send this build to a running box, which goes back if it is not healthy: make update HOST=192.168.77.1
	@[ -n "$(HOST)" ] || { echo "which box? make update HOST=192.168.77.1" >&2; exit 1; }
	@go run ./gokrazy/sendupdate pxebox-amd64 $(HOST)

.PHONY: update-rpi
update-rpi: image-rpi ## the same for a box that is a Raspberry Pi
	@[ -n "$(HOST)" ] || { echo "which box? make update-rpi HOST=192.168.77.1" >&2; exit 1; }
	@go run ./gokrazy/sendupdate pxebox-rpi $(HOST)

.PHONY: config
config: ## send settings to a running box: make config HOST=192.168.77.1 FILE=pxebox.toml
	@[ -n "$(HOST)" ] && [ -n "$(FILE)" ] || { echo "make config HOST=192.168.77.1 FILE=pxebox.toml" >&2; exit 1; }
	@go run ./gokrazy/sendsettings $(HOST) $(FILE)

.PHONY: upload
upload: ## send a boot file to a running box: make upload HOST=192.168.77.1 FILE=linux [TO=debian]
	@[ -n "$(HOST)" ] && [ -n "$(FILE)" ] || { echo "make upload HOST=192.168.77.1 FILE=linux [TO=debian]" >&2; exit 1; }
	@gokrazy/upload.sh $(HOST) $(FILE) $(TO)

.PHONY: tidy
tidy: assets ## go mod tidy, also for tools and the image's builddir
	go mod tidy
	cd tools && go mod tidy
	cd gokrazy/builddir && go mod tidy

.PHONY: clean
clean: ## remove what was built and fetched (but not build/update-*, which boxes know)
	rm -rf assets/*/usr assets/manifest.json
	[ ! -d build ] || find build -mindepth 1 -maxdepth 1 ! -name 'update-password' ! -name 'update-certificate.pem' -exec rm -rf {} +
