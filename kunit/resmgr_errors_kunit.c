// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the resource manager: misuse
 *
 * A mistake leads to an error and to a warning that names the owner and the
 * resource, and does no harm. resmgr_misuse_kunit.c is about debug/misuse.c.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/resmgr.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "items.h"
#include "lib.h"

static void misuse_double_add(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;
	void *ptr = f;
	int ret = 0;

	add_item(f, 1);
	item = add_item(f, 2);
	add_item(f, 3);
	EXPECT_WARNING(test, "resmgr: kunit fixture: cannot add item",
		       ret = resmgr_node_add(&f->mgr, &item->node));
	KUNIT_EXPECT_EQ(test, ret, -EBUSY);
	EXPECT_WARNING(test, "resmgr: kunit fixture: cannot add item",
		       ret = resmgr_node_add(&f->other, &item->node));
	KUNIT_EXPECT_EQ(test, ret, -EBUSY);
	EXPECT_WARNING(test, "cannot add item",
		       ptr = resmgr_find_or_add(&f->other, &item->node, NULL, NULL));
	KUNIT_EXPECT_NULL(test, ptr);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->other));

	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 3);
	EXPECT_LOG(f, 3, 2, 1);
}

/* The oldest entry has no older one. It is still recognised as added. */
static void misuse_double_add_of_only(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item = add_item(f, 1);
	int ret = 0;

	EXPECT_WARNING(test, "cannot add item",
		       ret = resmgr_node_add(&f->mgr, &item->node));
	KUNIT_EXPECT_EQ(test, ret, -EBUSY);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 1);
	EXPECT_LOG(f, 1);
}

static void misuse_remove(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item, *stranger = new_item(f, 9);
	int ret = 0;

	item = add_item(f, 1);
	EXPECT_WARNING(test, "resmgr: kunit fixture: cannot remove",
		       ret = resmgr_node_remove(&f->mgr, &stranger->node));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	EXPECT_WARNING(test, "cannot remove",
		       ret = resmgr_node_remove(&f->other, &item->node));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);

	KUNIT_EXPECT_EQ(test, resmgr_node_remove(&f->mgr, &item->node), 0);
	EXPECT_WARNING(test, "cannot remove",
		       ret = resmgr_node_remove(&f->mgr, &item->node));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
	EXPECT_NO_LOG(f);
}

static void misuse_replace(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item, *taken, *stranger = new_item(f, 9);
	int ret = 0;

	item = add_item(f, 1);
	taken = add_item(f, 2);
	EXPECT_WARNING(test, "resmgr: kunit fixture: cannot replace",
		       ret = resmgr_node_replace(&f->mgr, &item->node,
						 &taken->node));
	KUNIT_EXPECT_EQ(test, ret, -EBUSY);
	EXPECT_WARNING(test, "cannot replace",
		       ret = resmgr_node_replace(&f->other, &item->node,
						 &stranger->node));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	EXPECT_WARNING(test, "cannot replace",
		       ret = resmgr_node_replace(&f->mgr, &stranger->node,
						 &new_item(f, 8)->node));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);

	/* The stranger was not put anywhere. */
	KUNIT_EXPECT_EQ(test, resmgr_node_add(&f->other, &stranger->node), 0);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->other), 1);
	EXPECT_LOG(f, 9);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 2);
	EXPECT_LOG(f, 2, 1);
}

static void misuse_kfree(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct resmgr_data *data;
	u8 *mine, *theirs, *nobodys;
	int ret = 0;

	mine = resmgr_kmalloc(&f->mgr, 64, GFP_KERNEL);
	theirs = resmgr_kmalloc(&f->other, 64, GFP_KERNEL);
	nobodys = kunit_kmalloc(test, 64, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, mine && theirs && nobodys);

	EXPECT_WARNING(test, "resmgr: kunit fixture: cannot free",
		       ret = resmgr_kfree(&f->mgr, theirs));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	EXPECT_WARNING(test, "cannot free",
		       ret = resmgr_kfree(&f->mgr, nobodys));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	EXPECT_WARNING(test, "cannot free",
		       ret = resmgr_kfree(&f->mgr, mine + 8));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);

	/* A resource with a release function is no memory to be freed. */
	data = __resmgr_data_alloc(RESMGR_DATA, (void *)item_data_release, 64,
				   GFP_KERNEL, NUMA_NO_NODE, "data", _RET_IP_);
	KUNIT_ASSERT_NOT_NULL(test, data);
	*(struct item **)data->data = new_item(f, 1);
	KUNIT_EXPECT_EQ(test, resmgr_node_add(&f->mgr, &data->node), 0);
	EXPECT_WARNING(test, "cannot free",
		       ret = resmgr_kfree(&f->mgr, data->data));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);

	/* Nothing was freed. */
	memset(mine, 0, 64);
	memset(theirs, 0, 64);
	memset(nobodys, 0, 64);
	KUNIT_EXPECT_EQ(test, resmgr_kfree(&f->mgr, mine), 0);
	EXPECT_WARNING(test, "cannot free",
		       ret = resmgr_kfree(&f->mgr, mine));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->other), 1);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 1);
	EXPECT_LOG(f, 1);
}

