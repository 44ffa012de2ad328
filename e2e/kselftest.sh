# SPDX-License-Identifier: GPL-2.0
# The selftests of the kernel's tree: tools/testing/selftests/drivers/cdevm, of e2e/selftests here.
insmod /lib/modules-flat/cdevm-sample.ko || exit 1
for test in /e2e/selftests/*; do
	"$test" || echo "not ok - ${test##*/} ended with status $?"
done
rmmod cdevm_sample
