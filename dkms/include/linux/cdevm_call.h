/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cdevm as a module: what a task is in the middle of
 *
 * In the place of the header of that name. A task has no pointer to its records,
 * so the innermost one of each is in a table, see calls.c. Probes are not known.
 */
#ifndef _LINUX_CDEVM_CALL_H
#define _LINUX_CDEVM_CALL_H

#include <linux/list.h>
#include <linux/sched.h>

struct cdevm_scope;

/**
 * struct cdevm_call - a call into a driver
 * @scope: whose gate the call is inside of
 * @method: name of the method
 * @fn: function of the driver
 * @outer: the record that was there before, or %NULL
 * @task: whose call it is
 * @hash: link in the table, while this is the innermost record of @task
 */
struct cdevm_call {
	struct cdevm_scope		*scope;
	const char			*method;
	void				*fn;
	struct cdevm_call		*outer;
	struct task_struct		*task;
	struct hlist_node		hash;
};

void cdevm_push_call(struct cdevm_call *call, struct cdevm_scope *scope,
		     const char *method, void *fn);
void cdevm_pop_call(struct cdevm_call *call);
const struct cdevm_call *cdevm_innermost_call(void);
struct device *cdevm_own_probe(void);

#endif /* _LINUX_CDEVM_CALL_H */
