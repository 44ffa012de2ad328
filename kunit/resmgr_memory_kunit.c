// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of the resource manager: memory, pages, per-CPU memory */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/cache.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/resmgr.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../internal.h"
#include "items.h"
#include "resmgr_kunit.h"

#if defined(CONFIG_64BIT) && !defined(CONFIG_RESMGR_DEBUG)
static_assert(sizeof(struct resmgr_node) == 32);
static_assert(sizeof(struct resmgr_action) == 40);
#endif

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

static bool all_bytes(const void *ptr, u8 value, size_t len)
{
	return !memchr_inv(ptr, value, len);
}

#define MEM_TYPE		struct resmgr
#define MEM_OWNER(test)		(&((struct fixture *)(test)->priv)->mgr)
#define MEM(name)		resmgr_##name
#define MEM_OPEN		group_open
#define MEM_RELEASE		group_release
#define MEM_END			group_end
#define MEM_HAS_FREE_PERCPU	true
#include "memory.h"

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

kunit_test_suite(memory_suite);

MODULE_DESCRIPTION("KUnit tests of the resource manager: memory");
MODULE_LICENSE("GPL");
