// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of the resource manager: reference-counted objects */
#include <kunit/test.h>
#include <linux/device.h>
#include <linux/module.h>
#include <linux/refcount.h>
#include <linux/resmgr.h>

#include "items.h"
#include "resmgr_kunit.h"

struct thing {
	struct resmgr_object	obj;
	struct item		*item;
};

/* The end of an object is an item of the log like any other. */
static void thing_free(struct resmgr *mgr)
{
	item_gone(container_of(mgr, struct thing, obj.mgr)->item);
}

static const struct resmgr_class thing_class = {
	.name		= "thing",
	.free		= thing_free,
};

static const struct resmgr_class plain_class = {
	.name		= "plain",
};

static struct thing *new_thing(struct fixture *f, int id)
{
	struct thing *thing = kunit_kzalloc(f->test, sizeof(*thing), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(f->test, thing);
	resmgr_object_init(&thing->obj, &thing_class);
	thing->item = new_item(f, id);
	return thing;
}

static void add_to_thing(struct thing *thing, int id)
{
	struct fixture *f = thing->item->f;

	KUNIT_ASSERT_EQ(f->test, resmgr_add_action(&thing->obj.mgr, item_action,
						   new_item(f, id)), 0);
}

/* An owner may have no device, and a device no bus and no driver. */
static void object_origin(struct kunit *test)
{
	static const struct device none;
	struct resmgr_origin origin = resmgr_device_origin(NULL);

	KUNIT_EXPECT_NULL(test, origin.bus);
	KUNIT_EXPECT_NULL(test, origin.driver);
	origin = resmgr_device_origin(&none);
	KUNIT_EXPECT_NULL(test, origin.bus);
	KUNIT_EXPECT_NULL(test, origin.driver);
}

static void object_last_put(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct thing *thing = new_thing(f, 100);
	int ret = 0;

	add_to_thing(thing, 1);
	add_to_thing(thing, 2);
	resmgr_object_get(&thing->obj);
	KUNIT_EXPECT_TRUE(test, resmgr_object_tryget(&thing->obj));
	resmgr_object_put(&thing->obj);
	resmgr_object_put(&thing->obj);
	EXPECT_NO_LOG(f);

	/* Free comes after all the resources. */
	resmgr_object_put(&thing->obj);
	EXPECT_LOG(f, 2, 1, 100);
	KUNIT_EXPECT_FALSE(test, resmgr_object_tryget(&thing->obj));
	KUNIT_EXPECT_EQ(test, thing->item->released, 1);

	/* The release was final. */
	EXPECT_WARNING(test, "resmgr: thing (unnamed): cannot add item_action",
		       ret = resmgr_add_action(&thing->obj.mgr, item_action,
					       thing->item));
	KUNIT_EXPECT_EQ(test, ret, -ESHUTDOWN);
}

static void object_without_free(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct resmgr_object *obj = kunit_kzalloc(test, sizeof(*obj), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	resmgr_object_init(obj, &plain_class);
	KUNIT_ASSERT_EQ(test, resmgr_add_action(&obj->mgr, item_action,
						new_item(f, 1)), 0);
	resmgr_object_put(obj);
	EXPECT_LOG(f, 1);
}

static void object_hold(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct thing *parent = new_thing(f, 100), *child = new_thing(f, 200);

	add_to_thing(parent, 1);
	add_to_thing(child, 10);
	KUNIT_ASSERT_EQ(test, resmgr_hold(&child->obj.mgr, &parent->obj), 0);
	add_to_thing(child, 11);

	/* The parent has only its child left. */
	resmgr_object_put(&parent->obj);
	EXPECT_NO_LOG(f);

	/* Between what the child got later and what it had before. */
	resmgr_object_put(&child->obj);
	EXPECT_LOG(f, 11, 1, 100, 10, 200);
}

static void object_hold_in_line(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct thing *a = new_thing(f, 100), *b = new_thing(f, 200);
	struct thing *c = new_thing(f, 300);

	/* c needs b, which needs a; two of a kind are two references. */
	KUNIT_ASSERT_EQ(test, resmgr_hold(&b->obj.mgr, &a->obj), 0);
	KUNIT_ASSERT_EQ(test, resmgr_hold(&c->obj.mgr, &b->obj), 0);
	KUNIT_ASSERT_EQ(test, resmgr_hold(&c->obj.mgr, &a->obj), 0);
	KUNIT_ASSERT_EQ(test, resmgr_hold(&c->obj.mgr, &a->obj), 0);
	resmgr_object_put(&a->obj);
	resmgr_object_put(&b->obj);
	EXPECT_NO_LOG(f);
	resmgr_object_put(&c->obj);
	EXPECT_LOG(f, 100, 200, 300);
}

static void object_hold_of_plain_manager(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct thing *parent = new_thing(f, 100);

	add_item(f, 1);
	KUNIT_ASSERT_EQ(test, resmgr_hold(&f->mgr, &parent->obj), 0);
	add_item(f, 2);
	KUNIT_EXPECT_EQ(test, refcount_read(&parent->obj.ref), 2);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 3);
	EXPECT_LOG(f, 2, 1);
	KUNIT_EXPECT_EQ(test, refcount_read(&parent->obj.ref), 1);
	resmgr_object_put(&parent->obj);
	EXPECT_LOG(f, 100);
}

static void object_hold_refused(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct thing *parent = new_thing(f, 100);
	int ret = 0;

	resmgr_release_final(&f->mgr);
	EXPECT_WARNING(test, "cannot add",
		       ret = resmgr_hold(&f->mgr, &parent->obj));
	KUNIT_EXPECT_EQ(test, ret, -ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, refcount_read(&parent->obj.ref), 1);
	resmgr_object_put(&parent->obj);
	EXPECT_LOG(f, 100);
}

static void object_hold_failed_allocation(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct thing *parent = new_thing(f, 100);
	bool fired;
	int ret;

	faults_need(test);
	faults_arm(1);
	ret = resmgr_hold(&f->mgr, &parent->obj);
	fired = faults_disarm();
	KUNIT_EXPECT_TRUE(test, fired);
	KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
	KUNIT_EXPECT_EQ(test, refcount_read(&parent->obj.ref), 1);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
	EXPECT_NO_LOG(f);
}

static void hook_add_to_thing(struct item *item)
{
	struct thing *thing = item->ptr;

	item->ret = resmgr_add_action(&thing->obj.mgr, item_action, item->peer);
}

static void object_add_in_release(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct thing *thing = new_thing(f, 100);
	struct item *item = new_item(f, 1);

	item->hook = hook_add_to_thing;
	item->ptr = thing;
	item->peer = new_item(f, 2);
	KUNIT_ASSERT_EQ(test, resmgr_add_action(&thing->obj.mgr, item_action, item),
			0);
	resmgr_object_put(&thing->obj);
	EXPECT_LOG(f, 1, 2, 100);
	KUNIT_EXPECT_EQ(test, item->ret, 0);
}

static struct kunit_case object_cases[] = {
	KUNIT_CASE(object_origin),
	KUNIT_CASE(object_last_put),
	KUNIT_CASE(object_without_free),
	KUNIT_CASE(object_hold),
	KUNIT_CASE(object_hold_in_line),
	KUNIT_CASE(object_hold_of_plain_manager),
	KUNIT_CASE(object_hold_refused),
	KUNIT_CASE(object_hold_failed_allocation),
	KUNIT_CASE(object_add_in_release),
	{}
};

static struct kunit_suite object_suite = {
	.name		= "resmgr-object",
	.init		= fixture_init,
	.exit		= fixture_exit,
	.test_cases	= object_cases,
};

kunit_test_suite(object_suite);

MODULE_DESCRIPTION("KUnit tests of the resource manager: objects");
MODULE_LICENSE("GPL");
