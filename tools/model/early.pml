/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Early nodes: lib-resmgr/early.c, and what manager.c and group.c do with them. Run
 * by tools/model.sh.
 *
 * A manager, newest first: an early node N, which somebody adds meanwhile; an early
 * node A; an early action X; a plain resource P. A, X and what is newer belong to a
 * group that is open. Everything is released, while another task releases the group,
 * and a third does the steps of A by hand. The first step of A may release the group
 * itself, or (NESTED) all that is early. What is done under the lock of the manager is
 * one statement here.
 *
 * Invariants, by the names in the messages:
 *	ORDER	no step of a node begins before the last one is over
 *	EARLY	a node is released when its steps are over, and no action runs
 *	PLAIN	nothing else is released by a release of all before that of all
 *	ONCE	each step is done once, each node released once
 *	STACK	nobody looks at a step that has been left
 * and spin's own: who waits for a step does not wait for ever.
 */
#define STEPS	2
#define TASKS	5
#define A	0
#define N	1

/* struct resmgr */
bool early = true;
bool linked[2];
bool action = true;		/* X is on the list */
byte place;			/* the task that runs X, its node being in the place of X */
bool plain = true;
bool group = true, releasing;	/* it is there; it cannot be found any more */

/* struct resmgr_early */
byte next[2];
byte busy[2];			/* the task whose step it is */
byte over;			/* resmgr_steps_over */

/* What only the invariants look at. */
byte live[TASKS];		/* steps on the stack of a task */
byte running[2];		/* steps and nested steps of a node */
bool running_x;
byte released[2];

#define is_busy(i)	(busy[i] != 0 && busy[i] != me)
#define SEEN(i)		assert(busy[i] == 0 || live[busy[i]] > 0)	/* STACK */

/* Is anything among those that are released to be waited for? */
#ifdef BUG_NOT_WAITED_FOR
#define SOME_BUSY	false
#else
#define SOME_BUSY	((linked[A] && is_busy(A)) || (linked[N] && is_busy(N)) || \
			 (place != 0 && place != me))
#endif
/* Is this task inside a step of one of them? */
#ifdef BUG_INSIDE_IS_OVER
#define INSIDE		false
#else
#define INSIDE		((linked[A] && busy[A] == me) || (linked[N] && busy[N] == me))
#endif
#define STEP_OF(i, nr)	(linked[i] && next[i] == nr)


/* resmgr_do_step(), in three parts: the one in the middle is the step itself. */
inline begin_step(i)
{
	outer = busy[i];
	nr = next[i];
	next[i] = next[i] + 1;
	busy[i] = me;
	live[me] = live[me] + 1;
	assert(nr < STEPS);						/* ONCE */
	assert(running[i] == 0 || outer == me);				/* ORDER */
	running[i] = running[i] + 1
}

inline end_step(i)
{
	running[i] = running[i] - 1;
	if
	:: !gone[i] -> busy[i] = outer
	:: else
	fi;
	live[me] = live[me] - 1;
#ifndef BUG_NO_WAKEUP
	over = (over + 1) % 64
#endif
}

/* What resmgr_run_early() finds to do under the lock. */
mtype = { WAIT, STEP_A, STEP_N, ACTION, DONE };

inline look(all)
{
	atomic {
		SEEN(A); SEEN(N);
		if
		:: !early || (!all && !group)	-> todo = DONE
		:: else ->
			if
			:: SOME_BUSY		-> todo = WAIT; seen = over
			:: else ->
				if
				:: STEP_OF(N, 0) -> todo = STEP_N
				:: !STEP_OF(N, 0) && STEP_OF(A, 0) -> todo = STEP_A
				:: !STEP_OF(N, 0) && !STEP_OF(A, 0) && STEP_OF(N, 1) -> todo = STEP_N
				:: !STEP_OF(N, 0) && !STEP_OF(A, 0) && !STEP_OF(N, 1) && STEP_OF(A, 1) -> todo = STEP_A
				:: else ->
					if
					:: action -> todo = ACTION
					:: else -> todo = DONE;
						if :: all && !INSIDE -> early = false :: else fi
					fi
				fi
			fi
		fi;
		if
		:: todo == STEP_A -> begin_step(A)
		:: todo == STEP_N -> begin_step(N)
		:: todo == ACTION ->
			action = false;
			running_x = true;
#ifndef BUG_NO_PLACE
			place = me
#endif
		:: else
		fi
	}
}

/* resmgr_run_early() without a step that does anything to the list. */
inline run_early(all)
{
	do
	:: look(all);
		if
		:: todo == WAIT -> over != seen
		:: todo == STEP_A -> atomic { end_step(A) }
		:: todo == STEP_N -> atomic { end_step(N) }
		:: todo == ACTION -> atomic { running_x = false; place = 0; over = (over + 1) % 64 }
		:: else -> break
		fi
	od
}

