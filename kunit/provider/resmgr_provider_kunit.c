// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of providers: lib/resmgr/provider.c and holders.c
 *
 * Each function that is called writes a letter: G is ->gone(), F is ->free(), R
 * is ->remove() of the driver, I and O are calls that enter and leave. A test
 * compares the word. The driver's data is freed right after the drain, as a
 * driver does: KASAN detects a later access, and so does the pattern that
 * overwrites the data.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/preempt.h>
#include <linux/resmgr_provider.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>

#include "../resmgr_kunit.h"

#define NAME		"resmgr-provider-kunit"
#define MAGIC		0x600dda7aU
#define GONE		0xdeadda7aU
/* For what has to come. */
#define PATIENCE	(30 * HZ)

/* What a driver has. */
struct chip {
	u32	magic;
};

/* What the core of a subsystem has of each. */
struct foo {
	struct resmgr_provider	provider;
	struct chip		*chip;
	/* Called by ->gone(), if there is one. */
	void			(*gone)(struct foo *foo);
};

/**
 * struct bench - what the tests have in common
 * @inside: a call is inside
 * @leave: it may leave
 * @left: it has left
 * @withdrawn: the thread of withdraw_in_thread() is done
 * @pdev: of the driver
 * @foo: made by the last probe
 * @probe_ret: what probe returns in the end
 * @nth: which allocation of probe fails, 0 for none
 * @fired: it did
 * @bad: the driver's data was not what it should be
 */
static struct bench {
	struct completion	inside;
	struct completion	leave;
	struct completion	left;
	struct completion	withdrawn;
	struct platform_device	*pdev;
	struct foo		*foo;
	int			probe_ret;
	unsigned int		nth;
	bool			fired;
	atomic_t		bad;
} bench;

static void say(char letter)
{
	note("%c", letter);
}

static void foo_gone(struct resmgr_provider *provider)
{
	struct foo *foo = container_of(provider, struct foo, provider);

	say('G');
	if (foo->gone)
		foo->gone(foo);
}

static void foo_free(struct resmgr_provider *provider)
{
	say('F');
	resmgr_provider_destroy(provider);
	kfree(container_of(provider, struct foo, provider));
}

static const struct resmgr_provider_ops foo_ops = {
	.gone	= foo_gone,
	.free	= foo_free,
};

static const struct resmgr_provider_ops silent_ops = {
	.free	= foo_free,
};

/* The memory belongs to something else, and is freed later. */
static void kept_free(struct resmgr_provider *provider)
{
	say('F');
}

static const struct resmgr_provider_ops kept_ops = {
	.free	= kept_free,
};

/* There is one place that registers, so that all have one lock class. */
static struct foo *foo_make(const char *name, const struct resmgr_provider_ops *ops)
{
	struct foo *foo = kzalloc_obj(*foo, GFP_KERNEL);
	int ret;

	if (!foo)
		return ERR_PTR(-ENOMEM);
	foo->chip = kzalloc_obj(*foo->chip, GFP_KERNEL);
	if (!foo->chip) {
		kfree(foo);
		return ERR_PTR(-ENOMEM);
	}
	foo->chip->magic = MAGIC;
	ret = resmgr_provider_init(&foo->provider, foo->chip, ops, name);
	if (ret) {
		kfree(foo->chip);
		kfree(foo);
		return ERR_PTR(ret);
	}
	return foo;
}

static struct foo *foo_new(struct kunit *test)
{
	struct foo *foo = foo_make("foo", &foo_ops);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, foo);
	return foo;
}

/* The driver frees what it has, as soon as nobody can be using it. */
static void chip_free(struct chip *chip)
{
	WRITE_ONCE(chip->magic, GONE);
	kfree(chip);
}

static void foo_unbind(struct foo *foo)
{
	struct chip *chip = foo->chip;

	resmgr_provider_withdraw(&foo->provider);
	chip_free(chip);
}

static void foo_put(struct foo *foo)
{
	resmgr_object_put(&foo->provider.object);
}

static int foo_call(struct foo *foo)
{
	struct chip *chip;
	int ret = -ENODEV;

	resmgr_provider_scoped_enter(&foo->provider, chip) {
		if (READ_ONCE(chip->magic) != MAGIC)
			atomic_inc(&bench.bad);
		ret = 0;
	}
	return ret;
}

static int foo_call_by_class(struct foo *foo)
{
	CLASS(resmgr_provider_call, call)(&foo->provider);
	if (!call)
		return -ENODEV;
	return ((struct chip *)call->priv)->magic == MAGIC ? 0 : -EIO;
}

/* --- references, and calls of one task */

static void provider_get_put(struct kunit *test)
{
	struct foo *foo = foo_new(test);
	struct resmgr_holder holder;

	KUNIT_ASSERT_EQ(test, resmgr_add_action(&foo->provider.object.mgr, note_action, "o"), 0);
	KUNIT_ASSERT_TRUE(test, resmgr_provider_get(&foo->provider, &holder, NULL));
	foo_unbind(foo);
	EXPECT_JOINED(test, "", "G");
	foo_put(foo);
	EXPECT_JOINED(test, "", "");
	resmgr_provider_put(&foo->provider, &holder);
	EXPECT_JOINED(test, "", "oF");
}

