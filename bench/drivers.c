// SPDX-License-Identifier: GPL-2.0
/*
 * What calls of real drivers take: on stock those of mainline, on ours those that were converted
 *
 * drivers VARIANT: the script that calls this has loaded them. Of each, a call
 * that does as little as there is, and open and close. A sensor's open goes to
 * the program that made the sensor, which would be counted, too; so its open and
 * close are not.
 */
#include "../e2e/uhid.h"
#include "../e2e/v4l2.h"

#include <err.h>
#include <glob.h>

#include "count.h"

static long querycap(int fd)
{
	struct v4l2_capability cap;

	return ioctl(fd, VIDIOC_QUERYCAP, &cap);
}

/* Stock's radio-tea5764 looks at a NULL pointer in VIDIOC_QUERYCAP. */
static long get_frequency(int fd)
{
	struct v4l2_frequency f = { .type = V4L2_TUNER_RADIO };

	return ioctl(fd, VIDIOC_G_FREQUENCY, &f);
}

/* There is nothing to read. */
static long read_nothing(int fd)
{
	char buffer[64];

	return read(fd, buffer, sizeof(buffer)) < 0 && errno == EAGAIN ? 0 : -1;
}

static const struct driver {
	const char *name;
	/* of a video node, or a pattern in /dev */
	const char *video, *node;
	int flags;
	long (*call)(int fd);
	bool opens_elsewhere;
} drivers[] = {
	{ "vimc", .video = "Raw Capture 0", .flags = O_RDWR, .call = querycap },
	{ "vim2m", .video = "vim2m", .flags = O_RDWR, .call = querycap },
	{ "vicodec", .video = "stateful-encoder", .flags = O_RDWR, .call = querycap },
	{ "radio_tea5764", .node = "/dev/radio*", .flags = O_RDONLY,
	  .call = get_frequency },
	{ "ipmb_dev_int", .node = "/dev/ipmb-*", .flags = O_RDONLY | O_NONBLOCK,
	  .call = read_nothing },
	{ "hid_sensor_custom", .node = "/dev/" SENSOR_NODE "*",
	  .flags = O_RDONLY | O_NONBLOCK, .call = read_nothing, .opens_elsewhere = true },
};

static bool find(const struct driver *d, char *node, size_t len)
{
	glob_t g;

	if (d->video) {
		snprintf(node, len, "%s", find_video(d->video));
		return node[0];
	}
	if (glob(d->node, 0, NULL, &g))
		return false;
	snprintf(node, len, "%s", g.gl_pathv[0]);
	globfree(&g);
	return true;
}

static void measure(const struct driver *d, const char *variant)
{
	char node[64], name[64];
	int fd;

	if (!find(d, node, sizeof(node)))
		errx(1, "%s has no node", d->name);
	fd = open(node, d->flags);
	if (fd < 0)
		err(1, "%s", node);
	if (d->call(fd))
		err(1, "%s does not answer", node);
	snprintf(name, sizeof(name), "%s_call", d->name);
	bench(name, variant, d->call(fd));
	close(fd);
	if (d->opens_elsewhere)
		return;
	snprintf(name, sizeof(name), "%s_open_close", d->name);
	bench(name, variant, close(open(node, d->flags)));
}

int main(int argc, char **argv)
{
	struct sensor s;
	size_t i;

	if (argc != 2)
		errx(2, "see the source");
	if (sensor_plug(&s))
		errx(1, "no sensor");
	for (i = 0; i < ARRAY_SIZE(drivers); i++)
		measure(&drivers[i], argv[1]);
	sensor_unplug(&s);
	return 0;
}
