// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of the resource manager: groups of resources */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/resmgr.h>

#include "groups.h"
#include "items.h"
#include "lib.h"

/* Identities of groups: any addresses. */
static int id_a, id_b;

static void group_add(struct kunit *test, void *text)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, resmgr_add_action(&f->mgr, note_action, text), 0);
}

static void group_close(struct kunit *test, void *id)
{
	close_group(test->priv, id);
}

static void group_remove(struct kunit *test, void *id)
{
	struct fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, resmgr_remove_group(&f->mgr, id), 0);
}

static void groups_script(struct kunit *test)
{
	static const struct group_front front = {
		.add		= group_add,
		.open		= group_open,
		.close		= group_close,
		.remove		= group_remove,
		.release	= group_release,
		.end		= group_end,
	};

	group_run(test, &front);
}

/* A manager with only a group on it is not empty. */
static void groups_not_empty(struct kunit *test)
{
	struct fixture *f = test->priv;

	open_group(f, &id_a);
	KUNIT_EXPECT_FALSE(test, resmgr_empty(&f->mgr));
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 0);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

static void groups_unbalanced(struct kunit *test)
{
	struct fixture *f = test->priv;
	int ret = 0;

	add_item(f, 1);
	EXPECT_WARNING(test, "resmgr: kunit fixture: cannot close group",
		       ret = resmgr_close_group(&f->mgr, &id_a));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	EXPECT_WARNING(test, "resmgr: kunit fixture: cannot remove group",
		       ret = resmgr_remove_group(&f->mgr, &id_a));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	EXPECT_WARNING(test, "resmgr: kunit fixture: cannot release group",
		       ret = resmgr_release_group(&f->mgr, &id_a));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);

	open_group(f, &id_a);
	add_item(f, 2);
	close_group(f, &id_a);
	EXPECT_WARNING(test, "it is closed",
		       ret = resmgr_close_group(&f->mgr, &id_a));
	KUNIT_EXPECT_EQ(test, ret, -EBUSY);

	/* No group is open, so %NULL means none. */
	EXPECT_WARNING(test, "cannot close group",
		       ret = resmgr_close_group(&f->mgr, NULL));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	EXPECT_WARNING(test, "cannot remove group",
		       ret = resmgr_remove_group(&f->mgr, NULL));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	EXPECT_WARNING(test, "cannot release group",
		       ret = resmgr_release_group(&f->mgr, NULL));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);

	/* A group is found on its own manager only. */
	KUNIT_EXPECT_EQ(test, resmgr_release_group(&f->other, &id_a), 0);
	EXPECT_WARNING(test, "cannot remove group",
		       ret = resmgr_remove_group(&f->other, &id_a));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);

	/* No harm was done. */
	EXPECT_NO_LOG(f);
	KUNIT_EXPECT_EQ(test, resmgr_release_group(&f->mgr, &id_a), 1);
	EXPECT_LOG(f, 2);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 1);
	EXPECT_LOG(f, 1);
}

/* In each of these a release function does something to the groups it is in. */
static void groups_release_releases_itself(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	open_group(f, &id_a);
	add_item(f, 1);
	item = add_hooked(f, 2, hook_release_group);
	item->ptr = &id_a;
	add_item(f, 3);
	close_group(f, &id_a);
	add_item(f, 4);

	/* It is on its way out and so cannot be found. */
	EXPECT_WARNING(test, "cannot release group",
		       KUNIT_EXPECT_EQ(test, resmgr_release_group(&f->mgr, &id_a),
				       3));
	KUNIT_EXPECT_EQ(test, item->ret, -ENOENT);
	EXPECT_LOG(f, 3, 2, 1);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 1);
}

/* An empty list is not reported: devres takes it for the end of the device. */
static void groups_release_releases_itself_alone(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;
	int closed;

	for (closed = 0; closed < 2; closed++) {
		open_group(f, &id_a);
		add_item(f, 1);
		item = add_hooked(f, 2, hook_release_group);
		item->ptr = &id_a;
		item->ret = 1;
		add_item(f, 3);
		if (closed)
			close_group(f, &id_a);

		KUNIT_EXPECT_EQ(test, resmgr_release_group(&f->mgr, &id_a), 3);
		KUNIT_EXPECT_EQ(test, item->ret, 0);
		EXPECT_LOG(f, 3, 2, 1);
		KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
	}
}

