// SPDX-License-Identifier: GPL-2.0
/*
 * drivers/media/usb/uvc: a camera is unplugged while it is in use
 *
 *	usb-camera [TIMES]
 *	usb-camera serve	# is a camera, for other programs, until it is killed
 *
 * The camera is a program; see gadget.h. It has one format, a control that it changes by
 * itself, and a bulk endpoint for frames, since dummy_hcd has no isochronous ones. Stock
 * is the reference, where the same program runs.
 */
#include "v4l2.h"
#include "gadget.h"

#include <linux/usb/video.h>
#include <semaphore.h>

#define EP_STATUS	0x85
#define EP_VIDEO	0x81
#define CONTROL_INTF	0
#define VIDEO_INTF	1
#define CAMERA_ID	1
#define PROCESSING_ID	2
#define OUTPUT_ID	3
#define WIDTH		32
#define HEIGHT		32
#define FRAME		(WIDTH * HEIGHT * 2)
#define HEADER		2
#define INTERVAL	333333

#define VENDOR		0x1d6b
#define PRODUCT		0x0102
#define NAME		"UVC Camera (1d6b:0102)"

static bool ours;

/* What the camera and the test tell each other. */
struct camera {
	struct gadget_shared base;
	bool paused;		/* no frames */
	bool mute;		/* answers no request about a control */
	sem_t press;		/* change the brightness, and tell the host */
	volatile unsigned short brightness;
};

#define LE16(n) (n) & 0xff, (n) >> 8 & 0xff
#define LE32(n) LE16(n), (n) >> 16 & 0xff, (n) >> 24 & 0xff

#define CONTROL_LEN	(13 + 18 + 11 + 9)
#define VIDEO_LEN	(14 + 27 + 30)
#define CONFIG_LEN	(9 + 8 + 9 + CONTROL_LEN + 7 + 5 + 9 + VIDEO_LEN + 7)

static const unsigned char config[] = {
	9, USB_DT_CONFIG, LE16(CONFIG_LEN), 2, 1, 0, USB_CONFIG_ATT_ONE, 50,
	8, USB_DT_INTERFACE_ASSOCIATION, CONTROL_INTF, 2, USB_CLASS_VIDEO, 3, 0, 0,

	9, USB_DT_INTERFACE, CONTROL_INTF, 0, 1, USB_CLASS_VIDEO, UVC_SC_VIDEOCONTROL, 0, 0,
	13, USB_DT_CS_INTERFACE, UVC_VC_HEADER, LE16(0x0100), LE16(CONTROL_LEN), LE32(6000000),
	1, VIDEO_INTF,
	18, USB_DT_CS_INTERFACE, UVC_VC_INPUT_TERMINAL, CAMERA_ID, LE16(UVC_ITT_CAMERA), 0, 0,
	LE16(0), LE16(0), LE16(0), 3, 0, 0, 0,
	/* With a brightness. */
	11, USB_DT_CS_INTERFACE, UVC_VC_PROCESSING_UNIT, PROCESSING_ID, CAMERA_ID, LE16(0),
	2, LE16(1), 0,
	9, USB_DT_CS_INTERFACE, UVC_VC_OUTPUT_TERMINAL, OUTPUT_ID, LE16(UVC_TT_STREAMING), 0,
	PROCESSING_ID, 0,
	7, USB_DT_ENDPOINT, EP_STATUS, USB_ENDPOINT_XFER_INT, LE16(16), 4,
	5, USB_DT_CS_ENDPOINT, UVC_EP_INTERRUPT, LE16(16),

	9, USB_DT_INTERFACE, VIDEO_INTF, 0, 1, USB_CLASS_VIDEO, UVC_SC_VIDEOSTREAMING, 0, 0,
	14, USB_DT_CS_INTERFACE, UVC_VS_INPUT_HEADER, 1, LE16(VIDEO_LEN), EP_VIDEO, 0, OUTPUT_ID,
	0, 0, 0, 1, 0,
	27, USB_DT_CS_INTERFACE, UVC_VS_FORMAT_UNCOMPRESSED, 1, 1,
	'Y', 'U', 'Y', '2', 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71,
	16, 1, 0, 0, 0, 0,
	30, USB_DT_CS_INTERFACE, UVC_VS_FRAME_UNCOMPRESSED, 1, 0, LE16(WIDTH), LE16(HEIGHT),
	LE32(FRAME * 8 * 30), LE32(FRAME * 8 * 30), LE32(FRAME), LE32(INTERVAL), 1, LE32(INTERVAL),
	7, USB_DT_ENDPOINT, EP_VIDEO, USB_ENDPOINT_XFER_BULK, LE16(512), 0,
};

