// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm: records of the calls that are inside
 *
 * The gate only counts calls. A record on the stack of the wrapper says which
 * method of which scope a call is, and the task points to it while it is
 * inside. The record of a nested call points to the record of the outer one. So
 * a call costs some stores to the task's own stack, and nothing is shared. The
 * records of other tasks are read in look.c.
 */
#include <linux/string.h>

#include "internal.h"

/**
 * cdevm_own_calls() - count the calls of the current task inside a scope
 * @scope: scope
 *
 * Counts calls of file operations and of mappings. Calls that entered with
 * cdevm_enter() have no record.
 *
 * Context: Process context.
 * Return: the number of calls.
 */
unsigned int cdevm_own_calls(const struct cdevm_scope *scope)
{
	const struct cdevm_call *call;
	unsigned int calls = 0;

	for (call = cdevm_innermost_call(); call; call = call->outer)
		calls += call->scope == scope;
	return calls;
}

/* Returns true if the current task is inside @scope or one of its parts. */
bool cdevm_is_in_call_of(const struct cdevm_scope *scope)
{
	const struct cdevm_call *call;

	for (call = cdevm_innermost_call(); call; call = call->outer)
		if (call->scope &&
		    (call->scope == scope || call->scope->parent == scope))
			return true;
	return false;
}

/* Returns the innermost call of the current task inside @scope. */
const struct cdevm_call *cdevm_own_call(const struct cdevm_scope *scope)
{
	const struct cdevm_call *call;

	for (call = cdevm_innermost_call(); call; call = call->outer)
		if (call->scope == scope)
			break;
	return call;
}

/* Returns true if the current task is inside any scope. */
bool cdevm_is_in_some_call(void)
{
	const struct cdevm_call *call;

	for (call = cdevm_innermost_call(); call; call = call->outer)
		if (call->scope)
			return true;
	return false;
}

/*
 * Returns true if the current task is inside a call that is made with the
 * mmap_lock of its mm held. For a fault this may be the lock of the VMA instead.
 */
bool cdevm_is_in_mapping_call(void)
{
	static const char * const methods[] = {
		"mmap", "mmap_prepare", "get_unmapped_area", "vm_open", "vm_close",
		"may_split", "mremap", "mprotect", "fault", "huge_fault",
		"page_mkwrite", "pfn_mkwrite",
	};
	const struct cdevm_call *call;

	for (call = cdevm_innermost_call(); call; call = call->outer)
		if (call->scope &&
		    match_string(methods, ARRAY_SIZE(methods), call->method) >= 0)
			return true;
	return false;
}

/*
 * Returns the device whose probe the current task is running; %NULL if none is
 * known.
 */
struct device *cdevm_own_probe(void)
{
	const struct cdevm_call *call;

	for (call = cdevm_innermost_call(); call; call = call->outer)
		if (!call->scope)
			return call->fn;
	return NULL;
}
