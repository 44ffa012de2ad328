// SPDX-License-Identifier: GPL-2.0
/*
 * resmgr-trace: from a line of text to an event
 *
 *	bash-31    [000] d..1.     7.250000: resmgr_add: devm cdevm-sample #3 ...
 *
 * There are many tools that print such lines, and what stands before the name of
 * the event is different in each. So the name is looked for first, then a time
 * before it, and what is left of that is the task and the processor. The name of
 * a task may hold anything, a time and a name of an event included: where several
 * are found, it is the last behind which there is the text of such an event.
 *
 * Whatever is no event of ours is passed over, and counted if it is not of a trace.
 * An event of ours with something wrong in it is an error: a report about half a
 * trace would be wrong without saying so.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>

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
	/* Which of several it is, its text says. */
	{ "devres_log",			EV_LOG },
};

/* What is being read, for messages. */
static struct {
	const char	*file;
	unsigned int	line;
	uint64_t	time;
	bool		untimed;
	char		why[256];
} at;

static void __attribute__((noreturn)) bad(const char *why)
{
	die("%s:%u: %s", at.file, at.line, why);
}

/* Why a line is no event; the first reason is the one that is told. */
static bool __attribute__((format(printf, 1, 2))) no(const char *fmt, ...)
{
	va_list args;

	if (!*at.why) {
		va_start(args, fmt);
		vsnprintf(at.why, sizeof(at.why), fmt, args);
		va_end(args);
	}
	return false;
}

