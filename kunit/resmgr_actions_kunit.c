// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of the resource manager: actions, typed ones, and the log of a class */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/resmgr.h>
#include <linux/string.h>

#include "events.h"
#include "items.h"
#include "lib.h"

static void other_action(void *data)
{
	item_gone(data);
}

static void actions_add(struct kunit *test)
{
	struct fixture *f = test->priv;

	add_action_item(f, 1);
	add_action_item(f, 2);
	EXPECT_NO_LOG(f);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 2);
	EXPECT_LOG(f, 2, 1);
}

static void actions_add_or_reset(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item = new_item(f, 1);

	KUNIT_EXPECT_EQ(test, resmgr_add_action_or_reset(&f->mgr, item_action,
							 item), 0);
	EXPECT_NO_LOG(f);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 1);
	EXPECT_LOG(f, 1);
}

static void actions_remove(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	add_action_item(f, 1);
	item = add_action_item(f, 2);
	add_action_item(f, 3);
	KUNIT_EXPECT_EQ(test, resmgr_remove_action(&f->mgr, item_action, item), 0);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 2);
	EXPECT_LOG(f, 3, 1);
}

static void actions_release(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	add_action_item(f, 1);
	item = add_action_item(f, 2);
	add_action_item(f, 3);
	KUNIT_EXPECT_EQ(test, resmgr_release_action(&f->mgr, item_action, item), 0);
	EXPECT_LOG(f, 2);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 2);
	EXPECT_LOG(f, 3, 1);
}

/* Of equal actions the newest is taken, as the place of the other one shows. */
static void actions_duplicate(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item = new_item(f, 1);

	KUNIT_ASSERT_EQ(test, resmgr_add_action(&f->mgr, item_action, item), 0);
	add_action_item(f, 2);
	KUNIT_ASSERT_EQ(test, resmgr_add_action(&f->mgr, item_action, item), 0);
	KUNIT_EXPECT_EQ(test, resmgr_remove_action(&f->mgr, item_action, item), 0);
	EXPECT_NO_LOG(f);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 2);
	EXPECT_LOG(f, 2, 1);

	KUNIT_ASSERT_EQ(test, resmgr_add_action(&f->mgr, item_action, item), 0);
	add_action_item(f, 2);
	KUNIT_ASSERT_EQ(test, resmgr_add_action(&f->mgr, item_action, item), 0);
	KUNIT_EXPECT_EQ(test, resmgr_release_action(&f->mgr, item_action, item), 0);
	EXPECT_LOG(f, 1);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 2);
	EXPECT_LOG(f, 2, 1);
}

static void actions_differ(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item = new_item(f, 1);

	/* Same argument, another function; same function, another argument. */
	KUNIT_ASSERT_EQ(test, resmgr_add_action(&f->mgr, other_action, item), 0);
	KUNIT_ASSERT_EQ(test, resmgr_add_action(&f->mgr, item_action, item), 0);
	add_action_item(f, 2);
	KUNIT_EXPECT_EQ(test, resmgr_remove_action(&f->mgr, other_action, item), 0);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 2);
	EXPECT_LOG(f, 2, 1);
}

static void actions_unknown(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item, *stranger = new_item(f, 9);
	int ret = 0;

	item = add_action_item(f, 1);
	EXPECT_WARNING(test, "resmgr: kunit fixture: there is no action item_action",
		       ret = resmgr_remove_action(&f->mgr, item_action, stranger));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	EXPECT_WARNING(test, "there is no action item_action",
		       ret = resmgr_release_action(&f->mgr, item_action, stranger));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	EXPECT_WARNING(test, "there is no action other_action",
		       ret = resmgr_release_action(&f->mgr, other_action, item));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	EXPECT_WARNING(test, "there is no action item_action",
		       ret = resmgr_release_action(&f->other, item_action, item));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	EXPECT_NO_LOG(f);

	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 1);
	EXPECT_LOG(f, 1);
}

static unsigned int typed_without_argument;

static void typed_action(struct item **res)
{
	if (res)
		item_gone(*res);
	else
		typed_without_argument++;
}

static void add_typed(struct fixture *f, struct item *item)
{
	KUNIT_ASSERT_EQ(f->test, resmgr_add_typed_action(&f->mgr,
							 (void *)typed_action,
							 &item->self, "typed"), 0);
}

/* Of equal ones the oldest is taken here. */
static void actions_typed(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *one = new_item(f, 1), *two = new_item(f, 2);
	int ret = 0;

	add_typed(f, one);
	add_typed(f, two);
	add_typed(f, one);
	/* Not to be taken for these. */
	KUNIT_ASSERT_EQ(test, resmgr_add_action(&f->mgr, item_action, one), 0);
	KUNIT_EXPECT_EQ(test, resmgr_release_typed_action(&f->mgr,
							  (void *)typed_action,
							  &one->self), 0);
	EXPECT_LOG(f, 1);
	EXPECT_WARNING(test, "there is no action item_action",
		       ret = resmgr_release_typed_action(&f->mgr,
							 (void *)item_action, one));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	EXPECT_NO_LOG(f);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 3);
	EXPECT_LOG(f, 1, 1, 2);
}

