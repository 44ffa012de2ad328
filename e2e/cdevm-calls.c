// SPDX-License-Identifier: GPL-2.0
/*
 * Calls of all kinds on files of a device that goes: every method that a system
 * call reaches, all ways to get a file, pollers, and sleepers that their driver
 * does not wake
 */
#include "probe.h"

#include <sys/file.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

static bool bind_it(void)
{
	return ok_err(probe_bind(), 0, "bind");
}

static bool unbind_it(void)
{
	return ok_err(probe_unbind(), 0, "unbind");
}

/* --- every method */

static int pipefd[2], small_fd;

static long err(long ret)
{
	return ret < 0 ? -errno : ret;
}

static struct flock whole_file(int type)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET };
}

static long call_lseek(int fd) { return err(lseek(fd, 0, SEEK_SET)); }
static long call_read(int fd) { char c; return xread(fd, &c, 1); }
static long call_write(int fd) { return xwrite(fd, "x", 1); }
static long call_getdents(int fd) { char b[64]; return err(syscall(SYS_getdents64, fd, b, 64)); }
static long call_ioctl(int fd) { return xioctl(fd, PROBE_PING, NULL); }
static long call_fsync(int fd) { return err(fsync(fd)); }
static long call_lock(int fd) { struct flock l = whole_file(F_WRLCK); return err(fcntl(fd, F_SETLK, &l)); }
static long call_unlock(int fd) { struct flock l = whole_file(F_UNLCK); return err(fcntl(fd, F_SETLK, &l)); }
static long call_getlk(int fd) { struct flock l = whole_file(F_WRLCK); return err(fcntl(fd, F_GETLK, &l)); }
static long call_flock(int fd) { return err(flock(fd, LOCK_EX)); }
static long call_funlock(int fd) { return err(flock(fd, LOCK_UN)); }
static long call_fasync(int fd) { return err(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK | O_ASYNC)); }
static long call_nasync(int fd) { return err(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK)); }
static long call_fadvise(int fd) { return -posix_fadvise(fd, 0, 1, POSIX_FADV_NORMAL); }
static long call_splice(int fd) { return err(splice(fd, NULL, pipefd[1], NULL, 1, SPLICE_F_NONBLOCK)); }
static long call_splice_to(int fd) { return err(splice(pipefd[0], NULL, fd, NULL, 1, SPLICE_F_NONBLOCK)); }
static long call_sendfile(int fd) { off_t at = 0; return err(sendfile(fd, small_fd, &at, 2)); }
static long call_poll(int fd) { return poll_one(fd, 0); }
static long call_readv(int fd) { char c; struct iovec v = { &c, 1 }; return err(preadv2(fd, &v, 1, 0, 0)); }

/* A question about an unlock, which does not unlock. */
static long call_getlk_unlock(int fd)
{
	struct flock l = whole_file(F_UNLCK);

	/* F_OFD_GETLK */
	return err(fcntl(fd, 36, &l));
}

static long call_mmap(int fd)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, 4096);
	return 0;
}

static long call_close_dup(int fd)
{
	return err(close(dup(fd)));
}

static long call_fdinfo(int fd)
{
	char path[64], *text;
	long ret;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	text = read_file(path);
	ret = text && strstr(text, PROBE_DRIVER) ? 1 : 0;
	free(text);
	return ret;
}