_Static_assert(sizeof(config) == CONFIG_LEN, "descriptors");

/* --- the camera */

/* What it streams, which no request changes. */
static int probe_control(unsigned int request, void *data)
{
	static const unsigned char probe[] = {
		LE16(0), 1, 1, LE32(INTERVAL), LE16(0), LE16(0), LE16(0), LE16(0), LE16(0),
		LE32(FRAME), LE32(HEADER + FRAME),
	};

	switch (request) {
	case UVC_SET_CUR:
		return 0;
	case UVC_GET_CUR:
	case UVC_GET_MIN:
	case UVC_GET_MAX:
	case UVC_GET_DEF:
		memcpy(data, probe, sizeof(probe));
		return sizeof(probe);
	}
	return -1;
}

static int brightness(struct camera *camera, unsigned int request, unsigned char *data)
{
	unsigned short value = 0;

	while (__atomic_load_n(&camera->mute, __ATOMIC_ACQUIRE))
		pause();
	switch (request) {
	case UVC_SET_CUR:
		memcpy(&value, data, sizeof(value));
		camera->brightness = value;
		return 0;
	case UVC_GET_INFO:
		/*
		 * It can be read and written, and it reports that it changes by
		 * itself.
		 */
		data[0] = 0x0b;
		return 1;
	case UVC_GET_CUR:
		value = camera->brightness;
		break;
	case UVC_GET_MAX:
		value = 255;
		break;
	case UVC_GET_RES:
		value = 1;
		break;
	case UVC_GET_DEF:
		value = 128;
		break;
	}
	memcpy(data, &value, sizeof(value));
	return sizeof(value);
}

static int control(struct gadget *g, const struct usb_ctrlrequest *req, void *data)
{
	unsigned int selector = req->wValue >> 8, entity = req->wIndex >> 8;

	if ((req->wIndex & 0xff) == VIDEO_INTF &&
	    (selector == UVC_VS_PROBE_CONTROL || selector == UVC_VS_COMMIT_CONTROL))
		return probe_control(req->bRequest, data);
	if (entity == PROCESSING_ID && selector == UVC_PU_BRIGHTNESS_CONTROL)
		return brightness(g->shared, req->bRequest, data);
	return -1;
}

/* Each frame is of one colour, which no other has for a while. */
static void *serve_video(void *data)
{
	struct gadget *g = data;
	struct camera *camera = g->shared;
	unsigned char payload[HEADER + FRAME] = { HEADER };
	unsigned int n = 0;

	do {
		while (__atomic_load_n(&camera->paused, __ATOMIC_ACQUIRE))
			sleep_ms(5);
		payload[1] = UVC_STREAM_EOH | UVC_STREAM_EOF | (n & UVC_STREAM_FID);
		memset(payload + HEADER, n++, FRAME);
		sleep_ms(5);
	} while (gadget_write(g, EP_VIDEO, payload, sizeof(payload)) == sizeof(payload));
	return NULL;
}

static void *serve_status(void *data)
{
	struct gadget *g = data;
	struct camera *camera = g->shared;
	unsigned short value;
	/*
	 * A message about a control: its entity, that its value has changed,
	 * and the value.
	 */
	unsigned char status[] = { 1, PROCESSING_ID, 0, UVC_PU_BRIGHTNESS_CONTROL, 0, 0, 0 };

	do {
		sem_wait(&camera->press);
		value = ++camera->brightness;
		memcpy(status + 5, &value, sizeof(value));
	} while (gadget_write(g, EP_STATUS, status, sizeof(status)) == sizeof(status));
	return NULL;
}

