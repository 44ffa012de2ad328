// SPDX-License-Identifier: GPL-2.0
/*
 * drivers/misc/open-dice.c: its device goes while its memory is mapped
 *
 * The memory is in modules/board.dts; loading modules/board-open-dice.c removes
 * the device, and unloading brings it back. modules/board-dice.c holds up a
 * write().
 */
#include "driver.h"

#include <setjmp.h>
#include <sys/mman.h>

#define NODE	"/dev/open-dice0"
#define SIZE	0x4000
#define HOLD	"/sys/module/board_dice/parameters/hold"
#define BYTE	"/sys/module/board_dice/parameters/byte"

static sigjmp_buf trap;

static void on_sigbus(int sig __unused)
{
	siglongjmp(trap, 1);
}

/* The byte there, or -1 when looking at it is answered with SIGBUS. */
static int look(const volatile unsigned char *p)
{
	return sigsetjmp(trap, 1) ? -1 : *p;
}

static unsigned char *map(int fd, int prot, int flags)
{
	return mmap(NULL, SIZE, prot, flags, fd, 0);
}

static long read_size(int fd)
{
	unsigned long size = 0;
	long ret = pread(fd, &size, sizeof(size), 0);

	return ret < 0 ? -errno : (long)size;
}

static void t_works(int fd)
{
	unsigned char *p, *q;

	diag("while the device is there, the driver works");
	ok(read_size(fd) == SIZE, "read says how big the memory is");
	ok(map(fd, PROT_READ | PROT_WRITE, MAP_SHARED) == MAP_FAILED && errno == EPERM,
	   "it cannot be mapped for writing");
	p = map(fd, PROT_READ, MAP_SHARED);
	q = map(fd, PROT_READ, MAP_PRIVATE);
	if (!ok(p != MAP_FAILED && q != MAP_FAILED, "it can for reading"))
		return;
	ok(look(p) >= 0 && look(p + SIZE - 1) >= 0 && look(q) >= 0, "and be looked at");
	munmap(p, SIZE);
	munmap(q, SIZE);
}

static void t_removal(int fd)
{
	unsigned char *p, *q, *late;
	long t0, ret;
	int status;
	pid_t child;

	diag("the device goes while its memory is mapped");
	p = map(fd, PROT_READ, MAP_SHARED);
	q = map(fd, PROT_READ, MAP_PRIVATE);
	if (!ok(p != MAP_FAILED && q != MAP_FAILED, "map it") ||
	    !ok(look(p) >= 0 && look(q) >= 0, "look at it"))
		return;
	t0 = now_ms();
	ok_err(insmod("board-open-dice"), 0, "the device goes");
	ok(now_ms() - t0 < 5000, "that does not wait for mappings to go");
	ok(!exists(NODE), "the node has gone");

	if (ours) {
		ok(look(p) < 0 && look(p + SIZE - 1) < 0 && look(q) < 0,
		   "the mappings are SIGBUS");
		child = fork();
		if (!child)
			_exit(look(p) >= 0 || look(q) >= 0);
		ok(waitpid(child, &status, 0) == child && status,
		   "a child, which the driver does not let have them, has not got them");
	} else {
		ok(look(p) >= 0 && look(q) >= 0,
		   "stock: the mappings still show the memory of a device that has gone");
	}

	bug("KASAN: slab-use-after-free in open_dice_read");
	ret = read_size(fd);
	bug_end();
	if (ours)
		ok_err(ret, ENODEV, "read");
	else
		ok(true, "stock: read ran in freed memory: %ld", ret);

	bug("KASAN: slab-use-after-free in open_dice_mmap");
	late = map(fd, PROT_READ, MAP_SHARED);
	ret = late == MAP_FAILED ? -errno : 0;
	bug_end();
	if (ours)
		ok_err(ret, ENODEV, "mmap");
	else
		ok(true, "stock: mmap ran in freed memory: %s", ename(ret));
	if (ours)
		ok_err(xwrite(fd, "", 1), ENODEV, "write");

	ok(close(fd) == 0, "close");
	if (ours)
		ok(look(p) < 0, "the mapping is SIGBUS also when the file is closed");
	munmap(p, SIZE);
	munmap(q, SIZE);
	if (late != MAP_FAILED)
		munmap(late, SIZE);
}

static long wipe(int fd)
{
	return xwrite(fd, "", 1);
}

/* board-open-dice takes the device away, which waits for calls. */
static long take_away(int fd __unused)
{
	return insmod("board-open-dice");
}

/* The device of the node goes while the call is inside, which must not use it. */
static void t_removal_inside(void)
{
	struct sleeper writer, remover;
	int fd = xopen(NODE, O_RDWR);
	unsigned char *p;

	diag("the device goes while a write() clears the memory");
	if (!ok(fd >= 0, "open"))
		return;
	p = map(fd, PROT_READ, MAP_SHARED);
	if (!ok(p != MAP_FAILED && look(p) >= 0, "map it") ||
	    !ok(read_long(BYTE) == 'x', "there is something to clear"))
		return;
	ok_err(write_file(HOLD, "1"), 0, "a write() is held up");
	ok(sleeper_start(&writer, fd, 'D', wipe), "there is one");
	ok(sleeper_start(&remover, fd, 'D', take_away), "the device goes");
	ok(wait_for(!exists(NODE), 5000), "so does the node");
	/* DEBUG_KOBJECT_RELEASE frees the device of the node four seconds later. */
	sleep_ms(SETTLE_MS);
	ok(!sleeper_back(&remover), "that waits for the call");
	ok_err(write_file(HOLD, "0"), 0, "the write() goes on");
	ok(wait_for(sleeper_back(&writer) && sleeper_back(&remover), 5000), "both end");
	pthread_join(writer.thread, NULL);
	pthread_join(remover.thread, NULL);
	ok(writer.ret == 1 && read_long(BYTE) == 0, "the memory was cleared: %ld", writer.ret);
	ok_err(remover.ret, 0, "the device has gone");
	ok(look(p) < 0, "the mapping is SIGBUS");
	munmap(p, SIZE);
	ok_err(wipe(fd), ENODEV, "another write()");
	ok(close(fd) == 0, "close");
}

static void back(void)
{
	ok_err(rmmod("open_dice"), 0, "rmmod open-dice");
	ok_err(rmmod("board_open_dice"), 0, "the device is back");
	ok_err(insmod("open-dice"), 0, "insmod open-dice");
	ok(wait_for(exists(NODE), 5000), "and so is the node");
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_sigbus };
	int fd;

	ours = is_ours();
	sigaction(SIGBUS, &sa, NULL);
	if (!ok_err(insmod("open-dice"), 0, "insmod open-dice"))
		return done("open-dice");
	fd = xopen(NODE, O_RDWR);
	if (!ok(fd >= 0, "open"))
		return done("open-dice");
	t_works(fd);
	t_removal(fd);
	if (ours) {
		/* While there is no device, whose memory would be in the way. */
		if (ok_err(insmod("board-dice"), 0, "insmod board-dice")) {
			back();
			t_removal_inside();
		}
		back();
		ok_no_leaks();
	}
	return done("open-dice");
}
