/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The gate and the end of a scope: lib-resmgr/gate.c, include/linux/resmgr_gate.h,
 * and of lib-resmgr/cdevm/scope.c the steps, references and the call that ends its
 * own scope. Run by tools/model.sh; what it is run with is in the table there.
 *
 * One statement here is one access there. Every interleaving is tried, each as if
 * memory were ordered: what a CPU may reorder is the subject of tools/litmus/.
 *
 * Invariants, by the names in the messages:
 *	HARDWARE	a call that is not set aside finds the hardware there
 *	DRAINED		after the drain no call is inside but those set aside
 *	MEMORY		nobody touches a gate that was freed
 *	COUNT		@left is never below zero
 *	FINAL		a call is refused only after the revoke, and from then on always
 *	QUIET		nothing changes the counters once they are being summed up
 * and spin's own: every process ends, so that no drain and no free waits for ever.
 */
#ifndef CALLERS
#define CALLERS	2
#endif
#ifndef CALLS
#define CALLS	1
#endif
#ifndef CPUS
#define CPUS	2
#endif
#define OPEN	50		/* RESMGR_GATE_OPEN */

/* struct resmgr_gate */
bool revoked;			/* RESMGR_GATE_REVOKED */
short inside[CPUS];
short left = OPEN;
bool drained;

/* struct cdevm_scope, its binding and its device */
byte refs = 1;			/* the binding's */
bool published = true;
bool ending, ended;		/* the steps are taken once, by whoever comes first */
bool hw = true;

/* What only the invariants look at. */
byte now_inside;		/* calls inside, those set aside apart */
bool freed;
bool summing;

/* Who has preemption off. An RCU grace period waits for each of them once. */
bool off[CALLERS];

#define GATE	assert(!freed)	/* MEMORY */

inline preempt_off()
{
#ifndef BUG_PREEMPTIBLE
	off[me] = true
#else
	skip
#endif
}

inline preempt_on()
{
	off[me] = false
}

inline some_cpu()
{
	if
	:: cpu = 0
	:: CPUS > 1 -> cpu = CPUS - 1
	fi
}

/* resmgr_gate_count(). The completion is the last access to the gate. */
inline count(calls)
{
	d_step {
		GATE;
		left = left + (calls);
		assert(left >= 0);				/* COUNT */
		zero = left == 0
	};
	if
	:: zero -> d_step { GATE; drained = true; zero = false }
	:: else
	fi
}

/* resmgr_gate_enter() */
inline enter()
{
	some_cpu();
	preempt_off();
	d_step { GATE; mark = revoked };
	if
	:: !mark -> d_step {
			GATE;
			assert(!summing);			/* QUIET */
			inside[cpu] = inside[cpu] + 1;
			now_inside = now_inside + 1
		}
	:: else -> assert(revoked)				/* FINAL */
	fi;
	d_step {
		preempt_on();
		cpu = 0;
		assert(!(was_refused && !mark));		/* FINAL */
		was_refused = was_refused || mark
	}
}

/* resmgr_gate_exit(). @now_inside is about to be wrong as soon as it is counted. */
inline leave()
{
	some_cpu();
	preempt_off();
	d_step { GATE; mark = revoked };
	if
	:: !mark -> d_step {
			GATE;
			assert(!summing);			/* QUIET */
			inside[cpu] = inside[cpu] - 1;
			if :: !aside -> now_inside = now_inside - 1 :: else fi
		}
	:: else
	fi;
	d_step { preempt_on(); cpu = 0 };
	if
	:: mark ->
#ifdef BUG_NO_WAKEUP
		d_step {
			GATE;
			left = left - 1;
			if :: !aside -> now_inside = now_inside - 1 :: else fi
		}
#else
		d_step { if :: !aside -> now_inside = now_inside - 1 :: else fi };
		count(-1)
#endif
	:: else
	fi;
	mark = false
}

/* resmgr_gate_fold(), in the RCU callback. */
proctype fold()
{
	short sum;
	byte i;
	bool zero;

#ifndef BUG_NO_GRACE_PERIOD
	do
	:: i < CALLERS -> !off[i]; i++
	:: else -> break
	od;
#endif
	i = 0;
	summing = true;
	do
#ifdef BUG_ONLINE_ONLY
	:: i < 1 ->
#else
	:: i < CPUS ->
#endif
		d_step { GATE; sum = sum + inside[i]; i++ }
	:: else -> break
	od;
	count(sum - OPEN)
}

