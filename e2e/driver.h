/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the tests of real drivers
 *
 * The same program runs on the stock kernel, with the mainline driver, where
 * the bug must be detected, and on ours, where it is converted.
 */
#ifndef E2E_DRIVER_H
#define E2E_DRIVER_H

#include "common.h"

#include <sys/utsname.h>

static bool ours;

/* A splat that the stock kernel is known for. Ours has none. */
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
 * An unbind that waited for files to be closed, or for sleepers, would wait for
 * ever. On a busy machine an emulated CPU may stand still for seconds.
 */
static bool __unused ok_unbind(const char *driver, const char *device)
{
	long t0 = now_ms();

	return ok_err(driver_write(driver, "unbind", device), 0, "unbind") &&
	       ok(now_ms() - t0 < 20000, "it does not wait for files to close");
}

/* --- what is the same for many drivers */

/* @armed: an epoll of @fd with an entry; on stock it is empty */
static void __unused t_poll_after(int fd, int armed, const char *stock)
{
	struct epoll_event ev;
	long ret;

	bug(stock);
	ret = poll_one(fd, 0);
	bug_end();
	if (ours)
		ok((ret & (POLLHUP | POLLERR)) == (POLLHUP | POLLERR),
		   "poll reports POLLHUP | POLLERR");
	else
		ok(true, "stock: poll ran in freed memory: %#lx", ret);
	if (ours)
		ok(epoll_wait(armed, &ev, 1, 2000) == 1 &&
		   (ev.events & (EPOLLHUP | EPOLLERR)) == (EPOLLHUP | EPOLLERR),
		   "epoll armed before reports EPOLLHUP | EPOLLERR");
	close(armed);
}

/**
 * struct driver_test - a driver that is unbound by hand, and its node
 * @driver: as for driver_write()
 * @device: that it is bound to
 * @node: in /dev
 * @flags: for open()
 * @bind: binds it again
 * @prepare: what an open file needs, returns 0; or %NULL
 * @sleep: a call that sleeps until the device goes; or %NULL
 * @call: one that does not
 * @stock_sleep: what KASAN says on stock when a signal ends @sleep after that; or %NULL for nothing
 * @stock_close: and when the file is closed then; or %NULL for nothing
 */
struct driver_test {
	const char *driver, *device, *node;
	int flags;
	void (*bind)(void);
	long (*prepare)(int fd);
	long (*sleep)(int fd);
	long (*call)(int fd);
	const char *stock_sleep, *stock_close;
};

static void __unused t_unbind_sleeper(const struct driver_test *t)
{
	struct sleeper s;
	int fd;

	diag("unbound while a task sleeps in a call");
	fd = xopen(t->node, t->flags);
	if (!ok(fd >= 0, "open"))
		return;
	ok(sleeper_start(&s, fd, 'S', t->sleep), "a task sleeps");
	if (!ok_unbind(t->driver, t->device))
		return;
	if (ours) {
		if (!ok(wait_for(sleeper_back(&s), 5000), "it woke up"))
			return;
		ok_err(s.ret, ENODEV, "its call");
	} else {
		sleep_ms(3000);
		ok(sleeper_is(&s, 'S'), "stock: 3 s later it still sleeps");
		/*
		 * When a signal wakes the task, it takes itself off a wait
		 * queue, usually in freed memory.
		 */
		if (t->stock_sleep) {
			expect("KASAN: slab-use-after-free");
			expect(t->stock_sleep);
		}
		sleeper_signal(&s);
		if (!ok(wait_for(sleeper_back(&s), 5000), "stock: a signal wakes it"))
			return;
		if (t->stock_sleep) {
			expect_end();
			expect_end();
		}
	}
	pthread_join(s.thread, NULL);
	if (t->stock_close)
		bug(t->stock_close);
	ok(close(fd) == 0, "close");
	if (t->stock_close)
		bug_end();
	t->bind();
}

/*
 * Only on ours: on stock each of these would be a use after free, or wait. The
 * file of this binding and the next binding do not affect each other.
 */
static void __unused t_unbind_again(const struct driver_test *t, int times)
{
	struct sleeper s;
	int fd, i;

	tap_quiet = true;
	for (i = 0; i < times; i++) {
		fd = xopen(t->node, t->flags);
		if (!ok(fd >= 0, "open") ||
		    (t->prepare && !ok_err(t->prepare(fd), 0, "prepare")) ||
		    (t->sleep && !ok(sleeper_start(&s, fd, 'S', t->sleep),
				     "a task sleeps")) ||
		    !ok_unbind(t->driver, t->device))
			break;
		if (t->sleep) {
			if (!ok(wait_for(sleeper_back(&s), 5000), "it woke up"))
				break;
			pthread_join(s.thread, NULL);
			ok_err(s.ret, ENODEV, "its call");
		}
		if (i % 2)
			t->bind();
		ok_err(t->call(fd), ENODEV, "another call");
		ok(close(fd) == 0, "close");
		if (!(i % 2))
			t->bind();
	}
	tap_quiet = false;
	ok(i == times, "unbound with the node open %d times", i);
}

/*
 * On stock: have somebody else keep the file open. The close that drops the
 * last reference on a cdev starts its release, which DEBUG_KOBJECT_RELEASE
 * delays, in freed memory; the report of a worker that finds out kills UML.
 */
static void __unused hold_open(void)
{
	if (!fork())
		hold_files();
}

#endif /* E2E_DRIVER_H */
