// SPDX-License-Identifier: GPL-2.0
/*
 * A bridge and its chip, an I2C subdev, are unbound while their nodes are open
 *
 *	v4l2-bridge [TIMES]
 *
 * The chip has a control that the bridge inherits; files of the bridge
 * subscribe to its events, and the control is freed with the chip. The chip's
 * node calls the bridge. KASAN must report nothing, except for a chip with its
 * state in devm memory, as most I2C sensors have it. The drivers are in
 * modules/board-bridge.c.
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
/* If there is an event. */
static const long way_told[] = { POLLPRI, 1, POLLPRI, 0 };

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

/* All tasks that wait for an event return, with the same result as on stock. */
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

/* The chip alone. Its client is unregistered with the bridge. */
static bool chip_unbinds(void)
{
	char client[32];
	int i;

	for (i = 0; i < 8; i++) {
		snprintf(client, sizeof(client), "%d-0020", i);
		if (!driver_write("i2c", CHIP, "unbind", client))
			break;
	}
	return i < 8 && !find_video(CHIP)[0];
}

static bool unbind_chip(void)
{
	return ok(chip_unbinds(), "the chip is unbound, its node is gone");
}

static void set_param(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/board_bridge/parameters/%s", name);
	write_file(path, value);
}

/* A call is inside, others sleep, when the chip goes. */
static void t_chip_inside(void)
{
	struct sleeper s[WAYS];
	int fd[WAYS], one, i, status = -1;
	long late = param("chip_late");
	pid_t pid;

	diag("the chip is unbound while calls of its node are inside");
	one = open_node(CHIP);
	for (i = 0; i < WAYS; i++) {
		fd[i] = open_node(CHIP);
		ok_err(subscribe(fd[i], V4L2_CID_BRIGHTNESS), 0, "subscribe");
		ok(sleeper_start(&s[i], ways[i], fd[i], NULL), "a task sleeps in %s",
		   way_names[i]);
	}
	set_param("call_ms", "300");
	pid = fork();
	if (!pid) {
		/* Sets the control, so the others are told. */
		_exit(xioctl(one, VIDIOC_LOG_STATUS, NULL) ? 1 : 0);
	}
	ok(wait_for(param("calling") == 1, PROMPT_MS), "a call is inside");
	unbind_chip();
	set_param("call_ms", "0");
	ok(param("chip_late") == late, "it was waited for (%ld)", param("chip_late") - late);
	ok(waitpid(pid, &status, 0) == pid && !status, "and did what it had to");
	for (i = 0; i < WAYS; i++) {
		/* Which is first, what the others are told or the end, is a race. */
		if (ok(sleeper_join(&s[i], 30000), "it is back from %s", way_names[i]))
			ok(s[i].ret == way_ends[i] || s[i].ret == way_told[i], "%s: 0x%lx", way_names[i], s[i].ret);
		ok(poll_all(fd[i]) == GONE, "poll says 0x%x", poll_all(fd[i]));
		close(fd[i]);
	}
	ok_err(get_control(one, V4L2_CID_BRIGHTNESS), ENODEV, "VIDIOC_G_CTRL");
	unbind();
	close(one);
	bind();
}

static pid_t in_background(bool (*what)(void))
{
	pid_t pid = fork();

	if (!pid)
		_exit(!what());
	return pid;
}

static bool open_and_close(void)
{
	int fd = xopen(find_video(CHIP), O_RDWR);

	return fd >= 0 && !close(fd);
}

/* A close has begun, and uses the chip before it ends. */
static void t_chip_closes(void)
{
	long late = param("chip_late");
	int closed = -1, unbound = -1;
	pid_t closes, unbinds;

	diag("the chip is unbound while a file of its node is closed");
	set_param("call_ms", "1");
	closes = in_background(open_and_close);
	ok(wait_for(param("calling") == 1, PROMPT_MS), "the close is inside");
	unbinds = in_background(chip_unbinds);
	sleep_ms(1000);
	ok(waitpid(unbinds, &unbound, WNOHANG) == 0, "the unbind waits for it");
	set_param("call_ms", "0");
	ok(waitpid(closes, &closed, 0) == closes && !closed, "it did what it had to");
	ok(waitpid(unbinds, &unbound, 0) == unbinds && !unbound, "the unbind is back");
	ok(param("chip_late") == late, "none was inside in ->remove() (%ld)",
	   param("chip_late") - late);
	unbind();
	bind();
}

static void on_signal(int sig __unused)
{
}

/*
 * The same, with a chip whose state is freed at unbind. A call that is inside then does
 * not use it any more, as on stock; a close does.
 */
static void t_chip_devm(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct sleeper s;
	int chip;

	diag("a chip with its state in devm memory");
	unbind();
	set_param("devm", "1");
	bind();
	chip = open_node(CHIP);
	sigaction(SIGUSR1, &sa, NULL);
	ok(sleeper_start(&s, sleep_in_dqevent, chip, NULL), "a task sleeps in VIDIOC_DQEVENT");
	unbind_chip();
	ok(wait_for(task_state(s.tid) == 'S', PROMPT_MS), "it sleeps on");
	pthread_kill(s.thread, SIGUSR1);
	ok(sleeper_join(&s, 30000), "a signal ends that");
	ok_err(s.ret, EINTR, "its call");
	expect("KASAN: slab-use-after-free in (subdev_close|chip_close)");
	expect("KASAN: slab-use-after-free");
	close(chip);
	/* The core writes to the subdev when the node is released. */
	sleep_ms(SETTLE_MS);
	expect_end();
	expect_end();
	set_param("devm", "0");
	unbind();
	bind();
}

static void refused(const char *what, const char *ere)
{
	set_param("wrong", what);
	expect(ere);
	ok_err(driver_write("platform", BRIDGE, "bind", BRIDGE), EINVAL, "bind");
	expect_end();
	set_param("wrong", "0");
}

/* Nodes that would end with something other than the scope. */
static void t_refused(void)
{
	diag("what is refused");
	unbind();
	refused("1", "cdevm: i2c-[0-9]+ has a v4l2_device in the scope of board-bridge");
	refused("2", "cdevm: the media device shared is not of this scope");
	bind();
}

/* The chip goes alone, and then the bridge. */
static void t_chip_goes(void)
{
	int bridge[2], chip, i;

	diag("the chip is unbound, and the bridge is not");
	for (i = 0; i < 2; i++) {
		bridge[i] = open_node(BRIDGE);
		ok_err(subscribe(bridge[i], V4L2_CID_BRIGHTNESS), 0, "the chip's control");
		ok_err(subscribe(bridge[i], V4L2_CID_CONTRAST), 0, "the bridge's own");
	}
	chip = open_node(CHIP);
	ok_err(subscribe(chip, V4L2_CID_BRIGHTNESS), 0, "at the node of the chip");
	unbind_chip();
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
	bind();
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
		t_chip_inside();
		t_chip_goes();
	}
	tap_quiet = false;
	run = tap_run - run;
	failed = tap_failed - failed;
	ok(!failed, "again, %d times: %u checks, %u failed", times, run, failed);

	t_chip_inside();
	t_chip_closes();
	t_chip_goes();
	t_chip_devm();
	t_refused();
	ok_err(rmmod("board_bridge"), 0, "rmmod");
	ok_no_leaks();
	return done("v4l2-bridge");
}
