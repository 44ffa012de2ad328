// SPDX-License-Identifier: GPL-2.0
/*
 * A GPIO chip goes while its lines are used by programs
 *
 * The chip is gpio-sim's. All kinds of files of gpiolib are open when its
 * driver is unbound: the node, a line request, and of the first version of the
 * interface a handle and an event. If gpiolib has an SRCU domain per chip, the
 * unbind waits for a task that sleeps in read() until an edge comes, which
 * never happens.
 */
#include "driver.h"

#include <linux/gpio.h>
#include <sys/mount.h>

#define CONFIG	"/sys/kernel/config/gpio-sim/e2e"
#define DRIVER	"platform/drivers/gpio-sim"
#define LINES	8

static char device[64], node[64];

static bool make_chip(void)
{
	char *text, name[51];

	mount("none", "/sys/kernel/config", "configfs", 0, NULL);
	if (mkdir(CONFIG, 0755) || mkdir(CONFIG "/bank", 0755) ||
	    write_file(CONFIG "/bank/num_lines", "8") ||
	    write_file(CONFIG "/live", "1"))
		return false;
	text = read_file(CONFIG "/dev_name");
	if (!text || sscanf(text, "%63s", device) != 1)
		return false;
	free(text);
	text = read_file(CONFIG "/bank/chip_name");
	if (!text || sscanf(text, "%50s", name) != 1)
		return false;
	free(text);
	snprintf(node, sizeof(node), "/dev/%s", name);
	return true;
}

/* After the chip was bound again: it may have another name. */
static bool find_node(void)
{
	unsigned int i;

	for (i = 0; i < 16; i++) {
		snprintf(node, sizeof(node), "/dev/gpiochip%u", i);
		if (exists(node))
			return true;
	}
	return false;
}

/* What the simulated wire does. */
static int pull(unsigned int line, const char *to)
{
	char path[192];

	snprintf(path, sizeof(path), "/sys/devices/platform/%s/%s/sim_gpio%u/pull",
		 device, node + sizeof("/dev/") - 1, line);
	return write_file(path, to);
}

/*
 * What stock may leak of the lines that are asked for here, each of which is in use
 * when its chip goes: see t_leaks().
 */
static unsigned int may_leak;

static int asked(long ret, int fd, bool edges)
{
	if (ret < 0)
		return ret;
	__atomic_fetch_add(&may_leak, edges ? 2 : 1, __ATOMIC_RELAXED);
	return fd;
}

static int request(int chip, unsigned int line, unsigned long long flags)
{
	struct gpio_v2_line_request req = {
		.offsets = { line },
		.num_lines = 1,
		.config.flags = flags,
		.consumer = "e2e",
	};
	long ret = xioctl(chip, GPIO_V2_GET_LINE_IOCTL, &req);

	return asked(ret, req.fd, flags & (GPIO_V2_LINE_FLAG_EDGE_RISING | GPIO_V2_LINE_FLAG_EDGE_FALLING));
}

static int request_v1(int chip, unsigned int line)
{
	struct gpiohandle_request req = {
		.lineoffsets = { line },
		.lines = 1,
		.flags = GPIOHANDLE_REQUEST_INPUT,
	};
	long ret = xioctl(chip, GPIO_GET_LINEHANDLE_IOCTL, &req);

	return asked(ret, req.fd, false);
}

static int request_event_v1(int chip, unsigned int line)
{
	struct gpioevent_request req = {
		.lineoffset = line,
		.handleflags = GPIOHANDLE_REQUEST_INPUT,
		.eventflags = GPIOEVENT_REQUEST_BOTH_EDGES,
	};
	long ret = xioctl(chip, GPIO_GET_LINEEVENT_IOCTL, &req);

	return asked(ret, req.fd, true);
}

static long get_value(int fd)
{
	struct gpio_v2_line_values v = { .mask = 1 };
	long ret = xioctl(fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &v);

	return ret < 0 ? ret : (long)(v.bits & 1);
}

static long set_value(int fd)
{
	struct gpio_v2_line_values v = { .mask = 1, .bits = 1 };

	return xioctl(fd, GPIO_V2_LINE_SET_VALUES_IOCTL, &v);
}

static long get_value_v1(int fd)
{
	struct gpiohandle_data v = { };
	long ret = xioctl(fd, GPIOHANDLE_GET_LINE_VALUES_IOCTL, &v);

	return ret < 0 ? ret : v.values[0];
}

static long watch(int chip, unsigned int line)
{
	struct gpio_v2_line_info info = { .offset = line };

	return xioctl(chip, GPIO_V2_GET_LINEINFO_WATCH_IOCTL, &info);
}

static long sleep_request(int fd)
{
	struct gpio_v2_line_event ev;

	return xread(fd, &ev, sizeof(ev));
}

static long sleep_event_v1(int fd)
{
	struct gpioevent_data ev;

	return xread(fd, &ev, sizeof(ev));
}

