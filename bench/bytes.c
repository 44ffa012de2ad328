// SPDX-License-Identifier: GPL-2.0
/*
 * Compiled to assembler only, for the constants in it: what a resource takes on
 * an architecture that is not run. tools/bench.py adds what kmalloc() makes of
 * it.
 */
#include <linux/kbuild.h>
#include <linux/version.h>

#if __has_include(<linux/resmgr.h>)
#include <linux/resmgr.h>

static void __used constants(void)
{
	DEFINE(node, sizeof(struct resmgr_node));
	DEFINE(header, offsetof(struct resmgr_data, data));
	DEFINE(action, sizeof(struct resmgr_action));
}
#else
/* The struct is private to this file. */
#include "devres.c"

static void __used constants(void)
{
	DEFINE(node, sizeof(struct devres_node));
	DEFINE(header, offsetof(struct devres, data));
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
	DEFINE(action, sizeof(struct devres) + sizeof(struct action_devres));
#else
	DEFINE(action, sizeof(struct devres_action));
#endif
}
#endif