static void misuse_krealloc(struct kunit *test)
{
	struct fixture *f = test->priv;
	u8 *theirs;
	void *ptr = f;

	theirs = resmgr_kmalloc(&f->other, 64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, theirs);
	memset(theirs, 0x5a, 64);

	EXPECT_WARNING(test, "resmgr: kunit fixture: cannot resize",
		       ptr = resmgr_krealloc(&f->mgr, theirs, 4096, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, ptr);
	KUNIT_EXPECT_NULL(test, memchr_inv(theirs, 0x5a, 64));
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->other), 1);
}

/* It is no less of a mistake when the new size would fit. */
static void misuse_krealloc_that_fits(struct kunit *test)
{
	struct fixture *f = test->priv;
	void *theirs, *ptr = f;

	theirs = resmgr_kmalloc(&f->other, 64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, theirs);
	EXPECT_WARNING(test, "resmgr: kunit fixture: cannot resize",
		       ptr = resmgr_krealloc(&f->mgr, theirs, 32, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, ptr);
	EXPECT_WARNING(test, "cannot free",
		       ptr = resmgr_krealloc(&f->mgr, theirs, 0, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->other), 1);
}

/* A pointer that no manager knows is not followed. */
static void misuse_krealloc_of_unmanaged(struct kunit *test)
{
	struct fixture *f = test->priv;
	void *nobodys, *ptr = f;

	nobodys = kunit_kzalloc(test, 64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, nobodys);
	EXPECT_WARNING(test, "resmgr: kunit fixture: cannot resize",
		       ptr = resmgr_krealloc(&f->mgr, nobodys, 4096, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, ptr);

	nobodys = resmgr_kmalloc(&f->mgr, 64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, nobodys);
	EXPECT_WARNING(test, "resmgr: kunit fixture: cannot resize",
		       ptr = resmgr_krealloc(&f->mgr, nobodys + 16, 4096,
					     GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, ptr);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 1);
}

/* All zeroes, except for the lock: lockdep would report an uninitialised one. */
static void misuse_uninitialised(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item = new_item(f, 1);
	struct resmgr *mgr;
	void *ptr = f;
	int ret = 0;

	mgr = kunit_kzalloc(test, sizeof(*mgr), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mgr);
	spin_lock_init(&mgr->lock);

	KUNIT_EXPECT_TRUE(test, resmgr_empty(mgr));
	KUNIT_EXPECT_STREQ(test, resmgr_owner_name(mgr), "(unnamed)");
	EXPECT_WARNING(test, "resmgr: ? (unnamed): cannot add item",
		       ret = resmgr_node_add(mgr, &item->node));
	KUNIT_EXPECT_EQ(test, ret, -ESHUTDOWN);
	EXPECT_WARNING(test, "cannot add item_action",
		       ret = resmgr_add_action(mgr, item_action, item));
	KUNIT_EXPECT_EQ(test, ret, -ESHUTDOWN);
	EXPECT_WARNING(test, "cannot add kmalloc",
		       ptr = resmgr_kmalloc(mgr, 8, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, ptr);
	EXPECT_WARNING(test, "cannot remove",
		       ret = resmgr_node_remove(mgr, &item->node));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	EXPECT_WARNING(test, "cannot release",
		       ret = resmgr_release_all(mgr));
	KUNIT_EXPECT_EQ(test, ret, -ENODEV);
	KUNIT_EXPECT_NULL(test, resmgr_find(mgr, RESMGR_NODE, NULL, NULL, NULL));
	EXPECT_NO_LOG(f);
}

/* A release function cannot remove or replace its own resource. */
static void hook_remove_itself(struct item *item)
{
	item->ret = resmgr_node_remove(&item->f->mgr, &item->node);
}

static void misuse_remove_itself(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item = add_hooked(f, 1, hook_remove_itself);

	EXPECT_WARNING(test, "cannot remove",
		       KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 1));
	KUNIT_EXPECT_EQ(test, item->ret, -ENOENT);
	EXPECT_LOG(f, 1);
}

static struct kunit_case misuse_cases[] = {
	KUNIT_CASE(misuse_double_add),
	KUNIT_CASE(misuse_double_add_of_only),
	KUNIT_CASE(misuse_remove),
	KUNIT_CASE(misuse_replace),
	KUNIT_CASE(misuse_kfree),
	KUNIT_CASE(misuse_krealloc),
	KUNIT_CASE(misuse_krealloc_that_fits),
	KUNIT_CASE(misuse_krealloc_of_unmanaged),
	KUNIT_CASE(misuse_uninitialised),
	KUNIT_CASE(misuse_remove_itself),
	{}
};

static struct kunit_suite misuse_suite = {
	.name		= "resmgr-misuse",
	.init		= fixture_init,
	.exit		= fixture_exit,
	.test_cases	= misuse_cases,
};

kunit_test_suite(misuse_suite);

MODULE_DESCRIPTION("KUnit tests of the resource manager: misuse");
MODULE_LICENSE("GPL");
