// SPDX-License-Identifier: GPL-2.0
/*
 * Mem2mem devices and requests are unbound while they are in use
 *
 *	v4l2-m2m [TIMES]
 *
 * board-m2m is a device whose job ends by an interrupt, vim2m and vicodec are
 * the kernel's own; the last two have requests. The program is the same on both
 * kernels. Bugs of stock are announced, and must be detected there.
 */
#include "v4l2.h"
#include <linux/dma-buf.h>

#define BOARD "board-m2m"
#define ENCODER "stateful-encoder"

#define OUT V4L2_BUF_TYPE_VIDEO_OUTPUT
#define CAP V4L2_BUF_TYPE_VIDEO_CAPTURE

static bool ours;

static int bind_driver(const char *driver, const char *dev, const char *node)
{
	return ok_err(driver_write("platform", driver, "bind", dev), 0, "bind %s", dev) &&
	       ok(wait_for(find_video(node)[0], PROMPT_MS), "there is its node");
}

static bool unbind_driver(const char *driver, const char *dev)
{
	return ok_err(driver_write("platform", driver, "unbind", dev), 0, "unbind %s", dev);
}

static long board(const char *param)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/board_m2m/parameters/%s", param);
	return read_long(path);
}

/* Frames of a size that an emulated CPU is not long busy with. */
static long small(int fd, unsigned int type)
{
	struct v4l2_format fmt = { .type = type };
	long ret = xioctl(fd, VIDIOC_G_FMT, &fmt);

	fmt.fmt.pix.width = 64;
	fmt.fmt.pix.height = 48;
	fmt.fmt.pix.bytesperline = 0;
	fmt.fmt.pix.sizeimage = 0;
	return ret ?: xioctl(fd, VIDIOC_S_FMT, &fmt);
}

/* --- a job whose interrupt does not come */

/* The files @a and @b are this process's, and are closed by another. */
static pid_t close_elsewhere(int a, int b)
{
	pid_t pid = fork();

	if (!pid) {
		/*
		 * The files of the parent are closed here, too, which does not
		 * release them.
		 */
		sleep_ms(200);
		close(a);
		close(b);
		_exit(0);
	}
	close(a);
	close(b);
	return pid;
}

static void stream_both(struct stream *out, struct stream *cap, int fd)
{
	ok(!stream_on(out, fd, OUT) && !stream_on(cap, fd, CAP), "it streams");
}

static void t_stuck(void)
{
	struct stream out[2], cap[2];
	long runs = board("runs"), stops = board("stops");
	int fd[2], i, status = -1;
	struct sleeper s;
	pid_t pid;

	diag("%s: two contexts, and the job of one does not end", BOARD);
	for (i = 0; i < 2; i++) {
		fd[i] = xopen(find_video(BOARD), O_RDWR);
		stream_both(&out[i], &cap[i], fd[i]);
	}
	ok(board("runs") == runs + 1, "a job runs");
	if (ours)
		ok(sleeper_start(&s, sleep_in_dqbuf, fd[0], &cap[0]),
		   "a task sleeps in VIDIOC_DQBUF");
	unbind_driver(BOARD, BOARD);
	if (ours && ok(sleeper_join(&s, 30000), "it is back"))
		ok_err(s.ret, ENODEV, "VIDIOC_DQBUF");
	ok(board("late") == 0, "nothing was begun or stopped in ->remove()");
	ok_err(qbuf(&out[0], 0), ENODEV, "VIDIOC_QBUF");
	if (ours)
		ok(board("stops") == stops + 4, "the queues of both were streamed off (%ld)",
		   board("stops") - stops);
	for (i = 0; i < 2; i++) {
		stream_unmap(&out[i]);
		stream_unmap(&cap[i]);
	}

	pid = close_elsewhere(fd[0], fd[1]);
	if (!ours) {
		/* The kernel's own interruptible or killable sleeps are not of state D. */
		ok(wait_for(task_state(pid) == 'D', PROMPT_MS), "stock: close() sleeps");
		kill(pid, SIGKILL);
		sleep_ms(2000);
		ok(task_state(pid) == 'D', "stock: it cannot be killed, and nothing wakes it");
		/* Then the job of the other file runs, and does not end. */
		while (!waitpid(pid, &status, WNOHANG)) {
			write_file("/sys/module/board_m2m/parameters/unstick", "1");
			sleep_ms(20);
		}
	} else {
		ok(waitpid(pid, &status, 0) == pid && !status, "close() is over");
	}
	if (ours)
		ok(board("late") == 0, "it had nothing to stop");
	bind_driver(BOARD, BOARD, BOARD);
}

