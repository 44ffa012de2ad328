// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites for managed resources of DRM devices, and for unplugging these
 *
 * They only use public functions, so they test any implementation. An action
 * writes the number of its token to a log; a case checks the whole log.
 *
 * drmm-latent tests what drm_managed.c and drm_dev_unplug() got wrong before
 * they used the resource manager. There all of its cases fail, without harm: a
 * case ends early before it could do more than write a wrong log.
 */
#include <drm/drm_bridge.h>
#include <drm/drm_device.h>
#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>
#include <kunit/test.h>

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#include "resmgr_kunit.h"

#define TOKENS		8

/* Timeouts for things that have to happen, and for things that must not. */
#define LONG		(20 * HZ)
#define SHORT		(HZ / 4)

struct fixture;

struct token {
	struct fixture	*f;
	int		id;
	/* What the action does after it has written @id to the log. */
	void		(*then)(struct fixture *f, struct drm_device *drm);
};

struct fixture {
	struct kunit		*test;
	struct device		*parent;
	struct drm_device	*drm;
	/* It is, and has not been unplugged. */
	bool			registered;
	struct workqueue_struct	*wq;
	struct token		tokens[TOKENS];
};

static const struct drm_driver drmm_driver = {
	.name = "drmm-kunit",
};

#define EXPECT_LOG(f, want) \
	KUNIT_EXPECT_STREQ((f)->test, notes_joined(" "), want)

static void log_action(struct drm_device *drm, void *data)
{
	struct token *token = data;

	if (!token) {
		note("0");
		return;
	}
	note("%d", token->id);
	if (token->then)
		token->then(token->f, drm);
}

/* Another function, with the same effect. */
static void other_action(struct drm_device *drm, void *data)
{
	log_action(drm, data);
}

static void add(struct fixture *f, int id)
{
	KUNIT_ASSERT_EQ(f->test, drmm_add_action(f->drm, log_action,
						 &f->tokens[id]), 0);
}

static struct drm_device *new_drm(struct fixture *f)
{
	struct drm_device *drm = drm_dev_alloc(&drmm_driver, f->parent);

	KUNIT_ASSERT_FALSE(f->test, IS_ERR(drm));
	return drm;
}

/* The final release. */
static void put(struct fixture *f)
{
	struct drm_device *drm = f->drm;

	if (f->registered)
		drm_dev_unregister(drm);
	f->registered = false;
	f->drm = NULL;
	drm_dev_put(drm);
}

static int drmm_init(struct kunit *test)
{
	static atomic_t last = ATOMIC_INIT(0);
	struct fixture *f;
	char name[32];
	int i;

	f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	f->test = test;
	test->priv = f;
	notes_clear();
	for (i = 0; i < TOKENS; i++)
		f->tokens[i] = (struct token){ .f = f, .id = i };

	/* No name is used twice: that of a deleted device may be in use for a while. */
	snprintf(name, sizeof(name), "drmm-kunit-%lu-%d", jiffies,
		 atomic_inc_return(&last));
	f->parent = root_device_register(name);
	if (IS_ERR(f->parent))
		return PTR_ERR(f->parent);
	f->wq = alloc_workqueue("drmm-kunit", WQ_UNBOUND, 0);
	if (!f->wq)
		return -ENOMEM;
	f->drm = drm_dev_alloc(&drmm_driver, f->parent);
	return PTR_ERR_OR_ZERO(f->drm);
}

static void drmm_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (!f || IS_ERR_OR_NULL(f->parent))
		return;
	if (!IS_ERR_OR_NULL(f->drm))
		put(f);
	if (f->wq)
		destroy_workqueue(f->wq);
	root_device_unregister(f->parent);
}

/* The lines of the console that are of interest. */
struct console {
	struct probe	probe;
	const char	*what;
	atomic_t	count;
	/* Of a debug line of a managed resource: all but the address. */
	char		lines[12][48];
};

