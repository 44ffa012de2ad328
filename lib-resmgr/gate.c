// SPDX-License-Identifier: GPL-2.0
/*
 * Gate: count the calls inside, revoke, wait until none is inside
 */

/**
 * DOC: how a gate works
 *
 * While the gate is open each call is counted up on the CPU where it enters,
 * and counted down on the CPU where it leaves, which may be another one. So the
 * counter of one CPU means nothing and may be negative; the sum over all CPUs
 * is the number of calls inside.
 *
 * The sum is meaningless while the counters change, so the revoke is the hard
 * part. It sets a flag in the word that holds the pointer to the counters.
 * After that no call enters, and calls that leave are counted down in one
 * atomic counter, @left. But some CPU may have tested the flag just before, and
 * be about to change its own counter. It does both with preemption disabled, so
 * a grace period of RCU later it is done, and the counters of all CPUs are
 * constant. Then their sum is added to @left, which from then on is the number
 * of calls inside. Until then RESMGR_GATE_OPEN is added to @left, so that it
 * does not reach zero before all calls have been counted.
 *
 * Whoever brings @left to zero completes the drain: the last call, or the end
 * of the grace period. If several wait, each wakes the next. A waiter sees
 * everything that a call has done. A call that was counted down on its CPU is
 * ordered by the grace period, and a call that was counted down in @left is
 * ordered by that counter.
 *
 * percpu_ref does the same for a reference count, and can also switch back to
 * per-CPU mode. It enters with rcu_read_lock(), which is two function calls
 * where RCU readers can be preempted, three times the cost of everything else;
 * a gate increments a counter of this CPU.
 *
 * Two alternatives were rejected. An SRCU domain per object costs kilobytes. A
 * reader lock that is stored in a handle is lost when two threads share the
 * handle. A gate only counts calls; threads, nesting and calls that end in
 * another context need no storage.
 */
#include <linux/bitops.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/resmgr_gate.h>

static atomic_t __percpu *resmgr_gate_counters(const struct resmgr_gate *gate)
{
	return resmgr_gate_inside(gate->inside & ~RESMGR_GATE_REVOKED);
}

/* More calls than can be inside. */
#define RESMGR_GATE_OPEN	(INT_MAX / 2)

/**
 * __resmgr_gate_init() - initialise a gate with a given lock class
 * @gate: the gate
 * @name: of the lock class
 * @key: of the lock class
 *
 * Context: Process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int __resmgr_gate_init(struct resmgr_gate *gate, const char *name,
		       struct lock_class_key *key)
{
	atomic_t __percpu *inside = alloc_percpu(atomic_t);

	if (!inside)
		return -ENOMEM;
	gate->inside = (__force unsigned long)inside;
	atomic_set(&gate->left, RESMGR_GATE_OPEN);
	init_completion(&gate->drained);
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	lockdep_init_map(&gate->dep_map, name, key, 0);
#endif
	return 0;
}
EXPORT_SYMBOL_GPL(__resmgr_gate_init);

static void resmgr_gate_count(struct resmgr_gate *gate, int calls)
{
	int left = atomic_add_return(calls, &gate->left);

	/* Complete anyway, or the waiter would never wake. */
	if (!WARN(left < 0, "resmgr: a gate was left more often than entered\n") &&
	    left > 0)
		return;
	/*
	 * The gate is not accessed after this. Not complete_all(): this may be a
	 * hard interrupt on PREEMPT_RT, where only a single task may be woken.
	 */
	complete(&gate->drained);
}

/* Runs a grace period after the revoke. */
static void resmgr_gate_fold(struct rcu_head *rcu)
{
	struct resmgr_gate *gate = container_of(rcu, struct resmgr_gate, rcu);
	unsigned int inside = 0;
	int cpu;

	/*
	 * All possible CPUs: a call may have entered on one that is offline by
	 * now.
	 */
	for_each_possible_cpu(cpu)
		inside += atomic_read(per_cpu_ptr(resmgr_gate_counters(gate), cpu));
	resmgr_gate_count(gate, (int)inside - RESMGR_GATE_OPEN);
}

/**
 * resmgr_gate_exit_revoked() - end a call after the revoke
 * @gate: the gate
 *
 * Context: Any context but NMI.
 */
void resmgr_gate_exit_revoked(struct resmgr_gate *gate)
{
	resmgr_gate_count(gate, -1);
}
EXPORT_SYMBOL_GPL(resmgr_gate_exit_revoked);

/**
 * resmgr_gate_revoke() - refuse new calls from now on
 * @gate: the gate
 *
 * Does not wait. Wake the calls that sleep inside after this returns: a call
 * that checks resmgr_gate_is_revoked() after it was woken sees the mark.
 *
 * Context: Any context but NMI.
 * Return: true for the first revoke of this gate.
 */
