// SPDX-License-Identifier: GPL-2.0
/*
 * drivers/usb/misc/iowarrior.c and ldusb.c: the device is unplugged while its
 * node is open
 *
 * Their nodes are found by a minor of the USB core. Both hold the lock that
 * their disconnect() takes while they sleep in read() and write(), and on the
 * stock kernel nothing wakes a reader: disconnect() waits for it, in the thread
 * that serves the hub.
 */
#include "driver.h"
#include "gadget.h"

#include <linux/usbdevice_fs.h>
#include <semaphore.h>

#define EP_IN	0x85
#define EP_OUT	0x02
#define REPORT	7

/* What the device and the test tell each other. */
struct reports {
	struct gadget_shared base;
	sem_t send;			/* one more report for the host */
	sem_t take;			/* take one more from the host */
	unsigned int taken;
	unsigned char last[REPORT];	/* of those */
	bool mute;			/* answers no request of its class any more */
};

static struct __attribute__((packed)) config {
	struct usb_config_descriptor config;
	struct usb_interface_descriptor intf;
	unsigned char in[USB_DT_ENDPOINT_SIZE], out[USB_DT_ENDPOINT_SIZE];
} config = {
	.config = {
		.bLength = USB_DT_CONFIG_SIZE,
		.bDescriptorType = USB_DT_CONFIG,
		.wTotalLength = sizeof(config),
		.bNumInterfaces = 1,
		.bConfigurationValue = 1,
		.bmAttributes = USB_CONFIG_ATT_ONE,
		.bMaxPower = 50,
	},
	.intf = {
		.bLength = USB_DT_INTERFACE_SIZE,
		.bDescriptorType = USB_DT_INTERFACE,
		.bNumEndpoints = 2,
		.bInterfaceClass = USB_CLASS_VENDOR_SPEC,
	},
	.in = { USB_DT_ENDPOINT_SIZE, USB_DT_ENDPOINT, EP_IN, USB_ENDPOINT_XFER_INT, REPORT, 0, 4 },
	.out = { USB_DT_ENDPOINT_SIZE, USB_DT_ENDPOINT, EP_OUT, USB_ENDPOINT_XFER_INT, REPORT, 0, 4 },
};

/* The n-th report begins with n. The rest is unique. */
static void *serve_in(void *data)
{
	struct gadget *g = data;
	struct reports *r = g->shared;
	unsigned char report[REPORT] = { 0 };

	do {
		sem_wait(&r->send);
		report[0]++;
	} while (gadget_write(g, EP_IN, report, REPORT) == REPORT);
	return NULL;
}

static void *serve_out(void *data)
{
	struct gadget *g = data;
	struct reports *r = g->shared;

	do {
		sem_wait(&r->take);
		__atomic_add_fetch(&r->taken, 1, __ATOMIC_RELEASE);
	} while (gadget_read(g, EP_OUT, r->last, REPORT) == REPORT);
	return NULL;
}

static void run(struct gadget *g)
{
	gadget_thread(g, serve_in);
	gadget_thread(g, serve_out);
}

/* Requests of HID: set idle, get and set a report. */
static int control(struct gadget *g, const struct usb_ctrlrequest *req __unused, void *data)
{
	struct reports *r = g->shared;

	while (__atomic_load_n(&r->mute, __ATOMIC_ACQUIRE))
		pause();
	memset(data, 0x5a, REPORT);
	return REPORT;
}

#define DEVICE(vendor, product) {					\
	.device = {							\
		.bLength = USB_DT_DEVICE_SIZE,				\
		.bDescriptorType = USB_DT_DEVICE,			\
		.bcdUSB = 0x0200,					\
		.bMaxPacketSize0 = 64,					\
		.idVendor = vendor,					\
		.idProduct = product,					\
		.bcdDevice = 0x0200,					\
		.iSerialNumber = 1,					\
		.bNumConfigurations = 1,				\
	},								\
	.config = &config,						\
	.config_len = sizeof(config),					\
	.serial = "0000e2e0",						\
	.shared_len = sizeof(struct reports),				\
	.control = control,						\
	.run = run,							\
}

