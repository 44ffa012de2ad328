// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm: interrupt, report and kill the calls that an unbind waits for
 */

/**
 * DOC: calls that do not leave
 *
 * A scope is watched from its revoke until the end of its drain. The unbind may
 * wait in the drain, for a lock that an open() holds and removing a node needs,
 * or in a kick() of the driver. In each case it waits for these calls, or for
 * something of the driver's own. So a work item interrupts, reports and finally
 * kills the calls, and not the task that waits.
 *
 * A call that sleeps interruptibly is interrupted as by a signal, without one
 * being sent: with TIF_NOTIFY_SIGNAL signal_pending() is true until the task
 * returns to user mode. Interruptible sleepers have to cope with that. The
 * method returns -ERESTARTSYS, there is no signal to deliver, so the system
 * call is restarted, reaches the gate and gets -ENODEV. The flag is set while
 * the task is seen sleeping inside the scope and cannot wake up. So only a call
 * of this scope is ever interrupted.
 *
 * Two kinds of calls are not interrupted. Like calls in other kinds of sleep,
 * they are waited for and reported. A kernel thread never returns to user mode,
 * so it would have a signal pending for the rest of its life. And methods that
 * run when files and mappings are closed do not belong to a system call that
 * could be restarted; before the task returns to user mode it may close other
 * files, and the flag would interrupt those, too.
 *
 * A call may wait for something that a user supplies, such as a page from
 * userfaultfd or FUSE. So an unprivileged user could hold up the call for ever,
 * and the unbind with it. So after @kill_after seconds the task is killed, if it
 * is in a sleep that a kill ends, or if it was interrupted before and runs in
 * circles, as a fault does that is retried. Other tasks would be killed for
 * nothing. One wait goes on after the kill: that for a FUSE server which has
 * read the request and does not answer. It ends when the server does, or when
 * its connection is aborted.
 */
#include <linux/cdevm.h>
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "internal.h"

/*
 * Time until calls that still sleep are interrupted, and until the next look
 * for calls that sleep again. Tasks that were kicked have long returned by
 * then, and a person who waits for an unbind does not notice.
 */
#define CDEVM_STIR_AFTER	(HZ / 10)
#define CDEVM_STIR_AGAIN	HZ

/* Interval of the work item. */
#define CDEVM_TICK		CDEVM_STIR_AFTER

/*
 * How many tasks are reported at a time. The first few of a thousand are
 * enough.
 */
#define CDEVM_NAMED		8

/*
 * Half of the timeout of the hung task detector, and six times the time until
 * the task is reported in the log, which leaves time to look at it.
 */
static unsigned int kill_after = 60;
module_param(kill_after, uint, 0644);
MODULE_PARM_DESC(kill_after, "seconds after which a task that holds up an unbind, and can be killed, is killed; 0: never");

/*
 * Protects cdevm_leaving, and in each scope on it the times at which something
 * is due. Taken under the device lock. Held while tasks are looked at, so that
 * the scopes on the list stay.
 */
static DEFINE_MUTEX(cdevm_watch_lock);
static LIST_HEAD(cdevm_leaving);

static void cdevm_watch(struct work_struct *work);
static DECLARE_DELAYED_WORK(cdevm_watch_work, cdevm_watch);

/* Returns the watched scope that the call is inside, or %NULL. */
static struct cdevm_scope *cdevm_leaving_scope(const struct cdevm_call *call)
{
	struct cdevm_scope *scope;

	lockdep_assert_held(&cdevm_watch_lock);

	/*
	 * Compare addresses only: a scope that is not on the list may be freed.
	 */
	list_for_each_entry(scope, &cdevm_leaving, leaving)
		if (scope == call->scope)
			return scope;
	return NULL;
}

/* Returns true for a call that is made when something is closed. */
static bool cdevm_is_closing(const struct cdevm_call *call)
{
	static const char * const methods[] = {
		"release", "flush", "vm_open", "vm_close",
	};

	return match_string(methods, ARRAY_SIZE(methods), call->method) >= 0 ||
	       str_has_prefix(call->method, CDEVM_UNDO);
}

static bool cdevm_can_be_interrupted(const struct cdevm_sight *sight)
{
	return sight->state & TASK_INTERRUPTIBLE && !sight->running &&
	       !(sight->task->flags & PF_KTHREAD) &&
	       !cdevm_is_closing(&sight->call);
}

