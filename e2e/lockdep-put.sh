#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lockdep reports a cdevm_put() under a mutex that the last one takes, and that turns it off: one such case per boot.
exec sh /e2e/kunit-case.sh lockdep-put cdevm_lockdep_kunit cdevm-lockdep put_under_mutex
