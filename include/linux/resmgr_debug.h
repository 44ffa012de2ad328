/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Resource manager: report misuse of devm resources
 *
 * For functions to which drivers pass objects that others can hold. Compiles to
 * nothing without RESMGR_DEBUG.
 */
#ifndef _LINUX_RESMGR_DEBUG_H
#define _LINUX_RESMGR_DEBUG_H

#include <linux/compiler_types.h>
#include <linux/instruction_pointer.h>
#include <linux/kconfig.h>
#include <linux/kobject.h>

struct device_driver;
struct resmgr;

/**
 * enum resmgr_use - what an object is about to become
 * @RESMGR_USE_KOBJECT: a &struct kobject
 * @RESMGR_USE_DEVICE: a &struct device
 * @RESMGR_USE_CDEV: a &struct cdev that can be opened
 * @RESMGR_USE_MISC: a &struct miscdevice that can be opened
 * @RESMGR_USE_VIDEO: a &struct video_device that can be opened
 */
enum resmgr_use {
	RESMGR_USE_KOBJECT,
	RESMGR_USE_DEVICE,
	RESMGR_USE_CDEV,
	RESMGR_USE_MISC,
	RESMGR_USE_VIDEO,
};

#if defined(CONFIG_RESMGR_DEBUG) && IS_ENABLED(CONFIG_KUNIT)
void resmgr_misuse_forget(void);
#endif

void __resmgr_check_object(const void *object, enum resmgr_use use,
			   unsigned long caller);
void __resmgr_check_leftovers(struct resmgr *mgr,
			      const struct device_driver *drv);

/**
 * resmgr_release_is_awaited() - allow an object in memory freed at unbind
 * @kobj: the object, or the one in a device; not yet initialised
 *
 * For code that takes an object back and then waits until its release function
 * has run, as i2c_del_adapter() does. resmgr_check_object() reports nothing
 * then: by the time the memory is freed, nobody holds the object.
 *
 * Context: Any context.
 */
static inline void resmgr_release_is_awaited(struct kobject *kobj)
{
#ifdef CONFIG_RESMGR_DEBUG
	kobj->release_awaited = 1;
#endif
}

/**
 * resmgr_check_object() - report an object in memory that is freed at unbind
 * @object: the object
 * @use: what it is about to become
 *
 * The function that the driver calls must call this first. The report is a line
 * in the log.
 *
 * Context: Any context but NMI.
 */
static __always_inline void resmgr_check_object(const void *object,
						enum resmgr_use use)
{
	if (IS_ENABLED(CONFIG_RESMGR_DEBUG))
		__resmgr_check_object(object, use, _RET_IP_);
}

/**
 * resmgr_check_leftovers() - report why a driver cannot be probed
 * @mgr: devm resources of a device without a driver; there should be none
 * @drv: the driver
 *
 * Context: Any context but NMI.
 */
static inline void resmgr_check_leftovers(struct resmgr *mgr,
					  const struct device_driver *drv)
{
	if (IS_ENABLED(CONFIG_RESMGR_DEBUG))
		__resmgr_check_leftovers(mgr, drv);
}

#endif /* _LINUX_RESMGR_DEBUG_H */
