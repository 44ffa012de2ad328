/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the programs that run inside the booted kernel.
 *
 * A program prints TAP lines and ends with done(), which prints how many there are:
 * one that was lost is a failure. expect() and expect_end()
 * announce a splat that the step between them is meant to cause: the harness
 * reads both and the splat in the kernel log, and fails the run for any other.
 */
#ifndef E2E_COMMON_H
#define E2E_COMMON_H

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define __unused __attribute__((unused))
#define __printf(f, a) __attribute__((format(printf, f, a)))

/*
 * DEBUG_KOBJECT_RELEASE delays each kobject release by 1 to 4 seconds, and a
 * scope may wait for two of them in a row: that of a cdev, then that of its
 * device.
 */
#define SETTLE_MS	9500
#define FREED_MS	30000

/* --- results */

static unsigned int tap_run, tap_failed;
/* Those that were printed, also by children that were forked. */
static unsigned int *tap_shown;
/* While set, only failures are printed. For steps that are done many times. */
static bool tap_quiet;

static void __attribute__((constructor)) tap_init(void)
{
	tap_shown = mmap(NULL, sizeof(*tap_shown), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tap_shown == MAP_FAILED)
		abort();
}

static void tap_count(void)
{
	__atomic_fetch_add(tap_shown, 1, __ATOMIC_RELAXED);
}

static void __unused __printf(1, 2) diag(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
}

/* Returns its argument, so that a step can depend on it. */
static bool __unused __printf(2, 3) ok(bool good, const char *fmt, ...)
{
	va_list ap;

	tap_run++;
	tap_failed += !good;
	if (good && tap_quiet)
		return good;
	tap_count();
	printf("%s - ", good ? "ok" : "not ok");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	return good;
}

static void __unused skip(const char *what, const char *why)
{
	tap_count();
	printf("ok - %s # SKIP %s\n", what, why);
	fflush(stdout);
}

static int __unused done(const char *name)
{
	printf("1..%u\ne2e: done %s\n", __atomic_load_n(tap_shown, __ATOMIC_RELAXED), name);
	fflush(stdout);
	return tap_failed ? 1 : 0;
}

/* Returns the name of an errno, or "ok" for a result that is not negative. */
static const char *__unused ename(long ret)
{
	static char other[32];

	if (ret >= 0)
		return "ok";
	switch (-ret) {
	case EAGAIN: return "EAGAIN";
	case EBADF: return "EBADF";
	case EBUSY: return "EBUSY";
	case EINTR: return "EINTR";
	case EIO: return "EIO";
	case ENODEV: return "ENODEV";
	case ENOENT: return "ENOENT";
	case ENOTTY: return "ENOTTY";
	case ENXIO: return "ENXIO";
	case EINVAL: return "EINVAL";
	case ESPIPE: return "ESPIPE";
	}
	snprintf(other, sizeof(other), "errno %ld", -ret);
	return other;
}

/* ok() when @ret is the error @want. */
static bool __unused __printf(3, 4) ok_err(long ret, int want, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (ret == -want)
		return ok(true, "%s: %s", text, ename(-want));
	return ok(false, "%s: want %s, got %s (%ld)", text, ename(-want),
		  ename(ret), ret);
}

/* --- time */

static long __unused now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000L + ts.tv_nsec / 1000000;
}

static void __unused sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

/* Wait until @cond or for @ms; true when @cond came true. */
#define wait_for(cond, ms)						\
({									\
	long __end = now_ms() + (ms);					\
	bool __met;							\
									\
	while (!(__met = (cond)) && now_ms() < __end)			\
		sleep_ms(20);						\
	__met;								\
})

/* --- files; all return a negative errno on failure */

static int __unused xopen(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	return fd < 0 ? -errno : fd;
}

static long __unused xread(int fd, void *buf, size_t len)
{
	ssize_t n = read(fd, buf, len);

	return n < 0 ? -errno : n;
}

static long __unused xwrite(int fd, const void *buf, size_t len)
{
	ssize_t n = write(fd, buf, len);

	return n < 0 ? -errno : n;
}

static long __unused xioctl(int fd, unsigned long cmd, void *arg)
{
	int n = ioctl(fd, cmd, arg);

	return n < 0 ? -errno : n;
}

/* The events of one file; 0 when there are none within @ms. */
static int __unused poll_one(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	int n = poll(&p, 1, ms);

	return n < 0 ? -errno : p.revents;
}

static int __unused write_file(const char *path, const char *text)
{
	int fd = xopen(path, O_WRONLY);
	long n;

	if (fd < 0)
		return fd;
	n = xwrite(fd, text, strlen(text));
	close(fd);
	return n < 0 ? n : 0;
}

/* Reads all of it; the caller frees. NULL when it cannot be read. */
static char *__unused read_file(const char *path)
{
	size_t len = 0, room = 65536;
	char *text;
	long n = 0;
	int fd;

	fd = xopen(path, O_RDONLY);
	if (fd < 0)
		return NULL;
	text = malloc(room + 1);
	while (text && (n = xread(fd, text + len, room - len)) > 0) {
		len += n;
		if (len == room) {
			room *= 2;
			text = realloc(text, room + 1);
		}
	}
	close(fd);
	if (text)
		text[len] = 0;
	return text;
}

static long __unused read_long(const char *path)
{
	char *text = read_file(path);
	long n = text ? strtol(text, NULL, 0) : -ENOENT;

	free(text);
	return n;
}

static bool __unused exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* --- the kernel */

