// SPDX-License-Identifier: GPL-2.0
/*
 * The cdevm sample driver is unbound while its nodes are in use
 *
 *	sample [TIMES]
 *
 * Everything is done once with each step shown and each wait for memory to go
 * taken, then TIMES times more (20 when not said) with only failures shown.
 */
#include "sample.h"

static const struct sample *const S = &cdevm_sample;
static const char *const label[NODES] = { "a", "b", "ctl" };

static const int orders[6][NODES] = {
	{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
};

static void step(const char *what)
{
	if (!tap_quiet)
		diag("%s", what);
}

static long opens(void) { return sample_count(S, "opens"); }
static long releases(void) { return sample_count(S, "releases"); }
static long late_releases(void) { return sample_count(S, "late_releases"); }
static long allocs(void) { return sample_count(S, "allocs"); }
static long frees(void) { return sample_count(S, "frees"); }
static long hw_offs(void) { return sample_count(S, "hw_offs"); }

static bool bind(void)
{
	return ok_err(sample_bind(S), 0, "bind");
}

static bool unbind(void)
{
	long t0 = now_ms(), offs = hw_offs();
	bool good;

	good = ok_err(sample_unbind(S), 0, "unbind");
	good &= ok(now_ms() - t0 < 5000, "unbind does not wait for files to close");
	good &= ok(hw_offs() == offs + 1, "the hardware is off once unbind is back");
	return good;
}

/*
 * All memory but that of @live bindings has gone. This may take seconds, so it
 * is skipped when things are done many times: what is left over adds up and
 * must be gone in the end.
 */
static void all_freed(long live)
{
	long t0 = now_ms();

	if (tap_quiet)
		return;
	ok(wait_for(allocs() - frees() == live, FREED_MS),
	   "memory of all other bindings is freed (%ld allocated, %ld freed, %ld in use)",
	   allocs(), frees(), live);
	diag("waited %ld ms for it", now_ms() - t0);
}

/* Every operation on a file whose driver has gone. */
static void ok_revoked(int fd, const char *what)
{
	struct sample_stats stats;
	char buf[8] = "x";

	ok_err(xread(fd, buf, sizeof(buf)), ENODEV, "%s: read", what);
	ok_err(xwrite(fd, buf, 1), ENODEV, "%s: write", what);
	ok_err(xioctl(fd, SAMPLE_IOC_GET_STATS, &stats), ENODEV, "%s: ioctl", what);
	ok((poll_one(fd, 0) & (POLLHUP | POLLERR)) == (POLLHUP | POLLERR),
	   "%s: poll reports POLLHUP | POLLERR", what);
}

static void ok_close(int fd, const char *what)
{
	long was = releases();

	ok(close(fd) == 0, "%s: close", what);
	ok(releases() == was + 1, "%s: release ran once", what);
}

static void t_works(void)
{
	struct sample_stats st = { 0 };
	char buf[SAMPLE_FIFO_SIZE * 2] = "";
	int fd[NODES], i, to;

	step("while bound, the driver works");
	if (!ok(sample_open(S, fd), "open all nodes"))
		return;
	for (i = 0; i < NODES; i++) {
		to = fd[(i + 1) % NODES];
		ok_err(xread(fd[i], buf, 1), EAGAIN, "%s: read of nothing", label[i]);
		ok(poll_one(fd[i], 0) == POLLOUT, "%s: poll finds room only", label[i]);
		ok(xwrite(fd[i], "hello", 5) == 5, "%s: write", label[i]);
		ok(poll_one(fd[i], 0) == (POLLIN | POLLOUT),
		   "%s: poll finds data", label[i]);
		ok(xread(to, buf, sizeof(buf)) == 5 && !memcmp(buf, "hello", 5),
		   "what %s wrote, the next node reads", label[i]);
		ok(xioctl(fd[i], SAMPLE_IOC_GET_STATS, &st) == 0 &&
		   st.users == NODES && st.bytes == 10u * (i + 1) && !st.level,
		   "%s: ioctl", label[i]);
		ok_err(xioctl(fd[i], 0, &st), ENOTTY, "%s: unknown ioctl", label[i]);
	}
	ok(xwrite(fd[0], buf, sizeof(buf)) == SAMPLE_FIFO_SIZE, "a long write is cut");
	ok(poll_one(fd[0], 0) == POLLIN, "poll finds the FIFO full");
	ok(xread(fd[1], buf, sizeof(buf)) == SAMPLE_FIFO_SIZE, "read all of it");
	for (i = 0; i < NODES; i++)
		ok_close(fd[i], label[i]);
}

/* --- closing orders */

static int epoll_on(const int fd[NODES])
{
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC), i;

	for (i = 0; i < NODES; i++) {
		ev.data.u32 = i;
		if (epoll_ctl(ep, EPOLL_CTL_ADD, fd[i], &ev))
			ok(false, "epoll_ctl: %s", strerror(errno));
	}
	return ep;
}

