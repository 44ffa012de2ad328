// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the lists in debugfs: lib/resmgr/debug/debugfs.c, scopes.c
 *
 * The files are read as a program reads them, through their file operations, a
 * few bytes at a time or many. A small parser, which only accepts JSON, reads
 * resmgr/dump.
 */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/cdevm.h>
#include <linux/completion.h>
#include <linux/ctype.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/rcupdate.h>
#include <linux/resmgr.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uio.h>

#include "../../debug/debugfs.h"

/* Larger than the list of everything that a kernel under test holds. */
#define TEXT_SIZE	(4 << 20)

/**
 * struct list - an owner, and an open file
 * @name: of the owner
 * @mgr: its manager
 * @node: one of its resources
 * @inode: says which of the two files it is
 * @file: the open file
 * @text: what was read
 */
struct list {
	const char	*name;
	struct resmgr	mgr;
	struct resmgr_node node;
	struct inode	inode;
	struct file	file;
	char		*text;
};

static const char *list_owner_name(const struct resmgr *mgr)
{
	return container_of(mgr, struct list, mgr)->name;
}

static const struct resmgr_class list_class = {
	.name		= "kunit-list",
	.owner_name	= list_owner_name,
};

static void list_forget(void *data)
{
	struct list *l = data;

	if (!resmgr_empty(&l->mgr))
		resmgr_release_all(&l->mgr);
	kvfree(l->text);
}

static struct list *list_make(struct kunit *test, const char *name)
{
	struct list *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, l);
	l->name = name;
	resmgr_init(&l->mgr, &list_class);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, list_forget, l), 0);
	l->text = kvmalloc(TEXT_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, l->text);
	return l;
}

static void list_open(struct kunit *test, struct list *l, bool json)
{
	memset(&l->file, 0, sizeof(l->file));
	l->file.f_inode = &l->inode;
	l->inode.i_private = json ? l : NULL;
	KUNIT_ASSERT_EQ(test, resmgr_list_fops.open(&l->inode, &l->file), 0);
}

static void list_close(struct list *l)
{
	resmgr_list_fops.release(&l->inode, &l->file);
}

static ssize_t list_read_some(struct list *l, loff_t *pos, char *buf, size_t len)
{
	struct kvec vec = { .iov_base = buf, .iov_len = len };
	struct iov_iter iter;
	struct kiocb kiocb;
	ssize_t n;

	iov_iter_kvec(&iter, ITER_DEST, &vec, 1, len);
	memset(&kiocb, 0, sizeof(kiocb));
	kiocb.ki_filp = &l->file;
	kiocb.ki_pos = *pos;
	n = seq_read_iter(&kiocb, &iter);
	*pos = kiocb.ki_pos;
	return n;
}

/* The rest of the file, @chunk bytes at a time. */
static void list_read_rest(struct kunit *test, struct list *l, loff_t *pos,
			   size_t chunk)
{
	ssize_t n;

	do {
		KUNIT_ASSERT_LT(test, *pos + chunk, TEXT_SIZE);
		n = list_read_some(l, pos, l->text + *pos, chunk);
		KUNIT_ASSERT_GE(test, n, 0);
	} while (n);
	l->text[*pos] = 0;
}

static const char *list_read(struct kunit *test, struct list *l, bool json,
			     size_t chunk)
{
	loff_t pos = 0;

	list_open(test, l, json);
	list_read_rest(test, l, &pos, chunk);
	list_close(l);
	return l->text;
}

/* Returns what follows one value at @s; %NULL if that is not JSON. */
static const char *json_skip(const char *s);

static const char *json_space(const char *s)
{
	while (*s == ' ' || *s == '\n' || *s == '\t' || *s == '\r')
		s++;
	return s;
}

static const char *json_string(const char *s)
{
	int i;

	if (*s++ != '"')
		return NULL;
	for (; *s != '"'; s++) {
		/* Bytes that are no ASCII might be bad UTF-8. */
		if ((unsigned char)*s < ' ' || (unsigned char)*s >= 0x7f)
			return NULL;
		if (*s != '\\')
			continue;
		s++;
		if (*s != 'u') {
			if (!*s || !strchr("\"\\/bfnrt", *s))
				return NULL;
			continue;
		}
		for (i = 0; i < 4; i++)
			if (!isxdigit(*++s))
				return NULL;
	}
	return s + 1;
}