/**
 * struct kind - a driver and a device for it
 * @driver: its name, which is that of the module
 * @node: of the first device
 * @ops: the device
 * @in_flight: how many reports are written before a writer sleeps
 * @asks: it has an ioctl that asks the device, and an open() that waits for a lock
 */
struct kind {
	const char *driver, *node;
	struct gadget_ops ops;
	unsigned int in_flight;
	bool asks;
};

static const struct kind kinds[] = {
	{ "iowarrior", "/dev/usb/iowarrior0", DEVICE(0x07c0, 0x1503), 4, true },
	{ "ldusb", "/dev/ldusb0", DEVICE(0x0f11, 0x1000), 1, false },
};

/* e2e/modules/board-usb.c */
static const struct kind board = { "board-usb", "/dev/board-usb0", DEVICE(0x1209, 1), 0, false };

#define IOW_READ	_IOW(0xc0, 2, unsigned char *)

static const struct kind *kind;

static struct reports *plug(struct gadget *g)
{
	struct reports *r;

	gadget_start(g, &kind->ops);
	r = g->shared;
	sem_init(&r->send, 1, 0);
	sem_init(&r->take, 1, 0);
	return ok(wait_for(exists(kind->node), 20000), "plug in") ? r : NULL;
}

/* Wait until the host has noticed that the device was pulled. */
static bool ok_gone(void)
{
	return ok(wait_for(!exists(GADGET_HOST), 20000), "the host has let go of it") &
	       ok(!exists(kind->node), "the node has gone");
}

static void unplug(struct gadget *g)
{
	gadget_pull(g);
	ok_gone();
	gadget_free(g);
}

static long do_read(int fd)
{
	unsigned char report[REPORT];

	return xread(fd, report, REPORT);
}

static long do_write(int fd)
{
	unsigned char report[REPORT] = { 0xee };

	return xwrite(fd, report, REPORT);
}

static long do_poll(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n = poll(&p, 1, -1);

	return n < 0 ? -errno : p.revents;
}

static long do_open(int fd __unused)
{
	int new = xopen(kind->node, O_RDWR);

	if (new >= 0)
		close(new);
	return new;
}

/* IOW_READ asks the device, on endpoint 0. */
static long do_ask(int fd)
{
	unsigned char report[REPORT];

	return xioctl(fd, IOW_READ, report);
}

static void t_works(void)
{
	struct gadget g;
	struct reports *r = plug(&g);
	unsigned char report[REPORT] = { 0 };
	int fd, i;

	diag("%s works", kind->driver);
	if (!r)
		return;
	fd = xopen(kind->node, O_RDWR | O_NONBLOCK);
	ok(fd >= 0, "open");
	ok_err(do_open(0), EBUSY, "open once more");
	ok_err(do_read(fd), EAGAIN, "read before a report");
	ok(poll_one(fd, 0) == POLLOUT, "poll before a report");
	sem_post(&r->send);
	ok(wait_for(poll_one(fd, 0) == (POLLIN | POLLOUT), 5000), "poll finds one");
	ok(xread(fd, report, REPORT) == REPORT && report[0] == 1, "read gets it");
	for (i = 0; i < 3; i++)
		sem_post(&r->take);
	ok(do_write(fd) == REPORT, "write");
	ok(wait_for(__atomic_load_n(&r->taken, __ATOMIC_ACQUIRE) && r->last[0] == 0xee, 5000),
	   "the device gets it");
	if (kind->asks)
		ok_err(do_ask(fd), 0, "ioctl asks the device");
	close(fd);
	fd = xopen(kind->node, O_RDWR);
	ok(fd >= 0, "open again");
	close(fd);
	unplug(&g);
}