static void ok_epoll_woken(int ep)
{
	const unsigned int want = EPOLLHUP | EPOLLERR;
	struct epoll_event ev[NODES] = { 0 };
	unsigned int seen = 0;
	int n, i;

	n = epoll_wait(ep, ev, NODES, 2000);
	for (i = 0; i < n; i++)
		if ((ev[i].events & want) == want)
			seen |= 1 << ev[i].data.u32;
	ok(n == NODES && seen == (1 << NODES) - 1,
	   "epoll armed before unbind reports EPOLLHUP | EPOLLERR on all nodes");
}

/* Unbind with all nodes open, try everything. Leaves the files open. */
static void unbind_and_try(const int fd[NODES])
{
	char text[4];
	int ep, i;

	xwrite(fd[0], "data", 4);
	xread(fd[1], text, sizeof(text));
	ep = epoll_on(fd);
	unbind();
	ok_epoll_woken(ep);
	for (i = 0; i < NODES; i++) {
		ok(!exists(S->node[i]), "%s: the node is gone", label[i]);
		ok_revoked(fd[i], label[i]);
	}
	close(ep);
}

static bool open_and_unbind(int fd[NODES])
{
	if (!ok(sample_open(S, fd), "open all nodes"))
		return false;
	unbind_and_try(fd);
	return true;
}

/*
 * Six bindings with their files open at once, one for each order of closing.
 * So the long wait, to see that nothing goes before the last close, and the
 * waits for the delayed releases are had once and not six times.
 */
static void t_orders(void)
{
	long freed0, late0;
	int fd[6][NODES], n, i;

	step("unbind with all nodes open, close in all orders");
	all_freed(1);
	freed0 = frees();
	late0 = late_releases();
	for (n = 0; n < 6; n++) {
		if (!open_and_unbind(fd[n]) || !bind())
			return;
	}
	for (n = 0; n < 6; n++)
		for (i = 0; i < NODES - 1; i++)
			ok_close(fd[n][orders[n][i]], label[orders[n][i]]);
	ok(late_releases() == late0 + 6 * (NODES - 1), "release knew that it was late");
	if (!tap_quiet)
		sleep_ms(SETTLE_MS);
	/* The six and the one that is bound now. */
	ok(allocs() - frees() >= 7, "no memory is freed while one of three nodes is open");
	ok(tap_quiet || frees() == freed0, "none at all");
	for (n = 0; n < 6; n++) {
		i = orders[n][NODES - 1];
		ok_revoked(fd[n][i], "the last one");
		if (tap_quiet) {
			ok_close(fd[n][i], "the last one");
			continue;
		}
		/*
		 * Close one by one: the last close of a binding frees its
		 * memory, and no other.
		 */
		diag("order %s %s %s", label[orders[n][0]], label[orders[n][1]],
		     label[i]);
		ok_close(fd[n][i], "the last one");
		ok(wait_for(frees() == freed0 + n + 1, FREED_MS),
		   "the last close frees the memory");
	}
	all_freed(1);
}

/* --- sleepers */

struct sleeper {
	pthread_t thread;
	pid_t tid;
	int fd;
	long ret;
};