/* A line in the kernel log, where its order among the splats is kept. */
static void __unused __printf(1, 2) kmsg(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int fd;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fd = xopen("/dev/kmsg", O_WRONLY);
	if (fd < 0)
		return;
	xwrite(fd, line, strlen(line));
	close(fd);
}

static void __unused expect(const char *ere)
{
	kmsg("e2e: expect %s", ere);
}

static void __unused expect_end(void)
{
	kmsg("e2e: expect-end");
}

/* User Mode Linux has what no other kernel has, and has no 32-bit system calls, PCI devices, or ioremap(). */
static bool __unused is_uml(void)
{
	return exists("/proc/exitcode");
}

static bool __unused is_ours(void)
{
	return exists("/sys/kernel/tracing/events/resmgr");
}

/* Is cdevm a module? Then it does not see what devices hold. */
static bool __unused is_module(void)
{
	return exists("/sys/module/cdevm/initstate");
}

/* Does this kernel have RESMGR_DEBUG, which warns of objects in devm memory? */
static bool __unused warns_of_devm(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	bool found = false;
	char line[512];

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, " __resmgr_check_object\n");
	if (f)
		fclose(f);
	return found;
}

/*
 * Then the driver that matches @driver, "DEVICE (DRIVER)" as a regular expression,
 * is reported for an object of the type @what.
 */
static void __unused expect_devm(const char *driver, const char *what)
{
	char ere[256];

	if (!warns_of_devm())
		return;
	snprintf(ere, sizeof(ere), "resmgr: devm %s: struct %s at offset [0-9]+ of devm_kzalloc_release",
		 driver, what);
	expect(ere);
}

static void __unused expect_devm_end(void)
{
	if (warns_of_devm())
		expect_end();
}

#define MODULES "/lib/modules-flat/"

/* --- processes that keep files open for ever */

static void __unused __attribute__((noreturn)) hold_files(void)
{
	/* Whoever reads what we print waits for its end. */
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	for (;;)
		pause();
}

/* A new process opens something and never closes it. Returns what @open_it does. */
static bool __unused hold_with(bool (*open_it)(const void *arg), const void *arg)
{
	bool is_open = false;
	int p[2];

	if (pipe(p))
		return false;
	if (!fork()) {
		is_open = open_it(arg);
		xwrite(p[1], &is_open, sizeof(is_open));
		close(p[0]);
		close(p[1]);
		hold_files();
	}
	close(p[1]);
	xread(p[0], &is_open, sizeof(is_open));
	close(p[0]);
	return is_open;
}

/* --- modules */

/* @name is that of the file, "cdevm-sample". */
static int __unused insmod_with(const char *name, const char *params)
{
	char path[256];
	int fd, ret;

	snprintf(path, sizeof(path), MODULES "%s.ko", name);
	fd = xopen(path, O_RDONLY);
	if (fd < 0)
		return fd;
	ret = syscall(SYS_finit_module, fd, params ?: "", 0) ? -errno : 0;
	close(fd);
	return ret;
}

/* Returns 0 also if it is loaded already. */
static int __unused insmod(const char *name)
{
	int ret = insmod_with(name, NULL);

	return ret == -EEXIST ? 0 : ret;
}

/* Only where it was built as a module. */
static void __unused insmod_if_there(const char *name)
{
	insmod(name);
}

/*
 * @name as the kernel calls it, "cdevm_sample". Waits until the names of its
 * drivers can be used again: DEBUG_KOBJECT_RELEASE delays that, perhaps for longer
 * than the end of the module.
 */
static int __unused rmmod(const char *name)
{
	char list[128], driver[4][512], *colon;
	unsigned int n = 0, i;
	struct dirent *de;
	DIR *dir;

	snprintf(list, sizeof(list), "/sys/module/%s/drivers", name);
	dir = opendir(list);
	while (dir && n < ARRAY_SIZE(driver) && (de = readdir(dir))) {
		/* "platform:cdevm-sample" */
		colon = strchr(de->d_name, ':');
		if (colon)
			snprintf(driver[n++], sizeof(driver[0]), "/sys/bus/%.*s/drivers/%s",
				 (int)(colon - de->d_name), de->d_name, colon + 1);
	}
	if (dir)
		closedir(dir);
	if (syscall(SYS_delete_module, name, O_NONBLOCK))
		return -errno;
	for (i = 0; i < n; i++)
		wait_for(!exists(driver[i]), FREED_MS);
	return 0;
}

/* State of a thread as /proc shows it, or 0. */
static char __unused task_state(pid_t tid)
{
	char path[64], *text, *paren, state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	text = read_file(path);
	if (!text)
		return 0;
	paren = strrchr(text, ')');
	if (paren && paren[1])
		state = paren[2];
	free(text);
	return state;
}

/*
 * kmemleak reports an object only if it is five seconds old, in jiffies, which are
 * late where the clock skips sleeps: see e2e/init. A pointer may have been in a
 * register during one scan, so scan twice.
 */
#define LEAK_AGE_MS	15000

static void __unused ok_no_leaks(void)
{
	static const char leaks[] = "/sys/kernel/debug/kmemleak";
	char *text, *line, *save;

	if (!exists(leaks)) {
		skip("no memory was leaked", "no kmemleak");
		return;
	}
	sleep_ms(LEAK_AGE_MS);
	ok_err(write_file(leaks, "scan"), 0, "kmemleak is on");
	sleep_ms(1000);
	write_file(leaks, "scan");
	text = read_file(leaks);
	ok(text && !*text, "no memory was leaked");
	if (text)
		for (line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save))
			diag("%s", line);
	free(text);
}

#endif /* E2E_COMMON_H */
