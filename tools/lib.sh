# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Shared by the scripts in tools/: where things are, how a stage is run and shown. Sourced, not run.

set -u
set -o pipefail
export LC_ALL=C

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
KERNEL=${KERNEL:-6.12}
LINUX=${LINUX:-}
JOBS=${JOBS:-$(nproc)}

die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# A kernel is supported when there are patches for it.
KERNELS=$(cd "$TOP/drivers-base-patches" && for d in */series; do printf '%s ' "${d%/series}"; done)
case " $KERNELS" in *" $KERNEL "*) ;; *) die "KERNEL=$KERNEL: there are patches for these kernels: $KERNELS";; esac

DL=$TOP/build/dl
LOGS=$TOP/build/log
OUT=$TOP/out
TMP=$TOP/build/tmp
BASE=$TOP/build
if [ -n "$LINUX" ]; then
	[ -d "$LINUX" ] || die "LINUX=$LINUX is not a directory"
	LINUX=$(cd "$LINUX" && pwd -P)
	# The user's tree has its own corner under build/, so that switching costs no rebuild.
	BASE=$TOP/build/user-$(printf '%s' "$LINUX" | cksum | cut -d' ' -f1)
fi
PRISTINE=$BASE/linux-$KERNEL	# never modified
TREE=$BASE/tree-$KERNEL		# pristine + our files + our patches
SERIES=$TOP/drivers-base-patches/$KERNEL/series
mkdir -p "$DL" "$LOGS" "$OUT" "$TMP" "$BASE"

outdir() { printf '%s/out-%s-%s' "$BASE" "$KERNEL" "$1"; }
srcdir() { case $1 in stock) printf '%s' "$PRISTINE";; *) printf '%s' "$TREE";; esac; }

# ccache is used when it is there, never required. Depend mode: a miss costs one run of the compiler and not a
# preprocessor run as well, a quarter of a first build.
export CCACHE_DEPEND=${CCACHE_DEPEND:-1}
KCC=gcc
if command -v ccache >/dev/null 2>&1 && [ -z "${CCACHE_DISABLE:-}" ]; then
	KCC='ccache gcc'
fi

now() { date +%s; }
took() { # seconds -> 1m42s
	if [ "$1" -ge 60 ]; then printf '%dm%02ds' $(($1 / 60)) $(($1 % 60)); else printf '%ds' "$1"; fi
}
show() { # label, text: one aligned line
	local dots=.............................................
	printf '  %s %s %s\n' "$1" "${dots:${#1}}" "$2"
}

# show_fail LABEL SECONDS LOG: what a stage that failed leaves on the screen
show_fail() {
	show "$1" "FAILED after $(took "$2")"
	# A parallel make goes on for a while after what went wrong.
	{ grep -aE '(^|[ :])(fatal )?error: ' "$3" | head -n 10; tail -n 15 "$3"; } | sed 's/^/    | /'
	echo "error: '$1' failed; the whole log is in $3" >&2
}

# stage LABEL LOG COMMAND...: runs it with its output in LOG; one line when it is done, a line every 20 s
# meanwhile. A command may leave a remark for that line in LOG.note. Stops the script when it fails.
stage() {
	local label=$1 log=$2 start pid rc t n next=20 note=
	shift 2
	start=$(now)
	: >"$log"
	rm -f "$log.note"
	# A process group of its own (-m), so that an interrupt ends a make and all that it started.
	set -m
	("$@") >"$log" 2>&1 </dev/null &
	pid=$!
	set +m
	# shellcheck disable=SC2064 # the pid of now is meant
	trap "kill -- -$pid 2>/dev/null; wait $pid 2>/dev/null; exit 130" INT TERM
	while kill -0 $pid 2>/dev/null; do
		sleep 0.2
		t=$(($(now) - start))
		if [ $t -ge $next ]; then
			n=$(grep -cE '^  (CC|AS|HOSTCC|LD) ' "$log")
			printf '    %s: %s so far%s\n' "$label" "$(took $t)" "$([ "$n" -eq 0 ] || echo ", $n files built")"
			next=$((next + 20))
		fi
	done
	wait $pid
	rc=$?
	trap - INT TERM
	t=$(($(now) - start))
	if [ $rc -ne 0 ]; then
		show_fail "$label" $t "$log"
		exit 1
	fi
	[ -s "$log.note" ] && note=" ($(cat "$log.note"))"
	rm -f "$log.note"
	show "$label" "$(took $t)$note"
}
