// SPDX-License-Identifier: GPL-2.0
/*
 * Each slab allocation of each call fails once, in their order, by the kernel's own
 * fail-nth: of bind and unbind, open() and close(), of what is done with a file while
 * the device is there and when it has gone, and of mappings
 *
 * A call that fails must leave everything as it was: the same call works next. What
 * cannot fail, close(), must do its work. kmemleak looks for the rest, and makes
 * allocations of its own, which it can do without.
 */
#include "desk.h"
#include "driver.h"
#include "probe.h"
#include "sample.h"

#include <sys/mman.h>

#define FAILSLAB	"/sys/kernel/debug/failslab/"
#define PAGE		4096UL
/* No call has so many allocations. */
#define MANY		2000

static int nth_fd = -1;

static bool fail_set_up(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/fail-nth", getpid());
	nth_fd = xopen(path, O_RDWR);
	return nth_fd >= 0 && !write_file(FAILSLAB "ignore-gfp-wait", "N") &&
	       !write_file(FAILSLAB "verbose", "0");
}

/* The @n-th allocation of this task from now on fails. */
static void fail_begin(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(nth_fd, text, len, 0) != len)
		ok(false, "fail-nth can be set");
}

/* Has one failed? Were there so many? */
static bool fail_end(void)
{
	char text[16] = "";
	bool fired = pread(nth_fd, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;

	fail_begin(0);
	return fired;
}

/**
 * struct step - a call
 * @what: its name
 * @prepare: does what comes before; or %NULL
 * @run: the call; a negative errno when it has failed
 * @after: brings everything back to how it was before @prepare, and looks at it
 * @certain: it must do its work whatever fails
 * @arg: which node is opened, or what is mapped
 */
struct step {
	const char *what;
	bool (*prepare)(void);
	long (*run)(void);
	bool (*after)(long ret);
	bool certain;
	int arg;
};

/* Of the step that is being done. */
static int arg;
static unsigned int total;

static long run_bind(void);
static long run_desk_bind(void);
static long run_make(void);

/* device_add() says EINVAL when there is no memory for the name. */
static bool adds_devices(const struct step *s)
{
	return s->run == run_bind || s->run == run_desk_bind || s->run == run_make;
}

static void fail_each(const struct step *s)
{
	unsigned int n, refused = 0, without = 0;
	bool fired = true, good = true;
	long ret;

	tap_quiet = true;
	arg = s->arg;
	for (n = 1; fired && good && n < MANY; n++) {
		if (s->prepare && !ok(s->prepare(), "%s, allocation %u: prepare", s->what, n))
			break;
		fail_begin(n);
		ret = s->run();
		fired = fail_end();
		if (ret < 0 && (s->certain || !fired))
			good = ok(false, "%s, allocation %u: %s", s->what, n, ename(ret));
		else if (ret < 0)
			good = ok(ret == -ENOMEM || (ret == -EINVAL && adds_devices(s)),
				  "%s, allocation %u: want ENOMEM, got %s", s->what, n, ename(ret));
		refused += fired && ret < 0;
		without += fired && ret >= 0;
		good &= ok(s->after(ret), "%s, allocation %u: what it left", s->what, n);
	}
	tap_quiet = false;
	ok(good && !fired, "%s: %u allocations, each failed once: %u times refused, %u done without", s->what,
	   refused + without, refused, without);
	total += refused + without;
}

/* --- the sample: nodes of three kinds */

static int bind_fd, unbind_fd, fd = -1, fds[NODES], epoll_fd = -1;
static const struct sample *const s = &cdevm_sample;

static bool sample_is_bound(void)
{
	return exists("/sys/bus/platform/drivers/cdevm-sample/cdevm-sample");
}

static bool sample_ready(void)
{
	return sample_is_bound() || !sample_bind(s);
}

static bool sample_away(void)
{
	return !sample_is_bound() || !sample_unbind(s);
}

/* The path is not walked with the call: an allocation for that says nothing of ours. */
static long run_bind(void)
{
	return xwrite(bind_fd, s->name, strlen(s->name));
}

static long run_unbind(void)
{
	return xwrite(unbind_fd, s->name, strlen(s->name));
}

static bool all_work(void)
{
	struct sample_stats stats;
	bool good = sample_open(s, fds);
	int i;

	for (i = 0; i < NODES; i++) {
		good &= fds[i] >= 0 && xioctl(fds[i], SAMPLE_IOC_GET_STATS, &stats) == 0;
		if (fds[i] >= 0)
			close(fds[i]);
	}
	return good;
}

static bool after_bind(long ret)
{
	int i;

	if (ret >= 0)
		return sample_is_bound() && all_work() && sample_away();
	for (i = 0; i < NODES; i++)
		if (exists(s->node[i]))
			return false;
	return !sample_is_bound();
}

static bool prepare_unbind(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int i;

	if (!sample_ready() || !sample_open(s, fds))
		return false;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (i = 0; i < NODES; i++)
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fds[i], &ev))
			return false;
	return true;
}

