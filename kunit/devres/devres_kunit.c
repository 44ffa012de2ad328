// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suites for managed device resources, devres
 *
 * They only use the public functions and their effects, so they test any
 * implementation. Every resource has a number, and its release writes that
 * number to a log. A suite checks the whole log: order, and that each number is
 * there exactly once.
 *
 * devres-reentrancy tests release functions that use the device being torn
 * down. An implementation that sets the victims aside first fails all of its
 * cases, without harm; one that takes the newest entry, runs it unlocked and
 * looks again passes.
 */
#include <kunit/device.h>
#include <kunit/resource.h>
#include <kunit/test.h>

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/platform_device.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "groups.h"

/*
 * This suite is for kernels without the resource manager, too, and so for old ones.
 * DEVICE_ATTR_RO_NAMED() tells them from those that have given up
 * devm_free_percpu(), no longer declare devres_for_each_res() to all, and have
 * nodes that can be embedded, with functions that are not exported to modules.
 */
#ifdef DEVICE_ATTR_RO_NAMED
void devres_for_each_res(struct device *dev, dr_release_t release,
			 dr_match_t match, void *match_data,
			 void (*fn)(struct device *dev, void *res, void *data),
			 void *data);
/* For calls that are never made. */
void devm_free_percpu(struct device *dev, void __percpu *pdata);
#define DEVRES_HAS_FREE_PERCPU	false
#else
#define DEVRES_HAS_FREE_PERCPU	true
#endif

#if defined(DEVICE_ATTR_RO_NAMED) && !defined(MODULE)
#define DEVRES_HAS_NODES	1
#include "../../../../drivers/base/base.h"
#else
#define DEVRES_HAS_NODES	0
#endif

#define DK_MAX		1024
#define DK_GROUPS	32
#define DK_NAME		48

struct dk_ctx;

/**
 * struct dk_call - an action that does something with the device
 * @ctx: the context of the case
 * @id: written to the log before; @id + 1 is written after
 * @fn: what to do
 * @ptr: for @fn
 * @times: for @fn
 * @ret: what came out of it
 */
struct dk_call {
	struct dk_ctx *ctx;
	int id;
	void (*fn)(struct dk_call *call, struct device *dev);
	void *ptr;
	int times;
	long ret;
};

/* The data of an action: the action writes @id to the log. */
struct dk_token {
	struct dk_ctx *ctx;
	int id;
};

/* A resource: the release writes @id to the log. */
struct dk_res {
	struct dk_ctx *ctx;
	int id;
};

/**
 * struct dk_ctx - what a case works with
 * @dev: the device, %NULL when it is gone
 * @foreign: releases that were told of a device other than @dev
 * @nr: length of @log
 * @log: numbers in the order of release
 * @nr_want: length of @want
 * @want: for cases that work out what they expect
 * @token: data for actions, by number
 * @call: actions that do something; here, as the device may outlive a case
 * @text: the log, written out
 */
struct dk_ctx {
	struct device *dev;
	unsigned int foreign;
	unsigned int nr;
	int log[DK_MAX];
	unsigned int nr_want;
	int want[DK_MAX];
	struct dk_token token[DK_MAX];
	struct dk_call call[4];
	char text[512];
};

/*
 * What is done with a device that has no driver, and what RESMGR_DEBUG warns of,
 * once for each place that does it.
 */
#define DK_WITHOUT_DRIVER(...)						\
	do {								\
		pr_info("kunit: allow no driver (is|was) bound\n");	\
		__VA_ARGS__;						\
		pr_info("kunit: allow-end\n");				\
	} while (0)

#define DK_EXPECT_LOG(test, want)					\
	do {								\
		struct kunit *__test = (test);				\
									\
		KUNIT_EXPECT_STREQ(__test, dk_text(__test), want);	\
	} while (0)

static void dk_log(struct dk_ctx *ctx, int id)
{
	if (ctx->nr < DK_MAX)
		ctx->log[ctx->nr] = id;
	ctx->nr++;
}

/* "3 2 1" */
static const char *dk_text(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	unsigned int i, len = 0;

	ctx->text[0] = '\0';
	for (i = 0; i < min_t(unsigned int, ctx->nr, DK_MAX); i++)
		len += scnprintf(ctx->text + len, sizeof(ctx->text) - len,
				 i ? " %d" : "%d", ctx->log[i]);
	return ctx->text;
}

/* Forget what was logged so far. */
static void dk_clear(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	ctx->nr = 0;
}

static void dk_release(struct device *dev, void *res)
{
	struct dk_res *r = res;

	if (dev != r->ctx->dev)
		r->ctx->foreign++;
	dk_log(r->ctx, r->id);
}

/* Another kind of resource. Logs the number negated, to tell them apart. */
static void dk_release_other(struct device *dev, void *res)
{
	struct dk_res *r = res;

	dk_log(r->ctx, -r->id);
}

static int dk_match_id(struct device *dev, void *res, void *data)
{
	return ((struct dk_res *)res)->id == *(int *)data;
}

static int dk_match_none(struct device *dev, void *res, void *data)
{
	return 0;
}

static void dk_action(void *data)
{
	struct dk_token *token = data;

	dk_log(token->ctx, token->id);
}

/* Another action with the same kind of data. */
static void dk_action_other(void *data)
{
	struct dk_token *token = data;

	dk_log(token->ctx, -token->id);
}

static struct dk_res *dk_alloc(struct kunit *test, dr_release_t release, int id)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_res *r;

	r = devres_alloc(release, sizeof(*r), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, r);
	r->ctx = ctx;
	r->id = id;
	return r;
}

static struct dk_res *dk_add(struct kunit *test, int id)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_res *r = dk_alloc(test, dk_release, id);

	devres_add(ctx->dev, r);
	return r;
}

static struct dk_res *dk_add_other(struct kunit *test, int id)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_res *r = dk_alloc(test, dk_release_other, id);

	devres_add(ctx->dev, r);
	return r;
}

/* Add resources @from, @from + 1, ... @to. */
static void dk_add_range(struct kunit *test, int from, int to)
{
	for (; from <= to; from++)
		dk_add(test, from);
}

static void dk_add_action(struct kunit *test, int id)
{
	struct dk_ctx *ctx = test->priv;

	KUNIT_ASSERT_EQ(test, 0, devm_add_action(ctx->dev, dk_action,
						 &ctx->token[id]));
}

static void *dk_open(struct kunit *test, void *id)
{
	struct dk_ctx *ctx = test->priv;
	void *group = devres_open_group(ctx->dev, id, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, group);
	return group;
}

static struct dk_res *dk_find(struct dk_ctx *ctx, int id)
{
	return devres_find(ctx->dev, dk_release, dk_match_id, &id);
}

/* Take the device away, which releases all that it has. */
static void dk_finish(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	kunit_device_unregister(test, ctx->dev);
	ctx->dev = NULL;
}

/* A macro, so that a failure has the line of the case. */
#define DK_FINISH_LOG(test, want)		\
	do {					\
		struct kunit *_test = (test);	\
						\
		dk_finish(_test);		\
		DK_EXPECT_LOG(_test, want);	\
	} while (0)

/*
 * No name is used twice, also when the module is loaded again: a driver that is
 * gone keeps its name for a while with DEBUG_KOBJECT_RELEASE.
 */
static void dk_name(char *name, size_t size)
{
	static atomic_t last = ATOMIC_INIT(0);

	snprintf(name, size, "devres-kunit-%lu-%d", jiffies,
		 atomic_inc_return(&last));
}

static struct device *dk_register_device(struct kunit *test)
{
	char name[DK_NAME];

	dk_name(name, sizeof(name));
	return kunit_device_register(test, name);
}

static struct device *dk_second_device(struct kunit *test)
{
	struct device *dev = dk_register_device(test);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	return dev;
}

static int dk_init_ctx(struct kunit *test)
{
	struct dk_ctx *ctx;
	int i;

	ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);
	if (!ctx)
		return -ENOMEM;
	for (i = 0; i < DK_MAX; i++)
		ctx->token[i] = (struct dk_token){ ctx, i };
	test->priv = ctx;
	return 0;
}

/* The log is allocated first, so that it is there until the device is gone. */
static int dk_init(struct kunit *test)
{
	struct dk_ctx *ctx;
	int ret = dk_init_ctx(test);

	if (ret)
		return ret;
	ctx = test->priv;
	ctx->dev = dk_register_device(test);
	return PTR_ERR_OR_ZERO(ctx->dev);
}

static void dk_group_add(struct kunit *test, void *text)
{
	struct dk_ctx *ctx = test->priv;

	KUNIT_ASSERT_EQ(test, devm_add_action(ctx->dev, note_action, text), 0);
}

static void dk_group_close(struct kunit *test, void *id)
{
	struct dk_ctx *ctx = test->priv;

	devres_close_group(ctx->dev, id);
}

static void dk_group_remove(struct kunit *test, void *id)
{
	struct dk_ctx *ctx = test->priv;

	devres_remove_group(ctx->dev, id);
}

static int dk_group_release(struct kunit *test, void *id)
{
	struct dk_ctx *ctx = test->priv;

	return devres_release_group(ctx->dev, id);
}

#define MEM_TYPE		struct device
#define MEM_OWNER(test)		(((struct dk_ctx *)(test)->priv)->dev)
#define MEM(name)		devm_##name
#define MEM_OPEN		dk_open
#define MEM_RELEASE		dk_group_release
#define MEM_END			dk_finish
#define MEM_HAS_FREE_PERCPU	DEVRES_HAS_FREE_PERCPU
#include "memory.h"

/* devres-order */

struct dk_count {
	const char *desc;
	unsigned int count;
};

static const struct dk_count dk_counts[] = {
	{ "0", 0 }, { "1", 1 }, { "2", 2 }, { "3", 3 }, { "17", 17 },
	{ "1000", 1000 },
};

KUNIT_ARRAY_PARAM_DESC(dk_count, dk_counts, desc);

static void dk_expect_descending(struct kunit *test, unsigned int count)
{
	struct dk_ctx *ctx = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, ctx->nr, count);
	for (i = 0; i < count; i++)
		KUNIT_ASSERT_EQ(test, ctx->log[i], count - i);
	KUNIT_EXPECT_EQ(test, ctx->foreign, 0);
}

static void order_reverse_resources(struct kunit *test)
{
	const struct dk_count *param = test->param_value;
	struct dk_ctx *ctx = test->priv;

	dk_add_range(test, 1, param->count);
	KUNIT_EXPECT_EQ(test, ctx->nr, 0);
	dk_finish(test);
	dk_expect_descending(test, param->count);
}

static void order_reverse_actions(struct kunit *test)
{
	const struct dk_count *param = test->param_value;
	unsigned int i;

	for (i = 1; i <= param->count; i++)
		dk_add_action(test, i);
	dk_finish(test);
	dk_expect_descending(test, param->count);
}

/* All kinds are on one list. */
static void order_mixed_kinds(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	dk_add(test, 1);
	KUNIT_ASSERT_NOT_NULL(test, devm_kzalloc(ctx->dev, 8, GFP_KERNEL));
	dk_add_action(test, 2);
	dk_open(test, NULL);
	dk_add_other(test, 3);
	KUNIT_ASSERT_NE(test, 0, devm_get_free_pages(ctx->dev, GFP_KERNEL, 0));
	dk_add(test, 4);
	devres_close_group(ctx->dev, NULL);
	dk_add_action(test, 5);
	DK_FINISH_LOG(test, "5 4 -3 2 1");
}

/* Remove the oldest entry, one in the middle and the newest. */
static void order_gaps(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	int i;

	dk_add_range(test, 1, 6);
	for (i = 1; i <= 6; i++)
		if (i == 1 || i == 3 || i == 6)
			KUNIT_EXPECT_EQ(test, 0,
					devres_destroy(ctx->dev, dk_release,
						       dk_match_id, &i));
	DK_FINISH_LOG(test, "5 4 2");
}

/* A resource that is removed and added again is the newest. */
static void order_added_again(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_res *r;
	int id = 1;

	dk_add_range(test, 1, 3);
	r = devres_remove(ctx->dev, dk_release, dk_match_id, &id);
	KUNIT_ASSERT_NOT_NULL(test, r);
	devres_add(ctx->dev, r);
	DK_FINISH_LOG(test, "1 3 2");
}

static void order_after_emptied(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	dk_add(test, 1);
	KUNIT_EXPECT_EQ(test, 0,
			devres_release(ctx->dev, dk_release, NULL, NULL));
	dk_add_range(test, 2, 3);
	DK_FINISH_LOG(test, "1 3 2");
}

