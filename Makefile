# Every target does its own set-up first (iso/setup.sh); `make` alone says what there is.
#
#   make run ARGS='log=debug' FIRMWARE=uefi MEMORY=2G CPU=max QEMU_ARGS='-vnc :1'
#   make test ONLY='*PageAllocator*'
#   make flash DEV=/dev/disk/by-id/usb-...

SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory
export DOTNET_CLI_TELEMETRY_OPTOUT := 1
export DOTNET_NOLOGO := 1
export ARGS FIRMWARE MEMORY CPU QEMU_ARGS FIREWIRE

# What the kernel is made of. Tests are built with the solution, and always asked: dotnet knows what is up to date.
sources := $(shell find Kernel Mm Drivers Boot -type f -not -path '*/obj/*' -not -path '*/bin/*' -not -name packages.lock.json) \
  Directory.Build.props Directory.Packages.props global.json

.PHONY: help
help: ## says what there is (this)
	@echo 'Sluice: a C# kernel that boots from an ISO, owns its memory, and proves it.'
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20
	@echo
	@echo "  variables of run and debug: ARGS='log=debug' FIRMWARE=uefi MEMORY=2G CPU=max QEMU_ARGS='-vnc :1'"

.PHONY: setup
setup: ## gets what is missing: Debian packages, a newer QEMU, NuGet packages
	@iso/setup.sh

iso/sluice.elf: $(sources)
	@iso/build.sh Kernel/Kernel.csproj
	@touch $@

iso/sluice.iso: iso/sluice.elf Boot/grub.cfg Boot/refuse.s Boot/stop.inc iso/make-iso.sh
	@iso/make-iso.sh

.PHONY: iso
iso: setup ## builds iso/sluice.iso: CD and USB stick, BIOS and UEFI
	@$(MAKE) -s iso/sluice.iso

model := tests/FireWireModel/bin/Debug/net10.0/Sluice.FireWireModel.dll
$(model): $(shell find tests/FireWireModel tests/VfioUser -name '*.cs*' -not -path '*/obj/*' -not -path '*/bin/*') Directory.Build.props Directory.Packages.props global.json
	@iso/build.sh tests/FireWireModel/FireWireModel.csproj
	@touch $@

.PHONY: run
run: iso $(model) ## boots it in QEMU, runs the self-tests, then the shell (exits with the tests' status when stdin is no terminal)
	@iso/run.sh

.PHONY: debug
debug: iso ## boots it in QEMU and attaches gdb at the first line of C#
	@iso/run.sh --gdb

.PHONY: test test-all
test: solution ## runs the hosted tests and the boot tests; writes out/junit.xml
	@dotnet exec $(runner) $(if $(ONLY),--only '$(ONLY)')

test-all: solution ## the same with the whole boot matrix and soaks of ten minutes (an hour more)
	@dotnet exec $(runner) --all $(if $(ONLY),--only '$(ONLY)')

.PHONY: test-firewire-model
test-firewire-model: solution ## boots Debian's Linux on the FireWire controller's model, all its machines (installs Debian's kernel packages)
	@iso/setup.sh linux
	@dotnet exec $(runner) --all --only 'Sluice.Tests.FireWire.Linux*' FireWire

.PHONY: test-firewire-linux
test-firewire-linux: solution ## boots Sluice and Linux on one emulated FireWire bus (installs Debian's kernel packages)
	@iso/setup.sh linux
	@dotnet exec $(runner) --all --only 'Sluice.Tests.Boot.FireWireLinux*' Boot

.PHONY: test-mutations
test-mutations: solution ## leaves each hand-over out of each driver in turn; its tests must notice
	@dotnet exec tests/Unit/bin/Debug/net10.0/Sluice.Tests.Unit.dll -namespace Sluice.Tests.Mutations -showLiveOutput

.PHONY: fuzz
fuzz: solution ## plays hostile devices against their drivers, a minute long: TIME=600 CARD=e1000e SEED=1f REPLAY=...
	@SLUICE_FUZZ_TIME='$(TIME)' SLUICE_FUZZ_CARD='$(CARD)' SLUICE_FUZZ_SEED='$(SEED)' SLUICE_FUZZ_REPLAY='$(REPLAY)' \
	  dotnet exec tests/Unit/bin/Debug/net10.0/Sluice.Tests.Unit.dll -method '*FuzzTests.For_longer' -explicit only -showLiveOutput -noColor -noLogo

runner := tests/Runner/bin/Debug/net10.0/Sluice.Tests.Runner.dll

.PHONY: solution
solution: iso
	@iso/build.sh Kernel.sln

.PHONY: bench
bench: iso $(model) ## prints what operations cost, in instructions
	@tests/Bench/bench.sh

.PHONY: bench-linux
bench-linux: iso $(model) ## the same beside Linux in the same QEMU, as a table (installs Debian's kernel packages)
	@iso/setup.sh linux
	@tests/Bench/compare.sh

.PHONY: bench-firewire-model
bench-firewire-model: solution ## prints how fast the emulated FireWire controller is, as a table (installs Debian's kernel packages)
	@iso/setup.sh linux
	@tests/Bench/firewire-model.sh

.PHONY: flash
flash: iso ## writes the image to a USB stick: make flash DEV=/dev/disk/by-id/usb-...
	@iso/flash.sh $(if $(DRY_RUN),--dry-run) $(DEV)

.PHONY: check
check: solution ## format and analyzers
	@echo 'check: format and code style'
	@for script in iso/*.sh tests/Bench/*.sh tests/Bench/linux-peer/run.sh .ci/run; do bash -n "$$script" || exit 1; done
	@# It analyzes no project without mscorlib.dll and says so; the build has held the kernel's to the same rules.
	@set -o pipefail; dotnet format Kernel.sln --no-restore --verify-no-changes 2>&1 | \
	  { grep -v -e '^Required references did not load' -e '^Warnings were encountered' || true; }
	@echo 'check: ok'

.PHONY: clean
clean: ## removes everything that was built
	@rm -rf out iso/sluice.iso iso/sluice.elf
	@find Kernel Mm Drivers tests \( -name bin -o -name obj \) -type d -prune -exec rm -rf {} +
