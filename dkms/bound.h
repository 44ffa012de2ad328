/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cdevm as a module: how a scope is bound to its device, in bound.c. Replaces
 * the header of that name.
 */
#ifndef _CDEVM_BOUND_H
#define _CDEVM_BOUND_H

#include <linux/types.h>

struct cdevm_scope;
struct device;
struct module;
struct resmgr_early;

int cdevm_bound_add(struct device *dev, struct resmgr_early *bound);
int cdevm_bound_publish(struct cdevm_scope *scope);
void cdevm_bound_finish(struct device *dev, struct resmgr_early *bound);

/* It is not known: then the rule for devices that are bound holds. */
static inline bool cdevm_bound_is_late(struct device *dev)
{
	return false;
}

/* A module is going, and with it the buses that are in it. */
void cdevm_bound_forget(const struct module *mod);
void cdevm_bound_exit(void);

#endif /* _CDEVM_BOUND_H */
