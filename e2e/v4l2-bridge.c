// SPDX-License-Identifier: GPL-2.0
/*
 * A bridge and its chip, an I2C subdev, are unbound while their nodes are open
 *
 *	v4l2-bridge [TIMES]
 *
 * The chip has a control that the bridge inherits; files of the bridge subscribe to
 * its events, and the control goes with the chip. The chip's node calls the bridge.
 * KASAN is to see nothing. The drivers are in modules/board-bridge.c.
 */
#include "v4l2.h"

#define BRIDGE "board-bridge"
#define CHIP "board-chip"

/* Files and what sleeps in them. */
static long (*const ways[])(struct sleeper *s) = {
	sleep_in_poll, sleep_in_select, sleep_in_epoll, sleep_in_dqevent,
};

static const char *const way_names[] = { "poll", "select", "epoll", "VIDIOC_DQEVENT" };
static const long way_ends[] = { GONE, 1, GONE, -ENODEV };

#define WAYS ((int)ARRAY_SIZE(ways))

static long param(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/board_bridge/parameters/%s", name);
	return read_long(path);
}

static bool bind(void)
{
	return ok_err(driver_write("platform", BRIDGE, "bind", BRIDGE), 0, "bind") &&
	       ok(find_video(BRIDGE)[0] && find_video(CHIP)[0], "there are nodes");
}

static bool unbind(void)
{
	long t0 = now_ms();

	return ok_err(driver_write("platform", BRIDGE, "unbind", BRIDGE), 0, "unbind") &
	       ok(now_ms() - t0 < PROMPT_MS, "it does not wait for files to close");
}

static int open_node(const char *name)
{
	int fd = xopen(find_video(name), O_RDWR);

	ok(fd >= 0, "open the node of %s", name);
	return fd;
}

static long subscribe(int fd, unsigned int id)
{
	struct v4l2_event_subscription sub = { .type = V4L2_EVENT_CTRL, .id = id };

	return xioctl(fd, VIDIOC_SUBSCRIBE_EVENT, &sub);
}

static long get_control(int fd, unsigned int id)
{
	struct v4l2_control ctrl = { .id = id };
	long ret = xioctl(fd, VIDIOC_G_CTRL, &ctrl);

	return ret < 0 ? ret : ctrl.value;
}

static long set_control(int fd, unsigned int id, int value)
{
	struct v4l2_control ctrl = { .id = id, .value = value };

	return xioctl(fd, VIDIOC_S_CTRL, &ctrl);
}

static bool event_comes(int fd, unsigned int id)
{
	struct v4l2_event ev = { 0 };

	return (poll_all(fd) & POLLPRI) && !xioctl(fd, VIDIOC_DQEVENT, &ev) && ev.id == id;
}

/* The bridge goes, and with it the chip. */
static void t_events(void)
{
	int bridge[2], chip, i;

	diag("files have subscribed to controls that go");
	bridge[0] = open_node(BRIDGE);
	bridge[1] = open_node(BRIDGE);
	chip = open_node(CHIP);
	for (i = 0; i < 2; i++) {
		ok_err(subscribe(bridge[i], V4L2_CID_BRIGHTNESS), 0, "the chip's control");
		ok_err(subscribe(bridge[i], V4L2_CID_CONTRAST), 0, "the bridge's own");
	}
	ok_err(subscribe(chip, V4L2_CID_BRIGHTNESS), 0, "the chip's control, at its node");
	ok_err(set_control(chip, V4L2_CID_BRIGHTNESS, 5), 0, "it is set there");
	ok(event_comes(bridge[1], V4L2_CID_BRIGHTNESS), "the bridge's file is told");
	unbind();
	ok(param("inherited") == 0, "the bridge had no control of the chip's in ->remove()");
	ok_err(get_control(bridge[0], V4L2_CID_BRIGHTNESS), ENODEV, "VIDIOC_G_CTRL");
	close(bridge[0]);
	close(chip);
	close(bridge[1]);
	bind();
}