static const char *skip_space(const char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

static const char *back_space(const char *begin, const char *end)
{
	while (end > begin && isspace((unsigned char)end[-1]))
		end--;
	return end;
}

/* Where the last word before @end begins. */
static const char *back_word(const char *begin, const char *end)
{
	while (end > begin && !isspace((unsigned char)end[-1]))
		end--;
	return end;
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

static bool is_number(const char *s, const char *end)
{
	if (s == end)
		return false;
	for (; s < end; s++)
		if (!isdigit((unsigned char)*s))
			return false;
	return true;
}

/* Anybody can give a task a name that does things to a terminal. */
static const char *name_of(const char *s, size_t len)
{
	char clean[256];
	size_t i;

	for (i = 0; i < len; i++)
		if (iscntrl((unsigned char)s[i]))
			break;
	if (i == len || len > sizeof(clean))
		return intern(s, len);
	for (i = 0; i < len; i++)
		clean[i] = iscntrl((unsigned char)s[i]) ? '?' : s[i];
	return intern(clean, len);
}

/* --- what stands before the name of an event */

/*
 * "7.250000", "7250us" of the latency format, or "7250000" with a trace clock that
 * counts something else.
 */
static bool timestamp(const char *s, const char *end, uint64_t *ns)
{
	uint64_t whole, part = 0;
	int digits;

	s = number(s, &whole);
	if (!s)
		return false;
	if (s == end) {
		*ns = whole;
		return true;
	}
	if (whole > UINT64_MAX / 1000000000 - 1)
		return false;
	if (end - s == 2 && s[0] == 'u' && s[1] == 's') {
		*ns = whole * 1000;
		return true;
	}
	if (*s++ != '.')
		return false;
	for (digits = 0; isdigit((unsigned char)*s); s++)
		if (digits < 9) {
			part = part * 10 + (*s - '0');
			digits++;
		}
	if (!digits || s != end)
		return false;
	for (; digits < 9; digits++)
		part *= 10;
	*ns = whole * 1000000000 + part;
	return true;
}

/* "Nov 27 12:00:00 host kernel: <4>[   12.345678] [    T31] ", as logs have it. */
static const char *skip_log(const char *s)
{
	const char *p = strstr(s, " kernel: "), *word;
	int depth;

	if (p && p - s < 100 && isalpha((unsigned char)*s))
		s = p + strlen(" kernel: ");
	else if (!strncmp(s, "kernel: ", 8))
		s += 8;
	if (s[0] == '<' && isdigit((unsigned char)s[1]) && (p = strchr(s, '>')) &&
	    p - s < 6)
		s = p + 1;
	for (depth = 0; depth < 2; depth++) {
		p = skip_space(s);
		if (*p != '[' || !(word = strchr(p, ']')) || word - p > 24)
			break;
		p = skip_space(p + 1);
		if (depth && (*p == 'T' || *p == 'C'))
			p++;
		if (!isdigit((unsigned char)*p) ||
		    p + strspn(p, "0123456789.") != word || word[1] != ' ')
			break;
		/* [000] is a processor; a time has a point. */
		if (!depth && !memchr(p, '.', word - p))
			break;
		s = word + 2;
	}
	return s;
}

/* "bash-31 (   30)", or "bash 31", "bash 31/32" as perf has it. */
static void task(const char *s, const char *end, struct event *e)
{
	const char *dash, *file;
	uint64_t pid;

	while (s < end && isspace((unsigned char)*s))
		s++;
	end = back_space(s, end);
	/* "trace.dat:    ", where trace-cmd has read several */
	file = s + strcspn(s, " \t:");
	if (file + 2 < end && file[0] == ':' && file[1] == ' ' && file[2] == ' ')
		s = skip_space(file + 1);
	if (end > s && end[-1] == ')')
		for (dash = end - 1; dash > s; dash--)
			if (*dash == '(') {
				end = dash;
				break;
			}
	end = back_space(s, end);

	dash = end;
	while (dash > s && isdigit((unsigned char)dash[-1]))
		dash--;
	e->pid = number(dash, &pid) && pid <= INT32_MAX ? (int)pid : -1;
	if (dash > s && dash[-1] == '/') {
		end = back_space(s, --dash);
		while (dash > s && isdigit((unsigned char)dash[-1]))
			dash--;
	}
	if (dash > s && dash[-1] == '-')
		dash--;
	dash = back_space(s, dash);
	e->comm = name_of(s, dash - s);
}

/* "[000]" */
static bool processor(const char *s, const char *end, struct event *e)
{
	uint64_t cpu;

	if (end - s < 3 || *s != '[' || number(s + 1, &cpu) != end - 1 ||
	    end[-1] != ']' || cpu > INT16_MAX)
		return false;
	e->cpu = cpu;
	return true;
}

/* "0d..2.", of the latency format: the processor, then flags. */
static bool short_processor(const char *s, const char *end, struct event *e)
{
	uint64_t cpu;
	const char *p = number(s, &cpu);

	if (!p || cpu > INT16_MAX || end - p < 3 || end - p > 6)
		return false;
	for (s = p; s < end; s++)
		if (!strchr(".dDnNpBblLhHzZsSiXx#", *s) && !isxdigit((unsigned char)*s))
			return false;
	e->cpu = cpu;
	return true;
}

/*
 * Of the graph tracer, to which events are remarks:
 *
 *	7.250000 |   0)   bash-31    |   |  / * resmgr_add: ...
 */
static bool graph_prefix(const char *s, const char *end, struct event *e)
{
	const char *bar, *p;
	uint64_t cpu;

	s = skip_space(s);
	bar = memchr(s, '|', end - s);
	if (bar && timestamp(s, back_space(s, bar), &e->time)) {
		s = skip_space(bar + 1);
	} else {
		e->time = at.time;
		at.untimed = true;
	}
	p = number(s, &cpu);
	if (!p || *p != ')' || cpu > INT16_MAX)
		return false;
	e->cpu = cpu;
	s = skip_space(p + 1);
	bar = memchr(s, '|', end - s);
	if (bar && bar > s)
		task(s, bar, e);
	else
		e->comm = intern("?", 1);
	return true;
}

/* @name is where the name of the event begins; is there a time before it? */
static bool prefix(const char *line, const char *name, struct event *e)
{
	const char *end, *s;

	/* perf puts the system before it. */
	if (name > line && name[-1] == ':')
		name = back_word(line, name);
	end = back_space(line, name);
	if (end - line > 2 && end[-1] == '*' && end[-2] == '/')
		return graph_prefix(line, end, e);
	/* "(+123)": trace-cmd report --ts-diff; and perf has a period */
	s = back_word(line, end);
	if (end > line && end[-1] == ')') {
		while (s > line && *s != '(')
			s--;
		end = back_space(line, s);
	} else if (is_number(s, end)) {
		end = back_space(line, s);
	}
	if (end == line || end[-1] != ':')
		return false;
	end = back_space(line, end - 1);
	/* "+", "!", ..: how long it took, in the latency format */
	if (end > line && strchr("+!#*@$", end[-1]))
		end = back_space(line, end - 1);
	s = back_word(line, end);
	if (!timestamp(s, end, &e->time))
		return false;

	end = back_space(line, s);
	s = back_word(line, end);
	if (processor(s, end, e) || short_processor(s, end, e)) {
		end = s;
	} else {
		const char *before = back_space(line, s);
		const char *word = back_word(line, before);

		if (processor(word, before, e))
			end = word;
	}
	task(line, end, e);
	return true;
}

/* --- the text of an event */

enum key {
	KEY_SIZE, KEY_FN, KEY_KIND, KEY_DURATION, KEY_MGR, KEY_OLD, KEY_NODE,
	KEY_BY, KEY_COUNT, KEY_REFS, KEY_OBJECT, KEY_FILE, KEY_DRIVER, KEY_BUS, KEYS
};

static const char * const key_names[KEYS] = {
	"size", "fn", "kind", "duration", "mgr", "old", "node", "by", "count",
	"refs", "object", "file", "driver", "bus",
};

/* Where the values begin, and where the first key does. */
struct keys {
	const char	*value[KEYS];
	const char	*first;
};

static int key_of(const char *s, size_t len)
{
	int i;

	for (i = 0; i < KEYS; i++)
		if (!strncmp(key_names[i], s, len) && !key_names[i][len])
			return i;
	return -1;
}

static bool is_resource_event(unsigned int type)
{
	return type <= EV_RELEASED;
}

/*
 * From the right, as names that others have chosen are on the left, and may hold
 * what looks like a key. Of two, the right one is meant.
 */
static void find_keys(const char *s, const struct event *e, struct keys *keys)
{
	const char *p, *key;
	int i;

	memset(keys, 0, sizeof(*keys));
	for (p = s + strlen(s); p > s; p--) {
		if (*p != '=')
			continue;
		for (key = p; key > s && key[-1] >= 'a' && key[-1] <= 'z'; key--)
			;
		if (key == p || key == s || key[-1] != ' ')
			continue;
		i = key_of(key, p - key);
		if (i < 0 || (keys->value[i] &&
			      !(i == KEY_NODE && !is_resource_event(e->type))))
			continue;
		/* The first key of a resource is its size, what is left of it a name. */
		if (is_resource_event(e->type) && keys->value[KEY_SIZE])
			break;
		keys->value[i] = p + 1;
		keys->first = key;
	}
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

static const char *text_value(const struct keys *keys, enum key key)
{
	const char *s = keys->value[key];

	return s ? intern(s, value_end(s) - s) : NULL;
}

/* Of a character device: whatever is before the next key that was found. */
static const char *node_name(const struct keys *keys)
{
	const char *s = keys->value[KEY_NODE], *end = s + strlen(s);
	int i;

	for (i = 0; i < KEYS; i++)
		if (keys->value[i] > s && keys->value[i] < end + strlen(key_names[i]) + 2)
			end = keys->value[i] - strlen(key_names[i]) - 2;
	return name_of(s, end - s);
}

static bool number_value(const struct keys *keys, enum key key, uint64_t *v)
{
	const char *s = keys->value[key];

	if (s && number(s, v))
		return true;
	return no("the event has no valid %s=", key_names[key]);
}

static bool small_value(const struct keys *keys, enum key key, uint32_t *v)
{
	uint64_t value;

	if (!number_value(keys, key, &value))
		return false;
	*v = value > UINT32_MAX ? UINT32_MAX : value;
	return true;
}

static bool address(const char *s, const char *what, uint64_t *v)
{
	char *end;

	if (!strncmp(s, "(____ptrval____)", 16) || !strncmp(s, "(efault)", 8))
		return no("the kernel did not print the address of the %s; 'resmgr-trace record' has it do so",
			  what);
	/* As trace-cmd has it, for none. */
	if (!strncmp(s, "(nil)", 5) || !strncmp(s, "(null)", 6)) {
		*v = 0;
		return true;
	}
	errno = 0;
	*v = strtoull(s, &end, 16);
	if (!isxdigit((unsigned char)*s) || errno || (*end && *end != ' '))
		return no("the address of the %s is not valid", what);
	return true;
}

static bool address_value(const struct keys *keys, enum key key, uint64_t *v)
{
	if (!keys->value[key])
		return no("the event has no %s=", key_names[key]);
	return address(keys->value[key], key_names[key], v);
}

static bool manager_address(const struct keys *keys, uint64_t *v)
{
	if (!address_value(keys, KEY_MGR, v))
		return false;
	return *v || no("the event is of no manager");
}

/*
 * "devm cdevm-sample #3 ": of what class, whose, which one of its events. The
 * owner may have a number in its name; the one that counts is the last before the
 * name of a resource, or the first that has a key behind it. Returns what is right
 * behind it.
 */
static const char *owner(const char *s, struct event *e, const struct keys *keys)
{
	const char *space = strchr(s, ' '), *hash, *rest = NULL;
	uint64_t seq;

	if (!space || space == s || !isalpha((unsigned char)*s)) {
		no("the event does not say whose it is");
		return NULL;
	}
	e->class = intern(s, space - s);
	s = space + 1;
	for (hash = s; (hash = strstr(hash, " #")) && hash < keys->first; hash++) {
		const char *end = number(hash + 2, &seq);

		if (!end || seq > UINT32_MAX || *end != ' ')
			continue;
		e->owner = name_of(s, hash - s);
		e->seq = seq;
		e->numbered = true;
		rest = end;
		if (end + 1 == keys->first)
			break;
	}
	if (!rest)
		no("the event does not say which one of its owner it is");
	return rest;
}

static const char *symbol(const char *s)
{
	/* A number is a symbol that is not there. */
	if (!s || !strncmp(s, "0x0", 3) || !*s)
		return NULL;
	return s;
}

/* @s is right after the number: " NAME size=...". */
static bool resource(const char *s, struct event *e, const struct keys *keys)
{
	const char *end = keys->value[KEY_SIZE];

	if (!end || end - s < 8)
		return no("the event has no name= and size= of a resource");
	end -= strlen(" size=");
	e->name = name_of(s + 1, end - s - 1);
	e->fn = symbol(text_value(keys, KEY_FN));
	e->kind = text_value(keys, KEY_KIND);
	e->by = symbol(text_value(keys, KEY_BY));
	if (!number_value(keys, KEY_SIZE, &e->size) ||
	    !manager_address(keys, &e->mgr) ||
	    !address_value(keys, KEY_NODE, &e->node))
		return false;
	if (e->type == EV_REPLACE)
		return address_value(keys, KEY_OLD, &e->old);
	if (e->type != EV_RELEASED)
		return true;
	e->timed = true;
	return number_value(keys, KEY_DURATION, &e->duration);
}

/* "-" is for none. */
static const char *origin_value(const struct keys *keys, enum key key)
{
	const char *s = text_value(keys, key);

	return s && *s && strcmp(s, "-") ? s : NULL;
}

static bool resmgr_event(const char *s, struct event *e)
{
	struct keys keys;

	find_keys(s, e, &keys);
	if (!strncmp(s, "class=", 6) || !strncmp(s, "owner=", 6))
		return no("these are raw fields, as of 'trace-cmd report -R'; leave -R out");
	if (!keys.first)
		return no("the event has no mgr=");
	if (is_resource_event(e->type) && !keys.value[KEY_SIZE])
		return no("the event has no name= and size= of a resource");
	s = owner(s, e, &keys);
	if (!s)
		return false;
	e->bus = origin_value(&keys, KEY_BUS);
	e->driver = origin_value(&keys, KEY_DRIVER);
	if (is_resource_event(e->type))
		return resource(s, e, &keys);
	if (!manager_address(&keys, &e->mgr))
		return false;
	switch (e->type) {
	case EV_ALL_BEGIN:
	case EV_ALL_END:
		return small_value(&keys, KEY_COUNT, &e->count);
	case EV_PUBLISH:
	case EV_UNPUBLISH:
	case EV_OPEN:
	case EV_CLOSE:
		if (!keys.value[KEY_NODE])
			return no("the event has no node=");
		e->name = node_name(&keys);
		break;
	default:
		break;
	}
	if (e->type == EV_PUBLISH && keys.value[KEY_OBJECT] &&
	    !address_value(&keys, KEY_OBJECT, &e->object))
		return false;
	if ((e->type == EV_OPEN || e->type == EV_CLOSE) && keys.value[KEY_FILE] &&
	    !address_value(&keys, KEY_FILE, &e->file))
		return false;
	e->by = symbol(text_value(&keys, KEY_BY));
	return small_value(&keys, KEY_REFS, &e->refs);
}

/* " ADD 00000000be3a1b9c devm_kzalloc_release (8 bytes)", from the operation on */
static bool devres_rest(const char *s, struct event *e)
{
	const char *name, *end;

	if (!address(s, "resource", &e->node))
		return false;
	s = strchr(s, ' ');
	end = s ? strrchr(s, '(') : NULL;
	if (!end || end == s || !number(end + 1, &e->size))
		return no("devres_log has no name and size");
	name = skip_space(s);
	end = back_space(name, end);
	e->name = name_of(name, end > name ? end - name : 0);
	return true;
}

/* "cdevm-sample ADD ...": the owner may have the name of an operation in its own. */
static bool devres_event(const char *s, struct event *e)
{
	static const struct {
		const char	*name;
		enum type	type;
	} ops[] = {
		{ " ADD ", EV_ADD }, { " REM ", EV_REMOVE },
		{ " REL ", EV_RELEASE }, { " REPLACE ", EV_REPLACE },
	};
	const char *space;
	unsigned int i;
	bool found = false;

	for (space = s; (space = strchr(space, ' ')); space++)
		for (i = 0; i < ARRAY_SIZE(ops); i++) {
			size_t len = strlen(ops[i].name);

			if (strncmp(space, ops[i].name, len))
				continue;
			found = true;
			if (!devres_rest(skip_space(space + len), e))
				continue;
			e->type = ops[i].type;
			e->class = intern("devm", 4);
			e->owner = name_of(s, space - s);
			return true;
		}
	if (found)
		return false;
	space = strchr(s, ' ');
	if (space && isxdigit((unsigned char)*skip_space(space)))
		return no("in this file the operations of devres_log are addresses: the kernel stored no strings. Record with 'resmgr-trace record', or keep the text of tracefs");
	return no("devres_log has no operation");
}

/* --- lines */

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

static void loss(struct trace *t)
{
	t->lost = true;
	if (t->n_losses && t->losses[t->n_losses - 1] == t->n)
		return;
	grow(t->losses, t->n_losses, t->room_losses);
	t->losses[t->n_losses++] = t->n;
}

/* Is there "[000]", and a time somewhere behind it? */
static bool is_event(const char *s)
{
	struct event e;
	const char *colon, *word;

	for (s = strchr(s, '['); s; s = strchr(s + 1, '[')) {
		const char *end = strchr(s, ']');

		if (!end)
			return false;
		if (!processor(s, end + 1, &e))
			continue;
		for (colon = end; (colon = strchr(colon + 1, ':')); ) {
			word = back_word(s, colon);
			if (timestamp(word, colon, &e.time))
				return true;
		}
	}
	return false;
}

/* What a trace has apart from our events. */
static bool is_other(struct trace *t, const char *s)
{
	const char *p = skip_space(s), *loss_at, *last;
	uint64_t n;

	if (*p == '#' && strncmp(p, "#####", 5)) {
		comment(t, p);
		return true;
	}
	if (is_event(s))
		return true;
	/* The name of a file may stand before it. */
	loss_at = strstr(p, "CPU:");
	if (loss_at && (strstr(loss_at, "[LOST ") || strstr(loss_at, "EVENTS DROPPED]"))) {
		loss(t);
		return true;
	}
	/* What was there before is gone, if anything was. */
	if (!strncmp(p, "##### CPU ", 10)) {
		if (t->lost)
			loss(t);
		return true;
	}
	if (!*p || !strncmp(p, "=> ", 3) || !strcmp(p, "<stack trace>") ||
	    !strcmp(p, "<user stack trace>") ||
	    !strncmp(p, "cpus:", 5) ||
	    (!strncmp(p, "CPU ", 4) && strstr(p, " is empty")) ||
	    !strncmp(p, "version = ", 10) ||
	    !strncmp(p, "Dumping ftrace buffer:", 22) || !strncmp(p, "-----", 5))
		return true;
	last = back_word(p, p + strlen(p));
	if (!strncmp(last, "cpus=", 5) && isdigit((unsigned char)last[5]))
		return true;
	/* The graph tracer, and a call chain of perf or of trace-cmd */
	if (number(p, &n) && *number(p, &n) == ')')
		return true;
	if (p > s && isxdigit((unsigned char)*p)) {
		n = strspn(p, "0123456789abcdef");
		if (n >= 4 && p[n] == ' ')
			return true;
	}
	return false;
}

/* Is what ends before @colon a name of ours? */
static int type_before(const char *line, const char *colon, const char **name)
{
	const char *s = colon;
	unsigned int i;
	size_t len;

	while (s > line && ((s[-1] >= 'a' && s[-1] <= 'z') || s[-1] == '_'))
		s--;
	len = colon - s;
	if (len < strlen("cdevm_get") || !strchr("rcd", *s))
		return -1;
	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (!strncmp(types[i].name, s, len) && !types[i].name[len]) {
			*name = s;
			return i;
		}
	return -1;
}

/* An event of ours; false when there is none, and then @at.why if it is damaged. */
static bool find_event(const char *line, struct event *found)
{
	const char *colon, *name, *text;
	struct event e;
	bool any = false;
	int i;

	for (colon = line; (colon = strchr(colon, ':')); colon++) {
		i = type_before(line, colon, &name);
		if (i < 0)
			continue;
		e = (struct event){ .pid = -1, .cpu = -1, .type = types[i].type };
		at.untimed = false;
		if (!prefix(line, name, &e))
			continue;
		text = skip_space(colon + 1);
		if (e.type == EV_LOG ? !devres_event(text, &e) : !resmgr_event(text, &e))
			continue;
		*found = e;
		any = true;
	}
	return any;
}

enum line text_event(struct trace *t, char *line, struct event *e)
{
	const char *s = skip_log(line);
	size_t len = strlen(line);

	/* A remark of the graph tracer ends. */
	if (len > 3 && !strcmp(line + len - 3, " */"))
		line[len - 3] = 0;

	*at.why = 0;
	if (find_event(s, e)) {
		t->untimed += at.untimed;
		at.time = e->time;
		return LINE_EVENT;
	}
	if (*at.why)
		return LINE_DAMAGED;
	if (!is_other(t, s) && !t->foreign++)
		t->foreign_line = at.line;
	return LINE_OTHER;
}

static void parse_line(struct trace *t, char *line, bool whole)
{
	static const char cut[] =
		"the file ends in the middle of a line; it was cut off";
	size_t foreign = t->foreign;
	struct event e;

	switch (text_event(t, line, &e)) {
	case LINE_EVENT:
		/* What is left of a number is a number. */
		if (!whole)
			bad(cut);
		e.line = at.line;
		grow(t->events, t->n, t->room);
		t->events[t->n++] = e;
		break;
	case LINE_DAMAGED:
		bad(whole ? at.why : cut);
	case LINE_OTHER:
		/* Part of what may have been an event. */
		if (!whole && t->foreign > foreign)
			t->lost = true;
		break;
	}
}

/*
 * With better events in the trace, devres_log says the same again. When cdevm is a
 * module it does not: what the devices hold is told by nothing else.
 */
static void drop_devres(struct trace *t)
{
	size_t i, k, n = 0;

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
	for (i = k = 0; i < t->n; i++) {
		for (; k < t->n_losses && t->losses[k] <= i; k++)
			t->losses[k] = n;
		if (t->events[i].mgr)
			t->events[n++] = t->events[i];
	}
	for (; k < t->n_losses; k++)
		t->losses[k] = n;
	t->n = n;
}

/* Others store traces in other ways. */
static void refuse(const char *line, size_t len)
{
	if (len >= 8 && (!memcmp(line, "PERFILE2", 8) || !memcmp(line, "2ELIFREP", 8)))
		die("%s: this is a file of perf, for which there is no library; 'perf script -i %s' makes text of it",
		    at.file, at.file);
	if (len > 2 && (!memcmp(line, "\x1f\x8b", 2) || !memcmp(line, "\xfd" "7z", 3) ||
			!memcmp(line, "\x28\xb5\x2f", 3)))
		die("%s: this is compressed; unpack it, into a pipe perhaps: 'resmgr-trace COMMAND -'",
		    at.file);
}

void text_read(struct trace *t, FILE *in, const char *file)
{
	bool whole, binary = false, empty = false;
	char *line = NULL, *nul;
	size_t room = 0;
	ssize_t len;

	at.file = file;
	at.line = 0;
	at.time = 0;
	t->file = file;
	while ((len = getline(&line, &room, in)) > 0) {
		if (!at.line) {
			refuse(line, len);
			empty = *line == '\n';
		}
		at.line++;
		whole = line[len - 1] == '\n';
		if (whole)
			line[--len] = 0;
		if (len && line[len - 1] == '\r')
			line[--len] = 0;
		for (; (nul = memchr(line, 0, len)); binary = true)
			*nul = '?';
		parse_line(t, line, whole);
	}
	if (ferror(in))
		die("%s: cannot read: %s", file, strerror(errno));
	free(line);
	if (!at.line)
		die("%s: the file is empty", file);
	drop_devres(t);
	if (t->n)
		return;
	/* It begins with the number of a field, which is that of a newline. */
	if (binary && empty)
		die("%s: this is not text, but perhaps a trace of Perfetto, for which there is no library; its 'traceconv systrace' makes text of it",
		    file);
	if (binary)
		die("%s: this is not text; a trace-cmd file begins with \"tracing\"", file);
	if (t->foreign)
		die("%s: there are no events of resmgr, cdevm or devres_log in it, and line %u is not a line of a trace",
		    file, t->foreign_line);
	die("%s: there are no events of resmgr, cdevm or devres_log in it", file);
}
