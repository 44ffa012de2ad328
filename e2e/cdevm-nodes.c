// SPDX-License-Identifier: GPL-2.0
/*
 * The sample with nodes of every kind is unbound while all are open; then they
 * are closed in every order
 *
 *	cdevm-nodes [ORDERS [SEED]]
 *
 * Each of the 720 orders of six nodes is run, or as many random ones as
 * requested; 60 of them where a sleep takes real time. Every node's operations
 * are tried after each close of another. For each node being the last one, the
 * test waits to see that memory is not freed before the last close. For the
 * others, whose memory is freed while the next ones run, it only checks that no
 * more was freed than was closed.
 */
#include "v4l2.h"
#include "../samples/cdevm-nodes.h"

#define NAME	"cdevm-nodes"
#define NODES	6

enum { VIDEO0, VIDEO1, MEDIA, DRM, CDEV, MISC };

static const char *const names[NODES] = {
	"video 0", "video 1", "media", "drm", "cdev", "misc",
};

static char paths[NODES][64];

static long count(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/module/cdevm_nodes/parameters/%s", name);
	return read_long(path);
}

static long live(void)
{
	return count("allocs") - count("frees");
}

/* The node of the DRM device, whose number differs each time. */
static void find_drm(char *path, size_t size)
{
	DIR *d = opendir("/sys/devices/platform/" NAME "/drm");
	struct dirent *e;

	path[0] = 0;
	while (d && (e = readdir(d)))
		if (!strncmp(e->d_name, "card", 4))
			snprintf(path, size, "/dev/dri/%.40s", e->d_name);
	if (d)
		closedir(d);
}

static bool bind(void)
{
	if (!ok_err(driver_write("platform", NAME, "bind", NAME), 0, "bind"))
		return false;
	snprintf(paths[VIDEO0], sizeof(paths[0]), "%s", find_video(NAME " 0"));
	snprintf(paths[VIDEO1], sizeof(paths[0]), "%s", find_video(NAME " 1"));
	snprintf(paths[MEDIA], sizeof(paths[0]), "%s", find_media(NAME));
	find_drm(paths[DRM], sizeof(paths[0]));
	snprintf(paths[CDEV], sizeof(paths[0]), "/dev/" NAME "-cdev");
	snprintf(paths[MISC], sizeof(paths[0]), "/dev/" NAME "-misc");
	return true;
}

static bool unbind(void)
{
	long t0 = now_ms();

	return ok_err(driver_write("platform", NAME, "unbind", NAME), 0, "unbind") &
	       ok(now_ms() - t0 < PROMPT_MS, "unbind does not wait for files to close");
}

static bool open_all(int fd[NODES])
{
	bool good = true;
	int i;

	for (i = 0; i < NODES; i++) {
		fd[i] = paths[i][0] ? xopen(paths[i], O_RDWR | O_NONBLOCK) : -ENOENT;
		if (fd[i] < 0)
			diag("open %s (%s): %s", names[i], paths[i], ename(fd[i]));
		good &= fd[i] >= 0;
	}
	return ok(good, "open all %d nodes", NODES);
}

/* Read the counter of the hardware through this node. The media node has none. */
static long ask(int node, int fd)
{
	struct media_device_info info = { 0 };
	struct nodes_count c = { 0 };
	long ret;

	switch (node) {
	case MEDIA:
		return xioctl(fd, MEDIA_IOC_DEVICE_INFO, &info);
	case DRM:
		ret = xioctl(fd, NODES_IOC_DRM_COUNT, &c);
		return ret < 0 ? ret : c.count;
	default:
		ret = xread(fd, &c, sizeof(c));
		return ret < 0 ? ret : c.count;
	}
}

/* All operations that this kind of node has. */
static void ok_revoked(int node, int fd)
{
	struct v4l2_capability cap;
	int n;

	ok_err(ask(node, fd), ENODEV, "%s: ask", names[node]);
	if (node == VIDEO0 || node == VIDEO1)
		ok_err(xioctl(fd, VIDIOC_QUERYCAP, &cap), ENODEV, "%s: ioctl", names[node]);
	/* The other nodes have no poll(), and that of DRM does not report an unplug. */
	if (node == VIDEO0 || node == VIDEO1 || node == MEDIA) {
		n = poll_one(fd, 0);
		ok((n & (POLLHUP | POLLERR)) == (POLLHUP | POLLERR),
		   "%s: poll reports POLLHUP | POLLERR (0x%x)", names[node], n);
	}
}

