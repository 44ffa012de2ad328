// SPDX-License-Identifier: GPL-2.0
/*
 * Files that end with the device: released while the hardware is there, with
 * pollers of all kinds on their queues, and the module removed while they are
 * open
 *
 * Then nodes that are removed one by one, a scope that an ioctl() creates and
 * ends, and files that are on no node.
 */
#include "desk.h"
#include "pair.h"
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

#define PAGE	4096

/* --- most drivers: the power is never given back */

static void t_plain(void)
{
	int fd;

	ok_err(desk_bind(false, false), 0, "bind");
	fd = desk_open_misc();
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
 * Everything that can be done with a file that was released. The module may be
 * gone, so a call into it would crash.
 */
static void ok_dead(int fd, const char *name, bool node)
{
	struct flock lock = { .l_type = F_WRLCK };
	char buf[4], path[32];
	int n;

	ok_err(desk_ping(fd), ENODEV, "%s: ioctl", name);
	/* The file keeps the inode, which leads to a cdev. Nobody can open a file on no node again. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ok_err(xopen(path, O_RDWR), node ? ENODEV : ENXIO, "%s: open it again", name);
	/* For methods that a file does not have, the VFS returns the same as before. */
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

/* Sends two files in one message, and one when @b is -1. */
static long send_files(int sock, int a, int b)
{
	int fds[2] = { a, b }, n = b < 0 ? 1 : 2;
	char room[CMSG_SPACE(sizeof(fds))] = "", c = 'x';
	struct iovec iov = { &c, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room,
			      .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, n * sizeof(int));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

static int receive_file(int sock)
{
	char room[CMSG_SPACE(sizeof(int))] = "", c;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room,
			      .msg_controllen = sizeof(room) };
	int fd;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&msg))
		return -errno;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

/* A ring that has @fd registered, and uses it for nothing. */
static int ring_with(int fd)
{
	struct io_uring_params params = { 0 };
	int ring = syscall(SYS_io_uring_setup, 4, &params);

	if (ring < 0 || syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, &fd, 1))
		return -errno;
	return ring;
}

static void t_early(bool alone)
{
	int sock[2], flying, ring, registered;
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
	misc = desk_open_misc();
	cdev = desk_open_cdev();
	anon = xioctl(misc, DESK_ANON, NULL);
	ok(misc >= 0 && cdev >= 0 && anon >= 0, "open (%d, %d, %d)", misc, cdev, anon);
	ok(desk_ping(misc) == DESK_PONG && desk_ping(cdev) == DESK_PONG && desk_ping(anon) == DESK_PONG,
	   "they work");
	ok_err(xioctl(cdev, DESK_ACTION, NULL), 0, "an action for a file");
	i = desk_param("actions");

	/* A closed one was released before. */
	fd = desk_open_misc();
	close(fd);
	ok(desk_param("releases") == releases + 1, "one is closed");

	/* It is on no queue that the release of the file frees. */
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
	theirs = desk_open_misc();
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

	/* One file is only in a message, and one only in a ring. */
	flying = desk_open_misc();
	ok(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock) &&
	   !send_files(sock[0], flying, -1), "one is in flight");
	close(flying);
	registered = desk_open_misc();
	ring = ring_with(registered);
	ok(ring >= 0, "one is registered with an io_uring");
	close(registered);

	ok(desk_param("powered") == 5, "five files have power (%ld)", desk_param("powered"));
	ok_err(desk_unbind(), 0, "unbind with all of them open");
	ok(desk_param("powered") == 0 && desk_param("late") == 0,
	   "the power was given back, in time");
	opens = desk_param("opens") - opens;
	releases = desk_param("releases") - releases;
	ok(opens == 7 && releases == 7, "%ld opens, %ld releases", opens, releases);
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
	flying = receive_file(sock[1]);
	ok_dead(flying, "the one that was in flight", true);
	close(flying);
	close(sock[0]);
	close(sock[1]);
	close(ring);
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
	fd = desk_open_misc();
	ok(desk_ping(fd) == DESK_PONG, "and works");
	ok_err(desk_ping(misc), ENODEV, "what was open does not");
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

/* --- files that only the garbage collector of sockets finds */