static const char *json_number(const char *s)
{
	const char *end = s;

	while (isdigit(*end))
		end++;
	/* No 007. */
	return end == s || (*s == '0' && end > s + 1) ? NULL : end;
}

static const char *json_members(const char *s, char end)
{
	s = json_space(s + 1);
	if (*s == end)
		return s + 1;
	for (;;) {
		if (end == '}') {
			s = json_string(json_space(s));
			if (!s)
				return NULL;
			s = json_space(s);
			if (*s++ != ':')
				return NULL;
		}
		s = json_skip(s);
		if (!s)
			return NULL;
		s = json_space(s);
		if (*s == end)
			return s + 1;
		if (*s++ != ',')
			return NULL;
	}
}

static const char *json_skip(const char *s)
{
	s = json_space(s);
	switch (*s) {
	case '{':
		return json_members(s, '}');
	case '[':
		return json_members(s, ']');
	case '"':
		return json_string(s);
	case 't':
		return str_has_prefix(s, "true") ? s + 4 : NULL;
	case 'f':
		return str_has_prefix(s, "false") ? s + 5 : NULL;
	}
	return json_number(s);
}

static bool json_is_valid(const char *s)
{
	s = json_skip(s);
	return s && !*json_space(s);
}

static void parser_knows(struct kunit *test)
{
	static const char * const good[] = {
		"{}", " [ ]\n", "{\"a\":[1,0,{\"b\":\"\\u00ff\\\"\"}],\"c\":true}",
	};
	static const char * const bad[] = {
		"", "{", "[1,]", "{\"a\"}", "{\"a\":}", "[01]", "[\"\n\"]", "[\"\\x\"]",
		"[\"\xff\"]", "[] []", "[1 2]", "{a:1}", "[\"", "[\"\\u00f\"]",
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(good); i++)
		KUNIT_EXPECT_TRUE_MSG(test, json_is_valid(good[i]), "%s", good[i]);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_FALSE_MSG(test, json_is_valid(bad[i]), "%s", bad[i]);
}

static unsigned int count_of(const char *text, const char *what)
{
	unsigned int n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

/*
 * Returns the object that begins with @start as a string of its own; "" if there
 * is none.
 */
static const char *cut_object(struct kunit *test, const char *text,
			      const char *start)
{
	const char *begin = strstr(text, start), *end = NULL;
	char *copy;

	if (begin)
		end = json_skip(begin);
	if (!end)
		return "";
	copy = kunit_kzalloc(test, end - begin + 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, copy);
	memcpy(copy, begin, end - begin);
	return copy;
}

/* What resmgr/dump says of @l. */
static const char *list_dump(struct kunit *test, struct list *l)
{
	char start[96];
	const char *text = list_read(test, l, true, PAGE_SIZE);

	KUNIT_EXPECT_TRUE(test, json_is_valid(text));
	snprintf(start, sizeof(start), "{\"class\":\"kunit-list\",\"owner\":\"%s\"",
		 l->name);
	KUNIT_EXPECT_LE(test, count_of(text, start), 1);
	return cut_object(test, text, start);
}

/* These are in @text, and in this order. */
static void expect_order(struct kunit *test, const char *text,
			 const char * const *what, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		const char *found = strstr(text, what[i]);

		if (!found) {
			KUNIT_FAIL(test, "no %s, or not in its place, in: %s",
				   what[i], text);
			return;
		}
		text = found + strlen(what[i]);
	}
}

#define EXPECT_ORDER(test, text, ...)					\
do {									\
	static const char * const __what[] = { __VA_ARGS__ };		\
									\
	expect_order(test, text, __what, ARRAY_SIZE(__what));		\
} while (0)

static void list_action(void *data)
{
}

static void list_node_release(struct resmgr *mgr, struct resmgr_node *node)
{
}

