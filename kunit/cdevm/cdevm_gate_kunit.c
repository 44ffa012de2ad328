// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of the gate: lib/resmgr/gate.c */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/resmgr_gate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../lib.h"

/*
 * A call that is let in by mistake leaves again: a drain would wait for ever.
 */
static bool gate_refuses(struct resmgr_gate *gate)
{
	if (!resmgr_gate_enter(gate))
		return true;
	resmgr_gate_exit(gate);
	return false;
}

static struct resmgr_gate *new_gate(struct kunit *test)
{
	struct resmgr_gate *gate = kunit_kzalloc(test, sizeof(*gate), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, gate);
	KUNIT_ASSERT_EQ(test, resmgr_gate_init(gate), 0);
	return gate;
}

static void gate_enter(struct kunit *test)
{
	struct resmgr_gate *gate = new_gate(test);
	int i;

	KUNIT_EXPECT_FALSE(test, resmgr_gate_is_revoked(gate));
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_TRUE(test, resmgr_gate_enter(gate));
	for (i = 0; i < 5; i++)
		resmgr_gate_exit(gate);

	/* It opens again and again, until revoked. */
	KUNIT_EXPECT_TRUE(test, resmgr_gate_enter(gate));
	resmgr_gate_exit(gate);

	KUNIT_EXPECT_TRUE(test, resmgr_gate_revoke(gate));
	KUNIT_EXPECT_TRUE(test, resmgr_gate_is_revoked(gate));
	KUNIT_EXPECT_TRUE(test, gate_refuses(gate));
	KUNIT_EXPECT_TRUE(test, resmgr_gate_drain(gate, MAX_SCHEDULE_TIMEOUT));
	KUNIT_EXPECT_TRUE(test, gate_refuses(gate));
	resmgr_gate_destroy(gate);
}

static void gate_revoke_twice(struct kunit *test)
{
	struct resmgr_gate *gate = new_gate(test);

	KUNIT_EXPECT_TRUE(test, resmgr_gate_revoke(gate));
	KUNIT_EXPECT_FALSE(test, resmgr_gate_revoke(gate));
	KUNIT_EXPECT_TRUE(test, resmgr_gate_drain(gate, MAX_SCHEDULE_TIMEOUT));
	KUNIT_EXPECT_FALSE(test, resmgr_gate_revoke(gate));
	/* So does the wait: there is no one any more. */
	KUNIT_EXPECT_TRUE(test, resmgr_gate_drain(gate, 0));
	resmgr_gate_destroy(gate);
}

static void gate_drain_of_open(struct kunit *test)
{
	struct resmgr_gate *gate = new_gate(test);
	bool drained = true;

	EXPECT_WARNING(test, "resmgr: drain of an open gate",
		       drained = resmgr_gate_drain(gate, 1));
	KUNIT_EXPECT_FALSE(test, drained);
	/* It is open still. */
	KUNIT_EXPECT_TRUE(test, resmgr_gate_enter(gate));
	resmgr_gate_exit(gate);
	KUNIT_EXPECT_TRUE(test, resmgr_gate_revoke(gate));
	KUNIT_EXPECT_TRUE(test, resmgr_gate_drain(gate, MAX_SCHEDULE_TIMEOUT));
	resmgr_gate_destroy(gate);
}

struct visitor {
	struct resmgr_gate	*gate;
	struct completion	inside, leave, left;
	bool			entered;
	bool			again;
};

static int visitor_main(void *data)
{
	struct visitor *v = data;

	v->entered = resmgr_gate_enter(v->gate);
	complete(&v->inside);
	wait_for_completion(&v->leave);
	if (v->entered) {
		v->again = resmgr_gate_enter(v->gate);
		if (v->again)
			resmgr_gate_exit(v->gate);
		resmgr_gate_exit(v->gate);
	}
	complete(&v->left);
	return 0;
}

static void visit(struct kunit *test, struct visitor *v, struct resmgr_gate *gate)
{
	v->gate = gate;
	init_completion(&v->inside);
	init_completion(&v->leave);
	init_completion(&v->left);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(visitor_main, v,
						       "gate-visitor"));
	wait_for_completion(&v->inside);
}

