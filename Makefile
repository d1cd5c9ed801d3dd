# What a person does with pxebox, a target each. "make" alone lists them.

# A workspace around the checkout would hide the pinned modules.
export GOWORK := off

STATICCHECK := go tool -modfile=tools/go.mod staticcheck
IMAGE       := build/pxebox-amd64.img
PI_IMAGE    := build/pxebox-rpi.img
INSTALLER   := build/cache/debian-installer
OTHER_SHIM  := build/cache/other-shim

# An update of a box with UEFI, of one from when gokrazy served the update page,
# and by a release's file; new roots that never serve, which a box gives up after
# two minutes; both with the image for the Raspberry Pi; what a restart of the
# machine has to heal; another distribution's shim, which has to be built;
# machines with Secure Boot that refuse several programs, one boot after the
# other; QEMU's Raspberry Pi 3, whose kernel now and then does not start on a busy
# host; an interface that is missing; and the virtual disks of a release.
LONG := TestOtherShim|TestImageServerMode/UEFI_that_(refuses|trusts_2023)|TestImageProxyMode/UEFI_that_(refuses|trusts_2011)|TestUpdateForthAndBack/UEFI|TestUpdateOfBoxFromBefore|TestReleaseUpdate|TestBrokenUpdateFallsBack|TestUpdateRaspberryPi|TestRaspberryPi3|TestPxedThatNeverAnswers|TestInterfaceOfSettings|TestInitHangs|TestReleaseDisks

# The boots that need the kernel from make kernel.
KERNEL_LINES := TestOwnKernel

# gcc and libc6-dev are for the race detector; the rest boots the image: QEMU,
# nasm and gcc for the stand-ins of Microsoft's boot programs, sbsigntool to sign
# those for UEFI, wimtools for a boot.wim, bzip2 for the source of shim, busybox
# for a DHCP client that is not ours, grub-common for its check of a GRUB script,
# mtools to write the image's volume for settings, openssh-client as a client of
# the box's SFTP.
# Only where there is a display does make run want a QEMU that can open a window.
PACKAGES := busybox-static bzip2 ca-certificates curl e2fsprogs gcc git grub-common libc6-dev \
	mtools nasm openssh-client qemu-system-arm qemu-system-x86 sbsigntool wimtools \
	$(if $(DISPLAY)$(WAYLAND_DISPLAY),qemu-system-gui)

# The browser that make e2e tries the box's page with. Its fonts are those that
# Debian's fontconfig depends on.
BROWSER_PACKAGES := chromium

# For the files of a release: virtual disks, compressed images.
RELEASE_PACKAGES := qemu-utils xz-utils

# What the kernel's own build needs, besides gcc.
KERNEL_PACKAGES := bc bison ca-certificates flex gcc kmod libc6-dev libelf-dev libssl-dev xz-utils zstd

# The DHCP programs of others that ours is tried with. Debian starts Kea's
# server and the relay agent, but as they come they serve no network. netbase
# has /etc/services, where atftp looks for the port of TFTP.
PEER_PACKAGES := busybox-static curl dhcpcd-base dnsmasq-base iproute2 isc-dhcp-client \
	isc-dhcp-relay kea-admin kea-dhcp4-server netbase procps

# Those that are not installed, and where they are.
SERVERS  := atftp atftpd nginx tftp-hpa tftpd-hpa wrk
UNPACKED := build/peers build/peers-lan
comma := ,
# Another mDNS responder and resolver, a server for logs, and ISC's DHCP server.
build/peers-lan: SERVERS := avahi-daemon isc-dhcp-server rsyslog

# The packages that are tried with them on their own.
PEERED := $(addprefix ./,$(dir $(wildcard internal/*/*/*_peers_test.go)))

# The boxes that make update and config have trusted at first sight.
KNOWN := build/known_boxes

# How the programs of a release are linked: they print its version.
VARIABLES := github.com/pxebox/pxebox/internal/base/version
LDFLAGS = -s -w -buildid=$(if $(VERSION), -X $(VARIABLES).release=$(VERSION) \
	-X $(VARIABLES).commit=$(shell git describe --always --exclude='*' --abbrev=12 --dirty))