/* Not inlined: its name is to be seen. */
static noinline void *list_adder(struct list *l, size_t size)
{
	void *ptr = resmgr_kmalloc(&l->mgr, size, GFP_KERNEL);

	/* Prevent a tail call, which would leave no trace on the stack. */
	barrier();
	return ptr;
}

static void list_order(struct kunit *test)
{
	struct list *l = list_make(test, "order");
	const char *text;
	void *ptr;

	resmgr_node_init(&l->node, list_node_release, "first", 11);
	KUNIT_ASSERT_EQ(test, resmgr_node_add(&l->mgr, &l->node), 0);
	ptr = list_adder(l, 22);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	KUNIT_ASSERT_NOT_NULL(test, resmgr_open_group(&l->mgr, l, GFP_KERNEL));
	KUNIT_ASSERT_EQ(test, resmgr_add_action(&l->mgr, list_action, l), 0);
	KUNIT_ASSERT_EQ(test, resmgr_close_group(&l->mgr, l), 0);

	EXPECT_ORDER(test, list_dump(test, l), "\"bytes\":33",
		     "\"name\":\"list_action\",\"kind\":\"action\",\"size\":0,",
		     "\"release\":\"list_action\"",
		     "\"name\":\"kmalloc\",\"kind\":\"mem\",\"size\":22,",
		     "\"caller\":\"list_adder+0x",
		     "\"name\":\"first\",\"kind\":\"node\",\"size\":11,",
		     "\"release\":\"list_node_release\"");
	KUNIT_EXPECT_EQ(test, count_of(list_dump(test, l), "\"name\""), 3);
	text = list_read(test, l, false, PAGE_SIZE);
	EXPECT_ORDER(test, text, "in the order of release",
		     "\nkunit-list order: 3 resources, 33 bytes\n   list_action ",
		     "  list_action ", "\n   kmalloc ", " 22 ", "  mem ",
		     " list_adder+0x", "\n   first ", " 11 ", " list_node_release ");

	/* Memory that grows keeps its place. */
	ptr = resmgr_krealloc(&l->mgr, ptr, 5000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ptr);
	EXPECT_ORDER(test, list_dump(test, l), "\"list_action\"",
		     "\"size\":5000,", "\"caller\":\"list_order+0x", "\"first\"");
	/* From the middle, from the end, and the last one of all. */
	resmgr_kfree(&l->mgr, ptr);
	EXPECT_ORDER(test, list_dump(test, l), "\"list_action\"", "\"first\"");
	KUNIT_EXPECT_EQ(test, count_of(list_dump(test, l), "\"name\""), 2);
	resmgr_node_remove(&l->mgr, &l->node);
	KUNIT_EXPECT_EQ(test, count_of(list_dump(test, l), "\"name\""), 1);
	resmgr_release_all(&l->mgr);
	KUNIT_EXPECT_STREQ(test, list_dump(test, l), "");
	/* And again. */
	list_adder(l, 22);
	KUNIT_EXPECT_EQ(test, count_of(list_dump(test, l), "\"name\""), 1);
	resmgr_release_final(&l->mgr);
	KUNIT_EXPECT_STREQ(test, list_dump(test, l), "");
}

static void list_age(struct kunit *test)
{
	struct list *l = list_make(test, "age");
	u64 age[2] = {};
	int i, n;

	list_adder(l, 1);
	msleep(30);
	list_adder(l, 2);
	for (i = 0; i < 2; i++) {
		const char *text = list_dump(test, l);

		text = strstr(text, i ? "\"size\":1," : "\"size\":2,");
		KUNIT_ASSERT_NOT_NULL(test, text);
		text = strstr(text, "\"age_ns\":");
		KUNIT_ASSERT_NOT_NULL(test, text);
		n = sscanf(text, "\"age_ns\":%llu", &age[i]);
		KUNIT_EXPECT_EQ(test, n, 1);
	}
	KUNIT_EXPECT_GE(test, age[1], age[0] + 20 * NSEC_PER_MSEC);
	/* Of this boot. */
	KUNIT_EXPECT_LT(test, age[1], ktime_get_ns());
}

