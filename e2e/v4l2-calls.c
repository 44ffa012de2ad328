// SPDX-License-Identifier: GPL-2.0
/*
 * Return values of each system call on files of V4L2 and media devices, around
 * an unbind
 *
 * Prints lines "table: FILE | CALL | WHEN | RESULT", from which
 * tools/v4l2-table.py makes the table of docs/cdevm-media.rst, stock and ours
 * side by side. It judges nothing: differences between the kernels are judged
 * there.
 */
#include "v4l2.h"

#define OUT V4L2_BUF_TYPE_VIDEO_OUTPUT
#define CAP V4L2_BUF_TYPE_VIDEO_CAPTURE

/* Long enough for a task to wake up. One that does not is interrupted. */
#define ASLEEP_MS 30000

static void result(const char *file, const char *call, const char *when, const char *text)
{
	printf("table: %s | %s | %s | %s\n", file, call, when, text);
	fflush(stdout);
}

static const char *number(long ret)
{
	return ret < 0 ? ename(ret) : "ok";
}

static const char *mask(long m)
{
	static const struct { int bit; const char *name; } bits[] = {
		{ POLLIN, "IN" }, { POLLPRI, "PRI" }, { POLLOUT, "OUT" }, { POLLERR, "ERR" },
		{ POLLHUP, "HUP" }, { POLLNVAL, "NVAL" },
	};
	static char text[64];
	unsigned int i;

	if (m < 0)
		return ename(m);
	text[0] = 0;
	for (i = 0; i < ARRAY_SIZE(bits); i++)
		if (m & bits[i].bit)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				 text[0] ? " " : "", bits[i].name);
	return text[0] ? text : "nothing";
}

/* --- the files */

struct node {
	const char *name;	/* in the table */
	int fd;
	char path[64];
	char alias[64];		/* a node of our own, of the same device number */
	struct stream *stream;
	bool request;
};

static struct stream camera_stream, m2m_stream;

enum { CAMERA, SUBDEV, MEDIA, M2M, M2M_MEDIA, REQUEST, NODES };

static struct node nodes[NODES] = {
	[CAMERA] = { "video (vimc)", .stream = &camera_stream },
	[SUBDEV] = { "subdev (vimc)" },
	[MEDIA] = { "media (vimc)" },
	[M2M] = { "video (vim2m)", .stream = &m2m_stream },
	[M2M_MEDIA] = { "media (vim2m)" },
	[REQUEST] = { "request (vim2m)", .request = true },
};

static void open_node(struct node *n, const char *path)
{
	struct stat st;

	snprintf(n->path, sizeof(n->path), "%s", path);
	snprintf(n->alias, sizeof(n->alias), "/tmp/alias%d", (int)(n - nodes));
	n->fd = xopen(path, O_RDWR);
	ok(n->fd >= 0 && !fstat(n->fd, &st) && !mknod(n->alias, S_IFCHR | 0600, st.st_rdev),
	   "open %s", n->name);
}

static int new_request(int media)
{
	int req = -1;
	long ret = xioctl(media, MEDIA_IOC_REQUEST_ALLOC, &req);

	return ret < 0 ? ret : req;
}

static bool open_all(void)
{
	struct v4l2_event_subscription sub = { .type = V4L2_EVENT_CTRL };

	ok_err(vimc_setup(), 0, "vimc: set formats");
	open_node(&nodes[CAMERA], find_video("Raw Capture 0"));
	open_node(&nodes[SUBDEV], find_video("Sensor A"));
	open_node(&nodes[MEDIA], find_media("VIMC MDEV"));
	open_node(&nodes[M2M], find_video("vim2m"));
	open_node(&nodes[M2M_MEDIA], find_media("vim2m"));
	nodes[REQUEST].fd = new_request(nodes[M2M_MEDIA].fd);
	sub.id = V4L2_CID_BRIGHTNESS;
	ok_err(xioctl(nodes[SUBDEV].fd, VIDIOC_SUBSCRIBE_EVENT, &sub), 0, "subscribe");
	sub.id = V4L2_CID_HFLIP;
	ok_err(xioctl(nodes[M2M].fd, VIDIOC_SUBSCRIBE_EVENT, &sub), 0, "subscribe");
	return ok_err(stream_on(&camera_stream, nodes[CAMERA].fd, CAP), 0, "the camera streams") &&
	       ok(nodes[REQUEST].fd >= 0, "there is a request");
}

/* --- the calls */

static long c_open(struct node *n)
{
	int fd = xopen(n->alias, O_RDWR);

	if (fd >= 0)
		close(fd);
	return fd;
}

