// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm: the calls that are inside when a driver is to be unbound
 *
 * The gate counts calls and does not know whose they are; a record of each would
 * cost every call of every driver, for the rare unbind that has to wait. But a
 * task that is inside has the wrapper on its stack. So, once an unbind has
 * waited for a while, the stacks of the tasks that sleep are looked at.
 *
 * A call that sleeps interruptibly is then interrupted, as by a signal that
 * nobody has sent: task work with TWA_SIGNAL, which makes signal_pending() true
 * until the task is back at the border to user mode. This is sound, since it is
 * nothing that cannot happen at any time: whoever sleeps interruptibly has to
 * take a signal. The method returns -ERESTARTSYS, there is no signal to deliver,
 * so the system call is restarted, comes to the gate and gets -ENODEV. A method
 * that returns -EINTR itself hands that to user space. Should the wrong task be
 * taken, one in another device of the same driver, then its call is restarted,
 * and it goes on sleeping.
 *
 * A call that sleeps otherwise is waited for, and reported.
 */
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/stacktrace.h>
#include <linux/task_work.h>

#include "cdevm_internal.h"
#include "kernel_compat.h"

/* Deep enough for a method that sleeps a few layers further down. */
#define CDEVM_FRAMES	48

/**
 * struct cdevm_call - a call that was found on a stack
 * @method: name of the method
 * @fn: where in the driver
 * @frames: the stack, innermost first
 */
struct cdevm_call {
	const char	*method;
	unsigned long	fn;
	unsigned long	frames[CDEVM_FRAMES];
};

#ifdef CONFIG_STACKTRACE
static bool cdevm_is_text_of(const struct module *owner, unsigned long addr)
{
	return owner ? within_module(addr, owner) : core_kernel_text(addr);
}

/*
 * The driver's own, or that of the subsystem whose file operations its nodes
 * have. No node is added any more, so the list needs no lock.
 */
static bool cdevm_is_drivers(const struct cdevm_scope *scope, unsigned long addr)
{
	const struct cdevm_fops *fops;

	if (cdevm_is_text_of(scope->owner, addr))
		return true;
	for (fops = scope->fops; fops; fops = fops->next)
		if (cdevm_is_text_of(fops->orig->owner, addr))
			return true;
	return false;
}

/* Is @task inside a method of the driver? Then @call says where. */
static bool cdevm_find_call(const struct cdevm_scope *scope,
			    struct task_struct *task, struct cdevm_call *call)
{
	unsigned long size, offset;
	unsigned int i, n;

	n = stack_trace_save_tsk(task, call->frames, CDEVM_FRAMES, 0);
	for (i = 1; i < n; i++) {
		/* A return address may be that of what follows the function. */
		if (!kallsyms_lookup_size_offset(call->frames[i] - 1, &size, &offset))
			continue;
		call->method = cdevm_fops_method(call->frames[i] - 1 - offset) ?:
			       cdevm_vm_method(call->frames[i] - 1 - offset);
		call->fn = call->frames[i - 1];
		if (call->method && cdevm_is_drivers(scope, call->fn))
			return true;
	}
	return false;
}
#else
static bool cdevm_find_call(const struct cdevm_scope *scope,
			    struct task_struct *task, struct cdevm_call *call)
{
	return false;
}
#endif

static void cdevm_interrupted(struct callback_head *work)
{
	kfree(work);
}

static void cdevm_interrupt(struct task_struct *task)
{
	struct callback_head *work = kmalloc_obj(*work, GFP_ATOMIC);

	/* Without memory: the next time. */
	if (!work)
		return;
	init_task_work(work, cdevm_interrupted);
	if (task_work_add(task, work, TWA_SIGNAL))
		kfree(work);
}

/**
 * cdevm_interrupt_calls() - interrupt the calls that sleep inside
 * @scope: scope that is being unbound
 * @tell: say in the log whom the unbind waits for
 *
 * Context: Process context, may sleep.
 */
void cdevm_interrupt_calls(struct cdevm_scope *scope, bool tell)
{
	struct task_struct *process, *task;
	struct cdevm_call *call;
	bool found = false;

	call = kmalloc_obj(*call, GFP_KERNEL);
	if (!call)
		return;

	/* Keeps the list and the tasks on it. A task that runs has no stack to read. */
	rcu_read_lock();
	for_each_process_thread(process, task) {
		unsigned int state = READ_ONCE(task->__state);

		if (task == current || !(state & TASK_NORMAL) ||
		    !cdevm_find_call(scope, task, call))
			continue;
		found = true;
		if (tell)
			pr_warn("cdevm: %s: unbind waits for %s[%d], which sleeps %sin %s of the driver (%pS)\n",
				scope->name, task->comm, task_pid_nr(task),
				state & TASK_INTERRUPTIBLE ? "" : "uninterruptibly ",
				call->method, (void *)call->fn);
		if (state & TASK_INTERRUPTIBLE)
			cdevm_interrupt(task);
	}
	rcu_read_unlock();
	kfree(call);

	if (tell && !found)
		pr_warn("cdevm: %s: unbind waits for calls inside the driver; one that sleeps should use cdevm_wait_event_*() or be woken by kick()\n",
			scope->name);
}

/**
 * cdevm_warn_self() - is it a method of the driver that unbinds the device?
 * @scope: scope that is being unbound
 *
 * Context: Process context, may sleep.
 * Return: true, with a WARN, when this task is inside: it cannot be waited for.
 */
bool cdevm_warn_self(struct cdevm_scope *scope)
{
	struct cdevm_call *call = kmalloc_obj(*call, GFP_KERNEL);
	bool self;

	if (!call)
		return false;
	self = cdevm_find_call(scope, current, call);
	WARN(self, "cdevm: %s: unbound by %s of its own driver (%pS), which has to use cdevm_unbind_self()\n",
	     scope->name, call->method, (void *)call->fn);
	kfree(call);
	return self;
}