static const struct {
	const char *what;
	long (*call)(int fd);
	const char *method;	/* that the driver sees last while it is bound */
	long bound, gone;	/* results */
	const char *after;	/* that it sees when it has been unbound */
} calls[] = {
	{ "lseek", call_lseek, "llseek", PROBE_SEEK, -ENODEV, "none" },
	{ "read", call_read, "read", -EAGAIN, -ENODEV, "none" },
	{ "write", call_write, "write", 1, -ENODEV, "none" },
	{ "preadv2", call_readv, "read_iter", 0, -ENODEV, "none" },
	{ "getdents64", call_getdents, "iterate_shared", 0, -ENODEV, "none" },
	{ "ioctl", call_ioctl, "unlocked_ioctl", PROBE_PONG, -ENODEV, "none" },
	{ "fsync", call_fsync, "fsync", 0, -ENODEV, "none" },
	{ "fcntl F_SETLK", call_lock, "lock", 0, -ENODEV, "none" },
	{ "fcntl F_GETLK", call_getlk, "lock get", 0, -ENODEV, "none" },
	{ "fcntl F_OFD_GETLK of an unlock", call_getlk_unlock, "lock get", 0, -ENODEV, "none" },
	{ "fcntl F_SETLK to unlock", call_unlock, "lock off", 0, 0, "lock off" },
	{ "flock", call_flock, "flock", 0, -ENODEV, "none" },
	{ "flock to unlock", call_funlock, "flock off", 0, 0, "flock off" },
	{ "fcntl O_ASYNC", call_fasync, "fasync", 0, -ENODEV, "check_flags" },
	{ "fcntl without O_ASYNC", call_nasync, "fasync off", 0, 0, "check_flags" },
	{ "posix_fadvise", call_fadvise, "fadvise", 0, -ENODEV, "none" },
	{ "splice from it", call_splice, "splice_read", 0, -ENODEV, "none" },
	{ "splice to it", call_splice_to, "splice_write", 1, -ENODEV, "none" },
	{ "sendfile to it, of less than was said", call_sendfile, "splice_eof", 1, -ENODEV, "none" },
	{ "poll", call_poll, "poll", 0, POLLHUP | POLLERR, "none" },
	{ "mmap", call_mmap, "vm close", 0, -ENODEV, "none" },
	{ "close of a copy", call_close_dup, "flush", 0, -ENODEV, "none" },
	{ "/proc/self/fdinfo", call_fdinfo, "show_fdinfo", 1, 0, "none" },
};

static void t_methods(void)
{
	int fd = probe_open(O_NONBLOCK);
	unsigned int i;
	long ret;

	diag("every method that a system call reaches");
	small_fd = xopen("/tmp/small", O_RDWR | O_CREAT | O_TRUNC);
	if (!ok(fd >= 0 && small_fd >= 0 && !pipe(pipefd), "open"))
		return;
	xwrite(pipefd[1], "xxxx", 4);
	xwrite(small_fd, "x", 1);
	probe_set("last", "none");
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		ret = calls[i].call(fd);
		ok(ret == calls[i].bound && probe_saw(calls[i].method), "%s: %ld", calls[i].what, ret);
	}
	/* To be ended after the unbind. */
	call_lock(fd);
	call_flock(fd);
	unbind_it();
	probe_set("last", "none");
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		ret = calls[i].call(fd);
		ok(ret == calls[i].gone && probe_saw(calls[i].after),
		   "%s after unbind: %ld", calls[i].what, ret);
	}
	close(pipefd[0]);
	close(pipefd[1]);
	close(small_fd);
	ok_err(close(fd) ? -errno : 0, ENODEV, "close says that what was not written is lost");
	bind_it();

	/* What is not ended is ended by close. */
	fd = probe_open(O_NONBLOCK);
	call_lock(fd);
	call_flock(fd);
	call_fasync(fd);
	unbind_it();
	probe_set("last", "none");
	ok(!call_nasync(fd) && probe_saw("fasync off"), "to end SIGIO reaches the driver after unbind");
	close(fd);
	bind_it();
	fd = probe_open(O_NONBLOCK);
	call_fasync(fd);
	unbind_it();
	close(fd);
	bind_it();
}

/* A 32-bit system call of a 64-bit program. The number is ioctl's there. */
static long ioctl_32(int fd, unsigned int cmd)
{
#ifdef __x86_64__
	long ret;

	asm volatile("int $0x80" : "=a" (ret)
		     : "a" (54L), "b" ((long)fd), "c" ((long)cmd), "d" (0L)
		     : "r8", "r9", "r10", "r11", "memory");
	return ret;
#else
	return -ENOSYS;
#endif
}

static void t_compat(void)
{
	int fd = probe_open(0), status;
	pid_t child;

	diag("a 32-bit ioctl");
	/* Where there are no 32-bit system calls it is a signal. UML makes a 64-bit one of it. */
	child = fork();
	if (!child)
		_exit(ioctl_32(fd, PROBE_PING) != PROBE_COMPAT_PONG);
	waitpid(child, &status, 0);
	if (is_uml() || WIFSIGNALED(status)) {
		skip("a 32-bit ioctl", "this kernel has none");
		close(fd);
		return;
	}
	probe_set("last", "none");
	ok(ioctl_32(fd, PROBE_PING) == PROBE_COMPAT_PONG && probe_saw("compat_ioctl"), "it reaches the driver");
	unbind_it();
	probe_set("last", "none");
	ok(ioctl_32(fd, PROBE_PING) == -ENODEV && probe_saw("none"), "after unbind it is ENODEV");
	close(fd);
	bind_it();
}

