// SPDX-License-Identifier: GPL-2.0
/*
 * samples/v4l/v4l2-pci-skeleton.c is unbound while its node is in use
 *
 *	v4l2-skeleton [TIMES]
 *
 * It drives QEMU's edu device, which it does not know: no frame ever comes, so
 * a task that waits for one sleeps. On an unpatched kernel KASAN has to report
 * the ioctl and the close after unbind; on a patched one everything must be in
 * order.
 */
#include "v4l2.h"

#define DRIVER "v4l2_pci_skeleton"

static char device[64];		/* PCI address of edu */

static bool find_edu(void)
{
	struct dirent *e;
	char file[600];
	DIR *d = opendir("/sys/bus/pci/devices");

	while (d && !device[0] && (e = readdir(d))) {
		snprintf(file, sizeof(file), "/sys/bus/pci/devices/%s/device", e->d_name);
		if (starts_with(file, "0x11e8"))
			snprintf(device, sizeof(device), "%.60s", e->d_name);
	}
	if (d)
		closedir(d);
	return device[0];
}

/* Its table of devices is empty, so new_id refuses. */
static bool override(void)
{
	char file[128];

	snprintf(file, sizeof(file), "/sys/bus/pci/devices/%s/driver_override", device);
	return ok_err(write_file(file, DRIVER), 0, "driver_override");
}

static long binds;

static bool bind(void)
{
	if (!ok_err(driver_write("pci", DRIVER, "bind", device), 0, "bind"))
		return false;
	binds++;
	return true;
}

static bool unbind(void)
{
	long t0 = now_ms();

	return ok_err(driver_write("pci", DRIVER, "unbind", device), 0, "unbind") &
	       ok(now_ms() - t0 < PROMPT_MS, "unbind does not wait for files to close");
}

static int open_node(int flags)
{
	return xopen(find_video(DRIVER), O_RDWR | flags);
}

static long querycap(int fd)
{
	struct v4l2_capability cap;

	return xioctl(fd, VIDIOC_QUERYCAP, &cap);
}

/* --- stock: the bug */

static void bug(const char *function)
{
	char ere[128];

	snprintf(ere, sizeof(ere), "KASAN: slab-use-after-free in %s\\+", function);
	expect(ere);
	expect("KASAN: slab-use-after-free");
}

static void bug_end(void)
{
	expect_end();
	expect_end();
}

static bool open_held(const void *unused __unused)
{
	return open_node(0) >= 0;
}

static void stock(void)
{
	int fd;

	if (!bind())
		return;
	/*
	 * At the last close the core would release a struct device in freed
	 * memory, in a work item, and the kernel would not get far. Before our
	 * own open, which the process would share.
	 */
	ok(hold_with(open_held, NULL), "another process opens the node");
	fd = open_node(0);
	ok(fd >= 0, "open the node");
	ok_err(querycap(fd), 0, "ioctl while it is bound");
	/* Its interrupt is a devm resource, so the device is disabled before it is freed. */
	expect("remove_proc_entry: removing non-empty directory");
	unbind();
	expect_end();

	bug("v4l2_ioctl");
	diag("ioctl: %s", ename(querycap(fd)));
	bug_end();
	bug("v4l2_release");
	close(fd);
	bug_end();
	ok(true, "ioctl and close after unbind: KASAN was to see each");
}

/* --- ours */

/*
 * How many bindings have memory that is not freed. With the delay of each kobject
 * release that takes seconds, so it is looked at once and not each time.
 */
static long live(void)
{
	return binds - trace_count("cdevm_free: ");
}

static void ok_revoked(int fd, const char *what)
{
	struct v4l2_requestbuffers req = { .count = 2, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
					   .memory = V4L2_MEMORY_MMAP };
	struct v4l2_event_subscription sub = { .type = V4L2_EVENT_CTRL,
					       .id = V4L2_CID_BRIGHTNESS };
	struct v4l2_control ctrl = { .id = V4L2_CID_BRIGHTNESS };
	unsigned int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	char buf[16];

	ok_err(querycap(fd), ENODEV, "%s: VIDIOC_QUERYCAP", what);
	ok_err(xioctl(fd, VIDIOC_REQBUFS, &req), ENODEV, "%s: VIDIOC_REQBUFS", what);
	ok_err(xioctl(fd, VIDIOC_STREAMON, &type), ENODEV, "%s: VIDIOC_STREAMON", what);
	ok_err(xioctl(fd, VIDIOC_G_CTRL, &ctrl), ENODEV, "%s: VIDIOC_G_CTRL", what);
	ok_err(xioctl(fd, VIDIOC_SUBSCRIBE_EVENT, &sub), ENODEV,
	       "%s: VIDIOC_SUBSCRIBE_EVENT", what);
	ok_err(xread(fd, buf, sizeof(buf)), ENODEV, "%s: read", what);
	ok(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED &&
	   errno == ENODEV, "%s: mmap", what);
	ok(poll_all(fd) == GONE, "%s: poll reports 0x%x", what, poll_all(fd));
}

