// SPDX-License-Identifier: GPL-2.0
/*
 * resmgr/summary and resmgr/dump in debugfs: a file that is never closed is
 * listed there, with its process; and so is a task that sleeps in a driver.
 */
#include <sys/prctl.h>

#include "json.h"
#include "sample.h"

#define SUMMARY	"/sys/kernel/debug/resmgr/summary"
#define DUMP	"/sys/kernel/debug/resmgr/dump"

/* So that there are ages other than none. */
#define AGE_MS	1250

static char *summary;

static void look(void)
{
	char *dump = read_file(DUMP);

	free(summary);
	summary = read_file(SUMMARY);
	if (!summary)
		summary = strdup("");
	ok(dump && json_is_valid(dump), "resmgr/dump is JSON, of %zu bytes", dump ? strlen(dump) : 0);
	free(dump);
}

/* Print what the summary says about the sample, for people to read. */
static void show(void)
{
	char *copy = strdup(summary), *line, *save;
	bool shown = false;

	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (*line != ' ')
			shown = strstr(line, " cdevm-sample");
		if (shown || strstr(line, "in the order"))
			diag("%s", line);
	}
	free(copy);
}

/* Is there a line with all of these, in this order? NULL at the end. */
static bool has(const char *first, ...)
{
	const char *line, *end, *at, *word;
	va_list ap;

	for (line = summary; *line; line = end + (*end == '\n')) {
		end = line + strcspn(line, "\n");
		at = line;
		va_start(ap, first);
		for (word = first; word; word = va_arg(ap, const char *)) {
			at = strstr(at, word);
			if (!at || at + strlen(word) > end)
				break;
			at += strlen(word);
		}
		va_end(ap);
		if (!word)
			return true;
	}
	return false;
}

/*
 * Returns the age of the first resource of that name in the summary; -1 if there
 * is none.
 */
static long age_ms(const char *name)
{
	const char *line = strstr(summary, name);
	long s, ms;

	return line && sscanf(line, "%*s %*u %ld.%3ld", &s, &ms) == 2 ? 1000 * s + ms : -1;
}

static bool listed(const char *what)
{
	char *dump = read_file(DUMP);
	bool there = dump && strstr(dump, what);

	free(dump);
	return there;
}

