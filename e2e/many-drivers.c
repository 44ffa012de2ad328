// SPDX-License-Identifier: GPL-2.0
/*
 * Many real drivers, each unbound while its node is open: one table
 *
 * modules/board-mmio.c has the registers of the platform devices in
 * modules/board.dts, modules/board-i2c.c the bus of those on I2C,
 * modules/board-pci.c that of those on PCI. On stock, with the mainline
 * drivers, each must be caught using freed memory.
 */
#include "driver.h"

#include <dirent.h>
#include <glob.h>
#include <linux/aspeed-lpc-ctrl.h>
#include <linux/aspeed-p2a-ctrl.h>
#include <linux/bt-bmc.h>
#include <linux/ipmi_bmc.h>
#include <linux/videodev2.h>
#include <misc/xilinx_sdfec.h>
#include <setjmp.h>
#include <sys/mman.h>

#define MMIO	"/sys/module/board_mmio/parameters/"
#define I2C	"/sys/module/board_i2c/parameters/"

/**
 * struct subject - a driver and its node
 * @name: of the module
 * @needs: modules that have to be there before, separated by blanks; or %NULL
 * @params: of the module; or %NULL
 * @driver: as for driver_write()
 * @node: a pattern in /dev
 * @flags: for open()
 * @setup: makes the device, if nobody else does
 * @works: while bound
 * @prepare: what an open file needs, returns 0; or %NULL
 * @call: a call that uses the driver's memory and little else
 * @sleep: one that sleeps until the device goes; or %NULL
 * @map: what a program can map, from @map_at on; 0 for nothing
 * @map_at: see there
 * @polls: has a ->poll()
 * @closed: after the unbind, on ours: what was open is closed in the hardware
 * @in: for KASAN on stock: in which function @call uses freed memory, "" for anywhere
 * @close: and close(), "" for anywhere; or %NULL if that is all right
 * @sleep_in: what KASAN says of @sleep when a signal ends it after the unbind; or %NULL for nothing
 * @holds: on stock the last close would release a cdev in freed memory. The report of a worker
 *	that finds out kills UML, so another process keeps the file open
 * @spins: on stock a sleeper is woken, and looks at freed registers for ever
 * @stays: the module is not removed. It has a static class, which class_release() looks at when
 *	DEBUG_KOBJECT_RELEASE lets it run, seconds after the module has been freed. UML takes that
 *	fault for a page table that is out of date, and repeats it for ever
 */
struct subject {
	const char *name, *needs, *params, *driver, *node;
	int flags;
	bool (*setup)(void);
	void (*works)(int fd);
	long (*prepare)(int fd);
	long (*call)(int fd);
	long (*sleep)(int fd);
	size_t map;
	off_t map_at;
	bool polls;
	void (*closed)(void);
	const char *in, *close, *sleep_in;
	bool holds, spins, stays;
};

/* --- the board */

static unsigned int reg(unsigned int address)
{
	char text[32];

	snprintf(text, sizeof(text), "%x", address);
	write_file(MMIO "poke", text);
	return read_long(MMIO "peek");
}

static void set_reg(unsigned int address, unsigned int value)
{
	char text[32];

	snprintf(text, sizeof(text), "%x %x", address, value);
	write_file(MMIO "poke", text);
}

/* --- Aspeed's bridge to the host's memory */

#define SCU180		0xe0000180
#define SCU180_ENP2A	2

static void p2a_works(int fd)
{
	struct aspeed_p2a_ctrl_mapping map = {
		.addr = 0x10000000, .length = 0x1000, .flags = ASPEED_P2A_CTRL_READWRITE,
	};

	ok_err(xioctl(fd, ASPEED_P2A_CTRL_IOCTL_SET_WINDOW, &map), 0, "open a window");
	ok(reg(SCU180) & SCU180_ENP2A, "the bridge is on");
}

static long p2a_prepare(int fd)
{
	struct aspeed_p2a_ctrl_mapping map = { .flags = ASPEED_P2A_CTRL_READ_ONLY };

	return xioctl(fd, ASPEED_P2A_CTRL_IOCTL_SET_WINDOW, &map);
}

static long p2a_call(int fd)
{
	struct aspeed_p2a_ctrl_mapping map = { 0 };

	return xioctl(fd, ASPEED_P2A_CTRL_IOCTL_GET_MEMORY_CONFIG, &map);
}

static void p2a_closed(void)
{
	ok(!(reg(SCU180) & SCU180_ENP2A), "the bridge is off, with the file still open");
}

/* --- Aspeed's LPC: windows, port 80, BT */

