// SPDX-License-Identifier: GPL-2.0
/*
 * The calls inside when a device is unbound: which ones the unbind waits for,
 * interrupts, and leaves alone
 */
#include "pair.h"

#include <sys/resource.h>

static void bind_it(int n)
{
	ok_err(pair_bind(n), 0, "bind %s", pair_name(n));
}

/* The unbind that @leave is waits for @sleeper, which is inside until it is woken. */
static void ok_waits(struct job *leave, struct job *sleeper)
{
	sleep_ms(3000);
	ok(!job_over(leave), "the unbind waits for it");
	ok(!job_over(sleeper), "which is inside still");
	pair_wake();
	ok(wait_for(job_over(sleeper), 5000), "it wakes up");
	pthread_join(sleeper->thread, NULL);
	ok_err(sleeper->ret, 0, "its call found the hardware");
	ok(wait_for(job_over(leave), PROMPT_MS), "then the unbind is over");
	pthread_join(leave->thread, NULL);
	ok_err(leave->ret, 0, "the call that did it");
}

/*
 * A call of device 0 that unbinds device 1, in which somebody else sleeps. The
 * process that makes it has both files open, as a daemon would.
 */
static void t_unbinds_sibling(void)
{
	int control = pair_open(0, 0), data = pair_open(1, 0);
	struct job leave = JOB_IOCTL(control, PAIR_RELEASE, 1);
	struct job sleeper = JOB_IOCTL(data, PAIR_SLEEP_HARD, 0);

	diag("a call of one device unbinds another one of the same driver");
	ok(control >= 0 && data >= 0, "open");
	job_start(&sleeper);
	ok(wait_for(job_is(&sleeper, 'D'), 5000), "a thread sleeps inside device 1");
	job_start(&leave);
	ok_waits(&leave, &sleeper);
	ok(!pair_is_bound(1) && pair_is_bound(0), "device 1 is unbound, device 0 is bound");
	ok_err(xioctl(data, PAIR_SLEEP, NULL), ENODEV, "device 1");
	ok_err(xioctl(control, PAIR_RELEASE, (void *)9), EINVAL, "device 0 works");
	close(control);
	close(data);
	bind_it(1);
}

/* The same when nobody is inside device 1. */
static void t_unbinds_idle_sibling(void)
{
	int control = pair_open(0, 0), data = pair_open(1, 0);

	diag("a call of one device unbinds another one, in which nobody is");
	kmsg_start();
	ok_err(xioctl(control, PAIR_RELEASE, (void *)1), 0, "the call that does it");
	ok(!KMSG_HAS("cdevm_unbind_self()"), "it is not taken for one that unbinds its own device");
	ok_err(xioctl(data, PAIR_SLEEP, NULL), ENODEV, "device 1");
	close(control);
	close(data);
	bind_it(1);
}

/* A call that unbinds its own device waits for the calls of others. */
static void t_unbinds_itself(void)
{
	int fd = pair_open(0, 0);
	struct job leave = JOB_IOCTL(fd, PAIR_RELEASE, 0);
	struct job sleeper = JOB_IOCTL(fd, PAIR_SLEEP_HARD, 0);

	diag("a call unbinds its own device");
	job_start(&sleeper);
	ok(wait_for(job_is(&sleeper, 'D'), 5000), "a thread sleeps inside");
	expect(OWN_UNBIND);
	kmsg_start();
	job_start(&leave);
	ok_waits(&leave, &sleeper);
	ok(KMSG_COUNT(pair_name(0), "cdevm_unbind_self()") == 1, "the log says what to use, once");
	expect_end();
	ok(!pair_is_bound(0), "it is unbound");
	ok_err(xioctl(fd, PAIR_SLEEP, NULL), ENODEV, "another call");
	close(fd);
	bind_it(0);
}

/*
 * Unbind a device with somebody inside who does not wake up for some seconds,
 * while @other sleeps in device 1, whose call must not notice.
 */
static void unbind_beside(struct job *unbind, pid_t other, const char *what)
{
	int before = pair_sleeps(1);

	job_start(unbind);
	sleep_ms(5500);
	ok(!job_over(unbind), "the unbind waits");
	ok(pair_sleeps(1) == before, "%s: not interrupted (its call was restarted %d times)", what,
	   pair_sleeps(1) - before);
	ok(task_state(other) == 'S', "%s: sleeps on", what);
}

static void t_sibling_sleeps_on(void)
{
	int fd = pair_open(0, 0), other_fd = pair_open(1, 0), status;
	struct job unbind = JOB_UNBIND(0), sleeper = JOB_IOCTL(fd, PAIR_SLEEP_HARD, 0);
	pid_t other;

	diag("another device of the same driver");
	other = child_ioctl(other_fd, PAIR_SLEEP, 0, 0);
	job_start(&sleeper);
	ok(wait_for(job_is(&sleeper, 'D') && task_state(other) == 'S', 5000), "both sleep");
	unbind_beside(&unbind, other, "a call of the other device");
	pair_wake();
	pthread_join(sleeper.thread, NULL);
	pthread_join(unbind.thread, NULL);
	ok_err(unbind.ret, 0, "unbind");
	ok(child_over(other, 5000, &status) && !status, "the other call has its result");
	close(fd);
	close(other_fd);
	bind_it(0);
}

