#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# make series: writes the mails to out/series-<version>/, and makes sure that git am gives the tree of the overlay.
. "$(dirname "$0")/lib.sh"

# What the mails are for, at the foot of the cover letter.
base_line() {
	local full deb
	full=$(awk -F' *= *' '/^(VERSION|PATCHLEVEL|SUBLEVEL) =/ { v = v "." $2 } /^EXTRAVERSION/ { print substr(v, 2) $2; exit }' \
		"$PRISTINE/Makefile")
	if [ -n "$LINUX" ]; then
		if git -C "$LINUX" rev-parse -q --verify HEAD >/dev/null 2>&1; then
			printf 'base-commit: %s' "$(git -C "$LINUX" rev-parse HEAD)"
		else
			printf 'Base: Linux %s' "$full"
		fi
		return
	fi
	deb=$(find "$DL" -maxdepth 1 -name "linux-source-${KERNEL}_*.deb" -printf '%f\n' | sort -V | tail -n 1)
	deb=${deb#*_}
	printf 'Base: Linux %s%s' "$full" "${deb:+, in Debian linux-source-$KERNEL ${deb%_all.deb}}"
}

start=$(now)
out=$OUT/series-$KERNEL
said=$("$TOP/tools/series.py" "$PRISTINE" "$TREE" "$KERNEL" "$out" "$(base_line)") || exit 1
show "series for $KERNEL" "$(took $(($(now) - start))), $said (out/${out##*/})"
