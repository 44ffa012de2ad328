/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Gate: count the calls inside, refuse new ones for ever, wait for the old ones
 */

/**
 * DOC: gate
 *
 * A gate counts the calls that are inside, refuses new calls once it is
 * revoked, and lets its owner wait until no call is inside. Entering increments
 * a counter of this CPU, with no shared cache line and no memory barrier. The
 * cost is paid once, at the revoke: one RCU grace period, after which the
 * counters are constant.
 *
 * A call::
 *
 *	if (!resmgr_gate_enter(&foo->gate))
 *		return -ENODEV;
 *	... the hardware is there ...
 *	resmgr_gate_exit(&foo->gate);
 *
 * The end of the object::
 *
 *	resmgr_gate_revoke(&foo->gate);	(no call begins after this)
 *	... wake up the calls that sleep inside ...
 *	resmgr_gate_drain(&foo->gate, MAX_SCHEDULE_TIMEOUT);	(none is left)
 *
 * A revoked gate is never opened again. Entering never sleeps;
 * resmgr_gate_drain() does.
 *
 * To lockdep a call inside is a reader and the drain is a writer. So a drain
 * from inside a call, or under a mutex that calls take, is reported the first
 * time it could deadlock, not the first time it does.
 */
#ifndef _LINUX_RESMGR_GATE_H
#define _LINUX_RESMGR_GATE_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/completion.h>
#include <linux/limits.h>
#include <linux/lockdep.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>

/**
 * struct resmgr_gate - entry guard of an object
 * @inside: pointer to the per-CPU counters of calls that have entered less
 *	those that have left, and the bit %RESMGR_GATE_REVOKED. The counters are
 *	changed with preemption disabled, and constant from a grace period after
 *	the revoke on
 * @left: calls inside, once the sum of @inside has been added; see gate.c
 * @drained: completed when @left reaches zero
 * @rcu: for the grace period of the revoke
 * @dep_map: the lock that lockdep sees
 */
struct resmgr_gate {
	unsigned long		inside;
	atomic_t		left;
	struct completion	drained;
	struct rcu_head		rcu;
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	struct lockdep_map	dep_map;
#endif
};

/* In one word with the pointer, so that one load reads both. */
#define RESMGR_GATE_REVOKED	BIT(0)

/* The counters of a gate that is open. */
static inline atomic_t __percpu *resmgr_gate_inside(unsigned long inside)
{
	return (atomic_t __percpu __force *)inside;
}

/*
 * Preemption is off, but an interrupt may count here, too. On x86 a single
 * instruction without a lock prefix does that. Elsewhere this_cpu_add() would
 * disable preemption once more, or interrupts, for what is an atomic operation
 * on this CPU's counter.
 */
static __always_inline void resmgr_gate_count_here(unsigned long inside, int n)
{
#ifdef CONFIG_X86
	this_cpu_add(resmgr_gate_inside(inside)->counter, n);
#else
	atomic_add(n, this_cpu_ptr(resmgr_gate_inside(inside)));
#endif
}

int __resmgr_gate_init(struct resmgr_gate *gate, const char *name,
		       struct lock_class_key *key);

/**
 * resmgr_gate_init() - make an open gate
 * @gate: the gate
 *
 * Each place that calls this gets a lock class of its own for lockdep.
 *
 * Context: Process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
#define resmgr_gate_init(gate)						\
({									\
	static struct lock_class_key __resmgr_gate_key;			\
									\
	__resmgr_gate_init(gate, #gate, &__resmgr_gate_key);		\
})

bool resmgr_gate_revoke(struct resmgr_gate *gate);
bool resmgr_gate_drain(struct resmgr_gate *gate, unsigned long timeout);
bool resmgr_gate_drain_nested(struct resmgr_gate *gate, unsigned int subclass,
			      unsigned long timeout);
void resmgr_gate_set_aside(struct resmgr_gate *gate, unsigned int calls);
void resmgr_gate_take_back(struct resmgr_gate *gate, unsigned int calls);

/*
 * More calls than are ever inside: resmgr_gate_calls() does not know the number
 * yet.
 */
#define RESMGR_GATE_MANY	(INT_MAX / 4)

unsigned int resmgr_gate_calls(const struct resmgr_gate *gate);
void resmgr_gate_exit_revoked(struct resmgr_gate *gate);
void resmgr_gate_destroy(struct resmgr_gate *gate);

/**
 * resmgr_gate_enter() - begin a call
 * @gate: the gate
 *
 * Calls nest. A call that was inside before the revoke stays inside, but a
 * nested resmgr_gate_enter() is refused from then on: what the gate protects is
 * about to go, and the sooner the call learns of it the better.
 *
 * Context: Any context but NMI.
 * Return: true when inside; then resmgr_gate_exit() must follow, from the same
 * task. Always false after resmgr_gate_revoke().
 */
static __always_inline bool __must_check
resmgr_gate_enter(struct resmgr_gate *gate)
{
	unsigned long inside;

	/*
	 * Preemption is off: the revoke waits until no CPU is between test and
	 * increment.
	 */
	rcu_read_lock_sched();
	inside = READ_ONCE(gate->inside);
	if (likely(!(inside & RESMGR_GATE_REVOKED)))
		resmgr_gate_count_here(inside, 1);
	rcu_read_unlock_sched();
	if (unlikely(inside & RESMGR_GATE_REVOKED))
		return false;
	/* A trylock to lockdep: the call is refused, never blocked. */
	rwsem_acquire_read(&gate->dep_map, 0, 1, _THIS_IP_);
	return true;
}

/**
 * resmgr_gate_exit() - end a call
 * @gate: the gate
 *
 * Context: Any context but NMI. The object may be freed at any time after this.
 */
static __always_inline void resmgr_gate_exit(struct resmgr_gate *gate)
{
	unsigned long inside;

	rwsem_release(&gate->dep_map, _THIS_IP_);

	rcu_read_lock_sched();
	inside = READ_ONCE(gate->inside);
	if (likely(!(inside & RESMGR_GATE_REVOKED)))
		resmgr_gate_count_here(inside, -1);
	rcu_read_unlock_sched();
	if (unlikely(inside & RESMGR_GATE_REVOKED))
		resmgr_gate_exit_revoked(gate);
}

/**
 * resmgr_gate_is_revoked() - test whether a gate has been revoked
 * @gate: the gate
 *
 * Outside the gate this is only a hint: false may be stale at once. For a call
 * that sleeps inside it is exact enough, since resmgr_gate_revoke() sets the
 * mark before its caller sends the wakeups.
 *
 * Context: Any context.
 * Return: true after resmgr_gate_revoke() has begun.
 */
static inline bool resmgr_gate_is_revoked(const struct resmgr_gate *gate)
{
	return READ_ONCE(gate->inside) & RESMGR_GATE_REVOKED;
}

#endif /* _LINUX_RESMGR_GATE_H */
