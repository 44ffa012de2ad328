/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace probes, and warnings that a KUnit case expects
 *
 * For suites that are built for kernels without the resource manager, too.
 */
#ifndef _LIB_RESMGR_TESTS_WARNINGS_H
#define _LIB_RESMGR_TESTS_WARNINGS_H

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
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
	pr_info("kunit: expect %s\n", marker);
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
	pr_info("kunit: expect-end\n");
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
 * Run the statements, which have to lead to a warning. What it says is different in
 * kernels without the resource manager.
 */
#define EXPECT_A_WARNING(test, ...)					\
do {									\
	struct kunit *__wanted_test = (test);				\
	struct wanted __wanted;						\
									\
	wanted_begin(&__wanted, "WARNING: ");				\
	__VA_ARGS__;							\
	probe_unregister(&__wanted.probe);				\
	pr_info("kunit: expect-end\n");					\
	if (__wanted.watched)						\
		KUNIT_EXPECT_GE_MSG(__wanted_test,			\
				    atomic_read(&__wanted.warnings), 1,	\
				    "warnings of " #__VA_ARGS__);	\
} while (0)

#endif /* _LIB_RESMGR_TESTS_WARNINGS_H */