static void run(struct gadget *g)
{
	gadget_thread(g, serve_video);
	gadget_thread(g, serve_status);
}

static const struct gadget_ops ops = {
	.device = {
		.bLength = USB_DT_DEVICE_SIZE,
		.bDescriptorType = USB_DT_DEVICE,
		.bcdUSB = 0x0200,
		.bDeviceClass = USB_CLASS_MISC,
		.bDeviceSubClass = 2,
		.bDeviceProtocol = 1,
		.bMaxPacketSize0 = 64,
		.idVendor = VENDOR,
		.idProduct = PRODUCT,
		.bcdDevice = 0x0100,
		.iSerialNumber = 1,
		.bNumConfigurations = 1,
	},
	.config = config,
	.config_len = sizeof(config),
	.serial = "e2e",
	.shared_len = sizeof(struct camera),
	.control = control,
	.run = run,
};

/* --- its nodes */

/* Opens the node of the camera that can do @cap; the other one has the same name. */
static int open_node(unsigned int cap)
{
	struct v4l2_capability has;
	char path[64], name[96];
	int fd, i;

	for (i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "/sys/class/video4linux/video%d/name", i);
		if (!starts_with(name, NAME))
			continue;
		snprintf(path, sizeof(path), "/dev/video%d", i);
		fd = xopen(path, O_RDWR);
		if (fd < 0)
			continue;
		if (!xioctl(fd, VIDIOC_QUERYCAP, &has) && (has.device_caps & cap))
			return fd;
		close(fd);
	}
	return -ENOENT;
}

static bool is_there(void)
{
	return *find_video(NAME);
}

/* Plugged in, and open. */
static int plug(struct gadget *g)
{
	int fd = -ENOENT;

	gadget_start(g, &ops);
	sem_init(&((struct camera *)g->shared)->press, 1, 0);
	/* The media node is the last. Stock goes on after it, see t_early(). */
	if (ok(wait_for(*find_media(NAME), PROMPT_MS), "plug in")) {
		if (!ours)
			sleep_ms(100);
		fd = open_node(V4L2_CAP_VIDEO_CAPTURE);
	}
	ok(fd >= 0, "open");
	return fd;
}

static bool ok_gone(void)
{
	return ok(wait_for(!exists(GADGET_HOST), PROMPT_MS), "the host has let go of it") &
	       ok(!is_there() && !*find_media(NAME), "the nodes have gone");
}

static void set_paused(struct gadget *g, bool paused)
{
	__atomic_store_n(&((struct camera *)g->shared)->paused, paused, __ATOMIC_RELEASE);
}

static void set_mute(struct gadget *g, bool mute)
{
	__atomic_store_n(&((struct camera *)g->shared)->mute, mute, __ATOMIC_RELEASE);
}

/* --- sleepers */

static long ask(struct sleeper *s)
{
	struct v4l2_control c = { .id = V4L2_CID_BRIGHTNESS, .value = 3 };

	return xioctl(s->fd, VIDIOC_S_CTRL, &c);
}

/* Do not poll for frames: lost ones are reported when the plug is pulled, too. */
static long wait_poll(struct sleeper *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLPRI };
	int n = poll(&p, 1, -1);

	return n < 0 ? -errno : p.revents;
}

static void on_signal(int sig __unused)
{
}

/**
 * struct way - a call that sleeps when the camera is pulled
 * @name: of it
 * @what: it
 * @want: what it returns on ours
 */
static const struct way {
	const char *name;
	long (*what)(struct sleeper *s);
	long want;
} ways[] = {
	{ "VIDIOC_DQBUF", sleep_in_dqbuf, -ENODEV },
	{ "VIDIOC_DQEVENT", sleep_in_dqevent, -ENODEV },
	{ "poll(POLLPRI)", wait_poll, GONE },
	{ "select(exceptfds)", sleep_in_select, 1 },
	{ "epoll_wait(EPOLLPRI)", sleep_in_epoll, GONE },
};

#define WAYS ((int)ARRAY_SIZE(ways))

