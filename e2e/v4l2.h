/* SPDX-License-Identifier: GPL-2.0 */
/* Video nodes as user space sees them: finding them, streaming, sleeping in them. */
#ifndef E2E_V4L2_H
#define E2E_V4L2_H

#include "common.h"
#include <dirent.h>
#include <linux/media.h>
#include <linux/v4l2-subdev.h>
#include <linux/videodev2.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>

/*
 * "At once", if the alternative is never: an emulated CPU on a busy machine may
 * stand still for seconds.
 */
#define PROMPT_MS 60000
/* As FREED_MS, on such a machine: a video node is three kobjects in a row. */
#define GONE_MS 180000

/* --- nodes */

static bool __unused starts_with(const char *file, const char *text)
{
	char *has = read_file(file);
	bool same = has && !strncmp(has, text, strlen(text)) &&
		    (has[strlen(text)] == '\n' || !has[strlen(text)]);

	free(has);
	return same;
}

/*
 * The path of the node in @class whose attribute @attr is @text; "" when there
 * is none. Numbers depend on who came first, names do not.
 */
static const char *find_node(const char *class, const char *attr, const char *text)
{
	static char paths[32][64];
	static unsigned int next;
	char *path = paths[next++ % ARRAY_SIZE(paths)];
	struct dirent *e;
	char file[600];
	DIR *d;

	path[0] = 0;
	d = opendir(class);
	if (!d)
		return path;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s/%s", class, e->d_name, attr);
		if (starts_with(file, text)) {
			snprintf(path, sizeof(paths[0]), "/dev/%.50s", e->d_name);
			break;
		}
	}
	closedir(d);
	return path;
}

static __unused const char *find_video(const char *name)
{
	return find_node("/sys/class/video4linux", "name", name);
}

static __unused const char *find_media(const char *model)
{
	return find_node("/sys/bus/media/devices", "model", model);
}

/* --- what happened in the kernel: the events of a patched one */

#define TRACING "/sys/kernel/tracing/"

static bool __unused trace_on(void)
{
	/* Earlier events must not be counted: open() discards them. */
	close(xopen(TRACING "trace", O_WRONLY | O_TRUNC));
	write_file(TRACING "buffer_size_kb", "2048");
	return !write_file(TRACING "events/resmgr/enable", "1");
}

/* Enable only the events that are counted, or they would be lost among others. */
static void __unused trace_frees_only(void)
{
	write_file(TRACING "events/resmgr/enable", "0");
	write_file(TRACING "events/resmgr/cdevm_free/enable", "1");
}

/* Returns how many lines of the trace contain @text. */
static long __unused trace_count(const char *text)
{
	char *trace = read_file(TRACING "trace"), *at = trace;
	long n = 0;

	while (at && (at = strstr(at, text))) {
		n++;
		at++;
	}
	free(trace);
	return n;
}

/* Is there a line with @a, and after it one with @b? */
static bool __unused trace_order(const char *a, const char *b)
{
	char *trace = read_file(TRACING "trace");
	char *at = trace ? strstr(trace, a) : NULL;
	bool found = at && strstr(at, b);

	free(trace);
	return found;
}

/* --- streaming */

#define BUFFERS 3

struct stream {
	int fd;
	unsigned int type;		/* V4L2_BUF_TYPE_* */
	unsigned int memory;
	void *map[BUFFERS];
	size_t len[BUFFERS];
	unsigned int n;
};

static bool is_mplane(unsigned int type)
{
	return type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE ||
	       type == V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
}

static long v4l2_buf(struct stream *s, unsigned long cmd, unsigned int index)
{
	struct v4l2_plane planes[VIDEO_MAX_PLANES] = { 0 };
	struct v4l2_buffer b = { .type = s->type, .memory = V4L2_MEMORY_MMAP,
				 .index = index };
	long ret;

	if (is_mplane(s->type)) {
		b.m.planes = planes;
		b.length = VIDEO_MAX_PLANES;
	}
	ret = xioctl(s->fd, cmd, &b);
	return ret < 0 ? ret : (long)b.index;
}

static long __unused dqbuf(struct stream *s)
{
	return v4l2_buf(s, VIDIOC_DQBUF, 0);
}

static long __unused qbuf(struct stream *s, unsigned int index)
{
	return v4l2_buf(s, VIDIOC_QBUF, index);
}

