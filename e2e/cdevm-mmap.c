// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings of a device that goes: of memory and of registers, shared and
 * private, in several processes, with the file closed, moved, and being made
 */
#include "probe.h"
#include "uffd.h"

#include <setjmp.h>
#include <sys/mman.h>

#define PAGE	4096UL

/* --- an access that may be SIGBUS */

static sigjmp_buf bus_jump;

static void bus_handler(int sig)
{
	siglongjmp(bus_jump, sig);
}

/* The byte, or minus the signal. */
static int peek(const volatile unsigned char *p)
{
	int sig = sigsetjmp(bus_jump, 1);

	return sig ? -sig : *p;
}

static int poke(volatile unsigned char *p, unsigned char byte)
{
	int sig = sigsetjmp(bus_jump, 1);

	if (sig)
		return -sig;
	*p = byte;
	return 0;
}

static void bus_init(void)
{
	struct sigaction sa = { .sa_handler = bus_handler };

	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
}

/* Neither the old content nor the new one can be read or written. */
static void ok_gone(volatile unsigned char *p, const char *what)
{
	int r = peek(p), w = poke(p, 'w');

	ok(r == -SIGBUS, "%s: a look is SIGBUS (%d)", what, r);
	ok(w == -SIGBUS, "%s: a write is SIGBUS (%d)", what, w);
}

/* --- mappings */

struct kind {
	const char *name;
	int pgoff, flags, byte;
};

static const struct kind kinds[] = {
	{ "memory by faults, shared", PROBE_MAP_RAM, MAP_SHARED, PROBE_RAM_BYTE },
	{ "memory by faults, private", PROBE_MAP_RAM, MAP_PRIVATE, PROBE_RAM_BYTE },
	{ "memory by mmap(), shared", PROBE_MAP_INSERT, MAP_SHARED, PROBE_RAM_BYTE },
	{ "registers, shared", PROBE_MAP_REGS, MAP_SHARED, PROBE_REGS_BYTE },
	{ "registers, private", PROBE_MAP_REGS, MAP_PRIVATE, PROBE_REGS_BYTE },
	{ "registers without vm_operations, shared", PROBE_MAP_BARE, MAP_SHARED, PROBE_REGS_BYTE },
	{ "registers without vm_operations, private", PROBE_MAP_BARE, MAP_PRIVATE, PROBE_REGS_BYTE },
};

#define KINDS	ARRAY_SIZE(kinds)

static unsigned char *map(int fd, const struct kind *k)
{
	void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, k->flags, fd, k->pgoff * PAGE);

	return p == MAP_FAILED ? NULL : p;
}

static bool good(void *const *p)
{
	unsigned int i;

	for (i = 0; i < KINDS; i++)
		if (!p[i])
			return false;
	return true;
}

static void map_all(int fd, void **p)
{
	unsigned int i;

	for (i = 0; i < KINDS; i++)
		p[i] = map(fd, &kinds[i]);
}

static void unmap_all(void *const *p)
{
	unsigned int i;

	for (i = 0; i < KINDS; i++)
		munmap(p[i], PAGE);
}

static bool bind(void)
{
	return ok_err(probe_bind(), 0, "bind");
}

static bool unbind(void)
{
	return ok_err(probe_unbind(), 0, "unbind");
}

/* One mapping was touched before, and one was not. The file is closed meanwhile. */
static void t_zapped(bool touch, bool close_first)
{
	void *p[KINDS];
	unsigned int i;
	int fd = probe_open(0);
	long closes;

	diag("%s, %s", touch ? "touched" : "not touched", close_first ? "file closed" : "file open");
	map_all(fd, p);
	if (!ok(fd >= 0 && good(p), "open and map everything"))
		return;
	for (i = 0; touch && i < KINDS; i++) {
		ok(peek(p[i]) == kinds[i].byte, "%s: can be seen", kinds[i].name);
		ok(!poke((unsigned char *)p[i] + 1, 'w') && peek((unsigned char *)p[i] + 1) == 'w',
		   "%s: can be written", kinds[i].name);
	}
	if (touch)
		/* Twice a private page is written, which is no mkwrite. */
		ok(probe_param("vm_opens") > probe_param("vm_closes"), "the driver knows of them");
	if (close_first)
		close(fd);
	unbind();
	probe_set("last", "none");
	for (i = 0; i < KINDS; i++)
		ok_gone(p[i], kinds[i].name);
	ok(probe_saw("none"), "the driver was not asked");
	closes = probe_param("vm_closes");
	unmap_all(p);
	ok(probe_param("vm_closes") == closes + (long)KINDS - 2,
	   "the driver sees the end of each mapping that has operations");
	if (!close_first) {
		for (i = 0; i < KINDS; i++) {
			errno = 0;
			ok(!map(fd, &kinds[i]) && errno == ENODEV, "%s: mmap is ENODEV", kinds[i].name);
		}
		close(fd);
	}
	bind();
}

