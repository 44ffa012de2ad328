// SPDX-License-Identifier: GPL-2.0
/*
 * resmgr-trace: from a line of text to an event
 *
 *	bash-31    [000] d..1.     7.250000: resmgr_add: devm cdevm-sample #3 ...
 *
 * The name of a task may hold anything, so the processor in brackets is what
 * is looked for, together with what has to follow it. Lines of other events are
 * passed over, lines that are none are an error: a report about half a trace
 * would be wrong without saying so.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>

#include "trace.h"

static const struct {
	const char	*name;
	enum type	type;
} types[] = {
	{ "resmgr_add",			EV_ADD },
	{ "resmgr_remove",		EV_REMOVE },
	{ "resmgr_replace",		EV_REPLACE },
	{ "resmgr_release_begin",	EV_RELEASE },
	{ "resmgr_release_end",		EV_RELEASED },
	{ "resmgr_release_all_begin",	EV_ALL_BEGIN },
	{ "resmgr_release_all_end",	EV_ALL_END },
	{ "cdevm_create",		EV_CREATE },
	{ "cdevm_publish",		EV_PUBLISH },
	{ "cdevm_unpublish",		EV_UNPUBLISH },
	{ "cdevm_revoke",		EV_REVOKE },
	{ "cdevm_kick",			EV_KICK },
	{ "cdevm_drain_begin",		EV_DRAIN },
	{ "cdevm_drain_end",		EV_DRAINED },
	{ "cdevm_get",			EV_GET },
	{ "cdevm_put",			EV_PUT },
	{ "cdevm_open",			EV_OPEN },
	{ "cdevm_close",		EV_CLOSE },
	{ "cdevm_free",			EV_FREE },
};

/* What is being read, for messages. */
static struct {
	const char	*file;
	unsigned int	line;
} at;

static void __attribute__((noreturn)) bad(const char *why)
{
	die("%s:%u: %s", at.file, at.line, why);
}

