// SPDX-License-Identifier: GPL-2.0
/*
 * The order of events, read from the trace: unbind, a probe that fails, a
 * device that goes, a module that goes, a parent that is unbound
 */
#include "probe.h"

#define TRACING	"/sys/kernel/tracing/"

static char *trace;

static void trace_begin(void)
{
	write_file(TRACING "tracing_on", "0");
	/* To truncate is to clear. */
	close(xopen(TRACING "trace", O_WRONLY | O_TRUNC));
	write_file(TRACING "tracing_on", "1");
}

static void trace_end(void)
{
	write_file(TRACING "tracing_on", "0");
	free(trace);
	trace = read_file(TRACING "trace");
}

static void trace_show(void)
{
	char *copy = trace ? strdup(trace) : NULL, *line, *save;

	for (line = copy ? strtok_r(copy, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save))
		if (*line != '#')
			diag("%s", line);
	free(copy);
}

/*
 * Returns the first line from @at on that has all parts of @what, which are
 * divided by |; or NULL.
 */
static const char *find(const char *at, const char *what)
{
	char parts[128], line[512], *part, *save;
	bool all;

	while (at && *at) {
		size_t len = strcspn(at, "\n"), n = len < sizeof(line) ? len : sizeof(line) - 1;

		memcpy(line, at, n);
		line[n] = 0;
		snprintf(parts, sizeof(parts), "%s", what);
		all = true;
		for (part = strtok_r(parts, "|", &save); part; part = strtok_r(NULL, "|", &save))
			all &= !!strstr(line, part);
		if (all)
			return at;
		at += len + (at[len] == '\n');
	}
	return NULL;
}

/* Each is a line, after the one before it. */
static void ok_order(const char *what, const char *const *lines)
{
	const char *at = trace;
	int i;

	for (i = 0; lines[i]; i++) {
		if (!*lines[i])
			continue;
		at = find(at, lines[i]);
		if (!at)
			break;
		at += strcspn(at, "\n");
	}
	if (!ok(!lines[i], "%s%s%s", what, lines[i] ? ": not in its place: " : "",
		lines[i] ? lines[i] : ""))
		trace_show();
}

#define ORDER(what, ...)	ok_order(what, (const char *const[]){ __VA_ARGS__, NULL })
#define NEVER(what, line)	ok(!find(trace, line), "%s", what)

/* The steps of the scope, and after them the actions of the driver, newest first. */
#define STEPS								\
	"cdevm_revoke: cdevm cdevm-probe #| refs=",				\
	"cdevm_kick: cdevm cdevm-probe #| refs=",				\
	"cdevm_unpublish: cdevm cdevm-probe #| node=",				\
	"cdevm_unpublish: cdevm cdevm-probe #| node=",				\
	"cdevm_drain_begin: cdevm cdevm-probe #| refs=",				\
	"cdevm_drain_end: cdevm cdevm-probe #| refs=",				\
	/* On a kernel without such actions the driver cannot add them. */	\
	is_module() ? "" : "resmgr_release_begin: devm cdevm-probe #| probe_unpublished_first", \
	is_module() ? "" : "resmgr_release_begin: devm cdevm-probe #| probe_unpublished_last"

/*
 * A devm action of the driver, and the binding, which is released like one. If
 * cdevm is a module, dev:devres_log reports the former.
 */
#define DEVM(op, action)						\
	(is_module() ? "devres_log: cdevm-probe " op "| " action :		\
	 !strcmp(op, "ADD") ? "resmgr_add: devm cdevm-probe #| " action :	\
			      "resmgr_release_begin: devm cdevm-probe #| " action)
#define BINDING								\
	(is_module() ? "resmgr_release_begin: cdevm-bound cdevm-probe #| cdevm_scope" : \
		       "resmgr_release_begin: devm cdevm-probe #| cdevm_scope")

static void t_unbind(void)
{
	trace_begin();
	ok_err(probe_unbind(), 0, "unbind");
	trace_end();
	ORDER("unbind: revoke, kick, unpublish, drain, the driver's own actions, remove, devm, binding", STEPS,
	      DEVM("ADD", "probe_in_remove"),
	      DEVM("REL", "probe_in_remove"),
	      DEVM("REL", "probe_in_probe"),
	      DEVM("REL", "probe_regs_gone"),
	      BINDING);
	ok_err(probe_bind(), 0, "bind");
}

static void t_last_close(void)
{
	int fd;

	probe_settle();
	fd = probe_open(0);
	trace_begin();
	ok_err(probe_unbind(), 0, "unbind");
	close(fd);
	ok(wait_for(probe_param("allocs") == probe_param("frees"), FREED_MS), "freed");
	trace_end();
	ORDER("open file: the cdevm resources go after the last close",
	      BINDING,
	      "cdevm_close: cdevm cdevm-probe ",
	      "resmgr_release_begin: cdevm cdevm-probe #| probe_free_ram",
	      "cdevm_free: cdevm cdevm-probe ");
	ok_err(probe_bind(), 0, "bind");
}