bool resmgr_gate_revoke(struct resmgr_gate *gate)
{
	/* Fully ordered, like every atomic operation that returns a value. */
	if (test_and_set_bit(0, &gate->inside))
		return false;
	/* Somebody will wait for it, so it must not be a lazy callback. */
	call_rcu_hurry(&gate->rcu, resmgr_gate_fold);
	return true;
}
EXPORT_SYMBOL_GPL(resmgr_gate_revoke);

static bool resmgr_gate_wait(struct resmgr_gate *gate, unsigned long timeout)
{
	if (!wait_for_completion_timeout(&gate->drained, timeout))
		return false;
	/* Wake the next task that waits. It stays completed. */
	complete(&gate->drained);
	return true;
}

/**
 * resmgr_gate_drain_nested() - wait for the calls inside, inside another gate
 * @gate: the gate, which has been revoked
 * @subclass: for lockdep: 0, or %SINGLE_DEPTH_NESTING when the caller is inside
 *	another gate of the same lock class
 * @timeout: jiffies; %MAX_SCHEDULE_TIMEOUT for ever
 *
 * Context: Process context, sleeps. Not from inside a call, unless it was set
 * aside with resmgr_gate_set_aside(), and not while holding a lock that calls
 * take: it would wait for itself, which lockdep reports.
 * Return: as resmgr_gate_drain().
 */
bool resmgr_gate_drain_nested(struct resmgr_gate *gate, unsigned int subclass,
			      unsigned long timeout)
{
	if (WARN(!resmgr_gate_is_revoked(gate), "resmgr: drain of an open gate\n"))
		return false;

	might_sleep();
	rwsem_acquire(&gate->dep_map, subclass, 0, _RET_IP_);
	rwsem_release(&gate->dep_map, _RET_IP_);

	return resmgr_gate_wait(gate, timeout);
}
EXPORT_SYMBOL_GPL(resmgr_gate_drain_nested);

/**
 * resmgr_gate_drain() - wait until no call is inside
 * @gate: the gate, which has been revoked
 * @timeout: jiffies; %MAX_SCHEDULE_TIMEOUT for ever
 *
 * Context: As resmgr_gate_drain_nested().
 * Return: true if no call is inside, and none will be; false on timeout, or
 * with a WARN if the gate has not been revoked.
 */
bool resmgr_gate_drain(struct resmgr_gate *gate, unsigned long timeout)
{
	return resmgr_gate_drain_nested(gate, 0, timeout);
}
EXPORT_SYMBOL_GPL(resmgr_gate_drain);

/**
 * resmgr_gate_set_aside() - exclude calls of this task from a drain
 * @gate: the gate, which has been revoked
 * @calls: how many calls of this task are inside
 *
 * For a drain from inside a call. resmgr_gate_take_back() must follow before
 * the first of these calls leaves.
 *
 * Context: Process context.
 */
void resmgr_gate_set_aside(struct resmgr_gate *gate, unsigned int calls)
{
	unsigned int i;

	for (i = 0; i < calls; i++)
		rwsem_release(&gate->dep_map, _RET_IP_);
	/*
	 * Before the end of the grace period @left is far above zero. After it,
	 * @left includes the calls. So it does not fall below zero.
	 */
	resmgr_gate_count(gate, -(int)calls);
}
EXPORT_SYMBOL_GPL(resmgr_gate_set_aside);

/**
 * resmgr_gate_take_back() - undo resmgr_gate_set_aside(), after the drain
 * @gate: the gate
 * @calls: the same number
 *
 * When these calls leave, @drained is completed again, which wakes nobody.
 *
 * Context: Process context.
 */
void resmgr_gate_take_back(struct resmgr_gate *gate, unsigned int calls)
{
	unsigned int i;

	atomic_add(calls, &gate->left);
	for (i = 0; i < calls; i++)
		rwsem_acquire_read(&gate->dep_map, 0, 1, _RET_IP_);
}
EXPORT_SYMBOL_GPL(resmgr_gate_take_back);

/**
 * resmgr_gate_calls() - count the calls inside
 * @gate: the gate, which has been revoked
 *
 * Context: Any context.
 * Return: the number of calls, some of which may leave at any time;
 * %RESMGR_GATE_MANY or more before the end of the revoke's grace period.
 */
unsigned int resmgr_gate_calls(const struct resmgr_gate *gate)
{
	return max(atomic_read(&gate->left), 0);
}
EXPORT_SYMBOL_GPL(resmgr_gate_calls);

/**
 * resmgr_gate_destroy() - free what the gate has allocated
 * @gate: a gate with no call inside
 *
 * Context: Any context for a gate that was drained or never revoked. Otherwise
 * it sleeps until the end of the revoke's grace period, whose callback uses
 * @gate.
 */
void resmgr_gate_destroy(struct resmgr_gate *gate)
{
	if (resmgr_gate_is_revoked(gate) && !completion_done(&gate->drained))
		resmgr_gate_wait(gate, MAX_SCHEDULE_TIMEOUT);
	free_percpu(resmgr_gate_counters(gate));
}
EXPORT_SYMBOL_GPL(resmgr_gate_destroy);
