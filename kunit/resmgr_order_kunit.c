// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of the resource manager: the order of release, and what is found */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/resmgr.h>
#include <linux/sched.h>

#include "events.h"
#include "items.h"
#include "lib.h"

static void other_release(struct resmgr *mgr, struct resmgr_node *node)
{
	item_gone(container_of(node, struct item, node));
}

static const unsigned int order_counts[] = { 0, 1, 2, 3, 17, 1000 };

static void order_count_desc(const unsigned int *count, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u resources", *count);
}

KUNIT_ARRAY_PARAM(order_count, order_counts, order_count_desc);

static void order_is_reverse(struct kunit *test)
{
	unsigned int i, count = *(const unsigned int *)test->param_value;
	struct fixture *f = test->priv;
	struct item **items;

	items = kunit_kcalloc(test, count + 1, sizeof(*items), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, items);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
	for (i = 0; i < count; i++) {
		items[i] = add_item(f, i);
		KUNIT_EXPECT_FALSE(test, resmgr_empty(&f->mgr));
	}

	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), count);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
	KUNIT_EXPECT_EQ(test, f->logged, count);
	for (i = 0; i < count; i++) {
		KUNIT_ASSERT_EQ(test, f->log[i], count - 1 - i);
		KUNIT_ASSERT_EQ(test, items[i]->released, 1);
	}

	/* Once is all. */
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 0);
	KUNIT_EXPECT_EQ(test, f->logged, count);
}

/* Add a resource of the kind, whose release logs @id. */
static void add_kind(struct fixture *f, enum resmgr_kind kind, int id)
{
	struct kunit *test = f->test;
	struct item *item = new_item(f, id);
	struct resmgr_data *data;

	switch (kind) {
	case RESMGR_NODE:
		KUNIT_ASSERT_EQ(test, resmgr_node_add(&f->mgr, &item->node), 0);
		break;
	case RESMGR_DATA:
		data = __resmgr_data_alloc(RESMGR_DATA,
					   (void *)item_data_release,
					   sizeof(item), GFP_KERNEL,
					   NUMA_NO_NODE, "data", _RET_IP_);
		KUNIT_ASSERT_NOT_NULL(test, data);
		*(struct item **)data->data = item;
		KUNIT_ASSERT_EQ(test, resmgr_node_add(&f->mgr, &data->node), 0);
		break;
	case RESMGR_MEM:
		KUNIT_ASSERT_NOT_NULL(test, resmgr_kzalloc(&f->mgr, 1 + id,
							   GFP_KERNEL));
		break;
	case RESMGR_ACTION:
		KUNIT_ASSERT_EQ(test, resmgr_add_action(&f->mgr, item_action,
							item), 0);
		break;
	case RESMGR_TYPED_ACTION:
		KUNIT_ASSERT_EQ(test, resmgr_add_typed_action(&f->mgr,
							      (void *)item_data_release,
							      &item->self, "typed"), 0);
		break;
	case RESMGR_PAGES:
		KUNIT_ASSERT_NE(test, resmgr_get_free_pages(&f->mgr, GFP_KERNEL,
							    id % 3), 0);
		break;
	case RESMGR_PERCPU:
		KUNIT_ASSERT_NOT_NULL(test, (__force void *)
				      resmgr_alloc_percpu(&f->mgr, u64));
		break;
	default:
		KUNIT_FAIL_AND_ABORT(test, "no such resource");
	}
}

static void order_of_mixed_kinds(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct trace *t = trace_start(test, &f->mgr);
	unsigned int i, n = 0, count = 10 * (RESMGR_PERCPU + 1);

	for (i = 0; i < count; i++)
		add_kind(f, i % (RESMGR_PERCPU + 1), i);
	if (t)
		KUNIT_EXPECT_EQ(test, t->count, count);

	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), count);

	/* Those that call back: nodes, data and actions. */
	for (i = count; i--; ) {
		u32 kind = i % (RESMGR_PERCPU + 1);

		if (kind != RESMGR_NODE && kind != RESMGR_DATA &&
		    kind != RESMGR_ACTION && kind != RESMGR_TYPED_ACTION)
			continue;
		KUNIT_ASSERT_EQ(test, f->log[n], i);
		n++;
	}
	KUNIT_EXPECT_EQ(test, f->logged, n);

	/* All of them, as traced. */
	if (!t)
		return;
	KUNIT_ASSERT_EQ(test, t->count, 3 * count);
	for (i = 0; i < count; i++) {
		const struct trace_event_seen *add = &t->events[count - 1 - i];
		const struct trace_event_seen *rel = &t->events[count + 2 * i];

		KUNIT_ASSERT_EQ(test, add->op, TRACE_ADD);
		KUNIT_ASSERT_EQ(test, rel->op, TRACE_BEGIN);
		KUNIT_ASSERT_PTR_EQ(test, rel->node, add->node);
		KUNIT_ASSERT_EQ(test, rel->kind, add->kind);
	}
}