/* Unbind while one file streams and others wait for events. */
static void t_streaming(void)
{
	struct v4l2_event_subscription sub = { .type = V4L2_EVENT_CTRL,
					       .id = V4L2_CID_BRIGHTNESS };
	struct sleeper dq, ev, po;
	struct stream s = { 0 };
	int fd, fd2, fd3, new;
	char node[64];

	if (!bind())
		return;
	snprintf(node, sizeof(node), "%s", find_video(DRIVER));
	fd = open_node(0);
	fd2 = open_node(0);
	fd3 = open_node(0);
	if (!ok(fd >= 0 && fd2 >= 0 && fd3 >= 0, "open the node three times"))
		return;
	ok_err(querycap(fd), 0, "VIDIOC_QUERYCAP");
	ok_err(stream_on(&s, fd, V4L2_BUF_TYPE_VIDEO_CAPTURE), 0, "stream");
	ok(s.n && !touch(s.map[0]), "the mapping can be read");
	ok_err(xioctl(fd2, VIDIOC_SUBSCRIBE_EVENT, &sub), 0, "subscribe to a control");
	ok_err(xioctl(fd3, VIDIOC_SUBSCRIBE_EVENT, &sub), 0, "again");
	ok(sleeper_start(&dq, sleep_in_dqbuf, fd, &s), "a task sleeps in VIDIOC_DQBUF");
	ok(sleeper_start(&ev, sleep_in_dqevent, fd2, NULL), "one in VIDIOC_DQEVENT");
	ok(sleeper_start(&po, sleep_in_poll, fd3, NULL), "one in poll()");

	if (!unbind())
		return;
	if (ok(sleeper_join(&dq, PROMPT_MS), "the sleeper in VIDIOC_DQBUF is back"))
		ok_err(dq.ret, ENODEV, "VIDIOC_DQBUF");
	if (ok(sleeper_join(&ev, PROMPT_MS), "the sleeper in VIDIOC_DQEVENT is back"))
		ok_err(ev.ret, ENODEV, "VIDIOC_DQEVENT");
	if (ok(sleeper_join(&po, PROMPT_MS), "the sleeper in poll() is back"))
		ok(po.ret == GONE, "poll: 0x%lx", po.ret);
	ok(!exists(node), "the node is gone");
	ok(s.n && touch(s.map[0]) == 0, "the frame can be read");
	if (!tap_quiet)
		ok(trace_order("cdevm_vb2_kick", "cdevm_drain_begin"),
		   "the queue's sleepers are woken before calls are waited for");
	if (!tap_quiet)
		ok(trace_order("cdevm_drain_end", "cdevm_vb2_stop") &&
		   trace_order("cdevm_vb2_stop", "cdevm_v4l2_device_unregister"),
		   "streaming stops when no call is inside, before devm resources go");
	ok_revoked(fd, "the streaming file");
	ok_revoked(fd2, "another file");

	if (bind()) {
		new = open_node(0);
		ok(new >= 0 && querycap(new) == 0, "bound again, a new file works");
		ok_err(querycap(fd), ENODEV, "the old one does not");
		close(new);
		unbind();
	}
	/* The second binding goes now; the first one has three files open. */
	ok(tap_quiet || wait_for(live() == 1, GONE_MS), "memory of the second binding goes");
	close(fd2);
	close(fd3);
	if (!tap_quiet)
		sleep_ms(SETTLE_MS);
	ok(tap_quiet || live() == 1, "that of the first stays while a file is open");
	close(fd);
	if (!tap_quiet)
		sleep_ms(SETTLE_MS);
	ok(tap_quiet || live() == 1, "and while its buffers are mapped");
	stream_unmap(&s);
	ok(tap_quiet || wait_for(live() == 0, GONE_MS), "the last one frees it");
}

/* read() is streaming, too, with buffers of the kernel's own. */
static void t_read(void)
{
	struct sleeper rd;
	int fd;

	if (!bind())
		return;
	fd = open_node(0);
	ok(fd >= 0 && sleeper_start(&rd, sleep_in_read, fd, NULL), "a task sleeps in read()");
	unbind();
	if (ok(sleeper_join(&rd, PROMPT_MS), "it is back"))
		ok_err(rd.ret, ENODEV, "read");
	close(fd);
}

/* The file is closed while the device goes. */
static void t_close_race(void)
{
	struct stream s = { 0 };
	int fd, status;
	pid_t pid;

	if (!bind())
		return;
	fd = open_node(0);
	ok(stream_on(&s, fd, V4L2_BUF_TYPE_VIDEO_CAPTURE) == 0, "stream");
	pid = fork();
	if (!pid) {
		close(fd);
		_exit(0);
	}
	stream_unmap(&s);
	close(fd);
	unbind();
	ok(waitpid(pid, &status, 0) == pid && status == 0, "closed meanwhile");
}

int main(int argc, char **argv)
{
	int times = argc > 1 ? atoi(argv[1]) : 5, i;
	unsigned int run, failed;

	insmod_if_there("videobuf2-common");
	insmod_if_there("videobuf2-memops");
	insmod_if_there("videobuf2-v4l2");
	insmod_if_there("videobuf2-dma-contig");
	if (!ok(find_edu(), "there is an edu device") ||
	    !ok_err(insmod("v4l2-pci-skeleton"), 0, "insmod") || !override())
		return done("v4l2-skeleton");
	if (!is_ours()) {
		stock();
		return done("v4l2-skeleton");
	}
	ok(trace_on(), "trace events");
	t_streaming();
	t_read();
	t_close_race();
	/* An event between the earlier ones and those from now on would be lost. */
	ok(wait_for(live() == 0, GONE_MS), "nothing is left of them");
	trace_frees_only();

	run = tap_run;
	failed = tap_failed;
	tap_quiet = true;
	for (i = 0; i < times; i++) {
		t_streaming();
		t_read();
		t_close_race();
	}
	tap_quiet = false;
	run = tap_run - run;
	failed = tap_failed - failed;
	ok(!failed, "again, %d times: %u checks, %u failed", times, run, failed);

	bind();
	i = open_node(0);
	ok_err(rmmod(DRIVER), EAGAIN, "rmmod with a file open");
	close(i);
	ok_err(rmmod(DRIVER), 0, "rmmod of a driver that is bound");
	ok(live() == 0, "%ld bindings, %ld not freed", binds, live());
	ok_no_leaks();
	return done("v4l2-skeleton");
}
