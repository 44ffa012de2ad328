/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What KUnit suites share: notes of what was called, trace probes, and warnings
 * that a case expects
 *
 * For suites that are built for kernels without the resource manager, too.
 */
#ifndef _LIB_RESMGR_TESTS_LIB_H
#define _LIB_RESMGR_TESTS_LIB_H

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <trace/events/printk.h>

/*
 * Notes of what was called, in order. Each suite has its own. Its cases run one
 * after the other, and each begins with notes_clear(). A case reads the notes
 * when nobody adds any.
 */
static struct {
	raw_spinlock_t	lock;		/* protects the others while notes are added */
	unsigned int	count;		/* includes those that there was no room for */
	char		texts[512][64];
} notes __maybe_unused = { .lock = __RAW_SPIN_LOCK_UNLOCKED(notes.lock) };

static inline void notes_clear(void)
{
	notes.count = 0;
}

/* In any context but NMI. */
static inline __printf(1, 2) void note(const char *fmt, ...)
{
	unsigned long flags;
	va_list ap;

	va_start(ap, fmt);
	raw_spin_lock_irqsave(&notes.lock, flags);
	if (notes.count < ARRAY_SIZE(notes.texts))
		vsnprintf(notes.texts[notes.count], sizeof(notes.texts[0]), fmt, ap);
	notes.count++;
	raw_spin_unlock_irqrestore(&notes.lock, flags);
	va_end(ap);
}

/* As an action. */
static inline void note_action(void *text)
{
	note("%s", (const char *)text);
}

/* Returns the text of a note; one that is not there reads as "(nothing)". */
static __maybe_unused const char *note_text(unsigned int i)
{
	if (i >= notes.count)
		return "(nothing)";
	return i < ARRAY_SIZE(notes.texts) ? notes.texts[i] : "(no room)";
}

/* Returns the position of the first note with this text, -1 if there is none. */
static inline int note_find(const char *text)
{
	unsigned int i;

	for (i = 0; i < notes.count; i++)
		if (!strcmp(note_text(i), text))
			return i;
	return -1;
}

/* All notes in one string, valid until the next call. */
static __maybe_unused const char *notes_joined(const char *between)
{
	static char text[512];
	unsigned int i, len = 0;

	*text = 0;
	for (i = 0; i < notes.count; i++)
		len += scnprintf(text + len, sizeof(text) - len, "%s%s", i ? between : "",
				 note_text(i));
	return text;
}

static inline void expect_notes(struct kunit *test, const char * const *want,
				unsigned int count)
{
	unsigned int i, most = max(count, notes.count);

	for (i = 0; i < most; i++)
		if (i >= count || strcmp(note_text(i), want[i]))
			break;
	if (i < most) {
		KUNIT_FAIL(test, "note %u is '%s', not '%s'", i, note_text(i),
			   i < count ? want[i] : "(nothing)");
		for (i = 0; i < notes.count; i++)
			kunit_info(test, "note %u: %s", i, note_text(i));
	}
	notes_clear();
}

/* These notes were added since the last look, in this order, and no others. */
#define EXPECT_NOTES(test, ...)						\
do {									\
	static const char * const __want[] = { __VA_ARGS__ };		\
									\
	expect_notes(test, __want, ARRAY_SIZE(__want));			\
} while (0)

#define EXPECT_NO_NOTES(test)	expect_notes(test, NULL, 0)

/* The same for short notes, which are joined by @between. */
#define EXPECT_JOINED(test, between, want)				\
do {									\
	KUNIT_EXPECT_STREQ(test, notes_joined(between), want);		\
	notes_clear();							\
} while (0)

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

static inline void wanted_watch(struct wanted *wanted, const char *text)
{
	check_trace_callback_type_console(wanted_probe);

	wanted->probe.name = "console";
	wanted->probe.fn = wanted_probe;
	wanted->text = text;
	atomic_set(&wanted->warnings, 0);
	atomic_set(&wanted->matches, 0);
	wanted->watched = probe_register(&wanted->probe, wanted);
}

/* @marker is what the report looks like to whoever reads the log. */
static inline void __wanted_begin(struct wanted *wanted, const char *text,
				  const char *marker)
{
	pr_info("kunit: expect %s\n", marker);
	wanted_watch(wanted, text);
}

static inline void wanted_begin(struct wanted *wanted, const char *text)
{
	/* Lockdep and RCU have other headlines, and none of them is wanted. */
	__wanted_begin(wanted, text, "WARNING: (CPU: |.*CPU#)");
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
 * @who and contains @text, and to no warning.
 */
#define EXPECT_LINE_OF(test, who, text, ...)				\
do {									\
	struct wanted __wanted;						\
									\
	__wanted_begin(&__wanted, text, who ": ");			\
	__VA_ARGS__;							\
	__wanted_end(test, &__wanted, 0, 1);				\
} while (0)

#define EXPECT_LINE(test, text, ...)	EXPECT_LINE_OF(test, "resmgr", text, __VA_ARGS__)

/*
 * Wait until a line of the log contains @text, as something that goes on does after
 * a while. It is no report of a bug.
 */
static inline void expect_logged(struct kunit *test, const char *text)
{
	struct wanted wanted;
	unsigned int i;

	wanted_watch(&wanted, text);
	for (i = 0; i < 600 && wanted.watched && !atomic_read(&wanted.matches); i++)
		msleep(100);
	if (wanted.watched)
		KUNIT_EXPECT_GE_MSG(test, atomic_read(&wanted.matches), 1,
				    "lines with '%s'", text);
	probe_unregister(&wanted.probe);
}

/*
 * Run the statements, which lead to one warning that contains @text, unless
 * another case has seen it, with EXPECT_WARNING(): it comes once per boot.
 */
#define EXPECT_WARNING_ONCE(test, text, ...)				\
do {									\
	struct kunit *__wanted_test = (test);				\
	struct wanted __wanted;						\
	int __seen;							\
									\
	pr_info("kunit: allow WARNING: (CPU: |.*CPU#)\n");		\
	wanted_watch(&__wanted, text);					\
	__VA_ARGS__;							\
	probe_unregister(&__wanted.probe);				\
	pr_info("kunit: allow-end\n");					\
	__seen = atomic_read(&__wanted.warnings);			\
	KUNIT_EXPECT_LE(__wanted_test, __seen, 1);			\
	KUNIT_EXPECT_EQ(__wanted_test, atomic_read(&__wanted.matches),	\
			__seen);					\
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

#endif /* _LIB_RESMGR_TESTS_LIB_H */
