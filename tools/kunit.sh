#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kunit.sh [--quiet] [--plain] [FILTER-GLOB]: builds and runs the KUnit kernel through the kernel's own kunit.py. Shows the
# KTAP as it is (not with --quiet), writes out/kunit-<version>.json for KernelCI.
# --plain: another kernel, without KASAN and upstream's suites, for the versions that have a configuration for that.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

quiet='' plain=''
[ "${1:-}" = --quiet ] && { quiet=1; shift; }
[ "${1:-}" = --plain ] && { plain=-plain; shift; }
VERSION_CONF=$TOP/tools/configs/kunit$plain-$OPTIONS_OF.config
[ -z "$plain" ] || [ -e "$VERSION_CONF" ] || exit 0
O=$(outdir kunit$plain)
JSON=$OUT/kunit$plain-$KERNEL.json
BUILDLOG=$LOGS/build-$KERNEL-kunit$plain.log
LOG=$LOGS/kunit$plain-$KERNEL.log
CONF=$TMP/kunit-ours$plain.config

cd "$TREE" || die "no $TREE; run: make kunit"
mkdir -p "$O"
find lib/resmgr/tests/ -name .kunitconfig -exec cat {} + | grep '^CONFIG' | sort -u >"$CONF"
UPSTREAM=$TOP/tools/configs/kunit-upstream.config
if [ -n "$plain" ]; then
	# DRM is most of what there is to build.
	sed -i '/DRM/d' "$CONF"
	grep -vE '^CONFIG_(KASAN.*|KUNIT_TEST|DM_KUNIT_TEST|DRM.*)=' "$UPSTREAM" >"$TMP/kunit-plain.config"
	UPSTREAM=$TMP/kunit-plain.config
fi
FRAGMENTS=("$UPSTREAM" "$CONF")
ARGS=(--kernel_args kasan_multi_shot)
# Two CPUs where this UML has them.
if [ -e "$VERSION_CONF" ]; then
	FRAGMENTS+=("$VERSION_CONF")
	ARGS+=(--kernel_args seccomp=on --kernel_args ncpus=2)
fi
opts=(--build_dir "$O" --arch um --make_options "CC=$KCC" "${FRAGMENTS[@]/#/--kunitconfig=}")
kunit() { python3 tools/testing/kunit/kunit.py "$@"; }

build() {
	local want n
	# kunit.py config starts from scratch each time; only when the options changed, then.
	want=$(cat "${FRAGMENTS[@]}" | cksum)
	if [ "$(cat "$O/.resmgr-config" 2>/dev/null)" != "$want" ] || [ ! -e "$O/.config" ]; then
		kunit config "${opts[@]}" || return 1
		printf '%s\n' "$want" >"$O/.resmgr-config"
	fi
	# kunit.py build shows nothing of make until it is over: with make itself there is progress to show.
	make ARCH=um O="$O" CC="$KCC" -j"$JOBS" all || return 1
	# grep -c finds fault with none.
	n=$(grep -cE '^  (CC|AS|HOSTCC) ' "$BUILDLOG")
	[ "$n" -eq 0 ] && echo "up to date" >"$BUILDLOG.note" || echo "$n files" >"$BUILDLOG.note"
}
stage "build kunit$plain kernel" "$BUILDLOG" build

start=$(now)
# The limit is for what hangs: it takes a minute at most, and on a busy machine many times that.
timeout 1000 python3 tools/testing/kunit/kunit.py exec --build_dir "$O" --arch um --timeout 900 \
	--raw_output=all "${ARGS[@]}" "$@" >"$LOG" 2>&1 </dev/null
rc=$?
all=$O/.config
[ $# -eq 0 ] || all=
[ -n "$quiet" ] || sed -n '/KTAP version/,$p' "$LOG"
judge_kunit "kunit$plain" "$LOG" $rc $(($(now) - start)) "$JSON" "$all"
