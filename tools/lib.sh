# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Shared by the scripts in tools/: paths, and how a stage is run and shown. Sourced, not run.

set -u
set -o pipefail
export LC_ALL=C

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
KERNEL=${KERNEL:-6.12}
LINUX=${LINUX:-}
JOBS=${JOBS:-$(nproc)}

die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# A kernel is supported when there is a file about it; the oldest first.
PATCHES=$TOP/drivers-base-patches
KERNELS=$(cd "$PATCHES" && for d in */kernel; do printf '%s\n' "${d%/kernel}"; done | sort -V | tr '\n' ' ')
case " $KERNELS" in *" $KERNEL "*) ;; *) die "KERNEL=$KERNEL: there are patches for these kernels: $KERNELS";; esac

DL=$TOP/build/dl
LOGS=$TOP/build/log
OUT=$TOP/out
TMP=$TOP/build/tmp/$KERNEL	# two kernels may be tested at the same time
BASE=$TOP/build
if [ -n "$LINUX" ]; then
	[ -d "$LINUX" ] || die "LINUX=$LINUX is not a directory"
	LINUX=$(cd "$LINUX" && pwd -P)
	# The user's tree has its own corner under build/, so that switching costs no rebuild.
	BASE=$TOP/build/user-$(printf '%s' "$LINUX" | cksum | cut -d' ' -f1)
fi
PRISTINE=$BASE/linux-$KERNEL	# never modified
TREE=$BASE/tree-$KERNEL		# pristine + our files + our patches
mkdir -p "$DL" "$LOGS" "$OUT" "$TMP" "$BASE"

# about WORD: what the file about this kernel says of it
about() { awk -v w="$1" '$1 == w { $1 = ""; sub(/^ /, ""); print }' "$PATCHES/$KERNEL/kernel"; }

# The options in tools/configs that are for one kernel: this one's, or those of another that fit.
OPTIONS_OF=$(about options)
OPTIONS_OF=${OPTIONS_OF:-$KERNEL}

outdir() { printf '%s/out-%s-%s' "$BASE" "$KERNEL" "$1"; }
srcdir() { case $1 in stock) printf '%s' "$PRISTINE";; *) printf '%s' "$TREE";; esac; }

# ccache is used when it is there, never required. Depend mode: a miss costs one run of the compiler and not a
# preprocessor run as well, a quarter of a first build. Paths below this repository are relative ones to it, so that
# another clone finds the same objects.
export CCACHE_DEPEND=${CCACHE_DEPEND:-1} CCACHE_BASEDIR=${CCACHE_BASEDIR:-$TOP} CCACHE_NOHASHDIR=1
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

pack() { # folder -> archive on stdout; sorted and root-owned, whoever builds it
	(cd "$1" && find . -print0 | sort -z | cpio --quiet -0 -o -H newc -R 0:0 | gzip -n -1)
}

