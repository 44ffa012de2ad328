// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of the resource manager: its trace events */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/module.h>
#include <linux/resmgr.h>
#include <linux/string.h>
#include <linux/time64.h>

#include "../internal.h"
#include "events.h"
#include "items.h"
#include "resmgr_kunit.h"

/* Identity of a group: any address. */
static int id_a;

static void expect_trace(struct kunit *test, const struct trace *t,
			 const enum trace_op *ops, unsigned int count)
{
	unsigned int i;

	KUNIT_ASSERT_EQ(test, t->count, count);
	for (i = 0; i < count; i++) {
		KUNIT_EXPECT_EQ_MSG(test, t->events[i].op, ops[i], "event %u", i);
		/* Nothing is left out, and nothing is there twice. */
		if (i)
			KUNIT_EXPECT_EQ(test, t->events[i].seq,
					t->events[i - 1].seq + 1);
	}
}

#define EXPECT_TRACE(test, t, ...)					\
do {									\
	static const enum trace_op __want[] = { __VA_ARGS__ };		\
									\
	expect_trace(test, t, __want, ARRAY_SIZE(__want));		\
} while (0)

static void trace_of_release_all(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct trace *t = trace_need(test, &f->mgr);
	struct item *a, *b;

	a = add_item(f, 1);
	b = add_item(f, 2);
	add_action_item(f, 3);
	resmgr_release_all(&f->mgr);

	EXPECT_TRACE(test, t, TRACE_ADD, TRACE_ADD, TRACE_ADD,
		     TRACE_BEGIN, TRACE_END, TRACE_BEGIN, TRACE_END,
		     TRACE_BEGIN, TRACE_END);
	KUNIT_EXPECT_EQ(test, t->events[0].seq, 0);
	KUNIT_EXPECT_PTR_EQ(test, t->events[0].node, (const void *)&a->node);
	KUNIT_EXPECT_PTR_EQ(test, t->events[3].node, t->events[2].node);
	KUNIT_EXPECT_PTR_EQ(test, t->events[4].node, t->events[2].node);
	KUNIT_EXPECT_PTR_EQ(test, t->events[5].node, (const void *)&b->node);
	KUNIT_EXPECT_PTR_EQ(test, t->events[8].node, (const void *)&a->node);
	/* The function of an action is its name, also when it is gone. */
	KUNIT_EXPECT_STREQ(test, t->events[2].name, "item_action");
	KUNIT_EXPECT_STREQ(test, t->events[4].name, "item_action");
	KUNIT_EXPECT_STREQ(test, t->events[8].name, "item");
}

static void trace_of_reentry(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct trace *t = trace_need(test, &f->mgr);
	struct item *item;

	add_item(f, 1);
	item = add_hooked(f, 2, hook_add_another);
	item->peer = new_item(f, 20);
	add_hooked(f, 3, hook_release_all);
	resmgr_release_all(&f->mgr);

	/* The releases nest: the first to begin is the last to end. */
	EXPECT_TRACE(test, t, TRACE_ADD, TRACE_ADD, TRACE_ADD,
		     TRACE_BEGIN,
		     TRACE_BEGIN, TRACE_ADD, TRACE_END,
		     TRACE_BEGIN, TRACE_END,
		     TRACE_BEGIN, TRACE_END,
		     TRACE_END);
	KUNIT_EXPECT_PTR_EQ(test, t->events[11].node, t->events[3].node);
	KUNIT_EXPECT_PTR_EQ(test, t->events[6].node, t->events[4].node);
	KUNIT_EXPECT_PTR_EQ(test, t->events[7].node, t->events[5].node);
}