/* What sysfs has no memory for is not begun. */
static bool after_unbind(long ret)
{
	bool good = sample_is_bound() == (ret < 0) && sample_away();
	char c;
	int i;

	for (i = 0; i < NODES; i++) {
		good &= xread(fds[i], &c, 1) == -ENODEV && poll_one(fds[i], 0) & POLLHUP;
		good &= !close(fds[i]);
	}
	close(epoll_fd);
	return good;
}

static long run_open(void)
{
	return fd = xopen(s->node[arg], O_RDWR | O_NONBLOCK);
}

static bool after_open(long ret)
{
	struct sample_stats stats;
	bool good = true;

	if (ret >= 0)
		good = !xioctl(fd, SAMPLE_IOC_GET_STATS, &stats) && !close(fd);
	return good && sample_count(s, "opens") == sample_count(s, "releases");
}

static bool prepare_file(void)
{
	return sample_ready() && run_open() >= 0;
}

static bool after_file(long ret __unused)
{
	close(fd);
	return sample_count(s, "opens") == sample_count(s, "releases");
}

static bool prepare_gone(void)
{
	return prepare_file() && sample_away();
}

static long run_close(void)
{
	return close(fd) ? -errno : 0;
}

static bool after_close(long ret __unused)
{
	return sample_count(s, "opens") == sample_count(s, "releases");
}

static long run_calls(void)
{
	struct sample_stats stats;
	long ret;
	char c;

	ret = xwrite(fd, "x", 1);
	if (ret == 1)
		ret = xread(fd, &c, 1);
	if (ret == 1)
		ret = xioctl(fd, SAMPLE_IOC_GET_STATS, &stats);
	return ret ? ret : poll_one(fd, 0);
}

static long run_epoll(void)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static bool prepare_epoll(void)
{
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return epoll_fd >= 0 && prepare_file();
}

static bool after_epoll(long ret)
{
	close(epoll_fd);
	return after_file(ret);
}

static bool prepare_gone_epoll(void)
{
	return prepare_epoll() && sample_away();
}

/* Hung up, for whom there is memory to say it to. */
static bool after_gone_epoll(long ret)
{
	struct epoll_event ev;
	bool good = ret < 0 || (epoll_wait(epoll_fd, &ev, 1, 0) == 1 && ev.events & EPOLLHUP);

	return after_epoll(ret) && good;
}

static const struct step sample_steps[] = {
	{ "bind", sample_away, run_bind, after_bind, false, 0 },
	{ "open a cdev with a device", sample_ready, run_open, after_open, false, 0 },
	{ "open a cdev", sample_ready, run_open, after_open, false, 1 },
	{ "open a misc device", sample_ready, run_open, after_open, false, 2 },
	{ "close", prepare_file, run_close, after_close, true, 0 },
	{ "write, read, ioctl, poll", prepare_file, run_calls, after_file, false, 0 },
	{ "add it to an epoll", prepare_epoll, run_epoll, after_epoll, false, 0 },
	{ "unbind, all nodes open and in an epoll", prepare_unbind, run_unbind, after_unbind, false, 0 },
	{ "close after unbind", prepare_gone, run_close, after_close, true, 0 },
	{ "add it to an epoll after unbind", prepare_gone_epoll, run_epoll, after_gone_epoll, false, 0 },
};

