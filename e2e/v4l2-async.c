// SPDX-License-Identifier: GPL-2.0
/*
 * A receiver and its sensor, which find each other by v4l2-async, are unbound in
 * either order while nodes are open
 *
 *	v4l2-async [TIMES]
 *
 * The receiver's file operations, ->release() among them, use its connection to
 * the sensor: KASAN must report nothing, and the memory must be freed at the
 * last close. The drivers are in modules/board-camera.c.
 */
#include "v4l2.h"

#define RECEIVER "board-receiver"
#define SENSOR "board-sensor"
#define ISP "board-isp"

static long binds;		/* of the receiver, each with a scope */

static long param(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/board_camera/parameters/%s", name);
	return read_long(path);
}

static bool complete_takes(unsigned int ms)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", ms);
	return write_file("/sys/module/board_camera/parameters/complete_ms", text) == 0;
}

static bool bind(const char *name)
{
	if (!ok_err(driver_write("platform", name, "bind", name), 0, "bind %s", name))
		return false;
	binds += !strcmp(name, RECEIVER);
	return true;
}

static bool unbind(const char *name)
{
	long t0 = now_ms();

	return ok_err(driver_write("platform", name, "unbind", name), 0, "unbind %s",
		      name) &
	       ok(now_ms() - t0 < PROMPT_MS, "it does not wait for files to close");
}

/* Called when no binding is live, so that the trace is that of the next one. */
static void forget(void)
{
	if (tap_quiet)
		return;
	close(xopen(TRACING "trace", O_WRONLY | O_TRUNC));
	binds = 0;
}

/*
 * Were these called at their release in this order? A name is in the trace when it
 * is added, too.
 */
static bool released_in_order(const char *const *names)
{
	char *trace = read_file(TRACING "trace"), *line, *save = NULL;

	for (line = trace ? strtok_r(trace, "\n", &save) : NULL; line && *names;
	     line = strtok_r(NULL, "\n", &save))
		if (strstr(line, "resmgr_release_begin: ") && strstr(line, *names))
			names++;
	free(trace);
	return !*names;
}

/* Returns how many bindings have memory that is not freed. */
static long live(void)
{
	return binds - trace_count("cdevm_free: ");
}

/*
 * Check that @n bindings are left, now or soon. Skipped where that takes long,
 * in runs of many turns.
 */
static void ok_live(long n, const char *when)
{
	if (!tap_quiet)
		ok(wait_for(live() == n, GONE_MS), "%s: %ld live", when, live());
}

/* And no less, however long one waits. */
static void ok_stays(long n, const char *when)
{
	if (tap_quiet)
		return;
	sleep_ms(SETTLE_MS);
	ok(live() == n, "%s: %ld live", when, live());
}

static bool has_nodes(void)
{
	return find_video(RECEIVER)[0] && find_media(RECEIVER)[0] && find_video(SENSOR)[0];
}

/*
 * The sensor has no node again before that of the last binding is released, which
 * DEBUG_KOBJECT_RELEASE delays.
 */
static bool has_receiver(void)
{
	return find_video(RECEIVER)[0] && find_media(RECEIVER)[0];
}

static bool has_no_node(void)
{
	return !find_video(RECEIVER)[0] && !find_media(RECEIVER)[0] && !find_video(SENSOR)[0];
}

static int open_video(void)
{
	return xopen(find_video(RECEIVER), O_RDWR);
}

static int open_media(void)
{
	return xopen(find_media(RECEIVER), O_RDWR);
}

static int open_sensor(void)
{
	return xopen(find_video(SENSOR), O_RDWR);
}

/* The status of the input, which is asked of the sensor. */
static long status(int fd)
{
	struct v4l2_input inp = { 0 };
	long ret = xioctl(fd, VIDIOC_ENUMINPUT, &inp);

	return ret < 0 ? ret : (long)inp.status;
}