static long job_unbind_probe(struct job *job __unused)
{
	return probe_unbind();
}

/* A task that has a file of the device open, and sleeps in another driver. */
static void t_other_driver_sleeps_on(void)
{
	int fd, other_fd = pair_open(1, 0), status;
	struct job unbind = { .run = job_unbind_probe }, sleeper;
	pid_t other;

	diag("another driver");
	if (!probe_load())
		return;
	fd = probe_open(0);
	sleeper = (struct job)JOB_IOCTL(fd, PROBE_SLEEP_HARD, 0);
	/* It inherits the file of the device that is unbound. */
	other = child_ioctl(other_fd, PAIR_SLEEP, 0, 0);
	job_start(&sleeper);
	ok(wait_for(job_is(&sleeper, 'D') && task_state(other) == 'S', 5000), "both sleep");
	unbind_beside(&unbind, other, "a call of another driver");
	probe_set("wake", "1");
	pthread_join(sleeper.thread, NULL);
	pthread_join(unbind.thread, NULL);
	ok_err(unbind.ret, 0, "unbind");
	pair_wake();
	ok(child_over(other, 5000, &status) && !status, "the other call has its result");
	close(fd);
	close(other_fd);
	ok_err(probe_bind(), 0, "bind");
	probe_ok_end();
}

/* open() of a misc device holds misc_mtx, which unpublishing takes. */
static void t_open_sleeps(void)
{
	struct job unbind = JOB_UNBIND(0);
	int status = -1;
	pid_t child;

	diag("a sleeper in open()");
	pair_set("open_sleeps", "1,0");
	child = fork();
	if (!child)
		_exit(-pair_open(0, 0));
	ok(wait_for(task_state(child) == 'S', 5000), "it sleeps");
	job_start(&unbind);
	ok(wait_for(job_over(&unbind), PROMPT_MS), "unbind does not wait for long");
	if (!ok(child_over(child, PROMPT_MS, &status), "the sleeper was interrupted")) {
		pair_wake();
		child_over(child, 5000, &status);
	}
	/* It may begin once more, when the node is gone. */
	ok(WIFEXITED(status) && (WEXITSTATUS(status) == ENODEV || WEXITSTATUS(status) == ENOENT),
	   "its open() finds no device (0x%x)", status);
	pthread_join(unbind.thread, NULL);
	ok_err(unbind.ret, 0, "unbind");
	pair_set("open_sleeps", "0,0");
	bind_it(0);
}

/*
 * Many calls are inside: check what is reported, and that all are waited for.
 * The time is shown and not judged, as it depends on the machine.
 */
#define CROWD	300
#define FDS	1000000

static void t_crowd(void)
{
	struct rlimit lim = { FDS + 16, FDS + 16 };
	static struct job jobs[CROWD];
	struct job unbind = JOB_UNBIND(0);
	int fd = pair_open(0, 0), i, lines, n = 0;

	diag("%d threads inside, and a large table of files", CROWD);
	if (!ok(fd >= 0, "open"))
		return;
	if (setrlimit(RLIMIT_NOFILE, &lim) || dup2(fd, FDS) != FDS) {
		skip("a large table of files", strerror(errno));
		close(fd);
		return;
	}
	close(fd);
	for (i = 0; i < CROWD; i++) {
		jobs[i] = (struct job)JOB_IOCTL(FDS, PAIR_SLEEP_HARD, 0);
		job_start(&jobs[i]);
	}
	for (i = 0; i < CROWD; i++)
		n += wait_for(job_is(&jobs[i], 'D'), 5000);
	ok(n == CROWD, "%d sleep", n);
	kmsg_start();
	job_start(&unbind);
	ok(wait_for(KMSG_HAS("cdevm: ", pair_name(0)), REPORT_MS), "the log says for whom the unbind waits");
	sleep_ms(1000);
	ok(!job_over(&unbind), "it waits still");
	lines = 1 + KMSG_COUNT("cdevm: ", pair_name(0));
	ok(lines >= 2 && lines <= 15, "the log has %d lines about it", lines);
	pair_wake();
	for (i = 0; i < CROWD; i++)
		pthread_join(jobs[i].thread, NULL);
	pthread_join(unbind.thread, NULL);
	ok_err(unbind.ret, 0, "unbind");
	diag("the unbind has used %ld ms of CPU", unbind.cpu_us / 1000);
	close(FDS);
	bind_it(0);
}

int main(void)
{
	if (!pair_load())
		return done("cdevm-inside");
	t_open_sleeps();
	t_sibling_sleeps_on();
	t_other_driver_sleeps_on();
	t_crowd();
	t_unbinds_idle_sibling();
	t_unbinds_sibling();
	t_unbinds_itself();
	ok_err(rmmod("cdevm_pair"), 0, "rmmod");
	return done("cdevm-inside");
}