static void order_after_remove(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *items[7];
	int i;

	for (i = 0; i < ARRAY_SIZE(items); i++)
		items[i] = add_item(f, i);

	/* The newest, the oldest, one in between. */
	KUNIT_EXPECT_EQ(test, resmgr_node_remove(&f->mgr, &items[6]->node), 0);
	KUNIT_EXPECT_EQ(test, resmgr_node_remove(&f->mgr, &items[0]->node), 0);
	KUNIT_EXPECT_EQ(test, resmgr_node_remove(&f->mgr, &items[3]->node), 0);
	EXPECT_NO_LOG(f);

	/* One that was removed can be added again, as the newest. */
	KUNIT_EXPECT_EQ(test, resmgr_node_add(&f->mgr, &items[3]->node), 0);

	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 5);
	EXPECT_LOG(f, 3, 5, 4, 2, 1);
}

static void order_after_replace(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *items[3], *new[3];
	int i;

	for (i = 0; i < 3; i++) {
		items[i] = add_item(f, i);
		new[i] = new_item(f, 10 + i);
	}
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, resmgr_node_replace(&f->mgr, &items[i]->node,
							  &new[i]->node), 0);
	EXPECT_NO_LOG(f);

	/* The old ones are free to go elsewhere. */
	KUNIT_EXPECT_EQ(test, resmgr_node_add(&f->other, &items[1]->node), 0);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 3);
	EXPECT_LOG(f, 12, 11, 10);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->other), 1);
	EXPECT_LOG(f, 1);
}

static void order_is_used_again(struct kunit *test)
{
	struct fixture *f = test->priv;
	int i;

	for (i = 0; i < 3; i++) {
		add_item(f, 1);
		add_action_item(f, 2);
		KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 2);
		EXPECT_LOG(f, 2, 1);
	}
}

static void order_find(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *a1, *a2, *b, *new;
	void *fn = (void *)item_release;
	int one = 1, two = 2;

	a1 = add_item(f, 1);
	b = add_item(f, 2);
	a2 = add_item(f, 1);

	/* The newest match; the function and the kind have to be right, too. */
	KUNIT_EXPECT_PTR_EQ(test, resmgr_find(&f->mgr, RESMGR_NODE, fn, NULL, NULL),
			    &a2->node);
	KUNIT_EXPECT_PTR_EQ(test, resmgr_find(&f->mgr, RESMGR_NODE, fn, is_item,
					      &one), &a2->node);
	KUNIT_EXPECT_PTR_EQ(test, resmgr_find(&f->mgr, RESMGR_NODE, fn, is_item,
					      &two), &b->node);
	KUNIT_EXPECT_NULL(test, resmgr_find(&f->mgr, RESMGR_NODE,
					    (void *)other_release, NULL,
					    NULL));
	KUNIT_EXPECT_NULL(test, resmgr_find(&f->mgr, RESMGR_DATA, fn, NULL, NULL));
	KUNIT_EXPECT_NULL(test, resmgr_find(&f->other, RESMGR_NODE, fn, NULL, NULL));

	/* It is taken off without a release. The next search finds the next one. */
	KUNIT_EXPECT_PTR_EQ(test, resmgr_find_remove(&f->mgr, RESMGR_NODE, fn,
						     is_item, &one), &a2->node);
	KUNIT_EXPECT_PTR_EQ(test, resmgr_find(&f->mgr, RESMGR_NODE, fn, is_item,
					      &one), &a1->node);
	EXPECT_NO_LOG(f);
	KUNIT_EXPECT_EQ(test, resmgr_find_release(&f->mgr, RESMGR_NODE, fn,
						  is_item, &one), 0);
	EXPECT_LOG(f, 1);
	KUNIT_EXPECT_EQ(test, a1->released, 1);
	KUNIT_EXPECT_NULL(test, resmgr_find_remove(&f->mgr, RESMGR_NODE, fn,
						   is_item, &one));
	KUNIT_EXPECT_EQ(test, resmgr_find_release(&f->mgr, RESMGR_NODE, fn,
						  is_item, &one), -ENOENT);

	/* If a match is found, the caller keeps the new one. Otherwise it is added. */
	new = new_item(f, 3);
	KUNIT_EXPECT_PTR_EQ(test, resmgr_find_or_add(&f->mgr, &new->node, is_item,
						     &two), &b->node);
	KUNIT_EXPECT_PTR_EQ(test, resmgr_find_or_add(&f->mgr, &new->node, is_item,
						     &one), &new->node);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 2);
	EXPECT_LOG(f, 3, 2);
}

