/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cdevm as a module: replacements for what lib-resmgr expects
 *
 * Included before everything else in each of its files, see Kbuild. Features
 * that a module cannot have are defined away here, so that lib-resmgr need not
 * know about it.
 */
#ifndef _CDEVM_ADAPT_H
#define _CDEVM_ADAPT_H

#include <linux/cdevm_config.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/version.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <asm/sections.h>

/* A module has one init function and one exit function, in main.c, which call these. */
#undef core_initcall
#undef late_initcall
#undef __exitcall
#define core_initcall(fn)	int __init cdevm_initcall_##fn(void) { return fn(); }
#define late_initcall(fn)	core_initcall(fn)
#define __exitcall(fn)		void __exit cdevm_exitcall_##fn(void) { fn(); }

int cdevm_initcall_cdevm_init(void);
int cdevm_initcall_cdevm_poll_init(void);
int cdevm_initcall_resmgr_debugfs_init(void);
void cdevm_exitcall_cdevm_unload(void);
void cdevm_exitcall_resmgr_debugfs_exit(void);

/* Where strings are that need no copy, a module is not told. So all are copied. */
#define is_kernel_rodata(addr)	((void)(addr), false)

/* A queue that can be waited for when the module goes. */
extern struct workqueue_struct *cdevm_wq;
#define system_dfl_wq	cdevm_wq

/* Not exported; but what wakes those on a wait queue is. */
static inline int cdevm_wake_up_state(struct task_struct *task, unsigned int state)
{
	struct wait_queue_entry entry = { .private = task };

	return default_wake_function(&entry, state, 0, NULL);
}

#define wake_up_state(task, state)	cdevm_wake_up_state(task, state)

#endif /* _CDEVM_ADAPT_H */
