// SPDX-License-Identifier: GPL-2.0
/*
 * The same few steps on a driver as mainline has it and on a converted one
 *
 * Open, unbind, use, close: on the real driver hid-sensor-custom, unplugged by
 * closing its uhid device, and on the sample, unbound through sysfs. All on one
 * kernel, the patched one: the mainline driver is a module built from the
 * unpatched source. (The suite hid-sensor runs it on a stock kernel, too.)
 *
 * Each step prints one line "demo: COLUMN | OPERATION | RESULT" and is
 * bracketed in the kernel log, so that the harness can put KASAN's reports into
 * the same table. It only prints what it has just seen.
 */
#include "sample.h"
#include "uhid.h"

/* Columns of the table. */
static const char * const hid[] = {
	"hid-sensor-custom (mainline)", "hid-sensor-custom (cdevm)"
};

static const char * const sample[] = { "sample (devm)", "sample (cdevm)" };

#define HID	hid[fixed]
#define SAMPLE	sample[fixed]

/* The messages are about the driver with cdevm. */
static bool fixed;

static void begin(const char *column, const char *operation)
{
	kmsg("demo: begin %s %s", column, operation);
}

static void __printf(3, 4) end(const char *column, const char *operation,
			       const char *fmt, ...)
{
	va_list ap;

	kmsg("demo: end %s %s", column, operation);
	printf("demo: %s | %s | ", column, operation);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
}

/* At least one report has to match, from the driver without cdevm. */
static void bug(const char *column, const char *operation, const char *ere)
{
	begin(column, operation);
	if (!fixed)
		expect(ere);
}

static void bug_end(void)
{
	if (!fixed)
		expect_end();
}

/*
 * The same for the twin, where locks and the wait queue in the freed memory
 * make for more reports than those from the driver's own function.
 */
static void twin_bug(const char *operation)
{
	char ere[128];

	snprintf(ere, sizeof(ere), "KASAN: .*sample_%s\\+.*devm_sample",
		 strcmp(operation, "close") ? operation : "release");
	bug(SAMPLE, operation, ere);
	if (!fixed)
		expect("KASAN: slab-use-after-free");
}

static void twin_bug_end(void)
{
	bug_end();
	bug_end();
}

/* As a person would say it: "ENODEV", "5 bytes". */
static const char *said(long ret)
{
	static char text[32];

	if (ret < 0)
		return ename(ret);
	if (!ret)
		return "ok";
	snprintf(text, sizeof(text), "%ld byte%s", ret, ret == 1 ? "" : "s");
	return text;
}

static const char *events(long ret)
{
	static char text[64];

	if (ret < 0)
		return ename(ret);
	snprintf(text, sizeof(text), "%s%s%s%s",
		 ret & POLLIN ? "IN " : "", ret & POLLOUT ? "OUT " : "",
		 ret & POLLHUP ? "HUP " : "", ret & POLLERR ? "ERR " : "");
	if (!*text)
		return "nothing";
	text[strlen(text) - 1] = 0;
	return text;
}

/* --- the events of the sample's end */

#define TRACING "/sys/kernel/tracing/"

static void trace_on(void)
{
	/* It is opening it that empties it. */
	close(xopen(TRACING "trace", O_WRONLY | O_TRUNC));
	write_file(TRACING "events/resmgr/enable", "1");
}

/*
 * "  demo-30  [000] .....  1.234567: event: text bus=A driver=B mgr=C node=D": from
 * the time on, and without the driver and the addresses. The begin of each release
 * says it; the end would say it again.
 */
static void trace_print(const char *owner)
{
	char *text = read_file(TRACING "trace"), *line, *save, *at;

	write_file(TRACING "events/resmgr/enable", "0");
	if (!text)
		return;
	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (line[0] == '#' || !strstr(line, owner) ||
		    strstr(line, "release_end:"))
			continue;
		at = strstr(line, " bus=");
		if (at)
			*at = 0;
		at = strstr(line, "] ");
		/* After the CPU a word of flags, then the time. */
		at = at ? at + 2 : line;
		at += strcspn(at, " ");
		at += strspn(at, " ");
		printf("trace: %s\n", at);
	}
	fflush(stdout);
	free(text);
}

/* --- the real driver */

static void demo_hid(const char *module)
{
	struct sensor_sample got;
	struct sensor s;
	long ret;
	int fd;

	if (!ok_err(insmod(module), 0, "insmod %s", module))
		return;
	if (!fixed)
		expect_devm("HID-SENSOR-\\S+ \\(hid_sensor_custom_mainline\\)", "miscdevice");
	ret = sensor_plug(&s);
	if (!fixed)
		expect_devm_end();
	if (!ok_err(ret, 0, "plug in a sensor"))
		return;

	begin(HID, "open");
	fd = xopen(s.node, O_RDONLY | O_NONBLOCK);
	end(HID, "open", "%s", fd < 0 ? ename(fd) : "ok");
	if (fd < 0)
		return;
	sensor_deliver(&s, fd, 42);
	begin(HID, "read before");
	ret = xread(fd, &got, sizeof(got));
	end(HID, "read before", "%s", said(ret));

	begin(HID, "unbind");
	sensor_unplug(&s);
	end(HID, "unbind", "ok");

	bug(HID, "read", "KASAN: .*hid_sensor_custom_read");
	ret = xread(fd, &got, sizeof(got));
	bug_end();
	end(HID, "read", "%s", said(ret));
	ok(!fixed || ret == -ENODEV, "%s: read after unbind: %s", HID, said(ret));

	/* The driver has neither. The table still gets the row. */
	end(HID, "write", "not in this driver");
	end(HID, "ioctl", "not in this driver");

	bug(HID, "poll", "KASAN: .*hid_sensor_custom_poll");
	ret = poll_one(fd, 0);
	bug_end();
	end(HID, "poll", "%s", events(ret));
	ok(!fixed || (ret & (POLLHUP | POLLERR)) == (POLLHUP | POLLERR),
	   "%s: poll after unbind: %s", HID, events(ret));

	bug(HID, "close", "KASAN: .*hid_sensor_custom_release");
	ret = close(fd) ? -errno : 0;
	bug_end();
	end(HID, "close", "%s", said(ret));
	ok(!ret, "%s: close after unbind", HID);
}

