// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of early resources and early actions
 *
 * Each function that is called writes a word: "a0" is the first step of the
 * early resource a, "a" its release, "p" the release of the plain resource p,
 * "X" the early action X. A test compares the sentence.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/resmgr.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "resmgr_kunit.h"

#define STEPS 3

struct early_test;

/**
 * struct thing - a resource of one kind or another
 * @early: for an early node
 * @node: for a plain one
 * @t: the test
 * @name: its letter
 * @at: the step in which @hook is called
 * @hook: does something to the manager
 */
struct thing {
	struct resmgr_early	early;
	struct resmgr_node	node;
	struct early_test	*t;
	char			name;
	unsigned int		at;
	void			(*hook)(struct thing *thing);
};

struct early_test {
	struct kunit		*test;
	struct resmgr		mgr;
	struct thing		things[128];
	struct completion	inside;
	struct completion	leave;
	struct completion	begun;
	struct completion	finished;
};

static void say(char name, int step)
{
	/* Never under the lock of a manager. */
	might_sleep();
	if (step < 0)
		note("%c", name);
	else
		note("%c%d", name, step);
}

static void thing_step(struct resmgr_early *early, unsigned int step)
{
	struct thing *thing = container_of(early, struct thing, early);

	say(thing->name, step);
	if (thing->hook && thing->at == step)
		thing->hook(thing);
}

static void thing_gone(struct resmgr *mgr, struct resmgr_node *node)
{
	struct thing *thing = container_of(node, struct thing, early.node);

	say(thing->name, -1);
}

static void plain_gone(struct resmgr *mgr, struct resmgr_node *node)
{
	struct thing *thing = container_of(node, struct thing, node);

	say(thing->name, -1);
	if (thing->hook)
		thing->hook(thing);
}

static void action_run(void *data)
{
	struct thing *thing = data;

	say(thing->name, -1);
	if (thing->hook)
		thing->hook(thing);
}

static struct thing *thing(struct early_test *t, char name)
{
	struct thing *thing = &t->things[(unsigned char)name];

	thing->t = t;
	thing->name = name;
	return thing;
}

static struct thing *add_early(struct early_test *t, char name)
{
	struct thing *new = thing(t, name);

	resmgr_early_init(&new->early, thing_step, STEPS, thing_gone, "thing");
	KUNIT_ASSERT_EQ(t->test, resmgr_early_add(&t->mgr, &new->early), 0);
	return new;
}

static struct thing *add_plain(struct early_test *t, char name)
{
	struct thing *new = thing(t, name);

	resmgr_node_init(&new->node, plain_gone, "plain", 0);
	KUNIT_ASSERT_EQ(t->test, resmgr_node_add(&t->mgr, &new->node), 0);
	return new;
}

static struct thing *add_action(struct early_test *t, char name)
{
	struct thing *new = thing(t, name);

	KUNIT_ASSERT_EQ(t->test, resmgr_add_early_action(&t->mgr, action_run, new), 0);
	return new;
}

static const char *early_owner_name(const struct resmgr *mgr)
{
	return "early";
}

static const struct resmgr_class early_class = {
	.name		= "kunit",
	.owner_name	= early_owner_name,
};

static int early_init(struct kunit *test)
{
	struct early_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	t->test = test;
	notes_clear();
	init_completion(&t->inside);
	init_completion(&t->leave);
	init_completion(&t->begun);
	init_completion(&t->finished);
	resmgr_init(&t->mgr, &early_class);
	test->priv = t;
	return 0;
}

static void early_exit(struct kunit *test)
{
	struct early_test *t = test->priv;

	if (t && !resmgr_empty(&t->mgr))
		resmgr_release_all(&t->mgr);
}

/*
 * The first step of all, newest first, then the next step; then the actions;
 * then the list in its order.
 */
static void early_order(struct kunit *test)
{
	struct early_test *t = test->priv;

	add_plain(t, 'p');
	add_action(t, 'X');
	add_early(t, 'a');
	add_plain(t, 'q');
	add_early(t, 'b');
	add_action(t, 'Y');
	add_plain(t, 'r');
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&t->mgr), 7);
	EXPECT_JOINED(test, " ", "b0 a0 b1 a1 b2 a2 Y X r b q a p");
}