/* The calls return by themselves or, on stock, by a signal. */
static void join(struct sleeper *s, const char *name, long want)
{
	if (!ours && !sleeper_join(s, 10000)) {
		diag("stock: 10 s later a task still sleeps in %s", name);
		pthread_kill(s->thread, SIGUSR1);
	} else if (!ours) {
		diag("stock: %s: 0x%lx (%s)", name, s->ret, ename(s->ret));
		return;
	}
	if (ok(sleeper_join(s, PROMPT_MS), "it is back from %s", name) && ours)
		ok(s->ret == want, "%s: 0x%lx (%s)", name, s->ret, ename(s->ret));
}

/* --- the tests */

static long g_ctrl(int fd)
{
	struct v4l2_control c = { .id = V4L2_CID_BRIGHTNESS };
	long ret = xioctl(fd, VIDIOC_G_CTRL, &c);

	return ret ?: c.value;
}

static long subscribe(int fd)
{
	struct v4l2_event_subscription sub = { .type = V4L2_EVENT_CTRL,
					       .id = V4L2_CID_BRIGHTNESS };

	return xioctl(fd, VIDIOC_SUBSCRIBE_EVENT, &sub);
}

/* Take a frame, and look if it is one. Returns its index. */
static long take_frame(struct stream *s)
{
	long index = dqbuf(s);
	unsigned char *frame = index < 0 ? NULL : s->map[index];

	ok(frame && !memcmp(frame, frame + 1, FRAME - 1), "a frame comes (%ld)", index);
	return index;
}

static void t_works(void)
{
	struct v4l2_event ev = { 0 };
	struct v4l2_control c = { .id = V4L2_CID_BRIGHTNESS, .value = 77 };
	struct gadget g;
	struct stream s;
	struct camera *camera;
	int fd, meta, media, i;

	diag("it works");
	fd = plug(&g);
	if (fd < 0)
		return;
	camera = g.shared;
	meta = open_node(V4L2_CAP_META_CAPTURE);
	media = xopen(find_media(NAME), O_RDWR);
	ok(meta >= 0 && media >= 0, "it has a node for metadata, and a media node");
	ok_err(stream_on(&s, fd, V4L2_BUF_TYPE_VIDEO_CAPTURE), 0, "stream");
	for (i = 0; i < 10; i++)
		ok(qbuf(&s, take_frame(&s)) >= 0, "it is given back");
	ok_err(xioctl(fd, VIDIOC_S_CTRL, &c), 0, "set a control");
	/*
	 * The host is done when the camera has received the data, and the
	 * camera may not have handled them.
	 */
	ok(wait_for(camera->brightness == 77, 5000) && g_ctrl(fd) == 77, "the camera has it");
	ok_err(subscribe(fd), 0, "subscribe to its events");
	sem_post(&camera->press);
	ok_err(xioctl(fd, VIDIOC_DQEVENT, &ev), 0, "the camera changes it");
	ok(ev.u.ctrl.value == 78, "the event says so: %d", ev.u.ctrl.value);
	stream_unmap(&s);
	close(fd);
	close(meta);
	close(media);
	gadget_pull(&g);
	ok_gone();
	gadget_free(&g);
}

/*
 * All tasks sleep. Each has a file of its own, except for the one that waits for
 * frames.
 */