static void ok_revoked(int video, int media)
{
	struct media_device_info info = { 0 };

	ok_err(status(video), ENODEV, "video: VIDIOC_ENUMINPUT");
	ok((poll_one(video, 0) & (POLLHUP | POLLERR)) == (POLLHUP | POLLERR),
	   "video: poll reports POLLHUP | POLLERR");
	ok_err(xioctl(media, MEDIA_IOC_DEVICE_INFO, &info), ENODEV,
	       "media: MEDIA_IOC_DEVICE_INFO");
}

/* Both bound, whichever was first. */
static bool bind_both(const char *first, const char *second)
{
	long n = param("completed");

	return bind(first) && ok(has_no_node(), "no node with %s alone", first) &&
	       bind(second) && ok(has_nodes(), "with %s there are nodes", second) &&
	       ok(param("completed") == n + 1, "->complete() was called once");
}

/* The sensor stays, and nobody knows of it. */
static void t_receiver_goes(void)
{
	static const char *const at_unbind[] = {
		"fn=receiver_stop", "fn=cdevm_v4l2_async_nf_unregister",
		"fn=cdevm_v4l2_device_unregister", NULL,
	};
	static const char *const at_close[] = {
		"fn=cdevm_v4l2_device_unregister", "fn=cdevm_v4l2_async_nf_cleanup", NULL,
	};
	long stops = param("stopped");
	int video, media;

	diag("the receiver is unbound with its nodes open");
	forget();
	if (!bind_both(RECEIVER, SENSOR))
		return;
	video = open_video();
	media = open_media();
	if (!ok(video >= 0 && media >= 0, "open its nodes"))
		return;
	ok(status(video) == 0, "the sensor is asked (%ld)", status(video));
	unbind(RECEIVER);
	ok(has_no_node(), "the nodes are gone, that of the sensor, too");
	ok(param("stopped") == stops + 1, "the sensor was there when streaming would stop");
	if (!tap_quiet)
		ok(released_in_order(at_unbind),
		   "then the notifier is unregistered, then the v4l2_device");
	ok_revoked(video, media);

	bind(RECEIVER);
	ok(has_receiver(), "bound again it finds the sensor");
	ok_revoked(video, media);
	unbind(RECEIVER);
	ok_live(1, "memory of the second binding goes, that of the first does not");
	close(video);
	ok_stays(1, "it stays while the media node is open");
	close(media);
	ok_live(0, "the last close frees it");
	if (!tap_quiet)
		ok(released_in_order(at_close), "the connections are freed with it");
	unbind(SENSOR);
}

static void t_sensor_goes(void)
{
	int video, media;
	long n;

	diag("the sensor is unbound, comes back, is unbound");
	if (!bind_both(SENSOR, RECEIVER))
		return;
	video = open_video();
	media = open_media();
	if (!ok(video >= 0 && media >= 0, "open the receiver's nodes"))
		return;
	unbind(SENSOR);
	ok(!find_video(SENSOR)[0] && find_video(RECEIVER)[0], "only its own node is gone");
	ok(status(video) == V4L2_IN_ST_NO_POWER, "the receiver says so (%ld)", status(video));

	n = param("completed");
	bind(SENSOR);
	ok(has_nodes(), "it is back, with its node");
	ok(param("completed") == n + 1, "->complete() was called again");
	ok(status(video) == 0, "the old file of the receiver asks it (%ld)", status(video));

	unbind(SENSOR);
	unbind(RECEIVER);
	ok(has_no_node(), "both are unbound, all nodes are gone");
	ok_revoked(video, media);
	close(media);
	ok_stays(1, "memory stays while the video node is open");
	close(video);
	ok_live(0, "the last close frees it");
}

/* The sensor's node is of no scope, and reaches the v4l2_device of one. */
static void t_sensor_node(void)
{
	int fd;

	diag("the receiver is unbound with the sensor's node open");
	if (!bind_both(SENSOR, RECEIVER))
		return;
	fd = open_sensor();
	ok(fd >= 0, "open the sensor's node");
	unbind(RECEIVER);
	ok_stays(1, "memory stays while it is open");
	close(fd);
	ok_live(0, "the close frees it");
	unbind(SENSOR);
}

