/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The gate and the end of a scope: lib-resmgr/gate.c, include/linux/resmgr_gate.h,
 * and of lib-resmgr/cdevm/scope.c the steps, references and the call that ends its
 * own scope. Run by tools/model.sh; what it is run with is in the table there.
 *
 * One statement here is one access there. Every interleaving is tried, each as if
 * memory were ordered: what a CPU may reorder is the subject of tools/litmus/.
 * Memory is ordered, except for what one instruction of x86-64 does: with LOCAL a call
 * changes the counter of its CPU by a load and a store, between which no interrupt
 * comes, but another CPU may write. With HOTPLUG the last CPU comes and goes.
 *
 * Invariants, by the names in the messages:
 *	HARDWARE	a call that is not set aside finds the hardware there
 *	DRAINED		after the drain no call is inside but those set aside
 *	MEMORY		nobody touches a gate that was freed
 *	COUNT		@left is never below zero
 *	FINAL		who is refused finds the gate revoked; and once a revoke has
 *			returned, everybody is refused
 * and spin's own: every process ends, so that no drain waits for ever.
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
#define MARK	-100		/* RESMGR_GATE_MARKED; an unmarked counter is near 0 here */
#define IS_MARK(value)	((value) < -50)

/* struct resmgr_gate */
bool revoked;
short inside[CPUS];
#ifdef BUG_NOT_OPEN
short left;
#else
short left = OPEN;
#endif
bool drained;

bool revoking;			/* resmgr_gate_revoke_lock */

/* The CPUs. */
bool online[CPUS];
bool busy[CPUS];		/* in the middle of an instruction */
bool stay;			/* preemption is off, so no CPU goes offline */

/* struct cdevm_scope, its binding and its device */
byte refs = 1;			/* the binding's */
bool published = true;
bool ending, ended;		/* the steps are taken once, by whoever comes first */
bool hw = true;

/* What only the invariants look at. */
byte now_inside;		/* calls inside, those set aside apart */
bool freed;
bool refusing;			/* a revoke has returned */

#define GATE	assert(!freed)	/* MEMORY */

/* One that is not in the middle of something. */
inline some_cpu()
{
	if
	:: !busy[0] -> cpu = 0
	:: CPUS > 1 && !busy[CPUS - 1] && online[CPUS - 1] -> cpu = CPUS - 1
	fi
}

/*
 * One instruction: @mark is whether the counter is marked. @now_inside is about to be
 * wrong as soon as a call is counted.
 */
inline change(n)
{
#ifdef LOCAL
	atomic {
		some_cpu();
		GATE;
		busy[cpu] = true;
		value = inside[cpu]
	};
	d_step {
		GATE;
		inside[cpu] = value + n;
		busy[cpu] = false;
#else
	atomic {
		some_cpu();
		GATE;
		value = inside[cpu];
		inside[cpu] = value + n;
#endif
		mark = IS_MARK(value);
		if
		:: !mark && !aside -> now_inside = now_inside + n
		:: else
		fi;
		cpu = 0; value = 0
	}
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
	no_more = refusing;
	change(1);
	d_step {
		assert(!mark || revoked);			/* FINAL */
		assert(!(no_more && !mark));			/* FINAL */
		no_more = false
	}
}

/* resmgr_gate_exit() */
inline leave()
{
	change(-1);
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

/* resmgr_gate_mark_here(): in an interrupt, so not within an instruction. */
inline mark_here()
{
	atomic {
		!busy[c];
		GATE;
		sum = sum + inside[c];
		inside[c] = MARK
	}
}

/* resmgr_gate_mark_cpu() */
inline mark_cpu()
{
#ifndef BUG_MAY_GO
	stay = true;
#endif
	d_step { GATE; was = inside[c]; inside[c] = MARK };
	if
#ifndef BUG_LOOKS_ONCE
	:: online[c] ->
		/* resmgr_gate_mark_again() */
		atomic {
			!busy[c];
			GATE;
			if
#ifndef BUG_BELIEVES
			:: !IS_MARK(inside[c]) ->
				sum = sum + inside[c];
				inside[c] = MARK
#endif
			:: else -> sum = sum + was
			fi
		}
#endif
	:: else -> sum = sum + was
	fi;
	was = 0;
	stay = false
}

/* resmgr_gate_revoke(), with resmgr_gate_mark() */
inline revoke()
{
#ifndef BUG_NOT_LOCKED
	atomic { !revoking -> revoking = true };
#endif
	atomic { GATE; first_mark = !revoked };
	if
	:: first_mark ->
#ifndef BUG_MARK_LATE
		revoked = true;
#endif
#ifdef LOCAL
		/* on_each_cpu() */
		stay = true;
		do
		:: c < CPUS ->
			if
			:: online[c] -> mark_here()
			:: else
			fi;
			c++
		:: else -> break
		od;
		stay = false;
#endif
		c = 0;
		do
#ifdef BUG_ONLINE_ONLY
		:: c < 1 ->
#else
		:: c < CPUS ->
#endif
#ifdef LOCAL
			if
			:: !IS_MARK(inside[c]) -> mark_cpu()
			:: else
			fi;
#else
			d_step { GATE; sum = sum + inside[c]; inside[c] = MARK };
#endif
			c++
		:: else -> break
		od;
		c = 0;
		revoked = true;
#ifdef BUG_NOT_OPEN
		count(sum)
#else
		count(sum - OPEN)
#endif
	:: else
	fi;
	d_step { sum = 0; first_mark = false; revoking = false; refusing = true }
}

/* resmgr_object_put(), with resmgr_gate_destroy() for the last reference. */
inline put()
{
	d_step {
		assert(refs > 0);
		refs--;
		if
		:: refs == 0 -> GATE; freed = true
		:: else
		fi
	}
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
	byte cpu, depth, n, c;
	short value, sum, was;
	bool mark, zero, no_more, aside, has_file, first_mark;

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
	byte c;
	short sum, was;
	bool zero, aside, first, first_mark;

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
	byte c;
	short sum, was;
	bool zero, first_mark;

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

#ifdef HOTPLUG
proctype hotplug()
{
	byte n;

	do
	:: n < HOTPLUG -> n++;
		if
		:: online[CPUS - 1] -> atomic { !busy[CPUS - 1] && !stay -> online[CPUS - 1] = false }
		:: else -> online[CPUS - 1] = true
		fi
	:: n == HOTPLUG -> break
	od
}
#endif

init {
	byte i;

	atomic {
		do
		:: i < CPUS -> online[i] = true; i++
		:: else -> break
		od;
		i = 0;
#ifdef HOTPLUG
		if
		:: online[CPUS - 1] = false
		:: true
		fi;
		run hotplug();
#endif
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
