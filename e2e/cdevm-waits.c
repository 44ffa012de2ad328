// SPDX-License-Identifier: GPL-2.0
/*
 * What an unbind can still have to wait for after interrupting sleepers: each
 * wait of more than ten seconds is reported in the log, and calls that a kill
 * can end are killed after a configurable time
 */
#include "pair.h"
#include "uffd.h"

#define CDEVM_PARAMS	"/sys/module/cdevm/parameters/"

static void bind_it(int n)
{
	ok_err(pair_bind(n), 0, "bind %s", pair_name(n));
}

static void kill_after(const char *seconds)
{
	ok_err(write_file(CDEVM_PARAMS "kill_after", seconds), 0, "kill_after %s", seconds);
}

/* read() into a page that never comes, by nobody in particular. */
static pid_t read_never(int fd)
{
	pid_t child = fork();
	void *page;
	int uffd;

	if (child)
		return child;
	page = uffd_page(&uffd, 0);
	if (!page || setresuid(65534, 65534, 65534))
		_exit(2);
	_exit(read(fd, page, 4) != 4);
}

/* The unbind comes back, with nobody inside any more. Back to how it was. */
static void over(struct job *unbind, int fd)
{
	pthread_join(unbind->thread, NULL);
	ok_err(unbind->ret, 0, "unbind");
	close(fd);
	bind_it(0);
	kill_after("60");
}

/* The task is reported after ten seconds, and killed after @seconds; 0 is never. */
static void t_copy(int seconds)
{
	int fd = pair_open(0, 0), status = 0;
	struct job unbind = JOB_UNBIND(0);
	char number[16], task[32];
	long t0 = now_ms();
	pid_t child;

	diag("a read into a page that never comes, killed after %d s", seconds);
	if (!has_userfaultfd()) {
		skip("a page that never comes", "no userfaultfd in this kernel");
		close(fd);
		return;
	}
	snprintf(number, sizeof(number), "%d", seconds);
	kill_after(number);
	if (seconds)
		expect("cdevm: .*: cdevm-waits.* and is killed$");
	kmsg_start();
	child = read_never(fd);
	sleep_ms(500);
	ok(!waitpid(child, &status, WNOHANG), "it does not come back");
	snprintf(task, sizeof(task), "[%d]", child);
	job_start(&unbind);
	sleep_ms(8000);
	ok(!job_over(&unbind), "the unbind waits for it");
	ok(wait_for(KMSG_HAS(pair_name(0), task, "read"), REPORT_MS / 2), "the log says for whom, after %ld s",
	   (now_ms() - t0) / 1000);
	if (seconds) {
		ok(wait_for(job_over(&unbind), (seconds + 5) * 2000), "the unbind comes to an end, after %ld s",
		   (now_ms() - t0) / 1000);
		/*
		 * With time-travel a sleep in UML takes half of its time by the
		 * clock of delayed work.
		 */
		ok(now_ms() - t0 > seconds * 1000 / 3, "not before its time");
	} else {
		sleep_ms(15000);
		ok(!job_over(&unbind), "it is not killed");
	}
	if (!job_over(&unbind)) {
		kill(child, SIGKILL);
		ok(wait_for(job_over(&unbind), 5000), "a kill by hand ends it");
	}
	ok(child_over(child, 5000, &status) && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	   "the task was killed");
	if (seconds)
		expect_end();
	over(&unbind, fd);
}

/* So many that the log does not name them all. They are all killed at once. */
static void t_many_copies(void)
{
	int fd = pair_open(0, 0), status = 0, i;
	struct job unbind = JOB_UNBIND(0);
	pid_t child[20];
	bool all = true;

	diag("%zu such reads", ARRAY_SIZE(child));
	if (!has_userfaultfd()) {
		skip("many pages that never come", "no userfaultfd in this kernel");
		close(fd);
		return;
	}
	kill_after("5");
	expect("cdevm: .*: cdevm-waits.* and is killed$");
	kmsg_start();
	for (i = 0; i < (int)ARRAY_SIZE(child); i++)
		child[i] = read_never(fd);
	for (i = 0; i < (int)ARRAY_SIZE(child); i++)
		all &= wait_for(task_state(child[i]) == 'S' || task_state(child[i]) == 'D', 5000);
	ok(all, "none comes back");
	job_start(&unbind);
	ok(wait_for(job_over(&unbind), 20000), "the unbind comes to an end");
	ok(wait_for(KMSG_HAS("cdevm: ", "12 more tasks", "killed"), 5000),
	   "the log says how many it does not name");
	for (i = 0; i < (int)ARRAY_SIZE(child); i++)
		all &= child_over(child[i], 5000, &status) && WIFSIGNALED(status) &&
		       WTERMSIG(status) == SIGKILL;
	ok(all, "all were killed");
	expect_end();
	over(&unbind, fd);
}