/* If ->complete() fails, the nodes that it has published can be published again. */
static void t_complete_fails(void)
{
	diag("->complete() finds no memory for the last of the nodes");
	if (!exists("/proc/self/fail-nth")) {
		skip("->complete() finds no memory", "no FAULT_INJECTION");
		return;
	}
	write_file("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	write_file("/sys/module/board_camera/parameters/fail", "1");
	bind(RECEIVER);
	ok(driver_write("platform", SENSOR, "bind", SENSOR) < 0, "the sensor is not bound");
	write_file("/sys/kernel/debug/failslab/ignore-gfp-wait", "Y");
	ok(param("fail") == 0 && has_no_node() && !find_video(ISP)[0], "there is no node");
	/* A subdev keeps its node until the removed node is released. */
	sleep_ms(2 * SETTLE_MS);
	ok_err(driver_write("platform", SENSOR, "bind", SENSOR), 0, "bind %s again", SENSOR);
	ok(has_nodes(), "there are nodes");
	ok(find_video(ISP)[0], "and that of the receiver's own subdev is among them");
	unbind(RECEIVER);
	unbind(SENSOR);
	ok_live(0, "memory is freed");
}

/* The last subdev is bound, and ->complete() publishes, while the receiver goes. */
static void t_race(void)
{
	int status = -1;
	pid_t pid;
	long n;

	diag("the sensor is bound while the receiver is unbound");
	n = param("completed");
	bind(RECEIVER);
	complete_takes(1000);
	pid = fork();
	if (!pid)
		_exit(-driver_write("platform", SENSOR, "bind", SENSOR));
	ok(wait_for(param("completing") == 1, PROMPT_MS), "->complete() runs");
	complete_takes(0);
	unbind(RECEIVER);
	ok(param("completed") == n + 1, "unbind has waited for it");
	ok(waitpid(pid, &status, 0) == pid, "the sensor's bind is back");
	ok_err(-(WIFEXITED(status) ? WEXITSTATUS(status) : EINTR), 0, "it");
	ok(has_no_node(), "there is no node");
	ok_live(0, "memory is freed");
	bind(RECEIVER);
	ok(has_receiver(), "the next binding finds the sensor");
	unbind(SENSOR);
	unbind(RECEIVER);
	ok_live(0, "memory of that is freed");
}

int main(int argc, char **argv)
{
	int times = argc > 1 ? atoi(argv[1]) : 5, i;
	unsigned int run, failed;

	if (!ok(trace_on(), "trace events") ||
	    !ok_err(insmod("board-camera"), 0, "insmod"))
		return done("v4l2-async");
	binds = 1;
	ok(has_nodes(), "there are nodes");
	unbind(SENSOR);
	unbind(RECEIVER);
	ok_live(0, "memory is freed");

	t_receiver_goes();
	trace_frees_only();
	t_sensor_goes();
	t_sensor_node();
	t_complete_fails();
	t_race();

	run = tap_run;
	failed = tap_failed;
	tap_quiet = true;
	for (i = 0; i < times; i++) {
		t_receiver_goes();
		t_sensor_goes();
		t_sensor_node();
		t_race();
	}
	tap_quiet = false;
	run = tap_run - run;
	failed = tap_failed - failed;
	ok(!failed, "again, %d times: %u checks, %u failed", times, run, failed);

	bind_both(RECEIVER, SENSOR);
	i = open_video();
	ok_err(rmmod("board_camera"), EAGAIN, "rmmod with a file open");
	close(i);
	ok_err(rmmod("board_camera"), 0, "rmmod of drivers that are bound");
	ok(live() == 0, "%ld bindings, %ld not freed", binds, live());
	ok_no_leaks();
	return done("v4l2-async");
}