/* The last file of a binding is held by a mapping alone. */
static void t_outlives_fd(void)
{
	unsigned char *p;
	long frees;
	int fd;

	diag("a mapping that outlives the file and the device");
	probe_settle();
	frees = probe_param("frees");
	fd = probe_open(0);
	p = map(fd, &kinds[0]);
	close(fd);
	unbind();
	bind();
	sleep_ms(SETTLE_MS);
	ok(probe_param("frees") == frees, "no memory is freed while it is mapped");
	ok_gone(p, "it");
	munmap(p, PAGE);
	ok(wait_for(probe_param("frees") == frees + 1, FREED_MS), "munmap frees the memory");
}

/* In a child that forked before, and in one that forks after the unbind. */
static void t_fork(void)
{
	void *p[KINDS];
	int fd = probe_open(0), go[2], status;
	unsigned int i;
	pid_t before, after;
	char c;

	diag("mappings that a child has, too");
	map_all(fd, p);
	if (!ok(fd >= 0 && good(p) && !pipe(go), "open and map everything"))
		return;
	for (i = 0; i < KINDS; i++)
		peek(p[i]);
	before = fork();
	if (!before) {
		int bad = 0;

		for (i = 0; i < KINDS; i++)
			bad |= peek(p[i]) != kinds[i].byte;
		close(go[1]);
		bad |= read(go[0], &c, 1) != 0;
		for (i = 0; i < KINDS; i++)
			bad |= peek(p[i]) != -SIGBUS;
		_exit(bad);
	}
	sleep_ms(200);
	unbind();
	after = fork();
	if (!after) {
		int bad = 0;

		for (i = 0; i < KINDS; i++)
			bad |= peek(p[i]) != -SIGBUS;
		_exit(bad);
	}
	ok(waitpid(after, &status, 0) == after && !status, "SIGBUS in a child of after");
	close(go[1]);
	close(go[0]);
	ok(waitpid(before, &status, 0) == before && !status, "and in one of before, in which it worked");
	for (i = 0; i < KINDS; i++)
		ok_gone(p[i], kinds[i].name);
	unmap_all(p);
	close(fd);
	bind();
}

static void t_mremap(void)
{
	int fd = probe_open(0);
	unsigned char *p = map(fd, &kinds[0]), *q, *r;
	long mremaps = probe_param("vm_mremaps");
	void *at = mmap(NULL, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	diag("mappings that are moved");
	peek(p);
	q = mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at);
	ok(q == at && probe_param("vm_mremaps") == mremaps + 1, "mremap, which the driver sees");
	ok(peek(q) == PROBE_RAM_BYTE, "what was moved can be seen");
	ok(!mprotect(q, PAGE, PROT_READ) && probe_saw("vm mprotect"), "mprotect, which the driver sees");
	mprotect(q, PAGE, PROT_READ | PROT_WRITE);
	unbind();
	ok_gone(q, "what was moved before");
	probe_set("last", "none");
	errno = 0;
	r = mremap(q, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (char *)at + 2 * PAGE);
	ok(r == MAP_FAILED && errno == ENODEV, "mremap after unbind is ENODEV");
	errno = 0;
	ok(mprotect(q, PAGE, PROT_READ) && errno == ENODEV, "mprotect is ENODEV");
	ok_gone(q, "it is where it was");
	munmap(at, 4 * PAGE);
	close(fd);
	bind();
}