static void *sleep_in_read(void *data)
{
	struct sleeper *s = data;
	char buf[8];

	__atomic_store_n(&s->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	s->ret = xread(s->fd, buf, sizeof(buf));
	return NULL;
}

static bool asleep(pid_t *tid)
{
	pid_t t = __atomic_load_n(tid, __ATOMIC_ACQUIRE);

	return t && task_state(t) == 'S';
}

static bool join_within(pthread_t thread, long ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += ms / 1000;
	return pthread_timedjoin_np(thread, NULL, &ts) == 0;
}

static void t_sleepers(void)
{
	struct sleeper reader[NODES] = { 0 };
	pid_t poller[NODES];
	int i, status;

	step("unbind with tasks asleep in read() and in poll()");
	for (i = 0; i < NODES; i++) {
		reader[i].fd = xopen(S->node[i], O_RDWR);
		if (!ok(reader[i].fd >= 0, "%s: open", label[i]))
			return;
		poller[i] = fork();
		if (!poller[i]) {
			struct pollfd p = { .fd = reader[i].fd, .events = POLLIN };

			alarm(20);
			_exit(poll(&p, 1, -1) == 1 &&
			      (p.revents & (POLLHUP | POLLERR)) == (POLLHUP | POLLERR) ?
			      0 : 1);
		}
		pthread_create(&reader[i].thread, NULL, sleep_in_read, &reader[i]);
	}
	for (i = 0; i < NODES; i++)
		ok(wait_for(asleep(&reader[i].tid) && asleep(&poller[i]), 5000),
		   "%s: reader and poller sleep", label[i]);
	unbind();
	for (i = 0; i < NODES; i++) {
		if (!ok(join_within(reader[i].thread, 5000), "%s: the reader woke up",
			label[i]))
			return;
		ok_err(reader[i].ret, ENODEV, "%s: its read", label[i]);
		ok(waitpid(poller[i], &status, 0) == poller[i] && status == 0,
		   "%s: the poller woke up with POLLHUP | POLLERR", label[i]);
	}
	/* Each poller had all files of those before it. */
	for (i = 0; i < NODES; i++) {
		ok_revoked(reader[i].fd, label[i]);
		ok_close(reader[i].fd, label[i]);
	}
	bind();
}

/* --- old files and new ones */

static void t_rebind(void)
{
	int old[NODES], new[NODES], again, i;
	char path[64], c;

	step("bind again while files of the old binding are open");
	if (!open_and_unbind(old) || !bind())
		return;
	if (!ok(sample_open(S, new), "open all new nodes"))
		return;
	for (i = 0; i < NODES; i++) {
		ok(xwrite(new[i], "y", 1) == 1 && xread(new[i], &c, 1) == 1 &&
		   c == 'y', "%s: the new file works", label[i]);
		ok_revoked(old[i], label[i]);
		/*
		 * The inode of the old node has not forgotten the old cdev. An
		 * error is right; which one depends on whether the misc core,
		 * which goes by the number, or the cdev finds it first. A misc
		 * device may have been given the number again: then it is the
		 * new device that opens, and that is right, too.
		 */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", old[i]);
		again = xopen(path, O_RDWR | O_NONBLOCK);
		if (again >= 0)
			ok(i == 2 && xread(again, &c, 1) == -EAGAIN,
			   "%s: open through the old inode reaches the new device",
			   label[i]);
		else
			ok(again == -ENODEV || again == -ENXIO,
			   "%s: open through the old inode: %s", label[i],
			   ename(again));
		if (again >= 0)
			ok_close(again, "it");
	}
	for (i = 0; i < NODES; i++) {
		ok_close(old[i], "old");
		ok(xwrite(new[i], "z", 1) == 1 && xread(new[i], &c, 1) == 1 &&
		   c == 'z', "%s: the new file does not mind", label[i]);
	}
	for (i = 0; i < NODES; i++)
		ok_close(new[i], "new");
}

/* A node made by hand stays when devtmpfs removes its own. */
static void t_mknod(void)
{
	const char *path = "/tmp/cdevm-sample-alias";
	struct stat st;
	int alias, b, fd;
	char c;

	step("a node made with mknod outlives the binding");
	unlink(path);
	if (!ok(stat(S->node[1], &st) == 0 &&
		mknod(path, S_IFCHR | 0600, st.st_rdev) == 0, "mknod"))
		return;
	alias = xopen(path, O_RDWR | O_NONBLOCK);
	b = xopen(S->node[1], O_RDWR | O_NONBLOCK);
	if (!ok(alias >= 0 && b >= 0, "open the alias and b"))
		return;
	ok(xwrite(alias, "q", 1) == 1 && xread(b, &c, 1) == 1 && c == 'q',
	   "they are one device");
	unbind();
	ok_revoked(alias, "alias");
	ok_revoked(b, "b");
	fd = xopen(path, O_RDWR | O_NONBLOCK);
	ok(fd == -ENODEV || fd == -ENXIO, "open of the alias after unbind: %s",
	   ename(fd));
	bind();
	fd = xopen(path, O_RDWR | O_NONBLOCK);
	if (fd >= 0)
		ok(xread(fd, &c, 1) == -EAGAIN,
		   "open of the alias after bind reaches the new device");
	else
		ok(fd == -ENODEV || fd == -ENXIO,
		   "open of the alias after bind, an old file being open: %s",
		   ename(fd));
	if (fd >= 0)
		ok_close(fd, "new alias");
	ok_close(b, "b");
	ok_close(alias, "alias");
	/* The inode lets go of the old cdev when that is freed, which is delayed. */
	ok(wait_for((fd = xopen(path, O_RDWR | O_NONBLOCK)) >= 0, FREED_MS),
	   "the alias can be opened again when all old files are closed");
	if (fd >= 0) {
		ok_err(xread(fd, &c, 1), EAGAIN, "it reaches the new device: read");
		ok_close(fd, "alias");
	}
	unlink(path);
}

/* An open file that several processes share is released when the last is done. */
static void t_fork(void)
{
	int fd[NODES], pipefd[2], i, status;
	long was, freed0;
	pid_t child;
	char c;

	step("the files are held by a child");
	all_freed(1);
	if (!ok(sample_open(S, fd), "open all nodes") || pipe(pipefd))
		return;
	freed0 = frees();
	was = releases();
	child = fork();
	if (!child) {
		int bad = 0;

		close(pipefd[1]);
		/* Until the parent is done. */
		bad |= read(pipefd[0], &c, 1) != 0;
		for (i = 0; i < NODES; i++) {
			bad |= xread(fd[i], &c, 1) != -ENODEV;
			bad |= xwrite(fd[i], "x", 1) != -ENODEV;
		}
		_exit(bad);
	}
	close(pipefd[0]);
	for (i = 0; i < NODES; i++)
		close(fd[i]);
	ok(releases() == was, "close in the parent releases nothing");
	unbind();
	bind();
	if (!tap_quiet)
		sleep_ms(SETTLE_MS);
	ok(releases() == was, "nor does unbind");
	ok(allocs() - frees() >= 2 && (tap_quiet || frees() == freed0),
	   "no memory is freed");
	close(pipefd[1]);
	ok(waitpid(child, &status, 0) == child && status == 0,
	   "the child gets ENODEV");
	ok(releases() == was + NODES, "its exit releases each file once");
	all_freed(1);
}

static void t_rmmod(void)
{
	int fd[NODES], i;
	long t0;

	step("removing the module");
	if (!ok(sample_open(S, fd), "open all nodes"))
		return;
	ok_err(rmmod(S->module), EAGAIN, "rmmod with files open");
	unbind_and_try(fd);
	ok_err(rmmod(S->module), EAGAIN, "rmmod with files open after unbind");
	for (i = 0; i < NODES; i++) {
		ok_err(rmmod(S->module), EAGAIN, "rmmod with %d files open", NODES - i);
		ok_close(fd[i], label[i]);
	}
	/* At once: the releases after the last close are still delayed. */
	t0 = now_ms();
	ok_err(rmmod(S->module), 0, "rmmod right after the last close");
	if (!tap_quiet)
		diag("rmmod took %ld ms", now_ms() - t0);
	ok_err(insmod(S->name), 0, "insmod again");
	ok(sample_open(S, fd), "open all nodes");
	for (i = 0; i < NODES; i++)
		ok_close(fd[i], label[i]);
	t0 = now_ms();
	ok_err(rmmod(S->module), 0, "rmmod of a driver that is bound");
	if (!tap_quiet)
		diag("rmmod took %ld ms", now_ms() - t0);
	ok_err(insmod(S->name), 0, "insmod again");
}

/* Removal of the module takes seconds, as it waits for delayed releases. */
static void all(bool with_rmmod)
{
	t_works();
	t_orders();
	t_sleepers();
	t_rebind();
	t_mknod();
	t_fork();
	if (with_rmmod)
		t_rmmod();
}

int main(int argc, char **argv)
{
	/* Each takes seconds if the clock does not skip sleeps. */
	int times = argc > 1 ? atoi(argv[1]) : getenv("e2e_realtime") ? 3 : 20, i;
	unsigned int run, failed;

	if (!ok_err(insmod(S->name), 0, "insmod %s", S->name))
		return done("sample");
	all(true);

	run = tap_run;
	failed = tap_failed;
	tap_quiet = true;
	for (i = 0; i < times; i++)
		all(i % 10 == 4);
	tap_quiet = false;
	run = tap_run - run;
	failed = tap_failed - failed;
	ok(!failed, "again, %d times: %u checks, %u failed", times, run, failed);

	all_freed(1);
	ok(opens() == releases(), "%ld opens, %ld releases since the last insmod",
	   opens(), releases());
	ok_err(rmmod(S->module), 0, "rmmod");
	ok_no_leaks();
	return done("sample");
}