/*
 * Files are closed while the device is unbound: who is first differs from one time to
 * the next. A close() that is stopping its context is waited for, or finds that done.
 */
static void t_closing(int nth)
{
	struct stream out, cap;
	pid_t pid[3];
	int i, fd, status;

	for (i = 0; i < (int)ARRAY_SIZE(pid); i++) {
		fd = xopen(find_video(BOARD), O_RDWR);
		stream_both(&out, &cap, fd);
		stream_unmap(&out);
		stream_unmap(&cap);
		pid[i] = fork();
		if (!pid[i]) {
			sleep_ms(nth % 5);
			close(fd);
			_exit(0);
		}
		close(fd);
	}
	unbind_driver(BOARD, BOARD);
	for (i = 0; i < (int)ARRAY_SIZE(pid); i++)
		ok(waitpid(pid[i], &status, 0) == pid[i] && !status, "close() is over");
	ok(board("late") == 0, "nothing was stopped late");
	bind_driver(BOARD, BOARD, BOARD);
}

/* --- vim2m: jobs follow each other */

static int vim2m_open(void)
{
	int fd = xopen(find_video("vim2m"), O_RDWR);

	ok(fd >= 0 && !small(fd, OUT) && !small(fd, CAP), "open vim2m");
	return fd;
}

static long (*const ways[])(struct sleeper *s) = {
	sleep_in_dqbuf, sleep_in_poll, sleep_in_select, sleep_in_epoll, sleep_in_dqevent,
};

static const char *const way_names[] = {
	"VIDIOC_DQBUF", "poll()", "select()", "epoll_wait()", "VIDIOC_DQEVENT",
};

static const long way_ends[] = { -ENODEV, GONE, 1, GONE, -ENODEV };

#define WAYS ((int)ARRAY_SIZE(ways))

static void t_vim2m(void)
{
	struct v4l2_event_subscription sub = { .type = V4L2_EVENT_CTRL,
					       .id = V4L2_CID_HFLIP };
	struct stream out[WAYS], cap[WAYS];
	struct sleeper s[WAYS];
	int fd[WAYS], i;

	diag("vim2m: jobs run, tasks sleep, frames are mapped");
	for (i = 0; i < WAYS; i++) {
		fd[i] = vim2m_open();
		stream_both(&out[i], &cap[i], fd[i]);
		ok_err(xioctl(fd[i], VIDIOC_SUBSCRIBE_EVENT, &sub), 0, "subscribe");
		/* Has frames for as long as there is something to go in. */
		if (ours || ways[i] == sleep_in_poll || ways[i] == sleep_in_select ||
		    ways[i] == sleep_in_epoll)
			ok(sleeper_start(&s[i], ways[i], fd[i], &cap[i]),
			   "a task sleeps in %s", way_names[i]);
		else
			s[i].tid = 0;
	}
	unbind_driver("vim2m", "vim2m.0");
	for (i = 0; i < WAYS; i++) {
		if (s[i].tid && ok(sleeper_join(&s[i], 30000), "it is back from %s", way_names[i]))
			ok(s[i].ret == way_ends[i], "%s: 0x%lx", way_names[i], s[i].ret);
		ok(poll_all(fd[i]) == GONE, "poll says 0x%x", poll_all(fd[i]));
		ok_err(qbuf(&out[i], 0), ENODEV, "VIDIOC_QBUF");
		ok(!touch(cap[i].map[0]), "a frame is there");
		close(fd[i]);
		ok(!touch(cap[i].map[0]), "and after close()");
		stream_unmap(&cap[i]);
		stream_unmap(&out[i]);
	}
	bind_driver("vim2m", "vim2m.0", "vim2m");
}

/* --- buffers that were exported */

static long export(int fd, unsigned int type)
{
	struct v4l2_exportbuffer exp = { .type = type, .flags = O_RDWR | O_CLOEXEC };
	long ret = xioctl(fd, VIDIOC_EXPBUF, &exp);

	return ret < 0 ? ret : exp.fd;
}

