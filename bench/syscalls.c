// SPDX-License-Identifier: GPL-2.0
/*
 * The benchmarks that are system calls. Results are lines as in resmgr_bench.c.
 *
 * syscalls VARIANT NODE		read, ioctl, poll; open and close. A poll that
 *				may not wait looks and no more; one that may
 *				is put on a queue, though there is no need
 * syscalls video VARIANT NODE		the same of a video node, without read
 * syscalls unbind VARIANT NODE DEVICE	1,000 files open, then unbind, then close
 * syscalls empty VARIANT		a system call that does nothing
 */
#include <err.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "count.h"

#define FILES	1000

static void calls(const char *variant, const char *node)
{
	struct pollfd pfd = { .events = POLLIN };
	char c;

	pfd.fd = open(node, O_RDONLY);
	if (pfd.fd < 0)
		err(1, "%s", node);
	if (read(pfd.fd, &c, 1) != 1 || ioctl(pfd.fd, 0) || poll(&pfd, 1, 0) != 1)
		err(1, "%s does not answer", node);

	bench("gated_read", variant, read(pfd.fd, &c, 1));
	bench("gated_ioctl", variant, ioctl(pfd.fd, 0));
	bench("gated_poll", variant, poll(&pfd, 1, 0));
	bench("gated_poll_queue", variant, poll(&pfd, 1, 1000));
	close(pfd.fd);
	bench("gated_open_close", variant, close(open(node, O_RDONLY)));
}

static void video(const char *variant, const char *node)
{
	struct pollfd pfd = { .events = POLLIN };
	struct v4l2_capability cap;

	pfd.fd = open(node, O_RDONLY);
	if (pfd.fd < 0)
		err(1, "%s", node);
	if (ioctl(pfd.fd, VIDIOC_QUERYCAP, &cap) || poll(&pfd, 1, 0) != 1)
		err(1, "%s does not answer", node);

	bench("video_ioctl", variant, ioctl(pfd.fd, VIDIOC_QUERYCAP, &cap));
	bench("video_poll", variant, poll(&pfd, 1, 0));
	bench("video_poll_queue", variant, poll(&pfd, 1, 1000));
	close(pfd.fd);
	bench("video_open_close", variant, close(open(node, O_RDONLY)));
}

static void unbind(const char *variant, const char *node, const char *device)
{
	static int fds[FILES];
	struct rlimit limit = { FILES + 16, FILES + 16 };
	uint64_t begin;
	int i, fd;

	if (setrlimit(RLIMIT_NOFILE, &limit))
		err(1, "setrlimit");
	for (i = 0; i < FILES; i++) {
		fds[i] = open(node, O_RDONLY);
		if (fds[i] < 0)
			err(1, "%s", node);
	}
	fd = open("/sys/bus/platform/drivers/resmgr-bench/unbind", O_WRONLY);
	if (fd < 0)
		err(1, "unbind");

	begin = now();
	if (write(fd, device, strlen(device)) < 0)
		err(1, "unbind %s", device);
	report("unbind_fds", variant, FILES, now() - begin, 1, "ns");

	begin = now();
	for (i = 0; i < FILES; i++)
		close(fds[i]);
	report("close_after_unbind", variant, FILES, now() - begin, FILES,
	       "instructions");
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "empty"))
		bench("empty_syscall", argv[2], syscall(SYS_getppid));
	else if (argc == 3)
		calls(argv[1], argv[2]);
	else if (argc == 4 && !strcmp(argv[1], "video"))
		video(argv[2], argv[3]);
	else if (argc == 5 && !strcmp(argv[1], "unbind"))
		unbind(argv[2], argv[3], argv[4]);
	else
		errx(2, "see the source");
	return 0;
}