static void early_alone(struct kunit *test)
{
	struct early_test *t = test->priv;

	add_early(t, 'a');
	add_plain(t, 'p');
	add_action(t, 'X');
	KUNIT_EXPECT_EQ(test, resmgr_release_early(&t->mgr), 1);
	EXPECT_JOINED(test, " ", "a0 a1 a2 X");
	/* Nothing runs twice, and resources that are not early stay. */
	KUNIT_EXPECT_EQ(test, resmgr_release_early(&t->mgr), 0);
	EXPECT_JOINED(test, " ", "");
	/* What comes later is not forgotten. */
	add_early(t, 'b');
	add_action(t, 'Y');
	KUNIT_EXPECT_EQ(test, resmgr_release_early(&t->mgr), 1);
	EXPECT_JOINED(test, " ", "b0 b1 b2 Y");
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&t->mgr), 3);
	EXPECT_JOINED(test, " ", "b p a");
}

static void early_none(struct kunit *test)
{
	struct early_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, resmgr_release_early(&t->mgr), 0);
	add_plain(t, 'p');
	KUNIT_EXPECT_EQ(test, resmgr_release_early(&t->mgr), 0);
	EXPECT_JOINED(test, " ", "");
}

static void early_final(struct kunit *test)
{
	struct early_test *t = test->priv;

	add_early(t, 'a');
	add_action(t, 'X');
	add_plain(t, 'p');
	KUNIT_EXPECT_EQ(test, resmgr_release_final(&t->mgr), 3);
	EXPECT_JOINED(test, " ", "a0 a1 a2 X p a");
}

static void early_after_final(struct kunit *test)
{
	struct early_test *t = test->priv;
	struct thing *a = thing(t, 'a');

	resmgr_release_final(&t->mgr);
	EXPECT_WARNING(test, "cannot add action_run",
		       KUNIT_EXPECT_EQ(test, resmgr_add_early_action(&t->mgr, action_run, a),
				       -ESHUTDOWN));
	resmgr_early_init(&a->early, thing_step, STEPS, thing_gone, "thing");
	EXPECT_WARNING(test, "cannot add thing",
		       KUNIT_EXPECT_EQ(test, resmgr_early_add(&t->mgr, &a->early),
				       -ESHUTDOWN));
	EXPECT_JOINED(test, " ", "");
}

/* A group has its own, and leaves those of others alone. */
static void early_in_group(struct kunit *test)
{
	struct early_test *t = test->priv;
	void *id;

	add_early(t, 'a');
	add_action(t, 'X');
	id = resmgr_open_group(&t->mgr, NULL, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, id);
	add_plain(t, 'p');
	add_early(t, 'b');
	add_action(t, 'Y');
	add_plain(t, 'q');
	KUNIT_ASSERT_EQ(test, resmgr_close_group(&t->mgr, id), 0);
	add_early(t, 'c');
	add_action(t, 'Z');
	KUNIT_EXPECT_EQ(test, resmgr_release_group(&t->mgr, id), 4);
	EXPECT_JOINED(test, " ", "b0 b1 b2 Y q b p");
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&t->mgr), 4);
	EXPECT_JOINED(test, " ", "c0 a0 c1 a1 c2 a2 Z X c a");
}

static void early_in_open_group(struct kunit *test)
{
	struct early_test *t = test->priv;
	void *outer, *inner;

	outer = resmgr_open_group(&t->mgr, NULL, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, outer);
	add_early(t, 'a');
	inner = resmgr_open_group(&t->mgr, NULL, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, inner);
	add_early(t, 'b');
	add_plain(t, 'p');
	/* The newest that is not closed is the inner one. */
	KUNIT_EXPECT_EQ(test, resmgr_release_group(&t->mgr, NULL), 2);
	EXPECT_JOINED(test, " ", "b0 b1 b2 p b");
	add_action(t, 'X');
	KUNIT_EXPECT_EQ(test, resmgr_release_group(&t->mgr, outer), 2);
	EXPECT_JOINED(test, " ", "a0 a1 a2 X a");
}