/*
 * A pair of sockets is in flight in itself, with a file. When both are closed, nobody can
 * reach any of them. With @unbound that is after the unbind, which has released the file.
 */
static void t_garbage(bool early, bool unbound)
{
	long opens, releases = desk_param("releases"), frees = desk_param("frees");
	int sock[2], fd;

	ok_err(desk_bind(early, false), 0, "bind");
	opens = desk_param("opens");
	fd = desk_open_misc();
	ok(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock) &&
	   !send_files(sock[0], sock[1], fd) && !send_files(sock[1], sock[0], -1),
	   "a file and two sockets are in flight, in each other");
	close(fd);
	if (unbound) {
		ok_err(desk_unbind(), 0, "unbind");
		ok(desk_param("releases") == releases + early, "the file was %sreleased",
		   early ? "" : "not ");
		ok(desk_param("powered") == !early, "its power is %s", early ? "off" : "on");
	}
	close(sock[0]);
	close(sock[1]);
	/* One more, or nobody looks at once. */
	if (!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock)) {
		close(sock[0]);
		close(sock[1]);
	}
	ok(wait_for(desk_param("releases") == releases + 1, 10000), "it was collected");
	if (!unbound)
		ok_err(desk_unbind(), 0, "unbind");
	ok(wait_for(desk_param("frees") == frees + 1, FREED_MS), "the memory is freed");
	ok(desk_param("opens") == opens + 1 && desk_param("releases") == releases + 1,
	   "released once");
	/* This is what t_plain() shows: nobody has turned the power off in time. */
	if (unbound && !early)
		desk_restart();
}

/* --- one node while the others go on */

