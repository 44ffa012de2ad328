#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# docs.sh: our pages as HTML, made by the kernel's own make htmldocs. A warning about one of them, or about a comment
# that they include, is a failure.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

O=$BASE/out-$KERNEL-docs
LOG=$LOGS/docs-$KERNEL.log
SUBJECT=driver-api/driver-model
HTML=$O/Documentation/output/$SUBJECT

html() {
	# From scratch: Sphinx warns of a page only when it makes it.
	rm -rf "$O" && mkdir -p "$O" &&
		make -C "$TREE" O="$O" SPHINXDIRS="$SUBJECT" PYTHONDONTWRITEBYTECODE=1 htmldocs
}

start=$(now)
stage "make htmldocs" "$LOG" html
# Another kernel's pages may be made at the same time: the last ones stay.
rm -rf "$BASE/html-$KERNEL"
cp -r "$HTML" "$BASE/html-$KERNEL" &&
	flock "$BASE/html.lock" sh -c 'rm -rf "$2" && mv "$1" "$2"' - "$BASE/html-$KERNEL" "$OUT/html" || die "make htmldocs has left no $HTML; its log is $LOG"
{
	# What it would like to have for pictures, of which our pages have none, is no finding.
	grep -E '(WARNING|ERROR|CRITICAL): ' "$LOG" | grep -v '(1) not found'
	for page in "$TOP"/docs/*.rst; do
		page=$(basename "$page" .rst)
		[ -s "$HTML/$page.html" ] || echo "docs/$page.rst: no page was made of it"
	done
} >"$TMP/docs"
n=$(grep -c . "$TMP/docs")
if [ "$n" -eq 0 ]; then
	record 1 0 0
	show "documentation as HTML" "$(took $(($(now) - start))), clean (out/html/index.html)"
	exit 0
fi
record 0 1 0
show "documentation as HTML" "$(took $(($(now) - start))), FAILED: $n findings"
head -n 40 "$TMP/docs" | sed 's/^/    /'
echo "error: make htmldocs warns; the whole log is in $LOG" >&2
exit 1
