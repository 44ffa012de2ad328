// SPDX-License-Identifier: GPL-2.0
/*
 * Resource manager: find the caller that adds a resource
 *
 * The driver is several calls away from the list, behind front ends such as
 * devm_request_irq(). Passing its address down through all of them would make
 * every addition slower, for an event that is normally off. So the stack is
 * read when the event is on, and the front ends are recognised by their names.
 *
 * RESMGR_DEBUG keeps the address that is found here with each resource. A handle
 * of the stack depot, from which the caller is found when a report is printed,
 * would make additions cheaper in such a kernel, and nothing smaller: with its
 * padding it takes the same 8 bytes, the event needs the caller at once, and so
 * does a report that is printed under the lock of the manager.
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/array_size.h>
#include <linux/kernel.h>
#include <linux/stacktrace.h>
#include <linux/string.h>

#include "internal.h"

/* Prefixes of the names of the managed interfaces, without underscores. */
static const char * const resmgr_fronts[] = {
	"resmgr_", "devres_", "devm_", "cdevm_", "drmm_", "pcim_", "dmam_",
};

bool resmgr_is_in(unsigned long address, const char * const *names,
		  unsigned int count)
{
	char text[24];
	char *name = text;
	unsigned int i;

	/* Longer names are cut. Without KALLSYMS this prints a number. */
	snprintf(text, sizeof(text), "%ps", (void *)address);
	while (*name == '_')
		name++;
	for (i = 0; i < count; i++)
		if (str_has_prefix(name, names[i]))
			return true;
	return false;
}

/*
 * Returns the first function on the stack below those with one of these names.
 * The functions that read the stack are on top of them; how many these are
 * depends on the architecture. Returns 0 if there is none, or if the stack
 * cannot be read.
 */
static unsigned long resmgr_first_below(const char * const *names,
					unsigned int count)
{
#ifdef CONFIG_STACKTRACE
	unsigned long entries[16];
	unsigned int i, n = stack_trace_save(entries, ARRAY_SIZE(entries), 0);
	bool inside = false;

	for (i = 0; i < n; i++) {
		if (resmgr_is_in(entries[i], names, count))
			inside = true;
		else if (inside)
			return entries[i];
	}
#endif
	return 0;
}

unsigned long resmgr_caller(void)
{
	KUNIT_STATIC_STUB_REDIRECT(resmgr_caller);
	return resmgr_first_below(resmgr_fronts, ARRAY_SIZE(resmgr_fronts));
}
EXPORT_SYMBOL_IF_KUNIT(resmgr_caller);

#ifdef CONFIG_RESMGR_DEBUG
unsigned long resmgr_registrant(void)
{
	/* Functions that call __resmgr_check_object(), directly or not. */
	static const char * const names[] = {
		"resmgr_", "kobject_init", "device_initialize", "device_register",
		"platform_device_", "cdev_add", "cdev_device_add", "cdevm_",
		"misc_register", "video_register_device",
	};

	return resmgr_first_below(names, ARRAY_SIZE(names));
}
#endif