static long sleep_watch(int fd)
{
	struct gpio_v2_line_info_changed ev;

	return xread(fd, &ev, sizeof(ev));
}

struct unbinder {
	pthread_t thread;
	long ret;
	bool back;
};

static void *unbinder_thread(void *data)
{
	struct unbinder *u = data;

	u->ret = driver_write(DRIVER, "unbind", device);
	__atomic_store_n(&u->back, true, __ATOMIC_RELEASE);
	return NULL;
}

static bool unbinder_back(struct unbinder *u)
{
	return __atomic_load_n(&u->back, __ATOMIC_ACQUIRE);
}

static void t_sleepers(void)
{
	static const struct {
		const char *what;
		long (*sleep)(int fd);
	} how[] = {
		{ "a line request", sleep_request },
		{ "an event of the first version", sleep_event_v1 },
		{ "a watch of the lines", sleep_watch },
	};
	struct unbinder u = { };
	struct sleeper s;
	unsigned int i;
	int chip, fd;

	for (i = 0; i < ARRAY_SIZE(how); i++) {
		chip = xopen(node, O_RDWR);
		if (!ok(chip >= 0, "the node is opened"))
			return;
		fd = i == 0 ? request(chip, 0, GPIO_V2_LINE_FLAG_INPUT |
				      GPIO_V2_LINE_FLAG_EDGE_RISING) :
		     i == 1 ? request_event_v1(chip, 0) : chip;
		if (i == 2)
			ok(watch(chip, 0) == 0, "lines are watched");
		if (!ok(fd >= 0, "%s", how[i].what))
			return;
		ok(sleeper_start(&s, fd, 'S', how[i].sleep), "somebody sleeps in read() of it");
		memset(&u, 0, sizeof(u));
		pthread_create(&u.thread, NULL, unbinder_thread, &u);
		if (ours) {
			ok(wait_for(unbinder_back(&u), 20000), "unbind does not wait for an edge");
			ok(wait_for(sleeper_back(&s), 5000), "the sleeper wakes");
			ok_err(s.ret, ENODEV, "its read() says so");
		} else {
			ok(!wait_for(unbinder_back(&u), 5000),
			   "stock: unbind waits for an edge");
			ok(!sleeper_back(&s), "stock: and the sleeper sleeps on");
			sleeper_signal(&s);
			ok(wait_for(unbinder_back(&u), 20000),
			   "stock: a signal to the sleeper lets it go on");
		}
		pthread_join(s.thread, NULL);
		pthread_join(u.thread, NULL);
		ok_err(u.ret, 0, "unbound");
		if (fd != chip)
			close(fd);
		close(chip);
		ok_err(driver_write(DRIVER, "bind", device), 0, "bound again");
		if (!ok(find_node(), "and the chip is there: %s", node))
			return;
	}
}

/* All kinds of files are open, and used after the unbind. The same on both kernels. */
static void t_files(void)
{
	struct gpio_v2_line_info info = { .offset = 1 };
	struct gpiochip_info chip_info;
	int chip, in, out, v1, ev1;

	chip = xopen(node, O_RDWR | O_NONBLOCK);
	if (!ok(chip >= 0, "the node is opened"))
		return;
	in = request(chip, 0, GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_RISING |
		     GPIO_V2_LINE_FLAG_EDGE_FALLING);
	out = request(chip, 1, GPIO_V2_LINE_FLAG_OUTPUT);
	v1 = request_v1(chip, 2);
	ev1 = request_event_v1(chip, 3);
	ok(in >= 0 && out >= 0 && v1 >= 0 && ev1 >= 0, "lines of all kinds");
	ok(watch(chip, 4) == 0, "and one is watched");

	ok(get_value(in) == 0, "a line is low");
	ok(pull(0, "pull-up") == 0, "its wire is pulled up");
	ok(poll_one(in, 2000) & POLLIN, "there is an edge");
	ok(sleep_request(in) == sizeof(struct gpio_v2_line_event), "it is read");
	ok(get_value(in) == 1, "the line is high");
	ok(set_value(out) == 0, "another is set");
	ok(get_value_v1(v1) == 0 && get_value_v1(ev1) == 0, "those of the first version, too");
	ok(xioctl(chip, GPIO_V2_GET_LINEINFO_IOCTL, &info) == 0 &&
	   info.flags & GPIO_V2_LINE_FLAG_USED, "the node says who uses which");

	ok_unbind(DRIVER, device);

	ok_err(get_value(in), ENODEV, "a value of a line request");
	ok_err(set_value(out), ENODEV, "to set one");
	ok_err(get_value_v1(v1), ENODEV, "a value of a handle");
	ok_err(get_value_v1(ev1), ENODEV, "a value of an event");
	ok_err(sleep_request(in), ENODEV, "an edge");
	ok_err(sleep_event_v1(ev1), ENODEV, "an event");
	ok_err(sleep_watch(chip), ENODEV, "a change of a line");
	ok_err(xioctl(chip, GPIO_GET_CHIPINFO_IOCTL, &chip_info), ENODEV, "what chip it is");
	ok_err(request(chip, 5, GPIO_V2_LINE_FLAG_INPUT), ENODEV, "another line");
	ok((poll_one(in, 0) & (POLLHUP | POLLERR)) == (POLLHUP | POLLERR),
	   "poll() of a line request: POLLHUP | POLLERR");
	ok((poll_one(ev1, 0) & (POLLHUP | POLLERR)) == (POLLHUP | POLLERR),
	   "poll() of an event: POLLHUP | POLLERR");
	ok((poll_one(chip, 0) & (POLLHUP | POLLERR)) == (POLLHUP | POLLERR),
	   "poll() of the node: POLLHUP | POLLERR");
	close(in);
	close(out);
	close(v1);
	close(ev1);
	close(chip);
	ok_err(driver_write(DRIVER, "bind", device), 0, "bound again");
	ok(find_node(), "and the chip is there: %s", node);
}

