/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the KUnit suites of the resource manager share: trace probes, wanted
 * warnings, failed allocations
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
#include <trace/events/printk.h>

/*
 * Tracepoints are looked up by name, so that the suites can be modules without
 * an export for the sake of a test. The type of each probe is checked when it
 * is compiled, by check_trace_callback_type_*().
 */
struct probe {
	const char		*name;
	void			*fn;
	struct tracepoint	*tp;
	void			*data;
};

static inline void probe_match(struct tracepoint *tp, void *data)
{
	struct probe *probe = data;

	if (!strcmp(tp->name, probe->name))
		probe->tp = tp;
}

static inline bool probe_register(struct probe *probe, void *data)
{
	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		return false;

	probe->tp = NULL;
	probe->data = data;
	for_each_kernel_tracepoint(probe_match, probe);
	if (!probe->tp)
		return false;
	if (tracepoint_probe_register(probe->tp, probe->fn, data)) {
		probe->tp = NULL;
		return false;
	}
	return true;
}

static inline void probe_unregister(struct probe *probe)
{
	if (!IS_ENABLED(CONFIG_TRACEPOINTS) || !probe->tp)
		return;
	tracepoint_probe_unregister(probe->tp, probe->fn, probe->data);
	probe->tp = NULL;
	tracepoint_synchronize_unregister();
}

/*
 * A warning that a test wants. The markers are for whoever reads the log; here
 * the lines that are printed meanwhile are looked at, if there is tracing.
 */
struct wanted {
	struct probe	probe;
	const char	*text;
	bool		watched;
	atomic_t	warnings;
	atomic_t	matches;
};

static inline void wanted_probe(void *data, const char *text, size_t len)
{
	struct wanted *wanted = data;

	/* "WARNING: CPU: 0 ..." on 6.12, "WARNING: ..., CPU#0: ..." on 7.3 */
	if (strnstr(text, "WARNING: ", len) && strnstr(text, "CPU", len))
		atomic_inc(&wanted->warnings);
	if (strnstr(text, wanted->text, len))
		atomic_inc(&wanted->matches);
}

/* @marker is what the report looks like to whoever reads the log. */
static inline void __wanted_begin(struct wanted *wanted, const char *text,
				  const char *marker)
{
	check_trace_callback_type_console(wanted_probe);

	wanted->probe.name = "console";
	wanted->probe.fn = wanted_probe;
	wanted->text = text;
	atomic_set(&wanted->warnings, 0);
	atomic_set(&wanted->matches, 0);
	pr_info("e2e: expect %s\n", marker);
	wanted->watched = probe_register(&wanted->probe, wanted);
}

static inline void wanted_begin(struct wanted *wanted, const char *text)
{
	__wanted_begin(wanted, text, "WARNING");
}

/* There have been @warnings, and @count lines with the text. */
static inline void __wanted_end(struct kunit *test, struct wanted *wanted,
				int warnings, int count)
{
	bool watched = wanted->watched;

	probe_unregister(&wanted->probe);
	pr_info("e2e: expect-end\n");
	if (!watched)
		return;
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&wanted->warnings), warnings,
			    "warnings, when '%s' was wanted", wanted->text);
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&wanted->matches), count,
			    "lines with '%s'", wanted->text);
}

static inline void wanted_end(struct kunit *test, struct wanted *wanted,
			      int count)
{
	__wanted_end(test, wanted, count, count);
}

/* Run the statements, which have to lead to one warning that contains @text. */
#define EXPECT_WARNING(test, text, ...)					\
do {									\
	struct wanted __wanted;						\
									\
	wanted_begin(&__wanted, text);					\
	__VA_ARGS__;							\
	wanted_end(test, &__wanted, 1);					\
} while (0)

/*
 * Run the statements, which have to lead to one line in the log that begins with
 * "resmgr: " and contains @text, and to no warning.
 */
#define EXPECT_LINE(test, text, ...)					\
do {									\
	struct wanted __wanted;						\
									\
	__wanted_begin(&__wanted, text, "resmgr: ");			\
	__VA_ARGS__;							\
	__wanted_end(test, &__wanted, 0, 1);				\
} while (0)

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

static inline void lines_end(void *data)
{
	struct lines *l = data;

	if (l->tr) {
		trace_array_set_clr_event(l->tr, "resmgr", NULL, false);
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
	KUNIT_ASSERT_EQ(test, trace_array_set_clr_event(l->tr, "resmgr", NULL, true),
			0);
	return l;
}

/* No event from here on; the text of those that there were. */
static inline const char *lines_read(struct kunit *test, struct lines *l)
{
	struct kiocb kiocb;
	size_t len = 0;
	struct file *file;
	ssize_t n;

	KUNIT_ASSERT_EQ(test, trace_array_set_clr_event(l->tr, "resmgr", NULL, false),
			0);
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
