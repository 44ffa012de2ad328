# SPDX-License-Identifier: GPL-2.0
# The one entry point. Everything it makes is under build/ (fetched and built) and out/ (results).

# Which kernel, and where from: KERNEL=6.12 or 7.3; LINUX=DIR for a source tree of your own (never modified).
# make test is for both, unless one is named; make apply finds out.
ASKED := $(KERNEL)
KERNELS := $(or $(KERNEL),$(if $(LINUX),6.12,6.12 7.3))
KERNEL ?= 6.12
LINUX ?=
export KERNEL LINUX FILE ALL UNDER
# A stage prints one line; make has nothing to add. Stages use make -j themselves.
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:
T := tools

help:
	@echo 'make demo              the unbind/close race, mainline driver and converted, a table (first 5 min, then 5 s)'
	@echo 'make test              KUnit, programs in booted kernels, checks; 6.12 and 7.3  (first 60 min, then 20 min)'
	@echo 'make test-all          the same, and what takes longer: see tools/test-all.sh'
	@echo 'make kunit             the KUnit suites only; 7.3: once more without KASAN (first 7 min, then 20 s)'
	@echo 'make kunit-arch [ARCHS="arm64 arm"]   our KUnit suites on other machines: arm64, arm64-mte, arm, s390,'
	@echo '                       x86-tiny, x86-rt, x86-kcsan; else all   (each 10 min first, then 2 to 5 min)'
	@echo 'make e2e [SUITES=...]  the end-to-end suites only, or the named ones       (first 9 min, then 30 s)'
	@echo 'make kselftest          the selftests that go into the kernel'"'"'s tree        (as make e2e)'
	@echo 'make stress [SECONDS=60] [SEED=N]   everything at once, at random, on two CPUs'
	@echo 'make torture [SECONDS=60] [BUG=ungated]   calls and unbinds in the kernel, as many as it can; a bug planted in it'
	@echo 'make drivers           real drivers that need a PC, in QEMU, stock and ours  (first 25 min, then 6 min)'
	@echo 'make drm               a DRM device unbound while it is open, and IGT, in QEMU   (first 25 min, then 10 min)'
	@echo 'make media             V4L2 drivers unbound while they stream, in QEMU        (first 25 min, then 15 min)'
	@echo 'make model             the protocols in every interleaving (spin), and as litmus tests (herd7)   (1 min)'
	@echo 'make compliance        v4l2-compliance on stock and ours, test by test       (3 min)'
	@echo 'make v4l2-table        what system calls on video files return, into the docs  (20 s)'
	@echo 'make coverage          which lines of lib-resmgr the tests run, to out/coverage/  (after make kunit and e2e, 6 min)'
	@echo 'make trace-tools       build and test resmgr-trace, for the trace events    (15 s)'
	@echo 'make find              which drivers of a kernel have the bug, to out/find.json   (3 min)'
	@echo 'make convert FILE=F    convert a driver, as far as a script can             (1 min)'
	@echo 'make dkms              cdevm as a module for Debian'"'"'s kernels, a package: out/cdevm-dkms_*.deb   (10 s)'
	@echo 'make dkms-test         install it in Debians, boot their kernels with it     (first 8 min, then 4 min)'
	@echo 'make bpf               the bpftrace scripts on Debian'"'"'s own kernel             (after make dkms-test, 1 min)'
	@echo 'make shell             boot the patched kernel to a prompt, sample loaded  (first 5 min, then 3 s)'
	@echo 'make check             checkpatch --strict, kernel-doc, sparse             (first 5 min, then 40 s)'
	@echo 'make docs              our pages as HTML, out/html/index.html               (first 1 min, then 10 s)'
	@echo 'make apply LINUX=DIR   lay this work over a source tree of your own        (2 s)'
	@echo 'make series            mails for git am, several series: out/series-VERSION  (30 s)'
	@echo 'make series-check      build and test the series mail by mail              (first 2 h, goes on where it was)'
	@echo 'make bench             what it costs, in instructions and bytes, beside its peers   (first 30 min, then 5 min)'
	@echo 'make build-check       W=1, x86-64, allnoconfig, few options, allmodconfig, arm64, clang, tests as modules  (first 45 min, then 5 min)'
	@echo 'make clean             remove what was built, keep what was downloaded'
	@echo
	@echo 'KERNEL=7.3 or 7.2 with the others: for that kernel; the default is 6.12, and 6.12 and 7.3 for test, test-all,'
	@echo 'stress, torture and dkms-test.'
	@echo 'LINUX=DIR with the others: use that tree instead of Debian'"'"'s source; it is copied, never modified.'
	@echo 'JOBS=N: compile N files at a time. Logs are in build/log/, results in out/.'

