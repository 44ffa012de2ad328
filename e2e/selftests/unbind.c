// SPDX-License-Identifier: GPL-2.0
/*
 * cdevm: what user space sees of a driver that is unbound while its nodes are open
 *
 * The driver is cdevm-sample, which has two cdevs and a misc device. It is loaded
 * with modprobe if it is not there. Needs root; skipped where there is no sample.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cdevm-sample.h>

#include "../../kselftest_harness.h"

#define NODES	3
#define DRIVER	"/sys/bus/platform/drivers/cdevm-sample/"
/* A call that waits for nothing is over long before. In milliseconds. */
#define SOON	5000

static const char * const nodes[NODES] = {
	"/dev/cdevm-sample-a", "/dev/cdevm-sample-b", "/dev/cdevm-sample-ctl",
};

static int tell_driver(const char *what)
{
	char path[128];
	int fd, ret = 0;

	snprintf(path, sizeof(path), DRIVER "%s", what);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	if (write(fd, "cdevm-sample", 12) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static long counter(const char *name)
{
	char path[128];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/cdevm_sample/parameters/%s", name);
	f = fopen(path, "r");
	if (!f)
		return -1;
	if (fscanf(f, "%ld", &value) != 1)
		value = -1;
	fclose(f);
	return value;
}

/* poll() for a moment only: what there is now. */
static short poll_now(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

FIXTURE(cdevm)
{
	int fd[NODES];
	long releases;
};

FIXTURE_SETUP(cdevm)
{
	int i;

	if (access(DRIVER, F_OK) && system("modprobe cdevm-sample 2>/dev/null"))
		SKIP(return, "no cdevm-sample");
	/* Left unbound by the test before. */
	if (access(nodes[0], F_OK))
		ASSERT_EQ(tell_driver("bind"), 0);
	for (i = 0; i < NODES; i++) {
		self->fd[i] = open(nodes[i], O_RDWR | O_NONBLOCK);
		ASSERT_GE(self->fd[i], 0);
	}
	self->releases = counter("releases");
}

FIXTURE_TEARDOWN(cdevm)
{
	int i;

	for (i = 0; i < NODES; i++)
		if (self->fd[i] >= 0)
			close(self->fd[i]);
	if (access(nodes[0], F_OK))
		tell_driver("bind");
}

TEST_F(cdevm, works_while_bound)
{
	char text[8] = "";

	EXPECT_EQ(write(self->fd[0], "hello", 5), 5);
	EXPECT_EQ(poll_now(self->fd[1]), POLLIN | POLLOUT);
	EXPECT_EQ(read(self->fd[1], text, sizeof(text)), 5);
	EXPECT_STREQ(text, "hello");
}

TEST_F(cdevm, calls_fail_after_unbind)
{
	struct sample_stats stats;
	char c = 'x';
	int i;

	ASSERT_EQ(tell_driver("unbind"), 0);
	for (i = 0; i < NODES; i++) {
		EXPECT_EQ(read(self->fd[i], &c, 1), -1);
		EXPECT_EQ(errno, ENODEV);
		EXPECT_EQ(write(self->fd[i], &c, 1), -1);
		EXPECT_EQ(errno, ENODEV);
		EXPECT_EQ(ioctl(self->fd[i], SAMPLE_IOC_GET_STATS, &stats), -1);
		EXPECT_EQ(errno, ENODEV);
		EXPECT_EQ(poll_now(self->fd[i]), POLLERR | POLLHUP);
	}
}

TEST_F(cdevm, nodes_go_with_the_driver)
{
	int i;

	ASSERT_EQ(tell_driver("unbind"), 0);
	for (i = 0; i < NODES; i++) {
		EXPECT_EQ(open(nodes[i], O_RDWR), -1);
		EXPECT_EQ(errno, ENOENT);
	}
}

TEST_F(cdevm, release_runs_once_for_each_file)
{
	int i;

	ASSERT_EQ(tell_driver("unbind"), 0);
	EXPECT_EQ(counter("releases"), self->releases);
	for (i = 0; i < NODES; i++) {
		EXPECT_EQ(close(self->fd[i]), 0);
		self->fd[i] = -1;
		EXPECT_EQ(counter("releases"), self->releases + i + 1);
	}
}

/*
 * Wait until no memory of the driver is left but that of @bindings. With
 * DEBUG_KOBJECT_RELEASE a cdev's release is some seconds late.
 */
static long wait_until_left(long bindings)
{
	long left;
	int i;

	for (i = 0; i < 300; i++) {
		left = counter("allocs") - counter("frees");
		if (left <= bindings)
			break;
		usleep(100000);
	}
	return left;
}

TEST_F_TIMEOUT(cdevm, memory_stays_until_the_last_close, 120)
{
	int i;

	/* What tests before have left behind goes first. */
	ASSERT_EQ(wait_until_left(1), 1);
	ASSERT_EQ(tell_driver("unbind"), 0);
	for (i = 0; i < NODES - 1; i++) {
		close(self->fd[i]);
		self->fd[i] = -1;
	}
	EXPECT_EQ(counter("allocs") - counter("frees"), 1);
	close(self->fd[i]);
	self->fd[i] = -1;
	EXPECT_EQ(wait_until_left(0), 0);
}

static void *read_one(void *arg)
{
	char c;

	return (void *)(long)(read(*(int *)arg, &c, 1) < 0 ? errno : 0);
}

TEST_F(cdevm, sleepers_wake)
{
	pthread_t thread;
	void *result;

	ASSERT_EQ(fcntl(self->fd[0], F_SETFL, 0), 0);
	ASSERT_EQ(pthread_create(&thread, NULL, read_one, &self->fd[0]), 0);
	/* It may not sleep yet: then it is refused, which is right, too. */
	usleep(200000);
	ASSERT_EQ(tell_driver("unbind"), 0);
	ASSERT_EQ(pthread_join(thread, &result), 0);
	EXPECT_EQ((long)result, ENODEV);
}

TEST_F(cdevm, pollers_wake)
{
	struct epoll_event ev = { .events = EPOLLIN }, got[NODES];
	int i, ep = epoll_create1(0);

	ASSERT_GE(ep, 0);
	for (i = 0; i < NODES; i++)
		ASSERT_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, self->fd[i], &ev), 0);
	EXPECT_EQ(epoll_wait(ep, got, NODES, 0), 0);
	ASSERT_EQ(tell_driver("unbind"), 0);
	ASSERT_EQ(epoll_wait(ep, got, NODES, SOON), NODES);
	for (i = 0; i < NODES; i++)
		EXPECT_EQ((int)got[i].events, EPOLLERR | EPOLLHUP);
	close(ep);
}

TEST_F(cdevm, a_copy_in_a_child_counts)
{
	int status;
	pid_t pid;
	char c;

	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		/* Until the parent has closed its own. */
		usleep(500000);
		_exit(read(self->fd[0], &c, 1) == -1 && errno == ENODEV ? 0 : 1);
	}
	ASSERT_EQ(tell_driver("unbind"), 0);
	close(self->fd[0]);
	self->fd[0] = -1;
	EXPECT_EQ(counter("releases"), self->releases);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(counter("releases"), self->releases + 1);
}

TEST_F(cdevm, old_files_do_not_reach_the_new_binding)
{
	char c = 'x';
	int fd;

	ASSERT_EQ(tell_driver("unbind"), 0);
	ASSERT_EQ(tell_driver("bind"), 0);
	fd = open(nodes[0], O_RDWR | O_NONBLOCK);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(write(fd, &c, 1), 1);
	EXPECT_EQ(read(self->fd[0], &c, 1), -1);
	EXPECT_EQ(errno, ENODEV);
	EXPECT_EQ(read(fd, &c, 1), 1);
	close(fd);
}

TEST_F(cdevm, unbind_does_not_wait_for_files)
{
	struct timespec before, after;

	ASSERT_EQ(clock_gettime(CLOCK_MONOTONIC, &before), 0);
	ASSERT_EQ(tell_driver("unbind"), 0);
	ASSERT_EQ(clock_gettime(CLOCK_MONOTONIC, &after), 0);
	EXPECT_LT((after.tv_sec - before.tv_sec) * 1000, SOON);
}

TEST_HARNESS_MAIN