static void gate_drain_waits(struct kunit *test)
{
	struct resmgr_gate *gate = new_gate(test);
	struct visitor *v = kunit_kcalloc(test, 2, sizeof(*v), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, v);
	visit(test, &v[0], gate);
	visit(test, &v[1], gate);
	KUNIT_EXPECT_TRUE(test, v[0].entered && v[1].entered);
	KUNIT_EXPECT_TRUE(test, resmgr_gate_revoke(gate));

	KUNIT_EXPECT_FALSE(test, resmgr_gate_drain(gate, HZ / 20 + 1));
	complete(&v[0].leave);
	wait_for_completion(&v[0].left);
	KUNIT_EXPECT_FALSE(test, resmgr_gate_drain(gate, HZ / 20 + 1));
	complete(&v[1].leave);
	KUNIT_EXPECT_TRUE(test, resmgr_gate_drain(gate, MAX_SCHEDULE_TIMEOUT));
	wait_for_completion(&v[1].left);

	/* A task that entered before the revoke is refused when it enters again. */
	KUNIT_EXPECT_FALSE(test, v[0].again);
	KUNIT_EXPECT_FALSE(test, v[1].again);
	resmgr_gate_destroy(gate);
}

#define VISITORS	4

struct crowd {
	struct resmgr_gate	gate;
	/* @gone is set after the drain. A call that is inside then sets @seen_gone. */
	bool			gone;
	bool			seen_gone;
	atomic_t		entries;
	struct completion	done[VISITORS];
	atomic_t		next;
};

static int crowd_main(void *data)
{
	struct crowd *c = data;
	int nr = atomic_inc_return(&c->next) - 1;

	while (resmgr_gate_enter(&c->gate)) {
		if (READ_ONCE(c->gone))
			WRITE_ONCE(c->seen_gone, true);
		/* Asleep inside, most of the time. */
		if (atomic_inc_return(&c->entries) % 8)
			usleep_range(10, 50);
		if (READ_ONCE(c->gone))
			WRITE_ONCE(c->seen_gone, true);
		resmgr_gate_exit(&c->gate);
	}
	complete(&c->done[nr]);
	return 0;
}

static void crowd_begin(struct kunit *test, struct crowd *c)
{
	int i;

	KUNIT_ASSERT_EQ(test, resmgr_gate_init(&c->gate), 0);
	c->gone = false;
	atomic_set(&c->next, 0);
	for (i = 0; i < VISITORS; i++) {
		init_completion(&c->done[i]);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test,
					     kthread_run(crowd_main, c, "crowd"));
	}
}

static void crowd_end(struct kunit *test, struct crowd *c)
{
	int i;

	KUNIT_EXPECT_TRUE(test, resmgr_gate_revoke(&c->gate));
	KUNIT_EXPECT_TRUE(test, resmgr_gate_drain(&c->gate, MAX_SCHEDULE_TIMEOUT));
	WRITE_ONCE(c->gone, true);
	for (i = 0; i < VISITORS; i++)
		wait_for_completion(&c->done[i]);
	KUNIT_EXPECT_FALSE(test, c->seen_gone);
	KUNIT_EXPECT_EQ(test, resmgr_gate_calls(&c->gate), 0);
	resmgr_gate_destroy(&c->gate);
}

/* Nobody is inside after the drain, whatever the traffic. */
static void gate_with_traffic(struct kunit *test)
{
	struct crowd *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, c);
	crowd_begin(test, c);
	while (atomic_read(&c->entries) < 500)
		usleep_range(100, 200);
	crowd_end(test, c);
}

/*
 * Enter on one CPU and leave on another, so that the count of neither is right
 * by itself. Some leave before the revoke, and one after it.
 */
static void gate_across_cpus(struct kunit *test)
{
	struct resmgr_gate *gate = new_gate(test);
	unsigned int first = cpumask_first(cpu_online_mask);
	unsigned int last = cpumask_last(cpu_online_mask);
	int i;

	if (first == last)
		kunit_skip(test, "needs two CPUs");
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(first)), 0);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_TRUE(test, resmgr_gate_enter(gate));
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(last)), 0);
	for (i = 0; i < 2; i++)
		resmgr_gate_exit(gate);
	KUNIT_EXPECT_TRUE(test, resmgr_gate_revoke(gate));
	KUNIT_EXPECT_EQ(test, resmgr_gate_calls(gate), 1);
	KUNIT_EXPECT_FALSE(test, completion_done(&gate->drained));
	resmgr_gate_exit(gate);
	KUNIT_EXPECT_TRUE(test, resmgr_gate_drain(gate, MAX_SCHEDULE_TIMEOUT));
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	resmgr_gate_destroy(gate);
}

