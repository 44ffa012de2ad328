// SPDX-License-Identifier: GPL-2.0
/*
 * vimc is unbound while its video, subdev and media nodes are open and it streams
 *
 *	v4l2-vimc [ORDERS [SEED]]
 *
 * One scope, twelve nodes. They are closed in the requested number of random
 * orders (default 10), and the memory is freed with the last of them, whichever
 * it is.
 */
#include "v4l2.h"

#define NODES 12

static const char *const videos[] = { "Raw Capture 0", "Raw Capture 1", "RGB/YUV Capture" };
static const char *const subdevs[] = {
	"Sensor A", "Sensor B", "Debayer A", "Debayer B", "Scaler",
	"RGB/YUV Input", "Lens A", "Lens B",
};
static const char *const media = "VIMC MDEV";

static char names[NODES][20];
static char paths[NODES][64];
static long binds;

static void find_nodes(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(videos); i++, n++) {
		snprintf(names[n], sizeof(names[n]), "%s", videos[i]);
		snprintf(paths[n], sizeof(paths[n]), "%s", find_video(videos[i]));
	}
	for (i = 0; i < ARRAY_SIZE(subdevs); i++, n++) {
		snprintf(names[n], sizeof(names[n]), "%s", subdevs[i]);
		snprintf(paths[n], sizeof(paths[n]), "%s", find_video(subdevs[i]));
	}
	snprintf(names[n], sizeof(names[n]), "%s", media);
	snprintf(paths[n], sizeof(paths[n]), "%s", find_media(media));
}

static bool bind(void)
{
	if (!ok_err(driver_write("platform", "vimc", "bind", "vimc.0"), 0, "bind"))
		return false;
	binds++;
	find_nodes();
	return ok_err(vimc_setup(), 0, "set formats");
}

static bool unbind(void)
{
	long t0 = now_ms();

	return ok_err(driver_write("platform", "vimc", "unbind", "vimc.0"), 0, "unbind") &
	       ok(now_ms() - t0 < PROMPT_MS, "unbind does not wait for files to close");
}

/* Returns how many bindings have memory that is not freed. */
static long live(void)
{
	return binds - trace_count("cdevm_free: ");
}

static bool open_all(int fd[NODES])
{
	bool good = true;
	int i;

	for (i = 0; i < NODES; i++) {
		fd[i] = paths[i][0] ? xopen(paths[i], O_RDWR) : -ENOENT;
		if (fd[i] < 0)
			diag("open %s (%s): %s", names[i], paths[i], ename(fd[i]));
		good &= fd[i] >= 0;
	}
	return ok(good, "open all %d nodes", NODES);
}

/* What a node of this kind is asked first. */
static long query(int node, int fd)
{
	struct v4l2_subdev_format fmt = { .which = V4L2_SUBDEV_FORMAT_TRY };
	struct media_device_info info = { 0 };
	struct v4l2_capability cap;

	if (node == NODES - 1)
		return xioctl(fd, MEDIA_IOC_DEVICE_INFO, &info);
	if (node >= (int)ARRAY_SIZE(videos))
		return xioctl(fd, VIDIOC_SUBDEV_G_FMT, &fmt);
	return xioctl(fd, VIDIOC_QUERYCAP, &cap);
}

/* A lens has no pads and so no format. */
static bool works(int node, int fd)
{
	long ret = query(node, fd);

	return strncmp(names[node], "Lens", 4) ? ret == 0 : ret == -ENOTTY || ret == -EINVAL;
}

static void ok_revoked(int node, int fd)
{
	ok_err(query(node, fd), ENODEV, "%s: ioctl", names[node]);
	/* As on stock: the media core does not say POLLPRI. */
	ok(poll_all(fd) == (node == NODES - 1 ? POLLHUP | POLLERR : GONE),
	   "%s: poll reports 0x%x", names[node], poll_all(fd));
}