/* Never registered: the core has failed before anybody could find it. */
static void provider_never_withdrawn(struct kunit *test)
{
	struct foo *foo = foo_new(test);

	kfree(foo->chip);
	foo_put(foo);
	EXPECT_JOINED(test, "", "F");
}

static void provider_enter(struct kunit *test)
{
	struct foo *foo = foo_new(test);

	KUNIT_EXPECT_FALSE(test, resmgr_provider_is_withdrawn(&foo->provider));
	KUNIT_EXPECT_PTR_EQ(test, resmgr_provider_enter(&foo->provider), (void *)foo->chip);
	resmgr_provider_exit(&foo->provider);
	KUNIT_EXPECT_EQ(test, foo_call(foo), 0);
	KUNIT_EXPECT_EQ(test, foo_call_by_class(foo), 0);

	foo_unbind(foo);
	KUNIT_EXPECT_TRUE(test, resmgr_provider_is_withdrawn(&foo->provider));
	KUNIT_EXPECT_NULL(test, resmgr_provider_enter(&foo->provider));
	KUNIT_EXPECT_EQ(test, foo_call(foo), -ENODEV);
	KUNIT_EXPECT_EQ(test, foo_call_by_class(foo), -ENODEV);
	foo_put(foo);
	EXPECT_JOINED(test, "", "GF");
}

/* A section is left in each way. The drain would hang if one were still inside. */
static int foo_leave(struct foo *foo, unsigned int how)
{
	struct chip *chip;

	resmgr_provider_scoped_enter(&foo->provider, chip) {
		if (how == 0)
			break;
		if (how == 1)
			continue;
		if (how == 2)
			goto out;
		if (how == 3)
			return chip->magic == MAGIC;
	}
out:
	return 1;
}

static void provider_scoped_leave(struct kunit *test)
{
	struct foo *foo = foo_new(test);
	unsigned int how;

	for (how = 0; how < 5; how++)
		KUNIT_EXPECT_EQ(test, foo_leave(foo, how), 1);
	foo_unbind(foo);
	for (how = 0; how < 5; how++)
		KUNIT_EXPECT_EQ(test, foo_leave(foo, how), 1);
	foo_put(foo);
	EXPECT_JOINED(test, "", "GF");
}

static void provider_get_refused(struct kunit *test)
{
	struct foo *foo = foo_new(test), *other = foo_new(test);
	struct resmgr_holder holder;

	foo_unbind(foo);
	KUNIT_EXPECT_FALSE(test, resmgr_provider_get(&foo->provider, &holder, NULL));
	KUNIT_EXPECT_EQ(test, resmgr_provider_hold(&other->provider.object.mgr,
						   &foo->provider), -ENODEV);
	foo_put(foo);
	EXPECT_JOINED(test, "", "GF");
	foo_unbind(other);
	foo_put(other);
	EXPECT_JOINED(test, "", "GF");
}

static void provider_withdraw_twice(struct kunit *test)
{
	struct foo *foo = foo_new(test);

	resmgr_provider_withdraw(&foo->provider);
	foo_unbind(foo);
	foo_put(foo);
	EXPECT_JOINED(test, "", "GF");
}

static void provider_without_gone(struct kunit *test)
{
	struct foo *foo = foo_make("foo", &silent_ops);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, foo);
	foo_unbind(foo);
	foo_put(foo);
	EXPECT_JOINED(test, "", "F");
}

static void provider_without_data(struct kunit *test)
{
	struct foo *foo = kunit_kzalloc(test, sizeof(*foo), GFP_KERNEL);
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, foo);
	EXPECT_WARNING(test, "has no data of a driver",
		       ret = resmgr_provider_init(&foo->provider, NULL, &foo_ops, "foo"));
	KUNIT_EXPECT_EQ(test, ret, -EINVAL);
}

static void provider_failed_allocation(struct kunit *test)
{
	unsigned int nth, failed = 0;
	struct foo *foo;
	bool fired;

	faults_need(test);
	for (nth = 1; nth == 1 || fired; nth++) {
		KUNIT_ASSERT_LT(test, nth, 100);
		faults_arm(nth);
		foo = foo_make("foo", &foo_ops);
		fired = faults_disarm();
		if (IS_ERR(foo)) {
			failed++;
			KUNIT_EXPECT_EQ(test, PTR_ERR(foo), -ENOMEM);
			EXPECT_JOINED(test, "", "");
			continue;
		}
		/* None failed, or one that kmemleak or its like can do without. */
		foo_unbind(foo);
		foo_put(foo);
		EXPECT_JOINED(test, "", "GF");
	}
	/* Two of the test's own, and one at least of the helper's. */
	KUNIT_EXPECT_GE(test, failed, 3);
}

/* --- calls of several tasks */

static int stay_inside(void *data)
{
	struct foo *foo = data;
	struct chip *chip;

	resmgr_provider_scoped_enter(&foo->provider, chip) {
		say('I');
		complete(&bench.inside);
		wait_for_completion(&bench.leave);
		/*
		 * A second call is refused, but the chip stays while the first
		 * one is inside.
		 */
		if (foo_call(foo) != -ENODEV || READ_ONCE(chip->magic) != MAGIC)
			atomic_inc(&bench.bad);
		say('O');
	}
	complete(&bench.left);
	return 0;
}