/* --- the sample: two cdevs and a misc device */

/* The same operation on all three files, with one result if they agree. */
static void each(const int fd[NODES], const char *operation,
		 long (*call)(int fd), const char *(*say)(long ret),
		 bool (*right)(long ret))
{
	char text[128] = "", *first = NULL;
	bool same = true, good = true;
	int i;

	twin_bug(operation);
	for (i = 0; i < NODES; i++) {
		long ret = call(fd[i]);
		const char *s = say(ret);

		good &= right(ret);
		if (!first)
			first = strdup(s);
		same &= !strcmp(first, s);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
			 i ? ", " : "", s);
	}
	twin_bug_end();
	end(SAMPLE, operation, "%s", same ? first : text);
	ok(!fixed || good, "sample: %s after unbind: %s", operation, text);
	free(first);
}

static long call_read(int fd)
{
	char c;

	return xread(fd, &c, 1);
}

static long call_write(int fd)
{
	return xwrite(fd, "x", 1);
}

static long call_ioctl(int fd)
{
	struct sample_stats stats;

	return xioctl(fd, SAMPLE_IOC_GET_STATS, &stats);
}

static long call_poll(int fd)
{
	return poll_one(fd, 0);
}

static bool is_enodev(long ret)
{
	return ret == -ENODEV;
}

static bool is_hup(long ret)
{
	return (ret & (POLLHUP | POLLERR)) == (POLLHUP | POLLERR);
}

static void demo_sample(const struct sample *s)
{
	long ret, t0, freed0;
	int fd[NODES], i;
	char text[8];
	bool early;

	if (!ok_err(fixed ? insmod(s->name) : sample_insmod_twin(), 0, "insmod %s", s->name))
		return;
	if (!fixed)
		sample_hold(s);

	begin(SAMPLE, "open");
	ret = sample_open(s, fd);
	end(SAMPLE, "open", "%s", ret ? "ok" : "failed");
	if (!ret)
		return;
	begin(SAMPLE, "read before");
	xwrite(fd[0], "hello", 5);
	ret = xread(fd[2], text, sizeof(text));
	end(SAMPLE, "read before", "%s", said(ret));

	freed0 = sample_count(s, "frees");
	if (fixed)
		trace_on();
	begin(SAMPLE, "unbind");
	ret = sample_unbind(s);
	end(SAMPLE, "unbind", "%s", said(ret));

	each(fd, "read", call_read, said, is_enodev);
	each(fd, "write", call_write, said, is_enodev);
	each(fd, "ioctl", call_ioctl, said, is_enodev);
	each(fd, "poll", call_poll, events, is_hup);

	twin_bug("close");
	for (i = 0; i < NODES - 1; i++)
		close(fd[i]);
	early = sample_count(s, "frees") > freed0;
	ret = close(fd[NODES - 1]) ? -errno : 0;
	twin_bug_end();
	end(SAMPLE, "close", "%s", said(ret));

	begin(SAMPLE, "memory");
	t0 = now_ms();
	if (early)
		end(SAMPLE, "memory", "freed while a file was open");
	else if (wait_for(sample_count(s, "frees") > freed0, FREED_MS))
		end(SAMPLE, "memory", "freed after the last close");
	else
		end(SAMPLE, "memory", "not freed");
	ok(fixed == !early, "sample: memory %s before the last close", early ? "freed" : "kept");
	diag("waited %ld ms; DEBUG_KOBJECT_RELEASE delays it", now_ms() - t0);
	if (fixed)
		trace_print(s->name);
}

int main(void)
{
	int i;

	/* The table has them in this order; the twin comes last, see sample.h. */
	for (i = 0; i < 2; i++)
		printf("demo: %s | open |\n", hid[i]);
	for (i = 0; i < 2; i++)
		printf("demo: %s | open |\n", sample[i]);

	insmod_if_there("mfd-core");
	if (!ok_err(insmod("hid-sensor-hub"), 0, "insmod hid-sensor-hub"))
		return done("demo");

	fixed = false;
	demo_hid("hid-sensor-custom-mainline");
	ok_err(rmmod("hid_sensor_custom_mainline"), 0, "rmmod the mainline driver");
	fixed = true;
	demo_hid("hid-sensor-custom");
	demo_sample(&cdevm_sample);
	fixed = false;
	demo_sample(&devm_sample);
	return done("demo");
}