/*
 * The values of the counters have nothing to do with the number of calls: that
 * of one CPU falls, that of another rises, by more each time.
 */
static void gate_drifts(struct kunit *test)
{
	struct resmgr_gate *gate = new_gate(test);
	unsigned int first = cpumask_first(cpu_online_mask);
	unsigned int last = cpumask_last(cpu_online_mask);
	int i;

	if (first == last)
		kunit_skip(test, "needs two CPUs");
	for (i = 0; i < 200; i++) {
		KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(first)), 0);
		KUNIT_EXPECT_TRUE(test, resmgr_gate_enter(gate));
		KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(last)), 0);
		resmgr_gate_exit(gate);
	}
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	KUNIT_EXPECT_TRUE(test, resmgr_gate_revoke(gate));
	KUNIT_EXPECT_EQ(test, resmgr_gate_calls(gate), 0);
	KUNIT_EXPECT_TRUE(test, resmgr_gate_drain(gate, 0));
	resmgr_gate_destroy(gate);
}

/* Who is refused is not counted, however often. */
static void gate_refuses_many(struct kunit *test)
{
	struct resmgr_gate *gate = new_gate(test);
	int i;

	KUNIT_EXPECT_TRUE(test, resmgr_gate_enter(gate));
	KUNIT_EXPECT_TRUE(test, resmgr_gate_revoke(gate));
	for (i = 0; i < 1000; i++)
		if (!gate_refuses(gate))
			break;
	KUNIT_EXPECT_EQ(test, i, 1000);
	KUNIT_EXPECT_EQ(test, resmgr_gate_calls(gate), 1);
	resmgr_gate_exit(gate);
	KUNIT_EXPECT_EQ(test, resmgr_gate_calls(gate), 0);
	KUNIT_EXPECT_TRUE(test, resmgr_gate_drain(gate, 0));
	resmgr_gate_destroy(gate);
}

#define LEAVES	300

struct leaver {
	struct resmgr_gate	gate;
	struct completion	inside, next, done;
	bool			go;
};

static int leaver_main(void *data)
{
	struct leaver *l = data;
	int i;

	for (i = 0; i < LEAVES; i++) {
		if (resmgr_gate_enter(&l->gate)) {
			complete(&l->inside);
			while (!READ_ONCE(l->go))
				cond_resched();
			resmgr_gate_exit(&l->gate);
		}
		wait_for_completion(&l->next);
	}
	complete(&l->done);
	return 0;
}

/* The last call leaves while the gate is revoked: before, after, and meanwhile. */
static void gate_left_meanwhile(struct kunit *test)
{
	struct leaver *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, l);
	init_completion(&l->inside);
	init_completion(&l->next);
	init_completion(&l->done);
	KUNIT_ASSERT_EQ(test, resmgr_gate_init(&l->gate), 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(leaver_main, l, "gate-leaver"));
	for (i = 0; i < LEAVES; i++) {
		wait_for_completion(&l->inside);
		WRITE_ONCE(l->go, true);
		udelay(i % 10);
		KUNIT_EXPECT_TRUE(test, resmgr_gate_revoke(&l->gate));
		KUNIT_EXPECT_TRUE(test, resmgr_gate_drain(&l->gate, MAX_SCHEDULE_TIMEOUT));
		KUNIT_EXPECT_EQ(test, resmgr_gate_calls(&l->gate), 0);
		resmgr_gate_destroy(&l->gate);
		KUNIT_ASSERT_EQ(test, resmgr_gate_init(&l->gate), 0);
		WRITE_ONCE(l->go, false);
		complete(&l->next);
	}
	wait_for_completion(&l->done);
	resmgr_gate_destroy(&l->gate);
}