/* Names that are not as names should be. */
static void list_odd_names(struct kunit *test)
{
	struct list *l = list_make(test, "a\"b\\c\nd\x01\xff");
	struct list *none = list_make(test, NULL);
	char *name = kunit_kzalloc(test, 200, GFP_KERNEL);
	const char *text;

	KUNIT_ASSERT_NOT_NULL(test, name);
	memset(name, '"', 199);
	name[1] = '\n';
	resmgr_node_init(&l->node, list_node_release, name, SIZE_MAX);
	KUNIT_ASSERT_EQ(test, resmgr_node_add(&l->mgr, &l->node), 0);
	resmgr_node_init(&none->node, list_node_release, NULL, 0);
	KUNIT_ASSERT_EQ(test, resmgr_node_add(&none->mgr, &none->node), 0);

	text = list_read(test, l, true, PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, json_is_valid(text));
	EXPECT_ORDER(test, text, "\"kunit-list\",\"owner\":\"(unnamed)\"", "\"(unnamed)\"",
		     "\"kunit-list\",\"owner\":\"a\\\"b\\\\c\\u000ad\\u0001\\u00ff\"",
		     "\"\\\"\\u000a\\\"", "\"size\":4294967295,");
	text = list_read(test, l, false, PAGE_SIZE);
	EXPECT_ORDER(test, text, "\nkunit-list a\"b\\134c\\012d\x01\xff:",
		     " 1 resources, 4294967295 bytes\n   \"\\012\"");
	/* Before the name goes. */
	resmgr_node_remove(&l->mgr, &l->node);
}

static const char *pot_name(const struct resmgr *mgr)
{
	return "pot";
}

static const struct resmgr_class pot_class = {
	.name		= "kunit-pot",
	.owner_name	= pot_name,
};

static unsigned int count_holders(struct kunit *test, struct list *l)
{
	return count_of(list_read(test, l, false, PAGE_SIZE),
			"\n   held by kunit-list lid  ");
}

/* The holders of an object, more of them than a reader has room for at first. */
static void list_holders(struct kunit *test)
{
	struct resmgr_object *pot = kunit_kzalloc(test, sizeof(*pot), GFP_KERNEL);
	struct list *l = list_make(test, "lid"), *other = list_make(test, "stove");
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, pot);
	resmgr_object_init(pot, &pot_class);
	KUNIT_ASSERT_EQ(test, resmgr_add_action(&pot->mgr, list_action, NULL), 0);
	KUNIT_EXPECT_EQ(test, count_holders(test, l), 0);
	for (i = 0; i < 40; i++)
		KUNIT_ASSERT_EQ(test, resmgr_hold(&l->mgr, pot), 0);
	KUNIT_ASSERT_EQ(test, resmgr_hold(&other->mgr, pot), 0);
	KUNIT_EXPECT_EQ(test, count_holders(test, l), 40);
	EXPECT_ORDER(test, l->text, "\nkunit-pot pot: 1 resources", "\n   list_action ",
		     "\n   held by ");
	KUNIT_EXPECT_EQ(test, count_of(l->text, "\n   held by kunit-list stove  "), 1);
	list_read(test, l, true, 7);
	KUNIT_EXPECT_TRUE(test, json_is_valid(l->text));
	EXPECT_ORDER(test, l->text, "{\"class\":\"kunit-pot\",\"owner\":\"pot\"",
		     "\"name\":\"list_action\"", "],\"held_by\":[",
		     "{\"class\":\"kunit-list\",\"owner\":\"");
	KUNIT_EXPECT_EQ(test, resmgr_release_all(&l->mgr), 40);
	KUNIT_EXPECT_EQ(test, count_holders(test, l), 0);
	KUNIT_EXPECT_EQ(test, count_of(l->text, "\n   held by kunit-list stove  "), 1);
	resmgr_release_all(&other->mgr);
	resmgr_object_put(pot);
}

