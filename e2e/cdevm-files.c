// SPDX-License-Identifier: GPL-2.0
/*
 * Files that end with the device: released while the hardware is there, with pollers of
 * all kinds on their queues, and the module gone while they are open
 *
 * Then nodes that are taken back one by one, a scope that an ioctl() makes and ends, and
 * files that are on no node.
 */
#include "pair.h"
#include <linux/aio_abi.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include "../kunit/stress/cdevm_desk.h"

#define DESK_PARAMS	"/sys/module/cdevm_desk/parameters/"
#define DESK_SYSFS	"/sys/bus/platform/drivers/" DESK_DRIVER
#define PAGE		4096

static long desk_param(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), DESK_PARAMS "%s", name);
	return read_long(path);
}

static void desk_set(const char *name, bool value)
{
	char path[128];

	snprintf(path, sizeof(path), DESK_PARAMS "%s", name);
	write_file(path, value ? "1" : "0");
}

static int desk_bind(bool early, bool alone)
{
	desk_set("early", early);
	desk_set("alone", alone);
	return write_file(DESK_SYSFS "/bind", DESK_DRIVER);
}

static int desk_unbind(void)
{
	return write_file(DESK_SYSFS "/unbind", DESK_DRIVER);
}

static int open_misc(void)
{
	return xopen("/dev/" DESK_DRIVER, O_RDWR);
}

static int open_drawer(void)
{
	return xopen("/dev/" DESK_DRAWER, O_RDWR);
}

/* A new inode each time: an old one leads to the old cdev while that is open. */
static int open_cdev(void)
{
	static const char path[] = "/tmp/desk-cdev";

	unlink(path);
	if (mknod(path, S_IFCHR | 0600, makedev(desk_param("major"), 0)))
		return -errno;
	return xopen(path, O_RDWR);
}

static long ping(int fd)
{
	return xioctl(fd, DESK_PING, NULL);
}

/* --- most drivers: the power is never given back */

static void t_plain(void)
{
	int fd;

	ok_err(desk_bind(false, false), 0, "bind");
	fd = open_misc();
	ok(desk_param("powered") == 1, "an open file has power");
	ok_err(desk_unbind(), 0, "unbind");
	ok(desk_param("powered") == 1, "without release_at_unbind it keeps that");
	ok_err(rmmod("cdevm_desk"), EAGAIN, "the module is in use");
	close(fd);
	ok(desk_param("late") == 1, "and its release comes when the hardware is gone");
	ok_err(rmmod("cdevm_desk"), 0, "rmmod");
	insmod("cdevm_desk");
	desk_unbind();
}

/* --- everything that can be done with an open file, before and after */

struct sleeper {
	pthread_t thread;
	int fd, got;
	pid_t tid;
};

