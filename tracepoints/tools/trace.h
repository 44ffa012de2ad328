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

/* Exit status: nothing was found, something was, it could not be looked for. */
enum { EXIT_CLEAN, EXIT_FOUND, EXIT_BAD };

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
		(room) = (room) ? 2 * (room) : 16;			\
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
};

struct manager;
struct resource;
struct unbind;

/*
 * struct event - one line of the trace
 * @name: of the resource, or of the character device
 * @duration: of the release in nanoseconds, if it is known
 * @numbered: @seq is valid
 * @manager: whom it is about; set by model.c, as is all that follows
 * @resource: which one, or %NULL
 * @unbind: part of which unbind, or %NULL
 */
struct event {
	enum type	type;
	uint64_t	time;
	unsigned int	line;
	int		cpu;
	int		pid;
	const char	*comm;
	const char	*class;
	const char	*owner;
	const char	*name;
	const char	*fn;
	const char	*kind;
	const char	*by;
	uint64_t	mgr;
	uint64_t	node;
	uint64_t	old;
	uint64_t	object;
	uint64_t	size;
	uint64_t	duration;
	uint32_t	seq;
	unsigned int	count;
	unsigned int	refs;
	bool		numbered;
	bool		timed;
	struct manager	*manager;
	struct resource	*resource;
	struct unbind	*unbind;
};

/*
 * struct trace - what was read
 * @stock: there is nothing but dev:devres_log
 * @module: what devices hold is told by dev:devres_log, the rest by cdevm
 * @told: the kernel says where the release of everything begins and ends
 * @ends: and where each release ends
 * @lost: events are missing, says the kernel
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
	struct manager	**managers;
	size_t		n_managers, room_managers;
	struct unbind	**unbinds;
	size_t		n_unbinds, room_unbinds;
};

void text_read(struct trace *t, FILE *in, const char *file);

/* --- dat.c, live.c */

bool dat_is(FILE *in);
void dat_read(struct trace *t, const char *file);
void live_read(struct trace *t, const char *instance);
int record_main(int argc, char **argv);

/* --- model.c */

#define NEVER	((size_t)-1)

/*
 * struct resource - from its add to its end
 * @added: index of the event, or %NEVER; so are those that follow
 * @released: its release began
 * @ended: its release was complete
 * @removed: it was taken off and not released
 * @hidden: of a replaced one in stock kernels the new address is not known
 */
struct resource {
	struct manager	*manager;
	struct resource	*next_hash;
	const char	*name;
	const char	*fn;
	const char	*kind;
	const char	*by;
	uint64_t	node;
	uint64_t	size;
	size_t		added, released, ended, removed;
	bool		hidden;
};

/* An open file of a scope. */
struct file {
	const char	*node;
	size_t		opened, closed;
};

/* A character device of a scope. */
struct chardev {
	const char	*name;
	uint64_t	object;
	size_t		published, unpublished;
};

/*
 * struct manager - the resources of one owner
 * @resources: in the order of their adds
 * @events: indices of what it is about
 * @create: of a scope; index of the event or %NEVER, and so on
 */
struct manager {
	const char	*class;
	const char	*owner;
	uint64_t	addr;
	struct resource	**resources;
	size_t		n, room;
	size_t		*events;
	size_t		n_events, room_events;
	bool		scope;
	struct file	*files;
	size_t		n_files, room_files;
	struct chardev	*chardevs;
	size_t		n_chardevs, room_chardevs;
	size_t		create, revoke, kick, drain, drained, free;
	bool		numbered;
	uint32_t	seq;
	struct unbind	*unbind;
};

/*
 * struct unbind - from revoke to the last free
 * @owner: name of the device, or of what else has an end
 * @first: index of the first event
 * @last: and of the last so far
 * @closed: the resources of the device have gone; those of its scopes may not
 *	have
 */
struct unbind {
	const char	*owner;
	size_t		first, last;
	bool		closed;
};

void model_build(struct trace *t);
bool is_marker(const struct resource *r);
bool is_early(const struct resource *r);
bool is_live_at(const struct resource *r, size_t i);
bool is_memory(const struct resource *r);

/* A gap in the numbers of a manager, or an order that is not theirs. */
struct gap {
	size_t		event;
	uint32_t	want;
};

extern struct gap *gaps;
extern size_t n_gaps;

/*
 * struct sweep - a release of everything that a manager holds
 * @first: index into the events of the manager: of the first release, or of the
 *	event that says so
 * @last: of the last
 * @whole: nothing was left but what was added meanwhile
 */
struct sweep {
	size_t		first, last;
	bool		whole;
};

/* The sweeps of a manager, in an array to be freed. */
size_t sweeps_of(const struct trace *t, const struct manager *m,
		 struct sweep **out);

/* --- what is asked for */

struct options {
	const char	*owner;
	const char	*rules;
	uint64_t	slow_ms;
	bool		strict;
	bool		reverse;
};

bool wanted(const struct options *o, const char *owner);
void show(const struct trace *t, const struct options *o);
void order(const struct trace *t, const struct options *o);
int check(const struct trace *t, const struct options *o);
bool check_rules_valid(const char *rules);
void export_svg(const struct trace *t, const struct options *o, FILE *out);
void export_json(const struct trace *t, const struct options *o, FILE *out);

#endif
