# SPDX-License-Identifier: GPL-2.0
# The torture test, for e2e_seconds=N of the kernel's command line, or for ten; e2e_bug=NAME plants a bug.
seconds=10 bug=
for word in $(cat /proc/cmdline); do
	case $word in
	e2e_seconds=*) seconds=${word#*=};;
	e2e_bug=*) bug=${word#*=};;
	esac
done
insmod /lib/modules-flat/cdevm_torture.ko seconds="$seconds" bug="$bug" || exit 1
# It ends by itself. The last line is printed when the last struct was freed.
while ! dmesg | grep -q 'cdevm-torture: end'; do
	sleep 2
done
end=$(dmesg | grep 'cdevm-torture: end' | sed 's/.*cdevm-torture: //')
echo "# torture: $end"
number() { echo "$end" | sed "s/.* $1 \([0-9]*\).*/\1/"; }
n=0
ok() { n=$((n + 1)); if "$@" >/dev/null; then echo "ok $n - $what"; else echo "not ok $n - $what"; fi; }
what="no violation" ok test "$(number violations)" = 0
for counter in calls refused opens polls sleeps kept unbinds failed-probes groups selfs; do
	what="$counter: $(number $counter)" ok test "$(number $counter)" -gt 0
done
what="each file was closed" ok test "$(number opens)" = "$(number closes)"
what="each struct has gone" ok test "$(number toys)" = 0
what="the module can go" ok rmmod cdevm_torture
echo "1..$n"
