/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cdevm: records of calls and probes of a task
 *
 * A task points to the innermost of these records, which are on its stack: the
 * calls into drivers that it is inside, and the driver probes that it is
 * running. Only the task itself reads its records, and lib/resmgr/cdevm/look.c.
 */
#ifndef _LINUX_CDEVM_CALL_H
#define _LINUX_CDEVM_CALL_H

#include <linux/device.h>
#include <linux/sched.h>

struct cdevm_scope;

/**
 * struct cdevm_call - a call into a driver, or a probe
 * @scope: scope whose gate the call is inside; %NULL for a probe
 * @method: name of the method
 * @fn: function of the driver; for a probe the &struct device
 * @outer: the enclosing record, or %NULL
 */
struct cdevm_call {
	struct cdevm_scope		*scope;
	const char			*method;
	void				*fn;
	struct cdevm_call		*outer;
};

/* Tag of a devres group that does not belong to the probe of its device. */
#define CDEVM_GROUP_LATE	1

#ifdef CONFIG_CDEVM
struct device *cdevm_own_probe(void);

/**
 * cdevm_innermost_call() - get the innermost record of this task
 *
 * Context: Task context.
 * Return: the record, or %NULL.
 */
static inline const struct cdevm_call *cdevm_innermost_call(void)
{
	return current->cdevm_call;
}

/**
 * cdevm_push_call() - make a record the innermost one of this task
 * @call: the record, on the stack of the caller until cdevm_pop_call()
 * @scope: see &struct cdevm_call
 * @method: see &struct cdevm_call
 * @fn: see &struct cdevm_call
 *
 * Context: Task context.
 */
static __always_inline void cdevm_push_call(struct cdevm_call *call,
					    struct cdevm_scope *scope,
					    const char *method, void *fn)
{
	call->scope = scope;
	call->method = method;
	call->fn = fn;
	call->outer = current->cdevm_call;
	/* Pairs with the acquire in cdevm_see(). */
	smp_store_release(&current->cdevm_call, call);
}

/**
 * cdevm_pop_call() - undo cdevm_push_call()
 * @call: the record
 *
 * Context: The same task.
 */
static __always_inline void cdevm_pop_call(struct cdevm_call *call)
{
	WRITE_ONCE(current->cdevm_call, call->outer);
}

/* Record whose probe asks for a scope. */
static inline void cdevm_begin_probe(struct cdevm_call *call, struct device *dev)
{
	cdevm_push_call(call, NULL, "probe", dev);
}

static inline void cdevm_end_probe(struct cdevm_call *call)
{
	cdevm_pop_call(call);
}

/*
 * Tag for a devres group that is opened now. The group is late if the driver is
 * bound, or if another device is being probed: component_bind() may run in
 * another task while the probe of its device is not quite finished.
 */
static inline unsigned int cdevm_group_tag(const struct device *dev)
{
	const struct device *probed = cdevm_own_probe();

	return dev->links.status == DL_DEV_DRIVER_BOUND || (probed && probed != dev) ?
	       CDEVM_GROUP_LATE : 0;
}
#else
static inline unsigned int cdevm_group_tag(const struct device *dev)
{
	return 0;
}

static inline void cdevm_begin_probe(struct cdevm_call *call, struct device *dev)
{
}

static inline void cdevm_end_probe(struct cdevm_call *call)
{
}
#endif

#endif /* _LINUX_CDEVM_CALL_H */
