// SPDX-License-Identifier: GPL-2.0
/*
 * drivers/soc/aspeed/aspeed-p2a-ctrl.c: unbound while a file has the bridge open
 *
 * The bridge lets the host at the memory of its management controller. A file opens it
 * by ioctl(), and ->release() shuts it again. On ours that is done at unbind
 * (release_at_unbind). modules/board-aspeed-p2a.c has the registers.
 */
#include "driver.h"

#include <linux/aspeed-p2a-ctrl.h>
#include <sys/mman.h>

#define DRIVER	"platform/drivers/aspeed-p2a-ctrl"
#define DEVICE	"scu:p2a"
#define NODE	"/dev/aspeed-p2a-ctrl"
#define PAGE	4096
#define BRIDGE	0x2		/* in SCU180: the bridge is open */
#define DRAM	0x02000000	/* in SCU2C: this window is shut */

static unsigned long board(const char *param)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/board_aspeed_p2a/parameters/%s", param);
	return read_long(path);
}

static bool bridge_open(void)
{
	return board("scu180") & BRIDGE && !(board("scu2c") & DRAM);
}

static bool bridge_shut(void)
{
	return !(board("scu180") & BRIDGE) && board("scu2c") & DRAM;
}

/* A window into the DRAM, for the host to write to. */
static long open_window(int fd)
{
	struct aspeed_p2a_ctrl_mapping map = { .addr = 0x80000000, .length = 0x10000,
					       .flags = ASPEED_P2A_CTRL_READWRITE };

	return xioctl(fd, ASPEED_P2A_CTRL_IOCTL_SET_WINDOW, &map);
}

static void bind(void)
{
	ok_err(driver_write(DRIVER, "bind", DEVICE), 0, "bind");
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

static void t_works(void)
{
	int fd = xopen(NODE, O_RDWR), fd2 = xopen(NODE, O_RDWR);

	diag("while bound, the driver works");
	ok(fd >= 0 && fd2 >= 0, "open, twice");
	ok(bridge_shut(), "the bridge is shut");
	ok_err(open_window(fd), 0, "one opens it");
	ok_err(open_window(fd2), 0, "so does the other");
	ok(bridge_open(), "it is open");
	close(fd);
	ok(bridge_open(), "it is, for as long as one of them is");
	close(fd2);
	ok(bridge_shut(), "and shut with the last close");
}

static void t_removal(void)
{
	unsigned long writes;
	char *map;
	int fd, fd2;

	diag("unbound while two files have the bridge open");
	fd = xopen(NODE, O_RDWR);
	fd2 = xopen(NODE, O_RDWR);
	ok(!open_window(fd) && !open_window(fd2) && bridge_open(), "it is open");
	map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	ok(map != MAP_FAILED, "the memory is mapped");
	if (!ok_unbind(DRIVER, DEVICE))
		return;
	writes = board("writes");
	if (ours) {
		ok(bridge_shut(), "it is shut, with the files open");
		ok_err(open_window(fd), ENODEV, "ioctl");
		ok(touch(map) == SIGBUS, "a page is gone");
		munmap(map, PAGE);
		ok(!close(fd) && !close(fd2), "close");
		ok(board("writes") == writes, "the registers are not touched any more");
	} else {
		ok(bridge_open(), "stock: it is open, and no driver is there to shut it");
		ok(!touch(map), "stock: so is the mapping");
		bug("KASAN: slab-use-after-free in aspeed_p2a_release");
		bug("KASAN: slab-use-after-free");
		/* It holds the file. */
		munmap(map, PAGE);
		close(fd);
		close(fd2);
		bug_end();
		bug_end();
	}
	bind();
	ok(bridge_shut(), "probe shuts it");
}

/* The module goes while files are open: there is nothing of the driver left to be called. */
static void t_rmmod(void)
{
	int fd = xopen(NODE, O_RDWR);

	diag("removed while a file is open");
	ok_err(open_window(fd), 0, "a window");
	ok_unbind(DRIVER, DEVICE);
	ok_err(rmmod("aspeed_p2a_ctrl"), 0, "rmmod");
	ok(bridge_shut(), "the bridge is shut");
	ok_err(open_window(fd), ENODEV, "ioctl");
	close(fd);
	ok_err(insmod("aspeed-p2a-ctrl"), 0, "insmod");
}

static const struct driver_test test = {
	.driver = DRIVER, .device = DEVICE, .node = NODE, .flags = O_RDWR,
	.bind = bind, .prepare = open_window, .call = open_window,
};

int main(void)
{
	ours = is_ours();
	if (!ok_err(insmod("board-aspeed-p2a") ?: insmod("aspeed-p2a-ctrl"), 0,
		    "insmod board-aspeed-p2a, aspeed-p2a-ctrl"))
		return done("aspeed-p2a");
	t_works();
	t_removal();
	if (ours) {
		t_unbind_again(&test, 20);
		t_rmmod();
		ok_err(rmmod("aspeed_p2a_ctrl"), 0, "rmmod");
		ok_no_leaks();
	}
	return done("aspeed-p2a");
}
