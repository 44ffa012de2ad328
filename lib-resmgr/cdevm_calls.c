// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm: the calls that are inside when a driver is to be unbound
 *
 * The gate counts calls and does not know whose they are; a record of each would
 * cost every call of every driver, for the rare unbind that has to wait. But a
 * task that is inside has the wrapper on its stack. So, once an unbind has
 * waited for a while, the stacks of the tasks that sleep are looked at.
 *
 * The stack tells that a task is in a method of some node. It is one of this
 * scope if the method is in the driver's module, or if the task has a file of
 * the scope open: the method may be a library's, and a compiler may have turned
 * the driver's last call into a jump.
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
 * A kernel thread is left alone: it never comes to that border, so it would
 * have a signal pending for the rest of its life. Like a call that sleeps
 * otherwise, it is waited for and reported.
 */
#include <linux/fdtable.h>
#include <linux/kallsyms.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/stacktrace.h>
#include <linux/task_work.h>
#include <linux/wait.h>

#include "cdevm_internal.h"
#include "kernel_compat.h"

static int cdevm_is_file_of(const void *scope, struct file *file, unsigned int fd)
{
	const struct file_operations *fops = READ_ONCE(file->f_op);

	return cdevm_is_wrapped(fops) &&
	       container_of(fops, struct cdevm_fops, fops)->scope == scope;
}

/* Has @task a file of the scope among its own? */
static bool cdevm_has_file(const struct cdevm_scope *scope, struct task_struct *task)
{
	bool found = false;

	task_lock(task);
	if (task->files)
		found = iterate_fd(task->files, 0, cdevm_is_file_of, scope);
	task_unlock(task);
	return found;
}

/* Is @addr in the text of the driver? The caller keeps @scope. */
bool cdevm_is_drivers(const struct cdevm_scope *scope, unsigned long addr)
{
	return scope->owner ? within_module(addr, scope->owner) :
			      core_kernel_text(addr);
}

static int cdevm_save_stack(struct task_struct *task, void *data)
{
#ifdef CONFIG_STACKTRACE
	struct cdevm_call *call = data;

	/* It may have set its state and not gone to sleep yet. */
	if (task == current ||
	    (READ_ONCE(task->__state) & TASK_NORMAL && !task_curr(task)))
		call->count = stack_trace_save_tsk(task, call->frames,
						   CDEVM_FRAMES, 0);
#endif
	return 0;
}

/*
 * Read the stack of @task, for cdevm_next_call(). One that runs has none to read,
 * and one that sleeps is kept from waking up meanwhile: what is followed on a
 * stack has to stand still.
 */
void cdevm_read_stack(struct cdevm_call *call, struct task_struct *task)
{
	call->at = 0;
	call->count = 0;
	if (task == current)
		cdevm_save_stack(task, call);
	else
		task_call_func(task, cdevm_save_stack, call);
}

/* Find the next method of some node on the stack, from the innermost on. */
bool cdevm_next_call(struct cdevm_call *call)
{
	unsigned long size, offset;

	while (++call->at < call->count) {
		/* A return address may be that of what follows the function. */
		unsigned long addr = call->frames[call->at] - 1;

		if (!kallsyms_lookup_size_offset(addr, &size, &offset))
			continue;
		call->method = cdevm_fops_method(addr - offset) ?:
			       cdevm_vm_method(addr - offset);
		if (!call->method)
			continue;
		call->fn = call->frames[call->at - 1];
		return true;
	}
	return false;
}

/*
 * Is @task inside a method of the scope? Then @call says where. When @sure, more
 * has to speak for it.
 */
static bool cdevm_find_call(const struct cdevm_scope *scope,
			    struct task_struct *task, bool sure,
			    struct cdevm_call *call)
{
	bool drivers, has_file;

	cdevm_read_stack(call, task);
	while (cdevm_next_call(call)) {
		drivers = cdevm_is_drivers(scope, call->fn);
		has_file = cdevm_has_file(scope, task);
		if (sure ? drivers && has_file : drivers || has_file)
			return true;
		/* A method of another device, called from one of ours? */
	}
	return false;
}

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
		    !cdevm_find_call(scope, task, false, call))
			continue;
		found = true;
		if (tell)
			pr_warn("cdevm: %s: unbind waits for %s[%d], which sleeps %sin %s of the driver (%pS)\n",
				scope->name, task->comm, task_pid_nr(task),
				state & TASK_INTERRUPTIBLE ? "" : "uninterruptibly ",
				call->method, (void *)call->fn);
		if (state & TASK_INTERRUPTIBLE && !(task->flags & PF_KTHREAD))
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
 * More is asked of the stack here than for an interrupt: to be wrong would mean
 * not to wait for somebody else.
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
	self = cdevm_find_call(scope, current, true, call);
	WARN(self, "cdevm: %s: unbound by %s of its own driver (%pS), which has to use cdevm_unbind_self()\n",
	     scope->name, call->method, (void *)call->fn);
	kfree(call);
	return self;
}
