/* SPDX-License-Identifier: GPL-2.0 */
/* kunit/stress/cdevm_desk.c, the driver whose files end with the device, as user space sees it. */
#ifndef E2E_DESK_H
#define E2E_DESK_H

#include "probe.h"
#include "../kunit/stress/cdevm_desk.h"

#define DESK_PARAMS	"/sys/module/cdevm_desk/parameters/"
#define DESK_SYSFS	"/sys/bus/platform/drivers/" DESK_DRIVER
#define DESK_CDEV	"/tmp/desk-cdev"

static long __unused desk_param(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), DESK_PARAMS "%s", name);
	return read_long(path);
}

static void __unused desk_set(const char *name, bool value)
{
	char path[128];

	snprintf(path, sizeof(path), DESK_PARAMS "%s", name);
	write_file(path, value ? "1" : "0");
}

static bool __unused desk_is_bound(void)
{
	return exists(DESK_SYSFS "/" DESK_DRIVER);
}

static int __unused desk_bind(bool early, bool alone)
{
	desk_set("early", early);
	desk_set("alone", alone);
	return write_file(DESK_SYSFS "/bind", DESK_DRIVER);
}

static int __unused desk_unbind(void)
{
	return write_file(DESK_SYSFS "/unbind", DESK_DRIVER);
}

/* All that it counts begins again. */
static void __unused desk_restart(void)
{
	ok_err(rmmod("cdevm_desk"), 0, "rmmod");
	ok_err(insmod("cdevm_desk"), 0, "insmod");
	desk_unbind();
}

static int __unused desk_open_misc(void)
{
	return xopen("/dev/" DESK_DRIVER, O_RDWR);
}

static int __unused desk_open_drawer(void)
{
	return xopen("/dev/" DESK_DRAWER, O_RDWR);
}

/* A new inode each time: an old one leads to the old cdev while that is open. */
static int __unused desk_make_cdev(void)
{
	unlink(DESK_CDEV);
	return mknod(DESK_CDEV, S_IFCHR | 0600, makedev(desk_param("major"), 0)) ? -errno : 0;
}

static int __unused desk_open_cdev(void)
{
	return desk_make_cdev() ?: xopen(DESK_CDEV, O_RDWR);
}

static long __unused desk_ping(int fd)
{
	return xioctl(fd, DESK_PING, NULL);
}

#endif
