/* SPDX-License-Identifier: GPL-2.0 */
/*
 * resmgr-trace: what its parts share
 *
 * A trace comes in as text, in the format of the file "trace" of tracefs; that
 * of a trace-cmd file is made by dat.c. text.c turns each line that is of use
 * into a struct event, model.c finds out which resource, which owner and which
 * unbind it is about, and what is asked for is answered from that.
 */
#ifndef RESMGR_TRACE_H
#define RESMGR_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/*
 * Exit status: nothing was found, something was, it could not be looked for; not all
 * was recorded.
 */
enum { EXIT_CLEAN, EXIT_FOUND, EXIT_BAD, EXIT_PARTLY };

/* --- main.c */

void print_help(void);

/* --- output.c */

extern const char *prog;

void die(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void *xrealloc(void *ptr, size_t size);
void *xzalloc(size_t size);

/* The one copy of a string that is used by many events. Never freed. */
const char *intern(const char *s, size_t len);

/* Room for one more in an array that has @n of @room elements. */
#define grow(array, n, room)						\
do {									\
	if ((n) == (room)) {						\
		(room) = (room) ? 2 * (room) : 4;			\
		(array) = xrealloc(array, (room) * sizeof(*(array)));	\
	}								\
} while (0)

enum colour { PLAIN, BOLD, DIM, RED, GREEN, YELLOW, BLUE };

void colour_setup(const char *when);
const char *on(enum colour colour);
const char *off(void);

/* In one of a few buffers that are used in turn. */
const char *show_count(uint64_t n, const char *what);
const char *show_time(uint64_t ns);
const char *show_span(uint64_t ns);
const char *show_size(uint64_t bytes);

size_t utf8_len(const char *s);
int columns(const char *s);

/* --- text.c */

enum type {
	EV_ADD,
	EV_REMOVE,
	EV_REPLACE,
	EV_RELEASE,
	EV_RELEASED,
	EV_ALL_BEGIN,
	EV_ALL_END,
	EV_CREATE,
	EV_PUBLISH,
	EV_UNPUBLISH,
	EV_REVOKE,
	EV_KICK,
	EV_DRAIN,
	EV_DRAINED,
	EV_GET,
	EV_PUT,
	EV_OPEN,
	EV_CLOSE,
	EV_FREE,
	EV_LOG,	/* while it is read: any of dev:devres_log */
};

struct manager;
struct resource;
struct unbind;

/*
 * struct event - one line of the trace
 * @cpu: or -1 where the line does not say
 * @name: of the resource, or of the character device
 * @bus: that the owner is on, or %NULL
 * @driver: of the owner, or %NULL
 * @old: of a replacement; @object of what is published; @duration of a release in
 *	nanoseconds, if @timed; @file of what is opened and closed, or 0
 * @seq: number of the event on its manager, if @numbered
 * @manager: whom it is about; set by model.c, as is all that follows
 * @resource: which one, or %NULL
 * @open: of an open and a close: index into the files of the manager, or %NEVER
 * @unbind: part of which unbind, or %NULL
 */
struct event {
	uint64_t	time;
	const char	*comm;
	const char	*class;
	const char	*owner;
	const char	*bus;
	const char	*driver;
	const char	*name;
	const char	*fn;
	const char	*kind;
	const char	*by;
	uint64_t	mgr;
	uint64_t	node;
	uint64_t	size;
	union {
		uint64_t	old;
		uint64_t	object;
		uint64_t	duration;
		uint64_t	file;
	};
	struct manager	*manager;
	union {
		struct resource	*resource;
		size_t		open;
	};
	struct unbind	*unbind;
	uint32_t	line;
	int32_t		pid;
	uint32_t	seq;
	union {
		uint32_t	count;
		uint32_t	refs;
	};
	int16_t		cpu;
	uint8_t		type;	/* enum type */
	bool		numbered;
	bool		timed;
};

/*
 * struct trace - what was read
 * @events: in the order in which they happened: by time, and those of one manager
 *	by number
 * @stock: there is nothing but dev:devres_log
 * @module: what devices hold is told by dev:devres_log, the rest by cdevm
 * @told: the kernel says where the release of everything begins and ends
 * @ends: and where each release ends
 * @lost: events are missing, says the kernel
 * @losses: indices before which that is, as far as it is known
 * @untimed: events without a time have that of what was before
 * @moved: how many events have been put in order by number, against their times
 * @missing: how many numbers are missing
 * @foreign: lines that are none of a trace
 * @foreign_line: the first of them
 * @owners: in the order of their first events
 */
struct trace {
	const char	*file;
	struct event	*events;
	size_t		n, room;
	bool		stock;
	bool		module;
	bool		told;
	bool		ends;
	bool		lost;
	size_t		*losses;
	size_t		n_losses, room_losses;
	size_t		untimed;
	size_t		moved;
	size_t		missing;
	size_t		foreign;
	unsigned int	foreign_line;
	struct manager	**managers;
	size_t		n_managers, room_managers;
	struct owner	**owners;
	size_t		n_owners, room_owners;
	struct unbind	**unbinds;
	size_t		n_unbinds, room_unbinds;
};

void text_read(struct trace *t, FILE *in, const char *file);

enum line { LINE_EVENT, LINE_DAMAGED, LINE_OTHER };

/* One line, without what ends it; it is changed. In @t is counted what is odd. */
enum line text_event(struct trace *t, char *line, struct event *e);

/* --- dat.c, live.c */

bool dat_is(FILE *in);
void dat_read(struct trace *t, const char *file);
void live_read(struct trace *t, const char *instance);
int record_main(int argc, char **argv);
int live_main(int argc, char **argv);

/* --- model.c */

#define NEVER	((size_t)-1)

/*
 * struct resource - from its add to its end
 * @next_hash: while the model is built
 * @live: and then neighbours in a list of those that are held, for who goes through
 *	events
 * @added: index of the event, or %NEVER; so are those that follow
 * @released: its release began
 * @ended: its release was complete
 * @removed: it was taken off and not released
 * @hidden: of a replaced one in stock kernels the new address is not known
 */
struct resource {
	struct manager	*manager;
	union {
		struct resource	*next_hash;
		struct resource	*live[2];
	};
	const char	*name;
	const char	*fn;
	const char	*kind;
	const char	*by;
	uint64_t	node;
	uint64_t	size;
	size_t		added, released, ended, removed;
	bool		hidden;
};

/*
 * struct file - an open file of a scope
 * @file: address of its struct, or 0 where the kernel does not say it
 * @next: index of the one that was opened next, of those that are not closed
 */
struct file {
	const char	*node;
	uint64_t	file;
	size_t		opened, closed;
	size_t		next, prev;
	int		pid;
};

/* A character device of a scope. */
struct chardev {
	const char	*name;
	uint64_t	object;
	size_t		published, unpublished;
};

/*
 * struct owner - a device, or what else has managers
 * @index: into the owners of the trace
 * @bus: or %NULL where it is not said; so is @driver
 * @first: its managers, linked by @next_of_owner in the order of their events
 * @unbind: the last one
 * @scopes: that have not been revoked, for who goes through events
 * @adder: the task that has last added something
 */
struct owner {
	size_t		index;
	const char	*name;
	const char	*bus;
	const char	*driver;
	struct owner	*next_hash;
	struct manager	*first, *last;
	struct unbind	*unbind;
	struct manager	*scopes;
	int		adder;
};

/* A number that is missing, or several in a row, right before this event. */
struct gap {
	size_t		event;
	uint32_t	want;
	uint32_t	missing;
};

/*
 * struct manager - the resources of one owner
 * @resources: in the order of their adds
 * @events: indices of what it is about
 * @gaps: where numbers are missing, in the order of events
 * @create: of a scope; index of the event or %NEVER, and so on
 * @unbind: of a scope
 */
struct manager {
	const char	*class;
	const char	*owner;
	struct owner	*device;
	struct manager	*next_of_owner, *next_hash, *next_scope;
	struct manager	*next_bound;
	uint64_t	addr;
	struct resource	**resources;
	size_t		n, room;
	size_t		*events;
	size_t		n_events, room_events;
	struct gap	*gaps;
	size_t		n_gaps, room_gaps;
	size_t		n_hidden;
	bool		scope;
	struct file	*files;
	size_t		n_files, room_files;
	size_t		oldest_open, newest_open;
	struct chardev	*chardevs;
	size_t		n_chardevs, room_chardevs;
	size_t		create, revoke, kick, drain, drained, free;
	struct numbers	*numbers;
	struct unbind	*unbind;
};

/*
 * struct unbind - from revoke to the last free
 * @owner: name of the device, or of what else has an end
 * @first: index of the first event
 * @last: and of the last so far
 * @events: indices of all that is part of it
 * @scopes: linked by @next_scope
 * @devm: where the resources of the device begin to go, or %NEVER
 * @same_task: as the one that has added what there was last
 * @closed: the resources of the device have gone; those of its scopes may not
 *	have
 */
struct unbind {
	const char	*owner;
	struct owner	*device;
	size_t		first, last;
	size_t		*events;
	size_t		n_events, room_events;
	struct manager	*scopes;
	size_t		devm;
	bool		same_task;
	bool		closed;
};

void model_build(struct trace *t);
bool is_marker(const struct resource *r);
bool is_early(const struct resource *r);
bool has_ends(const struct trace *t, const struct manager *m);
bool is_live_at(const struct resource *r, size_t i);
bool is_memory(const struct resource *r);

/* Is nothing known to be missing between events @from and @to of @m? */
bool is_whole(const struct trace *t, const struct manager *m, size_t from,
	      size_t to);

/* In the list of those that are open, which model_build() leaves as at the end. */
void file_opened(struct manager *m, size_t n);
void file_closed(struct manager *m, size_t n);

/* Is it certain when @f was closed, and that it was not? Goes through all files. */
bool is_certain(const struct manager *m, const struct file *f);

/* "unbind of", or what else it may be. */
const char *unbind_title(const struct trace *t, const struct unbind *u);

/* From event @from to @to; none if clocks disagree. */
uint64_t span_of(const struct trace *t, size_t from, size_t to);

/*
 * struct sweep - a release of everything that a manager holds, or of a group
 * @first: index into the events of the manager: of the first release, or of the
 *	event that says so
 * @last: of the last
 * @whole: nothing was left but what was added meanwhile
 * @group: of a group only
 */
struct sweep {
	size_t		first, last;
	bool		whole;
	bool		group;
};

/* The sweeps of a manager, in an array to be freed. Groups if asked for. */
size_t sweeps_of(const struct trace *t, const struct manager *m, bool groups,
		 struct sweep **out);

/* --- what is asked for */

enum format { AS_TEXT, AS_JSON, AS_KTAP, AS_JUNIT };

struct options {
	const char	*owner;
	const char	*rules;
	const char	*suppress;
	const char	*driver;
	const char	*class;
	uint64_t	from, to;	/* 0: no limit */
	uint64_t	slow_ms;
	size_t		top;
	enum format	format;
	int		pid;		/* 0: any */
	bool		strict;
	bool		reverse;
	bool		to_scale;
};

/*
 * struct finding - what check has found
 * @details: lines that say more, each with a newline; or %NULL
 * @suppressed: somebody knows about it
 */
struct finding {
	const char	*rule;
	const struct manager	*manager;
	const struct resource	*resource;
	size_t		event;
	const char	*text;
	char		*details;
	bool		error;
	bool		suppressed;
};

/*
 * struct rule_result - of one rule, which was asked for
 * @looked: at how many releases, scopes and so on
 */
struct rule_result {
	const char	*rule;
	size_t		looked;
	unsigned int	errors, warnings, suppressed;
};

/* In the order of the rules; also for those who draw them. */
struct findings {
	struct finding	*all;
	size_t		n, room;
	struct rule_result	rules[8];
	size_t		n_rules;
	unsigned int	errors, warnings, suppressed;
};

void check_run(const struct trace *t, const struct options *o,
	       struct findings *f);

/* --- report.c */

void report(const struct trace *t, const struct options *o,
	    const struct findings *f);

/* A file of what is known. */
void suppress_read(const char *file);
bool suppress(const char *rule, const char *owner, const char *text);
void suppress_unused(void);

/* --- what is asked for */

/* --- filter.c */

bool wanted(const struct options *o, const char *owner);
bool wanted_driver(const struct options *o, const struct manager *m);
bool wanted_manager(const struct options *o, const struct manager *m);
bool wanted_event(const struct trace *t, const struct options *o, size_t i);
/* Of wanted managers: what begins and ends with these events, or has none. */
bool wanted_span(const struct trace *t, const struct options *o, size_t first,
		 size_t last);
bool wanted_life(const struct trace *t, const struct options *o, size_t first,
		 size_t last);
/* No marker is. */
bool wanted_resource(const struct trace *t, const struct options *o,
		     const struct resource *r);
bool wanted_chardev(const struct trace *t, const struct options *o,
		    const struct manager *m, const struct chardev *c);
size_t end_of(const struct resource *r);
void die_unwanted(const struct trace *t, const struct options *o, const char *what)
	__attribute__((noreturn));

/* --- lines.c */

size_t *same_lines(const char * const *a, size_t n, const char * const *b, size_t m);

/* --- stat.c */

bool release_took(const struct trace *t, const struct resource *r, uint64_t *ns);
const char *function_of(const char *by);
void stats(const struct trace *t, const struct options *o);

/* --- the other commands */

void show(const struct trace *t, const struct options *o);
void show_event(const struct event *e);
void order(const struct trace *t, const struct options *o);
void order_two(const struct trace *a, const struct trace *b, const struct options *o);
int diff(const struct trace *a, const struct trace *b, const struct options *o);
int check(const struct trace *t, const struct options *o);
bool check_rules_valid(const char *rules);
bool check_is_rule(const char *name, size_t len);
void export_svg(const struct trace *t, const struct options *o, FILE *out);
void export_json(const struct trace *t, const struct options *o, FILE *out);

#endif