/* /proc/PID/mem, which asks the driver for registers. */
static void t_access(void)
{
	int fd = probe_open(0), mem = xopen("/proc/self/mem", O_RDWR);
	unsigned char *p = map(fd, &kinds[3]), byte = 0;

	diag("registers looked at from outside");
	probe_set("last", "none");
	if (is_uml())
		skip("a look through /proc/self/mem asks the driver", "no HAVE_IOREMAP_PROT");
	else
		ok(pread(mem, &byte, 1, (off_t)(unsigned long)p) == 1 &&
		   byte == PROBE_REGS_BYTE && probe_saw("vm access"),
		   "a look through /proc/self/mem asks the driver");
	unbind();
	probe_set("last", "none");
	errno = 0;
	ok(pread(mem, &byte, 1, (off_t)(unsigned long)p) == -1 && errno == EIO,
	   "after unbind it is EIO");
	ok(pwrite(mem, &byte, 1, (off_t)(unsigned long)p) == -1 && errno == EIO, "so is a write");
	ok(probe_saw("none"), "the driver was not asked");
	munmap(p, PAGE);
	close(fd);
	close(mem);
	bind();
}

/* The first write to a shared page is announced to the driver. */
static void t_mkwrite(void)
{
	int fd = probe_open(0);
	unsigned char *p = map(fd, &kinds[0]);

	diag("a shared page that is read, and written after unbind");
	ok(peek(p) == PROBE_RAM_BYTE && probe_saw("vm fault"), "a look faults");
	ok(!poke(p, PROBE_RAM_BYTE) && probe_saw("vm page_mkwrite"), "a write is page_mkwrite");
	munmap(p, PAGE);
	p = map(fd, &kinds[0]);
	peek(p);
	unbind();
	probe_set("last", "none");
	ok(poke(p, 'w') == -SIGBUS && probe_saw("none"), "after unbind it is SIGBUS, and the driver is not asked");
	munmap(p, PAGE);
	close(fd);
	bind();
}

/* Nodes of one device, minors of one cdev: what is mapped through each goes. */
static void t_nodes(void)
{
	static const char *const which[] = { "", "-alias", "-other" };
	unsigned char *p[3 + PROBE_MINORS];
	int fd[3 + PROBE_MINORS], i, n = 0;

	diag("mapped through several nodes");
	for (i = 0; i < 3; i++)
		fd[n++] = xopen(probe_node(0, which[i]), O_RDWR);
	for (i = 1; i < PROBE_MINORS; i++)
		fd[n++] = xopen(probe_node(i, ""), O_RDWR);
	for (i = 0; i < n; i++) {
		p[i] = map(fd[i], &kinds[3]);
		ok(p[i] && peek(p[i]) == PROBE_REGS_BYTE, "node %d: mapped", i);
	}
	unbind();
	for (i = 0; i < n; i++) {
		ok_gone(p[i], "through a node");
		munmap(p[i], PAGE);
		close(fd[i]);
	}
	bind();
}

/* --- a process that has a mapping, and does not return from mmap() */

struct reader {
	int uffd, go;
};

/* Reads what userfaultfd has to tell, when it is told to. */
static void *read_event(void *data)
{
	const struct reader *r = data;
	struct uffd_msg msg;
	char c;

	xread(r->go, &c, 1);
	xread(r->uffd, &msg, sizeof(msg));
	return NULL;
}

/* Its mapping takes the place of another one, of which userfaultfd tells. */
static int stay_in_mmap(int fd, int go)
{
	struct reader r = { .go = go };
	pthread_t thread;
	void *p = uffd_page(&r.uffd, UFFD_FEATURE_EVENT_UNMAP);

	if (!p || pthread_create(&thread, NULL, read_event, &r))
		return 2;
	p = mmap(p, PAGE, PROT_READ | PROT_WRITE, kinds[3].flags | MAP_FIXED, fd,
		 kinds[3].pgoff * PAGE);
	return p == MAP_FAILED || peek(p) != -SIGBUS;
}

/* probe_saw() forgets: a call that comes between its two steps, too. */
static bool mmap_was_last(void)
{
	char *last = probe_last();
	bool good = last && !strcmp(last, "mmap");

	free(last);
	return good;
}

/*
 * It has let go of the mmap_lock, and can stay for as long as it likes. The unbind
 * must not wait for it, and must find the mapping.
 */
