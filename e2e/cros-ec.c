// SPDX-License-Identifier: GPL-2.0
/*
 * drivers/platform/chrome/cros_ec_chardev.c: the EC goes while its node is open
 *
 * modules/board-cros-ec.c is the EC. On 6.12 open files use it after it is
 * gone. Mainline has since fixed that with a lock, under which a reader also
 * sleeps; so on the stock 7.3 the removal waits for readers.
 */
#include "driver.h"

#define BOARD	"platform/drivers/board-cros-ec"
#define DEVICE	"board-cros-ec"
#define NODE	"/dev/cros_ec"

/* include/linux/platform_data/cros_ec_chardev.h is not for user space. */
struct ec_command {
	__u32 version;
	__u32 command;
	__u32 outsize;
	__u32 insize;
	__u32 result;
	__u8 data[100];
};

#define EC_IOC_COMMAND		_IOC(_IOC_READ | _IOC_WRITE, 0xec, 0, 20)
#define EC_IOC_EVENTMASK	_IO(0xec, 2)
#define EC_CMD_GET_VERSION	2
#define EC_EVENT_SWITCH		4

static bool mainline_has_lock;

static void board_bind(void)
{
	ok_err(driver_write(BOARD, "bind", DEVICE), 0, "the EC is back");
	ok(wait_for(exists(NODE), 5000), "and so is its node");
}

static int raise_event(const char *number)
{
	return write_file("/sys/module/board_cros_ec/parameters/event", number);
}

static long command(int fd)
{
	struct ec_command c = { .command = EC_CMD_GET_VERSION, .insize = 100 };

	return xioctl(fd, EC_IOC_COMMAND, &c);
}

static long want_events(int fd)
{
	return xioctl(fd, EC_IOC_EVENTMASK, (void *)(1L << EC_EVENT_SWITCH));
}

static long read_event(int fd)
{
	struct {
		__u8 type;
		__u32 value;
		__u8 room[32];
	} __attribute__((__packed__)) event;
	long ret = xread(fd, &event, sizeof(event));

	if (ret < 0)
		return ret;
	return ret >= 5 && event.type == EC_EVENT_SWITCH ? (long)event.value : -EPROTO;
}

static void t_works(void)
{
	char text[128] = "";
	struct sleeper r;
	int fd;

	diag("while the EC is there, the driver works");
	fd = xopen(NODE, O_RDWR);
	if (!ok(fd >= 0, "open"))
		return;
	ok(xread(fd, text, sizeof(text) - 1) > 0 && strstr(text, "board-rw"),
	   "read says which version the EC has");
	ok(command(fd) > 0, "ioctl asks the EC");
	ok_err(want_events(fd), 0, "ask for events");
	ok(poll_one(fd, 0) == 0, "poll finds none");
	ok(sleeper_start(&r, fd, 'S', read_event), "a reader sleeps");
	ok_err(raise_event("7"), 0, "the EC has an event");
	ok(wait_for(sleeper_back(&r), 5000) && r.ret == 7, "the reader gets it");
	pthread_join(r.thread, NULL);
	ok_err(raise_event("8"), 0, "the EC has another");
	ok(poll_one(fd, 2000) == POLLIN, "poll finds it");
	ok(read_event(fd) == 8, "read gets it");
	ok(close(fd) == 0, "close");
}