#define HICR6		0xe0001084
#define HICR6_SNP0W	1
#define SNPWDR		0xe0001094

static long lpc_ctrl_call(int fd)
{
	struct aspeed_lpc_ctrl_mapping map = { .window_type = ASPEED_LPC_CTRL_WINDOW_MEMORY };

	return xioctl(fd, ASPEED_LPC_CTRL_IOCTL_GET_SIZE, &map);
}

static void lpc_ctrl_works(int fd)
{
	ok_err(lpc_ctrl_call(fd), 0, "the size of the window");
}

static void snoop_works(int fd)
{
	unsigned char byte = 0;

	set_reg(SNPWDR, 0x42);
	set_reg(HICR6, HICR6_SNP0W);
	ok_err(write_file(MMIO "irq", "2"), 0, "the host writes to port 80");
	ok(xread(fd, &byte, 1) == 1 && byte == 0x42, "read gets it");
}

static long read_byte(int fd)
{
	unsigned char byte;

	return xread(fd, &byte, 1);
}

#define BT_CTRL		0xe0002010

static void bt_works(int fd)
{
	char response[5] = { 4 };

	set_reg(BT_CTRL, 0);
	ok(poll_one(fd, 0) == POLLOUT, "poll finds room for a response");
	ok(xwrite(fd, response, sizeof(response)) == sizeof(response), "write of a response");
	ok(poll_one(fd, 0) == 0, "poll finds the host busy with it");
	set_reg(BT_CTRL, 0);
}

static long bt_read(int fd)
{
	char request[64];

	return xread(fd, request, sizeof(request));
}

static long bt_call(int fd)
{
	return xioctl(fd, BT_BMC_IOCTL_SMS_ATN, NULL);
}

/* --- Aspeed's KCS */

static long kcs_read(int fd)
{
	char request[1024];

	return xread(fd, request, sizeof(request));
}

/* An invalid command: it only takes the lock of the driver. */
static long kcs_call(int fd)
{
	return xioctl(fd, 0, NULL);
}

static void kcs_works(int fd)
{
	ok_err(xioctl(fd, IPMI_BMC_IOCTL_SET_SMS_ATN, NULL), 0, "tell the host");
	ok(poll_one(fd, 0) == 0, "poll finds nothing");
}

/* --- Xilinx */

static long sdfec_call(int fd)
{
	struct xsdfec_config config;

	return xioctl(fd, XSDFEC_GET_CONFIG, &config);
}

static void sdfec_works(int fd)
{
	ok_err(sdfec_call(fd), 0, "the configuration");
	ok_err(xioctl(fd, XSDFEC_SET_DEFAULT_CONFIG, NULL), 0, "set it");
}

static void hwicap_works(int fd)
{
	unsigned int word = 0x20000000;

	ok(xwrite(fd, &word, sizeof(word)) == sizeof(word), "write of a word");
}

/* Less than a word: it only takes the mutex of the driver. */
static long hwicap_call(int fd)
{
	return xwrite(fd, "x", 1);
}

static void fifo_works(int fd)
{
	unsigned int words[2] = { 1, 2 };

	ok(xwrite(fd, words, sizeof(words)) == sizeof(words), "write of a packet");
	ok(reg(0xe0006014) == sizeof(words), "it is sent");
}

static long fifo_read(int fd)
{
	char packet[64];

	return xread(fd, packet, sizeof(packet));
}

/* More than the FIFO has room for: the driver only reads its depth. */
static long fifo_call(int fd)
{
	static unsigned int words[1024];

	return xwrite(fd, words, sizeof(words));
}

/* --- Goldfish's pipe to the emulator */

static void goldfish_works(int fd)
{
	ok(xwrite(fd, "hello", 5) == 5, "write to the host");
	ok(poll_one(fd, 0) == POLLOUT, "poll");
}

static long goldfish_call(int fd)
{
	return xwrite(fd, "x", 1);
}

/* --- PXA3xx graphics: its registers can be mapped, after the shared memory */

#define GCU_SHARED	0x40000
#define GCU_REGS	0x1000

static long gcu_call(int fd)
{
	void *map = mmap(NULL, 2 * GCU_REGS, PROT_READ, MAP_SHARED, fd, GCU_SHARED);

	return map == MAP_FAILED ? -errno : 0;
}

static void gcu_works(int fd)
{
	ok_err(gcu_call(fd), EINVAL, "what is no register cannot be mapped");
	ok_err(xioctl(fd, _IO('G', 0), NULL), 0, "reset");
}

/* --- a radio on I2C */

