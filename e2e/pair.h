/* SPDX-License-Identifier: GPL-2.0 */
/* kunit/stress/cdevm_pair.c, the driver of two devices, as user space sees it. */
#ifndef E2E_PAIR_H
#define E2E_PAIR_H

#include "probe.h"
#include "../kunit/stress/cdevm_pair.h"

#define PAIR_PARAMS	"/sys/module/cdevm_pair/parameters/"
#define PAIR_SYSFS	"/sys/bus/platform/drivers/" PAIR_DRIVER

/* The unbind has to be over within this when it has nothing to wait for. */
#define PROMPT_MS	3000
/*
 * A wait is reported after ten seconds. On UML with a clock that skips sleeps,
 * jiffies are slower than the clock of user space.
 */
#define REPORT_MS	60000

static const char *pair_name(int n)
{
	return n ? PAIR_DRIVER ".1" : PAIR_DRIVER ".0";
}

static int __unused pair_open(int n, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/%s", pair_name(n));
	return xopen(path, O_RDWR | flags);
}

static int __unused pair_set(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), PAIR_PARAMS "%s", name);
	return write_file(path, value);
}

/* How often PAIR_SLEEP has reached the driver, by device. */
static int __unused pair_sleeps(int n)
{
	char *text = read_file(PAIR_PARAMS "sleeps");
	int count[PAIR_DEVICES] = { -1, -1 };

	if (text)
		sscanf(text, "%d,%d", &count[0], &count[1]);
	free(text);
	return count[n];
}

/* Let all sleepers go, and then sleepers sleep again. */
static void __unused pair_wake(void)
{
	pair_set("wake", "1");
	sleep_ms(300);
	pair_set("wake", "0");
}

static int __unused pair_bind(int n)
{
	return write_file(PAIR_SYSFS "/bind", pair_name(n));
}

static int __unused pair_unbind(int n)
{
	return write_file(PAIR_SYSFS "/unbind", pair_name(n));
}

static bool __unused pair_is_bound(int n)
{
	char path[128];

	snprintf(path, sizeof(path), PAIR_SYSFS "/%s", pair_name(n));
	return exists(path);
}

/* --- a thread that does one thing, such as an unbind, and may be long */

struct job {
	pthread_t thread;
	long (*run)(struct job *job);
	int fd, n;
	unsigned long cmd, arg;
	pid_t tid;
	long ret, cpu_us;
	bool over;
};

static void *job_main(void *data)
{
	struct job *job = data;
	struct timespec ts;

	__atomic_store_n(&job->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	job->ret = job->run(job);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	job->cpu_us = ts.tv_sec * 1000000L + ts.tv_nsec / 1000;
	__atomic_store_n(&job->over, true, __ATOMIC_RELEASE);
	return NULL;
}

static void __unused job_start(struct job *job)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	job->over = false;
	job->tid = 0;
	pthread_create(&job->thread, &attr, job_main, job);
	pthread_attr_destroy(&attr);
}

static bool __unused job_over(struct job *job)
{
	return __atomic_load_n(&job->over, __ATOMIC_ACQUIRE);
}

static bool __unused job_is(struct job *job, char state)
{
	pid_t tid = __atomic_load_n(&job->tid, __ATOMIC_ACQUIRE);

	return tid && task_state(tid) == state;
}

static long __unused job_ioctl(struct job *job)
{
	return xioctl(job->fd, job->cmd, (void *)job->arg);
}

static long __unused job_unbind(struct job *job)
{
	return pair_unbind(job->n);
}

#define JOB_IOCTL(_fd, _cmd, _arg) \
	{ .run = job_ioctl, .fd = (_fd), .cmd = (_cmd), .arg = (_arg) }
#define JOB_UNBIND(_n) { .run = job_unbind, .n = (_n) }

/* --- a process that makes one call and ends with whether it was as wanted */

static pid_t __unused child_ioctl(int fd, unsigned long cmd, unsigned long arg, long want)
{
	pid_t child = fork();

	if (!child)
		_exit(xioctl(fd, cmd, (void *)arg) != want);
	return child;
}

/* Over within @ms? Then @status says how. */
static bool __unused child_over(pid_t child, long ms, int *status)
{
	return wait_for(waitpid(child, status, WNOHANG) == child, ms);
}

/* Lines in the log since kmsg_start() that have all of the words. */
static int __unused kmsg_count(const char *const *words)
{
	int n = 0;

	while (kmsg_has(words))
		n++;
	return n;
}

#define KMSG_HAS(...)	kmsg_has((const char *const[]){ __VA_ARGS__, NULL })
#define KMSG_COUNT(...)	kmsg_count((const char *const[]){ __VA_ARGS__, NULL })

static bool __unused pair_load(void)
{
	return ok_err(insmod("cdevm_pair"), 0, "insmod cdevm_pair");
}

#endif /* E2E_PAIR_H */