static void *sleeper_polls(void *data)
{
	struct sleeper *s = data;

	__atomic_store_n(&s->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	s->got = poll_one(s->fd, -1);
	return NULL;
}

static bool asleep(pid_t *tid)
{
	pid_t t = __atomic_load_n(tid, __ATOMIC_ACQUIRE);

	return t && task_state(t) == 'S';
}

static long aio_poll_begin(aio_context_t *ctx, struct iocb *cb, int fd)
{
	struct iocb *list[] = { cb };

	memset(cb, 0, sizeof(*cb));
	cb->aio_fildes = fd;
	cb->aio_lio_opcode = IOCB_CMD_POLL;
	cb->aio_buf = POLLIN;
	if (syscall(SYS_io_setup, 4, ctx) < 0)
		return -errno;
	return syscall(SYS_io_submit, *ctx, 1, list) == 1 ? 0 : -errno;
}

/* What a page access does, in a child. */
static int touch(volatile char *map)
{
	pid_t child = fork();
	int status = 0;

	if (!child) {
		(void)map[0];
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/*
 * All that there is to do with a file that was released. The module may be gone: what
 * would call it would crash.
 */
static void ok_dead(int fd, const char *name, bool node)
{
	struct flock lock = { .l_type = F_WRLCK };
	char buf[4];
	int n;

	ok_err(ping(fd), ENODEV, "%s: ioctl", name);
	/* Of the methods that a file does not have, the VFS says the same as ever. */
	if (node) {
		ok_err(xread(fd, buf, sizeof(buf)), ENODEV, "%s: read", name);
		n = poll_one(fd, 0);
		ok((n & (POLLHUP | POLLERR)) == (POLLHUP | POLLERR), "%s: poll (0x%x)", name, n);
	}
	ok(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED, "%s: mmap", name);
	fcntl(fd, F_SETLK, &lock);
	lock.l_type = F_UNLCK;
	fcntl(fd, F_SETLK, &lock);
	fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC);
	fcntl(fd, F_SETFL, 0);
	fsync(fd);
	close(dup(fd));
}

static void t_early(bool alone)
{
	struct sleeper sleeper = { 0 }, *s = &sleeper;
	int misc, cdev, anon, theirs, ep, fd, i;
	struct epoll_event ev = { .events = EPOLLIN };
	struct io_event done_ev;
	char buf[64];
	aio_context_t ctx = 0;
	long opens, releases, frees;
	pid_t child, child2;
	struct iocb cb;
	char *map;

	opens = desk_param("opens");
	releases = desk_param("releases");
	frees = desk_param("frees");
	ok_err(desk_bind(true, alone), 0, "bind, nodes %s", alone ? "alone" : "together");
	misc = open_misc();
	cdev = open_cdev();
	anon = xioctl(misc, DESK_ANON, NULL);
	ok(misc >= 0 && cdev >= 0 && anon >= 0, "open (%d, %d, %d)", misc, cdev, anon);
	ok(ping(misc) == DESK_PONG && ping(cdev) == DESK_PONG && ping(anon) == DESK_PONG,
	   "they work");
	ok_err(xioctl(cdev, DESK_ACTION, NULL), 0, "an action for a file");
	i = desk_param("actions");

	/* A closed one was released before. */
	fd = open_misc();
	close(fd);
	ok(desk_param("releases") == releases + 1, "one is closed");

	/* On no queue that the release of the file would free. */
	ep = epoll_create1(0);
	epoll_ctl(ep, EPOLL_CTL_ADD, misc, &ev);
	epoll_ctl(ep, EPOLL_CTL_ADD, cdev, &ev);
	ok(epoll_wait(ep, &ev, 1, 0) == 0, "epoll: nothing yet");
	xioctl(misc, DESK_DATA, NULL);
	ok(epoll_wait(ep, &ev, 1, 1000) == 1 && ev.events == EPOLLIN, "epoll: data");
	xread(misc, buf, sizeof(buf));
	s->fd = misc;
	pthread_create(&s->thread, NULL, sleeper_polls, s);
	ok(wait_for(asleep(&s->tid), 10000), "poll: sleeps");
	ok_err(aio_poll_begin(&ctx, &cb, cdev), 0, "aio: polls");

	map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, misc, 0);
	ok(map != MAP_FAILED && !touch(map), "mmap");

	/* The same file in many places. */
	theirs = open_misc();
	child = fork();
	if (!child) {
		/* Closed by the exit of the task. */
		for (;;)
			pause();
	}
	close(theirs);
	/* A copy that goes at exec. */
	child2 = fork();
	if (!child2) {
		fcntl(misc, F_SETFD, FD_CLOEXEC);
		execl("/bin/sh", "sh", "-c", "sleep 60", NULL);
		_exit(1);
	}

	ok(desk_param("powered") == 3, "three files have power (%ld)", desk_param("powered"));
	ok_err(desk_unbind(), 0, "unbind with all of them open");
	ok(desk_param("powered") == 0 && desk_param("late") == 0,
	   "the power was given back, in time");
	opens = desk_param("opens") - opens;
	releases = desk_param("releases") - releases;
	ok(opens == 5 && releases == 5, "%ld opens, %ld releases", opens, releases);
	ok(desk_param("actions") == i + 1, "the action was called");
	ok(wait_for(desk_param("frees") == frees + 1, FREED_MS),
	   "and all of the driver's memory was freed");

	pthread_join(s->thread, NULL);
	ok((s->got & POLLHUP) == POLLHUP, "poll: woken (0x%x)", s->got);
	ok(epoll_wait(ep, &ev, 1, 1000) == 1 && ev.events & EPOLLHUP, "epoll: woken");
	ok(syscall(SYS_io_getevents, ctx, 1, 1, &done_ev, NULL) == 1 &&
	   done_ev.res & POLLHUP, "aio: woken");
	ok(touch(map) == SIGBUS, "a page is gone");

	ok_err(rmmod("cdevm_desk"), 0, "the module is removed with the files open");

	ok_dead(misc, "misc", true);
	ok_dead(cdev, "cdev", true);
	ok_dead(anon, "anon", false);
	ok(epoll_wait(ep, &ev, 1, 1000) == 1 && ev.events & EPOLLHUP, "epoll: again");
	epoll_ctl(ep, EPOLL_CTL_DEL, cdev, NULL);
	epoll_ctl(ep, EPOLL_CTL_ADD, cdev, &ev);
	ok(touch(map) == SIGBUS, "a page is gone");
	/* Split, moved, copied and ended without the driver. */
	munmap(map + PAGE, PAGE);
	mprotect(map, PAGE, PROT_READ);
	map = mremap(map, PAGE, PAGE, MREMAP_MAYMOVE);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	kill(child2, SIGKILL);
	waitpid(child2, NULL, 0);

	/* The same names, while the old files are open. */
	ok_err(insmod("cdevm_desk"), 0, "the module comes back");
	fd = open_misc();
	ok(ping(fd) == DESK_PONG, "and works");
	ok_err(ping(misc), ENODEV, "what was open does not");
	close(fd);
	if (map != MAP_FAILED)
		munmap(map, PAGE);
	close(anon);
	close(misc);
	close(cdev);
	close(ep);
	syscall(SYS_io_destroy, ctx);
	ok_err(desk_unbind(), 0, "unbind");
	ok(desk_param("opens") == desk_param("releases"), "%ld opens, %ld releases",
	   desk_param("opens"), desk_param("releases"));
	ok(desk_param("powered") == 0, "no power is on");
}

/* --- one node while the others go on */

static void t_nodes(void)
{
	struct job sleeps = JOB_IOCTL(0, DESK_SLEEP, 0), stays = JOB_IOCTL(0, DESK_STAY, 0);
	struct job other = JOB_IOCTL(0, DESK_SLEEP, 0);
	int misc, cdev, cdev2, inside;
	long kicks = desk_param("kicks");

	ok_err(desk_bind(true, true), 0, "bind");
	misc = open_misc();
	cdev = open_cdev();
	cdev2 = open_cdev();
	inside = desk_param("inside");
	sleeps.fd = cdev;
	stays.fd = cdev2;
	other.fd = misc;
	job_start(&sleeps);
	job_start(&stays);
	job_start(&other);
	ok(wait_for(desk_param("inside") == inside + 3, 10000), "three calls are inside");
	ok_err(xioctl(misc, DESK_DEL, NULL), 0, "the cdev is taken back, from a call of the other");
	ok(wait_for(job_over(&sleeps) && job_over(&stays), 10000), "its calls end");
	ok_err(sleeps.ret, ENODEV, "one that was woken");
	ok_err(stays.ret, ENODEV, "one that was interrupted, and came again");
	ok(!job_over(&other), "that of the other node goes on");
	ok_err(ping(cdev), ENODEV, "cdev: ioctl");
	ok_err(open_cdev(), ENXIO, "cdev: open");
	ok(ping(misc) == DESK_PONG, "misc: ioctl");
	ok(desk_param("powered") == 1, "its files were released (%ld)", desk_param("powered"));

	ok_err(xioctl(misc, DESK_DEL, (void *)1), 0, "the misc device, from a call of its own");
	ok(wait_for(ping(misc) == -ENODEV, 10000), "it goes when the call has ended");
	ok(wait_for(job_over(&other), 10000) && other.ret == -ENODEV, "so does its sleeper (%s)",
	   ename(other.ret));
	ok(wait_for(desk_param("powered") == 0, 10000), "and the file was released");
	ok(desk_param("kicks") == kicks, "the driver was not kicked");
	ok_err(desk_unbind(), 0, "unbind");
	close(misc);
	close(cdev);
	close(cdev2);
}

/* --- a scope that an ioctl() makes */

static void t_drawer(bool early)
{
	struct job sleeps = JOB_IOCTL(0, DESK_SLEEP, 0);
	int misc, fd, inside;
	long frees;

	ok_err(desk_bind(early, false), 0, "bind");
	frees = desk_param("frees");
	misc = open_misc();
	ok_err(xioctl(misc, DESK_MAKE, NULL), 0, "an ioctl makes a device");
	fd = open_drawer();
	ok(ping(fd) == DESK_PONG, "it works");
	inside = desk_param("inside");
	sleeps.fd = fd;
	job_start(&sleeps);
	ok(wait_for(desk_param("inside") == inside + 1, 10000), "a call is inside");
	ok_err(xioctl(misc, DESK_BREAK, NULL), 0, "another one ends it");
	ok(wait_for(job_over(&sleeps), 10000) && sleeps.ret == -ENODEV, "the call ends (%s)",
	   ename(sleeps.ret));
	ok_err(ping(fd), ENODEV, "ioctl");
	ok(!exists("/dev/" DESK_DRAWER), "the node is gone");
	if (!early)
		close(fd);
	ok(wait_for(desk_param("frees") == frees + 1, FREED_MS), "it is freed");
	if (early)
		close(fd);

	ok_err(xioctl(misc, DESK_MAKE, NULL), 0, "another one");
	fd = open_drawer();
	ok_err(xioctl(fd, DESK_BREAK, NULL), 0, "ends itself");
	ok(wait_for(ping(fd) == -ENODEV, 10000), "when the call has ended");
	close(fd);
	ok(wait_for(desk_param("frees") == frees + 2, FREED_MS), "it is freed");

	ok_err(xioctl(misc, DESK_MAKE, NULL), 0, "one that outlives the driver's device");
	fd = open_drawer();
	ok_err(desk_unbind(), 0, "unbind");
	ok(ping(fd) == DESK_PONG, "it works");
	ok_err(rmmod("cdevm_desk"), EAGAIN, "its file holds the module");
	close(fd);
	close(misc);
}

/* --- tasks that are stopped */

static void t_stopped(bool traced)
{
	int status, misc, inside;
	pid_t child;

	ok_err(desk_bind(true, false), 0, "bind");
	misc = open_misc();
	inside = desk_param("inside");
	child = fork();
	if (!child) {
		xioctl(misc, DESK_STAY, NULL);
		_exit(ping(misc) != -ENODEV);
	}
	ok(wait_for(desk_param("inside") == inside + 1, 10000), "a call is inside");
	if (traced) {
		ptrace(PTRACE_SEIZE, child, 0, 0);
		ptrace(PTRACE_INTERRUPT, child, 0, 0);
	} else {
		kill(child, SIGSTOP);
	}
	ok(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status), "its task is %s",
	   traced ? "stopped by a debugger" : "stopped");
	/* A call that a signal interrupts is not inside while its task is stopped. */
	ok_err(desk_unbind(), 0, "unbind");
	if (traced)
		ptrace(PTRACE_DETACH, child, 0, 0);
	else
		kill(child, SIGCONT);
	ok(waitpid(child, &status, 0) == child && !status, "it goes on, and finds the device gone");
	close(misc);
}

