#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lockdep reports a drain from inside a call, and that turns it off: one such case per boot.
exec sh /e2e/kunit-case.sh lockdep-inside cdevm_lockdep_kunit cdevm-lockdep drain_inside_call
