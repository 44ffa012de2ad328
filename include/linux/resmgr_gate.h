/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Gate: count the calls inside, refuse new ones for ever, wait for the old ones
 */

/**
 * DOC: gate
 *
 * A gate counts the calls that are inside, refuses new calls once it is
 * revoked, and lets its owner wait until no call is inside. Entering adds one
 * to a counter of this CPU, with no shared cache line, and on x86-64 in one
 * instruction without a lock prefix. The cost is paid once, at the revoke,
 * which marks the counters of all CPUs; on x86-64 it interrupts each of them
 * for that. No grace period of RCU is waited for.
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
 * resmgr_gate_revoke() and resmgr_gate_drain() do.
 *
 * To lockdep a call inside is a reader and the drain is a writer. So a drain
 * from inside a call, or under a mutex that calls take, is reported the first
 * time it could deadlock, not the first time it does.
 */
#ifndef _LINUX_RESMGR_GATE_H
#define _LINUX_RESMGR_GATE_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/lockdep.h>
#include <linux/percpu.h>
#ifdef CONFIG_X86
#include <asm/rmwcc.h>
#endif

/**
 * struct resmgr_gate - entry guard of an object
 * @inside: per-CPU counters of calls that have entered less those that have
 *	left. They start far above zero and are set far below at the revoke, so
 *	that whoever counts sees by the sign of the result whether it counted
 * @left: calls inside, once @inside has been added up; see gate.c
 * @revoked: whether @inside is being marked, or has been
 * @drained: completed when @left reaches zero
 * @dep_map: the lock that lockdep sees
 */
struct resmgr_gate {
	atomic64_t __percpu	*inside;
	atomic_t		left;
	bool			revoked;
	struct completion	drained;
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	struct lockdep_map	dep_map;
#endif
};

/*
 * On x86-64 one instruction changes the counter of whatever CPU runs it, and
 * tells the sign. It is atomic for this CPU, interrupts included, which is why
 * a revoke marks each counter on its own CPU. Elsewhere it is an atomic
 * operation, on the counter of a CPU that the task may have left by then.
 */
#if defined(CONFIG_X86) && defined(CONFIG_64BIT)
#define RESMGR_GATE_LOCAL	1
#endif

/* Returns false if the counter is marked. Neither moves out of the section. */
static __always_inline bool resmgr_gate_count_in(struct resmgr_gate *gate)
{
#ifdef RESMGR_GATE_LOCAL
	return !GEN_UNARY_RMWcc("incq", __my_cpu_var(gate->inside->counter), s,
				__percpu_arg([var]));
#else
	return !atomic64_add_negative_acquire(1, raw_cpu_ptr(gate->inside));
#endif
}

static __always_inline bool resmgr_gate_count_out(struct resmgr_gate *gate)
{
#ifdef RESMGR_GATE_LOCAL
	return !GEN_UNARY_RMWcc("decq", __my_cpu_var(gate->inside->counter), s,
				__percpu_arg([var]));
#else
	return !atomic64_add_negative_release(-1, raw_cpu_ptr(gate->inside));
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
	if (unlikely(!resmgr_gate_count_in(gate)))
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
	rwsem_release(&gate->dep_map, _THIS_IP_);
	if (unlikely(!resmgr_gate_count_out(gate)))
		resmgr_gate_exit_revoked(gate);
}

/**
 * resmgr_gate_is_revoked() - test whether a gate has been revoked
 * @gate: the gate
 *
 * Outside the gate this is only a hint: false may be stale at once, and calls may
 * begin on other CPUs until resmgr_gate_revoke() has returned. For a call that
 * sleeps inside it is exact enough, since that comes before its caller sends the
 * wakeups.
 *
 * Context: Any context.
 * Return: true after resmgr_gate_revoke() has begun.
 */
static inline bool resmgr_gate_is_revoked(const struct resmgr_gate *gate)
{
	return READ_ONCE(gate->revoked);
}

#endif /* _LINUX_RESMGR_GATE_H */
