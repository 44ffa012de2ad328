// SPDX-License-Identifier: GPL-2.0
/*
 * Gate: count the calls inside, revoke, wait until none is inside
 */

/**
 * DOC: how a gate works
 *
 * While the gate is open each call is counted up on the CPU where it enters,
 * and counted down on the CPU where it leaves, which may be another one. So the
 * counter of one CPU means nothing; the sum over all CPUs, less what they
 * started with, is the number of calls inside.
 *
 * The sum is meaningless while the counters change, so the revoke is the hard
 * part. It takes the value of each counter away and leaves a mark in its place,
 * a value far below zero, in one step. Whoever counts learns by the sign of the
 * result, in the same step, on which side of the mark that was:
 *
 * - Not negative: it counted before the mark, and is in the value that was
 *   taken away.
 * - Negative: it counted after the mark, and nobody will read that. A call that
 *   enters is refused. A call that leaves is still in the sum, and is counted
 *   down once more, in one atomic counter, @left.
 *
 * When all CPUs are marked, the sum is added to @left, which from then on is
 * the number of calls inside. Until then RESMGR_GATE_OPEN is in @left, so that
 * it does not reach zero before all calls have been counted. Whoever brings
 * @left to zero completes the drain: the last call, or the revoke. If several
 * wait, each wakes the next.
 *
 * Nothing here depends on when a task is preempted, or which CPU it moves to:
 * each step touches one counter, once. So entering disables neither interrupts
 * nor preemption, and the revoke waits for no grace period of RCU.
 *
 * In one step means, except on x86-64, by atomic operations. On x86-64 calls
 * use an instruction without the lock prefix, which is atomic only for the CPU
 * that runs it. So the mark is set by an interrupt on that CPU, which comes
 * before the instruction or after it. A CPU that is offline takes no interrupt,
 * see resmgr_gate_mark_cpu().
 *
 * What a call does inside comes after it has entered and before it has left,
 * also as the task that drains sees it. With atomic operations those have
 * acquire and release semantics. On x86-64 entering and leaving only keep the
 * compiler from moving anything. The interrupt of the revoke does the rest: it
 * divides what its CPU does into before and after, and the revoke waits for
 * all of them with full ordering, as for a grace period. A task that moves to
 * another CPU in between is ordered by the scheduler.
 *
 * The counters have 64 bits on all machines. If calls of some kind always enter
 * on one CPU and leave on another, the two drift apart for as long as the gate
 * lives; 32 bits would last for days.
 *
 * percpu_ref does the same for a reference count, and can also switch back to
 * per-CPU mode. It enters with rcu_read_lock(), which is two function calls
 * where RCU readers can be preempted, and waits for a grace period when it is
 * killed.
 *
 * Two alternatives were rejected. An SRCU domain per object costs kilobytes. A
 * reader lock that is stored in a handle is lost when two threads share the
 * handle. A gate only counts calls; threads, nesting and calls that end in
 * another context need no storage.
 */
#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/resmgr_gate.h>
#include <linux/smp.h>

/* A counter of a CPU in an open gate, and its mark; calls do not get near 0. */
#define RESMGR_GATE_UNMARKED	(S64_MAX / 2)
#define RESMGR_GATE_MARKED	(S64_MIN / 2)

/* More calls than can be inside. */
#define RESMGR_GATE_OPEN	(INT_MAX / 2)

/*
 * One revoke at a time. Whoever finds a gate revoked finds all of its counters
 * marked, too. Held for microseconds; no other lock is taken inside.
 */
static DEFINE_MUTEX(resmgr_gate_revoke_lock);

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
	int cpu;

	gate->inside = alloc_percpu(atomic64_t);
	if (!gate->inside)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		atomic64_set(per_cpu_ptr(gate->inside, cpu), RESMGR_GATE_UNMARKED);
	atomic_set(&gate->left, RESMGR_GATE_OPEN);
	gate->revoked = false;
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

/**
 * resmgr_gate_exit_revoked() - end a call after the revoke
 * @gate: the gate
 *
 * Exported to all modules, as drm_dev_exit() was before it was in line.
 *
 * Context: Any context but NMI.
 */
void resmgr_gate_exit_revoked(struct resmgr_gate *gate)
{
	resmgr_gate_count(gate, -1);
}
EXPORT_SYMBOL(resmgr_gate_exit_revoked);

/* A revoke in progress, and the calls inside that it has found so far. */
struct resmgr_gate_revoke {
	struct resmgr_gate	*gate;
	atomic_t		calls;
	/* What the counter was that is being marked from another CPU. */
	s64			was;
};