static void t_pulled(void)
{
	struct v4l2_exportbuffer exp = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .flags = O_RDWR };
	struct sleeper s[WAYS], control;
	int fd, fds[WAYS], meta, media, busy, i;
	struct gadget g, next;
	struct stream stream;
	char *frame, *copy, *exported;
	long index;

	diag("pulled while it streams and tasks sleep in each call");
	fd = plug(&g);
	if (fd < 0)
		return;
	meta = open_node(V4L2_CAP_META_CAPTURE);
	busy = open_node(V4L2_CAP_VIDEO_CAPTURE);
	media = xopen(find_media(NAME), O_RDWR);
	ok_err(stream_on(&stream, fd, V4L2_BUF_TYPE_VIDEO_CAPTURE), 0, "stream");
	index = take_frame(&stream);
	if (index < 0)
		return;
	frame = stream.map[index];
	copy = malloc(FRAME);
	exp.index = index;
	ok_err(xioctl(fd, VIDIOC_EXPBUF, &exp), 0, "export the frame");
	exported = mmap(NULL, FRAME, PROT_READ, MAP_SHARED, exp.fd, 0);
	set_paused(&g, true);
	/* Those that were on their way. */
	sleep_ms(500);
	for (i = 0; i < 2; i++) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, 0) == 1 && (p.revents & POLLIN))
			qbuf(&stream, dqbuf(&stream));
	}
	memcpy(copy, frame, FRAME);
	for (i = 0; i < WAYS; i++) {
		fds[i] = i ? open_node(V4L2_CAP_VIDEO_CAPTURE) : fd;
		ok_err(subscribe(fds[i]), 0, "subscribe");
		ok(sleeper_start(&s[i], ways[i].what, fds[i], &stream), "a task sleeps in %s",
		   ways[i].name);
	}
	set_mute(&g, true);
	memset(&control, 0, sizeof(control));
	control.what = ask;
	control.fd = busy;
	pthread_create(&control.thread, NULL, sleeper_main, &control);
	ok(wait_for(control.tid && task_state(control.tid) == 'D', PROMPT_MS),
	   "a task waits for the answer about a control");

	gadget_pull(&g);
	ok_gone();
	for (i = 0; i < WAYS; i++)
		join(&s[i], ways[i].name, ways[i].want);
	if (ok(sleeper_join(&control, PROMPT_MS), "it is back from VIDIOC_S_CTRL"))
		diag("VIDIOC_S_CTRL: %s", ename(control.ret));
	ok(poll_all(fd) == GONE, "poll(): 0x%x", poll_all(fd));
	ok(poll_all(media) == (POLLERR | POLLHUP), "poll() of the media node: 0x%x",
	   poll_all(media));
	ok_err(dqbuf(&stream), ENODEV, "VIDIOC_DQBUF");
	ok_err(g_ctrl(fd), ENODEV, "VIDIOC_G_CTRL");
	ok(!memcmp(copy, frame, FRAME), "the frame is what it was");
	ok(exported != MAP_FAILED && !memcmp(copy, exported, FRAME), "so it is as it was exported");

	diag("the next one is plugged in meanwhile");
	i = plug(&next);
	ok(g_ctrl(i) >= 0, "its control");
	ok_err(g_ctrl(fd), ENODEV, "that of the old one");
	close(i);
	for (i = 0; i < WAYS; i++)
		close(fds[i]);
	close(busy);
	close(meta);
	close(media);
	ok(!memcmp(copy, frame, FRAME), "the frame is there after close()");
	stream_unmap(&stream);
	ok(!memcmp(copy, exported, FRAME), "and after munmap()");
	munmap(exported, FRAME);
	close(exp.fd);
	free(copy);
	gadget_free(&g);
	gadget_pull(&next);
	ok_gone();
	gadget_free(&next);
}

/* By hand, and bound again with the old file open. */
static void t_unbind(void)
{
	struct stream stream;
	struct gadget g;
	int fd, again;

	diag("unbound by hand while it streams, and bound again");
	fd = plug(&g);
	if (fd < 0)
		return;
	ok_err(stream_on(&stream, fd, V4L2_BUF_TYPE_VIDEO_CAPTURE), 0, "stream");
	take_frame(&stream);
	ok_err(driver_write("usb", "uvcvideo", "unbind", "1-1:1.0"), 0, "unbind");
	ok_err(g_ctrl(fd), ENODEV, "VIDIOC_G_CTRL");
	ok_err(driver_write("usb", "uvcvideo", "bind", "1-1:1.0"), 0, "bind");
	again = open_node(V4L2_CAP_VIDEO_CAPTURE);
	if (ours) {
		ok(again >= 0 && g_ctrl(again) >= 0, "it has nodes");
	} else {
		/* The streaming interface is given back with the last close. */
		ok_err(again, ENOENT, "stock: it has no nodes while the old file is open");
	}
	stream_unmap(&stream);
	close(again);
	close(fd);
	gadget_pull(&g);
	ok_gone();
	gadget_free(&g);
}

