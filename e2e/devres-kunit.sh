#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The KUnit suites of devres's public API, as a module, on a kernel that is not ours or that is.
#
# On stock all cases of suite devres-reentrancy must fail and all others pass: they are what stock gets wrong, and a
# case that passes there shows nothing. On ours everything must pass. That suite is run by itself, so that the
# warnings that it draws from stock can be announced for it alone: what the others draw, their cases announce.
KO=/lib/modules-flat/devres_kunit.ko
GLOB=/sys/module/kunit/parameters/filter_glob
BAD_ON_STOCK=devres-reentrancy

if [ ! -e $KO ]; then
	echo "ok - devres KUnit suites # SKIP there is no $KO"
	echo "e2e: done devres-kunit"
	exit 0
fi
ours=
[ -d /sys/kernel/tracing/events/resmgr ] && ours=1

# KTAP: "# Subtest: SUITE" opens a suite, its cases are indented by four, its own result by nothing. Cases with
# parameters have results of their own below them, indented by eight, which their case sums up.
judge() {
	awk -v ours="$ours" -v bad="$BAD_ON_STOCK" '
	/^    # Subtest: / { suite = $3; next }
	/^    (not )?ok [0-9]+ / {
		failed = $1 == "not"
		name = failed ? $4 : $3
		skip = index($0, "# SKIP")
		run++
		what = suite ": " name
		if (skip)
			print "ok - " what " # SKIP " substr($0, skip + 7)
		else if (!ours && suite == bad)
			print failed ? "ok - stock: " what " fails as known" : "not ok - stock: " what " passes, so it shows nothing"
		else
			print (failed ? "not ok - " : "ok - ") what
		next
	}
	# Not a wrong release order but a test that could not be set up: no proof of anything.
	/failed to initialize/ { print "not ok - " $0 }
	/(EXPECTATION|ASSERTION) FAILED/ { sub(/^ *# */, ""); print "# " $0 }
	END { print (run ? "ok - " : "not ok - ") run + 0 " cases ran" }'
}

# The suites whose names match, from insmod to rmmod; what they said is in debugfs while the module is in.
suites() {
	echo "# $1"
	# No newline: it would be part of the pattern.
	printf %s "$1" >$GLOB
	if ! insmod $KO; then
		echo "not ok - insmod devres_kunit"
		return
	fi
	cat /sys/kernel/debug/kunit/devres-*/results | judge
	rmmod devres_kunit
}

suites "devres-[!r]*"
[ -n "$ours" ] || echo "e2e: expect WARNING: .*(drivers/base/devres.c|device/devres.h)" >/dev/kmsg
suites $BAD_ON_STOCK
[ -n "$ours" ] || echo "e2e: expect-end" >/dev/kmsg
echo "e2e: done devres-kunit"
