// SPDX-License-Identifier: GPL-2.0
/*
 * drivers/platform/x86/dell/dell-smo8800.c: unbound while /dev/freefall is open
 *
 * modules/board-smo8800.c is the laptop.
 */
#include "driver.h"

#define DRIVER	"platform/drivers/smo8800"
#define DEVICE	"smo8800"
#define NODE	"/dev/freefall"

static void bind(void)
{
	ok_err(driver_write(DRIVER, "bind", DEVICE), 0, "bind");
}

static long read_falls(int fd)
{
	unsigned char n;
	long ret = xread(fd, &n, 1);

	return ret == 1 ? n : ret;
}

static void t_works(void)
{
	struct sleeper r;
	int fd;

	diag("while bound, the driver works");
	fd = xopen(NODE, O_RDONLY);
	if (!ok(fd >= 0, "open"))
		return;
	ok_err(xopen(NODE, O_RDONLY), EBUSY, "open once more");
	ok(sleeper_start(&r, fd, 'S', read_falls), "a reader sleeps");
	ok_err(write_file("/sys/module/board_smo8800/parameters/fall", "1"), 0,
	       "the laptop falls");
	if (!ok(wait_for(sleeper_back(&r), 5000), "the reader wakes up"))
		return;
	pthread_join(r.thread, NULL);
	ok(r.ret == 1, "it has counted the fall");
	ok(close(fd) == 0, "close");
	fd = xopen(NODE, O_RDONLY);
	ok(fd >= 0, "open after close");
	close(fd);
}

static void t_close(void)
{
	int fd;

	diag("unbound while the node is open");
	fd = xopen(NODE, O_RDONLY);
	if (!ok(fd >= 0, "open") || !ok_unbind(DRIVER, DEVICE))
		return;
	ok(!exists(NODE), "the node has gone");
	/* On stock it would sleep, on a wait queue that nobody wakes: see below. */
	if (ours)
		ok_err(read_falls(fd), ENODEV, "read");
	bug("KASAN: slab-use-after-free in smo8800_misc_release");
	ok(close(fd) == 0, ours ? "close" : "stock: close ran in freed memory");
	bug_end();
	bind();
}

static void t_sleeper(void)
{
	struct sleeper r;
	int fd;

	diag("unbound while a task sleeps in read()");
	fd = xopen(NODE, O_RDONLY);
	if (!ok(fd >= 0, "open"))
		return;
	ok(sleeper_start(&r, fd, 'S', read_falls), "the reader sleeps");
	if (!ok_unbind(DRIVER, DEVICE))
		return;

	bug("KASAN: slab-use-after-free");
	if (ours) {
		if (!ok(wait_for(sleeper_back(&r), 5000), "the reader woke up"))
			return;
		ok_err(r.ret, ENODEV, "its read");
	} else {
		sleep_ms(3000);
		ok(sleeper_is(&r, 'S'),
		   "stock: 3 s later the reader still sleeps, on a wait queue in freed memory");
		/* It takes itself off that queue when a signal wakes it. */
		expect("KASAN: slab-use-after-free in smo8800_misc_read");
		sleeper_signal(&r);
		if (!ok(wait_for(sleeper_back(&r), 5000),
			"stock: a signal wakes it, and it runs in freed memory"))
			return;
		expect_end();
	}
	bug_end();
	pthread_join(r.thread, NULL);

	bug("KASAN: slab-use-after-free in smo8800_misc_release");
	ok(close(fd) == 0, "close");
	bug_end();
	bind();
}

/* On ours only: on stock each of these would be a use after free. */
static void t_again(int times)
{
	struct sleeper r;
	int fd, i;

	tap_quiet = true;
	for (i = 0; i < times; i++) {
		fd = xopen(NODE, O_RDONLY);
		if (!ok(fd >= 0, "open") ||
		    !ok(sleeper_start(&r, fd, 'S', read_falls), "the reader sleeps") ||
		    !ok_unbind(DRIVER, DEVICE) ||
		    !ok(wait_for(sleeper_back(&r), 5000), "the reader woke up"))
			break;
		pthread_join(r.thread, NULL);
		ok_err(r.ret, ENODEV, "its read");
		/* The next binding does not mind the file of this one. */
		if (i % 2)
			bind();
		ok_err(read_falls(fd), ENODEV, "read");
		ok(close(fd) == 0, "close");
		if (!(i % 2))
			bind();
	}
	tap_quiet = false;
	ok(i == times, "unbound under a sleeping reader %d times", i);
}

int main(void)
{
	ours = is_ours();
	if (!ok_err(insmod("dell-smo8800") ?: insmod("board-smo8800"), 0,
		    "insmod dell-smo8800, board-smo8800"))
		return done("smo8800");
	t_works();
	t_close();
	t_sleeper();
	if (ours) {
		t_again(10);
		/* The interrupt is the board's, and holds it while it is requested. */
		ok_err(rmmod("dell_smo8800"), 0, "rmmod dell-smo8800");
		ok_err(rmmod("board_smo8800"), 0, "rmmod board-smo8800");
	}
	return done("smo8800");
}