static void early_finished_by_hand(struct kunit *test)
{
	struct early_test *t = test->priv;
	struct thing *a = add_early(t, 'a');

	add_early(t, 'b');
	resmgr_early_finish(&t->mgr, &a->early);
	EXPECT_JOINED(test, " ", "a0 a1 a2");
	resmgr_early_finish(&t->mgr, &a->early);
	EXPECT_JOINED(test, " ", "");
	resmgr_release_all(&t->mgr);
	EXPECT_JOINED(test, " ", "b0 b1 b2 b a");
}

static void hook_finish(struct thing *thing)
{
	resmgr_early_finish(&thing->t->mgr, &thing->early);
}

static void hook_add_early(struct thing *thing)
{
	add_early(thing->t, 'n');
}

static void hook_add_action(struct thing *thing)
{
	add_action(thing->t, 'N');
}

static void hook_release_early(struct thing *thing)
{
	resmgr_release_early(&thing->t->mgr);
}

static void hook_forget_x(struct thing *thing)
{
	KUNIT_EXPECT_EQ(thing->t->test,
			resmgr_remove_early_action(&thing->t->mgr, action_run,
						   &thing->t->things['X']), 0);
}

/* Steps may use the list as release functions may. */
static void early_reentry(struct kunit *test)
{
	static const struct {
		void		(*hook)(struct thing *thing);
		const char	*said;
	} cases[] = {
		{ hook_finish,		"b0 a0 b1 b2 a1 a2 X p b a" },
		/* It has to catch up before the next step. */
		{ hook_add_early,	"b0 a0 b1 a1 n0 n1 n2 b2 a2 X n p b a" },
		{ hook_add_action,	"b0 a0 b1 a1 b2 a2 N X p b a" },
		{ hook_release_early,	"b0 a0 b1 a1 b2 a2 X p b a" },
		{ hook_forget_x,	"b0 a0 b1 a1 b2 a2 p b a" },
	};
	struct early_test *t = test->priv;
	struct thing *b;
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		add_action(t, 'X');
		add_early(t, 'a');
		b = add_early(t, 'b');
		b->at = 1;
		b->hook = cases[i].hook;
		add_plain(t, 'p');
		resmgr_release_all(&t->mgr);
		b->hook = NULL;
		EXPECT_JOINED(test, " ", cases[i].said);
	}
}

/* What a release function adds has all its steps, before anything else goes. */
static void early_added_by_release(struct kunit *test)
{
	struct early_test *t = test->priv;

	add_plain(t, 'p');
	add_plain(t, 'q')->hook = hook_add_early;
	resmgr_release_all(&t->mgr);
	EXPECT_JOINED(test, " ", "q n0 n1 n2 n p");
	thing(t, 'q')->hook = NULL;

	add_plain(t, 'p');
	add_plain(t, 'q')->hook = hook_add_action;
	resmgr_release_all(&t->mgr);
	EXPECT_JOINED(test, " ", "q N p");
}

/* The same for a group that is not closed, so that it belongs to it. */
static void early_added_to_group_by_release(struct kunit *test)
{
	struct early_test *t = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, resmgr_open_group(&t->mgr, t, GFP_KERNEL));
	add_plain(t, 'p');
	add_plain(t, 'q')->hook = hook_add_early;
	resmgr_release_group(&t->mgr, t);
	EXPECT_JOINED(test, " ", "q n0 n1 n2 n p");

	KUNIT_ASSERT_NOT_NULL(test, resmgr_open_group(&t->mgr, t, GFP_KERNEL));
	add_plain(t, 'p');
	thing(t, 'q')->hook = NULL;
	add_plain(t, 'q')->hook = hook_add_action;
	resmgr_release_group(&t->mgr, t);
	EXPECT_JOINED(test, " ", "q N p");
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&t->mgr));
}

static void early_action_removed(struct kunit *test)
{
	struct early_test *t = test->priv;

	add_action(t, 'X');
	add_action(t, 'Y');
	KUNIT_EXPECT_EQ(test, resmgr_remove_early_action(&t->mgr, action_run,
							 thing(t, 'X')), 0);
	resmgr_release_all(&t->mgr);
	EXPECT_JOINED(test, " ", "Y");
	EXPECT_WARNING(test, "there is no action",
		       KUNIT_EXPECT_EQ(test, resmgr_remove_early_action(&t->mgr, action_run,
									thing(t, 'Y')),
				       -ENOENT));
}