static bool radio_setup(void)
{
	char bus[64];

	snprintf(bus, sizeof(bus), "i2c/devices/i2c-%ld", read_long(I2C "nr"));
	return ok_err(driver_write(bus, "new_device", "radio-tea5764 0x10"), 0, "a radio");
}

static long radio_call(int fd)
{
	struct v4l2_frequency f = { .type = V4L2_TUNER_RADIO };

	return xioctl(fd, VIDIOC_G_FREQUENCY, &f);
}

static void radio_works(int fd)
{
	struct v4l2_frequency f = { .type = V4L2_TUNER_RADIO, .frequency = 100000 * 16 };
	struct v4l2_capability cap = { };

	/* On stock it is a NULL pointer dereference, and the end of this program. */
	if (ours)
		ok(!xioctl(fd, VIDIOC_QUERYCAP, &cap) && !strcmp((char *)cap.driver, "radio-tea5764"),
		   "it says which driver it has");
	ok_err(radio_call(fd), 0, "what it is tuned to");
	ok_err(xioctl(fd, VIDIOC_S_FREQUENCY, &f), 0, "tune it");
}

static long radio_prepare(int fd)
{
	struct v4l2_event_subscription sub = {
		.type = V4L2_EVENT_CTRL, .id = V4L2_CID_AUDIO_MUTE,
	};

	return xioctl(fd, VIDIOC_SUBSCRIBE_EVENT, &sub);
}

static long radio_sleep(int fd)
{
	struct v4l2_event event;

	return radio_prepare(fd) ?: xioctl(fd, VIDIOC_DQEVENT, &event);
}

/* --- a frame grabber on PCI: no frame ever comes */

static long grabber_call(int fd)
{
	struct v4l2_capability cap;

	return xioctl(fd, VIDIOC_QUERYCAP, &cap);
}

static void grabber_works(int fd)
{
	struct v4l2_format f = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };

	ok_err(grabber_call(fd), 0, "what it can");
	ok(!xioctl(fd, VIDIOC_G_FMT, &f) && f.fmt.pix.width == 768, "its format");
}

static long grabber_read(int fd)
{
	char byte;

	return xread(fd, &byte, 1);
}

static const struct subject subjects[] = {
	{ "aspeed-p2a-ctrl", .driver = "platform/drivers/aspeed-p2a-ctrl",
	  .node = "/dev/aspeed-p2a-ctrl", .flags = O_RDWR, .works = p2a_works, .prepare = p2a_prepare,
	  .call = p2a_call, .map = 0x10000, .closed = p2a_closed,
	  .in = "aspeed_p2a_ioctl", .close = "" },
	{ "aspeed-lpc-ctrl", .driver = "platform/drivers/aspeed-lpc-ctrl",
	  .node = "/dev/aspeed-lpc-ctrl", .flags = O_RDWR, .works = lpc_ctrl_works,
	  .call = lpc_ctrl_call, .map = 0x10000, .in = "aspeed_lpc_ctrl_ioctl" },
	{ "aspeed-lpc-snoop", .driver = "platform/drivers/aspeed-lpc-snoop",
	  .node = "/dev/aspeed-lpc-snoop0", .works = snoop_works,
	  .call = read_byte, .sleep = read_byte, .polls = true,
	  .in = "snoop_file_read", .sleep_in = "KASAN" },
	{ "bt-bmc", .driver = "platform/drivers/ipmi-bt-host",
	  .node = "/dev/ipmi-bt-host", .flags = O_RDWR, .works = bt_works,
	  .call = bt_call, .sleep = bt_read, .polls = true,
	  .in = "bt_", .close = "bt_", .sleep_in = "KASAN" },
	{ "kcs_bmc_cdev_ipmi", .needs = "kcs_bmc kcs_bmc_aspeed",
	  .driver = "platform/drivers/ast-kcs-bmc",
	  .node = "/dev/ipmi-kcs1", .flags = O_RDWR, .works = kcs_works,
	  .call = kcs_call, .sleep = kcs_read, .polls = true,
	  .in = "", .close = "", .sleep_in = "KASAN" },
	{ "xilinx_sdfec", .driver = "platform/drivers/xilinx-sdfec",
	  .node = "/dev/xsdfec0", .flags = O_RDWR, .works = sdfec_works,
	  .call = sdfec_call, .polls = true, .in = "xsdfec_" },
	{ "xilinx-hwicap", .driver = "platform/drivers/icap",
	  .node = "/dev/icap0", .flags = O_RDWR, .works = hwicap_works,
	  .call = hwicap_call, .in = "hwicap_write", .holds = true, .stays = true },
	{ "axis-fifo", .params = "read_timeout=-1", .driver = "platform/drivers/axis_fifo",
	  .node = "/dev/axis_fifo*", .flags = O_RDWR, .works = fifo_works,
	  .call = fifo_call, .sleep = fifo_read, .in = "axis_fifo_write", .spins = true },
	{ "goldfish_pipe", .driver = "platform/drivers/goldfish_pipe",
	  .node = "/dev/goldfish_pipe", .flags = O_RDWR, .works = goldfish_works,
	  .call = goldfish_call, .sleep = read_byte, .polls = true,
	  .in = "", .close = "" },
	{ "pxa3xx-gcu", .driver = "platform/drivers/pxa3xx-gcu",
	  .node = "/dev/pxa3xx-gcu", .flags = O_RDWR, .works = gcu_works,
	  .call = gcu_call, .map = GCU_REGS, .map_at = GCU_SHARED, .in = "pxa3xx_gcu_mmap" },
	{ "radio-tea5764", .needs = "board-i2c", .driver = "i2c/drivers/radio-tea5764",
	  .node = "/dev/radio*", .flags = O_RDWR, .setup = radio_setup, .works = radio_works,
	  .call = radio_call, .sleep = radio_sleep, .polls = true,
	  .in = "v4l2_ioctl", .holds = true },
	{ "dt3155",
	  .needs = "videobuf2-common videobuf2-memops videobuf2-v4l2 videobuf2-dma-contig board-pci",
	  .driver = "pci/drivers/dt3155",
	  .node = "/dev/video*", .flags = O_RDWR, .works = grabber_works,
	  .call = grabber_call, .sleep = grabber_read, .polls = true,
	  .in = "v4l2_ioctl", .holds = true },
};

