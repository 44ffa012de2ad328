#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lockdep reports a drain under a mutex that calls take, and that turns it off: one such case per boot.
exec sh /e2e/kunit-case.sh lockdep-mutex cdevm_lockdep_kunit cdevm-lockdep drain_as_it_should_be drain_under_mutex