static long c_read(struct node *n)
{
	char buf[16];

	return xread(n->fd, buf, sizeof(buf));
}

static long c_write(struct node *n)
{
	return xwrite(n->fd, "x", 1);
}

static long c_querycap(struct node *n)
{
	struct v4l2_capability cap;

	return xioctl(n->fd, VIDIOC_QUERYCAP, &cap);
}

static long c_g_fmt(struct node *n)
{
	struct v4l2_format fmt = { .type = CAP };

	return xioctl(n->fd, VIDIOC_G_FMT, &fmt);
}

static long c_g_ctrl(struct node *n)
{
	struct v4l2_control c = { .id = V4L2_CID_HFLIP };

	return xioctl(n->fd, VIDIOC_G_CTRL, &c);
}

static long c_s_ctrl(struct node *n)
{
	struct v4l2_control c = { .id = V4L2_CID_HFLIP, .value = 1 };

	return xioctl(n->fd, VIDIOC_S_CTRL, &c);
}

static long c_querybuf(struct node *n)
{
	return v4l2_buf(n->stream, VIDIOC_QUERYBUF, 0);
}

static long c_qbuf(struct node *n)
{
	long index = -EIO;

	/* One that was dequeued, or the next best. */
	if (n->stream->n)
		index = v4l2_buf(n->stream, VIDIOC_QBUF, 0);
	return index;
}

static long c_dqbuf_nonblock(struct node *n)
{
	int flags = fcntl(n->fd, F_GETFL);
	long ret;

	fcntl(n->fd, F_SETFL, flags | O_NONBLOCK);
	ret = dqbuf(n->stream);
	fcntl(n->fd, F_SETFL, flags);
	if (ret >= 0)
		qbuf(n->stream, ret);
	/* A frame comes or does not, before the unbind. */
	return ret == -EAGAIN ? 0 : ret;
}

static long c_dqevent_nonblock(struct node *n)
{
	int flags = fcntl(n->fd, F_GETFL);
	struct v4l2_event ev;
	long ret;

	fcntl(n->fd, F_SETFL, flags | O_NONBLOCK);
	ret = xioctl(n->fd, VIDIOC_DQEVENT, &ev);
	fcntl(n->fd, F_SETFL, flags);
	return ret;
}

static long c_subscribe(struct node *n)
{
	struct v4l2_event_subscription sub = { .type = V4L2_EVENT_CTRL,
					       .id = V4L2_CID_VFLIP };

	return xioctl(n->fd, VIDIOC_SUBSCRIBE_EVENT, &sub);
}

static long c_expbuf(struct node *n)
{
	struct v4l2_exportbuffer exp = { .type = CAP, .flags = O_RDWR | O_CLOEXEC };
	long ret = xioctl(n->fd, VIDIOC_EXPBUF, &exp);

	if (ret >= 0)
		close(exp.fd);
	return ret;
}

static long c_subdev_g_fmt(struct node *n)
{
	struct v4l2_subdev_format fmt = { .which = V4L2_SUBDEV_FORMAT_ACTIVE };

	return xioctl(n->fd, VIDIOC_SUBDEV_G_FMT, &fmt);
}

static long c_media_info(struct node *n)
{
	struct media_device_info info;

	return xioctl(n->fd, MEDIA_IOC_DEVICE_INFO, &info);
}

static long c_media_topology(struct node *n)
{
	struct media_v2_topology t = { 0 };

	return xioctl(n->fd, MEDIA_IOC_G_TOPOLOGY, &t);
}

static long c_request_alloc(struct node *n)
{
	int fd = new_request(n->fd);

	if (fd >= 0)
		close(fd);
	return fd;
}

static long c_request_queue(struct node *n)
{
	return xioctl(n->fd, MEDIA_REQUEST_IOC_QUEUE, NULL);
}

static long c_request_reinit(struct node *n)
{
	return xioctl(n->fd, MEDIA_REQUEST_IOC_REINIT, NULL);
}

static long c_mmap(struct node *n)
{
	void *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, n->fd, 0);

	if (map == MAP_FAILED)
		return -errno;
	munmap(map, 4096);
	return 0;
}

static long c_fsync(struct node *n)
{
	return fsync(n->fd) ? -errno : 0;
}