static void t_failed_probe(void)
{
	ok_err(probe_unbind(), 0, "unbind");
	probe_set("probe_fails", "1");
	trace_begin();
	ok(probe_bind() < 0, "a probe that fails");
	trace_end();
	probe_set("probe_fails", "0");
	ORDER("failed probe: the same, before the devm resources", STEPS,
	      DEVM("REL", "probe_in_probe"),
	      BINDING);
	NEVER("without ->remove()", "probe_in_remove");
	ok_err(probe_bind(), 0, "bind");
}

static void t_device_del(void)
{
	int fd = probe_open(0);
	char c;

	trace_begin();
	ok_err(probe_set("device", "0"), 0, "the device goes");
	trace_end();
	ORDER("device_del: the same", STEPS,
	      DEVM("ADD", "probe_in_remove"),
	      BINDING);
	ok_err(xread(fd, &c, 1), ENODEV, "read");
	close(fd);
	ok_err(probe_set("device", "1"), 0, "it comes back");
}

/* The child stays bound to its driver; what it has open is of no use any more. */
static void t_parent(bool with_scope)
{
	int fd;
	char c;

	ok_err(write_file(PARENT_SYSFS "/unbind", PROBE_PARENT), 0, "unbind the parent");
	probe_set("parent_scope", with_scope ? "1" : "0");
	ok_err(write_file(PARENT_SYSFS "/bind", PROBE_PARENT), 0, "bind the parent");
	if (probe_is_bound())
		ok_err(probe_unbind(), 0, "unbind");
	ok_err(probe_bind(), 0, "bind");
	fd = probe_open(O_NONBLOCK);
	ok_err(xread(fd, &c, 1), EAGAIN, "read");

	trace_begin();
	ok_err(write_file(PARENT_SYSFS "/unbind", PROBE_PARENT), 0, "unbind the parent");
	trace_end();
	if (with_scope) {
		ORDER("a parent that has a scope: the child's is revoked first, then its own, then remove",
		      "cdevm_revoke: cdevm cdevm-probe #| refs=",
		      "cdevm_revoke: cdevm cdevm-probe-parent #| refs=",
		      "cdevm_drain_end: cdevm cdevm-probe-parent ",
		      is_module() ? "devres_log: cdevm-probe-parent ADD| probe_in_remove" :
				    "resmgr_add: devm cdevm-probe-parent #| probe_in_remove");
		ok_err(xread(fd, &c, 1), ENODEV, "read of the child");
		ok((poll_one(fd, 0) & (POLLHUP | POLLERR)) == (POLLHUP | POLLERR), "poll of the child");
	} else {
		NEVER("a parent without a scope: the child is left alone", "cdevm_revoke:");
		ok_err(xread(fd, &c, 1), EAGAIN, "read of the child");
	}
	ok(probe_is_bound(), "the child stays bound");
	close(fd);
	probe_set("parent_scope", "1");
	ok_err(write_file(PARENT_SYSFS "/bind", PROBE_PARENT), 0, "bind the parent");
	ok_err(probe_unbind(), 0, "unbind");
	ok_err(probe_bind(), 0, "bind");
}

static void t_rmmod(void)
{
	trace_begin();
	ok_err(rmmod("cdevm_probe"), 0, "rmmod of a driver that is bound");
	trace_end();
	ORDER("rmmod: the same, and all is freed before the module is", STEPS,
	      DEVM("ADD", "probe_in_remove"),
	      BINDING,
	      "cdevm_free: cdevm cdevm-probe ");
	/*
	 * Still bound when the machine is shut down: that is no unbind, and the
	 * driver handles it.
	 */
	ok_err(insmod("cdevm_probe"), 0, "insmod again");
}

int main(void)
{
	if (!probe_load())
		return done("cdevm-order");
	write_file(TRACING "buffer_size_kb", "1024");
	ok_err(write_file(TRACING "events/resmgr/enable", "1"), 0, "events");
	if (is_module())
		ok_err(write_file(TRACING "events/dev/devres_log/enable", "1"), 0, "events");
	t_unbind();
	t_last_close();
	t_failed_probe();
	t_device_del();
	t_parent(true);
	t_parent(false);
	t_rmmod();
	write_file(TRACING "events/resmgr/enable", "0");
	if (is_module())
		write_file(TRACING "events/dev/devres_log/enable", "0");
	return done("cdevm-order");
}