static void start(struct kunit *test, int (*fn)(void *data), void *data)
{
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(fn, data, NAME));
}

static void wait(struct kunit *test, struct completion *c)
{
	KUNIT_ASSERT_NE(test, wait_for_completion_timeout(c, PATIENCE), 0UL);
}

static void gone_lets_leave(struct foo *foo)
{
	/* Calls are refused already, so a woken call sees that. */
	if (foo_call(foo) != -ENODEV)
		atomic_inc(&bench.bad);
	complete(&bench.leave);
}

/* ->gone() wakes a call that the withdrawal waits for. */
static void provider_gone_wakes(struct kunit *test)
{
	struct foo *foo = foo_new(test);

	foo->gone = gone_lets_leave;
	start(test, stay_inside, foo);
	wait(test, &bench.inside);
	foo_unbind(foo);
	EXPECT_JOINED(test, "", "IGO");
	wait(test, &bench.left);
	foo_put(foo);
	EXPECT_JOINED(test, "", "F");
}

static int withdraw_in_thread(void *data)
{
	struct foo *foo = data;

	foo_unbind(foo);
	say('W');
	complete(&bench.withdrawn);
	return 0;
}

static void gone_says_so(struct foo *foo)
{
	complete(&bench.withdrawn);
}

/* A call is inside, and another thread withdraws: ->gone() has been called. */
static struct foo *foo_withdrawing(struct kunit *test)
{
	struct foo *foo = foo_new(test);

	foo->gone = gone_says_so;
	start(test, stay_inside, foo);
	wait(test, &bench.inside);
	start(test, withdraw_in_thread, foo);
	wait(test, &bench.withdrawn);
	return foo;
}

/* Who finds it after the last put is refused, until its memory is freed. */
static void provider_refuses_to_the_end(struct kunit *test)
{
	struct foo *foo = foo_make("kept", &kept_ops);
	struct foo *other;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, foo);
	foo_unbind(foo);
	foo_put(foo);
	EXPECT_JOINED(test, "", "F");
	/* It would get the counters, if they were free. */
	other = foo_new(test);
	KUNIT_EXPECT_EQ(test, foo_call(foo), -ENODEV);
	foo_unbind(other);
	foo_put(other);
	resmgr_provider_destroy(&foo->provider);
	kfree(foo);
	EXPECT_JOINED(test, "", "GF");
}

/* The withdrawal is not complete before the call has left. */
static void provider_drain_waits(struct kunit *test)
{
	struct foo *foo = foo_withdrawing(test);

	/* A withdrawal that did not wait would be complete. */
	msleep(200);
	KUNIT_EXPECT_FALSE(test, completion_done(&bench.withdrawn));
	KUNIT_EXPECT_EQ(test, foo_call(foo), -ENODEV);
	say('L');
	complete(&bench.leave);
	wait(test, &bench.withdrawn);
	wait(test, &bench.left);
	EXPECT_JOINED(test, "", "IGLOW");
	foo_put(foo);
	EXPECT_JOINED(test, "", "F");
}

/* A call that stays for ten seconds is reported. */
static void provider_drain_reports(struct kunit *test)
{
	struct foo *foo = foo_withdrawing(test);

	expect_logged(test, "s to be unbound; 1 calls are inside");
	complete(&bench.leave);
	wait(test, &bench.withdrawn);
	wait(test, &bench.left);
	foo_put(foo);
	EXPECT_JOINED(test, "", "IGOWF");
}

/* The second task to withdraw waits as the first one does. */
static void provider_withdraw_both_wait(struct kunit *test)
{
	struct foo *foo = foo_withdrawing(test);

	complete(&bench.leave);
	resmgr_provider_withdraw(&foo->provider);
	say('T');
	wait(test, &bench.withdrawn);
	wait(test, &bench.left);
	/* Which of the two is first is a matter of chance. */
	KUNIT_EXPECT_TRUE(test, strstarts(notes_joined(""), "IGO"));
	KUNIT_EXPECT_EQ(test, notes.count, 5);
	notes_clear();
	foo_put(foo);
	EXPECT_JOINED(test, "", "F");
}

static void provider_nested(struct kunit *test)
{
	struct foo *foo = foo_new(test);
	struct chip *outer, *inner;

	outer = resmgr_provider_enter(&foo->provider);
	KUNIT_ASSERT_NOT_NULL(test, outer);
	inner = resmgr_provider_enter(&foo->provider);
	KUNIT_EXPECT_PTR_EQ(test, inner, outer);
	foo->gone = gone_says_so;
	start(test, withdraw_in_thread, foo);
	wait(test, &bench.withdrawn);
	KUNIT_EXPECT_NULL(test, resmgr_provider_enter(&foo->provider));
	resmgr_provider_exit(&foo->provider);
	msleep(100);
	KUNIT_EXPECT_FALSE(test, completion_done(&bench.withdrawn));
	KUNIT_EXPECT_EQ(test, outer->magic, MAGIC);
	resmgr_provider_exit(&foo->provider);
	wait(test, &bench.withdrawn);
	foo_put(foo);
	EXPECT_JOINED(test, "", "GWF");
}

