/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of real drivers share
 *
 * The same program runs on the stock kernel, where the driver is as mainline
 * has it and the bug has to be seen, and on ours, where it is converted.
 */
#ifndef E2E_DRIVER_H
#define E2E_DRIVER_H

#include "common.h"

#include <sys/utsname.h>

static bool ours;

/* A splat that the stock kernel is known for; none on ours. */
static void __unused bug(const char *ere)
{
	if (!ours)
		expect(ere);
}

static void __unused bug_end(void)
{
	if (!ours)
		expect_end();
}

/* "6.12.117" is 612. */
static int __unused kernel_version(void)
{
	struct utsname u;
	int major = 0, minor = 0;

	uname(&u);
	sscanf(u.release, "%d.%d", &major, &minor);
	return major * 100 + minor;
}

/* --- a task that sleeps in a call */

struct sleeper {
	pthread_t thread;
	pid_t tid;
	int fd;
	long (*call)(int fd);
	long ret;
	bool back;
};

/* Does nothing, and lets a call end with EINTR. */
static void on_signal(int sig __unused)
{
}

static void *sleeper_thread(void *data)
{
	struct sleeper *s = data;

	__atomic_store_n(&s->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	s->ret = s->call(s->fd);
	__atomic_store_n(&s->back, true, __ATOMIC_RELEASE);
	return NULL;
}

/* 'S', or 'D' for one that no signal wakes. */
static bool __unused sleeper_is(struct sleeper *s, char state)
{
	pid_t tid = __atomic_load_n(&s->tid, __ATOMIC_ACQUIRE);

	return tid && task_state(tid) == state;
}

static bool __unused sleeper_back(struct sleeper *s)
{
	return __atomic_load_n(&s->back, __ATOMIC_ACQUIRE);
}

/* Comes back when the task sleeps. */
static bool __unused sleeper_start(struct sleeper *s, int fd, char state,
				   long (*call)(int fd))
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &sa, NULL);
	memset(s, 0, sizeof(*s));
	s->fd = fd;
	s->call = call;
	pthread_create(&s->thread, NULL, sleeper_thread, s);
	return wait_for(sleeper_is(s, state), 5000);
}

static void __unused sleeper_signal(struct sleeper *s)
{
	pthread_kill(s->thread, SIGUSR1);
}

/* --- binding by hand */

/* @driver as in "platform/drivers/smo8800" */
static int __unused driver_write(const char *driver, const char *file,
				 const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/bus/%s/%s", driver, file);
	return write_file(path, text);
}

/*
 * Unbinding must not wait for files to be closed, or for who sleeps: that would
 * be for ever. On a busy machine an emulated CPU may stand still for seconds.
 */
static bool __unused ok_unbind(const char *driver, const char *device)
{
	long t0 = now_ms();

	return ok_err(driver_write(driver, "unbind", device), 0, "unbind") &&
	       ok(now_ms() - t0 < 20000, "it does not wait for files to close");
}

#endif /* E2E_DRIVER_H */