/* Allocate, map, queue and start. Returns a negative errno on failure. */
static long __unused stream_on(struct stream *s, int fd, unsigned int type)
{
	struct v4l2_requestbuffers req = { .count = BUFFERS, .type = type,
					   .memory = V4L2_MEMORY_MMAP };
	unsigned int i;
	long ret;

	memset(s, 0, sizeof(*s));
	s->fd = fd;
	s->type = type;
	ret = xioctl(fd, VIDIOC_REQBUFS, &req);
	if (ret < 0)
		return ret;
	s->n = req.count < BUFFERS ? req.count : BUFFERS;
	for (i = 0; i < s->n; i++) {
		struct v4l2_plane planes[VIDEO_MAX_PLANES] = { 0 };
		struct v4l2_buffer b = { .type = type, .memory = V4L2_MEMORY_MMAP,
					 .index = i };
		off_t offset;

		if (is_mplane(type)) {
			b.m.planes = planes;
			b.length = VIDEO_MAX_PLANES;
		}
		ret = xioctl(fd, VIDIOC_QUERYBUF, &b);
		if (ret < 0)
			return ret;
		s->len[i] = is_mplane(type) ? planes[0].length : b.length;
		offset = is_mplane(type) ? planes[0].m.mem_offset : b.m.offset;
		s->map[i] = mmap(NULL, s->len[i], PROT_READ | PROT_WRITE,
				 MAP_SHARED, fd, offset);
		if (s->map[i] == MAP_FAILED)
			return -errno;
		if (V4L2_TYPE_IS_OUTPUT(type))
			memset(s->map[i], i, s->len[i]);
		ret = qbuf(s, i);
		if (ret < 0)
			return ret;
	}
	return xioctl(fd, VIDIOC_STREAMON, &type);
}

static void __unused stream_unmap(struct stream *s)
{
	unsigned int i;

	for (i = 0; i < s->n; i++)
		if (s->map[i] && s->map[i] != MAP_FAILED)
			munmap(s->map[i], s->len[i]);
}

/* What becomes of a process that reads @at: 0, or the signal that killed it. */
static int __unused touch(const volatile char *at)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		(void)*at;
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) ?
		WTERMSIG(status) : 0;
}

/* --- sleepers */

struct sleeper {
	pthread_t thread;
	pid_t tid;
	long (*what)(struct sleeper *s);
	int fd;
	struct stream *stream;
	long ret;
	long took;
};

static void *sleeper_main(void *data)
{
	struct sleeper *s = data;

	__atomic_store_n(&s->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	s->ret = s->what(s);
	s->took = now_ms();
	return NULL;
}

static long __unused sleep_in_dqbuf(struct sleeper *s)
{
	long ret;

	/* Of a device that has frames: until it has none any more. */
	do {
		ret = dqbuf(s->stream);
		if (ret >= 0)
			ret = qbuf(s->stream, ret);
	} while (ret >= 0);
	return ret;
}

static long __unused sleep_in_dqevent(struct sleeper *s)
{
	struct v4l2_event ev = { 0 };

	return xioctl(s->fd, VIDIOC_DQEVENT, &ev);
}

static long __unused sleep_in_read(struct sleeper *s)
{
	static char buf[4096];

	return xread(s->fd, buf, sizeof(buf));
}

static long __unused sleep_in_poll(struct sleeper *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLPRI };
	int n = poll(&p, 1, 60000);

	return n < 0 ? -errno : p.revents;
}

/* For exceptions only: it does not ask for POLLHUP or POLLERR. */
static long __unused sleep_in_select(struct sleeper *s)
{
	struct timeval timeout = { .tv_sec = 60 };
	fd_set except;
	int n;

	FD_ZERO(&except);
	FD_SET(s->fd, &except);
	n = select(s->fd + 1, NULL, NULL, &except, &timeout);
	return n < 0 ? -errno : n && FD_ISSET(s->fd, &except);
}

static long __unused sleep_in_epoll(struct sleeper *s)
{
	struct epoll_event ev = { .events = EPOLLPRI };
	int ep = epoll_create1(0), n;

	if (epoll_ctl(ep, EPOLL_CTL_ADD, s->fd, &ev))
		return -errno;
	n = epoll_wait(ep, &ev, 1, 60000);
	close(ep);
	return n < 0 ? -errno : n ? (long)ev.events : 0;
}