/* Another group that overlaps is something else. */
static void groups_release_releases_itself_overlapping(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	open_group(f, &id_a);
	item = add_hooked(f, 1, hook_release_group);
	item->ptr = &id_a;
	open_group(f, &id_b);
	close_group(f, &id_a);
	close_group(f, &id_b);

	EXPECT_WARNING(test, "cannot release group",
		       KUNIT_EXPECT_EQ(test, resmgr_release_group(&f->mgr, &id_a),
				       1));
	KUNIT_EXPECT_EQ(test, item->ret, -ENOENT);
	EXPECT_LOG(f, 1);
	KUNIT_EXPECT_EQ(test, resmgr_remove_group(&f->mgr, &id_b), 0);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

/* Releasing an open group that is added to for ever closes it. */
static void groups_release_endless(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *first, *item;

	add_item(f, 1);
	open_group(f, &id_a);
	first = add_item(f, 2);
	item = add_hooked(f, 3, hook_add_itself);
	item->left = ENDLESS;
	EXPECT_LINE(test, "such as item: what they add from now on is not part of the group",
		    resmgr_release_group(&f->mgr, &id_a));
	KUNIT_EXPECT_GT(test, item->left, ENDLESS / 2);
	KUNIT_EXPECT_EQ(test, first->released, 1);
	item->left = 0;
	EXPECT_WARNING(test, "cannot release group",
		       KUNIT_EXPECT_EQ(test, resmgr_release_group(&f->mgr, &id_a),
				       -ENOENT));
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 2);
}

static void groups_release_releases_outer(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	add_item(f, 1);
	open_group(f, &id_a);
	add_item(f, 2);
	open_group(f, &id_b);
	add_item(f, 3);
	item = add_hooked(f, 4, hook_release_group);
	item->ptr = &id_a;
	add_item(f, 5);
	close_group(f, &id_b);
	add_item(f, 6);
	close_group(f, &id_a);
	add_item(f, 7);

	/* The outer takes all that is left, and the inner then finds nothing. */
	KUNIT_EXPECT_EQ(test, resmgr_release_group(&f->mgr, &id_b), 2);
	KUNIT_EXPECT_EQ(test, item->ret, 3);
	EXPECT_LOG(f, 5, 4, 6, 3, 2);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 2);
	EXPECT_LOG(f, 7, 1);
}

static void groups_release_releases_outer_open(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	open_group(f, &id_a);
	add_item(f, 1);
	open_group(f, &id_b);
	add_item(f, 2);
	item = add_hooked(f, 3, hook_release_group);
	item->ptr = &id_a;

	KUNIT_EXPECT_EQ(test, resmgr_release_group(&f->mgr, &id_b), 1);
	KUNIT_EXPECT_EQ(test, item->ret, 2);
	EXPECT_LOG(f, 3, 2, 1);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

static void groups_release_releases_inner(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	open_group(f, &id_a);
	open_group(f, &id_b);
	add_item(f, 1);
	add_item(f, 2);
	close_group(f, &id_b);
	item = add_hooked(f, 3, hook_release_group);
	item->ptr = &id_b;
	close_group(f, &id_a);

	KUNIT_EXPECT_EQ(test, resmgr_release_group(&f->mgr, &id_a), 1);
	KUNIT_EXPECT_EQ(test, item->ret, 2);
	EXPECT_LOG(f, 3, 2, 1);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

static void hook_remove_group(struct item *item)
{
	item->ret = resmgr_remove_group(&item->f->mgr, item->ptr);
}

static void groups_release_removes_itself(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	open_group(f, &id_a);
	add_item(f, 1);
	item = add_hooked(f, 2, hook_remove_group);
	item->ptr = &id_a;

	EXPECT_WARNING(test, "cannot remove group",
		       KUNIT_EXPECT_EQ(test, resmgr_release_group(&f->mgr, &id_a),
				       2));
	KUNIT_EXPECT_EQ(test, item->ret, -ENOENT);
	EXPECT_LOG(f, 2, 1);
}

static void groups_release_removes_outer(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	open_group(f, &id_a);
	add_item(f, 1);
	open_group(f, &id_b);
	add_item(f, 2);
	item = add_hooked(f, 3, hook_remove_group);
	item->ptr = &id_a;
	close_group(f, &id_b);
	close_group(f, &id_a);

	KUNIT_EXPECT_EQ(test, resmgr_release_group(&f->mgr, &id_b), 2);
	KUNIT_EXPECT_EQ(test, item->ret, 0);
	EXPECT_LOG(f, 3, 2);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 1);
	EXPECT_LOG(f, 1);
}

static void groups_release_adds_to_open(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	add_item(f, 1);
	open_group(f, &id_a);
	item = add_hooked(f, 2, hook_add_another);
	item->peer = new_item(f, 20);
	item->peer->hook = hook_add_another;
	item->peer->peer = new_item(f, 30);

	/* What is added belongs to the group, and goes with it. */
	KUNIT_EXPECT_EQ(test, resmgr_release_group(&f->mgr, &id_a), 3);
	EXPECT_LOG(f, 2, 20, 30);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 1);
	EXPECT_LOG(f, 1);
}

