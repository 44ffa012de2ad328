// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of the resource manager: release functions that use their own manager */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/module.h>
#include <linux/resmgr.h>

#include "items.h"
#include "lib.h"

/* Identity of a group: any address. */
static int id_a;

static void nothing(void *unused)
{
}

static struct item *find_item(struct fixture *f, int id)
{
	struct resmgr_node *node;

	node = resmgr_find(&f->mgr, RESMGR_NODE, (void *)item_release,
			   is_item, &id);
	return node ? container_of(node, struct item, node) : NULL;
}

static void reentry_add(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	add_item(f, 1);
	item = add_hooked(f, 2, hook_add_another);
	item->peer = new_item(f, 20);
	add_item(f, 3);

	/* The new one comes next. */
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 4);
	EXPECT_LOG(f, 3, 2, 20, 1);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

static void reentry_add_itself(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	add_item(f, 1);
	item = add_hooked(f, 2, hook_add_itself);
	item->left = 1000;
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 1002);
	KUNIT_EXPECT_EQ(test, item->ret, 0);
	KUNIT_EXPECT_EQ(test, item->released, 1001);
	KUNIT_EXPECT_EQ(test, f->log[1000], 2);
	KUNIT_EXPECT_EQ(test, f->log[1001], 1);
	KUNIT_EXPECT_EQ(test, f->logged, 1002);
}

static void hook_add_action_again(struct item *item)
{
	if (item->left-- > 0)
		item->ret |= resmgr_add_action(&item->f->mgr, item_action, item);
}

static void reentry_add_repeatedly(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	add_item(f, 1);
	item = add_action_item(f, 2);
	item->hook = hook_add_action_again;
	item->left = 1000;
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 1002);
	KUNIT_EXPECT_EQ(test, item->ret, 0);
	KUNIT_EXPECT_EQ(test, item->released, 1001);
	KUNIT_EXPECT_EQ(test, f->logged, 1002);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

/* As long a chain as anybody may want. */
static void reentry_add_in_a_chain(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	add_item(f, 1);
	item = add_hooked(f, 2, hook_add_itself);
	item->left = 10000;
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 10002);
	KUNIT_EXPECT_EQ(test, item->released, 10001);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

/* Resources that were there before do not count, however many there are. */
static void reentry_add_to_many(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;
	int i;

	for (i = 0; i < 25000; i++)
		KUNIT_ASSERT_NOT_NULL(test, resmgr_kmalloc(&f->mgr, 1, GFP_KERNEL));
	for (i = 0; i < 15000; i++)
		KUNIT_ASSERT_EQ(test, resmgr_add_action(&f->mgr, nothing, NULL), 0);
	item = add_hooked(f, 1, hook_add_itself);
	item->left = 5000;
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 45001);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

/*
 * One that never ends. What was there is released, as devres always has; what is
 * added is left there.
 */
static void reentry_endless(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *first, *item, *last;

	first = add_item(f, 1);
	item = add_hooked(f, 2, hook_add_itself);
	item->left = ENDLESS;
	last = add_item(f, 3);
	EXPECT_LINE(test, "kunit fixture: release functions go on adding resources, such as item:",
		    resmgr_release_all(&f->mgr));
	KUNIT_EXPECT_GT(test, item->left, ENDLESS / 2);
	KUNIT_EXPECT_EQ(test, item->ret, 0);
	KUNIT_EXPECT_EQ(test, first->released, 1);
	KUNIT_EXPECT_EQ(test, last->released, 1);

	/* It can be used again, and released when that has an end. */
	KUNIT_EXPECT_FALSE(test, resmgr_empty(&f->mgr));
	item->left = 0;
	add_item(f, 4);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 2);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

/* Always another one, in groups, and release functions that release all. */
static void hook_add_endlessly(struct item *item)
{
	struct kunit *test = item->f->test;

	if (item->left-- <= 0)
		return;
	KUNIT_EXPECT_NOT_NULL(test, resmgr_open_group(&item->f->mgr, NULL, GFP_KERNEL));
	item->ret |= resmgr_add_action(&item->f->mgr, item_action, item);
	KUNIT_EXPECT_NOT_NULL(test, resmgr_open_group(&item->f->mgr, NULL, GFP_KERNEL));
}

