// SPDX-License-Identifier: GPL-2.0
/*
 * Resource manager: who adds a resource, for the trace
 *
 * The driver is several calls away from the list, behind fronts such as
 * devm_request_irq(). To hand its address down through all of them would cost
 * every add something, for an event that is off as a rule. So the stack is
 * looked at when the event is on, and the functions that are fronts are known
 * by their names, as they are to a reader.
 */
#include <linux/array_size.h>
#include <linux/kernel.h>
#include <linux/stacktrace.h>
#include <linux/string.h>

#include "internal.h"

/* What the names of the managed interfaces begin with, underscores apart. */
static const char * const resmgr_fronts[] = {
	"resmgr_", "devres_", "devm_", "cdevm_", "drmm_", "pcim_", "dmam_",
};

static bool resmgr_is_front(unsigned long address)
{
	char text[24];
	char *name = text;
	int i;

	/* Longer names are cut. Without KALLSYMS this is no name but a number. */
	snprintf(text, sizeof(text), "%ps", (void *)address);
	while (*name == '_')
		name++;
	for (i = 0; i < ARRAY_SIZE(resmgr_fronts); i++)
		if (str_has_prefix(name, resmgr_fronts[i]))
			return true;
	return false;
}

/*
 * The first function on the stack that is below the fronts. On top of them are
 * those that look at the stack, as many as the architecture needs. 0 when there
 * is none, or when the stack cannot be read.
 */
unsigned long resmgr_caller(void)
{
#ifdef CONFIG_STACKTRACE
	unsigned long entries[16];
	unsigned int i, n = stack_trace_save(entries, ARRAY_SIZE(entries), 0);
	bool inside = false;

	for (i = 0; i < n; i++) {
		if (resmgr_is_front(entries[i]))
			inside = true;
		else if (inside)
			return entries[i];
	}
#endif
	return 0;
}
