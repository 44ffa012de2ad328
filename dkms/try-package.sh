#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Runs in a Debian root that has dkms and the headers of one kernel, as what a user does: installs /tmp/try/cdevm-dkms.deb
# and removes it, twice, and once more without headers. In between the drivers of /tmp/try/modules are built against
# it; all modules are left in /tmp/try/ko.
cd /tmp/try || exit 1
export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
K=$(cd /lib/modules && for d in */build/include; do echo "${d%%/*}"; done)
V=$(dpkg-deb -f cdevm-dkms.deb Version)

check() { # what command...
	local what=$1
	shift
	if "$@" >out 2>&1; then echo "ok - $what"; else echo "not ok - $what"; tail -n 25 out | sed 's/^/# /'; fi
}
says() { "${@:2}" 2>&1 | tee -a out | grep -q -- "$1"; }
no() { ! "$@"; }
installed() { find "/lib/modules/$K" -name 'cdevm.ko*' | grep -q .; }
left() { find / -xdev -path /proc -prune -o -path /tmp/try -prune -o \( -name 'cdevm*' -o -name 'cdevm-*' \) -print | grep .; }

apt() { apt-get -q -y --no-install-recommends "$@"; }

for round in first second; do
	check "$round install: apt" apt install ./cdevm-dkms.deb
	check "dkms says that it is installed for $K" says "cdevm/$V, $K, .*: installed" dkms status cdevm
	check "the module is there" installed
	check "and depmod knows it" says "/cdevm.ko" modprobe -S "$K" --show-depends cdevm
	[ $round = first ] || break
	check "$round removal: apt" apt purge cdevm-dkms
	check "nothing is left" no left
done

# A driver from the template, as the docs say.
cp -r /usr/share/doc/cdevm-dkms/examples/cdevm-sample /usr/src/cdevm-sample-0.1
check "a driver from the template: dkms builds and installs it" dkms install cdevm-sample/0.1 -k "$K"
check "modprobe loads cdevm before it" says "/cdevm.ko" modprobe -S "$K" --show-depends cdevm-sample

mkdir -p ko
find "/lib/modules/$K/updates" -name '*.ko*' -exec cp -t ko {} +
find ko -name '*.xz' -exec xz -d {} +
check "drivers with a Kbuild of their own" make -C "/lib/modules/$K/build" M=/tmp/try/modules modules
find modules -name '*.ko' -exec cp -t ko {} +
check "one that was built with other headers" make -C "/lib/modules/$K/build" M=/tmp/try/other KBUILD_MODPOST_WARN=1 modules
cp other/cdevm-sample.ko ko/cdevm-sample-other.ko

# Those of the kernel that the boot needs, and in which order: what hid-sensor-custom and uhid depend on.
for m in uhid hid-sensor-custom; do
	modprobe -S "$K" --show-depends $m | sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | awk '!seen[$0]++' | while read -r f; do
	cp "$f" ko/
	echo "${f##*/}" | sed 's/\.ko.*//'
done >order
find ko -name '*.xz' -exec xz -d {} +

check "removal of the driver" dkms remove cdevm-sample/0.1 --all
rm -rf /usr/src/cdevm-sample-0.1
check "second removal: apt" apt purge cdevm-dkms
check "nothing is left" no left

# shellcheck disable=SC2046 # a list of packages
check "the headers go" apt remove $(dpkg-query -W -f '${Package}\n' 'linux-headers-*')
check "install without headers" apt install ./cdevm-dkms.deb
check "one clear line" test "$(grep -c '^cdevm: no kernel headers are installed' out)" = 1
check "removal" apt purge cdevm-dkms
check "nothing is left" no left