static volatile bool stop;
static volatile unsigned long used;

static void *user_thread(void *unused __unused)
{
	int chip, in, out;

	while (!stop) {
		chip = find_node() ? xopen(node, O_RDWR | O_NONBLOCK) : -1;
		if (chip < 0) {
			sleep_ms(1);
			continue;
		}
		/*
		 * Do not request edges. gpiochip_remove() frees interrupts
		 * before it stops calls, on stock as well: one that is
		 * requested in between stays, and is freed twice later.
		 */
		in = request(chip, 0, GPIO_V2_LINE_FLAG_INPUT);
		out = request(chip, 1, GPIO_V2_LINE_FLAG_OUTPUT);
		watch(chip, 2);
		while (!stop && in >= 0 && out >= 0 &&
		       get_value(in) >= 0 && set_value(out) >= 0) {
			poll_one(in, 0);
			used++;
		}
		if (in >= 0)
			close(in);
		if (out >= 0)
			close(out);
		close(chip);
	}
	return NULL;
}

static void t_over_and_over(void)
{
	unsigned int i, bad = 0;
	pthread_t thread;

	pthread_create(&thread, NULL, user_thread, NULL);
	for (i = 0; i < 30; i++) {
		sleep_ms(i % 5 * 10);
		bad += driver_write(DRIVER, "unbind", device) != 0;
		bad += driver_write(DRIVER, "bind", device) != 0;
	}
	stop = true;
	pthread_join(thread, NULL);
	ok(!bad, "unbound and bound %u times", i);
	ok(used > 0, "in use: %lu times", used);
}

/*
 * What stock leaks, and ours does as well: a line that is in use when its chip goes
 * keeps its label and the name of its interrupt, and so do they when it is freed. How
 * many lines that are depends on the machine, but each has one of each at most.
 */
static void t_leaks(void)
{
	static const char leaks[] = "/sys/kernel/debug/kmemleak";
	char *text, *object, *next;
	unsigned int known = 0;

	if (!exists(leaks)) {
		skip("no other memory was leaked", "no kmemleak");
		return;
	}
	/* For what init finds later. */
	close(open("/tmp/known-leaks", O_WRONLY | O_CREAT, 0600));
	write_file("/tmp/known-leaks", "desc_set_label\nkstrdup_and_replace\n");
	kmsg("e2e: allow kmemleak: [0-9]+ new suspected");
	/*
	 * Each release is delayed by up to four seconds, one after another, and an
	 * object younger than five is not reported as a leak.
	 */
	sleep_ms(30000);
	ok_err(write_file(leaks, "scan"), 0, "kmemleak is on");
	sleep_ms(1000);
	write_file(leaks, "scan");
	kmsg("e2e: allow-end");
	text = read_file(leaks);
	for (object = text; object && *object; object = next) {
		next = strstr(object + 1, "unreferenced object");
		if (next)
			next[-1] = 0;
		if (strstr(object, "desc_set_label") || strstr(object, "kstrdup_and_replace"))
			known++;
		else
			ok(false, "memory was leaked: %s", object);
	}
	ok(text && known <= may_leak, "no other memory was leaked than on stock, which is labels: %u of %u",
	   known, may_leak);
	free(text);
	write_file(leaks, "clear");
}

int main(void)
{
	ours = is_ours();
	/*
	 * On both: when the chip goes, gpiolib frees the interrupts of its lines, and when
	 * the file of such a line is closed before the domain has gone, it does so again.
	 */
	kmsg("e2e: allow Trying to free already-free IRQ");
	if (!ok(make_chip(), "a chip of %u lines: %s, %s", LINES, device, node))
		return done("gpio");
	t_files();
	t_sleepers();
	t_over_and_over();
	ok(write_file(CONFIG "/live", "0") == 0, "the chip is taken away");
	ok(!rmdir(CONFIG "/bank") && !rmdir(CONFIG), "and forgotten");
	kmsg("e2e: allow-end");
	t_leaks();
	return done("gpio");
}