static void early_failed_allocation(struct kunit *test)
{
	struct early_test *t = test->priv;

	faults_need(test);
	faults_arm(1);
	KUNIT_EXPECT_EQ(test, resmgr_add_early_action(&t->mgr, action_run, thing(t, 'X')),
			-ENOMEM);
	KUNIT_EXPECT_TRUE(test, faults_disarm());
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&t->mgr));
}

static void hook_wait(struct thing *thing)
{
	complete(&thing->t->inside);
	wait_for_completion(&thing->t->leave);
}

static int release_early_thread(void *data)
{
	struct early_test *t = data;

	resmgr_release_early(&t->mgr);
	return 0;
}

static int release_group_thread(void *data)
{
	struct early_test *t = data;

	resmgr_release_group(&t->mgr, t);
	return 0;
}

static int release_all_thread(void *data)
{
	struct early_test *t = data;

	complete(&t->begun);
	resmgr_release_all(&t->mgr);
	return 0;
}

static int finish_thread(void *data)
{
	struct early_test *t = data;

	complete(&t->begun);
	resmgr_early_finish(&t->mgr, &t->things['b'].early);
	complete(&t->finished);
	return 0;
}

static struct task_struct *start(struct early_test *t, int (*fn)(void *data))
{
	struct task_struct *task = kthread_run(fn, t, "early");

	KUNIT_ASSERT_FALSE(t->test, IS_ERR(task));
	return get_task_struct(task);
}

static void join(struct task_struct *task)
{
	kthread_stop(task);
	put_task_struct(task);
}

/* A task that finds a step in progress in another task waits for its end. */
static void early_in_parallel(struct kunit *test)
{
	int (*const others[])(void *data) = { release_early_thread, release_group_thread };
	struct early_test *t = test->priv;
	struct task_struct *first, *second;
	struct thing *b;
	int i;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		KUNIT_ASSERT_NOT_NULL(test, resmgr_open_group(&t->mgr, t, GFP_KERNEL));
		add_early(t, 'a');
		b = add_early(t, 'b');
		b->at = 0;
		b->hook = hook_wait;
		first = start(t, release_early_thread);
		wait_for_completion(&t->inside);
		second = start(t, others[i]);
		msleep(50);
		KUNIT_EXPECT_STREQ(test, notes_joined(" "), "b0");
		complete(&t->leave);
		join(first);
		join(second);
		resmgr_release_all(&t->mgr);
		EXPECT_JOINED(test, " ", "b0 a0 b1 a1 b2 a2 b a");
	}
}

static void hook_wait_and_say(struct thing *thing)
{
	hook_wait(thing);
	say('x', -1);
}

/* A release of everything waits for the early action X, which @first runs. */
static void expect_release_waits(struct early_test *t, struct task_struct *first)
{
	struct task_struct *second = start(t, release_all_thread);
	struct kunit *test = t->test;

	/* A thread that is stopped before it has begun does nothing. */
	wait_for_completion(&t->begun);
	msleep(50);
	KUNIT_EXPECT_STREQ(test, notes_joined(" "), "X");
	complete(&t->leave);
	join(first);
	join(second);
	EXPECT_JOINED(test, " ", "X x p");
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&t->mgr));
}

/* A release waits for an early action that another task runs. */
static void early_action_in_parallel(struct kunit *test)
{
	int (*const firsts[])(void *data) = { release_early_thread, release_group_thread };
	struct early_test *t = test->priv;
	struct task_struct *first;
	int i;

	thing(t, 'X')->hook = hook_wait_and_say;
	for (i = 0; i < ARRAY_SIZE(firsts); i++) {
		add_plain(t, 'p');
		KUNIT_ASSERT_NOT_NULL(test, resmgr_open_group(&t->mgr, t, GFP_KERNEL));
		add_action(t, 'X');
		KUNIT_ASSERT_EQ(test, resmgr_close_group(&t->mgr, t), 0);
		first = start(t, firsts[i]);
		wait_for_completion(&t->inside);
		expect_release_waits(t, first);
	}
}