/* Starts @what in a thread of its own. */
static bool __unused sleeper_run(struct sleeper *s, long (*what)(struct sleeper *s), int fd,
				 struct stream *stream)
{
	memset(s, 0, sizeof(*s));
	s->what = what;
	s->fd = fd;
	s->stream = stream;
	return pthread_create(&s->thread, NULL, sleeper_main, s) == 0 &&
	       wait_for(__atomic_load_n(&s->tid, __ATOMIC_ACQUIRE), PROMPT_MS);
}

/* The same, and waits until it sleeps. */
static bool __unused sleeper_start(struct sleeper *s, long (*what)(struct sleeper *s),
				   int fd, struct stream *stream)
{
	return sleeper_run(s, what, fd, stream) &&
	       wait_for(task_state(s->tid) == 'S', PROMPT_MS);
}

static bool __unused sleeper_join(struct sleeper *s, long ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += ms / 1000;
	return pthread_timedjoin_np(s->thread, NULL, &ts) == 0;
}

/* What the V4L2 core says of a video or subdev node whose device has gone. */
#define GONE (POLLERR | POLLHUP | POLLPRI)

/* All that poll() says of a file now. */
static int __unused poll_all(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };
	int n = poll(&p, 1, 0);

	return n < 0 ? -errno : p.revents;
}

/* --- drivers */

/* Is there a kernel thread whose name begins like this? */
static bool __unused has_thread(const char *name)
{
	DIR *d = opendir("/proc");
	bool found = false;
	char file[300], *comm;
	struct dirent *e;

	while (d && !found && (e = readdir(d))) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		snprintf(file, sizeof(file), "/proc/%s/comm", e->d_name);
		comm = read_file(file);
		found = comm && !strncmp(comm, name, strlen(name));
		free(comm);
	}
	if (d)
		closedir(d);
	return found;
}

static int __unused insmod_vimc(void)
{
	/* If vivid is built in, these are built in, too. */
	insmod_if_there("videobuf2-common");
	insmod_if_there("videobuf2-memops");
	insmod_if_there("videobuf2-v4l2");
	insmod_if_there("videobuf2-vmalloc");
	insmod_if_there("videobuf2-dma-contig");
	insmod_if_there("font");
	insmod_if_there("v4l2-tpg");
	return insmod("vimc");
}

/*
 * For the next suite of this boot, which would find it without its device. On ours this
 * waits for the last release; on stock the module would be gone before.
 */
static void __unused leave_no_vimc(void)
{
	if (is_ours())
		ok_err(rmmod("vimc"), 0, "rmmod vimc");
}

/*
 * As bound, vimc's sensor and what is behind it do not have the same format: make
 * it what "Raw Capture 0" and the debayer, which share the sensor, can take.
 */
static long __unused vimc_setup(void)
{
	struct v4l2_subdev_format sub = { .which = V4L2_SUBDEV_FORMAT_ACTIVE };
	struct v4l2_format fmt = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
	int fd;
	long ret;

	fd = xopen(find_video("Debayer A"), O_RDWR);
	ret = xioctl(fd, VIDIOC_SUBDEV_G_FMT, &sub);
	close(fd);
	fd = xopen(find_video("Sensor A"), O_RDWR);
	ret = ret ?: xioctl(fd, VIDIOC_SUBDEV_S_FMT, &sub);
	close(fd);
	fd = xopen(find_video("Raw Capture 0"), O_RDWR);
	ret = ret ?: xioctl(fd, VIDIOC_G_FMT, &fmt);
	fmt.fmt.pix.pixelformat = V4L2_PIX_FMT_SRGGB8;
	ret = ret ?: xioctl(fd, VIDIOC_S_FMT, &fmt);
	close(fd);
	return ret;
}

static int __unused driver_write(const char *bus, const char *driver,
				 const char *file, const char *dev)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/bus/%s/drivers/%s/%s", bus, driver, file);
	return write_file(path, dev);
}

/* Stock vim2m of 7.2 cancels requests in release() after it has freed the controls. */
static void __unused allow_freed_controls(void)
{
	if (!is_ours())
		kmsg("e2e: allow lock->magic != lock");
}

static void __unused allow_freed_controls_end(void)
{
	if (!is_ours())
		kmsg("e2e: allow-end");
}

#endif /* E2E_V4L2_H */
