/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cdevm: how a scope is bound to its device
 *
 * A scope is an early resource of its device. Everything outside the scope that
 * depends on this is here: cdevm as a module, in dkms/, replaces this header.
 */
#ifndef _LIB_RESMGR_CDEVM_BOUND_H
#define _LIB_RESMGR_CDEVM_BOUND_H

#include <linux/cdevm_call.h>
#include <linux/device.h>
#include <linux/resmgr.h>

struct cdevm_scope;

/* Cannot fail: the manager of a device is always ready. */
static inline int cdevm_bound_add(struct device *dev, struct resmgr_early *bound)
{
	return resmgr_early_add(&dev->devres, bound);
}

/*
 * A node is about to be published. Nothing to do: the steps run before any
 * resource is released.
 */
static inline int cdevm_bound_publish(struct cdevm_scope *scope)
{
	return 0;
}

/* Run all remaining steps now. */
static inline void cdevm_bound_finish(struct device *dev, struct resmgr_early *bound)
{
	resmgr_early_finish(&dev->devres, bound);
}

/* Returns true if a devres group is open that does not belong to the probe. */
static inline bool cdevm_bound_is_late(struct device *dev)
{
	return resmgr_in_group(&dev->devres, CDEVM_GROUP_LATE);
}

#endif /* _LIB_RESMGR_CDEVM_BOUND_H */