static void order_for_each(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct each each = { };
	void *id;

	KUNIT_EXPECT_EQ(test, resmgr_for_each(&f->mgr, each_item, &each), 0);
	KUNIT_EXPECT_EQ(test, each.count, 0);

	add_item(f, 1);
	id = resmgr_open_group(&f->mgr, NULL, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, id);
	add_item(f, 2);
	KUNIT_EXPECT_EQ(test, resmgr_close_group(&f->mgr, id), 0);
	add_item(f, 3);

	/* Markers would come up as items without a number. */
	KUNIT_EXPECT_EQ(test, resmgr_for_each(&f->mgr, each_item, &each), 0);
	KUNIT_EXPECT_EQ(test, each.count, 3);
	KUNIT_EXPECT_EQ(test, each.seen[0], 3);
	KUNIT_EXPECT_EQ(test, each.seen[1], 2);
	KUNIT_EXPECT_EQ(test, each.seen[2], 1);

	each = (struct each){ .stop_at = 2 };
	KUNIT_EXPECT_EQ(test, resmgr_for_each(&f->mgr, each_item, &each), -EINTR);
	KUNIT_EXPECT_EQ(test, each.count, 2);

	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 3);
}

static void order_final(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *late = new_item(f, 9), *item;
	void *fn = (void *)item_release;
	void *ptr = NULL;
	int ret = 0;

	add_item(f, 1);
	item = add_hooked(f, 2, hook_add_another);
	item->peer = new_item(f, 3);

	/* Resources that are added while it runs are released by it. */
	KUNIT_EXPECT_EQ(test, resmgr_release_final(&f->mgr), 3);
	KUNIT_EXPECT_EQ(test, item->ret, 0);
	EXPECT_LOG(f, 2, 3, 1);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));

	/* Later additions are refused, and the caller keeps the resource. */
	EXPECT_WARNING(test, "resmgr: kunit fixture: cannot add item",
		       ret = resmgr_node_add(&f->mgr, &late->node));
	KUNIT_EXPECT_EQ(test, ret, -ESHUTDOWN);
	EXPECT_WARNING(test, "cannot add item",
		       ptr = resmgr_find_or_add(&f->mgr, &late->node, NULL, NULL));
	KUNIT_EXPECT_NULL(test, ptr);
	EXPECT_WARNING(test, "cannot add item_action",
		       ret = resmgr_add_action(&f->mgr, item_action, late));
	KUNIT_EXPECT_EQ(test, ret, -ESHUTDOWN);
	EXPECT_NO_LOG(f);
	EXPECT_WARNING(test, "cannot add item_action",
		       ret = resmgr_add_action_or_reset(&f->mgr, item_action, late));
	KUNIT_EXPECT_EQ(test, ret, -ESHUTDOWN);
	EXPECT_LOG(f, 9);
	EXPECT_WARNING(test, "cannot add",
		       ptr = resmgr_kmalloc(&f->mgr, 8, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, ptr);
	EXPECT_WARNING(test, "cannot add",
		       ptr = resmgr_krealloc(&f->mgr, NULL, 8, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, ptr);
	EXPECT_WARNING(test, "cannot add",
		       ptr = (void *)resmgr_get_free_pages(&f->mgr, GFP_KERNEL, 0));
	KUNIT_EXPECT_NULL(test, ptr);
	EXPECT_WARNING(test, "cannot add",
		       ptr = (__force void *)resmgr_alloc_percpu(&f->mgr, int));
	KUNIT_EXPECT_NULL(test, ptr);
	EXPECT_WARNING(test, "cannot add",
		       ptr = resmgr_open_group(&f->mgr, NULL, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, ptr);

	/* Looking finds nothing, and is no mistake. */
	KUNIT_EXPECT_NULL(test, resmgr_find(&f->mgr, RESMGR_NODE, fn, NULL, NULL));
	KUNIT_EXPECT_NULL(test, resmgr_find_remove(&f->mgr, RESMGR_NODE, fn, NULL,
						   NULL));
	KUNIT_EXPECT_EQ(test, resmgr_find_release(&f->mgr, RESMGR_NODE, fn, NULL,
						  NULL), -ENOENT);
	KUNIT_EXPECT_EQ(test, resmgr_release_group(&f->mgr, f), 0);

	/* Another release is one. */
	EXPECT_WARNING(test, "cannot release",
		       ret = resmgr_release_all(&f->mgr));
	KUNIT_EXPECT_EQ(test, ret, -ENODEV);
	EXPECT_WARNING(test, "cannot release",
		       ret = resmgr_release_final(&f->mgr));
	KUNIT_EXPECT_EQ(test, ret, -ENODEV);

	/* The one that was refused can go elsewhere. */
	KUNIT_EXPECT_EQ(test, resmgr_node_add(&f->other, &late->node), 0);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->other), 1);
	EXPECT_LOG(f, 9);
}

