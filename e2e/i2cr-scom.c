// SPDX-License-Identifier: GPL-2.0
/*
 * drivers/fsi/i2cr-scom.c: unbound while its node, a plain cdev, is open
 *
 * modules/board-i2c.c is the bus and the responder. The mainline driver uses
 * the wrong pointer as its struct at the first read, which crashes the kernel:
 * on stock the test only calls open() and close(), which is enough.
 */
#include "driver.h"

#include <dirent.h>

#define DRIVER	"fsi/drivers/i2cr_scom"

static char device[64], node[64];

/* The kernel chooses numbers in the names. */
static bool find(const char *dir, const char *part, char *name, int len)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	bool found = false;

	while (d && !found && (e = readdir(d))) {
		if (!strstr(e->d_name, part))
			continue;
		snprintf(name, len, "%.*s", len - 1, e->d_name);
		found = true;
	}
	if (d)
		closedir(d);
	return found;
}

/* The FSI device is called by four numbers, "00:00:00:05". */
static bool find_device(void)
{
	char name[32];

	if (!find("/dev", "scom", name, sizeof(name)))
		return false;
	snprintf(node, sizeof(node), "/dev/%s", name);
	return find("/sys/bus/" DRIVER, ":", device, sizeof(device));
}

static void bind(void)
{
	ok_err(driver_write(DRIVER, "bind", device), 0, "bind");
	ok(wait_for(find_device(), 5000), "the node is back");
}

static long get(int fd, off_t reg, __u64 *value)
{
	lseek(fd, reg, SEEK_SET);
	return xread(fd, value, sizeof(*value));
}

static long put(int fd, off_t reg, __u64 value)
{
	lseek(fd, reg, SEEK_SET);
	return xwrite(fd, &value, sizeof(value));
}

static void t_works(void)
{
	__u64 value = 0;
	int fd;

	diag("while bound, the driver works");
	fd = xopen(node, O_RDWR);
	if (!ok(fd >= 0, "open"))
		return;
	if (ours) {
		ok(put(fd, 3, 0x123456789abcdef0) == sizeof(value), "write a register");
		ok(put(fd, 4, 1) == sizeof(value), "write another one");
		ok(get(fd, 3, &value) == sizeof(value) && value == 0x123456789abcdef0,
		   "read it");
	} else {
		ok(lseek(fd, 3, SEEK_SET) == 3, "stock: lseek");
	}
	ok(close(fd) == 0, "close");
}

static void t_removal(void)
{
	__u64 value;
	int fd, fd2;

	diag("unbound while the node is open");
	fd = xopen(node, O_RDWR);
	fd2 = xopen(node, O_RDWR);
	if (!ok(fd >= 0 && fd2 >= 0, "open twice"))
		return;
	if (!ours) {
		hold_open();
		close(fd2);
		fd2 = xopen(node, O_RDWR);
	}
	if (!ok_unbind(DRIVER, device))
		return;
	ok(wait_for(!exists(node), 2000), "the node has gone");
	if (!ours) {
		/* The second file is of this process alone: its close ends in cdev_put(). */
		expect("KASAN: slab-use-after-free in cdev_put");
		expect("KASAN: slab-use-after-free");
		ok(close(fd2) == 0, "stock: close used the cdev, which is freed");
		expect_end();
		expect_end();
		return;
	}
	ok_err(get(fd, 3, &value), ENODEV, "read");
	ok_err(put(fd, 3, 5), ENODEV, "write");
	bind();
	ok_err(get(fd, 3, &value), ENODEV, "read, the device being bound again");
	ok(close(fd) == 0, "close");
	ok(close(fd2) == 0, "close the other file");
}

static long get_register(int fd)
{
	__u64 value;

	return get(fd, 3, &value);
}

static const struct driver_test test = {
	.driver = DRIVER, .device = device, .node = node, .flags = O_RDWR,
	.bind = bind, .call = get_register,
};

int main(void)
{
	ours = is_ours();
	if (!ok_err(insmod("i2cr-scom") ?: insmod("board-i2c"), 0,
		    "insmod i2cr-scom, board-i2c") ||
	    !ok(wait_for(find_device(), 5000), "there is a node"))
		return done("i2cr-scom");
	t_works();
	t_removal();
	if (ours) {
		t_unbind_again(&test, 10);
		ok_err(rmmod("i2cr_scom"), 0, "rmmod i2cr-scom");
		ok_err(rmmod("board_i2c"), 0, "rmmod board-i2c");
		ok_no_leaks();
	}
	return done("i2cr-scom");
}