static void t_sample(void)
{
	unsigned int i;

	diag("the sample");
	if (!ok_err(insmod(s->name), 0, "insmod"))
		return;
	bind_fd = xopen("/sys/bus/platform/drivers/cdevm-sample/bind", O_WRONLY);
	unbind_fd = xopen("/sys/bus/platform/drivers/cdevm-sample/unbind", O_WRONLY);
	for (i = 0; i < ARRAY_SIZE(sample_steps); i++)
		fail_each(&sample_steps[i]);
	close(bind_fd);
	close(unbind_fd);
	ok(sample_away() && wait_for(sample_count(s, "allocs") == sample_count(s, "frees"), FREED_MS),
	   "memory of all bindings is freed (%ld allocated, %ld freed)", sample_count(s, "allocs"),
	   sample_count(s, "frees"));
	ok_err(rmmod(s->module), 0, "rmmod");
}

/* --- the driver that has everything: mappings, files that end with the device */

/* With what is mapped: not shared. */
#define PRIVATE	0x100

static unsigned char *map;

static bool probe_ready(void)
{
	return probe_is_bound() || !probe_bind();
}

static bool probe_away(void)
{
	return !probe_is_bound() || !probe_unbind();
}

static bool prepare_probe_file(void)
{
	return probe_ready() && (fd = probe_open(O_NONBLOCK)) >= 0;
}

static bool probe_after_file(long ret __unused)
{
	close(fd);
	return probe_param("opens") == probe_param("releases");
}

static long run_mmap(void)
{
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, arg & PRIVATE ? MAP_PRIVATE : MAP_SHARED, fd,
		   (arg & ~PRIVATE) * PAGE);
	return map == MAP_FAILED ? -errno : 0;
}

static bool after_mmap(long ret)
{
	bool regs = arg == PROBE_MAP_REGS || arg == PROBE_MAP_BARE, good = true;

	if (ret >= 0)
		good = *map == (regs ? PROBE_REGS_BYTE : PROBE_RAM_BYTE) && !munmap(map, PAGE);
	return probe_after_file(ret) && good && probe_param("vm_opens") == probe_param("vm_closes");
}

static bool prepare_map(void)
{
	return prepare_probe_file() && run_mmap() >= 0;
}

/* The child has the mapping, too, if there is a child. */
static bool child_sees;

static long run_fork(void)
{
	pid_t pid = fork();
	int status;

	child_sees = true;

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(*map == PROBE_RAM_BYTE ? 0 : 1);
	child_sees = waitpid(pid, &status, 0) == pid && !status;
	return 0;
}

static long run_mremap(void)
{
	void *to = mremap(map, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, map + 64 * PAGE);

	if (to == MAP_FAILED)
		return -errno;
	map = to;
	return 0;
}

static long run_munmap(void)
{
	return munmap(map, PAGE) ? -errno : 0;
}

static bool after_munmap(long ret)
{
	if (ret < 0 && munmap(map, PAGE))
		return false;
	return probe_after_file(ret) && probe_param("vm_opens") == probe_param("vm_closes");
}

/* The mapping is there, whether the call has failed or not. */
static bool after_kept(long ret __unused)
{
	return after_mmap(0);
}

static bool after_fork(long ret)
{
	return after_kept(ret) && child_sees;
}

static long run_fasync(void)
{
	return fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK | O_ASYNC) < 0 ? -errno : 0;
}

static long run_probe_bind(void)
{
	return xwrite(bind_fd, PROBE_DRIVER, strlen(PROBE_DRIVER));
}

static bool after_probe_bind(long ret)
{
	return probe_is_bound() == (ret >= 0) && probe_away();
}

static long run_probe_unbind(void)
{
	return xwrite(unbind_fd, PROBE_DRIVER, strlen(PROBE_DRIVER));
}

/* Whose files are released at unbind. */
static bool prepare_early(void)
{
	return probe_away() && !probe_set("early", "Y") && prepare_probe_file();
}

static bool after_early(long ret)
{
	bool good = probe_is_bound() == (ret < 0);
	char c;

	good &= probe_away() && xread(fd, &c, 1) == -ENODEV && probe_param("opens") == probe_param("releases");
	close(fd);
	return good && !probe_set("early", "N");
}

static bool after_mapped(long ret)
{
	bool good = probe_is_bound() == (ret < 0) && probe_away() && !munmap(map, PAGE);

	return probe_after_file(ret) && good && probe_param("vm_opens") == probe_param("vm_closes");
}

static bool prepare_early_file(void)
{
	return probe_away() && !probe_set("early", "Y") && probe_ready();
}

