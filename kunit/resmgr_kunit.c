// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the resource manager: lib/resmgr/, without the gate and cdevm
 *
 * Most tests put items on a manager, each with a number, and check the order in
 * which the numbers come back. An item can have a hook, which its release
 * function runs: that is where the trouble is.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <kunit/test-bug.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/resmgr.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <trace/events/resmgr.h>

#include "../internal.h"
#include "groups.h"
#include "resmgr_kunit.h"

#if defined(CONFIG_64BIT) && !defined(CONFIG_RESMGR_DEBUG)
static_assert(sizeof(struct resmgr_node) == 32);
static_assert(sizeof(struct resmgr_action) == 40);
#endif

#define LOG_SIZE	4096

/* What a test works on. */
struct fixture {
	struct kunit	*test;
	struct resmgr	mgr;
	struct resmgr	other;
	spinlock_t	lock;		/* protects what follows */
	unsigned int	logged;
	int		log[LOG_SIZE];
};

struct item {
	struct resmgr_node	node;
	struct fixture		*f;
	int			id;
	unsigned int		released;
	/* What functions of the class's type are given: a pointer to it. */
	struct item		*self;
	void			(*hook)(struct item *item);
	/* For the hook: what it works on, and what came of it. */
	struct item		*peer;
	void			*ptr;
	int			left;
	int			ret;
};

static const char *fixture_owner_name(const struct resmgr *mgr)
{
	return "fixture";
}

typedef void (*item_data_fn)(struct item **res);

static void fixture_release(struct resmgr *mgr, void *fn, void *res)
{
	((item_data_fn)fn)(res);
}

static const struct resmgr_class fixture_class = {
	.name		= "kunit",
	.owner_name	= fixture_owner_name,
	.release	= fixture_release,
};

static int fixture_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	if (!f)
		return -ENOMEM;
	f->test = test;
	spin_lock_init(&f->lock);
	resmgr_init(&f->mgr, &fixture_class);
	resmgr_init(&f->other, &fixture_class);
	test->priv = f;
	return 0;
}

/* Whatever a test has left, also one that has failed. */
static void fixture_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (!f)
		return;
	if (!resmgr_empty(&f->mgr))
		resmgr_release_all(&f->mgr);
	if (!resmgr_empty(&f->other))
		resmgr_release_all(&f->other);
}

static void item_log(struct item *item)
{
	struct fixture *f = item->f;
	unsigned long flags;

	spin_lock_irqsave(&f->lock, flags);
	if (f->logged < LOG_SIZE)
		f->log[f->logged] = item->id;
	f->logged++;
	item->released++;
	spin_unlock_irqrestore(&f->lock, flags);
}

/* Identities of groups: addresses of whatever. */
static int id_a, id_b;

static void nothing(void *unused)
{
}

/* The release of an item, whatever kind of resource it is. */
static void item_gone(struct item *item)
{
	/* Never under the lock of a manager. */
	might_sleep();
	item_log(item);
	if (item->hook)
		item->hook(item);
}

static void item_release(struct resmgr *mgr, struct resmgr_node *node)
{
	item_gone(container_of(node, struct item, node));
}

static void other_release(struct resmgr *mgr, struct resmgr_node *node)
{
	item_gone(container_of(node, struct item, node));
}

static void item_action(void *data)
{
	item_gone(data);
}

static void other_action(void *data)
{
	item_gone(data);
}

static void item_data_release(struct item **res)
{
	item_gone(*res);
}

static struct item *new_item(struct fixture *f, int id)
{
	struct item *item;

	item = kunit_kzalloc(f->test, sizeof(*item), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(f->test, item);
	item->f = f;
	item->id = id;
	item->self = item;
	resmgr_node_init(&item->node, item_release, "item", sizeof(*item));
	return item;
}

static struct item *add_item(struct fixture *f, int id)
{
	struct item *item = new_item(f, id);