/* All who wait for an event are back, and are told what stock tells them. */
static void t_sleepers(const char *name)
{
	struct sleeper s[WAYS];
	int fd[WAYS], i;

	diag("sleepers, node of %s", name);
	for (i = 0; i < WAYS; i++) {
		fd[i] = open_node(name);
		ok_err(subscribe(fd[i], V4L2_CID_BRIGHTNESS), 0, "subscribe");
		ok(sleeper_start(&s[i], ways[i], fd[i], NULL), "a task sleeps in %s",
		   way_names[i]);
	}
	unbind();
	for (i = 0; i < WAYS; i++) {
		if (ok(sleeper_join(&s[i], 30000), "it is back from %s", way_names[i]))
			ok(s[i].ret == way_ends[i], "%s: 0x%lx", way_names[i], s[i].ret);
		ok(poll_all(fd[i]) == GONE, "poll says 0x%x", poll_all(fd[i]));
		close(fd[i]);
	}
	bind();
}

/* A process calls the bridge, through the node of the chip, until it is refused. */
static pid_t call_bridge(int fd)
{
	pid_t pid = fork();

	if (!pid) {
		while (!xioctl(fd, VIDIOC_LOG_STATUS, NULL))
			sleep_ms(1);
		_exit(0);
	}
	return pid;
}

static void t_notify(void)
{
	long n = param("notified"), late = param("late");
	int fd = open_node(CHIP), status = -1;
	pid_t pid;

	diag("calls of the chip's node while the bridge is unbound");
	pid = call_bridge(fd);
	ok(wait_for(param("notified") > n, PROMPT_MS), "the bridge is called");
	write_file("/sys/module/board_bridge/parameters/remove_ms", "200");
	unbind();
	write_file("/sys/module/board_bridge/parameters/remove_ms", "0");
	ok(waitpid(pid, &status, 0) == pid && !status, "calls are refused");
	ok(param("late") == late, "%ld calls, %ld of them in ->remove()",
	   param("notified") - n, param("late") - late);
	close(fd);
	bind();
}

/* The chip goes alone. Its client stays, so this is the last that can be done. */
static void t_chip_goes(void)
{
	int bridge[2], chip, i;
	char client[32];

	diag("the chip is unbound, and the bridge is not");
	for (i = 0; i < 2; i++) {
		bridge[i] = open_node(BRIDGE);
		ok_err(subscribe(bridge[i], V4L2_CID_BRIGHTNESS), 0, "the chip's control");
		ok_err(subscribe(bridge[i], V4L2_CID_CONTRAST), 0, "the bridge's own");
	}
	chip = open_node(CHIP);
	ok_err(subscribe(chip, V4L2_CID_BRIGHTNESS), 0, "at the node of the chip");
	for (i = 0; i < 8; i++) {
		snprintf(client, sizeof(client), "%d-0020", i);
		if (!driver_write("i2c", CHIP, "unbind", client))
			break;
	}
	ok(i < 8 && !find_video(CHIP)[0], "its node is gone");
	ok_err(get_control(chip, V4L2_CID_BRIGHTNESS), ENODEV, "so is what it has open");
	ok_err(get_control(bridge[0], V4L2_CID_BRIGHTNESS), EINVAL,
	       "the bridge has its control no more");
	ok(get_control(bridge[0], V4L2_CID_CONTRAST) == 128, "and has its own");
	ok_err(set_control(bridge[1], V4L2_CID_CONTRAST, 7), 0, "which can be set");
	ok(event_comes(bridge[0], V4L2_CID_CONTRAST), "and the other file is told");
	close(bridge[0]);
	close(chip);
	unbind();
	ok(poll_all(bridge[1]) == GONE, "poll says 0x%x", poll_all(bridge[1]));
	close(bridge[1]);
}

int main(int argc, char **argv)
{
	int times = argc > 1 ? atoi(argv[1]) : 5, i;
	unsigned int run, failed;

	if (!ok_err(insmod("board-bridge"), 0, "insmod") ||
	    !ok(find_video(BRIDGE)[0] && find_video(CHIP)[0], "there are nodes"))
		return done("v4l2-bridge");
	t_events();
	t_sleepers(BRIDGE);
	t_sleepers(CHIP);
	t_notify();

	run = tap_run;
	failed = tap_failed;
	tap_quiet = true;
	for (i = 0; i < times; i++) {
		t_events();
		t_sleepers(BRIDGE);
		t_sleepers(CHIP);
		t_notify();
	}
	tap_quiet = false;
	run = tap_run - run;
	failed = tap_failed - failed;
	ok(!failed, "again, %d times: %u checks, %u failed", times, run, failed);

	t_chip_goes();
	ok_err(rmmod("board_bridge"), 0, "rmmod");
	ok_no_leaks();
	return done("v4l2-bridge");
}