static void reentry_endless_in_groups(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	open_group(f, &id_a);
	add_item(f, 1);
	item = add_action_item(f, 2);
	item->hook = hook_add_endlessly;
	item->left = ENDLESS;
	add_item(f, 3);
	close_group(f, &id_a);
	EXPECT_LINE(test, "release functions go on adding resources, such as ",
		    resmgr_release_all(&f->mgr));
	KUNIT_EXPECT_GT(test, item->left, ENDLESS / 2);
	KUNIT_EXPECT_EQ(test, item->ret, 0);
	item->left = 0;
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 1);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

static void hook_close_group(struct item *item)
{
	resmgr_close_group(&item->f->mgr, &id_a);
}

/* A group that is open when the teardown turns out endless, and is closed later. */
static void reentry_endless_closes(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	open_group(f, &id_a);
	add_hooked(f, 1, hook_close_group);
	item = add_hooked(f, 2, hook_add_itself);
	item->left = ENDLESS;
	EXPECT_LINE(test, "release functions go on adding resources, such as item:",
		    resmgr_release_all(&f->mgr));
	item->left = 0;
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 1);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

static void hook_release_all_endlessly(struct item *item)
{
	if (item->left-- <= 0)
		return;
	item->ret |= resmgr_node_add(&item->f->mgr, &item->node);
	/* Once, below the teardown that is under way. */
	if (item->left == 100)
		resmgr_release_all(&item->f->mgr);
}

/* A second task that releases everything may release what the first was about to. */
static void reentry_endless_twice(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *first, *item;

	first = add_item(f, 1);
	item = add_hooked(f, 2, hook_release_all_endlessly);
	/* It is released so often, and once more: see resmgr_is_endless(). */
	item->left = (10000 + 2 + 10000) + 1 + 100;
	EXPECT_LINE(test, "release functions go on adding resources, such as item:",
		    resmgr_release_all(&f->mgr));
	KUNIT_EXPECT_LT(test, item->left, 100);
	KUNIT_EXPECT_EQ(test, first->released, 1);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

/* The owner goes, so it is lost. */
static void reentry_endless_final(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *first, *item;
	int left;

	first = add_item(f, 1);
	item = add_hooked(f, 2, hook_add_itself);
	item->left = ENDLESS;
	EXPECT_LINE(test, "such as item: what they add from now on is lost",
		    resmgr_release_final(&f->mgr));
	KUNIT_EXPECT_GT(test, item->left, ENDLESS / 2);
	KUNIT_EXPECT_EQ(test, first->released, 1);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
	left = item->left;
	EXPECT_WARNING(test, "cannot release",
		       KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), -ENODEV));
	KUNIT_EXPECT_EQ(test, item->left, left);
	/* It is on no list any more, so it can be added elsewhere. */
	item->left = 0;
	KUNIT_EXPECT_EQ(test, resmgr_node_add(&f->other, &item->node), 0);
}

static void hook_remove_peer(struct item *item)
{
	item->ret = resmgr_node_remove(&item->f->mgr, &item->peer->node);
}

static void reentry_remove(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *peer, *item;

	add_item(f, 1);
	peer = add_item(f, 2);
	add_item(f, 3);
	item = add_hooked(f, 4, hook_remove_peer);
	item->peer = peer;

	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 3);
	EXPECT_LOG(f, 4, 3, 1);
	KUNIT_EXPECT_EQ(test, item->ret, 0);
	KUNIT_EXPECT_EQ(test, peer->released, 0);
	/* Really gone: it can be added elsewhere. */
	KUNIT_EXPECT_EQ(test, resmgr_node_add(&f->other, &peer->node), 0);
}

static void hook_release_peer(struct item *item)
{
	item->ret = resmgr_find_release(&item->f->mgr, RESMGR_NODE,
					(void *)item_release, is_item,
					&item->peer->id);
}

static void reentry_release(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *first, *peer, *item;

	first = add_item(f, 1);
	peer = add_hooked(f, 2, hook_release_peer);
	peer->peer = first;
	add_item(f, 3);
	item = add_hooked(f, 4, hook_release_peer);
	item->peer = peer;

	/* The two are released out of turn, one in the release of the other. */
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 2);
	EXPECT_LOG(f, 4, 2, 1, 3);
	KUNIT_EXPECT_EQ(test, item->ret, 0);
	KUNIT_EXPECT_EQ(test, peer->ret, 0);
	KUNIT_EXPECT_EQ(test, peer->released, 1);
}

static void hook_release_action(struct item *item)
{
	item->ret = resmgr_release_action(&item->f->mgr, item_action, item->peer);
}

