# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# For the KUnit suites that are loaded as a module on a kernel that is not ours or that is. Sourced, with MODULE, KO
# and BAD_ON_STOCK set.
GLOB=/sys/module/kunit/parameters/filter_glob
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
	# A test that could not be set up, which proves nothing about the release order.
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
		echo "not ok - insmod $MODULE"
		return
	fi
	cat /sys/kernel/debug/kunit/$1/results | judge
	rmmod $MODULE
}