static long run_probe_open(void)
{
	return fd = xopen("/tmp/early", O_RDWR | O_NONBLOCK);
}

static bool after_early_open(long ret)
{
	bool good = true;

	if (ret >= 0)
		good = xioctl(fd, PROBE_PING, NULL) == PROBE_PONG && !close(fd);
	return good && probe_param("opens") == probe_param("releases") && probe_away() && !probe_set("early", "N");
}

static bool prepare_node(void)
{
	bool good = prepare_early_file();

	probe_mknod("/tmp/early", 0);
	return good;
}

static const struct step probe_steps[] = {
	{ "bind", probe_away, run_probe_bind, after_probe_bind, false, 0 },
	{ "open a file that ends with the device", prepare_node, run_probe_open, after_early_open, false, 0 },
	{ "fcntl O_ASYNC", prepare_probe_file, run_fasync, probe_after_file, false, 0 },
	{ "mmap, shared", prepare_probe_file, run_mmap, after_mmap, false, PROBE_MAP_RAM },
	{ "mmap of registers", prepare_probe_file, run_mmap, after_mmap, false, PROBE_MAP_REGS },
	{ "mmap of a page", prepare_probe_file, run_mmap, after_mmap, false, PROBE_MAP_INSERT },
	{ "mmap without operations", prepare_probe_file, run_mmap, after_mmap, false, PROBE_MAP_BARE },
	{ "mmap, private", prepare_probe_file, run_mmap, after_mmap, false, PRIVATE | PROBE_MAP_RAM },
	{ "fork with a mapping", prepare_map, run_fork, after_fork, false, PROBE_MAP_RAM },
	{ "mremap", prepare_map, run_mremap, after_kept, false, PROBE_MAP_RAM },
	{ "munmap", prepare_map, run_munmap, after_munmap, false, PROBE_MAP_RAM },
	{ "unbind, a file mapped", prepare_map, run_probe_unbind, after_mapped, false, PROBE_MAP_RAM },
	{ "unbind, files end with it", prepare_early, run_probe_unbind, after_early, false, 0 },
};

static void t_probe(void)
{
	unsigned int i;

	diag("the driver that has everything");
	if (!probe_load())
		return;
	bind_fd = xopen(PROBE_SYSFS "/bind", O_WRONLY);
	unbind_fd = xopen(PROBE_SYSFS "/unbind", O_WRONLY);
	for (i = 0; i < ARRAY_SIZE(probe_steps); i++) {
		/* Its flush_tlb_mm() takes what dup_mmap() has left for a mapping: an oops, stock. */
		if (probe_steps[i].run == run_fork && kernel_version() == 612) {
			skip("fork with a mapping", "the User Mode Linux of 6.12 dies when a fork fails");
			continue;
		}
		fail_each(&probe_steps[i]);
	}
	close(bind_fd);
	close(unbind_fd);
	ok(probe_away(), "unbind");
	probe_ok_end();
}

/* --- the driver whose files end with the device, and whose nodes can go alone */

static bool desk_ready(void)
{
	return desk_is_bound() || !desk_bind(true, true);
}

static bool desk_away(void)
{
	return !desk_is_bound() || !desk_unbind();
}

static bool desk_balanced(void)
{
	return desk_param("opens") == desk_param("releases") && !desk_param("powered");
}

static bool prepare_desk_bind(void)
{
	desk_set("early", true);
	desk_set("alone", true);
	return desk_away();
}

static long run_desk_bind(void)
{
	return xwrite(bind_fd, DESK_DRIVER, strlen(DESK_DRIVER));
}

/* Can the cdev be opened? */
static bool desk_has_cdev(void)
{
	int cdev = desk_open_cdev();
	bool works = cdev >= 0 && desk_ping(cdev) == DESK_PONG;

	if (cdev >= 0)
		close(cdev);
	return works;
}

static bool after_desk_bind(long ret)
{
	bool good = desk_is_bound() == (ret >= 0) && exists("/dev/" DESK_DRIVER) == (ret >= 0);

	return good && desk_has_cdev() == (ret >= 0) && desk_away();
}

static bool prepare_desk_node(void)
{
	return desk_ready() && !desk_make_cdev();
}

static long run_desk_open(void)
{
	return fd = arg ? desk_open_misc() : xopen(DESK_CDEV, O_RDWR);
}