/* A method that waits for the lock that the unbind holds: for ever. */
static void t_device_lock(void)
{
	int fd = pair_open(0, 0), status = 0;
	struct job unbind = JOB_UNBIND(0);
	char task[32];
	pid_t child;

	diag("a method that takes the lock of its device");
	kill_after("0");
	child = child_ioctl(fd, PAIR_LOCK, 0, 0);
	ok(wait_for(task_state(child) == 'D', 5000), "a call is inside");
	snprintf(task, sizeof(task), "[%d]", child);
	kmsg_start();
	job_start(&unbind);
	sleep_ms(500);
	ok(!job_over(&unbind), "the unbind waits for it");
	/* On it goes, to the lock. */
	pair_wake();
	ok(wait_for(KMSG_HAS(pair_name(0), task, "device lock"), REPORT_MS),
	   "the log says that it waits for the device lock");
	ok(!job_over(&unbind), "which the unbind holds");
	kill(child, SIGKILL);
	ok(wait_for(job_over(&unbind), 5000), "unbind is over when the task is killed");
	ok(child_over(child, 5000, &status) && WIFSIGNALED(status), "which it is (0x%x)", status);
	over(&unbind, fd);
}

static void t_kick(void)
{
	struct job unbind = JOB_UNBIND(0);

	diag("kick() does not return");
	pair_set("kick_sleeps", "1");
	kmsg_start();
	job_start(&unbind);
	sleep_ms(3000);
	ok(!job_over(&unbind), "the unbind waits");
	ok(wait_for(KMSG_HAS("cdevm: ", pair_name(0), "kick"), REPORT_MS), "the log says for what");
	pair_set("kick_sleeps", "0");
	pair_wake();
	ok(wait_for(job_over(&unbind), PROMPT_MS), "unbind is over when it has returned");
	pthread_join(unbind.thread, NULL);
	ok_err(unbind.ret, 0, "unbind");
	bind_it(0);
}

/* An open() that sleeps uninterruptibly holds misc_mtx: of device @n, while device 0 is unbound. */
static void t_misc_mtx(int n)
{
	struct job unbind = JOB_UNBIND(0);
	int status = -1;
	pid_t child;

	diag("an open() of %s that holds misc_mtx", n ? "another device" : "the device");
	pair_set("open_sleeps", n ? "0,2" : "2,0");
	child = fork();
	if (!child)
		_exit(pair_open(n, 0) < 0);
	ok(wait_for(task_state(child) == 'D', 5000), "it sleeps");
	kmsg_start();
	job_start(&unbind);
	sleep_ms(3000);
	ok(!job_over(&unbind), "the unbind waits");
	ok(wait_for(KMSG_HAS("cdevm: ", pair_name(0), "wait"), REPORT_MS), "the log says for what");
	pair_wake();
	ok(wait_for(job_over(&unbind), PROMPT_MS), "unbind is over when it has returned");
	pthread_join(unbind.thread, NULL);
	ok_err(unbind.ret, 0, "unbind");
	/* It has found the device, which it was in. */
	ok(child_over(child, 5000, &status) && !status, "so is the open(), which has found its device (0x%x)",
	   status);
	pair_set("open_sleeps", "0,0");
	bind_it(0);
}

int main(void)
{
	if (!pair_load())
		return done("cdevm-waits");
	t_kick();
	t_misc_mtx(0);
	t_misc_mtx(1);
	t_device_lock();
	t_copy(20);
	t_copy(0);
	t_many_copies();
	ok_err(rmmod("cdevm_pair"), 0, "rmmod");
	return done("cdevm-waits");
}
