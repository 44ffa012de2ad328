/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cases of managed memory, for the suite of the manager and for that of devres
 *
 * Also built for kernels without the resource manager. Whoever includes this
 * defines before it
 *
 *	MEM_TYPE		type of the owner
 *	MEM_OWNER(test)		the owner
 *	MEM(name)		its function: resmgr_kmalloc() or devm_kmalloc()
 *	MEM_OPEN(test, id)	opens a group, to count what is added
 *	MEM_RELEASE(test, id)	releases it, returns how much there was
 *	MEM_END(test)		releases everything
 *	MEM_HAS_FREE_PERCPU	MEM(free_percpu) is there
 */
#ifndef _LIB_RESMGR_TESTS_MEMORY_H
#define _LIB_RESMGR_TESTS_MEMORY_H

#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string.h>

static const size_t mem_sizes[] = {
	0, 1, 7, 8, 9, 24, 63, 64, 65, 100, 1000, 4096, 65536,
};

static void mem_size_desc(const size_t *size, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%zu", *size);
}

KUNIT_ARRAY_PARAM(mem_size, mem_sizes, mem_size_desc);

static const size_t mem_huge_sizes[] = {
	SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 8, SIZE_MAX - 64, SIZE_MAX - 4096,
	SIZE_MAX / 2,
};

static void mem_huge_desc(const size_t *size, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%zx", *size);
}

KUNIT_ARRAY_PARAM(mem_huge, mem_huge_sizes, mem_huge_desc);

/* Where there are no bytes, there is no DMA to them. */
static bool mem_is_aligned(const void *p, size_t size)
{
	return (!size || IS_ALIGNED((unsigned long)p, ARCH_KMALLOC_MINALIGN)) &&
	       IS_ALIGNED((unsigned long)p, __alignof__(unsigned long long));
}

static void *mem_kmalloc(struct kunit *test, size_t size)
{
	MEM_TYPE *owner = MEM_OWNER(test);
	void *p = MEM(kmalloc)(owner, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	return p;
}

static void memory_kmalloc(struct kunit *test)
{
	size_t size = *(const size_t *)test->param_value;
	MEM_TYPE *owner = MEM_OWNER(test);
	u8 *p[4];
	int i, id;

	MEM_OPEN(test, &id);
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = mem_kmalloc(test, size);
		if (!size) {
			KUNIT_EXPECT_PTR_EQ(test, (void *)p[i], ZERO_SIZE_PTR);
			continue;
		}
		KUNIT_EXPECT_TRUE(test, mem_is_aligned(p[i], size));
		memset(p[i], i + 1, size);
	}
	for (i = 0; size && i < ARRAY_SIZE(p); i++)
		KUNIT_EXPECT_NULL(test, memchr_inv(p[i], i + 1, size));
	MEM(kfree)(owner, p[1]);
	KUNIT_EXPECT_EQ(test, size ? 3 : 0, MEM_RELEASE(test, &id));
}

static void memory_kzalloc(struct kunit *test)
{
	size_t size = *(const size_t *)test->param_value;
	MEM_TYPE *owner = MEM_OWNER(test);
	u8 *p;
	int i;

	for (i = 0; i < 4; i++) {
		p = MEM(kzalloc)(owner, size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		if (!size) {
			KUNIT_EXPECT_PTR_EQ(test, (void *)p, ZERO_SIZE_PTR);
			continue;
		}
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, size));
		memset(p, 0x5a, size);
		MEM(kfree)(owner, p);
	}
}

