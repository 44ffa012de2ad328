/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cdevm: how a scope is bound to its device
 *
 * By an early node among the managed resources of the device. All that is known
 * of these outside of the scope is here: cdevm as a module, in dkms/, has another
 * header in the place of this one.
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

/* A node is about to be published. The steps come before all resources as it is. */
static inline int cdevm_bound_publish(struct cdevm_scope *scope)
{
	return 0;
}

/* All steps that are left, now. */
static inline void cdevm_bound_finish(struct device *dev, struct resmgr_early *bound)
{
	resmgr_early_finish(&dev->devres, bound);
}

/* Is a devres group open that is not of the probe of the device? */
static inline bool cdevm_bound_is_late(struct device *dev)
{
	return resmgr_in_group(&dev->devres, CDEVM_GROUP_LATE);
}

#endif /* _LIB_RESMGR_CDEVM_BOUND_H */