static void t_works(void)
{
	int fd[NODES], i, asked = 0;

	if (!open_all(fd))
		return;
	for (i = 0; i < NODES; i++) {
		long ret = ask(i, fd[i]);

		/* One piece of hardware, whichever node it is asked through. */
		asked += i != MEDIA;
		ok(i == MEDIA ? ret == 0 : ret == asked, "%s: ask (%ld)", names[i], ret);
	}
	for (i = 0; i < NODES; i++)
		close(fd[i]);
}

/*
 * Afterwards the device is bound again, and only the memory of the old binding
 * is left. When files of earlier bindings were closed a moment ago their memory
 * may not be freed yet, and it cannot be told from this one's: @alone, wait for
 * that. @patient: wait also for what must not be freed.
 */
static void t_order(const int order[NODES], bool alone, bool patient)
{
	int fd[NODES], i, j;
	long base;

	if (!open_all(fd))
		return;
	unbind();
	for (i = 0; i < NODES; i++)
		ok(!exists(paths[i]), "%s: the node is gone", names[i]);
	if (alone)
		ok(wait_for(live() == 1, GONE_MS), "memory of all others is freed");
	base = count("allocs");
	for (i = 0; i < NODES; i++) {
		for (j = i; j < NODES; j++)
			ok_revoked(order[j], fd[order[j]]);
		if (i == NODES - 1 && patient) {
			sleep_ms(SETTLE_MS);
			ok(live() == 1, "memory stays while %s is open", names[order[i]]);
		}
		if (alone)
			ok(count("frees") == base - 1, "memory stays while %d nodes are open", NODES - i);
		close(fd[order[i]]);
	}
	if (alone)
		ok(wait_for(live() == 0, GONE_MS), "closing %s, the last one, frees it",
		   names[order[NODES - 1]]);
	bind();
}

static void swap(int *a, int *b)
{
	int t = *a;

	*a = *b;
	*b = t;
}

/* Heap's algorithm: each call but the first makes the next of all orders. */
static bool next_order(int order[NODES], int state[NODES])
{
	int i = 1;

	while (i < NODES && state[i] >= i)
		state[i++] = 0;
	if (i == NODES)
		return false;
	swap(&order[i % 2 ? state[i] : 0], &order[i]);
	state[i]++;
	return true;
}

static void shuffle(int order[NODES])
{
	int i;

	for (i = NODES - 1; i > 0; i--)
		swap(&order[i], &order[rand() % (i + 1)]);
}

int main(int argc, char **argv)
{
	int order[NODES] = { 0, 1, 2, 3, 4, 5 }, state[NODES] = { 0 };
	int orders = argc > 1 ? atoi(argv[1]) : getenv("e2e_realtime") ? 60 : 0;
	unsigned int run, failed;
	int i, n = 0;

	srand(argc > 2 ? atoi(argv[2]) : 1);
	if (!ok_err(insmod(NAME), 0, "insmod"))
		return done(NAME);
	unbind();
	bind();
	t_works();
	for (i = 0; i < NODES; i++) {
		swap(&order[i], &order[NODES - 1]);
		t_order(order, true, true);
		swap(&order[i], &order[NODES - 1]);
	}

	run = tap_run;
	failed = tap_failed;
	tap_quiet = true;
	do {
		if (orders)
			shuffle(order);
		t_order(order, n % 10 == 0, false);
		n++;
	} while (tap_failed - failed < 20 && (orders ? n < orders : next_order(order, state)));
	tap_quiet = false;
	run = tap_run - run;
	failed = tap_failed - failed;
	ok(!failed, "%d orders of closing: %u checks, %u failed", n, run, failed);
	unbind();
	ok(wait_for(live() == 0, GONE_MS), "all memory is freed (%ld of %ld)",
	   count("frees"), count("allocs"));
	ok_err(rmmod("cdevm_nodes"), 0, "rmmod");
	ok_no_leaks();
	return done(NAME);
}