static void resmgr_gate_add_up(struct resmgr_gate_revoke *revoke, s64 was)
{
	atomic_add(was - RESMGR_GATE_UNMARKED, &revoke->calls);
}

#ifdef RESMGR_GATE_LOCAL
/* In an interrupt on each CPU, so nothing is being counted on this one. */
static void resmgr_gate_mark_here(void *data)
{
	struct resmgr_gate_revoke *revoke = data;
	atomic64_t *inside = this_cpu_ptr(revoke->gate->inside);

	lockdep_assert_irqs_disabled();

	resmgr_gate_add_up(revoke, atomic64_read(inside));
	atomic64_set(inside, RESMGR_GATE_MARKED);
}

/*
 * On a CPU that is online after it was marked from another one. The mark may have
 * hit an instruction between its load and its store. Then it is lost, and the
 * counter goes on from what was read.
 */
static void resmgr_gate_mark_again(void *data)
{
	struct resmgr_gate_revoke *revoke = data;

	if (atomic64_read(this_cpu_ptr(revoke->gate->inside)) < 0)
		resmgr_gate_add_up(revoke, revoke->was);
	else
		resmgr_gate_mark_here(revoke);
}

/*
 * A CPU that is offline counts nothing, so it can be marked from here: nothing
 * enters a gate before set_cpu_online(), or after it is cleared. It may
 * come online meanwhile: then it is asked what has become of the mark. The
 * hotplug lock would prevent that, but its owner may be what revokes.
 */
static void resmgr_gate_mark_cpu(struct resmgr_gate_revoke *revoke, int cpu)
{
	/* No CPU goes offline until this is over. */
	guard(preempt)();

	/* Fully ordered: if it is offline after this, it was so all the time. */
	revoke->was = atomic64_xchg(per_cpu_ptr(revoke->gate->inside, cpu),
				    RESMGR_GATE_MARKED);
	if (cpu_online(cpu))
		smp_call_function_single(cpu, resmgr_gate_mark_again, revoke, 1);
	else
		resmgr_gate_add_up(revoke, revoke->was);
}

static void resmgr_gate_mark(struct resmgr_gate_revoke *revoke)
{
	int cpu;

	on_each_cpu(resmgr_gate_mark_here, revoke, 1);
	for_each_possible_cpu(cpu)
		if (atomic64_read(per_cpu_ptr(revoke->gate->inside, cpu)) >= 0)
			resmgr_gate_mark_cpu(revoke, cpu);
}
#else
static void resmgr_gate_mark(struct resmgr_gate_revoke *revoke)
{
	int cpu;

	/* All possible CPUs: a call may have entered on one that is offline now. */
	for_each_possible_cpu(cpu)
		resmgr_gate_add_up(revoke,
				   atomic64_xchg(per_cpu_ptr(revoke->gate->inside, cpu),
						 RESMGR_GATE_MARKED));
}
#endif

/**
 * resmgr_gate_revoke() - refuse new calls from now on
 * @gate: the gate
 *
 * Does not wait for the calls inside. Wake those that sleep there afterwards:
 * then none can follow them, and one that checks resmgr_gate_is_revoked() after
 * it was woken sees that it is.
 *
 * On x86-64 each CPU that is online is interrupted once, isolated ones, too.
 *
 * Context: Process context, may sleep. Interrupts are enabled.
 * Return: true for the first revoke of this gate.
 */
bool resmgr_gate_revoke(struct resmgr_gate *gate)
{
	struct resmgr_gate_revoke revoke = { .gate = gate };

	might_sleep();
	guard(mutex)(&resmgr_gate_revoke_lock);

	if (gate->revoked)
		return false;
	/*
	 * Before the marks, which are fully ordered: whoever is refused sees
	 * this, and all that the caller wrote before.
	 */
	WRITE_ONCE(gate->revoked, true);
	resmgr_gate_mark(&revoke);
	resmgr_gate_count(gate, atomic_read(&revoke.calls) - RESMGR_GATE_OPEN);
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
 * Return: the number of calls, some of which may leave at any time.
 */
unsigned int resmgr_gate_calls(const struct resmgr_gate *gate)
{
	return max(atomic_read(&gate->left), 0);
}
EXPORT_SYMBOL_GPL(resmgr_gate_calls);

/**
 * resmgr_gate_destroy() - free what the gate has allocated
 * @gate: a gate with no call inside, which nobody enters any more, not even to
 *	be refused
 *
 * Context: Any context.
 */
void resmgr_gate_destroy(struct resmgr_gate *gate)
{
	free_percpu(gate->inside);
}
EXPORT_SYMBOL_GPL(resmgr_gate_destroy);
