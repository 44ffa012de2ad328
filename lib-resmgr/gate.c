// SPDX-License-Identifier: GPL-2.0
/*
 * Gate: count the calls inside, refuse new ones for ever, wait for the old ones
 *
 * Built on percpu_ref. Why the wait is enough: resmgr_gate_revoke() marks the
 * reference dead, and drops the gate's own one once an RCU grace period has
 * passed and all per-CPU counts have been folded. A resmgr_gate_enter() that
 * did not see the mark yet runs under rcu_read_lock(), so that its increment is
 * in the fold; one that begins later sees the mark. Hence a count of zero means
 * that no call is inside and that none can come.
 *
 * Kept out of this on purpose: one SRCU domain per object costs kilobytes, and
 * a reader lock that lives in a handle is lost when two threads share the
 * handle. Here a call is counted, no more; threads, nesting and calls that end
 * in another context need no storage.
 */
#include <linux/export.h>
#include <linux/resmgr_gate.h>

static void resmgr_gate_drained(struct percpu_ref *ref)
{
	complete_all(&container_of(ref, struct resmgr_gate, ref)->drained);
}

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
	init_completion(&gate->drained);
	atomic_set(&gate->revoked, 0);
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	lockdep_init_map(&gate->dep_map, name, key, 0);
#endif
	return percpu_ref_init(&gate->ref, resmgr_gate_drained, 0, GFP_KERNEL);
}
EXPORT_SYMBOL_GPL(__resmgr_gate_init);

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
	if (atomic_xchg(&gate->revoked, 1))
		return false;
	percpu_ref_kill(&gate->ref);
	return true;
}
EXPORT_SYMBOL_GPL(resmgr_gate_revoke);

/**
 * resmgr_gate_drain() - wait until no call is inside
 * @gate: the gate, which has been revoked
 * @timeout: jiffies; %MAX_SCHEDULE_TIMEOUT for ever
 *
 * Context: Process context, sleeps. Not from inside a call, nor while holding a
 * lock that calls take: it would wait for itself, and lockdep says so.
 * Return: true when none is inside, nor will be; false on timeout, or with a
 * WARN when the gate has not been revoked.
 */
bool resmgr_gate_drain(struct resmgr_gate *gate, unsigned long timeout)
{
	if (WARN(!resmgr_gate_is_revoked(gate), "resmgr: drain of an open gate\n"))
		return false;

	might_sleep();
	rwsem_acquire(&gate->dep_map, 0, 0, _RET_IP_);
	rwsem_release(&gate->dep_map, _RET_IP_);

	return wait_for_completion_timeout(&gate->drained, timeout);
}
EXPORT_SYMBOL_GPL(resmgr_gate_drain);

/**
 * resmgr_gate_destroy() - free what the gate has allocated
 * @gate: a gate that was drained, or that no one ever entered
 *
 * Context: Any context.
 */
void resmgr_gate_destroy(struct resmgr_gate *gate)
{
	percpu_ref_exit(&gate->ref);
}
EXPORT_SYMBOL_GPL(resmgr_gate_destroy);