static void t_nodes(void)
{
	struct job sleeps = JOB_IOCTL(0, DESK_SLEEP, 0), stays = JOB_IOCTL(0, DESK_STAY, 0);
	struct job other = JOB_IOCTL(0, DESK_SLEEP, 0);
	int misc, cdev, cdev2, inside;
	long kicks = desk_param("kicks");

	ok_err(desk_bind(true, true), 0, "bind");
	misc = desk_open_misc();
	cdev = desk_open_cdev();
	cdev2 = desk_open_cdev();
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
	ok_err(desk_ping(cdev), ENODEV, "cdev: ioctl");
	ok_err(desk_open_cdev(), ENXIO, "cdev: open");
	ok(desk_ping(misc) == DESK_PONG, "misc: ioctl");
	ok(desk_param("powered") == 1, "its files were released (%ld)", desk_param("powered"));

	ok_err(xioctl(misc, DESK_DEL, (void *)1), 0, "the misc device, from a call of its own");
	ok(wait_for(desk_ping(misc) == -ENODEV, 10000), "it goes when the call has ended");
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
	misc = desk_open_misc();
	ok_err(xioctl(misc, DESK_MAKE, NULL), 0, "an ioctl makes a device");
	fd = desk_open_drawer();
	ok(desk_ping(fd) == DESK_PONG, "it works");
	inside = desk_param("inside");
	sleeps.fd = fd;
	job_start(&sleeps);
	ok(wait_for(desk_param("inside") == inside + 1, 10000), "a call is inside");
	ok_err(xioctl(misc, DESK_BREAK, NULL), 0, "another one ends it");
	ok(wait_for(job_over(&sleeps), 10000) && sleeps.ret == -ENODEV, "the call ends (%s)",
	   ename(sleeps.ret));
	ok_err(desk_ping(fd), ENODEV, "ioctl");
	ok(!exists("/dev/" DESK_DRAWER), "the node is gone");
	if (!early)
		close(fd);
	ok(wait_for(desk_param("frees") == frees + 1, FREED_MS), "it is freed");
	if (early)
		close(fd);

	ok_err(xioctl(misc, DESK_MAKE, NULL), 0, "another one");
	fd = desk_open_drawer();
	ok_err(xioctl(fd, DESK_BREAK, NULL), 0, "ends itself");
	ok(wait_for(desk_ping(fd) == -ENODEV, 10000), "when the call has ended");
	close(fd);
	ok(wait_for(desk_param("frees") == frees + 2, FREED_MS), "it is freed");

	ok_err(xioctl(misc, DESK_MAKE, NULL), 0, "one that outlives the driver's device");
	fd = desk_open_drawer();
	ok_err(desk_unbind(), 0, "unbind");
	ok(desk_ping(fd) == DESK_PONG, "it works");
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
	misc = desk_open_misc();
	inside = desk_param("inside");
	child = fork();
	if (!child) {
		xioctl(misc, DESK_STAY, NULL);
		_exit(desk_ping(misc) != -ENODEV);
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

/*
 * A call that cannot be interrupted stays inside until it is woken, even if its
 * task is to be stopped.
 */
static void t_stop_asked(void)
{
	int status, misc, inside;
	pid_t child;

	ok_err(desk_bind(true, false), 0, "bind");
	misc = desk_open_misc();
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

/* A process that makes one call, and then finds the device gone. */
static pid_t child_gone(int fd, unsigned long cmd)
{
	int inside = desk_param("inside");
	pid_t child = fork();

	if (!child) {
		xioctl(fd, cmd, NULL);
		_exit(desk_ping(fd) != -ENODEV);
	}
	ok(wait_for(desk_param("inside") == inside + 1, 10000), "a call is inside");
	return child;
}

#define V1	"/tmp/freezer"
#define V2	"/tmp/cgroup2"

static bool put_into(const char *group, pid_t child)
{
	char path[64], pid[16];

	mkdir(group, 0755);
	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	snprintf(pid, sizeof(pid), "%d", child);
	return !write_file(path, pid);
}

static bool v2_frozen(void)
{
	char *events = read_file(V2 "/desk/cgroup.events");
	bool frozen = events && strstr(events, "frozen 1");

	free(events);
	return frozen;
}

/*
 * A task in a frozen cgroup. If the sleep of @cmd can be interrupted, the task
 * has left the call, which is made again later. Otherwise the unbind wakes it.
 */
static void t_cgroup(unsigned long cmd)
{
	bool leaves = cmd == DESK_STAY;
	int status, misc;
	pid_t child;

	diag("a cgroup is frozen, with a task in %s", leaves ? "an interruptible sleep" :
	     "a sleep that is not");
	ok_err(desk_bind(true, false), 0, "bind");
	misc = desk_open_misc();
	child = child_gone(misc, cmd);
	if (!ok(put_into(V2 "/desk", child), "it is in a cgroup"))
		return;
	ok_err(write_file(V2 "/desk/cgroup.freeze", "1"), 0, "freeze");
	if (leaves)
		ok(wait_for(v2_frozen(), 10000), "it is frozen");
	ok_err(desk_unbind(), 0, "unbind");
	ok(wait_for(v2_frozen(), 10000), "it is frozen");
	ok(!waitpid(child, &status, WNOHANG), "and goes nowhere");
	write_file(V2 "/desk/cgroup.freeze", "0");
	ok(child_over(child, 10000, &status) && !status, "thawed, it finds the device gone");
	rmdir(V2 "/desk");
	close(misc);
}

static long job_desk_unbind(struct job *job __unused)
{
	return desk_unbind();
}

/* A task that is frozen inside. Only thawing wakes it, so the unbind waits for that. */
static void t_frozen_inside(void)
{
	struct job unbind = { .run = job_desk_unbind };
	int status, misc;
	pid_t child;

	diag("a task is frozen inside of a call");
	ok_err(desk_bind(true, false), 0, "bind");
	misc = desk_open_misc();
	child = child_gone(misc, DESK_DOZE);
	if (!ok(put_into(V1 "/desk", child), "it is in a cgroup"))
		return;
	/* Where lockdep is on: the call is inside of the gate. */
	kmsg("e2e: allow WARNING: .*__set_task_frozen");
	ok_err(write_file(V1 "/desk/freezer.state", "FROZEN"), 0, "freeze");
	kmsg("e2e: allow-end");
	kmsg_start();
	job_start(&unbind);
	ok(wait_for(KMSG_HAS("cdevm: ", DESK_DRIVER, "which is frozen in unlocked_ioctl"),
		    REPORT_MS), "the log says for what");
	ok(!job_over(&unbind), "it does");
	ok_err(write_file(V1 "/desk/freezer.state", "THAWED"), 0, "thaw");
	ok(wait_for(job_over(&unbind), 10000) && !unbind.ret, "then it is over (%s)",
	   ename(unbind.ret));
	ok(child_over(child, 10000, &status) && !status, "and the task finds the device gone");
	rmdir(V1 "/desk");
	close(misc);
}

static void t_cgroups(void)
{
	mkdir(V1, 0755);
	mkdir(V2, 0755);
	if (mount("none", V2, "cgroup2", 0, NULL)) {
		skip("tasks in a cgroup that is frozen", "there are no cgroups in this kernel");
		return;
	}
	t_cgroup(DESK_STAY);
	t_cgroup(DESK_SLEEP);
	umount(V2);
	if (mount("none", V1, "cgroup", 0, "freezer")) {
		skip("a task that is frozen inside of a call", "no freezer in this kernel");
		return;
	}
	t_frozen_inside();
	umount(V1);
}

/* --- suspend */

static long suspend(void)
{
	return write_file("/sys/power/state", "freeze");
}

/*
 * The device is unbound while all tasks are frozen, and suspend waits for that. One task
 * sleeps in a call, which it has left to be frozen, and one in poll(), where it is.
 */
static void t_suspended(void)
{
	struct sleeper sleeper = { 0 }, *s = &sleeper;
	int status, misc;
	pid_t child;

	diag("unbound while the system is suspended");
	ok_err(desk_bind(true, false), 0, "bind");
	misc = desk_open_misc();
	child = child_gone(misc, DESK_STAY);
	s->fd = misc;
	pthread_create(&s->thread, NULL, sleeper_polls, s);
	ok(wait_for(asleep(&s->tid), 10000), "poll: sleeps");
	desk_set("unplug", true);
	ok_err(suspend(), 0, "suspend, and resume");
	desk_set("unplug", false);
	ok(!exists(DESK_SYSFS "/" DESK_DRIVER), "the device was unbound");
	ok(desk_param("powered") == 0, "the power was given back");
	ok(child_over(child, 10000, &status) && !status, "the task finds it gone");
	pthread_join(s->thread, NULL);
	ok((s->got & POLLHUP) == POLLHUP, "poll: woken (0x%x)", s->got);
	close(misc);
}

/* A task that cannot be frozen: there is no suspend, so no unbind waits. */
static void t_not_suspended(void)
{
	int status, misc;
	pid_t child;

	diag("a call that cannot be frozen keeps the system from being suspended");
	ok_err(desk_bind(true, false), 0, "bind");
	misc = desk_open_misc();
	child = child_gone(misc, DESK_SLEEP);
	write_file("/sys/power/pm_freeze_timeout", "500");
	desk_set("unplug", true);
	ok_err(suspend(), EBUSY, "suspend");
	desk_set("unplug", false);
	ok(desk_ping(misc) == DESK_PONG, "the device is bound");
	ok_err(desk_unbind(), 0, "unbind wakes the call");
	ok(child_over(child, 10000, &status) && !status, "its task finds the device gone");
	close(misc);
}

static void t_suspend(void)
{
	if (is_module()) {
		skip("unbound while the system is suspended", "this kernel has devices of its own");
		return;
	}
	if (write_file("/sys/power/pm_test", "devices")) {
		skip("unbound while the system is suspended", "no pm_test in this kernel");
		return;
	}
	t_suspended();
	t_not_suspended();
	write_file("/sys/power/pm_test", "none");
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
	/* Requests of an io_uring may be in flight: nothing is known of them. */
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
	t_garbage(true, false);
	t_garbage(true, true);
	t_garbage(false, false);
	t_garbage(false, true);
	t_nodes();
	t_drawer(false);
	ok_err(rmmod("cdevm_desk"), 0, "rmmod");
	insmod("cdevm_desk");
	desk_unbind();
	t_drawer(true);
	t_stopped(false);
	t_stopped(true);
	t_stop_asked();
	t_cgroups();
	t_suspend();
	t_every();
	ok(desk_param("opens") == desk_param("releases"), "%ld opens, %ld releases",
	   desk_param("opens"), desk_param("releases"));
	ok_err(rmmod("cdevm_desk"), 0, "rmmod");
	return done("cdevm-files");
}
