// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's virtual drivers are unbound while they stream
 *
 *	v4l2-unbind [TIMES]
 *
 * They are right on an unpatched kernel, and have to stay so. The return values
 * of calls are up to the driver; the test checks that there is no splat, and
 * that the driver can be bound and streams again.
 */
#include "v4l2.h"

static const struct driver {
	const char *name;	/* module and driver */
	const char *dev;
	const char *node;
	bool m2m;
} drivers[] = {
	{ "vivid", "vivid.0", "vivid-000-vid-cap", false },
	{ "vim2m", "vim2m.0", "vim2m", true },
	{ "vimc", "vimc.0", "Raw Capture 0", false },
};

/* Streams until it cannot any more. The first frame is told to @p. */
static int child(const struct driver *d, int p)
{
	const char *path = find_video(d->node);
	struct stream cap, out;
	char c = 'n';
	long index;
	int fd;

	fd = xopen(path, O_RDWR);
	if (fd < 0)
		goto bad;
	/* What goes in has to have the size of what comes out: as it is at first. */
	if (d->m2m && stream_on(&out, fd, V4L2_BUF_TYPE_VIDEO_OUTPUT) < 0)
		goto bad;
	if (stream_on(&cap, fd, V4L2_BUF_TYPE_VIDEO_CAPTURE) < 0)
		goto bad;
	for (;;) {
		index = dqbuf(&cap);
		if (index < 0)
			break;
		if (c == 'n') {
			c = 'y';
			xwrite(p, &c, 1);
		}
		if (qbuf(&cap, index) < 0)
			break;
		if (d->m2m) {
			index = dqbuf(&out);
			if (index < 0 || qbuf(&out, index) < 0)
				break;
		}
	}
	return 0;
bad:
	xwrite(p, &c, 1);
	return 1;
}

static void t_unbind(const struct driver *d, bool close_first)
{
	int p[2], status = -1;
	pid_t pid;
	char c = 0;

	if (pipe(p))
		return;
	if (!strcmp(d->name, "vimc"))
		ok_err(vimc_setup(), 0, "vimc: set formats");
	pid = fork();
	if (!pid) {
		close(p[0]);
		_exit(child(d, p[1]));
	}
	close(p[1]);
	xread(p[0], &c, 1);
	close(p[0]);
	ok(c == 'y', "%s: frames come", d->name);

	/* A driver that does not wake its sleepers leaves them: not our business. */
	if (close_first)
		kill(pid, SIGKILL);
	ok_err(driver_write("platform", d->name, "unbind", d->dev), 0, "%s: unbind", d->name);
	if (!wait_for(waitpid(pid, &status, WNOHANG) == pid, 500)) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	ok_err(driver_write("platform", d->name, "bind", d->dev), 0, "%s: bind", d->name);
}

int main(int argc, char **argv)
{
	int times = argc > 1 ? atoi(argv[1]) : 10, i;
	unsigned int n;

	insmod_if_there("v4l2-mem2mem");
	ok_err(insmod("vim2m"), 0, "insmod vim2m");
	ok_err(insmod("vimc"), 0, "insmod vimc");
	for (n = 0; n < ARRAY_SIZE(drivers); n++) {
		diag("%s", drivers[n].name);
		for (i = 0; i < times; i++) {
			tap_quiet = i > 0;
			t_unbind(&drivers[n], i % 3 == 2);
		}
		tap_quiet = false;
	}
	ok(!tap_failed, "each %d times", times);
	/*
	 * On stock its last release may come after the module has gone, which unbinds it
	 * once more: each device is let go of by another, and DEBUG_KOBJECT_RELEASE delays
	 * each by up to four seconds.
	 */
	if (!is_ours()) {
		ok_err(driver_write("platform", "vimc", "unbind", "vimc.0"), 0, "stock: vimc: unbind");
		sleep_ms(30000);
	}
	ok_err(rmmod("vimc"), 0, "rmmod vimc");
	return done("v4l2-unbind");
}