static void order_devices_are_separate(struct kunit *test)
{
	struct device *second = dk_second_device(test);
	struct dk_res *r;
	int id;

	for (id = 1; id <= 3; id++) {
		dk_add(test, id);
		r = dk_alloc(test, dk_release_other, id);
		devres_add(second, r);
	}
	kunit_device_unregister(test, second);
	DK_EXPECT_LOG(test, "-3 -2 -1");
	DK_FINISH_LOG(test, "-3 -2 -1 3 2 1");
}

static void dk_release_nothing(struct device *dev, void *res)
{
}

/* Interrupts may be off where resources are added, looked up and freed. */
static void order_with_interrupts_off(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct device *dev = ctx->dev;
	int one = 1, group = 0, count;
	unsigned long flags;
	struct dk_res *r;
	bool found;
	void *p;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		kunit_skip(test, "memory cannot be had there");

	r = dk_alloc(test, dk_release, 1);
	local_irq_save(flags);
	devres_add(dev, r);
	if (devres_open_group(dev, &group, GFP_ATOMIC))
		group = 1;
	p = devm_kmalloc(dev, 100, GFP_ATOMIC);
	found = devres_find(dev, dk_release, dk_match_id, &one) == r;
	devm_kfree(dev, p);
	p = devm_kmalloc(dev, 100, GFP_ATOMIC);
	devres_close_group(dev, &group);
	count = devres_release_group(dev, &group);
	found = found && irqs_disabled();
	local_irq_restore(flags);

	KUNIT_EXPECT_EQ(test, 1, group);
	KUNIT_EXPECT_NOT_NULL(test, p);
	KUNIT_EXPECT_TRUE(test, found);
	KUNIT_EXPECT_EQ(test, 1, count);
	DK_FINISH_LOG(test, "1");
}

static void dk_sleep(struct dk_ctx *ctx, int id)
{
	if (irqs_disabled())
		ctx->foreign++;
	usleep_range(10, 20);
	dk_log(ctx, id);
}

static void dk_release_sleeping(struct device *dev, void *res)
{
	struct dk_res *r = res;

	dk_sleep(r->ctx, r->id);
}

static void dk_action_sleeping(void *data)
{
	struct dk_token *token = data;

	dk_sleep(token->ctx, token->id);
}

/* A release may sleep, in whatever way it comes about. */
static void order_release_may_sleep(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	int id, group;

	dk_open(test, &group);
	for (id = 1; id <= 3; id++) {
		devres_add(ctx->dev, dk_alloc(test, dk_release_sleeping, id));
		KUNIT_ASSERT_EQ(test, 0, devm_add_action(ctx->dev,
							 dk_action_sleeping,
							 &ctx->token[10 + id]));
		if (id == 1)
			devres_close_group(ctx->dev, &group);
	}
	KUNIT_EXPECT_EQ(test, 0, devres_release(ctx->dev, dk_release_sleeping,
						NULL, NULL));
	devm_release_action(ctx->dev, dk_action_sleeping, &ctx->token[12]);
	KUNIT_EXPECT_EQ(test, 2, devres_release_group(ctx->dev, &group));
	DK_FINISH_LOG(test, "3 12 11 1 13 2");
	KUNIT_EXPECT_EQ(test, ctx->foreign, 0);
}

/**
 * struct dk_worker - one of several threads that use a device at once
 * @task: the thread
 * @ctx: the context of the case
 * @failed: what went wrong
 */
struct dk_worker {
	struct task_struct *task;
	struct dk_ctx *ctx;
	int failed;
};

static int dk_match_pointer(struct device *dev, void *res, void *data)
{
	return *(void **)res == data;
}

static void dk_worker_round(struct dk_worker *w)
{
	struct device *dev = w->ctx->dev;
	void **res;
	void *p;

	p = devm_kmalloc(dev, 50, GFP_KERNEL);
	res = devres_alloc(dk_release_nothing, sizeof(*res), GFP_KERNEL);
	if (!p || !res || devm_add_action(dev, dk_action, w)) {
		devres_free(res);
		w->failed++;
		return;
	}
	*res = w;
	devres_add(dev, res);
	cond_resched();
	if (devres_find(dev, dk_release_nothing, dk_match_pointer, w) != res)
		w->failed++;
	p = devm_krealloc(dev, p, 500, GFP_KERNEL);
	if (!p)
		w->failed++;
	devm_remove_action(dev, dk_action, w);
	cond_resched();
	if (devres_destroy(dev, dk_release_nothing, dk_match_pointer, w))
		w->failed++;
	devm_kfree(dev, p);
}

static int dk_worker_thread(void *data)
{
	int i;

	for (i = 0; i < 300; i++)
		dk_worker_round(data);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/* Several threads add and remove. Resources that they do not touch stay in order. */
static void order_several_threads(struct kunit *test)
{
	enum { THREADS = 4 };
	struct dk_ctx *ctx = test->priv;
	struct dk_worker *w;
	int i;

	w = kunit_kcalloc(test, THREADS, sizeof(*w), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w);
	dk_add_range(test, 1, 2);
	for (i = 0; i < THREADS; i++) {
		w[i].ctx = ctx;
		w[i].task = kthread_run(dk_worker_thread, &w[i], "devres/%d", i);
	}
	dk_add_range(test, 3, 4);
	for (i = 0; i < THREADS; i++) {
		KUNIT_EXPECT_FALSE(test, IS_ERR(w[i].task));
		if (!IS_ERR(w[i].task))
			kthread_stop(w[i].task);
		KUNIT_EXPECT_EQ(test, 0, w[i].failed);
	}
	DK_FINISH_LOG(test, "4 3 2 1");
}

/* Several rounds, so that memory that was used before comes back. */
static void alloc_zeroed_and_aligned(struct kunit *test)
{
	size_t size = *(const size_t *)test->param_value;
	struct dk_ctx *ctx = test->priv;
	void *res;
	int i;

	for (i = 0; i < 4; i++) {
		res = devres_alloc(dk_release_nothing, size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, res);
		KUNIT_EXPECT_TRUE(test, mem_is_aligned(res, size));
		KUNIT_EXPECT_NULL(test, memchr_inv(res, 0, size));
		memset(res, 0x5a, size);
		devres_free(res);
	}

	res = devres_alloc_node(dk_release_nothing, size, GFP_KERNEL,
				numa_mem_id());
	KUNIT_ASSERT_NOT_NULL(test, res);
	KUNIT_EXPECT_TRUE(test, mem_is_aligned(res, size));
	KUNIT_EXPECT_NULL(test, memchr_inv(res, 0, size));
	memset(res, 0x5a, size);
	devres_add(ctx->dev, res);
	KUNIT_EXPECT_PTR_EQ(test, res, devres_find(ctx->dev, dk_release_nothing,
						   NULL, NULL));
	KUNIT_EXPECT_NULL(test, memchr_inv(res, 0x5a, size));
}

static void alloc_free_does_not_release(struct kunit *test)
{
	devres_free(dk_alloc(test, dk_release, 1));
	devres_free(NULL);
	DK_FINISH_LOG(test, "");
}

static void alloc_huge_fails(struct kunit *test)
{
	size_t size = *(const size_t *)test->param_value;

	KUNIT_EXPECT_NULL(test, devres_alloc(dk_release_nothing, size,
					     GFP_KERNEL | __GFP_NOWARN));
}

static struct kunit_case devres_order_cases[] = {
	KUNIT_CASE_PARAM(order_reverse_resources, dk_count_gen_params),
	KUNIT_CASE_PARAM(order_reverse_actions, dk_count_gen_params),
	KUNIT_CASE(order_mixed_kinds),
	KUNIT_CASE(order_gaps),
	KUNIT_CASE(order_added_again),
	KUNIT_CASE(order_after_emptied),
	KUNIT_CASE(order_devices_are_separate),
	KUNIT_CASE(order_with_interrupts_off),
	KUNIT_CASE(order_release_may_sleep),
	KUNIT_CASE(order_several_threads),
	KUNIT_CASE_PARAM(alloc_zeroed_and_aligned, mem_size_gen_params),
	KUNIT_CASE(alloc_free_does_not_release),
	KUNIT_CASE_PARAM(alloc_huge_fails, mem_huge_gen_params),
	{}
};

/* devres-find */

static void find_newest(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_res *r;

	dk_add_range(test, 1, 2);
	r = dk_add(test, 3);
	dk_add_other(test, 4);
	KUNIT_EXPECT_PTR_EQ(test, (void *)r,
			    devres_find(ctx->dev, dk_release, NULL, NULL));
	DK_FINISH_LOG(test, "-4 3 2 1");
}

static void find_match(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_res *r[4];
	int id;

	for (id = 1; id <= 3; id++)
		r[id] = dk_add(test, id);
	for (id = 1; id <= 3; id++)
		KUNIT_EXPECT_PTR_EQ(test, r[id], dk_find(ctx, id));
}

static void find_newest_of_equals(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_res *newest;

	dk_add(test, 7);
	newest = dk_add(test, 7);
	dk_add(test, 8);
	KUNIT_EXPECT_PTR_EQ(test, newest, dk_find(ctx, 7));
}

static void find_nothing(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct device *second = dk_second_device(test);

	KUNIT_EXPECT_NULL(test, devres_find(ctx->dev, dk_release, NULL, NULL));
	dk_add_other(test, 1);
	dk_add_action(test, 2);
	dk_open(test, NULL);
	KUNIT_EXPECT_NULL(test, devres_find(ctx->dev, dk_release, NULL, NULL));
	dk_add(test, 3);
	KUNIT_EXPECT_NULL(test, dk_find(ctx, 4));
	KUNIT_EXPECT_NULL(test, devres_find(ctx->dev, dk_release,
					    dk_match_none, NULL));
	KUNIT_EXPECT_NULL(test, devres_find(second, dk_release, NULL, NULL));
}

static int dk_match_and_log(struct device *dev, void *res, void *data)
{
	struct dk_res *r = res;

	if (dev != r->ctx->dev)
		r->ctx->foreign++;
	dk_log(r->ctx, r->id);
	return r->id == *(int *)data;
}

/* The match function sees one kind, newest first, up to the match. */
static void find_asks_newest_first(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	int id = 3;

	dk_add_range(test, 1, 4);
	dk_add_other(test, 9);
	dk_add(test, 5);
	KUNIT_EXPECT_NOT_NULL(test, devres_find(ctx->dev, dk_release,
						dk_match_and_log, &id));
	DK_EXPECT_LOG(test, "5 4 3");
	KUNIT_EXPECT_EQ(test, ctx->foreign, 0);
}

static void get_adds(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_res *r;
	int id = 2;

	dk_add(test, 1);
	r = dk_alloc(test, dk_release, 2);
	KUNIT_EXPECT_PTR_EQ(test, (void *)r,
			    devres_get(ctx->dev, r, dk_match_id, &id));
	KUNIT_EXPECT_PTR_EQ(test, r, dk_find(ctx, 2));
	DK_FINISH_LOG(test, "2 1");
}

static void get_adds_first(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_res *r;

	dk_add_other(test, 1);
	r = dk_alloc(test, dk_release, 2);
	KUNIT_EXPECT_PTR_EQ(test, (void *)r,
			    devres_get(ctx->dev, r, NULL, NULL));
	DK_FINISH_LOG(test, "2 -1");
}

/* The resource that was offered is freed, and not released. */
static void get_finds(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_res *r[3];
	int id;

	r[1] = dk_add(test, 1);
	r[2] = dk_add(test, 2);
	for (id = 1; id <= 2; id++)
		KUNIT_EXPECT_PTR_EQ(test, (void *)r[id],
				    devres_get(ctx->dev,
					       dk_alloc(test, dk_release, 9),
					       dk_match_id, &id));
	KUNIT_EXPECT_PTR_EQ(test, (void *)r[2],
			    devres_get(ctx->dev, dk_alloc(test, dk_release, 9),
				       NULL, NULL));
	DK_FINISH_LOG(test, "2 1");
}

static void remove_hands_back(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_res *r[4];
	int id;

	for (id = 1; id <= 3; id++)
		r[id] = dk_add(test, id);
	id = 2;
	KUNIT_EXPECT_PTR_EQ(test, (void *)r[2],
			    devres_remove(ctx->dev, dk_release, dk_match_id, &id));
	KUNIT_EXPECT_EQ(test, r[2]->id, 2);
	KUNIT_EXPECT_NULL(test, dk_find(ctx, 2));
	KUNIT_EXPECT_PTR_EQ(test, (void *)r[3],
			    devres_remove(ctx->dev, dk_release, NULL, NULL));
	devres_free(r[2]);
	devres_free(r[3]);
	DK_FINISH_LOG(test, "1");
}

static void destroy_does_not_release(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	int id = 1;

	dk_add_range(test, 1, 3);
	KUNIT_EXPECT_EQ(test, 0, devres_destroy(ctx->dev, dk_release,
						dk_match_id, &id));
	KUNIT_EXPECT_EQ(test, 0, devres_destroy(ctx->dev, dk_release,
						NULL, NULL));
	DK_FINISH_LOG(test, "2");
}

static void release_calls_once(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	int id = 2;

	dk_add_range(test, 1, 4);
	KUNIT_EXPECT_EQ(test, 0, devres_release(ctx->dev, dk_release,
						dk_match_id, &id));
	DK_EXPECT_LOG(test, "2");
	KUNIT_EXPECT_EQ(test, 0, devres_release(ctx->dev, dk_release,
						NULL, NULL));
	DK_EXPECT_LOG(test, "2 4");
	KUNIT_EXPECT_EQ(test, ctx->foreign, 0);
	DK_FINISH_LOG(test, "2 4 3 1");
}

static void missing_is_enoent(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	int id = 7;

	KUNIT_EXPECT_NULL(test, devres_remove(ctx->dev, dk_release, NULL, NULL));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			devres_destroy(ctx->dev, dk_release, NULL, NULL));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			devres_release(ctx->dev, dk_release, NULL, NULL));
	dk_add_range(test, 1, 2);
	dk_add_other(test, 7);
	KUNIT_EXPECT_NULL(test, devres_remove(ctx->dev, dk_release,
					      dk_match_id, &id));
	KUNIT_EXPECT_EQ(test, -ENOENT, devres_destroy(ctx->dev, dk_release,
						      dk_match_id, &id));
	KUNIT_EXPECT_EQ(test, -ENOENT, devres_release(ctx->dev, dk_release,
						      dk_match_id, &id));
	DK_FINISH_LOG(test, "-7 2 1");
}