/* However it is read, it is whole. */
static void list_small_reads(struct kunit *test)
{
	static const size_t chunks[] = { 1, 7, 4096, 65536 };
	struct list *l = list_make(test, "small");
	loff_t pos = 0;
	int i;

	for (i = 0; i < 400; i++)
		KUNIT_ASSERT_NOT_NULL(test, list_adder(l, i + 1));
	for (i = 0; i < ARRAY_SIZE(chunks); i++) {
		const char *text = list_read(test, l, true, chunks[i]);

		KUNIT_EXPECT_TRUE(test, json_is_valid(text));
		KUNIT_EXPECT_EQ(test, count_of(text, "\"owner\":\"small\""), 1);
		text = cut_object(test, text, "{\"class\":\"kunit-list\"");
		KUNIT_EXPECT_EQ(test, count_of(text, "\"name\""), 400);
	}

	/* Back to the beginning, from the middle and from the end. */
	list_open(test, l, true);
	KUNIT_EXPECT_GT(test, list_read_some(l, &pos, l->text, 100), 0);
	for (i = 0; i < 2; i++) {
		pos = 0;
		list_read_rest(test, l, &pos, 1000);
		KUNIT_EXPECT_TRUE(test, json_is_valid(l->text));
		KUNIT_EXPECT_EQ(test, count_of(l->text, "\"owner\":\"small\""), 1);
	}
	/* At the end it stays. */
	KUNIT_EXPECT_EQ(test, list_read_some(l, &pos, l->text, 100), 0);
	list_close(l);
}

static void list_many(struct kunit *test)
{
	struct list *l = list_make(test, "many");
	int i;

	for (i = 0; i < 3000; i++)
		KUNIT_ASSERT_NOT_NULL(test, list_adder(l, 1));
	KUNIT_EXPECT_EQ(test, count_of(list_dump(test, l), "\"name\""), 3000);
}

/* An owner that is there all the time is seen once, even if others come and go. */
static void list_stays(struct kunit *test)
{
	static const char * const names[] = {
		"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9",
	};
	struct list *stays[5], *comes[5], *l = list_make(test, "reader");
	loff_t pos = 0;
	int i, step = 0;
	ssize_t n;

	for (i = 0; i < 5; i++) {
		stays[i] = list_make(test, names[i]);
		comes[i] = list_make(test, names[i + 5]);
		KUNIT_ASSERT_NOT_NULL(test, list_adder(comes[i], 1));
		KUNIT_ASSERT_NOT_NULL(test, list_adder(stays[i], 1));
	}
	list_open(test, l, true);
	do {
		KUNIT_ASSERT_LT(test, pos, TEXT_SIZE - 64);
		n = list_read_some(l, &pos, l->text + pos, 61);
		KUNIT_ASSERT_GE(test, n, 0);
		/* Each owner goes and comes back, also the one that is being read. */
		i = step++ % 5;
		resmgr_release_all(&comes[i]->mgr);
		KUNIT_ASSERT_NOT_NULL(test, list_adder(comes[i], 1));
	} while (n);
	list_close(l);
	l->text[pos] = 0;
	KUNIT_EXPECT_TRUE(test, json_is_valid(l->text));
	for (i = 0; i < 5; i++) {
		char owner[24];

		snprintf(owner, sizeof(owner), "\"owner\":\"s%d\"", i);
		KUNIT_EXPECT_EQ(test, count_of(l->text, owner), 1);
		snprintf(owner, sizeof(owner), "\"owner\":\"s%d\"", i + 5);
		KUNIT_EXPECT_LE(test, count_of(l->text, owner), 1);
	}
}

/* Owners that come and go, with names in their own memory. */
static int list_churn_thread(void *data)
{
	unsigned int n = 0, i;

	while (!kthread_should_stop()) {
		struct list *l = kzalloc(sizeof(*l), GFP_KERNEL);
		char *name = kasprintf(GFP_KERNEL, "churn\"%u", n++);

		if (l && name) {
			l->name = name;
			resmgr_init(&l->mgr, &list_class);
			for (i = 0; i < n % 50; i++)
				list_adder(l, i + 1);
			if (n % 3)
				resmgr_release_all(&l->mgr);
			list_adder(l, 1);
			cond_resched();
			resmgr_release_final(&l->mgr);
		}
		kfree(name);
		kfree(l);
		cond_resched();
	}
	return 0;
}