/*
 * Called with locks of the scheduler held: the task cannot wake up meanwhile.
 */
static bool cdevm_interrupt(struct cdevm_sight *sight)
{
	const struct cdevm_scope *scope = cdevm_leaving_scope(&sight->call);

	/* The task that ends the scope is not waited for. */
	if (!scope || sight->task == READ_ONCE(scope->ender))
		return false;
	if (cdevm_can_be_interrupted(sight))
		set_tsk_thread_flag(sight->task, TIF_NOTIFY_SIGNAL);
	return true;
}

static bool cdevm_kill_is_due(const struct cdevm_scope *scope)
{
	unsigned int after = READ_ONCE(kill_after);

	return after && (jiffies - scope->left_at) / HZ >= after;
}

static bool cdevm_can_be_killed(const struct cdevm_sight *sight)
{
	struct task_struct *task = sight->task;

	/* It is exiting, or no signal kills it. */
	if (task->flags & (PF_KTHREAD | PF_EXITING) || is_global_init(task) ||
	    task->signal->flags & SIGNAL_GROUP_EXIT || fatal_signal_pending(task))
		return false;
	if (!sight->running && sight->state & (TASK_INTERRUPTIBLE | TASK_WAKEKILL))
		return true;
	return !(sight->state & TASK_NORMAL) &&
	       test_tsk_thread_flag(task, TIF_NOTIFY_SIGNAL);
}

static void cdevm_stir(struct task_struct *task, struct cdevm_sight *sight,
		       unsigned int *killed)
{
	const struct cdevm_scope *scope = cdevm_leaving_scope(&sight->call);

	if (cdevm_can_be_interrupted(sight))
		wake_up_state(task, TASK_INTERRUPTIBLE);
	if (!cdevm_kill_is_due(scope) || !cdevm_can_be_killed(sight))
		return;
	if (++*killed <= CDEVM_NAMED)
		pr_warn("cdevm: %s: %s[%d] has held up the unbind for %u s in %s of the driver (%pS) and is killed\n",
			scope->name, task->comm, task_pid_nr(task), READ_ONCE(kill_after),
			sight->call.method, sight->call.fn);
	send_sig(SIGKILL, task, 1);
}

static void cdevm_stir_all(void)
{
	struct cdevm_sight sight = { .wanted = cdevm_interrupt };
	struct task_struct *process, *task;
	unsigned int killed = 0;

	rcu_read_lock();
	for_each_process_thread(process, task)
		if (cdevm_look(task, &sight))
			cdevm_stir(task, &sight, &killed);
	rcu_read_unlock();
	if (killed > CDEVM_NAMED)
		pr_warn("cdevm: and %u more tasks are killed\n", killed - CDEVM_NAMED);
}

/**
 * struct cdevm_roll - the tasks inside a scope
 * @sight: search in the calls of each task
 * @scope: the scope
 * @count: number of tasks that were found
 * @pid: pids of the first of them
 * @comm: their names
 * @how: how they sleep
 * @call: the calls that they are inside
 */
struct cdevm_roll {
	struct cdevm_sight	sight;
	struct cdevm_scope	*scope;
	unsigned int		count;
	pid_t			pid[CDEVM_NAMED];
	char			comm[CDEVM_NAMED][TASK_COMM_LEN];
	const char		*how[CDEVM_NAMED];
	struct cdevm_call	call[CDEVM_NAMED];
};

static bool cdevm_is_inside(struct cdevm_sight *sight)
{
	const struct cdevm_scope *scope;

	scope = container_of(sight, struct cdevm_roll, sight)->scope;
	return sight->call.scope == scope && sight->task != READ_ONCE(scope->ender);
}

static const char *cdevm_how(const struct cdevm_roll *roll)
{
	const struct cdevm_sight *sight = &roll->sight;
	struct device *dev = roll->scope->dev;

	/* Neither a signal nor a wakeup wakes it. */
	if (sight->state & TASK_FROZEN)
		return "is frozen";
	if (sight->running || !(sight->state & TASK_NORMAL))
		return "runs";
	if (dev && READ_ONCE(sight->task->blocked_on) == &dev->mutex)
		return dev->links.status == DL_DEV_UNBINDING ||
		       dev->links.status == DL_DEV_PROBING ?
		       "waits for the device lock, which the unbind holds: a deadlock," :
		       "waits for the device lock";
	return sight->state & TASK_INTERRUPTIBLE ? "sleeps" :
	       sight->state & TASK_WAKEKILL ? "sleeps killably" :
					      "sleeps uninterruptibly";
}

