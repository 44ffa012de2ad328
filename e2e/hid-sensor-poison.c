// SPDX-License-Identifier: GPL-2.0
/*
 * drivers/hid/hid-sensor-custom.c of a distribution's kernel without KASAN:
 * when the node of a sensor that is gone is closed, the driver writes to freed
 * memory. With slub_debug=P that is poisoned, so the allocator detects the
 * change when it is asked to check. The converted driver, built out of tree for
 * that kernel, changes nothing.
 */
#include "common.h"
#include "uhid.h"

#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* Shared with the child. Its only file of the sensor is the node. */
struct shared {
	char node[300];
	int step;
	long opened, nread, closed;
};

static struct shared *shared;

static void child_main(void)
{
	char buf[256];
	int fd;

	if (!wait_for(__atomic_load_n(&shared->step, __ATOMIC_ACQUIRE) == 1, 20000))
		_exit(1);
	fd = xopen(shared->node, O_RDONLY | O_NONBLOCK);
	shared->opened = fd;
	__atomic_store_n(&shared->step, 2, __ATOMIC_RELEASE);
	if (fd < 0 || !wait_for(__atomic_load_n(&shared->step, __ATOMIC_ACQUIRE) == 3, 20000))
		_exit(1);
	shared->nread = xread(fd, buf, sizeof(buf));
	shared->closed = close(fd);
	_exit(0);
}

/* Have the allocator look at all memory of kmalloc(). */
static void look_at_all(void)
{
	char path[600];
	struct dirent *e;
	DIR *dir = opendir("/sys/kernel/slab");

	while (dir && (e = readdir(dir))) {
		if (strncmp(e->d_name, "kmalloc-", 8))
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/validate", e->d_name);
		write_file(path, "1");
	}
	if (dir)
		closedir(dir);
}

/* Has the allocator reported a write to freed memory of the driver? */
static bool was_written_to(void)
{
	static char log[1 << 20];
	int n = klogctl(3, log, sizeof(log) - 1);

	log[n > 0 ? n : 0] = 0;
	return strstr(log, "Poison overwritten") &&
	       strstr(log, "Allocated in hid_sensor_custom_probe");
}

/*
 * A program has the node open when the sensor goes. Returns true if it exited
 * normally.
 */
static bool unplugged(void)
{
	struct sensor s;
	int status = -1;
	pid_t pid;

	memset(shared, 0, sizeof(*shared));
	pid = fork();
	if (!pid)
		child_main();
	ok_err(sensor_plug(&s), 0, "plug in");
	memcpy(shared->node, s.node, sizeof(shared->node) - 1);
	__atomic_store_n(&shared->step, 1, __ATOMIC_RELEASE);
	ok(wait_for(__atomic_load_n(&shared->step, __ATOMIC_ACQUIRE) == 2, 20000) &&
	   shared->opened >= 0, "a program opens the node");
	sensor_unplug(&s);
	ok(!exists(s.node), "unplug");
	__atomic_store_n(&shared->step, 3, __ATOMIC_RELEASE);
	waitpid(pid, &status, 0);
	look_at_all();
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

/* The freed memory may be in use again before the program writes to it. */
#define TRIES	20

int main(void)
{
	int i;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	diag("converted, built outside of the tree");
	if (!ok_err(insmod("hid-sensor-custom-cdevm"), 0, "insmod"))
		return done("hid-sensor-poison");
	ok(unplugged(), "the program comes to its end");
	ok(!was_written_to(), "no freed memory was written to");
	ok_err(shared->nread, ENODEV, "read");
	ok(shared->closed == 0, "close");
	ok_err(rmmod("hid_sensor_custom_cdevm"), 0, "rmmod");

	diag("as the distribution has it");
	ok_err(insmod("hid-sensor-custom"), 0, "insmod");
	expect("BUG kmalloc-|mm/slub.c");
	for (i = 0; i < TRIES && !was_written_to(); i++)
		unplugged();
	ok(was_written_to(), "the driver has written to memory that it has freed");
	expect_end();
	return done("hid-sensor-poison");
}
