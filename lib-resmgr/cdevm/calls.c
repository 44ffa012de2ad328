// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm: the calls that are inside, and whose they are
 *
 * The gate counts calls. Whose they are, and which method of which scope each is,
 * stands in a record on the stack of the wrapper, which the task points to while
 * it is inside. A call from inside of another one points on to that one's record.
 * So the price is some stores to the task's own stack, and nothing is shared. Those
 * of other tasks are read in cdevm_look.c.
 */
#include "internal.h"

/**
 * cdevm_own_calls() - how many calls of the current task are inside a scope?
 * @scope: scope
 *
 * Those of file operations and mappings. Whoever has entered with cdevm_enter()
 * is not known.
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

/* The innermost call of the current task inside @scope. */
const struct cdevm_call *cdevm_own_call(const struct cdevm_scope *scope)
{
	const struct cdevm_call *call;

	for (call = cdevm_innermost_call(); call; call = call->outer)
		if (call->scope == scope)
			break;
	return call;
}

/* Is the current task inside of any scope? */
bool cdevm_is_in_some_call(void)
{
	const struct cdevm_call *call;

	for (call = cdevm_innermost_call(); call; call = call->outer)
		if (call->scope)
			return true;
	return false;
}

/* The device whose probe the current task is running; %NULL if none is known. */
struct device *cdevm_own_probe(void)
{
	const struct cdevm_call *call;

	for (call = cdevm_innermost_call(); call; call = call->outer)
		if (!call->scope)
			return call->fn;
	return NULL;
}