static void dk_visit(struct device *dev, void *res, void *data)
{
	struct dk_res *r = res;

	if (dev != r->ctx->dev || data != r->ctx)
		r->ctx->foreign++;
	dk_log(r->ctx, r->id);
}

static int dk_match_odd(struct device *dev, void *res, void *data)
{
	return ((struct dk_res *)res)->id & 1;
}

static void visit_newest_first(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	devres_for_each_res(ctx->dev, dk_release, NULL, NULL, dk_visit, ctx);
	DK_EXPECT_LOG(test, "");
	dk_add_range(test, 1, 3);
	dk_add_other(test, 9);
	dk_open(test, NULL);
	dk_add_action(test, 10);
	dk_add_range(test, 4, 5);
	devres_for_each_res(ctx->dev, dk_release, NULL, NULL, dk_visit, ctx);
	DK_EXPECT_LOG(test, "5 4 3 2 1");
	dk_clear(test);
	devres_for_each_res(ctx->dev, dk_release, dk_match_odd, NULL, dk_visit,
			    ctx);
	DK_EXPECT_LOG(test, "5 3 1");
	dk_clear(test);
	devres_for_each_res(ctx->dev, dk_release, dk_match_none, NULL, dk_visit,
			    ctx);
	DK_EXPECT_LOG(test, "");
	KUNIT_EXPECT_EQ(test, ctx->foreign, 0);
	DK_FINISH_LOG(test, "5 4 10 -9 3 2 1");
}

static void visit_without_function(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	int id = 1;

	dk_add_range(test, 1, 2);
	devres_for_each_res(ctx->dev, dk_release, NULL, NULL, NULL, NULL);
	devres_for_each_res(ctx->dev, dk_release, dk_match_and_log, &id, NULL,
			    NULL);
	DK_FINISH_LOG(test, "2 1");
}

static void dk_release_and_release_next(struct device *dev, void *res)
{
	struct dk_res *r = res;

	dk_log(r->ctx, r->id);
	if (r->id > 1)
		devres_release(dev, dk_release_and_release_next, NULL, NULL);
	dk_log(r->ctx, -r->id);
}

/* While the device lives, a release may release another one. */
static void release_within_release(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	int id;

	for (id = 1; id <= 3; id++)
		devres_add(ctx->dev,
			   dk_alloc(test, dk_release_and_release_next, id));
	KUNIT_EXPECT_EQ(test, 0, devres_release(ctx->dev,
						dk_release_and_release_next,
						NULL, NULL));
	DK_FINISH_LOG(test, "3 2 1 -1 -2 -3");
}

static struct kunit_case devres_find_cases[] = {
	KUNIT_CASE(find_newest),
	KUNIT_CASE(find_match),
	KUNIT_CASE(find_newest_of_equals),
	KUNIT_CASE(find_nothing),
	KUNIT_CASE(find_asks_newest_first),
	KUNIT_CASE(get_adds),
	KUNIT_CASE(get_adds_first),
	KUNIT_CASE(get_finds),
	KUNIT_CASE(remove_hands_back),
	KUNIT_CASE(destroy_does_not_release),
	KUNIT_CASE(release_calls_once),
	KUNIT_CASE(missing_is_enoent),
	KUNIT_CASE(visit_newest_first),
	KUNIT_CASE(visit_without_function),
	KUNIT_CASE(release_within_release),
	{}
};

/* devres-groups */

static void group_script(struct kunit *test)
{
	static const struct group_front front = {
		.add		= dk_group_add,
		.open		= dk_open,
		.close		= dk_group_close,
		.remove		= dk_group_remove,
		.release	= dk_group_release,
		.end		= dk_finish,
	};

	group_run(test, &front);
}

static void group_count(struct kunit *test)
{
	const struct dk_count *param = test->param_value;
	struct dk_ctx *ctx = test->priv;
	int id, inner;

	dk_open(test, &id);
	dk_open(test, &inner);
	devres_close_group(ctx->dev, &inner);
	dk_add_range(test, 1, param->count);
	KUNIT_EXPECT_EQ(test, param->count, devres_release_group(ctx->dev, &id));
	dk_expect_descending(test, param->count);
}

static void group_counts_all_kinds(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	dk_open(test, NULL);
	dk_add(test, 1);
	dk_add_action(test, 2);
	KUNIT_ASSERT_NOT_NULL(test, devm_kmalloc(ctx->dev, 8, GFP_KERNEL));
	KUNIT_ASSERT_NE(test, 0, devm_get_free_pages(ctx->dev, GFP_KERNEL, 1));
	KUNIT_ASSERT_TRUE(test, devm_alloc_percpu(ctx->dev, int));
	dk_add_other(test, 3);
	KUNIT_EXPECT_EQ(test, 6, devres_release_group(ctx->dev, NULL));
	DK_EXPECT_LOG(test, "-3 2 1");
}

static void group_members_taken_out(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_res *r;
	int id, one = 1;

	dk_open(test, &id);
	dk_add_range(test, 1, 3);
	r = devres_remove(ctx->dev, dk_release, dk_match_id, &one);
	devres_close_group(ctx->dev, &id);
	KUNIT_ASSERT_NOT_NULL(test, r);
	devres_add(ctx->dev, r);
	KUNIT_EXPECT_EQ(test, 2, devres_release_group(ctx->dev, &id));
	DK_FINISH_LOG(test, "3 2 1");
}

/* A device that has nothing at all is taken to be going away. */
static void group_unknown_on_empty_device(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	int id;

	KUNIT_EXPECT_EQ(test, 0, devres_release_group(ctx->dev, &id));
	KUNIT_EXPECT_EQ(test, 0, devres_release_group(ctx->dev, NULL));
}

static void group_unknown(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	int known, unknown, ret;

	dk_add(test, 1);
	dk_open(test, &known);
	dk_add(test, 2);
	devres_close_group(ctx->dev, &known);

	EXPECT_A_WARNING(test, devres_close_group(ctx->dev, &unknown));
	EXPECT_A_WARNING(test, devres_close_group(ctx->dev, NULL));
	EXPECT_A_WARNING(test, devres_remove_group(ctx->dev, &unknown));
	EXPECT_A_WARNING(test, devres_remove_group(ctx->dev, NULL));
	EXPECT_A_WARNING(test, ret = devres_release_group(ctx->dev, &unknown));
	KUNIT_EXPECT_EQ(test, 0, ret);
	EXPECT_A_WARNING(test, ret = devres_release_group(ctx->dev, NULL));
	KUNIT_EXPECT_EQ(test, 0, ret);
	DK_EXPECT_LOG(test, "");
	KUNIT_EXPECT_EQ(test, 1, devres_release_group(ctx->dev, &known));
	DK_FINISH_LOG(test, "2 1");
}

static void dk_action_add(void *data)
{
	struct dk_token *token = data;
	struct dk_ctx *ctx = token->ctx;

	dk_log(ctx, token->id);
	devm_add_action(ctx->dev, dk_action, &ctx->token[token->id + 1]);
}

/* A resource that a release function adds is not in a closed group. */
static void group_closed_added_meanwhile(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	int id;

	dk_open(test, &id);
	dk_add_range(test, 1, 2);
	KUNIT_ASSERT_EQ(test, 0, devm_add_action(ctx->dev, dk_action_add,
						 &ctx->token[10]));
	devres_close_group(ctx->dev, &id);
	KUNIT_EXPECT_EQ(test, 3, devres_release_group(ctx->dev, &id));
	DK_EXPECT_LOG(test, "10 2 1");
	DK_FINISH_LOG(test, "10 2 1 11");
}

static const u32 dk_seeds[] = { 1, 2, 3, 20240612 };

static void dk_seed_desc(const u32 *seed, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "seed %u", *seed);
}

KUNIT_ARRAY_PARAM(dk_seed, dk_seeds, dk_seed_desc);

static u32 dk_random(struct rnd_state *rnd, u32 below)
{
	return prandom_u32_state(rnd) % below;
}

/*
 * Groups against a model: a plain array, oldest first. A random walk adds,
 * opens, closes, removes and releases; the model says what is released.
 */
struct dk_model_entry {
	enum { DK_ENTRY_RES, DK_ENTRY_OPEN, DK_ENTRY_CLOSE } kind;
	int id;
};

struct dk_model {
	struct rnd_state rnd;
	int nr;
	struct dk_model_entry entry[DK_MAX];
	enum { DK_GROUP_NONE, DK_GROUP_OPEN, DK_GROUP_CLOSED } group[DK_GROUPS];
};

static void dk_model_push(struct dk_model *m, int kind, int id)
{
	m->entry[m->nr].kind = kind;
	m->entry[m->nr].id = id;
	m->nr++;
}

static int dk_model_find(struct dk_model *m, int kind, int id)
{
	int i;

	for (i = m->nr - 1; i >= 0; i--)
		if (m->entry[i].kind == kind && m->entry[i].id == id)
			break;
	return i;
}

static void dk_model_drop(struct dk_model *m, int at)
{
	if (at < 0)
		return;
	m->nr--;
	memmove(&m->entry[at], &m->entry[at + 1],
		(m->nr - at) * sizeof(m->entry[0]));
}

static void dk_model_forget_group(struct dk_model *m, int id)
{
	dk_model_drop(m, dk_model_find(m, DK_ENTRY_CLOSE, id));
	dk_model_drop(m, dk_model_find(m, DK_ENTRY_OPEN, id));
	m->group[id] = DK_GROUP_NONE;
}

static int dk_model_release(struct dk_model *m, struct dk_ctx *ctx, int id)
{
	int from = dk_model_find(m, DK_ENTRY_OPEN, id);
	int to = dk_model_find(m, DK_ENTRY_CLOSE, id);
	bool within[DK_GROUPS] = {};
	int i, g, close, count = 0;

	if (to < 0)
		to = m->nr - 1;
	for (i = from; i <= to; i++) {
		if (m->entry[i].kind != DK_ENTRY_OPEN)
			continue;
		g = m->entry[i].id;
		close = dk_model_find(m, DK_ENTRY_CLOSE, g);
		within[g] = close <= to;
	}
	for (i = to; i >= from; i--) {
		if (m->entry[i].kind != DK_ENTRY_RES)
			continue;
		ctx->want[ctx->nr_want++] = m->entry[i].id;
		dk_model_drop(m, i);
		count++;
	}
	for (g = 0; g < DK_GROUPS; g++)
		if (within[g])
			dk_model_forget_group(m, g);
	return count;
}

/* A group in state @state, or -1. */
static int dk_model_pick(struct dk_model *m, bool (*suits)(int state))
{
	int i, g = dk_random(&m->rnd, DK_GROUPS);

	for (i = 0; i < DK_GROUPS; i++, g = (g + 1) % DK_GROUPS)
		if (suits(m->group[g]))
			return g;
	return -1;
}

static bool dk_group_is_none(int state)
{
	return state == DK_GROUP_NONE;
}

static bool dk_group_is_open(int state)
{
	return state == DK_GROUP_OPEN;
}