static const char *skip_space(const char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

/* Digits; %NULL when there are none. */
static const char *number(const char *s, uint64_t *value)
{
	uint64_t v = 0;

	if (!isdigit((unsigned char)*s))
		return NULL;
	for (; isdigit((unsigned char)*s); s++) {
		if (v > (UINT64_MAX - 9) / 10)
			return NULL;
		v = v * 10 + (*s - '0');
	}
	*value = v;
	return s;
}

/* "7.250000:", or "7250000:" with a trace clock that does not count in time. */
static const char *timestamp(const char *s, uint64_t *ns)
{
	uint64_t whole, part = 0;
	int digits;

	s = number(s, &whole);
	if (!s || whole > UINT64_MAX / 1000000000 - 1)
		return NULL;
	if (*s == ':') {
		*ns = whole;
		return s + 1;
	}
	if (*s++ != '.')
		return NULL;
	for (digits = 0; isdigit((unsigned char)*s); s++)
		if (digits < 9) {
			part = part * 10 + (*s - '0');
			digits++;
		}
	if (!digits || *s != ':')
		return NULL;
	for (; digits < 9; digits++)
		part *= 10;
	*ns = whole * 1000000000 + part;
	return s + 1;
}

/*
 * After "[": the processor, flags if any, the time, the name of the event. The
 * text of the event; %NULL when this bracket is part of something else.
 */
static const char *after_bracket(const char *s, struct event *e,
				 const char **name, size_t *len)
{
	const char *next, *colon;
	uint64_t cpu;

	s = number(s, &cpu);
	if (!s || *s != ']' || cpu > 65535)
		return NULL;
	e->cpu = cpu;
	s = skip_space(s + 1);

	next = timestamp(s, &e->time);
	if (!next) {
		s += strcspn(s, " \t");
		next = timestamp(skip_space(s), &e->time);
	}
	if (!next)
		return NULL;

	s = skip_space(next);
	colon = s;
	while (isalnum((unsigned char)*colon) || *colon == '_')
		colon++;
	/* perf puts the system before it. */
	if (*colon == ':' && isalpha((unsigned char)colon[1])) {
		s = colon + 1;
		colon = s;
		while (isalnum((unsigned char)*colon) || *colon == '_')
			colon++;
	}
	if (*colon != ':' || colon == s)
		return NULL;
	*name = s;
	*len = colon - s;
	return skip_space(colon + 1);
}

/* "bash-31 (   30)", or "bash 31" as perf has it: what is before the bracket. */
static void task(const char *s, size_t len, struct event *e)
{
	const char *end = s + len, *dash;
	uint64_t pid;

	while (s < end && isspace((unsigned char)*s))
		s++;
	while (end > s && isspace((unsigned char)end[-1]))
		end--;
	if (end > s && end[-1] == ')')
		for (dash = end - 1; dash > s; dash--)
			if (*dash == '(') {
				end = dash;
				break;
			}
	while (end > s && isspace((unsigned char)end[-1]))
		end--;

	dash = end;
	while (dash > s && isdigit((unsigned char)dash[-1]))
		dash--;
	e->pid = number(dash, &pid) && pid <= INT32_MAX ? (int)pid : -1;
	while (dash > s && (dash[-1] == '-' || isspace((unsigned char)dash[-1]))) {
		dash--;
		if (*dash == '-')
			break;
	}
	e->comm = intern(s, dash - s);
}

/* " key=" in @s; what follows it. */
static const char *find_key(const char *s, const char *key)
{
	size_t len = strlen(key);

	for (; (s = strstr(s, key)); s++)
		if (s[len] == '=' && s[-1] == ' ')
			return s + len + 1;
	return NULL;
}

/* The value of a key ends where the next one begins: symbols hold spaces. */
static const char *value_end(const char *s)
{
	const char *p;

	for (; *s; s++) {
		if (*s != ' ')
			continue;
		for (p = s + 1; *p >= 'a' && *p <= 'z'; p++)
			;
		if (*p == '=' && p > s + 1)
			return s;
	}
	return s;
}

static const char *text_value(const char *s, const char *key)
{
	s = find_key(s, key);
	return s ? intern(s, value_end(s) - s) : NULL;
}

static uint64_t number_value(const char *s, const char *key)
{
	uint64_t v;

	s = find_key(s, key);
	if (!s || !number(s, &v))
		die("%s:%u: the event has no valid %s=", at.file, at.line, key);
	return v;
}

static uint64_t address(const char *s, const char *what)
{
	uint64_t v;
	char *end;

	if (!strncmp(s, "(____ptrval____)", 16) || !strncmp(s, "(efault)", 8))
		die("%s:%u: the kernel did not print the address of the %s; 'resmgr-trace record' has it do so",
		    at.file, at.line, what);
	/* As trace-cmd has it, for none. */
	if (!strncmp(s, "(nil)", 5))
		return 0;
	errno = 0;
	v = strtoull(s, &end, 16);
	if (!isxdigit((unsigned char)*s) || errno || (*end && *end != ' '))
		die("%s:%u: the address of the %s is not valid", at.file,
		    at.line, what);
	return v;
}

static uint64_t address_value(const char *s, const char *key)
{
	s = find_key(s, key);
	if (!s)
		die("%s:%u: the event has no %s=", at.file, at.line, key);
	return address(s, key);
}

static uint64_t manager_address(const char *s)
{
	uint64_t mgr = address_value(s, "mgr");

	if (!mgr)
		bad("the event is of no manager");
	return mgr;
}

/* "devm cdevm-sample #3 ": of what class, whose, which one of its events. */
static const char *owner(const char *s, struct event *e)
{
	const char *space = strchr(s, ' '), *hash;
	uint64_t seq = 0;

	if (!space || space == s)
		bad("the event does not say whose it is");
	e->class = intern(s, space - s);
	s = space + 1;
	for (hash = s; (hash = strstr(hash, " #")); hash++) {
		const char *end = number(hash + 2, &seq);

		if (!end || seq > UINT32_MAX || *end != ' ')
			continue;
		e->owner = intern(s, hash - s);
		e->seq = seq;
		e->numbered = true;
		return end;
	}
	/* cdevm events had none once. */
	space = strchr(s, ' ');
	if (strcmp(e->class, "cdevm") || !space)
		bad("the event does not say which one of its owner it is");
	e->owner = intern(s, space - s);
	return space;
}

static const char *symbol(const char *s)
{
	/* A number is a symbol that is not there. */
	if (!s || !strncmp(s, "0x0", 3) || !*s)
		return NULL;
	return s;
}

/* @s is right after the number: " NAME size=...". */
static void resource(const char *s, struct event *e)
{
	const char *size = find_key(s, "size");
	const char *end;

	if (!size || size - s < 7)
		bad("the event has no name= and size= of a resource");
	end = size - strlen(" size=");
	e->name = intern(s + 1, end - s - 1);
	e->size = number_value(s, "size");
	e->fn = symbol(text_value(end, "fn"));
	e->kind = text_value(end, "kind");
	e->by = symbol(text_value(end, "by"));
	e->mgr = manager_address(end);
	e->node = address_value(end, "node");
	if (e->type == EV_REPLACE)
		e->old = address_value(end, "old");
	if (e->type == EV_RELEASED) {
		e->duration = number_value(end, "duration");
		e->timed = true;
	}
}

static void resmgr_event(const char *s, struct event *e)
{
	s = owner(s, e);
	switch (e->type) {
	case EV_ADD:
	case EV_REMOVE:
	case EV_REPLACE:
	case EV_RELEASE:
	case EV_RELEASED:
		resource(s, e);
		return;
	case EV_ALL_BEGIN:
	case EV_ALL_END:
		e->count = number_value(s, "count");
		break;
	case EV_PUBLISH:
		if (find_key(s, "object"))
			e->object = address_value(s, "object");
		/* fall through */
	case EV_UNPUBLISH:
	case EV_OPEN:
	case EV_CLOSE:
		e->name = text_value(s, "node");
		if (!e->name)
			bad("the event has no node=");
		/* fall through */
	default:
		e->refs = number_value(s, "refs");
		e->by = symbol(text_value(s, "by"));
	}
	e->mgr = manager_address(s);
}

/* "cdevm-sample ADD 00000000be3a1b9c devm_kzalloc_release (8 bytes)" */
static void devres_event(const char *s, struct event *e)
{
	static const struct {
		const char	*name;
		enum type	type;
	} ops[] = {
		{ " ADD ", EV_ADD }, { " REM ", EV_REMOVE },
		{ " REL ", EV_RELEASE }, { " REPLACE ", EV_REPLACE },
	};
	const char *best = NULL, *found, *end;
	unsigned int i;
	size_t len = 0;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		found = strstr(s, ops[i].name);
		if (found && (!best || found < best)) {
			best = found;
			len = strlen(ops[i].name);
			e->type = ops[i].type;
		}
	}
	if (!best) {
		found = strchr(s, ' ');
		if (found && isxdigit((unsigned char)*skip_space(found)))
			die("%s:%u: in this file the operations of devres_log are addresses: the kernel stored no strings. Record with 'resmgr-trace record', or keep the text of tracefs",
			    at.file, at.line);
		bad("devres_log has no operation");
	}
	e->class = intern("devm", 4);
	e->owner = intern(s, best - s);
	s = skip_space(best + len);
	e->node = address(s, "resource");
	s = strchr(s, ' ');
	end = s ? strrchr(s, '(') : NULL;
	if (!end || end == s || !number(end + 1, &e->size))
		bad("devres_log has no name and size");
	while (end > s && end[-1] == ' ')
		end--;
	s = skip_space(s);
	e->name = intern(s, end > s ? end - s : 0);
}

