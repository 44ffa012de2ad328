// SPDX-License-Identifier: GPL-2.0
/*
 * A dynamic clock goes while its file is open, somebody sleeps in it, and others read it
 *
 * The same on both kernels, but for one thing: while the clock waits for a sleeper, other
 * calls are stuck where an rwsem guards it, as a writer waits for that.
 */
#include "driver.h"

#define NODE	"/dev/board-clock"
#define PARAM	"/sys/module/board_clock/parameters/"

static long get_time(int fd)
{
	struct timespec ts;

	/* FD_TO_CLOCKID() */
	return clock_gettime((~(clockid_t)fd << 3) | 3, &ts) ? -errno : ts.tv_sec;
}

static long sleep_read(int fd)
{
	char buf[16];

	return xread(fd, buf, sizeof(buf));
}

static void *gone_thread(void *back)
{
	write_file(PARAM "gone", "1");
	__atomic_store_n((bool *)back, true, __ATOMIC_RELEASE);
	return NULL;
}

static bool is_back(bool *back)
{
	return __atomic_load_n(back, __ATOMIC_ACQUIRE);
}

static void t_gone(bool mute)
{
	struct sleeper s, other;
	bool back = false, stuck;
	pthread_t thread;
	int fd;

	ok_err(insmod("board-clock"), 0, "a clock, which %s sleepers", mute ? "forgets about" : "wakes");
	if (mute)
		write_file(PARAM "mute", "1");
	fd = xopen(NODE, O_RDWR);
	if (!ok(fd >= 0, "it is opened"))
		return;
	ok(get_time(fd) == 1 && get_time(fd) == 2, "it counts");
	ok(sleeper_start(&s, fd, 'S', sleep_read), "somebody sleeps in read()");
	pthread_create(&thread, NULL, gone_thread, &back);
	if (mute) {
		ok(!wait_for(is_back(&back), 3000), "it cannot go before that one does");
		stuck = sleeper_start(&other, fd, 'D', get_time);
		if (ours) {
			ok(!stuck && sleeper_back(&other), "another call is not stuck");
			pthread_join(other.thread, NULL);
			ok_err(other.ret, ENODEV, "it fails");
		} else {
			ok(stuck, "stock: another call is stuck");
		}
		sleeper_signal(&s);
		if (!ours)
			pthread_join(other.thread, NULL);
	}
	ok(wait_for(is_back(&back), 20000), "the clock goes");
	pthread_join(thread, NULL);
	pthread_join(s.thread, NULL);
	ok_err(s.ret, mute ? EINTR : ENODEV, "the sleeper is back");
	ok_err(get_time(fd), ENODEV, "the time");
	ok_err(sleep_read(fd), ENODEV, "read()");
	ok_err(xioctl(fd, 0, NULL), ENODEV, "ioctl()");
	ok(poll_one(fd, 0) & POLLERR, "poll(): POLLERR");
	close(fd);
	ok_err(rmmod("board_clock"), 0, "the driver goes");
}

int main(void)
{
	ours = is_ours();
	t_gone(false);
	t_gone(true);
	ok_no_leaks();
	return done("posix-clock");
}
