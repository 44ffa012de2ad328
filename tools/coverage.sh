#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# coverage.sh: which lines of lib-resmgr/ the tests run. Of copies of the KUnit kernel and of the one for programs only
# lib/resmgr is built with counters; User Mode Linux is a program, which writes them when it ends. out/coverage/ has pages
# (index.html), the totals (summary.txt), and each line that was never run (never-run.txt). A suite that ends in a panic
# writes nothing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

arch=um
LOG=$LOGS/coverage-$KERNEL.log
DIR=$OUT/coverage
ARGS=(kunit_shutdown=halt kasan_multi_shot mem=1G)
# As in kunit.sh: two CPUs where this UML has them.
[ -e "$TOP/tools/configs/kunit-$OPTIONS_OF.config" ] && ARGS+=(seccomp=on ncpus=2)

# kernel KERNEL COPY: the variables of mutants.sh are those of this one
kernel() {
	like=$1 flavour=$2
	. "$TOP/tools/mutants.sh"
	[ -e "$FROM/linux" ] || die "no $like kernel in $FROM; run: make kunit e2e KERNEL=$KERNEL"
}

for tool in gcov gcovr; do
	command -v $tool >/dev/null 2>&1 || die "no $tool; please install: apt-get install gcc gcovr"
done

count() {
	local f
	# The other kernel's copy may have been here; its paths are the same.
	[ -d "$O" ] && [ -d "$T" ] && [ "$O/linux" -nt "$FROM/linux" ] || copy || return 1
	for f in Makefile cdevm/Makefile debug/Makefile; do
		rm -f "$T/lib/resmgr/$f"
		{
			cat "$TOP/lib-resmgr/$f"
			echo 'ccflags-y += -fprofile-arcs -ftest-coverage -fprofile-update=atomic'
		} >"$T/lib/resmgr/$f"
	done
	find "$O/lib/resmgr" -name '*.gc??' -delete
	# The linker's flags of UML that are in a variable by themselves, and libgcov with them. It has a mangle_path(), too,
	# which nothing calls.
	make -C "$T" ARCH=um O="$O" CC="$KCC" -j"$JOBS" \
		LINK_WRAPS='-Wl,--wrap,malloc -Wl,--wrap,free -Wl,--wrap,calloc -Wl,-z,muldefs -fprofile-arcs' all || return 1
	[ "$like" != ours ] || { outside && "$TOP/tools/initramfs.sh" "$flavour"; }
}

# The counters are written by destructors, which the linker script of UML puts where nobody looks for them. So the one
# function that they call is called by a library's destructor: in this program, and not in its helpers, which share its
# memory and end at the same time.
at_exit() {
	local at
	at=$(nm "$O/linux" | awk '$3 == "__gcov_exit" { print $1 }')
	cat >"$TMP/gcov-exit.c" <<-END
	#define _GNU_SOURCE
	#include <errno.h>
	#include <string.h>
	#include <unistd.h>
	static pid_t program;
	__attribute__((constructor)) static void begin(void)
	{
		program = getpid();
	}
	__attribute__((destructor)) static void dump(void)
	{
		if (!strcmp(program_invocation_short_name, "linux") && getpid() == program)
			((void (*)(void))0x${at}UL)();
	}
	END
	gcc -shared -fPIC -o "$TMP/gcov-exit.so" "$TMP/gcov-exit.c" || return 1
	find "$O/lib/resmgr" -name '*.gcda' -delete
}

written() {
	[ -e "$O/lib/resmgr/manager.gcda" ] || { echo "error: no counters were written"; return 1; }
}

kunit() {
	local console=$LOGS/coverage-$KERNEL-kunit.log
	at_exit || return 1
	timeout 600 env LD_PRELOAD="$TMP/gcov-exit.so" "$O/linux" "${ARGS[@]}" >"$console" 2>&1 </dev/null
	grep -qE '^(# Totals|# *resmgr.* pass:)|^ok ' "$console" || { echo "error: no suite has run, see $console"; return 1; }
	written
}

# Whoever writes adds to what is there.
e2e() {
	local name flavours seconds
	at_exit || return 1
	while read -r name flavours seconds _; do
		case ",$flavours," in *,ours,*) ;; *) continue;; esac
		[ "$(jobs -pr | wc -l)" -lt "$JOBS" ] || wait -n
		LD_PRELOAD=$TMP/gcov-exit.so "$TOP/tools/boot.sh" "$flavour" "$name" "$LOGS/coverage-$KERNEL-$name.log" \
			$((seconds * 5)) </dev/null &
	done < <(grep '^[a-z]' "$TOP/e2e/suites")
	wait
	written
}

read_counters() {
	(cd "$O" && gcovr --root "$T/lib/resmgr" --object-directory "$O/lib/resmgr" --filter "$T/lib/resmgr/" \
		--filter "$TOP/lib-resmgr/" --filter "$TOP/build/for-$KERNEL/" --exclude '.*/tests/.*' \
		--json "$DIR/$flavour.json" "$O/lib/resmgr")
}

pages() {
	gcovr --root "$T/lib/resmgr" -a "$DIR/coverage.json" -a "$DIR/coverage-e2e.json" --txt "$DIR/summary.txt" \
		--html-details "$DIR/index.html" --json "$DIR/both.json" || return 1
	python3 - "$DIR/both.json" "$TOP" "$T/lib/resmgr" >"$DIR/never-run.txt" <<-'EOF'
	import json, os, re, sys
	known = {}
	for line in open(os.path.join(sys.argv[2], "tools/coverage-known.txt")):
	    if line.strip() and line[0] != "#":
	        file, function, why = line.split(None, 2)
	        known[file, function] = why.strip()
	run = never = unknown = 0
	for f in json.load(open(sys.argv[1]))["files"]:
	    path = os.path.join(sys.argv[3], f["file"])
	    name = re.sub(r".*/(?:lib-resmgr|lib/resmgr)/", "", path)
	    source = open(path).read().split("\n")
	    functions = sorted((x["lineno"], x["name"]) for x in f["functions"])
	    for line in f["lines"]:
	        if line["gcovr/noncode"]:
	            continue
	        if line["count"]:
	            run += 1
	            continue
	        number = line["line_number"]
	        function = ([n for at, n in functions if at <= number] or ["?"])[-1]
	        why = known.get((name, function), known.get((name, "*"), ""))
	        never += 1
	        unknown += not why
	        print(f"{name}:{number}: {function}: {source[number - 1].strip()}" + (f"  # {why}" if why else ""))
	print(f"# {run} lines run, {never} never, {unknown} of these without a reason", file=sys.stderr)
	EOF
	tail -n 1 "$LOG" | sed -n 's/^# //p' >"$LOG.note"
}

rm -rf "$DIR"
mkdir -p "$DIR"
kernel kunit coverage
stage "build KUnit kernel that counts" "$LOG" count
stage "kunit, counting lines" "$LOG" kunit
stage "read the counters" "$LOG" read_counters
kernel ours coverage-e2e
stage "build e2e kernel that counts" "$LOG" count
stage "e2e, counting lines" "$LOG" e2e
stage "read the counters" "$LOG" read_counters
stage "out/coverage/index.html" "$LOG" pages