/* The same when it is all that there is. */
static void early_action_alone_in_parallel(struct kunit *test)
{
	struct early_test *t = test->priv;
	struct task_struct *first, *second;
	struct thing *x = thing(t, 'X');

	x->hook = hook_wait_and_say;
	add_action(t, 'X');
	first = start(t, release_early_thread);
	wait_for_completion(&t->inside);
	/* It is being called, so it cannot be removed. */
	EXPECT_WARNING(test, "there is no action",
		       KUNIT_EXPECT_EQ(test, resmgr_remove_early_action(&t->mgr, action_run,
									x), -ENOENT));
	second = start(t, release_all_thread);
	wait_for_completion(&t->begun);
	msleep(50);
	KUNIT_EXPECT_FALSE(test, resmgr_empty(&t->mgr));
	complete(&t->leave);
	join(first);
	join(second);
	EXPECT_JOINED(test, " ", "X x");
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&t->mgr));
}

static void hook_release_all(struct thing *thing)
{
	resmgr_release_all(&thing->t->mgr);
}

/* An early action may release everything: nothing of it is left to be released. */
static void early_action_releases_all(struct kunit *test)
{
	struct early_test *t = test->priv;

	add_plain(t, 'p');
	add_action(t, 'X')->hook = hook_release_all;
	add_early(t, 'a');
	add_action(t, 'Y');
	resmgr_release_early(&t->mgr);
	EXPECT_JOINED(test, " ", "a0 a1 a2 Y X a p");
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&t->mgr));
}

static void hook_release_early_and_wait(struct thing *thing)
{
	resmgr_release_early(&thing->t->mgr);
	hook_wait(thing);
}

/*
 * A step may run what is early. That does not wait for this step, yet others
 * go on waiting for it.
 */
static void early_again_in_step(struct kunit *test)
{
	int (*const others[])(void *data) = { release_all_thread, release_group_thread };
	struct early_test *t = test->priv;
	struct task_struct *first, *second;
	struct thing *b;
	int i;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		KUNIT_ASSERT_NOT_NULL(test, resmgr_open_group(&t->mgr, t, GFP_KERNEL));
		b = add_early(t, 'b');
		b->at = STEPS - 1;
		b->hook = hook_release_early_and_wait;
		first = start(t, release_early_thread);
		wait_for_completion(&t->inside);
		second = start(t, others[i]);
		msleep(50);
		KUNIT_EXPECT_STREQ(test, notes_joined(" "), "b0 b1 b2");
		complete(&t->leave);
		join(first);
		join(second);
		resmgr_release_all(&t->mgr);
		EXPECT_JOINED(test, " ", "b0 b1 b2 b");
	}
}

/*
 * A release that has given up early steps, since they did not end, waits for an
 * early action of another task like any other.
 */
static void early_given_up(struct kunit *test)
{
	struct early_test *t = test->priv;
	struct task_struct *first;

	add_plain(t, 'p');
	add_action(t, 'X')->hook = hook_wait_and_say;
	first = start(t, release_early_thread);
	wait_for_completion(&t->inside);
	spin_lock_irq(&t->mgr.lock);
	t->mgr.early = false;
	spin_unlock_irq(&t->mgr.lock);
	expect_release_waits(t, first);
}

/**
 * struct racer - an early node that is added while all is released
 * @early: the node
 * @steps: how many have been done
 * @missed: released with fewer than there are
 * @gone: it was released
 */
struct racer {
	struct resmgr_early	early;
	unsigned int		steps;
	unsigned int		missed;
	bool			gone;
};

static void racer_step(struct resmgr_early *early, unsigned int step)
{
	container_of(early, struct racer, early)->steps++;
}

static void racer_gone(struct resmgr *mgr, struct resmgr_node *node)
{
	struct racer *racer = container_of(node, struct racer, early.node);

	racer->missed += racer->steps != STEPS;
	/* With the acquire in early_added_in_parallel(). */
	smp_store_release(&racer->gone, true);
}

static int release_on_and_on(void *data)
{
	struct early_test *t = data;

	while (!kthread_should_stop()) {
		resmgr_release_all(&t->mgr);
		cond_resched();
	}
	return 0;
}

/* All steps of an early node run, whenever it was added. */
static void early_added_in_parallel(struct kunit *test)
{
	struct early_test *t = test->priv;
	struct task_struct *other;
	struct racer racer = { };
	int i;

	other = start(t, release_on_and_on);
	for (i = 0; i < 1500; i++) {
		racer.steps = 0;
		racer.gone = false;
		resmgr_early_init(&racer.early, racer_step, STEPS, racer_gone, "racer");
		KUNIT_EXPECT_EQ(test, resmgr_early_add(&t->mgr, &racer.early), 0);
		/* With the release in racer_gone(). */
		while (!smp_load_acquire(&racer.gone))
			cond_resched();
	}
	join(other);
	KUNIT_EXPECT_EQ(test, racer.missed, 0);
}