/* --- atomic context */

static void provider_atomic(struct kunit *test)
{
	static DEFINE_RAW_SPINLOCK(raw);
	static DEFINE_SPINLOCK(lock);
	struct foo *foo = foo_new(test);
	unsigned long flags;
	int ret[4];

	spin_lock(&lock);
	ret[0] = foo_call(foo);
	spin_unlock(&lock);
	raw_spin_lock_irqsave(&raw, flags);
	ret[1] = foo_call(foo);
	raw_spin_unlock_irqrestore(&raw, flags);
	preempt_disable();
	ret[2] = foo_call(foo);
	preempt_enable();
	foo_unbind(foo);
	raw_spin_lock_irqsave(&raw, flags);
	ret[3] = foo_call(foo);
	raw_spin_unlock_irqrestore(&raw, flags);

	KUNIT_EXPECT_EQ(test, ret[0], 0);
	KUNIT_EXPECT_EQ(test, ret[1], 0);
	KUNIT_EXPECT_EQ(test, ret[2], 0);
	KUNIT_EXPECT_EQ(test, ret[3], -ENODEV);
	foo_put(foo);
	EXPECT_JOINED(test, "", "GF");
}

/* Entered with a spinlock held, and left with another; the drain does not care. */
static int stay_inside_atomic(void *data)
{
	static DEFINE_SPINLOCK(lock);
	struct foo *foo = data;
	struct chip *chip;

	spin_lock(&lock);
	chip = resmgr_provider_enter(&foo->provider);
	complete(&bench.inside);
	/* The task that withdraws does not need this CPU until the call has left. */
	while (chip && !resmgr_provider_is_withdrawn(&foo->provider))
		cpu_relax();
	mdelay(20);
	if (!chip || READ_ONCE(chip->magic) != MAGIC)
		atomic_inc(&bench.bad);
	say('O');
	if (chip)
		resmgr_provider_exit(&foo->provider);
	spin_unlock(&lock);
	complete(&bench.left);
	return 0;
}

static void provider_drain_waits_for_atomic(struct kunit *test)
{
	struct task_struct *task;
	struct foo *foo;

	/* The task spins until the other one has withdrawn. */
	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	foo = foo_new(test);
	migrate_disable();
	task = kthread_run_on_cpu(stay_inside_atomic, foo,
				  cpumask_any_but(cpu_online_mask, smp_processor_id()),
				  NAME "/%u");
	if (IS_ERR(task))
		complete(&bench.left);
	else
		wait_for_completion(&bench.inside);
	foo_unbind(foo);
	say('W');
	wait_for_completion(&bench.left);
	migrate_enable();
	KUNIT_EXPECT_FALSE(test, IS_ERR(task));
	/* G and O are on different CPUs. */
	KUNIT_EXPECT_EQ(test, notes.count, 3);
	KUNIT_EXPECT_STREQ(test, note_text(2), "W");
	notes_clear();
	foo_put(foo);
	EXPECT_JOINED(test, "", "F");
}

/**
 * struct ticker - calls into a provider from interrupts
 * @hrtimer: in hard interrupts
 * @timer: in soft interrupts
 * @foo: the provider
 * @calls: that were let in
 * @refused: that were not
 * @wrong: in another context than meant
 */
struct ticker {
	struct hrtimer		hrtimer;
	struct timer_list	timer;
	struct foo		*foo;
	atomic_t		calls;
	atomic_t		refused;
	atomic_t		wrong;
};

static void tick(struct ticker *ticker, bool right)
{
	if (!right)
		atomic_inc(&ticker->wrong);
	atomic_inc(foo_call(ticker->foo) ? &ticker->refused : &ticker->calls);
}

static enum hrtimer_restart tick_hard(struct hrtimer *hrtimer)
{
	struct ticker *ticker = container_of(hrtimer, struct ticker, hrtimer);

	tick(ticker, in_hardirq());
	hrtimer_forward_now(hrtimer, ms_to_ktime(1));
	return HRTIMER_RESTART;
}

static void tick_soft(struct timer_list *timer)
{
	struct ticker *ticker = container_of(timer, struct ticker, timer);

	tick(ticker, in_serving_softirq());
	mod_timer(timer, jiffies + 1);
}

static void tick_stop(void *data)
{
	struct ticker *ticker = data;

	hrtimer_cancel(&ticker->hrtimer);
	timer_shutdown_sync(&ticker->timer);
}

static void wait_for_count(struct kunit *test, atomic_t *count)
{
	unsigned long end = jiffies + PATIENCE;

	while (!atomic_read(count) && time_before(jiffies, end))
		msleep(20);
	KUNIT_EXPECT_GT(test, atomic_read(count), 0);
}