static void gate_left_too_often(struct kunit *test)
{
	struct resmgr_gate *gate = new_gate(test);

	KUNIT_EXPECT_TRUE(test, resmgr_gate_revoke(gate));
	KUNIT_EXPECT_TRUE(test, resmgr_gate_drain(gate, MAX_SCHEDULE_TIMEOUT));
	EXPECT_WARNING(test, "resmgr: a gate was left more often than entered",
		       resmgr_gate_exit_revoked(gate));
	KUNIT_EXPECT_TRUE(test, resmgr_gate_drain(gate, 0));
	resmgr_gate_destroy(gate);
}

/* A drain from inside waits for all calls but those of the caller. */
static void gate_set_aside(struct kunit *test)
{
	struct resmgr_gate *gate = new_gate(test);
	struct visitor *v = kunit_kzalloc(test, sizeof(*v), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, v);
	visit(test, v, gate);
	KUNIT_EXPECT_TRUE(test, resmgr_gate_enter(gate));
	KUNIT_EXPECT_TRUE(test, resmgr_gate_enter(gate));
	KUNIT_EXPECT_TRUE(test, resmgr_gate_revoke(gate));

	resmgr_gate_set_aside(gate, 2);
	KUNIT_EXPECT_FALSE(test, resmgr_gate_drain(gate, HZ / 20 + 1));
	complete(&v->leave);
	wait_for_completion(&v->left);
	KUNIT_EXPECT_TRUE(test, resmgr_gate_drain(gate, MAX_SCHEDULE_TIMEOUT));
	KUNIT_EXPECT_EQ(test, resmgr_gate_calls(gate), 0);
	resmgr_gate_take_back(gate, 2);
	KUNIT_EXPECT_EQ(test, resmgr_gate_calls(gate), 2);

	resmgr_gate_exit(gate);
	resmgr_gate_exit(gate);
	KUNIT_EXPECT_EQ(test, resmgr_gate_calls(gate), 0);
	resmgr_gate_destroy(gate);
}

struct drainer {
	struct resmgr_gate	*gate;
	struct completion	done;
	bool			drained;
};

static int drainer_main(void *data)
{
	struct drainer *d = data;

	d->drained = resmgr_gate_drain(d->gate, 30 * HZ);
	complete(&d->done);
	return 0;
}

/* The last call wakes one of them, and each wakes the next. */
static void gate_drained_by_several(struct kunit *test)
{
	struct resmgr_gate *gate = new_gate(test);
	struct visitor *v = kunit_kzalloc(test, sizeof(*v), GFP_KERNEL);
	struct drainer *d = kunit_kcalloc(test, 3, sizeof(*d), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, v);
	KUNIT_ASSERT_NOT_NULL(test, d);
	visit(test, v, gate);
	KUNIT_EXPECT_TRUE(test, resmgr_gate_revoke(gate));
	for (i = 0; i < 3; i++) {
		d[i].gate = gate;
		init_completion(&d[i].done);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(drainer_main, &d[i],
							       "gate-drainer"));
	}
	KUNIT_EXPECT_FALSE(test, resmgr_gate_drain(gate, HZ / 20 + 1));
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_FALSE(test, completion_done(&d[i].done));

	complete(&v->leave);
	wait_for_completion(&v->left);
	for (i = 0; i < 3; i++) {
		wait_for_completion(&d[i].done);
		KUNIT_EXPECT_TRUE(test, d[i].drained);
	}
	/* And for who comes later. */
	KUNIT_EXPECT_TRUE(test, resmgr_gate_drain(gate, 0));
	resmgr_gate_destroy(gate);
}

#ifdef CONFIG_HOTPLUG_CPU
/*
 * What was counted on a CPU that is offline at the revoke; and calls on one that
 * comes online after it.
 */
