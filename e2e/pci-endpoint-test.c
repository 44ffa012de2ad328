// SPDX-License-Identifier: GPL-2.0
/*
 * drivers/misc/pci_endpoint_test.c: unbound while its node is open
 *
 * The endpoint is the edu device of QEMU, whose first BAR this program maps to
 * play the firmware. The driver's status register is there the result of a
 * factorial: that of 5 has the bit that marks the interrupt as the endpoint's.
 */
#include "driver.h"

#include <dirent.h>
#include <linux/pcitest.h>
#include <sys/mman.h>

#define DRIVER	"pci/drivers/pci-endpoint-test"
#define NODE	"/dev/pci-endpoint-test.0"
#define MSI	1

#define EDU_FACTORIAL	0x08
#define EDU_RAISE	0x60
#define EDU_ACK		0x64

static char device[64];
static volatile __u32 *edu;

/* The ioctls have been returning 1 and 0, and 0 and an error later on. */
static bool passed(long ret)
{
	return kernel_version() < 700 ? ret == 1 : ret == 0;
}

static bool failed(long ret)
{
	return kernel_version() < 700 ? ret == 0 : ret < 0 && ret != -ENODEV;
}

static bool find_device(void)
{
	struct dirent *e;
	char path[320];
	DIR *dir = opendir("/sys/bus/pci/devices");

	while (dir && !*device && (e = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/device", e->d_name);
		if (read_long(path) == 0x11e8)
			snprintf(device, sizeof(device), "%.63s", e->d_name);
	}
	if (dir)
		closedir(dir);
	return *device;
}

static bool map_device(void)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", device);
	fd = xopen(path, O_RDWR | O_SYNC);
	if (fd < 0)
		return false;
	edu = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (edu == MAP_FAILED)
		return false;
	edu[EDU_FACTORIAL / 4] = 5;
	return wait_for(edu[EDU_FACTORIAL / 4] == 120, 2000);
}

static long set_msi(int fd)
{
	return xioctl(fd, PCITEST_SET_IRQTYPE, (void *)MSI);
}

static long get_irqtype(int fd)
{
	return xioctl(fd, PCITEST_GET_IRQTYPE, NULL);
}

static long test_msi(int fd)
{
	return xioctl(fd, PCITEST_MSI, (void *)1);
}

/* The endpoint is told to read a buffer of the host, and never answers. */
static long test_write(int fd)
{
	struct pci_endpoint_test_xfer_param param = { .size = 64 };

	return xioctl(fd, PCITEST_WRITE, &param);
}

static void t_works(void)
{
	struct sleeper s;
	int fd;

	diag("while bound, the driver works");
	fd = xopen(NODE, O_RDWR);
	if (!ok(fd >= 0, "open"))
		return;
	ok(passed(set_msi(fd)), "interrupts are MSI");
	ok(get_irqtype(fd) == MSI, "it says so");
	ok(failed(test_msi(fd)), "it waits for an interrupt that does not come");
	ok(sleeper_start(&s, fd, 'D', test_msi), "it waits for one that does");
	edu[EDU_RAISE / 4] = 1;
	edu[EDU_ACK / 4] = 1;
	ok(wait_for(sleeper_back(&s), 5000) && passed(s.ret),
	   "the interrupt ends the wait");
	pthread_join(s.thread, NULL);
	ok(sleeper_start(&s, fd, 'D', test_write), "a transfer waits for its end");
	edu[EDU_RAISE / 4] = 1;
	edu[EDU_ACK / 4] = 1;
	ok(wait_for(sleeper_back(&s), 5000) && failed(s.ret),
	   "the interrupt ends the wait; it was not read, and the driver says so");
	pthread_join(s.thread, NULL);
	ok(close(fd) == 0, "close");
}

static void bind(void)
{
	ok_err(driver_write(DRIVER, "bind", device), 0, "bind");
}

static void t_ioctl(void)
{
	long ret;
	int fd;

	diag("unbound while the node is open");
	fd = xopen(NODE, O_RDWR);
	if (!ok(fd >= 0, "open") || !ok(passed(set_msi(fd)), "interrupts are MSI") ||
	    !ok_unbind(DRIVER, device))
		return;
	ok(!exists(NODE), "the node has gone");
	bug("KASAN: slab-use-after-free");
	bug("KASAN: slab-use-after-free in pci_endpoint_test_ioctl");
	ret = get_irqtype(fd);
	bug_end();
	bug_end();
	if (ours)
		ok_err(ret, ENODEV, "ioctl");
	else
		ok(true, "stock: ioctl ran in freed memory: %s", ename(ret));
	ok(close(fd) == 0, "close");
	bind();
}

/* Stock: a process that nothing can end any more is left behind. */
static void t_stuck_on_stock(int fd)
{
	pid_t child = fork();

	if (!child) {
		test_write(fd);
		_exit(0);
	}
	ok(wait_for(task_state(child) == 'D', 5000), "a transfer waits for its end");
	if (!ok_unbind(DRIVER, device))
		return;
	kill(child, SIGKILL);
	sleep_ms(3000);
	ok(task_state(child) == 'D',
	   "stock: 3 s later it still waits, in freed memory, and cannot be killed");
	/* Not to be reported as well, should this boot last for so long. */
	write_file("/proc/sys/kernel/hung_task_timeout_secs", "0");
}

static void t_sleeper(void)
{
	struct sleeper s, next;
	int fd;

	diag("unbound while a transfer waits for an endpoint that does not answer");
	fd = xopen(NODE, O_RDWR);
	if (!ok(fd >= 0, "open") || !ok(passed(set_msi(fd)), "interrupts are MSI"))
		return;
	if (!ours) {
		t_stuck_on_stock(fd);
		return;
	}
	ok(sleeper_start(&s, fd, 'D', test_write), "a transfer waits for its end");
	ok(sleeper_start(&next, fd, 'D', test_write), "another one waits for its turn");
	if (!ok_unbind(DRIVER, device) ||
	    !ok(wait_for(sleeper_back(&s) && sleeper_back(&next), 5000), "both end"))
		return;
	pthread_join(s.thread, NULL);
	pthread_join(next.thread, NULL);
	if (kernel_version() < 700)
		ok(failed(s.ret), "the first has failed");
	else
		ok_err(s.ret, ENODEV, "the first");
	ok_err(next.ret, ENODEV, "the other");
	ok_err(test_write(fd), ENODEV, "another one");
	ok(close(fd) == 0, "close");
	bind();
}

static long use_msi(int fd)
{
	return passed(set_msi(fd)) ? 0 : -EIO;
}

static const struct driver_test test = {
	.driver = DRIVER, .device = device, .node = NODE, .flags = O_RDWR,
	.bind = bind, .prepare = use_msi, .call = get_irqtype,
};

int main(void)
{
	ours = is_ours();
	if (!ok(find_device(), "there is an edu device") ||
	    !ok_err(insmod("pci_endpoint_test"), 0, "insmod pci_endpoint_test") ||
	    !ok_err(driver_write(DRIVER, "new_id", "1234 11e8"), 0, "bind it to edu") ||
	    !ok(wait_for(exists(NODE), 5000), "there is a node") ||
	    !ok(map_device(), "map the registers"))
		return done("pci-endpoint-test");
	t_works();
	t_ioctl();
	t_sleeper();
	if (ours) {
		/* On an emulated CPU ACPI takes half a minute to route the interrupt at each bind. */
		t_unbind_again(&test, 3);
		ok_err(rmmod("pci_endpoint_test"), 0, "rmmod pci_endpoint_test");
	}
	return done("pci-endpoint-test");
}