static long dma_sync(int fd, unsigned long flags)
{
	struct dma_buf_sync sync = { .flags = flags | DMA_BUF_SYNC_RW };

	return xioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
}

/* Another device attaches the buffer, and makes a frame of what is in it. */
static void import(int dmabuf, size_t len)
{
	struct v4l2_requestbuffers req = { .count = 1, .type = OUT,
					   .memory = V4L2_MEMORY_DMABUF };
	struct v4l2_buffer b = { .type = OUT, .memory = V4L2_MEMORY_DMABUF,
				 .m.fd = dmabuf, .length = len };
	int type = OUT, fd = xopen(find_video(ENCODER), O_RDWR);
	struct stream cap;

	ok(fd >= 0 && !small(fd, OUT), "open the encoder, for what is its smallest frame");
	ok_err(xioctl(fd, VIDIOC_REQBUFS, &req), 0, "VIDIOC_REQBUFS for a dma-buf");
	ok_err(xioctl(fd, VIDIOC_QBUF, &b), 0, "it is attached");
	ok_err(stream_on(&cap, fd, CAP), 0, "VIDIOC_STREAMON");
	ok_err(xioctl(fd, VIDIOC_STREAMON, &type), 0, "VIDIOC_STREAMON");
	ok(dqbuf(&cap) >= 0, "and encoded");
	stream_unmap(&cap);
	close(fd);
}

/* Made and not used: on stock a job of board-m2m would be stuck. */
static long make_buffers(int fd, unsigned int type)
{
	struct v4l2_requestbuffers req = { .count = 1, .type = type,
					   .memory = V4L2_MEMORY_MMAP };

	return xioctl(fd, VIDIOC_REQBUFS, &req);
}

/* Of board-m2m, which can be removed as well: its device is no part of the module. */
static void t_expbuf(const char *driver, const char *dev, const char *module)
{
	int fd, dmabuf[2];
	size_t len = 640 * 480 * 2;
	char *map;

	diag("buffers of %s that were exported outlive the %s", driver,
	     module ? "module" : "unbind");
	fd = xopen(find_video(driver), O_RDWR);
	ok(!make_buffers(fd, CAP) && !make_buffers(fd, OUT), "make buffers");
	dmabuf[0] = export(fd, CAP);
	dmabuf[1] = export(fd, OUT);
	ok(dmabuf[0] >= 0 && dmabuf[1] >= 0, "VIDIOC_EXPBUF (%s, %s)", ename(dmabuf[0]),
	   ename(dmabuf[1]));
	unbind_driver(driver, dev);
	close(fd);

	map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf[0], 0);
	if (!ok(map != MAP_FAILED, "it can be mapped"))
		return;
	ok_err(dma_sync(dmabuf[0], DMA_BUF_SYNC_START), 0, "DMA_BUF_IOCTL_SYNC");
	memset(map, 0x5a, len);
	ok(map[len - 1] == 0x5a, "written and read");
	ok_err(dma_sync(dmabuf[0], DMA_BUF_SYNC_END), 0, "DMA_BUF_IOCTL_SYNC");
	import(dmabuf[1], len);
	if (module) {
		ok_err(rmmod(module), 0, "rmmod %s", module);
		ok(map[len - 1] == 0x5a, "it is there");
		/* The text that attaches and frees it is vb2's. */
		import(dmabuf[1], len);
	}
	close(dmabuf[0]);
	close(dmabuf[1]);
	ok(map[0] == 0x5a, "the mapping alone keeps it");
	munmap(map, len);
	if (module)
		ok_err(insmod(driver), 0, "insmod %s", driver);
	else
		bind_driver(driver, dev, driver);
}

/* --- requests */

enum { IDLE, WITH_CONTROL, QUEUED, COMPLETE, REQUESTS };

static const char *const request_names[] = { "idle", "with a control", "queued", "complete" };

static int new_request(int media)
{
	int req = -1;
	long ret = xioctl(media, MEDIA_IOC_REQUEST_ALLOC, &req);

	return ret < 0 ? ret : req;
}

static long control(int fd, int req)
{
	struct v4l2_ext_control c = { .id = V4L2_CID_HFLIP, .value = 1 };
	struct v4l2_ext_controls cs = { .which = V4L2_CTRL_WHICH_REQUEST_VAL, .count = 1,
					.request_fd = req, .controls = &c };

	return xioctl(fd, VIDIOC_S_EXT_CTRLS, &cs);
}

