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
	/* On stock it would sleep on a wait queue that nobody wakes: see below. */
	if (ours)
		ok_err(read_falls(fd), ENODEV, "read");
	bug("KASAN: slab-use-after-free in smo8800_misc_release");
	ok(close(fd) == 0, ours ? "close" : "stock: close ran in freed memory");
	bug_end();
	bind();
}

static const struct driver_test test = {
	.driver = DRIVER, .device = DEVICE, .node = NODE, .flags = O_RDONLY,
	.bind = bind, .sleep = read_falls, .call = read_falls,
	.stock_sleep = "KASAN: slab-use-after-free in smo8800_misc_read",
	.stock_close = "KASAN: slab-use-after-free in smo8800_misc_release",
};

int main(void)
{
	ours = is_ours();
	if (!ok_err(insmod("dell-smo8800") ?: insmod("board-smo8800"), 0,
		    "insmod dell-smo8800, board-smo8800"))
		return done("smo8800");
	t_works();
	t_close();
	t_unbind_sleeper(&test);
	if (ours) {
		t_unbind_again(&test, 10);
		/*
		 * The interrupt belongs to the board, and holds its module
		 * while it is requested.
		 */
		ok_err(rmmod("dell_smo8800"), 0, "rmmod dell-smo8800");
		ok_err(rmmod("board_smo8800"), 0, "rmmod board-smo8800");
	}
	return done("smo8800");
}