/* %NULL matches any argument. The function is called with %NULL. */
static void actions_typed_any(struct kunit *test)
{
	struct fixture *f = test->priv;

	typed_without_argument = 0;
	add_typed(f, new_item(f, 1));
	add_typed(f, new_item(f, 2));
	KUNIT_ASSERT_EQ(test, resmgr_add_typed_action(&f->mgr,
						      (void *)typed_action, NULL,
						      "typed"), 0);
	KUNIT_EXPECT_EQ(test, resmgr_release_typed_action(&f->mgr,
							  (void *)typed_action,
							  NULL), 0);
	KUNIT_EXPECT_EQ(test, typed_without_argument, 1);
	EXPECT_NO_LOG(f);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 2);
	KUNIT_EXPECT_EQ(test, typed_without_argument, 2);
	EXPECT_LOG(f, 2);
}

/* Their names are copies, and there until the last event is over. */
static void actions_typed_name(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct trace *t = trace_need(test, &f->mgr);
	struct item *item = new_item(f, 1);
	char name[] = "short-lived";
	int i;

	KUNIT_ASSERT_EQ(test, resmgr_add_typed_action(&f->mgr,
						      (void *)typed_action,
						      &item->self, name), 0);
	memset(name, '!', strlen(name));
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 1);
	KUNIT_ASSERT_EQ(test, t->count, 3);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_STREQ(test, t->events[i].name, "short-lived");
	KUNIT_EXPECT_EQ(test, t->events[2].op, TRACE_END);
}

struct logged {
	struct resmgr	mgr;
	unsigned int	count;
	enum resmgr_op	ops[8];
};

static void logged_op(struct resmgr *mgr, const struct resmgr_node *node,
		      enum resmgr_op op)
{
	struct logged *logged = container_of(mgr, struct logged, mgr);

	lockdep_assert_held(&mgr->lock);
	if (logged->count < ARRAY_SIZE(logged->ops))
		logged->ops[logged->count] = op;
	logged->count++;
}

/* A class whose log has a switch of its own. */
static void actions_logged(struct kunit *test)
{
	static unsigned long log_switch;
	static const struct resmgr_class class = {
		.name		= "logged",
		.log		= logged_op,
		.log_switch	= &log_switch,
	};
	static const enum resmgr_op want[] = {
		RESMGR_OP_ADD, RESMGR_OP_ADD, RESMGR_OP_ADD, RESMGR_OP_REMOVE,
		RESMGR_OP_RELEASE, RESMGR_OP_RELEASE,
	};
	struct fixture *f = test->priv;
	struct item *item = new_item(f, 1);
	struct logged *logged;
	void *mem;
	int i;

	logged = kunit_kzalloc(test, sizeof(*logged), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, logged);
	resmgr_init(&logged->mgr, &class);
	KUNIT_EXPECT_EQ(test, resmgr_node_add(&logged->mgr, &item->node), 0);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&logged->mgr), 1);
	KUNIT_EXPECT_EQ(test, logged->count, 0);

	log_switch = BIT(3);
	KUNIT_EXPECT_EQ(test, resmgr_node_add(&logged->mgr, &item->node), 0);
	mem = resmgr_kzalloc(&logged->mgr, 8, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, resmgr_add_action(&logged->mgr, item_action,
						item), 0);
	resmgr_kfree(&logged->mgr, mem);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&logged->mgr), 2);
	EXPECT_LOG(f, 1, 1, 1);

	KUNIT_ASSERT_EQ(test, logged->count, ARRAY_SIZE(want));
	for (i = 0; i < ARRAY_SIZE(want); i++)
		KUNIT_EXPECT_EQ(test, logged->ops[i], want[i]);
}

static struct kunit_case actions_cases[] = {
	KUNIT_CASE(actions_add),
	KUNIT_CASE(actions_add_or_reset),
	KUNIT_CASE(actions_remove),
	KUNIT_CASE(actions_release),
	KUNIT_CASE(actions_duplicate),
	KUNIT_CASE(actions_differ),
	KUNIT_CASE(actions_unknown),
	KUNIT_CASE(actions_typed),
	KUNIT_CASE(actions_typed_any),
	KUNIT_CASE(actions_typed_name),
	KUNIT_CASE(actions_logged),
	{}
};

static struct kunit_suite actions_suite = {
	.name		= "resmgr-actions",
	.init		= fixture_init,
	.exit		= fixture_exit,
	.test_cases	= actions_cases,
};

kunit_test_suite(actions_suite);

MODULE_DESCRIPTION("KUnit tests of the resource manager: actions");
MODULE_LICENSE("GPL");
