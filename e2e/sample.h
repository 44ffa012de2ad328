/* SPDX-License-Identifier: GPL-2.0 */
/* The sample driver and its twin, as user space sees them. */
#ifndef E2E_SAMPLE_H
#define E2E_SAMPLE_H

#include "common.h"
#include "../samples/cdevm-sample.h"

#define NODES 3

/* What differs between cdevm-sample and devm-sample: their names. */
struct sample {
	const char *name;		/* module file, driver, device */
	const char *module;		/* the same as the kernel spells it */
	const char *node[NODES];
};

static const struct sample __unused cdevm_sample = {
	"cdevm-sample", "cdevm_sample",
	{ "/dev/cdevm-sample-a", "/dev/cdevm-sample-b", "/dev/cdevm-sample-ctl" },
};

static const struct sample __unused devm_sample = {
	"devm-sample", "devm_sample",
	{ "/dev/devm-sample-a", "/dev/devm-sample-b", "/dev/devm-sample-ctl" },
};

static int sample_sysfs(const struct sample *s, const char *file)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/bus/platform/drivers/%s/%s",
		 s->name, file);
	return write_file(path, s->name);
}

static int __unused sample_bind(const struct sample *s)
{
	return sample_sysfs(s, "bind");
}

static int __unused sample_unbind(const struct sample *s)
{
	return sample_sysfs(s, "unbind");
}

/* One of the counters that the module shows as its parameters. */
static long __unused sample_count(const struct sample *s, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", s->module,
		 name);
	return read_long(path);
}

/* Opens all nodes without blocking; says which one failed. */
static bool __unused sample_open(const struct sample *s, int fd[NODES])
{
	bool good = true;
	int i;

	for (i = 0; i < NODES; i++) {
		fd[i] = xopen(s->node[i], O_RDWR | O_NONBLOCK);
		if (fd[i] < 0)
			diag("open %s: %s", s->node[i], ename(fd[i]));
		good &= fd[i] >= 0;
	}
	return good;
}

/* The twin is reported for what it does. */
static int __unused sample_insmod_twin(void)
{
	int ret;

	expect_devm("devm-sample \\(devm-sample\\)", "cdev");
	expect_devm("devm-sample \\(devm-sample\\)", "miscdevice");
	ret = insmod(devm_sample.name);
	expect_devm_end();
	expect_devm_end();
	return ret;
}

static bool __unused sample_open_all(const void *s)
{
	int fd[NODES];

	return sample_open(s, fd);
}

/*
 * For the twin: a process that has all nodes open, too, and never closes them.
 *
 * The cdevs of the twin are in memory that is freed at unbind. The close that
 * drops the last reference on one would start its release, delayed by seconds
 * thanks to DEBUG_KOBJECT_RELEASE, in a work item in freed memory; and a report
 * of KASAN's from a worker kills UML (a fault while it prints the name of the
 * work is "Segfault with no mm"). Closes before the last are safe to watch.
 */
static bool __unused sample_hold(const struct sample *s)
{
	return hold_with(sample_open_all, s);
}

#endif /* E2E_SAMPLE_H */