/* Interrupts call the provider all the time, while it is withdrawn and afterwards. */
static void provider_from_interrupts(struct kunit *test)
{
	struct ticker *ticker = kunit_kzalloc(test, sizeof(*ticker), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ticker);
	ticker->foo = foo_new(test);
	hrtimer_setup(&ticker->hrtimer, tick_hard, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	timer_setup(&ticker->timer, tick_soft, 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, tick_stop, ticker), 0);
	hrtimer_start(&ticker->hrtimer, ms_to_ktime(1), HRTIMER_MODE_REL_HARD);
	mod_timer(&ticker->timer, jiffies + 1);
	wait_for_count(test, &ticker->calls);
	msleep(50);
	foo_unbind(ticker->foo);
	/* None was let in since; and there are some. */
	atomic_set(&ticker->calls, 0);
	atomic_set(&ticker->refused, 0);
	wait_for_count(test, &ticker->refused);
	msleep(50);
	KUNIT_EXPECT_EQ(test, atomic_read(&ticker->calls), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&ticker->wrong), 0);
	tick_stop(ticker);
	foo_put(ticker->foo);
	EXPECT_JOINED(test, "", "GF");
}

/* --- a provider of a device's driver */

static void chip_free_action(void *chip)
{
	say('C');
	chip_free(chip);
}

static int probe(struct platform_device *pdev)
{
	struct chip *chip;
	struct foo *foo;
	int ret;

	bench.foo = NULL;
	faults_arm(bench.nth);
	foo = foo_make(dev_name(&pdev->dev), &foo_ops);
	ret = PTR_ERR_OR_ZERO(foo);
	if (ret)
		goto out;
	/* The memory of the driver is devm memory, freed after ->remove(). */
	chip = foo->chip;
	ret = devm_add_action_or_reset(&pdev->dev, chip_free_action, chip);
	if (ret) {
		resmgr_provider_withdraw(&foo->provider);
		foo_put(foo);
		goto out;
	}
	ret = devm_resmgr_provider_register(&pdev->dev, &foo->provider);
	if (!ret)
		bench.foo = foo;
out:
	bench.fired = faults_disarm();
	return ret ?: bench.probe_ret;
}

static void remove(struct platform_device *pdev)
{
	/* It is refused already, and the memory is there. */
	if (foo_call(bench.foo) != -ENODEV || bench.foo->chip->magic != MAGIC)
		atomic_inc(&bench.bad);
	say('R');
}

static struct platform_driver driver = {
	.probe	= probe,
	.remove	= remove,
	.driver	= {
		/* Bound when platform_device_add() returns, or never. */
		.probe_type	= PROBE_FORCE_SYNCHRONOUS,
	},
};

static void driver_out(void *unused)
{
	platform_device_unregister(bench.pdev);
	bench.pdev = NULL;
	platform_driver_unregister(&driver);
}

/* What had this name may be there for some seconds more, with DEBUG_KOBJECT_RELEASE. */
static const char *new_name(char *name, size_t size)
{
	static unsigned int number;

	snprintf(name, size, NAME "-%u", number++);
	return name;
}

static void driver_in(struct kunit *test)
{
	static char name[40];

	driver.driver.name = new_name(name, sizeof(name));
	KUNIT_ASSERT_EQ(test, platform_driver_register(&driver), 0);
	bench.pdev = platform_device_register_simple(name, PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(bench.pdev))
		platform_driver_unregister(&driver);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bench.pdev);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, driver_out, NULL), 0);
}

/* Withdrawn, then removed, then what the driver has, then the memory. */
static void provider_devm(struct kunit *test)
{
	driver_in(test);
	KUNIT_ASSERT_NOT_NULL(test, bench.foo);
	KUNIT_EXPECT_EQ(test, foo_call(bench.foo), 0);
	device_release_driver(&bench.pdev->dev);
	EXPECT_JOINED(test, "", "GRFC");
}

/* A consumer keeps its handle; a new one gets the new provider. */
static void provider_rebind(struct kunit *test)
{
	struct resmgr_holder old_holder, new_holder;
	struct foo *old, *new;

	driver_in(test);
	old = bench.foo;
	KUNIT_ASSERT_NOT_NULL(test, old);
	KUNIT_ASSERT_TRUE(test, resmgr_provider_get(&old->provider, &old_holder, NULL));
	device_release_driver(&bench.pdev->dev);
	EXPECT_JOINED(test, "", "GRC");
	KUNIT_EXPECT_EQ(test, foo_call(old), -ENODEV);

	KUNIT_ASSERT_EQ(test, device_attach(&bench.pdev->dev), 1);
	new = bench.foo;
	KUNIT_ASSERT_NOT_NULL(test, new);
	KUNIT_EXPECT_PTR_NE(test, new, old);
	KUNIT_ASSERT_TRUE(test, resmgr_provider_get(&new->provider, &new_holder, NULL));
	KUNIT_EXPECT_EQ(test, foo_call(new), 0);
	KUNIT_EXPECT_EQ(test, foo_call(old), -ENODEV);
	resmgr_provider_put(&old->provider, &old_holder);
	EXPECT_JOINED(test, "", "F");
	resmgr_provider_put(&new->provider, &new_holder);
	device_release_driver(&bench.pdev->dev);
	EXPECT_JOINED(test, "", "GRFC");
}

static void provider_failed_probe(struct kunit *test)
{
	bench.probe_ret = -EIO;
	driver_in(test);
	EXPECT_JOINED(test, "", "GFC");
}

