// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers that a driver has exported, across the unbind of its device
 *
 * modules/board-dmabuf.c exports RAM, which stays, and memory of its device,
 * which must no longer be reached: by importers (modules/board-import.c), by
 * mappings, or by new ones of either. On stock the driver behaves like many
 * others, and KASAN has to report it.
 */
#include "driver.h"
#include "modules/board-dmabuf.h"

#include <linux/dma-buf.h>
#include <sys/mman.h>

#define DRIVER	"platform/drivers/" DMABUF_DRIVER
#define NODE	"/dev/" DMABUF_DRIVER
#define IMPORT	"/dev/" DMABUF_IMPORT

static long dma_sync(int fd, unsigned long flags)
{
	struct dma_buf_sync sync = { .flags = flags | DMA_BUF_SYNC_RW };

	return xioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
}

/* Returns an importer of the buffer, or an error. */
static int import(int buffer, unsigned long how)
{
	int fd = xopen(IMPORT, O_RDWR);
	long ret = xioctl(fd, how, (void *)(long)buffer);

	if (!ret)
		return fd;
	close(fd);
	return ret;
}

static long import_read(int fd)
{
	return xioctl(fd, IMPORT_READ, NULL);
}

static char *map(int buffer)
{
	return mmap(NULL, DMABUF_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, buffer, 0);
}

/* What a page access does, in a child. */
static int touch(volatile char *at)
{
	pid_t child = fork();
	int status = 0;

	if (!child) {
		(void)at[0];
		_exit(0);
	}
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* RAM has nothing to do with the device. The same on both kernels. */
static void t_ram(void)
{
	int fd = xopen(NODE, O_RDWR), ram, before, after;
	char *p, *q;

	diag("a buffer that is RAM stays");
	ram = xioctl(fd, DMABUF_RAM, NULL);
	ok(ram >= 0, "export");
	p = map(ram);
	before = import(ram, IMPORT_STATIC);
	ok(p != MAP_FAILED && before >= 0, "map, import");
	*p = 'r';
	ok(import_read(before) == 'r', "the importer reads it");
	ok_unbind(DRIVER, DMABUF_DRIVER);
	ok(!touch(p), "the mapping is there");
	ok(import_read(before) == 'r', "the importer has it");
	ok_err(dma_sync(ram, DMA_BUF_SYNC_START), 0, "begin of access");
	ok_err(dma_sync(ram, DMA_BUF_SYNC_END), 0, "end of access");
	q = map(ram);
	after = import(ram, IMPORT_STATIC);
	ok(q != MAP_FAILED && *q == 'r' && import_read(after) == 'r', "mapped and imported anew");
	ok_err(rmmod("board_dmabuf"), EAGAIN, "it holds the module");
	close(fd);
	close(before);
	close(after);
	close(ram);
	ok(*p == 'r', "a mapping alone keeps it");
	munmap(p, DMABUF_SIZE);
	munmap(q, DMABUF_SIZE);
	ok_err(driver_write(DRIVER, "bind", DMABUF_DRIVER), 0, "bind");
}

static void t_card(void)
{
	int fd = xopen(NODE, O_RDWR), card, importer, idle;
	char *p;

	diag("a buffer that is memory of the device ends with it");
	card = xioctl(fd, DMABUF_CARD, NULL);
	ok(card >= 0, "export");
	ok_err(import(card, IMPORT_STATIC), EOPNOTSUPP, "an importer that cannot be told");
	p = map(card);
	importer = import(card, IMPORT_DYNAMIC);
	idle = import(card, IMPORT_DYNAMIC);
	ok(p != MAP_FAILED && importer >= 0 && idle >= 0, "map, import twice");
	ok(*p == 'c' && import_read(importer) == 'c', "it can be read");
	ok_unbind(DRIVER, DMABUF_DRIVER);
	ok(xioctl(importer, IMPORT_TOLD, NULL) == 1 && xioctl(idle, IMPORT_TOLD, NULL) == 1,
	   "importers were told");
	ok_err(import_read(importer), ENODEV, "one that had it mapped");
	ok_err(import_read(idle), ENODEV, "one that had not");
	ok(touch(p) == SIGBUS, "a page is gone");
	ok(map(card) == MAP_FAILED && errno == ENODEV, "mmap (%s)", ename(-errno));
	ok_err(dma_sync(card, DMA_BUF_SYNC_START), ENODEV, "begin of access");
	ok_err(dma_sync(card, DMA_BUF_SYNC_END), 0, "end of access");
	/* It may be attached, as before, but it cannot be mapped. */
	close(idle);
	idle = import(card, IMPORT_DYNAMIC);
	ok_err(import_read(idle), ENODEV, "a new importer");
	ok_err(xioctl(fd, DMABUF_CARD, NULL), ENODEV, "export");
	ok_err(rmmod("board_dmabuf"), EAGAIN, "it holds the module");
	close(fd);
	close(idle);
	close(importer);
	munmap(p, DMABUF_SIZE);
	close(card);
	ok_err(driver_write(DRIVER, "bind", DMABUF_DRIVER), 0, "bind");
}

/* Buffers are released while the device is unbound, by whichever task comes first. */
static void t_race(int times)
{
	int fd, card, importer, i, status;
	pid_t child;

	tap_quiet = true;
	for (i = 0; i < times; i++) {
		fd = xopen(NODE, O_RDWR);
		card = xioctl(fd, DMABUF_CARD, NULL);
		importer = import(card, IMPORT_DYNAMIC);
		ok(import_read(importer) == 'c', "import");
		child = fork();
		if (!child) {
			sleep_ms(i % 4);
			close(importer);
			close(card);
			_exit(0);
		}
		close(importer);
		close(card);
		ok_unbind(DRIVER, DMABUF_DRIVER);
		ok(waitpid(child, &status, 0) == child && !status, "closed");
		close(fd);
		ok_err(driver_write(DRIVER, "bind", DMABUF_DRIVER), 0, "bind");
	}
	tap_quiet = false;
	ok(i == times, "let go of during the unbind, %d times", i);
}

static void t_stock(void)
{
	int fd = xopen(NODE, O_RDWR), card, importer;
	char *p;

	diag("stock: memory of the device is used when it is gone");
	card = xioctl(fd, DMABUF_CARD, NULL);
	p = map(card);
	importer = import(card, IMPORT_STATIC);
	ok(p != MAP_FAILED && import_read(importer) == 'c', "export, map, import");
	(void)*(volatile char *)p;
	ok_unbind(DRIVER, DMABUF_DRIVER);
	expect("KASAN: slab-use-after-free in import_");
	import_read(importer);
	expect_end();
	ok(!touch(p), "stock: the mapping shows what was freed");
	munmap(p, DMABUF_SIZE);
	/* The list that the buffer is on is freed, too. */
	expect("KASAN: slab-use-after-free");
	close(importer);
	close(card);
	expect_end();
	ok(true, "stock: its release ran in freed memory");
}

int main(void)
{
	ours = is_ours();
	if (!ok_err(insmod("board-dmabuf") ?: insmod("board-import"), 0,
		    "insmod board-dmabuf, board-import"))
		return done("dmabuf");
	t_ram();
	if (ours) {
		t_card();
		t_race(20);
		ok_err(rmmod("board_dmabuf"), 0, "rmmod");
		ok_err(rmmod("board_import"), 0, "rmmod");
		ok_no_leaks();
	} else {
		t_stock();
	}
	return done("dmabuf");
}