static long queue_in(int fd, unsigned int index, int req)
{
	struct v4l2_buffer b = { .type = OUT, .memory = V4L2_MEMORY_MMAP, .index = index,
				 .flags = V4L2_BUF_FLAG_REQUEST_FD, .request_fd = req };

	return xioctl(fd, VIDIOC_QBUF, &b);
}

static int poll_request(int req)
{
	struct pollfd p = { .fd = req, .events = POLLPRI };
	int n = poll(&p, 1, 0);

	return n < 0 ? -errno : p.revents;
}

/* One of each kind, of a context that streams; the last buffers never come out. */
static void make_requests(int fd, int media, int req[REQUESTS], struct stream *cap)
{
	struct v4l2_requestbuffers rb = { .count = REQUESTS, .type = OUT,
					  .memory = V4L2_MEMORY_MMAP };
	int type = OUT, i;

	ok_err(xioctl(fd, VIDIOC_REQBUFS, &rb), 0, "VIDIOC_REQBUFS");
	ok_err(xioctl(fd, VIDIOC_STREAMON, &type), 0, "VIDIOC_STREAMON");
	for (i = 0; i < REQUESTS; i++) {
		req[i] = new_request(media);
		ok(req[i] >= 0, "MEDIA_IOC_REQUEST_ALLOC: %s", ename(req[i]));
	}
	ok_err(control(fd, req[WITH_CONTROL]), 0, "a control in a request");
	ok_err(queue_in(fd, 1, req[WITH_CONTROL]), 0, "and a buffer");

	ok_err(control(fd, req[COMPLETE]), 0, "another");
	ok_err(queue_in(fd, 0, req[COMPLETE]), 0, "a buffer in it");
	ok_err(xioctl(req[COMPLETE], MEDIA_REQUEST_IOC_QUEUE, NULL), 0, "it is queued");
	ok_err(stream_on(cap, fd, CAP), 0, "VIDIOC_STREAMON");
	ok(dqbuf(cap) >= 0, "a frame comes");
	ok(wait_for(poll_request(req[COMPLETE]) == POLLPRI, PROMPT_MS), "the request is complete");
	/* Nothing goes in, so the next is not done. */
	type = CAP;
	ok_err(xioctl(fd, VIDIOC_STREAMOFF, &type), 0, "VIDIOC_STREAMOFF");
	ok_err(control(fd, req[QUEUED]), 0, "a control");
	ok_err(queue_in(fd, 2, req[QUEUED]), 0, "a buffer");
	ok_err(xioctl(req[QUEUED], MEDIA_REQUEST_IOC_QUEUE, NULL), 0, "it is queued");
	ok(poll_request(req[QUEUED]) == 0, "and waits");
}

/*
 * On stock the media device is in memory that goes with the last close of the video
 * node. @late: a request is used after that, and closed.
 */