/* A process of that name, which has a node open, and reads from it or sleeps on its own. */
static pid_t start(const char *name, const char *node, bool inside)
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		int fd = xopen(node, O_RDWR);

		prctl(PR_SET_NAME, name);
		xwrite(ready[1], fd < 0 ? "n" : "y", 1);
		close(ready[0]);
		close(ready[1]);
		for (;;) {
			if (inside)
				_exit(xread(fd, &c, 1) != -ENODEV);
			pause();
		}
	}
	close(ready[1]);
	ok(xread(ready[0], &c, 1) == 1 && c == 'y', "%s has %s open", name, node);
	close(ready[0]);
	ok(wait_for(task_state(pid) == 'S', 5000), "%s sleeps", name);
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct sample *s = &cdevm_sample;
	char name[2][32];
	pid_t leaker, sleeper;
	int fd, status = -1;
	long begin, age;

	if (!exists(SUMMARY)) {
		skip("resmgr/summary", "this kernel has no RESMGR_DEBUG");
		return done("live-list");
	}
	look();
	ok(!has("cdevm-sample", NULL), "nothing of the sample before it is there");
	begin = now_ms();
	ok_err(insmod("cdevm-sample"), 0, "insmod");
	leaker = start("leaker", s->node[0], false);
	sleeper = start("sleeper", s->node[1], true);
	snprintf(name[0], sizeof(name[0]), "leaker[%d]", leaker);
	snprintf(name[1], sizeof(name[1]), "sleeper[%d]", sleeper);

	sleep_ms(AGE_MS);
	diag("bound");
	look();
	show();
	if (is_module())
		ok(strstr(summary, "\ncdevm-bound cdevm-sample: 1 resources, 0 bytes\n"), "the scopes of the device");
	else
		ok(strstr(summary, "\ndevm cdevm-sample: 4 resources, 8 bytes\n"), "the device's own resources");
	ok(has("   cdevm_scope ", " 0 ", "cdevm_release_bound", "sample_probe+", NULL), "the scope, among them");
	if (!is_module()) {
		ok(has("   sample_hw_off ", " 0 ", "sample_hw_off [cdevm_sample]", "sample_probe+", NULL),
		   "an action: its function, and who added it");
		ok(has("   devm_kzalloc_release ", " 8 ", "mem", "sample_probe+", NULL),
		   "memory: its size, and who asked for it");
	}
	age = age_ms("cdevm_scope");
	ok(age >= AGE_MS && age <= now_ms() - begin + 1, "its age: %ld ms", age);
	ok(strstr(summary, "\ncdevm cdevm-sample: "), "the resources of the scope");
	ok(has("scope cdevm-sample #", ": published, ", "one of the binding", NULL), "the scope");
	ok(has("   node cdevm-sample-a: published, 1 open", NULL), "its first node, open once");
	ok(has("      open in ", name[0], " as fd ", NULL), "by whom");
	ok(has("   node cdevm-sample-ctl: published, 0 open", NULL), "its last node, not open");
	ok(has("   inside: ", name[1], " sleeps in read, sample_read", "[cdevm_sample]", NULL), "who is inside, and where");

	diag("a second file, and a copy of its descriptor");
	fd = xopen(s->node[2], O_RDWR);
	look();
	ok(has("   node cdevm-sample-ctl: published, 1 open", NULL), "open");
	dup(fd);
	look();
	ok(has("   node cdevm-sample-ctl: published, 1 open", NULL), "one file, two descriptors");
	snprintf(name[1], sizeof(name[1]), "[%d] as fd ", getpid());
	ok(has("      open in live-list", name[1], NULL), "they are listed");
	close(fd);
	close(fd + 1);
	look();
	ok(has("   node cdevm-sample-ctl: published, 0 open", NULL), "closed");

	diag("unbound, and a file is still open");
	ok_err(sample_unbind(s), 0, "unbind");
	ok(waitpid(sleeper, &status, 0) == sleeper && !status, "the read() that slept is ENODEV");
	look();
	show();
	ok(!strstr(summary, "\ndevm cdevm-sample"), "the device has nothing");
	ok(strstr(summary, "\ncdevm cdevm-sample: "), "the scope has what it had");
	ok(has("scope cdevm-sample #", ": unbound, ", NULL) && !has("scope cdevm-sample #", "of the binding", NULL),
	   "the scope is there, without the binding");
	ok(has("   node cdevm-sample-a: gone, 1 open", NULL), "because of a node that is gone");
	ok(has("      open in ", name[0], " as fd ", NULL), "and of who has it open");
	ok(!has("   inside: ", NULL), "nobody is inside");

	diag("bound again while the old file is open");
	ok_err(sample_bind(s), 0, "bind");
	look();
	ok(has("scope cdevm-sample #", ": unbound, ", NULL) && has("scope cdevm-sample #", ": published, ", NULL),
	   "both scopes");
	/* Its driver is that of both. */
	sleeper = start("sleeper", s->node[1], true);
	look();
	ok(strstr(summary, "   inside: sleeper[") && strstr(summary, ": published, ") < strstr(summary, "   inside: ") &&
	   !strstr(strstr(summary, "   inside: ") + 1, "   inside: "),
	   "who is inside is listed once, with the scope that it has a file of");
	stop(sleeper);
	stop(leaker);
	ok(wait_for(!listed("\"unbound\""), FREED_MS), "the old one goes with the file");
	ok_err(sample_unbind(s), 0, "unbind");
	ok(wait_for(!listed("cdevm-sample"), FREED_MS), "and the new one with its device");

	ok_err(sample_bind(s), 0, "bind");
	ok(wait_for(!rmmod(s->module), FREED_MS), "rmmod");
	look();
	ok(!has("cdevm-sample", NULL), "nothing is left of the module");
	return done("live-list");
}