/* --- ways to a file */

static void t_reopen(void)
{
	int fd = probe_open(O_NONBLOCK), path_fd = xopen(probe_node(0, ""), O_PATH), again;
	char path[64];

	diag("opened again through what is open");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = xopen(path, O_RDWR | O_NONBLOCK);
	ok(again >= 0 && call_ioctl(again) == PROBE_PONG, "/proc/self/fd/N");
	close(again);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
	again = xopen(path, O_RDWR | O_NONBLOCK);
	ok(again >= 0 && call_ioctl(again) == PROBE_PONG, "an O_PATH file");
	close(again);
	ok_err(call_ioctl(path_fd), EBADF, "an O_PATH file itself is none");
	unbind_it();
	again = xopen(path, O_RDWR);
	ok(again == -ENODEV || again == -ENXIO, "an O_PATH file after unbind: %s", ename(again));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = xopen(path, O_RDWR);
	ok(again == -ENODEV || again == -ENXIO, "/proc/self/fd/N after unbind: %s", ename(again));
	bind_it();
	again = xopen(path, O_RDWR);
	ok(again == -ENODEV || again == -ENXIO, "and after bind, the old file being open: %s", ename(again));
	close(fd);
	close(path_fd);
}

static void t_minors(void)
{
	int old[PROBE_MINORS], new, i;

	diag("minors of one cdev, used again by the next binding while old files are open");
	for (i = 0; i < PROBE_MINORS; i++)
		old[i] = xopen(probe_node(i, ""), O_RDWR | O_NONBLOCK);
	unbind_it();
	for (i = 0; i < PROBE_MINORS; i++)
		ok_err(call_ioctl(old[i]), ENODEV, "minor %d", i);
	bind_it();
	for (i = 0; i < PROBE_MINORS; i++) {
		new = xopen(probe_node(i, "-new"), O_RDWR | O_NONBLOCK);
		ok(new >= 0 && call_ioctl(new) == PROBE_PONG, "minor %d by a new node: the new device", i);
		ok_err(call_ioctl(old[i]), ENODEV, "the old file of it");
		close(new);
	}
	for (i = 0; i < PROBE_MINORS; i++)
		close(old[i]);
}

static void t_processes(void)
{
	pid_t child[4];
	int i, status, go[2];
	char c;

	diag("several processes");
	if (!ok(!pipe(go), "pipe"))
		return;
	for (i = 0; i < 4; i++) {
		child[i] = fork();
		if (!child[i]) {
			int fd = xopen(probe_node(i, ""), O_RDWR | O_NONBLOCK), bad;

			close(go[1]);
			bad = call_ioctl(fd) != PROBE_PONG;
			bad |= read(go[0], &c, 1) != 0;
			bad |= call_ioctl(fd) != -ENODEV;
			_exit(bad);
		}
	}
	sleep_ms(300);
	unbind_it();
	close(go[1]);
	close(go[0]);
	for (i = 0; i < 4; i++)
		ok(waitpid(child[i], &status, 0) == child[i] && !status, "process %d: works, then ENODEV", i);
	bind_it();
}

/* A file that is nowhere but in a message. */
static void t_in_flight(void)
{
	long frees;
	char room[CMSG_SPACE(sizeof(int))] = "", c = 'x';
	struct iovec iov = { &c, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room,
			      .msg_controllen = sizeof(room) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int fd, sock[2];

	diag("a file in flight over a socket");
	probe_settle();
	frees = probe_param("frees");
	fd = probe_open(0);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sock)) {
		skip("a file in flight over a socket", "no sockets in this kernel");
		close(fd);
		return;
	}
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	ok(sendmsg(sock[0], &msg, 0) == 1, "send");
	close(fd);
	unbind_it();
	bind_it();
	sleep_ms(SETTLE_MS);
	ok(probe_param("frees") == frees, "the message holds the memory");
	ok(recvmsg(sock[1], &msg, 0) == 1, "receive");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	ok_err(call_ioctl(fd), ENODEV, "ioctl");
	close(fd);
	ok(wait_for(probe_param("frees") == frees + 1, FREED_MS), "close frees the memory");
	close(sock[0]);
	close(sock[1]);
}