/* Every call of a file whose device has gone. */
static void ok_dead(int fd)
{
	const int gone = POLLERR | POLLHUP;
	int got;

	ok_err(do_read(fd), ENODEV, "read");
	ok_err(do_write(fd), ENODEV, "write");
	if (kind->asks)
		ok_err(do_ask(fd), ENODEV, "ioctl");
	got = poll_one(fd, 0);
	ok((got & gone) == gone, "poll: 0x%x", got);
}

static void t_open(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct gadget g, next;
	int fd, ep, fd2;

	diag("%s: pulled while the node is open", kind->driver);
	if (!plug(&g))
		return;
	fd = xopen(kind->node, O_RDWR);
	ep = epoll_create1(EPOLL_CLOEXEC);
	ok(fd >= 0 && !epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), "open, and an epoll");
	unplug(&g);
	ok(epoll_wait(ep, &ev, 1, 5000) == 1 && (ev.events & EPOLLHUP) == EPOLLHUP,
	   "the epoll says so");
	ok_dead(fd);

	diag("the next one is plugged in meanwhile");
	if (!plug(&next))
		return;
	fd2 = xopen(kind->node, O_RDWR | O_NONBLOCK);
	ok(fd2 >= 0, "open");
	ok_err(do_read(fd2), EAGAIN, "its read");
	ok_dead(fd);
	ok(close(fd) == 0, "close the old one");
	ok_err(do_read(fd2), EAGAIN, "read");
	unplug(&next);

	diag("and the module goes");
	if (ours)
		ok(wait_for(rmmod(kind->driver) == 0, FREED_MS), "rmmod with the file open");
	else
		ok_err(rmmod(kind->driver), EAGAIN, "stock: rmmod with the file open");
	ok_dead(fd2);
	ok(close(fd2) == 0, "close");
	close(ep);
	ok_err(insmod(kind->driver), 0, "insmod");
}

/**
 * struct asleep - a call that sleeps when the device is pulled
 * @what: it, for people
 * @call: it
 * @state: of a task that sleeps in it
 * @fill: as many reports are written before as are let in
 * @reader: a reader sleeps, too, and has the lock
 * @mute: the device does not answer
 * @asks: for a driver that does
 * @hangs: on stock disconnect() waits for who sleeps
 * @want: what it returns on ours; 0: whatever the transfer returned
 */
struct asleep {
	const char *what;
	long (*call)(int fd);
	char state;
	bool fill, reader, mute, asks, hangs;
	long want;
};

static const struct asleep calls[] = {
	{ .what = "read()", .call = do_read, .state = 'S', .hangs = true, .want = -ENODEV },
	{ .what = "write()", .call = do_write, .state = 'S', .fill = true, .want = -ENODEV },
	{ .what = "poll()", .call = do_poll, .state = 'S', .want = POLLERR | POLLHUP },
	{ .what = "open()", .call = do_open, .state = 'D', .reader = true, .asks = true,
	  .hangs = true, .want = -EBUSY },
	{ .what = "ioctl()", .call = do_ask, .state = 'D', .mute = true, .asks = true },
};