static void shuffle(int order[NODES])
{
	int i, j, t;

	for (i = 0; i < NODES; i++)
		order[i] = i;
	for (i = NODES - 1; i > 0; i--) {
		j = rand() % (i + 1);
		t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
}

static void t_works(void)
{
	struct stream s;
	int fd[NODES], i;
	long index = -1;

	if (!open_all(fd))
		return;
	for (i = 0; i < NODES; i++)
		ok(works(i, fd[i]), "%s: ioctl", names[i]);
	if (ok_err(stream_on(&s, fd[0], V4L2_BUF_TYPE_VIDEO_CAPTURE), 0, "stream"))
		for (i = 0; i < 5; i++) {
			index = dqbuf(&s);
			if (index < 0 || qbuf(&s, index) < 0)
				break;
		}
	ok(i == 5, "five frames come");
	stream_unmap(&s);
	for (i = 0; i < NODES; i++)
		close(fd[i]);
}

/* Leaves the driver bound again, by a new binding, and the files open. */
static bool unbind_streaming(int fd[NODES])
{
	struct v4l2_event_subscription sub = { .type = V4L2_EVENT_CTRL,
					       .id = V4L2_CID_BRIGHTNESS };
	const int sensor = ARRAY_SIZE(videos);
	struct sleeper dq, ev;
	struct stream s;
	int i;

	if (!open_all(fd))
		return false;
	ok_err(xioctl(fd[sensor], VIDIOC_SUBSCRIBE_EVENT, &sub), 0,
	       "subscribe to a control of %s", names[sensor]);
	ok(sleeper_start(&ev, sleep_in_dqevent, fd[sensor], NULL),
	   "a task sleeps in VIDIOC_DQEVENT");
	ok_err(stream_on(&s, fd[0], V4L2_BUF_TYPE_VIDEO_CAPTURE), 0, "stream");
	ok(sleeper_start(&dq, sleep_in_dqbuf, fd[0], &s), "a task takes frames");
	sleep_ms(100);
	ok(has_thread("vimc-streamer"), "the driver makes frames");
	unbind();
	ok(!has_thread("vimc-streamer"), "it makes none once unbind is back");
	if (ok(sleeper_join(&ev, PROMPT_MS), "the sleeper in VIDIOC_DQEVENT is back"))
		ok_err(ev.ret, ENODEV, "VIDIOC_DQEVENT");
	if (ok(sleeper_join(&dq, PROMPT_MS), "so is the one that took frames"))
		ok_err(dq.ret, ENODEV, "VIDIOC_DQBUF");
	for (i = 0; i < NODES; i++) {
		ok(!exists(paths[i]), "%s: the node is gone", names[i]);
		ok_revoked(i, fd[i]);
	}
	/* As on stock: the memory of a frame is there as long as it is mapped. */
	ok(touch(s.map[0]) == 0, "the frame can be read");
	stream_unmap(&s);
	return bind();
}

static void t_order(bool patient)
{
	int fd[NODES], order[NODES], i;

	if (!unbind_streaming(fd))
		return;
	shuffle(order);
	for (i = 0; i < NODES - 1; i++)
		close(fd[order[i]]);
	if (patient) {
		sleep_ms(SETTLE_MS);
		ok(live() == 2, "memory stays while one of %d nodes is open (%ld live)",
		   NODES, live());
	}
	ok_revoked(order[i], fd[order[i]]);
	close(fd[order[i]]);
	if (patient)
		ok(wait_for(live() == 1, GONE_MS), "closing %s, the last one, frees it",
		   names[order[i]]);
}

static void t_rmmod(void)
{
	int fd[NODES], i;

	if (!open_all(fd))
		return;
	ok_err(rmmod("vimc"), EAGAIN, "rmmod with files open");
	unbind();
	for (i = 0; i < NODES; i++) {
		ok_err(rmmod("vimc"), EAGAIN, "rmmod with %d files open after unbind",
		       NODES - i);
		close(fd[i]);
	}
	ok_err(rmmod("vimc"), 0, "rmmod right after the last close");
	ok(live() == 0, "%ld bindings, %ld not freed", binds, live());
}

int main(int argc, char **argv)
{
	int orders = argc > 1 ? atoi(argv[1]) : 10, i;
	unsigned int run, failed;

	srand(argc > 2 ? atoi(argv[2]) : 1);
	if (!ok(trace_on(), "trace events") || !ok_err(insmod_vimc(), 0, "insmod vimc"))
		return done("v4l2-vimc");
	binds = 1;
	find_nodes();
	ok_err(vimc_setup(), 0, "set formats");
	t_works();
	t_order(true);
	/* An event between the earlier ones and those from now on would be lost. */
	ok(wait_for(live() == 1, GONE_MS), "of what was unbound nothing is left");
	trace_frees_only();
	t_order(true);
	t_works();

	run = tap_run;
	failed = tap_failed;
	tap_quiet = true;
	for (i = 0; i < orders; i++)
		t_order(!getenv("e2e_realtime"));
	tap_quiet = false;
	run = tap_run - run;
	failed = tap_failed - failed;
	ok(!failed, "%d more orders: %u checks, %u failed", orders, run, failed);
	t_rmmod();
	ok_no_leaks();
	return done("v4l2-vimc");
}
