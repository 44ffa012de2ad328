// SPDX-License-Identifier: GPL-2.0
/*
 * The driver cdevm_stress is used, bound, unbound, loaded and unloaded at random, all at once
 *
 *	stress [SECONDS [SEED]]
 *
 * Without arguments both come from the kernel command line: e2e_seconds=,
 * e2e_seed=. Workers are processes, since threads of one process do not run in
 * parallel in UML. The driver records what happens to it and WARNs of
 * violations; this program counts what it did, and checks that it was enough.
 * On a kernel without the driver the workers use nodes of mem.c instead:
 * reports there are not caused by the driver.
 */
#include <linux/limits.h>
#include <sched.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "common.h"
#include "json.h"
#include "../kunit/stress/cdevm_stress.h"

#define DEVICES		4
#define WORKERS		6
#define FDS		12
#define MAPS		4
#define STUCK_MS	60000

#define MODULE		"cdevm_stress"
#define PARAMETERS	"/sys/module/" MODULE "/parameters/"
#define DRIVER_DIR	"/sys/bus/platform/drivers/" STRESS_DRIVER "/"
#define FAILSLAB	"/sys/kernel/debug/failslab/"
#define NODE_DIR	"/tmp/stress-nodes"
#define LISTS		"/sys/kernel/debug/resmgr/"

/* --- what the processes share */

enum op {
	OPEN, DUP, FORK, EXEC, SEND, RECEIVE, STEAL, READ, WRITE, IOCTL, POLL, EPOLL, MMAP, CLOSE, EXIT, KILL,
	BIND, UNBIND, RELOAD, LIST, OPS
};

static const char *const op_names[OPS] = {
	"open", "dup", "fork", "exec", "send", "receive", "steal", "read", "write", "ioctl", "poll", "epoll", "mmap",
	"close", "exit", "kill", "bind", "unbind", "reload", "list",
};

struct slot {
	pid_t pid;
	int fd;			/* one that is open there, for others to steal */
	unsigned int generation;
	unsigned int ops;
	unsigned int busy;	/* it must not be killed: by fork(), or because it was */
};

static struct shared {
	unsigned int done[OPS];		/* that succeeded */
	unsigned int tried[OPS];
	unsigned int failed_allocs;
	unsigned int kills_inside;	/* of a worker that slept in a call */
	unsigned int bad_pages;
	unsigned int bad_lists;		/* that are no JSON */
	unsigned int quiet;		/* let go of all files, for the module to be removed */
	unsigned int stop;
	unsigned int control_beat;	/* goes up as the controllers get on */
	struct slot slot[WORKERS];
	long reload_ms;			/* the longest */
	/* The driver's counters of the loads that are over. */
	long counters[32];
} *sh;

static unsigned int seed = 1, seconds = 10, devices;
static bool have_driver;
static char node[STRESS_DEVICES_MAX * (STRESS_MINORS + 1)][48];
static int nodes;
static int sock[2] = { -1, -1 };

static void did(enum op op, bool good)
{
	__atomic_add_fetch(&sh->tried[op], 1, __ATOMIC_RELAXED);
	if (good)
		__atomic_add_fetch(&sh->done[op], 1, __ATOMIC_RELAXED);
}

/*
 * UML crashes when a fork() is killed in its middle, on stock kernels, too: its flush_tlb_mm() walks a list of mappings
 * that ends in an entry which is none. So a worker is killed by the parent of all, who is not killed, and who asks.
 */
static bool trylock(struct slot *slot)
{
	return !__atomic_exchange_n(&slot->busy, 1, __ATOMIC_ACQUIRE);
}

static bool get(unsigned int *flag)
{
	return __atomic_load_n(flag, __ATOMIC_RELAXED);
}

static unsigned long long prng;

static unsigned int roll(unsigned int n)
{
	prng = prng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned int)(prng >> 33) % n;
}

static void seed_prng(unsigned int who, unsigned int generation)
{
	prng = seed * 1000003ULL + who * 7919ULL + generation;
	roll(1);
	roll(1);
}

/* --- the driver's counters */

static const char *const counter_names[] = {
	"violations", "scopes", "probes", "failed_probes", "removes", "revokes", "busy_revokes", "opens",
	"failed_opens", "releases", "late_releases", "reads", "writes", "ioctls", "polls", "mmaps", "holds", "added",
	"released", "removed",
};

