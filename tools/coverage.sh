#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# coverage.sh: which lines of lib-resmgr/ the KUnit suites run. Of a copy of the KUnit kernel only lib/resmgr is built with
# counters; User Mode Linux is a program, which writes them when it ends. out/coverage/ has pages (index.html), the
# totals (summary.txt), and each line that was never run (never-run.txt).
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/results.sh"

like=kunit arch=um flavour=coverage
. "$(dirname "$0")/mutants.sh"
[ -e "$FROM/linux" ] || die "no KUnit kernel in $FROM; run: make kunit KERNEL=$KERNEL"
for tool in gcov gcovr; do
	command -v $tool >/dev/null 2>&1 || die "no $tool; please install: apt-get install gcc gcovr"
done

LOG=$LOGS/coverage-$KERNEL.log
CONSOLE=$LOGS/coverage-$KERNEL-kunit.log
DIR=$OUT/coverage
ARGS=(kunit_shutdown=halt kasan_multi_shot mem=1G)
# As in kunit.sh: two CPUs where this UML has them.
[ -e "$TOP/tools/configs/kunit-$OPTIONS_OF.config" ] && ARGS+=(seccomp=on ncpus=2)

count() {
	local f
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
		LINK_WRAPS='-Wl,--wrap,malloc -Wl,--wrap,free -Wl,--wrap,calloc -Wl,-z,muldefs -fprofile-arcs' all
}

# The counters are written by destructors, which the linker script of UML puts where nobody looks for them. So the one
# function that they call is called by a library's destructor.
boot() {
	local at
	at=$(nm "$O/linux" | awk '$3 == "__gcov_exit" { print $1 }')
	echo "__attribute__((destructor)) static void dump(void) { ((void (*)(void))0x${at}UL)(); }" >"$TMP/gcov-exit.c"
	gcc -shared -fPIC -o "$TMP/gcov-exit.so" "$TMP/gcov-exit.c" || return 1
	find "$O/lib/resmgr" -name '*.gcda' -delete
	timeout 600 env LD_PRELOAD="$TMP/gcov-exit.so" "$O/linux" "${ARGS[@]}" >"$CONSOLE" 2>&1 </dev/null
	grep -qE '^(# Totals|# *resmgr.* pass:)|^ok ' "$CONSOLE" || { echo "error: no suite has run, see $CONSOLE"; return 1; }
	[ -e "$O/lib/resmgr/manager.gcda" ] || { echo "error: no counters were written"; return 1; }
}

pages() {
	rm -rf "$DIR"
	mkdir -p "$DIR"
	(cd "$O" && gcovr --root "$T/lib/resmgr" --object-directory "$O/lib/resmgr" --filter "$T/lib/resmgr/" --filter "$TOP/lib-resmgr/" --filter "$TOP/build/for-$KERNEL/" \
		--exclude '.*/tests/.*' --txt "$DIR/summary.txt" --html-details "$DIR/index.html" --json "$DIR/coverage.json" \
		"$O/lib/resmgr") || return 1
	python3 - "$DIR/coverage.json" "$TOP" "$T/lib/resmgr" >"$DIR/never-run.txt" <<-'EOF'
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

[ -d "$O" ] && [ -d "$T" ] && [ "$O/linux" -nt "$FROM/linux" ] || stage "copy the tree" "$LOG" copy
stage "build coverage kernel" "$LOG" count
stage "kunit, counting lines" "$LOG" boot
stage "out/coverage/index.html" "$LOG" pages
