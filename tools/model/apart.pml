/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A gate that is not there: one whose calls are counted with preemption on, those that
 * have entered apart from those that have left. docs/performance.rst has the argument.
 * Run by tools/model.sh.
 *
 * A call counts itself in, and looks at the mark after that; if it sees the mark, it
 * counts itself out and is refused. A grace period after the mark is set whoever has
 * not seen it has counted itself in, as every CPU has had a full barrier in between.
 * What is left is how a call ends, by EXIT:
 *	1	it counts itself out, and then looks whether somebody waits
 *	2	it looks, and then counts itself out
 *	3	it counts itself out; who waits looks again and again
 *	4	as it is now: it looks with preemption off; and when the mark is set it
 *		counts itself out under a lock that who waits takes as well
 *
 * Invariants, by the names in the messages: HARDWARE and MEMORY, as in gate.pml, and
 * spin's own: every process ends.
 */
#ifndef CALLERS
#define CALLERS	2
#endif
#ifndef CALLS
#define CALLS	1
#endif
#define CPUS	2

bool revoked, drained;
byte entered[CPUS], gone[CPUS];
byte late;			/* calls that have left after the mark, EXIT == 4 */
bool lock;
bool summed;			/* the grace period is over */
bool hw = true;
byte refs = 1;			/* the binding's */
bool freed;
bool off[CALLERS];

#define GATE	assert(!freed)	/* MEMORY */

inline some_cpu()
{
	if
	:: cpu = 0
	:: cpu = 1
	fi
}

/*
 * Are there as many that have left as have entered? Those that have left are counted
 * first, so that one who comes and goes meanwhile is not taken for one who has left.
 */
inline settle(out)
{
	atomic { !lock -> GATE; lock = true; late = late + out; sum = late };
	c = 0;
	do
	:: c < CPUS -> d_step { GATE; sum = sum + gone[c]; c++ }
	:: else -> break
	od;
	c = 0;
	do
	:: c < CPUS -> d_step { GATE; sum = sum - entered[c]; c++ }
	:: else -> break
	od;
	atomic {
		GATE;
		if :: sum == 0 && summed -> drained = true :: else fi;
		lock = false;
		sum = 0; c = 0
	}
}

inline put()
{
	d_step { refs--; last = refs == 0 };
	if
	/* With the lock: whoever has settled it is done with the gate. */
	:: last -> atomic { !lock; drained -> freed = true }
	:: else
	fi
}

proctype caller(byte me)
{
	byte cpu, n, c;
	short sum;
	bool mark, last, has_file;

	atomic {
		if
		:: !revoked -> refs++; has_file = true
		:: else -> goto out
		fi
	};
	do
	:: n < CALLS -> n++;
		some_cpu();
#ifdef BUG_LOOK_FIRST
		d_step { GATE; mark = revoked };
		d_step { GATE; entered[cpu] = entered[cpu] + 1 };
#else
		d_step { GATE; entered[cpu] = entered[cpu] + 1 };
		d_step { GATE; mark = revoked };
#endif
		some_cpu();
		if
		:: mark ->
			d_step { GATE; gone[cpu] = gone[cpu] + 1 };
			settle(0);
			break
		:: else
		fi;
		assert(hw);					/* HARDWARE */
		if
		/* A fault whose mapping goes meanwhile: the binding has to wait for it. */
		:: has_file -> has_file = false; put()
		:: true
		fi;
		assert(hw);					/* HARDWARE */
		some_cpu();
#if EXIT == 1
		d_step { GATE; gone[cpu] = gone[cpu] + 1 };
		d_step { GATE; mark = revoked };
		if :: mark -> settle(0) :: else fi;
#elif EXIT == 2
		d_step { GATE; mark = revoked };
		d_step { GATE; gone[cpu] = gone[cpu] + 1 };
		if :: mark && has_file -> settle(0) :: else fi;
#elif EXIT == 3
		d_step { GATE; gone[cpu] = gone[cpu] + 1 };
#else
		off[me] = true;
		d_step { GATE; mark = revoked };
		if
		:: !mark -> d_step { GATE; gone[cpu] = gone[cpu] + 1 }
		:: else
		fi;
		off[me] = false;
		if :: mark -> settle(1) :: else fi;
#endif
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

proctype ender()
{
	byte i, c;
	short sum;
	bool last;

	revoked = true;
	/* The grace period. */
	do
	:: i < CALLERS -> !off[i]; i++
	:: else -> break
	od;
	summed = true;
	settle(0);
#if EXIT == 3
	do
	:: drained -> break
	:: else -> settle(0)
	od;
#else
	drained;
#endif
	hw = false;
	put()
}

init {
	byte i;

	atomic {
		do
		:: i < CALLERS -> run caller(i); i++
		:: else -> break
		od;
		run ender()
	}
}