	KUNIT_ASSERT_EQ(f->test, resmgr_node_add(&f->mgr, &item->node), 0);
	return item;
}

static void *open_group(struct fixture *f, void *id)
{
	void *opened = resmgr_open_group(&f->mgr, id, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(f->test, opened);
	if (id)
		KUNIT_EXPECT_PTR_EQ(f->test, opened, id);
	return opened;
}

static void close_group(struct fixture *f, void *id)
{
	KUNIT_EXPECT_EQ(f->test, resmgr_close_group(&f->mgr, id), 0);
}

static struct item *add_hooked(struct fixture *f, int id,
			       void (*hook)(struct item *item))
{
	struct item *item = add_item(f, id);

	item->hook = hook;
	return item;
}

static struct item *add_action_item(struct fixture *f, int id)
{
	struct item *item = new_item(f, id);

	KUNIT_ASSERT_EQ(f->test, resmgr_add_action(&f->mgr, item_action, item), 0);
	return item;
}

static void expect_log(struct fixture *f, const int *want, unsigned int count)
{
	struct kunit *test = f->test;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, f->logged, count);
	for (i = 0; i < min(f->logged, count); i++)
		if (f->log[i] != want[i])
			break;
	if (i < count)
		KUNIT_FAIL(test, "release %u is of %d, not of %d", i,
			   i < f->logged ? f->log[i] : -1, want[i]);
	f->logged = 0;
}

/* These were released, in this order, and nothing else, since the last look. */
#define EXPECT_LOG(f, ...)						\
do {									\
	static const int __want[] = { __VA_ARGS__ };			\
									\
	expect_log(f, __want, ARRAY_SIZE(__want));			\
} while (0)

#define EXPECT_NO_LOG(f)	expect_log(f, NULL, 0)

/* The resources of a manager, newest first. */
struct snapshot {
	unsigned int		count;
	struct resmgr_node	*nodes[64];
};

static int snapshot_one(struct resmgr *mgr, struct resmgr_node *node, void *data)
{
	struct snapshot *s = data;

	if (s->count == ARRAY_SIZE(s->nodes))
		return -E2BIG;
	s->nodes[s->count++] = node;
	return 0;
}

static void snapshot(struct resmgr *mgr, struct snapshot *s)
{
	memset(s, 0, sizeof(*s));
	resmgr_for_each(mgr, snapshot_one, s);
}

static bool is_item(struct resmgr *mgr, struct resmgr_node *node, const void *data)
{
	return container_of(node, struct item, node)->id == *(const int *)data;
}

static struct item *find_item(struct fixture *f, int id)
{
	struct resmgr_node *node;

	node = resmgr_find(&f->mgr, RESMGR_NODE, (void *)item_release,
			   is_item, &id);
	return node ? container_of(node, struct item, node) : NULL;
}

/* Trace of one manager, of one kind of event each or of all. */
enum trace_op {
	TRACE_ADD,
	TRACE_REMOVE,
	TRACE_REPLACE,
	TRACE_BEGIN,
	TRACE_END,
	TRACE_ALL_BEGIN,
	TRACE_ALL_END,
};

struct trace_event_seen {
	enum trace_op		op;
	const void		*node;
	const void		*old;
	u32			seq;
	u32			kind;
	u32			count;
	u64			duration;
	unsigned long		caller;
	char			name[24];
};

struct trace {
	const struct resmgr	*mgr;
	struct probe		add, remove, replace, begin, end;
	struct probe		all_begin, all_end;
	unsigned int		count;
	struct trace_event_seen	events[4096];
};

/* Probes are called under the lock of the manager, so one at a time. */
static void trace_event(struct trace *t, const struct resmgr *mgr,
			enum trace_op op, const void *node, const char *name,
			u32 seq, u32 kind, u64 duration)
{
	struct trace_event_seen *e;

	if (mgr != t->mgr)
		return;
	if (t->count < ARRAY_SIZE(t->events)) {
		e = &t->events[t->count];
		e->op = op;
		e->node = node;
		e->old = NULL;
		e->seq = seq;
		e->kind = kind;
		e->duration = duration;
		strscpy(e->name, name);
	}
	t->count++;
}

static struct trace_event_seen *trace_last(struct trace *t,
					   const struct resmgr *mgr)
{
	if (mgr != t->mgr || t->count > ARRAY_SIZE(t->events))
		return NULL;
	return &t->events[t->count - 1];
}

static void trace_add(void *data, const struct resmgr *mgr,
		      const struct resmgr_node *node, unsigned long caller,
		      u32 seq)
{
	struct trace *t = data;
	struct trace_event_seen *e;

	trace_event(t, mgr, TRACE_ADD, node, node->name, seq, node->kind, 0);
	e = trace_last(t, mgr);
	if (e)
		e->caller = caller;
}

static void trace_remove(void *t, const struct resmgr *mgr,
			 const struct resmgr_node *node, u32 seq)
{
	trace_event(t, mgr, TRACE_REMOVE, node, node->name, seq, node->kind, 0);
}

static void trace_replace(void *data, const struct resmgr *mgr,
			  const struct resmgr_node *old,
			  const struct resmgr_node *new, u32 seq)
{
	struct trace *t = data;
	struct trace_event_seen *e;

	trace_event(t, mgr, TRACE_REPLACE, new, new->name, seq, new->kind, 0);
	e = trace_last(t, mgr);
	if (e)
		e->old = old;
}

static void trace_begin(void *t, const struct resmgr *mgr,
			const struct resmgr_node *node, u32 seq)
{
	trace_event(t, mgr, TRACE_BEGIN, node, node->name, seq, node->kind, 0);
}

static void trace_end(void *t, const struct resmgr *mgr, const void *node,
		      const struct resmgr_node *was, u64 duration, u32 seq)
{
	trace_event(t, mgr, TRACE_END, node, was->name, seq, was->kind, duration);
}

static void trace_all(struct trace *t, const struct resmgr *mgr,
		      enum trace_op op, unsigned int count, u32 seq)
{
	struct trace_event_seen *e;