static void hook_remove_action(struct item *item)
{
	item->ret = resmgr_remove_action(&item->f->mgr, item_action, item->peer);
}

static void reentry_actions(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *a[6];
	int i;

	for (i = 1; i < ARRAY_SIZE(a); i++)
		a[i] = add_action_item(f, i);
	a[5]->hook = hook_remove_action;
	a[5]->peer = a[3];
	a[4]->hook = hook_release_action;
	a[4]->peer = a[1];

	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 3);
	EXPECT_LOG(f, 5, 4, 1, 2);
	KUNIT_EXPECT_EQ(test, a[5]->ret, 0);
	KUNIT_EXPECT_EQ(test, a[4]->ret, 0);
}

static void hook_look(struct item *item)
{
	struct fixture *f = item->f;
	struct each each = { };

	resmgr_for_each(&f->mgr, each_item, &each);
	item->left = each.count;
	/* Not itself; what is older is there. */
	item->ret = !find_item(f, item->id) && find_item(f, item->peer->id);
}

static void reentry_look(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *peer, *item;

	peer = add_item(f, 1);
	add_item(f, 2);
	item = add_hooked(f, 3, hook_look);
	item->peer = peer;

	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 3);
	KUNIT_EXPECT_EQ(test, item->left, 2);
	KUNIT_EXPECT_TRUE(test, item->ret);
}

static void hook_use_group(struct item *item)
{
	struct fixture *f = item->f;
	void *id;

	id = resmgr_open_group(&f->mgr, NULL, GFP_KERNEL);
	if (!id)
		return;
	item->ret |= resmgr_node_add(&f->mgr, &item->peer->node);
	item->ret |= resmgr_close_group(&f->mgr, id);
	item->left = resmgr_release_group(&f->mgr, id);

	/* One that is left open, one that is closed, one that is dissolved. */
	if (!resmgr_open_group(&f->mgr, f, GFP_KERNEL))
		item->ret |= 1;
	if (!resmgr_open_group(&f->mgr, f->log, GFP_KERNEL))
		item->ret |= 1;
	item->ret |= resmgr_close_group(&f->mgr, f->log);
	if (!resmgr_open_group(&f->mgr, item, GFP_KERNEL))
		item->ret |= 1;
	item->ret |= resmgr_remove_group(&f->mgr, item);
}

static void reentry_groups(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	add_item(f, 1);
	item = add_hooked(f, 2, hook_use_group);
	item->peer = new_item(f, 20);

	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 2);
	EXPECT_LOG(f, 2, 20, 1);
	KUNIT_EXPECT_EQ(test, item->ret, 0);
	KUNIT_EXPECT_EQ(test, item->left, 1);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

static void reentry_older_group(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item, *inside;
	void *id;

	add_item(f, 1);
	id = resmgr_open_group(&f->mgr, NULL, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, id);
	inside = add_hooked(f, 2, hook_release_group);
	inside->ptr = id;
	add_item(f, 3);
	KUNIT_EXPECT_EQ(test, resmgr_close_group(&f->mgr, id), 0);
	item = add_hooked(f, 4, hook_release_group);
	item->ptr = id;

	/*
	 * The release of one resource releases a group of older ones, one of
	 * which tries the same when the group is on its way out: no warning.
	 */
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 2);
	EXPECT_LOG(f, 4, 3, 2, 1);
	KUNIT_EXPECT_EQ(test, item->ret, 2);
	KUNIT_EXPECT_EQ(test, inside->ret, 0);
}

static void hook_memory(struct item *item)
{
	struct fixture *f = item->f;

	item->ret = resmgr_kfree(&f->mgr, item->ptr);
	item->ptr = resmgr_kzalloc(&f->mgr, 64, GFP_KERNEL);
	item->ptr = resmgr_krealloc(&f->mgr, item->ptr, 4096, GFP_KERNEL);
	if (!item->ptr)
		item->ret = -ENOMEM;
}

