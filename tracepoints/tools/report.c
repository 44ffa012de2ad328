// SPDX-License-Identifier: GPL-2.0
/*
 * resmgr-trace: what check has found, for people and for the programs of a CI, and
 * what of it is known
 */
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>

#include "trace.h"

/* --- what is known */

static struct known {
	char		*rule, *owner, *text;
	unsigned int	line;
	bool		used;
} *known;
static size_t n_known, room_known;
static const char *known_file;

static char *next_word(char **line)
{
	char *s = *line + strspn(*line, " \t"), *end = s + strcspn(s, " \t");

	*line = *end ? end + 1 : end;
	*end = 0;
	return *s ? s : NULL;
}

static char *copy(const char *s)
{
	return strcpy(xzalloc(strlen(s) + 1), s);
}

/* A line has a rule, and patterns of the owner and of the text; *, if there is none */
static void known_line(char *line, unsigned int number)
{
	char *rule, *owner, *text;

	line[strcspn(line, "\r\n")] = 0;
	rule = next_word(&line);
	if (!rule || *rule == '#')
		return;
	owner = next_word(&line);
	text = line + strspn(line, " \t");
	if (strcmp(rule, "*") && !check_is_rule(rule, strlen(rule)))
		die("%s:%u: there is no rule %s", known_file, number, rule);
	grow(known, n_known, room_known);
	known[n_known++] = (struct known){
		copy(rule), copy(owner ?: "*"), copy(*text ? text : "*"), number, false
	};
}

void suppress_read(const char *file)
{
	FILE *in = fopen(file, "r");
	unsigned int number = 0;
	char *line = NULL;
	size_t room = 0;

	if (!in)
		die("cannot open %s: %s", file, strerror(errno));
	known_file = file;
	while (getline(&line, &room, in) > 0)
		known_line(line, ++number);
	if (ferror(in))
		die("%s: cannot read: %s", file, strerror(errno));
	free(line);
	fclose(in);
}

bool suppress(const char *rule, const char *owner, const char *text)
{
	size_t i;

	for (i = 0; i < n_known; i++)
		if ((!strcmp(known[i].rule, "*") || !strcmp(known[i].rule, rule)) &&
		    !fnmatch(known[i].owner, owner, 0) &&
		    !fnmatch(known[i].text, text, 0)) {
			known[i].used = true;
			return true;
		}
	return false;
}

/* What is known is to be forgotten when it is no more. */
void suppress_unused(void)
{
	size_t i;

	for (i = 0; i < n_known; i++)
		if (!known[i].used)
			warn("%s:%u: nothing was found that this is about: %s %s %s",
			     known_file, known[i].line, known[i].rule,
			     known[i].owner, known[i].text);
}

/* --- the forms */

static const char *owner_of(const struct trace *t, const struct finding *f)
{
	return f->manager ? f->manager->owner : t->file;
}

static const char *severity(const struct finding *f)
{
	return f->error ? "error" : "warning";
}

/* Where in the file it can be seen. */
static const struct event *event_of(const struct trace *t, const struct finding *f)
{
	return &t->events[f->event];
}

static void as_text(const struct trace *t, const struct findings *fs)
{
	const struct finding *f;

	for (f = fs->all; f < fs->all + fs->n; f++) {
		if (f->suppressed)
			continue;
		printf("%s%s%s: %s: %s: %s: %s\n%s", on(f->error ? RED : YELLOW),
		       severity(f), off(), f->rule, show_time(event_of(t, f)->time),
		       owner_of(t, f), f->text, f->details ?: "");
	}
	printf("%s%s, %s%s", fs->errors ? on(RED) : fs->warnings ? on(YELLOW) : on(GREEN),
	       show_count(fs->errors, "error"), show_count(fs->warnings, "warning"),
	       off());
	if (fs->suppressed)
		printf(" (%u more are known)", fs->suppressed);
	printf(" in %s of %s%s\n", show_count(t->n, "event"),
	       show_count(t->n_managers, "list"),
	       t->stock ? " (dev:devres_log only: less can be told)" : "");
}

/* @len bytes of @s are one character of UTF-8; 0 if it is none. */
static size_t utf8_length(const char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)s;
	size_t len = *p < 0x80 ? 1 : (*p & 0xe0) == 0xc0 ? 2 :
		     (*p & 0xf0) == 0xe0 ? 3 : (*p & 0xf8) == 0xf0 ? 4 : 0, i;
	uint32_t code = *p & (0xff >> (len + 1));

	if (len < 2)
		return len;
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	return code < least[len] || code > 0x10ffff || (code >> 11) == 0x1b ? 0 : len;
}

static void json_string(const char *s)
{
	size_t len;

	putchar('"');
	for (; s && *s; s += len) {
		len = utf8_length(s);
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < ' ' || *s == 0x7f)
			printf("\\u%04x", *s);
		else if (len)
			fwrite(s, 1, len, stdout);
		else
			fputs("\\ufffd", stdout);
		len = len ?: 1;
	}
	putchar('"');
}

static void json_pair(const char *key, const char *value)
{
	printf(",\"%s\":", key);
	json_string(value);
}