# seed FROM FROM-SOURCE TO TO-SOURCE IMAGE: a kernel that is not there yet starts as a copy of the objects of another that
# has the same options but for ours, and whose IMAGE was built: a file that includes no header that we change compiles
# to the same object, and the dependency files say which those are.
seed() {
	local S=$1 from=$2 O=$3 to=$4 image=$5
	[ ! -e "$O" ] && [ -e "$S/$image" ] || return 0
	rm -rf "$O.new"
	cp -a "$S" "$O.new" || return 1
	# What names the source tree: saved command lines, dependencies (relative ones come from ccache), the generated
	# Makefile.
	find "$O.new" \( -name '*.cmd' -o -name '.*.d' -o -path "$O.new/Makefile" \) -type f -print0 |
		xargs -0 sed -i "s|$from|$to|g; s|\([ \t]\)\.\./${from##*/}/|\1$to/|g; s|$S|$O|g" || return 1
	rm -f "$O.new/source" "$O.new/$image" "$O.new/vmlinux" "$O.new/.resmgr-built" "$O.new/.resmgr-config"
	rm -rf "$O.new/lib/resmgr" "$O.new/samples"
	# This tree's version of a patched file may be older than the objects that were made from the other's: those go.
	[ "$from" != "$to" ] || { mv "$O.new" "$O"; return; }
	sed -n "s|^+++ b/\(.*\)|$to/\1|p" "$PATCHES"/{common,"$KERNEL"}/*.patch | sort -u >"$TMP/patched"
	# No match would mean that nothing was patched, or that the files look different: then nothing may be kept.
	grep -rlF --include='.*.cmd' -f "$TMP/patched" "$O.new" >"$TMP/stale" || { rm -rf "$O.new"; return 0; }
	sed 's|/\.\([^/]*\)\.cmd$|/\1|' "$TMP/stale" | xargs rm -f || return 1
	mv "$O.new" "$O"
}

# modules_outside FOLDER FILE[:NAME]...: makes FOLDER one that make can be pointed at with M=, to build modules that
# are not in the kernel's tree. The files are linked there, under their own names if no other is said.
modules_outside() {
	local M=$1 f name objs=
	shift
	mkdir -p "$M"
	find "$M" -maxdepth 1 -type l -delete
	for f in "$@"; do
		name=${f##*[:/]}
		ln -sf "${f%:*}" "$M/$name"
		case $name in *.c) objs="$objs ${name%.c}.o";; esac
	done
	{
		printf '# SPDX-License-Identifier: GPL-2.0\n# Generated by tools/lib.sh\n'
		# Some headers are beside the drivers that they are for.
		for f in platform/chrome platform/x86/dell fsi char/ipmi char/xilinx_hwicap platform/goldfish media/pci/dt3155 \
			video/fbdev; do
			# shellcheck disable=SC2016 # srctree is make's
			printf 'ccflags-y += -I$(srctree)/drivers/%s\n' "$f"
		done
		printf 'obj-m :=%s\n' "$objs"
	} >"$M/Kbuild.new"
	if cmp -s "$M/Kbuild.new" "$M/Kbuild"; then rm "$M/Kbuild.new"; else mv "$M/Kbuild.new" "$M/Kbuild"; fi
}

# configure FRAGMENT...: the configuration of $O, with kmake, of these options and no others; the last word on an option
# counts. Each must have survived kconfig: one that is dropped in silence (SLUB_TINY and KASAN, say) would make a test
# that cannot fail. allnoconfig: what is not asked for is off, default or not.
configure() {
	local stamp bad
	stamp=$(cat "$@" "$0" | cksum)
	[ -f "$O/.config" ] && [ "$(cat "$O/.resmgr-config" 2>/dev/null)" = "$stamp" ] && return 0
	rm -f "$O/.resmgr-config"
	mkdir -p "$O"
	cat "$@" >"$O/.config.want" || return 1
	kmake -s KCONFIG_CONFIG="$O/.config.next" KCONFIG_ALLCONFIG="$O/.config.want" allnoconfig || return 1
	# A configuration that turns out the same must not look newer.
	cmp -s "$O/.config.next" "$O/.config" || cp "$O/.config.next" "$O/.config"
	bad=$(awk '
		!/^CONFIG_/ { next }
		{ i = index($0, "="); option = substr($0, 1, i - 1); value = substr($0, i + 1) }
		FNR == NR { have[option] = value; next }
		{ want[option] = value }
		END { for (o in want) { h = (o in have) ? have[o] : "n"; if (h != want[o]) print o "=" want[o] } }
	' "$O/.config" "$O/.config.want" | sort | tr '\n' ' ')
	rm -f "$O"/.config.next* "$O/.config.want"
	if [ -n "$bad" ]; then
		echo "error: these options did not survive kconfig, look at what they depend on: $bad"
		return 1
	fi
	printf '%s\n' "$stamp" >"$O/.resmgr-config"
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

# apt_install PACKAGE...: as root. One at a time, whoever asks for it. An image may have no package lists, or old ones.
apt_install() (
	exec 9>"$TOP/build/apt.lock" && flock 9 || return 1
	export DEBIAN_FRONTEND=noninteractive
	apt-get install -q -y --no-install-recommends "$@" ||
		{ apt-get update -q && apt-get install -q -y --no-install-recommends "$@"; }
)

# have_program PROGRAM PACKAGE: is there such a program? With apt, and as root, there will be.
have_program() {
	command -v "$1" >/dev/null 2>&1 && return 0
	[ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1 || return 1
	(stage "install $2" "$LOGS/apt-$2.log" apt_install "$2")
	command -v "$1" >/dev/null 2>&1
}