static void reentry_memory(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;
	void *ptr;

	ptr = resmgr_kmalloc(&f->mgr, 16, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	add_item(f, 1);
	item = add_hooked(f, 2, hook_memory);
	item->ptr = ptr;

	/* The two items, and the memory that one of them left. */
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 3);
	EXPECT_LOG(f, 2, 1);
	KUNIT_EXPECT_EQ(test, item->ret, 0);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

static void reentry_release_all(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item, *deep;

	add_item(f, 1);
	deep = add_hooked(f, 2, hook_release_all);
	add_item(f, 3);
	item = add_hooked(f, 4, hook_release_all);
	add_item(f, 5);

	/* Each counts what it has released. */
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 2);
	EXPECT_LOG(f, 5, 4, 3, 2, 1);
	KUNIT_EXPECT_EQ(test, item->ret, 2);
	KUNIT_EXPECT_EQ(test, deep->ret, 1);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

/* The innermost call releases everything. The outer ones continue after it. */
static void hook_release_all_then_add(struct item *item)
{
	struct fixture *f = item->f;

	resmgr_release_all(&f->mgr);
	item->ret = resmgr_node_add(&f->mgr, &item->peer->node);
	item->left = resmgr_release_group(&f->mgr, item->ptr);
}

static void reentry_release_all_then_add(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;
	void *id;

	id = resmgr_open_group(&f->mgr, NULL, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, id);
	add_item(f, 1);
	item = add_hooked(f, 2, hook_release_all_then_add);
	item->peer = new_item(f, 20);
	item->ptr = id;

	/* The group is gone because everything is being released: that is no error. */
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 2);
	EXPECT_LOG(f, 2, 1, 20);
	KUNIT_EXPECT_EQ(test, item->ret, 0);
	KUNIT_EXPECT_EQ(test, item->left, 0);
}

static void hook_release_other(struct item *item)
{
	item->ret = resmgr_release_all(&item->f->other);
}

static void reentry_of_another_manager(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item, *theirs;

	theirs = new_item(f, 20);
	KUNIT_ASSERT_EQ(test, resmgr_node_add(&f->other, &theirs->node), 0);
	theirs->hook = hook_release_all;
	add_item(f, 1);
	item = add_hooked(f, 2, hook_release_other);

	/* There and back again: lockdep has nothing to say. */
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 1);
	EXPECT_LOG(f, 2, 20, 1);
	KUNIT_EXPECT_EQ(test, item->ret, 1);
	KUNIT_EXPECT_EQ(test, theirs->ret, 1);
}

static void reentry_of_early_release(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item, *action;
	int two = 2;

	/* Not only release_all calls release functions. */
	add_item(f, 1);
	item = add_hooked(f, 2, hook_release_all);
	KUNIT_EXPECT_EQ(test, resmgr_find_release(&f->mgr, RESMGR_NODE,
						  (void *)item_release,
						  is_item, &two), 0);
	EXPECT_LOG(f, 2, 1);
	KUNIT_EXPECT_EQ(test, item->ret, 1);

	add_item(f, 1);
	action = add_action_item(f, 3);
	action->hook = hook_release_all;
	KUNIT_EXPECT_EQ(test, resmgr_release_action(&f->mgr, item_action, action),
			0);
	EXPECT_LOG(f, 3, 1);
	KUNIT_EXPECT_EQ(test, action->ret, 1);
}

static struct kunit_case reentry_cases[] = {
	KUNIT_CASE(reentry_add),
	KUNIT_CASE(reentry_add_itself),
	KUNIT_CASE(reentry_add_repeatedly),
	KUNIT_CASE(reentry_add_in_a_chain),
	KUNIT_CASE(reentry_add_to_many),
	KUNIT_CASE(reentry_endless),
	KUNIT_CASE(reentry_endless_in_groups),
	KUNIT_CASE(reentry_endless_closes),
	KUNIT_CASE(reentry_endless_twice),
	KUNIT_CASE(reentry_endless_final),
	KUNIT_CASE(reentry_remove),
	KUNIT_CASE(reentry_release),
	KUNIT_CASE(reentry_actions),
	KUNIT_CASE(reentry_look),
	KUNIT_CASE(reentry_groups),
	KUNIT_CASE(reentry_older_group),
	KUNIT_CASE(reentry_memory),
	KUNIT_CASE(reentry_release_all),
	KUNIT_CASE(reentry_release_all_then_add),
	KUNIT_CASE(reentry_of_another_manager),
	KUNIT_CASE(reentry_of_early_release),
	{}
};

static struct kunit_suite reentry_suite = {
	.name		= "resmgr-reentry",
	.init		= fixture_init,
	.exit		= fixture_exit,
	.test_cases	= reentry_cases,
};

kunit_test_suite(reentry_suite);

MODULE_DESCRIPTION("KUnit tests of the resource manager: reentry");
MODULE_LICENSE("GPL");