/* --- what is done to each of them */

static const struct subject *now;
static struct driver_test test;
static char device[128], node[128];

/* Video nodes have a new number while files of the old one are open. */
static bool find_node(void)
{
	glob_t g;
	bool found = !glob(now->node, 0, NULL, &g);

	if (found)
		snprintf(node, sizeof(node), "%s", g.gl_pathv[0]);
	globfree(&g);
	return found;
}

/* What a driver is bound to: a link in its directory. */
static bool find_device(const char *driver)
{
	struct dirent *e;
	char path[256];
	DIR *d;

	device[0] = 0;
	snprintf(path, sizeof(path), "/sys/bus/%s", driver);
	d = opendir(path);
	while (d && !device[0] && (e = readdir(d)))
		if (e->d_type == DT_LNK && strcmp(e->d_name, "module"))
			snprintf(device, sizeof(device), "%.*s", (int)sizeof(device) - 1, e->d_name);
	if (d)
		closedir(d);
	return device[0];
}

static bool load(const struct subject *s)
{
	char needs[128], *name, *save;

	snprintf(needs, sizeof(needs), "%s", s->needs ?: "");
	for (name = strtok_r(needs, " ", &save); name; name = strtok_r(NULL, " ", &save))
		if (!ok_err(insmod(name), 0, "insmod %s", name))
			return false;
	return ok_err(insmod_with(s->name, s->params), 0, "insmod %s", s->name) &&
	       (!s->setup || s->setup()) &&
	       ok(wait_for(find_node(), 5000), "there is a node") &&
	       ok(find_device(s->driver), "and a device");
}