static bool after_desk_open(long ret)
{
	bool good = true;

	if (ret >= 0)
		good = desk_ping(fd) == DESK_PONG && !close(fd);
	return good && desk_balanced();
}

static bool prepare_desk_file(void)
{
	return desk_ready() && (fd = desk_open_misc()) >= 0;
}

static bool after_desk_file(long ret __unused)
{
	return !close(fd) && desk_balanced();
}

static long actions;

static bool prepare_action(void)
{
	actions = desk_param("actions");
	return prepare_desk_file();
}

static long run_action(void)
{
	return xioctl(fd, DESK_ACTION, NULL);
}

static bool after_action(long ret)
{
	return after_desk_file(ret) && desk_param("actions") == actions + (ret >= 0);
}

static long run_anon(void)
{
	return fds[0] = xioctl(fd, DESK_ANON, NULL);
}

static bool after_anon(long ret)
{
	bool good = true;

	if (ret >= 0)
		good = desk_ping(fds[0]) == DESK_PONG && !close(fds[0]);
	return after_desk_file(ret) && good;
}

/* From the other node's file, which stays. */
static long run_del(void)
{
	return xioctl(fd, DESK_DEL, NULL);
}

static bool after_del(long ret)
{
	bool good = !ret && !desk_has_cdev() && desk_ping(fd) == DESK_PONG;

	return after_desk_file(ret) && good && desk_away();
}

static long run_make(void)
{
	return xioctl(fd, DESK_MAKE, NULL);
}

static bool after_make(long ret)
{
	bool good = exists("/dev/" DESK_DRAWER) == (ret >= 0);

	if (ret >= 0) {
		fds[0] = desk_open_drawer();
		good &= desk_ping(fds[0]) == DESK_PONG && !xioctl(fd, DESK_BREAK, NULL) && desk_ping(fds[0]) == -ENODEV;
		close(fds[0]);
	}
	return after_desk_file(ret) && good;
}

/* Who holds what, while somebody does. */
static long run_list(void)
{
	static char text[1 << 20];
	size_t total = 0;
	long ret;
	int list = xopen("/sys/kernel/debug/resmgr/dump", O_RDONLY);

	if (list < 0)
		return list;
	while ((ret = xread(list, text + total, sizeof(text) - 1 - total)) > 0)
		total += ret;
	close(list);
	text[total] = '\0';
	return ret ? ret : strstr(text, DESK_DRIVER) ? 0 : -ENODATA;
}

static const struct step desk_steps[] = {
	{ "bind nodes that can go alone", prepare_desk_bind, run_desk_bind, after_desk_bind, false, 0 },
	{ "open a cdev that can go alone", prepare_desk_node, run_desk_open, after_desk_open, false, 0 },
	{ "open a misc device that can go alone", prepare_desk_node, run_desk_open, after_desk_open, false, 1 },
	{ "add an action to a file", prepare_action, run_action, after_action, false, 0 },
	{ "a file on no node", prepare_desk_file, run_anon, after_anon, false, 0 },
	{ "remove a node alone", prepare_desk_file, run_del, after_del, true, 0 },
	{ "make a scope of no driver", prepare_desk_file, run_make, after_make, false, 0 },
	{ "read the list in debugfs", prepare_desk_file, run_list, after_desk_file, false, 0 },
};

static void t_desk(void)
{
	unsigned int i;

	diag("files that end with the device, nodes that go alone");
	if (!ok_err(insmod("cdevm_desk"), 0, "insmod"))
		return;
	bind_fd = xopen(DESK_SYSFS "/bind", O_WRONLY);
	for (i = 0; i < ARRAY_SIZE(desk_steps); i++)
		fail_each(&desk_steps[i]);
	close(bind_fd);
	ok(desk_away(), "unbind");
	ok_err(rmmod("cdevm_desk"), 0, "rmmod");
}

int main(void)
{
	if (!fail_set_up()) {
		skip("each allocation fails once", "needs FAILSLAB and FAULT_INJECTION_DEBUG_FS");
		return done("fail-nth");
	}
	/* The kernel says that a device or a node could not be added. */
	kmsg("e2e: allow kobject_add_internal failed for .*error: -12 ");
	t_sample();
	t_probe();
	t_desk();
	kmsg("e2e: allow-end");
	ok(total > 100, "%u allocations failed", total);
	return done("fail-nth");
}
