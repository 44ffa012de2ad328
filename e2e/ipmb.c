// SPDX-License-Identifier: GPL-2.0
/*
 * drivers/char/ipmi/ipmb_dev_int.c: unbound while its node is open
 *
 * modules/board-i2c.c is the bus.
 */
#include "driver.h"

#define DRIVER	"i2c/drivers/ipmb-dev"
#define PARAM	"/sys/module/board_i2c/parameters/"

static char node[32], device[32];
static long nr;

/* A request to 0x20 as it is on the bus, after the address, and as it is read. */
static const char request[] = "18c8400401bb";
static const unsigned char wanted[] = {
	7, 0x20, 0x18, 0xc8, 0x40, 0x04, 0x01, 0xbb,
};
/* A response to 0x60, and what of it is on the bus after the address. */
static const unsigned char response[] = {
	7, 0x60, 0x1c, 0x84, 0x20, 0x04, 0x01, 0xdb,
};
static const char sent[] = "1c0584200401db";

static long read_request(int fd)
{
	unsigned char got[64];
	long ret = xread(fd, got, sizeof(got));

	if (ret < 0)
		return ret;
	return ret == sizeof(wanted) && !memcmp(got, wanted, ret) ? 0 : -EPROTO;
}

static long write_response(int fd)
{
	return xwrite(fd, response, sizeof(response));
}

static bool bus_has(const char *want)
{
	char *text = read_file(PARAM "sent");
	bool same = text && !strncmp(text, want, strlen(want));

	free(text);
	return same;
}

static void bind(void)
{
	ok_err(driver_write(DRIVER, "bind", device), 0, "bind");
}

static void t_works(void)
{
	struct sleeper r;
	int fd;

	diag("while bound, the driver works");
	fd = xopen(node, O_RDWR | O_NONBLOCK);
	if (!ok(fd >= 0, "open"))
		return;
	ok_err(read_request(fd), EAGAIN, "read of nothing");
	ok(poll_one(fd, 0) == POLLOUT, "poll finds no request");
	ok_err(write_file(PARAM "receive", request), 0, "a request arrives");
	ok(poll_one(fd, 0) == (POLLIN | POLLOUT), "poll finds it");
	ok_err(read_request(fd), 0, "read gets it");
	ok(write_response(fd) == sizeof(response), "write of a response");
	ok(bus_has(sent), "it is on the bus");
	ok(close(fd) == 0, "close");

	fd = xopen(node, O_RDWR);
	ok(sleeper_start(&r, fd, 'S', read_request), "a reader sleeps");
	ok_err(write_file(PARAM "receive", request), 0, "a request arrives");
	ok(wait_for(sleeper_back(&r), 5000) && r.ret == 0, "the reader gets it");
	pthread_join(r.thread, NULL);
	ok(close(fd) == 0, "close");
}

static void t_removal(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	long ret;
	int fd, ep;

	diag("unbound while the node is open");
	fd = xopen(node, O_RDWR | O_NONBLOCK);
	if (!ok(fd >= 0, "open"))
		return;
	ep = epoll_create1(EPOLL_CLOEXEC);
	/* Stock would leave an entry in freed memory: it is shown once, below. */
	if (ours)
		ok(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == 0, "arm epoll");
	if (!ok_unbind(DRIVER, device))
		return;
	ok(!exists(node), "the node has gone");
	ok_err(write_file(PARAM "receive", request), ENODEV,
	       "a request finds nobody");

	bug("KASAN: slab-use-after-free");
	bug("KASAN: slab-use-after-free in ipmb_read");
	ret = read_request(fd);
	bug_end();
	if (ours)
		ok_err(ret, ENODEV, "read");
	else
		ok(true, "stock: read ran in freed memory: %s", ename(ret));

	bug("KASAN: slab-use-after-free in ipmb_write");
	ret = write_response(fd);
	bug_end();
	if (ours)
		ok_err(ret, ENODEV, "write");
	else
		ok(true, "stock: write ran in freed memory: %s", ename(ret));

	t_poll_after(fd, ep, "KASAN: slab-use-after-free in ipmb_poll");
	bug_end();
	ok(close(fd) == 0, "close");
	bind();
}

static const struct driver_test test = {
	.driver = DRIVER, .device = device, .node = node, .flags = O_RDWR,
	.bind = bind, .sleep = read_request, .call = write_response,
	.stock_sleep = "KASAN: slab-use-after-free",
};

int main(void)
{
	char bus[32];

	ours = is_ours();
	if (!ok_err(insmod("board-i2c") ?: insmod("ipmb_dev_int"), 0,
		    "insmod board-i2c, ipmb_dev_int"))
		return done("ipmb");
	nr = read_long(PARAM "nr");
	snprintf(bus, sizeof(bus), "i2c/devices/i2c-%ld", nr);
	snprintf(node, sizeof(node), "/dev/ipmb-%ld", nr);
	snprintf(device, sizeof(device), "%ld-1010", nr);
	/* 0x1000: it is this side that has the address. */
	if (!ok_err(driver_write(bus, "new_device", "ipmb-dev 0x1010"), 0, "bind it") ||
	    !ok(wait_for(exists(node), 5000), "there is a node"))
		return done("ipmb");
	t_works();
	t_removal();
	t_unbind_sleeper(&test);
	if (ours) {
		t_unbind_again(&test, 10);
		ok_err(rmmod("ipmb_dev_int"), 0, "rmmod ipmb_dev_int");
		ok_err(rmmod("board_i2c"), 0, "rmmod board-i2c");
		ok_no_leaks();
	}
	return done("ipmb");
}