static long c_lseek(struct node *n)
{
	return lseek(n->fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

static const struct call {
	const char *name;
	long (*fn)(struct node *n);
	unsigned int on;	/* bits of nodes */
} calls[] = {
#define ON(node) (1U << (node))
#define VIDEO (ON(CAMERA) | ON(M2M))
#define MEDIAS (ON(MEDIA) | ON(M2M_MEDIA))
#define ALL (ON(NODES) - 1)
	{ "open()", c_open, ALL & ~ON(REQUEST) },
	{ "read()", c_read, ALL },
	{ "write()", c_write, ALL },
	{ "lseek()", c_lseek, ALL },
	{ "fsync()", c_fsync, ALL },
	{ "mmap()", c_mmap, ALL },
	{ "VIDIOC_QUERYCAP", c_querycap, VIDEO },
	{ "VIDIOC_G_FMT", c_g_fmt, VIDEO },
	{ "VIDIOC_G_CTRL", c_g_ctrl, ON(M2M) | ON(SUBDEV) },
	{ "VIDIOC_S_CTRL", c_s_ctrl, ON(M2M) | ON(SUBDEV) },
	{ "VIDIOC_QUERYBUF", c_querybuf, ON(CAMERA) },
	{ "VIDIOC_QBUF", c_qbuf, ON(CAMERA) },
	{ "VIDIOC_DQBUF, O_NONBLOCK", c_dqbuf_nonblock, ON(CAMERA) },
	{ "VIDIOC_EXPBUF", c_expbuf, ON(CAMERA) },
	{ "VIDIOC_SUBSCRIBE_EVENT", c_subscribe, ON(M2M) | ON(SUBDEV) },
	{ "VIDIOC_DQEVENT, O_NONBLOCK", c_dqevent_nonblock, ON(M2M) | ON(SUBDEV) },
	{ "VIDIOC_SUBDEV_G_FMT", c_subdev_g_fmt, ON(SUBDEV) },
	{ "MEDIA_IOC_DEVICE_INFO", c_media_info, MEDIAS },
	{ "MEDIA_IOC_G_TOPOLOGY", c_media_topology, MEDIAS },
	{ "MEDIA_IOC_REQUEST_ALLOC", c_request_alloc, ON(M2M_MEDIA) },
	{ "MEDIA_REQUEST_IOC_QUEUE", c_request_queue, ON(REQUEST) },
	{ "MEDIA_REQUEST_IOC_REINIT", c_request_reinit, ON(REQUEST) },
};

static void t_calls(const char *when)
{
	unsigned int i, n;

	for (n = 0; n < NODES; n++) {
		for (i = 0; i < ARRAY_SIZE(calls); i++)
			if (calls[i].on & ON(n))
				result(nodes[n].name, calls[i].name, when,
				       number(calls[i].fn(&nodes[n])));
		/* Which frames there are before the unbind depends on the time. */
		result(nodes[n].name, "poll()", when,
		       mask(poll_all(nodes[n].fd) & ~(strcmp(when, "before") ? 0 : POLLIN)));
	}
}

/* --- who sleeps */

static long sleep_in_all(struct sleeper *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLPRI };
	int n = poll(&p, 1, -1);

	return n < 0 ? -errno : p.revents;
}

static long sleep_in_epoll_long(struct sleeper *s)
{
	struct epoll_event ev = { .events = EPOLLPRI };
	int ep = epoll_create1(0), n;

	if (epoll_ctl(ep, EPOLL_CTL_ADD, s->fd, &ev))
		return -errno;
	n = epoll_wait(ep, &ev, 1, -1);
	close(ep);
	return n < 0 ? -errno : (long)ev.events;
}

static long sleep_in_select_long(struct sleeper *s)
{
	fd_set except;
	int n;

	FD_ZERO(&except);
	FD_SET(s->fd, &except);
	n = select(s->fd + 1, NULL, NULL, &except, NULL);
	return n < 0 ? -errno : n && FD_ISSET(s->fd, &except);
}

static const struct asleep {
	const char *name;
	long (*what)(struct sleeper *s);
	int node;
	bool is_mask;
} asleep[] = {
	{ "VIDIOC_DQBUF", sleep_in_dqbuf, CAMERA, false },
	{ "VIDIOC_DQBUF", sleep_in_dqbuf, M2M, false },
	{ "VIDIOC_DQEVENT", sleep_in_dqevent, SUBDEV, false },
	{ "VIDIOC_DQEVENT", sleep_in_dqevent, M2M, false },
	{ "poll(POLLPRI)", sleep_in_all, SUBDEV, true },
	{ "poll(POLLPRI)", sleep_in_all, M2M, true },
	{ "poll(POLLPRI)", sleep_in_all, REQUEST, true },
	{ "select(exceptfds)", sleep_in_select_long, SUBDEV, false },
	{ "select(exceptfds)", sleep_in_select_long, M2M, false },
	{ "select(exceptfds)", sleep_in_select_long, REQUEST, false },
	{ "epoll_wait(EPOLLPRI)", sleep_in_epoll_long, SUBDEV, true },
	{ "epoll_wait(EPOLLPRI)", sleep_in_epoll_long, M2M, true },
	{ "epoll_wait(EPOLLPRI)", sleep_in_epoll_long, REQUEST, true },
};

static struct sleeper sleepers[ARRAY_SIZE(asleep)];

static void wake(int sig __unused)
{
}

static void t_fall_asleep(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(asleep); i++) {
		const struct asleep *a = &asleep[i];

		ok(sleeper_start(&sleepers[i], a->what, nodes[a->node].fd, nodes[a->node].stream),
		   "%s: a task sleeps in %s", nodes[a->node].name, a->name);
	}
}