	trace_event(t, mgr, op, NULL, "", seq, 0, 0);
	e = trace_last(t, mgr);
	if (e)
		e->count = count;
}

static void trace_all_begin(void *t, const struct resmgr *mgr,
			    unsigned int count, u32 seq)
{
	trace_all(t, mgr, TRACE_ALL_BEGIN, count, seq);
}

static void trace_all_end(void *t, const struct resmgr *mgr,
			  unsigned int count, u32 seq)
{
	trace_all(t, mgr, TRACE_ALL_END, count, seq);
}

static void trace_stop(void *data)
{
	struct trace *t = data;

	probe_unregister(&t->add);
	probe_unregister(&t->remove);
	probe_unregister(&t->replace);
	probe_unregister(&t->begin);
	probe_unregister(&t->end);
	probe_unregister(&t->all_begin);
	probe_unregister(&t->all_end);
}

/* %NULL without tracepoints. */
static struct trace *trace_start(struct kunit *test, const struct resmgr *mgr)
{
	struct trace *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	check_trace_callback_type_resmgr_add(trace_add);
	check_trace_callback_type_resmgr_remove(trace_remove);
	check_trace_callback_type_resmgr_replace(trace_replace);
	check_trace_callback_type_resmgr_release_begin(trace_begin);
	check_trace_callback_type_resmgr_release_end(trace_end);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->mgr = mgr;
	t->add = (struct probe){ "resmgr_add", trace_add };
	t->remove = (struct probe){ "resmgr_remove", trace_remove };
	t->replace = (struct probe){ "resmgr_replace", trace_replace };
	t->begin = (struct probe){ "resmgr_release_begin", trace_begin };
	t->end = (struct probe){ "resmgr_release_end", trace_end };

	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, trace_stop, t), 0);
	if (!probe_register(&t->add, t) || !probe_register(&t->remove, t) ||
	    !probe_register(&t->replace, t) ||
	    !probe_register(&t->begin, t) || !probe_register(&t->end, t))
		return NULL;
	return t;
}

static struct trace *trace_need(struct kunit *test, const struct resmgr *mgr)
{
	struct trace *t = trace_start(test, mgr);

	if (!t)
		kunit_skip(test, "needs TRACEPOINTS");
	return t;
}

/* The release of all of a manager among the events, too. */
static struct trace *trace_need_all(struct kunit *test, const struct resmgr *mgr)
{
	struct trace *t = trace_need(test, mgr);

	check_trace_callback_type_resmgr_release_all_begin(trace_all_begin);
	check_trace_callback_type_resmgr_release_all_end(trace_all_end);

	t->all_begin = (struct probe){ "resmgr_release_all_begin", trace_all_begin };
	t->all_end = (struct probe){ "resmgr_release_all_end", trace_all_end };
	KUNIT_ASSERT_TRUE(test, probe_register(&t->all_begin, t));
	KUNIT_ASSERT_TRUE(test, probe_register(&t->all_end, t));
	return t;
}

/*
 * resmgr-order
 */
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

struct each {
	int	seen[8];
	int	count;
	int	stop_at;
};