/* One that cannot be interrupted, and is asked to stop, is inside until it is woken. */
static void t_stop_asked(void)
{
	int status, misc, inside;
	pid_t child;

	ok_err(desk_bind(true, false), 0, "bind");
	misc = open_misc();
	inside = desk_param("inside");
	child = fork();
	if (!child)
		_exit(xioctl(misc, DESK_SLEEP, NULL) != -ENODEV);
	ok(wait_for(desk_param("inside") == inside + 1, 10000), "a call is inside");
	kill(child, SIGSTOP);
	ok_err(desk_unbind(), 0, "unbind wakes it, though it is to be stopped");
	kill(child, SIGCONT);
	ok(waitpid(child, &status, 0) == child && !status, "it got ENODEV");
	close(misc);
}

/* --- every method that there is */

/* The driver is not called for a file that it has released. */
static void ok_unseen(long ret, const char *what)
{
	char *last = read_file(PROBE_PARAMS "last");

	ok(ret >= 0 && last && !strncmp(last, "none", 4), "%s: without the driver (%s, %s)", what,
	   ename(ret), last ? last : "");
	free(last);
}

static void t_every(void)
{
	struct flock lock = { .l_type = F_WRLCK };
	struct epoll_event ev = { .events = EPOLLIN };
	int fd, ep;

	if (!probe_load())
		return;
	probe_set("early", "1");
	ok_err(probe_unbind(), 0, "unbind");
	ok_err(probe_bind(), 0, "bind");
	fd = probe_open(0);
	ep = epoll_create1(0);
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	ok_err(flock(fd, LOCK_EX), 0, "flock");
	ok_err(fcntl(fd, F_SETLK, &lock), 0, "F_SETLK");
	ok_err(fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK), 0, "O_ASYNC");
	ok_err(probe_unbind(), 0, "unbind");
	ok(probe_param("opens") == probe_param("releases") && !probe_param("late_releases"),
	   "the file was released");
	probe_set("last", "none");
	ok_unseen(flock(fd, LOCK_UN), "unlock");
	lock.l_type = F_UNLCK;
	ok_unseen(fcntl(fd, F_SETLK, &lock), "F_UNLCK");
	/* check_flags() is called directly. */
	ok_err(fcntl(fd, F_SETFL, O_NONBLOCK), 0, "no O_ASYNC");
	probe_set("last", "none");
	ok_err(flock(fd, LOCK_EX) ? -errno : 0, ENODEV, "flock");
	ok(epoll_wait(ep, &ev, 1, 1000) == 1 && ev.events & EPOLLHUP, "epoll: woken");
	/* Requests of an io_uring may be on their way, for all that is known. */
	ok_err(rmmod("cdevm_probe"), EAGAIN, "a file with such methods holds the module");
	close(fd);
	ok_unseen(0, "close");
	close(ep);
	probe_set("early", "0");
	ok_err(probe_bind(), 0, "bind");
	probe_ok_end();
}

int main(void)
{
	if (!ok_err(insmod("cdevm_desk"), 0, "insmod"))
		return done("cdevm-files");
	desk_unbind();
	t_plain();
	t_early(false);
	t_early(true);
	t_nodes();
	t_drawer(false);
	ok_err(rmmod("cdevm_desk"), 0, "rmmod");
	insmod("cdevm_desk");
	desk_unbind();
	t_drawer(true);
	t_stopped(false);
	t_stopped(true);
	t_stop_asked();
	t_every();
	ok(desk_param("opens") == desk_param("releases"), "%ld opens, %ld releases",
	   desk_param("opens"), desk_param("releases"));
	ok_err(rmmod("cdevm_desk"), 0, "rmmod");
	return done("cdevm-files");
}