/* Each allocation fails once: nothing is lost, and nothing goes twice. */
static void provider_failed_register(struct kunit *test)
{
	unsigned int nth, failed = 0;
	const char *said;

	faults_need(test);
	bench.nth = 1;
	driver_in(test);
	for (nth = 2; bench.fired; nth++) {
		/* One that others can do without, as above. */
		if (bench.foo) {
			device_release_driver(&bench.pdev->dev);
			EXPECT_JOINED(test, "", "GRFC");
		} else {
			failed++;
		}
		/* What there was is gone, in the right order. */
		said = notes_joined("");
		if (*said && strcmp(said, "CGF") && strcmp(said, "GFC"))
			KUNIT_FAIL(test, "allocation %u: %s", nth - 1, said);
		notes_clear();
		KUNIT_ASSERT_LT(test, nth, 100);
		bench.nth = nth;
		KUNIT_EXPECT_GE(test, device_attach(&bench.pdev->dev), 0);
	}
	/* Two of the test's own, and of each step one at least. */
	KUNIT_EXPECT_GE(test, failed, 6);
	KUNIT_EXPECT_NOT_NULL(test, bench.foo);
	device_release_driver(&bench.pdev->dev);
	EXPECT_JOINED(test, "", "GRFC");
}

/* --- consumers */

static int consumer_probe(struct platform_device *pdev)
{
	if (!device_link_add(&pdev->dev, &bench.pdev->dev, DL_FLAG_AUTOREMOVE_CONSUMER))
		return -EINVAL;
	return resmgr_provider_hold(&pdev->dev.devres, &bench.foo->provider);
}

static void consumer_remove(struct platform_device *pdev)
{
	/* With a device link the consumer goes first, so it can still call. */
	say(foo_call(bench.foo) ? 'x' : 'c');
}

static struct platform_driver consumer_driver = {
	.probe	= consumer_probe,
	.remove	= consumer_remove,
	.driver	= {
		.probe_type	= PROBE_FORCE_SYNCHRONOUS,
	},
};

static void provider_device_link(struct kunit *test)
{
	struct platform_device *pdev;
	static char name[40];
	bool bound;

	driver_in(test);
	KUNIT_ASSERT_NOT_NULL(test, bench.foo);
	consumer_driver.driver.name = new_name(name, sizeof(name));
	KUNIT_ASSERT_EQ(test, platform_driver_register(&consumer_driver), 0);
	pdev = platform_device_register_simple(name, PLATFORM_DEVID_NONE, NULL, 0);
	bound = !IS_ERR(pdev) && pdev->dev.driver;
	device_release_driver(&bench.pdev->dev);
	if (!IS_ERR(pdev))
		platform_device_unregister(pdev);
	platform_driver_unregister(&consumer_driver);
	KUNIT_EXPECT_TRUE(test, bound);
	EXPECT_JOINED(test, "", "cGRFC");
}

/* An object that needs the provider holds it, and need not put it. */
static void provider_held_by_object(struct kunit *test)
{
	struct foo *parent = foo_new(test), *child = foo_new(test);

	KUNIT_ASSERT_EQ(test, resmgr_add_action(&child->provider.object.mgr, note_action, "b"), 0);
	KUNIT_ASSERT_EQ(test, resmgr_provider_hold(&child->provider.object.mgr,
						   &parent->provider), 0);
	KUNIT_ASSERT_EQ(test, resmgr_add_action(&child->provider.object.mgr, note_action, "a"), 0);
	foo_unbind(parent);
	foo_put(parent);
	KUNIT_EXPECT_EQ(test, foo_call(parent), -ENODEV);
	EXPECT_JOINED(test, "", "G");
	foo_unbind(child);
	foo_put(child);
	EXPECT_JOINED(test, "", "GaFbF");
}

/* --- circles */

static void need_debug(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_RESMGR_DEBUG))
		kunit_skip(test, "needs RESMGR_DEBUG");
}

static struct foo *foo_named(struct kunit *test, const char *name)
{
	struct foo *foo = foo_make(name, &silent_ops);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, foo);
	return foo;
}

static void foo_end(struct foo *foo)
{
	foo_unbind(foo);
	foo_put(foo);
}

static void provider_circle_of_two(struct kunit *test)
{
	struct resmgr_holder holder;
	struct foo *a, *b;
	bool got;

	need_debug(test);
	a = foo_named(test, "anna");
	b = foo_named(test, "bert");
	KUNIT_ASSERT_EQ(test, resmgr_provider_hold(&a->provider.object.mgr, &b->provider), 0);
	EXPECT_LINE(test, "provider bert takes a reference on provider anna, which holds it",
		    got = resmgr_provider_get(&a->provider, &holder,
					      &b->provider.object.mgr));
	KUNIT_ASSERT_TRUE(test, got);
	foo_end(a);
	foo_end(b);
	/* Both are still there, as was said. */
	EXPECT_JOINED(test, "", "");
	resmgr_provider_put(&a->provider, &holder);
	EXPECT_JOINED(test, "", "FF");
}

