#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# boot.sh FLAVOUR E2E-LIST LOG SECONDS [KERNEL-ARGUMENT...]: boots a UML kernel with the initramfs, the console in
# LOG. E2E-LIST "shell" and LOG "-": a prompt on this terminal.
# Exit status: 0 powered off by itself, 124 out of time, else the kernel's.
. "$(dirname "$0")/lib.sh"

flavour=${1:?flavour} e2e=${2:?e2e list} log=${3:?log} limit=${4:?seconds}
shift 4
# What the last boot said is not to be judged if this one does not come to pass.
[ "$log" = - ] || : >"$log"
O=$(outdir "$flavour")
initrd=${INITRD:-$BASE/initramfs-$KERNEL-$flavour.gz}
[ -x "$O/linux" ] || die "no $flavour kernel in $O; run: tools/build.sh $flavour"
[ -e "$initrd" ] || die "no $initrd; run: tools/initramfs.sh $flavour"

# UML's memory is a file in /dev/shm, which containers make too small or mount noexec. It needs 512 MB.
free=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
if [ "${free:-0}" -lt 600000 ] || findmnt -no OPTIONS /dev/shm 2>/dev/null | grep -q noexec; then
	export TMPDIR=$TMP
fi

args=(mem=512M "initrd=$initrd" "uml_dir=$TMP/" noreboot
	con=null con0=fd:0,fd:1 console=tty0 panic=-1
	# Print all KASAN reports, not just the first, and every marker that a test writes to /dev/kmsg.
	kasan_multi_shot printk.devkmsg=on
	"e2e=$e2e" "$@")

# Hardware that drivers cannot find by themselves; see e2e/modules.
[ -e "$O/e2e.dtb" ] && args+=("dtb=$O/e2e.dtb")

# Two CPUs where this UML has them; it asks for seccomp mode then.
if grep -q '^CONFIG_SMP=y' "$O/.config"; then
	args+=(seccomp=on ncpus="${NCPUS:-2}")
fi
if [ "$log" = - ]; then
	exec "$O/linux" "${args[@]}" quiet
fi
# time-travel: the guest's clock skips what everybody sleeps through, such as the seconds by which
# DEBUG_KOBJECT_RELEASE delays a release. Not for the prompt, where somebody types. REALTIME=1: a true clock.
if [ -z "${REALTIME:-}" ] && grep -q '^CONFIG_UML_TIME_TRAVEL_SUPPORT=y' "$O/.config"; then
	args+=(time-travel)
else
	args+=(e2e_realtime=1)
fi

# timeout ends the whole process group, with UML's helpers and the processes that it traces. It is one of its own,
# which an interrupt from the terminal does not reach: pass that on.
timeout -k 5 "$limit" "$O/linux" "${args[@]}" </dev/null >"$log" 2>&1 &
pid=$!
trap 'kill $pid 2>/dev/null; wait $pid; exit 130' INT TERM
# UML does not stop the second CPU when it powers off, and what that one does while the process ends makes it hang or
# abort at times. All is said by then.
if grep -q '^CONFIG_SMP=y' "$O/.config"; then
	while sleep 2; do
		tail -n 1 "$log" | grep -aq 'reboot: Power down' || continue
		sleep 10
		# At once: it would handle SIGTERM, and report what it finds in its ruins. It is the leader of a session.
		pkill -KILL -s "$(pgrep -P $pid)"
		break
	done 2>/dev/null &
	watch=$!
fi
wait $pid
rc=$?
[ -z "${watch:-}" ] || kill "$watch" 2>/dev/null
exit $rc