static void t_awake(void)
{
	long end = now_ms() + ASLEEP_MS;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(asleep); i++) {
		const struct asleep *a = &asleep[i];
		struct sleeper *s = &sleepers[i];
		const char *file = nodes[a->node].name;

		if (!wait_for(s->took, end - now_ms())) {
			result(file, a->name, "asleep", "sleeps on");
			/* Repeat the signal: the task may be between two calls. */
			while (!wait_for(s->took, 100))
				pthread_kill(s->thread, SIGUSR1);
		} else {
			result(file, a->name, "asleep",
			       a->is_mask ? mask(s->ret) : number(s->ret));
		}
		sleeper_join(s, 30000);
	}
}

/* A context that streams, with nothing to go in: nothing comes out. */
static void stream_m2m(void)
{
	struct v4l2_event_subscription sub = { .type = V4L2_EVENT_CTRL,
					       .id = V4L2_CID_VFLIP };
	int type = OUT;
	struct v4l2_requestbuffers rb = { .count = BUFFERS, .type = OUT,
					  .memory = V4L2_MEMORY_MMAP };
	struct v4l2_buffer b = { .type = OUT, .memory = V4L2_MEMORY_MMAP,
				 .flags = V4L2_BUF_FLAG_REQUEST_FD,
				 .request_fd = nodes[REQUEST].fd };

	xioctl(nodes[M2M].fd, VIDIOC_UNSUBSCRIBE_EVENT, &sub);
	ok_err(xioctl(nodes[M2M].fd, VIDIOC_REQBUFS, &rb), 0, "VIDIOC_REQBUFS");
	ok_err(xioctl(nodes[M2M].fd, VIDIOC_STREAMON, &type), 0, "VIDIOC_STREAMON");
	/* A request that waits for the other queue. */
	ok_err(xioctl(nodes[M2M].fd, VIDIOC_QBUF, &b), 0, "a buffer in the request");
	ok_err(xioctl(nodes[REQUEST].fd, MEDIA_REQUEST_IOC_QUEUE, NULL), 0, "which is queued");
	m2m_stream.fd = nodes[M2M].fd;
	m2m_stream.type = OUT;
}

int main(void)
{
	static const char *const modules[] = {
		"videobuf2-common", "videobuf2-memops", "videobuf2-v4l2", "videobuf2-vmalloc",
		"videobuf2-dma-contig", "font", "v4l2-tpg", "v4l2-mem2mem",
	};
	struct sigaction act = { .sa_handler = wake };
	char *frame;
	unsigned int i;

	/* No SA_RESTART. */
	sigaction(SIGUSR1, &act, NULL);
	for (i = 0; i < ARRAY_SIZE(modules); i++)
		insmod_if_there(modules[i]);
	if (!ok_err(insmod("vimc"), 0, "insmod vimc") ||
	    !ok_err(insmod("vim2m"), 0, "insmod vim2m") || !open_all())
		return done("v4l2-calls");
	t_calls("before");
	stream_m2m();
	t_fall_asleep();
	frame = camera_stream.map[0];
	result(nodes[CAMERA].name, "a mapped frame", "before", touch(frame) ? "SIGBUS" : "ok");
	ok_err(driver_write("platform", "vimc", "unbind", "vimc.0"), 0, "unbind vimc");
	ok_err(driver_write("platform", "vim2m", "unbind", "vim2m.0"), 0, "unbind vim2m");
	t_awake();
	t_calls("after");
	result(nodes[CAMERA].name, "a mapped frame", "after", touch(frame) ? "SIGBUS" : "ok");
	stream_unmap(&camera_stream);
	allow_freed_controls();
	for (i = 0; i < NODES; i++) {
		/* The request first: stock has a bug, which v4l2-m2m shows. */
		struct node *n = &nodes[NODES - 1 - i];

		result(n->name, "close()", "after", number(close(n->fd) ? -errno : 0));
	}
	allow_freed_controls_end();
	leave_no_vimc();
	return done("v4l2-calls");
}