static void trace_of_remove(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct trace *t = trace_need(test, &f->mgr);
	struct item *item, *action;
	void *ptr;

	item = add_item(f, 1);
	KUNIT_EXPECT_EQ(test, resmgr_node_remove(&f->mgr, &item->node), 0);
	EXPECT_TRACE(test, t, TRACE_ADD, TRACE_REMOVE);
	KUNIT_EXPECT_PTR_EQ(test, t->events[1].node, (const void *)&item->node);
	t->count = 0;

	action = add_action_item(f, 2);
	ptr = resmgr_kmalloc(&f->mgr, 8, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	KUNIT_EXPECT_EQ(test, resmgr_kfree(&f->mgr, ptr), 0);
	KUNIT_EXPECT_EQ(test, resmgr_remove_action(&f->mgr, item_action, action), 0);
	EXPECT_TRACE(test, t, TRACE_ADD, TRACE_ADD, TRACE_REMOVE, TRACE_REMOVE);
	KUNIT_EXPECT_STREQ(test, t->events[2].name, "kmalloc");
	t->count = 0;

	/* An early release is a release. */
	action = add_action_item(f, 4);
	KUNIT_EXPECT_EQ(test, resmgr_release_action(&f->mgr, item_action, action), 0);
	EXPECT_TRACE(test, t, TRACE_ADD, TRACE_BEGIN, TRACE_END);
}

static const void *memory_node(void *ptr)
{
	return &container_of(ptr, struct resmgr_data, data)->node;
}

static void trace_of_replace(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct trace *t = trace_need(test, &f->mgr);
	struct item *old, *new = new_item(f, 2);
	const void *first, *second;
	void *ptr;

	old = add_item(f, 1);
	KUNIT_EXPECT_EQ(test, resmgr_node_replace(&f->mgr, &old->node, &new->node),
			0);
	ptr = resmgr_kmalloc(&f->mgr, 8, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	first = memory_node(ptr);
	/* It stays where it is, so there is nothing to tell. */
	ptr = resmgr_krealloc(&f->mgr, ptr, 4, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	ptr = resmgr_krealloc(&f->mgr, ptr, 4096, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	second = memory_node(ptr);
	resmgr_release_all(&f->mgr);

	EXPECT_TRACE(test, t, TRACE_ADD, TRACE_REPLACE, TRACE_ADD, TRACE_REPLACE,
		     TRACE_BEGIN, TRACE_END, TRACE_BEGIN, TRACE_END);
	KUNIT_EXPECT_PTR_EQ(test, t->events[1].old, (const void *)&old->node);
	KUNIT_EXPECT_PTR_EQ(test, t->events[1].node, (const void *)&new->node);
	KUNIT_EXPECT_PTR_EQ(test, t->events[3].old, first);
	KUNIT_EXPECT_PTR_EQ(test, t->events[3].node, second);
	/* Each that is released has come, one way or the other. */
	KUNIT_EXPECT_PTR_EQ(test, t->events[4].node, second);
	KUNIT_EXPECT_PTR_EQ(test, t->events[6].node, (const void *)&new->node);
}

static void trace_of_groups(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct trace *t = trace_need(test, &f->mgr);

	open_group(f, &id_a);
	add_item(f, 1);
	close_group(f, &id_a);
	KUNIT_EXPECT_EQ(test, resmgr_release_group(&f->mgr, &id_a), 1);

	/* A marker is never released. */
	EXPECT_TRACE(test, t, TRACE_ADD, TRACE_ADD, TRACE_ADD,
		     TRACE_BEGIN, TRACE_END, TRACE_REMOVE);
	KUNIT_EXPECT_EQ(test, t->events[0].kind, RESMGR_GROUP_OPEN);
	KUNIT_EXPECT_EQ(test, t->events[2].kind, RESMGR_GROUP_CLOSE);
	KUNIT_EXPECT_EQ(test, t->events[3].kind, RESMGR_NODE);
}

static void trace_of_errors(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct trace *t = trace_need(test, &f->mgr);
	struct item *item = add_item(f, 1);
	int ret = 0;

	t->count = 0;
	EXPECT_WARNING(test, "cannot add",
		       ret = resmgr_node_add(&f->mgr, &item->node));
	KUNIT_EXPECT_EQ(test, ret, -EBUSY);
	EXPECT_WARNING(test, "there is no action",
		       ret = resmgr_remove_action(&f->mgr, item_action, item));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	/* What did not happen is not traced. */
	KUNIT_EXPECT_EQ(test, t->count, 0);
}

static void trace_of_all(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct trace *t = trace_need_all(test, &f->mgr);
	struct item *item;

	/*
	 * Two resources, one of which adds a third. The markers of a group do
	 * not count.
	 */
	item = add_hooked(f, 1, hook_add_another);
	item->peer = new_item(f, 10);
	open_group(f, &id_a);
	add_item(f, 2);
	t->count = 0;
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 3);

	EXPECT_TRACE(test, t, TRACE_ALL_BEGIN, TRACE_BEGIN, TRACE_END, TRACE_REMOVE,
		     TRACE_BEGIN, TRACE_ADD, TRACE_END, TRACE_BEGIN, TRACE_END,
		     TRACE_ALL_END);
	KUNIT_EXPECT_EQ(test, t->events[0].count, 2);
	KUNIT_EXPECT_EQ(test, t->events[9].count, 3);
	KUNIT_EXPECT_EQ(test, t->events[2].kind, RESMGR_NODE);
	t->count = 0;

	/* An owner that holds nothing has nothing to tell. */
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 0);
	KUNIT_EXPECT_EQ(test, t->count, 0);

	/* Its end is told all the same. */
	KUNIT_EXPECT_EQ(test, resmgr_release_final(&f->mgr), 0);
	EXPECT_TRACE(test, t, TRACE_ALL_BEGIN, TRACE_ALL_END);
}

/* Not inlined, so that it is what has called. */
static noinline void *trace_add_from_here(struct resmgr *mgr)
{
	void *ptr = resmgr_kzalloc(mgr, 8, GFP_KERNEL);

	/* Not in the place of this function, either. */
	OPTIMIZER_HIDE_VAR(ptr);
	return ptr;
}

static void trace_of_caller(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct trace *t = trace_need(test, &f->mgr);
	char name[32];

	/* UML finds its way along frame pointers only. */
	if (!IS_ENABLED(CONFIG_STACKTRACE) || !IS_ENABLED(CONFIG_KALLSYMS) ||
	    (IS_ENABLED(CONFIG_UML) && !IS_ENABLED(CONFIG_FRAME_POINTER)))
		kunit_skip(test, "needs a stack that can be read, and KALLSYMS");

	KUNIT_ASSERT_NOT_NULL(test, trace_add_from_here(&f->mgr));
	EXPECT_TRACE(test, t, TRACE_ADD);
	snprintf(name, sizeof(name), "%ps", (void *)t->events[0].caller);
	name[strlen("trace_add_from_here")] = '\0';
	KUNIT_EXPECT_STREQ(test, name, "trace_add_from_here");
}

/* In the place of the walk along the stack. */
static unsigned int caller_asked;
static bool caller_atomic;

static unsigned long caller_stub(void)
{
	caller_asked++;
	caller_atomic |= irqs_disabled();
	return 0;
}

static bool match_none(struct resmgr *mgr, struct resmgr_node *node,
		       const void *data)
{
	return false;
}

/* One call of each function that adds something. */
static void trace_add_each(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *item;
	void *ptr;

	add_item(f, 1);
	add_action_item(f, 2);
	ptr = resmgr_kmalloc(&f->mgr, 8, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	ptr = resmgr_krealloc(&f->mgr, ptr, 4096, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	item = new_item(f, 3);
	KUNIT_EXPECT_PTR_EQ(test, resmgr_find_or_add(&f->mgr, &item->node,
						     match_none, NULL), &item->node);
	KUNIT_EXPECT_EQ(test, resmgr_node_replace(&f->mgr, &item->node,
						  &new_item(f, 4)->node), 0);
	open_group(f, &id_a);
	close_group(f, &id_a);
	resmgr_release_all(&f->mgr);
}

/* The caller is searched for before interrupts are off, and only if it is wanted. */
static void trace_of_caller_unlocked(struct kunit *test)
{
	struct fixture *f = test->priv;

	kunit_activate_static_stub(test, resmgr_caller, caller_stub);
	caller_asked = 0;
	caller_atomic = false;
	trace_add_each(test);
	if (!IS_ENABLED(CONFIG_RESMGR_DEBUG))
		KUNIT_EXPECT_EQ(test, caller_asked, 0);

	caller_asked = 0;
	trace_need(test, &f->mgr);
	trace_add_each(test);
	/* A replacement is no addition, but it is stamped. */
	KUNIT_EXPECT_EQ(test, caller_asked,
			IS_ENABLED(CONFIG_RESMGR_DEBUG) ? 8 : 6);
	KUNIT_EXPECT_FALSE(test, caller_atomic);
}

static void hook_sleep(struct item *item)
{
	msleep(20);
}

static void trace_of_duration(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct trace *t = trace_need(test, &f->mgr);

	add_hooked(f, 1, hook_sleep);
	resmgr_release_all(&f->mgr);
	EXPECT_TRACE(test, t, TRACE_ADD, TRACE_BEGIN, TRACE_END);
	KUNIT_EXPECT_GE(test, t->events[2].duration, 10 * NSEC_PER_MSEC);
	KUNIT_EXPECT_LE(test, t->events[2].duration, 10ULL * NSEC_PER_SEC);
}

static void trace_of_two_managers(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct trace *t = trace_need(test, &f->mgr);
	struct trace *other = trace_need(test, &f->other);
	struct item *item;
	int i;

	/* Each counts for itself. */
	for (i = 0; i < 5; i++) {
		add_item(f, i);
		item = new_item(f, i);
		KUNIT_ASSERT_EQ(test, resmgr_node_add(&f->other, &item->node), 0);
	}
	resmgr_release_all(&f->mgr);
	resmgr_release_all(&f->other);
	KUNIT_EXPECT_EQ(test, t->count, 15);
	KUNIT_EXPECT_EQ(test, other->count, 15);
	for (i = 0; i < 15; i++) {
		KUNIT_EXPECT_EQ(test, t->events[i].seq, i);
		KUNIT_EXPECT_EQ(test, other->events[i].seq, i);
	}
}

/* What tools read: each field of each event. */
static struct resmgr_origin fixture_origin(const struct resmgr *mgr)
{
	return (struct resmgr_origin){ .bus = "a bus", .driver = "a driver" };
}

static const struct resmgr_class origin_class = {
	.name		= "kunit",
	.owner_name	= fixture_owner_name,
	.release	= fixture_release,
	.origin		= fixture_origin,
};

#define FROM	"bus=a bus driver=a driver"

static void trace_text_of_resources(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct lines *l = lines_begin(test);
	struct resmgr *mgr = &f->mgr;
	struct item *a, *b, *c;
	const char *text;
	char want[200];

	resmgr_init(mgr, &origin_class);
	a = new_item(f, 1);
	b = new_item(f, 2);
	c = new_item(f, 3);
	resmgr_node_init(&a->node, item_release, "a name", 11);
	resmgr_node_init(&b->node, item_release, "b", 22);
	KUNIT_ASSERT_EQ(test, resmgr_node_add(mgr, &a->node), 0);
	KUNIT_ASSERT_EQ(test, resmgr_node_replace(mgr, &a->node, &b->node), 0);
	KUNIT_ASSERT_EQ(test, resmgr_node_add(mgr, &c->node), 0);
	KUNIT_ASSERT_EQ(test, resmgr_node_remove(mgr, &c->node), 0);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(mgr), 1);
	text = lines_read(test, l);

	snprintf(want, sizeof(want),
		 ": resmgr_add: kunit fixture #0 a name size=11 fn=%ps kind=node " FROM
		 " mgr=%p node=%p by=", item_release, mgr, &a->node);
	expect_text(test, text, want);
	expect_line(test, text,
		    ": resmgr_replace: kunit fixture #1 b size=22 fn=%ps kind=node " FROM
		    " mgr=%p old=%p node=%p", item_release, mgr, &a->node, &b->node);
	expect_line(test, text,
		    ": resmgr_remove: kunit fixture #3 item size=%u fn=%ps kind=node " FROM
		    " mgr=%p node=%p", c->node.size, item_release, mgr, &c->node);
	expect_line(test, text,
		    ": resmgr_release_all_begin: kunit fixture #4 count=1 " FROM " mgr=%p",
		    mgr);
	expect_line(test, text,
		    ": resmgr_release_begin: kunit fixture #5 b size=22 fn=%ps kind=node "
		    FROM " mgr=%p node=%p", item_release, mgr, &b->node);
	snprintf(want, sizeof(want),
		 ": resmgr_release_end: kunit fixture #6 b size=22 fn=%ps kind=node duration=",
		 item_release);
	expect_text(test, text, want);
	expect_line(test, text, "ns " FROM " mgr=%p node=%p", mgr, &b->node);
	expect_line(test, text,
		    ": resmgr_release_all_end: kunit fixture #7 count=1 " FROM " mgr=%p",
		    mgr);
}

/* An owner that belongs to no device, and what the kinds are called. */
static void trace_text_of_kinds(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct lines *l = lines_begin(test);
	struct resmgr *mgr = &f->mgr;
	static const char * const kinds[] = {
		"node", "data", "mem", "action", "action", "pages", "percpu",
		"early", "early-action", "group<", "group>",
	};
	struct resmgr_node *nodes;
	const char *text;
	char want[200];
	int i;

	nodes = kunit_kcalloc(test, ARRAY_SIZE(kinds), sizeof(*nodes), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, nodes);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		resmgr_node_setup(&nodes[i], i, NULL, "k", i);
		KUNIT_ASSERT_EQ(test, resmgr_node_add(mgr, &nodes[i]), 0);
	}
	while (i--)
		KUNIT_EXPECT_EQ(test, resmgr_node_remove(mgr, &nodes[i]), 0);
	text = lines_read(test, l);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(want, sizeof(want),
			 " #%d k size=%d fn=%ps kind=%s bus=- driver=- mgr=%p node=%p by=",
			 i, i, NULL, kinds[i], mgr, &nodes[i]);
		expect_text(test, text, want);
	}
}

static void trace_of_wrap(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct trace *t = trace_need(test, &f->mgr);

	f->mgr.seq = 0xfffffe;
	add_item(f, 1);
	add_item(f, 2);
	add_item(f, 3);
	KUNIT_ASSERT_EQ(test, t->count, 3);
	KUNIT_EXPECT_EQ(test, t->events[0].seq, 0xfffffe);
	KUNIT_EXPECT_EQ(test, t->events[1].seq, 0xffffff);
	KUNIT_EXPECT_EQ(test, t->events[2].seq, 0);
}

/* Memory is freed in batches also while the end of each release is traced. */
static void trace_of_memory(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct trace *t = trace_need(test, &f->mgr);
	void *ptr[3];
	int i;

	for (i = 0; i < ARRAY_SIZE(ptr); i++) {
		ptr[i] = resmgr_kmalloc(&f->mgr, 8, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, ptr[i]);
	}
	t->count = 0;
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 3);
	EXPECT_TRACE(test, t, TRACE_BEGIN, TRACE_END, TRACE_BEGIN, TRACE_END,
		     TRACE_BEGIN, TRACE_END);
	for (i = 0; i < t->count; i++) {
		KUNIT_EXPECT_PTR_EQ(test, t->events[i].node,
				    memory_node(ptr[2 - i / 2]));
		KUNIT_EXPECT_EQ(test, t->events[i].kind, RESMGR_MEM);
		KUNIT_EXPECT_STREQ(test, t->events[i].name, "kmalloc");
		/* Else there was something to be timed. */
		KUNIT_EXPECT_EQ(test, t->events[i].duration, 0);
	}
}

static struct kunit_case trace_cases[] = {
	KUNIT_CASE(trace_text_of_resources),
	KUNIT_CASE(trace_text_of_kinds),
	KUNIT_CASE(trace_of_wrap),
	KUNIT_CASE(trace_of_memory),
	KUNIT_CASE(trace_of_release_all),
	KUNIT_CASE(trace_of_reentry),
	KUNIT_CASE(trace_of_remove),
	KUNIT_CASE(trace_of_replace),
	KUNIT_CASE(trace_of_groups),
	KUNIT_CASE(trace_of_errors),
	KUNIT_CASE(trace_of_all),
	KUNIT_CASE(trace_of_caller),
	KUNIT_CASE(trace_of_caller_unlocked),
	KUNIT_CASE(trace_of_duration),
	KUNIT_CASE(trace_of_two_managers),
	{}
};

static struct kunit_suite trace_suite = {
	.name		= "resmgr-trace",
	.init		= fixture_init,
	.exit		= fixture_exit,
	.test_cases	= trace_cases,
};

kunit_test_suite(trace_suite);

/* MODULE_IMPORT_NS() takes a string in newer kernels only. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the resource manager: trace events");
MODULE_LICENSE("GPL");