source:
	@$T/deps.sh
	@$T/source.sh

tree: source
	@$T/overlay.sh

kernels: tree
	@$T/build.sh stock
	@$T/build.sh ours
	@$T/build.sh smp
	@$T/initramfs.sh stock ours smp

demo: tree
	@$T/build.sh ours
	@$T/initramfs.sh ours
	@$T/demo.sh

e2e: kernels
	@$T/e2e.sh $(SUITES)

kunit: tree
	@$T/kunit.sh $(if $(FILTER),'$(FILTER)')
	@$T/kunit.sh --plain $(if $(FILTER),'$(FILTER)')

kunit-arch: tree
	@FILTER='$(FILTER)' $T/kunit-arch.sh $(ARCHS)

shell: tree
	@$T/build.sh ours
	@$T/initramfs.sh ours
	@$T/boot.sh ours shell - 0

check: tree
	@$T/build.sh ours
	@$T/check.sh

docs: tree
	@$T/docs.sh

test:
	@$T/test.sh $(KERNELS)

test-all:
	@$T/test-all.sh $(KERNELS)

SECONDS ?= 60
SEED ?= 1
stress:
	@$(foreach k,$(KERNELS),$(MAKE) KERNEL=$k stress-$k &&) :
stress-%: tree
	@SECONDS_EACH=$(SECONDS) SEED=$(SEED) $T/stress.sh

torture:
	@SUITES=torture BUG=$(BUG) $(MAKE) stress

kselftest:
	@$(MAKE) e2e SUITES=kselftest

drivers drm media: tree
	@$T/boots.sh $@

dkms:
	@$T/dkms.sh deb

bpf:
	@$T/bpf.sh

dkms-test:
	@$(foreach k,$(KERNELS),$(MAKE) KERNEL=$k tree &&) KERNELS_ONLY="$(KERNELS)" $T/dkms.sh test

coverage: tree
	@$T/coverage.sh

model: source
	@$T/model.sh
	@$T/litmus.sh

compliance: kernels
	@$T/compliance.sh

# Two boots, and the table of docs/cdevm-media.rst made of what they say.
v4l2-table: kernels
	@$T/e2e.sh v4l2-calls
	@$T/v4l2-table.py docs/cdevm-media.rst build/log/e2e-$(KERNEL)-stock-v4l2-calls.log \
		build/log/e2e-$(KERNEL)-ours-v4l2-calls.log

trace-tools:
	@$T/deps.sh
	@$T/trace-tools.sh

find: $(if $(LINUX),,source)
	@$T/find.sh || [ $$? -eq 1 ]

convert: tree
	@$T/deps.sh
	@$T/convert.sh

series: tree
	@$T/series.sh

series-check: tree
	@$T/series-check.sh

build-check: tree
	@$T/build-check.sh

# Instructions are counted on one CPU; two CPUs at once there are in the User Mode Linux of 7.3.
bench: tree
	@$T/bench.sh count
	@$T/bench.sh arm64
	@$(if $(LINUX),:,$(MAKE) KERNEL=7.3 bench-contended)
	@$T/bench.sh report
bench-contended: tree
	@$T/bench.sh contended

apply:
	@test -n "$(LINUX)" || { echo 'error: say which tree: make apply LINUX=DIR' >&2; exit 1; }
	@$T/overlay.py apply "$(LINUX)" $(ASKED)

clean:
	@rm -rf out $(filter-out build/dl,$(wildcard build/*))
	@echo '  cleaned; downloads are kept in build/dl'

.PHONY: help bpf docs kselftest torture source tree kernels demo e2e kunit kunit-arch shell check test test-all stress drivers drm media coverage compliance v4l2-table model dkms dkms-test trace-tools find convert series \
	series-check build-check bench bench-contended apply clean
