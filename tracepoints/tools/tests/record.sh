#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# record.sh [FLAVOUR...]: records the traces of the tests anew, in the UML kernels of ../../../tools (make e2e has built
# them): ours and stock. Leaves them in build/recorded/FLAVOUR; who wants them in the tests copies them to traces/.
# trace-cmd, if it is installed, is taken along with its libraries.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../../tools/lib.sh"

O=$here/../build
ROOT=$O/root

libraries() { # program: into the archive, with what it needs to start
	cp "$(command -v "$1")" "$ROOT/bin/"
	ldd "$(command -v "$1")" | grep -o '/[^ ]*' | while read -r l; do
		mkdir -p "$ROOT$(dirname "$l")"
		cp -L "$l" "$ROOT$l"
	done
}

pack() { # flavour
	local out tree
	out=$(outdir "$1") tree=$(srcdir "$1")
	rm -rf "$ROOT"
	mkdir -p "$ROOT/bin" "$ROOT/e2e" "$ROOT/lib/modules-flat" "$O/faults-$1"
	make -s -C "$here/.." STATIC=1 O="$O/static" || return 1
	cp "$O/static/resmgr-trace" "$ROOT/bin/"
	# shellcheck disable=SC2016
	printf '#!/bin/busybox sh\nexec 3<>/dev/cdevm-sample-a\nsleep 100\n' >"$ROOT/bin/leaker"
	cp "$here/guest.sh" "$ROOT/e2e/traces.sh"
	chmod 755 "$ROOT/bin/leaker"
	cp "$here/faults/faults.c" "$here/faults/Makefile" "$O/faults-$1/"
	make -s -C "$tree" ARCH=um O="$out" CC="$KCC" M="$(realpath "$O/faults-$1")" modules || return 1
	cp "$O/faults-$1/faults.ko" "$ROOT/lib/modules-flat/"
	command -v trace-cmd >/dev/null 2>&1 && libraries trace-cmd
	(cd "$ROOT" && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1) |
		cat "$BASE/initramfs-$KERNEL-$1.gz" - >"$O/initramfs-$1.gz"
}

for flavour in "${@:-ours}"; do
	pack "$flavour" || die "cannot make the initramfs for $flavour"
	log=$O/record-$flavour.log
	uml=$(outdir "$flavour")/linux
	# A true clock: durations are of interest.
	timeout 300 "$uml" mem=512M initrd="$O/initramfs-$flavour.gz" uml_dir="$TMP/" noreboot con=null con0=fd:0,fd:1 \
		console=tty0 panic=-1 kasan_multi_shot printk.devkmsg=on e2e=traces e2e_realtime=1 </dev/null >"$log" 2>&1
	grep -q 'reboot: Power down' "$log" || die "the kernel did not get to the end; its console is in $log"
	rm -rf "$O/recorded/$flavour"
	mkdir -p "$O/recorded/$flavour"
	python3 - "$log" "$O/recorded/$flavour" <<-'PY'
	import base64, gzip, re, sys
	name, lines = None, []
	for line in open(sys.argv[1], errors="replace"):
	    line = line.strip()
	    m = re.match(r"== (begin|end) (\S+)$", line)
	    if m and m.group(1) == "begin":
	        name, lines = m.group(2), []
	    elif m and name:
	        with open(f"{sys.argv[2]}/{name}", "wb") as f:
	            f.write(gzip.decompress(base64.b64decode("".join(lines))))
	        name = None
	    elif name and re.fullmatch(r"[A-Za-z0-9+/=]+", line):
	        lines.append(line)
	PY
	ls -l "$O/recorded/$flavour"
done