static void list_churn(struct kunit *test)
{
	struct list *l = list_make(test, "stays");
	struct task_struct *threads[3];
	int i;

	list_adder(l, 1);
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		threads[i] = kthread_run(list_churn_thread, NULL, "list-churn");
		KUNIT_ASSERT_FALSE(test, IS_ERR(threads[i]));
	}
	for (i = 0; i < 60; i++) {
		const char *text = list_read(test, l, i & 1, i % 3 ? 4096 : 173);

		if (i & 1)
			KUNIT_EXPECT_TRUE(test, json_is_valid(text));
		KUNIT_EXPECT_EQ(test, count_of(text, i & 1 ? "\"owner\":\"stays\"" :
					       "\nkunit-list stays: 1 resources"), 1);
		cond_resched();
	}
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		kthread_stop(threads[i]);
}

/* A task that copies the name of a device, as the lists do under a spinlock. */
struct renamed {
	struct device	*dev;
	struct completion read;
	atomic_t	reading;
	atomic_t	done;
	char		name[32];
};

static int renamed_read(void *data)
{
	struct renamed *r = data;
	const char *name;
	int ms = 2000;

	rcu_read_lock();
	name = dev_name(r->dev);
	atomic_inc(&r->reading);
	/* With a limit: if there is no memory, the renaming may wait for this task. */
	while (!atomic_read(&r->done) && ms--)
		mdelay(1);
	strscpy(r->name, name);
	rcu_read_unlock();
	complete(&r->read);
	return 0;
}

/* The device is renamed meanwhile. The old name must stay until it was copied. */
static void list_renamed(struct kunit *test)
{
	/* Not a constant: that would not be copied, and never be freed. */
	char name[] = "resmgr-name";
	struct task_struct *task;
	struct renamed *r;
	int i;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
	r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, r);
	init_completion(&r->read);
	r->dev = root_device_register(name);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, r->dev);

	task = kthread_run(renamed_read, r, "resmgr-renamed");
	if (!IS_ERR(task)) {
		while (!atomic_read(&r->reading))
			usleep_range(100, 200);
		KUNIT_EXPECT_EQ(test, device_rename(r->dev, "resmgr-other"), 0);
		/* Reuse the memory if it was freed, for kernels without KASAN. */
		for (i = 0; i < 64; i++)
			kunit_kzalloc(test, sizeof(name), GFP_KERNEL);
		atomic_inc(&r->done);
		wait_for_completion(&r->read);
	}
	KUNIT_EXPECT_STREQ(test, r->name, name);
	KUNIT_EXPECT_STREQ(test, dev_name(r->dev), "resmgr-other");
	root_device_unregister(r->dev);
}

static struct kunit_case list_cases[] = {
	KUNIT_CASE(parser_knows),
	KUNIT_CASE(list_order),
	KUNIT_CASE(list_age),
	KUNIT_CASE(list_odd_names),
	KUNIT_CASE(list_holders),
	KUNIT_CASE(list_small_reads),
	KUNIT_CASE(list_many),
	KUNIT_CASE(list_stays),
	KUNIT_CASE_SLOW(list_churn),
	KUNIT_CASE(list_renamed),
	{}
};

static struct kunit_suite list_suite = {
	.name		= "resmgr-list",
	.test_cases	= list_cases,
};

/* A driver with one node, whose read() sleeps. */
#define SCOPE_NAME	"kunit-list-scope"

struct scope_gadget {
	struct cdevm_scope	scope;
	struct miscdevice	misc;
};

static struct scope_gadget *scope_gadget;
static struct completion scope_leave;
static bool scope_publish;

static ssize_t scope_read(struct file *file, char __user *buf, size_t len,
			  loff_t *pos)
{
	wait_for_completion(&scope_leave);
	return len + 1;
}

static const struct file_operations scope_fops = {
	.read = scope_read,
};