/* An open() that would take its file out of the gate. */
static void t_replaced(void)
{
	static const char *const words[] = { "cdevm: cdevm-probe: open() replaced the file operations by probe_other_fops", NULL };
	int fd;

	diag("an open() that replaces the file operations");
	kmsg_start();
	expect("WARNING: .*cdevm_open");
	fd = xopen(probe_node(PROBE_SWAP, ""), O_RDWR);
	expect_end();
	ok_err(fd, EINVAL, "it is refused");
	ok(kmsg_has(words), "the log says by which");
}

static volatile bool stop;
static unsigned long race_calls;

static void *opener(void *bad)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/probe-race-%ld", syscall(SYS_gettid));
	while (!stop) {
		long ret;
		int fd;

		probe_mknod(path, 0);
		fd = xopen(path, O_RDWR | O_NONBLOCK);
		if (fd < 0) {
			if (fd != -ENODEV && fd != -ENXIO)
				*(long *)bad = fd;
			continue;
		}
		ret = call_ioctl(fd);
		if (ret != PROBE_PONG && ret != -ENODEV)
			*(long *)bad = ret;
		if (ret == PROBE_PONG)
			__atomic_fetch_add(&race_calls, 1, __ATOMIC_RELAXED);
		close(fd);
	}
	return NULL;
}

static void t_race(void)
{
	int times = getenv("e2e_realtime") ? 15 : 50, i;
	pthread_t thread[3];
	long bad = 0;
	bool failed = false;

	diag("opened while it comes and goes");
	for (i = 0; i < 3; i++)
		pthread_create(&thread[i], NULL, opener, &bad);
	for (i = 0; i < times; i++) {
		failed |= probe_unbind();
		sleep_ms(2);
		failed |= probe_bind();
		sleep_ms(10);
	}
	stop = true;
	for (i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	ok(!failed, "unbind and bind %d times", times);
	ok(!bad, "open is ok, ENODEV or ENXIO: %s", ename(bad));
	ok(race_calls > 0, "%lu calls reached the device meanwhile", race_calls);
}

/* --- pollers */

static volatile sig_atomic_t sigio;

static void sigio_handler(int sig __unused)
{
	sigio++;
}

/* A node, with every kind of waiter on it. */
struct watch {
	int fd, edge_fd, ep, outer;
	pid_t poller, selector;
};

#define GONE	(EPOLLHUP | EPOLLERR)

static void watch_begin(struct watch *w)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = 1 };

	w->fd = probe_open(O_NONBLOCK);
	w->edge_fd = dup(w->fd);
	w->ep = epoll_create1(EPOLL_CLOEXEC);
	w->outer = epoll_create1(EPOLL_CLOEXEC);
	ok(!epoll_ctl(w->ep, EPOLL_CTL_ADD, w->fd, &ev), "epoll, level");
	ev.events = EPOLLIN | EPOLLET;
	ev.data.u32 = 2;
	ok(!epoll_ctl(w->ep, EPOLL_CTL_ADD, w->edge_fd, &ev), "epoll, edge");
	ev.events = EPOLLIN;
	ok(!epoll_ctl(w->outer, EPOLL_CTL_ADD, w->ep, &ev), "epoll of that epoll");
	w->poller = fork();
	if (!w->poller) {
		alarm(60);
		_exit((poll_one(w->fd, -1) & GONE) != GONE);
	}
	w->selector = fork();
	if (!w->selector) {
		fd_set set;

		alarm(60);
		FD_ZERO(&set);
		FD_SET(w->fd, &set);
		_exit(!(select(w->fd + 1, &set, NULL, NULL, NULL) == 1 &&
			FD_ISSET(w->fd, &set)));
	}
	fcntl(w->fd, F_SETOWN, getpid());
	call_fasync(w->fd);
	ok(wait_for(task_state(w->poller) == 'S' && task_state(w->selector) == 'S', 5000),
	   "they sleep");
}

