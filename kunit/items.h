/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites of the manager work on: items, which are resources with a number
 *
 * A test puts items on a manager and checks the order in which the numbers come
 * back. An item can have a hook, which its release function runs: that is where
 * the trouble is.
 */
#ifndef _LIB_RESMGR_TESTS_ITEMS_H
#define _LIB_RESMGR_TESTS_ITEMS_H

#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/container_of.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/resmgr.h>
#include <linux/spinlock.h>
#include <linux/string.h>

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

static inline const char *fixture_owner_name(const struct resmgr *mgr)
{
	return "fixture";
}

typedef void (*item_data_fn)(struct item **res);

static inline void fixture_release(struct resmgr *mgr, void *fn, void *res)
{
	((item_data_fn)fn)(res);
}

static const struct resmgr_class fixture_class = {
	.name		= "kunit",
	.owner_name	= fixture_owner_name,
	.release	= fixture_release,
};

static inline int fixture_init(struct kunit *test)
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
static inline void fixture_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (!f)
		return;
	if (!resmgr_empty(&f->mgr))
		resmgr_release_all(&f->mgr);
	if (!resmgr_empty(&f->other))
		resmgr_release_all(&f->other);
}

static inline void item_log(struct item *item)
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

/* The release of an item, whatever kind of resource it is. */
static inline void item_gone(struct item *item)
{
	/* Never under the lock of a manager. */
	might_sleep();
	item_log(item);
	if (item->hook)
		item->hook(item);
}

static inline void item_release(struct resmgr *mgr, struct resmgr_node *node)
{
	item_gone(container_of(node, struct item, node));
}

static inline void item_action(void *data)
{
	item_gone(data);
}

static inline void item_data_release(struct item **res)
{
	item_gone(*res);
}

static inline struct item *new_item(struct fixture *f, int id)
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

static inline struct item *add_item(struct fixture *f, int id)
{
	struct item *item = new_item(f, id);

	KUNIT_ASSERT_EQ(f->test, resmgr_node_add(&f->mgr, &item->node), 0);
	return item;
}

static inline void *open_group(struct fixture *f, void *id)
{
	void *opened = resmgr_open_group(&f->mgr, id, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(f->test, opened);
	if (id)
		KUNIT_EXPECT_PTR_EQ(f->test, opened, id);
	return opened;
}

static inline void close_group(struct fixture *f, void *id)
{
	KUNIT_EXPECT_EQ(f->test, resmgr_close_group(&f->mgr, id), 0);
}

static inline struct item *add_hooked(struct fixture *f, int id,
				      void (*hook)(struct item *item))
{
	struct item *item = add_item(f, id);

	item->hook = hook;
	return item;
}

static inline struct item *add_action_item(struct fixture *f, int id)
{
	struct item *item = new_item(f, id);

	KUNIT_ASSERT_EQ(f->test, resmgr_add_action(&f->mgr, item_action, item), 0);
	return item;
}

static inline void expect_log(struct fixture *f, const int *want, unsigned int count)
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

static inline bool is_item(struct resmgr *mgr, struct resmgr_node *node, const void *data)
{
	return container_of(node, struct item, node)->id == *(const int *)data;
}

struct each {
	int	seen[8];
	int	count;
	int	stop_at;
};

static inline int each_item(struct resmgr *mgr, struct resmgr_node *node, void *data)
{
	struct each *each = data;

	each->seen[each->count++] = container_of(node, struct item, node)->id;
	return each->count == each->stop_at ? -EINTR : 0;
}

static inline void hook_add_another(struct item *item)
{
	item->ret = resmgr_node_add(&item->f->mgr, &item->peer->node);
}

/* Not for ever, if this goes wrong. */
#define ENDLESS	100000

/* A resource that is being released may be added again. */
static inline void hook_add_itself(struct item *item)
{
	if (item->left-- > 0)
		item->ret |= resmgr_node_add(&item->f->mgr, &item->node);
}

static inline void hook_release_group(struct item *item)
{
	item->ret = resmgr_release_group(&item->f->mgr, item->ptr);
}

static inline void hook_release_all(struct item *item)
{
	item->ret = resmgr_release_all(&item->f->mgr);
}

/* What groups.h and memory.h ask for. */
static inline void *group_open(struct kunit *test, void *id)
{
	return open_group(test->priv, id);
}

static inline int group_release(struct kunit *test, void *id)
{
	struct fixture *f = test->priv;

	return resmgr_release_group(&f->mgr, id);
}

static inline void group_end(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_EXPECT_GE(test, resmgr_release_all(&f->mgr), 0);
	KUNIT_EXPECT_TRUE(test, resmgr_empty(&f->mgr));
}

#endif /* _LIB_RESMGR_TESTS_ITEMS_H */