#define CROWD	400

struct crowd {
	struct fixture		*f;
	struct completion	go, done[3];
	struct item		*items[CROWD];
	int			released[2];
	int			taken;
};

static int crowd_release(struct crowd *c, int who)
{
	int total = 0, tries;

	wait_for_completion(&c->go);
	for (tries = 0; tries < CROWD; tries++) {
		total += resmgr_release_all(&c->f->mgr);
		cond_resched();
	}
	c->released[who] = total;
	complete(&c->done[who]);
	return 0;
}

static int crowd_release_0(void *data)
{
	return crowd_release(data, 0);
}

static int crowd_release_1(void *data)
{
	return crowd_release(data, 1);
}

static int crowd_take(void *data)
{
	struct crowd *c = data;
	int i;

	wait_for_completion(&c->go);
	for (i = 0; i < CROWD; i += 3) {
		if (resmgr_find_remove(&c->f->mgr, RESMGR_NODE,
				       (void *)item_release, is_item, &i))
			c->taken++;
		cond_resched();
	}
	complete(&c->done[2]);
	return 0;
}

static void hook_yield(struct item *item)
{
	cond_resched();
	if (!(item->id % 16))
		usleep_range(50, 100);
}

/* Two tasks release everything and one takes some off: each resource has one owner. */
static void order_with_many_hands(struct kunit *test)
{
	static int (* const fns[])(void *) = {
		crowd_release_0, crowd_release_1, crowd_take,
	};
	struct fixture *f = test->priv;
	struct crowd *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	struct task_struct *task;
	int i, released = 0;

	KUNIT_ASSERT_NOT_NULL(test, c);
	c->f = f;
	init_completion(&c->go);
	for (i = 0; i < CROWD; i++)
		c->items[i] = add_hooked(f, i, hook_yield);
	for (i = 0; i < ARRAY_SIZE(fns); i++) {
		init_completion(&c->done[i]);
		task = kthread_run(fns[i], c, "resmgr-kunit-%d", i);
		if (IS_ERR(task)) {
			KUNIT_FAIL(test, "no thread");
			complete(&c->done[i]);
		}
	}
	complete_all(&c->go);
	for (i = 0; i < ARRAY_SIZE(fns); i++)
		wait_for_completion(&c->done[i]);

	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
	for (i = 0; i < CROWD; i++) {
		KUNIT_EXPECT_LE(test, c->items[i]->released, 1);
		released += c->items[i]->released;
	}
	KUNIT_EXPECT_EQ(test, c->released[0] + c->released[1], released);
	KUNIT_EXPECT_EQ(test, released + c->taken, CROWD);
}

static struct kunit_case order_cases[] = {
	KUNIT_CASE_PARAM(order_is_reverse, order_count_gen_params),
	KUNIT_CASE(order_of_mixed_kinds),
	KUNIT_CASE(order_after_remove),
	KUNIT_CASE(order_after_replace),
	KUNIT_CASE(order_is_used_again),
	KUNIT_CASE(order_find),
	KUNIT_CASE(order_for_each),
	KUNIT_CASE(order_final),
	KUNIT_CASE(order_with_many_hands),
	{}
};

static struct kunit_suite order_suite = {
	.name		= "resmgr-order",
	.init		= fixture_init,
	.exit		= fixture_exit,
	.test_cases	= order_cases,
};

kunit_test_suite(order_suite);

MODULE_DESCRIPTION("KUnit tests of the resource manager: order of release");
MODULE_LICENSE("GPL");
