#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# bpf.sh: runs the scripts for bpftrace on the kernel of this machine, as root, with events that are made up: calls of
# functions in a program, with the fields of ours. The kernels of the other tests have no BPF, and BPF for tracepoints
# takes none that are made up. So what is tested is that bpftrace and the verifier take the scripts, and what they print;
# not that the fields have the names and types that the scripts think. TAP on standard output.
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
command -v bpftrace >/dev/null && [ "$(id -u)" -eq 0 ] || { echo "error: needs root and bpftrace" >&2; exit 1; }

struct='struct event { const char *owner, *node, *class, *name; uint64_t mgr, file, caller, duration; uint32_t refs; };'
{
	printf '#include <stdint.h>\n#include <unistd.h>\n%s\n' "$struct"
	cat <<'C'
#define EVENT(name) \
	__attribute__((noinline)) void name(struct event *e) { __asm__ volatile("" : : "r"(e) : "memory"); }
EVENT(cdevm_open) EVENT(cdevm_close) EVENT(cdevm_get) EVENT(cdevm_put) EVENT(cdevm_revoke) EVENT(cdevm_free)
EVENT(cdevm_drain_begin) EVENT(cdevm_drain_end) EVENT(resmgr_release_end)

int main(void)
{
	/* On the stack: BPF reads nothing that has to be read from a file first. */
	char sensor[] = "sensor", sensor0[] = "sensor-0", gone[] = "gone", devm[] = "devm";
	char slow[] = "slow_off", quick[] = "quick_off";
	struct event a = { .owner = sensor0, .node = sensor, .mgr = 0x1000, .caller = 0x10, .refs = 1 };
	struct event b = { .owner = gone, .node = gone, .mgr = 0x2000, .refs = 1 };
	struct event r = { .class = devm, .owner = sensor0, .name = slow, .duration = 25000000 };

	/* Two files; one is closed by another task than the one that has opened it. */
	cdevm_get(&a);
	a.file = 0xf1; a.refs = 2; cdevm_open(&a);
	cdevm_get(&a);
	a.file = 0xf2; a.refs = 3; cdevm_open(&a);
	if (!fork()) {
		cdevm_close(&a);
		cdevm_put(&a);
		_exit(0);
	}
	sleep(1);
	a.refs = 2; cdevm_revoke(&a);
	cdevm_drain_begin(&a);
	usleep(50000);
	cdevm_drain_end(&a);
	resmgr_release_end(&r);
	r.name = quick; r.duration = 1000; resmgr_release_end(&r);
	cdevm_revoke(&b);
	cdevm_free(&b);
	return 0;
}
C
} >"$tmp/events.c"
gcc -O1 -g0 -no-pie -o "$tmp/events" "$tmp/events.c" || exit 1
for f in "$here"/../*.bt; do
	{
		echo "$struct"
		sed "s|tracepoint:resmgr:|uprobe:$tmp/events:|; s|args->|((struct event *)arg0)->|g" "$f"
	} >"$tmp/${f##*/}"
done

cleanup() {
	# shellcheck disable=SC2046 # a list of numbers
	kill $(jobs -p) 2>/dev/null
	wait
	rm -rf "$tmp"
}
trap cleanup EXIT

bpftrace "$tmp/cdevm-leak.bt" >"$tmp/leak" 2>&1 & leak=$!
bpftrace "$tmp/resmgr-slow.bt" 10 >"$tmp/slow" 2>&1 & slow=$!
until grep -q Looking "$tmp/leak" && grep -q owner "$tmp/slow"; do
	kill -0 $leak 2>/dev/null && kill -0 $slow 2>/dev/null || break
	sleep 0.2
done
"$tmp/events"
sleep 1
kill -INT $leak $slow
wait $leak $slow

n=0 failed=0
seen() { # what, file, pattern
	n=$((n + 1))
	grep -qE "$3" "$tmp/$2" && { echo "ok $n - $1"; return; }
	failed=$((failed + 1))
	echo "not ok $n - $1"
	sed 's/^/# /' "$tmp/$2"
}
seen 'the scope that is left over' leak '^sensor-0: unbound [0-9]+ ms ago and not freed, references: 2$'
seen 'who has which file open' leak '^    open: sensor by events-[0-9]+, [0-9]+ ms ago$'
seen 'who has taken references' leak '^    references: 2 taken, 1 dropped by '
seen 'how many are left over' leak '^scopes left over: 1$'
seen 'a slow release' slow '^25 +devm +sensor-0 +slow_off +events-[0-9]+$'
seen 'a slow drain' slow '^[5-9][0-9]+ +cdevm +sensor-0 +drain: calls inside +events-[0-9]+$'
seen 'how long releases took' slow '^@us\[quick_off\]:'
n=$((n + 1))
if [ "$(grep -c '    open: ' "$tmp/leak")" -eq 1 ] && ! grep -q quick_off.*events "$tmp/slow"; then
	echo "ok $n - nothing else"
else
	failed=$((failed + 1))
	echo "not ok $n - nothing else"
fi
echo "1..$n"
[ $failed -eq 0 ]