static int scope_probe(struct platform_device *pdev)
{
	struct scope_gadget *g;

	g = devm_cdevm_alloc(&pdev->dev, struct scope_gadget, scope);
	if (IS_ERR(g))
		return PTR_ERR(g);
	scope_gadget = g;
	g->misc.minor = MISC_DYNAMIC_MINOR;
	g->misc.name = SCOPE_NAME "-node";
	g->misc.fops = &scope_fops;
	return scope_publish ? cdevm_register_misc(&g->scope, &g->misc) : 0;
}

static struct platform_driver scope_driver = {
	.probe = scope_probe,
	.driver.name = SCOPE_NAME,
};

/* What resmgr/dump says of the scope, "" if nothing. */
static const char *scope_dump(struct kunit *test, struct list *l)
{
	const char *text = list_read(test, l, true, PAGE_SIZE);

	KUNIT_EXPECT_TRUE(test, json_is_valid(text));
	return cut_object(test, text, "{\"owner\":\"" SCOPE_NAME "\",\"id\":");
}

static struct platform_device *scope_bind(struct kunit *test, bool publish)
{
	struct platform_device *pdev;

	scope_publish = publish;
	init_completion(&scope_leave);
	KUNIT_ASSERT_EQ(test, platform_driver_register(&scope_driver), 0);
	pdev = platform_device_register_simple(SCOPE_NAME, PLATFORM_DEVID_NONE,
					       NULL, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(pdev));
	KUNIT_ASSERT_NOT_NULL(test, pdev->dev.driver);
	return pdev;
}

static void scope_unbind(struct platform_device *pdev)
{
	platform_device_unregister(pdev);
	platform_driver_unregister(&scope_driver);
}

/* Opened by nobody: in no table of files. */
static void scope_open(struct kunit *test, struct file *file, struct inode *inode)
{
	memset(inode, 0, sizeof(*inode));
	memset(file, 0, sizeof(*file));
	inode->i_mapping = &inode->i_data;
	file->f_inode = inode;
	file->f_op = scope_gadget->misc.fops;
	KUNIT_ASSERT_EQ(test, file->f_op->open(inode, file), 0);
}

static void scope_states(struct kunit *test)
{
	struct list *l = list_make(test, "scope");
	struct inode *inode = kunit_kzalloc(test, sizeof(*inode), GFP_KERNEL);
	struct file *files = kunit_kcalloc(test, 2, sizeof(*files), GFP_KERNEL);
	struct platform_device *pdev;

	KUNIT_ASSERT_NOT_NULL(test, inode);
	KUNIT_ASSERT_NOT_NULL(test, files);

	pdev = scope_bind(test, false);
	EXPECT_ORDER(test, scope_dump(test, l), "\"state\":\"new\",\"references\":1,",
		     "\"bind_reference\":true,\"nodes\":[],\"calls\":[]}");
	scope_unbind(pdev);
	KUNIT_EXPECT_STREQ(test, scope_dump(test, l), "");

	pdev = scope_bind(test, true);
	EXPECT_ORDER(test, scope_dump(test, l), "\"state\":\"published\",\"references\":1,",
		     "\"bind_reference\":true,", "{\"name\":\"" SCOPE_NAME "-node\",",
		     "\"published\":true,\"open\":0,\"fds\":[]}]");
	scope_open(test, &files[0], inode);
	scope_open(test, &files[1], inode);
	EXPECT_ORDER(test, scope_dump(test, l), "\"references\":3,\"bind_reference\":true,",
		     "\"published\":true,\"open\":2,");
	EXPECT_ORDER(test, list_read(test, l, false, PAGE_SIZE),
		     "\nscope " SCOPE_NAME " #", ": published, 3 references, one of the binding\n",
		     "   node " SCOPE_NAME "-node: published, 2 open\n");
	files[1].f_op->release(inode, &files[1]);
	EXPECT_ORDER(test, scope_dump(test, l), "\"references\":2,", "\"open\":1,");

	/* The device goes and the file stays. */
	scope_unbind(pdev);
	EXPECT_ORDER(test, scope_dump(test, l), "\"state\":\"unbound\",\"references\":1,",
		     "\"bind_reference\":false,", "\"published\":false,\"open\":1,");
	EXPECT_ORDER(test, list_read(test, l, false, PAGE_SIZE),
		     "\ncdevm " SCOPE_NAME ": 2 resources, ", "\nscope " SCOPE_NAME " #",
		     ": unbound, 1 references\n", "-node: gone, 1 open\n");
	files[0].f_op->release(inode, &files[0]);
	KUNIT_EXPECT_STREQ(test, scope_dump(test, l), "");
}