/* "# entries-in-buffer/entries-written: 12/15   #P:1" */
static void comment(struct trace *t, const char *s)
{
	static const char what[] = "entries-in-buffer/entries-written:";
	uint64_t kept, written;

	s = strstr(s, what);
	if (!s)
		return;
	s = number(skip_space(s + strlen(what)), &kept);
	if (!s || *s != '/' || !number(s + 1, &written))
		bad("the numbers of entries in the header are not valid");
	if (kept < written)
		t->lost = true;
}

/* What a trace has apart from events. */
static bool is_other(struct trace *t, const char *s)
{
	const char *p = skip_space(s);
	unsigned int cpu;

	if (!*p || !strncmp(p, "=> ", 3) || !strcmp(p, "<stack trace>"))
		return true;
	if (sscanf(p, "CPU:%u [LOST ", &cpu) == 1 && strstr(p, "[LOST ")) {
		t->lost = true;
		return true;
	}
	if (sscanf(p, "cpus=%u", &cpu) == 1 ||
	    (!strncmp(p, "CPU ", 4) && strstr(p, " is empty")) ||
	    !strncmp(p, "##### CPU ", 10))
		return true;
	if (!strncmp(p, "version = ", 10))
		return true;
	return false;
}

static void parse_line(struct trace *t, const char *line, bool whole)
{
	const char *bracket, *text = NULL, *name = NULL;
	struct event e = { .pid = -1 };
	size_t len = 0;
	unsigned int i;
	bool devres;

	if (*skip_space(line) == '#' && strncmp(skip_space(line), "#####", 5)) {
		comment(t, line);
		return;
	}
	if (is_other(t, line))
		return;
	for (bracket = line; (bracket = strchr(bracket, '[')); bracket++) {
		text = after_bracket(bracket + 1, &e, &name, &len);
		if (text)
			break;
	}
	if (!text)
		bad(whole ? "this is not a line of a trace" :
			    "the file ends in the middle of a line; it was cut off");

	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (strlen(types[i].name) == len && !memcmp(types[i].name, name, len))
			break;
	devres = len == strlen("devres_log") && !memcmp(name, "devres_log", len);
	if (i == ARRAY_SIZE(types) && !devres)
		return;
	/* What is left of a number is a number. */
	if (!whole)
		bad("the file ends in the middle of a line; it was cut off");

	task(line, bracket - line, &e);
	e.line = at.line;
	if (devres) {
		devres_event(text, &e);
	} else {
		e.type = types[i].type;
		resmgr_event(text, &e);
	}
	grow(t->events, t->n, t->room);
	t->events[t->n++] = e;
}