/* resmgr_gate_revoke() */
inline revoke()
{
	atomic {
		GATE;
		if
		:: !revoked ->
#ifndef BUG_MARK_LATE
			revoked = true;
#endif
			run fold()
		:: else
		fi
	};
	revoked = true
}

/* resmgr_object_put(), with resmgr_gate_destroy() for the last reference. */
inline put()
{
	d_step { assert(refs > 0); refs--; last = refs == 0 };
	if
	:: last ->
#ifndef BUG_FREE_AT_ONCE
		d_step { GATE; pending = revoked && !drained };
		if
		:: pending -> drained
		:: else
		fi;
#endif
		d_step { GATE; freed = true; last = false; pending = false }
	:: else
	fi
}

/*
 * The steps, then what follows in the driver core. @own calls of this task are
 * inside; it is not waited for these. With UNDRAINED a gate that nobody has entered
 * is destroyed without a drain.
 */
inline end_scope(own)
{
	revoke();
	published = false;
#ifndef BUG_NOT_SET_ASIDE
	if
	:: own > 0 ->
		d_step { aside = true; now_inside = now_inside - own };
		count(-own)
	:: else
	fi;
#endif
#ifdef BUG_PUT_EARLY
	put();
#endif
#if !defined(BUG_NO_DRAIN) && !defined(UNDRAINED)
	atomic { drained; GATE };
#endif
	assert(now_inside == 0);				/* DRAINED */
#ifndef BUG_NOT_TAKEN_BACK
	if
	:: own > 0 -> d_step { GATE; left = left + own }
	:: else
	fi;
#endif
	ended = true;
	hw = false;
#ifndef BUG_PUT_EARLY
	put()
#endif
}

/* Somebody with an open file: calls, nested calls, a call that ends the scope. */
proctype caller(byte me)
{
	byte cpu, depth, n;
	bool mark, zero, last, pending, was_refused, aside, has_file;

	atomic {
		if
		:: published -> refs++; has_file = true
		:: else -> goto out
		fi
	};
	do
	:: n < CALLS -> n++;
		enter();
		if
		:: mark -> break
		:: else -> depth = 1
		fi;
		assert(hw);					/* HARDWARE */
#ifdef NESTED
		if
		:: enter(); depth = depth + !mark
		:: true
		fi;
		assert(hw);					/* HARDWARE */
#endif
		if
#ifdef SELF
		/*
		 * device_release_driver() from inside of a call. While somebody else
		 * ends the scope it would wait for the device lock, and be waited for:
		 * a deadlock that stock has, too, and that the watch names.
		 */
		:: atomic { !ending -> ending = true };
			end_scope(depth)
#endif
#ifdef FAULT
		/* Of a mapping that is gone before the fault is over, its file with it. */
		:: atomic { has_file -> has_file = false };
			put()
#endif
		:: true
		fi;
		assert(hw || aside);				/* HARDWARE */
		do
		:: depth > 0 -> leave(); depth--
		:: else -> break
		od;
		/* Without the reference of a file nothing may be touched any more. */
		if
		:: !has_file -> goto out
		:: else
		fi
	:: n == CALLS -> break
	od;
	put();
out:
	skip
}

/* An unbind, a probe that has failed, a group that is released, cdevm_withdraw(). */
proctype ender()
{
	bool zero, last, pending, aside, first;

	atomic { first = !ending; ending = true };
	if
	:: first -> end_scope(0)
	/* A step that another task does is waited for, see early.pml. */
	:: else -> ended; assert(now_inside == 0)		/* DRAINED */
	fi
}

#ifdef PARENT
/* cdevm_revoke_device(): the device above is unbound. */
proctype parent()
{
	bool last, pending;

	atomic {
		if
		:: refs > 0 -> refs++
		:: else -> goto out
		fi
	};
	revoke();
	put();
out:
	skip
}
#endif

init {
	byte i;

	atomic {
		/* A probe may fail before it has published anything. */
		if
#ifndef UNDRAINED
		:: published = true
#endif
		:: published = false
		fi;
		do
		:: i < CALLERS -> run caller(i); i++
		:: else -> break
		od;
		run ender();
#ifdef SECOND_ENDER
		run ender();
#endif
#ifdef PARENT
		run parent();
#endif
	}
}