static int scope_reader(void *data)
{
	struct file *file = data;
	ssize_t n = file->f_op->read(file, NULL, 41, NULL);

	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return n;
}

/* This is the last thing that happens before a drain ends. */
static int scope_unbinder(void *pdev)
{
	scope_unbind(pdev);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static bool task_sleeps(struct task_struct *task)
{
	return READ_ONCE(task->__state) & TASK_UNINTERRUPTIBLE;
}

static void scope_calls(struct kunit *test)
{
	struct list *l = list_make(test, "calls");
	struct inode *inode = kunit_kzalloc(test, sizeof(*inode), GFP_KERNEL);
	struct file *file = kunit_kzalloc(test, sizeof(*file), GFP_KERNEL);
	struct task_struct *reader, *unbinder;
	struct platform_device *pdev;
	const char *text = "";
	char pid[24];
	int i;

	if (!IS_ENABLED(CONFIG_STACKTRACE))
		kunit_skip(test, "needs STACKTRACE");
	KUNIT_ASSERT_NOT_NULL(test, inode);
	KUNIT_ASSERT_NOT_NULL(test, file);

	pdev = scope_bind(test, true);
	scope_open(test, file, inode);
	reader = kthread_run(scope_reader, file, "list\"inside");
	KUNIT_ASSERT_FALSE(test, IS_ERR(reader));
	for (i = 0; i < 300 && !task_sleeps(reader); i++)
		msleep(20);
	text = scope_dump(test, l);
	snprintf(pid, sizeof(pid), "{\"pid\":%d,", task_pid_nr(reader));
	KUNIT_EXPECT_EQ(test, count_of(text, pid), 1);
	EXPECT_ORDER(test, text, "\"calls\":[{\"pid\":", "\"comm\":\"list\\\"inside\",",
		     "\"method\":\"read\",\"function\":\"scope_read+0x", "}]}");
	EXPECT_ORDER(test, list_read(test, l, false, PAGE_SIZE), "\nscope " SCOPE_NAME " #",
		     "\n   inside: list\"inside[", "] sleeps in read, scope_read+0x");

	/* And the unbind that waits for it. */
	unbinder = kthread_run(scope_unbinder, pdev, "list-unbind");
	KUNIT_ASSERT_FALSE(test, IS_ERR(unbinder));
	for (i = 0; i < 300 && !strstr(text, "\"revoked\""); i++) {
		msleep(20);
		text = scope_dump(test, l);
	}
	EXPECT_ORDER(test, text, "\"state\":\"revoked\",", "\"bind_reference\":true,",
		     "\"open\":1,", "\"method\":\"read\"");
	complete_all(&scope_leave);
	KUNIT_EXPECT_EQ(test, kthread_stop(unbinder), 0);
	KUNIT_EXPECT_EQ(test, kthread_stop(reader), 42);
	EXPECT_ORDER(test, scope_dump(test, l), "\"state\":\"unbound\",", "\"calls\":[]}");
	file->f_op->release(inode, file);
	KUNIT_EXPECT_STREQ(test, scope_dump(test, l), "");
}

static struct kunit_case scope_cases[] = {
	KUNIT_CASE(scope_states),
	KUNIT_CASE(scope_calls),
	{}
};

static struct kunit_suite scope_suite = {
	.name		= "resmgr-list-scope",
	.test_cases	= scope_cases,
};

kunit_test_suites(&list_suite, &scope_suite);

MODULE_DESCRIPTION("KUnit tests of the lists of managed resources");
MODULE_LICENSE("GPL");