static void t_not_returned(void)
{
	int fd = probe_open(0), status = 0, go[2];
	pid_t child;
	long t0;

	diag("a process that stays in mmap()");
	if (!has_userfaultfd()) {
		skip("a process that stays in mmap()", "no userfaultfd in this kernel");
		close(fd);
		return;
	}
	if (!ok(pipe(go) == 0, "a pipe"))
		return;
	child = fork();
	if (!child)
		_exit(stay_in_mmap(fd, go[0]));
	ok(wait_for(mmap_was_last(), 5000), "the driver has seen mmap()");
	ok(wait_for(task_state(child) == 'D', 5000), "it stays there");
	t0 = now_ms();
	unbind();
	ok(now_ms() - t0 < 5000, "unbind does not wait for it");
	ok(waitpid(child, &status, WNOHANG) == 0, "it is still there");
	xwrite(go[1], "g", 1);
	ok(waitpid(child, &status, 0) == child && status == 0, "the mapping was found: SIGBUS (0x%x)",
	   status);
	close(go[0]);
	close(go[1]);
	close(fd);
	bind();
}

static void *unbinder(void *ret)
{
	*(volatile long *)ret = probe_unbind();
	return NULL;
}

/* During the unbind: registers that were released are not visible. */
static bool goes(unsigned char *p)
{
	int i, byte;

	for (i = 0; i < 500; i++) {
		byte = peek(p);
		if (byte != PROBE_REGS_BYTE)
			return byte == -SIGBUS;
		sleep_ms(10);
	}
	return false;
}

/*
 * A process that has a mapping of the device is in the mmap() of another driver,
 * which sleeps. Its mmap_lock is held meanwhile.
 */
static void t_busy_elsewhere(void)
{
	int fd = probe_open(0), slow = xopen(probe_node(PROBE_SLOW, ""), O_RDWR), status;
	volatile long ret = 1;
	pthread_t thread;
	pid_t child;

	diag("a process that is in the mmap() of another driver");
	child = fork();
	if (!child) {
		unsigned char *p = map(fd, &kinds[3]);

		if (!p || peek(p) != PROBE_REGS_BYTE)
			_exit(1);
		mmap(NULL, PAGE, PROT_READ, MAP_SHARED, slow, 0);
		_exit(peek(p) != -SIGBUS);
	}
	ok(wait_for(task_state(child) == 'D', 5000), "it sleeps");
	pthread_create(&thread, NULL, unbinder, (void *)&ret);
	ok(wait_for(ret != 1, 8000), "unbind does not wait for it");
	probe_set("slow", "1");
	pthread_join(thread, NULL);
	ok_err(ret, 0, "unbind");
	ok(waitpid(child, &status, 0) == child && status == 0, "its mapping is gone: SIGBUS");
	close(slow);
	close(fd);
	bind();
}

/*
 * Another driver hands its mapping over to the device's file. The device's
 * mmap() has filled it in and has returned, and nobody can find it yet.
 */
static void t_handed_over(void)
{
	const char *words[] = { "cdevm: cdevm-probe: unbind waits for cdevm-mmap[", "has called mmap()",
				NULL };
	int fd = probe_open(0), slow = xopen(probe_node(PROBE_SLOW, ""), O_RDWR), status;
	volatile long ret = 1;
	pthread_t thread;
	pid_t child;
	long t0;

	diag("a mapping that another driver hands over");
	kmsg_start();
	child = fork();
	if (!child) {
		unsigned char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, slow, fd * PAGE);

		_exit(p == MAP_FAILED || !goes(p));
	}
	ok(wait_for(task_state(child) == 'D', 5000) && probe_saw("mmap"), "the driver has made it");
	t0 = now_ms();
	pthread_create(&thread, NULL, unbinder, (void *)&ret);
	sleep_ms(3000);
	ok(ret == 1, "unbind waits");
	ok(wait_for(kmsg_has(words), 30000), "the log says for whom, after %ld s", (now_ms() - t0) / 1000);
	ok(ret == 1, "unbind waits still");
	probe_set("slow", "1");
	pthread_join(thread, NULL);
	ok_err(ret, 0, "unbind, when mmap() is over");
	ok(waitpid(child, &status, 0) == child && status == 0, "the mapping was found: SIGBUS");
	close(slow);
	close(fd);
	bind();
}

/*
 * An open() that puts mappings into an address space where an unbind does not
 * find them.
 */