static int each_item(struct resmgr *mgr, struct resmgr_node *node, void *data)
{
	struct each *each = data;

	each->seen[each->count++] = container_of(node, struct item, node)->id;
	return each->count == each->stop_at ? -EINTR : 0;
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

static void hook_add_another(struct item *item)
{
	item->ret = resmgr_node_add(&item->f->mgr, &item->peer->node);
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

/*
 * resmgr-reentry
 */
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

/* A resource that is being released may be added again. */
static void hook_add_itself(struct item *item)
{
	if (item->left-- > 0)
		item->ret |= resmgr_node_add(&item->f->mgr, &item->node);
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

/* Not for ever, if this goes wrong. */
#define ENDLESS	100000

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

static void hook_release_group(struct item *item)
{
	item->ret = resmgr_release_group(&item->f->mgr, item->ptr);
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

static void hook_release_all(struct item *item)
{
	item->ret = resmgr_release_all(&item->f->mgr);
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

/*
 * resmgr-groups
 */
static void group_add(struct kunit *test, void *text)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, resmgr_add_action(&f->mgr, note_action, text), 0);
}

static void *group_open(struct kunit *test, void *id)
{
	return open_group(test->priv, id);
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

static int group_release(struct kunit *test, void *id)
{
	struct fixture *f = test->priv;

	return resmgr_release_group(&f->mgr, id);
}

static void group_end(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_EXPECT_GE(test, resmgr_release_all(&f->mgr), 0);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
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

/*
 * resmgr-actions
 */
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

/*
 * resmgr-memory
 */
#define MEM_TYPE		struct resmgr
#define MEM_OWNER(test)		(&((struct fixture *)(test)->priv)->mgr)
#define MEM(name)		resmgr_##name
#define MEM_OPEN		group_open
#define MEM_RELEASE		group_release
#define MEM_END			group_end
#define MEM_HAS_FREE_PERCPU	true
#include "memory.h"

static bool all_bytes(const void *ptr, u8 value, size_t len)
{
	return !memchr_inv(ptr, value, len);
}

/* Hide a size from the compiler, which would warn that it is too large. */
static size_t hide(size_t size)
{
	OPTIMIZER_HIDE_VAR(size);
	return size;
}

static void memory_overflow(struct kunit *test)
{
	struct fixture *f = test->priv;
	size_t max = hide(SIZE_MAX);
	void *ptr;
	int i;

	for (i = 0; i <= 64; i++)
		KUNIT_EXPECT_NULL(test, resmgr_kmalloc(&f->mgr, max - i,
						       GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, resmgr_kzalloc(&f->mgr, max,
					       GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, resmgr_kmalloc(&f->mgr, hide(KMALLOC_MAX_SIZE),
					       GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, resmgr_kmalloc_array(&f->mgr, max / 2 + 2, 2,
						     GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, resmgr_kcalloc(&f->mgr, max / 16 + 2, 16,
					       GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, resmgr_kmemdup(&f->mgr, f, max,
					       GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));

	/* What could not grow is as it was. */
	ptr = resmgr_kmalloc(&f->mgr, 16, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	memset(ptr, 0x5a, 16);
	KUNIT_EXPECT_NULL(test, resmgr_krealloc(&f->mgr, ptr, max,
						GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, resmgr_krealloc(&f->mgr, ptr, max - 32,
						GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, resmgr_krealloc_array(&f->mgr, ptr, max / 4 + 2, 4,
						      GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_TRUE(test, all_bytes(ptr, 0x5a, 16));
	KUNIT_EXPECT_EQ(test, resmgr_kfree(&f->mgr, ptr), 0);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

static void memory_of_no_size(struct kunit *test)
{
	struct fixture *f = test->priv;
	void *ptr;

	KUNIT_EXPECT_PTR_EQ(test, resmgr_kmalloc(&f->mgr, 0, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, resmgr_kzalloc(&f->mgr, 0, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, resmgr_kcalloc(&f->mgr, 0, 8, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, resmgr_kmalloc_array(&f->mgr, 8, 0, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, resmgr_kmemdup(&f->mgr, f, 0, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, resmgr_krealloc(&f->mgr, NULL, 0, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));

	/* Freeing nothing is fine. */
	KUNIT_EXPECT_EQ(test, resmgr_kfree(&f->mgr, NULL), 0);
	KUNIT_EXPECT_EQ(test, resmgr_kfree(&f->mgr, ZERO_SIZE_PTR), 0);

	/* It can grow from nothing, and shrink to it. */
	ptr = resmgr_krealloc(&f->mgr, ZERO_SIZE_PTR, 8, GFP_KERNEL);
	KUNIT_ASSERT_FALSE(test, ZERO_OR_NULL_PTR(ptr));
	KUNIT_EXPECT_FALSE(test, resmgr_empty(&f->mgr));
	KUNIT_EXPECT_PTR_EQ(test, resmgr_krealloc(&f->mgr, ptr, 0, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

static void memory_krealloc_place(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct snapshot before, after;
	u8 *ptr, *grown;

	add_item(f, 1);
	ptr = resmgr_krealloc(&f->mgr, NULL, 16, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	memset(ptr, 0x5a, 16);
	add_item(f, 2);
	snapshot(&f->mgr, &before);
	KUNIT_ASSERT_EQ(test, before.count, 3);

	/* Smaller: the same memory. */
	KUNIT_EXPECT_PTR_EQ(test, (u8 *)resmgr_krealloc(&f->mgr, ptr, 8, GFP_KERNEL),
			    ptr);
	/* As large as it was: the same memory. */
	KUNIT_EXPECT_PTR_EQ(test, (u8 *)resmgr_krealloc(&f->mgr, ptr, 16, GFP_KERNEL),
			    ptr);
	snapshot(&f->mgr, &after);
	KUNIT_EXPECT_MEMEQ(test, &before, &after, sizeof(before));

	/* Larger: the content moves along; the place in the order is kept. */
	grown = resmgr_krealloc(&f->mgr, ptr, 5000, GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, grown);
	KUNIT_EXPECT_TRUE(test, all_bytes(grown, 0x5a, 16));
	memset(grown, 0xa5, 5000);
	snapshot(&f->mgr, &after);
	KUNIT_EXPECT_EQ(test, after.count, 3);
	KUNIT_EXPECT_PTR_EQ(test, after.nodes[0], before.nodes[0]);
	KUNIT_EXPECT_PTR_EQ(test, after.nodes[1],
			    &container_of((void *)grown, struct resmgr_data,
					  data)->node);
	KUNIT_EXPECT_PTR_EQ(test, after.nodes[2], before.nodes[2]);

	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 3);
	EXPECT_LOG(f, 2, 1);
}

/* Drivers do DMA to it: as aligned as memory of kmalloc() is. */
static void memory_alignment(struct kunit *test)
{
	struct fixture *f = test->priv;
	size_t size, object, align;
	void *ptr;

	for (size = 1; size <= 1024; size++) {
		object = kmalloc_size_roundup(size);
		align = min_t(size_t, rounddown_pow_of_two(object),
			      ARCH_DMA_MINALIGN);
		ptr = resmgr_kmalloc(&f->mgr, size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, ptr);
		KUNIT_EXPECT_TRUE_MSG(test, IS_ALIGNED((unsigned long)ptr, align),
				      "%zu bytes", size);
		KUNIT_EXPECT_EQ(test, resmgr_kfree(&f->mgr, ptr), 0);
	}
}

/*
 * A machine: what ARCH_DMA_MINALIGN is, the smallest object of kmalloc(), and the
 * longest cache line that is possible then. Without bounce buffers, objects are not
 * smaller than a line.
 */
struct dma_machine {
	const char	*desc;
	size_t		minalign;
	size_t		smallest;
	size_t		longest;
};

static const struct dma_machine dma_machines[] = {
	{ "arm64",				128, 8, 128 },
	{ "arm64 without bounce buffers",	128, 64, 64 },
	{ "riscv",				64, 8, 64 },
	{ "riscv without bounce buffers",	64, 64, 64 },
	{ "lines of 128",			128, 128, 128 },
	{ "lines of 32",			32, 32, 32 },
	{ "lines of 16",			16, 16, 16 },
	{ "no need",				8, 8, 8 },
};

KUNIT_ARRAY_PARAM_DESC(dma_machine, dma_machines, desc);

/* What kmalloc() takes there for so many bytes. */
static size_t dma_object(const struct dma_machine *m, size_t size)
{
	size_t object = roundup_pow_of_two(max(size, m->smallest));

	/* Both are there where they are multiples of the smallest. */
	if (size <= 96 && object == 128 && 96 % m->smallest == 0)
		return 96;
	if (size <= 192 && object == 256 && 192 % m->smallest == 0)
		return 192;
	return object;
}

/*
 * Is DMA to the first @len bytes right, with cache lines of @line bytes? The data
 * is @start bytes into an object that was taken for @total.
 */
static bool dma_is_right(const struct dma_machine *m, size_t start, size_t total,
			 size_t len, size_t line)
{
	size_t object = dma_object(m, total);

	/* What the DMA code asks before it bounces. */
	if (len < 2 * m->minalign && dma_object(m, len) % line)
		return true;
	/* Objects are next to each other, so that they begin at multiples. */
	return start % line == 0 && object % line == 0;
}

/*
 * For each size, each part of it, and each length of a cache line that the machine
 * can have; with the node as it is, and as it is with RESMGR_DEBUG or without.
 */
static void memory_dma(struct kunit *test)
{
	static const size_t heads[] = { sizeof(struct resmgr_data), 32, 40, 80, 88 };
	const struct dma_machine *m = test->param_value;
	size_t head, size, start, len, line;
	int i;

	for (i = 0; i < ARRAY_SIZE(heads); i++) {
		head = heads[i];
		for (size = 1; size <= 520; size++) {
			start = head + resmgr_pad(head, dma_object(m, size),
						  m->minalign);
			for (line = 1; line <= m->longest; line *= 2)
				for (len = 1; len <= size; len++)
					if (!dma_is_right(m, start, start + size,
							  len, line))
						goto wrong;
		}
	}
	return;
wrong:
	KUNIT_FAIL(test, "node of %zu bytes, %zu bytes of data, DMA to %zu, cache line of %zu\n",
		   head, size, len, line);
}

/* Fill memory as an earlier user may have left it, unseen by KASAN. */
static noinline __no_sanitize_address void leave_dirt(u8 *ptr, size_t size)
{
	while (size--)
		WRITE_ONCE(*ptr++, 0xee);
}

/* The rest of the slab object is used when memory grows; KASAN looks on. */
static void memory_krealloc_in_place(struct kunit *test)
{
	struct fixture *f = test->priv;
	size_t head = sizeof(struct resmgr_data) + resmgr_data_pad(10);
	size_t room = kmalloc_size_roundup(head + 10) - head;
	u8 *ptr, *grown;

	/* With other padding in front it has to move. */
	while (resmgr_data_pad(room) != resmgr_data_pad(10))
		room--;
	KUNIT_ASSERT_GT(test, room, 10);

	ptr = resmgr_kmalloc(&f->mgr, 10, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	memset(ptr, 0x5a, 10);
	leave_dirt(ptr + 10, room - 10);

	grown = resmgr_krealloc(&f->mgr, ptr, room, GFP_KERNEL | __GFP_ZERO);
	KUNIT_EXPECT_PTR_EQ(test, grown, ptr);
	KUNIT_EXPECT_TRUE(test, all_bytes(grown, 0x5a, 10));
	KUNIT_EXPECT_TRUE(test, all_bytes(grown + 10, 0, room - 10));
	memset(grown, 0xa5, room);

	/* What was had once stays: shrinking gives nothing back. */
	grown = resmgr_krealloc(&f->mgr, grown, 5, GFP_KERNEL);
	grown = resmgr_krealloc(&f->mgr, grown, room, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, grown, ptr);
	KUNIT_EXPECT_TRUE(test, all_bytes(grown, 0xa5, room));

	/* All of it moves along. */
	grown = resmgr_krealloc(&f->mgr, grown, room + 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, grown);
	KUNIT_EXPECT_TRUE(test, all_bytes(grown, 0xa5, room));
	memset(grown, 0x5a, room + 1);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 1);
}

static void hook_count(struct item *item)
{
	struct snapshot s;

	snapshot(&item->f->mgr, &s);
	item->left = s.count;
}

/*
 * Memory may be released several pieces at a time. Whoever is released sees the
 * newer ones gone and the older ones there all the same.
 */
static void memory_in_a_row(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct item *first, *second;
	int i;

	first = add_hooked(f, 1, hook_count);
	for (i = 0; i < 20; i++)
		KUNIT_ASSERT_NOT_NULL(test, resmgr_kmalloc(&f->mgr, 8, GFP_KERNEL));
	second = add_hooked(f, 2, hook_count);
	for (i = 0; i < 37; i++)
		KUNIT_ASSERT_NOT_NULL(test, resmgr_kmalloc(&f->mgr, 8, GFP_KERNEL));

	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 59);
	EXPECT_LOG(f, 2, 1);
	KUNIT_EXPECT_EQ(test, second->left, 21);
	KUNIT_EXPECT_EQ(test, first->left, 0);
}

/* The newest, the oldest and the only one can be resized, too. */
static void memory_krealloc_at_ends(struct kunit *test)
{
	struct fixture *f = test->priv;
	void *ptr;
	int i;

	ptr = resmgr_kmalloc(&f->mgr, 8, GFP_KERNEL);
	for (i = 0; i < 12; i++) {
		ptr = resmgr_krealloc(&f->mgr, ptr, 64 << i, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, ptr);
		if (i == 4)
			add_item(f, 1);
	}
	KUNIT_EXPECT_EQ(test, resmgr_kfree(&f->mgr, ptr), 0);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 1);
	EXPECT_LOG(f, 1);
}

static void memory_constant_strings(struct kunit *test)
{
	struct fixture *f = test->priv;
	const char *rodata = kstrdup_const("constant", GFP_KERNEL);
	const char *s;
	void *ptr = f;

	/* In a module it is not in the kernel image's read-only data. */
	if (!IS_BUILTIN(CONFIG_RESMGR_KUNIT_TEST)) {
		kfree_const(rodata);
		kunit_skip(test, "needs a constant of the kernel image");
	}

	s = resmgr_kstrdup_const(&f->mgr, rodata, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, s, rodata);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
	KUNIT_EXPECT_EQ(test, resmgr_kfree(&f->mgr, s), 0);
	EXPECT_WARNING(test, "cannot resize a constant string",
		       ptr = resmgr_krealloc(&f->mgr, (void *)s, 64, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, ptr);
	KUNIT_EXPECT_STREQ(test, s, "constant");
}

static void memory_pages_unknown(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned long addr[2];
	int i, ret = 0;

	for (i = 0; i < ARRAY_SIZE(addr); i++) {
		addr[i] = resmgr_get_free_pages(&f->mgr, GFP_KERNEL, i);
		KUNIT_ASSERT_NE(test, addr[i], 0);
	}
	KUNIT_EXPECT_EQ(test, resmgr_free_pages(&f->mgr, addr[1]), 0);
	EXPECT_WARNING(test, "resmgr: kunit fixture: there is no pages",
		       ret = resmgr_free_pages(&f->mgr, addr[1]));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	EXPECT_WARNING(test, "there is no pages",
		       ret = resmgr_free_pages(&f->other, addr[0]));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&f->mgr), 1);
}

static void memory_percpu_unknown(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 __percpu *p;
	int ret = 0;

	p = resmgr_alloc_percpu(&f->mgr, u64);
	KUNIT_ASSERT_NOT_NULL(test, (__force void *)p);
	KUNIT_EXPECT_EQ(test, resmgr_free_percpu(&f->mgr, p), 0);
	EXPECT_WARNING(test, "resmgr: kunit fixture: there is no percpu",
		       ret = resmgr_free_percpu(&f->mgr, p));
	KUNIT_EXPECT_EQ(test, ret, -ENOENT);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

static void memory_data(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct resmgr_data *data;

	data = __resmgr_data_alloc(RESMGR_DATA, (void *)item_data_release, 64,
				   GFP_KERNEL | __GFP_ZERO, NUMA_NO_NODE, "data",
				   _RET_IP_);
	KUNIT_ASSERT_NOT_NULL(test, data);
	KUNIT_EXPECT_TRUE(test, all_bytes(data->data, 0, 64));
	KUNIT_EXPECT_EQ(test, data->node.size, 64);

	/* Freed without its release function; not while it is on a manager. */
	*(struct item **)data->data = new_item(f, 1);
	KUNIT_EXPECT_EQ(test, resmgr_node_add(&f->mgr, &data->node), 0);
	EXPECT_WARNING(test, "cannot free data", resmgr_data_free(data));
	KUNIT_EXPECT_EQ(test, resmgr_node_remove(&f->mgr, &data->node), 0);
	resmgr_data_free(data);
	resmgr_data_free(NULL);
	EXPECT_NO_LOG(f);

	KUNIT_EXPECT_NULL(test, __resmgr_data_alloc(RESMGR_DATA, NULL,
						    hide(SIZE_MAX), GFP_KERNEL,
						    NUMA_NO_NODE, "data",
						    _RET_IP_));
}

/*
 * Failed allocations: each allocation of each function in turn. What is on the
 * manager has to be the same, in the same order; an action that could not be
 * added is called by _or_reset only.
 */
struct faulty {
	const char	*name;
	/* Returns whether it worked. */
	bool		(*fn)(struct fixture *f, void **ptr);
	/* What it calls when it fails. */
	int		calls;
};

static bool faulty_kmalloc(struct fixture *f, void **ptr)
{
	return resmgr_kmalloc(&f->mgr, 100, GFP_KERNEL);
}

static bool faulty_kcalloc(struct fixture *f, void **ptr)
{
	return resmgr_kcalloc(&f->mgr, 10, 100, GFP_KERNEL);
}

static bool faulty_krealloc(struct fixture *f, void **ptr)
{
	static size_t size;
	void *grown;

	/* Larger each time, so that it has to allocate. */
	size = max_t(size_t, 2 * size, 128) % SZ_64K;
	grown = resmgr_krealloc(&f->mgr, *ptr, size, GFP_KERNEL);

	if (grown)
		*ptr = grown;
	return grown;
}

static bool faulty_krealloc_new(struct fixture *f, void **ptr)
{
	return resmgr_krealloc(&f->mgr, NULL, 100, GFP_KERNEL);
}

static bool faulty_kmemdup(struct fixture *f, void **ptr)
{
	return resmgr_kmemdup(&f->mgr, f->log, 100, GFP_KERNEL);
}

static bool faulty_kstrdup(struct fixture *f, void **ptr)
{
	return resmgr_kstrdup(&f->mgr, *ptr, GFP_KERNEL);
}

static bool faulty_kstrdup_const(struct fixture *f, void **ptr)
{
	return resmgr_kstrdup_const(&f->mgr, *ptr, GFP_KERNEL);
}

static bool faulty_kasprintf(struct fixture *f, void **ptr)
{
	return resmgr_kasprintf(&f->mgr, GFP_KERNEL, "%d", 1);
}

static bool faulty_pages(struct fixture *f, void **ptr)
{
	return resmgr_get_free_pages(&f->mgr, GFP_KERNEL, 1);
}

static bool faulty_percpu(struct fixture *f, void **ptr)
{
	return (__force void *)resmgr_alloc_percpu(&f->mgr, u64);
}

static struct item *faulty_item(struct fixture *f)
{
	static struct item item;

	item = (struct item){ .f = f, .id = 7 };
	return &item;
}

static bool faulty_action(struct fixture *f, void **ptr)
{
	return !resmgr_add_action(&f->mgr, item_action, faulty_item(f));
}

static bool faulty_action_or_reset(struct fixture *f, void **ptr)
{
	return !resmgr_add_action_or_reset(&f->mgr, item_action, faulty_item(f));
}

static bool faulty_group(struct fixture *f, void **ptr)
{
	return resmgr_open_group(&f->mgr, NULL, GFP_KERNEL);
}

static const struct faulty faulties[] = {
	{ "kmalloc", faulty_kmalloc },
	{ "kcalloc", faulty_kcalloc },
	{ "krealloc that grows", faulty_krealloc },
	{ "krealloc of nothing", faulty_krealloc_new },
	{ "kmemdup", faulty_kmemdup },
	{ "kstrdup", faulty_kstrdup },
	{ "kstrdup_const", faulty_kstrdup_const },
	{ "kasprintf", faulty_kasprintf },
	{ "pages", faulty_pages },
	{ "percpu", faulty_percpu },
	{ "action", faulty_action },
	{ "action or reset", faulty_action_or_reset, 1 },
	{ "group", faulty_group },
};

static void faulty_desc(const struct faulty *faulty, char *desc)
{
	strscpy(desc, faulty->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(faulty, faulties, faulty_desc);

static void memory_failed_allocation(struct kunit *test)
{
	const struct faulty *faulty = test->param_value;
	struct fixture *f = test->priv;
	struct snapshot before, after;
	unsigned int nth, failures = 0;
	bool fired, worked;
	void *ptr;

	faults_need(test);
	add_item(f, 1);
	ptr = resmgr_kzalloc(&f->mgr, 16, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	strscpy(ptr, "content", 16);
	add_action_item(f, 2);
	snapshot(&f->mgr, &before);

	for (nth = 1, fired = true; nth < 20 && fired; nth++) {
		faults_arm(nth);
		worked = faulty->fn(f, &ptr);
		fired = faults_disarm();
		KUNIT_EXPECT_STREQ(test, (char *)ptr, "content");
		snapshot(&f->mgr, &after);
		if (worked) {
			/* Debugging aids allocate, too, and do without. */
			KUNIT_EXPECT_EQ(test, f->logged, 0);
			before = after;
			continue;
		}

		failures++;
		KUNIT_EXPECT_TRUE(test, fired);
		KUNIT_EXPECT_EQ(test, f->logged, faulty->calls);
		f->logged = 0;
		KUNIT_EXPECT_MEMEQ(test, &before, &after, sizeof(before));
	}
	KUNIT_EXPECT_FALSE(test, fired);
	KUNIT_EXPECT_GE(test, failures, 1);
	EXPECT_NO_LOG(f);
	KUNIT_EXPECT_GE(test, resmgr_release_all(&f->mgr), 3);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

static struct kunit_case memory_cases[] = {
	MEM_CASES,
	KUNIT_CASE(memory_overflow),
	KUNIT_CASE(memory_of_no_size),
	KUNIT_CASE(memory_krealloc_place),
	KUNIT_CASE(memory_krealloc_in_place),
	KUNIT_CASE(memory_in_a_row),
	KUNIT_CASE(memory_alignment),
	KUNIT_CASE_PARAM(memory_dma, dma_machine_gen_params),
	KUNIT_CASE(memory_krealloc_at_ends),
	KUNIT_CASE(memory_constant_strings),
	KUNIT_CASE(memory_pages_unknown),
	KUNIT_CASE(memory_percpu_unknown),
	KUNIT_CASE(memory_data),
	KUNIT_CASE_PARAM(memory_failed_allocation, faulty_gen_params),
	{}
};

static struct kunit_suite memory_suite = {
	.name		= "resmgr-memory",
	.init		= fixture_init,
	.exit		= fixture_exit,
	.test_cases	= memory_cases,
};

/*
 * resmgr-misuse: a warning that names owner and resource, an error, no harm
 */
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
	KUNIT_EXPECT_TRUE(test, all_bytes(theirs, 0x5a, 64));
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

/*
 * resmgr-object
 */
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

/*
 * resmgr-trace
 */
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

kunit_test_suites(&order_suite, &reentry_suite, &groups_suite, &actions_suite,
		  &memory_suite, &misuse_suite, &object_suite, &trace_suite);

/* MODULE_IMPORT_NS() takes a string in newer kernels only. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the resource manager");
MODULE_LICENSE("GPL");