/* Pulled in mid-stream, with or without sleepers; the last file stays open for one turn. */
static void t_again(int times)
{
	struct stream stream;
	struct sleeper s;
	struct gadget g;
	int fd, last = -1, i;

	tap_quiet = true;
	for (i = 0; i < times; i++) {
		fd = plug(&g);
		if (fd < 0 ||
		    !ok_err(stream_on(&stream, fd, V4L2_BUF_TYPE_VIDEO_CAPTURE), 0, "stream") ||
		    take_frame(&stream) < 0)
			break;
		/* While frames come, it sleeps between two of them, but may never be seen to. */
		if (i % 2) {
			set_paused(&g, true);
			ok(sleeper_start(&s, sleep_in_dqbuf, fd, &stream), "a task waits for a frame");
		} else {
			ok(sleeper_run(&s, sleep_in_dqbuf, fd, &stream), "a task takes frames");
		}
		gadget_pull(&g);
		if (!ok(sleeper_join(&s, PROMPT_MS), "it is back") || !ok_gone())
			break;
		if (ours)
			ok_err(s.ret, ENODEV, "VIDIOC_DQBUF");
		close(last);
		last = fd;
		stream_unmap(&stream);
		gadget_free(&g);
	}
	close(last);
	tap_quiet = false;
	ok(i == times, "pulled %d times", i);
}

/* The capture node as soon as it can be opened: a sleep would be too long. */
static int open_early(void)
{
	long end = now_ms() + PROMPT_MS;
	int fd;

	wait_for(exists(GADGET_HOST), PROMPT_MS);
	do {
		sched_yield();
		fd = open_node(V4L2_CAP_VIDEO_CAPTURE);
	} while (fd < 0 && now_ms() < end);
	return fd;
}

/*
 * Streams as soon as there is a node. On stock nobody has prepared the status interrupt
 * by then: the camera's events never come, and a mutex is taken that is none yet.
 */
static void t_early(int times)
{
	struct stream stream;
	struct gadget g;
	int fd, i, told = 0;

	diag("streamed from as soon as there is a node");
	if (!ours)
		kmsg("e2e: allow lock->magic != lock");
	tap_quiet = true;
	for (i = 0; i < times; i++) {
		gadget_start(&g, &ops);
		sem_init(&((struct camera *)g.shared)->press, 1, 0);
		fd = open_early();
		if (!ok(fd >= 0, "open") ||
		    !ok_err(subscribe(fd), 0, "subscribe to its events") ||
		    !ok_err(stream_on(&stream, fd, V4L2_BUF_TYPE_VIDEO_CAPTURE), 0, "stream"))
			break;
		take_frame(&stream);
		sem_post(&((struct camera *)g.shared)->press);
		told += wait_for(poll_all(fd) & POLLPRI, 2000);
		stream_unmap(&stream);
		close(fd);
		gadget_pull(&g);
		ok_gone();
		gadget_free(&g);
	}
	tap_quiet = false;
	if (ours)
		ok(told == times, "%d times of %d its events came", told, times);
	else
		diag("stock: %d times of %d its events came", told, times);
	if (!ours)
		kmsg("e2e: allow-end");
}

/* Plugs it in, and leaves it there. */
static int serve(void)
{
	struct gadget g;
	int fd = plug(&g);

	close(fd);
	if (fd < 0)
		return 1;
	waitpid(g.pid, NULL, 0);
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };

	ours = is_ours();
	sigaction(SIGUSR1, &sa, NULL);
	insmod_if_there("videobuf2-common");
	insmod_if_there("videobuf2-memops");
	insmod_if_there("videobuf2-v4l2");
	insmod_if_there("videobuf2-vmalloc");
	insmod_if_there("uvc");
	if (!ok_err(insmod("uvcvideo"), 0, "insmod uvcvideo"))
		return done("usb-camera");
	if (argc > 1 && !strcmp(argv[1], "serve"))
		return serve();
	t_works();
	t_pulled();
	t_unbind();
	t_again(argc > 1 ? atoi(argv[1]) : 100);
	t_early(10);
	ok(wait_for(rmmod("uvcvideo") == 0, GONE_MS), "all of it was freed");
	return done("usb-camera");
}