static long counter_in(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (; text && *text; text = strchr(text, '\n'), text += !!text)
		if (!strncmp(text, name, len) && text[len] == ' ')
			return atol(text + len);
	return -1;
}

static long counter_now(const char *name)
{
	char *text = read_file(PARAMETERS "counters");
	long n = counter_in(text, name);

	free(text);
	return n;
}

/* Of this load, and of those before if they were kept. */
static long counter(const char *name)
{
	long n = counter_now(name);
	unsigned int i;

	if (n < 0)
		n = 0;
	for (i = 0; i < ARRAY_SIZE(counter_names); i++)
		if (!strcmp(name, counter_names[i]))
			n += sh->counters[i];
	return n;
}

/* --- nodes and module */

static int load(unsigned int number)
{
	char arguments[64];
	int fd, ret;

	fd = xopen(MODULES MODULE ".ko", O_RDONLY);
	if (fd < 0)
		fd = xopen(MODULES "cdevm-stress.ko", O_RDONLY);
	if (fd < 0)
		return fd;
	snprintf(arguments, sizeof(arguments), "devices=%d seed=%u", DEVICES, seed + number);
	ret = syscall(SYS_finit_module, fd, arguments, 0) ? -errno : 0;
	close(fd);
	return ret;
}

/* devtmpfs has the first minor of each device; the others are made here, and stay when the device goes. */
static int make_nodes(void)
{
	char *text = read_file("/proc/devices"), *line;
	unsigned int major = 0, d, m;

	nodes = 0;
	mkdir(NODE_DIR, 0700);
	for (line = text; line && *line; line = strchr(line, '\n'), line += !!line) {
		char name[64];
		unsigned int n;

		if (sscanf(line, "%u %63s", &n, name) == 2 && !strcmp(name, STRESS_DRIVER)) {
			major = n;
			break;
		}
	}
	free(text);
	for (d = 0; d < devices; d++) {
		snprintf(node[nodes++], sizeof(node[0]), "/dev/" STRESS_DRIVER "-d%u", d);
		snprintf(node[nodes++], sizeof(node[0]), "/dev/" STRESS_DRIVER "-m%u", d);
		for (m = 1; m < STRESS_MINORS; m++) {
			snprintf(node[nodes], sizeof(node[0]), NODE_DIR "/%u", d * STRESS_MINORS + m);
			unlink(node[nodes]);
			if (major && mknod(node[nodes], S_IFCHR | 0600, makedev(major, d * STRESS_MINORS + m)))
				return -errno;
			nodes++;
		}
	}
	return major ? 0 : -ENOENT;
}

static void stand_in_nodes(void)
{
	static const char *const name[] = { "/dev/null", "/dev/zero", "/dev/urandom" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(name); i++)
		strcpy(node[nodes++], name[i]);
}

/* --- allocations that fail, in this task only */

static int fail_nth_fd = -1, make_it_fail_fd = -1;

static void fail_open(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/fail-nth", getpid());
	fail_nth_fd = xopen(path, O_RDWR);
	make_it_fail_fd = xopen("/proc/self/make-it-fail", O_WRONLY);
}

/* Either the @n-th allocation from now on fails, or some do at random. */
static void fail_begin(unsigned int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	if (n)
		pwrite(fail_nth_fd, text, strlen(text), 0) < 0 ? (void)0 : (void)0;
	else
		pwrite(make_it_fail_fd, "1", 1, 0) < 0 ? (void)0 : (void)0;
}

