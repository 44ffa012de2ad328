#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Makes or refreshes build/tree-<version>: the pristine source with this repository laid over it.
. "$(dirname "$0")/lib.sh"
overlay() {
	"$TOP/tools/overlay.py" tree "$PRISTINE" "$TREE" "$KERNEL" | tee "$LOGS/overlay-$KERNEL.log.note"
}
stage "lay our files over it" "$LOGS/overlay-$KERNEL.log" overlay