static void memory_huge(struct kunit *test)
{
	size_t size = *(const size_t *)test->param_value;
	gfp_t gfp = GFP_KERNEL | __GFP_NOWARN;
	MEM_TYPE *owner = MEM_OWNER(test);
	char *p, *q;
	int id;

	OPTIMIZER_HIDE_VAR(size);
	MEM_OPEN(test, &id);
	KUNIT_EXPECT_NULL(test, MEM(kmalloc)(owner, size, gfp));
	KUNIT_EXPECT_NULL(test, MEM(kzalloc)(owner, size, gfp));
	KUNIT_EXPECT_NULL(test, MEM(krealloc)(owner, NULL, size, gfp));

	/* What could not be resized stays as it was. */
	p = MEM(kstrdup)(owner, "still here", GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	q = p;
	OPTIMIZER_HIDE_VAR(q);
	KUNIT_EXPECT_NULL(test, MEM(krealloc)(owner, q, size, gfp));
	KUNIT_EXPECT_STREQ(test, p, "still here");
	KUNIT_EXPECT_EQ(test, 1, MEM_RELEASE(test, &id));
}

struct mem_array {
	const char *desc;
	size_t n;
	size_t size;
	bool fits;
};

static const struct mem_array mem_arrays[] = {
	{ "1*1", 1, 1, true },
	{ "7*24", 7, 24, true },
	{ "1000*8", 1000, 8, true },
	{ "max*2", SIZE_MAX, 2, false },
	{ "2*max", 2, SIZE_MAX, false },
	{ "max*max", SIZE_MAX, SIZE_MAX, false },
	{ "wrap to 0", (SIZE_MAX / 2) + 1, 2, false },
	{ "wrap to 8", (SIZE_MAX / 8) + 2, 8, false },
};

KUNIT_ARRAY_PARAM_DESC(mem_array, mem_arrays, desc);

static void memory_arrays(struct kunit *test)
{
	const struct mem_array *a = test->param_value;
	gfp_t gfp = GFP_KERNEL | __GFP_NOWARN;
	MEM_TYPE *owner = MEM_OWNER(test);
	size_t n = a->n, size = a->size;
	char *p;
	int id;

	OPTIMIZER_HIDE_VAR(n);
	OPTIMIZER_HIDE_VAR(size);
	MEM_OPEN(test, &id);

	p = MEM(kmalloc_array)(owner, n, size, gfp);
	KUNIT_EXPECT_EQ(test, a->fits, !!p);
	if (p)
		memset(p, 0x5a, n * size);
	p = MEM(kcalloc)(owner, n, size, gfp);
	KUNIT_EXPECT_EQ(test, a->fits, !!p);
	if (p)
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, n * size));
	p = MEM(krealloc_array)(owner, NULL, n, size, gfp);
	KUNIT_EXPECT_EQ(test, a->fits, !!p);
	if (p)
		memset(p, 0x5a, n * size);
	KUNIT_EXPECT_EQ(test, a->fits ? 3 : 0,
			MEM_RELEASE(test, &id));
}

static void memory_krealloc_array(struct kunit *test)
{
	gfp_t gfp = GFP_KERNEL | __GFP_NOWARN;
	MEM_TYPE *owner = MEM_OWNER(test);
	size_t n = SIZE_MAX / 2;
	u32 *p, *q;
	int i, id;

	OPTIMIZER_HIDE_VAR(n);
	MEM_OPEN(test, &id);
	p = MEM(kmalloc_array)(owner, 4, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < 4; i++)
		p[i] = i;
	p = MEM(krealloc_array)(owner, p, 1000, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, p[i], i);
	for (; i < 1000; i++)
		p[i] = i;
	q = p;
	OPTIMIZER_HIDE_VAR(q);
	KUNIT_EXPECT_NULL(test, MEM(krealloc_array)(owner, q, n, sizeof(*p),
						    gfp));
	for (i = 0; i < 1000; i++)
		KUNIT_ASSERT_EQ(test, p[i], i);
	KUNIT_EXPECT_EQ(test, 1, MEM_RELEASE(test, &id));
}

/* From every size to every other one, the content stays. */
static void memory_krealloc(struct kunit *test)
{
	size_t old = *(const size_t *)test->param_value;
	MEM_TYPE *owner = MEM_OWNER(test);
	size_t new;
	int i, id;
	u8 *p;

	for (i = 0; i < ARRAY_SIZE(mem_sizes); i++) {
		new = mem_sizes[i];
		MEM_OPEN(test, &id);
		p = mem_kmalloc(test, old);
		if (old)
			memset(p, 0x5a, old);
		p = MEM(krealloc)(owner, p, new, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		if (new) {
			KUNIT_EXPECT_TRUE(test, mem_is_aligned(p, new));
			KUNIT_EXPECT_NULL(test, memchr_inv(p, 0x5a,
							   min(old, new)));
			memset(p, 0xa5, new);
		} else {
			KUNIT_EXPECT_PTR_EQ(test, (void *)p, ZERO_SIZE_PTR);
		}
		KUNIT_EXPECT_EQ(test, new ? 1 : 0,
				MEM_RELEASE(test, &id));
	}
}

static void memory_krealloc_zero(struct kunit *test)
{
	MEM_TYPE *owner = MEM_OWNER(test);
	size_t size;
	u8 *p;

	for (size = 1; size <= 8192; size *= 2) {
		p = MEM(krealloc)(owner, NULL, size, GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, size));
		memset(p, 0x5a, size);
		MEM(kfree)(owner, p);
	}
}

