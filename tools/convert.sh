#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# convert.sh: converts drivers to cdevm as far as a script can, and offers the patches that compile and that pass
# checkpatch. FILE='drivers/misc/a.c ...' names them; ALL=misc|cdev|video takes those of out/find.json that have
# such a node, ALL=devm every one. The trees are not modified: see out/convert-VERSION/.
. "$(dirname "$0")/lib.sh"

C=$OUT/convert-$KERNEL
python=python3
if [ -n "${ALL:-}" ]; then
	[ -e "$OUT/find.json" ] || die "ALL=$ALL takes the drivers that make find has found: run that first"
	mapfile -t files < <("$python" - "$OUT/find.json" "$ALL" <<-'EOF'
		import json, sys
		node = {"misc": "miscdevice", "cdev": "cdev", "video": "video_device", "devm": ""}[sys.argv[2]]
		for f in dict.fromkeys(f["file"] for f in json.load(open(sys.argv[1]))["findings"]
		                       if f["kind"] == "devm" and any(n.startswith(node) for n in f["nodes"])):
		    print(f)
	EOF
	)
else
	# shellcheck disable=SC2206 # a list of names
	files=(${FILE:-})
fi
[ ${#files[@]} -gt 0 ] || die "say which: make convert FILE=drivers/misc/foo.c, or ALL=misc"

# Everything is on, so that the file is built. Options that only cost time are off.
objects() { # arch compiler-prefix
	local O=$BASE/conv-$KERNEL-$1 args=(ARCH="$1" ${2:+CROSS_COMPILE="$2"})
	[ -e "$O/scripts/module.lds" ] && [ -e "$O/include/generated/asm-offsets.h" ] && return 0
	mkdir -p "$O"
	make -C "$TREE" O="$O" "${args[@]}" allmodconfig &&
	"$TREE/scripts/config" --file "$O/.config" -d WERROR -d DRM_WERROR -d GCC_PLUGINS -d KASAN -d KCSAN -d UBSAN -d KCOV \
		-d GCOV_KERNEL -d FTRACE -e DEBUG_INFO_NONE -d DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT &&
	make -C "$TREE" O="$O" "${args[@]}" olddefconfig &&
	make -C "$TREE" O="$O" "${args[@]}" -j"$JOBS" prepare modules_prepare
}
how=()
stage "objects for x86-64" "$LOGS/convert-x86.log" objects x86_64 ''
how+=(--object "$BASE/conv-$KERNEL-x86_64=x86_64")
if command -v aarch64-linux-gnu-gcc >/dev/null 2>&1; then
	stage "objects for arm64" "$LOGS/convert-arm64.log" objects arm64 aarch64-linux-gnu-
	how+=(--object "$BASE/conv-$KERNEL-arm64=arm64:aarch64-linux-gnu-")
fi
"$python" "$TOP/tools/find/convert.py" "$TREE" "${files[@]}" --out "$C" "${how[@]}"