/*
 * With better events in the trace, devres_log says the same again. When cdevm is a
 * module it does not: what the devices hold is told by nothing else.
 */
static void drop_devres(struct trace *t)
{
	size_t i, n = 0;

	t->stock = true;
	t->module = true;
	for (i = 0; i < t->n; i++) {
		if (!t->events[i].mgr)
			continue;
		t->stock = false;
		if (!strcmp(t->events[i].class, "devm"))
			t->module = false;
	}
	t->module &= !t->stock;
	if (t->stock || t->module)
		return;
	for (i = 0; i < t->n; i++)
		if (t->events[i].mgr)
			t->events[n++] = t->events[i];
	t->n = n;
}

void text_read(struct trace *t, FILE *in, const char *file)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	bool whole;

	at.file = file;
	at.line = 0;
	t->file = file;
	while ((len = getline(&line, &room, in)) > 0) {
		at.line++;
		if (memchr(line, 0, len))
			bad("this is not text; a trace-cmd file begins with \"tracing\"");
		whole = line[len - 1] == '\n';
		if (whole)
			line[len - 1] = 0;
		parse_line(t, line, whole);
	}
	if (ferror(in))
		die("%s: cannot read: %s", file, strerror(errno));
	free(line);
	if (!at.line)
		die("%s: the file is empty", file);
	drop_devres(t);
	if (!t->n)
		die("%s: there are no events of resmgr, cdevm or devres_log in it",
		    file);
}