# What make cli builds for, and where.
CLI     := linux-amd64 linux-arm64 darwin-arm64 darwin-amd64 windows-amd64
CLI_DIR := build/cli

# The firmware of the machines that boot in QEMU: that of two Debian releases,
# on a host of either. Both are in the field.
FIRMWARES := build/firmware/bookworm build/firmware/trixie

# What machines with UEFI do, and how one with a BIOS gets to WDS.
FIRMWARE_LINES := TestLabUEFI|TestLabSecureBoot|TestLabStraightToWDS|TestImage(Server|Proxy)Mode/(UEFI|BIOS_to_WDS$$)|TestImageUEFIHTTPBoot|TestImageWDSDown

# Network namespaces need root.
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: deps
deps: go ## install the Debian packages that the other targets need
	@command -v apt-get >/dev/null || { echo "this is not a Debian machine; install these packages: $(PACKAGES)" >&2; exit 1; }; \
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

.PHONY: browser-deps
browser-deps:
	@$(MAKE) -s deps PACKAGES="$(BROWSER_PACKAGES)"

# Debian 12's own Go is too old to read go.mod; go.dev has the right one.
.PHONY: go
go:
	@want=$$(sed -n 's/^go //p' go.mod); \
	got=$$(go version 2>/dev/null | sed -n 's/.* go\([0-9.]*\).*/\1/p'); \
	[ -n "$$got" ] && printf '%s\n' "$$want" "$$got" | sort -CV || \
	{ echo "Go $$want or newer is needed ($${got:-none} found): https://go.dev/doc/install" >&2; exit 1; }

.PHONY: assets
assets: go ## fetch the boot loaders from Debian's packages, and verify them (REFRESH=1: the current versions)
	@go run ./assets/fetch $(if $(REFRESH),-refresh)

.PHONY: tested
tested: ## after make test has passed: record the boot loaders' versions in assets/tested.txt
	@go run ./assets/fetch -tested

.PHONY: build
build: assets ## build the daemons and the pxebox tool into build/bin
	CGO_ENABLED=0 go build -trimpath -o build/bin/ ./cmd/pxed ./cmd/menuwatch ./cmd/pxebox