static void t_asleep(const struct asleep *a)
{
	struct sleeper s, reader;
	struct gadget g;
	struct reports *r;
	unsigned int i;
	int fd;

	if (a->asks && !kind->asks)
		return;
	diag("%s: pulled while a task sleeps in %s", kind->driver, a->what);
	r = plug(&g);
	if (!r)
		return;
	fd = xopen(kind->node, O_RDWR);
	ok(fd >= 0, "open");
	for (i = 0; a->fill && i < kind->in_flight; i++)
		ok(do_write(fd) == REPORT, "write");
	__atomic_store_n(&r->mute, a->mute, __ATOMIC_RELEASE);
	if (a->reader)
		ok(sleeper_start(&reader, fd, 'S', do_read), "a reader sleeps");
	ok(sleeper_start(&s, fd, a->state, a->call), "a task sleeps");
	gadget_pull(&g);
	if (!ours && a->hangs) {
		sleep_ms(20000);
		ok(sleeper_is(&s, a->state) && exists(GADGET_HOST),
		   "stock: 20 s later it still sleeps, and the hub waits for it");
		/* The lock is the reader's. */
		sleeper_signal(a->reader ? &reader : &s);
	}
	if (ok(wait_for(sleeper_back(&s), 20000), "it is back"))
		pthread_join(s.thread, NULL);
	if (a->reader && ok(wait_for(sleeper_back(&reader), 20000), "so is the reader"))
		pthread_join(reader.thread, NULL);
	/* A transfer that the pull has ended may have made room, before the host knew of it. */
	if (ours && a->want)
		ok(s.ret == a->want || (a->fill && s.ret == REPORT),
		   "its call: %s (%ld)", ename(s.ret), s.ret);
	else
		diag("its call: %s (%ld)", ename(s.ret), s.ret);
	if (ours && a->reader)
		ok_err(reader.ret, ENODEV, "the reader's");
	ok_gone();
	ok_dead(fd);
	ok(close(fd) == 0, "close");
	gadget_free(&g);
}

/* Unbind by hand, with the device plugged in. On stock this would wait for the reader. */
static void t_unbind(void)
{
	char driver[64], intf[64];
	struct sleeper s;
	struct gadget g;
	int fd;

	diag("%s: unbound by hand while a task sleeps in read()", kind->driver);
	if (!plug(&g))
		return;
	snprintf(driver, sizeof(driver), "usb/drivers/%s", kind->driver);
	snprintf(intf, sizeof(intf), "%s", usb_bound(kind->driver));
	fd = xopen(kind->node, O_RDWR);
	ok(fd >= 0 && sleeper_start(&s, fd, 'S', do_read), "a reader sleeps");
	ok_unbind(driver, intf);
	if (ok(wait_for(sleeper_back(&s), 20000), "it is back"))
		pthread_join(s.thread, NULL);
	ok_err(s.ret, ENODEV, "its call");
	ok_dead(fd);
	ok_err(driver_write(driver, "bind", intf), 0, "bind");
	ok(wait_for(exists(kind->node), 5000), "the node is there again");
	ok_dead(fd);
	ok(close(fd) == 0, "close");
	unplug(&g);
}

#define FILES 3

/* What becomes of a process that reads @at: 0, or the signal that killed it. */
static int touch(const volatile char *at)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		(void)*at;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* Make @fd, of the device, detach the driver, as libusb_detach_kernel_driver() does. */
static long do_detach(int fd)
{
	struct usbdevfs_ioctl detach = { .ioctl_code = USBDEVFS_DISCONNECT };

	return xioctl(fd, USBDEVFS_IOCTL, &detach);
}

static int open_usbfs(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/bus/usb/%03ld/%03ld",
		 read_long(GADGET_HOST "/busnum"), read_long(GADGET_HOST "/devnum"));
	return xopen(path, O_RDWR);
}

/* Returns false, and pulls the device, if the ioctl does not come back. */
static bool ok_detach(struct gadget *g)
{
	struct sleeper s = { .call = do_detach };
	int fd = open_usbfs();
	bool back;

	if (!ok(fd >= 0, "open the device in /dev/bus/usb"))
		return false;
	s.fd = fd;
	pthread_create(&s.thread, NULL, sleeper_thread, &s);
	back = ok(wait_for(sleeper_back(&s), 20000), "USBDEVFS_DISCONNECT comes back");
	if (back) {
		pthread_join(s.thread, NULL);
		ok_err(s.ret, 0, "it");
	} else {
		gadget_pull(g);
	}
	close(fd);
	return back;
}

enum how { BY_HAND, DETACHED, PULLED };

/*
 * Calls that wait for a transfer, which no signal ends, and mappings. Unless it is pulled
 * the device is there, and does not answer.
 */