static bool dk_group_is_there(int state)
{
	return state != DK_GROUP_NONE;
}

static void dk_model_open(struct kunit *test, struct dk_model *m)
{
	struct dk_ctx *ctx = test->priv;
	int g = dk_model_pick(m, dk_group_is_none);

	if (g < 0)
		return;
	dk_open(test, &ctx->token[g]);
	dk_model_push(m, DK_ENTRY_OPEN, g);
	m->group[g] = DK_GROUP_OPEN;
}

static void dk_model_close(struct kunit *test, struct dk_model *m)
{
	struct dk_ctx *ctx = test->priv;
	int g = dk_model_pick(m, dk_group_is_open);

	if (g < 0)
		return;
	devres_close_group(ctx->dev, &ctx->token[g]);
	dk_model_push(m, DK_ENTRY_CLOSE, g);
	m->group[g] = DK_GROUP_CLOSED;
}

static void dk_model_remove_group(struct kunit *test, struct dk_model *m)
{
	struct dk_ctx *ctx = test->priv;
	int g = dk_model_pick(m, dk_group_is_there);

	if (g < 0)
		return;
	devres_remove_group(ctx->dev, &ctx->token[g]);
	dk_model_forget_group(m, g);
}

static void dk_model_release_group(struct kunit *test, struct dk_model *m)
{
	struct dk_ctx *ctx = test->priv;
	int g = dk_model_pick(m, dk_group_is_there);
	int count;

	if (g < 0)
		return;
	count = devres_release_group(ctx->dev, &ctx->token[g]);
	KUNIT_ASSERT_EQ(test, count, dk_model_release(m, ctx, g));
}

static void dk_model_release_one(struct kunit *test, struct dk_model *m)
{
	struct dk_ctx *ctx = test->priv;
	int at;

	if (!m->nr)
		return;
	at = dk_random(&m->rnd, m->nr);
	if (m->entry[at].kind != DK_ENTRY_RES)
		return;
	KUNIT_ASSERT_EQ(test, 0, devres_release(ctx->dev, dk_release, dk_match_id,
						&m->entry[at].id));
	ctx->want[ctx->nr_want++] = m->entry[at].id;
	dk_model_drop(m, at);
}

static void dk_expect_want(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, ctx->nr, ctx->nr_want);
	for (i = 0; i < ctx->nr; i++)
		KUNIT_ASSERT_EQ(test, ctx->log[i], ctx->want[i]);
}

static void group_random_walk(struct kunit *test)
{
	enum { STEPS = 800 };
	struct dk_ctx *ctx = test->priv;
	struct dk_model *m;
	int i;

	m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m);
	prandom_seed_state(&m->rnd, *(const u32 *)test->param_value);
	for (i = 1; i <= STEPS; i++) {
		switch (dk_random(&m->rnd, 16)) {
		case 0 ... 3:
			dk_model_open(test, m);
			break;
		case 4 ... 6:
			dk_model_close(test, m);
			break;
		case 7:
			dk_model_remove_group(test, m);
			break;
		case 8:
			dk_model_release_group(test, m);
			break;
		case 9:
			dk_model_release_one(test, m);
			break;
		default:
			dk_add(test, i);
			dk_model_push(m, DK_ENTRY_RES, i);
		}
		dk_expect_want(test);
	}
	while (m->nr--)
		if (m->entry[m->nr].kind == DK_ENTRY_RES)
			ctx->want[ctx->nr_want++] = m->entry[m->nr].id;
	dk_finish(test);
	dk_expect_want(test);
	KUNIT_EXPECT_EQ(test, ctx->foreign, 0);
}

static struct kunit_case devres_groups_cases[] = {
	KUNIT_CASE_PARAM(group_script, group_case_gen_params),
	KUNIT_CASE_PARAM(group_count, dk_count_gen_params),
	KUNIT_CASE(group_counts_all_kinds),
	KUNIT_CASE(group_members_taken_out),
	KUNIT_CASE(group_unknown_on_empty_device),
	KUNIT_CASE(group_unknown),
	KUNIT_CASE(group_closed_added_meanwhile),
	KUNIT_CASE_PARAM(group_random_walk, dk_seed_gen_params),
	{}
};

/* devres-actions */

static void action_runs_once(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	dk_add_action(test, 1);
	KUNIT_EXPECT_EQ(test, 0, devm_add_action_or_reset(ctx->dev, dk_action,
							  &ctx->token[2]));
	DK_EXPECT_LOG(test, "");
	DK_FINISH_LOG(test, "2 1");
}

static void action_remove_does_not_call(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	int i;

	for (i = 1; i <= 4; i++)
		dk_add_action(test, i);
	devm_remove_action(ctx->dev, dk_action, &ctx->token[2]);
	devm_remove_action(ctx->dev, dk_action, &ctx->token[4]);
	DK_EXPECT_LOG(test, "");
	DK_FINISH_LOG(test, "3 1");
}

static void action_release_calls(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	int i;

	for (i = 1; i <= 4; i++)
		dk_add_action(test, i);
	devm_release_action(ctx->dev, dk_action, &ctx->token[2]);
	DK_EXPECT_LOG(test, "2");
	devm_release_action(ctx->dev, dk_action, &ctx->token[4]);
	DK_EXPECT_LOG(test, "2 4");
	DK_FINISH_LOG(test, "2 4 3 1");
}

/* An action is told by function and data. */
static void action_is_function_and_data(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	int i;

	for (i = 1; i <= 2; i++) {
		dk_add_action(test, i);
		KUNIT_ASSERT_EQ(test, 0,
				devm_add_action(ctx->dev, dk_action_other,
						&ctx->token[i]));
	}
	devm_release_action(ctx->dev, dk_action_other, &ctx->token[1]);
	DK_EXPECT_LOG(test, "-1");
	devm_remove_action(ctx->dev, dk_action, &ctx->token[2]);
	DK_FINISH_LOG(test, "-1 -2 1");
}

static void action_duplicates(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	int i;

	for (i = 1; i <= 3; i++) {
		dk_add_action(test, 9);
		dk_add_action(test, i);
	}
	/* Newest first: what is left is the oldest. */
	devm_remove_action(ctx->dev, dk_action, &ctx->token[9]);
	DK_EXPECT_LOG(test, "");
	devm_release_action(ctx->dev, dk_action, &ctx->token[9]);
	DK_EXPECT_LOG(test, "9");
	DK_FINISH_LOG(test, "9 3 2 1 9");
}

static void action_null_data(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	dk_add_action(test, 1);
	KUNIT_ASSERT_EQ(test, 0, devm_add_action(ctx->dev, dk_action, NULL));
	devm_remove_action(ctx->dev, dk_action, NULL);
	DK_FINISH_LOG(test, "1");
}

static void action_unknown(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct device *second = dk_second_device(test);

	EXPECT_A_WARNING(test, devm_remove_action(ctx->dev, dk_action,
						  &ctx->token[1]));
	dk_add_action(test, 1);
	EXPECT_A_WARNING(test, devm_remove_action(ctx->dev, dk_action,
						  &ctx->token[2]));
	EXPECT_A_WARNING(test, devm_remove_action(ctx->dev, dk_action_other,
						  &ctx->token[1]));
	EXPECT_A_WARNING(test, devm_remove_action(second, dk_action,
						  &ctx->token[1]));
	EXPECT_A_WARNING(test, devm_release_action(ctx->dev, dk_action,
						   &ctx->token[2]));
	EXPECT_A_WARNING(test, devm_release_action(ctx->dev, dk_action_other,
						   &ctx->token[1]));
	EXPECT_A_WARNING(test, devm_release_action(second, dk_action,
						   &ctx->token[1]));
	DK_FINISH_LOG(test, "1");
}

static void action_removed_twice(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	dk_add_action(test, 1);
	devm_remove_action(ctx->dev, dk_action, &ctx->token[1]);
	EXPECT_A_WARNING(test, devm_remove_action(ctx->dev, dk_action,
						  &ctx->token[1]));
	dk_add_action(test, 2);
	devm_release_action(ctx->dev, dk_action, &ctx->token[2]);
	EXPECT_A_WARNING(test, devm_release_action(ctx->dev, dk_action,
						   &ctx->token[2]));
	DK_FINISH_LOG(test, "2");
}

/* Actions are not found among resources with the same function or data. */
static void action_is_no_resource(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	dk_add_action(test, 1);
	KUNIT_EXPECT_NULL(test, devres_find(ctx->dev, (void *)dk_action,
					    NULL, NULL));
	DK_FINISH_LOG(test, "1");
}

static void action_released_adds(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	dk_add_action(test, 1);
	KUNIT_ASSERT_EQ(test, 0, devm_add_action(ctx->dev, dk_action_add,
						 &ctx->token[10]));
	dk_add_action(test, 2);
	devm_release_action(ctx->dev, dk_action_add, &ctx->token[10]);
	DK_EXPECT_LOG(test, "10");
	DK_FINISH_LOG(test, "10 11 2 1");
}

static struct kunit_case devres_actions_cases[] = {
	KUNIT_CASE(action_runs_once),
	KUNIT_CASE(action_remove_does_not_call),
	KUNIT_CASE(action_release_calls),
	KUNIT_CASE(action_is_function_and_data),
	KUNIT_CASE(action_duplicates),
	KUNIT_CASE(action_null_data),
	KUNIT_CASE(action_unknown),
	KUNIT_CASE(action_removed_twice),
	KUNIT_CASE(action_is_no_resource),
	KUNIT_CASE(action_released_adds),
	{}
};

/* devres-memory */

