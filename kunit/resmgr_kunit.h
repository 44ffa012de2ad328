/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the KUnit suites of the resource manager: the text of trace events,
 * failing allocations
 */
#ifndef _LIB_RESMGR_TESTS_RESMGR_KUNIT_H
#define _LIB_RESMGR_TESTS_RESMGR_KUNIT_H

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/trace.h>
#include <linux/trace_events.h>
#include <linux/tracepoint.h>
#include <linux/uio.h>

#include "lib.h"

/*
 * The text of trace events, as tools get it: the events go to an instance of
 * their own, and its file is read.
 */
#define LINES_SIZE	SZ_64K

struct lines {
	struct trace_array	*tr;
	struct vfsmount		*mnt;
	char			*text;
};

/* Without EVENT_TRACING there is the declaration of the function, but not the function. */
static inline int lines_switch(struct lines *l, bool on)
{
	if (!IS_ENABLED(CONFIG_EVENT_TRACING))
		return -ENODEV;
	return trace_array_set_clr_event(l->tr, "resmgr", NULL, on);
}

static inline void lines_end(void *data)
{
	struct lines *l = data;

	if (l->tr) {
		lines_switch(l, false);
		trace_array_put(l->tr);
		trace_array_destroy(l->tr);
	}
	if (!IS_ERR_OR_NULL(l->mnt))
		kern_unmount(l->mnt);
}

static inline struct lines *lines_begin(struct kunit *test)
{
	struct lines *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);

	if (!IS_ENABLED(CONFIG_EVENT_TRACING))
		kunit_skip(test, "needs EVENT_TRACING");
	KUNIT_ASSERT_NOT_NULL(test, l);
	l->text = kunit_kzalloc(test, LINES_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, l->text);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, lines_end, l), 0);
	l->mnt = kern_mount(get_fs_type("tracefs"));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, l->mnt);
	l->tr = trace_array_get_by_name("resmgr-kunit", "resmgr");
	KUNIT_ASSERT_NOT_NULL(test, l->tr);
	KUNIT_ASSERT_EQ(test, lines_switch(l, true), 0);
	return l;
}

/* No event from here on; the text of those that there were. */
static inline char *lines_read(struct kunit *test, struct lines *l)
{
	struct kiocb kiocb;
	size_t len = 0;
	struct file *file;
	ssize_t n;

	KUNIT_ASSERT_EQ(test, lines_switch(l, false), 0);
	file = file_open_root_mnt(l->mnt, "instances/resmgr-kunit/trace", O_RDONLY, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	/* Not kernel_read(), which files that have a read() refuse. It has the position. */
	init_sync_kiocb(&kiocb, file);
	do {
		struct kvec vec = { l->text + len, LINES_SIZE - 1 - len };
		struct iov_iter iter;

		iov_iter_kvec(&iter, ITER_DEST, &vec, 1, vec.iov_len);
		n = file->f_op->read_iter(&kiocb, &iter);
		len += max(n, 0);
	} while (n > 0);
	fput(file);
	KUNIT_EXPECT_EQ(test, n, 0);
	l->text[len] = '\0';
	return l->text;
}

static inline void expect_text(struct kunit *test, const char *text,
			       const char *want)
{
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(text, want), "no line with %s", want);
}

/* Is there an event whose text ends with this? */
static inline __printf(3, 4) void
expect_line(struct kunit *test, const char *text, const char *fmt, ...)
{
	char want[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(want, sizeof(want) - 1, fmt, ap);
	va_end(ap);
	strcat(want, "\n");
	expect_text(test, text, want);
}

/*
 * Failed allocations: slab allocations of the current task are counted, and the
 * nth fails. The knobs of failslab are where its debugfs files keep them.
 */
#if defined(CONFIG_FAILSLAB) && defined(CONFIG_FAULT_INJECTION_DEBUG_FS)
static inline void *faults_knob(const char *name)
{
	struct dentry *dir, *file;
	void *knob = NULL;

	dir = debugfs_lookup("failslab", NULL);
	if (IS_ERR_OR_NULL(dir))
		return NULL;
	file = debugfs_lookup(name, dir);
	if (!IS_ERR_OR_NULL(file)) {
		knob = d_inode(file)->i_private;
		dput(file);
	}
	dput(dir);
	return knob;
}

static inline bool faults_set(bool on)
{
	bool *ignore_wait = faults_knob("ignore-gfp-wait");
	unsigned long *verbose = faults_knob("verbose");

	if (!ignore_wait || !verbose)
		return false;
	/* The defaults are true and 2. */
	*ignore_wait = !on;
	*verbose = on ? 0 : 2;
	return true;
}

static inline void faults_arm(unsigned int nth)
{
	WRITE_ONCE(current->fail_nth, nth);
}

/* Has there been an allocation that failed? */
static inline bool faults_disarm(void)
{
	bool fired = !READ_ONCE(current->fail_nth);

	WRITE_ONCE(current->fail_nth, 0);
	return fired;
}
#else
static inline bool faults_set(bool on)
{
	return false;
}

static inline void faults_arm(unsigned int nth)
{
}

static inline bool faults_disarm(void)
{
	return false;
}
#endif

static inline void faults_off(void *unused)
{
	faults_disarm();
	faults_set(false);
}

/* Skips the test where allocations cannot be made to fail. */
static inline void faults_need(struct kunit *test)
{
	if (!faults_set(true))
		kunit_skip(test, "needs FAILSLAB and FAULT_INJECTION_DEBUG_FS");
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, faults_off, NULL), 0);
}

#endif /* _LIB_RESMGR_TESTS_RESMGR_KUNIT_H */