/* Shrinking keeps the address. */
static void memory_krealloc_shrinks_in_place(struct kunit *test)
{
	MEM_TYPE *owner = MEM_OWNER(test);
	void *p = mem_kmalloc(test, 3000), *q = p;

	memset(p, 0x5a, 3000);
	OPTIMIZER_HIDE_VAR(q);
	q = MEM(krealloc)(owner, q, 10, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, p, q);
	KUNIT_EXPECT_NULL(test, memchr_inv(q, 0x5a, 10));
}

static void memory_kstrdup(struct kunit *test)
{
	MEM_TYPE *owner = MEM_OWNER(test);
	char text[] = "a string";
	char *p;

	KUNIT_EXPECT_NULL(test, MEM(kstrdup)(owner, NULL, GFP_KERNEL));
	p = MEM(kstrdup)(owner, text, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_PTR_NE(test, p, &text[0]);
	memset(text, 'x', sizeof(text) - 1);
	KUNIT_EXPECT_STREQ(test, p, "a string");
	MEM(kfree)(owner, p);
	p = MEM(kstrdup)(owner, "", GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_STREQ(test, p, "");
}

static void memory_kstrdup_const_of_others(struct kunit *test)
{
	MEM_TYPE *owner = MEM_OWNER(test);
	char text[] = "on the stack";
	const char *p;
	int id;

	MEM_OPEN(test, &id);
	KUNIT_EXPECT_NULL(test, MEM(kstrdup_const)(owner, NULL, GFP_KERNEL));
	p = MEM(kstrdup_const)(owner, text, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_PTR_NE(test, p, (const char *)text);
	KUNIT_EXPECT_STREQ(test, p, "on the stack");
	KUNIT_EXPECT_EQ(test, 1, MEM_RELEASE(test, &id));
}

static void memory_kasprintf(struct kunit *test)
{
	MEM_TYPE *owner = MEM_OWNER(test);
	char *p, *expected;

	p = MEM(kasprintf)(owner, GFP_KERNEL, "%s-%d:%#x", "abc", -5, 0x1f);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_STREQ(test, p, "abc--5:0x1f");
	MEM(kfree)(owner, p);

	p = MEM(kasprintf)(owner, GFP_KERNEL, "%s", "");
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_STREQ(test, p, "");

	/* Longer than any buffer that one would put on the stack. */
	p = MEM(kasprintf)(owner, GFP_KERNEL, "%5000d|", 42);
	expected = kunit_kzalloc(test, 5002, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, expected);
	memset(expected, ' ', 4998);
	strscpy(expected + 4998, "42|", 4);
	KUNIT_EXPECT_STREQ(test, p, expected);
}

static __printf(2, 3) char *mem_kvasprintf(MEM_TYPE *owner, const char *fmt,
					  ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = MEM(kvasprintf)(owner, GFP_KERNEL, fmt, ap);
	va_end(ap);
	return p;
}

static void memory_kvasprintf(struct kunit *test)
{
	MEM_TYPE *owner = MEM_OWNER(test);
	char *p;
	int id;

	MEM_OPEN(test, &id);
	p = mem_kvasprintf(owner, "%d %s %c %llx", 7, "seven", 's', 7ULL << 60);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_STREQ(test, p, "7 seven s 7000000000000000");
	KUNIT_EXPECT_EQ(test, 1, MEM_RELEASE(test, &id));
}

static const unsigned int mem_orders[] = { 0, 1, 2 };

static void mem_order_desc(const unsigned int *order, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "order %u", *order);
}

KUNIT_ARRAY_PARAM(mem_order, mem_orders, mem_order_desc);

static void memory_pages(struct kunit *test)
{
	unsigned int order = *(const unsigned int *)test->param_value;
	MEM_TYPE *owner = MEM_OWNER(test);
	unsigned long addr[3];
	int i, id;

	MEM_OPEN(test, &id);
	for (i = 0; i < 3; i++) {
		addr[i] = MEM(get_free_pages)(owner, GFP_KERNEL | __GFP_ZERO,
					      order);
		KUNIT_ASSERT_NE(test, 0, addr[i]);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED(addr[i], PAGE_SIZE << order));
		KUNIT_EXPECT_NULL(test, memchr_inv((void *)addr[i], 0,
						   PAGE_SIZE << order));
		memset((void *)addr[i], i + 1, PAGE_SIZE << order);
	}
	MEM(free_pages)(owner, addr[1]);
	for (i = 0; i < 3; i += 2)
		KUNIT_EXPECT_NULL(test, memchr_inv((void *)addr[i], i + 1,
						   PAGE_SIZE << order));
	MEM(free_pages)(owner, addr[0]);
	KUNIT_EXPECT_EQ(test, 1, MEM_RELEASE(test, &id));
}

/* A reference of our own shows that the page is given back, and when. */
static void memory_pages_given_back(struct kunit *test)
{
	MEM_TYPE *owner = MEM_OWNER(test);
	unsigned long addr[2];
	struct page *page[2];
	int i;

	for (i = 0; i < 2; i++) {
		addr[i] = MEM(get_free_pages)(owner, GFP_KERNEL, 0);
		KUNIT_ASSERT_NE(test, 0, addr[i]);
		page[i] = virt_to_page((void *)addr[i]);
		get_page(page[i]);
		KUNIT_EXPECT_EQ(test, 2, page_count(page[i]));
	}
	MEM(free_pages)(owner, addr[0]);
	KUNIT_EXPECT_EQ(test, 1, page_count(page[0]));
	KUNIT_EXPECT_EQ(test, 2, page_count(page[1]));
	MEM_END(test);
	KUNIT_EXPECT_EQ(test, 1, page_count(page[0]));
	KUNIT_EXPECT_EQ(test, 1, page_count(page[1]));
	put_page(page[0]);
	put_page(page[1]);
}

static void memory_pages_huge(struct kunit *test)
{
	MEM_TYPE *owner = MEM_OWNER(test);

	KUNIT_EXPECT_EQ(test, 0, MEM(get_free_pages)(owner,
						     GFP_KERNEL | __GFP_NOWARN,
						     MAX_PAGE_ORDER + 1));
}

static void memory_percpu(struct kunit *test)
{
	MEM_TYPE *owner = MEM_OWNER(test);
	u64 __percpu *p[3];
	int i, cpu, id;

	MEM_OPEN(test, &id);
	for (i = 0; i < 3; i++) {
		p[i] = MEM(alloc_percpu)(owner, u64);
		KUNIT_ASSERT_TRUE(test, p[i]);
		for_each_possible_cpu(cpu) {
			KUNIT_EXPECT_EQ(test, 0, *per_cpu_ptr(p[i], cpu));
			*per_cpu_ptr(p[i], cpu) = i + 1;
		}
	}
	if (MEM_HAS_FREE_PERCPU)
		MEM(free_percpu)(owner, p[1]);
	for (i = 0; i < 3; i += 2)
		for_each_possible_cpu(cpu)
			KUNIT_EXPECT_EQ(test, i + 1, *per_cpu_ptr(p[i], cpu));
	KUNIT_EXPECT_EQ(test, MEM_HAS_FREE_PERCPU ? 2 : 3,
			MEM_RELEASE(test, &id));
}

static const u32 mem_words[] = { 1, 2, 3, 5, 8 };

static void memory_kmemdup(struct kunit *test)
{
	MEM_TYPE *owner = MEM_OWNER(test);
	void *p = MEM(kmemdup)(owner, mem_words, sizeof(mem_words), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_PTR_NE(test, p, (void *)mem_words);
	KUNIT_EXPECT_MEMEQ(test, p, mem_words, sizeof(mem_words));
}

/* For the list of cases. */
#define MEM_CASES							\
	KUNIT_CASE_PARAM(memory_kmalloc, mem_size_gen_params),		\
	KUNIT_CASE_PARAM(memory_kzalloc, mem_size_gen_params),		\
	KUNIT_CASE_PARAM(memory_huge, mem_huge_gen_params),		\
	KUNIT_CASE_PARAM(memory_arrays, mem_array_gen_params),		\
	KUNIT_CASE(memory_krealloc_array),				\
	KUNIT_CASE_PARAM(memory_krealloc, mem_size_gen_params),		\
	KUNIT_CASE(memory_krealloc_zero),				\
	KUNIT_CASE(memory_krealloc_shrinks_in_place),			\
	KUNIT_CASE(memory_kstrdup),					\
	KUNIT_CASE(memory_kstrdup_const_of_others),			\
	KUNIT_CASE(memory_kasprintf),					\
	KUNIT_CASE(memory_kvasprintf),					\
	KUNIT_CASE(memory_kmemdup),					\
	KUNIT_CASE_PARAM(memory_pages, mem_order_gen_params),		\
	KUNIT_CASE(memory_pages_given_back),				\
	KUNIT_CASE(memory_pages_huge),					\
	KUNIT_CASE(memory_percpu)

#endif /* _LIB_RESMGR_TESTS_MEMORY_H */
