// SPDX-License-Identifier: GPL-2.0
/*
 * drivers/hid/hid-sensor-custom.c: the sensor is unplugged while its node is open
 *
 * On the stock kernel the driver's struct is freed under the open file, and
 * KASAN must report it; on ours the driver is converted and everything must be
 * in order.
 */
#include "driver.h"
#include "uhid.h"

static void t_works(void)
{
	struct sensor_sample got = { 0 };
	char path[600];
	struct sensor s;
	long ret;
	int fd;

	diag("with the sensor plugged in, the driver works");
	if (!ok_err(sensor_plug(&s), 0, "plug in"))
		return;
	snprintf(path, sizeof(path), "%s/feature-0-20030e/feature-0-20030e-value",
		 s.sysfs);
	/* HID drops answers while the probe of the hub goes on, which makes the device. */
	ok(wait_for(read_long(path) == 100, 2000), "sysfs reads the feature from the device: %ld",
	   read_long(path));
	ok(write_file(path, "250") == 0 && s.feature == 250,
	   "sysfs writes the feature to the device");
	snprintf(path, sizeof(path), "%s/enable_sensor", s.sysfs);
	ok_err(write_file(path, "1"), 0, "enable");
	ok(wait_for(__atomic_load_n(&s.opened, __ATOMIC_RELAXED) == 1, 2000),
	   "the device is told");

	fd = xopen(s.node, O_RDONLY | O_NONBLOCK);
	ok(fd >= 0, "open");
	ok_err(xopen(s.node, O_RDONLY), EBUSY, "open once more");
	ok_err(xread(fd, &got, sizeof(got)), EAGAIN, "read before a report");
	ok(poll_one(fd, 0) == 0, "poll before a report");
	ok(sensor_deliver(&s, fd, 4711), "the device sends a report");
	ok(poll_one(fd, 2000) == POLLIN, "poll finds it");
	ret = xread(fd, &got, sizeof(got));
	ok(ret == sizeof(got) && got.usage_id == SENSOR_USAGE &&
	   got.raw_len == 2 && got.raw == 4711, "read gets it (%ld bytes: %u)",
	   ret, got.raw);
	ok(close(fd) == 0, "close");
	fd = xopen(s.node, O_RDONLY | O_NONBLOCK);
	ok(fd >= 0, "open after close");
	close(fd);
	ok_err(write_file(path, "0"), 0, "disable");
	sensor_unplug(&s);
	ok(!exists(s.node), "unplug");
}

static void t_removal(void)
{
	struct sensor_sample got;
	struct epoll_event ev = { .events = EPOLLIN };
	struct sensor s;
	long ret;
	int fd, ep;

	diag("unplugged while the node is open");
	if (!ok_err(sensor_plug(&s), 0, "plug in"))
		return;
	fd = xopen(s.node, O_RDONLY | O_NONBLOCK);
	if (!ok(fd >= 0, "open"))
		return;
	sensor_deliver(&s, fd, 1);
	ep = epoll_create1(EPOLL_CLOEXEC);
	/*
	 * On stock epoll would leave an entry on the wait queue in freed
	 * memory, and unlink it there at close. The reader below shows that,
	 * and once is enough.
	 */
	if (ours)
		ok(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == 0 &&
		   epoll_wait(ep, &ev, 1, 2000) == 1, "arm epoll");
	sensor_unplug(&s);
	ok(!exists(s.node), "unplug");

	bug("KASAN: .*hid_sensor_custom_read");
	ret = xread(fd, &got, sizeof(got));
	bug_end();
	if (ours)
		ok_err(ret, ENODEV, "read");
	else
		ok(true, "stock: read ran in freed memory: %s", ename(ret));

	t_poll_after(fd, ep, "KASAN: .*hid_sensor_custom_poll");
	bug("KASAN: .*hid_sensor_custom_release");
	ok(close(fd) == 0, ours ? "close" : "stock: close ran in freed memory");
	bug_end();
}

static long read_sample(int fd)
{
	struct sensor_sample got;

	return xread(fd, &got, sizeof(got));
}

static void t_sleeper(void)
{
	struct sleeper r;
	struct sensor s;
	long t0;
	int fd;

	diag("unplugged while a task sleeps in read()");
	if (!ok_err(sensor_plug(&s), 0, "plug in"))
		return;
	fd = xopen(s.node, O_RDONLY);
	if (!ok(fd >= 0, "open"))
		return;
	ok(sleeper_start(&r, fd, 'S', read_sample), "the reader sleeps");
	/* With two CPUs the reader may run in freed memory while this goes on. */
	bug("KASAN: slab-use-after-free");
	t0 = now_ms();
	sensor_unplug(&s);
	ok(now_ms() - t0 < 5000, "unplug comes back");

	if (ours) {
		if (!ok(wait_for(sleeper_back(&r), 5000), "the reader woke up"))
			return;
		ok_err(r.ret, ENODEV, "its read");
	} else {
		sleep_ms(3000);
		ok(!sleeper_back(&r) && sleeper_is(&r, 'S'),
		   "stock: 3 s later the reader still sleeps, on a wait queue in freed memory");
		/* When a signal wakes the reader, it takes itself off that queue. */
		expect("KASAN: slab-use-after-free in prepare_to_wait_event");
		expect("KASAN: slab-use-after-free in hid_sensor_custom_read");
		sleeper_signal(&r);
		if (!ok(wait_for(sleeper_back(&r), 5000),
			"stock: a signal wakes it, and it runs in freed memory"))
			return;
		diag("its read: %s", ename(r.ret));
		expect_end();
		expect_end();
	}
	bug_end();
	pthread_join(r.thread, NULL);

	bug("KASAN: .*hid_sensor_custom_release");
	ok(close(fd) == 0, "close");
	bug_end();
}

/* On ours only: on stock each of these would be a use after free. */
static void t_again(int times)
{
	struct sensor_sample got;
	struct sensor s;
	int fd, i;

	tap_quiet = true;
	for (i = 0; i < times; i++) {
		if (!ok_err(sensor_plug(&s), 0, "plug in"))
			break;
		fd = xopen(s.node, O_RDONLY | O_NONBLOCK);
		ok(fd >= 0, "open");
		ok(sensor_deliver(&s, fd, i), "report");
		ok(i % 2 || xread(fd, &got, sizeof(got)) == sizeof(got), "read");
		sensor_unplug(&s);
		ok_err(xread(fd, &got, sizeof(got)), ENODEV, "read");
		ok(close(fd) == 0, "close");
	}
	tap_quiet = false;
	ok(i == times, "plugged in and out %d times with the node open", i);
}

int main(void)
{
	ours = is_ours();
	diag("this is %s kernel", ours ? "our" : "a stock");
	if (!ok_err(sensor_modules(), 0, "insmod hid-sensor-hub, hid-sensor-custom"))
		return done("hid-sensor");
	t_works();
	t_removal();
	t_sleeper();
	if (ours) {
		t_again(20);
		ok_err(rmmod("hid_sensor_custom"), 0, "rmmod hid-sensor-custom");
		ok_no_leaks();
	}
	return done("hid-sensor");
}