static void t_transfers(enum how how)
{
	static const char *const names[] = { "unbound by hand", "detached by a program", "pulled" };
	static const char count[] = "/sys/module/board_usb/parameters/released";
	struct sleeper s[FILES];
	char intf[64], *map;
	struct gadget g;
	int fd[FILES], i;
	long before = read_long(count);

	diag("%s while tasks wait for transfers in several files", names[how]);
	if (!plug(&g))
		return;
	snprintf(intf, sizeof(intf), "%s", usb_bound(kind->driver));
	for (i = 0; i < FILES; i++) {
		fd[i] = xopen(kind->node, O_RDWR);
		ok(fd[i] >= 0 && sleeper_start(&s[i], fd[i], 'D', do_read), "a task waits");
	}
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd[0], 0);
	ok(map != MAP_FAILED && touch(map) == 0, "a page is mapped");
	if (how == PULLED)
		gadget_pull(&g);
	else if (how == BY_HAND)
		ok_unbind("usb/drivers/board-usb", intf);
	else if (!ok_detach(&g))
		return;
	for (i = 0; i < FILES; i++)
		if (ok(wait_for(sleeper_back(&s[i]), 20000), "it is back")) {
			pthread_join(s[i].thread, NULL);
			ok(s[i].ret < 0, "its transfer has failed: %s", ename(s[i].ret));
		}
	ok(wait_for(!exists(kind->node), 20000), "the node has gone");
	ok(touch(map) == SIGBUS, "the mapping is gone");
	ok(read_long(count) == before + FILES, "each file was released: %ld",
	   read_long(count) - before);
	for (i = 0; i < FILES; i++) {
		ok_err(do_read(fd[i]), ENODEV, "read");
		ok(close(fd[i]) == 0, "close");
	}
	munmap(map, 4096);
	ok(read_long(count) == before + FILES, "once");
	if (how != PULLED) {
		ok_err(driver_write("usb/drivers/board-usb", "bind", intf), 0, "bind");
		ok(wait_for(exists(kind->node), 5000), "the node is there again");
		gadget_pull(&g);
	}
	ok_gone();
	gadget_free(&g);
}

/* A task sleeps in read(), and the old file is closed when the next device is there. */
static void t_again(int times)
{
	struct sleeper s;
	struct gadget g;
	int fd, last = -1, i;

	tap_quiet = true;
	for (i = 0; i < times; i++) {
		if (!plug(&g))
			break;
		fd = xopen(kind->node, O_RDWR);
		if (!ok(fd >= 0, "open") ||
		    !ok(sleeper_start(&s, fd, 'S', do_read), "a task sleeps"))
			break;
		close(last);
		last = fd;
		gadget_pull(&g);
		if (!ok(wait_for(sleeper_back(&s), 20000), "it is back") || !ok_gone())
			break;
		pthread_join(s.thread, NULL);
		ok_err(s.ret, ENODEV, "its call");
		gadget_free(&g);
	}
	close(last);
	tap_quiet = false;
	ok(i == times, "%s: pulled %d times", kind->driver, i);
}

int main(void)
{
	unsigned int i;

	ours = is_ours();
	for (kind = kinds; kind < kinds + ARRAY_SIZE(kinds); kind++) {
		ok_err(insmod(kind->driver), 0, "insmod %s", kind->driver);
		t_works();
		t_open();
		for (i = 0; i < ARRAY_SIZE(calls); i++)
			t_asleep(&calls[i]);
		if (!ours)
			continue;
		t_unbind();
		t_again(50);
		ok(wait_for(rmmod(kind->driver) == 0, FREED_MS), "all of it was freed");
	}
	if (ours) {
		kind = &board;
		ok_err(insmod(kind->driver), 0, "insmod %s", kind->driver);
		t_transfers(BY_HAND);
		t_transfers(DETACHED);
		t_transfers(PULLED);
		ok(wait_for(rmmod("board_usb") == 0, FREED_MS), "all of it was freed");
	}
	return done("usb-minors");
}