static void console_probe(void *data, const char *text, size_t len)
{
	struct console *console = data;
	const char *op, *name;
	int n;

	if (!strnstr(text, console->what, len))
		return;
	n = atomic_inc_return(&console->count) - 1;
	op = strnstr(text, "ADD ", len) ?: strnstr(text, "DEL ", len) ?:
	     strnstr(text, "REL ", len);
	if (!op || n >= ARRAY_SIZE(console->lines))
		return;
	name = strnchr(op + 4, text + len - op - 4, ' ');
	if (name)
		scnprintf(console->lines[n], sizeof(console->lines[n]), "%.3s%.*s",
			  op, (int)(text + len - name), name);
	strim(console->lines[n]);
}

static void console_stop(void *data)
{
	struct console *console = data;

	probe_unregister(&console->probe);
}

static struct console *console_watch(struct fixture *f, const char *what)
{
	struct console *console;

	check_trace_callback_type_console(console_probe);

	console = kunit_kzalloc(f->test, sizeof(*console), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(f->test, console);
	console->what = what;
	console->probe.name = "console";
	console->probe.fn = console_probe;
	if (!probe_register(&console->probe, console))
		kunit_skip(f->test, "needs the trace event of the console");
	KUNIT_ASSERT_EQ(f->test, kunit_add_action_or_reset(f->test, console_stop,
							   console), 0);
	return console;
}

/* Suite drmm: what has always been so. */

static void order(struct kunit *test)
{
	struct fixture *f = test->priv;

	add(f, 1);
	KUNIT_EXPECT_NOT_NULL(test, drmm_kmalloc(f->drm, 16, GFP_KERNEL));
	add(f, 2);
	KUNIT_EXPECT_NOT_NULL(test, drmm_kstrdup(f->drm, "three", GFP_KERNEL));
	add(f, 3);
	KUNIT_EXPECT_EQ(test, drmm_add_action(f->drm, log_action, NULL), 0);
	EXPECT_LOG(f, "");
	put(f);
	EXPECT_LOG(f, "0 3 2 1");
}

static void release_takes_the_oldest(struct kunit *test)
{
	struct fixture *f = test->priv;

	add(f, 1);
	add(f, 2);
	add(f, 1);
	drmm_release_action(f->drm, log_action, &f->tokens[1]);
	EXPECT_LOG(f, "1");
	/* The newest one would leave 2 1. */
	put(f);
	EXPECT_LOG(f, "1 1 2");
}

static void release_by_function(struct kunit *test)
{
	struct fixture *f = test->priv;

	add(f, 1);
	KUNIT_ASSERT_EQ(test, drmm_add_action(f->drm, other_action,
					      &f->tokens[1]), 0);
	add(f, 2);
	drmm_release_action(f->drm, other_action, &f->tokens[1]);
	EXPECT_LOG(f, "1");
	put(f);
	EXPECT_LOG(f, "1 2 1");
}

/* NULL matches any data. The function is called with NULL, not with the data. */
static void release_of_any(struct kunit *test)
{
	struct fixture *f = test->priv;

	add(f, 1);
	add(f, 2);
	drmm_release_action(f->drm, log_action, NULL);
	EXPECT_LOG(f, "0");
	put(f);
	EXPECT_LOG(f, "0 2");
}

static void release_of_none(struct kunit *test)
{
	struct fixture *f = test->priv;

	add(f, 1);
	EXPECT_WARNING(test, "WARNING: ",
		       drmm_release_action(f->drm, log_action, &f->tokens[2]));
	EXPECT_WARNING(test, "WARNING: ",
		       drmm_release_action(f->drm, other_action, &f->tokens[1]));
	EXPECT_LOG(f, "");
	put(f);
	EXPECT_LOG(f, "1");
}

static void memory(struct kunit *test)
{
	struct fixture *f = test->priv;
	char *zeroed, *text;
	void *none, *mem;

	zeroed = drmm_kzalloc(f->drm, 100, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, zeroed);
	KUNIT_EXPECT_NULL(test, memchr_inv(zeroed, 0, 100));
	zeroed = drmm_kcalloc(f->drm, 10, 10, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, zeroed);
	KUNIT_EXPECT_NULL(test, memchr_inv(zeroed, 0, 100));

	text = drmm_kstrdup(f->drm, "text", GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, text);
	KUNIT_EXPECT_STREQ(test, text, "text");
	KUNIT_EXPECT_NULL(test, drmm_kstrdup(f->drm, NULL, GFP_KERNEL));

	KUNIT_EXPECT_NULL(test, drmm_kmalloc_array(f->drm, SIZE_MAX, 2, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, drmm_kcalloc(f->drm, 2, SIZE_MAX, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, drmm_kmalloc(f->drm, SIZE_MAX, GFP_KERNEL));

	/* No bytes are not a failure. */
	none = drmm_kmalloc(f->drm, 0, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, none);
	drmm_kfree(f->drm, none);

	drmm_kfree(f->drm, text);
	drmm_kfree(f->drm, NULL);
	mem = kunit_kmalloc(test, 8, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	EXPECT_WARNING(test, "WARNING: ", drmm_kfree(f->drm, mem));
	/* Inside of memory that is managed, and twice. */
	EXPECT_WARNING(test, "WARNING: ", drmm_kfree(f->drm, zeroed + 8));
	drmm_kfree(f->drm, zeroed);
	EXPECT_WARNING(test, "WARNING: ", drmm_kfree(f->drm, zeroed));
}

static void memory_of_another(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct drm_device *other = new_drm(f);
	void *mem = drmm_kzalloc(other, 8, GFP_KERNEL);

	KUNIT_EXPECT_NOT_NULL(test, mem);
	if (mem)
		EXPECT_WARNING(test, "WARNING: ", drmm_kfree(f->drm, mem));
	drm_dev_put(other);
}

static void mutex_is_usable(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct mutex *lock = drmm_kzalloc(f->drm, sizeof(*lock), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, lock);
	KUNIT_ASSERT_EQ(test, drmm_mutex_init(f->drm, lock), 0);
	mutex_lock(lock);
	mutex_unlock(lock);
	put(f);
}

static void reset_when_there_is_no_memory(struct kunit *test)
{
	struct fixture *f = test->priv;
	int ret;

	faults_need(test);
	faults_arm(1);
	ret = drmm_add_action_or_reset(f->drm, log_action, &f->tokens[1]);
	KUNIT_EXPECT_TRUE(test, faults_disarm());
	KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
	EXPECT_LOG(f, "1");

	faults_arm(1);
	ret = drmm_add_action(f->drm, log_action, &f->tokens[2]);
	KUNIT_EXPECT_TRUE(test, faults_disarm());
	KUNIT_EXPECT_EQ(test, ret, -ENOMEM);

	faults_arm(1);
	KUNIT_EXPECT_NULL(test, drmm_kzalloc(f->drm, 8, GFP_KERNEL));
	KUNIT_EXPECT_TRUE(test, faults_disarm());
	put(f);
	EXPECT_LOG(f, "1");
}

#ifdef CONFIG_64BIT
#define POINTER	"(8 bytes)"
#else
#define POINTER	"(4 bytes)"
#endif

/* The debug lines: op, name and size, in order. */
static void debug_lines(struct kunit *test)
{
	static const char * const want[] = {
		"ADD log_action " POINTER,
		"ADD kmalloc (5 bytes)",
		"ADD log_action (0 bytes)",
		"ADD made_up " POINTER,
		"ADD kmalloc (32 bytes)",
		"DEL kmalloc (5 bytes)",
		"DEL log_action " POINTER,
		"REL kmalloc (32 bytes)",
		"REL made_up " POINTER,
		"REL log_action (0 bytes)",
	};
	struct fixture *f = test->priv;
	struct console *console = console_watch(f, " bytes)");
	unsigned long debug = __drm_debug;
	char name[] = "made_up";
	int i, ret[2];
	char *text;

	if (IS_ENABLED(CONFIG_DRM_USE_DYNAMIC_DEBUG))
		kunit_skip(test, "the lines are switched one by one");

	__drm_debug |= BIT(DRM_UT_DRMRES);
	add(f, 1);
	text = drmm_kstrdup(f->drm, "text", GFP_KERNEL);
	ret[0] = drmm_add_action(f->drm, log_action, NULL);
	/* The name is copied. */
	ret[1] = __drmm_add_action(f->drm, other_action, &f->tokens[2], name);
	memset(name, '!', strlen(name));
	KUNIT_EXPECT_NOT_NULL(test, drmm_kmalloc(f->drm, 32, GFP_KERNEL));
	drmm_kfree(f->drm, text);
	drmm_release_action(f->drm, log_action, &f->tokens[1]);
	put(f);
	__drm_debug = debug;

	KUNIT_EXPECT_EQ(test, ret[0], 0);
	KUNIT_EXPECT_EQ(test, ret[1], 0);
	/* Behind these come those of the device itself. */
	KUNIT_EXPECT_GE(test, atomic_read(&console->count), ARRAY_SIZE(want));
	for (i = 0; i < ARRAY_SIZE(want); i++)
		KUNIT_EXPECT_STREQ(test, console->lines[i], want[i]);
	EXPECT_LOG(f, "1 2 0");
}

/* Whichever allocation fails, there is either no device or a complete one. */
static void device_without_memory(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct drm_device *drm;
	unsigned int nth;
	bool fired;

	if (!IS_ENABLED(CONFIG_RESMGR_GATE))
		kunit_skip(test, "drm_minor_alloc() puts an error pointer here: an oops");
	faults_need(test);
	for (nth = 1, fired = true; fired && nth < 200; nth++) {
		faults_arm(nth);
		drm = drm_dev_alloc(&drmm_driver, f->parent);
		fired = faults_disarm();
		if (IS_ERR(drm))
			continue;
		KUNIT_EXPECT_FALSE(test, drm_dev_is_unplugged(drm));
		drm_dev_put(drm);
	}
	KUNIT_EXPECT_FALSE(test, fired);
	KUNIT_EXPECT_GT(test, nth, 4);
}

static struct kunit_case drmm_cases[] = {
	KUNIT_CASE(order),
	KUNIT_CASE(release_takes_the_oldest),
	KUNIT_CASE(release_by_function),
	KUNIT_CASE(release_of_any),
	KUNIT_CASE(release_of_none),
	KUNIT_CASE(memory),
	KUNIT_CASE(memory_of_another),
	KUNIT_CASE(mutex_is_usable),
	KUNIT_CASE(reset_when_there_is_no_memory),
	KUNIT_CASE(debug_lines),
	KUNIT_CASE(device_without_memory),
	{}
};

/* Suite drmm-unplug: critical sections, as they have always been. */

static void plug(struct fixture *f)
{
	KUNIT_ASSERT_EQ(f->test, drm_dev_register(f->drm, 0), 0);
	f->registered = true;
}

static void unplug(struct fixture *f)
{
	f->registered = false;
	drm_dev_unplug(f->drm);
}

/* drm_dev_unplug() has drm_dev_unregister() in it. */
static void need_to_unregister_freely(struct kunit *test)
{
	if (IS_ENABLED(CONFIG_MAGIC_SYSRQ))
		kunit_skip(test, "DRM's sysrq key wants each device unregistered once");
}

static bool can_enter(struct drm_device *drm)
{
	int idx;

	if (!drm_dev_enter(drm, &idx))
		return false;
	drm_dev_exit(idx);
	return true;
}

/* A task that is inside until it is let go, or that unplugs. */
struct visit {
	struct work_struct	work;
	struct drm_device	*drm;
	struct drm_bridge	*bridge;
	struct completion	inside, leave, done;
	bool			entered, nested;
};

static void visit_inside(struct work_struct *work)
{
	struct visit *visit = container_of(work, struct visit, work);
	int idx;

	visit->entered = drm_dev_enter(visit->drm, &idx);
	complete(&visit->inside);
	if (visit->entered) {
		wait_for_completion(&visit->leave);
		visit->nested = can_enter(visit->drm);
		drm_dev_exit(idx);
	}
	complete(&visit->done);
}

static void visit_unplug(struct work_struct *work)
{
	struct visit *visit = container_of(work, struct visit, work);

	complete(&visit->inside);
	drm_dev_unplug(visit->drm);
	complete(&visit->done);
}

static struct visit *__visit_start(struct fixture *f, struct drm_device *drm,
				   struct drm_bridge *bridge, work_func_t fn)
{
	struct visit *visit = kunit_kzalloc(f->test, sizeof(*visit), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(f->test, visit);
	INIT_WORK(&visit->work, fn);
	visit->drm = drm;
	visit->bridge = bridge;
	init_completion(&visit->inside);
	init_completion(&visit->leave);
	init_completion(&visit->done);
	queue_work(f->wq, &visit->work);
	wait_for_completion(&visit->inside);
	return visit;
}

static struct visit *visit_start(struct fixture *f, struct drm_device *drm,
				 work_func_t fn)
{
	return __visit_start(f, drm, NULL, fn);
}

static bool is_done(struct visit *visit, unsigned long timeout)
{
	return wait_for_completion_timeout(&visit->done, timeout);
}

static void wait_for_revoke(struct drm_device *drm)
{
	unsigned long end = jiffies + LONG;

	while (!drm_dev_is_unplugged(drm) && time_before(jiffies, end))
		schedule_timeout_uninterruptible(1);
}

static void sections_nest(struct kunit *test)
{
	struct fixture *f = test->priv;
	int idx[3];

	KUNIT_EXPECT_FALSE(test, drm_dev_is_unplugged(f->drm));
	KUNIT_ASSERT_TRUE(test, drm_dev_enter(f->drm, &idx[0]));
	KUNIT_EXPECT_TRUE(test, drm_dev_enter(f->drm, &idx[1]));
	KUNIT_EXPECT_TRUE(test, drm_dev_enter(f->drm, &idx[2]));
	/* In any order. */
	drm_dev_exit(idx[1]);
	drm_dev_exit(idx[2]);
	KUNIT_EXPECT_FALSE(test, drm_dev_is_unplugged(f->drm));
	drm_dev_exit(idx[0]);

	plug(f);
	KUNIT_EXPECT_TRUE(test, can_enter(f->drm));
	unplug(f);
	KUNIT_EXPECT_TRUE(test, drm_dev_is_unplugged(f->drm));
	KUNIT_EXPECT_FALSE(test, can_enter(f->drm));
}

static void never_registered(struct kunit *test)
{
	struct fixture *f = test->priv;

	need_to_unregister_freely(test);
	unplug(f);
	KUNIT_EXPECT_TRUE(test, drm_dev_is_unplugged(f->drm));
	/* And twice. */
	unplug(f);
	KUNIT_EXPECT_FALSE(test, can_enter(f->drm));
}

/* Unregistering does not unplug. */
static void unregistered(struct kunit *test)
{
	struct fixture *f = test->priv;

	need_to_unregister_freely(test);
	plug(f);
	drm_dev_unregister(f->drm);
	KUNIT_EXPECT_TRUE(test, can_enter(f->drm));
	unplug(f);
	KUNIT_EXPECT_FALSE(test, can_enter(f->drm));
}

/* Its gate does not open again. */
static void unplugged_for_good(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (!IS_ENABLED(CONFIG_RESMGR_GATE))
		kunit_skip(test, "this kernel has another answer");
	plug(f);
	unplug(f);
	KUNIT_EXPECT_EQ(test, drm_dev_register(f->drm, 0), -ENODEV);
	KUNIT_EXPECT_FALSE(test, can_enter(f->drm));
}

static void unplug_waits(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct visit *inside, *unplug;

	plug(f);
	inside = visit_start(f, f->drm, visit_inside);
	KUNIT_EXPECT_TRUE(test, inside->entered);
	f->registered = false;
	unplug = visit_start(f, f->drm, visit_unplug);
	wait_for_revoke(f->drm);
	KUNIT_EXPECT_TRUE(test, drm_dev_is_unplugged(f->drm));
	KUNIT_EXPECT_FALSE(test, can_enter(f->drm));
	KUNIT_EXPECT_FALSE(test, is_done(unplug, SHORT));

	complete(&inside->leave);
	KUNIT_EXPECT_TRUE(test, is_done(inside, LONG));
	KUNIT_EXPECT_TRUE(test, is_done(unplug, LONG));
	/* It was inside, and could not enter again. */
	KUNIT_EXPECT_FALSE(test, inside->nested);
	flush_workqueue(f->wq);
}

static void unplug_twice_at_once(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct visit *inside, *unplug[2];

	need_to_unregister_freely(test);
	inside = visit_start(f, f->drm, visit_inside);
	unplug[0] = visit_start(f, f->drm, visit_unplug);
	wait_for_revoke(f->drm);
	unplug[1] = visit_start(f, f->drm, visit_unplug);
	KUNIT_EXPECT_FALSE(test, is_done(unplug[1], SHORT));
	KUNIT_EXPECT_FALSE(test, is_done(unplug[0], 1));

	complete(&inside->leave);
	KUNIT_EXPECT_TRUE(test, is_done(unplug[0], LONG));
	KUNIT_EXPECT_TRUE(test, is_done(unplug[1], LONG));
	flush_workqueue(f->wq);
}

struct contexts {
	struct drm_device	*drm;
	struct irq_work		irq_work;
	struct timer_list	timer;
	bool			irq, in_irq, softirq, in_softirq;
};

static void enter_in_irq(struct irq_work *work)
{
	struct contexts *c = container_of(work, struct contexts, irq_work);

	c->in_irq = in_hardirq();
	c->irq = can_enter(c->drm);
}

static void enter_in_softirq(struct timer_list *timer)
{
	struct contexts *c = container_of(timer, struct contexts, timer);

	c->in_softirq = in_serving_softirq();
	c->softirq = can_enter(c->drm);
}

static void contexts_try(struct contexts *c)
{
	irq_work_queue(&c->irq_work);
	while (irq_work_is_busy(&c->irq_work))
		schedule_timeout_uninterruptible(1);
	mod_timer(&c->timer, jiffies);
	while (timer_pending(&c->timer))
		schedule_timeout_uninterruptible(1);
	schedule_timeout_uninterruptible(1);
}

/* Also while the task that is interrupted is inside. */
static void any_context(struct kunit *test)
{
	struct fixture *f = test->priv;
	static DEFINE_SPINLOCK(lock);
	struct contexts *c;
	unsigned long flags;
	bool atomic;
	int idx;

	c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, c);
	c->drm = f->drm;
	/* In a hard interrupt on PREEMPT_RT, too. */
	c->irq_work = IRQ_WORK_INIT_HARD(enter_in_irq);
	timer_setup(&c->timer, enter_in_softirq, 0);

	KUNIT_ASSERT_TRUE(test, drm_dev_enter(f->drm, &idx));
	contexts_try(c);
	spin_lock_irqsave(&lock, flags);
	atomic = can_enter(f->drm);
	spin_unlock_irqrestore(&lock, flags);
	drm_dev_exit(idx);
	KUNIT_EXPECT_TRUE(test, c->in_irq);
	KUNIT_EXPECT_TRUE(test, c->irq);
	KUNIT_EXPECT_TRUE(test, c->in_softirq);
	KUNIT_EXPECT_TRUE(test, c->softirq);
	KUNIT_EXPECT_TRUE(test, atomic);

	plug(f);
	unplug(f);
	contexts_try(c);
	KUNIT_EXPECT_FALSE(test, c->irq);
	KUNIT_EXPECT_FALSE(test, c->softirq);
}

/* More devices than there is room for at first, while sections are inside. */
static void many_devices(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct drm_device *many[150];
	int i, first, later = -1;

	KUNIT_ASSERT_TRUE(test, drm_dev_enter(f->drm, &first));
	for (i = 0; i < ARRAY_SIZE(many); i++) {
		many[i] = drm_dev_alloc(&drmm_driver, f->parent);
		if (IS_ERR(many[i]))
			break;
		if (i == 10)
			KUNIT_EXPECT_TRUE(test, drm_dev_enter(many[i], &later));
		KUNIT_EXPECT_TRUE(test, can_enter(many[i]));
	}
	KUNIT_EXPECT_EQ(test, i, ARRAY_SIZE(many));
	drm_dev_exit(first);
	if (later >= 0)
		drm_dev_exit(later);

	/*
	 * Numbers are used again, and an unplug waits for sections of its own
	 * device only.
	 */
	while (i--) {
		if (i % 3 == 0) {
			KUNIT_EXPECT_EQ(test, drm_dev_register(many[i], 0), 0);
			drm_dev_unplug(many[i]);
		}
		KUNIT_EXPECT_EQ(test, can_enter(many[i]), i % 3 != 0);
		drm_dev_put(many[i]);
		if (i % 2 == 0) {
			many[i] = new_drm(f);
			KUNIT_EXPECT_TRUE(test, can_enter(many[i]));
			drm_dev_put(many[i]);
		}
	}
	KUNIT_EXPECT_TRUE(test, can_enter(f->drm));
}

/* Otherwise the table of gates would grow with each hotplug. */
static void numbers_are_used_again(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct drm_device *drm;
	const int many = 300;
	int i, idx = 0;

	for (i = 0; i < many; i++) {
		drm = new_drm(f);
		KUNIT_ASSERT_TRUE(test, drm_dev_enter(drm, &idx));
		drm_dev_exit(idx);
		drm_dev_put(drm);
	}
	KUNIT_EXPECT_LT(test, idx, many);
}

static void release_may_enter(struct fixture *f, struct drm_device *drm)
{
	note(can_enter(drm) ? "11" : "10");
}

/* The gate is there as long as the resources, whether the device was unplugged or not. */
static void sections_in_release(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->tokens[1].then = release_may_enter;
	add(f, 1);
	put(f);
	EXPECT_LOG(f, "1 11");

	f->drm = new_drm(f);
	add(f, 1);
	plug(f);
	unplug(f);
	put(f);
	EXPECT_LOG(f, "1 11 1 10");
}

/* It had to be there until after drm_dev_exit(). */
static void exit_of_no_device(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct drm_device *drm = new_drm(f);
	int idx;

	if (!IS_ENABLED(CONFIG_RESMGR_GATE))
		kunit_skip(test, "this kernel does not know");
	KUNIT_ASSERT_TRUE(test, drm_dev_enter(drm, &idx));
	drm_dev_exit(idx);
	drm_dev_put(drm);
	EXPECT_WARNING(test, "of no device", drm_dev_exit(idx));
}

#ifdef DEVICE_ATTR_RO_NAMED	/* 7.3, where bridges can be unplugged */

static const struct drm_bridge_funcs bridge_funcs = {
};

struct a_bridge {
	struct drm_bridge bridge;
};

static struct drm_bridge *new_bridge(struct fixture *f)
{
	struct a_bridge *a = devm_drm_bridge_alloc(f->parent, struct a_bridge, bridge,
						   &bridge_funcs);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(f->test, a);
	drm_bridge_add(&a->bridge);
	return &a->bridge;
}

static void visit_unplug_bridge(struct work_struct *work)
{
	struct visit *visit = container_of(work, struct visit, work);

	complete(&visit->inside);
	drm_bridge_unplug(visit->bridge);
	complete(&visit->done);
}

static void unplug_of_a_bridge(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct drm_bridge *bridge = new_bridge(f), *other = new_bridge(f);
	struct visit *unplug;
	unsigned long end = jiffies + LONG;
	int idx, again;

	if (!IS_ENABLED(CONFIG_RESMGR_GATE))
		kunit_skip(test, "an unplug waits for the sections of all bridges there");
	KUNIT_ASSERT_TRUE(test, drm_bridge_enter(bridge, &idx));
	unplug = __visit_start(f, NULL, other, visit_unplug_bridge);
	/* For its own sections and no others. */
	KUNIT_EXPECT_TRUE(test, is_done(unplug, LONG));
	KUNIT_EXPECT_FALSE(test, drm_bridge_enter(other, &again));

	unplug = __visit_start(f, NULL, bridge, visit_unplug_bridge);
	while (drm_bridge_enter(bridge, &again) && time_before(jiffies, end)) {
		drm_bridge_exit(again);
		schedule_timeout_uninterruptible(1);
	}
	KUNIT_EXPECT_FALSE(test, is_done(unplug, SHORT));
	drm_bridge_exit(idx);
	KUNIT_EXPECT_TRUE(test, is_done(unplug, LONG));
	flush_workqueue(f->wq);
}

#else

static void unplug_of_a_bridge(struct kunit *test)
{
	kunit_skip(test, "bridges cannot be unplugged");
}

#endif

static struct kunit_case drmm_unplug_cases[] = {
	KUNIT_CASE(sections_nest),
	KUNIT_CASE(never_registered),
	KUNIT_CASE(unregistered),
	KUNIT_CASE(unplugged_for_good),
	KUNIT_CASE(unplug_waits),
	KUNIT_CASE(unplug_twice_at_once),
	KUNIT_CASE(any_context),
	KUNIT_CASE(many_devices),
	KUNIT_CASE(numbers_are_used_again),
	KUNIT_CASE(sections_in_release),
	KUNIT_CASE(exit_of_no_device),
	KUNIT_CASE(unplug_of_a_bridge),
	{}
};

/* Suite drmm-latent: what was wrong. */

static void release_first(struct fixture *f, struct drm_device *drm)
{
	drmm_release_action(drm, log_action, &f->tokens[1]);
}

/*
 * An action whose node was freed, and which is called again. Nothing good can
 * come after it: the walk goes on from freed memory.
 */
static void only_once(struct fixture *f, struct drm_device *drm)
{
	unsigned int i, calls = 0;

	for (i = 0; i < notes.count; i++)
		calls += !strcmp(note_text(i), "1");
	if (calls > 1)
		KUNIT_FAIL_AND_ABORT(f->test, "released twice");
}

static void release_of_the_next(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->tokens[1].then = only_once;
	f->tokens[2].then = release_first;
	add(f, 1);
	add(f, 2);
	put(f);
	EXPECT_LOG(f, "2 1");
}

static void add_third(struct fixture *f, struct drm_device *drm)
{
	KUNIT_EXPECT_EQ(f->test, drmm_add_action(drm, log_action,
						 &f->tokens[3]), 0);
}

static void add_in_release(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->tokens[2].then = add_third;
	add(f, 1);
	add(f, 2);
	put(f);
	EXPECT_LOG(f, "2 3 1");
}

/* There is no data behind the node of an action that has none. */
static void release_beside_one_without_data(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct console *console;

	if (!IS_ENABLED(CONFIG_KASAN))
		kunit_skip(test, "needs KASAN");
	console = console_watch(f, "BUG: KASAN");
	KUNIT_ASSERT_EQ(test, drmm_add_action(f->drm, log_action, NULL), 0);
	add(f, 1);
	drmm_release_action(f->drm, log_action, &f->tokens[1]);
	KUNIT_EXPECT_EQ(test, atomic_read(&console->count), 0);
	put(f);
	EXPECT_LOG(f, "1 0");
}

static void unplug_of_another(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct drm_device *other = new_drm(f);
	struct visit *inside, *unplug;

	KUNIT_ASSERT_EQ(test, drm_dev_register(other, 0), 0);
	inside = visit_start(f, f->drm, visit_inside);
	unplug = visit_start(f, other, visit_unplug);
	/* For its own sections and no others. */
	KUNIT_EXPECT_TRUE(test, is_done(unplug, 2 * HZ));
	complete(&inside->leave);
	flush_workqueue(f->wq);
	KUNIT_EXPECT_TRUE(test, inside->nested);
	drm_dev_put(other);
}

static struct kunit_case drmm_latent_cases[] = {
	KUNIT_CASE(release_of_the_next),
	KUNIT_CASE(add_in_release),
	KUNIT_CASE(release_beside_one_without_data),
	KUNIT_CASE(unplug_of_another),
	{}
};

#define DRMM_SUITE(ident, title)			\
static struct kunit_suite ident##_suite = {		\
	.name = title,					\
	.init = drmm_init,				\
	.exit = drmm_exit,				\
	.test_cases = ident##_cases,			\
}

DRMM_SUITE(drmm, "drmm");
DRMM_SUITE(drmm_unplug, "drmm-unplug");
DRMM_SUITE(drmm_latent, "drmm-latent");

kunit_test_suites(&drmm_suite, &drmm_unplug_suite, &drmm_latent_suite);

MODULE_DESCRIPTION("KUnit suites for managed resources of DRM devices");
MODULE_LICENSE("GPL");
