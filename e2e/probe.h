/* SPDX-License-Identifier: GPL-2.0 */
/* kunit/stress/cdevm_probe.c, the driver with every file operation, as user space sees it. */
#ifndef E2E_PROBE_H
#define E2E_PROBE_H

#include "common.h"
#include "../kunit/stress/cdevm_probe.h"

#define PROBE_PARAMS	"/sys/module/cdevm_probe/parameters/"
#define PROBE_SYSFS	"/sys/bus/platform/drivers/" PROBE_DRIVER
#define PARENT_SYSFS	"/sys/bus/platform/drivers/" PROBE_PARENT

static long __unused probe_param(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), PROBE_PARAMS "%s", name);
	return read_long(path);
}

static int __unused probe_set(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), PROBE_PARAMS "%s", name);
	return write_file(path, value);
}

/* The last method of the driver that was called, to be freed; or NULL. */
static char __unused *probe_last(void)
{
	char *last = read_file(PROBE_PARAMS "last");

	if (last)
		last[strcspn(last, "\n")] = 0;
	return last;
}

/*
 * Returns true if this was the last method of the driver that was called, and
 * forgets it.
 */
static bool __unused probe_saw(const char *method)
{
	char *last = probe_last();
	bool good = last && !strcmp(last, method);

	if (!good)
		diag("the driver saw '%s', not '%s'", last ? last : "", method);
	free(last);
	probe_set("last", "none");
	return good;
}

static int __unused probe_bind(void)
{
	return write_file(PROBE_SYSFS "/bind", PROBE_DRIVER);
}

static int __unused probe_unbind(void)
{
	return write_file(PROBE_SYSFS "/unbind", PROBE_DRIVER);
}

static bool __unused probe_is_bound(void)
{
	return exists(PROBE_SYSFS "/" PROBE_DRIVER);
}

/*
 * A new node each time. One that was open in an earlier binding leads to the
 * cdev of that until it has been freed, which DEBUG_KOBJECT_RELEASE delays.
 */
static void probe_mknod(const char *path, int minor)
{
	unlink(path);
	if (mknod(path, S_IFCHR | 0600, makedev(probe_param("major"), minor)))
		diag("mknod %s: %s", path, strerror(errno));
}

static const char *__unused probe_node(int minor, const char *which)
{
	static char path[64];

	snprintf(path, sizeof(path), "/tmp/probe-%d-%d%s", getpid(), minor, which);
	probe_mknod(path, minor);
	return path;
}

static int __unused probe_open(int flags)
{
	return xopen(probe_node(0, ""), O_RDWR | flags);
}

static bool __unused probe_load(void)
{
	return ok_err(insmod("cdevm_probe"), 0, "insmod cdevm_probe");
}

/* Wait until everything is freed, except for the memory of @live bindings. */
static void __unused probe_ok_freed(long live)
{
	ok(wait_for(probe_param("allocs") - probe_param("frees") == live, FREED_MS),
	   "memory of all other bindings is freed (%ld allocated, %ld freed, %ld in use)",
	   probe_param("allocs"), probe_param("frees"), live);
}

/* Before a step that counts: earlier memory may be freed late. */
static void __unused probe_settle(void)
{
	wait_for(probe_param("opens") == probe_param("releases"), FREED_MS);
	wait_for(probe_param("allocs") - probe_param("frees") == probe_is_bound(), FREED_MS);
}

/* At the end of a program: nothing is left. */
static void __unused probe_ok_end(void)
{
	probe_ok_freed(probe_is_bound());
	ok(probe_param("opens") == probe_param("releases"), "%ld opens, %ld releases",
	   probe_param("opens"), probe_param("releases"));
	ok(probe_param("vm_opens") == probe_param("vm_closes"),
	   "%ld mappings began, %ld ended", probe_param("vm_opens"),
	   probe_param("vm_closes"));
	ok_err(rmmod("cdevm_probe"), 0, "rmmod");
}

/* What is reported of a driver that unbinds its device from one of its own methods. */
#define OWN_UNBIND	"cdevm: .*: unbound by .* of its own driver"

/* Returns the kernel log since kmsg_start(). */
static int kmsg_fd = -1;

static void __unused kmsg_start(void)
{
	if (kmsg_fd >= 0)
		close(kmsg_fd);
	kmsg_fd = xopen("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	lseek(kmsg_fd, 0, SEEK_END);
}

/* Is there a line with all of the words? The words end with NULL. */
static bool __unused kmsg_has(const char *const *words)
{
	char line[1024];
	ssize_t n;
	int i;

	while ((n = read(kmsg_fd, line, sizeof(line) - 1)) > 0 || errno == EPIPE) {
		if (n <= 0)
			continue;
		line[n] = 0;
		for (i = 0; words[i] && strstr(line, words[i]); i++)
			;
		if (!words[i])
			return true;
	}
	return false;
}

#endif /* E2E_PROBE_H */