/* The node is off the list: resmgr_early_gone(), and its release. */
inline release(i)
{
	atomic {
		assert(next[i] == STEPS && (running[i] == 0 || busy[i] == me));	/* EARLY */
		if
		:: busy[i] == me -> gone[i] = true
		:: else
		fi;
#ifndef BUG_GONE_IS_BUSY
		busy[i] = 0;
#endif
		released[i] = released[i] + 1;
		assert(released[i] == 1)				/* ONCE */
	}
}

/* resmgr_release_group() */
inline release_group()
{
	atomic {
		found = group && !releasing;
		releasing = releasing || found
	};
	if
	:: found ->
		run_early(false);
		do
		:: atomic {
			SEEN(A); SEEN(N);
			todo = DONE;
			if
			:: !group -> skip
			:: else ->
				if
				:: linked[N] -> todo = STEP_N
				:: !linked[N] && linked[A] -> todo = STEP_A
				:: !linked[N] && !linked[A] && (action || place) -> todo = ACTION
				:: else
				fi;
#ifndef BUG_GROUP_LOOKS_ONCE
				if
				:: todo == STEP_N && (next[N] < STEPS || is_busy(N)) -> todo = WAIT
				:: todo == STEP_A && (next[A] < STEPS || is_busy(A)) -> todo = WAIT
				:: todo == ACTION -> todo = WAIT
				:: else
				fi;
#endif
				if
				:: todo == STEP_N -> linked[N] = false
				:: todo == STEP_A -> linked[A] = false
				:: todo == DONE -> group = false
				:: else
				fi
			fi
		};
			if
			:: todo == WAIT -> run_early(false)
			:: todo == STEP_N -> release(N)
			:: todo == STEP_A -> release(A)
			:: todo == ACTION -> assert(!running_x)		/* PLAIN */;
				action = false
			:: else -> break
			fi
		od
	:: else
	fi
}

/* The same with a first step of A that may release the group. */
inline run_early_hooked(all)
{
	do
	:: look(all);
		if
		:: todo == WAIT -> over != seen
		:: todo == STEP_A ->
			my_outer = outer;
			if
			:: nr == 0 -> release_group()
#ifdef NESTED
			:: nr == 0 -> run_early(true)
#endif
			:: true
			fi;
			outer = my_outer;
			atomic { end_step(A) }
		:: todo == STEP_N -> atomic { end_step(N) }
		:: todo == ACTION -> atomic { running_x = false; place = 0; over = (over + 1) % 64 }
		:: else -> break
		fi
	od
}

/* resmgr_release_all() */
proctype release_all(byte me)
{
	byte outer, my_outer, nr, seen;
	mtype todo;
	bool gone[2], found;

	run_early_hooked(true);
	do
	:: atomic {
		if
		:: linked[N] -> todo = STEP_N
		:: !linked[N] && linked[A] -> todo = STEP_A
		:: !linked[N] && !linked[A] && (action || place) -> todo = ACTION
		:: else -> todo = DONE
		fi;
		if
		:: todo != DONE && early -> todo = WAIT
		:: todo != DONE && !early ->
			linked[N] = linked[N] && todo != STEP_N;
			linked[A] = linked[A] && todo != STEP_A
		:: else -> group = false
		fi
	};
		if
		:: todo == WAIT -> run_early(true)
		:: todo == STEP_N -> release(N)
		:: todo == STEP_A -> release(A)
		:: todo == ACTION -> assert(!running_x)			/* PLAIN */;
			action = false
		:: else -> break
		fi
	od;
	atomic {
		assert(!running_x);					/* PLAIN */
		plain = false
	}
}

proctype group_release(byte me)
{
	byte outer, my_outer, nr, seen;
	mtype todo;
	bool gone[2], found;

	release_group()
}

/* resmgr_early_finish() for A, whose memory this keeps. */
proctype finish(byte me)
{
	byte outer, my_outer, nr, seen;
	mtype todo;
	bool gone[2], found;

	do
	:: atomic {
		SEEN(A);
		if
		:: is_busy(A) -> todo = WAIT; seen = over
		:: !is_busy(A) && next[A] < STEPS -> todo = STEP_A; begin_step(A)
		:: else -> todo = DONE
		fi
	};
		if
		:: todo == WAIT -> over != seen
		:: todo == STEP_A ->
			my_outer = outer;
			if
			:: nr == 0 -> release_group()
#ifdef NESTED
			:: nr == 0 -> run_early(true)
#endif
			:: true
			fi;
			outer = my_outer;
			found = gone[A];
			atomic { end_step(A) };
			if :: found -> break :: else fi
		:: else -> break
		fi
	od
}

/* resmgr_early_add() */
proctype add(byte me)
{
#ifdef BUG_MARKED_LATER
	atomic { if :: plain -> linked[N] = true :: else -> goto out fi };
	early = true;
#else
	atomic { if :: plain -> linked[N] = true; early = true :: else -> goto out fi };
#endif
out:
	skip
}

init {
	atomic {
		linked[A] = true;
		run release_all(1);
		run group_release(2);
#ifdef FINISH
		run finish(3);
#endif
#ifdef ADD
		run add(4)
#endif
	}
}