static void as_json(const struct trace *t, const struct findings *fs)
{
	const struct rule_result *r;
	const struct finding *f;

	printf("{\"version\":1");
	json_pair("file", t->file);
	printf(",\"events\":%zu,\"lists\":%zu,\"stock\":%s,\"lost\":%s,\"missing\":%zu,\"errors\":%u,\"warnings\":%u,\"suppressed\":%u,\n\"rules\":[",
	       t->n, t->n_managers, t->stock ? "true" : "false",
	       t->lost ? "true" : "false", t->missing, fs->errors, fs->warnings,
	       fs->suppressed);
	for (r = fs->rules; r < fs->rules + fs->n_rules; r++)
		printf("%s{\"rule\":\"%s\",\"looked\":%zu,\"errors\":%u,\"warnings\":%u,\"suppressed\":%u}",
		       r > fs->rules ? ",\n" : "\n", r->rule, r->looked, r->errors,
		       r->warnings, r->suppressed);
	printf("],\n\"findings\":[");
	for (f = fs->all; f < fs->all + fs->n; f++) {
		const struct event *e = event_of(t, f);

		printf("%s{\"severity\":\"%s\",\"rule\":\"%s\",\"suppressed\":%s",
		       f > fs->all ? ",\n" : "\n", severity(f), f->rule,
		       f->suppressed ? "true" : "false");
		if (f->manager) {
			json_pair("owner", f->manager->owner);
			json_pair("class", f->manager->class);
			if (f->manager->device->driver)
				json_pair("driver", f->manager->device->driver);
			if (f->resource)
				json_pair("resource", f->resource->name);
			printf(",\"time\":%" PRIu64 ".%09" PRIu64 ",\"line\":%u,\"pid\":%d",
			       e->time / 1000000000, e->time % 1000000000, e->line,
			       e->pid);
			json_pair("task", e->comm);
		}
		json_pair("text", f->text);
		if (f->details)
			json_pair("details", f->details);
		putchar('}');
	}
	printf("]}\n");
}

/* Lines that KTAP lets say more. */
static void remark(const char *s)
{
	while (*s) {
		size_t len = strcspn(s, "\n");

		printf("# %.*s\n", (int)len, s);
		s += len + (s[len] == '\n');
	}
}

static bool is_bad(const struct rule_result *r, const struct options *o)
{
	return r->errors || (o->strict && r->warnings);
}

static void as_ktap(const struct trace *t, const struct options *o,
		    const struct findings *fs)
{
	const struct rule_result *r;
	const struct finding *f;
	size_t i, skipped = 0, failed = 0;

	printf("KTAP version 1\n1..%zu\n", fs->n_rules);
	for (i = 0; i < fs->n_rules; i++) {
		r = &fs->rules[i];
		for (f = fs->all; f < fs->all + fs->n; f++) {
			if (f->suppressed || f->rule != r->rule)
				continue;
			printf("# %s: %s: %s: %s\n", severity(f),
			       show_time(event_of(t, f)->time), owner_of(t, f), f->text);
			remark(f->details ?: "");
		}
		printf("%sok %zu %s%s\n", is_bad(r, o) ? "not " : "", i + 1, r->rule,
		       r->looked ? "" : " # SKIP there is nothing that it is about");
		failed += is_bad(r, o);
		skipped += !r->looked;
	}
	printf("# Totals: pass:%zu fail:%zu xfail:0 xpass:0 skip:%zu error:0\n",
	       fs->n_rules - failed - skipped, failed, skipped);
}

static void xml(const char *s)
{
	size_t len;

	for (; s && *s; s += len) {
		unsigned char c = *s;

		len = utf8_length(s);
		if (c == '<')
			fputs("&lt;", stdout);
		else if (c == '>')
			fputs("&gt;", stdout);
		else if (c == '&')
			fputs("&amp;", stdout);
		else if (c == '"')
			fputs("&quot;", stdout);
		else if (!len || (c < ' ' && c != '\n' && c != '\t'))
			putchar('?');
		else
			fwrite(s, 1, len, stdout);
		len = len ?: 1;
	}
}

static void junit_findings(const struct trace *t, const struct options *o,
			   const struct findings *fs, const struct rule_result *r,
			   bool failures)
{
	const struct finding *f;

	for (f = fs->all; f < fs->all + fs->n; f++) {
		if (f->suppressed || f->rule != r->rule ||
		    (f->error || o->strict) != failures)
			continue;
		if (failures) {
			printf("<failure type=\"%s\" message=\"", severity(f));
			xml(owner_of(t, f));
			printf(": ");
			xml(f->text);
			printf("\">");
		}
		printf("%s: %s: ", severity(f), show_time(event_of(t, f)->time));
		xml(owner_of(t, f));
		printf(": ");
		xml(f->text);
		putchar('\n');
		xml(f->details);
		if (failures)
			printf("</failure>\n");
	}
}

static void as_junit(const struct trace *t, const struct options *o,
		     const struct findings *fs)
{
	size_t i, failed = 0, skipped = 0;

	for (i = 0; i < fs->n_rules; i++) {
		failed += is_bad(&fs->rules[i], o);
		skipped += !fs->rules[i].looked;
	}
	printf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	       "<testsuites><testsuite name=\"resmgr-trace check\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\">\n",
	       fs->n_rules, failed, skipped);
	for (i = 0; i < fs->n_rules; i++) {
		const struct rule_result *r = &fs->rules[i];

		printf("<testcase classname=\"");
		xml(t->file);
		printf("\" name=\"%s\">", r->rule);
		if (!r->looked)
			printf("<skipped message=\"there is nothing that it is about\"/>");
		junit_findings(t, o, fs, r, true);
		if (r->warnings && !o->strict) {
			printf("<system-out>");
			junit_findings(t, o, fs, r, false);
			printf("</system-out>");
		}
		printf("</testcase>\n");
	}
	printf("</testsuite></testsuites>\n");
}

void report(const struct trace *t, const struct options *o,
	    const struct findings *fs)
{
	switch (o->format) {
	case AS_TEXT:
		as_text(t, fs);
		break;
	case AS_JSON:
		as_json(t, fs);
		break;
	case AS_KTAP:
		as_ktap(t, o, fs);
		break;
	case AS_JUNIT:
		as_junit(t, o, fs);
		break;
	}
}