static void provider_circle_of_three(struct kunit *test)
{
	struct foo *a, *b, *c;
	void *group;
	int ret;

	need_debug(test);
	a = foo_named(test, "anna");
	b = foo_named(test, "bert");
	c = foo_named(test, "carl");
	KUNIT_ASSERT_EQ(test, resmgr_provider_hold(&a->provider.object.mgr, &b->provider), 0);
	KUNIT_ASSERT_EQ(test, resmgr_provider_hold(&b->provider.object.mgr, &c->provider), 0);
	group = resmgr_open_group(&c->provider.object.mgr, NULL, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, group);
	EXPECT_LINE(test, "provider carl takes a reference on provider anna, which holds it",
		    ret = resmgr_provider_hold(&c->provider.object.mgr, &a->provider));
	KUNIT_ASSERT_EQ(test, ret, 0);
	/* The search has left nothing behind that hides the circle from the next one. */
	resmgr_release_group(&c->provider.object.mgr, group);
	group = resmgr_open_group(&c->provider.object.mgr, NULL, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, group);
	EXPECT_LINE(test, "provider carl takes a reference on provider anna, which holds it",
		    ret = resmgr_provider_hold(&c->provider.object.mgr, &a->provider));
	KUNIT_ASSERT_EQ(test, ret, 0);
	foo_end(b);
	foo_end(a);
	foo_unbind(c);
	/* The manager has to exist until that returns. */
	EXPECT_JOINED(test, "", "");
	resmgr_release_group(&c->provider.object.mgr, group);
	EXPECT_JOINED(test, "", "FF");
	foo_put(c);
	EXPECT_JOINED(test, "", "F");
}

static void provider_circle_of_one(struct kunit *test)
{
	struct resmgr_holder holder;
	struct foo *a;
	bool got;

	need_debug(test);
	a = foo_named(test, "anna");
	EXPECT_LINE(test, "provider anna takes a reference on provider anna, which holds it",
		    got = resmgr_provider_get(&a->provider, &holder,
					      &a->provider.object.mgr));
	KUNIT_ASSERT_TRUE(test, got);
	foo_end(a);
	EXPECT_JOINED(test, "", "");
	resmgr_provider_put(&a->provider, &holder);
	EXPECT_JOINED(test, "", "F");
}

/* Two paths to the same object are no circle, nor is one that was dropped. */
static void provider_no_circle(struct kunit *test)
{
	struct wanted wanted = {
		.probe	= { .name = "console", .fn = wanted_probe },
		.text	= "takes a reference",
	};
	struct foo *a, *b, *c, *d;
	bool watched;
	void *group;

	need_debug(test);
	a = foo_named(test, "anna");
	b = foo_named(test, "bert");
	c = foo_named(test, "carl");
	d = foo_named(test, "dora");
	/* Nothing is wanted, so it is not announced. */
	watched = probe_register(&wanted.probe, &wanted);
	KUNIT_EXPECT_EQ(test, resmgr_provider_hold(&a->provider.object.mgr, &b->provider), 0);
	KUNIT_EXPECT_EQ(test, resmgr_provider_hold(&a->provider.object.mgr, &c->provider), 0);
	KUNIT_EXPECT_EQ(test, resmgr_provider_hold(&b->provider.object.mgr, &d->provider), 0);
	KUNIT_EXPECT_EQ(test, resmgr_provider_hold(&c->provider.object.mgr, &d->provider), 0);
	group = resmgr_open_group(&c->provider.object.mgr, NULL, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, group);
	KUNIT_EXPECT_EQ(test, resmgr_provider_hold(&c->provider.object.mgr, &b->provider), 0);
	resmgr_release_group(&c->provider.object.mgr, group);
	KUNIT_EXPECT_EQ(test, resmgr_provider_hold(&b->provider.object.mgr, &c->provider), 0);
	probe_unregister(&wanted.probe);
	if (watched)
		KUNIT_EXPECT_EQ(test, atomic_read(&wanted.matches), 0);
	foo_end(d);
	foo_end(c);
	foo_end(b);
	foo_end(a);
	EXPECT_JOINED(test, "", "FFFF");
}

/* --- everything at once */

#define USERS	3
#define ROUNDS	60

/**
 * struct race - users of a provider that comes and goes
 * @lock: protects @foo, as the lock of a core protects its list
 * @foo: the provider that there is now
 * @done: number of users that have come to their end
 * @stop: come to an end
 * @calls: that were let in
 * @refused: that were not
 * @freed: providers that were freed
 */
struct race {
	spinlock_t		lock;		/* protects foo */
	struct foo		*foo;
	struct completion	done;
	bool			stop;
	atomic_t		calls;
	atomic_t		refused;
	atomic_t		freed;
};

static struct race *race;

static void race_free(struct resmgr_provider *provider)
{
	atomic_inc(&race->freed);
	resmgr_provider_destroy(provider);
	kfree(container_of(provider, struct foo, provider));
}

static const struct resmgr_provider_ops race_ops = {
	.free	= race_free,
};

static bool race_get(struct foo **foo, struct resmgr_holder *holder)
{
	guard(spinlock)(&race->lock);
	*foo = race->foo;
	return *foo && resmgr_provider_get(&(*foo)->provider, holder, NULL);
}