static void t_requests(bool late)
{
	static long (*const sleeps[])(struct sleeper *s) = {
		sleep_in_poll, sleep_in_select, sleep_in_epoll,
	};
	static const long ends[] = { GONE, 1, GONE };
	struct sleeper s[ARRAY_SIZE(sleeps)];
	int fd, media, req[REQUESTS], i;
	bool bug = late && !ours;
	struct stream cap;

	diag("requests of vim2m, closed %s its node", late ? "after" : "before");
	fd = vim2m_open();
	media = xopen(find_media("vim2m"), O_RDWR);
	ok(media >= 0, "open the media node");
	make_requests(fd, media, req, &cap);
	stream_unmap(&cap);
	if (ours)
		for (i = 0; i < (int)ARRAY_SIZE(sleeps); i++)
			ok(sleeper_start(&s[i], sleeps[i], req[QUEUED], NULL),
			   "a task waits for the request");
	unbind_driver("vim2m", "vim2m.0");
	if (ours)
		for (i = 0; i < (int)ARRAY_SIZE(sleeps); i++)
			if (ok(sleeper_join(&s[i], 30000), "it is back"))
				ok(s[i].ret == ends[i], "it has 0x%lx", s[i].ret);
	/* Stock returns EIO for any call on the media node. */
	ok_err(new_request(media), ours ? ENODEV : EIO, "MEDIA_IOC_REQUEST_ALLOC");
	close(media);
	if (late)
		close(fd);
	/* Once the memory may be gone. */
	if (bug) {
		sleep_ms(SETTLE_MS);
		expect("KASAN: slab-use-after-free in media_request_");
		expect("KASAN: slab-use-after-free");
	}
	for (i = 0; i < REQUESTS; i++) {
		if (ours) {
			ok_err(xioctl(req[i], MEDIA_REQUEST_IOC_QUEUE, NULL), ENODEV,
			       "MEDIA_REQUEST_IOC_QUEUE, %s", request_names[i]);
			ok_err(xioctl(req[i], MEDIA_REQUEST_IOC_REINIT, NULL), ENODEV,
			       "MEDIA_REQUEST_IOC_REINIT, %s", request_names[i]);
			ok(poll_request(req[i]) == GONE, "poll says 0x%x", poll_request(req[i]));
		} else {
			diag("stock: %s: MEDIA_REQUEST_IOC_REINIT: %s", request_names[i],
			     ename(xioctl(req[i], MEDIA_REQUEST_IOC_REINIT, NULL)));
		}
		close(req[i]);
	}
	if (bug) {
		expect_end();
		expect_end();
	}
	if (!late)
		close(fd);
	bind_driver("vim2m", "vim2m.0", "vim2m");
}

/* A request of a removed device is not a request of the new one. */
static void t_old_request(void)
{
	int fd, media, req, now;

	diag("a request of before");
	fd = vim2m_open();
	media = xopen(find_media("vim2m"), O_RDWR);
	req = new_request(media);
	ok(req >= 0, "MEDIA_IOC_REQUEST_ALLOC: %s", ename(req));
	unbind_driver("vim2m", "vim2m.0");
	bind_driver("vim2m", "vim2m.0", "vim2m");
	now = vim2m_open();
	ok_err(control(now, req), EINVAL, "a control in it");
	close(now);
	close(req);
	close(media);
	close(fd);
}

/* Everything that was held is released, in whatever order files were closed. */
static void t_freed(long scopes)
{
	if (ours)
		ok(wait_for(trace_count("cdevm_free") >= scopes, GONE_MS),
		   "all of %ld scopes are freed (%ld)", scopes, trace_count("cdevm_free"));
}

static long unbinds;

static void t_all(void)
{
	t_stuck();
	t_vim2m();
	t_expbuf("vim2m", "vim2m.0", NULL);
	t_requests(false);
	t_requests(true);
	t_old_request();
	unbinds += 6;
}

int main(int argc, char **argv)
{
	static const char *const modules[] = {
		"videobuf2-common", "videobuf2-memops", "videobuf2-v4l2", "videobuf2-vmalloc",
		"v4l2-mem2mem",
	};
	int times = argc > 1 ? atoi(argv[1]) : 5, i;
	unsigned int n, run, failed;

	ours = is_ours();
	for (n = 0; n < ARRAY_SIZE(modules); n++)
		insmod_if_there(modules[n]);
	if (!ok_err(insmod("board-m2m"), 0, "insmod board-m2m") ||
	    !ok_err(insmod("vim2m"), 0, "insmod vim2m") ||
	    !ok_err(insmod("vicodec"), 0, "insmod vicodec"))
		return done("v4l2-m2m");
	if (ours) {
		trace_on();
		trace_frees_only();
	}
	allow_freed_controls();
	t_all();

	run = tap_run;
	failed = tap_failed;
	tap_quiet = true;
	for (i = 0; ours && i < times; i++) {
		t_all();
		t_closing(i);
		unbinds++;
	}
	tap_quiet = false;
	run = tap_run - run;
	failed = tap_failed - failed;
	if (ours)
		ok(!failed, "again, %d times: %u checks, %u failed", times, run, failed);

	t_freed(unbinds);
	allow_freed_controls_end();
	t_expbuf(BOARD, BOARD, "board_m2m");
	/*
	 * Not vim2m and vicodec, whose static devices may be released later than the
	 * module, with DEBUG_KOBJECT_RELEASE.
	 */
	ok_err(rmmod("board_m2m"), 0, "rmmod board-m2m");
	if (ours)
		ok_no_leaks();
	return done("v4l2-m2m");
}
