#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# boots.sh PART...: builds the kernels of these parts of e2e/boots, boots them in QEMU, and judges the console logs.
# FLAVOURS=x86-kasan,...: only these. SUITES=a,b: only the boots with one of these suites, and only these of them.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"
. "$(dirname "$0")/debian.sh"
. "$(dirname "$0")/v4l-utils.sh"
. "$(dirname "$0")/igt.sh"

LIST=$TOP/e2e/boots
[ $# -gt 0 ] || die "boots.sh: which part? $(awk '!/^#/ && !seen[$1]++ { printf "%s ", $1 }' "$LIST")"
parts=" $* "
status=0 ran=0
declare -A built ran_in tables

# build FLAVOUR: builds it once. A flavour that does not build is one failure.
build() {
	[ -z "${built[$1]:-}" ] || return "${built[$1]}"
	built[$1]=0
	"$TOP/tools/qemu.sh" build "$1" && "$TOP/tools/initramfs.sh" "$1" && return 0
	record 0 1 0
	built[$1]=1
	return 1
}

# those of a list of suites that are asked for
asked() {
	local s list=
	for s in ${1//,/ }; do
		case ",${SUITES:-$s}," in *",$s,"*) list=$list,$s;; esac
	done
	printf '%s' "${list#,}"
}

run() { # flavour seconds suites kernel-argument...
	local first=${3%%,*} log start rc more='' args=(loglevel=6)
	log=$LOGS/$first-$KERNEL-$1.log
	# DEBUG_KOBJECT_RELEASE has a line for each kobject, and a serial port is slow. A leak in the stock kernel is not
	# ours to report.
	case $1 in *-stock) ;; *) args+=(e2e_leaks);; esac
	# Programs of Debian, for this boot only.
	case $first in
	v4l2-compliance)
		stage "v4l2-compliance" "$LOGS/v4l2-compliance.log" compliance_archive || return 1
		more=$COMPLIANCE;;
	igt)
		stage "IGT" "$LOGS/igt.log" igt_archive || return 1
		more=$IGT;;
	esac
	if [ -n "$more" ]; then
		export INITRD=$TMP/initramfs-$first.gz
		cat "$BASE/initramfs-$KERNEL-$1.gz" "$more" >"$INITRD"
	fi
	start=$(now)
	ran_in[$first]+=$1,
	case ,$3, in *,v4l2-calls,*) tables[$1]=$log;; esac
	"$TOP/tools/qemu.sh" boot "$1" "$3" "$log" "$2" "${args[@]}" "${@:4}"
	rc=$?
	[ -z "$more" ] || { rm -f "$INITRD"; unset INITRD; }
	judge "$first $KERNEL $1" "$log" $rc $(($(now) - start)) "KERNEL=$KERNEL FLAVOURS=$1 SUITES=$3 tools/boots.sh$parts"
}

while IFS=$'\t' read -r part flavours seconds suites arguments; do
	case $part in ''|'#'*) continue;; esac
	case $parts in *" $part "*) ;; *) continue;; esac
	suites=$(asked "$suites")
	[ -n "$suites" ] || continue
	for f in ${flavours//,/ }; do
		case ",${FLAVOURS:-$f}," in *",$f,"*) ;; *) continue;; esac
		ran=$((ran + 1))
		# shellcheck disable=SC2086 # a list of arguments
		build "$f" </dev/null && run "$f" "$seconds" "$suites" $arguments </dev/null || status=1
	done
done <"$LIST"
[ $ran -gt 0 ] || die "e2e/boots has nothing for$parts${SUITES:+with SUITES=$SUITES }${FLAVOURS:+with FLAVOURS=$FLAVOURS}"
# A difference between the two kernels is what these look for.
[ "${ran_in[v4l2-compliance]:-}" != x86-media-stock,x86-media, ] ||
	compare_compliance "$LOGS/v4l2-compliance-$KERNEL"-x86-media{-stock,}.log || status=1
[ "${ran_in[igt]:-}" != x86-media-stock,x86-media, ] ||
	compare "IGT $KERNEL" "$LOGS/igt-$KERNEL"-x86-media{-stock,}.log || status=1
[ -z "${tables[x86-media-stock]:-}" ] || [ -z "${tables[x86-media]:-}" ] ||
	compare_table "v4l2-calls $KERNEL" "${tables[x86-media-stock]}" "${tables[x86-media]}" || status=1
exit $status