static int race_user(void *unused)
{
	struct resmgr_holder holder;
	struct foo *foo;
	struct chip *chip;
	unsigned int i;

	while (!READ_ONCE(race->stop)) {
		if (!race_get(&foo, &holder)) {
			schedule_timeout_uninterruptible(1);
			continue;
		}
		for (i = 0;; i++) {
			chip = resmgr_provider_enter(&foo->provider);
			if (!chip)
				break;
			if (READ_ONCE(chip->magic) != MAGIC)
				atomic_inc(&bench.bad);
			/* Be preempted inside, and come out on another CPU. */
			if (i % 64 == 0)
				cond_resched();
			if (i % 1024 == 0)
				schedule_timeout_uninterruptible(1);
			if (READ_ONCE(chip->magic) != MAGIC)
				atomic_inc(&bench.bad);
			resmgr_provider_exit(&foo->provider);
			atomic_inc(&race->calls);
		}
		atomic_inc(&race->refused);
		resmgr_provider_put(&foo->provider, &holder);
	}
	complete(&race->done);
	return 0;
}

/*
 * Wait until somebody has been inside. A busy host lets all timers of a while
 * expire at once, and whoever sleeps for a tick could always come too late.
 */
static void race_wait_for_call(struct kunit *test, int calls)
{
	unsigned long end = jiffies + PATIENCE;

	while (atomic_read(&race->calls) == calls && time_before(jiffies, end))
		schedule_timeout_uninterruptible(1);
	KUNIT_EXPECT_NE(test, atomic_read(&race->calls), calls);
}

static void provider_race(struct kunit *test)
{
	unsigned int users, round, made = 0;
	int calls;
	struct task_struct *task;
	struct foo *foo;

	race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, race);
	spin_lock_init(&race->lock);
	init_completion(&race->done);
	for (users = 0; users < USERS; users++) {
		task = kthread_run(race_user, NULL, NAME "/%u", users);
		if (IS_ERR(task))
			break;
	}
	KUNIT_EXPECT_EQ(test, users, USERS);
	for (round = 0; round < ROUNDS; round++) {
		foo = foo_make("foo", &race_ops);
		if (IS_ERR(foo)) {
			KUNIT_FAIL(test, "no memory");
			break;
		}
		made++;
		calls = atomic_read(&race->calls);
		spin_lock(&race->lock);
		race->foo = foo;
		spin_unlock(&race->lock);
		msleep(round % 8);
		if (round % 8 == 7)
			race_wait_for_call(test, calls);
		/* Some find it while it goes. */
		if (round % 2) {
			spin_lock(&race->lock);
			race->foo = NULL;
			spin_unlock(&race->lock);
		}
		foo_unbind(foo);
		spin_lock(&race->lock);
		race->foo = NULL;
		spin_unlock(&race->lock);
		foo_put(foo);
	}
	WRITE_ONCE(race->stop, true);
	while (users--)
		KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&race->done, PATIENCE), 0UL);
	KUNIT_EXPECT_EQ(test, atomic_read(&race->freed), made);
	KUNIT_EXPECT_GT(test, atomic_read(&race->calls), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&race->refused), 0);
	kunit_info(test, "%d calls, refused %d times, %u providers\n",
		   atomic_read(&race->calls), atomic_read(&race->refused), made);
}

static int provider_test_init(struct kunit *test)
{
	memset(&bench, 0, sizeof(bench));
	notes_clear();
	init_completion(&bench.inside);
	init_completion(&bench.leave);
	init_completion(&bench.left);
	init_completion(&bench.withdrawn);
	return 0;
}

static void provider_test_exit(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, atomic_read(&bench.bad), 0);
}

static struct kunit_case provider_cases[] = {
	KUNIT_CASE(provider_get_put),
	KUNIT_CASE(provider_never_withdrawn),
	KUNIT_CASE(provider_enter),
	KUNIT_CASE(provider_scoped_leave),
	KUNIT_CASE(provider_get_refused),
	KUNIT_CASE(provider_withdraw_twice),
	KUNIT_CASE(provider_without_gone),
	KUNIT_CASE(provider_without_data),
	KUNIT_CASE(provider_failed_allocation),
	KUNIT_CASE(provider_gone_wakes),
	KUNIT_CASE(provider_refuses_to_the_end),
	KUNIT_CASE(provider_drain_waits),
	KUNIT_CASE_SLOW(provider_drain_reports),
	KUNIT_CASE(provider_withdraw_both_wait),
	KUNIT_CASE(provider_nested),
	KUNIT_CASE(provider_atomic),
	KUNIT_CASE(provider_drain_waits_for_atomic),
	KUNIT_CASE(provider_from_interrupts),
	KUNIT_CASE(provider_devm),
	KUNIT_CASE(provider_rebind),
	KUNIT_CASE(provider_failed_probe),
	KUNIT_CASE(provider_failed_register),
	KUNIT_CASE(provider_device_link),
	KUNIT_CASE(provider_held_by_object),
	KUNIT_CASE(provider_circle_of_one),
	KUNIT_CASE(provider_circle_of_two),
	KUNIT_CASE(provider_circle_of_three),
	KUNIT_CASE(provider_no_circle),
	KUNIT_CASE_SLOW(provider_race),
	{}
};

static struct kunit_suite provider_suite = {
	.name		= "resmgr-provider",
	.init		= provider_test_init,
	.exit		= provider_test_exit,
	.test_cases	= provider_cases,
};

kunit_test_suite(provider_suite);

MODULE_DESCRIPTION("KUnit tests of providers");
MODULE_LICENSE("GPL");
