// SPDX-License-Identifier: GPL-2.0
/*
 * What an application sees of a camera that is unplugged: the same on every
 * kernel
 *
 * vimc is unbound while a process has frames of it mapped, and others wait for
 * events. Stock is the reference, where the same program runs.
 */
#include "v4l2.h"

static long (*const ways[])(struct sleeper *s) = {
	sleep_in_poll, sleep_in_select, sleep_in_epoll,
};

static const char *const names[] = { "poll()", "select()", "epoll_wait()" };
static const long ends[] = { GONE, 1, GONE };

#define WAYS ((int)ARRAY_SIZE(ways))

/* Take a frame, which is not given back. */
static long take_frame(struct stream *s)
{
	long index = dqbuf(s);

	ok(index >= 0 && touch(s->map[index]) == 0, "a frame comes (%ld)", index);
	return index < 0 ? 0 : index;
}

int main(void)
{
	struct v4l2_event_subscription sub = { .type = V4L2_EVENT_CTRL,
					       .id = V4L2_CID_BRIGHTNESS };
	int camera, sensor[WAYS], media, i;
	struct sleeper s[WAYS];
	struct stream stream;
	char *frame, *copy;
	size_t len;
	long index;

	if (!ok_err(insmod_vimc(), 0, "insmod vimc") ||
	    !ok_err(vimc_setup(), 0, "set formats"))
		return done("v4l2-gone");
	camera = xopen(find_video("Raw Capture 0"), O_RDWR);
	media = xopen(find_media("VIMC MDEV"), O_RDWR);
	if (!ok_err(stream_on(&stream, camera, V4L2_BUF_TYPE_VIDEO_CAPTURE), 0, "stream"))
		return done("v4l2-gone");
	for (i = 0; i < WAYS; i++) {
		sensor[i] = xopen(find_video("Sensor A"), O_RDWR);
		ok_err(xioctl(sensor[i], VIDIOC_SUBSCRIBE_EVENT, &sub), 0, "subscribe");
		ok(sleeper_start(&s[i], ways[i], sensor[i], NULL), "a task sleeps in %s",
		   names[i]);
	}
	index = take_frame(&stream);
	frame = stream.map[index];
	len = stream.len[index];
	copy = malloc(len);
	memcpy(copy, frame, len);

	ok_err(driver_write("platform", "vimc", "unbind", "vimc.0"), 0, "unbind");
	for (i = 0; i < WAYS; i++)
		if (ok(sleeper_join(&s[i], 30000), "it is back from %s", names[i]))
			ok(s[i].ret == ends[i], "%s: 0x%lx", names[i], s[i].ret);
	ok(poll_all(sensor[0]) == GONE, "poll() of a subdev: 0x%x", poll_all(sensor[0]));
	ok(poll_all(camera) == GONE, "poll() of a video node: 0x%x", poll_all(camera));
	ok(poll_all(media) == (POLLERR | POLLHUP), "poll() of a media node: 0x%x",
	   poll_all(media));
	ok(touch(frame) == 0 && !memcmp(copy, frame, len), "the frame is what it was");
	frame[0] = ~copy[0];
	ok(frame[0] == (char)~copy[0], "and can be written");
	ok(mmap(NULL, len, PROT_READ, MAP_SHARED, camera, 0) == MAP_FAILED && errno == ENODEV,
	   "a new mapping is refused");
	close(camera);
	ok(touch(frame) == 0, "it is there after close()");
	stream_unmap(&stream);
	ok(touch(frame) == SIGSEGV, "and gone with munmap()");
	close(media);
	for (i = 0; i < WAYS; i++)
		close(sensor[i]);
	leave_no_vimc();
	return done("v4l2-gone");
}