/* One node is finished by hand while another task runs the steps of all. */
static void early_finished_in_parallel(struct kunit *test)
{
	struct early_test *t = test->priv;
	struct task_struct *first;
	struct thing *b;

	add_early(t, 'a');
	b = add_early(t, 'b');
	b->at = 1;
	b->hook = hook_wait;
	first = start(t, release_early_thread);
	wait_for_completion(&t->inside);
	complete(&t->leave);
	resmgr_early_finish(&t->mgr, &b->early);
	/* Not only begun: it is over. */
	KUNIT_EXPECT_GE(test, note_find("b2"), 0);
	join(first);
	KUNIT_EXPECT_EQ(test, notes.count, 2 * STEPS);
	notes_clear();
	resmgr_release_all(&t->mgr);
	EXPECT_JOINED(test, " ", "b a");
}

static void hook_release_group(struct thing *thing)
{
	resmgr_release_group(&thing->t->mgr, thing->t);
}

/* A step may release its own node, which is not accessed afterwards. */
static void early_gone_in_step(struct kunit *test)
{
	struct early_test *t = test->priv;
	struct thing *b;

	KUNIT_ASSERT_NOT_NULL(test, resmgr_open_group(&t->mgr, t, GFP_KERNEL));
	b = add_early(t, 'b');
	b->at = 0;
	b->hook = hook_release_group;
	resmgr_early_finish(&t->mgr, &b->early);
	EXPECT_JOINED(test, " ", "b0 b1 b2 b");
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&t->mgr));

	KUNIT_ASSERT_NOT_NULL(test, resmgr_open_group(&t->mgr, t, GFP_KERNEL));
	add_early(t, 'b');
	resmgr_release_all(&t->mgr);
	EXPECT_JOINED(test, " ", "b0 b1 b2 b");
}

static void hook_wait_and_release_group(struct thing *thing)
{
	hook_wait(thing);
	hook_release_group(thing);
}

/* A task that waits for a step is woken if that step releases the resource. */
static void early_gone_while_waited_for(struct kunit *test)
{
	struct early_test *t = test->priv;
	struct task_struct *first, *second;
	struct thing *b;

	KUNIT_ASSERT_NOT_NULL(test, resmgr_open_group(&t->mgr, t, GFP_KERNEL));
	b = add_early(t, 'b');
	b->at = 0;
	b->hook = hook_wait_and_release_group;
	first = start(t, release_early_thread);
	wait_for_completion(&t->inside);
	second = start(t, finish_thread);
	wait_for_completion(&t->begun);
	msleep(50);
	complete(&t->leave);
	join(first);
	KUNIT_ASSERT_NE(test, wait_for_completion_timeout(&t->finished, 60 * HZ), 0);
	join(second);
	EXPECT_JOINED(test, " ", "b0 b1 b2 b");
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&t->mgr));
}

static void hook_again(struct thing *thing)
{
	if (thing->at++ < 3 * 10000)
		KUNIT_EXPECT_EQ(thing->t->test,
				resmgr_add_early_action(&thing->t->mgr, action_run, thing), 0);
}

/* A release ends even if an action keeps adding itself, with a line in the log. */
static void early_endless(struct kunit *test)
{
	struct early_test *t = test->priv;
	struct thing *x = thing(t, 'X');

	x->at = 0;
	x->hook = hook_again;
	KUNIT_ASSERT_EQ(test, resmgr_add_early_action(&t->mgr, action_run, x), 0);
	EXPECT_LINE(test, "release functions go on adding resources, such as action_run",
		    resmgr_release_early(&t->mgr));
	KUNIT_EXPECT_LT(test, x->at, 3 * 10000);
	KUNIT_EXPECT_FALSE(test, resmgr_empty(&t->mgr));
	x->hook = NULL;
	resmgr_release_all(&t->mgr);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&t->mgr));
}

static void hook_again_if_early(struct thing *thing)
{
	/* Not after the core has given up: another early action would hide that. */
	if (thing->t->mgr.early)
		hook_again(thing);
}