static void t_pollers(void)
{
	struct epoll_event ev = { .events = EPOLLIN }, got[3] = { 0 };
	struct sigaction sa = { .sa_handler = sigio_handler };
	struct watch w;
	int status, n;

	diag("pollers, level and edge, and SIGIO");
	sigaction(SIGIO, &sa, NULL);
	watch_begin(&w);
	ok(!epoll_wait(w.outer, got, 3, 0) && !sigio, "nothing has happened");
	xioctl(w.fd, PROBE_DATA, NULL);
	ok(epoll_wait(w.ep, got, 3, 1000) == 2 && sigio == 1, "there is something to read");
	/* Both were woken by POLLIN before, and they do not wait for that. */
	waitpid(w.poller, &status, 0);
	waitpid(w.selector, &status, 0);
	close(w.ep);
	close(w.outer);
	close(w.edge_fd);
	close(w.fd);

	watch_begin(&w);
	sigio = 0;
	unbind_it();
	ok(sigio == 1, "SIGIO");
	ok(epoll_wait(w.outer, got, 3, 2000) == 1, "epoll of epoll is woken");
	n = epoll_wait(w.ep, got, 3, 2000);
	ok(n == 2 && (got[0].events & GONE) == GONE && (got[1].events & GONE) == GONE,
	   "epoll, level and edge: EPOLLHUP | EPOLLERR");
	n = epoll_wait(w.ep, got, 3, 100);
	ok(n == 1 && got[0].data.u32 == 1, "and again for level only");
	if (!ok(wait_for(waitpid(w.poller, &status, WNOHANG) == w.poller, 5000) && !status,
		"poll wakes: POLLHUP | POLLERR"))
		kill(w.poller, SIGKILL);
	if (!ok(wait_for(waitpid(w.selector, &status, WNOHANG) == w.selector, 5000) && !status,
		"select wakes"))
		kill(w.selector, SIGKILL);
	/* The file goes before what is armed on it. */
	close(w.fd);
	close(w.edge_fd);
	ok(!epoll_wait(w.ep, got, 3, 0), "a file that is closed is not in epoll any more");
	close(w.ep);
	close(w.outer);

	/* And the other way round. */
	bind_it();
	w.fd = probe_open(O_NONBLOCK);
	w.ep = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(w.ep, EPOLL_CTL_ADD, w.fd, &ev);
	unbind_it();
	close(w.ep);
	close(w.fd);
	bind_it();
}

/* No other poller is on the queue: its wakeup would wake this one, too. */
static void t_polls_alone(bool selects)
{
	int fd = probe_open(O_NONBLOCK), status;
	pid_t child;

	diag("alone in %s", selects ? "select()" : "poll()");
	child = fork();
	if (!child) {
		fd_set set;

		if (!selects)
			_exit((poll_one(fd, -1) & GONE) != GONE);
		FD_ZERO(&set);
		FD_SET(fd, &set);
		_exit(select(fd + 1, &set, NULL, NULL, NULL) != 1);
	}
	ok(wait_for(task_state(child) == 'S', 5000), "it sleeps");
	unbind_it();
	if (!ok(wait_for(waitpid(child, &status, WNOHANG) == child, 5000) && !status,
		"it is woken when the device goes"))
		kill(child, SIGKILL);
	close(fd);
	bind_it();
}

/* A driver that frees the queue of a file when no poller is on it. */
static void t_queue_goes(void)
{
	struct epoll_event ev = { .events = EPOLLIN }, got;
	int fd = probe_open(O_NONBLOCK), ep = epoll_create1(EPOLL_CLOEXEC);

	diag("a queue that goes before the file");
	ok(poll_one(fd, 10) == 0, "poll() finds nothing");
	ok_err(xioctl(fd, PROBE_NEW_QUEUE, NULL), 0, "a new queue; nobody is on the old one");
	ok(!epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), "epoll");
	ok(xioctl(fd, PROBE_NEW_QUEUE, NULL) == 1, "a new queue; somebody is on the old one");
	ok(!epoll_ctl(ep, EPOLL_CTL_DEL, fd, &ev) && !epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev),
	   "epoll, on the new one");
	ok(!epoll_wait(ep, &got, 1, 10), "nothing has happened");
	xioctl(fd, PROBE_DATA, NULL);
	ok(epoll_wait(ep, &got, 1, 1000) == 1 && got.events == EPOLLIN, "there is something to read");
	unbind_it();
	ok(epoll_wait(ep, &got, 1, 2000) == 1 && (got.events & GONE) == GONE, "it is gone");
	close(ep);
	close(fd);
	bind_it();
}

