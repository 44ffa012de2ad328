#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh PROGRAM: what it says about the traces in traces/ is what is in expected/; bad input is one clear line and exit
# status 2. TAP on standard output. UPDATE=1 writes what is expected anew: look at the difference before it is committed.
here=$(cd "$(dirname "$0")" && pwd)
prog=$(realpath "${1:?program}")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export LC_ALL=C NO_COLOR=1
cd "$here/traces" || exit 1
n=0 failed=0

result() { # status name [file with what was wrong]
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $n - $2"
	[ -z "${3:-}" ] || head -n 30 "$3" | sed 's/^/# /'
}

# expect NAME STATUS ARGUMENT...: the output is that of expected/NAME, the exit status is STATUS
expect() {
	local name=$1 status=$2 rc file=$here/expected/$1
	shift 2
	"$prog" "$@" >"$tmp/out" 2>&1
	rc=$?
	[ -z "${UPDATE:-}" ] || cp "$tmp/out" "$file"
	if [ $rc -ne "$status" ]; then
		echo "exit status $rc, not $status" >>"$tmp/out"
		result 1 "$name: $*" "$tmp/out"
		return
	fi
	diff -u "$file" "$tmp/out" >"$tmp/diff" 2>&1
	result $? "$name: $*" "$tmp/diff"
}

# says TEXT ARGUMENT...: exit status 2, and one line on standard error with TEXT in it, and nothing else
says() {
	local text=$1 rc
	shift
	"$prog" "$@" >"$tmp/out" 2>"$tmp/err"
	rc=$?
	[ $rc -eq 2 ] && [ ! -s "$tmp/out" ] && [ "$(wc -l <"$tmp/err")" -eq 1 ] && grep -qF -- "$text" "$tmp/err"
	result $? "says: $text" "$tmp/err"
}

# fires RULE FILE: check finds it, with exit status 1, and says so with the name of the rule
fires() {
	local rc
	"$prog" check --rules "$1" "$2" >"$tmp/out" 2>&1
	rc=$?
	[ $rc -eq 1 ] && grep -q "^error: $1: " "$tmp/out"
	result $? "rule $1 fires on $2" "$tmp/out"
}

# clean RULE FILE: and here it does not
clean() {
	"$prog" check --rules "$1" "$2" >"$tmp/out" 2>&1
	result $? "rule $1 has nothing to say about $2" "$tmp/out"
}

. "$here/list.sh"
. "$here/see.sh"

echo "1..$n"
echo "# $((n - failed)) passed, $failed failed"
[ $failed -eq 0 ]
