// SPDX-License-Identifier: GPL-2.0
/*
 * Gate: count the calls inside, refuse new ones for ever, wait for the old ones
 *
 * While the gate is open each call is counted on the CPU that it is on when it
 * enters, and counted off on that where it leaves, which may be another one. So
 * the counter of a CPU alone means nothing and may be below zero; the sum of all
 * is the number of calls inside.
 *
 * The sum is meaningless while the counters change. So the hard part is the revoke. It
 * sets a flag, in the word that has the pointer to the counters, after which no
 * call enters, and those that leave are counted off in one atomic counter, @left.
 * But some CPU may have looked at the flag just before, and be about to change its
 * own counter. It looks and counts with preemption off, hence an RCU grace period
 * later it is done, and the counters of all CPUs stand still. Then their sum is
 * added to @left, which from then on is the number of calls inside. Until then it
 * has RESMGR_GATE_OPEN added to it, so that it does not come to zero before all
 * have been counted.
 *
 * Whoever brings @left to zero, be it the last call or the end of the grace
 * period, completes the drain. What a call has done is seen by whoever was
 * waiting: a call that was counted off on its CPU comes before the end of the
 * grace period, and one that was counted off in @left before what is read there.
 *
 * This is what percpu_ref does for a reference count, without the ways back and
 * forth that it has. It enters with rcu_read_lock(), which is two calls of
 * functions where RCU readers can be preempted, three times as much as all the
 * rest; here it is an increment of a number of this CPU.
 *
 * Kept out of this on purpose: one SRCU domain per object costs kilobytes, and
 * a reader lock that lives in a handle is lost when two threads share the
 * handle. Here a call is counted, no more; threads, nesting and calls that end
 * in another context need no storage.
 */
#include <linux/bitops.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/resmgr_gate.h>

static unsigned int __percpu *resmgr_gate_counters(const struct resmgr_gate *gate)
{
	return resmgr_gate_inside(gate->inside & ~RESMGR_GATE_REVOKED);
}

/* More than there can be calls inside. */
#define RESMGR_GATE_OPEN	(INT_MAX / 2)

/**
 * __resmgr_gate_init() - what resmgr_gate_init() does, with a given lock class
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
	unsigned int __percpu *inside = alloc_percpu(unsigned int);

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
	/* Nothing of the gate is touched after this. */
	complete_all(&gate->drained);
}

/* A grace period after the revoke. */
static void resmgr_gate_fold(struct rcu_head *rcu)
{
	struct resmgr_gate *gate = container_of(rcu, struct resmgr_gate, rcu);
	unsigned int inside = 0;
	int cpu;

	/* Any CPU, since a call may have entered on one that is off by now. */
	for_each_possible_cpu(cpu)
		inside += *per_cpu_ptr(resmgr_gate_counters(gate), cpu);
	resmgr_gate_count(gate, (int)inside - RESMGR_GATE_OPEN);
}

/**
 * resmgr_gate_exit_revoked() - what resmgr_gate_exit() does after the revoke
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
 * Does not wait. Whoever wakes the calls inside does it after this: the mark is
 * set before this returns, so a call that looks at resmgr_gate_is_revoked()
 * after it was woken sees it.
 *
 * Context: Any context but NMI.
 * Return: true for the first revoke of this gate.
 */
bool resmgr_gate_revoke(struct resmgr_gate *gate)
{
	/* Fully ordered, as is every atomic that returns a value. */
	if (test_and_set_bit(0, &gate->inside))
		return false;
	/* Somebody is going to wait for it: not one of those that may be late. */
	call_rcu_hurry(&gate->rcu, resmgr_gate_fold);
	return true;
}
EXPORT_SYMBOL_GPL(resmgr_gate_revoke);

/**
 * resmgr_gate_drain_nested() - wait for the calls inside, from inside of another gate
 * @gate: the gate, which has been revoked
 * @subclass: for lockdep: 0, or %SINGLE_DEPTH_NESTING when the caller is inside
 *	another gate of the same lock class
 * @timeout: jiffies; %MAX_SCHEDULE_TIMEOUT for ever
 *
 * Context: Process context, sleeps. Not from inside a call, unless it was set
 * aside with resmgr_gate_set_aside(); nor while holding a lock that calls take:
 * it would wait for itself, and lockdep says so.
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

	return wait_for_completion_timeout(&gate->drained, timeout);
}
EXPORT_SYMBOL_GPL(resmgr_gate_drain_nested);

/**
 * resmgr_gate_drain() - wait until no call is inside
 * @gate: the gate, which has been revoked
 * @timeout: jiffies; %MAX_SCHEDULE_TIMEOUT for ever
 *
 * Context: As resmgr_gate_drain_nested().
 * Return: true when none is inside, nor will be; false on timeout, or with a
 * WARN when the gate has not been revoked.
 */
bool resmgr_gate_drain(struct resmgr_gate *gate, unsigned long timeout)
{
	return resmgr_gate_drain_nested(gate, 0, timeout);
}
EXPORT_SYMBOL_GPL(resmgr_gate_drain);

/**
 * resmgr_gate_set_aside() - let a drain not wait for calls of this task
 * @gate: the gate, which has been revoked
 * @calls: how many calls of this task are inside; to be followed by
 *	resmgr_gate_take_back() before the first of them leaves
 *
 * For a drain that is done from inside.
 *
 * Context: Process context.
 */
void resmgr_gate_set_aside(struct resmgr_gate *gate, unsigned int calls)
{
	unsigned int i;

	for (i = 0; i < calls; i++)
		rwsem_release(&gate->dep_map, _RET_IP_);
	/*
	 * Before the grace period is over @left is far above zero; after it the
	 * calls are in it. So it does not fall below zero.
	 */
	resmgr_gate_count(gate, -(int)calls);
}
EXPORT_SYMBOL_GPL(resmgr_gate_set_aside);

/**
 * resmgr_gate_take_back() - undo resmgr_gate_set_aside(), after the drain
 * @gate: the gate
 * @calls: the same number
 *
 * When these calls leave, @drained is completed again, which tells nobody.
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
 * resmgr_gate_calls() - how many calls are inside?
 * @gate: the gate, which has been revoked
 *
 * Context: Any context.
 * Return: the number of calls, of which some may leave at any time; %RESMGR_GATE_MANY
 * or more while the grace period of the revoke is not over.
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
 * Context: Any context for a gate that was drained or never revoked. Else it
 * sleeps until the grace period of the revoke is over: that uses @gate.
 */
void resmgr_gate_destroy(struct resmgr_gate *gate)
{
	if (resmgr_gate_is_revoked(gate) && !completion_done(&gate->drained))
		wait_for_completion(&gate->drained);
	free_percpu(resmgr_gate_counters(gate));
}
EXPORT_SYMBOL_GPL(resmgr_gate_destroy);
