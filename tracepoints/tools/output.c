// SPDX-License-Identifier: GPL-2.0
/* resmgr-trace: errors, memory, colour, and how numbers are shown */
#include <inttypes.h>
#include <stdarg.h>
#include <unistd.h>

#include "trace.h"

const char *prog = "resmgr-trace";

static void say(const char *what, const char *fmt, va_list args)
{
	fflush(stdout);
	fprintf(stderr, "%s: %s: ", prog, what);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
}

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("error", fmt, args);
	va_end(args);
	exit(EXIT_BAD);
}

void warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say("warning", fmt, args);
	va_end(args);
}

void *xrealloc(void *ptr, size_t size)
{
	ptr = realloc(ptr, size ?: 1);
	if (!ptr)
		die("out of memory");
	return ptr;
}

void *xzalloc(size_t size)
{
	return memset(xrealloc(NULL, size), 0, size);
}

/* A trace says the same few names again and again. */
static struct string {
	struct string	*next;
	size_t		len;
	char		text[];
} *strings[4096];

const char *intern(const char *s, size_t len)
{
	struct string *str, **head;
	uint32_t hash = 5381;
	size_t i;

	for (i = 0; i < len; i++)
		hash = hash * 33 + (unsigned char)s[i];
	head = &strings[hash % ARRAY_SIZE(strings)];
	for (str = *head; str; str = str->next)
		if (str->len == len && !memcmp(str->text, s, len))
			return str->text;

	str = xzalloc(sizeof(*str) + len + 1);
	memcpy(str->text, s, len);
	str->len = len;
	str->next = *head;
	*head = str;
	return str->text;
}

static bool coloured;

void colour_setup(const char *when)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (!strcmp(when, "always"))
		coloured = true;
	else if (!strcmp(when, "never"))
		coloured = false;
	else if (!strcmp(when, "auto"))
		coloured = isatty(STDOUT_FILENO) && !(no && *no) && term &&
			   strcmp(term, "dumb");
	else
		die("--color=%s: say always, never or auto", when);
}

const char *on(enum colour colour)
{
	static const char * const codes[] = {
		[PLAIN]		= "",
		[BOLD]		= "\033[1m",
		[DIM]		= "\033[2m",
		[RED]		= "\033[31m",
		[GREEN]		= "\033[32m",
		[YELLOW]	= "\033[33m",
		[BLUE]		= "\033[34m",
	};

	return coloured ? codes[colour] : "";
}

const char *off(void)
{
	return coloured ? "\033[0m" : "";
}

static char *buffer(void)
{
	static char buffers[16][64];
	static unsigned int next;

	return buffers[next++ % ARRAY_SIZE(buffers)];
}

/* "1 error", "2 errors" */
const char *show_count(uint64_t n, const char *what)
{
	char *s = buffer();

	snprintf(s, 64, "%" PRIu64 " %s%s", n, what, n == 1 ? "" : "s");
	return s;
}

/* As the kernel prints it. */
const char *show_time(uint64_t ns)
{
	char *s = buffer();

	ns = (ns + 500) / 1000;
	snprintf(s, 64, "%" PRIu64 ".%06" PRIu64, ns / 1000000, ns % 1000000);
	return s;
}

const char *show_span(uint64_t ns)
{
	char *s = buffer();

	/* What would be rounded to 1000 has the next unit. */
	if (ns < 1000)
		snprintf(s, 64, "%" PRIu64 " ns", ns);
	else if (ns < 999500)
		snprintf(s, 64, "%.3g us", ns / 1e3);
	else if (ns < 999500000)
		snprintf(s, 64, "%.3g ms", ns / 1e6);
	else if (ns < 100000000000ULL)
		snprintf(s, 64, "%.3g s", ns / 1e9);
	else
		snprintf(s, 64, "%" PRIu64 " s", ns / 1000000000);
	return s;
}

const char *show_size(uint64_t bytes)
{
	char *s = buffer();

	if (bytes < 10240)
		snprintf(s, 64, "%" PRIu64 " B", bytes);
	else if (bytes < 10 << 20)
		snprintf(s, 64, "%" PRIu64 " KiB", bytes >> 10);
	else
		snprintf(s, 64, "%" PRIu64 " MiB", bytes >> 20);
	return s;
}

/* Bytes of the UTF-8 character at @s, which is not empty; 0 if it is none. */
size_t utf8_len(const char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = *s;
	uint32_t code;
	size_t len, i;

	if (c < 0x80)
		return 1;
	len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	code = c & (0xff >> (len + 1));
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return len;
}

/* How many columns of a terminal; each character counts as one. */
int columns(const char *s)
{
	int n = 0;

	for (; *s; s += utf8_len(s) ?: 1)
		n++;
	return n;
}