/* A driver that ends SIGIO by itself: the VFS does not do it at close any more. */
static void t_sigio_ended(void)
{
	int fd = probe_open(O_NONBLOCK), other = probe_open(O_NONBLOCK);

	diag("SIGIO that the driver has ended");
	fcntl(fd, F_SETOWN, getpid());
	fcntl(other, F_SETOWN, getpid());
	ok(!call_fasync(fd) && !call_fasync(other), "two files want SIGIO");
	ok_err(xioctl(fd, PROBE_NO_SIGIO, NULL), 0, "the driver ends it for one");
	ok(!(fcntl(fd, F_GETFL) & O_ASYNC), "which shows");
	close(fd);
	sigio = 0;
	unbind_it();
	ok(sigio == 1, "the other one is told");
	close(other);
	bind_it();
}

/* --- sleepers that nobody wakes */

static void t_sleeper(const char *what, unsigned int cmd, bool read_it)
{
	int fd = probe_open(0), status;
	pid_t child;
	long t0;
	char c;

	diag("%s", what);
	child = fork();
	if (!child) {
		long ret = read_it ? xread(fd, &c, 1) : xioctl(fd, cmd, NULL);

		_exit(ret == -ENODEV ? 0 : 1);
	}
	ok(wait_for(task_state(child) == 'S', 5000), "it sleeps");
	t0 = now_ms();
	unbind_it();
	ok(now_ms() - t0 < 5000, "unbind does not wait for long");
	if (!ok(wait_for(waitpid(child, &status, WNOHANG) == child, 5000) && !status,
		"it was interrupted, and gets ENODEV"))
		kill(child, SIGKILL);
	close(fd);
	bind_it();
}

static void *unbinder(void *ret)
{
	*(long *)ret = probe_unbind();
	return NULL;
}

/* A sleep that cannot be interrupted is waited for, and the log names the task. */
static void t_uninterruptible(void)
{
	const char *words[] = { "cdevm: cdevm-probe: unbind waits for ", "sleeps uninterruptibly in unlocked_ioctl",
				"probe_ioctl", NULL };
	int fd = probe_open(0), status;
	long ret = 1, t0;
	pthread_t thread;
	pid_t child;

	diag("an uninterruptible sleeper");
	kmsg_start();
	child = fork();
	if (!child)
		_exit(xioctl(fd, PROBE_SLEEP_HARD, NULL) != 0);
	ok(wait_for(task_state(child) == 'D', 5000), "it sleeps");
	t0 = now_ms();
	pthread_create(&thread, NULL, unbinder, &ret);
	sleep_ms(3000);
	ok(ret == 1, "unbind waits");
	ok(wait_for(kmsg_has(words), 30000), "the log says for whom, after %ld s", (now_ms() - t0) / 1000);
	ok(ret == 1, "unbind waits still");
	probe_set("wake", "1");
	pthread_join(thread, NULL);
	ok_err(ret, 0, "unbind, when the sleeper has woken up");
	ok(waitpid(child, &status, 0) == child && !status, "its call has its own result");
	close(fd);
	bind_it();
}

int main(void)
{
	if (!probe_load())
		return done("cdevm-calls");
	t_methods();
	t_compat();
	t_reopen();
	t_minors();
	t_processes();
	t_in_flight();
	t_replaced();
	t_race();
	t_pollers();
	t_polls_alone(false);
	t_polls_alone(true);
	t_queue_goes();
	t_sigio_ended();
	t_sleeper("a sleeper in read()", 0, true);
	t_sleeper("a sleeper in ioctl()", PROBE_SLEEP, false);
	t_sleeper("a sleeper in the last call of its method", PROBE_SLEEP_TAIL, false);
	t_uninterruptible();
	probe_ok_end();
	return done("cdevm-calls");
}
