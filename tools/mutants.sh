# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Shared by stress-mutants.sh and e2e-mutants.sh: a copy of the tree with a bug in it. Sourced after lib.sh, with $like
# the kernel that is copied, $arch its architecture and $flavour the copy's name.

: "${like:?}" "${arch:?}" "${flavour:?}"

# Copies beside the originals, at the same depth, so that links in the tree still point to our files.
FROM=$(outdir "$like")
T=$BASE/mutant-$KERNEL O=$(outdir "$flavour")

copy() {
	rm -rf "$T" "$T.before" "$O" && cp -al "$TREE" "$T" && cp -a "$FROM" "$O" || return 1
	find "$O" \( -name '*.cmd' -o -name '.*.d' -o -path "$O/Makefile" \) -type f -print0 |
		xargs -0 sed -i "s|$TREE/|$T/|g; s|$TREE\$|$T|; s|$FROM|$O|g" || return 1
	rm -f "$O/source" "$O/.resmgr-built"
}

# Our own files are real ones in the copy, as they are in the repository but for the change of the patch.
plant() { # patch
	rm -rf "$T.new" "$T.here"
	mkdir -p "$T.here" && cp -r "$TOP"/{lib-resmgr,include,media,tracepoints,kunit} "$T.here/" || return 1
	patch -s -p1 -F0 -d "$T.here" -i "$1" || return 1
	"$TOP/tools/overlay.py" files "$KERNEL" "$T.new" "$T.here" || return 1
	# Only what differs is written, or all would be built again.
	(cd "$T.new" && find . -type f -name '*.[ch]') | while read -r f; do
		cmp -s "$T.new/$f" "$T/$f" && continue
		rm -f "$T/$f" && cp "$T.new/$f" "$T/$f" || exit 1
	done
	# ccache writes dependencies on our headers as paths of this repository, where they have not changed.
	sed -n 's|^+++ b/\(.*\.h\)$|\1|p' "$1" | while read -r f; do
		grep -rlF --include='.*.cmd' "../../$f " "$O"
	done | sed 's|/\.\([^/]*\)\.cmd$|/\1|' >"$T.now"
	# And those that had the bug before.
	cat "$T.now" "$T.before" 2>/dev/null | xargs -r rm -f
	mv "$T.now" "$T.before"
}

# Those that are not in the tree: of the headers that have the bug now.
outside() {
	local M=$BASE/modules-$KERNEL-$flavour
	[ -d "$BASE/modules-$KERNEL-$like" ] || return 0
	rm -rf "$M" && cp -a "$BASE/modules-$KERNEL-$like" "$M" || return 1
	find "$M" \( -name '*.o' -o -name '.*.cmd' \) -delete
	make -C "$O" ARCH=$arch CC="$KCC" -j"$JOBS" M="$M" modules
}

build() { # patch
	plant "$1" && make -C "$T" ARCH=$arch O="$O" CC="$KCC" -j"$JOBS" all && outside && "$TOP/tools/initramfs.sh" "$flavour"
}