static void unload(const struct subject *s)
{
	char name[64], *c;

	ok_err(driver_write(s->driver, "unbind", device), 0, "unbind");
	if (s->stays)
		return;
	snprintf(name, sizeof(name), "%s", s->name);
	for (c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	ok_err(rmmod(name), 0, "rmmod");
}

static void bind(void)
{
	ok_err(driver_write(now->driver, "bind", device), 0, "bind");
	ok(wait_for(find_node(), 5000), "the node is back");
}

static sigjmp_buf bus_error;

static void on_bus_error(int sig __unused)
{
	siglongjmp(bus_error, 1);
}

/* Is it there? */
static bool touch(volatile unsigned int *map)
{
	struct sigaction sa = { .sa_handler = on_bus_error }, was;
	bool there = false;

	sigaction(SIGBUS, &sa, &was);
	if (!sigsetjmp(bus_error, 1)) {
		(void)*map;
		there = true;
	}
	sigaction(SIGBUS, &was, NULL);
	return there;
}

/* KASAN on stock, in a function if that is known. Registers that are unmapped come with it. */
static void freed(const char *in)
{
	char ere[128];

	if (ours)
		return;
	kmsg("e2e: allow lib/logic_iomem.c");
	kmsg("e2e: allow KASAN: slab-use-after-free");
	snprintf(ere, sizeof(ere), "KASAN: slab-use-after-free%s%s", *in ? " in " : "", in);
	expect(ere);
}

static void freed_end(void)
{
	if (ours)
		return;
	expect_end();
	kmsg("e2e: allow-end");
	kmsg("e2e: allow-end");
}

static void t_works(const struct subject *s)
{
	int fd = xopen(node, s->flags);

	if (!ok(fd >= 0, "open"))
		return;
	s->works(fd);
	ok(close(fd) == 0, "close");
}

static void t_removal(const struct subject *s)
{
	struct epoll_event ev = { .events = EPOLLIN };
	void *map = NULL;
	int fd, ep, again;
	long ret;

	fd = xopen(node, s->flags | O_NONBLOCK);
	if (!ok(fd >= 0, "open") || (s->prepare && !ok_err(s->prepare(fd), 0, "prepare")))
		return;
	if (s->map) {
		map = mmap(NULL, s->map, PROT_READ | PROT_WRITE, MAP_SHARED, fd, s->map_at);
		if (!ok_err(map == MAP_FAILED ? -errno : 0, 0, "map it"))
			return;
		ok(touch(map), "it is there");
	}
	ep = epoll_create1(EPOLL_CLOEXEC);
	/* Stock would leave an entry in what is freed. */
	if (ours && s->polls)
		ok(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == 0, "arm epoll");
	if (!ours && s->holds)
		hold_open();
	if (!ok_unbind(s->driver, device))
		return;
	ok(wait_for(!exists(node), 2000), "the node has gone");
	if (s->map && ours)
		ok(!touch(map), "what was mapped has gone: SIGBUS");
	else if (s->map)
		ok(touch(map), "stock: what was mapped is still there");
	if (s->closed && ours)
		s->closed();

	freed(s->in);
	ret = s->call(fd);
	freed_end();
	if (ours)
		ok_err(ret, ENODEV, "a call");
	else
		ok(true, "stock: a call ran in freed memory: %s", ename(ret));
	if (s->polls && !s->holds) {
		if (!ours)
			kmsg("e2e: allow lib/logic_iomem.c");
		t_poll_after(fd, ep, "KASAN: slab-use-after-free");
		if (!ours)
			kmsg("e2e: allow-end");
	} else {
		close(ep);
	}
	if (!ours && s->holds)
		return;
	bind();
	if (ours) {
		ok_err(s->call(fd), ENODEV, "a call, the device being bound again");
		again = xopen(node, s->flags);
		ok(again >= 0, "open again, with the old file still open");
		close(again);
	}
	if (s->close)
		freed(s->close);
	if (map)
		munmap(map, s->map);
	ok(close(fd) == 0, "close");
	if (s->close)
		freed_end();
}

static void t_driver(const struct subject *s)
{
	bool loaded;

	diag("%s", s->name);
	now = s;
	/* On stock the next video driver meets what the last one has left behind. */
	if (!ours)
		kmsg("e2e: allow KASAN: slab-use-after-free in __video_register_device");
	loaded = load(s);
	if (!ours)
		kmsg("e2e: allow-end");
	if (!loaded)
		return;
	test = (struct driver_test) {
		.driver = s->driver, .device = device, .node = node, .flags = s->flags,
		.bind = bind, .prepare = s->prepare, .sleep = s->sleep, .call = s->call,
		.stock_sleep = s->sleep_in,
		.stock_close = s->close ? "KASAN: slab-use-after-free|lib/logic_iomem.c" : NULL,
	};
	t_works(s);
	t_removal(s);
	if (!ours && s->holds)
		return;
	if (s->spins && !ours) {
		skip("unbound while a task sleeps", "it would look at freed registers for ever");
	} else if (s->sleep) {
		/* On stock it looks at registers once more when it wakes. */
		if (!ours)
			kmsg("e2e: allow lib/logic_iomem.c");
		t_unbind_sleeper(&test);
		if (!ours)
			kmsg("e2e: allow-end");
	}
	if (!ours)
		return;
	t_unbind_again(&test, 4);
	unload(s);
}

int main(int argc, char **argv)
{
	size_t i;

	ours = is_ours();
	if (!ok_err(insmod("board-mmio"), 0, "insmod board-mmio"))
		return done("many-drivers");
	for (i = 0; i < ARRAY_SIZE(subjects); i++)
		if (argc < 2 || strstr(subjects[i].name, argv[1]))
			t_driver(&subjects[i]);
	if (ours)
		ok_no_leaks();
	return done("many-drivers");
}