# It needs no boot loaders: none is in it. VERSION makes it part of a release.
.PHONY: cli
cli: go ## build the pxebox tool for Linux, macOS and Windows into build/cli: make cli [VERSION=1.0.0]
	@for target in $(CLI); do \
		os=$${target%-*} arch=$${target#*-}; \
		file=$(CLI_DIR)/pxebox-$$target$$([ $$os != windows ] || echo .exe); \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch go build -trimpath -ldflags '$(LDFLAGS)' -o $$file ./cmd/pxebox && \
		ls -sh $$file || exit 1; \
	done

# The programs print the version, and the commit.
.PHONY: deb
deb: assets ## build the Debian packages for amd64 and arm64 into build/deb: make deb VERSION=1.0.0
	@packaging/debian/build.sh '$(VERSION)' build/deb

# What is in the packages, for a container engine.
.PHONY: oci
oci: deb ## build the container image for amd64 and arm64, build/pxebox-oci.tar: make oci VERSION=1.0.0
	@go -C tools run ./oci -o $(CURDIR)/build/pxebox-oci.tar \
		$(foreach arch,amd64 arm64,$(CURDIR)/build/deb/pxebox_$(VERSION)_$(arch).deb)
	@ls -sh build/pxebox-oci.tar

# In two folders of one checkout: nothing of the build's place or time is in them.
.PHONY: deb-reproducible
deb-reproducible: assets ## build the Debian packages and the container image twice, and compare them
	rm -rf build/deb-1 build/deb-2
	packaging/debian/build.sh 0~reproducible build/deb-1
	GOCACHE=$$(mktemp -d build/deb-cache.XXXXXX) && export GOCACHE=$(CURDIR)/$$GOCACHE && \
		{ packaging/debian/build.sh 0~reproducible build/deb-2; code=$$?; rm -rf "$$GOCACHE"; exit $$code; }
	for n in 1 2; do go -C tools run ./oci -o $(CURDIR)/build/deb-$$n/oci.tar $(CURDIR)/build/deb-$$n/*.deb || exit 1; done
	diff -r build/deb-1 build/deb-2 && echo "both builds are equal"

.PHONY: deb-test
deb-test: assets ## install, upgrade and purge the Debian package in a minimal Debian: RELEASE=12 or 13 (needs debootstrap)
	packaging/debian/build.sh 0~test build/deb-test amd64
	@$(if $(SUDO),$(SUDO) -E env PATH="$$PATH") tools/deb-test.sh '$(RELEASE)' build/deb-test/pxebox_0~test_amd64.deb

.PHONY: image
image: deps assets ## build the appliance's disk image, build/pxebox-amd64.img
	@gokrazy/image.sh pxebox-amd64 $(IMAGE)

.PHONY: image-rpi
image-rpi: deps assets ## build the image for the Raspberry Pi 3, 4, 5 and Zero 2 W, build/pxebox-rpi.img
	@gokrazy/image.sh pxebox-rpi $(PI_IMAGE)

# Without it an image for PCs has the kernel that gokrazy builds.
.PHONY: kernel
kernel: go ## build the kernel for release images from Debian's source, into build/kernel: 17 minutes (REFRESH=1: the current source)
	@$(MAKE) -s deps PACKAGES="$(KERNEL_PACKAGES)"
	@gokrazy/kernel/build.sh

# After make kernel, which records the source that it builds from. A file that the
# mirror lacks is an error; MISSING_SOURCES=list lists it instead.
.PHONY: sources
sources: assets ## download the source of the boot programs and the kernel, which a release offers, into build/sources
	@packaging/release/sources.sh

# KEY is minisign's secret key, and MINISIGN_PASSWORD in the environment its password.
.PHONY: release
release: release-deps assets kernel ## build all that a release offers, signed, into build/release: make release VERSION=1.0.0 KEY=path/to/minisign.key
	@$(MAKE) -s sources
	@packaging/release/build.sh '$(VERSION)' '$(KEY)' build/release

.PHONY: release-deps
release-deps: deps
	@$(MAKE) -s deps PACKAGES="$(RELEASE_PACKAGES)"

.PHONY: release-key
release-key: go ## make a key for releases: make release-key KEY=path/to/minisign.key
	@[ -n "$(KEY)" ] || { echo "in which file? make release-key KEY=path/to/minisign.key" >&2; exit 1; }
	@go -C tools run ./release key '$(abspath $(KEY))'

.PHONY: release-reproducible
release-reproducible: release-deps assets kernel ## build a release twice, in different places, and compare all files
	@$(MAKE) -s sources
	@packaging/release/reproducible.sh '$(or $(VERSION),0~reproducible)' '$(KEY)'

.PHONY: firmware
firmware: $(FIRMWARES) ## unpack the firmware of Debian 12 and 13 for machines in QEMU, into build/firmware

.PHONY: run
run: image $(FIRMWARES) ## boot the image and a client in QEMU: firmware, menu, WDS (UEFI=1: no BIOS; KEEP=1 leaves them up)
	go run ./e2e/cmd/lab -image $(IMAGE) $(if $(UEFI),-uefi) $(if $(KEEP),-keep)

.PHONY: screenshot
screenshot: image browser-deps $(FIRMWARES) ## update the pictures in docs: the menu on clients' screens, the page in a browser
	go run ./e2e/cmd/lab -image $(IMAGE) -screenshot docs/menu.png
	go run ./e2e/cmd/lab -image $(IMAGE) -uefi -screenshot docs/menu-uefi.png
	go test -tags e2e -count=1 -timeout 15m -run TestImagePageInBrowser ./e2e -screenshots ../docs

.PHONY: test
test: lint unit e2e peers ## lint, unit, e2e and peers: all tests except the slow ones

.PHONY: lint
lint: deps assets ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "run gofmt -w on:" $$unformatted >&2; exit 1; }
	tools/words.sh
	go vet ./...
	go vet -tags e2e ./...
	go vet -tags peers ./...
	CGO_ENABLED=0 GOOS=darwin go build -o /dev/null ./cmd/pxebox ./cmd/menuwatch # for people with a Mac
	CGO_ENABLED=0 GOOS=windows go build -o /dev/null ./cmd/pxebox
	go -C tools vet ./...
	$(STATICCHECK) ./...
	$(STATICCHECK) -tags e2e ./...
	$(STATICCHECK) -tags peers ./...
	go -C tools tool staticcheck ./...

.PHONY: unit
unit: deps assets $(FIRMWARES) ## run the packages' tests with the race detector
	go test -race ./...
	go -C tools test ./... # nothing in parallel, and deriving a key takes ten times as long with -race

# Each line of the tests has clients with the firmware of one release.
# FIRMWARE=bookworm or trixie gives all of them that one's, and ACCEL=tcg or kvm
# replaces the trial of KVM; both reach the tests through the environment.
.PHONY: e2e
e2e: image image-rpi browser-deps $(INSTALLER) $(FIRMWARES) ## boot the image and clients in QEMU, and watch them reach WDS, also in a browser (ACCEL=tcg: without KVM)
	tools/tested.sh go test -tags e2e -count=1 -v -timeout 45m -skip '$(LONG)|$(KERNEL_LINES)' ./e2e/...

.PHONY: e2e-generations
e2e-generations: image $(INSTALLER) $(FIRMWARES) ## run the clients of make e2e with the firmware of Debian 12, then 13
	for release in $(notdir $(FIRMWARES)); do \
		FIRMWARE=$$release tools/tested.sh go test -tags e2e -count=1 -v -timeout 35m -run '$(FIRMWARE_LINES)' ./e2e || exit 1; \
	done

.PHONY: e2e-long
e2e-long: release-deps image image-rpi $(INSTALLER) $(OTHER_SHIM) $(FIRMWARES) ## run the tests that make e2e leaves out: they are slow and rarely fail
	tools/tested.sh go test -tags e2e -count=1 -v -timeout 45m -run '$(LONG)' ./e2e

# The image is built after the kernel, so that it has it.
.PHONY: e2e-kernel
e2e-kernel: kernel $(FIRMWARES) ## boot the image with the kernel from make kernel on the hardware that gokrazy's does not support
	@$(MAKE) -s image
	tools/tested.sh go test -tags e2e -count=1 -v -timeout 30m -run '$(KERNEL_LINES)' ./e2e

# Root needs this person's Go and settings.
.PHONY: newcomer
newcomer: ## do what the README says in a minimal Debian: RELEASE=12 or 13 (TARGETS="run run-uefi test"; needs debootstrap)
	@$(if $(SUDO),$(SUDO) -E env PATH="$$PATH") tools/newcomer.sh '$(RELEASE)' $(TARGETS)

.PHONY: power-cuts
power-cuts: image $(FIRMWARES) ## cut the power of working boxes, CUTS=200 times (SEED=1 PHASES=settings,leases)
	go test -tags e2e -count=1 -v -timeout 12h -run 'TestPowerCuts' ./e2e -cuts $(or $(CUTS),200) -cut-seed $(or $(SEED),1) -cut-phases '$(PHASES)'

.PHONY: peers
peers: deps peer-deps build $(UNPACKED) $(FIRMWARES) ## test against third-party DHCP clients, relays and servers, and the Debian package and container image
	packaging/debian/build.sh 0~peers build/deb-peers amd64
	go -C tools run ./oci -o $(CURDIR)/build/oci-peers.tar $(CURDIR)/build/deb-peers/pxebox_0~peers_amd64.deb
	tools/tested.sh go test -tags peers $(if $(SUDO),-exec $(SUDO)) -count=1 -v -timeout 30m -p 1 ./peers/... $(PEERED)

.PHONY: bench-dhcp
bench-dhcp: peer-deps build ## DHCP servers side by side, into docs/performance.md (RUNS=3 CORES=2; SERVER=pxed: one, to the screen)
	go build -o build/bin/ ./peers/cmd/bench-dhcp
	$(SUDO) unshare --mount build/bin/bench-dhcp -runs $(or $(RUNS),1) -cores $(or $(CORES),1$(comma)2) $(if $(SERVER),-server '$(SERVER)',-write docs/performance.md)

# Debian's network installer, the live system that e2e boots: the one of the
# host's release, since any will do and that one is on every mirror. Its files
# change with each point release, so no sum is pinned: apt checks the package
# against the archive's signature, and it is never part of an image.
$(INSTALLER):
	rm -rf $@.new
	. /etc/os-release && assets/unpack.sh $@.new "debian-installer-$$VERSION_ID-netboot-amd64"
	mv $@.new/usr/lib/debian-installer/images/*/amd64/text/debian-installer/amd64 $@
	rm -rf $@.new

# A shim as another distribution has it, and the key of that distribution. apt
# checks the source against the archive's signature; it is never part of an image.
$(OTHER_SHIM):
	rm -rf $@.new
	tools/shim.sh $@.new
	mv $@.new $@

# EDK2 for PCs and for QEMU's own ARM machine, iPXE as the ROM of QEMU's e1000,
# and gnu-efi for a program that EDK2 starts. The two releases have some of them
# in different directories. "packages" says which versions they are. apt checks
# the packages; they are never part of an image.
$(FIRMWARES):
	rm -rf $@.new
	assets/unpack.sh -r $(@F) $@.new/debian gnu-efi ipxe-qemu ovmf qemu-efi-aarch64
	cd $@.new && for file in OVMF_CODE_4M.fd OVMF_CODE_4M.secboot.fd OVMF_VARS_4M.fd OVMF_VARS_4M.ms.fd \
		QEMU_EFI.fd pxe-e1000.rom; do mv -t . $$(find debian -type f -name $$file) || exit 1; done
	cd $@.new && mkdir gnu-efi && mv debian/usr/include/efi gnu-efi/include && mv -t gnu-efi \
		debian/usr/lib/crt0-efi-x86_64.o debian/usr/lib/elf_x86_64_efi.lds debian/usr/lib/libefi.a debian/usr/lib/libgnuefi.a
	cut -d' ' -f1,2 $@.new/debian/packages.txt >$@.new/packages
	rm -r $@.new/debian
	mv $@.new $@

# The servers and clients that are tried from where they are unpacked: to
# install a server's package would start it, and two of these exclude each
# other. apt checks them; they are never part of an image. With each comes what
# apt would install for it, because the names of libraries differ between
# releases, and a minimal Debian has few of them. Where apt's lists are missing
# it cannot tell, and the programs have to find their libraries on the host.
$(UNPACKED):
	rm -rf $@.new
	assets/unpack.sh $@.new $$(for p in $(SERVERS); do echo $$p; \
		LC_ALL=C apt-get -s --no-install-recommends install $$p 2>/dev/null | sed -n 's/^Inst \([^ ]*\) (.*/\1/p'; done | sort -u)
	mv $@.new $@

.PHONY: bench-tftp
bench-tftp: peer-deps build $(UNPACKED) ## TFTP servers side by side, into docs/performance.md (RUNS=1 is quick; CORES=2)
	go build -o build/bin/ ./peers/cmd/bench-tftp
	$(SUDO) build/bin/bench-tftp -runs $(or $(RUNS),3) -cores $(or $(CORES),1$(comma)2) -write docs/performance.md

.PHONY: bench-http
bench-http: peer-deps build $(UNPACKED) ## HTTP next to nginx and net/http alone, into docs/performance.md (RUNS=1 is quick; CORES=2)
	go build -o build/bin/ ./peers/cmd/bench-http
	$(SUDO) build/bin/bench-http -runs $(or $(RUNS),3) -cores $(or $(CORES),1$(comma)2) -write docs/performance.md

.PHONY: bench-storm
bench-storm: peer-deps build ## 200 machines boot at once, next to dnsmasq, into docs/performance.md (MACHINES=20 SIZE=10 is quick; CORES=2)
	go build -o build/bin/ ./peers/cmd/bench-storm
	$(SUDO) build/bin/bench-storm -machines $(or $(MACHINES),200) -size $(or $(SIZE),100) -cores $(or $(CORES),1$(comma)2) -write docs/performance.md

.PHONY: bench-slowdisk
bench-slowdisk: deps peer-deps build ## 500 machines ask for addresses while the disk is slow, into docs/performance.md
	go build -o build/bin/ ./peers/cmd/bench-slowdisk
	$(SUDO) unshare --mount build/bin/bench-slowdisk -write docs/performance.md

.PHONY: structure
structure: go ## print the code's structure: lines, packages, imports between wings, long functions
	@go -C tools run ./structure $(CURDIR)

.PHONY: measure
measure: image image-rpi $(FIRMWARES) ## measure the box's boot time and size, into docs/performance.md
	go run ./e2e/cmd/measure -write docs/performance.md

.PHONY: check
check: go ## check a configuration: make check CONFIG=pxebox.toml
	@[ -n "$(CONFIG)" ] || { echo "which file? make check CONFIG=pxebox.toml" >&2; exit 1; }
	go run ./cmd/pxebox check $(CONFIG)

.PHONY: update
update: image ## update a running box, which falls back if the update is not healthy: make update HOST=192.168.77.1
	@[ -n "$(HOST)" ] || { echo "which box? make update HOST=192.168.77.1" >&2; exit 1; }
	@go run ./cmd/pxebox update --known-boxes $(KNOWN) $(HOST)

.PHONY: update-rpi
update-rpi: image-rpi ## the same for a box that is a Raspberry Pi
	@[ -n "$(HOST)" ] || { echo "which box? make update-rpi HOST=192.168.77.1" >&2; exit 1; }
	@go run ./cmd/pxebox update --known-boxes $(KNOWN) --instance pxebox-rpi $(HOST)

.PHONY: config
config: ## send settings to a running box: make config HOST=192.168.77.1 FILE=pxebox.toml
	@[ -n "$(HOST)" ] && [ -n "$(FILE)" ] || { echo "make config HOST=192.168.77.1 FILE=pxebox.toml" >&2; exit 1; }
	@go run ./cmd/pxebox settings --known-boxes $(KNOWN) $(HOST) $(FILE)

.PHONY: upload
upload: ## send a boot file to a running box: make upload HOST=192.168.77.1 FILE=linux [TO=debian]
	@[ -n "$(HOST)" ] && [ -n "$(FILE)" ] || { echo "make upload HOST=192.168.77.1 FILE=linux [TO=debian]" >&2; exit 1; }
	@go run ./cmd/pxebox upload --known-hosts build/known_hosts $(if $(TO),--to '$(TO)') $(HOST) $(FILE)

.PHONY: tidy
tidy: assets ## go mod tidy, also for tools and the image's builddir
	go mod tidy
	cd tools && go mod tidy
	cd gokrazy/builddir && go mod tidy

# What go.mod names, directly or not. Below gvisor and gok further modules are
# older; they are in no program. A module that the proxy does not list is shown
# with a question mark.
.PHONY: outdated
outdated: ## list the modules that have a newer version
	@for dir in . tools gokrazy/builddir; do \
		echo "$$dir:"; \
		(cd $$dir && go list -m -u -e -f '{{with .Update}}	{{$$.Path}} {{$$.Version}} -> {{.Version}}{{end}}{{if and .Error (not .Replace)}}	{{.Path}} {{.Version}} -> ?{{end}}' \
			$$(sed -n 's/^	\([^ ]*\) v[0-9].*/\1/p' go.mod) | sed '/^$$/d'); \
	done

.PHONY: clean
clean: ## remove everything built and fetched, except what running boxes are known by: build/update-*, build/known_*
	rm -rf assets/*/usr assets/manifest.json
	[ ! -d build ] || find build -mindepth 1 -maxdepth 1 ! -name 'update-password' ! -name 'update-certificate.pem' ! -name 'known_*' -exec rm -rf {} +