static void t_removal(void)
{
	long ret;
	int fd;

	diag("the EC goes while the node is open");
	fd = xopen(NODE, O_RDWR | O_NONBLOCK);
	if (!ok(fd >= 0, "open") || !ok_unbind(BOARD, DEVICE))
		return;
	ok(!exists(NODE), "the node has gone");
	/* DEBUG_KOBJECT_RELEASE delays the end of a part of the EC. */
	sleep_ms(FREED_MS / 3);

	if (mainline_has_lock || ours) {
		ok_err(command(fd), ENODEV, "ioctl");
		ok_err(xread(fd, &ret, sizeof(ret)), ENODEV, "read");
		ok(poll_one(fd, 0) & POLLHUP, "poll reports POLLHUP");
		ok(close(fd) == 0, "close");
		board_bind();
		return;
	}
	expect("KASAN: slab-use-after-free");
	expect("KASAN: slab-use-after-free in (cros_ec_chardev_ioctl|cros_ec_cmd_xfer|mutex_lock|__mutex_lock)");
	ret = command(fd);
	expect_end();
	ok(true, "stock: ioctl used what is freed: %s", ename(ret));
	expect("KASAN: slab-use-after-free in (cros_ec_chardev_release|blocking_notifier_chain_unregister)");
	ok(close(fd) == 0, "stock: close used what is freed");
	expect_end();
	expect_end();
	board_bind();
}

/* The removal, in a process of its own, since it may wait for the reader. */
static pid_t start_removal(void)
{
	pid_t child = fork();

	if (!child)
		_exit(driver_write(BOARD, "unbind", DEVICE) ? 1 : 0);
	return child;
}

static bool has_ended(pid_t child)
{
	int status;

	return waitpid(child, &status, WNOHANG) == child && status == 0;
}

static void t_sleeper(void)
{
	struct sleeper r;
	pid_t removal;
	int fd;

	diag("the EC goes while a task waits for an event");
	fd = xopen(NODE, O_RDWR);
	if (!ok(fd >= 0, "open") || !ok_err(want_events(fd), 0, "ask for events"))
		return;
	ok(sleeper_start(&r, fd, 'S', read_event), "a reader sleeps");
	removal = start_removal();

	if (ours) {
		ok(wait_for(has_ended(removal), 5000), "the EC has gone");
		if (!ok(wait_for(sleeper_back(&r), 5000), "the reader woke up"))
			return;
		ok_err(r.ret, ENODEV, "its read");
	} else if (mainline_has_lock) {
		sleep_ms(3000);
		ok(task_state(removal) == 'D' && sleeper_is(&r, 'S'),
		   "stock: 3 s later the removal still waits for the reader");
		sleeper_signal(&r);
		ok(wait_for(has_ended(removal), 5000),
		   "stock: it goes on when a signal has ended the read");
	} else {
		ok(wait_for(has_ended(removal), 5000), "the EC has gone");
		sleep_ms(3000);
		ok(sleeper_is(&r, 'S'), "stock: 3 s later the reader still sleeps");
		sleeper_signal(&r);
	}
	if (!ok(wait_for(sleeper_back(&r), 5000), "the read has ended"))
		return;
	pthread_join(r.thread, NULL);
	if (!ours && !mainline_has_lock)
		expect("KASAN: slab-use-after-free");
	ok(close(fd) == 0, "close");
	if (!ours && !mainline_has_lock)
		expect_end();
	board_bind();
}

/* Events of the new EC do not reach the file of the old one. */
static void bind_and_tell(void)
{
	board_bind();
	ok(raise_event("9") == 0, "event");
}

static const struct driver_test test = {
	.driver = BOARD, .device = DEVICE, .node = NODE, .flags = O_RDWR,
	.bind = bind_and_tell, .prepare = want_events, .sleep = read_event,
	.call = command,
};

int main(void)
{
	ours = is_ours();
	mainline_has_lock = !ours && kernel_version() >= 700;
	if (!ok_err(insmod("cros_ec_chardev") ?: insmod("board-cros-ec"), 0,
		    "insmod cros_ec_chardev, board-cros-ec") ||
	    !ok(wait_for(exists(NODE), 5000), "there is a node"))
		return done("cros-ec");
	t_works();
	t_removal();
	t_sleeper();
	if (ours) {
		t_unbind_again(&test, 10);
		ok_err(rmmod("board_cros_ec"), 0, "rmmod board-cros-ec");
		ok_err(rmmod("cros_ec_chardev"), 0, "rmmod cros_ec_chardev");
		ok_no_leaks();
	}
	return done("cros-ec");
}