/* If the early actions of a group never end, the others still run early. */
static void early_endless_in_group(struct kunit *test)
{
	struct early_test *t = test->priv;
	struct thing *x = thing(t, 'X');

	add_early(t, 'a');
	KUNIT_ASSERT_NOT_NULL(test, resmgr_open_group(&t->mgr, t, GFP_KERNEL));
	x->at = 0;
	x->hook = hook_again_if_early;
	KUNIT_ASSERT_EQ(test, resmgr_add_early_action(&t->mgr, action_run, x), 0);
	EXPECT_LINE(test, "release functions go on adding resources, such as action_run",
		    resmgr_release_group(&t->mgr, t));
	notes_clear();
	resmgr_release_all(&t->mgr);
	EXPECT_JOINED(test, " ", "a0 a1 a2 a");
}

/* What is left then does not keep a group from being released. */
static void early_endless_then_group(struct kunit *test)
{
	struct early_test *t = test->priv;
	struct thing *x = thing(t, 'X');

	KUNIT_ASSERT_NOT_NULL(test, resmgr_open_group(&t->mgr, t, GFP_KERNEL));
	x->at = 0;
	x->hook = hook_again;
	KUNIT_ASSERT_EQ(test, resmgr_add_early_action(&t->mgr, action_run, x), 0);
	EXPECT_LINE(test, "release functions go on adding resources, such as action_run",
		    resmgr_release_early(&t->mgr));
	x->hook = NULL;
	notes_clear();
	KUNIT_EXPECT_EQ(test, resmgr_release_group(&t->mgr, t), 1);
	EXPECT_JOINED(test, " ", "X");
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&t->mgr));
}

static void early_tagged_group(struct kunit *test)
{
	struct early_test *t = test->priv;
	void *id;

	KUNIT_EXPECT_FALSE(test, resmgr_in_group(&t->mgr, 1));
	id = __resmgr_open_group(&t->mgr, NULL, 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, id);
	KUNIT_EXPECT_TRUE(test, resmgr_in_group(&t->mgr, 1));
	KUNIT_EXPECT_FALSE(test, resmgr_in_group(&t->mgr, 2));
	KUNIT_EXPECT_EQ(test, resmgr_close_group(&t->mgr, id), 0);
	KUNIT_EXPECT_FALSE(test, resmgr_in_group(&t->mgr, 1));
	KUNIT_EXPECT_EQ(test, resmgr_remove_group(&t->mgr, id), 0);
}

static struct kunit_case early_cases[] = {
	KUNIT_CASE(early_order),
	KUNIT_CASE(early_alone),
	KUNIT_CASE(early_none),
	KUNIT_CASE(early_final),
	KUNIT_CASE(early_after_final),
	KUNIT_CASE(early_in_group),
	KUNIT_CASE(early_in_open_group),
	KUNIT_CASE(early_finished_by_hand),
	KUNIT_CASE(early_reentry),
	KUNIT_CASE(early_added_by_release),
	KUNIT_CASE(early_added_to_group_by_release),
	KUNIT_CASE(early_action_removed),
	KUNIT_CASE(early_failed_allocation),
	KUNIT_CASE(early_in_parallel),
	KUNIT_CASE(early_added_in_parallel),
	KUNIT_CASE(early_action_in_parallel),
	KUNIT_CASE(early_action_alone_in_parallel),
	KUNIT_CASE(early_action_releases_all),
	KUNIT_CASE(early_given_up),
	KUNIT_CASE(early_again_in_step),
	KUNIT_CASE(early_finished_in_parallel),
	KUNIT_CASE(early_gone_in_step),
	KUNIT_CASE(early_gone_while_waited_for),
	KUNIT_CASE(early_endless),
	KUNIT_CASE(early_endless_in_group),
	KUNIT_CASE(early_endless_then_group),
	KUNIT_CASE(early_tagged_group),
	{}
};

static struct kunit_suite early_suite = {
	.name		= "resmgr-early",
	.init		= early_init,
	.exit		= early_exit,
	.test_cases	= early_cases,
};

kunit_test_suite(early_suite);

MODULE_DESCRIPTION("KUnit tests of early nodes of the resource manager");
MODULE_LICENSE("GPL");