static void t_moved(void)
{
	static const char *const words[] = { "cdevm: cdevm-probe: open() replaced f_mapping", NULL };
	long releases = probe_param("releases");
	unsigned char *p;
	int fd;

	diag("an open() that replaces the address space");
	kmsg_start();
	expect("WARNING: .*cdevm_open");
	fd = xopen(probe_node(PROBE_MOVE, ""), O_RDWR);
	expect_end();
	if (ok_err(fd, EINVAL, "it is refused")) {
		ok(kmsg_has(words), "the log says why");
		ok(probe_param("releases") == releases + 1, "what it had opened is released");
		return;
	}
	/* Else this is what would come of it. */
	p = map(fd, &kinds[3]);
	ok(p && peek(p) == PROBE_REGS_BYTE, "the mapping can be seen");
	unbind();
	ok_gone(p, "after unbind");
	munmap(p, PAGE);
	close(fd);
	bind();
}

/* Processes that map and look while the device comes and goes. */
static volatile sig_atomic_t stop;

/* @seen: how often a mapping showed what it should. */
static int mapper_main(volatile long *seen)
{
	unsigned int n;
	int byte, fd;

	for (n = 0; !stop; n++) {
		const struct kind *k = &kinds[n % KINDS];
		unsigned char *p;

		fd = probe_open(0);
		if (fd < 0)
			continue;
		p = map(fd, k);
		if (p) {
			byte = peek(p);
			*seen += byte == k->byte;
			if (byte != -SIGBUS && byte != k->byte) {
				diag("%s: %d", k->name, byte);
				return 1;
			}
			/* Registers that were given back must not be seen again. */
			for (byte = 0; byte != -SIGBUS && byte < 50; byte++)
				if (peek(p) == PROBE_GONE_BYTE) {
					diag("%s: looked at what was given back", k->name);
					return 1;
				}
			munmap(p, PAGE);
		}
		close(fd);
	}
	return 0;
}

static void stop_handler(int sig __unused)
{
	stop = true;
}

static void t_race(void)
{
	struct sigaction sa = { .sa_handler = stop_handler };
	int times = getenv("e2e_realtime") ? 10 : 30, i, status;
	volatile long *seen;
	bool bad = false;
	pid_t child[3];

	seen = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	diag("mapped again and again while the device comes and goes");
	for (i = 0; i < 3; i++) {
		child[i] = fork();
		if (!child[i]) {
			sigaction(SIGUSR1, &sa, NULL);
			_exit(mapper_main(&seen[i]));
		}
	}
	for (i = 0; i < times; i++) {
		sleep_ms(20);
		bad |= probe_unbind();
		sleep_ms(5);
		bad |= probe_bind();
	}
	ok(!bad, "unbind and bind %d times", times);
	for (i = 0; i < 3; i++) {
		kill(child[i], SIGUSR1);
		ok(waitpid(child[i], &status, 0) == child[i] && status == 0,
		   "nothing was seen that should not be");
		ok(seen[i] > 0, "and what should be %ld times", seen[i]);
	}
	munmap((void *)seen, PAGE);
}

/* Real registers, where there are any. */
static void t_bar(void)
{
	static const struct kind bar = { "BAR", PROBE_MAP_BAR, MAP_SHARED, 0 };
	int fd = probe_open(0), sig;
	volatile unsigned int *id = (void *)map(fd, &bar);

	diag("registers of a PCI device");
	if (!id) {
		/* QEMU always has one. */
		if (is_uml())
			skip("registers of a PCI device", "no edu device");
		else
			ok(false, "registers of a PCI device can be mapped");
		close(fd);
		return;
	}
	sig = sigsetjmp(bus_jump, 1);
	ok(!sig && *id == PROBE_EDU_ID, "the register says who it is");
	unbind();
	ok_gone((void *)id, "the register");
	munmap((void *)id, PAGE);
	close(fd);
	bind();
}

int main(void)
{
	if (!probe_load())
		return done("cdevm-mmap");
	bus_init();
	t_zapped(true, false);
	t_zapped(false, false);
	t_zapped(true, true);
	t_outlives_fd();
	t_fork();
	t_mremap();
	t_access();
	t_mkwrite();
	t_nodes();
	t_not_returned();
	t_busy_elsewhere();
	t_handed_over();
	t_moved();
	t_race();
	t_bar();
	probe_ok_end();
	return done("cdevm-mmap");
}