static void fail_end(unsigned int n)
{
	char text[16] = "";

	if (n) {
		/* The rest of the count. If it is zero, the allocation has failed. */
		if (pread(fail_nth_fd, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0)
			__atomic_add_fetch(&sh->failed_allocs, 1, __ATOMIC_RELAXED);
		pwrite(fail_nth_fd, "0", 1, 0) < 0 ? (void)0 : (void)0;
	} else {
		pwrite(make_it_fail_fd, "0", 1, 0) < 0 ? (void)0 : (void)0;
	}
}

static bool fail_set_up(void)
{
	/* fail-nth needs only the first of these. make-it-fail needs all. */
	return !write_file(FAILSLAB "ignore-gfp-wait", "N") && !write_file(FAILSLAB "verbose", "0") &&
	       !write_file(FAILSLAB "task-filter", "Y") && !write_file(FAILSLAB "probability", "3") &&
	       !write_file(FAILSLAB "times", "-1");
}

static bool can_fail;

/* --- workers */

static int fds[FDS];
static void *maps[MAPS];
static struct slot *me;

static void nothing(int sig __unused)
{
}

/* Whatever blocks is interrupted after @ms at the latest. */
static void alarm_ms(long ms)
{
	struct itimerval it = { .it_value = { ms / 1000, ms % 1000 * 1000 } };

	setitimer(ITIMER_REAL, &it, NULL);
}

static int *any_fd(void)
{
	int i = roll(FDS), n;

	for (n = 0; n < FDS; n++, i++)
		if (fds[i % FDS] >= 0)
			return &fds[i % FDS];
	return NULL;
}

static void keep(int fd)
{
	int *p;

	if (fd < 0)
		return;
	p = &fds[roll(FDS)];
	if (*p >= 0)
		close(*p);
	*p = fd;
	me->fd = fd;
}

static void do_open(void)
{
	unsigned int n = 0;
	int fd, flags = O_RDWR | (roll(4) ? O_NONBLOCK : 0) | (roll(2) ? O_CLOEXEC : 0);
	const char *path = node[roll(nodes)];
	bool fail = can_fail && !roll(16);

	if (fail)
		fail_begin(n = roll(20));
	fd = open(path, flags);
	if (fail)
		fail_end(n);
	did(OPEN, fd >= 0);
	if (fd >= 0)
		keep(fd);
	else
		sleep_ms(roll(3));
}

static void do_io(int fd)
{
	static char buf[512];
	struct iovec iov[2] = { { buf, roll(64) + 1 }, { buf + 64, roll(64) } };
	int flags = fcntl(fd, F_GETFL);
	bool in = roll(2);
	long n;

	/*
	 * A sleeper that nothing interrupts waits for a write, or for the
	 * unbind, or for a kill.
	 */
	alarm_ms(flags & O_NONBLOCK || !in || !roll(4) ? 0 : 5 + roll(40));
	switch (roll(2)) {
	case 0:
		n = in ? read(fd, buf, roll(sizeof(buf))) : write(fd, buf, roll(sizeof(buf)));
		break;
	default:
		n = in ? readv(fd, iov, 2) : writev(fd, iov, 2);
		break;
	}
	alarm_ms(0);
	did(in ? READ : WRITE, n >= 0);
}

static void do_ioctl(int fd)
{
	unsigned int cmd = STRESS_IOC(roll(STRESS_IOCS));
	long ret;

	/* A killable wait ends by data, by kick, or by a kill; so its worker is killed now and then, or it writes. */
	if (cmd == STRESS_IOC_WAIT_KILL && roll(4))
		cmd = STRESS_IOC_LOOSE;
	if (cmd == STRESS_IOC_WAIT && roll(4))
		alarm_ms(5 + roll(50));
	ret = ioctl(fd, cmd, (unsigned long)roll(60));
	alarm_ms(0);
	did(IOCTL, ret >= 0);
}

static void do_poll(void)
{
	struct pollfd p[4];
	unsigned int n = 0;
	int *fd, ret;

	while (n < ARRAY_SIZE(p) && (fd = any_fd())) {
		p[n].fd = *fd;
		p[n++].events = POLLIN | (roll(2) ? POLLOUT : 0);
	}
	ret = poll(p, n, roll(4) ? 0 : roll(20));
	did(POLL, ret >= 0);
}

static void do_epoll(void)
{
	struct epoll_event ev = { .events = EPOLLIN | (roll(2) ? EPOLLET : 0) }, got[4];
	int ep = epoll_create1(roll(2) ? EPOLL_CLOEXEC : 0), i, n, *fd;

	if (ep < 0)
		return;
	n = 1 + roll(4);
	for (i = 0; i < n && (fd = any_fd()); i++) {
		epoll_ctl(ep, EPOLL_CTL_ADD, *fd, &ev);
		/* Closed while it is watched: epoll lets go of it by itself. */
		if (!roll(8)) {
			close(*fd);
			*fd = -1;
		}
	}
	n = epoll_wait(ep, got, ARRAY_SIZE(got), roll(4) ? 0 : roll(20));
	did(EPOLL, n >= 0);
	close(ep);
}

static sigjmp_buf zapped;

static void on_bus(int sig __unused)
{
	siglongjmp(zapped, 1);
}

/* A mapping whose device has gone is SIGBUS; as long as there is a page, it is the driver's. */
static void check_page(void *map)
{
	signal(SIGBUS, on_bus);
	if (!sigsetjmp(zapped, 1) && *(volatile unsigned int *)map != STRESS_PAGE_MAGIC && have_driver)
		__atomic_add_fetch(&sh->bad_pages, 1, __ATOMIC_RELAXED);
	signal(SIGBUS, SIG_DFL);
}

static void do_mmap(int fd)
{
	void **map = &maps[roll(MAPS)];

	if (*map) {
		check_page(*map);
		munmap(*map, 4096);
		*map = NULL;
		return;
	}
	*map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (*map == MAP_FAILED)
		*map = NULL;
	did(MMAP, *map);
	if (*map)
		check_page(*map);
}

static void do_send(int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	did(SEND, sendmsg(sock[0], &msg, MSG_DONTWAIT) == 1);
}

/* A file from another process, which may have exited. */
static int receive(void)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	int fd = -1;

	if (recvmsg(sock[1], &msg, MSG_DONTWAIT) != 1)
		return -1;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

static void do_receive(void)
{
	int fd = receive();

	did(RECEIVE, fd >= 0);
	keep(fd);
}

static int steal_from(struct slot *victim)
{
	int pidfd, fd = -1;
	pid_t pid = victim->pid;

	if (!pid || pid == getpid())
		return -1;
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return -1;
	fd = syscall(SYS_pidfd_getfd, pidfd, victim->fd, 0);
	close(pidfd);
	return fd;
}

static void do_steal(void)
{
	struct stat st;
	int fd = steal_from(&sh->slot[roll(WORKERS)]);

	/* The number may mean another file by now. */
	if (fd >= 0 && (fstat(fd, &st) || !S_ISCHR(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	did(STEAL, fd >= 0);
	keep(fd);
}

static void use(int fd)
{
	switch (roll(4)) {
	case 0:
	case 1:
		do_io(fd);
		break;
	case 2:
		do_ioctl(fd);
		break;
	default:
		do_mmap(fd);
		break;
	}
}

/* A child has all files of its parent. It goes with them open, or becomes another program that inherits them. */
static void do_fork(void)
{
	bool exec = !roll(3);
	char text[16];
	pid_t pid;
	int *fd;

	while (!trylock(me))
		sleep_ms(1);
	pid = fork();
	if (pid)
		__atomic_store_n(&me->busy, 0, __ATOMIC_RELEASE);
	if (pid > 0) {
		did(exec ? EXEC : FORK, true);
		return;
	}
	if (pid < 0)
		return;
	prctl(PR_SET_PDEATHSIG, 0);
	/* Nothing below may wait for longer. */
	signal(SIGALRM, SIG_DFL);
	roll(7);
	fd = any_fd();
	if (exec) {
		snprintf(text, sizeof(text), "%u", seed + roll(1000000));
		alarm(2);
		execl("/proc/self/exe", "stress-child", text, (char *)NULL);
		_exit(1);
	}
	alarm(2);
	if (fd && roll(2))
		read(*fd, text, 1) < 0 ? (void)0 : (void)0;
	if (fd && roll(2))
		ioctl(*fd, STRESS_IOC_TOUCH, 0);
	_exit(0);
}

/* The other program. It does not know the files that it has inherited. */
static int child(unsigned int its_seed)
{
	struct pollfd p = { .events = POLLIN };
	char buf[16];
	int fd;

	seed = its_seed;
	seed_prng(99, 0);
	for (fd = 3; fd < 64; fd++) {
		struct stat st;

		if (fstat(fd, &st) || !S_ISCHR(st.st_mode))
			continue;
		p.fd = fd;
		poll(&p, 1, 0);
		if (fcntl(fd, F_GETFL) & O_NONBLOCK)
			read(fd, buf, sizeof(buf)) < 0 ? (void)0 : (void)0;
		ioctl(fd, STRESS_IOC_LOOSE, 10);
		if (roll(2))
			close(fd);
	}
	return 0;
}

static void let_go(void)
{
	int i, fd;

	for (i = 0; i < MAPS; i++) {
		if (maps[i])
			munmap(maps[i], 4096);
		maps[i] = NULL;
	}
	for (i = 0; i < FDS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
	if (sock[0] >= 0)
		while ((fd = receive()) >= 0)
			close(fd);
}

static void worker_step(void)
{
	int *fd = any_fd();
	unsigned int what = roll(100);

	if (what < 20 || !fd) {
		do_open();
	} else if (what < 24) {
		did(DUP, true);
		keep(dup(*fd));
	} else if (what < 27) {
		do_fork();
	} else if (what < 30 && sock[0] >= 0) {
		do_send(*fd);
	} else if (what < 33 && sock[0] >= 0) {
		do_receive();
	} else if (what < 36) {
		do_steal();
	} else if (what < 50) {
		do_io(*fd);
	} else if (what < 74) {
		do_ioctl(*fd);
	} else if (what < 80) {
		do_poll();
	} else if (what < 84) {
		do_epoll();
	} else if (what < 88) {
		do_mmap(*fd);
	} else if (what < 98) {
		did(CLOSE, !close(*fd));
		*fd = -1;
	} else if (!roll(16)) {
		did(EXIT, true);
		_exit(0);
	} else {
		use(*fd);
	}
}

static void worker(int n)
{
	me = &sh->slot[n];
	me->pid = getpid();
	me->fd = -1;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = nothing }, NULL);
	seed_prng(n, me->generation);
	fail_open();
	while (!get(&sh->stop)) {
		/* One of them does not listen, so that a removal meets an open() now and then. */
		if (get(&sh->quiet)) {
			let_go();
			if (n || roll(4)) {
				sleep_ms(2);
				continue;
			}
		}
		worker_step();
		__atomic_add_fetch(&me->ops, 1, __ATOMIC_RELAXED);
	}
	_exit(0);
}

/* --- controllers */

static void beat(void)
{
	__atomic_add_fetch(&sh->control_beat, 1, __ATOMIC_RELAXED);
}

static int bind_or_not(const char *what, unsigned int device)
{
	char name[32];

	snprintf(name, sizeof(name), STRESS_DRIVER ".%u", device);
	return write_file(what, name);
}

static void binder(int n)
{
	unsigned int fail, device;
	int ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	seed_prng(100 + n, 0);
	fail_open();
	while (!get(&sh->stop)) {
		device = roll(DEVICES);
		did(UNBIND, !bind_or_not(DRIVER_DIR "unbind", device));
		if (roll(2))
			sleep_ms(roll(20));
		/*
		 * Not while the devices are being added: a 7.3 kernel refuses that and then leaks the reason that it
		 * notes down for it, __driver_probe_device(), "Device not ready to probe", of any driver.
		 */
		if (get(&sh->quiet)) {
			sleep_ms(10);
			beat();
			continue;
		}
		fail = can_fail && !roll(3);
		if (fail) {
			/* The path is walked and the file opened before; so most failures are in the probe. */
			unsigned int nth = roll(8) ? 3 + roll(60) : 0;

			fail_begin(nth);
			ret = bind_or_not(DRIVER_DIR "bind", device);
			fail_end(nth);
		} else {
			ret = bind_or_not(DRIVER_DIR "bind", device);
		}
		did(BIND, !ret);
		beat();
		sleep_ms(roll(60));
	}
	_exit(0);
}

/*
 * Nothing may be open, so the others are asked to let go of what they have. One of them goes on. The removal takes
 * seconds where DEBUG_KOBJECT_RELEASE delays the release of the kobjects that it waits for.
 */
static void reload(unsigned int number)
{
	char *text = NULL;
	long begin = now_ms(), end = begin + 5000;
	unsigned int i, was;
	int ret = -EBUSY;

	__atomic_store_n(&sh->quiet, 1, __ATOMIC_RELAXED);
	while (now_ms() < end && !get(&sh->stop)) {
		free(text);
		text = read_file(PARAMETERS "counters");
		ret = rmmod(MODULE);
		if (!ret || ret == -ENOENT)
			break;
		beat();
		sleep_ms(5);
	}
	beat();
	if (!ret)
		for (i = 0; i < ARRAY_SIZE(counter_names); i++)
			if (strcmp(counter_names[i], "scopes"))
				sh->counters[i] += counter_in(text, counter_names[i]);
	free(text);
	/* Allocations fail in the loading, too; and then it is done again. */
	was = can_fail && !roll(2) ? 1 + roll(200) : 0;
	if (was)
		fail_begin(was);
	ret = ret ? ret : load(number);
	if (was)
		fail_end(was);
	if (ret && was)
		ret = load(number);
	did(RELOAD, !ret);
	if (now_ms() - begin > sh->reload_ms)
		sh->reload_ms = now_ms() - begin;
	__atomic_store_n(&sh->quiet, 0, __ATOMIC_RELAXED);
}

static void reloader(void)
{
	long next = now_ms() + 500L * seconds, begin;
	unsigned int number = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	seed_prng(200, 0);
	fail_open();
	while (!get(&sh->stop)) {
		if (now_ms() < next) {
			sleep_ms(50);
			continue;
		}
		begin = now_ms();
		reload(++number);
		/* It may have taken long, and the others waited meanwhile: now it is their turn. */
		next = now_ms() + 4 * (now_ms() - begin) + roll(2000);
	}
	_exit(0);
}

/* The lists in debugfs, read all the time, in small pieces or in large ones. */
static void lister(int n)
{
	static char text[4 << 20];
	long got = 0;
	size_t len;
	bool json;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	seed_prng(400 + n, 0);
	while (!get(&sh->stop)) {
		json = roll(2);
		fd = xopen(json ? LISTS "dump" : LISTS "summary", O_RDONLY);
		for (len = 0; len < sizeof(text) - 1; len += got) {
			got = xread(fd, text + len, roll(3) ? sizeof(text) - 1 - len : 1 + roll(500));
			if (got <= 0)
				break;
		}
		text[len] = 0;
		close(fd);
		did(LIST, fd >= 0 && !got);
		if (!got && json && !json_is_valid(text))
			__atomic_add_fetch(&sh->bad_lists, 1, __ATOMIC_RELAXED);
	}
	_exit(0);
}

/* --- the parent of all */

static pid_t controller[5];

static pid_t start(void (*run)(int), int n)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		run(n);
		_exit(1);
	}
	return pid;
}

static void run_reloader(int n __unused)
{
	reloader();
}

static unsigned int worker_ops(void)
{
	unsigned int n = 0, i;

	for (i = 0; i < WORKERS; i++)
		n += sh->slot[i].ops;
	return n;
}

static void show_file(const char *what, const char *path)
{
	char *text = read_file(path), *line, *save;

	if (!text || !*text) {
		free(text);
		return;
	}
	diag("%s", what);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		diag("  %s", line);
	free(text);
}

/* Who hangs where. */
static void show_stuck(void)
{
	char path[64], what[64];
	pid_t pid;
	int i;

	for (i = 0; i < WORKERS + (int)ARRAY_SIZE(controller); i++) {
		pid = i < WORKERS ? sh->slot[i].pid : controller[i - WORKERS];
		if (!pid)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/stack", pid);
		snprintf(what, sizeof(what), "%s, pid %d, state %c", i < WORKERS ? "worker" : "controller", pid,
			 task_state(pid) ?: '?');
		show_file(what, path);
	}
	write_file("/proc/sysrq-trigger", "w");
}

/* It stays locked until it is reaped: it might be about to fork. */
static void kill_worker(struct slot *victim)
{
	char state;

	if (!victim->pid || !trylock(victim))
		return;
	state = task_state(victim->pid);
	if (state == 'S' || state == 'D')
		sh->kills_inside++;
	did(KILL, !kill(victim->pid, SIGKILL));
}

static void reap(bool again)
{
	pid_t pid;
	int i;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (i = 0; i < WORKERS; i++)
			if (sh->slot[i].pid == pid) {
				sh->slot[i].pid = 0;
				if (!again)
					continue;
				sh->slot[i].generation++;
				sh->slot[i].busy = 0;
				sh->slot[i].pid = start(worker, i);
			}
}

static bool all_gone(void)
{
	unsigned int i;

	reap(false);
	for (i = 0; i < WORKERS; i++)
		if (sh->slot[i].pid)
			return false;
	for (i = 0; i < ARRAY_SIZE(controller); i++)
		if (controller[i] > 0 && !kill(controller[i], 0))
			return false;
	return true;
}

/* Check that everything has happened without which a run shows nothing. */
static bool seen_all(void)
{
	return !have_driver ||
	       (counter("busy_revokes") && counter("late_releases") && sh->done[STEAL] && sh->done[RELOAD] &&
		(sock[0] < 0 || sh->done[RECEIVE]) &&
		(!can_fail || (counter("failed_probes") && sh->failed_allocs)));
}

/*
 * Returns false if there is no progress. A run on a slow or busy machine takes
 * longer, so that it still shows something.
 */
static bool torment(void)
{
	long end = now_ms() + 1000L * seconds, moved = now_ms(), shown = now_ms();
	long latest = end + 4000L * seconds + 60000;
	unsigned int ops, beats, last_ops = 0, last_beats = 0, i;

	seed_prng(300, 0);
	for (i = 0; i < WORKERS; i++)
		sh->slot[i].pid = start(worker, i);
	if (have_driver) {
		controller[0] = start(binder, 0);
		controller[1] = start(binder, 1);
		controller[2] = start(binder, 2);
		controller[3] = start(run_reloader, 0);
		if (exists(LISTS "dump"))
			controller[4] = start(lister, 0);
	}
	while (now_ms() < end || (now_ms() < latest && !seen_all())) {
		reap(true);
		if (!roll(16))
			kill_worker(&sh->slot[roll(WORKERS)]);
		ops = worker_ops();
		beats = sh->control_beat;
		/*
		 * A removal of the module may take long, and the workers pause
		 * meanwhile.
		 */
		if ((ops != last_ops || sh->quiet) && (beats != last_beats || !have_driver))
			moved = now_ms();
		if (beats != last_beats || ops != last_ops) {
			last_ops = ops;
			if (beats != last_beats)
				last_beats = beats;
		}
		if (now_ms() - moved > STUCK_MS)
			return false;
		if (now_ms() - shown > 30000) {
			shown = now_ms();
			diag("%ld s left: %u operations, %ld opens, %ld unbinds, %ld violations",
			     (end - now_ms()) / 1000, ops, counter("opens"), counter("removes"),
			     counter("violations"));
		}
		sleep_ms(20);
	}
	return true;
}

static bool stop(void)
{
	long end;
	unsigned int i;

	__atomic_store_n(&sh->stop, 1, __ATOMIC_RELAXED);
	end = now_ms() + 2000;
	while (!all_gone() && now_ms() < end)
		sleep_ms(20);
	for (i = 0; i < WORKERS; i++)
		if (sh->slot[i].pid)
			wait_for((kill_worker(&sh->slot[i]), sh->slot[i].busy), 2000);
	return wait_for(all_gone(), STUCK_MS);
}

static void run_unbind_all(int n __unused)
{
	unsigned int i;

	for (i = 0; i < devices; i++)
		bind_or_not(DRIVER_DIR "unbind", i);
	_exit(0);
}

/* Another process does what may hang, so that this one can report it. */
static bool done_within(void (*run)(int), long ms)
{
	pid_t pid = start(run, 0);

	return wait_for(waitpid(pid, NULL, WNOHANG) == pid, ms);
}

static void run_rmmod(int n __unused)
{
	_exit(rmmod(MODULE) ? 1 : 0);
}

static void totals(void)
{
	char line[512] = "";
	unsigned int i, len = 0;

	for (i = 0; i < OPS; i++)
		len += snprintf(line + len, sizeof(line) - len, " %s %u/%u", op_names[i], sh->done[i], sh->tried[i]);
	diag("done/tried:%s", line);
	len = 0;
	for (i = 0; i < ARRAY_SIZE(counter_names); i++)
		len += snprintf(line + len, sizeof(line) - len, " %s %ld", counter_names[i],
				counter(counter_names[i]));
	diag("the driver says:%s", line);
	diag("total: %u operations, %ld opens, %ld unbinds, %ld revokes, %ld of them with calls inside, "
	     "%ld failed probes, %u failed allocations, %u reloads (%ld ms at most), %u kills, %u of them asleep",
	     worker_ops(), counter("opens"), counter("removes"), counter("revokes"), counter("busy_revokes"),
	     counter("failed_probes"), sh->failed_allocs, sh->done[RELOAD], sh->reload_ms, sh->done[KILL],
	     sh->kills_inside);
}

static void enough(void)
{
	ok(worker_ops() > 100, "there were operations: %u", worker_ops());
	if (!have_driver)
		return;
	ok(counter("opens") > 0, "there were opens: %ld", counter("opens"));
	ok(counter("removes") > 0, "there were unbinds: %ld", counter("removes"));
	ok(counter("busy_revokes") > 0, "there were revokes with calls inside: %ld", counter("busy_revokes"));
	ok(counter("late_releases") > 0, "there were closes after unbind: %ld", counter("late_releases"));
	if (can_fail)
		ok(counter("failed_probes") > 0 && sh->failed_allocs, "there were failed probes: %ld, allocations: %u",
		   counter("failed_probes"), sh->failed_allocs);
	else
		skip("there were allocations that failed", "no failslab");
	if (sock[0] >= 0)
		ok(sh->done[RECEIVE] > 0, "files were passed in messages: %u", sh->done[RECEIVE]);
	else
		skip("files were passed in messages", "no CONFIG_UNIX");
	ok(sh->done[STEAL] > 0, "files were passed by pidfd_getfd: %u", sh->done[STEAL]);
	if (exists(LISTS "dump"))
		ok(sh->done[LIST] > 0 && sh->done[LIST] == sh->tried[LIST] && !sh->bad_lists,
		   "the lists in debugfs were read: %u times of %u, %u were no JSON", sh->done[LIST], sh->tried[LIST],
		   sh->bad_lists);
	else
		skip("the lists in debugfs were read", "no RESMGR_DEBUG");
	ok(sh->done[RELOAD] > 0, "the module was removed and loaded again: %u times", sh->done[RELOAD]);
}

static void finish(void)
{
	long added, gone;

	if (!ok(done_within(run_unbind_all, STUCK_MS), "all devices are unbound in the end"))
		return;
	wait_for(counter_now("scopes") == 0, FREED_MS);
	ok(counter_now("scopes") == 0, "no scope is alive in the end: %ld", counter_now("scopes"));
	added = counter_now("added");
	gone = counter_now("released") + counter_now("removed");
	ok(added == gone, "all resources were released: %ld added, %ld gone", added, gone);
	ok(counter_now("opens") == counter_now("releases"), "each open was released: %ld, %ld",
	   counter_now("opens"), counter_now("releases"));
	ok(counter("violations") == 0, "the driver found nothing wrong: %ld violations", counter("violations"));
	ok(sh->bad_pages == 0, "mapped pages were intact while they were mapped: %u were not", sh->bad_pages);
	totals();
	enough();
	ok(done_within(run_rmmod, STUCK_MS) && !exists("/sys/module/" MODULE), "the module is removed in the end");
	ok_no_leaks();
}

static void parameters(int argc, char **argv)
{
	char *text = read_file("/proc/cmdline"), *word, *save;

	for (word = strtok_r(text, " \n", &save); word; word = strtok_r(NULL, " \n", &save)) {
		if (!strncmp(word, "e2e_seconds=", 12))
			seconds = atoi(word + 12);
		if (!strncmp(word, "e2e_seed=", 9))
			seed = strtoul(word + 9, NULL, 0);
	}
	free(text);
	if (argc > 1)
		seconds = atoi(argv[1]);
	if (argc > 2)
		seed = strtoul(argv[2], NULL, 0);
}

int main(int argc, char **argv)
{
	if (!strcmp(argv[0], "stress-child"))
		return child(argc > 1 ? atoi(argv[1]) : 1);

	parameters(argc, argv);
	diag("%u s with seed %u; again: make stress SECONDS=%u SEED=%u", seconds, seed, seconds, seed);
	memset(fds, -1, sizeof(fds));
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		return ok(false, "shared memory: %s", strerror(errno)), done("stress");

	have_driver = is_ours();
	if (have_driver) {
		devices = DEVICES;
		if (!ok_err(load(0), 0, "load the module") || !ok_err(make_nodes(), 0, "make nodes"))
			return done("stress");
	} else {
		stand_in_nodes();
		skip("load the module", "not in this kernel, stand-ins are used");
	}
	can_fail = fail_set_up();
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, sock)) {
		sock[0] = -1;
		diag("no AF_UNIX sockets in this kernel: files are not passed in messages, only by pidfd_getfd");
	}
	/* The messages of any driver when there is no memory. */
	if (can_fail)
		kmsg("e2e: allow kobject_add_internal failed for .*error: -12 ");
	if (!ok(torment(), "nobody was stuck for %d s", STUCK_MS / 1000) ||
	    !ok(stop(), "all processes ended")) {
		if (can_fail)
			kmsg("e2e: allow-end");
		show_stuck();
		totals();
		return done("stress");
	}
	if (can_fail)
		kmsg("e2e: allow-end");
	let_go();
	if (have_driver)
		finish();
	else
		totals(), enough();
	return done("stress");
}