static void groups_release_adds_to_closed(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	add_item(f, 1);
	open_group(f, &id_a);
	item = add_hooked(f, 2, hook_add_another);
	item->peer = new_item(f, 20);
	close_group(f, &id_a);

	/* What is added does not belong to the group, and stays. */
	KUNIT_EXPECT_EQ(test, resmgr_release_group(&f->mgr, &id_a), 1);
	EXPECT_LOG(f, 2);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 2);
	EXPECT_LOG(f, 20, 1);
}

static void hook_close_group(struct item *item)
{
	struct fixture *f = item->f;

	item->ret = resmgr_node_add(&f->mgr, &item->peer->node);
	item->left = resmgr_close_group(&f->mgr, item->ptr);
}

static void groups_release_closes_itself(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	open_group(f, &id_a);
	add_item(f, 1);
	item = add_hooked(f, 2, hook_close_group);
	item->peer = new_item(f, 20);
	item->ptr = &id_a;

	EXPECT_WARNING(test, "cannot close group",
		       KUNIT_EXPECT_EQ(test, resmgr_release_group(&f->mgr, &id_a),
				       3));
	KUNIT_EXPECT_EQ(test, item->left, -ENOENT);
	EXPECT_LOG(f, 2, 20, 1);
}

static void hook_open_same_group(struct item *item)
{
	struct fixture *f = item->f;

	item->ret |= !resmgr_open_group(&f->mgr, item->ptr, GFP_KERNEL);
	item->ret |= resmgr_node_add(&f->mgr, &item->peer->node);
	item->ret |= resmgr_close_group(&f->mgr, item->ptr);
}

static void groups_release_opens_same_id(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	open_group(f, &id_a);
	add_item(f, 1);
	item = add_hooked(f, 2, hook_open_same_group);
	item->peer = new_item(f, 20);
	item->ptr = &id_a;
	close_group(f, &id_a);

	/* It is another group, outside of the one that is released. */
	KUNIT_EXPECT_EQ(test, resmgr_release_group(&f->mgr, &id_a), 2);
	EXPECT_LOG(f, 2, 1);
	KUNIT_EXPECT_EQ(test, item->ret, 0);
	KUNIT_EXPECT_EQ(test, resmgr_release_group(&f->mgr, &id_a), 1);
	EXPECT_LOG(f, 20);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

static void groups_release_all_in_release(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;

	add_item(f, 1);
	open_group(f, &id_a);
	add_item(f, 2);
	item = add_hooked(f, 3, hook_release_all);
	close_group(f, &id_a);
	add_item(f, 4);

	/* It releases everything, and the markers of the group as well. */
	KUNIT_EXPECT_EQ(test, resmgr_release_group(&f->mgr, &id_a), 1);
	KUNIT_EXPECT_EQ(test, item->ret, 3);
	EXPECT_LOG(f, 3, 4, 2, 1);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

static void groups_release_in_release_all(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *inside, *outside;

	outside = add_hooked(f, 1, hook_release_group);
	outside->ptr = &id_a;
	open_group(f, &id_a);
	add_item(f, 2);
	inside = add_hooked(f, 3, hook_release_group);
	inside->ptr = &id_a;

	/* The first finds it, the second finds that it has gone. */
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 2);
	KUNIT_EXPECT_EQ(test, inside->ret, 1);
	KUNIT_EXPECT_EQ(test, outside->ret, 0);
	EXPECT_LOG(f, 3, 2, 1);
}

static struct kunit_case groups_cases[] = {
	KUNIT_CASE_PARAM(groups_script, group_case_gen_params),
	KUNIT_CASE(groups_not_empty),
	KUNIT_CASE(groups_unbalanced),
	KUNIT_CASE(groups_release_releases_itself),
	KUNIT_CASE(groups_release_releases_itself_alone),
	KUNIT_CASE(groups_release_releases_itself_overlapping),
	KUNIT_CASE(groups_release_endless),
	KUNIT_CASE(groups_release_releases_outer),
	KUNIT_CASE(groups_release_releases_outer_open),
	KUNIT_CASE(groups_release_releases_inner),
	KUNIT_CASE(groups_release_removes_itself),
	KUNIT_CASE(groups_release_removes_outer),
	KUNIT_CASE(groups_release_adds_to_open),
	KUNIT_CASE(groups_release_adds_to_closed),
	KUNIT_CASE(groups_release_closes_itself),
	KUNIT_CASE(groups_release_opens_same_id),
	KUNIT_CASE(groups_release_all_in_release),
	KUNIT_CASE(groups_release_in_release_all),
	{}
};

static struct kunit_suite groups_suite = {
	.name		= "resmgr-groups",
	.init		= fixture_init,
	.exit		= fixture_exit,
	.test_cases	= groups_cases,
};

kunit_test_suite(groups_suite);

MODULE_DESCRIPTION("KUnit tests of the resource manager: groups");
MODULE_LICENSE("GPL");