static void gate_offline_cpu(struct kunit *test)
{
	struct resmgr_gate *gate = new_gate(test);
	unsigned int first = cpumask_first(cpu_online_mask);
	unsigned int last = cpumask_last(cpu_online_mask);

	if (first == last)
		kunit_skip(test, "needs two CPUs");
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(last)), 0);
	KUNIT_EXPECT_TRUE(test, resmgr_gate_enter(gate));
	KUNIT_EXPECT_TRUE(test, resmgr_gate_enter(gate));
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(first)), 0);
	if (remove_cpu(last)) {
		KUNIT_EXPECT_TRUE(test, resmgr_gate_revoke(gate));
		resmgr_gate_exit(gate);
		resmgr_gate_exit(gate);
		KUNIT_EXPECT_TRUE(test, resmgr_gate_drain(gate, MAX_SCHEDULE_TIMEOUT));
		resmgr_gate_destroy(gate);
		set_cpus_allowed_ptr(current, cpu_possible_mask);
		kunit_skip(test, "needs a CPU that can be turned off");
	}
	KUNIT_EXPECT_TRUE(test, resmgr_gate_revoke(gate));
	KUNIT_EXPECT_EQ(test, resmgr_gate_calls(gate), 2);
	resmgr_gate_exit(gate);
	KUNIT_EXPECT_EQ(test, resmgr_gate_calls(gate), 1);

	KUNIT_ASSERT_EQ(test, add_cpu(last), 0);
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(last)), 0);
	KUNIT_EXPECT_TRUE(test, gate_refuses(gate));
	KUNIT_EXPECT_EQ(test, resmgr_gate_calls(gate), 1);
	resmgr_gate_exit(gate);
	KUNIT_EXPECT_TRUE(test, resmgr_gate_drain(gate, MAX_SCHEDULE_TIMEOUT));
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	resmgr_gate_destroy(gate);
}

struct plug {
	unsigned int		cpu;
	bool			stop;
	int			times;
	struct completion	done;
};

static int plug_main(void *data)
{
	struct plug *p = data;

	while (!READ_ONCE(p->stop)) {
		if (remove_cpu(p->cpu))
			break;
		usleep_range(100, 2000);
		if (add_cpu(p->cpu))
			break;
		WRITE_ONCE(p->times, p->times + 1);
		usleep_range(100, 2000);
	}
	complete(&p->done);
	return 0;
}

/* A CPU goes and comes back while gates with calls inside are revoked. */
static void gate_with_hotplug(struct kunit *test)
{
	struct crowd *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	struct plug *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	int revoked = 0;

	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_ASSERT_NOT_NULL(test, p);
	p->cpu = cpumask_last(cpu_online_mask);
	if (p->cpu == cpumask_first(cpu_online_mask) || remove_cpu(p->cpu) || add_cpu(p->cpu))
		kunit_skip(test, "needs a second CPU that can be turned off");
	init_completion(&p->done);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(plug_main, p, "gate-plug"));
	while (revoked < 50 || (READ_ONCE(p->times) < 20 && !completion_done(&p->done))) {
		crowd_begin(test, c);
		usleep_range(100, 3000);
		crowd_end(test, c);
		revoked++;
	}
	WRITE_ONCE(p->stop, true);
	wait_for_completion(&p->done);
	KUNIT_EXPECT_GE(test, p->times, 20);
	kunit_info(test, "%d gates, and the CPU went %d times\n", revoked, p->times);
}
#else
static void gate_offline_cpu(struct kunit *test)
{
	kunit_skip(test, "needs HOTPLUG_CPU");
}

static void gate_with_hotplug(struct kunit *test)
{
	kunit_skip(test, "needs HOTPLUG_CPU");
}
#endif

static struct kunit_case gate_cases[] = {
	KUNIT_CASE(gate_enter),
	KUNIT_CASE(gate_revoke_twice),
	KUNIT_CASE(gate_drain_of_open),
	KUNIT_CASE(gate_drain_waits),
	KUNIT_CASE(gate_with_traffic),
	KUNIT_CASE(gate_across_cpus),
	KUNIT_CASE(gate_drifts),
	KUNIT_CASE(gate_refuses_many),
	KUNIT_CASE_SLOW(gate_left_meanwhile),
	KUNIT_CASE(gate_left_too_often),
	KUNIT_CASE(gate_set_aside),
	KUNIT_CASE(gate_drained_by_several),
	KUNIT_CASE_SLOW(gate_offline_cpu),
	KUNIT_CASE_SLOW(gate_with_hotplug),
	{}
};

static struct kunit_suite gate_suite = {
	.name		= "cdevm-gate",
	.test_cases	= gate_cases,
};

kunit_test_suite(gate_suite);

MODULE_DESCRIPTION("KUnit tests of the gate");
MODULE_LICENSE("GPL");