static void cdevm_name_calls(struct cdevm_roll *roll)
{
	struct cdevm_scope *scope = roll->scope;
	struct task_struct *process, *task;
	unsigned int i, calls;

	roll->count = 0;
	rcu_read_lock();
	for_each_process_thread(process, task) {
		if (!cdevm_look(task, &roll->sight))
			continue;
		i = roll->count++;
		if (i >= CDEVM_NAMED)
			continue;
		roll->pid[i] = task_pid_nr(task);
		get_task_comm(roll->comm[i], task);
		roll->how[i] = cdevm_how(roll);
		roll->call[i] = roll->sight.call;
	}
	rcu_read_unlock();

	/* With no call inside, the driver does not return from a step. */
	calls = resmgr_gate_calls(&scope->gate);
	pr_warn("cdevm: %s: unbind waits since %lu s in %s; %u calls are inside the driver\n",
		scope->name, (jiffies - scope->left_at) / HZ, READ_ONCE(scope->step), calls);
	for (i = 0; i < min(roll->count, CDEVM_NAMED); i++)
		pr_warn("cdevm: %s: unbind waits for %s[%d], which %s in %s of the driver (%pS)\n",
			scope->name, roll->comm[i], roll->pid[i], roll->how[i],
			roll->call[i].method, roll->call[i].fn);
	if (roll->count > CDEVM_NAMED)
		pr_warn("cdevm: %s: and for %u more tasks\n", scope->name,
			roll->count - CDEVM_NAMED);
	if (calls && !roll->count)
		pr_warn("cdevm: %s: none of a file operation: somebody has not come back from a section that began with cdevm_enter()\n",
			scope->name);
}

/* Returns true if it is time to look at all tasks, for some scope. */
static bool cdevm_stirring_is_due(void)
{
	struct cdevm_scope *scope;
	bool due = false;

	lockdep_assert_held(&cdevm_watch_lock);

	list_for_each_entry(scope, &cdevm_leaving, leaving) {
		if (!time_after_eq(jiffies, scope->stir_at))
			continue;
		scope->stir_at = jiffies + CDEVM_STIR_AGAIN;
		due = true;
	}
	return due;
}

static void cdevm_watch(struct work_struct *work)
{
	/*
	 * Static, as it is too large for the stack: there is one work item,
	 * which never runs twice at a time.
	 */
	static struct cdevm_roll roll = { .sight.wanted = cdevm_is_inside };

	mutex_lock(&cdevm_watch_lock);
	if (cdevm_stirring_is_due())
		cdevm_stir_all();
	list_for_each_entry(roll.scope, &cdevm_leaving, leaving) {
		if (!time_after(jiffies, roll.scope->tell_at))
			continue;
		cdevm_name_calls(&roll);
		roll.scope->tell_at = jiffies + CDEVM_REPORT_AFTER;
	}
	if (!list_empty(&cdevm_leaving))
		queue_delayed_work(system_dfl_wq, &cdevm_watch_work, CDEVM_TICK);
	mutex_unlock(&cdevm_watch_lock);
}

/**
 * cdevm_watch_begin() - watch the calls inside a revoked scope
 * @scope: scope
 *
 * Context: Process context, may sleep.
 */
void cdevm_watch_begin(struct cdevm_scope *scope)
{
	mutex_lock(&cdevm_watch_lock);
	scope->left_at = jiffies;
	scope->stir_at = jiffies + CDEVM_STIR_AFTER;
	scope->tell_at = jiffies + CDEVM_REPORT_AFTER;
	list_add_tail(&scope->leaving, &cdevm_leaving);
	queue_delayed_work(system_dfl_wq, &cdevm_watch_work, CDEVM_TICK);
	mutex_unlock(&cdevm_watch_lock);
}

/**
 * cdevm_watch_end() - stop watching a scope with no call inside
 * @scope: scope, which may be freed after this
 *
 * Context: Process context, may sleep.
 */
void cdevm_watch_end(struct cdevm_scope *scope)
{
	mutex_lock(&cdevm_watch_lock);
	list_del(&scope->leaving);
	if (list_empty(&cdevm_leaving))
		cancel_delayed_work(&cdevm_watch_work);
	mutex_unlock(&cdevm_watch_lock);
}
