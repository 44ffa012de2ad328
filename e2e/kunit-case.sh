#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# kunit-case.sh NAME MODULE SUITE CASE...: runs cases of a KUnit suite that is a module, one load for each, and prints
# TAP. The lines of the markers for the log are the case's own.
name=$1 ko=/lib/modules-flat/$2.ko module=$2 suite=$3
shift 3
for c in "$@"; do
	# No newline: it would be part of the pattern.
	printf %s "$suite.$c" >/sys/module/kunit/parameters/filter_glob
	if ! insmod "$ko"; then
		echo "not ok - insmod $module"
		continue
	fi
	# A case has its result indented by four.
	awk -v want="$c" '
		/^    (not )?ok [0-9]+ / {
			bad = $1 == "not"
			n = bad ? $4 : $3
			skip = index($0, "# SKIP")
			if (n != want)
				next
			run = 1
			# Here a skipped case is a failure: it has shown nothing.
			print (bad || skip ? "not ok - " : "ok - ") n
		}
		/(EXPECTATION|ASSERTION) FAILED/ { sub(/^ *# */, ""); print "# " $0 }
		END { if (!run) print "not ok - " want " ran" }' "/sys/kernel/debug/kunit/$suite/results"
	rmmod "$module"
done
echo "e2e: done $name"