static void memory_arrays_of_nothing(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct device *dev = ctx->dev;
	void *p;

	KUNIT_EXPECT_PTR_EQ(test, devm_kmalloc_array(dev, 0, 8, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, devm_kcalloc(dev, 8, 0, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, devm_kmemdup(dev, "", 0, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, devm_kmemdup_array(dev, "", 0, 8, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	p = devm_krealloc_array(dev, NULL, 0, 8, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, p, ZERO_SIZE_PTR);
}

/* Memory that grows keeps its place in the order: it stays in its group. */
static void memory_krealloc_keeps_place(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	int first, middle, last, i;
	void *p[3];

	dk_open(test, &first);
	p[0] = mem_kmalloc(test, 16);
	devres_close_group(ctx->dev, &first);
	dk_add(test, 1);
	dk_open(test, &middle);
	dk_add(test, 2);
	p[1] = mem_kmalloc(test, 16);
	dk_add(test, 3);
	devres_close_group(ctx->dev, &middle);
	dk_open(test, &last);
	p[2] = mem_kmalloc(test, 16);
	devres_close_group(ctx->dev, &last);

	for (i = 0; i < 3; i++) {
		p[i] = devm_krealloc(ctx->dev, p[i], 8192 << i, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		memset(p[i], 0x5a, 8192 << i);
	}
	dk_add(test, 4);
	KUNIT_EXPECT_EQ(test, 3, devres_release_group(ctx->dev, &middle));
	DK_EXPECT_LOG(test, "3 2");
	KUNIT_EXPECT_EQ(test, 1, devres_release_group(ctx->dev, &first));
	KUNIT_EXPECT_EQ(test, 1, devres_release_group(ctx->dev, &last));
	DK_FINISH_LOG(test, "3 2 4 1");
}

/* A string that is in the kernel image also when this file is a module. */
static const char *dk_rodata(struct kunit *test)
{
	const char *s = platform_bus_type.name;
	const char *same = kstrdup_const(s, GFP_KERNEL);
	bool is_rodata = same == s;

	kfree_const(same);
	if (!is_rodata)
		kunit_skip(test, "no string in the rodata of the kernel image");
	return s;
}

static void memory_kstrdup_const_of_rodata(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	const char *s = dk_rodata(test);
	int id;

	dk_open(test, &id);
	KUNIT_EXPECT_PTR_EQ(test, s, devm_kstrdup_const(ctx->dev, s, GFP_KERNEL));
	devm_kfree(ctx->dev, s);
	KUNIT_EXPECT_EQ(test, 0, devres_release_group(ctx->dev, &id));
}

static void memory_krealloc_of_rodata(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	const char *s = dk_rodata(test);
	void *p = (void *)s;

	OPTIMIZER_HIDE_VAR(p);
	EXPECT_A_WARNING(test, p = devm_krealloc(ctx->dev, p, 100, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, p);
}

static void memory_kmemdup_array(struct kunit *test)
{
	gfp_t gfp = GFP_KERNEL | __GFP_NOWARN;
	struct dk_ctx *ctx = test->priv;
	size_t n = SIZE_MAX / 2;
	void *p;

	p = devm_kmemdup_array(ctx->dev, mem_words, ARRAY_SIZE(mem_words),
			       sizeof(mem_words[0]), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_MEMEQ(test, p, mem_words, sizeof(mem_words));

	OPTIMIZER_HIDE_VAR(n);
	KUNIT_EXPECT_NULL(test, devm_kmemdup_array(ctx->dev, mem_words, n,
						   sizeof(mem_words[0]), gfp));
}

static void memory_kfree_of_nothing(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	void *p = NULL;

	devm_kfree(ctx->dev, NULL);
	devm_kfree(ctx->dev, ZERO_SIZE_PTR);
	p = devm_krealloc(ctx->dev, p, 0, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, p, ZERO_SIZE_PTR);
	p = devm_krealloc(ctx->dev, p, 0, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, p, ZERO_SIZE_PTR);
}

static void memory_kfree_unknown(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct device *second = dk_second_device(test);
	void *p, *foreign, *freed;
	struct dk_res *r;
	int id;

	/* Allocated, but by somebody else. */
	p = kunit_kmalloc(test, 100, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	EXPECT_A_WARNING(test, devm_kfree(ctx->dev, p));
	memset(p, 0x5a, 100);

	/* Of another device. */
	foreign = devm_kmalloc(second, 100, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, foreign);
	EXPECT_A_WARNING(test, devm_kfree(ctx->dev, foreign));
	memset(foreign, 0x5a, 100);

	/* A resource, but not memory. */
	r = dk_add(test, 1);
	EXPECT_A_WARNING(test, devm_kfree(ctx->dev, r));

	/* In the middle of memory. */
	dk_open(test, &id);
	p = mem_kmalloc(test, 100);
	EXPECT_A_WARNING(test, devm_kfree(ctx->dev, p + 8));
	memset(p, 0x5a, 100);

	/* Twice. Nothing is allocated in between. */
	freed = mem_kmalloc(test, 100);
	devm_kfree(ctx->dev, freed);
	EXPECT_A_WARNING(test, devm_kfree(ctx->dev, freed));

	KUNIT_EXPECT_EQ(test, 1, devres_release_group(ctx->dev, &id));
	DK_FINISH_LOG(test, "1");
}

static void memory_krealloc_unknown(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct device *second = dk_second_device(test);
	void *foreign, *p;
	int id;

	KUNIT_ASSERT_NOT_NULL(test, devres_open_group(second, &id, GFP_KERNEL));
	foreign = devm_kmalloc(second, 16, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, foreign);
	memset(foreign, 0x5a, 16);
	p = foreign;
	OPTIMIZER_HIDE_VAR(p);
	EXPECT_A_WARNING(test, p = devm_krealloc(ctx->dev, p, 8192, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, p);
	KUNIT_EXPECT_NULL(test, memchr_inv(foreign, 0x5a, 16));
	p = foreign;
	OPTIMIZER_HIDE_VAR(p);
	EXPECT_A_WARNING(test, p = devm_krealloc(ctx->dev, p, 0, GFP_KERNEL));
	KUNIT_EXPECT_PTR_EQ(test, p, ZERO_SIZE_PTR);
	KUNIT_EXPECT_NULL(test, memchr_inv(foreign, 0x5a, 16));
	KUNIT_EXPECT_EQ(test, 1, devres_release_group(second, &id));
}

static void memory_pages_unknown(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	unsigned long addr = __get_free_page(GFP_KERNEL);

	KUNIT_ASSERT_NE(test, 0, addr);
	EXPECT_A_WARNING(test, devm_free_pages(ctx->dev, addr));
	memset((void *)addr, 0x5a, PAGE_SIZE);
	free_page(addr);
}

static void memory_percpu_align(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	size_t align;
	void *p;
	int cpu;

	for (align = 1; align <= 256; align *= 2) {
		void __percpu *pcpu = __devm_alloc_percpu(ctx->dev, 3, align);

		KUNIT_ASSERT_TRUE(test, pcpu);
		for_each_possible_cpu(cpu) {
			p = per_cpu_ptr(pcpu, cpu);
			KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p,
							   align));
		}
	}
}

static void memory_percpu_unknown(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	int __percpu *p;

	if (!DEVRES_HAS_FREE_PERCPU)
		kunit_skip(test, "this kernel has no devm_free_percpu()");
	p = alloc_percpu(int);
	KUNIT_ASSERT_TRUE(test, p);
	EXPECT_A_WARNING(test, devm_free_percpu(ctx->dev, p));
	*raw_cpu_ptr(p) = 1;
	free_percpu(p);
}

static void memory_random_frees(struct kunit *test)
{
	enum { COUNT = 1000 };
	struct dk_ctx *ctx = test->priv;
	struct rnd_state rnd;
	u8 **p;
	int i, j, id;

	prandom_seed_state(&rnd, *(const u32 *)test->param_value);
	p = kunit_kcalloc(test, COUNT, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	dk_open(test, &id);
	for (i = 0; i < COUNT; i++) {
		u16 size = 2 + dk_random(&rnd, 400);

		p[i] = mem_kmalloc(test, size);
		memcpy(p[i], &size, 2);
		memset(p[i] + 2, i, size - 2);
	}
	for (i = COUNT - 1; i > 0; i--) {
		j = dk_random(&rnd, i + 1);
		swap(p[i], p[j]);
	}
	for (i = 0; i < COUNT; i++) {
		u16 size;

		memcpy(&size, p[i], 2);
		KUNIT_ASSERT_NULL(test, memchr_inv(p[i] + 2,
						   size > 2 ? p[i][2] : 0,
						   size - 2));
		devm_kfree(ctx->dev, p[i]);
		if (!(i % 100))
			dk_add(test, i / 100 + 1);
	}
	KUNIT_EXPECT_EQ(test, 10, devres_release_group(ctx->dev, &id));
	dk_expect_descending(test, 10);
}

static struct kunit_case devres_memory_cases[] = {
	MEM_CASES,
	KUNIT_CASE(memory_arrays_of_nothing),
	KUNIT_CASE(memory_krealloc_keeps_place),
	KUNIT_CASE(memory_kstrdup_const_of_rodata),
	KUNIT_CASE(memory_krealloc_of_rodata),
	KUNIT_CASE(memory_kmemdup_array),
	KUNIT_CASE(memory_kfree_of_nothing),
	KUNIT_CASE(memory_kfree_unknown),
	KUNIT_CASE(memory_krealloc_unknown),
	KUNIT_CASE(memory_pages_unknown),
	KUNIT_CASE(memory_percpu_align),
	KUNIT_CASE(memory_percpu_unknown),
	KUNIT_CASE_PARAM(memory_random_frees, dk_seed_gen_params),
	{}
};

/* devres-driver */

/**
 * struct dk_driver - a platform driver of one case
 * @drv: the driver
 * @name: its name, and that of the device
 * @ctx: the context of the case
 * @setup: what probe does; its result is that of probe
 * @probed: how often probe was called
 */
struct dk_driver {
	struct platform_driver drv;
	char name[DK_NAME];
	struct dk_ctx *ctx;
	int (*setup)(struct dk_driver *d, struct device *dev);
	int probed;
};

#define DK_REMOVED	100

static struct dk_driver *dk_driver_of(struct platform_device *pdev)
{
	return container_of(to_platform_driver(pdev->dev.driver),
			    struct dk_driver, drv);
}

static int dk_probe(struct platform_device *pdev)
{
	struct dk_driver *d = dk_driver_of(pdev);

	d->probed++;
	platform_set_drvdata(pdev, d);
	return d->setup(d, &pdev->dev);
}

static void dk_remove(struct platform_device *pdev)
{
	dk_log(dk_driver_of(pdev)->ctx, DK_REMOVED);
}

static void dk_unregister_device(void *pdev)
{
	platform_device_unregister(pdev);
}

static void dk_unregister_driver(void *drv)
{
	platform_driver_unregister(drv);
}

/* Register driver and device, so that the driver is probed. */
static struct dk_driver *dk_bind(struct kunit *test,
				 int (*setup)(struct dk_driver *d,
					      struct device *dev))
{
	struct dk_ctx *ctx = test->priv;
	struct platform_device *pdev;
	struct dk_driver *d;
	int ret;

	d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, d);
	d->ctx = ctx;
	d->setup = setup;
	d->drv.probe = dk_probe;
	d->drv.remove = dk_remove;
	dk_name(d->name, sizeof(d->name));
	d->drv.driver.name = d->name;
	d->drv.driver.probe_type = PROBE_FORCE_SYNCHRONOUS;
	KUNIT_ASSERT_EQ(test, 0, platform_driver_register(&d->drv));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   dk_unregister_driver,
							   &d->drv));

	pdev = platform_device_alloc(d->name, PLATFORM_DEVID_NONE);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	ctx->dev = &pdev->dev;
	ret = platform_device_add(pdev);
	if (ret)
		platform_device_put(pdev);
	KUNIT_ASSERT_EQ(test, 0, ret);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   dk_unregister_device,
							   pdev));
	return d;
}

static void dk_remove_device(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	kunit_release_action(test, dk_unregister_device,
			     to_platform_device(ctx->dev));
	ctx->dev = NULL;
}

static int dk_setup_res(struct dk_driver *d, struct device *dev, int from, int to)
{
	struct dk_res *r;

	for (; from <= to; from++) {
		r = devres_alloc(dk_release, sizeof(*r), GFP_KERNEL);
		if (!r)
			return -ENOMEM;
		r->ctx = d->ctx;
		r->id = from;
		devres_add(dev, r);
	}
	return 0;
}

static int dk_setup_three(struct dk_driver *d, struct device *dev)
{
	int ret = dk_setup_res(d, dev, 1, 1);

	if (!ret)
		ret = devm_add_action_or_reset(dev, dk_action, &d->ctx->token[2]);
	if (!ret && !devm_kzalloc(dev, 100, GFP_KERNEL))
		ret = -ENOMEM;
	return ret ?: dk_setup_res(d, dev, 3, 3);
}

/* ->remove() is called first. The resources of probe are released after it. */
static void driver_unbind(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	dk_bind(test, dk_setup_three);
	KUNIT_ASSERT_TRUE(test, device_is_bound(ctx->dev));
	DK_EXPECT_LOG(test, "");
	device_release_driver(ctx->dev);
	KUNIT_EXPECT_FALSE(test, device_is_bound(ctx->dev));
	DK_EXPECT_LOG(test, "100 3 2 1");
	dk_remove_device(test);
	DK_EXPECT_LOG(test, "100 3 2 1");
}

static void driver_device_removed(struct kunit *test)
{
	dk_bind(test, dk_setup_three);
	dk_remove_device(test);
	DK_EXPECT_LOG(test, "100 3 2 1");
}

static void driver_unregistered(struct kunit *test)
{
	struct dk_driver *d = dk_bind(test, dk_setup_three);

	kunit_release_action(test, dk_unregister_driver, &d->drv);
	DK_EXPECT_LOG(test, "100 3 2 1");
}

static void driver_binds_again(struct kunit *test)
{
	struct dk_driver *d = dk_bind(test, dk_setup_three);
	struct dk_ctx *ctx = test->priv;
	int i;

	for (i = 2; i <= 4; i++) {
		device_release_driver(ctx->dev);
		DK_EXPECT_LOG(test, "100 3 2 1");
		KUNIT_EXPECT_EQ(test, 1, device_attach(ctx->dev));
		KUNIT_EXPECT_EQ(test, i, d->probed);
		DK_EXPECT_LOG(test, "100 3 2 1");
		dk_clear(test);
	}
	KUNIT_EXPECT_EQ(test, ctx->foreign, 0);
}

static int dk_setup_and_fail(struct dk_driver *d, struct device *dev)
{
	return dk_setup_three(d, dev) ?: -ENODEV;
}

/* A probe that fails leaves nothing, and ->remove() is not called. */
static void driver_probe_fails(struct kunit *test)
{
	struct dk_driver *d = dk_bind(test, dk_setup_and_fail);
	struct dk_ctx *ctx = test->priv;

	KUNIT_EXPECT_EQ(test, 1, d->probed);
	KUNIT_EXPECT_FALSE(test, device_is_bound(ctx->dev));
	DK_EXPECT_LOG(test, "3 2 1");

	d->setup = dk_setup_three;
	dk_clear(test);
	KUNIT_EXPECT_EQ(test, 1, device_attach(ctx->dev));
	KUNIT_EXPECT_EQ(test, 2, d->probed);
	DK_EXPECT_LOG(test, "");
	dk_remove_device(test);
	DK_EXPECT_LOG(test, "100 3 2 1");
}

static int dk_setup_group_and_fail(struct dk_driver *d, struct device *dev)
{
	int ret = dk_setup_res(d, dev, 1, 1);

	if (ret || !devres_open_group(dev, NULL, GFP_KERNEL))
		return -ENOMEM;
	ret = dk_setup_res(d, dev, 2, 2);
	if (ret || !devres_open_group(dev, NULL, GFP_KERNEL))
		return -ENOMEM;
	devres_close_group(dev, NULL);
	return dk_setup_res(d, dev, 3, 3) ?: -ENXIO;
}

static void driver_probe_fails_in_group(struct kunit *test)
{
	struct dk_driver *d = dk_bind(test, dk_setup_group_and_fail);
	struct dk_ctx *ctx = test->priv;

	DK_EXPECT_LOG(test, "3 2 1");
	d->setup = dk_setup_three;
	KUNIT_EXPECT_EQ(test, 1, device_attach(ctx->dev));
}

/* Resources that are added while the device is bound are released like those of probe. */
static void driver_adds_later(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	dk_bind(test, dk_setup_three);
	dk_add(test, 4);
	dk_add_action(test, 5);
	device_release_driver(ctx->dev);
	DK_EXPECT_LOG(test, "100 5 4 3 2 1");
}

static void dk_remove_and_add(struct platform_device *pdev)
{
	struct dk_driver *d = dk_driver_of(pdev);

	dk_remove(pdev);
	if (dk_setup_res(d, &pdev->dev, 8, 9))
		d->ctx->foreign++;
}

static void driver_adds_in_remove(struct kunit *test)
{
	struct dk_driver *d = dk_bind(test, dk_setup_three);
	struct dk_ctx *ctx = test->priv;

	d->drv.remove = dk_remove_and_add;
	device_release_driver(ctx->dev);
	DK_EXPECT_LOG(test, "100 9 8 3 2 1");
	KUNIT_EXPECT_EQ(test, ctx->foreign, 0);
}

static void dk_remove_and_release(struct platform_device *pdev)
{
	struct dk_driver *d = dk_driver_of(pdev);

	dk_remove(pdev);
	devm_release_action(&pdev->dev, dk_action, &d->ctx->token[2]);
}

static void driver_releases_in_remove(struct kunit *test)
{
	struct dk_driver *d = dk_bind(test, dk_setup_three);
	struct dk_ctx *ctx = test->priv;

	d->drv.remove = dk_remove_and_release;
	device_release_driver(ctx->dev);
	DK_EXPECT_LOG(test, "100 2 3 1");
}

static void dk_log_drvdata(void *data)
{
	struct dk_driver *d = data;

	/* The driver is still there, and so is its data. */
	if (dev_get_drvdata(d->ctx->dev) == d &&
	    d->ctx->dev->driver == &d->drv.driver)
		dk_log(d->ctx, 1);
}

static int dk_setup_drvdata(struct dk_driver *d, struct device *dev)
{
	return devm_add_action_or_reset(dev, dk_log_drvdata, d);
}

static void driver_data_outlives_resources(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	dk_bind(test, dk_setup_drvdata);
	device_release_driver(ctx->dev);
	DK_EXPECT_LOG(test, "100 1");
	KUNIT_EXPECT_NULL(test, dev_get_drvdata(ctx->dev));
}

/* A device that has resources and no driver is not probed. */
static void driver_refused_with_leftovers(struct kunit *test)
{
	struct dk_driver *d = dk_bind(test, dk_setup_three);
	struct dk_ctx *ctx = test->priv;

	device_release_driver(ctx->dev);
	dk_clear(test);
	DK_WITHOUT_DRIVER(dk_add(test, 7);
			  KUNIT_EXPECT_NE(test, 1, device_attach(ctx->dev)));
	KUNIT_EXPECT_EQ(test, 1, d->probed);
	DK_EXPECT_LOG(test, "");
	KUNIT_EXPECT_EQ(test, 0, devres_release(ctx->dev, dk_release, NULL, NULL));
	KUNIT_EXPECT_EQ(test, 1, device_attach(ctx->dev));
	KUNIT_EXPECT_EQ(test, 2, d->probed);
}

/* A device that never had a driver is cleaned up when it goes. */
static void driver_never_bound(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	dk_bind(test, dk_setup_and_fail);
	dk_clear(test);
	DK_WITHOUT_DRIVER(dk_add_range(test, 1, 3));
	dk_remove_device(test);
	DK_EXPECT_LOG(test, "3 2 1");
	KUNIT_EXPECT_EQ(test, ctx->foreign, 0);
}

/* Resources that are added to a deleted device are released with the last reference. */
static void driver_added_after_removal(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct device *dev;

	dk_bind(test, dk_setup_three);
	dev = get_device(ctx->dev);
	kunit_release_action(test, dk_unregister_device, to_platform_device(dev));
	DK_EXPECT_LOG(test, "100 3 2 1");
	DK_WITHOUT_DRIVER(dk_add_range(test, 4, 5));
	DK_EXPECT_LOG(test, "100 3 2 1");
	if (IS_ENABLED(CONFIG_DEBUG_KOBJECT_RELEASE)) {
		while (!devres_release(dev, dk_release, NULL, NULL))
			;
	}
	put_device(dev);
	DK_EXPECT_LOG(test, "100 3 2 1 5 4");
}

static struct kunit_case devres_driver_cases[] = {
	KUNIT_CASE(driver_unbind),
	KUNIT_CASE(driver_device_removed),
	KUNIT_CASE(driver_unregistered),
	KUNIT_CASE(driver_binds_again),
	KUNIT_CASE(driver_probe_fails),
	KUNIT_CASE(driver_probe_fails_in_group),
	KUNIT_CASE(driver_adds_later),
	KUNIT_CASE(driver_adds_in_remove),
	KUNIT_CASE(driver_releases_in_remove),
	KUNIT_CASE(driver_data_outlives_resources),
	KUNIT_CASE(driver_refused_with_leftovers),
	KUNIT_CASE(driver_never_bound),
	KUNIT_CASE(driver_added_after_removal),
	{}
};

/*
 * devres-reentrancy
 *
 * The device is torn down, and a release makes use of it. The log has 10 where
 * that begins and 11 where it ends.
 */

static void dk_call_action(void *data)
{
	struct dk_call *call = data;

	dk_log(call->ctx, call->id);
	call->fn(call, call->ctx->dev);
	dk_log(call->ctx, call->id + 1);
}

static struct dk_call *dk_prepare_call(struct dk_ctx *ctx, int nr,
				       void (*fn)(struct dk_call *call,
						  struct device *dev))
{
	struct dk_call *call = &ctx->call[nr];

	call->ctx = ctx;
	call->id = 10 * (nr + 1);
	call->fn = fn;
	return call;
}

static struct dk_call *dk_add_call(struct kunit *test, int nr,
				   void (*fn)(struct dk_call *call,
					      struct device *dev))
{
	struct dk_ctx *ctx = test->priv;
	struct dk_call *call = dk_prepare_call(ctx, nr, fn);

	KUNIT_ASSERT_EQ(test, 0, devm_add_action(ctx->dev, dk_call_action, call));
	return call;
}

static void dk_do_remove_action(struct dk_call *call, struct device *dev)
{
	devm_remove_action(dev, dk_action, &call->ctx->token[1]);
}

static void teardown_removes_action(struct kunit *test)
{
	dk_add_action(test, 1);
	dk_add_action(test, 2);
	dk_add_call(test, 0, dk_do_remove_action);
	dk_add_action(test, 3);
	DK_FINISH_LOG(test, "3 10 11 2");
}

static void dk_do_release_action(struct dk_call *call, struct device *dev)
{
	devm_release_action(dev, dk_action, &call->ctx->token[1]);
}

static void teardown_releases_action(struct kunit *test)
{
	dk_add_action(test, 1);
	dk_add_action(test, 2);
	dk_add_call(test, 0, dk_do_release_action);
	DK_FINISH_LOG(test, "10 1 11 2");
}

static int dk_one = 1;

static void dk_do_release(struct dk_call *call, struct device *dev)
{
	call->ret = devres_release(dev, dk_release, dk_match_id, &dk_one);
}

static void teardown_releases_resource(struct kunit *test)
{
	struct dk_call *call;

	dk_add_range(test, 1, 2);
	call = dk_add_call(test, 0, dk_do_release);
	DK_FINISH_LOG(test, "10 1 11 2");
	KUNIT_EXPECT_EQ(test, 0, call->ret);
}

static void dk_do_destroy(struct dk_call *call, struct device *dev)
{
	call->ret = devres_destroy(dev, dk_release, dk_match_id, &dk_one);
}

static void teardown_destroys_resource(struct kunit *test)
{
	struct dk_call *call;

	dk_add_range(test, 1, 2);
	call = dk_add_call(test, 0, dk_do_destroy);
	DK_FINISH_LOG(test, "10 11 2");
	KUNIT_EXPECT_EQ(test, 0, call->ret);
}

static void dk_do_remove(struct dk_call *call, struct device *dev)
{
	void *res = devres_remove(dev, dk_release, dk_match_id, &dk_one);

	call->ret = res == call->ptr;
	devres_free(res);
}

static void teardown_removes_resource(struct kunit *test)
{
	struct dk_call *call;
	struct dk_res *r;

	r = dk_add(test, 1);
	dk_add(test, 2);
	call = dk_add_call(test, 0, dk_do_remove);
	call->ptr = r;
	DK_FINISH_LOG(test, "10 11 2");
	KUNIT_EXPECT_EQ(test, 1, call->ret);
}

static void dk_do_add_again(struct dk_call *call, struct device *dev)
{
	void *res = devres_remove(dev, dk_release, dk_match_id, &dk_one);

	if (res)
		devres_add(dev, res);
}

/* An older one is made the newest. */
static void teardown_moves_resource(struct kunit *test)
{
	dk_add_range(test, 1, 3);
	dk_add_call(test, 0, dk_do_add_again);
	DK_FINISH_LOG(test, "10 11 1 3 2");
}

static void dk_do_release_rest(struct dk_call *call, struct device *dev)
{
	while (!devres_release(dev, dk_release, NULL, NULL))
		call->ret++;
}

static void teardown_releases_rest(struct kunit *test)
{
	struct dk_call *call;

	dk_add_range(test, 1, 5);
	call = dk_add_call(test, 0, dk_do_release_rest);
	DK_FINISH_LOG(test, "10 5 4 3 2 1 11");
	KUNIT_EXPECT_EQ(test, 5, call->ret);
}

static void dk_do_release_call(struct dk_call *call, struct device *dev)
{
	devm_release_action(dev, dk_call_action, call->ptr);
}

static void dk_do_nothing(struct dk_call *call, struct device *dev)
{
}

/* One releases the next one, which releases the next one. */
static void teardown_cascades(struct kunit *test)
{
	struct dk_call *call;

	call = dk_add_call(test, 0, dk_do_nothing);
	dk_add(test, 1);
	dk_add_call(test, 1, dk_do_release_call)->ptr = call;
	dk_add(test, 2);
	dk_add_call(test, 2, dk_do_release_call)->ptr = call + 1;
	DK_FINISH_LOG(test, "30 20 10 11 21 31 2 1");
}

static void dk_do_find(struct dk_call *call, struct device *dev)
{
	call->ret = dk_find(call->ctx, 1) == call->ptr;
}

static void teardown_finds(struct kunit *test)
{
	struct dk_call *call;
	struct dk_res *r;

	r = dk_add(test, 1);
	dk_add(test, 2);
	call = dk_add_call(test, 0, dk_do_find);
	call->ptr = r;
	DK_FINISH_LOG(test, "10 11 2 1");
	KUNIT_EXPECT_EQ(test, 1, call->ret);
}

/* How many of its kind are there while one is being released? */
static void dk_release_and_count(struct device *dev, void *res);

static void dk_count_one(struct device *dev, void *res, void *data)
{
	++*(int *)data;
}

static void dk_release_and_count(struct device *dev, void *res)
{
	struct dk_res *r = res;
	int count = 0;

	devres_for_each_res(dev, dk_release_and_count, NULL, NULL, dk_count_one,
			    &count);
	dk_log(r->ctx, count);
}

static void teardown_sees_what_is_left(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	int i;

	for (i = 0; i < 4; i++)
		devres_add(ctx->dev, dk_alloc(test, dk_release_and_count, i));
	DK_FINISH_LOG(test, "3 2 1 0");
}

static void dk_do_visit(struct dk_call *call, struct device *dev)
{
	devres_for_each_res(dev, dk_release, NULL, NULL, dk_visit, call->ctx);
}

static void teardown_visits(struct kunit *test)
{
	dk_add_range(test, 1, 3);
	dk_add_call(test, 0, dk_do_visit);
	dk_add(test, 4);
	DK_FINISH_LOG(test, "4 10 3 2 1 11 3 2 1");
}

/* Offer a resource, and get the one that is there. */
static void dk_do_get(struct dk_call *call, struct device *dev)
{
	struct dk_res *r = devres_alloc(dk_release, sizeof(*r), GFP_KERNEL);

	if (!r)
		return;
	r->ctx = call->ctx;
	r->id = 9;
	call->ret = devres_get(dev, r, NULL, NULL) == call->ptr;
}

static void teardown_gets(struct kunit *test)
{
	struct dk_call *call;
	struct dk_res *r;

	dk_add(test, 1);
	r = dk_add(test, 2);
	call = dk_add_call(test, 0, dk_do_get);
	call->ptr = r;
	DK_FINISH_LOG(test, "10 11 2 1");
	KUNIT_EXPECT_EQ(test, 1, call->ret);
}

static void dk_do_krealloc(struct dk_call *call, struct device *dev)
{
	char *p = devm_krealloc(dev, call->ptr, 8192, GFP_KERNEL);

	if (p)
		call->ret = !memchr_inv(p, 0x5a, 16);
}

static void teardown_resizes_memory(struct kunit *test)
{
	struct dk_call *call;
	char *p;

	dk_add(test, 1);
	p = mem_kmalloc(test, 16);
	memset(p, 0x5a, 16);
	call = dk_add_call(test, 0, dk_do_krealloc);
	call->ptr = p;
	DK_FINISH_LOG(test, "10 11 1");
	KUNIT_EXPECT_EQ(test, 1, call->ret);
}

/*
 * The test cannot see that memory is freed, but that it is off the list: of two
 * pieces in a group one is left. The id of the group is @ctx.
 */
static void dk_do_kfree(struct dk_call *call, struct device *dev)
{
	devm_kfree(dev, call->ptr);
	call->ret = devres_release_group(dev, call->ctx);
}

static void teardown_frees_memory(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_call *call;
	void *p;

	dk_add(test, 1);
	dk_open(test, ctx);
	p = mem_kmalloc(test, 100);
	mem_kmalloc(test, 100);
	devres_close_group(ctx->dev, ctx);
	dk_add(test, 2);
	call = dk_add_call(test, 0, dk_do_kfree);
	call->ptr = p;
	DK_FINISH_LOG(test, "10 11 2 1");
	KUNIT_EXPECT_EQ(test, 1, call->ret);
}

static void dk_do_free_percpu(struct dk_call *call, struct device *dev)
{
	if (DEVRES_HAS_FREE_PERCPU)
		devm_free_percpu(dev, (void __percpu __force *)call->ptr);
	call->ret = devres_release_group(dev, call->ctx);
}

static void teardown_frees_percpu(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	int __percpu *p[2];
	struct dk_call *call;

	if (!DEVRES_HAS_FREE_PERCPU)
		kunit_skip(test, "this kernel has no devm_free_percpu()");
	dk_open(test, ctx);
	p[0] = devm_alloc_percpu(ctx->dev, int);
	p[1] = devm_alloc_percpu(ctx->dev, int);
	KUNIT_ASSERT_TRUE(test, p[0] && p[1]);
	devres_close_group(ctx->dev, ctx);
	dk_add(test, 1);
	call = dk_add_call(test, 0, dk_do_free_percpu);
	call->ptr = (void __force *)p[0];
	DK_FINISH_LOG(test, "10 11 1");
	KUNIT_EXPECT_EQ(test, 1, call->ret);
}

static void dk_do_free_pages(struct dk_call *call, struct device *dev)
{
	devm_free_pages(dev, (unsigned long)call->ptr);
	call->ret = page_count(virt_to_page(call->ptr));
}

/* Our own reference is the last one once the device has given the page back. */
static void teardown_frees_pages(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_call *call;
	unsigned long addr;

	addr = devm_get_free_pages(ctx->dev, GFP_KERNEL, 0);
	KUNIT_ASSERT_NE(test, 0, addr);
	dk_add(test, 1);
	call = dk_add_call(test, 0, dk_do_free_pages);
	call->ptr = (void *)addr;
	get_page(virt_to_page(call->ptr));
	DK_FINISH_LOG(test, "10 11 1");
	KUNIT_EXPECT_EQ(test, 1, call->ret);
	KUNIT_EXPECT_EQ(test, 1, page_count(virt_to_page(call->ptr)));
	put_page(virt_to_page(call->ptr));
}

static void dk_do_release_group(struct dk_call *call, struct device *dev)
{
	call->ret = devres_release_group(dev, call->ctx);
}

static void teardown_releases_group(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_call *call;

	dk_add(test, 1);
	dk_open(test, ctx);
	dk_add_range(test, 2, 3);
	devres_close_group(ctx->dev, ctx);
	dk_add(test, 4);
	call = dk_add_call(test, 0, dk_do_release_group);
	DK_FINISH_LOG(test, "10 3 2 11 4 1");
	KUNIT_EXPECT_EQ(test, 2, call->ret);
}

static void dk_do_add_action(struct dk_call *call, struct device *dev)
{
	call->ret = devm_add_action(dev, dk_action, &call->ctx->token[9]);
}

/* What is added is the newest, so it is next. */
static void teardown_adds_action(struct kunit *test)
{
	struct dk_call *call;

	dk_add_range(test, 1, 2);
	call = dk_add_call(test, 0, dk_do_add_action);
	dk_add(test, 3);
	DK_FINISH_LOG(test, "3 10 11 9 2 1");
	KUNIT_EXPECT_EQ(test, 0, call->ret);
}

static void dk_do_add_many(struct dk_call *call, struct device *dev)
{
	int i;

	for (i = 5; i <= 8; i++)
		call->ret |= devm_add_action(dev, dk_action,
					     &call->ctx->token[i]);
}

static void teardown_adds_many(struct kunit *test)
{
	struct dk_call *call;

	dk_add_range(test, 1, 2);
	call = dk_add_call(test, 0, dk_do_add_many);
	DK_FINISH_LOG(test, "10 11 8 7 6 5 2 1");
	KUNIT_EXPECT_EQ(test, 0, call->ret);
}

static void dk_do_add_and_remove(struct dk_call *call, struct device *dev)
{
	dk_do_add_many(call, dev);
	devm_remove_action(dev, dk_action, &call->ctx->token[8]);
	devm_release_action(dev, dk_action, &call->ctx->token[6]);
}

static void teardown_adds_and_removes(struct kunit *test)
{
	dk_add_range(test, 1, 2);
	dk_add_call(test, 0, dk_do_add_and_remove);
	DK_FINISH_LOG(test, "10 6 11 7 5 2 1");
}

/* The same in a group that is released: a member takes another one out. */
static void group_release_removes_member(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	dk_add_action(test, 3);
	dk_open(test, ctx);
	dk_add_action(test, 1);
	dk_add_action(test, 2);
	dk_add_call(test, 0, dk_do_remove_action);
	devres_close_group(ctx->dev, ctx);
	KUNIT_EXPECT_EQ(test, 2, devres_release_group(ctx->dev, ctx));
	DK_EXPECT_LOG(test, "10 11 2");
	DK_FINISH_LOG(test, "10 11 2 3");
}

static void group_release_releases_member(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	dk_add_action(test, 3);
	dk_open(test, ctx);
	dk_add_action(test, 1);
	dk_add_action(test, 2);
	dk_add_call(test, 0, dk_do_release_action);
	devres_close_group(ctx->dev, ctx);
	devres_release_group(ctx->dev, ctx);
	DK_EXPECT_LOG(test, "10 1 11 2");
	DK_FINISH_LOG(test, "10 1 11 2 3");
}

/* An added resource belongs to the group while that is open. */
static void group_release_adds_to_open(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	dk_add(test, 1);
	dk_open(test, ctx);
	dk_add(test, 2);
	dk_add_call(test, 0, dk_do_add_action);
	KUNIT_EXPECT_EQ(test, 3, devres_release_group(ctx->dev, ctx));
	DK_EXPECT_LOG(test, "10 11 9 2");
	DK_FINISH_LOG(test, "10 11 9 2 1");
}

/* A group is released, and one of its members releases the inner group. */
static void group_release_releases_inner(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_call *call;
	int outer;

	dk_add(test, 1);
	dk_open(test, &outer);
	dk_add(test, 2);
	dk_open(test, ctx);
	dk_add_range(test, 3, 4);
	devres_close_group(ctx->dev, ctx);
	dk_add(test, 5);
	call = dk_add_call(test, 0, dk_do_release_group);
	devres_close_group(ctx->dev, &outer);
	devres_release_group(ctx->dev, &outer);
	DK_EXPECT_LOG(test, "10 4 3 11 5 2");
	KUNIT_EXPECT_EQ(test, 2, call->ret);
	DK_FINISH_LOG(test, "10 4 3 11 5 2 1");
}

/*
 * At unbind there is one teardown. Nothing may be left, or the driver cannot be
 * bound again.
 */
static int dk_setup_call(struct dk_driver *d, struct device *dev)
{
	return dk_setup_res(d, dev, 1, 2) ?:
	       devm_add_action(dev, dk_call_action, &d->ctx->call[0]);
}

static struct dk_driver *dk_bind_call(struct kunit *test,
				      void (*fn)(struct dk_call *call,
						 struct device *dev))
{
	struct dk_ctx *ctx = test->priv;

	dk_prepare_call(ctx, 0, fn);
	return dk_bind(test, dk_setup_call);
}

static void unbind_adds_action(struct kunit *test)
{
	struct dk_driver *d = dk_bind_call(test, dk_do_add_action);
	struct dk_ctx *ctx = test->priv;
	int i;

	for (i = 2; i <= 3; i++) {
		device_release_driver(ctx->dev);
		DK_EXPECT_LOG(test, "100 10 11 9 2 1");
		KUNIT_EXPECT_EQ(test, 1, device_attach(ctx->dev));
		KUNIT_EXPECT_EQ(test, i, d->probed);
		dk_clear(test);
	}
}

static void dk_do_kmalloc(struct dk_call *call, struct device *dev)
{
	call->ret = !devm_kmalloc(dev, 100, GFP_KERNEL);
}

static void unbind_allocates_memory(struct kunit *test)
{
	struct dk_driver *d = dk_bind_call(test, dk_do_kmalloc);
	struct dk_ctx *ctx = test->priv;

	device_release_driver(ctx->dev);
	DK_EXPECT_LOG(test, "100 10 11 2 1");
	KUNIT_EXPECT_EQ(test, 0, ctx->call[0].ret);
	KUNIT_EXPECT_EQ(test, 1, device_attach(ctx->dev));
	KUNIT_EXPECT_EQ(test, 2, d->probed);
}

static void dk_do_open_group(struct dk_call *call, struct device *dev)
{
	call->ret = !devres_open_group(dev, NULL, GFP_KERNEL);
}

static void unbind_opens_group(struct kunit *test)
{
	struct dk_driver *d = dk_bind_call(test, dk_do_open_group);
	struct dk_ctx *ctx = test->priv;

	device_release_driver(ctx->dev);
	DK_EXPECT_LOG(test, "100 10 11 2 1");
	KUNIT_EXPECT_EQ(test, 0, ctx->call[0].ret);
	KUNIT_EXPECT_EQ(test, 1, device_attach(ctx->dev));
	KUNIT_EXPECT_EQ(test, 2, d->probed);
}

static void dk_do_add_itself(struct dk_call *call, struct device *dev)
{
	if (!call->times)
		return;
	call->times--;
	call->ret |= devm_add_action(dev, dk_call_action, call);
}

/* Each adds the next. */
static void unbind_adds_in_turn(struct kunit *test)
{
	struct dk_driver *d = dk_bind_call(test, dk_do_add_itself);
	struct dk_ctx *ctx = test->priv;

	ctx->call[0].times = 4;
	device_release_driver(ctx->dev);
	/* The action stops here, so that a later release of the device ends. */
	ctx->call[0].times = 0;
	DK_EXPECT_LOG(test, "100 10 11 10 11 10 11 10 11 10 11 2 1");
	KUNIT_EXPECT_EQ(test, 0, ctx->call[0].ret);
	KUNIT_EXPECT_EQ(test, 1, device_attach(ctx->dev));
	KUNIT_EXPECT_EQ(test, 2, d->probed);
}

static int dk_setup_call_and_fail(struct dk_driver *d, struct device *dev)
{
	return dk_setup_call(d, dev) ?: -ENODEV;
}

static void failed_probe_adds_action(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_driver *d;

	dk_prepare_call(ctx, 0, dk_do_add_action);
	d = dk_bind(test, dk_setup_call_and_fail);
	DK_EXPECT_LOG(test, "10 11 9 2 1");
	d->setup = dk_setup_three;
	KUNIT_EXPECT_EQ(test, 1, device_attach(ctx->dev));
	KUNIT_EXPECT_EQ(test, 2, d->probed);
}

static struct kunit_case devres_reentrancy_cases[] = {
	KUNIT_CASE(teardown_removes_action),
	KUNIT_CASE(teardown_releases_action),
	KUNIT_CASE(teardown_releases_resource),
	KUNIT_CASE(teardown_destroys_resource),
	KUNIT_CASE(teardown_removes_resource),
	KUNIT_CASE(teardown_moves_resource),
	KUNIT_CASE(teardown_releases_rest),
	KUNIT_CASE(teardown_cascades),
	KUNIT_CASE(teardown_finds),
	KUNIT_CASE(teardown_sees_what_is_left),
	KUNIT_CASE(teardown_visits),
	KUNIT_CASE(teardown_gets),
	KUNIT_CASE(teardown_resizes_memory),
	KUNIT_CASE(teardown_frees_memory),
	KUNIT_CASE(teardown_frees_percpu),
	KUNIT_CASE(teardown_frees_pages),
	KUNIT_CASE(teardown_releases_group),
	KUNIT_CASE(teardown_adds_action),
	KUNIT_CASE(teardown_adds_many),
	KUNIT_CASE(teardown_adds_and_removes),
	KUNIT_CASE(group_release_removes_member),
	KUNIT_CASE(group_release_releases_member),
	KUNIT_CASE(group_release_adds_to_open),
	KUNIT_CASE(group_release_releases_inner),
	KUNIT_CASE(unbind_adds_action),
	KUNIT_CASE(unbind_allocates_memory),
	KUNIT_CASE(unbind_opens_group),
	KUNIT_CASE(unbind_adds_in_turn),
	KUNIT_CASE(failed_probe_adds_action),
	{}
};

/*
 * devres-misuse: release functions that should not do what they do
 */

/*
 * An action that always adds itself again. Older resources are released, and the
 * one that was added last is not: no driver can be probed then. The test does
 * not say how often the action is called.
 */
#define DK_ENDLESS	100000

#define DK_EXPECT_ENDLESS(...)						\
	do {								\
		pr_info("kunit: allow (go on adding|no driver (is|was) bound)\n"); \
		__VA_ARGS__;						\
		pr_info("kunit: allow-end\n");				\
	} while (0)

static void endless_unbind(struct kunit *test)
{
	struct dk_driver *d = dk_bind_call(test, dk_do_add_itself);
	struct dk_ctx *ctx = test->priv;

	ctx->call[0].times = DK_ENDLESS;
	DK_EXPECT_ENDLESS(device_release_driver(ctx->dev);
			  KUNIT_EXPECT_NE(test, 1, device_attach(ctx->dev)));
	KUNIT_EXPECT_GT(test, ctx->call[0].times, DK_ENDLESS / 2);
	KUNIT_EXPECT_EQ(test, 1, d->probed);
	KUNIT_EXPECT_NULL(test, dk_find(ctx, 1));
	KUNIT_EXPECT_NULL(test, dk_find(ctx, 2));

	ctx->call[0].times = 0;
	devm_release_action(ctx->dev, dk_call_action, &ctx->call[0]);
	KUNIT_EXPECT_EQ(test, 1, device_attach(ctx->dev));
	KUNIT_EXPECT_EQ(test, 2, d->probed);
}

static void endless_group(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_call *call;
	int id;

	dk_add(test, 1);
	dk_open(test, &id);
	dk_add(test, 2);
	call = dk_add_call(test, 0, dk_do_add_itself);
	call->times = DK_ENDLESS;
	dk_add(test, 3);
	DK_EXPECT_ENDLESS(devres_release_group(ctx->dev, &id));
	KUNIT_EXPECT_GT(test, call->times, DK_ENDLESS / 2);
	KUNIT_EXPECT_NULL(test, dk_find(ctx, 2));
	KUNIT_EXPECT_NOT_NULL(test, dk_find(ctx, 1));

	call->times = 0;
	dk_clear(test);
	DK_FINISH_LOG(test, "10 11 1");
}

/* One that releases the group it is in. */
static void dk_do_release_its_group(struct dk_call *call, struct device *dev)
{
	call->ret = devres_release_group(dev, call->ptr);
}

/* Nothing, when there is nothing but the group. */
static void group_releases_itself(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_call *call;
	int id, closed;

	for (closed = 0; closed < 2; closed++) {
		dk_open(test, &id);
		dk_add(test, 1);
		call = dk_add_call(test, 0, dk_do_release_its_group);
		call->ptr = &id;
		call->ret = 1;
		dk_add(test, 2);
		if (closed)
			devres_close_group(ctx->dev, &id);
		KUNIT_EXPECT_EQ(test, 3, devres_release_group(ctx->dev, &id));
		KUNIT_EXPECT_EQ(test, 0, call->ret);
		DK_EXPECT_LOG(test, "2 10 11 1");
		dk_clear(test);
	}
	DK_FINISH_LOG(test, "");
}

/* When there is anything else, it warns. */
static void group_releases_itself_among_others(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_call *call;
	int id, ret;

	dk_add(test, 1);
	dk_open(test, &id);
	call = dk_add_call(test, 0, dk_do_release_its_group);
	call->ptr = &id;
	call->ret = 1;
	EXPECT_A_WARNING(test, ret = devres_release_group(ctx->dev, &id));
	KUNIT_EXPECT_EQ(test, 1, ret);
	KUNIT_EXPECT_EQ(test, 0, call->ret);
	DK_FINISH_LOG(test, "10 11 1");
}

static struct kunit_case devres_misuse_cases[] = {
	KUNIT_CASE(endless_unbind),
	KUNIT_CASE(endless_group),
	KUNIT_CASE(group_releases_itself),
	KUNIT_CASE(group_releases_itself_among_others),
	{}
};

#if DEVRES_HAS_NODES

/* devres-nodes: what the Rust bindings use */

/**
 * struct dk_node - a node in a struct of its user
 * @node: the node
 * @ctx: the context of the case
 * @id: the release writes it to the log, the free function negated
 */
struct dk_node {
	struct devres_node node;
	struct dk_ctx *ctx;
	int id;
};

static struct dk_node *dk_to_node(struct devres_node *node)
{
	return container_of(node, struct dk_node, node);
}

static void dk_node_release(struct device *dev, struct devres_node *node)
{
	struct dk_node *n = dk_to_node(node);

	if (dev != n->ctx->dev)
		n->ctx->foreign++;
	dk_log(n->ctx, n->id);
}

static void dk_node_free(struct devres_node *node)
{
	struct dk_node *n = dk_to_node(node);

	dk_log(n->ctx, -n->id);
	kfree(n);
}

static struct dk_node *dk_add_node(struct kunit *test, int id)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_node *n = kzalloc(sizeof(*n), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, n);
	n->ctx = ctx;
	n->id = id;
	devres_node_init(&n->node, dk_node_release, dk_node_free);
	devres_set_node_dbginfo(&n->node, "dk_node", sizeof(*n));
	devres_node_add(ctx->dev, &n->node);
	return n;
}

static void node_released_then_freed(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	dk_add(test, 1);
	dk_add_node(test, 2);
	dk_add_node(test, 3);
	dk_add_action(test, 4);
	DK_FINISH_LOG(test, "4 3 -3 2 -2 1");
	KUNIT_EXPECT_EQ(test, ctx->foreign, 0);
}

static void node_removed(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	struct dk_node *n[3];
	int i;

	for (i = 0; i < 3; i++)
		n[i] = dk_add_node(test, i + 1);
	KUNIT_EXPECT_TRUE(test, devres_node_remove(ctx->dev, &n[1]->node));
	KUNIT_EXPECT_FALSE(test, devres_node_remove(ctx->dev, &n[1]->node));
	DK_EXPECT_LOG(test, "");
	/* It is the caller's, who may add it again. */
	devres_node_add(ctx->dev, &n[1]->node);
	DK_FINISH_LOG(test, "2 -2 3 -3 1 -1");
}

static void node_of_another_device(struct kunit *test)
{
	struct device *second = dk_second_device(test);
	struct dk_node *n = dk_add_node(test, 1);

	KUNIT_EXPECT_FALSE(test, devres_node_remove(second, &n->node));
	DK_FINISH_LOG(test, "1 -1");
}

static void node_in_group(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	dk_add_node(test, 1);
	dk_open(test, ctx);
	dk_add_node(test, 2);
	devres_close_group(ctx->dev, ctx);
	dk_add_node(test, 3);
	KUNIT_EXPECT_EQ(test, 1, devres_release_group(ctx->dev, ctx));
	DK_EXPECT_LOG(test, "2 -2");
	DK_FINISH_LOG(test, "2 -2 3 -3 1 -1");
}

static void dk_node_release_and_remove(struct device *dev, struct devres_node *node)
{
	struct dk_node *n = dk_to_node(node);

	dk_log(n->ctx, n->id);
	/* It is off the device by now. */
	dk_log(n->ctx, devres_node_remove(dev, node));
}

static void node_removes_itself(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	static struct dk_node n;

	n.ctx = ctx;
	n.id = 7;
	devres_node_init(&n.node, dk_node_release_and_remove, NULL);
	devres_node_add(ctx->dev, &n.node);
	DK_FINISH_LOG(test, "7 0");
}

static void action_is_added(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	KUNIT_EXPECT_FALSE(test, devm_is_action_added(ctx->dev, dk_action,
						      &ctx->token[1]));
	dk_add_action(test, 1);
	KUNIT_EXPECT_TRUE(test, devm_is_action_added(ctx->dev, dk_action,
						     &ctx->token[1]));
	KUNIT_EXPECT_FALSE(test, devm_is_action_added(ctx->dev, dk_action,
						      &ctx->token[2]));
	KUNIT_EXPECT_FALSE(test, devm_is_action_added(ctx->dev, dk_action_other,
						      &ctx->token[1]));
	DK_FINISH_LOG(test, "1");
}

static void action_removed_nowarn(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;

	dk_add_action(test, 1);
	dk_add_action(test, 2);
	KUNIT_EXPECT_EQ(test, 0, devm_remove_action_nowarn(ctx->dev, dk_action,
							   &ctx->token[1]));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			devm_remove_action_nowarn(ctx->dev, dk_action,
						  &ctx->token[1]));
	DK_FINISH_LOG(test, "2");
}

static void memory_kmemdup_const(struct kunit *test)
{
	struct dk_ctx *ctx = test->priv;
	const char *constant = "constant";
	char variable[] = "variable";
	const char *p;

	p = devm_kmemdup_const(ctx->dev, constant, strlen(constant) + 1,
			       GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, constant, p);
	p = devm_kmemdup_const(ctx->dev, variable, sizeof(variable), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_TRUE(test, p != variable);
	KUNIT_EXPECT_STREQ(test, p, "variable");
	devm_kfree(ctx->dev, p);
	devm_kfree(ctx->dev, constant);
}

static struct kunit_case devres_nodes_cases[] = {
	KUNIT_CASE(node_released_then_freed),
	KUNIT_CASE(node_removed),
	KUNIT_CASE(node_of_another_device),
	KUNIT_CASE(node_in_group),
	KUNIT_CASE(node_removes_itself),
	KUNIT_CASE(action_is_added),
	KUNIT_CASE(action_removed_nowarn),
	KUNIT_CASE(memory_kmemdup_const),
	{}
};

#endif /* DEVRES_HAS_NODES */

#define DK_SUITE(ident, title, initfn)			\
static struct kunit_suite ident##_suite = {		\
	.name = title,					\
	.init = initfn,					\
	.test_cases = ident##_cases,			\
}

DK_SUITE(devres_order, "devres-order", dk_init);
DK_SUITE(devres_find, "devres-find", dk_init);
DK_SUITE(devres_groups, "devres-groups", dk_init);
DK_SUITE(devres_actions, "devres-actions", dk_init);
DK_SUITE(devres_memory, "devres-memory", dk_init);
DK_SUITE(devres_driver, "devres-driver", dk_init_ctx);
DK_SUITE(devres_reentrancy, "devres-reentrancy", dk_init);
DK_SUITE(devres_misuse, "devres-misuse", dk_init);

kunit_test_suites(&devres_order_suite,
		  &devres_find_suite,
		  &devres_groups_suite,
		  &devres_actions_suite,
		  &devres_memory_suite,
		  &devres_driver_suite,
		  &devres_reentrancy_suite,
		  &devres_misuse_suite);

#if DEVRES_HAS_NODES
DK_SUITE(devres_nodes, "devres-nodes", dk_init);
kunit_test_suite(devres_nodes_suite);
#endif

MODULE_DESCRIPTION("KUnit suites for managed device resources");
MODULE_LICENSE("GPL");
